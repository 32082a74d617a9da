"""Made-up companies with deals whose truth is known: what wins deals, and what keeps customers, are set apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.config import parse_settings
from leap.tables import AccountTables, assemble
from tests.worlds import SUBSCRIPTIONS

FROM = pd.Timestamp("2021-01-01")
MONTHS = 48
INDUSTRIES = ("retail", "finance", "health", "media")
WINS = {"retail": 0.9, "finance": -1.6, "health": -0.4, "media": -0.9}
"""Log-odds by which a deal of each industry is won, where it matters."""

SETTINGS: dict[str, Any] = {
    "company": {"name": "Deals & Co"},
    "outcome": {"horizon_months": 12, "as_of_every": "quarter"},
    "tables": {
        "accounts": {
            "shape": "attributes", "source": "accounts.csv", "scope": "fit", "signal": "fit",
            "columns": {"industry": {}, "employees": {}, "region": {}},
        },
        "subscriptions": {**SUBSCRIPTIONS, "columns": {"mrr": {}}},
        "deals": {
            "shape": "events", "role": "deals", "source": "deals.csv", "created": "created_on", "closed": "closed_on",
            "won": "won", "amount": "amount", "scope": "fit",
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """Raw tables and, for each deal by its row, the probability with which it was won."""

    frames: Mapping[str, pd.DataFrame]
    chance: np.ndarray

    @property
    def until(self) -> str:
        """The end of the data, exclusive."""
        return f"{FROM + pd.DateOffset(months=MONTHS):%Y-%m-%d}"

    def tables(self, *, settings: Mapping[str, Any] = SETTINGS, **changed: pd.DataFrame) -> AccountTables:
        """As checked tables, some of them replaced."""
        found = assemble(parse_settings(settings), {**self.frames, **changed}, [], self.until)
        refused = [problem for problem in found.problems if problem.level not in ("warn",)]
        assert not refused, refused
        return found


def world(
    accounts: int = 500, seed: int = 0, *, wins: float = 1.0, keeps: str = "other", leaving: float = 0.035
) -> World:
    """Accounts with one deal each; those won become customers.

    `wins` is how much the industry decides the deal. Customers leave by `keeps`: `other` (their size, which wins
    nothing), `same` (the industries that are lost are those that leave) or `nothing`.
    """
    rng = np.random.default_rng(seed)
    ids = [f"a{i:04d}" for i in range(accounts)]
    industry = rng.choice(INDUSTRIES, accounts)
    employees = np.exp(rng.normal(5, 1, accounts)).astype(int) + 1
    firms = pd.DataFrame(
        {
            "account_id": ids,
            "industry": industry,
            "employees": employees,
            "region": rng.choice(["north", "south", "east"], accounts),
        }
    )
    chance = 1 / (1 + np.exp(-wins * pd.Series(industry).map(WINS).to_numpy()))
    won = rng.random(accounts) < chance
    created = FROM + pd.to_timedelta(rng.integers(0, MONTHS * 30, accounts), unit="D")
    closed = created + pd.to_timedelta(1 + rng.gamma(3.0, 20.0, accounts).astype(int), unit="D")
    until = FROM + pd.DateOffset(months=MONTHS)
    is_open = closed >= until
    deals = pd.DataFrame(
        {
            "account_id": ids, "created_on": created, "closed_on": pd.Series(closed).where(~is_open),
            "won": pd.Series(won).map({True: "true", False: "false"}).where(~is_open, ""),
            "amount": rng.integers(1, 50, accounts) * 100,
        }
    )  # fmt: skip
    size = np.log(employees) - 5
    logit = pd.Series(industry).map(WINS).to_numpy()
    hazard = leaving * np.exp({"other": -1.2 * size, "same": -1.0 * logit, "nothing": 0.0 * size}[keeps])
    starts, stays = closed + pd.Timedelta(days=2), rng.exponential(1 / np.minimum(hazard, 0.5))
    ends = starts + pd.to_timedelta((stays * 30.4).clip(1, 3000).astype(int), unit="D")
    paying = won & (starts < until)
    terms = pd.DataFrame(
        {
            "account_id": np.array(ids)[paying], "started_on": starts[paying], "mrr": rng.choice([200, 500, 900], accounts)[paying],
            "ended_on": pd.Series(ends).where(pd.Series(ends) < until)[paying].to_numpy(), "product": "base",
        }
    )  # fmt: skip
    terms["cancelled_at"] = pd.NaT
    return World({"accounts": firms, "subscriptions": terms, "deals": deals}, chance)
