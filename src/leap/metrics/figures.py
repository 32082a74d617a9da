"""Pure figures of skill, each with weights, and the account bootstrap that gives them intervals.

Weights let one sort serve every resample: an account drawn twice counts twice, all its rows together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
_EPS = 1e-12


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval (by accounts) and the same figure of the baseline; NaN where undefined."""

    value: float
    low: float
    high: float
    baseline: float

    def to_json(self) -> dict[str, float]:
        """As in the JSON of `train`."""
        return dict(self.__dict__)


def auc(outcome: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
    """Probability that an event is ranked above a non-event, ties counting half.

    >>> one = np.ones(4)
    >>> auc(np.array([0, 0, 1, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]), one)
    0.75
    """
    return AucWithin(np.zeros(len(outcome), dtype=np.int64))(outcome, score, weight)


@dataclass(frozen=True)
class AucWithin:
    """The AUC over pairs of rows of one group only: rows that were predicted at different times are not compared.

    `prepare` sorts once, so that each resample of accounts costs one pass.
    """

    groups: np.ndarray

    def __call__(self, outcome: np.ndarray, score: np.ndarray, weight: np.ndarray) -> float:
        """The figure for one set of weights."""
        return self.prepare(outcome, score)(weight)

    def prepare(self, outcome: np.ndarray, score: np.ndarray) -> Callable[[np.ndarray], float]:
        """The figure as a function of the weights alone."""
        order = np.lexsort((score, self.groups))
        group, s, y = self.groups[order], score[order], outcome[order]
        new_group = np.append(True, group[1:] != group[:-1])
        tie = np.cumsum(new_group | np.append(True, s[1:] != s[:-1])) - 1
        group_of_tie = (np.cumsum(new_group) - 1)[np.append(True, tie[1:] != tie[:-1])]
        n_ties, n_groups = int(tie[-1]) + 1, int(group_of_tie[-1]) + 1

        def figure(weight: np.ndarray) -> float:
            w = weight[order]
            events = np.bincount(tie, weights=w * y, minlength=n_ties)
            others = np.bincount(tie, weights=w * (1 - y), minlength=n_ties)
            of_group = np.bincount(group_of_tie, weights=others, minlength=n_groups)
            before = np.cumsum(others) - others - (np.cumsum(of_group) - of_group)[group_of_tie]
            pairs = (np.bincount(group_of_tie, weights=events, minlength=n_groups) * of_group).sum()
            return float((events * (before + others / 2)).sum() / pairs) if pairs > 0 else float("nan")

        return figure


def mean(outcome: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Weighted mean of the outcome, whatever was predicted."""
    return float(np.average(outcome, weights=weight))


def brier(outcome: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Mean squared difference of probability and outcome."""
    return float(np.average((probability - outcome) ** 2, weights=weight))


def log_loss(outcome: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> float:
    """Mean negative log-likelihood in nats."""
    p = np.clip(probability, _EPS, 1 - _EPS)
    return float(-np.average(outcome * np.log(p) + (1 - outcome) * np.log1p(-p), weights=weight))


def mae(outcome: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Mean absolute error."""
    return float(np.average(np.abs(predicted - outcome), weights=weight))


class Spearman:
    """Weighted correlation of mid-ranks; NaN if either side is constant. `prepare` ranks once for all resamples."""

    def __call__(self, outcome: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
        """The figure for one set of weights."""
        return self.prepare(outcome, predicted)(weight)

    def prepare(self, outcome: np.ndarray, predicted: np.ndarray) -> Callable[[np.ndarray], float]:
        """The figure as a function of the weights alone."""
        ranked = _ranks(outcome), _ranks(predicted)

        def figure(weight: np.ndarray) -> float:
            a, b = (ranks - np.average(ranks, weights=weight) for ranks in ranked)
            norm = np.sqrt(np.average(a * a, weights=weight) * np.average(b * b, weights=weight))
            return float(np.average(a * b, weights=weight) / norm) if norm > 0 else float("nan")

        return figure


spearman = Spearman()


def portfolio_error(outcome: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """Predicted less observed ratio of sums; the weights are starting MRR times how often an account was drawn."""
    return float(np.average(predicted, weights=weight) - np.average(outcome, weights=weight))


def account_bootstrap(accounts: np.ndarray, draws: int = 200, seed: int = 0) -> np.ndarray:
    """How often each row counts in each resample of accounts, shape (draws, n_rows).

    Whole accounts are drawn, so that repeating every row twelve times changes no interval.
    """
    distinct, code = np.unique(accounts, return_inverse=True)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(distinct), np.full(len(distinct), 1 / len(distinct)), size=draws)
    return counts[:, code].astype(float)


def with_interval(
    metric: Metric,
    outcome: np.ndarray,
    predicted: np.ndarray,
    resamples: np.ndarray,
    *,
    baseline: np.ndarray | float,
    weight: np.ndarray | None = None,
) -> Figure:
    """A figure, its 95 % percentile interval over resampled accounts, and the baseline's figure.

    `baseline` is the baseline's prediction (an array), or the figure a baseline has by definition.
    """
    base = np.ones(len(outcome)) if weight is None else weight
    prepare = getattr(metric, "prepare", None)
    figure = prepare(outcome, predicted) if prepare else partial(metric, outcome, predicted)
    draws = np.array([figure(base * times) for times in resamples])
    draws = draws[np.isfinite(draws)]
    low, high = np.quantile(draws, [0.025, 0.975]) if len(draws) else (np.nan, np.nan)
    reference = baseline if isinstance(baseline, float) else metric(outcome, np.asarray(baseline), base)
    return Figure(metric(outcome, predicted, base), float(low), float(high), float(reference))


def _ranks(values: np.ndarray) -> np.ndarray:
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(count)
    return (upper - (count - 1) / 2)[code]
