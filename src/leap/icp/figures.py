"""All outcomes of a group of accounts together, inside a rule and outside of it, with intervals and reasons.

Every figure is a ratio of sums over accounts. Inside and outside add up to all accounts, sum by sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from leap.icp.book import Book
from leap.icp.resampling import FEWEST, LEVEL, Interval, Resampling, drawn_again, effective, interval, wilson
from leap.icp.sums import COLUMNS, RATIOS, columns_of, lifetime_value, ratio, with_costs
from leap.icp.undefined import why_undefined
from leap.revenue import RetentionFigures
from leap.value import payback_months_survival

RETENTION = ("nrr", "grr", "logo_churn", "churn_rate", "contraction_rate", "expansion_rate")
NAMES = (
    *RETENTION, "margin", "cac", "cac_with_lost", "payback_months", "payback_months_survival", "value_12m",
    "ltv_to_cac", "win_rate", "sales_cycle_days", "deal_size", "discount",
)  # fmt: skip
"""Every figure, in the order in which they are shown."""
_BY_MONEY = ("nrr", "grr", "churn_rate", "contraction_rate", "expansion_rate")
_OF_THE_KEPT = ("nrr", "grr", "logo_churn", "churn_rate")
_SHARES = {"logo_churn": ("left", "paying"), "win_rate": ("won", "decided")}


@dataclass(frozen=True)
class Figures:
    """The figures of one group: values by name (None where undefined, with the reason), intervals and counts."""

    values: Mapping[str, float | None]
    intervals: Mapping[str, Interval | None]
    reasons: Mapping[str, str]
    counts: Mapping[str, Any]
    draws: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    """The same figures in every draw, for differences; they are not kept."""
    rest_on: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    """Accounts that each figure rests on, as if all were of one size."""


@dataclass(frozen=True)
class Difference:
    """Inside less outside with its 95 % interval, where one can be given."""

    value: float
    interval: Interval | None

    @property
    def shown(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]

    def to_json(self) -> dict[str, float | None]:
        """value, low, high."""
        low, high = self.interval or (None, None)
        return {"value": self.value, "low": low, "high": high}


@dataclass(frozen=True)
class Comparison:
    """A group beside everyone else, over the same window."""

    inside: Figures
    outside: Figures
    differences: Mapping[str, Difference | None]
    window_from: str
    months: int
    currency: str

    def to_json(self) -> dict[str, Any]:
        """`kpis` of a profile: plain numbers under `inside` and `outside`, what belongs to them beside these."""
        parts = {"inside": self.inside, "outside": self.outside}
        reasons = {name: why for name, why in self.inside.reasons.items() if name in self.outside.reasons}
        return {
            "window": {"from": self.window_from, "months": self.months},
            **{name: {"accounts": part.counts["accounts"], **part.values} for name, part in parts.items()},
            "reasons": reasons,
            "why_null": {name: dict(part.reasons) for name, part in parts.items()},
            "level": LEVEL,
            "intervals": {
                name: {key: list(ends) if ends else None for key, ends in part.intervals.items()}
                for name, part in parts.items()
            },
            "difference": {name: found.to_json() if found else None for name, found in self.differences.items()},
            "counts": {name: dict(part.counts) for name, part in parts.items()},
            "currency": self.currency,
        }


class Ledger:
    """A book whose accounts can be drawn again: figures of any group, and of everyone else, from one set of draws."""

    def __init__(self, book: Book, *, seed: int = 0):
        self.book = book
        self.resampling = Resampling.of(book.known, seed=seed)
        self.columns = columns_of(book)

    @cached_property
    def _drawn_of_all(self) -> np.ndarray:
        return self.resampling.sums(self.columns * self.book.known[:, None])

    @cached_property
    def _cycles(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sales cycles of won deals from the shortest on, their accounts, and how often each counts in each draw."""
        deals = self.book.deals
        won = np.flatnonzero(deals.new_business & deals.decided & (deals.won == 1) & ~np.isnan(deals.cycle_days))
        won = won[np.argsort(deals.cycle_days[won], kind="stable")]
        accounts = deals.account[won]
        return deals.cycle_days[won], accounts, self.resampling.weights[:, accounts].astype(np.float32)

    def compare(self, inside: np.ndarray) -> Comparison:
        """The figures of the accounts of a mask and of all others, shape (n_accounts,)."""
        inside = inside & self.book.known
        drawn = self.resampling.sums(self.columns * inside[:, None])
        within = self._figures(inside, drawn, self.resampling.lost_inside)
        without = self._figures(self.book.known & ~inside, self._drawn_of_all - drawn, self.resampling.lost_outside)
        return Comparison(
            within,
            without,
            {name: _difference(name, within, without) for name in NAMES},
            f"{self.book.window_from:%Y-%m-%d}",
            self.book.horizon_months,
            self.book.currency,
        )

    def _figures(self, part: np.ndarray, drawn: np.ndarray, lost: np.ndarray) -> Figures:
        sums, in_draws = with_costs(
            dict(zip(COLUMNS, self.columns[part].sum(axis=0).tolist(), strict=True)),
            dict(zip(COLUMNS, drawn.T, strict=True)),
        )
        exact = RetentionFigures.of(self.book.starting[part], self.book.ending[part])
        values: dict[str, float | None] = {name: getattr(exact, name) for name in RETENTION}
        values |= {name: _plain(ratio(name, sums)) for name in RATIOS if name not in RETENTION}
        with_lost = _with_further_lost(in_draws, sums, lost)
        draws = {name: np.asarray(ratio(name, with_lost if name in _OF_THE_KEPT else in_draws)) for name in RATIOS}
        values["sales_cycle_days"], draws["sales_cycle_days"] = self._median_cycle(part)
        values["ltv_to_cac"] = _plain(self._ltv_to_cac(sums))
        draws["ltv_to_cac"] = self._ltv_to_cac(with_lost)
        values["payback_months_survival"] = self._payback_along(values, sums)
        reasons = why_undefined(self.book, sums, values)
        values = {name: None if name in reasons else values[name] for name in NAMES}
        rest_on = self._rest_on(part)
        ends = {name: interval(draws[name], values[name], rest_on[name]) for name in NAMES if name in draws}
        return Figures(values, _wider(ends, sums, rest_on), reasons, self._counts(part, sums), draws, rest_on)

    def _ltv_to_cac(self, sums: Mapping[str, Any]) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(lifetime_value(sums, self.book.terms)) / ratio("cac", sums)

    def _payback_along(self, values: Mapping[str, float | None], sums: Mapping[str, float]) -> float | None:
        """The plain figure along what was kept of accounts a month in the last window."""
        churn, plain = values["logo_churn"], values["payback_months"]
        if churn is None or plain is None or not sums["returned_by"] > 0:
            return None
        return payback_months_survival(plain, 1.0, 1.0, (1 - churn) ** (1 / self.book.horizon_months))

    def _median_cycle(self, part: np.ndarray) -> tuple[float | None, np.ndarray]:
        days, accounts, weights = self._cycles
        own = part[accounts]
        if not own.any():
            return None, np.full(len(weights), np.nan)
        days, counted = days[own], np.cumsum(weights[:, own], axis=1)
        total = counted[:, -1]
        at = (counted >= total[:, None] / 2).argmax(axis=1)
        return float(np.median(days)), np.where(total > 0, days[at], np.nan)

    def _rest_on(self, part: np.ndarray) -> dict[str, float]:
        """Accounts that each figure rests on; of money those who pay most count most."""
        own = {name: self.columns[part, i] for i, name in enumerate(COLUMNS)}
        of_money, deals = effective(own["starting"]), float((own["won"] > 0).sum())
        costs = self.book.with_cac(part)[part]
        by_costs, returning = float(costs.sum()), float((costs & (own["new_mrr"] > 0)).sum())
        counted = {
            "logo_churn": own["paying"].sum(), "margin": effective(own["revenue"]), "value_12m": own["valued"].sum(),
            "cac": by_costs, "cac_with_lost": by_costs, "payback_months": returning,
            "payback_months_survival": 0.0, "ltv_to_cac": min(by_costs, of_money),
            "win_rate": (own["decided"] > 0).sum(), "sales_cycle_days": deals, "deal_size": deals, "discount": deals,
        }  # fmt: skip
        return {**dict.fromkeys(_BY_MONEY, of_money), **{name: float(n) for name, n in counted.items()}}

    def _counts(self, part: np.ndarray, sums: Mapping[str, float]) -> dict[str, Any]:
        basis, n = np.unique(self.book.cac_basis[self.book.with_cac(part)].astype(str), return_counts=True)
        return {
            "accounts": int(sums["paying"]),
            "accounts_lost": int(sums["left"]),
            "starting_mrr": sums["starting"],
            "ending_mrr": sums["ending"],
            "customers_now": int((part & self.book.customer).sum()),
            "new_customers": int(sums["new_customers"]),
            "customers_with_cac": int(sums["with_cac"]),
            "cac_basis": dict(zip(basis.tolist(), n.tolist(), strict=True)),
            "accounts_valued": int(sums["valued"]),
            "deals_decided": int(sums["decided"]),
            "deals_won": int(sums["won"]),
        }


def retention_intervals(starting: np.ndarray, ending: np.ndarray, *, seed: int = 0) -> dict[str, Interval | None]:
    """The intervals of RETENTION of accounts that all paid at the start, as those of a group in a book.

    Draws are made a few at a time, so that a large company needs no large memory.
    """
    columns = {
        "paying": np.ones(len(starting)), "starting": starting, "ending": ending,
        "kept": np.minimum(starting, ending), "left": (ending == 0).astype(float),
        "churned": np.where(ending == 0, starting, 0.0),
        "contracted": np.where(ending > 0, np.maximum(starting - ending, 0.0), 0.0),
        "expanded": np.maximum(ending - starting, 0.0),
    }  # fmt: skip
    sums = {name: float(column.sum()) for name, column in columns.items()}
    if not len(starting):
        return dict.fromkeys(RETENTION)
    drawn, lost = drawn_again(np.column_stack(list(columns.values())), seed=seed)
    draws = dict(zip(columns, drawn.T, strict=True))
    with_lost = _with_further_lost(draws, sums, lost)
    rest_on = {
        **dict.fromkeys(NAMES, 0.0),
        **dict.fromkeys(_BY_MONEY, effective(starting)),
        "logo_churn": sums["paying"],
    }
    ends = {
        name: interval(
            np.asarray(ratio(name, with_lost if name in _OF_THE_KEPT else draws)),
            float(ratio(name, sums)),
            rest_on[name],
        )
        for name in RETENTION
    }
    found = _wider(ends, {**sums, "won": 0.0, "decided": 0.0}, rest_on)
    return {name: found[name] for name in RETENTION}


def _with_further_lost(
    drawn: Mapping[str, np.ndarray], sums: Mapping[str, float], lost: np.ndarray
) -> dict[str, np.ndarray]:
    """Every draw with so many accounts of mean size more that paid at the start and left (`leap.icp.resampling`)."""
    money = lost * sums["starting"] / max(sums["paying"], 1)
    added = {"paying": lost, "left": lost, "starting": money, "churned": money}
    return {name: column + added.get(name, 0.0) for name, column in drawn.items()}


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _wider(
    found: Mapping[str, Interval | None], sums: Mapping[str, float], rest_on: Mapping[str, float]
) -> dict[str, Interval | None]:
    """A share of which nothing (or everything) was seen has no spread in any draw: there Wilson's interval stands."""
    ends = {name: found.get(name) for name in NAMES}
    for name, (events, of) in _SHARES.items():
        if rest_on[name] >= FEWEST and sums[of] > 0 and sums[events] in (0, sums[of]):
            ends[name] = wilson(sums[events] / sums[of] * rest_on[name], rest_on[name])
    if ends["grr"] is not None and sums["kept"] == sums["starting"]:
        none_lost = wilson(0, rest_on["grr"])
        ends["grr"] = (1 - none_lost[1], 1.0) if none_lost else None
    return ends


def _difference(name: str, inside: Figures, outside: Figures) -> Difference | None:
    a, b = inside.values[name], outside.values[name]
    if a is None or b is None:
        return None
    if inside.intervals[name] is None or outside.intervals[name] is None:
        return Difference(a - b, None)
    fewest = min(inside.rest_on[name], outside.rest_on[name])
    return Difference(a - b, interval(inside.draws[name] - outside.draws[name], a - b, fewest))
