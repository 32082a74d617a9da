"""What is expected of the whole book over the horizon, and what was said of it before, beside what came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.reports.quality_words import without_skill, without_skill_words
from leap.revenue import add_months
from leap.scoring.batch import portfolio
from leap.scoring.table import ScoreTable

NO_ERRORS: Final = "no_past_errors"
Name = Literal["nrr", "grr", "churn"]
NAMES: Final[tuple[Name, ...]] = ("nrr", "grr", "churn")
_IN_QUALITY: Final[Mapping[Name, str]] = {"nrr": "nrr", "grr": "grr", "churn": "churn_rate"}


@dataclass(frozen=True)
class Missed:
    """By how much what came differed from what was said, as fractions: the least and the most of `periods`."""

    low: float
    high: float
    periods: int


@dataclass(frozen=True)
class ExpectedFigure:
    """A figure of the whole book, expected for the day the horizon is over.

    NRR has an interval. GRR and churn have none: instead `missed` says by how much they were missed out of time.
    """

    value: float | None
    low: float | None
    high: float | None
    missed: Missed | None


@dataclass(frozen=True)
class Said:
    """What was said of everyone on `as_of` with what was known then, for `until`, and the NRR that came."""

    as_of: date
    until: date
    nrr: float
    low: float
    high: float
    observed: float

    @property
    def held(self) -> bool:
        """Whether what came lay in the interval."""
        return self.low <= self.observed <= self.high

    @property
    def error(self) -> float:
        """What came less what was said."""
        return self.observed - self.nrr


@dataclass(frozen=True)
class Expected:
    """All that is expected of the accounts of `as_of`; `level` is that of the interval.

    `skill` is whether the model told accounts apart out of time; without it every account has the base rate, and
    `no_skill` says why. `without_skill` names, in words, the parts in which it did not though it did in others.
    """

    as_of: date
    until: date
    level: float
    figures: Mapping[Name, ExpectedFigure]
    said: tuple[Said, ...]
    skill: bool
    no_skill: str
    without_skill: str
    mrr: float

    @property
    def nrr(self) -> ExpectedFigure:
        """The figure with an interval."""
        return self.figures["nrr"]


def expected(table: ScoreTable, as_of: date) -> Expected | None:
    """What the scores say of everyone together, as `portfolio` has it; None without MRR."""
    bundle, found = table.bundle, portfolio(table)
    if found["nrr"] is None:
        return None
    health = bundle.quality["health"]
    judged = health.get("portfolio") or {}
    months = bundle.settings.outcome.horizon_months
    claimed = bool(health.get("claimed", True))
    return Expected(
        as_of=as_of,
        until=_later(as_of, months),
        level=bundle.intervals.level,
        figures={name: _figure(name, found, judged) for name in NAMES},
        said=_said(bundle, judged),
        skill=claimed,
        without_skill=without_skill_words(without_skill(health)),
        no_skill="" if claimed else str(health.get("reason") or "no skill was shown out of time"),
        mrr=float(str(found["mrr"])),
    )


def _figure(name: Name, found: Mapping[str, Any], judged: Mapping[str, Any]) -> ExpectedFigure:
    return ExpectedFigure(found[name], found.get(f"{name}_low"), found.get(f"{name}_high"), _missed(name, judged))


def _missed(name: Name, judged: Mapping[str, Any]) -> Missed | None:
    """Over the test periods, each by a model that knew nothing of it."""
    key = _IN_QUALITY[name]
    pairs = [(fold.get(f"{key}_observed"), fold.get(f"{key}_predicted")) for fold in judged.get("folds", ())]
    errors = [float(came) - float(said) for came, said in pairs if came is not None and said is not None]
    return Missed(min(errors), max(errors), len(errors)) if errors else None


def _said(bundle: ModelBundle, judged: Mapping[str, Any]) -> tuple[Said, ...]:
    months = bundle.settings.outcome.horizon_months
    books = [(date.fromisoformat(str(book["as_of"])[:10]), book) for book in judged.get("books") or ()]
    return tuple(
        Said(at, _later(at, months), *(float(book[name]) for name in ("nrr", "low", "high", "observed")))
        for at, book in sorted(books, key=lambda pair: pair[0])
    )


def _later(day: date, months: int) -> date:
    return add_months(pd.Timestamp(day), months).date()
