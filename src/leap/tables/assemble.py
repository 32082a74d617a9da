"""Raw frames to AccountTables: every table through its shape's checks, then the checks between tables, then the cut at D."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from leap.config import Settings, TableSpec
from leap.errors import SourceError, TableError
from leap.tables import values
from leap.tables.account_tables import AccountTables, Table
from leap.tables.canonical import AMOUNT, AT, CURRENCY, END, INDICATOR, KEY, START, canonical_table
from leap.tables.problems import Problem, examples_of


def assemble(
    settings: Settings, frames: Mapping[str, pd.DataFrame], problems: list[Problem], data_until: str | None
) -> AccountTables:
    """The tables of a company from raw frames; rules that fail, quarantine or warn are in `problems`."""
    today = pd.Timestamp.now("UTC").tz_localize(None)
    tables: dict[str, Table] = {}
    quarantine: dict[str, pd.DataFrame] = {}
    for name, raw in frames.items():
        spec = settings.tables[name]
        try:
            canonical = canonical_table(name, spec, raw, settings, today)
        except TableError as error:
            problems.append(Problem("fail", name, None, "table_refused", len(raw), 1.0, (), str(error)))
            continue
        problems += canonical.problems
        if len(canonical.quarantined):
            quarantine[name] = canonical.quarantined
        left_out = tuple(
            str(c) for c in raw.columns if c not in _named_columns(spec) and c not in canonical.rows.columns
        )
        tables[name] = Table(name, spec, canonical.rows, len(raw), len(canonical.quarantined), left_out)
    problems += [*_orphans(tables), *_currencies(settings, tables), *_empty(tables)]
    until = _data_until(settings, tables, data_until, today)
    problems += _ends_apart(tables, until)
    everything = AccountTables(settings, tables, until, tuple(problems), quarantine)
    return everything.known_before(until)


def tables_from_records(
    settings: Settings, records: Mapping[str, Iterable[Mapping[str, Any]]], *, data_until: str | None = None
) -> AccountTables:
    """Tables from rows given as dictionaries (as a request does), through the same checks as files.

    A table of the workspace that is not given is empty; a name the workspace does not know is refused.
    """
    unknown = sorted(set(records) - set(settings.tables))
    if unknown:
        raise TableError(f"Unknown table(s) {unknown}; expected some of {sorted(settings.tables)}.")
    frames = {}
    for name, spec in settings.tables.items():
        frame = pd.DataFrame([dict(row) for row in records.get(name, ())])
        for column in _named_columns(spec):
            if column not in frame.columns:
                frame[column] = pd.Series([None] * len(frame), dtype=object)
        frames[name] = frame
    tables = assemble(settings, frames, [], data_until)
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
    latest = [_latest(table, today) for table in (revenue or tables.values())]
    known = [moment for moment in latest if moment is not None]
    return (max(known) if known else today).floor("D") + pd.Timedelta(days=1)


def _latest(table: Table, today: pd.Timestamp) -> pd.Timestamp | None:
    moments = [table.rows[c] for c in (START, END, AT) if c in table.rows]
    past = [m[m <= today].max() for m in moments if len(m)]
    past = [p for p in past if not pd.isna(p)]
    return max(past) if past else None


def _orphans(tables: Mapping[str, Table]) -> list[Problem]:
    base = [table for table in tables.values() if table.spec.shape == "attributes"]
    if not base:
        return []
    known = set().union(*(set(table.rows[KEY]) for table in base))
    found = []
    for table in tables.values():
        if KEY not in table.rows or table.spec.shape == "attributes":
            continue
        orphan = table.rows[~table.rows[KEY].isin(known)]
        if len(orphan):
            remedy = f"These accounts stand in no attributes table ({', '.join(t.name for t in base)}); they are used without it."
            share = len(orphan) / table.rows_read
            found.append(
                Problem(
                    "warn", table.name, table.spec.key, "orphan", len(orphan), share, examples_of(orphan[KEY]), remedy
                )
            )
    return found


def _currencies(settings: Settings, tables: Mapping[str, Table]) -> list[Problem]:
    found = []
    rates = {c.upper() for t in tables.values() if t.spec.role == "rates" for c in t.rows[INDICATOR]}
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


def _empty(tables: Mapping[str, Table]) -> list[Problem]:
    return [
        Problem("warn", name, None, "empty_table", 0, 0.0, (), "No rows are used from this table.")
        for name, table in tables.items()
        if not len(table.rows)
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
