"""Tables that cannot be used as they are: people, calendars, lookups, maps, merges; each with a remedy."""

from __future__ import annotations

import re

from leap.proposal.columns import FileTable
from leap.proposal.keys import Key, candidates_of, is_about_accounts, leads_to, linked
from leap.proposal.reasons import TELLS_OUTCOME
from leap.proposal.shapes import outcome_of

_PEOPLE = (
    r"(^|_)(users?|contacts?|people|persons?|employees?|staff|team_members?|account_managers?|reps?|owners?|agents?|"
    r"subscribers_list|recipients?)$"
)
_OF_A_PERSON = (r"first_name|given_name|forename", r"last_name|surname|family_name", r"(.+_)?e_?mail(_address)?")
_COMPANY = r"(company|organi[sz]ation|account|business|firm)(_name)?"
"""A list of customers with this names companies, and a person only to reach each."""
_OF_A_DATE = (
    r"(.+_)?(year|month|quarter|week|weekday|week_?day|day|day_of_(week|month|year)|day_name|month_name|is_weekend|"
    r"is_holiday|holiday|weekend|month_number|week_number|iso_week|is_business_day)|fiscal\w*|(start|"
    r"end)_of_(month|week|year)"
)
_OLD = (r"(old|former|previous|prev|merged|duplicate|loser|from|predecessor)(_\w*)?", r"account_id")
_NEW = (
    r"is_now|(new|surviving|survivor|winner|master|current|target|to|into|successor)(_\w*)?|merged_(into|to|"
    r"with)(_\w*)?",
)
_MERGED_ON = (r"from_date", r"(merged|changed|effective|renamed|valid)_(on|at|from|date)", r"date|day|since|timestamp")
_LINEAGE = r"(^|_)(lineage|merge[sd]?|mergers?|renam\w+|successions?|duplicates?)(_|$)"
_CODE = r"[A-Za-z]{3}"
_MOVES = {"new", "expansion", "contraction", "churn", "reactivation", "upgrade", "downgrade", "churned", "cancel"}


def people_tables(files: list[FileTable]) -> set[str]:
    """Tables whose rows are people."""
    return {file.name for file in files if _is_of_people(file)}


def _is_of_people(file: FileTable) -> bool:
    first, last, email = (file.named(pattern) for pattern in _OF_A_PERSON)
    mail = email is not None and file.columns[email].has_at_signs
    if is_about_accounts(file) and (not (first and last) or file.named(_COMPANY)):
        return False
    return bool((first and last) or (re.search(_PEOPLE, file.subject) and (mail or first or last or _has_own_id(file))))


def _has_own_id(file: FileTable) -> bool:
    own = file.named(r"id", r"(user|contact|person|employee|member|agent|owner)_id")
    return own is not None and file.is_unique(own)


def merges(file: FileTable) -> tuple[bool, str] | None:
    """Whether merged accounts stand in the columns of [lineage], and what to rename; None if they do not stand here."""
    now = file.named(*_NEW, looks=("text", "number"))
    old = next((name for name in file.all_named(*_OLD, looks=("text", "number")) if name != now), None)
    if now is None or old is None or len(file.columns) > 6:
        return None
    both = file.columns[old], file.columns[now]
    told = re.search(_LINEAGE, file.subject) or re.match(r"(old|merged|former|previous)", both[0].english)
    if not told or both[0].looks != both[1].looks or any(column.distinct < 1 for column in both):
        return None
    on = file.named(*_MERGED_ON, looks=("date",))
    wanted = {"account_id": old, "is_now": now, "from_date": on}
    renamed = [f"{column} to {name}" for name, column in wanted.items() if column is not None and column != name]
    missing = "" if on else "; add from_date, the day from which it held"
    fits = not renamed and on is not None and file.source.endswith(".csv") and not file.columns[str(on)].odd_dates
    if fits:
        return True, ""
    remedy = f"rename {', '.join(renamed)}" if renamed else "give it as CSV with ISO dates"
    return False, f"{remedy}{missing}, then add [lineage] with source to leap.toml"


def why_unfit(file: FileTable, files: list[FileTable], keys: dict[str, Key], people: set[str]) -> str | None:
    """Why a table cannot be used, with what to do; None if nothing speaks against it."""
    key = keys.get(file.name)
    if file.name in people:
        return (
            "its rows are people, and scores and profiles are about companies; "
            "what they do counts as events with the account of each row"
        )
    if _is_calendar(file):
        return "a calendar: it holds no account, and what it says of a date is known from the date"
    if (moves := _are_movements(file)) is not None:
        return moves
    if (ids := _map_of_ids(file)) is not None:
        shown = ", ".join(ids)
        return f"a map of identifiers ({shown}): it is no fact about accounts; join it into the tables that need it"
    route = leads_to(file, files, keys) if key is None or key.share is None else None
    if route is not None:
        column, other, _ = route
        what = "no column names the account" if key is None else f"no value of {key.column} is an account elsewhere"
        lends = keys[other.name].column
        return f"{what}; {column} leads to {other.name}: add its {lends} to this file, then run init again"
    if key is None:
        return _without_account(file, files)
    of_all = outcome_of(file) is not None and file.is_unique(key.column)
    if re.search(TELLS_OUTCOME, file.subject) and not is_about_accounts(file) and not of_all:
        return "its rows are written because an account left: they are the outcome, not a sign of it"
    return None


def _is_calendar(file: FileTable) -> bool:
    dates = [column for column in file.columns.values() if column.looks == "date" and column.unique]
    parts = [column for column in file.columns.values() if re.fullmatch(_OF_A_DATE, column.english)]
    return bool(dates) and len(parts) >= 2 and len(parts) >= 0.5 * (len(file.columns) - 1)


def _are_movements(file: FileTable) -> str | None:
    """Changes of MRR instead of MRR: kinds such as new and churn with signed amounts."""
    kind = file.named(r"(movement|change|mrr|event)?_?(type|kind|category|movement|change)", looks=("text",))
    delta = file.named(
        r"\w*(delta|change|diff\w*|movement)(_amount|_mrr|_value)?|(delta|change|net_new)_\w+", looks=("number",)
    )
    if kind is None or delta is None or not {v.lower() for v in file.distinct(kind)} & _MOVES:
        return None
    return (
        f"{delta} is a change of MRR, not the MRR: sum it by account up to each date and give each sum as a period "
        "(start, end, mrr), then run init again"
    )


def _map_of_ids(file: FileTable) -> list[str] | None:
    """The identifier columns of a table that holds hardly anything else."""
    ids = [c.column for c in candidates_of(file) if c.column.unique and c.column.present > 2]
    others = [c for c in file.columns.values() if c not in ids and c.looks not in ("constant", "empty", "date")]
    named = [c for c in ids if re.search(r"(^|_)(id|uuid|guid|key|number|no|code|ref)(_|$)", c.english)]
    is_map = re.search(r"(^|_)(map|mapping|xref|crosswalk|bridge|links?|matching|ids)(_|$)", file.subject)
    if len(named) >= 2 and not others and (is_map or len(named) == len(file.columns)):
        return [column.name for column in named]
    return None


def _without_account(file: FileTable, files: list[FileTable]) -> str:
    if (wide := _wide_market(file)) is not None:
        return wide
    for candidate in candidates_of(file):
        users = [
            (other, there.column)
            for other in files
            if other is not file and file.is_unique(candidate.column.name)
            for there in candidates_of(other)
            if not other.is_unique(there.column.name)
            and _same_thing(candidate.column.english, there.column.english, file)
            and linked(there, candidate) is not None
        ]
        if users:
            other, column = users[0]
            return (
                f"a lookup of {candidate.column.name}, which names no account: add its columns to {other.name} "
                f"by {column.name} if they matter, then run init again"
            )
    return "no column names the account (such as account_id or customer_id): add one, then run init again"


def _same_thing(unique: str, there: str, file: FileTable) -> bool:
    return unique == there or unique in ("id", "code", "key", "name") or there.startswith(file.subject.rstrip("s"))


def _wide_market(file: FileTable) -> str | None:
    """One row a date and a figure in every column."""
    dates = [c for c in file.columns.values() if c.looks == "date" and c.unique]
    figures = [c.name for c in file.columns.values() if c.looks == "number"]
    if not dates or len(figures) < 1 or len(figures) + len(dates) < 0.6 * len(file.columns):
        return None
    shown = ", ".join(figures[:3]) + (", …" if len(figures) > 3 else "")
    return (
        f"it has a figure in every column ({shown}) by {dates[0].name} and no account, as a market has: give it "
        f"as rows of "
        "indicator, period, published_at and value (UNPIVOT in SQL, melt in pandas), then run init again"
    )


def is_code(distinct: object) -> bool:
    """Whether all values are codes of three letters, as currencies have."""
    return all(re.fullmatch(_CODE, str(value)) for value in list(distinct)) and bool(len(list(distinct)))  # type: ignore[call-overload]
