"""The linear part of a hazard: standardised columns of an account, and ridge regression of grouped person-months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.models.hazard.followed import PersonMonths

_CLIP = 4.0
_SKEWED = 2.0
_MISSING_SHARE = 0.01
_STEPS = 30
_ENOUGH, _LEAST_STEP = 1e-8, 1e-3
_OF_INTERCEPT, _OF_LEADS = 1e-3, 1.0
"""Ridge of the columns of lead months: as much as an event says, so that with many events it says nothing."""


@dataclass(frozen=True)
class Design:
    """Columns as a linear model sees them: long-tailed ones as signed logarithms, standardised, clipped at 4.

    A missing value is the mean, with a column of its own where missing is neither rare nor the rule.
    """

    logarithm: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    missing: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Design:
        """As the rows to learn from have them."""
        absent = np.isnan(matrix)
        logarithm = _moments(matrix, absent)[2] > _SKEWED
        values = _logged(matrix, logarithm)
        mean, deviation, _ = _moments(values, absent)
        share = absent.mean(axis=0) if len(matrix) else np.zeros(matrix.shape[1])
        missing = (share > _MISSING_SHARE) & (share < 1 - _MISSING_SHARE)
        return cls(logarithm, mean, np.where(deviation > 1e-12, deviation, 1.0), missing)

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """Standardised columns, then which of those that are often missing are, shape (n, width + missing)."""
        z = (_logged(matrix, self.logarithm) - self.mean) / self.scale
        z = np.minimum(np.maximum(np.where(np.isnan(z), 0.0, z), -_CLIP), _CLIP)
        return np.hstack([z, np.isnan(matrix[:, self.missing]).astype(float)])

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {name: np.asarray(getattr(self, name), dtype=float).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Design:
        """The inverse of `to_json`."""
        arrays = {name: np.array(document[name], dtype=float) for name in cls.__dataclass_fields__}
        return cls(arrays["logarithm"] > 0, arrays["mean"], arrays["scale"], arrays["missing"] > 0)


def fit_ridge(
    months: PersonMonths,
    columns: np.ndarray,
    penalty: float,
    start: np.ndarray | None = None,
    offset: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the account's columns, and the intercept followed by those of lead months.

    Logistic regression of all person-months by Newton's method. The penalty is per weighted event, so that the same
    one means the same for any number of them. `offset` is added to the log-odds of rows, or of their months.
    """
    weight, when = months.weight, with_intercept(months.when)
    width, leads = columns.shape[1], when.shape[1]
    events = max(float((weight * months.gone).sum()), 1.0)
    ridge = np.concatenate([np.full(width, penalty * events), [_OF_INTERCEPT], np.full(leads - 1, _OF_LEADS)])
    beta = np.concatenate([np.zeros(width), [_usual(months)], np.zeros(leads - 1)]) if start is None else start
    gone = np.zeros((len(columns), len(when)))
    gone[np.arange(len(columns)), months.last] = weight * months.gone

    def own(of: np.ndarray) -> np.ndarray:
        said = columns @ of[:width]
        return np.asarray(said[:, None] + offset) if np.ndim(offset) == 2 else np.asarray(said + offset)

    def loss(of: np.ndarray) -> float:
        return float(months.losses(own(of), when @ of[width:]).sum() + 0.5 * ridge @ of**2)

    now = loss(beta)
    for _ in range(_STEPS):
        hazard = months.hazards(own(beta), when @ beta[width:])
        rest = gone - weight[:, None] * months.by_lead(hazard)
        curved = weight[:, None] * months.by_lead(hazard * (1 - hazard))
        slope = np.concatenate([columns.T @ rest.sum(axis=1), when.T @ rest.sum(axis=0)]) - ridge * beta
        curvature = np.zeros((width + leads, width + leads))
        curvature[:width, :width] = (columns * curved.sum(axis=1)[:, None]).T @ columns
        curvature[:width, width:] = columns.T @ (curved @ when)
        curvature[width:, :width] = curvature[:width, width:].T
        curvature[width:, width:] = (when * curved.sum(axis=0)[:, None]).T @ when
        step = np.linalg.solve(curvature + np.diag(ridge), slope)
        factor = 1.0
        while not (then := loss(beta + factor * step)) <= now and factor > _LEAST_STEP:
            factor /= 2
        if not then < now - _ENOUGH * abs(now):
            break
        beta, now = beta + factor * step, then
    return beta[:width], beta[width:]


def fit_levels(months: PersonMonths, offset: np.ndarray) -> np.ndarray:
    """Intercept and coefficients of lead months where the account's part is given, shape (1 + len(COLUMNS),)."""
    return fit_ridge(months, np.zeros((len(months.place), 0)), 0.0, offset=offset)[1]


def with_intercept(when: np.ndarray) -> np.ndarray:
    """Columns of leads with one that is 1 before them."""
    return np.hstack([np.ones((len(when), 1)), when])


def _usual(months: PersonMonths) -> float:
    """The log-odds of the same hazard for everyone in every month."""
    events = float((months.weight * months.gone).sum()) + 0.5
    risk = float((months.weight[:, None] * months.seen).sum()) + 1.0
    return float(np.log(events / max(risk - events, 0.5)))


def _moments(values: np.ndarray, absent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, deviation and absolute skewness of columns where they are present; binary ones count as not skewed."""
    count = np.maximum((~absent).sum(axis=0), 1)
    filled = np.where(absent, 0.0, values)
    mean = filled.sum(axis=0) / count
    rest = np.where(absent, 0.0, values - mean)
    deviation = np.sqrt((rest**2).sum(axis=0) / count)
    skew = np.abs((rest**3).sum(axis=0) / count) / np.where(deviation > 1e-12, deviation, 1.0) ** 3
    two = np.array([len(np.unique(column[~gap])) <= 2 for column, gap in zip(values.T, absent.T, strict=True)])
    return mean, deviation, np.where(two, 0.0, skew) if len(two) else skew


def _logged(matrix: np.ndarray, logarithm: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(logarithm, np.sign(matrix) * np.log1p(np.abs(matrix)), matrix))
