"""Amounts of money: turned into months, neither negative nor beyond reason, in a currency that is written as a code."""

from __future__ import annotations

import pandas as pd

from leap.config import AmountPer
from leap.tables import values
from leap.tables.names import AMOUNT, CURRENCY, QUANTITY
from leap.tables.reader import Reader

MOST_MONEY = 1e11
"""Larger amounts are a fault of the export; exact sums of them would not fit into 64 bits."""

_A_MONTH: dict[AmountPer, tuple[float, float]] = {
    "month": (1, 1),
    "quarter": (1, 3),
    "half-year": (1, 6),
    "year": (1, 12),
    "week": (52, 12),
    "day": (365.25, 12),
}
_FEW = 3


def monthly(amount: pd.Series, per: AmountPer) -> pd.Series:
    """Amounts of another time as amounts a month.

    >>> [round(float(monthly(pd.Series([2000.0]), per)[0]), 2) for per in ("year", "week", "day")]
    [166.67, 8666.67, 60875.0]
    """
    times, over = _A_MONTH[per]
    return amount if times == over else amount * times / over


def money_rules(reader: Reader) -> None:
    """What is refused of a revenue table's amounts and currencies."""
    spec = reader.spec
    column = spec.amount or spec.price
    huge = reader.rows[AMOUNT].abs() > MOST_MONEY
    remedy = "No account pays more than a hundred thousand million; correct the amount."
    reader.report("quarantine", "amount_out_of_range", huge, column, remedy)
    if not (spec.shape == "events" and spec.credit_notes):
        remedy = "MRR is not negative; for returns and credits use events with credit_notes = true."
        if spec.price is not None:
            reader.report("quarantine", "negative_amount", reader.rows[QUANTITY] < 0, spec.quantity, remedy)
        reader.report("quarantine", "negative_amount", reader.rows[AMOUNT] < 0, column, remedy)
    if spec.number_form == "." and column is not None:
        _thousands_or_thousandths(reader, column)
    _currency(reader)


def _thousands_or_thousandths(reader: Reader, column: str) -> None:
    """Name amounts such as 1.200 if every point in the column could part thousands."""
    raw = reader.raw[column]
    if not isinstance(raw.dtype, pd.StringDtype):
        return
    pointed = raw.str.contains(".", regex=False).fillna(False).to_numpy(dtype=bool)
    doubtful = values.as_text(raw[pointed])
    if doubtful.nunique() < _FEW or not doubtful.str.fullmatch(r"[+-]?[1-9]\d{0,2}(\.\d{3})+").all():
        return
    remedy = (
        "Every point here stands before three digits and is read as a decimal point; "
        f'if it parts thousands, set decimal = "," on [tables.{reader.name}].'
    )
    reader.report("warn", "ambiguous_number", pointed, column, remedy)


def _currency(reader: Reader) -> None:
    column = reader.spec.currency
    if column is None:
        reader.rows[CURRENCY] = reader.settings.company.currency
        return
    text = values.as_text(reader.raw[column])
    code = text.str.upper().mask(values.is_missing_word(text), "")
    reader.rows[CURRENCY] = code
    if column in reader.absent:
        return
    reader.report("quarantine", "missing_currency", code == "", column, "Give the currency of every amount.")
    unknown = (code != "") & ~code.str.fullmatch(r"[A-Z]{3}")
    remedy = "A currency is a code of three letters (ISO 4217), such as USD."
    reader.report("quarantine", "bad_currency", unknown, column, remedy)
    raw = reader.raw[column]
    length = raw.str.len().fillna(0) if isinstance(raw.dtype, pd.StringDtype) else text.str.len()
    otherwise = ((text != code) | (length != text.str.len())) & (code != "") & ~unknown
    remedy = "Read as the code in capitals without space around it; write it so."
    reader.report("warn", "currency_spelling", otherwise, column, remedy)
