"""Conditions on numbers in words: counts ("no deals lost", "50 to 199 employees"), years and measures."""

from __future__ import annotations

import re

from leap.explanation import wording
from leap.explanation.figures import of_one
from leap.features import CHANGE, RATE, SHARE, Feature
from leap.features.naming import is_plural, within
from leap.icp.rules import Condition
from leap.icp.words import PLAIN, Part, Place, clean, named

_WINDOW = re.compile(r", last (\d+) days$")
_OVER = re.compile(r"^(?P<what>.*), (?P<move>change|growth) (?P<over>over .*)$")
_TIMES = ("minutes", "hours", "days", "weeks", "months", "quarters", "years")


def number_part(condition: Condition) -> Part:
    """A condition on a number: what is counted stands behind \"with\", what is measured behind \"whose\"."""
    feature, label = condition.feature, clean(condition.feature.label)
    unit = clean(feature.unit) if feature.unit else ""
    if unit == "year":
        founded = label.lower() in ("founded", "founded in", "year founded", "founding year", "foundation year")
        year = _year(condition)
        return Part(Place.WITH, f"founded {year}") if founded else Part(Place.WHOSE, f"whose {named(label)} is {year}")
    if not PLAIN.fullmatch(label):
        return Part(Place.WHOSE, f"whose “{label}” is {_range(condition, unit)}")
    if feature.recipe.operation == "changes" and label.endswith(": changes so far"):
        return Part(Place.WHOSE, f"whose {named(label.rpartition(':')[0])} {_times(condition)}")
    noun = _noun(feature, label, unit)
    if noun is not None:
        during = _during(label)
        counted = _count(condition, noun, unit)
        if noun.startswith("events of "):
            counted = re.sub(r"^no events of ", "no ", re.sub(r"^at least one event of ", "", counted))
        return Part(Place.WITH, f"with {counted}{during}")
    if unit.startswith("of the "):
        unit = SHARE
    return Part(Place.WHOSE, f"whose {_quantity(label)} is {_range(condition, '' if _says(label, unit) else unit)}")


def _times(condition: Condition) -> str:
    """How often something changed."""
    times = _count(condition, "times", "times")
    said = {"no times": "never changed", "at least one time": "changed at least once"}
    return said.get(times, f"changed {times}")


def _noun(feature: Feature, label: str, unit: str) -> str | None:
    """What is counted, in the plural; None where the number is no count."""
    countable = unit == "people" or (is_plural(unit) and " " not in unit)
    main = _WINDOW.sub("", label)
    begins_with_unit = main.lower().startswith(unit.lower())
    if not countable or _OVER.match(label) or (unit in _TIMES and not begins_with_unit):
        return None
    if feature.recipe.operation in ("change", "growth", "trend", "recency", "mean", "amount_mean", "level", "age"):
        return None
    prefix, _, kind = main.partition(": ")
    kind = f" ({kind})" if kind else ""
    inside, first = within(prefix), within(prefix).split(" ")[0]
    if is_plural(inside) or is_plural(first) or re.search(rf"\b{re.escape(unit)}\b", inside, re.IGNORECASE):
        return f"{inside}{kind}"
    return f"{unit} of {within(prefix)}{kind}" if unit == "events" else f"{unit} ({within(prefix)}{kind})"


def _count(condition: Condition, noun: str, unit: str) -> str:
    one = _of_one(noun, unit)
    if condition.op == "between":
        low, high = _bounds(condition)
        if low <= 0:
            return "no " + noun if high <= 1 else f"fewer than {_n(high)} {noun}"
        if low == int(low) and high == int(high):
            return f"{_n(low)} to {_n(high - 1)} {noun}" if high - low > 1 else f"exactly {_counted(low, noun, one)}"
        return f"{_n(low)} to under {_n(high)} {noun}"
    value = _bound(condition)
    if (condition.op == "<" and 0 < value <= 1) or (condition.op in ("<=", "==") and value == 0):
        return f"no {noun}"
    if (condition.op == ">=" and 0 < value <= 1) or (condition.op == ">" and value == 0):
        return f"at least one {one}"
    sign = {">=": "at least", ">": "more than", "<=": "at most", "<": "fewer than", "==": "exactly", "!=": "other than"}
    return f"{sign[condition.op]} {_counted(value, noun, one)}"


def _counted(value: float, noun: str, one: str) -> str:
    return f"1 {one}" if value == 1 else f"{_n(value)} {noun}"


def _of_one(noun: str, unit: str) -> str:
    """A counted thing as it is said of one.

    >>> _of_one("deals lost", "deals"), _of_one("active technologies", "technologies"), _of_one("employees", "people")
    ('deal lost', 'active technology', 'employee')
    """
    found = re.search(rf"\b{re.escape(unit)}\b", noun, re.IGNORECASE)
    if found:
        return f"{noun[: found.start()]}{of_one(found.group())}{noun[found.end() :]}"
    main, bracket, rest = noun.partition(" (")
    before, space, last = main.rpartition(" ")
    if is_plural(last):
        return f"{before}{space}{of_one(last)}{bracket}{rest}"
    first, _, others = noun.partition(" ")
    return f"{of_one(first)} {others}"


def _range(condition: Condition, unit: str) -> str:
    if condition.op == "between":
        return wording.between(*_bounds(condition), unit or None)
    sign = {">=": "at least", ">": "more than", "<=": "at most", "<": "under", "==": "exactly", "!=": "other than"}
    return f"{sign[condition.op]} {wording.measured(_bound(condition), unit or None)}"


def _year(condition: Condition) -> str:
    if condition.op == "between":
        low, high = _bounds(condition)
        return f"from {low:.0f} to {high - 1:.0f}" if high - low > 1 else f"in {low:.0f}"
    year = f"{_bound(condition):.0f}"
    return {
        ">=": f"in {year} or later", ">": f"after {year}", "<=": f"in {year} or earlier", "<": f"before {year}",
        "==": f"in {year}", "!=": f"in a year other than {year}",
    }[condition.op]  # fmt: skip


def _quantity(label: str) -> str:
    """A label as it stands after "whose".

    >>> _quantity("Employees, change over 91 days"), _quantity("Demand index of its industry, latest published")
    ('change in employees over 91 days', 'demand index of the industry')
    >>> _quantity("Profiles: time since last observed"), _quantity("Usage, last 28 days")
    ('time since last observed (profiles)', 'usage in the last 28 days')
    """
    label = label.removesuffix(", latest published").replace(" of its industry", " of the industry")
    over = _OVER.match(label)
    if over:
        return f"{over['move']} in {within(over['what'])} {over['over'].replace('365 days', 'a year')}"
    during = _during(label)
    prefix, colon, rest = _WINDOW.sub("", label).partition(": ")
    return f"{within(rest)} ({within(prefix)}){during}" if colon else f"{within(prefix)}{during}"


def _during(label: str) -> str:
    """The window of a label as it stands behind what it is of."""
    window = _WINDOW.search(label)
    return f" in the last {_span(window.group(1))}" if window else ""


def _span(days: str) -> str:
    return "year" if days == "365" else f"{days} days"


def _says(label: str, unit: str) -> bool:
    """Whether a label names its unit itself, so that it need not be said again."""
    plain = unit.replace(" ", "").isalpha() and unit not in (CHANGE, RATE, SHARE, "year", "days")
    return plain and re.search(rf"\b{re.escape(unit)}\b", _WINDOW.sub("", label), re.IGNORECASE) is not None


def _bounds(condition: Condition) -> tuple[float, float]:
    low, high = condition.value  # type: ignore[misc, str-unpack]
    return float(low), float(high)


def _bound(condition: Condition) -> float:
    return float(condition.value)  # type: ignore[arg-type]


def _n(value: float) -> str:
    return wording.number(value)
