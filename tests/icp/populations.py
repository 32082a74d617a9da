"""Accounts with their anniversaries, in which one attribute makes stay, or none does."""

from __future__ import annotations

import numpy as np

from leap.features import Scope
from leap.icp.population import Population, parted
from tests.worlds import a_frame

YEAR = np.timedelta64(365, "D")


def population(accounts: int = 600, *, seed: int = 0, effect: float = 0.0, spread_of_money: float = 0.7) -> Population:
    """Rows of account and anniversary; `has_team` multiplies the yearly risk by exp(-effect), all else is noise.

    Accounts differ in ways that no attribute shows, so that rows of one account are not independent.
    """
    rng = np.random.default_rng(seed)
    attributes = {
        "has_team": (rng.random(accounts) < 0.4).astype(float),
        "employees": np.exp(rng.normal(5, 1, accounts)),
        "industry": rng.choice(["retail", "media", "finance"], accounts),
        "noise": rng.normal(size=accounts),
    }
    joined = np.datetime64("2019-01-01") + rng.integers(0, 1080, accounts) * np.timedelta64(1, "D")
    risk = np.clip(0.2 * np.exp(rng.normal(0, 0.5, accounts)) * np.exp(-effect * attributes["has_team"]), 0, 0.9)
    mrr, alive = np.exp(rng.normal(5, spread_of_money, accounts)), np.ones(accounts, dtype=bool)
    rows = []
    for year in range(5):
        as_of = joined + year * YEAR
        after = np.where(rng.random(accounts) < risk, 0.0, mrr * np.where(rng.random(accounts) < 0.2, 1.3, 1.0))
        there = np.flatnonzero(alive & (as_of < np.datetime64("2023-01-01")))
        rows.append((there, as_of[there], mrr[there], after[there]))
        alive, mrr = alive & (after > 0), np.where(after > 0, after, mrr)
    who, as_of, starting, ending = (np.concatenate(part) for part in zip(*rows, strict=True))
    order = np.lexsort((as_of, who))
    who = who[order]
    frame = a_frame({name: [values[i] for i in who] for name, values in attributes.items()}, Scope.FIT)
    return Population(frame, who, as_of[order].astype("datetime64[us]"), starting[order], ending[order])


def halves(whole: Population) -> tuple[Population, Population]:
    """What rules are found on and what they are measured on."""
    found, measured = parted(whole, whole.as_of + YEAR)
    return whole.where(found), whole.where(measured)
