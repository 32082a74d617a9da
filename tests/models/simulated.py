"""Simulated companies at the level of encoded rows: monthly snapshots of accounts whose monthly hazard is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from leap.models.rows import Rows, recency

MONTHS, CUTOFF, HORIZON, NOISE = 48, 35, 12, 25
_MONTH = np.timedelta64(2_629_800, "s")
_START = np.datetime64("2020-01-01T00:00:00", "us")

LogHazard = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Of three numbers (n, 5), a category (n,), a level of usage (n,) and the month (n,): what it adds to the log hazard."""


def line(x: np.ndarray, kind: np.ndarray, usage: np.ndarray, month: np.ndarray) -> np.ndarray:
    return 0.7 * x[:, 0] - 0.8 * usage + 0.5 * (kind == 1)


def steps(x: np.ndarray, kind: np.ndarray, usage: np.ndarray, month: np.ndarray) -> np.ndarray:
    return 1.1 * (x[:, 0] > 0.5) + 1.1 * ((x[:, 1] > 0) & (usage < 0)) - 0.8 * (kind == 2)


def weak(x: np.ndarray, kind: np.ndarray, usage: np.ndarray, month: np.ndarray) -> np.ndarray:
    return 0.35 * x[:, 0] - 0.35 * usage


def nothing(x: np.ndarray, kind: np.ndarray, usage: np.ndarray, month: np.ndarray) -> np.ndarray:
    return np.zeros(len(usage))


@dataclass(frozen=True)
class Simulated:
    """Training rows known at the cutoff, and the customers of that day with their outcome and its true probability."""

    past: Rows
    matrix: np.ndarray
    outcome: np.ndarray
    truth: np.ndarray


def simulate(truth: LogHazard, accounts: int, seed: int, *, clones: int = 0, hazard: float = 0.016) -> Simulated:
    """A company of so many accounts over four years, half of them there from the start, with 25 meaningless columns."""
    rng = np.random.default_rng(seed * 7919 + accounts)
    x, kind, level = rng.normal(size=(accounts, 5)), rng.integers(0, 4, accounts), rng.normal(size=accounts)
    begin = np.where(rng.random(accounts) < 0.5, 0, rng.integers(0, MONTHS - 6, accounts))
    noise, wobble = rng.normal(size=(accounts, NOISE)), rng.normal(size=(MONTHS, accounts)) * 0.5
    end = np.full(accounts, 10**6)
    for month in range(MONTHS):
        now = np.full(accounts, month)
        leaves = rng.random(accounts) < _monthly(hazard, truth(x, kind, level + wobble[month], now))
        end = np.where((begin < month) & (end > month) & leaves, month, end)
    account, month = np.nonzero((begin[:, None] <= np.arange(MONTHS)) & (end[:, None] > np.arange(MONTHS)))
    usage = level[account] + wobble[month, account]
    half = NOISE // 2
    matrix = np.column_stack([
        x[account], *[(kind[account] == k).astype(float) for k in range(4)], usage,
        level[account] + 0.7 * rng.normal(size=len(account)), month - begin[account],
        noise[account][:, :half], noise[account][:, half:] + rng.normal(size=(len(account), NOISE - half)),
        *[x[account, 0] + 0.05 * rng.normal(size=len(account)) for _ in range(clones)],
    ])  # fmt: skip
    matrix[rng.random(matrix.shape) < 0.02] = np.nan
    stays = np.ones(len(account))
    for ahead in range(1, HORIZON + 1):
        then = np.minimum(month + ahead, MONTHS - 1)
        stays *= 1 - _monthly(hazard, truth(x[account], kind[account], level[account], then))
    outcome = (end[account] <= month + HORIZON).astype(float)
    past, now = month + HORIZON <= CUTOFF, month == CUTOFF
    as_of = (_START + month * _MONTH).astype("datetime64[us]")[past]
    rows = Rows(matrix[past], outcome[past], recency(as_of), account[past], as_of, as_of + HORIZON * _MONTH, "binary")
    return Simulated(rows, matrix[now], outcome[now], (1 - stays)[now])


def _monthly(hazard: float, log_effect: np.ndarray) -> np.ndarray:
    return np.clip(1 - np.exp(-hazard * np.exp(log_effect)), 0, 0.6)
