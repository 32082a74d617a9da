"""Stripe's prices and discounts as exact amounts a month.

Amounts are in a currency's smallest unit: 2999 is 29.99 USD and 2999 JPY. See https://docs.stripe.com/currencies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import pandas as pd

_NO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
"""Without UGX and ISK, which have none either but are still given as if they had two."""
_THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_MONTHS = {
    "month": Fraction(1),
    "year": Fraction(12),
    "week": Fraction(12, 52),
    "day": Fraction(12) / Fraction("365.25"),
}
"""Months of an interval: a year is 12, a week 12/52 and a day 12/365.25."""


class NoMrr(Exception):
    """An item that no MRR can be stated for, by the `rule` it breaks."""

    def __init__(self, rule: str, what: str = "") -> None:
        super().__init__(what)
        self.rule, self.what = rule, what


@dataclass(frozen=True)
class Price:
    """What one unit costs an interval; `per` is the size of a package and `up` whether one that is begun counts."""

    currency: str
    unit: Fraction
    months: Fraction
    product: str
    per: int = 1
    up: bool = True

    def monthly(self, quantity: int) -> Fraction:
        """The amount a month in the currency, before discounts.

        >>> from fractions import Fraction
        >>> Price("USD", Fraction(2000), Fraction(12), "plan").monthly(1)
        Fraction(500, 3)
        """
        packages = Fraction(quantity, self.per)
        count = math.ceil(packages) if self.up else math.floor(packages)
        return Fraction(self.unit * count / self.months)


@dataclass(frozen=True)
class Discount:
    """A share or an amount an invoice off, from `start` until `end` (exclusive; none is for ever)."""

    start: pd.Timestamp
    end: pd.Timestamp | None
    percent: Fraction | None
    amount: Fraction | None
    currency: str
    products: frozenset[str] = frozenset()
    """The products it is for; none is all."""

    def holds(self, at: pd.Timestamp) -> bool:
        """Whether it is in force at a moment."""
        return self.start <= at and (self.end is None or at < self.end)


def major(minor: str, currency: str) -> Fraction:
    """An amount in the smallest unit, as text, in the currency itself; NoMrr if it is no number.

    >>> major("2999", "USD"), major("500", "JPY"), major("0.5", "USD"), major("5000", "ISK")
    (Fraction(2999, 100), Fraction(500, 1), Fraction(1, 200), Fraction(50, 1))
    """
    places = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    unit: int = 10**places
    return number(minor) / unit


def number(text: str) -> Fraction:
    """A finite decimal number as it is written; NoMrr if it is none."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        raise NoMrr("bad_number", text) from None
    if not value.is_finite() or abs(value.adjusted()) > 30:
        raise NoMrr("bad_number", text)
    return Fraction(value)


def months_of(interval: str, count: str) -> Fraction:
    """Months of a number of intervals; NoMrr for an unknown one.

    >>> months_of("month", "3"), months_of("week", "1"), months_of("year", "1")
    (Fraction(3, 1), Fraction(3, 13), Fraction(12, 1))
    """
    each = number(count or "1")
    if interval not in _MONTHS or each <= 0 or each.denominator != 1:
        raise NoMrr("unknown_interval", f"{count} {interval}")
    return _MONTHS[interval] * each


def price_of(row: Mapping[str, str]) -> Price:
    """The price of a row of `price` or `plan`; NoMrr if it is one-off, metered or in tiers, which are never guessed."""

    def first(*names: str) -> str:
        return next((row[name] for name in names if row.get(name)), "")

    if row.get("type") == "one_time":
        raise NoMrr("one_time_price")
    if first("recurring_usage_type", "usage_type") == "metered":
        raise NoMrr("metered_price")
    if first("billing_scheme") == "tiered" or first("tiers_mode"):
        raise NoMrr("tiered_price")
    amount, currency = (
        first("unit_amount_decimal", "unit_amount", "amount_decimal", "amount"),
        first("currency").upper(),
    )
    if not amount or not currency:
        raise NoMrr("no_amount")
    per = number(first("transform_quantity_divide_by", "transform_usage_divide_by") or "1")
    if per.denominator != 1 or per < 1:
        raise NoMrr("bad_number", str(per))
    months = months_of(first("recurring_interval", "interval"), first("recurring_interval_count", "interval_count"))
    up = first("transform_quantity_round", "transform_usage_round") != "down"
    product = first("product_id", "product") or first("id")
    return Price(currency, major(amount, currency), months, product, int(per), up)


def net(items: Sequence[tuple[Price, int]], discounts: Sequence[Discount]) -> list[Fraction]:
    """MRR of the items of one subscription, shape (n_items,): list price less discounts, one after the other.

    An amount off is off each invoice, so it is spread over the invoice's months and over the items by their price; no
    item falls below zero. NoMrr if it is in another currency, or if the items are invoiced in different intervals.
    """
    left = [price.monthly(quantity) for price, quantity in items]
    for discount in discounts:
        meant = [i for i, (price, _) in enumerate(items) if not discount.products or price.product in discount.products]
        if discount.percent is not None:
            for i in meant:
                left[i] *= 1 - discount.percent / 100
            continue
        total = sum((left[i] for i in meant), Fraction(0))
        if discount.amount is None or total <= 0:
            continue
        prices = [items[i][0] for i in meant]
        if {price.currency for price in prices} != {discount.currency}:
            raise NoMrr("discount_currency", discount.currency)
        if len({price.months for price in prices}) > 1:
            raise NoMrr("discount_over_intervals")
        off = min(discount.amount / prices[0].months, total)
        for i in meant:
            left[i] -= off * left[i] / total
    return left


def as_decimal(amount: Fraction) -> str:
    """The amount as decimal text, exact where it has an end and else to a millionth, half to even.

    >>> as_decimal(Fraction(2999, 100)), as_decimal(Fraction(500, 3)), as_decimal(Fraction(0))
    ('29.99', '166.666667', '0')
    """
    context = Context(prec=60, rounding=ROUND_HALF_EVEN)
    value = context.divide(Decimal(amount.numerator), Decimal(amount.denominator))
    if Fraction(value) != amount:
        value = value.quantize(Decimal("0.000001"), context=context)
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
