"""A company written for a test and a model made by hand: what each feature weighs is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from leap.bundle.model_bundle import ModelBundle
from leap.explanation.drivers import Driver
from leap.explanation.groups import Groups
from leap.explanation.peers import Peers
from leap.features import FeatureCatalog, Scope, build_features, discover_features
from leap.icp import ICPSearch
from leap.models.calibration import Calibration
from leap.models.composition import Component, ScopeModel
from leap.models.direct import DirectNRR
from leap.models.encoding import Encoder
from leap.models.learners import BaseRate, Learner, Linear
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables
from leap.uncertainty import Intervals
from leap.uncertainty.shapes import RatioShape
from tests.worlds import Row, company_of, subscription

Weights = Mapping[str, float]
"""Log-odds of churn by name of a feature, or of `feature=level` of a category; a number's are of one unit."""
BASE = -1.5


def company(
    n: int = 60,
    *,
    seed: int = 0,
    profiles: Iterable[Row] = (),
    more: Iterable[Row] = (),
    lineage: Iterable[tuple[str, str, str]] = (),
    until: str = "2024-01-01",
    usage: Mapping[str, Any] | None = None,
    tickets: Mapping[str, Any] | None = None,
) -> AccountTables:
    """Accounts a00, a01, … that pay 100, each with a profile of 2023-01-02 and usage of two kinds through the year.

    `profiles` are later observations, `more` are further subscriptions; `usage` and `tickets` add keys to their tables.
    """
    rng = np.random.default_rng(seed)
    ids = [f"a{i:02}" for i in range(n)]
    first = [profile(account, "2023-01-02", rng) for account in ids]
    events = []
    for account in ids:
        for _ in range(int(rng.poisson(np.exp(rng.normal(2, 0.8))))):
            day = np.datetime64("2023-01-03") + int(rng.integers(0, 360))
            events.append(
                {"account_id": account, "occurred_at": str(day), "kind": str(rng.choice(["login", "report"]))}
            )
    return company_of(
        [*(subscription(account, "2023-01-01") for account in ids), *more],
        until,
        company={"name": "Made up", "gross_margin": 0.8, "currency": "USD"},
        outcome={"horizon_months": 12},
        revenue={"columns": {"mrr": {"label": "Price", "actionable": True}}},
        tables={
            "profiles": {
                "shape": "history", "source": "p.csv", "at": "observed_at", "scope": "health",
                "columns": {
                    "seats": {"label": "Seats", "unit": "seats", "actionable": True},
                    "plan": {"label": "Plan", "actionable": True},
                    "sso": {"label": "Single sign-on", "actionable": True},
                    "region": {"label": "Region"},
                    "complaints": {"label": "Complaints", "actionable": True, "consequence": True},
                },
            },
            "usage": {
                "shape": "events", "source": "u.csv", "kind": "kind", "windows_days": [28, 91], "scope": "health",
                "columns": {"kind": {"label": "Usage"}}, **(usage or {}),
            },
            **({"tickets": dict(tickets)} if tickets else {}),
        },
        records={"profiles": [*first, *profiles], "usage": events},
        lineage=lineage,
    )  # fmt: skip


def profile(account: str, day: str, rng: np.random.Generator | None = None, **values: Any) -> Row:
    """One observation; what is not given is drawn, or missing without a generator."""
    drawn: Row = {}
    if rng is not None:
        drawn = {
            "seats": int(rng.integers(1, 40)), "plan": str(rng.choice(["basic", "pro", "max"])),
            "sso": str(bool(rng.random() < 0.5)).lower(), "region": str(rng.choice(["north", "south"])),
            "complaints": int(rng.integers(0, 5)),
        }  # fmt: skip
    empty = dict.fromkeys(("seats", "plan", "sso", "region", "complaints"))
    return {"account_id": account, "observed_at": day, **empty, **drawn, **values}


def linear(weights: Sequence[float], base: float = BASE) -> Linear:
    """A linear learner of raw values: the clip at four deviations lies far outside."""
    n = len(weights)
    zero, scale = np.zeros(n), np.full(n, 1e6)
    return Linear(base, zero, zero, scale, zero, np.array(weights) * 1e6, zero, zero)


def component(learner: Learner, size: float = 1.0, slope: float = 1.0) -> Component:
    return Component(learner, Calibration(slope, 0.0), size, learner.kind, 100, 100, 20, 0.2, {})


def model_of(
    catalog: FeatureCatalog, churn: Weights, expansion: Weights | None = None, slope: float = 1.0
) -> ScopeModel:
    """Churn (and expansion) by the weights given; columns of the other features of the catalog weigh nothing."""
    source, level = [], []
    for position, feature in enumerate(catalog.features):
        levels = [
            name.partition("=")[2] for name in (*churn, *(expansion or {})) if name.startswith(f"{feature.name}=")
        ]
        for one in list(dict.fromkeys(levels)) if feature.kind == "category" else [None]:
            source.append(position)
            level.append(one)
    encoder = Encoder(catalog, tuple(source), tuple(level))
    names = [catalog.features[j].name + (f"={one}" if one else "") for j, one in zip(source, level, strict=True)]
    assert set(churn) <= set(names), set(churn) - set(names)
    leaves = component(linear([churn.get(name, 0.0) for name in names]), slope=slope)
    grows = component(linear([(expansion or {}).get(name, 0.0) for name in names]), 0.3)
    direct = DirectNRR(1.0, BaseRate(0.0), None, "base_rate", {})
    return ScopeModel(Scope.HEALTH, encoder, leaves, component(BaseRate(-3.0), 0.5), grows, direct)


def bundle_of(
    tables: AccountTables,
    churn: Weights,
    expansion: Weights | None = None,
    *,
    features: Sequence[str] = (),
    drivers: Sequence[Driver] = (),
    slope: float = 1.0,
) -> ModelBundle:
    """A bundle around such a model; `features` are those of its catalog, by default all of the company's."""
    catalog = discover_features(tables)
    catalog = catalog.with_features(features) if features else catalog
    snapshots = customer_snapshots(tables, [tables.data_until])
    frame = build_features(tables, snapshots, catalog)
    model = model_of(catalog, churn, expansion, slope)
    plain = Intervals(RatioShape((), ()), 0.9, coverage=0.9)
    peers = Peers.of(frame, snapshots.rows["mrr"].to_numpy(dtype=float))
    return ModelBundle(
        settings=tables.settings, catalog=catalog, health=model, fit=model, intervals=plain, fit_intervals=plain,
        icp=ICPSearch((), (), "not looked for"), drivers=tuple(drivers), fit_drivers=(),
        groups=Groups.of(frame), fit_groups=Groups.of(frame), peers=peers, fit_peers=peers,
        quality={"health": {"outcomes": {"churn": {}}}}, economics={"new_mrr": None, "cac": None},
        trained={"trained_on": "2024-01-01", "definition_hash": "made up", "notes": []}, golden={},
    )  # fmt: skip
