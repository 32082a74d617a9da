"""Made-up ICP searches whose figures are known, with names that try to be markup, formulas and SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.features import Feature, Scope
from leap.icp import Attribute, Condition, Evidence, ICPProfile, ICPSearch, Measured, Rule
from leap.revenue.definitions import definition_hash
from tests.worlds import a_feature

SCRIPT = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("http://evil.example")'
NOTE = "Fees are assumed."

INDUSTRY = a_feature("industry", "category", Scope.FIT, label="=Industry")
EMPLOYEES = a_feature("employees", "number", Scope.FIT, label="Employees", unit="people", party="third")
CLOUD = a_feature("cloud", "boolean", Scope.FIT, label="Uses <b>cloud</b> | *software*")


def evidence(metric: str = "nrr", sign: float = 1.0, **more: Any) -> Evidence:
    """NRR 15 points better (sign 1) or worse (-1) with the interval 5 to 25, churn 6 points the other way."""
    nrr = Measured(0.9 + 0.15 * sign, 0.9, *sorted((0.05 * sign, 0.25 * sign)))
    churn = Measured(0.12 - 0.06 * sign, 0.12, *sorted((-0.1 * sign, -0.02 * sign)))
    expansion = Measured(0.05, 0.04, -0.01, 0.03)
    fields: dict[str, Any] = {
        "accounts": 400,
        "matched": 100,
        "figures": {"nrr": nrr, "churn": churn, "expansion_rate": expansion},
        "metric": metric,
        "found_on": {"accounts": 200, "rows": 300, "from": "2019-01-01", "to": "2021-01-01"},
        "measured_on": {"accounts": 400, "rows": 700, "from": "2022-01-01", "to": "2024-01-01"},
        "tried": 19,
        "q_value": 0.0004,
    }
    return Evidence(**{**fields, **more})


def rule(*conditions: tuple[Feature, str, Any]) -> Rule:
    """Conditions that all hold."""
    return Rule(tuple(Condition(feature, op, value) for feature, op, value in conditions))  # type: ignore[arg-type]


GOOD = rule((EMPLOYEES, "between", (50.0, 200.0)), (CLOUD, "==", 1.0))
BAD = rule((INDUSTRY, "==", SCRIPT))
NOTHING = rule((EMPLOYEES, ">=", 1000.0))
KPIS = {
    "window": {"from": "2024-01-01", "months": 12},
    "inside": {
        "accounts": 60,
        "nrr": 1.04,
        "grr": 0.9,
        "logo_churn": 0.05,
        "expansion_rate": 0.14,
        "cac": 12345.0,
        "win_rate": None,
    },
    "outside": {
        "accounts": 90,
        "nrr": 0.88,
        "grr": 0.8,
        "logo_churn": 0.15,
        "expansion_rate": 0.08,
        "cac": None,
        "win_rate": None,
    },
}


def search() -> ICPSearch:
    """A profile, a negative one with its price, and an attribute that did not hold."""
    good = ICPProfile(
        "established-1",
        "established",
        GOOD,
        evidence(),
        f"Prefer companies with {GOOD.words}.",
        {"customers": 30, "prospects": 20, "market": 1000, "note": "may be too narrow"},
        KPIS,
    )
    bad = ICPProfile(
        "negative-1",
        "negative",
        BAD,
        evidence(sign=-1.0),
        FORMULA,
        {"customers": 9, "prospects": 1, "market": 40, "note": None},
        KPIS,
        {"yearly_revenue_lost_per_account": 3000.0, "won_last_year": 7, "currency": "EUR"},
    )
    unclear = evidence(q_value=0.4, figures={"nrr": Measured(0.9, 0.88, -0.1, 0.14)})
    attributes = (
        Attribute(NOTHING, unclear, 3, 0.05),
        Attribute(GOOD, good.evidence, 1, 0.4),
        Attribute(BAD, bad.evidence, 2, 0.2),
    )
    return ICPSearch((good, bad), attributes, None)


def bundle_with(bundle: ModelBundle, found: ICPSearch, name: str = f"Acme {SCRIPT}") -> ModelBundle:
    """A bundle of a company with an awkward name that found this."""
    settings = bundle.settings.model_dump(exclude_defaults=True)
    company = {**settings.get("company", {}), "name": name, "money_note": NOTE, "currency": "EUR"}
    stated = parse_settings({**settings, "company": company})
    trained = {**bundle.trained, "definition_hash": definition_hash(stated)}
    return replace(bundle, settings=stated, trained=trained, icp=found)
