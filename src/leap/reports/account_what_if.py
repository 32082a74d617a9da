"""What if: the fields of a form in which values of one account can be supposed, and what the model says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from leap.explanation import wording
from leap.explanation.what_if import Change
from leap.features import Feature
from leap.reports.charts.svg import short
from leap.scoring.supposed import Figures, Supposed, WhatIf
from leap.scoring.what_if import Movable

MOST_FIELDS = 60
MOST_TEXT = 200
LARGEST = 1e12
"""Beyond it no count, amount or time of an account lies."""
_MOST_PROPOSALS = 5
_MOST_LEVELS = 200
_MOST_TOLD = 3
_YES_NO = (("1", "yes"), ("0", "no"))


@dataclass(frozen=True)
class Field:
    """One field of the form: what the account has, what comparable accounts have, what was given, what to know of it.

    `choices` are values and words of a list; without any the field takes a number. `text` is what was given, as it was.
    """

    name: str
    label: str
    unit: str
    present: str
    usual: str
    leading: bool
    choices: tuple[tuple[str, str], ...] = ()
    text: str = ""
    problems: tuple[str, ...] = ()


def fields_of(found: Sequence[Movable]) -> list[Field]:
    """The fields, what leads first; at most `MOST_FIELDS`."""
    ordered = sorted(found, key=lambda one: not one.leading)
    return [_field(one) for one in ordered[:MOST_FIELDS]]


def _field(one: Movable) -> Field:
    feature = one.feature
    choices: tuple[tuple[str, str], ...] = ()
    if feature.kind == "boolean":
        choices = _YES_NO
    elif feature.kind == "category":
        choices = tuple((level, short(wording.value_of(feature, level), 80)) for level in one.levels[:_MOST_LEVELS])
    return Field(
        feature.name, feature.label, feature.unit, short(wording.value_of(feature, one.present), 80), _usual(one),
        one.leading, choices,
    )  # fmt: skip


def _usual(one: Movable) -> str:
    if one.low is None or one.high is None or one.feature.kind != "number":
        return ""
    low, high = (wording.value_of(one.feature, end) for end in (one.low, one.high))
    return low if low == high else f"{low} to {high}"


def read(
    fields: Sequence[Field], kinds: Mapping[str, str], given: Mapping[str, object]
) -> tuple[dict[str, object], list[Field]]:
    """Values of the kinds of features, and the fields with what was given and what is wrong with it.

    Nothing, or only blanks, is the value as it is; what no field takes is left out.
    """
    values: dict[str, object] = {}
    filled = []
    for field in fields:
        text, problem = _text(given.get(field.name, ""))
        value: object = None
        if text and not problem:
            value, problem = _value(text, kinds[field.name])
        if value is not None:
            values[field.name] = value
        filled.append(replace(field, text=text, problems=(problem,) if problem else ()))
    return values, filled


def _text(given: object) -> tuple[str, str]:
    if isinstance(given, list) and given:
        return str(given[-1])[:MOST_TEXT], f"Expected one value, found {len(given)}."
    text = str(given).strip()
    if len(text) > MOST_TEXT:
        return text[:MOST_TEXT], f"Expected at most {MOST_TEXT} characters, found {len(text):,}."
    return text, ""


def _value(text: str, kind: str) -> tuple[object, str]:
    """A value of a kind, or None and what is wrong.

    >>> _value("12.5", "number"), _value("nan", "number")
    ((12.5, ''), (None, "Expected a number such as 12.5, found 'nan'."))
    """
    if kind == "category":
        return text, ""
    if kind == "boolean":
        return (float(text), "") if text in ("0", "1") else (None, f"Expected yes or no, found {text[:40]!r}.")
    try:
        number = float(text.replace(",", "")) if text.isascii() else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return None, f"Expected a number such as 12.5, found {text[:40]!r}."
    if abs(number) > LARGEST:
        return None, f"Expected a number of at most {LARGEST:,.0f}, found a larger one."
    return number, ""


def with_warnings(fields: Sequence[Field], found: Supposed) -> list[Field]:
    """The fields with what the model says of the values given: unusual, contradictory, unknown."""
    result = []
    for field in fields:
        told = [one.said for one in found.warned if field.name in one.features and field.text]
        more = len(told) - _MOST_TOLD
        told = [*told[:_MOST_TOLD], *([f"And {more} more that it contradicts."] if more > 0 else [])]
        result.append(replace(field, problems=(*field.problems, *told)))
    return result


def told_nowhere(fields: Sequence[Field], found: Supposed) -> list[str]:
    """Warnings that are about no field that was filled in."""
    filled = {field.name for field in fields if field.text}
    return [one.said for one in found.warned if not filled & set(one.features)]


@dataclass(frozen=True)
class Proposal:
    """An account that has other values: what differs in words, and the figures before and after.

    `moved_along` is how many features move with those told; `not_yet` where a driver of it is not to be acted on.
    """

    said: tuple[str, ...]
    moved_along: int
    before: Figures
    after: Figures
    not_yet: bool

    @property
    def gain(self) -> float:
        """Points of NRR, as a fraction."""
        return self.after.nrr - self.before.nrr

    @property
    def money(self) -> float | None:
        """The MRR expected after the horizon, against now; a month."""
        if self.before.money is None or self.after.money is None:
            return None
        return self.after.money - self.before.money


def proposal(found: Supposed) -> Proposal:
    """What was supposed, laid out."""
    said = tuple(_said(change) for change in found.leading)
    moved = len(found.changes) - len(found.leading)
    return Proposal(said, moved, found.before, found.after, found.stable is False)


def proposals(found: WhatIf, most: int = _MOST_PROPOSALS) -> list[Proposal]:
    """One change at a time before two together; what is not to be acted on yet comes last."""
    ordered = sorted(found.proposals, key=lambda one: (one.stable is False, len(one.leading)))
    return [proposal(one) for one in ordered[:most]]


def _said(change: Change) -> str:
    feature: Feature = change.feature
    after, before = wording.value_of(feature, change.after), wording.value_of(feature, change.before)
    return f"{feature.label}: {after} instead of {before}"
