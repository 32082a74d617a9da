"""From the rows of a file to canonical rows: keys and moments typed, every refused row kept with the rule it broke."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leap.config import Settings, TableSpec
from leap.errors import TableError
from leap.tables import values
from leap.tables.problems import Level, Problem, examples_of

KEY, KNOWN, ROW = "_account_id", "_known_at", "_row"
AT, START, END, KIND, AMOUNT, QUANTITY = "_at", "_start", "_end", "_kind", "_amount", "_quantity"
CURRENCY, PRODUCT, RENEWS, CANCELLED = "_currency", "_product", "_renews", "_cancelled"
CREATED, CLOSED, WON = "_created", "_closed", "_won"
INDICATOR, PERIOD, PUBLISHED, VALUE, SEGMENT = "_indicator", "_period", "_published", "_value", "_segment"


@dataclass
class Canonical:
    """Rows in canonical columns, those quarantined with their `rule`, and the problems found."""

    rows: pd.DataFrame
    quarantined: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)


class _Reader:
    """Builds canonical columns from one raw frame and keeps account of every broken rule."""

    def __init__(self, name: str, spec: TableSpec, raw: pd.DataFrame, settings: Settings, today: pd.Timestamp):
        self.name, self.spec, self.raw, self.settings, self.today = name, spec, raw, settings, today
        self.rows = pd.DataFrame({ROW: np.arange(1, len(raw) + 1)}, index=raw.index)
        self.rule_of_row = pd.Series("", index=raw.index)
        self.problems: list[Problem] = []

    def report(self, level: Level, rule: str, where: pd.Series, column: str | None, remedy: str) -> None:
        """Count the rows where a rule is broken; `quarantine` also sets them aside (the first rule broken is kept)."""
        if level == "quarantine":
            where = where & (self.rule_of_row == "")
        count = int(where.sum())
        if not count:
            return
        shown = self.raw.loc[where, column] if column in self.raw else self.rows.loc[where, ROW].map("row {}".format)
        self.problems.append(
            Problem(level, self.name, column, rule, count, count / len(self.raw), examples_of(shown), remedy)
        )
        if level == "quarantine":
            self.rule_of_row[where] = rule

    def need(self, *columns: str | None) -> None:
        """The columns that the shape cannot do without."""
        missing = [column for column in columns if column is not None and column not in self.raw.columns]
        if not missing:
            return
        hints = []
        for column in missing:
            near = difflib.get_close_matches(column, [str(c) for c in self.raw.columns], n=1)
            hints.append(f"{column!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
        problem = Problem(
            "fail",
            self.name,
            missing[0],
            "missing_column",
            len(missing),
            1.0,
            tuple(missing),
            f"Expected column(s) {', '.join(hints)}; found {', '.join(map(str, list(self.raw.columns)[:30]))}. "
            f"Name the right columns under [tables.{self.name}] in leap.toml.",
        )
        raise TableError(str(problem), details=[problem.to_json()])

    def moment(self, target: str, column: str, *, required: bool, future: bool = False) -> None:
        """Read a column of moments; unreadable or future ones are quarantined."""
        parsed, bad = values.moments(self.raw[column], self.settings.company.timezone)
        self.report(
            "quarantine",
            "bad_date",
            bad,
            column,
            "Write dates as YYYY-MM-DD and times as YYYY-MM-DD HH:MM:SS, with an offset if not local.",
        )
        if required:
            self.report("quarantine", "missing_date", parsed.isna() & ~bad, column, "Give the date of every row.")
        if not future:
            self.report(
                "quarantine",
                "future_date",
                parsed > self.today,
                column,
                "Moments after today cannot have happened; correct the date.",
            )
        self.rows[target] = parsed

    def number(self, target: str, column: str, *, required: bool) -> None:
        """Read a column of numbers; text and infinities are quarantined."""
        parsed, bad = values.numbers(self.raw[column])
        self.report(
            "quarantine", "bad_number", bad, column, "Write plain numbers such as 1234.50, without currency signs."
        )
        if required:
            self.report("quarantine", "missing_number", parsed.isna() & ~bad, column, "Give the amount of every row.")
        self.rows[target] = parsed

    def text(self, target: str, column: str) -> None:
        """Read a column of words as they are, without surrounding space."""
        self.rows[target] = values.as_text(self.raw[column])

    def key(self) -> None:
        """The account of a row."""
        self.need(self.spec.key)
        keys = values.as_text(self.raw[self.spec.key])
        self.report("quarantine", "missing_key", keys == "", self.spec.key, "Give the account of every row.")
        self.rows[KEY] = keys

    def known(self, own: pd.Series | None) -> None:
        """When a row could be known: its `known_at` column, else its own time, else always."""
        column = self.spec.known_at
        if column is None:
            self.rows[KNOWN] = pd.Timestamp("1700-01-01") if own is None else own
            self.rows[KNOWN] = self.rows[KNOWN].astype("datetime64[us]")
            return
        self.need(column)
        self.moment(KNOWN, column, required=True)
        if own is not None:
            early = self.rows[KNOWN] < own
            self.report(
                "warn",
                "known_before_it_happened",
                early,
                column,
                "A row cannot be known before its own time; its own time is used.",
            )
            self.rows[KNOWN] = self.rows[KNOWN].where(~early, own)

    def declared(self) -> None:
        """The columns that may become features, as they are in the file."""
        for column, spec in self.spec.columns.items():
            if column not in self.raw.columns and spec.available == "before":
                self.need(column)
            if column in self.raw.columns:
                self.rows[column] = self.raw[column]

    def duplicates(self) -> None:
        """Rows that stand twice word for word, and (for one-row-per-account shapes) keys that stand twice."""
        same = self.raw.astype("string").duplicated()
        if self.spec.shape == "events":
            self.report("warn", "duplicate_row", same, None, "Give events an id if these are one event stored twice.")
        else:
            self.report("quarantine", "duplicate_row", same, None, "Identical rows count once.")
        if self.spec.shape == "attributes":
            again = self.rows[KEY].duplicated() & (self.rows[KEY] != "")
            self.report(
                "quarantine",
                "duplicate_key",
                again,
                self.spec.key,
                "One row per account; use shape history for changes.",
            )
        if self.spec.shape == "history":
            again = self.rows.duplicated([KEY, AT, KNOWN])
            self.report("quarantine", "duplicate_key", again, self.spec.key, "One row per account and moment.")

    def finish(self) -> Canonical:
        """Split the rows from the quarantine; together they are the rows read."""
        used = self.rule_of_row == ""
        quarantined = self.raw.loc[~used].copy()
        quarantined.insert(0, "rule", self.rule_of_row[~used])
        quarantined.insert(1, "row", self.rows.loc[~used, ROW])
        return Canonical(self.rows.loc[used].reset_index(drop=True), quarantined, self.problems)


def canonical_table(
    name: str, spec: TableSpec, raw: pd.DataFrame, settings: Settings, today: pd.Timestamp
) -> Canonical:
    """The canonical rows of one table; raises TableError where a column is missing.

    `raw` holds text as in the file (or the types of Parquet); `today` is the last date on which something can have happened.
    """
    raw = raw.reset_index(drop=True)
    repeated = raw.columns[raw.columns.duplicated()]
    if len(repeated):
        raise TableError(
            f"{name}: column name(s) {list(map(str, repeated))} stand more than once; expected each name once. "
            "Rename one of them in the file."
        )
    reader = _Reader(name, spec, raw, settings, today)
    if spec.shape != "market":
        reader.key()
    _SHAPES[spec.shape](reader)
    reader.declared()
    if spec.shape != "market":
        reader.duplicates()
    return reader.finish()


def _attributes(reader: _Reader) -> None:
    reader.known(None)
    if "name" in reader.raw.columns and "name" not in reader.spec.columns:
        reader.rows["name"] = values.as_text(reader.raw["name"])


def _history(reader: _Reader) -> None:
    reader.need(reader.spec.at_column)
    reader.moment(AT, reader.spec.at_column, required=True)
    reader.known(reader.rows[AT])


def _periods(reader: _Reader) -> None:
    spec = reader.spec
    reader.need(spec.start, spec.end, spec.kind, spec.amount, spec.product, spec.renews, spec.cancelled, spec.currency)
    reader.moment(START, spec.start, required=True, future=False)
    reader.moment(END, spec.end, required=False, future=True)
    never = values.is_sentinel(reader.rows[END])
    reader.report("warn", "sentinel_date", never, spec.end, "Read as open; leave the end of an open period empty.")
    reader.rows[END] = reader.rows[END].mask(never)
    reader.report(
        "quarantine",
        "end_before_start",
        reader.rows[END] < reader.rows[START],
        spec.end,
        "A period ends on or after its start; correct one of the two dates.",
    )
    for target, column in ((RENEWS, spec.renews), (CANCELLED, spec.cancelled)):
        if column is not None:
            reader.moment(target, column, required=False, future=target == RENEWS)
        else:
            reader.rows[target] = pd.Series(pd.NaT, index=reader.rows.index, dtype="datetime64[us]")
    reader.known(reader.rows[START])
    _optional_text(reader, KIND, spec.kind)
    _optional_text(reader, PRODUCT, spec.product)
    if spec.amount is not None:
        reader.number(AMOUNT, spec.amount, required=spec.role == "revenue")
    if spec.role == "revenue":
        _money(reader)
        _no_overlaps(reader)


def _events(reader: _Reader) -> None:
    spec = reader.spec
    if spec.role == "deals":
        reader.need(spec.created, spec.closed, spec.won, spec.amount)
        reader.moment(CREATED, spec.created, required=True)
        reader.moment(CLOSED, spec.closed, required=False, future=True)
        reader.rows[WON], bad = values.truths(reader.raw[spec.won])
        reader.report("quarantine", "bad_truth", bad, spec.won, "Write true or false.")
        reader.rows[AT] = reader.rows[CREATED]
    else:
        reader.need(spec.at_column, spec.kind, spec.quantity, spec.amount, spec.currency)
        reader.moment(AT, spec.at_column, required=True)
    reader.known(reader.rows[AT])
    _optional_text(reader, KIND, spec.kind)
    if spec.quantity is not None:
        reader.number(QUANTITY, spec.quantity, required=True)
    else:
        reader.rows[QUANTITY] = 1.0
    if spec.amount is not None:
        reader.number(AMOUNT, spec.amount, required=spec.role in ("revenue", "costs"))
    if spec.role == "revenue":
        _money(reader)


def _market(reader: _Reader) -> None:
    spec = reader.spec
    published = None if spec.role == "rates" and spec.published not in reader.raw.columns else spec.published
    reader.need(spec.indicator, spec.period, published, spec.value, spec.segment)
    reader.text(INDICATOR, spec.indicator)
    reader.moment(PERIOD, spec.period, required=True, future=True)
    if published is None:
        reader.rows[PUBLISHED] = reader.rows[PERIOD]
    else:
        reader.moment(PUBLISHED, published, required=True)
    reader.number(VALUE, spec.value, required=True)
    _optional_text(reader, SEGMENT, spec.segment)
    reader.known(reader.rows[PUBLISHED])


def _snapshot(reader: _Reader) -> None:
    if reader.spec.at is not None:
        reader.need(reader.spec.at)
        reader.moment(AT, reader.spec.at, required=True)
        reader.known(reader.rows[AT])
    else:
        reader.known(None)
    reader.need(reader.spec.outcome)
    assert reader.spec.outcome is not None
    reader.text(VALUE, reader.spec.outcome)


_SHAPES = {
    "attributes": _attributes,
    "history": _history,
    "periods": _periods,
    "events": _events,
    "market": _market,
    "snapshot": _snapshot,
}


def _optional_text(reader: _Reader, target: str, column: str | None) -> None:
    if column is not None:
        reader.text(target, column)


def _money(reader: _Reader) -> None:
    spec = reader.spec
    assert spec.amount is not None
    if not (spec.shape == "events" and spec.credit_notes):
        reader.report(
            "quarantine",
            "negative_amount",
            reader.rows[AMOUNT] < 0,
            spec.amount,
            "MRR is not negative; for returns and credits use events with credit_notes = true.",
        )
    if spec.currency is None:
        reader.rows[CURRENCY] = reader.settings.company.currency
        return
    reader.text(CURRENCY, spec.currency)
    reader.rows[CURRENCY] = reader.rows[CURRENCY].str.upper()
    reader.report(
        "quarantine",
        "missing_currency",
        reader.rows[CURRENCY] == "",
        spec.currency,
        "Give the currency of every amount.",
    )


def _no_overlaps(reader: _Reader) -> None:
    """Two terms of one product at the same time would count twice: the later one is set aside."""
    if reader.spec.product is None:
        return
    rows = reader.rows[reader.rule_of_row == ""].sort_values([KEY, PRODUCT, START, ROW])
    end = rows[END].fillna(pd.Timestamp("2199-12-31")).astype("datetime64[us]").astype("int64")
    latest = end.groupby([rows[KEY], rows[PRODUCT]]).cummax().groupby([rows[KEY], rows[PRODUCT]]).shift()
    overlaps = rows[START].astype("int64") < latest.fillna(-(2**62))
    where = pd.Series(False, index=reader.rows.index)
    where[rows.index[overlaps]] = True
    reader.report(
        "quarantine",
        "overlapping_terms",
        where,
        reader.spec.product,
        "Terms of one product may not overlap: a sum would count twice. End the first before the next starts.",
    )
