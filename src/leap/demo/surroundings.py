"""What happens around the companies: news about them and how their industries do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from leap.demo.firms import Firms, company_effect
from leap.demo.truth import TRUTH
from leap.demo.world import (
    DATA_UNTIL,
    INDUSTRIES,
    LOGS_FIRST_DAY,
    START_MONTH,
    STEPS,
    TRIGGERS_A_YEAR,
    Bools,
    Dates,
    Floats,
    Ints,
    Random,
)


@dataclass
class News:
    """Events at companies, one entry an event."""

    firm: Ints
    day: Dates
    kind: npt.NDArray[Any]


def made_up_news(random: Random, firms: Firms) -> News:
    first = LOGS_FIRST_DAY
    days = int((DATA_UNTIL - first).astype(np.int64))
    parts = []
    for kind, a_year in TRIGGERS_A_YEAR.items():
        firm = np.repeat(np.arange(firms.count), random.poisson(a_year * days / 365.25, firms.count))
        day = first + random.integers(0, days, len(firm)).astype("timedelta64[D]")
        parts.append(pd.DataFrame({"firm": firm, "day": day, "kind": kind}))
    news = pd.concat(parts).drop_duplicates()
    return News(news["firm"].to_numpy(), news["day"].to_numpy().astype("datetime64[D]"), news["kind"].to_numpy())


def _recent(news: News, firms: Firms, kind: str, months: int = 6) -> Bools:
    """Whether a company had such an event in the months before each step, shape (companies, steps)."""
    counts = np.zeros((firms.count, STEPS + 1))
    chosen = news.kind == kind
    step = (news.day[chosen].astype("datetime64[M]") - START_MONTH).astype(np.int64)
    np.add.at(counts, (news.firm[chosen], step + 1), 1.0)
    total = np.cumsum(counts, axis=1)
    before = np.concatenate([np.zeros((firms.count, months)), total], axis=1)[:, : STEPS + 1]
    recent: Bools = (total - before)[:, :STEPS] > 0
    return recent


def made_up_market(random: Random) -> tuple[Floats, pd.DataFrame]:
    """How each industry does, in standard deviations (industries, steps), and the published figures."""
    state = np.zeros((len(INDUSTRIES), STEPS))
    for step in range(1, STEPS):
        state[:, step] = 0.92 * state[:, step - 1] + 0.39 * random.normal(size=len(INDUSTRIES))
    months = START_MONTH + np.arange(STEPS)
    frames = []
    for indicator, level, spread in (("demand_index", 100.0, 6.0), ("insolvency_rate", 2.5, -0.3)):
        for at, industry in enumerate(INDUSTRIES):
            value = level + spread * (state[at] + 0.3 * random.normal(size=STEPS))
            delay = random.integers(4, 25, STEPS).astype("timedelta64[D]")
            published = (months + 2).astype("datetime64[D]") + delay - np.timedelta64(3, "D")
            frames.append(
                pd.DataFrame(
                    {
                        "indicator": indicator,
                        "industry": industry,
                        "period": months.astype("datetime64[D]").astype("datetime64[s]"),
                        "published_at": published.astype("datetime64[s]"),
                        "value": np.round(value, 2),
                    }
                )
            )
    table = pd.concat(frames)
    return state, table[table["published_at"] < DATA_UNTIL].reset_index(drop=True)


def fit_effects(firms: Firms, news: News, market: Floats) -> dict[str, Floats]:
    """The part of each outcome that is true of a company before it buys, shape (customers, steps)."""
    effects = {}
    for outcome in ("churn", "expansion"):
        total = company_effect(firms, outcome)
        for kind in ("new_executive", "new_country"):
            total = total + getattr(TRUTH.driver(kind), outcome) * _recent(news, firms, kind)
        total = total + getattr(TRUTH.driver("market"), outcome) * market[firms.industry]
        effects[outcome] = total[: firms.customers]
    return effects
