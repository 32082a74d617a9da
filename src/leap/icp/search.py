"""Candidate rules from the drivers of a fit model on earlier accounts, and their measurement on later, different
ones.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureFrame
from leap.icp.rules import Columns, Condition, Evidence, Measured, Rule
from leap.metrics import account_bootstrap

_MIN_MATCHED = 15
_CLEARLY_MORE = 0.5
_MIN_SHARE, _MAX_SHARE = 0.03, 0.9
_MAX_LEVELS = 8


@dataclass(frozen=True)
class Population:
    """Rows of account and anniversary with what followed: fit features, account, starting and ending MRR."""

    frame: FeatureFrame
    accounts: np.ndarray
    as_of: np.ndarray
    starting: np.ndarray
    ending: np.ndarray

    @property
    def columns(self) -> Columns:
        """The fit features by name."""
        return {name: self.frame.frame[name] for name in self.frame.catalog.names}

    def where(self, keep: np.ndarray) -> Population:
        """The rows that a mask keeps."""
        return Population(
            self.frame.where(keep), self.accounts[keep], self.as_of[keep], self.starting[keep], self.ending[keep]
        )

    def described(self) -> dict[str, Any]:
        """Counts and dates, as in evidence."""
        return {
            "accounts": len(np.unique(self.accounts)),
            "rows": len(self.accounts),
            "from": f"{pd.Timestamp(self.as_of.min()):%Y-%m-%d}",
            "to": f"{pd.Timestamp(self.as_of.max()):%Y-%m-%d}",
        }


def halves(account_ids: Sequence[str]) -> np.ndarray:
    """Which accounts rules may be found on: those whose id has an even CRC-32, so that others change nothing.

    >>> halves(["a1", "a4", "a2"]).tolist()
    [False, True, False]
    """
    return np.array([zlib.crc32(account.encode()) % 2 == 0 for account in account_ids], dtype=bool)


def parted(
    population: Population, known_at: np.ndarray, half: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the rows rules are found on, and of the later rows of other accounts that they are measured on.

    Half of the accounts (`halves` of their ids) may be found on, with the rows known at a cutoff; all other
    accounts, those won later among them, are measured on their rows from the cutoff on. The cutoff leaves about
    twice as many rows to measure on.
    """
    if half is None:
        half = halves([str(account) for account in population.accounts])
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for cutoff in np.unique(population.as_of):
        found = half & (known_at <= cutoff)
        measured = ~np.isin(population.accounts, population.accounts[found]) & (population.as_of >= cutoff)
        balance = min(2.0 * found.sum(), float(measured.sum()))
        if best is None or balance > best[0]:
            best = (balance, found, measured)
    if best is None:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    return best[1], best[2]


def candidates(population: Population, features: Sequence[Feature]) -> list[Rule]:
    """Single conditions on the given features that enough, and not nearly all, accounts of the population meet."""
    rules = []
    for feature in features:
        for condition in _conditions(feature, population.frame.frame[feature.name]):
            rule = Rule((condition,))
            if _supported(rule, population):
                rules.append(rule)
    return rules


def pairs(population: Population, rules: Sequence[Rule]) -> list[Rule]:
    """Two conditions on different features, again with enough accounts."""
    found = []
    for a, b in itertools.combinations(rules, 2):
        joined = Rule(a.conditions + b.conditions)
        narrower = not any(same_rows(joined, part, population) for part in (a, b))
        if not a.features & b.features and narrower and _supported(joined, population):
            found.append(joined)
    return found


def same_rows(a: Rule, b: Rule, population: Population) -> bool:
    """Rules that hold for nearly the same rows (at least 80 % of those of either) say the same."""
    one, two = a.matches(population.columns), b.matches(population.columns)
    return bool((one & two).sum() >= 0.8 * max((one | two).sum(), 1))


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


def _supported(rule: Rule, population: Population) -> bool:
    inside = rule.matches(population.columns)
    matched = len(np.unique(population.accounts[inside]))
    others = len(np.unique(population.accounts[~inside]))
    return min(matched, others) >= _MIN_MATCHED and _MIN_SHARE <= inside.mean() <= _MAX_SHARE


def _conditions(feature: Feature, column: pd.Series) -> list[Condition]:
    if feature.kind == "boolean":
        return [Condition(feature, "==", 1.0), Condition(feature, "==", 0.0)]
    if feature.kind == "category":
        levels = column.dropna().value_counts().index[:_MAX_LEVELS]
        return [Condition(feature, "==", str(level)) for level in sorted(map(str, levels))]
    number = column.to_numpy(dtype=float)
    number = number[~np.isnan(number)]
    if not len(number):
        return []
    edges = sorted({round_number(float(q)) for q in np.quantile(number, [0.25, 0.5, 0.75])})
    if number.min() < 1 <= number.max() and float(np.median(number)) <= 1:
        edges = sorted({*edges, 1.0})  # counts: none against any
    edges = [edge for edge in edges if number.min() < edge <= number.max()]
    found = [Condition(feature, op, edge) for edge in edges for op in (">=", "<")]
    found += [Condition(feature, "between", (low, high)) for low, high in itertools.combinations(edges, 2)]
    return found


def round_number(value: float) -> float:
    """The number with one and a half digits that a person would say.

    >>> [round_number(v) for v in (187.3, 52.0, 0.137, 1.0)]
    [200.0, 50.0, 0.15, 1.0]
    """
    if value == 0:
        return 0.0
    unit = 10 ** np.floor(np.log10(abs(value)))
    steps = np.array([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])
    nearest = steps[np.argmin(np.abs(steps - abs(value) / unit))]
    return float(np.sign(value) * round(nearest * unit, 10))
