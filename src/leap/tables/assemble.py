"""Raw frames to AccountTables: every table through its shape's checks, those between tables, then the cut at D."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from leap.config import Settings, TableSpec
from leap.errors import SettingsError, SourceError, TableError
from leap.tables import values
from leap.tables.account_tables import LINEAGE, AccountTables, Table
from leap.tables.canonical import AMOUNT, AT, CURRENCY, END, INDICATOR, KEY, KNOWN, ROW, START, canonical_table
from leap.tables.lineage import sources_of, unknown_accounts, without_contradictions
from leap.tables.problems import Problem, examples_of

_MOST_EARLY = 0.2
"""Trials and implementation come before the first payment; more activity than this share is worth a look."""


def assemble(
    settings: Settings,
    frames: Mapping[str, pd.DataFrame],
    problems: list[Problem],
    data_until: str | None,
    set_aside: Mapping[str, pd.DataFrame] | None = None,
    ready: Mapping[str, Table] | None = None,
) -> AccountTables:
    """The tables of a company from raw frames; rules that fail, quarantine or warn are in `problems`.

    Tables that are `ready` have been through the checks and are taken as they are.

    A frame's index says where its rows stand in the source. `set_aside` are rows that could not be read into it: their
    `rule`, their `text`, and their place as index; they count as read and quarantined. A table that fails has no rows.
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
        named = {*_named_columns(spec), *canonical.rows.columns}
        left_out = tuple(column for column in dict.fromkeys(map(str, raw.columns)) if column not in named)
        tables[name] = Table(name, spec, _no_rows() if failed else canonical.rows, read, len(refused), left_out)
    lineage = tables.pop(LINEAGE, None) if settings.lineage is not None else None
    if lineage is not None and LINEAGE in frames:
        lineage, found, refused = without_contradictions(lineage, frames[LINEAGE])
        # What is said of events does not fit: a row that stands twice is refused here, not counted twice.
        problems[:] = [p for p in problems if p.table != LINEAGE or p.rule != "duplicate_row"]
        problems += [*found, *unknown_accounts(lineage, tables)]
        if len(refused):
            quarantine[LINEAGE] = pd.concat([quarantine.get(LINEAGE), refused], ignore_index=True)
    problems += [*_not_used(settings, frames), *_orphans(tables), *_currencies(settings, tables), *_too_early(tables)]
    problems += _empty(tables, problems)
    until = _data_until(settings, tables, data_until, today)
    problems += _ends_apart(tables, until)
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
        share, remedy = len(rows) / read, _UNREAD[str(rule)]
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
        frame = pd.DataFrame([dict(row) for row in records.get(name, ())])
        for column in _named_columns(spec):
            if column not in frame.columns:
                frame[column] = pd.Series([None] * len(frame), dtype=object)
        frames[name] = frame
    used = {name: table for name, table in (ready or {}).items() if name not in records}
    tables = assemble(settings, frames, [], data_until, ready=used)
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
        return pd.Timestamp(parsed.iloc[0])
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


def _orphans(tables: Mapping[str, Table]) -> list[Problem]:
    base = [table for table in tables.values() if table.spec.shape == "attributes" and len(table.rows)]
    if not base:
        return []
    known = set().union(*(set(table.rows[KEY]) for table in base))
    found = []
    for table in tables.values():
        if KEY not in table.rows or table.spec.shape == "attributes":
            continue
        orphan = table.rows[~table.rows[KEY].isin(known)]
        if len(orphan):
            names = ", ".join(t.name for t in base)
            remedy = f"These accounts stand in no attributes table ({names}); they are used without it."
            share = len(orphan) / table.rows_read
            found.append(
                Problem(
                    "warn", table.name, table.spec.key, "orphan", len(orphan), share, examples_of(orphan[KEY]), remedy
                )
            )
    return found


def _currencies(settings: Settings, tables: Mapping[str, Table]) -> list[Problem]:
    found = []
    rates = {c.upper() for t in tables.values() if t.spec.role == "rates" and len(t.rows) for c in t.rows[INDICATOR]}
    for table in tables.values():
        if CURRENCY not in table.rows or AMOUNT not in table.rows:
            continue
        foreign = table.rows[~table.rows[CURRENCY].isin(rates | {settings.company.currency})]
        if len(foreign):
            remedy = (
                f"Amounts in other currencies than {settings.company.currency} need a table with role 'rates' "
                "(indicator = currency, value = reporting units for one unit)."
            )
            found.append(
                Problem(
                    "fail",
                    table.name,
                    table.spec.currency,
                    "currency_without_rate",
                    len(foreign),
                    len(foreign) / table.rows_read,
                    examples_of(foreign[CURRENCY]),
                    remedy,
                )
            )
    return found


def _too_early(tables: Mapping[str, Table]) -> list[Problem]:
    """Events of customers that mostly happened before they were any: a sign of shuffled or wrongly joined data."""
    found = []
    paid = [table.rows for table in tables.values() if table.spec.role == "revenue" and START in table.rows]
    first = pd.concat(paid).groupby(KEY)[START].min() if paid else pd.Series(dtype="datetime64[us]")
    for table in tables.values():
        rows, spec = table.rows, table.spec
        if first.empty or spec.shape != "events" or spec.role is not None or spec.scope != "health" or not len(rows):
            continue
        early = rows[rows[AT] < rows[KEY].map(first)]
        if len(early) > _MOST_EARLY * len(rows):
            remedy = "This activity of customers happened before their first revenue; check the accounts of these rows."
            share, shown, rule = len(early) / table.rows_read, examples_of(early[KEY]), "before_first_revenue"
            found.append(Problem("warn", table.name, spec.at_column, rule, len(early), share, shown, remedy))
    return found


def _empty(tables: Mapping[str, Table], problems: list[Problem]) -> list[Problem]:
    failed = {problem.table for problem in problems if problem.level == "fail"}
    return [
        Problem("warn", name, None, "empty_table", 0, 0.0, (), "No rows are used from this table.")
        for name, table in tables.items()
        if not len(table.rows) and name not in failed
    ]


def _ends_apart(tables: Mapping[str, Table], until: pd.Timestamp) -> list[Problem]:
    found = []
    for name, table in tables.items():
        if AT not in table.rows or not len(table.rows) or table.spec.role is not None:
            continue
        last = table.rows[AT].max()
        days = abs((until - last).days)
        if days > 31:
            remedy = (
                f"It ends on {last:%Y-%m-%d}, {days} days from the end of the data ({until:%Y-%m-%d}); "
                "export all tables on one day."
            )
            found.append(
                Problem("warn", name, table.spec.at_column, "ends_apart", 1, 0.0, (f"{last:%Y-%m-%d}",), remedy)
            )
    return found


def without_columns(tables: AccountTables, columns: Iterable[tuple[str, str]]) -> AccountTables:
    """The same tables without some declared columns (those that the leakage audit names)."""
    dropped = set(columns)
    changed = {}
    for name, table in tables.tables.items():
        names = [column for column in table.spec.columns if (name, column) in dropped]
        spec = table.spec.model_copy(
            update={"columns": {c: s for c, s in table.spec.columns.items() if c not in names}}
        )
        changed[name] = replace(table, spec=spec, rows=table.rows.drop(columns=names, errors="ignore"))
    return replace(tables, tables=changed)


def _named_columns(spec: TableSpec) -> list[str]:
    named: list[str | None] = list(spec.columns)
    if spec.shape == "market":
        named += [spec.indicator, spec.period, spec.published, spec.value, spec.segment]
    else:
        named.append(spec.key)
    if spec.shape == "periods":
        named += [spec.start, spec.end, spec.renews, spec.cancelled]
    if spec.role == "deals":
        named += [spec.created, spec.closed, spec.won]
    elif spec.shape in ("history", "events"):
        named.append(spec.at_column)
    if spec.shape == "snapshot":
        named += [spec.at, spec.outcome]
    named += [spec.known_at, spec.kind, spec.amount, spec.product, spec.quantity, spec.currency]
    return [column for column in dict.fromkeys(named) if column is not None]


def _not_used(settings: Settings, frames: Mapping[str, pd.DataFrame]) -> list[Problem]:
    """Settings that are read but not applied yet: saying nothing would look as if they were."""
    found = []
    for name in settings.with_role("revenue"):
        raw = frames.get(name, pd.DataFrame())
        beside = [str(column) for column in raw.columns if str(column).lower() == "currency"]
        if beside and settings.tables[name].currency is None:
            remedy = f"Its amounts are taken as {settings.company.currency}; add currency = {beside[0]!r} to the table."
            found.append(Problem("warn", name, beside[0], "currency_not_declared", len(raw), 1.0, (), remedy))
    return found
