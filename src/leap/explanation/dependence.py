"""How a driver's contribution goes with its value, summed up small enough to live in a bundle.

The service has no training rows: what a picture of a driver needs (usual contribution by value, how far it spreads,
how many accounts have such values, and what is missing) is computed once, when the bundle is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from leap.explanation.drivers import Driver
from leap.features import Feature, FeatureFrame
from leap.models.composition import ScopeModel

_BINS, _BARS, _LEVELS = 8, 20, 10
_SPREAD = (0.1, 0.9)
_MOST_ROWS, MOST_DRIVERS = 4000, 20
_LONG_TAIL, _MOST_LEVEL = 50.0, 200
OTHER_LEVELS = "(all others)"


@dataclass(frozen=True)
class Part:
    """Accounts alike in a value: how many, their usual (mean) contribution in fractions of NRR, and where 8 in 10 lie.

    `value` is the median of a number, `level` the value of a category or boolean; both None for what is missing.
    """

    accounts: int
    points: float
    low: float
    high: float
    value: float | None = None
    level: str | None = None

    @classmethod
    def of(cls, contribution: np.ndarray, value: float | None = None, level: str | None = None) -> Part:
        """From the contributions of these accounts, shape (n,) with n > 0."""
        low, high = np.quantile(contribution, _SPREAD)
        usual = _short(float(np.mean(contribution)))
        return cls(len(contribution), usual, _short(float(low)), _short(float(high)), value, level)


@dataclass(frozen=True)
class Dependence:
    """One driver: the value of its leading feature, and the contribution of all its features together.

    `counts` are accounts in equally wide bars from `span[0]` to `span[1]` (of log(1 + value) where `axis` is "log"),
    those beyond the span in the outer bars; empty for categories.
    """

    feature: str
    label: str
    unit: str
    kind: str
    features: tuple[str, ...]
    parts: tuple[Part, ...]
    missing: Part | None
    missing_words: str
    axis: Literal["linear", "log", "levels"]
    span: tuple[float, float]
    counts: tuple[int, ...]

    @property
    def accounts(self) -> int:
        """All accounts that were looked at."""
        return sum(part.accounts for part in self.parts) + (self.missing.accounts if self.missing else 0)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        parts = [_filled(part) for part in self.parts]
        missing = None if self.missing is None else _filled(self.missing)
        return {**self.__dict__, "features": list(self.features), "parts": parts, "missing": missing,
                "span": list(self.span), "counts": list(self.counts)}  # fmt: skip

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Dependence:
        """The inverse of `to_json`."""
        missing = document["missing"]
        return cls(**{
            **document,
            "features": tuple(document["features"]),
            "parts": tuple(Part(**part) for part in document["parts"]),
            "missing": None if missing is None else Part(**missing),
            "span": tuple(document["span"]),
            "counts": tuple(document["counts"]),
        })  # fmt: skip


def dependence(model: ScopeModel, frame: FeatureFrame, drivers: Sequence[Driver]) -> tuple[Dependence, ...]:
    """Of the largest drivers, over the rows of a frame (evenly spread ones where there are very many)."""
    shown = drivers[:MOST_DRIVERS]
    if not shown or not len(frame.frame):
        return ()
    frame = thinned(frame, _MOST_ROWS)
    contributions = model.encoder.by_feature(model.attribute(model.encoder.encode(frame)).nrr)
    return dependence_of(contributions, frame, shown)


def dependence_of(contributions: np.ndarray, frame: FeatureFrame, drivers: Sequence[Driver]) -> tuple[Dependence, ...]:
    """The same from contributions by feature, shape (n, n_features), in the order of the frame's catalog."""
    places = {name: place for place, name in enumerate(frame.catalog.names)}
    found = []
    for driver in drivers:
        members = [places[name] for name in driver.features]
        leading = frame.catalog.by_name[driver.features[0]]
        found.append(_of(leading, driver.features, frame.frame[leading.name], contributions[:, members].sum(axis=1)))
    return tuple(found)


def thinned(frame: FeatureFrame, most: int) -> FeatureFrame:
    """At most so many rows, evenly spread over the frame."""
    n = len(frame.frame)
    keep = np.zeros(n, dtype=bool)
    keep[np.linspace(0, n - 1, min(most, n)).astype(int)] = True
    return frame.where(keep)


def _of(feature: Feature, features: Sequence[str], column: pd.Series, contribution: np.ndarray) -> Dependence:
    absent = column.isna().to_numpy()
    missing = Part.of(contribution[absent]) if absent.any() else None
    values, present = column[~absent], contribution[~absent]
    about = (feature.name, feature.label, feature.unit, feature.kind, tuple(features))
    if feature.kind == "number" and len(values):
        numbers = values.to_numpy(dtype=float)
        axis, span, counts = _histogram(numbers)
        return Dependence(*about, _bins(numbers, present), missing, feature.missing, axis, span, counts)
    levels = _levels(feature, values)
    parts = tuple(Part.of(present[levels == level], level=level) for level in _ranked(levels, feature))
    return Dependence(*about, parts, missing, feature.missing, "levels", (0.0, 0.0), ())


def _bins(numbers: np.ndarray, contribution: np.ndarray) -> tuple[Part, ...]:
    """Bins of about as many accounts each; equal values are never parted, and a frequent value has a bin of its own."""
    values, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    bin_of = _bin_of_values(counts) if len(values) > _BINS else np.arange(len(values))
    number_of = bin_of[place]
    return tuple(
        Part.of(contribution[number_of == i], value=_short(float(np.median(numbers[number_of == i]))))
        for i in np.unique(number_of)
    )


def _bin_of_values(counts: np.ndarray) -> np.ndarray:
    """The bin of each different value, in order, from how often each occurs.

    >>> _bin_of_values(np.array([50, 30, 4, 4, 4, 4, 4])).tolist()
    [0, 1, 2, 2, 2, 2, 3]
    """
    enough = counts.sum() / _BINS
    bins, number, inside = np.empty(len(counts), dtype=int), 0, 0
    for i, count in enumerate(counts):
        if inside and (inside >= enough or count >= enough):
            number, inside = number + 1, 0
        bins[i] = number
        inside += int(count)
    if number and inside < enough / 4:
        bins[bins == number] = number - 1
    return bins


def _histogram(numbers: np.ndarray) -> tuple[Literal["linear", "log"], tuple[float, float], tuple[int, ...]]:
    """Accounts by value from the first to the last hundredth; a long tail of amounts is counted by its logarithm."""
    low, middle, high = (float(q) for q in np.quantile(numbers, (0.01, 0.5, 0.99)))
    axis: Literal["linear", "log"] = "log" if numbers.min() >= 0 and high > _LONG_TAIL * max(middle, 1.0) else "linear"
    if low == high:
        return axis, (low, high), (len(numbers),)
    warped, ends = (np.log1p(numbers), np.log1p([low, high])) if axis == "log" else (numbers, np.array([low, high]))
    counts, _ = np.histogram(np.clip(warped, *ends), bins=_BARS, range=(float(ends[0]), float(ends[1])))
    return axis, (_short(low), _short(high)), tuple(int(count) for count in counts)


def _levels(feature: Feature, values: pd.Series) -> np.ndarray:
    if feature.kind == "boolean":
        return np.where(values.to_numpy(dtype=float) >= 0.5, "yes", "no").astype(object)
    text = values.astype(str).str.slice(0, _MOST_LEVEL).to_numpy(dtype=object)
    counts = pd.Series(text).value_counts()
    ranked = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
    kept = ranked if len(ranked) <= _LEVELS else ranked[: _LEVELS - 1]
    return np.where(np.isin(text, kept), text, OTHER_LEVELS).astype(object)


def _ranked(levels: np.ndarray, feature: Feature) -> list[str]:
    """The most frequent level first, no before yes, all others last."""
    counts = pd.Series(levels, dtype=object).value_counts()
    if feature.kind == "boolean":
        return sorted(counts.index)
    return sorted(counts.index, key=lambda level: (level == OTHER_LEVELS, -int(counts[level]), level))


def _filled(part: Part) -> dict[str, Any]:
    return {name: value for name, value in part.__dict__.items() if value is not None}


def _short(figure: float) -> float:
    """Six significant digits: a picture needs no more, and the bundle stays small."""
    return float(f"{figure:.6g}")
