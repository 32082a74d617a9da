"""An account with other values: what changes, the figures before and after, and how values are given in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leap.errors import CatalogError
from leap.explanation.changes import as_kind
from leap.explanation.what_if import Change
from leap.features import Feature, FeatureCatalog
from leap.models.plain_values import plain_value
from leap.scoring.reasons import plain
from leap.scoring.table import ScoreTable

SAYS = "What the model says of accounts that are so: not a promise of what follows for one that is changed."
LEAST_GAIN = 0.005
"""Points of NRR (as a fraction) below which a change is not worth telling."""
NOTHING_ACTIONABLE = (
    "No feature of this model is declared actionable, so there is nothing to propose. Declare `actionable = true` for "
    "the columns or tables in leap.toml that you can move (or name their `actionable_kinds`), and train again."
)
LEAVING = "It is leaving already: its end is known, so there is no score that a change could move."
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Figures:
    """What is expected of an account: NRR, probability of churn, value of twelve months, and the MRR after the horizon
    (its MRR times NRR, a month); money is None where unknown.
    """

    nrr: float
    churn: float
    value_12m: float | None
    money: float | None

    @classmethod
    def of(cls, table: ScoreTable, i: int) -> Figures:
        """Those of a row of scores."""
        nrr = float(table.prediction.nrr[i])
        value, money = plain(float(table.value[0][i])), plain(float(table.mrr[i]) * nrr)
        return cls(nrr, float(table.prediction.p[i]), value, money)


@dataclass(frozen=True)
class Warned:
    """What to know of given values in words, with the names of the features that it is about."""

    features: tuple[str, ...]
    said: str


@dataclass(frozen=True)
class Supposed:
    """An account with other values: what changes, the figures before and after, and what to know of it.

    `leading` is how many of the changes lead (one a lever), first among each lever's; `stable` is False where a driver
    that changes is marked "do not act yet", None where none of the drivers does.
    """

    changes: tuple[Change, ...]
    leading: tuple[Change, ...]
    before: Figures
    after: Figures
    stable: bool | None
    phrase: str
    warned: tuple[Warned, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know of it, in words."""
        return tuple(one.said for one in self.warned)

    @property
    def gain(self) -> float:
        """By how much NRR is higher, as a fraction."""
        return self.after.nrr - self.before.nrr

    def to_json(self) -> dict[str, Any]:
        """One entry of `what_if`."""
        leading = {change.feature.name for change in self.leading}
        return {
            "changes": [
                {
                    "feature": change.feature.name,
                    "label": change.feature.label,
                    "from": as_kind(change.feature, change.before),
                    "to": as_kind(change.feature, change.after),
                    "leading": change.feature.name in leading,
                }
                for change in self.changes
            ],
            **{name: _both(getattr(self.before, name), getattr(self.after, name)) for name in Figures.__annotations__},
            "stable": self.stable,
            "phrase": self.phrase,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class WhatIf:
    """What may be proposed for one account, largest gain first; `note` says why nothing is, with the remedy."""

    account_id: str
    as_of: str
    before: Figures | None
    proposals: tuple[Supposed, ...] = ()
    note: str | None = None
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """`what_if` of the JSON of `explain`."""
        return {
            "says": SAYS,
            "before": None if self.before is None else dict(self.before.__dict__),
            "proposals": [proposal.to_json() for proposal in self.proposals],
            "note": self.note,
            "left_out": list(self.left_out),
        }


def parse_given(catalog: FeatureCatalog, texts: Sequence[str]) -> dict[str, object]:
    """`feature=value` as values of the catalog's kinds; an empty value is a missing one; CatalogError for others."""
    given: dict[str, object] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise CatalogError(f"Expected feature=value, found {text!r}.", details=[text])
        catalog.require([name])
        if name in given:
            raise CatalogError(f"{name}: given twice; one value is expected.", details=[name])
        given[name] = plain_value(catalog.by_name[name], _of_kind(catalog.by_name[name], value))
    return given


def _of_kind(feature: Feature, text: str) -> object:
    if text == "" or feature.kind == "category":
        return text
    if feature.kind == "boolean" and text.lower() in (*_YES, *_NO):
        return text.lower() in _YES
    try:
        return float(text)
    except ValueError:
        expected = "yes or no" if feature.kind == "boolean" else "a number such as 12.5"
        raise CatalogError(f"{feature.name}: expected {expected}, found {text!r}.", details=[feature.name]) from None


def _both(before: float | None, after: float | None) -> dict[str, float | None]:
    change = None if before is None or after is None else after - before
    return {"before": before, "after": after, "change": change}
