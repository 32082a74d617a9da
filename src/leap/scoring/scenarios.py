"""What the model says of the book if the market stood lower or higher: low, base, high, and scenarios of leap.toml.

Customers and prospects are scored with their market features at the scenario's values and all else as it is. `base` is
the published forecast for the end of the horizon, else the latest figure; where nothing is forecast, base scores are
those of today. For `low` and `high` each indicator goes to an end: that of a published forecast, else the 10 % or 90 %
quantile of past changes over the horizon by segment, as published. `low` is the end at which the model expects less
where the figure is among its drivers; else, what is declared (`direction`) decides, else low is the lower figure. A
feature of a shorter window than the horizon moves by its part of the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from leap.config import MarketMove
from leap.errors import SettingsError
from leap.explanation.drivers import Driver
from leap.features import Feature
from leap.models.composition import ScopeModel
from leap.revenue import add_months
from leap.scoring.market_figures import HIGH_SHARE, LOW_SHARE, MarketFigures, Series, market_features
from leap.scoring.table import ScoreTable

LOW, BASE, HIGH = "low", "base", "high"
_DAYS_A_MONTH: Final = 365 / 12
_NOTHING: Final = 1e-9
"""Difference of NRR below which a model does not react."""
Key = tuple[str, str, str]
"""Table, indicator and segment."""


@dataclass(frozen=True)
class Move:
    """Where one figure goes in a scenario, and why there."""

    series: Series
    to: float
    source: str

    @property
    def share(self) -> float | None:
        """The change as a share of the latest figure; None where that is not above zero."""
        return self.to / self.series.latest - 1 if self.series.latest > 0 else None


@dataclass(frozen=True)
class Scenario:
    """A name with where every figure goes."""

    name: str
    moves: Mapping[Key, Move]

    def of(self, keys: set[tuple[str, str]], other: Scenario) -> Scenario:
        """This scenario for some (table, indicator), another one for the rest."""
        return Scenario(self.name, {k: (self if k[:2] in keys else other).moves[k] for k in self.moves})


@dataclass(frozen=True)
class Scored:
    """Accounts with their encoded rows, ready to be scored under scenarios; `segment` by market table.

    Those that are leaving already have NRR 0 in every scenario: their end is known.
    """

    table: ScoreTable
    model: ScopeModel
    figures: Sequence[MarketFigures]
    segment: Mapping[str, np.ndarray]
    horizon_months: int

    @classmethod
    def of(cls, table: ScoreTable, codes: np.ndarray, figures: Sequence[MarketFigures], months: int) -> Scored:
        """Scores of customers or prospects with these codes."""
        return cls(table, table.model, figures, {m.table.name: m.of_accounts(codes) for m in figures}, months)

    @property
    def features(self) -> list[Feature]:
        """The market features that the model looks at."""
        catalog = self.model.encoder.catalog
        used = {catalog.features[position].name for position in self.model.encoder.source}
        return [f for m in self.figures for f in market_features(catalog, m.table.name) if f.name in used]

    def nrr(self, scenario: Scenario) -> np.ndarray:
        """NRR of every account in a scenario, shape (n,)."""
        predicted = self.model.predict(self._matrix(scenario)).nrr
        return np.where(self.table.leaving, 0.0, predicted)

    def values(self, scenario: Scenario, feature: Feature) -> np.ndarray:
        """A market feature of every account in a scenario; as it is where its segment has no figure, (n,)."""
        now = self.table.columns[feature.name].astype(float)
        recipe = feature.recipe
        moves = {key[2]: move for key, move in scenario.moves.items() if key[:2] == (recipe.table, recipe.kind)}
        own = self.segment[recipe.table]
        latest = np.array([moves[s].series.latest if s in moves else np.nan for s in own], dtype=float)
        to = np.array([moves[s].to if s in moves else np.nan for s in own], dtype=float)
        if not recipe.window_days:
            return np.where(np.isnan(to) | np.isnan(now), now, to)
        part = min(1.0, recipe.window_days / (self.horizon_months * _DAYS_A_MONTH))
        there = latest + (to - latest) * part
        with np.errstate(divide="ignore", invalid="ignore"):
            changed = np.where(to == latest, now, (1 + now) * there / latest - 1)
        return np.where(np.isfinite(changed), changed, now)

    @cached_property
    def reaction(self) -> float:
        """Which part of all that moves NRR among these accounts comes from market features, as contributions."""
        own = self.table.attribution
        total = own.churn + own.contraction + own.expansion
        by_feature = np.abs(self.model.encoder.by_feature(total)).sum(axis=0)
        catalog = self.model.encoder.catalog
        market = {feature.name for feature in self.features}
        moved = sum(float(by_feature[i]) for i, feature in enumerate(catalog.features) if feature.name in market)
        return moved / float(by_feature.sum()) if by_feature.sum() > 0 else 0.0

    def _matrix(self, scenario: Scenario) -> np.ndarray:
        matrix, encoder = self.table.matrix.copy(), self.model.encoder
        moved = {feature.name: self.values(scenario, feature) for feature in self.features}
        for j, position in enumerate(encoder.source):
            name = encoder.catalog.features[position].name
            if name in moved:
                matrix[:, j] = moved[name]
        return matrix


def scenarios(
    scored: Scored, given: Mapping[str, Mapping[str, MarketMove]], drivers: Sequence[Driver] = ()
) -> list[Scenario]:
    """low, base and high, then those of leap.toml by their other names; a given move takes the place of ours.

    SettingsError for an indicator or segment that no market table has.
    """
    _require_known(given, scored.figures)
    base = _with_given(Scenario(BASE, _each(scored, _base)), given.get(BASE, {}), None)
    lower, upper = Scenario("", _each(scored, _lower)), Scenario("", _each(scored, _upper))
    upside_down = _worse_when_higher(scored, drivers, base, lower, upper)
    low, high = upper.of(upside_down, lower), lower.of(upside_down, upper)
    found = [
        _with_given(replace(low, name=LOW), given.get(LOW, {}), None),
        base,
        _with_given(replace(high, name=HIGH), given.get(HIGH, {}), None),
    ]
    return found + [_with_given(base, moves, name) for name, moves in given.items() if name not in (LOW, BASE, HIGH)]


def low_is(found: Sequence[Scenario]) -> dict[tuple[str, str], str]:
    """Whether an indicator, as (table, indicator), is "lower", "higher", "same" or "mixed" in low than in high."""
    low, high = (next(one for one in found if one.name == name) for name in (LOW, HIGH))
    ends: dict[tuple[str, str], set[str]] = {}
    for key, move in low.moves.items():
        other = high.moves[key].to
        ends.setdefault(key[:2], set()).add("lower" if move.to < other else "higher" if move.to > other else "same")
    return {key: _one_of(said - {"same"}) for key, said in ends.items()}


def _one_of(ends: set[str]) -> str:
    return "mixed" if len(ends) > 1 else next(iter(ends), "same")


def reacts(nrr: Mapping[str, np.ndarray]) -> bool:
    """Whether any account's NRR is another in any scenario than in the base."""
    return any(bool((np.abs(own - nrr[BASE]) > _NOTHING).any()) for own in nrr.values())


def market_drivers(drivers: Sequence[Driver], features: Sequence[Feature]) -> list[Driver]:
    """The groups of drivers that hold a market feature."""
    names = {feature.name for feature in features}
    return [driver for driver in drivers if names & set(driver.features)]


def spread(drivers: Sequence[Driver]) -> tuple[float, float] | None:
    """How many times as large, or small, the effect of the market is in nine of ten refits to other draws of accounts.

    From no driver None; where one does not hold ("do not act yet") the effect may as well be none.
    """
    share = sum(driver.share for driver in drivers)
    if share <= 0:
        return None
    low = sum(driver.share_low for driver in drivers) / share
    high = sum(driver.share_high for driver in drivers) / share
    return (min(low, 1.0) if all(driver.stable for driver in drivers) else 0.0), max(high, 1.0)


def _each(scored: Scored, place: Callable[[MarketFigures, Series], tuple[float, str]]) -> dict[Key, Move]:
    return {
        (m.table.name, indicator, segment): Move(series, *place(m, series))
        for m in scored.figures
        for (indicator, segment), series in m.series.items()
    }


def _target(figures: MarketFigures) -> pd.Timestamp:
    """The end of the horizon."""
    return add_months(figures.at, figures.horizon_months)


def _base(figures: MarketFigures, series: Series) -> tuple[float, str]:
    forecast = series.forecast_for(_target(figures))
    if forecast is None:
        return series.latest, f"latest published ({series.period})"
    return forecast.value, f"forecast of {forecast.published} for {forecast.period}"


def _lower(figures: MarketFigures, series: Series) -> tuple[float, str]:
    return _end(figures, series, LOW)


def _upper(figures: MarketFigures, series: Series) -> tuple[float, str]:
    return _end(figures, series, HIGH)


def _end(figures: MarketFigures, series: Series, end: str) -> tuple[float, str]:
    """The lower or upper end of a figure: as forecast, else by past changes; never on the other side of the base."""
    base, said = _base(figures, series)
    forecast = series.forecast_for(_target(figures))
    published = None if forecast is None else forecast.low if end == LOW else forecast.high
    if forecast is not None and published is not None:
        return published, f"{end} forecast of {forecast.published} for {forecast.period}"
    if series.changes is None:
        return base, f"{said}; its history is too short for a lower or higher one"
    value = series.changes.applied(series.latest, end)
    value = min(base, value) if end == LOW else max(base, value)
    share = LOW_SHARE if end == LOW else HIGH_SHARE
    return value, (
        f"{share:.0%} quantile of {series.changes.n} changes over {figures.horizon_months} months "
        f"({series.changes.of}, about {series.changes.independent:g} that do not overlap)"
    )


def _worse_when_higher(
    scored: Scored, drivers: Sequence[Driver], base: Scenario, lower: Scenario, upper: Scenario
) -> set[tuple[str, str]]:
    """The indicators, as (table, indicator), of which the upper end is the bad one."""
    moving = {name for driver in drivers for name in driver.features}
    found = set()
    for own in {key[:2] for key in base.moves}:
        features = [f for f in scored.features if (f.recipe.table, f.recipe.kind) == own]
        if any(feature.name in moving for feature in features):
            ends = [float((scored.table.mrr * scored.nrr(end.of({own}, base))).sum()) for end in (lower, upper)]
            worse = ends[1] < ends[0]
        else:
            worse = any(feature.direction == "down" for feature in features)
        found |= {own} if worse else set()
    return found


def _with_given(scenario: Scenario, given: Mapping[str, MarketMove], name: str | None) -> Scenario:
    """A scenario with the moves that leap.toml gives for it."""
    moves = dict(scenario.moves)
    for key, move in scenario.moves.items():
        own = given.get(key[1])
        asked = None if own is None else own.segments.get(key[2], own)
        if asked is None or (asked.value is None and asked.change is None):
            continue
        to = asked.value if asked.value is not None else move.series.latest * (1 + float(asked.change or 0.0))
        moves[key] = Move(move.series, to, "leap.toml")
    return Scenario(name or scenario.name, moves)


def _require_known(given: Mapping[str, Mapping[str, MarketMove]], figures: Sequence[MarketFigures]) -> None:
    known: dict[str, set[str]] = {}
    for m in figures:
        for indicator in m.indicators:
            known.setdefault(indicator, set()).update(m.segments)
    for name, moves in given.items():
        for indicator, move in moves.items():
            if indicator not in known:
                raise _unknown(f"scenarios.{name}: no market table has the indicator {indicator!r}", indicator, known)
            for segment in move.segments:
                if segment not in known[indicator]:
                    raise _unknown(
                        f"scenarios.{name}.{indicator}: no figure is of the segment {segment!r}", segment,
                        known[indicator],
                    )  # fmt: skip


def _unknown(message: str, word: str, known: Iterable[str]) -> SettingsError:
    near = get_close_matches(word, [*known], n=1, cutoff=0.5)
    listed = ", ".join(repr(one) for one in sorted(known) if one) or "none"
    hint = f"; did you mean {near[0]!r}?" if near else f"; expected one of {listed}."
    return SettingsError(f"leap.toml: {message}{hint}", details=[word])
