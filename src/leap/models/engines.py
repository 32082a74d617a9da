"""What computes the contributions of trees: the exact kernel once it has proven itself on a model, else LightGBM.

The kernel (`leap.models.treeshap`) gives LightGBM's own numbers at the cost of a prediction. It is believed only after
it has: on rows at, beside and far from the thresholds of the very model, on rows of its bundle, and in every way that
rows are asked for. A model that it cannot do, a number that differs, or a numba that does not work mean LightGBM, and
one warning. `LEAP_CONTRIBUTIONS=lightgbm` in the environment means LightGBM for all models.
"""

from __future__ import annotations

import logging
import os
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leap.errors import UsageError

if TYPE_CHECKING:
    import lightgbm

log = logging.getLogger(__name__)

SWITCH = "LEAP_CONTRIBUTIONS"
KERNEL, LIGHTGBM = "exact kernel", "LightGBM, slower"
TOLERANCE = 1e-9
"""How far the kernel may be from LightGBM, relative to the largest margin: LightGBM's own rounding on deep trees."""
_PROBES, _ALONE = 64, 6
_FIELD = re.compile(r"^(split_feature|threshold|decision_type|cat_boundaries)=(.*)$", re.MULTILINE)
_CATEGORICAL = 1
_ZERO = float(np.float32(1e-35))
"""LightGBM parts 0 from other numbers at this, which itself is 0 to it and in no data."""


@dataclass(frozen=True)
class Engine:
    """What computes the contributions of one model, shape (n, width), and why it is not the kernel where it is not."""

    name: str
    contributions: Callable[[np.ndarray], np.ndarray]
    reason: str = ""


def engine_of(text: str, booster: lightgbm.Booster, where: str = "", rows: np.ndarray | None = None) -> Engine:
    """The engine of a model, which is named `where` in the warning; `rows` are compared beside those made up."""
    own = of_lightgbm(booster)
    if is_switched_off():
        return Engine(LIGHTGBM, own, f"{SWITCH}=lightgbm")
    try:
        kernel = _kernel(text)
        examples = probes(text)
        if rows is not None and rows.shape[1:] == examples.shape[1:]:
            examples = np.vstack([examples, rows])
        problem = difference(kernel, own, examples)
    except Exception as error:  # whatever a compiler, its files or a model do: a slower answer is an answer
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if not problem:
        return Engine(KERNEL, kernel)
    log.warning("Contributions of %s come from LightGBM, which is slower: %s", where or "a model", problem)
    return Engine(LIGHTGBM, own, problem)


def of_lightgbm(booster: lightgbm.Booster) -> Callable[[np.ndarray], np.ndarray]:
    """LightGBM's own contributions; with one thread, since two collapse on a busy machine."""

    def contributions(matrix: np.ndarray) -> np.ndarray:
        if not len(matrix):
            return np.zeros(matrix.shape)
        return np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1))[:, :-1]

    return contributions


def is_switched_off() -> bool:
    """Whether the environment asks for LightGBM; UsageError if it asks for what there is not."""
    asked = os.environ.get(SWITCH, "").strip().lower()
    if asked not in ("", "kernel", "lightgbm"):
        raise UsageError(
            f"{SWITCH}: expected 'kernel' or 'lightgbm', found {asked[:40]!r}.", remedy="Leave it out for the kernel."
        )
    return asked == "lightgbm"


def _kernel(text: str) -> Callable[[np.ndarray], np.ndarray]:
    from leap.models.treeshap import TreeContributions

    return TreeContributions.of(text).contributions


def difference(
    kernel: Callable[[np.ndarray], np.ndarray], own: Callable[[np.ndarray], np.ndarray], rows: np.ndarray
) -> str:
    """In what the kernel differs from LightGBM on some rows, asked for together and one by one; empty if in nothing."""
    expected, found = own(rows), kernel(rows)
    if found.shape != expected.shape:
        return f"the kernel gives an array of shape {found.shape}, LightGBM of {expected.shape}"
    alone = np.vstack([kernel(rows[i : i + 1]) for i in range(min(_ALONE, len(rows)))])
    margin = float(np.abs(expected).sum(axis=1).max(initial=0.0))
    for asked, apart in (("together", found - expected), ("alone", alone - expected[: len(alone)])):
        most = float(np.abs(apart).max(initial=0.0))
        if not most <= TOLERANCE * margin:  # also where either is not a number
            row = int(np.argmax(np.abs(apart).max(axis=1)))
            return (
                f"the kernel differs by up to {most:.3g} in row {row} of {len(rows)}, asked {asked}; "
                f"expected at most {TOLERANCE:g} of {margin:.3g}"
            )
    return ""


def probes(text: str, n: int = _PROBES) -> np.ndarray:
    """Rows made of a model's own thresholds, shape (n, width): at one, beside it, missing, 0, huge; always the same."""
    width = int(re.findall(r"^max_feature_idx=(\d+)$", text, re.MULTILINE)[0]) + 1
    random = np.random.default_rng(zlib.crc32(text.encode()))
    rows = random.choice([0.0, 1.0, np.nan, 1e300, -1e300, np.inf, -np.inf], (n, width))
    feature, at, categories = _splits(text)
    for column in np.unique(feature):
        cuts = at[(feature == column) & ~np.isnan(at)]
        chosen = random.choice(cuts if len(cuts) else [0.0], n)
        beside = np.array([chosen, np.nextafter(chosen, np.inf), np.nextafter(chosen, -np.inf)])
        category = np.floor(random.uniform(-1, categories[column] + 2, n)) + random.choice([0.0, 0.5], n)
        own = beside[random.integers(0, 3, n), np.arange(n)]
        own = np.where(random.random(n) < len(cuts) / (feature == column).sum(), own, category)
        rows[:, column] = np.where(random.random(n) < 0.75, own, rows[:, column])
    return np.where(np.abs(rows) <= _ZERO, 0.0, rows)


def _splits(text: str) -> tuple[np.ndarray, np.ndarray, dict[int, int]]:
    """Of every split its feature and threshold (NaN: categories); of every feature how far its categories may go."""
    found: dict[str, list[str]] = {}
    for name, words in _FIELD.findall(text.partition("\nend of trees")[0]):
        found.setdefault(name, []).extend(words.split())
    feature = np.array(found.get("split_feature", []), dtype=np.int64)
    at = np.array(found.get("threshold", []), dtype=float)
    at[np.array(found.get("decision_type", []), dtype=np.int64) & _CATEGORICAL > 0] = np.nan
    words = int(np.diff(np.array(found.get("cat_boundaries", []), dtype=np.int64)).max(initial=1))
    return feature, at, {int(column): 32 * max(1, words) for column in np.unique(feature)}
