"""Small made-up worlds: a company written for one test, random tables of every shape, and companies with a known truth.

Everything is built in memory and goes through the same checks as files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.make import make_bundle
from leap.bundle.model_bundle import ModelBundle
from leap.config import Settings, parse_settings
from leap.evaluation import OutOfTime, Quality, Stakes, judge, predict_folds, survival_of
from leap.features import Feature, FeatureCatalog, FeatureFrame, Recipe, Scope, Signal, discover_features
from leap.icp.discover import discover_icps
from leap.models.composition import ScopeModel, train_scope
from leap.models.frames import ScopeFrame, fit_frame, health_frame
from leap.snapshots import Snapshots
from leap.tables import AccountTables, assemble, tables_from_records

Row = dict[str, Any]

# --- a tiny company, written for one test

SUBSCRIPTIONS: dict[str, Any] = {
    "shape": "periods",
    "role": "revenue",
    "source": "subscriptions.csv",
    "amount": "mrr",
    "product": "product",
    "cancelled": "cancelled_at",
}


def subscription(account: str, start: str, end: str | None = None, mrr: float = 100, **more: Any) -> Row:
    """One term of one product; open where no end is given."""
    return {"account_id": account, "started_on": start, "ended_on": end, "mrr": mrr, "product": "base", **more}


def company_of(
    rows: Iterable[Row],
    data_until: str | None = None,
    *,
    company: Mapping[str, Any] | None = None,
    outcome: Mapping[str, Any] | None = None,
    revenue: Mapping[str, Any] | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    records: Mapping[str, Iterable[Row]] | None = None,
    lineage: Iterable[tuple[str, str, str]] = (),
) -> AccountTables:
    """A company with these subscriptions, and with whatever else a test declares; a refused row is an error.

    `lineage` are (account, what it is now, from when).
    """
    joined = [{"account_id": a, "is_now": b, "from_date": since} for a, b, since in lineage]
    records = {**(records or {}), **({"lineage": joined} if joined else {})}
    settings = parse_settings(
        {
            **({"lineage": {"source": "lineage.csv"}} if joined else {}),
            "company": dict(company or {}),
            "outcome": dict(outcome or {}),
            "tables": {"subscriptions": {**SUBSCRIPTIONS, **(revenue or {})}, **(tables or {})},
        }
    )
    return tables_from_records(settings, {"subscriptions": list(rows), **records}, data_until=data_until)


def position(tables: AccountTables, account: str) -> int:
    """Where an account stands in arrays by account."""
    return int(tables.accounts.get_loc(account))


def everyone_at(tables: AccountTables, moment: pd.Timestamp) -> Snapshots:
    """One row for every account at a moment, customer or not: for what does not depend on revenue."""
    n = len(tables.accounts)
    return Snapshots(
        pd.DataFrame(
            {
                "account_id": tables.accounts,
                "code": np.arange(n),
                "as_of": moment,
                "mrr": np.nan,
                "leaving": False,
                "features_at": moment,
                "tenure_months": 0.0,
            }
        )
    )


# --- random tables of all five shapes

WEEK_ZERO = pd.Timestamp("2022-01-01")
WINDOWS = [28, 91, 364]
"""Multiples of seven days: in a world whose moments are whole weeks, rows lie exactly on the edges."""

KINDS = ("alpha", "beta", "gamma")

ALL_SHAPES = parse_settings(
    {
        "company": {"timezone": "UTC"},
        "tables": {
            "accounts": {
                "shape": "attributes", "source": "a.csv", "scope": "fit", "known_at": "seen_on",
                "columns": {"industry": {}, "size": {}, "is_public": {}, "founded_on": {}},
            },
            "profiles": {
                "shape": "history", "source": "p.csv", "at": "observed_at", "known_at": "loaded_at", "scope": "fit",
                "columns": {"employees": {}, "stage": {}, "is_audited": {}, "score": {}, "audited_on": {}},
            },
            "subscriptions": {
                **SUBSCRIPTIONS, "known_at": "booked_on", "renews": "renews_on",
                "columns": {"mrr": {}, "product": {}, "billing": {}},
            },
            "technologies": {"shape": "periods", "source": "t.csv", "known_at": "noticed_on", "kind": "technology"},
            "usage": {
                "shape": "events", "source": "u.csv", "at": "occurred_at", "known_at": "loaded_at", "kind": "kind",
                "quantity": "quantity", "amount": "spent", "windows_days": WINDOWS,
                "columns": {"quantity": {}, "rating": {}, "is_mobile": {}},
            },
            "deals": {
                "shape": "events", "role": "deals", "source": "d.csv", "amount": "amount", "known_at": "entered_on",
                "created": "created_on", "closed": "closed_on", "won": "won",
            },
            "market": {
                "shape": "market", "source": "m.csv", "segment": "industry", "known_at": "loaded_at",
                "published": "published_at",
            },
        },
    }
)  # fmt: skip


def _week(n: int) -> str:
    return f"{WEEK_ZERO + pd.Timedelta(weeks=n):%Y-%m-%d}"


def a_row(shape: str, account: str, at: int, late: int, length: int, number: int, kind: str, flag: bool) -> Row:
    """One row of one table; `at`, `late` and `length` are weeks, and a row is known `late` weeks after its own time."""
    known = _week(at + late)
    # Sums of halves are exact in float64: a sum in another order is the same to the bit.
    half = number / 2
    match shape:
        case "profiles":
            return {
                "account_id": account, "observed_at": _week(at), "loaded_at": known, "employees": number, "stage": kind,
                "is_audited": str(flag).lower(), "score": number - 5 if flag and number % 2 else None,
                "audited_on": _week(at + length // 2),
            }  # fmt: skip
        case "subscriptions":
            return {
                "account_id": account, "started_on": _week(at), "booked_on": known, "mrr": half, "product": kind,
                "ended_on": _week(at + length) if flag else None, "billing": kind,
                "cancelled_at": _week(at + length // 2) if flag and number % 2 else None,
                "renews_on": _week(at + length + late),
            }  # fmt: skip
        case "technologies":
            end = _week(at + length) if flag else None
            return {
                "account_id": account,
                "started_on": _week(at),
                "ended_on": end,
                "noticed_on": known,
                "technology": kind,
            }
        case "usage":
            return {
                "account_id": account, "occurred_at": _week(at), "loaded_at": known, "kind": kind, "quantity": number,
                "spent": half, "rating": number if flag else None, "is_mobile": str(flag).lower(),
            }  # fmt: skip
        case "deals":
            closed = _week(at + length) if flag else None
            won = str(number % 2 == 0).lower() if flag else None
            return {
                "account_id": account,
                "created_on": _week(at),
                "entered_on": known,
                "closed_on": closed,
                "won": won,
                "amount": half,
            }
        case "market":
            return {
                "indicator": "growth" if flag else "rate", "period": _week(at - length), "published_at": _week(at),
                "loaded_at": known, "value": number + 1.0, "industry": kind,
            }  # fmt: skip
        case _:
            return {
                "account_id": account,
                "seen_on": known,
                "industry": kind,
                "size": number,
                "is_public": str(flag).lower(),
                "founded_on": _week(at + length),
            }


ACCOUNTS = tuple(f"account {i:02}" for i in range(25))
SHAPES = ("accounts", "profiles", "subscriptions", "technologies", "usage", "deals", "market")
LAST_WEEK = 80


def told_once(shape: str, row: Row) -> str:
    """What two rows of a table may not share; what the quarantine refuses has tests of its own."""
    keys = {
        "profiles": ("account_id", "observed_at", "loaded_at"),
        "market": ("indicator", "industry", "period", "published_at"),
        "subscriptions": ("account_id", "product"),
    }
    return repr([row[column] for column in keys.get(shape, sorted(row))])


def records_of_all_shapes(seed: int, rows_of_an_account: int = 8) -> dict[str, list[Row]]:
    """Rows of every shape over 80 weeks, on whole weeks so that many meet, some known long after their own time."""
    rng = np.random.default_rng(seed)
    records: dict[str, list[Row]] = {name: [] for name in SHAPES}
    seen: set[tuple[str, str]] = set()

    def add(shape: str, account: str) -> None:
        at, length, number = (int(n) for n in rng.integers(0, [LAST_WEEK, 60, 10]))
        late, kind, flag = int(rng.choice([0, 0, 0, 1, 4, 30])), str(rng.choice(KINDS)), bool(rng.random() < 0.6)
        row = a_row(shape, account, at, late, length, number, kind, flag)
        key = (shape, told_once(shape, row))
        if key not in seen:
            seen.add(key)
            records[shape].append(row)

    for account in ACCOUNTS:
        add("accounts", account)
        for shape in SHAPES[1:-1]:
            for _ in range(int(rng.integers(0, rows_of_an_account + 1))):
                add(shape, account)
    for _ in range(40):
        add("market", "")
    return records


def rich_tables() -> AccountTables:
    """Every shape with enough accounts that have each kind and gave it up, so that every feature that can be declared
    is.
    """
    records: dict[str, list[Row]] = {name: [] for name in SHAPES}
    for i in range(18):
        for k, kind in enumerate(KINDS):
            for shape in SHAPES[1:]:
                row = a_row(shape, f"account {i:02}", 3 * i + k, k, 10, i % 10, kind, (i + k) % 3 > 0)
                if row not in records[shape]:
                    records[shape].append(row)
        records["accounts"].append(a_row("accounts", f"account {i:02}", i, 0, 0, i, KINDS[i % 3], i % 2 == 0))
    return tables_from_records(ALL_SHAPES, records, data_until=_week(200))


# --- companies with a known truth

MONTHS_FROM = pd.Timestamp("2021-01-01")


@dataclass(frozen=True)
class Truth:
    """What moves a made-up company: effects on the log of the monthly hazard, and sizes of the others."""

    usage: float = -1.1
    """Of one standard deviation more usage on leaving."""
    retail: float = 0.9
    """Of being a retailer on leaving."""
    growing: float = 1.2
    """Of more than 200 employees on growing."""
    hazard: float = 0.035


NOTHING = Truth(usage=0.0, retail=0.0, growing=0.0)

PLANTED_SETTINGS: dict[str, Any] = {
    "company": {"name": "Planted", "gross_margin": 0.8, "discount_rate": 0.1},
    "outcome": {"horizon_months": 6, "as_of_every": "quarter"},
    "policy": {"icp_min_accounts": 20},
    "tables": {
        "accounts": {
            "shape": "attributes", "source": "accounts.csv", "scope": "fit", "signal": "fit",
            "columns": {
                "industry": {"label": "Industry"},
                "employees": {"label": "Employees", "unit": "people"},
                "region": {"label": "Region"},
                "favourite_number": {"label": "Favourite number"},
            },
        },
        "usage": {
            "shape": "events", "source": "usage.csv", "known_at": "loaded_at", "quantity": "quantity",
            "windows_days": [28, 91], "columns": {"quantity": {"label": "Usage", "unit": "actions"}},
        },
        "subscriptions": {**SUBSCRIPTIONS, "columns": {"mrr": {"label": "Price", "unit": "USD a month"}}},
        "market": {
            "shape": "market", "source": "market.csv", "segment": "industry", "scope": "fit", "signal": "economic",
        },
    },
}  # fmt: skip

INDUSTRIES = ("retail", "finance", "health", "media")


def planted_frames(
    accounts: int = 400, months: int = 36, *, seed: int = 0, truth: Truth = Truth(), prospects: int = 40
) -> dict[str, pd.DataFrame]:
    """The raw tables of a company in which little usage and retail lead to leaving, and size to growing."""
    rng = np.random.default_rng(seed)
    everyone = [f"acc-{i:04}" for i in range(accounts + prospects)]
    industry = rng.choice(INDUSTRIES, len(everyone))
    employees = np.exp(rng.normal(5, 1, len(everyone))).astype(int) + 1
    firms = pd.DataFrame(
        {
            "account_id": everyone,
            "name": [f"Firm {i}" for i in range(len(everyone))],
            "industry": industry,
            "employees": employees,
            "region": rng.choice(["north", "south", "east"], len(everyone)),
            "favourite_number": rng.normal(size=len(everyone)).round(3),
        }
    )
    level = rng.normal(size=accounts)
    begin = np.where(rng.random(accounts) < 0.4, 0, rng.integers(0, months - 6, accounts))
    subscriptions, usage = [], []
    for i in range(accounts):
        mrr = float(rng.choice([200, 500, 900]))
        since = MONTHS_FROM + pd.DateOffset(months=int(begin[i])) + pd.Timedelta(days=int(rng.integers(0, 28)))
        for month in range(int(begin[i]), months):
            first = MONTHS_FROM + pd.DateOffset(months=month)
            at = first + pd.Timedelta(days=int(rng.integers(1, 28)))
            if at > since:
                amount = int(rng.poisson(np.exp(2.5 + 0.6 * level[i])))
                usage += [(everyone[i], at, at + pd.Timedelta(days=int(rng.integers(0, 3))), amount)] if amount else []
            if month == begin[i]:
                continue
            log_hazard = np.log(truth.hazard) + truth.usage * level[i] + truth.retail * (industry[i] == "retail")
            if rng.random() < min(np.exp(log_hazard), 0.6):
                announced = (
                    at - pd.Timedelta(days=20) if rng.random() < 0.3 and at - pd.Timedelta(days=21) > since else None
                )
                subscriptions.append((everyone[i], since, at, mrr, announced))
                break
            grows = rng.random() < 0.02 * np.exp(truth.growing * (employees[i] > 200))
            if grows or rng.random() < 0.012:
                subscriptions.append((everyone[i], since, at, mrr, None))
                since, mrr = at, round(mrr * (1.3 if grows else 0.75), 2)
        else:
            subscriptions.append((everyone[i], since, None, mrr, None))
    terms = pd.DataFrame(subscriptions, columns=["account_id", "started_on", "ended_on", "mrr", "cancelled_at"])
    market = pd.DataFrame(
        [
            (name, "growth", first := MONTHS_FROM + pd.DateOffset(months=m), first + pd.Timedelta(days=45), rng.normal(100, 3))
            for name in INDUSTRIES
            for m in range(-14, months)
        ],
        columns=["industry", "indicator", "period", "published_at", "value"],
    )  # fmt: skip
    return {
        "accounts": firms,
        "usage": pd.DataFrame(usage, columns=["account_id", "occurred_at", "loaded_at", "quantity"]),
        "subscriptions": terms.assign(product="base"),
        "market": market.assign(value=market["value"].round(2)),
    }


def planted_tables(
    accounts: int = 400, months: int = 36, *, settings: Mapping[str, Any] | None = None, **more: Any
) -> AccountTables:
    """The planted company as checked tables; the data end a day after the last whole month."""
    parsed: Settings = parse_settings({**PLANTED_SETTINGS, **(settings or {})})
    until = MONTHS_FROM + pd.DateOffset(months=months) + pd.Timedelta(days=1)
    tables = assemble(parsed, planted_frames(accounts, months, **more), [], f"{until:%Y-%m-%d}")
    refused = [problem for problem in tables.problems if problem.level != "warn"]
    assert not refused, refused
    return tables


@dataclass(frozen=True)
class TrainedWorld:
    """A company and everything that training made of it."""

    tables: AccountTables
    health: ScopeFrame
    fit: ScopeFrame
    found: OutOfTime
    quality: Quality
    model: ScopeModel
    fit_model: ScopeModel
    bundle: ModelBundle


def trained(tables: AccountTables, seed: int = 0) -> TrainedWorld:
    """What `leap train` does between reading and registering."""
    health = health_frame(tables, discover_features(tables))
    fit = fit_frame(tables, health.features.catalog, health.record_begins)
    found, fit_found = predict_folds(health, seed=seed), predict_folds(fit, seed=seed)
    quality, fit_quality = judge(found, stakes=Stakes.of(tables, health, found)), judge(fit_found)
    model = train_scope(health.scope, health.encoder, health.trainable, None, None, quality.unproven, seed)
    fit_model = train_scope(fit.scope, fit.encoder, fit.trainable, None, None, fit_quality.unproven, seed)
    hazard, survival = survival_of(tables, health, found, seed=seed)
    model = replace(model, hazard=hazard)
    bundle = make_bundle(
        tables, (health, model, found, quality), (fit, fit_model, fit_found, fit_quality),
        discover_icps(tables, fit, seed), leaks=[], seed=seed, trials=0, survival=survival,
    )  # fmt: skip
    return TrainedWorld(tables, health, fit, found, quality, model, fit_model, bundle)


# --- features without tables


def a_feature(name: str, kind: str = "number", scope: Scope = Scope.HEALTH, **more: Any) -> Feature:
    """A declaration for tests that need no tables."""
    fields: dict[str, Any] = {
        "recipe": Recipe("made_up", "attributes", "value", name), "label": name.replace("_", " ").capitalize(),
        "unit": "", "signal": Signal.FIT, "party": "first", "missing": "not recorded", "group": name,
    }  # fmt: skip
    return Feature(name=name, kind=kind, scope=scope, **{**fields, **more})  # type: ignore[arg-type]


def a_frame(columns: Mapping[str, Sequence[Any]], scope: Scope = Scope.HEALTH) -> FeatureFrame:
    """A frame of made-up features: text columns are categories, all others numbers."""
    frame = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    features = []
    for name in columns:
        is_text = any(isinstance(value, str) for value in columns[name])
        frame[name] = frame[name].astype(object) if is_text else frame[name].astype(float)
        features.append(a_feature(name, "category" if is_text else "number", scope))
    return FeatureFrame(frame, FeatureCatalog(tuple(features)), np.zeros(len(frame), dtype=bool))
