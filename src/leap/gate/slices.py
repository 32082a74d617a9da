"""No part of the accounts served much worse than by the base rate, or than by the champion.

A model may be good on the whole and harmful to the smallest customers. A slice is looked at if at least MIN_EVENTS of
its accounts churned. It fails only if its Brier score is worse by more than a twentieth *and* beyond chance with all
slices looked at together: of twenty slices one is worse by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap import metrics
from leap.features import Scope
from leap.gate.check import Check
from leap.gate.held_out import events
from leap.gate.paired import Difference, Resamples, difference
from leap.models.frames import ScopeFrame
from leap.models.selection import MIN_EVENTS

_MUCH = 0.05
_MOST_SEGMENTS = 3
_MOST_LEVELS = 12


@dataclass(frozen=True)
class Reference:
    """What a slice is compared with: its name in the table and in words, the rows it predicted and what it said."""

    name: str
    words: str
    outcome: np.ndarray
    ours: np.ndarray
    theirs: np.ndarray
    accounts: np.ndarray
    labels: Mapping[str, np.ndarray]


def slice_labels(frame: ScopeFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Which slice each of these rows of a frame is in, by kind: segments, starting MRR in thirds, tenure in years."""
    labels: dict[str, np.ndarray] = {}
    for feature in frame.features.catalog.features:
        if feature.kind == "category" and feature.scope == Scope.FIT and len(labels) < _MOST_SEGMENTS:
            cells = frame.features.frame[feature.name].iloc[rows]
            if 1 < cells.nunique() <= _MOST_LEVELS:
                labels[feature.name] = cells.where(cells.notna(), "(missing)").to_numpy(dtype=object).astype(str)
    starting = frame.rows.labels.starting[rows]
    low, high = np.quantile(starting, [1 / 3, 2 / 3])
    if low < high:
        named = np.array(["small", "middle", "large"])
        labels["size"] = named[(starting > low).astype(int) + (starting > high)]
    tenure = frame.snapshots.rows["tenure_months"].to_numpy()[rows]
    spans = np.array(["under 1 year", "1 to 3 years", "over 3 years"])
    labels["tenure"] = spans[(tenure >= 12).astype(int) + (tenure >= 36)]
    return labels


def slice_checks(references: list[Reference]) -> list[Check]:
    """One row a slice and reference that can be judged, and one that says how many there were."""
    found = [(reference, name, n, d) for reference in references for name, n, d in _differences(reference)]
    checks = [_check(reference, name, n, d, len(found)) for reference, name, n, d in found]
    bad = sum(not check.passed for check in checks)
    if not checks:
        words = f"No slice has {MIN_EVENTS} accounts with the event yet: none is judged."
    else:
        words = f"{len(checks)} slices judged (segments, size, tenure; at least {MIN_EVENTS} accounts with the event), "
        words += f"{bad} much worse beyond chance."
    return [Check("slices", not bad, words, float(len(checks) - bad), float(len(checks))), *checks]


def _differences(reference: Reference) -> Iterator[tuple[str, int, Difference]]:
    for kind, label in reference.labels.items():
        for value in sorted(pd.unique(label)):
            keep = label == value
            n = events(reference.outcome[keep], reference.accounts[keep])
            # A slice of nearly everyone says what the whole says.
            if n < MIN_EVENTS or keep.mean() > 0.95:
                continue
            yield f"{kind} = {value}", n, _difference(reference, keep)


def _difference(reference: Reference, keep: np.ndarray) -> Difference:
    return difference(
        metrics.brier, reference.outcome[keep], reference.ours[keep], reference.theirs[keep],
        Resamples.of(reference.accounts[keep]),
    )  # fmt: skip


def _check(reference: Reference, name: str, n: int, found: Difference, looks: int) -> Check:
    much = found.value > _MUCH * found.theirs
    worse = much and found.worse(looks)
    verdict = "much worse beyond chance" if worse else "not much worse beyond chance"
    words = (
        f"{name}: Brier score {found.ours:.4f}, {reference.words} {found.theirs:.4f} ({n} accounts with the event): "
        f"{verdict}."
    )
    return Check(f"{reference.name}.{name}", not worse, words, found.ours, found.theirs, found.low, found.high)
