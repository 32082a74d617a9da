"""How the book stands, in values: key figures, their history and what is expected, why, the next quarter, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.icp import ICPProfile
from leap.icp.phrases import who
from leap.icp.statements import seen
from leap.reports import waterfall
from leap.reports.icp_evidence import METRICS
from leap.reports.overview_expected import Expected, ExpectedFigure, Name, expected
from leap.reports.overview_history import History, history
from leap.reports.overview_quarter import Quarter, quarter
from leap.reports.rendering import known
from leap.revenue import PARTS, Revenue, add_months
from leap.scoring.company_retention import company_retention
from leap.scoring.scorer import Scorer
from leap.scoring.table import ScoreTable
from leap.scoring.waterfall import View, of_portfolio
from leap.tables import AccountTables

YEAR: Final = 12
MOST_STEPS: Final = 6
_IN_RETENTION: Final[Mapping[Name, str]] = {"nrr": "nrr", "grr": "grr", "churn": "churn_rate"}


@dataclass(frozen=True)
class Level:
    """How much there is now, and how much there was a year before; None where there was no revenue yet."""

    now: float
    year_ago: float | None

    @property
    def change(self) -> float | None:
        """Now less then, to the cent: what is the same is no change."""
        return None if self.year_ago is None else round(self.now - self.year_ago, 2)

    @property
    def growth(self) -> float | None:
        """The same as a fraction of what there was; None where there was nothing."""
        return None if not self.year_ago else self.now / self.year_ago - 1


@dataclass(frozen=True)
class KeyFigure:
    """A figure of the last complete window: exact, with the interval it might have come out in, beside that of the
    window a year before and what is expected.

    `reason` says why there is no value, `no_interval` why a value has no interval.
    """

    value: float | None
    low: float | None
    high: float | None
    reason: str | None
    no_interval: str | None
    year_ago: float | None
    expected: ExpectedFigure | None

    @property
    def change(self) -> float | None:
        """The value less that of a year ago, as a fraction."""
        return None if self.value is None or self.year_ago is None else self.value - self.year_ago


@dataclass(frozen=True)
class LastWindow:
    """The last complete window with its figures; `reason` says why there is none."""

    start: date | None
    end: date | None
    accounts: int
    figures: Mapping[Name, KeyFigure]
    logo_churn: float | None
    reason: str | None


@dataclass(frozen=True)
class Offers:
    """Accounts to which an offer to stay is expected to be worth more than it costs, and by how much altogether.

    `each` is the same for each of all customers with a score. Beside it stands what such offers would have earned out
    of time, for each of all customers, with its interval; None where it was not judged. `of_revenue` is whether revenue
    is at stake, since no margin is known.
    """

    accounts: int
    gain: float
    each: float
    earned: float | None
    low: float | None
    high: float | None
    of_revenue: bool


@dataclass(frozen=True)
class ProfileLine:
    """One profile in short; `inside` of the customers and their MRR, as fractions, are those that meet it now."""

    id: str
    kind: str
    statement: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    rejected: bool
    customers: int | None
    inside: float | None
    inside_mrr: float | None


@dataclass(frozen=True)
class Book:
    """Customers with all that is said of them together."""

    customers: Level
    mrr: Level
    leaving: int
    leaving_mrr: float
    last: LastWindow
    history: History
    expected: Expected | None
    why: waterfall.Summary | None
    quarter: Quarter | None
    offers: Offers | None
    alarm: str


@dataclass(frozen=True)
class OverviewSummary:
    """All of the first page; `book` is None where a service has no tables."""

    book: Book | None
    profiles: tuple[ProfileLine, ...]
    no_profile: str
    shaky: tuple[str, ...]
    """Drivers of customers' scores that are not to be acted on yet."""


def summarise(scorer: Scorer) -> OverviewSummary:
    """How the live model's book stands on its day."""
    icp = scorer.icp_document()
    drivers = scorer.drivers_document()["health"]["drivers"]
    return OverviewSummary(
        book=_book(scorer),
        profiles=tuple(_profile(profile, scorer) for profile in icp["icps"]),
        no_profile="" if icp["icps"] else str(icp.get("none_because") or ""),
        shaky=tuple(str(driver["label"]) for driver in drivers if not driver["stable"]),
    )


def _book(scorer: Scorer) -> Book | None:
    table, tables = scorer.customers, scorer.tables
    if table is None or tables is None:
        return None
    past, ahead = history(tables), expected(table, scorer.as_of)
    customers, mrr = _levels(table, tables, scorer.as_of)
    return Book(
        customers=customers,
        mrr=mrr,
        leaving=int(table.leaving.sum()),
        leaving_mrr=float(np.nansum(table.mrr[table.leaving])),
        last=_last(company_retention(tables), past, ahead),
        history=past,
        expected=ahead,
        why=_why(table, scorer.as_of) if ahead is not None else None,
        quarter=quarter(scorer),
        offers=_offers(scorer, table),
        alarm=str((scorer.bundle.quality["health"].get("intervals") or {}).get("alarm") or ""),
    )


def _levels(table: ScoreTable, tables: AccountTables, as_of: date) -> tuple[Level, Level]:
    """Customers and MRR now and a year before, both at the rates of now and with the accounts as they are known now.

    Of orders there is no year before where the months that MRR looks back on were not over then.
    """
    revenue, moment = Revenue(tables), pd.Timestamp(as_of)
    ago = add_months(moment, -YEAR)
    if not len(revenue.rows.start) or ago < revenue.first_whole:
        return Level(len(table), None), Level(float(np.nansum(table.mrr)), None)
    then = revenue.mrr_at(ago, rates_at=moment, lineage_at=moment)
    return Level(len(table), int((then > 0).sum())), Level(float(np.nansum(table.mrr)), int(then.sum()) / PARTS)


def _last(found: Mapping[str, Any], past: History, ahead: Expected | None) -> LastWindow:
    """The window of `found`, if it lies in the data as a whole, with the figures of a year before from the history."""
    figures, ago = found.get("figures") or {}, past.ago(YEAR)
    reason = found.get("reason") or (None if figures and past.windows else "no_complete_window")
    whole = reason is None
    return LastWindow(
        start=date.fromisoformat(found["from"]) if whole else None,
        end=date.fromisoformat(found["to"]) if whole else None,
        accounts=int(found["accounts"]) if whole else 0,
        figures={
            name: _figure(figures.get(key) if whole else None, reason, None if ago is None else getattr(ago, name),
                          None if ahead is None else ahead.figures[name])
            for name, key in _IN_RETENTION.items()
        },
        logo_churn=figures["logo_churn"]["value"] if whole else None,
        reason=reason,
    )  # fmt: skip


def _figure(
    found: Mapping[str, Any] | None, reason: str | None, year_ago: float | None, ahead: ExpectedFigure | None
) -> KeyFigure:
    one = found or {"value": None, "low": None, "high": None, "reason": reason, "no_interval": None}
    return KeyFigure(**one, year_ago=year_ago, expected=ahead)


def _why(table: ScoreTable, as_of: date) -> waterfall.Summary:
    everyone = np.ones(len(table), dtype=bool)
    return waterfall.summarise(of_portfolio(View(table, as_of.isoformat(), everyone), MOST_STEPS))


def _offers(scorer: Scorer, table: ScoreTable) -> Offers | None:
    """None where offers by this model would have lost money: then none can be advised."""
    if scorer.offers_lost_money or not len(table):
        return None
    chosen = table.actions.contact
    gain, scored = float(table.actions.gain[chosen].sum()), int((~table.silent).sum())
    churn = scorer.bundle.quality["health"]["outcomes"]["churn"]
    model = ((churn.get("money") or {}).get("earned") or {}).get("model") or {}
    return Offers(
        accounts=int(chosen.sum()),
        gain=gain,
        each=gain / scored if scored else 0.0,
        earned=known(model.get("value")),
        low=known(model.get("low")),
        high=known(model.get("high")),
        of_revenue=not bool(np.isfinite(table.margin[chosen]).any()),
    )


def _profile(document: Mapping[str, Any], scorer: Scorer) -> ProfileLine:
    evidence, found = document["evidence"], _found(str(document["id"]), scorer)
    customers, inside, inside_mrr = (None, None, None) if found is None else _inside(found, scorer)
    return ProfileLine(
        id=str(document["id"]),
        kind=str(document["kind"]),
        statement=str(document["statement"]) if found is None else _short(found, scorer),
        metric=METRICS[str(evidence.get("metric") or "nrr")],
        difference=evidence.get("lift"),
        low=evidence.get("low"),
        high=evidence.get("high"),
        rejected=bool(document.get("rejected")),
        customers=customers,
        inside=inside,
        inside_mrr=inside_mrr,
    )


def _found(profile_id: str, scorer: Scorer) -> ICPProfile | None:
    """A profile of the live model, where there are customers that may meet it."""
    if scorer.customers is None or not len(scorer.customers):
        return None
    return next(profile for profile in scorer.bundle.icp.profiles if profile.id == profile_id)


def _short(profile: ICPProfile, scorer: Scorer) -> str:
    """The statement without how sure that is, which stands beside it in figures."""
    companies = who(profile.rule)
    told = seen(profile.evidence, scorer.bundle.settings.outcome.horizon_months)
    return f"{companies[:1].upper()}{companies[1:]}: {told}."


def _inside(profile: ICPProfile, scorer: Scorer) -> tuple[int | None, float | None, float | None]:
    """How many customers meet a profile now, as shares of their number and of their MRR too."""
    table = scorer.customers
    if table is None:
        return None, None, None
    met, mrr = profile.rule.matches(table.columns), np.nan_to_num(table.mrr)
    return int(met.sum()), float(met.mean()), float(mrr[met].sum() / mrr.sum()) if mrr.sum() > 0 else None
