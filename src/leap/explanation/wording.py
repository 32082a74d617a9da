"""Reasons, changes and what-ifs in words: value, what is usual, and the points they are associated with; never causal.

`usual` is what is usual among comparable accounts (`Peers.typical`), `share` which part of them has a usual category.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from leap.explanation import figures
from leap.explanation.figures import between, measured, money, number
from leap.features import CHANGE, RATE, SHARE, Feature
from leap.features.naming import value_words

__all__ = [
    "between", "change_phrase", "group_phrase", "measured", "money", "number", "outcome_phrase", "phrase",
    "value_beside_usual", "value_of", "what_if_phrase",
]  # fmt: skip

LIKE_THIS = "accounts like this"
NOT_A_LEVER = "a sign of a decision already taken, not a lever"
NO_PROMISE = "what it says of such accounts, not a promise"
_MOST = 0.5
_TIMES = ("days", "months")
_SPANS = re.compile(r"\b\d+ (days|months|weeks)\b|\bthe \d+\b")


def value_of(feature: Feature, value: object) -> str:
    """A feature's value with its unit as a reader wants it; missing as the catalog explains it."""
    if is_missing(value):
        return feature.missing
    if feature.kind == "category":
        return value_words(str(value))
    number_of = value if isinstance(value, float) else float(str(value))
    if feature.kind == "boolean":
        return "yes" if number_of >= 0.5 else "no"
    return _number_of(feature, number_of)


def is_missing(value: object) -> bool:
    """Whether a value is none at all."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def value_beside_usual(
    feature: Feature, value: object, usual: object, *, share: float | None = None, typical: str | None = None
) -> str:
    """A feature's label and value, and what is usual for accounts like this; `typical` is the latter in words."""
    shown = value_of(feature, value)
    return f"{feature.label}: {shown}{_beside(feature, value, shown, usual, share, typical)}"


def phrase(
    feature: Feature,
    value: object,
    usual: object,
    points: float,
    monthly_money: float | None,
    currency: str,
    *,
    share: float | None = None,
    related: int = 0,
    typical: str | None = None,
) -> str:
    """One reason in words: value, what is usual, and the points of NRR it is associated with.

    `points` is a fraction of NRR, `related` how many further features of its group are told with it, `typical` the
    usual value in words where they are known already.
    """
    said = value_beside_usual(feature, value, usual, share=share, typical=typical) + _with(related)
    return f"{said}; {_nrr(points, monthly_money, currency)}{_nature(feature)}"


def group_phrase(
    feature: Feature,
    value: object,
    usual: object,
    points: float,
    monthly_money: float | None,
    currency: str,
    *,
    related: int,
    share: float | None = None,
) -> str:
    """Features of one group told together: the leading one, how many stand beside it, and the points of all."""
    return phrase(feature, value, usual, points, monthly_money, currency, share=share, related=related)


def change_phrase(
    feature: Feature,
    before: object,
    now: object,
    points: float,
    monthly_money: float | None,
    currency: str,
    *,
    related: int = 0,
) -> str:
    """What changed between two scores of an account: "was 14, now 3", and the points by which its NRR differs."""
    was, is_now = value_of(feature, before), value_of(feature, now)
    moved = f"still {is_now}" if was == is_now else f"was {was}, now {is_now}"
    return f"{feature.label}: {moved}{_with(related)}; {_nrr(points, monthly_money, currency)}{_nature(feature)}"


def what_if_phrase(
    changes: Sequence[tuple[Feature, object, object]],
    before: float,
    after: float,
    monthly_money: float | None = None,
    currency: str = "",
    *,
    usual: bool = False,
    figure: str = "NRR",
) -> str:
    """What the model would say if values (feature, as it is, instead) were others; fractions before and after.

    With `usual` the values instead are what is usual for comparable accounts.
    """
    supposed = " and ".join(_supposed(*change) for change in changes)
    like = f", as is usual for {LIKE_THIS}" if usual else ""
    cost = "" if monthly_money is None else f" ({figures.money_change(monthly_money, currency)} a month)"
    says = _says(figure, before, after)
    return f"If {supposed}{like}, the model would say {says}{cost}: {NO_PROMISE}"


def outcome_phrase(
    feature: Feature,
    value: object,
    usual: object,
    points: float,
    outcome: str,
    *,
    binary: bool,
    share: float | None = None,
    related: int = 0,
) -> str:
    """One reason for an outcome of a flat table: points of its probability, or of the number itself."""
    said = value_beside_usual(feature, value, usual, share=share) + _with(related)
    way = _way(points)
    if binary:
        return f"{said}; associated with {figures.points(points)} {way} probability of {outcome}{_nature(feature)}"
    return f"{said}; associated with {outcome} {way} by {number(abs(points))}{_nature(feature)}"


def _number_of(feature: Feature, value: float) -> str:
    unit = feature.unit
    if _says_unit(feature.label, unit):
        shown = number(round(value) if unit in _TIMES and abs(value) >= 1 else value)
    elif unit == "days":
        shown = figures.time(value)
    elif unit == RATE and value == 1:
        return "the same"
    else:
        shown = measured(value, unit)
    signed = feature.recipe.operation == "change" and unit != CHANGE and value > 0
    return f"+{shown}" if signed else shown


@lru_cache(maxsize=4096)
def _says_unit(label: str, unit: str) -> bool:
    """Whether a label such as "Days with usage, last 28 days" names the unit itself, apart from its window.

    >>> _says_unit("Days with usage, last 28 days", "days"), _says_unit("Active seats", "seats")
    (True, True)
    >>> _says_unit("Support tickets, last 28 days", "support tickets")
    True
    >>> _says_unit("First reply, change over 91 days", "days"), _says_unit("Usage, last 28 days", "actions")
    (False, False)
    """
    plain = unit.replace(" ", "").isalpha() and unit not in (CHANGE, RATE, SHARE, "year")
    return plain and re.search(rf"\b{re.escape(unit)}\b", _SPANS.sub("", label), re.IGNORECASE) is not None


def _beside(
    feature: Feature, value: object, shown: str, usual: object, share: float | None, typical: str | None
) -> str:
    if is_missing(usual):
        return "" if is_missing(value) else f" (most {LIKE_THIS}: {feature.missing})"
    if feature.kind == "number":
        typical = value_of(feature, usual) if typical is None else typical
        return f", as is usual for {LIKE_THIS}" if shown == typical else f", usually {typical} for {LIKE_THIS}"
    beside = _beside_yes_or_no if feature.kind == "boolean" else _beside_category
    return beside(value, usual, share)


def _beside_yes_or_no(value: object, usual: object, share: float | None) -> str:
    many = "most" if share is None else "all" if share == 1 else f"{figures.percent(share)} of"
    if is_missing(value):
        return f", {'yes' if float(str(usual)) >= 0.5 else 'no'} for {many} {LIKE_THIS}"
    same = (float(str(value)) >= 0.5) == (float(str(usual)) >= 0.5)
    return f", {'as for' if same else 'unlike'} {many} {LIKE_THIS}"


def _beside_category(value: object, usual: object, share: float | None) -> str:
    same, most = str(value) == str(usual), value_words(str(usual))
    if share is not None and share > _MOST:
        return f", as most {LIKE_THIS} have" if same else f", most {LIKE_THIS} have {most}"
    part = "" if share is None else f" ({figures.percent(share)})"
    return f", the most frequent among {LIKE_THIS}{part}" if same else f", most often {most} among {LIKE_THIS}{part}"


def _with(related: int) -> str:
    return f" (with {related} related feature{'' if related == 1 else 's'})" if related else ""


def _nrr(points: float, monthly_money: float | None, currency: str) -> str:
    cost = "" if monthly_money is None else f" ({figures.money_change(monthly_money, currency)} a month)"
    return f"associated with {figures.points(points)} {_way(points)} NRR{cost}"


def _way(points: float) -> str:
    return "lower" if points < 0 else "higher"


def _nature(feature: Feature) -> str:
    return f"; {NOT_A_LEVER}" if feature.nature == "consequence" else ""


def _supposed(feature: Feature, as_it_is: object, instead: object) -> str:
    now, then = value_of(feature, as_it_is), value_of(feature, instead)
    rather = f"(now: {now})" if is_missing(as_it_is) else f"instead of {now}"
    would_be = f"not known ({then})" if is_missing(instead) else then
    return f"{feature.label} were {would_be} {rather}"


def _says(figure: str, before: float, after: float) -> str:
    """Two figures with as many digits as tell them apart, at most one after the point."""
    for digits in (0, 1):
        was, would = f"{before:.{digits}%}", f"{after:.{digits}%}"
        if was != would:
            return f"{figure} {would} instead of {was}"
    return f"nearly the same {figure}, {would}"
