"""Parts of the model card that are there only if a training gave them: slices, coverage, survival, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.features import Scope
from leap.reports.rendering import count, decimals, known

_WHOSE = ((Scope.HEALTH, "customers"), (Scope.FIT, "before the purchase"))
_OUTCOMES = {"churn": "Churn", "contraction": "Contraction", "expansion": "Expansion"}


@dataclass(frozen=True)
class CardParts:
    """Rows of optional tables; an empty one leaves its section out."""

    slices: tuple[Mapping[str, Any], ...] = ()
    segments: tuple[Mapping[str, Any], ...] = ()
    alarms: tuple[str, ...] = ()
    survival: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    passed: bool | None = None


def parts(bundle: ModelBundle, gate: Sequence[Mapping[str, Any]] | None = None) -> CardParts:
    """What the bundle's quality holds beyond the figures of outcomes, and the checks of the gate if there are any."""
    quality = bundle.quality
    judged = gate_part(gate)
    coverage = [(words, quality[scope].get("intervals") or {}) for scope, words in _WHOSE]
    return CardParts(
        slices=tuple(
            {**row, "scope": words, "outcome": _OUTCOMES.get(row["outcome"], row["outcome"]), "part": part_words(row)}
            for scope, words in _WHOSE
            for row in quality[scope].get("slices") or ()
            if row["outcome"] == "churn" or (scope == Scope.HEALTH and _ranks(quality[scope], row["outcome"]))
        ),
        segments=tuple({**row, "scope": words} for words, found in coverage for row in found.get("segments") or ()),
        alarms=tuple(f"{words}: {found['alarm']}" for words, found in coverage if found.get("alarm")),
        survival=quality[Scope.HEALTH].get("survival") or {},
        checks=judged.checks,
        passed=judged.passed,
    )


def gate_part(gate: Sequence[Mapping[str, Any]] | None) -> CardParts:
    """The checks that a new model was put to and their verdict; nothing before it was judged."""
    checks = tuple(gate or ())
    return CardParts(checks=checks, passed=all(check.get("passed") for check in checks) if checks else None)


def _ranks(quality: Mapping[str, Any], outcome: str) -> bool:
    """Whether the outcome's model says more than its base rate."""
    return bool((quality["outcomes"].get(outcome) or {}).get("learner", "base_rate") != "base_rate")


def part_words(row: Mapping[str, Any]) -> str:
    """The value of a slice, with the ends of a third.

    >>> part_words({"value": "lowest third", "low": 10.0, "high": 250.0}), part_words({"value": "retail"})
    ('lowest third (10 to 250)', 'retail')
    """
    low, high = known(row.get("low")), known(row.get("high"))
    if low is None or high is None:
        return str(row["value"])
    written = count if high >= 20 else decimals
    return f"{row['value']} ({written(low)} to {written(high)})"
