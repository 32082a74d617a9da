"""Which shape a table has: by its key, by the dates it has and by how often an account stands in it."""

from __future__ import annotations

import re

import pandas as pd

from leap.proposal.columns import Column, FileTable
from leap.proposal.guess import Guess, begin
from leap.proposal.keys import Key, is_about_accounts
from leap.proposal.reasons import OUTCOME
from leap.proposal.written import ISO, read_moments
from leap.tables import values

_START = (
    r"started_(on|at|date)", r"start_(date|at|on|time)", r"start",
    r"(subscription|contract|license|term|service|plan|membership|period|current_period|billing|coverage|"
    r"invoice_period)_"
    r"(start(ed)?|begin)(_date|_on|_at)?", r"(valid|effective|active)_(from|start)(_date)?", r"from_date|from",
    r"begin(s_on|_date)?", r"(activation|effective|commencement|go_live)_date|activated_(on|at)",
)  # fmt: skip
_END = (
    r"ended_(on|at|date)|ended", r"end_(date|at|on|time)", r"end",
    r"(subscription|contract|license|term|service|plan|membership|period|billing|coverage|"
    r"invoice_period)_"
    r"end(ed)?(_date|_on|_at)?", r"(valid|effective|active)_(to|until|till|end|through)(_date)?", r"to_date|to|until",
    r"expir(es|ed)?_?(on|at|y_date|ation_date|ation|date)|expir(y|ation|es)",
    r"(contract|subscription|license|plan|membership)_(expir(y|ation|es)(_date)?)",
    r"current_(period|term)_end(_date|_on|_at)?",
)  # fmt: skip
LEFT = (
    r"(churn(ed)?|cancell?(ed|ation)?|terminat(ed|ion)|closed|left|lost|deactivat(ed|ion)|inactive|offboard(ed|ing))_"
    r"(on|at|date|since|from|effective_date)", r"cancellation|churn_?date",
)  # fmt: skip
SINCE = (
    r"(customer|client|member|active|subscribed|paying)_since",
    r"(signup|sign_up|signed_up|joined|join|onboard(ed|ing)|"
    r"conversion|converted|won|first_(paid|payment|invoice|order|subscription))_?(on|at|date)?", r"since",
    r"(created|registered|registration|create)_?(on|at|date)?|createdate|signed_(on|at)|signed_date|(contract|"
    r"signing)_date",
)  # fmt: skip
_OBSERVED = (
    r"observed_(on|at)", r"as_of(_date)?", r"snapshot_?(date|on|at|month|day)?", r"survey(ed)?_(date|on|at)",
    r"recorded_(on|at)", r"(measured|scored|assessed|reviewed)_(on|at)",
    r"(report|reporting|reference|score|record)_date",
    r"fivetran_start",
)  # fmt: skip
_HAPPENED = (
    r"occurred_(on|at)", r"event_(date|time|at|timestamp)", r"timestamp|datetime|date|day|time",
    r"(invoice|order|purchase|booking|posting|issue|billing|payment|transaction|sale)_?(date|day|time|timestamp|"
    r"on|at)?",
    r"\w*(created|createdate|created_date)",
    r"(created|opened|submitted|requested|used|spent|ordered|paid|issued|invoiced|billed|logged|sent|received|visited|"
    r"booked|posted|raised|responded|answered|completed)_(on|at|date)",
    r"(usage|login|ticket|visit|case|call|meeting|activity|response|session|open|opening|request)_?(date|day|time)",
)  # fmt: skip
_NEVER_THE_TIME = (
    r"(^|_)(synced|updated|modified|loaded|ingested|inserted|closed?|last|due|first|trial|expected|resolved|"
    r"renewal|renews|"
    r"next|birth|expir\w+|churn\w*|cancel\w*|end|ended|published)(_|$)|closedate"
)
_KNOWN = (
    r"known_(at|on|from)",
    r"loaded_(at|on)",
    r"ingested_at",
    r"inserted_at",
    r"reported_(on|at)",
    r"first_seen_(on|at)",
)
_RENEWS = (r"(next_)?renew(s|al)(_on|_at|_date)?|renewal_due(_date)?|next_renewal",)
_CANCELLED = (
    r"cancell?(ed|ation)_(on|at|date)|cancellation|(notice|termination_notice|notice_given)_(on|at|date)|"
    r"churn_announced_(on|at)",
)
_MONTH = (
    r"(.+_)?(month|period)(_start|_date|_begin)?",
    r"as_of(_date)?|snapshot_?(date|month)?",
    r"date|day",
    r".+_date",
)
_SEVERAL_AT_ONCE = r"(^|_)(deals?|opportunit(y|ies)|tickets?|cases?|subscriptions?|invoices?|contacts?)(_|$)"
_STATES = (
    r"(^|_)(nps|csat|surveys?|health(_scores?)?|scores?|ratings?|profiles?|snapshots?|firmographics?|history|states?|"
    r"enrichment|reviews?|panel|monthly|assessments?)(_|$)"
)
_TERM = (
    r"(term|contract_term|contract_length|duration|commitment|minimum_term|length)(_in)?(_(months?|years?|"
    r"days?))?|term_length|months?"
)
_LEFT_WORDS = ("churned", "churn", "left", "lost", "exited", "cancelled", "canceled", "attrited customer", "terminated")
_MOST_STATES = 6
_ONE_LOAD = pd.Timedelta(days=31)
_PART_OF_OWN_TIME = 0.25
"""Days of loading that span less than this of what the rows are about are those of a copy."""


def dated(file: FileTable, key: Key) -> Guess | str | None:
    """Periods, history or events, by the dates there are; None if there are none."""
    start, end = _start_and_end(file)
    observed = file.named(*_OBSERVED, looks=("date",))
    if start and end and not (observed and "fivetran" in file.columns[observed].plain):
        guess = begin(file, "periods", key.column, f"{start} and {end} are a start and an end", key.why)
        _say_period(guess, start, end)
    elif observed or _is_state(file, key):
        moment = observed or str(_moment(file))
        if re.search(_SEVERAL_AT_ONCE, file.subject) and "fivetran" in file.columns[moment].plain:
            return "an account has several of these at once, and a history holds one state of an account at a time"
        guess = _history_or_events(file, key, moment)
    elif (happened := _moment(file)) is not None and not _lists_accounts(file, key):
        guess = begin(file, "events", key.column, f"{happened} says when something happened", key.why)
        guess.say("at", happened)
    else:
        return _without_end(file, start) if start and not _lists_accounts(file, key) else None
    if guess.shape == "events" and start and not end and (why := _without_end(file, start)) is not None:
        return why
    known = file.named(*_KNOWN, looks=("date",))
    if known not in (guess.of("at"), guess.of("start")):
        _say_known(guess, known, "when a row could be known")
    return guess


def _say_known(guess: Guess, known: str | None, why: str) -> None:
    """`known_at`, unless its days are those of one load of the whole table, before which nothing would be known."""
    if known is None:
        return
    guess.say("known_at", known, why)
    loaded, own = guess.moments("known_at").dropna(), guess.moments("at" if "at" in guess.keys else "start").dropna()
    enough = max(_ONE_LOAD, (own.max() - own.min()) * _PART_OF_OWN_TIME) if len(own) else _ONE_LOAD
    if len(loaded) and loaded.max() - loaded.min() < enough:
        del guess.keys["known_at"]
        guess.left_out[known] = (
            f"all rows were loaded from {loaded.min():%Y-%m-%d} to {loaded.max():%Y-%m-%d}: when the table was "
            "copied, not when a row could be known"
        )


def _start_and_end(file: FileTable) -> tuple[str | None, str | None]:
    """The first start and the first end that are different columns; what only says that one left is a last resort."""
    starts = (name for name in file.all_named(*_START, looks=("date",)) if not _stands_for_unknown(file, name))
    start, end = next(starts, None), file.named(*_END, looks=("date", "empty"))
    of_billing = end is not None and re.match("current_(period|term)_end", file.columns[end].english)
    if start is not None and (end is None or of_billing):
        # What is billed up to now ends on open terms too; when one left says more.
        end = file.named(*LEFT, looks=("date", "empty")) or end
    return start, end if end != start else None


def _stands_for_unknown(file: FileTable, column: str) -> bool:
    """Whether all its dates are such as 1900-01-01, which warehouses write where the true one is not known."""
    column_forms = file.columns[column].forms
    parsed = read_moments(pd.Series(file.distinct(column)), column_forms[0] if column_forms else ISO).dropna()
    return len(parsed) > 0 and bool((values.is_unknown(parsed) | values.is_sentinel(parsed)).all())


def _say_period(guess: Guess, start: str, end: str) -> None:
    file = guess.file
    guess.say("start", start)
    by_leaving = re.fullmatch("|".join(LEFT), file.columns[end].english)
    why = "check: the only date that may be an end; empty = still open" if by_leaving else "empty = still open"
    guess.say("end", end, why)
    renews, cancelled = file.named(*_RENEWS, looks=("date",)), file.named(*_CANCELLED, looks=("date",))
    guess.say("renews", renews if renews != end else None, "by its name; known from the start")
    guess.say("cancelled", cancelled if cancelled != end else None, "by its name: when leaving became known")
    starts, ends = guess.moments("start"), guess.moments("end")
    follow = pd.DataFrame({"key": values.as_text(file.full(str(guess.of("key")))), "start": starts, "end": ends})
    follow = follow.sort_values(["key", "start"])
    days = (follow["start"] - follow["end"].groupby(follow["key"]).shift()).dt.days
    if len(days.dropna()) >= 5 and (days.dropna() == 1).mean() > 0.5:
        guess.notes.append(
            f"Check: most terms start a day after the one before ended, so {end} may be the last day. An end is "
            f"the first "
            "day without; figures as of the first of a month differ by this only where a term starts on it."
        )


def _without_end(file: FileTable, start: str) -> str | None:
    """What to say of terms that have a start and an amount but no end."""
    term = file.named(_TERM, looks=("number", "constant"))
    recurring = re.search(
        r"(^|_)(subscriptions?|contracts?|licen[sc]es?|plans?|memberships?|agreements?)(_|$)", file.subject
    )
    if term is not None:
        unit = "years" if "year" in file.columns[term].english else "months"
        return (
            f"it starts ({start}) and has a term ({term}) but no end: add a column such as ended_on, which is "
            f"{start} + {term} "
            f"{unit} where it was not renewed and empty where it still runs; then run init again"
        )
    if recurring:
        return (
            f"it starts ({start}) but has no end, so who left cannot be seen: add a column such as ended_on, "
            f"empty where it "
            "still runs; then run init again"
        )
    return None


def _is_state(file: FileTable, key: Key) -> bool:
    """Whether rows are states of an account (surveys, scores) rather than things that happen."""
    return bool(re.search(_STATES, file.subject)) and _moment(file) is not None and not _lists_accounts(file, key)


def _history_or_events(file: FileTable, key: Key, moment: str) -> Guess:
    pairs = pd.DataFrame({"key": values.as_text(file.reading.frame[key.column]), "at": file.reading.frame[moment]})
    if pairs.duplicated().mean() <= 0.001:
        guess = begin(
            file, "history", key.column, f"{moment} says from when on a row held, one row an account and date", key.why
        )
    else:
        why = f"{moment} is a date, and an account has several rows on one: no state but several answers"
        guess = begin(file, "events", key.column, why, key.why)
    guess.say("at", moment)
    return guess


def _lists_accounts(file: FileTable, key: Key) -> bool:
    return file.is_unique(key.column) and is_about_accounts(file)


def _moment(file: FileTable) -> str | None:
    named = file.named(*_HAPPENED, looks=("date",))
    if named is not None and not re.search(_NEVER_THE_TIME, file.columns[named].english):
        return named
    return next(
        (c.name for c in file.columns.values() if c.looks == "date" and not re.search(_NEVER_THE_TIME, c.english)), None
    )


def month_column(file: FileTable) -> str | None:
    """A column of dates of which all are the first, or all the last, day of a month."""
    for name in file.all_named(*_MONTH, looks=("date",)):
        column = file.columns[name]
        if column.forms in (("?",), ()):
            return name
        parsed = read_moments(pd.Series(file.distinct(name)), column.forms[0]).dropna()
        firsts, lasts = parsed.dt.day == 1, parsed.dt.is_month_end
        if len(parsed) > 1 and (bool(firsts.all()) or bool(lasts.all())):
            return name
    return None


def outcome_of(file: FileTable) -> str | None:
    """The column with the outcome of a flat table: by its name, or a status of which a value says that one left."""
    named = file.named(OUTCOME, looks=("boolean", "number", "text", "constant"))
    if named is not None:
        return named
    for name in file.all_named(r"(customer_|account_|client_|subscriber_)?(status|state|outcome)", looks=("text",)):
        several = 2 <= file.columns[name].distinct <= _MOST_STATES
        if several and any(str(value).lower() in _LEFT_WORDS for value in file.distinct(name)):
            return name
    return None


def snapshot(file: FileTable, outcome: str, key: Key | None) -> Guess:
    """A flat table with an outcome of its own."""
    guess = Guess(file, "snapshot")
    dates = file.named(*_OBSERVED, looks=("date",)) or (
        None if key is None or file.is_unique(key.column) else _moment(file)
    )
    several = dates is not None and key is not None and not file.is_unique(key.column)
    shape = "one row an account and date" if several else "one flat table"
    guess.say("shape", "snapshot", f"{shape} with an outcome, {outcome}")
    guess.say("source", file.source, f"{len(file.parts)} files" if file.parts else "")
    why = "no column names the account, so rows are numbered: their order must not change"
    guess.say("key", key.column if key else "_row", key.why if key else why)
    guess.say("at", dates, "when the rest of the row was known")
    guess.say("outcome", outcome, "by its name")
    _say_positive(guess, file.columns[outcome])
    if "at" not in guess.keys:
        guess.notes.append("No date says when a column was known: all are taken as known before the outcome.")
    return guess


def _say_positive(guess: Guess, outcome: Column) -> None:
    """Which value of the outcome means that the account left, unless they are 0 and 1."""
    distinct = sorted(guess.file.distinct(outcome.name))
    plain = not values.truths(pd.Series(distinct))[1].any() and not set(distinct) & {"Yes", "No", "yes", "no"}
    if plain:
        return
    said = (*_LEFT_WORDS, "yes", "true", "1", "1.0", "ja", "oui", "si", "sí")
    positive = next((w for w in distinct if w.lower() in said), None)
    shown = f"the values are {', '.join(distinct[:5])}"
    guess.say("outcome_positive", positive or distinct[-1], shown if positive else f"check: {shown}")


def attributes(file: FileTable, key: Key) -> Guess | str:
    """One row per account and no date; of several files with the same accounts the latest is used."""
    column = file.columns[key.column]
    if file.is_unique(key.column) or column.present == 1 or _nearly_unique(file, column):
        guess = begin(file, "attributes", key.column, "one row per account and no date of its own", key.why)
        known = file.named(*_KNOWN, looks=("date",))
        _say_known(guess, known, "by its name: before that day the account is not known")
        return guess
    if file.parts and len(file.distinct(key.column)) >= 0.5 * file.rows / len(file.parts):
        guess = begin(file, "attributes", key.column, "one row per account in each file", key.why)
        folder = file.source.rsplit("/", 1)[0] + "/" if "/" in file.source else ""
        guess.say("source", folder + file.parts[-1], "the latest of the files, by its name")
        guess.notes.append(
            f"{', '.join(file.parts[:6])} hold the same accounts at different times, but no column says when: "
            f"only the latest "
            "is used. With a column of the date (observed_on) in each they could be one history."
        )
        return guess
    return (
        f"it has several rows for one {key.column} and no date that says when they held: add one (such as observed_on)"
    )


def _nearly_unique(file: FileTable, key: Column) -> bool:
    """A list of accounts with a few keys twice: these rows are quarantined by the check, and said there."""
    return is_about_accounts(file) and not file.parts and len(file.distinct(key.name)) >= 0.9 * file.rows
