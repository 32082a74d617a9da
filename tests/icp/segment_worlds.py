"""A company with two segments: an old and large one, and a young one that grows and does better; or with none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.tables import AccountTables
from tests.worlds import Row, company_of, subscription

BEGINS = pd.Timestamp("2019-01-01")
ACCOUNTS = {
    "shape": "attributes", "source": "accounts.csv", "scope": "fit", "signal": "fit",
    "columns": {"industry": {}, "cloud": {}, "employees": {}, "region": {}},
}  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """Effects on the log of the yearly risk of leaving, and how the young segment grows."""

    finance: float = -1.2
    cloud: float = -1.8
    risk: float = 0.32
    cloud_early: float = 0.10
    cloud_late: float = 0.45
    """Share of the young segment among those won in the first years, and in the last fifteen months."""
    expands: float = 1.15
    """What those of the young segment pay a year later, times what they paid."""


NOTHING = Planted(finance=0.0, cloud=0.0, cloud_late=0.10, expands=1.0)


def two_segments(
    accounts: int = 600,
    months: int = 84,
    *,
    seed: int = 0,
    planted: Planted = Planted(),
    prospects: int = 150,
    order: np.random.Generator | None = None,
) -> AccountTables:
    """Finance is half of all who were ever won and stays longer; cloud is few, most of them won lately.

    With an `order` the rows of all tables stand in a random one.
    """
    rng = np.random.default_rng(seed)
    everyone = [f"a{i:04}" for i in range(accounts + prospects)]
    started = np.concatenate([rng.integers(0, months, accounts), np.full(prospects, months)])
    late = started >= months - 15
    finance = rng.random(len(everyone)) < 0.5
    cloud = rng.random(len(everyone)) < np.where(late, planted.cloud_late, planted.cloud_early)
    other = rng.choice(["retail", "media"], len(everyone))
    employees = np.exp(rng.normal(5, 1, len(everyone))).astype(int) + 1
    region = rng.choice(["north", "south", "east"], len(everyone))
    companies = [
        {
            "account_id": account, "industry": "finance" if finance[i] else other[i],
            "cloud": "true" if cloud[i] else "false", "employees": str(employees[i]), "region": region[i],
        }
        for i, account in enumerate(everyone)
    ]  # fmt: skip
    risk = planted.risk * np.exp(planted.finance * finance + planted.cloud * cloud)
    rows: list[Row] = []
    for i in range(accounts):
        rows += _years(everyone[i], int(started[i]), months, risk[i], planted.expands if cloud[i] else 1.0, rng)
    if order is not None:
        rows, companies = ([table[i] for i in order.permutation(len(table))] for table in (rows, companies))
    until = f"{BEGINS + pd.DateOffset(months=months):%Y-%m-%d}"
    return company_of(rows, until, tables={"accounts": ACCOUNTS}, records={"accounts": companies})


def _years(account: str, started: int, months: int, risk: float, expands: float, rng: np.random.Generator) -> list[Row]:
    """A term a year, the price moving each time, until it leaves or the data end."""
    rows, mrr, at = [], float(np.exp(rng.normal(5, 0.3))), started
    while at < months:
        leaves = rng.random() < risk
        length = int(rng.integers(1, 12)) if leaves else 12
        rows.append(subscription(account, _day(at), _day(at + length), mrr=round(mrr, 2)))
        if leaves:
            break
        at, mrr = at + 12, mrr * expands * float(np.exp(rng.normal(0, 0.03)))
    return rows


def _day(month: int) -> str:
    return f"{BEGINS + pd.DateOffset(months=month):%Y-%m-%d}"
