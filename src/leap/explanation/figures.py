"""Numbers as people read them, by unit: amounts, percentages, spans of time; never "-0" and never a nought for
something.
"""

from __future__ import annotations

from leap.features import CHANGE, SHARE

_MONTH, _YEAR = 30.4375, 365.25


def number(value: float) -> str:
    """A number with as many digits as it needs.

    >>> number(3.0), number(0.1234), number(12345.6), number(-2.5), number(0.00123), number(-0.0)
    ('3', '0.12', '12,346', '-2.5', '0.0012', '0')
    >>> number(1e300)
    '1e+300'
    """
    if value == 0:
        return "0"
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if abs(value) < 0.0001:
        return f"{value:.1e}"
    if abs(value) < 0.01:
        return f"{value:.2g}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.1f}".rstrip("0").rstrip(".")


def money(amount: float, currency: str) -> str:
    """An amount with its currency.

    >>> money(-43.2, "USD"), money(-0.2, "USD")
    ('-43 USD', '0 USD')
    """
    return f"{round(amount) or 0:,.0f} {currency}"


def money_change(amount: float, currency: str) -> str:
    """An amount more or less; a small one is not shown as nothing.

    >>> [money_change(amount, "USD") for amount in (-43.2, 1204.6, 3.24, -0.02, 0.0)]
    ['-43 USD', '+1,205 USD', '+3.2 USD', 'less than 0.1 USD', '0 USD']
    """
    if amount == 0:
        return f"0 {currency}"
    if abs(amount) < 0.05:
        return f"less than 0.1 {currency}"
    return f"{amount:+,.0f} {currency}" if abs(amount) >= 9.95 else f"{amount:+.1f} {currency}"


def points(fraction: float) -> str:
    """The size of a difference of fractions in points; a small one is not shown as nothing.

    >>> points(-0.0361), points(0.0004), points(0.12)
    ('3.6 points', 'less than 0.1 points', '12.0 points')
    """
    shown = f"{abs(fraction) * 100:.1f}"
    return f"{'less than 0.1' if shown == '0.0' else shown} points"


def percent(fraction: float) -> str:
    """A part of a whole.

    >>> [percent(part) for part in (0.743, 0.0312, 0.03, 0.0002, 0.0, 0.997, 1.0)]
    ['74%', '3.1%', '3%', 'less than 0.1%', '0%', 'more than 99%', '100%']
    """
    if 0.995 <= fraction < 1:
        return "more than 99%"
    if 0 < abs(fraction) < 0.0005:
        return "less than 0.1%"
    return f"{_rounded(fraction * 100)}%"


def changed_by(fraction: float) -> str:
    """A change as a share of what was before; beyond ten times as much the factor is said.

    >>> [changed_by(share) for share in (0.12, -0.351, 0.0, -0.0002, 25.0)]
    ['+12%', '-35%', '0%', '0%', '26 times as much']
    """
    if fraction >= 9:
        return f"{number(round(fraction + 1))} times as much"
    shown = _rounded(fraction * 100)
    return f"{'+' if float(shown.replace(',', '')) > 0 else ''}{shown}%"


def time(days: float) -> str:
    """A span of time: days up to a quarter, then months, from two years on years.

    >>> [time(days) for days in (0.0, 0.4, 1.2, 14.0, 91.0, 335.0, 800.0, 4383.0, -3.0)]
    ['0 days', 'less than a day', '1 day', '14 days', '91 days', '11 months', '2.2 years', '12 years', '-3 days']
    """
    if days < 0:
        return f"-{time(-days)}"
    if 0 < days < 0.95:
        return "less than a day"
    if days < 92:
        return _counted(round(days), "day")
    if days < 2 * _YEAR:
        return _counted(round(days / _MONTH), "month")
    years = days / _YEAR
    return _counted(float(f"{years:.1f}") if years < 9.95 else round(years), "year")


def measured(value: float, unit: str | None) -> str:
    """A number with its unit, exactly as meant; a year is no amount, and a part of something is a percentage of it.

    >>> measured(1, "products"), measured(1234.5, "USD"), measured(2017, "year"), measured(0.74, "of the time")
    ('1 product', '1,234 USD', '2017', '74% of the time')
    >>> measured(0.5, None), measured(-0.2, CHANGE), measured(0.25, SHARE), measured(0.8, "times as much")
    ('0.5', '-20%', '25%', '0.8 times as much')
    """
    if not unit:
        return number(value)
    if unit == "year" and value == int(value):
        return f"{value:.0f}"
    if unit == CHANGE:
        return changed_by(value)
    if unit == SHARE or unit.startswith("of the "):
        return percent(value) + ("" if unit == SHARE else f" {unit}")
    if unit == "%":
        return f"{number(value)}%"
    shown = number(value)
    return f"{shown} {of_one(unit) if shown in ('1', '-1') else unit}"


def between(low: float, high: float, unit: str | None) -> str:
    """A range that begins at `low` and ends before `high`, with its unit once where that can be.

    >>> between(50, 200, "people"), between(2001, 2010, "year"), between(0.05, 0.1, CHANGE)
    ('50 to under 200 people', '2001 to under 2010', '+5% to under +10%')
    """
    both = unit in ("year", CHANGE, SHARE)
    return f"{measured(low, unit if both else None)} to under {measured(high, unit)}"


def of_one(unit: str) -> str:
    """A unit as it is said of one.

    >>> of_one("support tickets"), of_one("days"), of_one("USD a month"), of_one("countries"), of_one("people")
    ('support ticket', 'day', 'USD a month', 'country', 'person')
    """
    if unit == "people":
        return "person"
    if not unit.islower() or not unit.endswith("s") or unit.endswith("ss"):
        return unit
    return f"{unit[:-3]}y" if unit.endswith("ies") else unit[:-1]


def _counted(count: float, unit: str) -> str:
    return f"{number(count)} {unit}{'' if count == 1 else 's'}"


def _rounded(value: float) -> str:
    """With one digit after the point below ten, with none from there on."""
    shown = f"{value:,.0f}" if abs(value) >= 9.95 else f"{value:.1f}".removesuffix(".0")
    return "0" if shown == "-0" else shown
