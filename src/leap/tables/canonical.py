"""From the rows of a file to canonical rows: keys and moments typed, every refused row kept with the rule it broke."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leap.config import Settings, TableSpec
from leap.tables import values
from leap.tables.problems import Level, Problem, examples_of

KEY, KNOWN, ROW = "_account_id", "_known_at", "_row"
AT, START, END, KIND, AMOUNT, QUANTITY = "_at", "_start", "_end", "_kind", "_amount", "_quantity"
CURRENCY, PRODUCT, RENEWS, CANCELLED = "_currency", "_product", "_renews", "_cancelled"
CREATED, CLOSED, WON = "_created", "_closed", "_won"
INDICATOR, PERIOD, PUBLISHED, VALUE, SEGMENT = "_indicator", "_period", "_published", "_value", "_segment"


_MOST_MONEY = 1e12
"""Larger amounts are a fault of the export; millionths of them would not fit into 64 bits."""


@dataclass
class Canonical:
    """Rows in canonical columns, those quarantined with their `rule` and `row`, and the problems found.

    A table that fails a rule has no rows; its quarantine holds what would have been set aside all the same.
    """

    rows: pd.DataFrame
    quarantined: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)


class _Reader:
    """Builds canonical columns from one raw frame and keeps account of every broken rule."""

    def __init__(self, name: str, spec: TableSpec, raw: pd.DataFrame, settings: Settings, today: pd.Timestamp):
        self.name, self.spec, self.settings, self.today = name, spec, settings, today
        self.problems: list[Problem] = []
        places = raw.index.to_numpy(dtype=np.int64)
        self.raw = self._named_once(raw.reset_index(drop=True))
        self.rows = pd.DataFrame({ROW: places + 1}, index=self.raw.index)
        self.absent: set[str] = set()
        self.rule_of_row = pd.Series("", index=self.raw.index)

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

    def _named_once(self, raw: pd.DataFrame) -> pd.DataFrame:
        """The frame with text as names; a name that stands twice fails the table (its first column is looked at)."""
        raw.columns = pd.Index([str(column) for column in raw.columns], dtype=object)
        repeated = raw.columns.duplicated()
        if repeated.any():
            names = tuple(dict.fromkeys(raw.columns[repeated]))
            remedy = "Every column needs a name of its own; rename it."
            self._fail("duplicate_column", names[0], len(names), names, remedy)
            raw = raw.loc[:, ~repeated]
        return raw

    def _fail(self, rule: str, column: str, count: int, examples: tuple[str, ...], remedy: str) -> None:
        shown = examples_of(examples)
        self.problems.append(Problem("fail", self.name, column, rule, count, 1.0, shown, remedy))

    @property
    def failed(self) -> bool:
        """Whether a rule failed the whole table."""
        return any(problem.level == "fail" for problem in self.problems)

    def need(self, *columns: str | None) -> None:
        """The columns that the shape cannot do without.

        A missing one fails the table; the checks of the others go on, and say nothing of the values that are not there.
        """
        for column in dict.fromkeys(columns):
            if column is None or column in self.raw.columns:
                continue
            known = list(self.raw.columns)
            near = difflib.get_close_matches(column.lower(), [name.lower() for name in known], n=1)
            nearest = next((name for name in known if near and name.lower() == near[0]), None)
            hint = f"did you mean {nearest!r}? " if nearest else ""
            found = ", ".join(known[:30]) + (f" and {len(known) - 30} more" if len(known) > 30 else "")
            remedy = (
                f"Expected a column {column!r}; {hint}Found {found or 'none'}. "
                f"Name the right column under [tables.{self.name}] in leap.toml."
            )
            self._fail("missing_column", column, 1, (), remedy)
            self.absent.add(column)
            self.raw = self.raw.assign(**{column: pd.Series(None, index=self.raw.index, dtype=object)})

    def moment(self, target: str, column: str, *, required: bool, future: bool = False, ever: bool = False) -> None:
        """Read a column of moments; unreadable or future ones are quarantined, and a required one that says "unknown".

        `ever`: any year is meant, as in the series of a market.
        """
        parsed, bad = values.moments(self.raw[column], self.settings.company.timezone)
        hint = values.date_hint(values.as_text(self.raw.loc[bad, column].head(1000))) if bad.any() else ""
        self.report("quarantine", "bad_date", bad, column, hint)
        if required and column not in self.absent:
            self.report("quarantine", "missing_date", parsed.isna() & ~bad, column, "Give the date of every row.")
        never = values.is_sentinel(parsed)
        if required and not ever:
            unknown = values.is_unknown(parsed) | never
            remedy = 'This date stands for "not known"; give the true one.'
            self.report("quarantine", "sentinel_date", unknown, column, remedy)
        elif not required:
            if target != END:
                never |= values.is_unknown(parsed)
            self.report("warn", "sentinel_date", never, column, "Read as not given; leave it empty where it is open.")
            parsed = parsed.mask(never)
        if not future:
            self.report(
                "quarantine",
                "future_date",
                parsed >= self.today.normalize() + pd.Timedelta(days=1),
                column,
                "Moments after today cannot have happened; correct the date.",
            )
        self.rows[target] = parsed

    def number(self, target: str, column: str, *, required: bool) -> None:
        """Read a column of numbers; text and infinities are quarantined."""
        parsed, bad = values.numbers(self.raw[column])
        remedy = "Write plain numbers such as 1234.50, without currency signs, thousands separators or decimal commas."
        self.report("quarantine", "bad_number", bad, column, remedy)
        if required and column not in self.absent:
            self.report("quarantine", "missing_number", parsed.isna() & ~bad, column, "Give the amount of every row.")
        self.rows[target] = parsed

    def text(self, target: str, column: str) -> None:
        """Read a column of words as they are, without surrounding space."""
        self.rows[target] = values.as_text(self.raw[column])

    def key(self) -> None:
        """The account of a row; a flat table without one may have its rows numbered (`key = "_row"`)."""
        if self.spec.shape == "snapshot" and self.spec.key == ROW:
            self.rows[KEY] = self.rows[ROW].astype(str)
            return
        self.need(self.spec.key)
        keys = values.as_text(self.raw[self.spec.key])
        if self.spec.key not in self.absent:
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
        self.need(*[column for column, spec in self.spec.columns.items() if spec.available == "before"])
        there = [column for column in self.spec.columns if column in self.raw.columns]
        for column in there:
            self._mostly_numbers(column)
        self.rows = pd.concat([self.rows.drop(columns=there, errors="ignore"), self.raw[there]], axis=1)

    def _mostly_numbers(self, column: str) -> None:
        """Warn of words and infinities among the numbers of a feature; a row is not lost for them."""
        parsed, bad = values.numbers(self.raw[column])
        if bad.any() and bad.sum() <= 0.1 * parsed.notna().sum():
            remedy = "Almost all are plain numbers; these count as missing, or keep the column from being a feature."
            self.report("warn", "bad_number", bad, column, remedy)

    def repeated_rows(self) -> None:
        """Rows that stand twice word for word."""
        if self.spec.shape == "events":
            remedy = "Give events an id if these are one event stored twice."
            self.report("warn", "duplicate_row", _repeated(self.raw), None, remedy)
        elif self.spec.key != ROW:
            self.report("quarantine", "duplicate_row", _repeated(self.raw), None, "Identical rows count once.")

    def repeated_keys(self) -> None:
        """Rows that say once more what a shape may say once."""
        spec = self.spec
        if spec.key in self.absent:
            return
        unique = {
            "attributes": ([KEY], spec.key, "One row per account; use shape history for changes."),
            "history": ([KEY, AT, KNOWN], spec.key, "One row per account and moment."),
            "snapshot": ([KEY, AT] if AT in self.rows else [KEY], spec.key, "One row per account (and date)."),
            "market": (
                [c for c in (INDICATOR, SEGMENT, PERIOD, PUBLISHED) if c in self.rows],
                spec.indicator,
                "One value per indicator, segment, period and date of publication.",
            ),
        }.get(spec.shape)
        if unique is not None:
            columns, column, remedy = unique
            fine = self.rule_of_row == ""
            again = self.rows[fine].duplicated(columns).reindex(self.rows.index, fill_value=False)
            self.report("quarantine", "duplicate_key", again, column, remedy)

    def finish(self) -> Canonical:
        """Split the rows from the quarantine; together they are the rows read."""
        used = self.rule_of_row == ""
        quarantined = self.raw.loc[~used].rename(columns={"rule": "rule_in_file", "row": "row_in_file"})
        quarantined.insert(0, "rule", self.rule_of_row[~used], allow_duplicates=True)
        quarantined.insert(1, "row", self.rows.loc[~used, ROW], allow_duplicates=True)
        rows = self.rows.loc[used & (not self.failed)].reset_index(drop=True)
        return Canonical(rows, quarantined, self.problems)


def _repeated(raw: pd.DataFrame) -> pd.Series:
    """Rows equal to an earlier one; values that cannot be compared, such as lists, are compared as text."""
    return raw.assign(**{c: raw[c].astype(str) for c in raw.columns if raw[c].dtype == object}).duplicated()


def canonical_table(
    name: str, spec: TableSpec, raw: pd.DataFrame, settings: Settings, today: pd.Timestamp
) -> Canonical:
    """The canonical rows of one table; none if a rule fails it, such as a missing column.

    `raw` holds text as in the file (or the types of Parquet), its index the rows' places there; `today` is the last
    date on which something can have happened.
    """
    reader = _Reader(name, spec, raw, settings, today)
    if spec.shape != "market":
        reader.key()
    reader.repeated_rows()
    _SHAPES[spec.shape](reader)
    reader.declared()
    reader.repeated_keys()
    return reader.finish()


def _attributes(reader: _Reader) -> None:
    reader.known(None)
    shown = next((c for c in ("name", "account_name", "company_name", "company") if c in reader.raw.columns), None)
    if shown is not None and shown not in reader.spec.columns:
        reader.rows["name"] = values.as_text(reader.raw[shown])


def _history(reader: _Reader) -> None:
    reader.need(reader.spec.at_column)
    reader.moment(AT, reader.spec.at_column, required=True)
    reader.known(reader.rows[AT])


def _periods(reader: _Reader) -> None:
    spec = reader.spec
    reader.need(spec.start, spec.end, spec.kind, spec.amount, spec.product, spec.renews, spec.cancelled, spec.currency)
    reader.moment(START, spec.start, required=True, future=False)
    reader.moment(END, spec.end, required=False, future=True)
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
        late = reader.rows[CLOSED] < reader.rows[CREATED].dt.floor("D")
        remedy = "A deal closes after it is created; correct one of the two dates."
        reader.report("warn", "closed_before_created", late, spec.closed, remedy)
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
    unnamed = (reader.rows[INDICATOR] == "") & (spec.indicator not in reader.absent)
    reader.report("quarantine", "missing_indicator", unnamed, spec.indicator, "Name the indicator of every row.")
    reader.moment(PERIOD, spec.period, required=True, future=True, ever=True)
    if published is None:
        reader.rows[PUBLISHED] = reader.rows[PERIOD]
    else:
        reader.moment(PUBLISHED, published, required=True, ever=True)
    reader.number(VALUE, spec.value, required=True)
    if spec.role == "rates":
        zero = reader.rows[VALUE] <= 0
        reader.report("quarantine", "bad_rate", zero, spec.value, "A rate is above zero: reporting units for one unit.")
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
    _outcome(reader, str(reader.spec.outcome))


def _outcome(reader: _Reader, column: str) -> None:
    """The outcome as words; empty ones are to be scored, others must be what `outcome_kind` says."""
    reader.text(VALUE, column)
    spec = reader.spec
    if spec.outcome_kind == "number":
        _, bad = values.numbers(reader.raw[column])
        reader.report("quarantine", "bad_outcome", bad, column, "The outcome is a number; leave it empty to be scored.")
    elif spec.outcome_positive is None:
        _, bad = values.truths(reader.raw[column])
        remedy = "The outcome is 0/1 or true/false; else set outcome_positive to the word for yes."
        reader.report("quarantine", "bad_outcome", bad, column, remedy)


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
    huge = reader.rows[AMOUNT].abs() > _MOST_MONEY
    remedy = "No account pays more than a million millions; correct the amount."
    reader.report("quarantine", "amount_out_of_range", huge, spec.amount, remedy)
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
        (reader.rows[CURRENCY] == "") & (spec.currency not in reader.absent),
        spec.currency,
        "Give the currency of every amount.",
    )


def _no_overlaps(reader: _Reader) -> None:
    """Two terms of one product at the same time would count twice: the later one is set aside.

    Without products any two may be meant to add up, so they are only named.
    """
    spec = reader.spec
    of_one = [KEY] if spec.product is None else [KEY, PRODUCT]
    rows = reader.rows[(reader.rule_of_row == "") & (reader.rows[AMOUNT] > 0)].sort_values([*of_one, START, ROW])
    if rows.empty or spec.key in reader.absent or {spec.start, spec.end, spec.product} & reader.absent:
        return
    end = rows[END].fillna(pd.Timestamp("2199-12-31")).astype("datetime64[us]").astype("int64")
    keys = [rows[column] for column in of_one]
    latest = end.groupby(keys).cummax().groupby(keys).shift()
    overlaps = rows[START].astype("datetime64[us]").astype("int64") < latest.fillna(-(2**62))
    where = pd.Series(False, index=reader.rows.index)
    where[rows.index[overlaps]] = True
    if spec.product is None:
        remedy = "Several terms at once are added up; name `product` if they are terms of one product."
        reader.report("warn", "overlapping_terms", where, spec.start, remedy)
        return
    reader.report(
        "quarantine",
        "overlapping_terms",
        where,
        spec.product,
        "Terms of one product may not overlap: a sum would count twice. End the first before the next starts.",
    )
