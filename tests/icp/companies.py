"""A hand-written company whose figures can be worked out on paper, and random ones for what must hold of any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leap.features import FeatureCatalog, discover_features
from leap.icp import Condition, Evidence, ICPProfile, Measured, Rule
from leap.icp.book import Book
from leap.models.frames import fit_frame
from leap.tables import AccountTables
from tests.worlds import Row, company_of, subscription

ACCOUNTS = {
    "shape": "attributes", "source": "a.csv", "scope": "fit", "signal": "fit",
    "columns": {"industry": {"label": "Industry"}, "employees": {"label": "Employees", "unit": "people"}},
}  # fmt: skip
NEWS = {
    "shape": "events", "source": "n.csv", "scope": "fit", "signal": "buying", "kind": "kind", "windows_days": [91, 365],
}  # fmt: skip
DEALS = {
    "shape": "events", "role": "deals", "source": "d.csv", "amount": "amount", "team": "team", "origin": "origin",
    "discount": "discount",
}  # fmt: skip
COSTS = {"shape": "events", "role": "costs", "source": "c.csv", "at": "spent_on", "kind": "kind", "amount": "amount"}
UNTIL = "2024-01-02"
"""The last complete year is from 2023-01-01 to 2024-01-01."""


def account(name: str, industry: str = "bank", employees: int = 100) -> Row:
    """A company and what is true of it."""
    return {"account_id": name, "industry": industry, "employees": employees}


def deal(name: str, created: str, closed: str | None, won: bool | None, amount: float = 1200, **more: Any) -> Row:
    """A deal; open where it has no end."""
    said = {"team": "north", "origin": "inbound", "discount": None, **more}
    result = None if won is None else str(won).lower()
    return {"account_id": name, "created_at": created, "closed_at": closed, "won": result, "amount": amount, **said}


def cost(name: str, on: str, amount: float, kind: str = "acquisition") -> Row:
    """Money spent on an account."""
    return {"account_id": name, "spent_on": on, "amount": amount, "kind": kind}


def whole_company(**records: list[Row]) -> AccountTables:
    """Banks A to E are those of the definitions' example; shop F grows and shop G leaves; P to S are prospects."""
    terms = [
        subscription("A", "2022-01-01", "2023-07-01", 100), subscription("A", "2023-07-01", None, 150),
        subscription("B", "2022-01-01", "2023-07-01", 200), subscription("B", "2023-07-01", None, 120),
        subscription("C", "2022-01-01", "2023-07-01", 50), subscription("D", "2022-01-01", None, 80),
        subscription("E", "2022-01-01", None, 60),
        subscription("F", "2022-06-01", "2023-07-01", 300), subscription("F", "2023-07-01", None, 330),
        subscription("G", "2022-06-01", "2023-03-01", 100),
    ]  # fmt: skip
    banks = [account(name) for name in "ABCDEPQ"]
    shops = [account(name, "shop", 10) for name in "FGRS"]
    given: dict[str, list[Row]] = {
        "accounts": banks + shops,
        "news": [{"account_id": "P", "occurred_at": "2023-12-01", "kind": "funding"},
                 {"account_id": "Q", "occurred_at": "2023-02-01", "kind": "funding"},
                 {"account_id": "R", "occurred_at": "2023-12-01", "kind": "hiring"}],
        "deals": [
            deal("A", "2021-11-01", "2021-12-01", True, 1000, discount=0.2),
            deal("B", "2021-10-01", "2021-12-30", True, 3000),
            deal("C", "2021-11-01", "2021-11-11", False), deal("C", "2021-11-21", "2021-12-31", True, 600, team=""),
            deal("F", "2022-04-01", "2022-05-01", True, 3600, team="south", origin="partner"),
            deal("F", "2023-06-01", "2023-06-20", True, 9999, team="south"),
            deal("P", "2023-10-01", None, None, 500), deal("R", "2023-10-01", None, None, 700, team="south"),
            deal("S", "2023-01-01", "2023-02-01", False),
        ],
        "costs": [cost("A", "2021-12-01", 600), cost("B", "2021-12-01", 1400), cost("F", "2022-05-01", 1500),
                  cost("S", "2023-01-15", 90), cost("A", "2023-06-01", 120, "service"),
                  cost("F", "2023-06-01", 396, "service")],
    }  # fmt: skip
    return company_of(
        terms,
        UNTIL,
        company={"gross_margin": 0.5, "discount_rate": 0.0},
        tables={"accounts": ACCOUNTS, "news": NEWS, "deals": DEALS, "costs": COSTS},
        records={**given, **records},
    )


def book_of(tables: AccountTables) -> Book:
    """The book, with every feature that the tables offer."""
    return Book.of(tables, fit_frame(tables, discover_features(tables)))


def of_industry(catalog: FeatureCatalog, industry: str) -> Rule:
    """Companies of one industry."""
    return Rule((Condition(catalog.by_name["industry"], "==", industry),))


def profile(kind: str, rule: Rule, *, lift: tuple[float, float, float] = (0.1, 0.05, 0.15)) -> ICPProfile:
    """A profile whose evidence says this much of NRR: the difference and its interval."""
    point, low, high = lift
    evidence = Evidence(
        accounts=100,
        matched=40,
        figures={"nrr": Measured(0.9 + point, 0.9, low, high)},
        metric="nrr",
        found_on={"accounts": 50, "rows": 60, "from": "2020-01-01", "to": "2021-01-01"},
        measured_on={"accounts": 100, "rows": 130, "from": "2022-01-01", "to": "2023-01-01"},
        tried=10,
        q_value=0.001,
    )
    return ICPProfile(f"{kind}-1", kind, rule, evidence, "Sell to them.")


def made_up(seed: int, n: int = 60, mixed_by: int | None = None) -> AccountTables:
    """Accounts of three industries that start, grow, shrink and leave at random; rows in any order."""
    rng = np.random.default_rng(seed)
    terms, deals, costs, accounts = [], [], [], []
    for i in range(n):
        name, industry = f"acc{i:03}", ("bank", "shop", "farm")[int(rng.integers(3))]
        accounts.append(account(name, industry, int(rng.integers(5, 500))))
        if rng.random() < 0.2:
            deals.append(deal(name, "2023-05-01", "2023-07-01" if i % 2 else None, False if i % 2 else None))
            continue
        start = f"{int(rng.integers(2020, 2023))}-{int(rng.integers(1, 13)):02}-01"
        mrr, change = int(rng.integers(10, 900)), float(rng.choice([0.0, 0.5, 1.0, 1.0, 1.4]))
        terms.append(subscription(name, start, "2023-06-15", mrr))
        if change:
            terms.append(subscription(name, "2023-06-15", None, round(mrr * change, 2)))
        deals.append(deal(name, "2019-11-01", f"2019-12-{int(rng.integers(1, 29)):02}", True, mrr * 12))
        costs += [cost(name, start, float(rng.integers(100, 900)))] if rng.random() < 0.7 else []
        costs += [cost(name, "2023-08-01", float(rng.integers(1, 90)), "service")] if rng.random() < 0.7 else []
    rows: Mapping[str, list[Row]] = {"terms": terms, "accounts": accounts, "deals": deals, "costs": costs}
    if mixed_by is not None:
        mixed = np.random.default_rng(mixed_by)
        rows = {name: [part[i] for i in mixed.permutation(len(part))] for name, part in rows.items()}
    return company_of(
        rows["terms"],
        UNTIL,
        company={"gross_margin": 0.7, "discount_rate": 0.1},
        tables={"accounts": ACCOUNTS, "news": NEWS, "deals": DEALS, "costs": COSTS},
        records={**{name: rows[name] for name in ("accounts", "deals", "costs")}, "news": []},
    )
