"""Comparison of those who meet a rule with the others, within periods and tenure.

The share of an attribute may drift while churn drifts: compared over all years it would then tell who stays although
it does nothing. So a rule and an outcome are both freed of what the period of the row and the years as a customer say
(Frisch & Waugh 1933), and with them of any trend over years of purchase, which is the one less the other; what is left
is compared: a score test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from leap.icp.population import Population

TESTED = ("churn", "nrr", "expansion_rate", "contraction_rate")
_CEILING = 2.0
"""Most of the starting revenue that counts as kept in a test, so that no single account decides it."""
_ROWS_A_PERIOD = 25
_MOST_SKEW = 0.8


@dataclass(frozen=True)
class Scores:
    """Standard errors by which those inside a rule have more of an outcome, shape (n_rules,), and what each row adds.

    `parts` (n_rows, n_rules) sums to the score before it is divided by its error.
    """

    z: np.ndarray
    parts: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Rows of a population, one for each account and date, with what the time of each says of it."""

    population: Population

    @cached_property
    def calendar(self) -> np.ndarray:
        """Period and years as a customer of each row as columns of 0 and 1, and a constant."""
        p = self.population
        month = p.as_of.astype("datetime64[M]").astype(int)
        span = next((s for s in (3, 6, 12) if len(month) >= _ROWS_A_PERIOD * len(np.unique(month // s))), 12)
        years = np.minimum(np.round(p.tenure_months / 12).astype(int), 4)
        columns = [np.ones((len(month), 1)), *map(_levels, (month // span, years))]
        return np.hstack(columns)

    def of(self, metric: str) -> tuple[np.ndarray, np.ndarray]:
        """The outcome that is tested for a metric, and the rows that have one.

        Growth and contraction are tested among those who stayed, so that the noise of leaving hides neither.
        """
        start, end = self.population.starting, self.population.ending
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.minimum(end / start, _CEILING)
        ratio[~np.isfinite(ratio)] = 1.0
        stayed = end > 0
        if metric == "churn":
            return (~stayed).astype(float), np.ones(len(start), dtype=bool)
        if metric == "nrr":
            return ratio, np.ones(len(start), dtype=bool)
        change = ratio - 1
        return (np.maximum(change, 0) if metric == "expansion_rate" else np.maximum(-change, 0)), stayed

    def scores(
        self, inside: np.ndarray, metric: str, within: np.ndarray | None = None, beside: np.ndarray | None = None
    ) -> Scores:
        """Of rules, shape (n_rows, n_rules), on one outcome; `within` some rows only, `beside` what else to free of."""
        outcome, has = self.of(metric)
        rows = np.flatnonzero(has if within is None else has & within)
        parts, z = np.zeros(inside.shape), np.zeros(inside.shape[1])
        if len(rows) > 1:
            known = self.calendar[rows] if beside is None else np.hstack([self.calendar[rows], beside[rows]])
            basis = basis_of(known)
            if len(rows) > basis.shape[1] + 1:
                x, y = freed(inside[rows].astype(float), basis), freed(outcome[rows][:, None], basis)
                parts[rows] = x * y
                spare = len(rows) / (len(rows) - basis.shape[1])
                if metric == "churn":
                    z = _of_counts(x, parts[rows].sum(axis=0), outcome[rows], basis, spare)
                else:
                    z = _of_money(x, y[:, 0], self.population.accounts[rows], spare)
        return Scores(z, parts)

    def bins_of(self, features: Mapping[str, str]) -> np.ndarray:
        """Which quarter of a number, or which category, each row has, as columns of 0 and 1: `features` by kind."""
        found = []
        for name, kind in features.items():
            column = self.population.frame.frame[name]
            if kind == "category":
                # What is not known is a category of its own, and does not compare with texts.
                found.append(_levels(pd.factorize(column, sort=True, use_na_sentinel=False)[0]))
            else:
                number = column.to_numpy(dtype=float)
                known = number[~np.isnan(number)]
                edges = np.unique(np.quantile(known, np.arange(1, 8) / 8)) if len(known) else np.zeros(0)
                code = np.where(np.isnan(number), len(edges) + 1, np.searchsorted(edges, number, side="right"))
                found.append(_levels(code))
        return np.hstack(found) if found else np.zeros((len(self.population.accounts), 0))


def basis_of(columns: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what some columns span."""
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, size > 1e-8 * max(float(size.max(initial=0.0)), 1e-12)])


def freed(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """What is left of values when a basis has said all that it can."""
    return np.asarray(values - basis @ (basis.T @ values))


def _levels(codes: np.ndarray) -> np.ndarray:
    """Columns of 0 and 1 for each code but one."""
    return np.asarray(codes[:, None] == np.unique(codes)[None, 1:], dtype=float)


def _of_counts(x: np.ndarray, score: np.ndarray, outcome: np.ndarray, basis: np.ndarray, spare: float) -> np.ndarray:
    """A yes or no has the spread of its chance, not that of the few events seen inside."""
    rate = float(outcome.mean())
    chance = np.clip(basis @ (basis.T @ outcome), rate / 4, 1 - (1 - rate) / 4)
    spread = chance * (1 - chance)
    variance = (x**2).T @ spread * spare
    third = (x**3).T @ (spread * (1 - 2 * chance))
    return _normal(score, variance, third)


def _of_money(x: np.ndarray, y: np.ndarray, accounts: np.ndarray, spare: float) -> np.ndarray:
    """Amounts have the spread, the skewness and the likeness within an account of all rows, not of those inside.

    Where few rows with an amount lie inside, their own spread is far too small (White's estimate errs so too).
    """
    _, code = np.unique(accounts, return_inverse=True)
    spread = float((y**2).mean()) * spare
    if spread <= 0:
        return np.zeros(x.shape[1])
    sums = np.zeros((code.max() + 1, x.shape[1]))
    np.add.at(sums, code, x)
    rows = np.bincount(code)
    together = float((np.bincount(code, weights=y) ** 2).sum() - (y**2).sum())
    pairs = float((rows * (rows - 1)).sum())
    alike = min(max(together / (pairs * spread), 0.0), 1.0) if pairs else 0.0
    own = (x**2).sum(axis=0)
    variance = spread * (own + alike * np.maximum((sums**2).sum(axis=0) - own, 0.0))
    return _normal(x.T @ y, variance, float((y**3).mean()) * (x**3).sum(axis=0))


def _normal(score: np.ndarray, variance: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Scores in standard errors, with their skewness taken out (Hall 1992, one term of Edgeworth)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 1e-12, score / np.sqrt(variance), 0.0)
        skew = np.where(variance > 1e-12, third / variance**1.5, 0.0)
    return np.asarray(z - np.clip(skew, -_MOST_SKEW, _MOST_SKEW) / 6 * (np.minimum(z**2, 9.0) - 1))
