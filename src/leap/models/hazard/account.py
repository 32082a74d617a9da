"""What an account itself adds to its hazard, in log-odds, the same in every lead month: nothing, a sum, or trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from leap.models.boosting import Boosted
from leap.models.hazard.design import Design, fit_levels, fit_ridge, with_intercept
from leap.models.hazard.followed import PersonMonths

BASE_RATE, LINEAR, BOOSTED = "base_rate", "linear", "boosted"
PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01)
ROUNDS = (40, 80, 160)
_LEAF_ACCOUNTS = 15


class AccountPart(Protocol):
    """Log-odds that a row adds to the hazard of every month."""

    @property
    def kind(self) -> str:
        """base_rate, linear or boosted."""

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """What it adds, shape (n,)."""

    def to_json(self) -> dict[str, Any]:
        """All that is data; the text of trees stands under the key `text`."""


@dataclass(frozen=True)
class Nothing:
    """All accounts have the same hazard, which depends on the lead month alone."""

    kind: str = BASE_RATE

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Zeros, shape (n,)."""
        return np.zeros(len(matrix))

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"kind": self.kind}


@dataclass(frozen=True)
class Weighed:
    """A weighted sum of standardised columns."""

    design: Design
    coefficient: np.ndarray
    kind: str = LINEAR

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """The sum, shape (n,)."""
        return np.asarray(self.design.columns(matrix) @ self.coefficient)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"kind": self.kind, "design": self.design.to_json(), "coefficient": self.coefficient.tolist()}


@dataclass(frozen=True)
class Trees:
    """Small trees over the columns, less what they say on average."""

    trees: Boosted
    centre: float
    kind: str = BOOSTED

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """What the trees add, shape (n,)."""
        return self.trees.margin(matrix) - self.centre

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle; the text goes to a file of its own."""
        return {"kind": self.kind, "text": self.trees.text, "base": self.trees.base, "centre": self.centre}


def account_part_from_json(document: Mapping[str, Any]) -> AccountPart:
    """The inverse of every part's `to_json`."""
    match document["kind"]:
        case "base_rate":
            return Nothing()
        case "linear":
            coefficient = np.array(document["coefficient"], dtype=float)
            return Weighed(Design.from_json(document["design"]), coefficient)
        case _:
            return Trees(Boosted(str(document["text"]), float(document["base"])), float(document["centre"]))


def linear_parts(months: PersonMonths, penalties: tuple[float, ...] = PENALTIES) -> dict[float, Weighed]:
    """One weighted sum for each penalty, from strong to weak, each begun where the one before ended."""
    design = Design.of(months.followed.matrix)
    columns = design.columns(months.followed.matrix)
    found: dict[float, Weighed] = {}
    start = None
    for penalty in sorted(penalties, reverse=True):
        own, of_lead = fit_ridge(months, columns, penalty, start)
        start = np.concatenate([own, of_lead])
        found[penalty] = Weighed(design, own)
    return found


def boosted_parts(months: PersonMonths, rounds: tuple[int, ...] = ROUNDS, seed: int = 0) -> dict[int, Trees]:
    """Small trees, judged at several numbers of rounds.

    A row is lost once at most: its person-months have the likelihood of a Poisson count with the cumulated hazard of
    the months in which it was seen as exposure (Holford 1980, "The analysis of rates and of survivorship using
    log-linear models"), so that trees see each row once.
    """
    import lightgbm

    nobody = np.zeros(len(months.followed))
    levels = with_intercept(months.when) @ fit_levels(months, nobody)
    exposure = np.log(np.maximum(months.hazards(nobody, levels).sum(axis=1), 1e-9))
    per_account = len(months.followed) / max(len(np.unique(months.followed.accounts)), 1)
    options = {
        "objective": "poisson", "learning_rate": 0.05, "num_leaves": 7, "max_depth": 6, "max_bin": 63,
        "min_data_in_leaf": max(5, int(_LEAF_ACCOUNTS * per_account)), "lambda_l2": 10.0 * per_account,
        "feature_fraction": 0.7, "boost_from_average": False, "poisson_max_delta_step": 0.7, "verbosity": -1,
        "deterministic": True, "force_row_wise": True, "seed": seed, "num_threads": 1,
    }  # fmt: skip
    matrix = months.followed.matrix
    data = lightgbm.Dataset(
        matrix, months.gone, weight=months.weight, init_score=exposure, params={"verbosity": -1}, free_raw_data=False
    )
    booster = lightgbm.train(options, data, num_boost_round=max(rounds))
    found = {}
    for count in rounds:
        trees = Boosted(booster.model_to_string(num_iteration=count), 0.0)
        found[count] = Trees(trees, float(trees.margin(matrix).mean()))
    return found
