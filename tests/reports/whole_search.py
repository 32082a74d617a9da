"""A made-up search in which every section of the report has something to say; all names and figures are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leap.features import Layer, Recipe, Scope
from leap.icp import Attribute, ICPProfile, ICPSearch, Measured, Note
from leap.icp.best_customers import BestCustomer, BestCustomers, Difference
from leap.icp.bookings import Bookings, BookingsBy, Part
from leap.icp.front import Choice, Dominance, Front
from leap.icp.funnel import Funnel, Level
from leap.icp.hypotheses import ProfileHypothesis
from leap.icp.points import CardLine, PointsCard
from leap.icp.pooling import Pooled
from leap.icp.quarters import Quarter, Quarters
from leap.icp.ranking import OrderOfWork, Rank, Shares
from leap.icp.saturation import Saturation
from leap.icp.statements import statement
from tests.reports.searches import KPIS, evidence, rule
from tests.worlds import a_feature


def fit(label: str, kind: str = "number", operation: str = "value", **more: Any) -> Any:
    """A fit feature of third-party data unless said otherwise."""
    recipe = Recipe("made_up", "family", operation)
    return a_feature(label, kind, Scope.FIT, label=label, recipe=recipe, **{"party": "third", **more})


EMPLOYEES = fit("Employees", unit="people")
INDUSTRY = fit("Industry", "category")
WAREHOUSE = fit("Technology in use: cloud data warehouse", "boolean", "kind_active", layer=Layer.TECHNOGRAPHIC)
FUNDED = fit("News: funding, last 91 days", operation="kind_sum", unit="events", layer=Layer.BEHAVIOURAL)
IDEAL = rule((INDUSTRY, "==", "Software"), (EMPLOYEES, "between", (50.0, 200.0)), (WAREHOUSE, "==", 1.0))
NEXT = rule((FUNDED, ">=", 1.0))
SMALL = rule((EMPLOYEES, "<", 20.0))
FEW = rule((WAREHOUSE, "==", 0.0))
POOLED = Pooled(40, 1.08, 0.95, 1.02, 0.9, 1.14, 0.5)
INTERVALS = {"nrr": [0.98, 1.1], "cac": [9000.0, 16000.0], "grr": None}
FIGURES = {
    **KPIS,
    "inside": {**KPIS["inside"], "payback_months": 7.4, "value_12m": 8200.0, "ltv_to_cac": 3.1},
    "outside": {**KPIS["outside"], "payback_months": None, "value_12m": 5100.0, "ltv_to_cac": None},
    "why_null": {"inside": {"win_rate": "no_closed_deals"}, "outside": {"payback_months": "no_acquisition_costs"}},
    "intervals": {"inside": INTERVALS, "outside": {}},
    "difference": {"nrr": {"value": 0.16, "low": 0.04, "high": 0.28}},
}  # fmt: skip


def whole_search() -> ICPSearch:
    """Three profiles of three kinds and all that stands around them."""
    profiles = tuple(_profile(*parts) for parts in _PROFILES)
    unclear = replace(evidence(q_value=0.4), figures={"nrr": Measured(0.9, 0.88, -0.1, 0.14)})
    attributes = tuple(Attribute(p.rule, p.evidence, place, 0.2) for place, p in enumerate(profiles, start=1))
    words = "Work on established-1; open emerging-1 now, since 60% of established-1 are customers already."
    return ICPSearch(
        profiles,
        (*attributes, Attribute(FEW, unclear, 4, 0.05)),
        None,
        (Note("2024-03-01", "acme", "Funded firms stay", "Ana", "news"),),
        hypotheses=(ProfileHypothesis("hypothesis-1", FEW, "segment", 12, POOLED, "12 accounts suggest companies without a warehouse; not measured."),),
        order_of_work=OrderOfWork("established-1", "emerging-1", True, 0.6, 0.5, words),
        best_customers=_BEST,
        card=PointsCard((CardLine(IDEAL, 12), CardLine(SMALL, -7)), 12, -7, {}, None, None),
        front=_FRONT,
        quarters=_QUARTERS,
        bookings=_BOOKINGS,
        funnel=_FUNNEL,
    )  # fmt: skip


_PROFILES = (
    ("established-1", "established", IDEAL, 1.0, {"customers": 30, "prospects": 20, "market": 1000, "note": None}),
    ("emerging-1", "emerging", NEXT, 1.0, {"customers": 4, "prospects": 90, "market": 1000, "note": "may be too narrow"}),
    ("negative-1", "negative", SMALL, -1.0, {"customers": 90, "prospects": 1, "market": 1000, "note": None}),
)  # fmt: skip


def _profile(name: str, kind: str, of: Any, sign: float, size: dict[str, Any]) -> ICPProfile:
    own = evidence("nrr", sign, by_year=_YEARS, same_sign=2, folds=2)
    price = {
        "yearly_revenue_lost_per_account": 3000.0, "low": 1000.0, "high": 5000.0, "won_last_year": 7,
        "currency": "EUR", "cac_last_year": 42000.0,
        "disqualify": {"prospects": 1, "open_deals": 2, "open_amount": 9000.0},
    }  # fmt: skip
    saturation = Saturation(
        0.6, 8, 9, "2023-01-01", 12, 30, None, None, "steady", "60% of it is won; the newest do as well."
    )
    good = kind != "negative"
    return ICPProfile(
        name, kind, of, own, statement(kind, of, own, 12), size, FIGURES,
        price=None if good else price,
        because="most of its accounts were won before last year" if good else "",
        pooled=POOLED,
        shares=Shares(28, 30, 120, 5, 40, 20, 500),
        rank=Rank(1, 30, 20, 50, 0.3, 9, 30, 1.02, 8200.0, "revenue", 1.0) if good else None,
        saturation=saturation if kind == "established" else None,
    )  # fmt: skip


_YEARS = tuple(
    {"year": year, "inside": 0.06, "outside": 0.12, "accounts_inside": 50, "accounts_outside": 150}
    for year in (2022, 2023)
)
_BEST = BestCustomers(
    120, (BestCustomer("acme", 0.9, 1.0, 0.9, None, 0.8),), ("retention", "expansion", "adoption"),
    {"margin": "no gross margin by account is known"}, 20, 18, 9,
    (Difference(WAREHOUSE_TRUE := IDEAL.conditions[2], 14, 20, 5, 18, 0.7, 0.28, 0.12, 0.72, 0.02),),
    (WAREHOUSE_TRUE,), "measured", "Those that grew used a cloud data warehouse more often than those that left.",
)  # fmt: skip
_FRONT = Front(
    ("retention", "expansion"),
    (
        Choice("established-1", "established", IDEAL.words, {"retention": 0.95, "expansion": 0.1}, ()),
        Choice("emerging-1", "emerging", NEXT.words, {"retention": 0.9, "expansion": 0.08}, (Dominance("established-1", ()),)),
    ),
    (), {"margin": "margin_alike"}, "Compared over retention and expansion.",
)  # fmt: skip


def _quarter(name: str, new: int, nrr: float | None) -> Quarter:
    nothing = dict.fromkeys(
        ("win_rate", "win_rate_interval", "sales_cycle_days", "deal_size", "cac", "nrr_later_interval", "churn_later",
         "churn_later_interval")
    )  # fmt: skip
    return Quarter(
        quarter=name, new_customers=new, bookings=500.0 * new, deals_decided=0, deals_won=0, customers_with_cac=0,
        accounts_later=new, nrr_later=nrr, reasons={}, **nothing,  # type: ignore[arg-type]
    )  # fmt: skip


_QUARTERS = Quarters(
    {
        name: (_quarter("2023-Q1", 8, 1.04), _quarter("2023-Q2", 2, None))
        for name in ("established-1", "outside", "everyone")
    },
    12,
)
_INSIDE, _OUTSIDE = Part(30, 15000.0, 28, 1.04, (0.98, 1.1)), Part(60, 22000.0, 50, 0.88, None)
_BOOKINGS = BookingsBy(
    Bookings("all", _INSIDE, _OUTSIDE, 0.59, (0.5, 0.68), 0.41, 9000.0),
    {"team": (Bookings("North | <b>", _INSIDE, _OUTSIDE, 0.59, None, None, 4000.0),)},
)
_FUNNEL = Funnel(
    tam=Level("TAM", 1000, 120, 500, 300, 80, 1.0, 52000),
    icp=Level("ICP", 50, 30, 20, 0, 0, 0.05, 2600, None),
    segments=(Level("established-1", 50, 30, 20, 0, 0, 0.05, 2600),),
    target_list=Level("target list", 6, 0, 6, 0, 0, 0.006, 312),
    targets={"established-1": 6},
    signals=("News: funding, last 91 days",),
    market_size=52000,
    market_source="a made-up register",
    reasons={},
    notes=("The market is 52,000 companies: a made-up register",),
)
