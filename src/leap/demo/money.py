"""The tables of what it takes to win and keep customers: deals and costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.demo.firms import Firms
from leap.demo.surroundings import News
from leap.demo.terms import running_on
from leap.demo.truth import TRUTH
from leap.demo.world import DATA_UNTIL, FIRST_DAY, FIRST_STEP, INDUSTRIES, Random, date_of, some_days


def deals_table(random: Random, firms: Firms, terms: pd.DataFrame, news: News) -> pd.DataFrame:
    """New business: one won deal a customer; lost ones of customers before and of prospects; some open."""
    first = terms[terms["product"] == 0].drop_duplicates("customer").sort_values("customer")
    won = _won_deals(random, first)
    lost_before = won[random.random(len(won)) < 0.18]
    lost_before = lost_before.assign(
        created=lost_before["created"] - some_days(random, 150, 500, len(lost_before)),
        won=0.0,
        amount=np.round(lost_before["amount"] * random.uniform(0.6, 1.3, len(lost_before)), -2),
    )
    lost_before["closed"] = lost_before["created"] + some_days(random, 20, 120, len(lost_before))
    deals = pd.concat([won, lost_before, _deals_of_prospects(random, firms)], ignore_index=True)
    deals = deals.assign(account_id=firms.ids[deals["firm"]])
    deals = _nearer_to_funding(random, deals, news)
    deals = deals[deals["created"] < DATA_UNTIL].sort_values(["account_id", "created"])
    result = deals["won"].map({1.0: "true", 0.0: "false"}).where(deals["closed"] < DATA_UNTIL, "")
    source = _sources(random, firms, deals["firm"].to_numpy())
    return pd.DataFrame(
        {
            "deal_id": [f"D{number:06d}" for number in range(1, len(deals) + 1)],
            "account_id": deals["account_id"].to_numpy(),
            "created_on": deals["created"].to_numpy(),
            "closed_on": deals["closed"].where(deals["closed"] < DATA_UNTIL).to_numpy(),
            "won": result.to_numpy(),
            "amount": deals["amount"].to_numpy(),
            "source": source,
            "owner_team": np.array([SOURCES[name] for name in source]),
        }
    )


SOURCES = {"inbound": "inside sales", "event": "field sales", "outbound": "field sales", "partner": "partner sales"}
"""Where deals come from, and which team works on them."""


def _sources(random: Random, firms: Firms, firm: np.ndarray) -> np.ndarray:
    """Partners bring what they know: of the industry that leaves most they bring half, of all others a tenth."""
    bad = firms.industry[firm] == list(INDUSTRIES).index(TRUTH.bad_industry)
    partner = random.random(len(firm)) < np.where(bad, 0.5, 0.1)
    own = random.choice(np.array(["inbound", "event", "outbound"]), len(firm), p=[0.45, 0.2, 0.35])
    return np.where(partner, "partner", own)


def _won_deals(random: Random, first: pd.DataFrame) -> pd.DataFrame:
    closed = first["started_on"].to_numpy() - some_days(random, 1, 10, len(first))
    yearly_value = first["cents"].to_numpy() / 100 * 12 * np.exp(random.normal(0.0, 0.12, len(first)))
    return pd.DataFrame(
        {
            "firm": first["customer"].to_numpy(),
            "created": closed - some_days(random, 20, 140, len(first)),
            "closed": closed,
            "won": 1.0,
            "amount": np.round(yearly_value, -2),
        }
    )


def _deals_of_prospects(random: Random, firms: Firms) -> pd.DataFrame:
    """Three in four prospects were tried once or twice: lost, or open at the end of the data."""
    firm = np.arange(firms.customers, firms.count)
    firm = np.repeat(firm, random.choice(3, len(firm), p=[0.25, 0.55, 0.20]))
    span = int((DATA_UNTIL - FIRST_DAY).astype(np.int64)) + 250
    created = (FIRST_DAY - np.timedelta64(250, "D")).astype("datetime64[s]") + some_days(random, 0, span, len(firm))
    people = firms.employees[firm, FIRST_STEP]
    return pd.DataFrame(
        {
            "firm": firm,
            "created": created,
            "closed": created + some_days(random, 20, 200, len(firm)),
            "won": 0.0,
            "amount": np.round(12 * 110.0 * people**0.55 * np.exp(random.normal(0.0, 0.4, len(firm))), -2),
        }
    )


def _nearer_to_funding(random: Random, deals: pd.DataFrame, news: News) -> pd.DataFrame:
    """Won deals of funded companies begin within three months after a funding, more often than by chance."""
    funded = news.kind == "funding"
    latest = pd.DataFrame({"firm": news.firm[funded], "funded": news.day[funded].astype("datetime64[s]")})
    deals = deals.sort_values("created", kind="stable")
    joined = pd.merge_asof(deals, latest.sort_values("funded"), left_on="created", right_on="funded", by="firm")
    moves = (
        (joined["won"] == 1)
        & joined["funded"].notna()
        & (joined["created"] - joined["funded"] < pd.Timedelta(days=300))
    )
    moved = joined["funded"] + some_days(random, 16, 85, len(joined))
    return joined.assign(created=joined["created"].where(~moves, np.minimum(joined["created"], moved)))


def costs_table(random: Random, firms: Firms, terms: pd.DataFrame) -> pd.DataFrame:
    """What each customer cost to win, on its first day, and to serve, each quarter."""
    first = terms[terms["product"] == 0].drop_duplicates("customer")
    price = first["cents"].to_numpy() / 100
    won = pd.DataFrame(
        {
            "account_id": first["account_id"].to_numpy(),
            "spent_on": first["started_on"].to_numpy(),
            "kind": "acquisition",
            "amount": np.round(600 + price * random.gamma(6.0, 1.5, len(first)), 2),
        }
    )
    quarters = date_of(FIRST_STEP - 10 + 3 * np.arange(20), np.full(20, 15))
    customer, quarter = np.nonzero(running_on(terms, firms, quarters))
    day = quarters[quarter]
    people = firms.employees[customer, FIRST_STEP]
    served = pd.DataFrame(
        {
            "account_id": firms.ids[customer],
            "spent_on": day.astype("datetime64[s]"),
            "kind": "service",
            "amount": np.round(9.0 * people**0.42 * random.gamma(4.0, 0.8, len(customer)) + 40, 2),
        }
    )
    costs = pd.concat([won, served], ignore_index=True)
    return costs[costs["spent_on"] < DATA_UNTIL].sort_values(["account_id", "spent_on", "kind"])
