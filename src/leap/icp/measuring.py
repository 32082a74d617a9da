"""The measurement of rules on later accounts that they were not found on, and how strong they were before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.icp.evidence import Evidence, Measured
from leap.icp.population import Population
from leap.icp.rules import Rule
from leap.metrics import account_bootstrap

_CLEARLY_MORE = 0.5


def strength(rule: Rule, population: Population) -> tuple[float, str]:
    """How far those who meet a rule did better (above 0) or worse, in standard errors by accounts, and in what.

    The metric, `nrr` or `churn`, is the one in which the earlier accounts differ more; only that one is tested later.
    """
    inside = rule.matches(population.columns)
    kept = (population.ending > 0).astype(float)
    ratio = np.minimum(population.ending / population.starting, 2.0)
    scores = []
    for outcome in (ratio, kept):
        difference = outcome[inside].mean() - outcome[~inside].mean()
        error = np.sqrt(_error2(outcome, inside, population.accounts) + _error2(outcome, ~inside, population.accounts))
        scores.append(difference / error if error > 0 else 0.0)
    # Money is noisier than counts: it is tested only where amounts add to what leaving says.
    metric = "nrr" if abs(scores[0]) >= abs(scores[1]) + _CLEARLY_MORE else "churn"
    return float(scores[0] if metric == "nrr" else scores[1]), metric


def _error2(outcome: np.ndarray, part: np.ndarray, accounts: np.ndarray) -> float:
    """Squared standard error of a mean whose rows come in accounts."""
    values = outcome[part] - outcome[part].mean()
    _, code = np.unique(accounts[part], return_inverse=True)
    sums = np.bincount(code, weights=values)
    return float((sums**2).sum() / len(values) ** 2)


@dataclass(frozen=True)
class Hypothesis:
    """A rule with what the earlier accounts fixed before it is measured: strength with its sign, metric, and the rows
    of other accounts that may measure it.
    """

    rule: Rule
    score: float
    metric: str
    later: Population
    found_on: Mapping[str, Any]


def measure(hypotheses: Sequence[Hypothesis], *, tried: int, draws: int = 400) -> list[Evidence]:
    """What each rule did on accounts it was not found on: one one-sided test each, q-values over all of them."""
    if not hypotheses:
        return []
    resamples = {id(h.later): h.later.accounts for h in hypotheses}
    times = {key: account_bootstrap(accounts, draws) for key, accounts in resamples.items()}
    figures = [_figures(h.rule, h.later, times[id(h.later)]) for h in hypotheses]
    p_values = np.array([_p_value(h, found) for h, found in zip(hypotheses, figures, strict=True)])
    evidence = []
    for h, found, q in zip(hypotheses, figures, _benjamini_hochberg(p_values), strict=True):
        described = h.later.described()
        evidence.append(
            Evidence(
                accounts=described["accounts"],
                matched=len(np.unique(h.later.accounts[h.rule.matches(h.later.columns)])),
                figures=found,
                metric=h.metric,
                found_on=dict(h.found_on),
                measured_on=described,
                tried=tried,
                q_value=float(q),
                by_year=_by_year(h.rule, h.later),
            )
        )
    return evidence


def _by_year(rule: Rule, population: Population) -> tuple[dict[str, Any], ...]:
    inside = rule.matches(population.columns)
    year = population.as_of.astype("datetime64[Y]").astype(int) + 1970
    churned = population.ending == 0
    return tuple(
        {
            "year": int(y),
            "inside": _mean(churned[(year == y) & inside]),
            "outside": _mean(churned[(year == y) & ~inside]),
            "accounts_inside": int(((year == y) & inside).sum()),
            "accounts_outside": int(((year == y) & ~inside).sum()),
        }
        for y in np.unique(year)
    )


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _figures(rule: Rule, population: Population, times: np.ndarray) -> dict[str, Measured]:
    inside = rule.matches(population.columns)
    s, e = population.starting, population.ending
    parts = {
        "nrr": (e, s),
        "churn": ((e == 0).astype(float), np.ones(len(e))),
        "expansion_rate": (np.maximum(e - s, 0), s),
    }
    return {name: _measured(top, bottom, inside, times) for name, (top, bottom) in parts.items()}


def _measured(top: np.ndarray, bottom: np.ndarray, inside: np.ndarray, times: np.ndarray) -> Measured:
    def ratio(part: np.ndarray) -> tuple[float, np.ndarray]:
        point = float(top[part].sum() / bottom[part].sum())
        drawn = times[:, part]
        with np.errstate(invalid="ignore", divide="ignore"):
            return point, (drawn @ top[part]) / (drawn @ bottom[part])

    (a, drawn_a), (b, drawn_b) = ratio(inside), ratio(~inside)
    difference = drawn_a - drawn_b
    difference = difference[np.isfinite(difference)]
    low, high = np.quantile(difference, [0.025, 0.975]) if len(difference) else (np.nan, np.nan)
    return Measured(a, b, float(low), float(high))


def _p_value(hypothesis: Hypothesis, figures: Mapping[str, Measured]) -> float:
    """One-sided, in the direction found earlier: a score test for churn, the bootstrap's standard error for NRR."""
    from scipy.stats import norm

    figure, population = figures[hypothesis.metric], hypothesis.later
    if hypothesis.metric == "churn":
        # Pooled: with few events inside, the spread of the bootstrap would be too small.
        inside = hypothesis.rule.matches(population.columns)
        rate = float((population.ending == 0).mean())
        counted = 1 / _account_dates(population, inside) + 1 / _account_dates(population, ~inside)
        error = np.sqrt(rate * (1 - rate) * counted)
        better = -figure.lift
    else:
        error = (figure.high - figure.low) / (2 * 1.96)
        better = figure.lift
    return float(norm.sf(np.sign(hypothesis.score) * better / error)) if error > 0 else 1.0


def _account_dates(population: Population, part: np.ndarray) -> int:
    """Distinct accounts and dates of a part, at least 1: a row that stands twice says nothing new."""
    dates = population.as_of[part].astype("datetime64[D]").astype(np.int64)
    return max(len(np.unique(population.accounts[part].astype(np.int64) * 1_000_000 + dates)), 1)


def _benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Benjamini & Hochberg (1995): the false-discovery rate at which each is still found, same shape."""
    flat = p_values.ravel()
    order = np.argsort(flat)
    scaled = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    result = np.empty(len(flat))
    result[order] = adjusted
    return result.reshape(p_values.shape)
