"""Whether probabilities come in as often as they say: slope, level, calibration error, each beside what chance allows.

Chance is that of accounts: an account that has many rows counts as one, since its rows nearly always share their
outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BINS = 10


def calibration_slope(
    outcome: np.ndarray, probability: np.ndarray, weight: np.ndarray, groups: np.ndarray | None = None
) -> float:
    """Slope of a logistic regression of the outcome on the log-odds: 1 is right, below 1 too extreme; NaN if constant.

    With `groups` each has an intercept of its own, so that a rate that drifts between folds is not taken for a wrong
    slope. Cox (1958), "Two further applications of a model for binary regression".
    """
    found = _regression(outcome, probability, weight, groups)
    return float("nan") if found is None else float(found[0][0])


def slope_error(
    outcome: np.ndarray, probability: np.ndarray, accounts: np.ndarray, groups: np.ndarray | None = None
) -> float:
    """Standard error of `calibration_slope`, rows of an account counted together; NaN where there is no slope.

    Liang and Zeger (1986), "Longitudinal data analysis using generalized linear models".
    """
    found = _regression(outcome, probability, np.ones(len(outcome)), groups)
    if found is None:
        return float("nan")
    coefficient, design, curvature = found
    expected = 0.5 * (1 + np.tanh(0.5 * design @ coefficient))
    scores = design * (outcome - expected)[:, None]
    distinct, code = np.unique(accounts, return_inverse=True)
    if len(distinct) < 2:
        return float("nan")
    of_account = np.column_stack([np.bincount(code, weights=column) for column in scores.T])
    bread = np.linalg.inv(curvature)
    covariance = bread @ (of_account.T @ of_account) @ bread * len(distinct) / (len(distinct) - 1)
    return float(np.sqrt(max(covariance[0, 0], 0.0)))


def _regression(
    outcome: np.ndarray, probability: np.ndarray, weight: np.ndarray, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Coefficients (slope first), design and curvature of the regression; None if a side is constant.

    A prediction that differs between groups only is constant too: each has an intercept of its own.
    """
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    x = np.log(p / (1 - p))
    if not len(x) or not 0 < np.average(outcome, weights=weight) < 1:
        return None
    _, code = np.unique(np.zeros(len(x)) if groups is None else groups, return_inverse=True)
    within = x - (np.bincount(code, weights=x) / np.bincount(code))[code]
    if np.ptp(within) < 1e-9:
        return None
    design = np.column_stack([x, np.eye(code.max() + 1)[code]])
    coefficient, ridge = np.zeros(design.shape[1]), 1e-8 * weight.sum() * np.eye(design.shape[1])
    curvature = ridge
    for _ in range(50):
        mean = 0.5 * (1 + np.tanh(0.5 * design @ coefficient))
        curvature = (design * (weight * mean * (1 - mean))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, design.T @ (weight * (outcome - mean)))
        coefficient = coefficient + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return coefficient, design, curvature


def ratio_interval(outcome: np.ndarray, predicted: np.ndarray, resamples: np.ndarray) -> tuple[float, float]:
    """95 % interval of the ratio of the sums of predictions and outcomes, over resampled accounts.

    The upper end is NaN where resamples without any event leave it open.
    """
    inverse = (resamples @ outcome) / (resamples @ predicted)
    low, high = np.quantile(inverse, [0.025, 0.975])
    return float(1 / high) if high > 0 else float("nan"), float(1 / low) if low > 0 else float("nan")


def expected_calibration_error(outcome: np.ndarray, probability: np.ndarray, bins: int = _BINS) -> float:
    """Mean gap of predicted and observed share over equally filled bins (ECE).

    A bin may end inside a row or among equal predictions, of which it then holds its part of all.
    """
    tie, share = _bins(probability, bins)
    return _mean_gap(tie, share, probability, outcome)


@dataclass(frozen=True)
class PerfectError:
    """The ECE that a perfectly calibrated model would show on as many accounts: its mean and 95 % quantile."""

    mean: float
    high: float


def error_of_a_perfect_model(
    probability: np.ndarray, accounts: np.ndarray, bins: int = _BINS, draws: int = 500, seed: int = 0
) -> PerfectError:
    """The ECE of outcomes drawn from the predictions themselves.

    Each account draws one number for all its rows, and the event happens in those whose probability lies above it.
    """
    tie, share = _bins(probability, bins)
    distinct, code = np.unique(accounts, return_inverse=True)
    rng = np.random.default_rng(seed)
    errors = [
        _mean_gap(tie, share, probability, (rng.random(len(distinct))[code] < probability).astype(float))
        for _ in range(draws)
    ]
    return PerfectError(float(np.mean(errors)), float(np.quantile(errors, 0.95)))


@dataclass(frozen=True)
class Decile:
    """A tenth of the rows by predicted probability; the interval of the observed share counts `accounts`, not rows."""

    predicted: float
    observed: float
    n: int
    accounts: int
    low: float
    high: float

    def to_json(self) -> dict[str, float | int]:
        """As in the JSON of `train`."""
        return dict(self.__dict__)


def deciles(outcome: np.ndarray, probability: np.ndarray, accounts: np.ndarray, bins: int = _BINS) -> list[Decile]:
    """Predicted and observed share by tenth, lowest first, with the 95 % interval of Jeffreys."""
    from scipy.stats import beta

    tie, share = _bins(probability, bins)
    size, predicted, observed = (
        share @ np.bincount(tie, weights=values) for values in (np.ones(len(tie)), probability, outcome)
    )
    result = []
    for row, n, p, y in zip(share, size, predicted, observed, strict=True):
        inside = len(np.unique(accounts[row[tie] > 1e-9]))
        events = inside * min(max(y / n, 0.0), 1.0)
        low = float(beta.ppf(0.025, events + 0.5, inside - events + 0.5)) if events > 0 else 0.0
        high = float(beta.ppf(0.975, events + 0.5, inside - events + 0.5)) if events < inside else 1.0
        result.append(Decile(float(p / n), float(y / n), round(float(n)), inside, low, high))
    return result


def _bins(probability: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """The number of each row's distinct prediction, lowest 0, and which part of each lies in each bin (n_bins, n)."""
    _, tie, count = np.unique(probability, return_inverse=True, return_counts=True)
    upper = np.cumsum(count)
    edges = np.linspace(0.0, upper[-1], bins + 1)
    overlap = np.minimum(upper, edges[1:, None]) - np.maximum(upper - count, edges[:-1, None])
    return tie, np.maximum(overlap, 0.0) / count


def _mean_gap(tie: np.ndarray, share: np.ndarray, probability: np.ndarray, outcome: np.ndarray) -> float:
    return float(np.abs(share @ np.bincount(tie, weights=probability - outcome)).sum() / len(tie))
