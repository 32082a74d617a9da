"""The answer of `leap scenario`: NRR and MRR of every scenario, the MRR at risk by segment and profile, and limits."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.explanation.drivers import Driver
from leap.revenue.segments import places_of, segment_columns, segment_values
from leap.scoring.batch import score_customers
from leap.scoring.market_figures import MarketFigures, market_of, seen_in_training
from leap.scoring.scenarios import (
    BASE,
    HIGH,
    LOW,
    Scenario,
    Scored,
    low_is,
    market_drivers,
    reacts,
    scenarios,
    spread,
)
from leap.scoring.scored import score_prospects
from leap.scoring.table import ScoreTable
from leap.snapshots import day_of
from leap.tables import AccountTables

NO_PROFILE: Final = "(no profile)"
_CENTS: Final = 100
_NO_FIGURE = "No figure of the market was published before {at}: there is nothing to move."
_NO_FEATURE = "The model looks at no market feature: scenarios change nothing."
_NO_REACTION = (
    "The model reacts to no market feature: scenarios change nothing, since nothing was found that goes with it."
)
_TIME = (
    "{tables}: one figure for all accounts at a time, so the model cannot tell the market from anything else that "
    "changed with time."
)
_SEGMENTS = (
    "{tables}: the accounts of a segment share its figures, so what goes with the market is known from as many "
    "histories as there are segments, not accounts."
)
_LIMITS = (
    "What the model says of accounts in such a market: not what a change of the market would do to them.",
    "All figures stand at their ends at once in low and high, which is rarer than one in ten.",
)


@dataclass(frozen=True)
class Book:
    """Accounts under every scenario: MRR and expected MRR after the horizon, in whole cents, so that sums add up."""

    mrr: np.ndarray
    ending: Mapping[str, np.ndarray]
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, mrr: np.ndarray, nrr: Mapping[str, np.ndarray], interval: tuple[float, float] | None) -> Book:
        """From money and ratios of accounts."""
        ending = {name: np.rint(mrr * own * _CENTS).astype(np.int64) for name, own in nrr.items()}
        return cls(np.rint(mrr * _CENTS).astype(np.int64), ending, interval)

    def figures(self, chosen: np.ndarray) -> dict[str, Any]:
        """Of some accounts: MRR, NRR and MRR after the horizon by scenario, and the MRR at risk with its range."""
        paid = int(self.mrr[chosen].sum())
        ends = {name: int(own[chosen].sum()) for name, own in self.ending.items()}
        risk = ends[BASE] - ends[LOW]
        range_ = None if self.interval is None else sorted(risk * factor for factor in self.interval)
        return {
            "accounts": int(chosen.sum()),
            "mrr": paid / _CENTS,
            "nrr": {name: end / paid if paid else None for name, end in ends.items()},
            "ending_mrr": {name: end / _CENTS for name, end in ends.items()},
            "at_risk": risk / _CENTS,
            "at_risk_low": None if range_ is None else range_[0] / _CENTS,
            "at_risk_high": None if range_ is None else range_[1] / _CENTS,
        }

    def by(self, names: np.ndarray) -> list[dict[str, Any]]:
        """The same for each value, most at risk first; every account is in one of them."""
        found = [{"segment": str(name), **self.figures(names == name)} for name in sorted(set(names))]
        return sorted(found, key=lambda one: (-one["at_risk"], one["segment"]))


@dataclass(frozen=True)
class Asking:
    """A version, the tables, and the date (default: the end of the data) scenarios are asked of."""

    bundle: ModelBundle
    version: str
    tables: AccountTables
    as_of: str | None = None

    @property
    def at(self) -> pd.Timestamp:
        """The date."""
        return day_of(self.as_of) if self.as_of else self.tables.data_until

    @cached_property
    def figures(self) -> list[MarketFigures]:
        """The market tables as known at the date; UsageError where there is none."""
        found = market_of(self.tables, self.at)
        if not found:
            raise UsageError(
                "leap.toml declares no table of shape market: there is nothing that a scenario could move.",
                remedy='Declare published figures with shape = "market" (indicator, period, published, value).',
            )
        return found

    @cached_property
    def customers(self) -> Scored:
        """Customers with the health model."""
        table = score_customers(self.bundle, self.tables, self.version, self.as_of)
        return self._scored(table, table.account_ids)

    @cached_property
    def prospects(self) -> Scored:
        """Prospects with the fit model."""
        table = score_prospects(self.bundle, self.tables, self.at, self.version)
        return self._scored(table, table.account_ids)

    def answer(self, by: str | None = None) -> dict[str, Any]:
        """The JSON of `scenario`."""
        column = self._column(by)
        customers, months = self.customers, self.tables.settings.outcome.horizon_months
        drivers = market_drivers(self.bundle.drivers, customers.features)
        found = scenarios(customers, self.tables.settings.scenarios, drivers)
        nrr = {scenario.name: customers.nrr(scenario) for scenario in found}
        moved = reacts(nrr)
        alike = self._are_alike(customers, drivers)
        factors = _at_least_nothing(spread(drivers)) if alike else spread(drivers)
        book = Book.of(customers.table.mrr, nrr, factors if moved else (1.0, 1.0))
        everyone = book.figures(np.ones(len(customers.table), dtype=bool))
        outside = self._outside(customers, found)
        company = self.tables.settings.company
        return {
            "company": company.name,
            "version": self.version,
            "as_of": f"{self.at:%Y-%m-%d}",
            "horizon_months": months,
            "currency": company.currency,
            "money_note": company.money_note,
            "reacts": moved,
            "claimed": moved and bool(drivers) and not alike and all(driver.stable for driver in drivers),
            "statement": _statement(moved, customers, everyone, book.interval, company.currency, alike),
            "low_is": [{"table": table, "indicator": name, "end": end} for (table, name), end in low_is(found).items()],
            "reaction": {
                "share_of_contributions": customers.reaction if customers.features else 0.0,
                "features": [feature.name for feature in customers.features],
                "drivers": [{"id": d.id, "label": d.label, "share": d.share, "stable": d.stable} for d in drivers],
                "interval_factors": book.interval,
            },
            "all": everyone,
            "by": {"column": column, "segments": book.by(self._values(column))},
            "profiles": self._profiles(book, {scenario.name: self.prospects.nrr(scenario) for scenario in found}),
            "market": [series.to_json() for m in self.figures for series in m.series.values()],
            "scenarios": {scenario.name: _moves(scenario) for scenario in found},
            "outside_training": outside,
            "limits": [*self._limits(), *_extrapolation(outside)],
            "definition_hash": self.bundle.definition_hash,
        }

    def _scored(self, table: ScoreTable, accounts: Sequence[str]) -> Scored:
        codes = self.tables.codes_of(pd.Series(accounts, dtype=object))
        return Scored.of(table, codes, self.figures, self.tables.settings.outcome.horizon_months)

    def _column(self, by: str | None) -> str | None:
        """The column to part accounts by: as asked, else that of the market's segments, else none."""
        if by is None:
            return next((m.table.spec.segment for m in self.figures if m.table.spec.segment), None)
        if not places_of(self.tables, by):
            there = sorted({column for _, column in segment_columns(self.tables)})
            near = difflib.get_close_matches(by, there, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(there)}."
            raise UsageError(f"--by {by}: no table has that column{hint}", details=[by])
        return by

    def _values(self, column: str | None) -> np.ndarray:
        places = [] if column is None else places_of(self.tables, column)
        ids = pd.Series(self.customers.table.account_ids, dtype=object)
        if not places:
            return np.full(len(ids), "(all)", dtype=object)
        found = segment_values(self.tables, *places[0], self.at)
        return np.asarray(found[self.tables.codes_of(ids)])

    def _profiles(self, book: Book, of_prospects: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
        """Customers by profile, each with its prospects: how many, and the mean NRR that the fit model expects.

        Prospects without a score (like no customer, too little known) are counted beside it and in no mean.
        """
        customers, prospects = (_profile_of(scored.table) for scored in (self.customers, self.prospects))
        silent = self.prospects.table.silent
        result = []
        for one in book.by(customers):
            meets = prospects == one["segment"]
            own = meets & ~silent
            mean = {name: float(nrr[own].mean()) if own.any() else None for name, nrr in of_prospects.items()}
            counted = {"accounts": int(own.sum()), "without_score": int((meets & silent).sum())}
            result.append({**one, "prospects": {**counted, "nrr": mean}})
        return result

    def _are_alike(self, scored: Scored, drivers: Sequence[Driver]) -> bool:
        """Whether some market driver is of figures that are the same for all accounts at a time."""
        moving = {name for driver in drivers for name in driver.features}
        without = {m.table.name for m in self.figures if m.table.spec.segment is None}
        return any(f.name in moving and f.recipe.table in without for f in scored.features)

    def _outside(self, scored: Scored, found: Sequence[Scenario]) -> list[dict[str, Any]]:
        """Features that a scenario takes beyond what training saw, with the accounts concerned."""
        first, last = self.bundle.trained["as_of_range"]
        result = []
        for m in self.figures:
            seen = seen_in_training(m, scored.model.encoder.catalog, first, last)
            for feature in (f for f in scored.features if f.name in seen):
                low, high = seen[feature.name]
                for scenario in found:
                    values = scored.values(scenario, feature)
                    beyond = (values < low - _slack(low)) | (values > high + _slack(high))
                    if beyond.any():
                        result.append(
                            {
                                "scenario": scenario.name,
                                "feature": feature.name,
                                "label": feature.label,
                                "accounts": int(beyond.sum()),
                                "seen": [low, high],
                                "reached": [float(np.nanmin(values)), float(np.nanmax(values))],
                            }
                        )
        return result

    def _limits(self) -> list[str]:
        alike = [m.table.name for m in self.figures if m.table.spec.segment is None]
        shared = [m.table.name for m in self.figures if m.table.spec.segment is not None]
        unknown = sum(int((self.customers.segment[name] == "").sum()) for name in shared)
        told = [_TIME.format(tables=", ".join(alike))] if alike else []
        told += [_SEGMENTS.format(tables=", ".join(shared))] if shared else []
        told += [f"{unknown:,} customers have no known segment: no scenario moves them."] if unknown else []
        return [*told, *_LIMITS]


def _at_least_nothing(factors: tuple[float, float] | None) -> tuple[float, float] | None:
    """The factors of an effect that may as well be none."""
    return None if factors is None else (0.0, factors[1])


def _profile_of(table: ScoreTable) -> np.ndarray:
    return np.array([one.icp_id or NO_PROFILE for one in table.matches], dtype=object)


def _slack(value: float) -> float:
    return 1e-9 * max(1.0, abs(value))


def _extrapolation(outside: Sequence[Mapping[str, Any]]) -> list[str]:
    if not outside:
        return []
    labels = sorted({one["label"] for one in outside})
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    return [
        f"Beyond what training saw: {', '.join(labels[:3])}{more}. Trees say there what they say at the edge, linear "
        "parts go on as if nothing changed: neither was seen to be so."
    ]


def _moves(scenario: Scenario) -> list[dict[str, Any]]:
    return [
        {
            "table": table,
            "indicator": indicator,
            "segment": segment or None,
            "from": move.series.latest,
            "to": move.to,
            "change": move.share,
            "source": move.source,
        }
        for (table, indicator, segment), move in scenario.moves.items()
    ]


def _statement(
    moved: bool,
    scored: Scored,
    everyone: Mapping[str, Any],
    interval: tuple[float, float] | None,
    currency: str,
    alike: bool,
) -> str:
    """One sentence on what is at risk, or why nothing is."""
    if not any(m.series for m in scored.figures):
        return _NO_FIGURE.format(at=f"{scored.figures[0].at:%Y-%m-%d}")
    if not scored.features:
        return _NO_FEATURE
    if not moved:
        return _NO_REACTION
    if interval is None:
        return (
            f"Nothing is claimed of the market: its features are among no drivers of the model and make up "
            f"{scored.reaction:.1%} of what moves NRR. Low and high differ by what may be chance (NRR "
            f"{everyone['nrr'][LOW]:.1%} to {everyone['nrr'][HIGH]:.1%})."
        )
    low, base, high = (f"{everyone['nrr'][name]:.1%}" for name in (LOW, BASE, HIGH))
    said = (
        f"In the low market the model expects {everyone['at_risk']:,.0f} {currency} a month less after the horizon "
        f"than in the base market (NRR {low} low, {base} base, {high} high); nine of ten refits say "
        f"{everyone['at_risk_low']:,.0f} to {everyone['at_risk_high']:,.0f}"
    )
    if alike:
        return (
            f"{said}. These figures are the same for all accounts: the model cannot tell them from time, so no claim."
        )
    if interval[0] <= 0:
        return f"{said}, and what goes with the market does not hold in all of them: do not act on it yet."
    return f"{said}."
