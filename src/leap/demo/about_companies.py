"""The tables that are true of a company whether it buys or not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.demo.firms import Firms
from leap.demo.surroundings import News
from leap.demo.world import (
    COUNTRIES,
    DATA_UNTIL,
    FIRST_STEP,
    FUNDING_STAGES,
    INDUSTRIES,
    REVENUE_BANDS,
    START_MONTH,
    STEPS,
    TECHNOLOGIES,
    Random,
    date_of,
)


def accounts_table(firms: Firms) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "account_id": firms.ids,
            "name": firms.names,
            "industry": np.array(list(INDUSTRIES))[firms.industry],
            "country": firms.country,
            "region": [COUNTRIES[country][0] for country in firms.country],
            "founded_year": firms.founded,
        }
    )
    return table.sort_values("account_id")


def profiles(random: Random, firms: Firms) -> pd.DataFrame:
    """Employees, revenue band and funding stage as a vendor saw them, some twice a year, a little wrong."""
    first = np.full(firms.count, 0)
    first[firms.customers :] = random.integers(0, FIRST_STEP + 30, firms.count - firms.customers)
    first[: firms.customers] = np.maximum(firms.start - random.integers(1, 13, firms.customers), 0)
    interval = random.integers(5, 10, firms.count)
    seen = (np.arange(STEPS) >= first[:, None]) & ((np.arange(STEPS) - first[:, None]) % interval[:, None] == 0)
    firm, step = np.nonzero(seen)
    days = (START_MONTH + step).astype("datetime64[D]") + random.integers(0, 28, len(firm)).astype("timedelta64[D]")
    # The first look at those who came in the very first month must not come after their first payment.
    first_look = np.where(step == 0, np.timedelta64(-40, "D"), np.timedelta64(0, "D"))
    observed = days + first_look
    people = firms.employees[firm, step]
    reported = np.maximum(np.round(people * np.exp(random.normal(0.0, 0.04, len(firm)))), 1).astype(np.int64)
    richness = random.normal(0.0, 0.5, firms.count)
    revenue = np.log(people * 120_000.0) + richness[firm]
    stage = np.log(people) / 1.7 + random.normal(0.0, 0.8, firms.count)[firm] - 0.9
    table = pd.DataFrame(
        {
            "account_id": firms.ids[firm],
            "observed_at": observed.astype("datetime64[s]"),
            "employees": reported,
            "revenue_band": np.array(REVENUE_BANDS)[np.searchsorted(np.log([1e6, 5e6, 20e6, 100e6]), revenue)],
            "funding_stage": np.array(FUNDING_STAGES)[np.clip(np.floor(stage), 0, 5).astype(np.int64)],
        }
    )
    table = table[table["observed_at"] < DATA_UNTIL]
    return table.sort_values(["account_id", "observed_at"])


def technologies(random: Random, firms: Firms) -> pd.DataFrame:
    firm, kind = np.nonzero(firms.adopted < STEPS)
    come, gone = firms.adopted[firm, kind], firms.dropped[firm, kind]
    started = date_of(come, random.integers(1, 29, len(firm)))
    ended = date_of(np.minimum(gone, STEPS), np.full(len(firm), 28))
    # What was used before the book begins was noticed early, so that it was known of the first customers too.
    delay = np.where(come < 0, 10, random.integers(5, 60, len(firm)))
    seen = started + delay.astype("timedelta64[D]")
    open_still = (gone >= STEPS) | (ended >= DATA_UNTIL)
    table = pd.DataFrame(
        {
            "account_id": firms.ids[firm],
            "technology": np.array(list(TECHNOLOGIES))[kind],
            "started_on": started.astype("datetime64[s]"),
            "ended_on": np.where(open_still, np.datetime64("NaT"), ended).astype("datetime64[s]"),
            "first_seen_on": seen.astype("datetime64[s]"),
        }
    )
    return table[table["first_seen_on"] < DATA_UNTIL].sort_values(["account_id", "technology"])


def triggers(random: Random, firms: Firms, news: News) -> pd.DataFrame:
    reported = news.day + random.integers(0, 15, len(news.day)).astype("timedelta64[D]")
    table = pd.DataFrame(
        {
            "account_id": firms.ids[news.firm],
            "occurred_on": news.day.astype("datetime64[s]"),
            "reported_on": reported.astype("datetime64[s]"),
            "trigger": news.kind,
        }
    )
    return table[table["reported_on"] < DATA_UNTIL].sort_values(["account_id", "occurred_on", "trigger"])
