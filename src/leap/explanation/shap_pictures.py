"""shap's own plots of the exact contributions, for engineers: a summary, and how each large one goes with its value.

shap draws from numpy's global random state, shuffling dots and jittering values: here it is given a fixed one, and
what was there before is put back. Every figure is closed, also one that could not be drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leap.explanation.pictures import headless
from leap.features import Feature, FeatureFrame

_MOST_LEVELS, _MOST_SHOWN, _MOST_LABEL = 12, 15, 60
_MISSING, _OTHERS = "(missing)", "(all others)"
_DOT, _ABSENT = "#1E6FA8", "#B1442C"


def summary_picture(contributions: np.ndarray, frame: FeatureFrame, axis: str, path: Path) -> bool:
    """shap's summary plot of contributions by feature, shape (n, n_features), one dot per row, written as PNG.

    The colour of a number is its value; a category has none. False, and no file, where nothing moves any score.
    """
    moving = _moving(contributions)
    if not moving:
        return False
    features = [frame.catalog.features[i] for i in moving]
    values = np.column_stack([_numbers(feature, frame.frame[feature.name]) for feature in features])
    with _plotting() as (pyplot, shap):
        shap.summary_plot(
            contributions[:, moving],
            values,
            feature_names=[short_label(feature.label) for feature in features],
            show=False,
            max_display=_MOST_SHOWN,
            rng=np.random.default_rng(0),
        )
        figure = pyplot.gcf()
        figure.axes[0].set_xlabel(axis)
        figure.savefig(path, dpi=110, bbox_inches="tight")
    return True


def largest(contributions: np.ndarray, most: int) -> list[int]:
    """The features with the largest mean absolute contributions, by position, largest first; none that never moves."""
    strength = np.abs(contributions).mean(axis=0)
    return [i for i in np.argsort(-strength, kind="stable")[:most].tolist() if strength[i] > 0]


def dependence_picture(contribution: np.ndarray, feature: Feature, column: pd.Series, axis: str, path: Path) -> None:
    """shap's dependence plot of one feature over its values, shape (n,) each, written as PNG.

    Levels of a category stand side by side under their names, the missing last. Rows without a number or with neither
    yes nor no are drawn apart, left of all others.
    """
    values, ticks = _places(feature, column)
    present = ~np.isnan(values)
    with _plotting() as (pyplot, shap):
        figure, plot = pyplot.subplots(figsize=(7, 4.6))
        if present.any():
            explained = shap.Explanation(values=contribution[present], data=values[present], feature_names="value")
            jitter = 0.5 if ticks else 0
            shap.plots.scatter(
                explained, color=_DOT, alpha=0.55, dot_size=14, x_jitter=jitter, hist=False, ax=plot, show=False
            )
        plot.axhline(0, color="#888888", linewidth=0.8, zorder=0)
        if ticks:
            names = [_counted(name, int((values == place).sum())) for place, name in enumerate(ticks)]
            tilt = {"rotation": 30, "ha": "right"} if max(map(len, names)) > 12 or len(names) > 5 else {}
            plot.set_xticks(range(len(ticks)), names, **tilt)
        else:
            _draw_counts(plot, values[present])
        _draw_missing(plot, contribution[~present], feature)
        plot.set_xlabel(short_label(_named(feature), 90), fontsize=11)
        plot.set_ylabel(axis, fontsize=11)
        figure.savefig(path, dpi=110, bbox_inches="tight")


def short_label(text: str, most: int = _MOST_LABEL) -> str:
    """Text for a plot, where it is short enough to be read and nothing in it is a formula.

    >>> short_label("Seats paid for, $ a month"), len(short_label("x" * 10_000))
    ('Seats paid for, \\\\$ a month', 60)
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    plain = plain if len(plain) <= most else plain[: most - 1] + "…"
    return plain.replace("$", r"\$")


@contextmanager
def _plotting() -> Iterator[tuple[Any, Any]]:
    """pyplot and shap, with a fixed random state that is put back, no warning of theirs, and no figure left open."""
    pyplot = headless()
    import shap

    before, opened = np.random.get_state(), set(pyplot.get_fignums())
    try:
        np.random.seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield pyplot, shap
    finally:
        np.random.set_state(before)
        for number in set(pyplot.get_fignums()) - opened:
            pyplot.close(number)


def _moving(contributions: np.ndarray) -> list[int]:
    return [int(i) for i in np.flatnonzero(np.abs(contributions).sum(axis=0) > 0)]


def _numbers(feature: Feature, column: pd.Series) -> np.ndarray:
    return np.full(len(column), np.nan) if feature.kind == "category" else column.to_numpy(dtype=float)


def _named(feature: Feature) -> str:
    """The label with its unit, unless the label says it."""
    unit = feature.unit
    return feature.label if not unit or unit.lower() in feature.label.lower() else f"{feature.label} [{unit}]"


def _places(feature: Feature, column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Numbers as they are; yes and no, and the most frequent levels, as places 0, 1, … with their names."""
    if feature.kind == "boolean":
        return column.to_numpy(dtype=float), ["no", "yes"]
    if feature.kind == "number":
        return column.to_numpy(dtype=float), []
    text = column.where(column.notna(), _MISSING).astype(str)
    counts = text[column.notna()].value_counts()
    ranked = sorted(counts.index, key=lambda level: (-int(counts[level]), level))
    kept = ranked if len(ranked) <= _MOST_LEVELS else ranked[: _MOST_LEVELS - 1]
    names = [*kept, *([_OTHERS] if len(kept) < len(ranked) else []), *([_MISSING] if column.isna().any() else [])]
    place = {name: float(i) for i, name in enumerate(names)}
    return np.array([place.get(one, place.get(_OTHERS, np.nan)) for one in text]), names


def _counted(name: str, rows: int) -> str:
    return f"{short_label(name)[:24]} ({rows:,})"


def _draw_counts(plot: Any, values: np.ndarray) -> None:
    """How many rows have such values, as pale bars on the lower edge, up to a quarter of the height."""
    if not len(values):
        return
    counts, edges = np.histogram(values, bins=30)
    low, high = plot.get_ylim()
    heights = 0.25 * (high - low) * counts / counts.max()
    plot.bar(edges[:-1], heights, np.diff(edges), bottom=low, align="edge", color="#E3E3E3", zorder=-1)
    plot.set_ylim(low, high)


def _draw_missing(plot: Any, contribution: np.ndarray, feature: Feature) -> None:
    """Rows without a value in a lane of their own, left of all others, with what it means to have none."""
    if not len(contribution):
        return
    low, high = plot.get_xlim()
    place = low - 0.08 * (high - low)
    spread = (np.random.random_sample(len(contribution)) - 0.5) * 0.04 * (high - low)
    plot.axvspan(low - 0.13 * (high - low), low - 0.03 * (high - low), color="#EEEEEE", zorder=-2)
    said = f"missing ({len(contribution):,}): {short_label(feature.missing)}"
    plot.scatter(place + spread, contribution, marker="x", s=16, linewidth=0.8, color=_ABSENT, alpha=0.6, label=said)
    plot.set_xlim(low - 0.13 * (high - low), high)
    plot.legend(loc="upper right", bbox_to_anchor=(1.0, 1.1), frameon=False, fontsize=9)


__all__ = ["dependence_picture", "largest", "short_label", "summary_picture"]
