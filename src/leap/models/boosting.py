"""Boosted trees: LightGBM with regularised settings on columns that are binned once, kept as text.

Cutting columns into bins costs about as much as growing the trees. `Bins` does it once for the rows of one past; its
components and inner folds are parts of it with their own labels, and fits on a part are those on its rows alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from leap.models.engines import Engine, engine_of

if TYPE_CHECKING:
    import lightgbm

    from leap.models.learners import Task

_BINNING: Mapping[str, Any] = {
    "max_bin": 63,
    "data_random_seed": 1,
    # A filter of columns would depend on one setting of min_data_in_leaf; the bins serve them all.
    "feature_pre_filter": False,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Bins:
    """Rows whose columns are cut into at most 63 bins each; parts of them share the edges, whatever their labels.

    Edges come from values and never from labels, but from the values of all rows given to `of`: those must have been
    known when the model that is judged was trained. Binning happens when it is first needed.
    """

    dataset: lightgbm.Dataset
    positions: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Bins:
        """Bins of encoded rows, shape (n, width)."""
        import lightgbm

        dataset = lightgbm.Dataset(matrix, np.zeros(len(matrix)), params=dict(_BINNING))
        return cls(dataset, np.arange(len(matrix), dtype=np.int32))

    def where(self, keep: np.ndarray) -> Bins:
        """The rows that a mask keeps, with the same edges."""
        return replace(self, positions=self.positions[keep])

    def labelled(self, outcome: np.ndarray, weight: np.ndarray) -> lightgbm.Dataset:
        """These rows with their own labels and weights, shape (n,) each, ready for a fit."""
        if not (np.diff(self.positions) > 0).all():
            raise ValueError("Parts of binned rows keep their order and hold no row twice.")
        part = self.dataset.construct().subset(self.positions.tolist()).construct()
        return part.set_label(outcome).set_weight(weight)


@dataclass(frozen=True)
class Boosted:
    """LightGBM trees, kept as their text; scored with one thread, since two collapse on a busy machine."""

    text: str
    base: float
    kind: str = "boosted"
    _loaded: list[lightgbm.Booster] = field(default_factory=list, compare=False, repr=False)
    _engines: list[Engine] = field(default_factory=list, init=False, compare=False, repr=False)
    _choosing: threading.Lock = field(default_factory=threading.Lock, init=False, compare=False, repr=False)

    @property
    def booster(self) -> lightgbm.Booster:
        """The loaded model. The text must have been verified: LightGBM's parser crashes on damaged ones."""
        if not self._loaded:
            import lightgbm

            self._loaded.append(lightgbm.Booster(model_str=self.text))
        return self._loaded[0]

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Margins, shape (n,)."""
        return np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=1))

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """TreeSHAP values, shape (n, width)."""
        return self.engine().contributions(matrix)

    def engine(self, where: str = "", rows: Callable[[], np.ndarray] | None = None) -> Engine:
        """What computes the contributions, chosen the first time that anyone asks.

        `where` names the model in a warning; `rows` gives encoded rows on which the kernel must prove itself too.
        """
        if not self._engines:
            with self._choosing:
                if not self._engines:
                    self._engines.append(engine_of(self.text, self.booster, where, None if rows is None else rows()))
        return self._engines[0]

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle; the text goes to a file of its own."""
        return {"kind": self.kind, "base": self.base, "text": self.text}


def fit_boosted(
    matrix: np.ndarray,
    outcome: np.ndarray,
    weight: np.ndarray,
    task: Task,
    parameters: Mapping[str, Any],
    rounds: int,
    rows_per_account: float,
    seed: int = 0,
    bins: Bins | None = None,
) -> lightgbm.Booster:
    """Regularised trees; a leaf holds so many *accounts'* rows, since monthly snapshots repeat an account.

    `bins` are the same rows, binned already.
    """
    import lightgbm

    data = (bins or Bins.of(matrix)).labelled(outcome, weight)
    options = options_of(parameters, task, rows_per_account, seed)
    return lightgbm.train(options, data, num_boost_round=rounds, keep_training_booster=True)


def grown(
    data: lightgbm.Dataset,
    held: lightgbm.Dataset,
    task: Task,
    parameters: Mapping[str, Any],
    rounds: Sequence[int],
    rows_per_account: float,
    seed: int = 0,
) -> Iterator[tuple[int, np.ndarray]]:
    """One fit judged at several numbers of rounds, in ascending order: each with the margins of the held rows.

    LightGBM keeps the sums of the held rows as trees are added: no tree is walked twice. Whoever has seen enough stops
    asking, and no more trees grow.
    """
    import lightgbm

    booster = lightgbm.Booster({**options_of(parameters, task, rows_per_account, seed), "metric": "None"}, data)
    booster.add_valid(held, "held")
    found: list[np.ndarray] = []

    def keep(predicted: np.ndarray, _: lightgbm.Dataset) -> list[Any]:
        found.append(np.array(predicted))
        return []

    done = 0
    for wanted in sorted(rounds):
        for _ in range(wanted - done):
            booster.update()
        done = wanted
        booster.eval_valid(keep)
        yield wanted, _log_odds(found.pop()) if task == "binary" else found.pop()


def options_of(parameters: Mapping[str, Any], task: Task, rows_per_account: float, seed: int) -> dict[str, Any]:
    """LightGBM's own names for settings; one thread, since two collapse on a busy machine."""
    options = dict(parameters)
    leaf_accounts = float(options.pop("leaf_accounts", 15))
    return {
        **_BINNING,
        **options,
        "objective": "binary" if task == "binary" else options.get("objective", "regression"),
        "min_data_in_leaf": max(5, int(leaf_accounts * rows_per_account)),
        "max_depth": 6,
        "deterministic": True,
        "seed": seed,
    }


def boosted_of(booster: lightgbm.Booster, matrix: np.ndarray, rounds: int) -> Boosted:
    """The first trees of a booster as a learner; its base is the expected margin that TreeSHAP starts from."""
    text = booster.model_to_string(num_iteration=rounds)
    learner = Boosted(text, 0.0)
    base = np.asarray(learner.booster.predict(matrix[:1], pred_contrib=True, num_threads=1))[0, -1]
    return Boosted(text, float(base))


def _log_odds(probability: np.ndarray) -> np.ndarray:
    inside = np.clip(probability, 1e-15, 1 - 1e-15)
    return np.asarray(np.log(inside) - np.log1p(-inside))
