"""Pictures for engineers: calibration and lift out of time, and the folds; `shap_pictures` has shap's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def calibration_picture(outcome: np.ndarray, probability: np.ndarray, title: str, path: Path) -> None:
    """Observed share by tenth of the predicted probability, out of time, written as PNG."""
    matplotlib = headless()
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    predicted = [float(probability[part].mean()) for part in parts]
    observed = [float(outcome[part].mean()) for part in parts]
    error = [1.96 * np.sqrt(max(o * (1 - o), 1e-4) / len(part)) for o, part in zip(observed, parts, strict=True)]
    figure, axis = matplotlib.subplots(figsize=(5, 5))
    top = max([*predicted, *observed]) * 1.15 + 0.01
    axis.plot([0, top], [0, top], color="grey", linewidth=1, linestyle="--", label="perfect")
    axis.errorbar(predicted, observed, yerr=error, fmt="o", capsize=3, label="tenths of the rows")
    axis.set(xlabel="predicted probability", ylabel="observed share", title=title, xlim=(0, top), ylim=(0, top))
    axis.legend()
    figure.savefig(path, dpi=110, bbox_inches="tight")
    matplotlib.close(figure)


def lift_picture(outcome: np.ndarray, probability: np.ndarray, title: str, path: Path) -> None:
    """Share of all events found among the accounts ranked highest, out of time, written as PNG."""
    matplotlib = headless()
    order = np.argsort(-probability, kind="stable")
    found = np.cumsum(outcome[order]) / max(outcome.sum(), 1)
    looked = np.arange(1, len(order) + 1) / len(order)
    figure, axis = matplotlib.subplots(figsize=(5, 5))
    axis.plot(looked, found, label="model")
    axis.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--", label="chance")
    axis.set(xlabel="share of rows looked at", ylabel="share of events found", title=title)
    axis.legend()
    figure.savefig(path, dpi=110, bbox_inches="tight")
    matplotlib.close(figure)


def folds_picture(folds: Sequence[Mapping[str, Any]], path: Path) -> None:
    """What each fold trained on and was tested on, as bars over time, one row a fold, written as PNG.

    `folds` are spans as `evaluation.fold_figures.fold_spans` gives them.
    """
    matplotlib = headless()
    figure, axis = matplotlib.subplots(figsize=(9, 1.2 + 0.45 * len(folds)))
    bars = [
        ("train_from", "train_until", "#9fb4c4", 0.6, "trains on"),
        ("train_until", "test_from", "#e3e7ea", 0.25, "gap of one horizon"),
        ("test_from", "test_until", "#1d7a4f", 0.6, "tested on"),
        ("test_until", "outcomes_until", "#c6dfd2", 0.25, "outcomes become known"),
    ]
    first, last = (pd.Timestamp(pick(f[end] for f in folds)) for pick, end in ((min, "train_from"), (max, bars[-1][1])))
    for begin, end, colour, height, label in bars:
        starts = [pd.Timestamp(fold[begin]) for fold in folds]
        # Rows of one date are a bar too.
        least = (last - first).days // 120 if height > 0.5 else 0
        days = [max((pd.Timestamp(fold[end]) - at).days, least) for fold, at in zip(folds, starts, strict=True)]
        widths = [pd.Timedelta(days=width) for width in days]
        axis.barh(range(len(folds)), widths, left=starts, height=height, color=colour, label=label)
    axis.set_yticks(range(len(folds)), [str(fold["cutoff"]) for fold in folds])
    axis.invert_yaxis()
    axis.set(title="Folds: cutoff, training rows, gap and tested rows", ylabel="cutoff")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12 - 0.3 / len(folds)), ncols=4, frameon=False)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    matplotlib.close(figure)


def headless() -> Any:
    """matplotlib's pyplot, without a screen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
