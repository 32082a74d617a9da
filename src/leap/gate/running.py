"""Whether a version works as a version: it scores its golden rows when it is loaded again, and not much slower."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from leap.bundle.flat_bundle import FlatBundle
from leap.bundle.loading import load_bundle
from leap.bundle.model_bundle import ModelBundle
from leap.errors import LeapError
from leap.gate.check import Check
from leap.gate.incumbent import Bundle
from leap.scoring import Scorer
from leap.scoring.flat_scores import FlatScores

SLOWEST = 3.0
"""How many times as long as the champion a score with reasons may take, a feature: a fault shows, a richer learner or
another table passes."""

_REPEATS = 31
_WARM_UP = 3


def golden_check(folder: Path, made: Bundle) -> Check:
    """The registered files, read back from the store, score the golden rows as the model did that was trained."""
    try:
        loaded = load_bundle(folder)
        loaded.check_golden()
    except LeapError as error:
        return Check("golden_rows", False, f"The version cannot be used as it was registered: {error.message}")
    far, n = _farthest(loaded.golden, made.golden)
    passed = far <= 1e-9
    words = f"{n:,} scores by the model read back from the store differ from those at training by at most {far:.2g} "
    words += "(wanted 1e-09)."
    return Check("golden_rows", passed, words, far, 0.0)


def latency_check(made: Bundle, champion: Bundle | None) -> Check:
    """Median time of one row with its reasons, both measured by turns in one run: a ratio, never a time.

    A score reads and words every feature, so a model of twice as many may take twice as long.
    """
    if champion is None:
        return Check("latency", True, "Speed is not compared: there is no champion of this kind.")
    ours, theirs = interleaved(one_score(made), one_score(champion))
    ratio, widths = ours / theirs, (len(made.catalog.features), len(champion.catalog.features))
    limit = SLOWEST * max(1.0, widths[0] / max(widths[1], 1))
    words = (
        f"One score with reasons takes {ratio:.2f} times as long as the champion's (at most {limit:.3g}, with "
        f"{widths[0]} features for {widths[1]})."
    )
    return Check("latency", ratio <= limit, words, ratio, 1.0)


def interleaved(one: Callable[[], object], other: Callable[[], object], repeats: int = _REPEATS) -> tuple[float, float]:
    """Median seconds of both, run by turns, so that whatever slows the machine slows both.

    Of processor time, which does not count waiting for others on a busy machine.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + _WARM_UP):
        for seconds, call in zip(taken, (one, other), strict=True):
            began = time.process_time()
            call()
            if turn >= _WARM_UP:
                seconds.append(time.process_time() - began)
    return statistics.median(taken[0]), statistics.median(taken[1])


def one_score(bundle: Bundle) -> Callable[[], object]:
    """A call that scores the first golden row with its five main reasons."""
    if isinstance(bundle, ModelBundle):
        scorer = Scorer(bundle, "", None, pd.Timestamp(bundle.trained_on), None)
        accounts = [("golden", bundle.golden["health"]["rows"][0])]
        return lambda: scorer.by_features(accounts)
    return lambda: _one_flat(bundle)


def _one_flat(bundle: FlatBundle) -> object:
    values = bundle.golden["rows"][0]
    columns = {name: np.array([values[name]], dtype=object) for name in bundle.catalog.names}
    return FlatScores(
        bundle=bundle, version="", which="asked", keys=["golden"], as_of=[""], columns=columns,
        matrix=bundle.model.encoder.encode_one(values),
    ).to_json(0)  # fmt: skip


def _farthest(loaded: object, made: object) -> tuple[float, int]:
    """The largest difference between the expected scores of two bundles' golden rows, and how many scores there are."""
    one, other = list(_numbers(loaded)), list(_numbers(made))
    if len(one) != len(other) or not one:
        return math.inf, 0
    return max(abs(a - b) for a, b in zip(one, other, strict=True)), len(one)


def _numbers(golden: object, inside: bool = False) -> list[float]:
    """Every expected score in a golden document, in the order of its keys."""
    if isinstance(golden, dict):
        parts = [_numbers(golden[key], inside or key == "expected") for key in sorted(golden)]
        return [number for part in parts for number in part]
    if inside and isinstance(golden, list):
        return [float(number) for number in np.ravel(golden)]
    return []
