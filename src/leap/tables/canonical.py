"""From the rows of a file to canonical rows: what each shape and role needs, and what may not stand in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.config import Settings, TableSpec
from leap.tables import values
from leap.tables.money import money_rules, monthly
from leap.tables.names import (
    ABOUT,
    AMOUNT,
    AT,
    CANCELLED,
    CLOSED,
    CREATED,
    CURRENCY,
    DISCOUNT,
    DURATION,
    END,
    INDICATOR,
    KEY,
    KIND,
    KNOWN,
    NOTE,
    OF_NAMES,
    ORIGIN,
    OWNER,
    PERIOD,
    PRODUCT,
    PUBLISHED,
    QUANTITY,
    RENEWS,
    ROW,
    SEGMENT,
    START,
    TEAM,
    VALUE,
    WON,
)
from leap.tables.reader import Canonical, Reader
from leap.tables.repeats import (
    overlapping_terms,
    repeated_header,
    repeated_ids,
    repeated_keys,
    repeated_rows,
    rows_in_cells,
)

__all__ = [
    "ABOUT", "AMOUNT", "AT", "CANCELLED", "CLOSED", "CREATED", "CURRENCY", "DISCOUNT", "DURATION", "END",
    "INDICATOR", "KEY", "KIND", "KNOWN", "NOTE", "ORIGIN", "OWNER", "PERIOD", "PRODUCT", "PUBLISHED", "QUANTITY",
    "RENEWS", "ROW", "SEGMENT", "START", "TEAM", "VALUE", "WON",
    "Canonical", "canonical_table",
]  # fmt: skip


def canonical_table(
    name: str, spec: TableSpec, raw: pd.DataFrame, settings: Settings, today: pd.Timestamp
) -> Canonical:
    """The canonical rows of one table; none if a rule fails it, such as a missing column.

    `raw` holds text as in the file (or the types of Parquet), its index the rows' places there; `today` is the last
    date on which something can have happened.
    """
    reader = Reader(name, spec, raw, settings, today)
    if spec.shape != "market":
        reader.key()
    repeated_header(reader)
    rows_in_cells(reader)
    repeated_rows(reader)
    _SHAPES[spec.shape](reader)
    reader.declared()
    repeated_keys(reader)
    repeated_ids(reader)
    return reader.finish()


def _attributes(reader: Reader) -> None:
    reader.known(None)
    shown = next((c for c in OF_NAMES if c in reader.raw.columns), None)
    if shown is not None and shown not in reader.spec.columns:
        reader.rows["name"] = values.as_text(reader.raw[shown])
    reader.margin()


def _history(reader: Reader) -> None:
    reader.need(reader.spec.at_column)
    reader.moment(AT, reader.spec.at_column, required=True)
    reader.known(reader.rows[AT])


def _periods(reader: Reader) -> None:
    spec = reader.spec
    reader.need(spec.start, spec.end, spec.kind, spec.amount, spec.product, spec.renews, spec.cancelled, spec.currency)
    reader.moment(START, spec.start, required=True)
    reader.moment(END, spec.end, required=False, future=True)
    remedy = "A period ends on or after its start; correct one of the two dates."
    reader.report("quarantine", "end_before_start", reader.rows[END] < reader.rows[START], spec.end, remedy)
    for target, column in ((RENEWS, spec.renews), (CANCELLED, spec.cancelled)):
        if column is not None:
            reader.moment(target, column, required=False, future=target == RENEWS)
        else:
            reader.rows[target] = pd.Series(pd.NaT, index=reader.rows.index, dtype="datetime64[us]")
    reader.known(reader.rows[START])
    reader.text(KIND, spec.kind)
    reader.text(PRODUCT, spec.product)
    if spec.amount is not None:
        reader.number(AMOUNT, spec.amount, required=spec.role == "revenue")
        reader.rows[AMOUNT] = monthly(reader.rows[AMOUNT], spec.amount_per)
    if spec.role == "revenue":
        money_rules(reader)
        overlapping_terms(reader)


def _events(reader: Reader) -> None:
    spec = reader.spec
    if spec.role == "deals":
        _deals(reader)
    else:
        reader.need(spec.at_column, spec.kind, spec.quantity, spec.amount, spec.price, spec.currency)
        reader.moment(AT, spec.at_column, required=True)
    reader.known(reader.rows[AT])
    reader.text(KIND, spec.kind)
    if spec.quantity is not None:
        reader.number(QUANTITY, spec.quantity, required=True)
    else:
        reader.rows[QUANTITY] = 1.0
    if spec.price is not None:
        reader.number(AMOUNT, spec.price, required=True)
        reader.rows[AMOUNT] = reader.rows[AMOUNT] * reader.rows[QUANTITY]
    elif spec.amount is not None:
        reader.number(AMOUNT, spec.amount, required=spec.role in ("revenue", "costs"))
    if spec.role == "revenue":
        money_rules(reader)
    elif spec.role == "notes":
        _notes(reader)


def _deals(reader: Reader) -> None:
    spec = reader.spec
    reader.need(spec.created, spec.closed, spec.won, spec.amount, spec.team, spec.origin, spec.discount)
    reader.moment(CREATED, spec.created, required=True)
    reader.moment(CLOSED, spec.closed, required=False, future=True)
    late = reader.rows[CLOSED] < reader.rows[CREATED].dt.floor("D")
    remedy = "A deal closes after it is created; correct one of the two dates."
    reader.report("warn", "closed_before_created", late, spec.closed, remedy)
    reader.rows[WON], bad = values.truths(reader.raw[spec.won])
    reader.report("quarantine", "bad_truth", bad, spec.won, "Write true or false.")
    reader.rows[AT] = reader.rows[CREATED]
    reader.text(TEAM, spec.team)
    reader.text(ORIGIN, spec.origin)
    if spec.discount is not None:
        _discount(reader, spec.discount)


def _discount(reader: Reader, column: str) -> None:
    """The share of the list price that was let off; anything else counts as not given, and no deal is lost for it."""
    parsed, bad = values.numbers(reader.raw[column], reader.spec.number_form)
    bad = bad | (parsed < 0) | (parsed >= 1)
    remedy = "A discount is a share of the list price, such as 0.15 (15 % is 0.15); these count as not given."
    reader.report("warn", "bad_discount", bad, column, remedy)
    reader.rows[DISCOUNT] = parsed.mask(bad)


def _notes(reader: Reader) -> None:
    """What people of the company think: the words, whose they are and what they are about."""
    spec = reader.spec
    reader.need(spec.note, spec.owner, spec.about)
    reader.rows[NOTE] = values.as_text(reader.raw[spec.note])
    if spec.note not in reader.absent:
        remedy = "A note without words says nothing; write it or remove the row."
        reader.report("quarantine", "missing_note", reader.rows[NOTE] == "", spec.note, remedy)
    reader.text(OWNER, spec.owner)
    if spec.owner not in reader.absent:
        remedy = "Say whose note it is; it is kept without an owner."
        reader.report("warn", "missing_owner", reader.rows[OWNER] == "", spec.owner, remedy)
    if spec.about is None:
        reader.rows[ABOUT] = pd.Series("", index=reader.rows.index, dtype=str)
    reader.text(ABOUT, spec.about)


def _market(reader: Reader) -> None:
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
    reader.text(SEGMENT, spec.segment)
    reader.known(reader.rows[PUBLISHED])


def _snapshot(reader: Reader) -> None:
    if reader.spec.at is not None:
        reader.need(reader.spec.at)
        reader.moment(AT, reader.spec.at, required=True)
        reader.known(reader.rows[AT])
    else:
        reader.known(None)
    reader.need(reader.spec.outcome)
    _outcome(reader, str(reader.spec.outcome))
    if reader.spec.duration is not None:
        _duration(reader, reader.spec.duration)


def _outcome(reader: Reader, column: str) -> None:
    """The outcome as words; empty ones are to be scored, others must be what `outcome_kind` says."""
    reader.text(VALUE, column)
    spec = reader.spec
    if spec.outcome_kind == "number":
        found, bad = values.numbers(reader.raw[column], spec.number_form)
        reader.report("quarantine", "bad_outcome", bad, column, "The outcome is a number; leave it empty to be scored.")
        if spec.number_form != ".":
            plain = found.map(repr, na_action="ignore").fillna("")
            reader.rows[VALUE] = plain.where(np.isfinite(found), reader.rows[VALUE]).astype(str)
    elif spec.outcome_positive is None:
        _, bad = values.truths(reader.raw[column])
        remedy = "The outcome is 0/1 or true/false; else set outcome_positive to the word for yes."
        reader.report("quarantine", "bad_outcome", bad, column, remedy)


def _duration(reader: Reader, column: str) -> None:
    """Months until the outcome or until last seen; a row without them is learned from, but not when it happens."""
    reader.need(column)
    reader.number(DURATION, column, required=False)
    if column in reader.absent:
        return
    months = reader.rows[DURATION]
    remedy = "A duration counts months from the date of the row, and is zero or more."
    reader.report("quarantine", "negative_duration", months < 0, column, remedy)
    remedy = "Give the months until the outcome, or until the row was last seen; without them it has no survival curve."
    learned_from = reader.fine & (reader.rows[VALUE].fillna("") != "").to_numpy()
    reader.report("warn", "missing_duration", months.isna().to_numpy() & learned_from, column, remedy)


_SHAPES = {
    "attributes": _attributes,
    "history": _history,
    "periods": _periods,
    "events": _events,
    "market": _market,
    "snapshot": _snapshot,
}
