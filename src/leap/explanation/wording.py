"""Numbers and values as people read them, by unit; never causal."""

from __future__ import annotations

import math

from leap.features import Feature


def number(value: float) -> str:
    """A number with as many digits as it needs.

    >>> number(3.0), number(0.1234), number(12345.6), number(-2.5), number(0.00123)
    ('3', '0.12', '12,346', '-2.5', '0.0012')
    """
    if 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.1f}".rstrip("0").rstrip(".")


def money(amount: float, currency: str) -> str:
    """An amount with its currency.

    >>> money(-43.2, "USD")
    '-43 USD'
    """
    return f"{amount:,.0f} {currency}"


def value_of(feature: Feature, value: object) -> str:
    """A feature's value with its unit; missing as the catalog explains it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return feature.missing
    if feature.kind == "boolean":
        return "yes" if float(str(value)) >= 0.5 else "no"
    if feature.kind == "category":
        return str(value)
    return measured(float(str(value)), feature.unit)


def measured(value: float, unit: str | None) -> str:
    """A number with its unit; a year is no amount, and a part of something is a percentage of it.

    >>> measured(1, "products"), measured(1234.5, "USD"), measured(2017, "year"), measured(0.74, "of the time")
    ('1 product', '1,234 USD', '2017', '74% of the time')
    >>> measured(0.5, None)
    '0.5'
    """
    if unit == "year" and value == int(value):
        return f"{value:.0f}"
    if unit is not None and unit.startswith("of the "):
        return f"{value:.0%} {unit}"
    shown = number(value)
    return f"{shown} {_of_one(unit) if shown == '1' else unit}" if unit else shown


def _of_one(unit: str) -> str:
    """A unit as it is said of one.

    >>> _of_one("products"), _of_one("days"), _of_one("USD a month"), _of_one("countries")
    ('product', 'day', 'USD a month', 'country')
    """
    if not unit.islower() or not unit.endswith("s") or unit.endswith("ss") or " " in unit:
        return unit
    return f"{unit[:-3]}y" if unit.endswith("ies") else unit[:-1]


def phrase(
    feature: Feature, value: object, typical: object, points: float, monthly_money: float | None, currency: str
) -> str:
    """One reason in words: value, what is usual, and the points of NRR it is associated with."""
    direction = "lower" if points < 0 else "higher"
    cost = "" if monthly_money is None else f" ({monthly_money:+,.0f} {currency} a month)"
    said = value_beside_usual(feature, value, typical)
    return f"{said}; associated with {abs(points) * 100:.1f} points {direction} NRR{cost}"


def value_beside_usual(feature: Feature, value: object, typical: object) -> str:
    """A feature's label and value, and for a number what is usual."""
    shown, usual = value_of(feature, value), value_of(feature, typical)
    beside = f", usually {usual}" if feature.kind == "number" and usual != shown else ""
    return f"{feature.label}: {shown}{beside}"


def outcome_phrase(
    feature: Feature, value: object, typical: object, points: float, outcome: str, *, binary: bool
) -> str:
    """One reason for an outcome of a flat table: points of its probability, or of the number itself."""
    said = value_beside_usual(feature, value, typical)
    way = "lower" if points < 0 else "higher"
    if binary:
        return f"{said}; associated with {abs(points) * 100:.1f} points {way} probability of {outcome}"
    return f"{said}; associated with {outcome} {way} by {number(abs(points))}"
