"""What a model is made of: base rate, linear and boosted trees, each with a margin and exact contributions to it.

A margin is log-odds for outcomes that happen or not, and the ratio or number itself for amounts. Contributions plus
the base are the margin on every row: closed form for linear models, path-dependent TreeSHAP for trees (Lundberg et
al. 2020, "From local explanations to global understanding with explainable AI for trees").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from leap.models.boosting import Boosted, boosted_of, fit_boosted

__all__ = [
    "BaseRate",
    "Blend",
    "Boosted",
    "Learner",
    "Linear",
    "Task",
    "boosted_of",
    "fit_base_rate",
    "fit_boosted",
    "fit_linear",
    "learner_from_json",
    "trees_of",
]

Task = Literal["binary", "ratio", "number"]
_CLIP = 4.0
_MISSING_SHARE = 0.01
_LEAST_EASE = 0.1
_NEWTON_COLUMNS = 200
_ROWS_TO_COMPARE = 4000
_ALIKE = 10
"""Power of the squared correlation: 0.99 counts for 0.82 of a copy, 0.95 for 0.36, 0.8 for 0.01."""


class Learner(Protocol):
    """A fitted model over encoded columns."""

    @property
    def kind(self) -> str:
        """base_rate, linear or boosted."""

    @property
    def base(self) -> float:
        """The expected margin: what is predicted before anything is known of an account."""

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Margins, shape (n,)."""

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Contributions to the margin, shape (n, width); a row plus `base` is its margin."""

    def to_json(self) -> dict[str, Any]:
        """All that is data; a text model stands under the key `text`."""


@dataclass(frozen=True)
class BaseRate:
    """Predicts the mean of the training rows for everyone."""

    base: float
    kind: str = "base_rate"

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """The base, shape (n,)."""
        return np.full(len(matrix), self.base)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Zeros, shape (n, width)."""
        return np.zeros(matrix.shape)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"kind": self.kind, "base": self.base}


@dataclass(frozen=True)
class Linear:
    """Logistic or ridge regression on standardised columns, long-tailed ones as signed logarithms, clipped at 4
    deviations.

    A missing value counts as the training mean, plus its own coefficient where missing was frequent.
    """

    base: float
    logarithm: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    centre: np.ndarray
    coefficient: np.ndarray
    missing_mean: np.ndarray
    missing_coefficient: np.ndarray
    kind: str = "linear"

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Margins, shape (n,)."""
        return np.asarray(self.base + self.contributions(matrix).sum(axis=1))

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """coefficient * (value - training mean), shape (n, width)."""
        z = _standardised(matrix, self.logarithm, self.mean, self.scale) - self.centre
        absent = np.isnan(matrix) - self.missing_mean
        return np.asarray(z * self.coefficient + absent * self.missing_coefficient)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        arrays = {name: getattr(self, name).tolist() for name in _LINEAR_ARRAYS}
        return {"kind": self.kind, "base": self.base, **arrays}


_LINEAR_ARRAYS = ("logarithm", "mean", "scale", "centre", "coefficient", "missing_mean", "missing_coefficient")


@dataclass(frozen=True)
class Blend:
    """A weighted sum of the margins of a linear and a boosted learner; contributions are the same sum."""

    linear: Linear
    boosted: Boosted
    weights: tuple[float, float]
    kind: str = "blend"

    @property
    def base(self) -> float:
        """The weighted sum of the bases."""
        return self.weights[0] * self.linear.base + self.weights[1] * self.boosted.base

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Margins, shape (n,)."""
        return self.weights[0] * self.linear.margin(matrix) + self.weights[1] * self.boosted.margin(matrix)

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """Contributions to the margin, shape (n, width)."""
        straight, branched = self.linear.contributions(matrix), self.boosted.contributions(matrix)
        return self.weights[0] * straight + self.weights[1] * branched

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle; the trees' text goes to a file of its own."""
        return {
            "kind": self.kind,
            "weights": list(self.weights),
            "linear": self.linear.to_json(),
            "boosted_base": self.boosted.base,
            "text": self.boosted.text,
        }


def trees_of(learner: Learner) -> Boosted | None:
    """The trees that a learner's contributions come from; None where it has none."""
    match learner:
        case Boosted():
            return learner
        case Blend():
            return learner.boosted
        case _:
            return None


def learner_from_json(document: Mapping[str, Any]) -> Learner:
    """The inverse of every learner's `to_json`."""
    match document["kind"]:
        case "base_rate":
            return BaseRate(float(document["base"]))
        case "linear":
            return _linear_from_json(document)
        case "blend":
            own, trees = (float(weight) for weight in document["weights"])
            boosted = Boosted(str(document["text"]), float(document["boosted_base"]))
            return Blend(_linear_from_json(document["linear"]), boosted, (own, trees))
        case _:
            return Boosted(str(document["text"]), float(document["base"]))


def _linear_from_json(document: Mapping[str, Any]) -> Linear:
    arrays: dict[str, Any] = {name: np.array(document[name], dtype=float) for name in _LINEAR_ARRAYS}
    return Linear(base=float(document["base"]), **arrays)


def fit_base_rate(outcome: np.ndarray, weight: np.ndarray, task: Task) -> BaseRate:
    """The weighted mean, as log-odds for a binary outcome."""
    mean = float(np.average(outcome, weights=weight))
    if task != "binary":
        return BaseRate(mean)
    # Half an event keeps the log-odds of a rate of 0 or 1 finite.
    half = 0.5 / max(len(outcome), 1)
    mean = min(max(mean, half), 1 - half)
    return BaseRate(float(np.log(mean / (1 - mean))))


def fit_linear(
    matrix: np.ndarray,
    outcome: np.ndarray,
    weight: np.ndarray,
    task: Task,
    penalties: Sequence[float],
    accounts: np.ndarray | None = None,
) -> list[Linear]:
    """Ridge (least squares) or L2 logistic regression, one for each penalty, which is per row and so the same for
    any number.

    With `accounts` a column is penalised the less, the more surely it tells the outcome alone, counted by accounts: of
    many columns most say nothing (an adaptive ridge, after Zou 2006, "The adaptive lasso and its oracle properties";
    ridge instead of lasso, so that clones share a weight and none is picked by chance). Copies of a column share what
    one of them would have. The columns are prepared once for all penalties.
    """
    present = ~np.isnan(matrix)
    width = matrix.shape[1]
    logarithm = np.array([_is_long_tailed(matrix[present[:, j], j]) for j in range(width)], dtype=float)
    values = _log_where(matrix, logarithm)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0.0).sum(axis=0) / count
    deviation = np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(deviation > 1e-12, deviation, 1.0)
    z = _standardised(matrix, logarithm, mean, scale)
    missing_mean = 1 - present.mean(axis=0)
    use_missing = (missing_mean > _MISSING_SHARE) & (missing_mean < 1 - _MISSING_SHARE)
    design = np.column_stack([z, (~present - missing_mean)[:, use_missing]])
    # Clipping moves the mean of a column: with it in the base, contributions are deviations from the mean account.
    centre = z.mean(axis=0)
    weight = weight / weight.mean()
    ease = np.ones(design.shape[1]) if accounts is None else _ease(design, outcome, weight, accounts)
    fitted = []
    for penalty in penalties:
        scaled, intercept = _solve(design * ease, outcome, weight, task, penalty * len(outcome))
        coefficient = scaled * ease
        own, missing = coefficient[:width], np.zeros(width)
        missing[use_missing] = coefficient[width:]
        base = float(intercept + centre @ own)
        fitted.append(Linear(base, logarithm, mean, scale, centre, own, missing_mean, missing))
    return fitted


def _ease(design: np.ndarray, outcome: np.ndarray, weight: np.ndarray, accounts: np.ndarray) -> np.ndarray:
    """Factors of columns, so that the penalty of one is inverse to how surely it tells the outcome; shape (width,).

    How surely: its score over the score's standard error, with the rows of an account as one.
    """
    residual = weight * (outcome - np.average(outcome, weights=weight))
    scores = (design - np.average(design, axis=0, weights=weight)) * residual[:, None]
    _, code = np.unique(accounts, return_inverse=True)
    of_account = np.zeros((code.max() + 1, design.shape[1]))
    np.add.at(of_account, code, scores)
    error = np.sqrt((of_account**2).sum(axis=0))
    surely = np.abs(of_account.sum(axis=0)) / np.where(error > 0, error, np.inf) + _LEAST_EASE
    if not len(surely):
        return np.ones(0)
    copies = _copies(design)
    return np.asarray(np.sqrt(surely / np.average(surely, weights=1 / copies) / copies))


def _copies(design: np.ndarray) -> np.ndarray:
    """How many columns say what a column says, itself included, shape (width,): 2 for a column and its exact copy.

    A ridge penalty shared by copies is weaker than that of one column, so copying a column would raise its weight.
    """
    thin = design[:: max(1, len(design) // _ROWS_TO_COMPARE)]
    centred = thin - thin.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 1e-9, length, 1.0)
    alike = (unit.T @ unit) ** 2
    np.fill_diagonal(alike, 1.0)
    return np.asarray((alike**_ALIKE).sum(axis=0))


def _solve(
    design: np.ndarray, outcome: np.ndarray, weight: np.ndarray, task: Task, strength: float
) -> tuple[np.ndarray, float]:
    from sklearn import config_context
    from sklearn.linear_model import LogisticRegression, Ridge

    if task == "binary":
        # Newton's steps end at the same digits whatever the order of sums; wide tables would take too long.
        newton = design.shape[1] <= _NEWTON_COLUMNS
        solver, tolerance = ("newton-cholesky", 1e-8) if newton else ("lbfgs", 1e-5)
        model: Any = LogisticRegression(C=1 / strength, max_iter=500, tol=tolerance, solver=solver)
    else:
        model = Ridge(alpha=strength)
    # What is fitted here is made here: the library's checks of it cost as much as small fits.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        model.fit(design, outcome, sample_weight=weight)
    return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])


def _is_long_tailed(values: np.ndarray) -> bool:
    if len(values) < 3 or (len(np.unique(values[:1000])) <= 2 and len(np.unique(values)) <= 2):
        return False
    deviation = values.std()
    if deviation < 1e-12:
        return False
    return bool(abs(((values - values.mean()) ** 3).mean() / deviation**3) > 2)


def _log_where(matrix: np.ndarray, logarithm: np.ndarray) -> np.ndarray:
    return np.where(logarithm > 0, np.sign(matrix) * np.log1p(np.abs(matrix)), matrix)


def _standardised(matrix: np.ndarray, logarithm: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    z = (_log_where(matrix, logarithm) - mean) / scale
    return np.asarray(np.minimum(np.maximum(np.where(np.isnan(z), 0.0, z), -_CLIP), _CLIP))
