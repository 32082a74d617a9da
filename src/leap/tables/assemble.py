"""Raw frames to AccountTables: every table through its shape's checks, those between tables, then the cut at D."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from leap.config import Settings, TableSpec
from leap.errors import SettingsError, SourceError, TableError
from leap.tables import between, values
from leap.tables.account_tables import LINEAGE, AccountTables, Table
from leap.tables.canonical import AT, END, KEY, KNOWN, ROW, START, canonical_table
from leap.tables.lineage import sources_of, unknown_accounts, without_contradictions
from leap.tables.oddities import odd_columns
from leap.tables.problems import Problem, examples_of


def assemble(
    settings: Settings,
    frames: Mapping[str, pd.DataFrame],
    problems: list[Problem],
    data_until: str | None,
    set_aside: Mapping[str, pd.DataFrame] | None = None,
    ready: Mapping[str, Table] | None = None,
    *,
    whole: bool = True,
    odd: bool = True,
) -> AccountTables:
    """The tables of a company from raw frames; rules that fail, quarantine or warn are in `problems`.

    Tables that are `ready` have been through the checks and are taken as they are. `whole`: these are all rows there
    are, not a few of a request, so that it can be told what is odd about a column or missing beside another table.
    Without `odd` it is not looked for what is odd, which takes a third of the time and changes no row.

    A frame's index says where its rows stand in the source. `set_aside` are rows that could not be read into it: their
    `rule`, their `text`, and their place as index, with a `remedy` for rules not known here; they count as read and
    quarantined. A table that fails has no rows.
    """
    _require_zone(settings)
    today = pd.Timestamp.now("UTC").tz_localize(None)
    tables: dict[str, Table] = {}
    quarantine: dict[str, pd.DataFrame] = {}
    for name, spec in sources_of(settings).items():
        if ready and name in ready:
            tables[name] = ready[name]
            continue
        raw = frames.get(name)
        if raw is None:
            tables[name] = Table(name, spec, _no_rows())
            continue
        aside = (set_aside or {}).get(name, pd.DataFrame())
        read = len(raw) + len(aside)
        canonical = canonical_table(name, spec, raw, settings, today)
        problems += [*_unread(name, aside, read), *canonical.problems]
        refused = pd.concat([canonical.quarantined, _numbered(aside)]) if len(aside) else canonical.quarantined
        if len(refused):
            quarantine[name] = refused.sort_values("row", kind="stable").reset_index(drop=True)
        failed = any(problem.level == "fail" for problem in canonical.problems)
        named = {*named_columns(spec), *canonical.rows.columns}
        left_out = tuple(column for column in canonical.columns if column not in named)
        tables[name] = Table(name, spec, _no_rows() if failed else canonical.rows, read, len(refused), left_out)
    lineage = tables.pop(LINEAGE, None) if settings.lineage is not None else None
    if lineage is not None and LINEAGE in frames:
        lineage, found, refused = without_contradictions(lineage, frames[LINEAGE])
        # What is said of events does not fit: a row that stands twice is refused here, not counted twice.
        problems[:] = [p for p in problems if p.table != LINEAGE or p.rule != "duplicate_row"]
        problems += [*found, *unknown_accounts(lineage, tables)]
        if len(refused):
            quarantine[LINEAGE] = pd.concat([quarantine.get(LINEAGE), refused], ignore_index=True)
    problems += [*_not_used(settings, frames), *between.currencies(settings, tables)]
    if whole:
        problems += between.no_margin(settings, frames)
    until = _data_until(settings, tables, data_until, today)
    if whole:
        given = data_until is not None or settings.company.data_until is not None
        problems += [*between.orphans(tables), *between.too_early(tables)]
        problems += [*between.ends_apart(tables, until, given), *between.ended_together(tables, until)]
        problems += [problem for table in tables.values() for problem in odd_columns(table)] if odd else []
    problems += between.empty(tables, problems)
    everything = AccountTables(settings, tables, until, tuple(problems), quarantine, lineage)
    return everything.known_before(until)


def _no_rows() -> pd.DataFrame:
    """A table of which nothing is used, typed as the cut in time and the index of accounts expect it."""
    return pd.DataFrame(
        {ROW: pd.Series(dtype="int64"), KEY: pd.Series(dtype=str), KNOWN: pd.Series(dtype="datetime64[us]")}
    )


def _numbered(aside: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {"rule": aside["rule"].to_numpy(), "row": aside.index.to_numpy() + 1, "_text": aside["text"].to_numpy()}
    )


_UNREAD = {
    "ragged_row": "These rows have more or fewer cells than the header; quote cells that hold the separator.",
    "nul_byte": "These rows hold NUL bytes, so the file is damaged there; export it again.",
}


def _unread(name: str, aside: pd.DataFrame, read: int) -> list[Problem]:
    """One problem for every rule by which rows could not be read."""
    if not len(aside):
        return []
    found = []
    for rule, rows in aside.groupby("rule"):
        share, remedy = len(rows) / read, _UNREAD.get(str(rule)) or str(rows["remedy"].iloc[0])
        found.append(Problem("quarantine", name, None, str(rule), len(rows), share, examples_of(rows["text"]), remedy))
    return found


def _require_zone(settings: Settings) -> None:
    try:
        ZoneInfo(settings.company.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"company.timezone: no time zone {settings.company.timezone!r}; expected a name such as Europe/Berlin."
        ) from None


def tables_from_records(
    settings: Settings,
    records: Mapping[str, Iterable[Mapping[str, Any]]],
    *,
    data_until: str | None = None,
    ready: Mapping[str, Table] | None = None,
) -> AccountTables:
    """Tables from rows given as dictionaries (as a request does), through the same checks as files.

    A table of the workspace that is not given is taken from `ready`, else empty; an unknown name is refused.
    """
    sources = sources_of(settings)
    unknown = sorted(set(records) - set(sources))
    if unknown:
        raise TableError(f"Unknown table(s) {unknown}; expected some of {sorted(sources)}.")
    frames = {}
    for name, spec in sources.items():
        rows = [dict(row) for row in records.get(name, ())]
        frame = pd.DataFrame(rows)
        if spec.key in frame.columns:
            # Beside a missing one a whole number would become a float, which cannot tell large ids apart.
            frame[spec.key] = pd.Series([row.get(spec.key) for row in rows], dtype=object)
        for column in named_columns(spec):
            # Rates hold from their period on; when they were published plays no part.
            if column not in frame.columns and not (spec.role == "rates" and column == spec.published != spec.period):
                frame[column] = pd.Series([None] * len(frame), dtype=object)
        frames[name] = frame
    used = {name: table for name, table in (ready or {}).items() if name not in records}
    tables = assemble(settings, frames, [], data_until, ready=used, whole=False)
    bad = [problem for problem in tables.problems if problem.level in ("fail", "quarantine")]
    if bad:
        raise TableError("; ".join(map(str, bad)), details=[problem.to_json() for problem in bad])
    return tables


def _data_until(
    settings: Settings, tables: Mapping[str, Table], given: str | None, today: pd.Timestamp
) -> pd.Timestamp:
    text = given or settings.company.data_until
    if text is not None:
        parsed, bad = values.moments(pd.Series([text]), settings.company.timezone)
        if bool(bad.any()) or parsed.isna().any():
            raise SourceError(f"data_until: expected a date such as 2026-10-02, found {text!r}.")
        until = pd.Timestamp(parsed.iloc[0])
        # A day more than tomorrow, for zones ahead of UTC.
        if until > today.floor("D") + pd.Timedelta(days=2):
            raise SourceError(
                f"data_until: {text!r} is later than tomorrow, so what it promises to know has not happened yet.",
                remedy="Give the day after the last export; what was open then would count as retained until this day.",
            )
        return until
    revenue = [table for table in tables.values() if table.spec.role == "revenue" or table.spec.shape == "snapshot"]
    for some in (revenue, list(tables.values())):
        known = [moment for table in some if (moment := _latest(table, today)) is not None]
        if known:
            return max(known).floor("D") + pd.Timedelta(days=1)
    return today.floor("D") + pd.Timedelta(days=1)


def _latest(table: Table, today: pd.Timestamp) -> pd.Timestamp | None:
    moments = [table.rows[c] for c in (START, END, AT) if c in table.rows]
    past = [m[m <= today].max() for m in moments if len(m)]
    past = [p for p in past if not pd.isna(p)]
    return max(past) if past else None


def named_columns(spec: TableSpec) -> list[str]:
    """The columns of a file that its declaration names."""
    named: list[str | None] = list(spec.columns)
    if spec.shape == "market":
        named += [spec.indicator, spec.period, spec.published, spec.value, spec.segment]
    else:
        named.append(spec.key)
    if spec.role == "notes":
        named += [spec.note, spec.owner, spec.about]
    if spec.shape == "periods":
        named += [spec.start, spec.end, spec.renews, spec.cancelled]
    if spec.role == "deals":
        named += [spec.created, spec.closed, spec.won]
        named += [spec.team, spec.origin, spec.discount]
    elif spec.shape in ("history", "events"):
        named.append(spec.at_column)
    if spec.shape == "snapshot":
        named += [spec.at, spec.outcome, spec.duration]
    named += [spec.known_at, spec.kind, spec.amount, spec.product, spec.quantity, spec.price, spec.currency]
    return [column for column in dict.fromkeys(named) if column is not None]


_COST_KINDS = {"acquisition", "service"}


def _not_used(settings: Settings, frames: Mapping[str, pd.DataFrame]) -> list[Problem]:
    """Settings that are read but not applied yet: saying nothing would look as if they were."""
    found = []
    for name in settings.with_role("revenue"):
        raw = frames.get(name, pd.DataFrame())
        beside = [str(column) for column in raw.columns if str(column).lower() == "currency"]
        if beside and settings.tables[name].currency is None:
            remedy = f"Its amounts are taken as {settings.company.currency}; add currency = {beside[0]!r} to the table."
            found.append(Problem("warn", name, beside[0], "currency_not_declared", len(raw), 1.0, (), remedy))
    for name in settings.with_role("costs"):
        raw = frames.get(name, pd.DataFrame())
        telling = [
            str(column) for column in raw.columns if settings.tables[name].kind is None and _tells_costs(raw[column])
        ]
        if telling:
            remedy = (
                f"All of it counts as spent to win customers; add kind = {telling[0]!r} to tell what serving them cost."
            )
            found.append(Problem("warn", name, telling[0], "cost_kind_not_declared", len(raw), 1.0, (), remedy))
    return found


def _tells_costs(column: pd.Series) -> bool:
    """Whether a column tells what was spent to win accounts from what was not."""
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return False
    kinds = set(column.dropna().astype(str).str.strip().str.lower().unique())
    return bool(kinds & _COST_KINDS) and len(kinds) > 1
