"""Training rows made directly as matrices, with the truth beside them: what is expected of each row.

Every account is seen twice a year; the two rows share what followed. Columns 0 to 3 may move churn, expansion, the size
of an expansion and the size of a contraction; column 4 says nothing, the last is starting MRR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leap.models.composition import Labels, TrainingRows

BEGIN, YEAR, HALF = np.datetime64("2018-01-01", "us"), np.timedelta64(365, "D"), np.timedelta64(182, "D")


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def line(x: np.ndarray) -> np.ndarray:
    """An effect that is a line."""
    return x


def step(x: np.ndarray) -> np.ndarray:
    """An effect that is a step."""
    return np.where(x > 0.5, 1.0, -0.5)


@dataclass(frozen=True)
class World:
    """What moves made-up accounts: effects of one standard deviation, on the scale of each link."""

    churn: float = 0.9
    expansion: float = 0.8
    expansion_size: float = 0.0
    contraction_size: float = 0.0
    large_grow_less: float = 0.0
    shape: Callable[[np.ndarray], np.ndarray] = line
    spread: float = 0.7
    """Of the logarithm of an expansion's size, given all that is known."""
    rises: float = 0.0
    """By how much the log-odds of expanding rise each year."""


@dataclass(frozen=True)
class Made:
    """Rows to train on, later rows to judge on, and the truth of the later ones."""

    train: TrainingRows
    test: TrainingRows
    nrr: np.ndarray
    expansion_size: np.ndarray
    contraction_size: np.ndarray

    def portfolio(self, nrr: np.ndarray) -> float:
        """The ratio of sums of the later rows."""
        return float(np.average(nrr, weights=self.test.labels.starting))


def made(n: int, seed: int, world: World = World(), years: int = 5) -> Made:
    """`n` accounts over so many years; the last year is the test, and training ends a horizon before it."""
    rng = np.random.default_rng(seed)
    x, size = rng.normal(size=(n, 5)), rng.normal(size=n)
    starting = np.exp(6 + size)
    parts = []
    for year in range(years):
        p = logistic(-1.6 + world.churn * x[:, 0])
        q = logistic(-0.7 + world.expansion * x[:, 1] + world.rises * (year - years + 2))
        q_contraction = (1 - q) * 0.2
        usual = np.exp(-1.8 + world.expansion_size * world.shape(x[:, 2]) - world.large_grow_less * size)
        grown = usual * np.exp(world.spread * rng.normal(size=n))
        shrunk = logistic(-1 + world.contraction_size * x[:, 3] + 0.3 * rng.normal(size=n))
        kind = rng.random(n)
        ratio = np.where(kind < q, 1 + grown, np.where(kind < q + q_contraction, 1 - shrunk, 1.0))
        ratio = np.where(rng.random(n) < p, 0.0, ratio)
        expected_u = usual * np.exp(world.spread**2 / 2)
        # The mean of a logistic of a normal, to the third digit.
        expected_d = logistic((-1 + world.contraction_size * x[:, 3]) / np.sqrt(1 + np.pi * 0.09 / 8))
        nrr = (1 - p) * (1 - q_contraction * expected_d + q * expected_u)
        for half in range(2):
            as_of = np.full(n, BEGIN + year * YEAR + half * HALF)
            matrix = np.column_stack([x, starting])
            parts.append((matrix, ratio, starting, np.arange(n), as_of, nrr, expected_u, expected_d))
    matrix, ratio, starting, accounts, as_of, nrr, expected_u, expected_d = (
        np.concatenate([part[i] for part in parts]) for i in range(8)
    )
    order = np.lexsort((as_of, accounts))
    labels = Labels((ratio == 0).astype(float), ratio, starting)
    rows = TrainingRows(matrix, labels, accounts, as_of, as_of + YEAR).where(order)
    cutoff = BEGIN + (years - 1) * YEAR
    later = rows.as_of >= cutoff
    truth = (values[order][later] for values in (nrr, expected_u, expected_d))
    return Made(rows.where(rows.known_at <= cutoff), rows.where(later), *truth)


def rows_of(ratio: np.ndarray, starting: np.ndarray | None = None, seed: int = 0, dates: int = 4) -> TrainingRows:
    """Rows with these ratios, the same at every half-yearly date, and two columns that say nothing."""
    n = len(ratio)
    rng = np.random.default_rng(seed)
    starting = np.full(n, 100.0) if starting is None else starting
    times = np.repeat(np.arange(n), dates)
    as_of = BEGIN + np.tile(np.arange(dates), n) * HALF
    labels = Labels((ratio == 0).astype(float), ratio, starting).where(times)
    return TrainingRows(rng.normal(size=(n, 2))[times], labels, times, as_of, as_of + YEAR)
