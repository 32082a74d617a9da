"""The discrete-time hazard of an account: the chance of losing it in a lead month, given that it is still there.

A logistic model of person-months (Singer & Willett 1993, "It's about time: using discrete-time survival analysis to
study duration and the timing of events"), chosen as every other one: base rate, ridge, and small trees only if they win
in folds of other accounts. The survival curve is the product of what is left: `S(k) = prod(1 - h(m))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leap.models.calibration import logistic
from leap.models.hazard.account import AccountPart, account_part_from_json
from leap.models.hazard.choosing import Spread, choose_part, fit_spread
from leap.models.hazard.design import fit_levels, with_intercept
from leap.models.hazard.followed import LONGEST, Followed, PersonMonths
from leap.models.hazard.timing import CASES, COLUMNS, Timing, columns_of

_LEAST, _MOST = 1e-6, 1 - 1e-6
_FEWEST_ACCOUNTS = 20
_BLOCK_ROWS = 5_000
_YEAR = 12
_MOST_MONTHS = 240


@dataclass(frozen=True)
class Hazard:
    """A fitted hazard: `log-odds = what the account adds * how much of it is left + the level of the lead month`.

    `observed` is the longest lead month in which enough accounts were followed to say anything.
    """

    part: AccountPart
    centre: float
    spread: Spread
    levels: np.ndarray
    timing: Timing
    observed: int
    n_rows: int
    n_accounts: int
    n_events: int
    losses: Mapping[str, float]

    @property
    def learner(self) -> str:
        """base_rate, linear or boosted."""
        return self.part.kind

    def survival(self, matrix: np.ndarray, months: int = LONGEST) -> np.ndarray:
        """S(1) .. S(months) of encoded rows, shape (n, months); S(0) is 1, and every month takes something.

        Beyond the longest lead observed it goes on with the mean hazard of the last year observed.
        """
        if 0 < len(matrix) <= _BLOCK_ROWS:
            return self._block(matrix, months)
        parts = [self._block(matrix[i : i + _BLOCK_ROWS], months) for i in range(0, len(matrix), _BLOCK_ROWS)]
        return np.concatenate(parts) if parts else np.zeros((0, months))

    def _block(self, matrix: np.ndarray, months: int) -> np.ndarray:
        leads = self.timing.leads(matrix, self._months)
        level = self._level_of[leads]
        own = (self.part.margin(matrix) - self.centre)[:, None] * self._spread_of_months
        log_left = np.log1p(-np.minimum(np.maximum(logistic(own + level), _LEAST), _MOST))
        if months > self.observed:
            usual = log_left[:, -_YEAR:].mean(axis=1, keepdims=True)
            log_left = np.hstack([log_left, np.repeat(usual, months - self.observed, axis=1)])
        return np.asarray(np.exp(np.cumsum(log_left[:, :months], axis=1)))

    @cached_property
    def _level_of(self) -> np.ndarray:
        """The level of every lead month there can be, by its number in `Timing.leads`; of month 0 there is none."""
        leads = np.arange(len(CASES), len(CASES) * (self.observed + 1))
        return np.concatenate([np.zeros(len(CASES)), with_intercept(columns_of(leads)) @ self.levels])

    @cached_property
    def _spread_of_months(self) -> np.ndarray:
        return self.spread.of(self.observed, self.observed)

    @cached_property
    def _months(self) -> np.ndarray:
        return np.arange(1, self.observed + 1)[None, :]

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle; the text of trees, under `part`, goes to a file of its own."""
        plain = {name: getattr(self, name) for name in ("centre", "observed", "n_rows", "n_accounts", "n_events")}
        return {
            **plain,
            "part": self.part.to_json(),
            "spread": [self.spread.slope, self.spread.fade],
            "levels": self.levels.tolist(),
            "timing": self.timing.to_json(),
            "losses": dict(self.losses),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Hazard:
        """The inverse of `to_json`."""
        fields = dict(document)
        levels = np.array(fields.pop("levels"), dtype=float)
        if not 1 <= fields["observed"] <= _MOST_MONTHS or levels.shape != (1 + len(COLUMNS),):
            raise ValueError(f"a hazard of {fields['observed']} months with {levels.shape} levels")
        part, timing = account_part_from_json(fields.pop("part")), Timing.from_json(fields.pop("timing"))
        return cls(part=part, spread=Spread(*fields.pop("spread")), levels=levels, timing=timing, **fields)


def fit_hazard(
    followed: Followed, timing: Timing | None = None, *, longest: int = LONGEST, only: str | None = None, seed: int = 0
) -> Hazard | None:
    """The hazard of rows that were followed; None if nobody was followed for a whole month."""
    timing = timing or Timing()
    followed = followed.thinned()
    observed = longest_observed(followed, longest)
    if not observed:
        return None
    months = PersonMonths.of(followed, timing, observed)
    choice = choose_part(months, only, seed)
    spread = fit_spread(months, choice.held_out)
    margin = choice.part.margin(months.followed.matrix)
    centre = float(margin.mean())
    accounts = months.followed.accounts
    return Hazard(
        part=choice.part,
        centre=centre,
        spread=spread,
        levels=fit_levels(months.for_level(), (margin - centre)[:, None] * spread.of(observed, observed)),
        timing=timing,
        observed=observed,
        n_rows=len(accounts),
        n_accounts=len(np.unique(accounts)),
        n_events=len(np.unique(accounts[months.followed.gone])),
        losses=choice.losses,
    )


def longest_observed(followed: Followed, longest: int) -> int:
    """The longest lead month in which at least twenty accounts (or a fifth of all, if fewer) were still followed."""
    if not len(followed):
        return 0
    accounts, place = np.unique(followed.accounts, return_inverse=True)
    most = np.zeros(len(accounts), dtype=np.int64)
    np.maximum.at(most, place, np.minimum(followed.months, longest))
    fewest = min(_FEWEST_ACCOUNTS, max(1, len(accounts) // 5))
    return int(np.sort(most)[::-1][fewest - 1])


def reconciled(survival: np.ndarray, p: np.ndarray, horizon: int) -> np.ndarray:
    """The curve that says what the churn probability says: `S(k) ** (log(1 - p) / log S(h))`, so that S(h) = 1 - p.

    The hazard's shape stays, and its level is the calibrated one: a power is the same factor on the cumulated hazard of
    every month (proportional hazards), and keeps a curve falling from 1 and above 0.

    >>> reconciled(np.array([[0.9, 0.8]]), np.array([0.36]), 2).round(4).tolist()
    [[0.81, 0.64]]
    """
    kept = np.log1p(-np.minimum(np.maximum(p, 0.0), 1 - 1e-9))
    return np.asarray(survival ** (kept / np.log(survival[:, horizon - 1]))[:, None])
