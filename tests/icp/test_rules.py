"""A rule is data about what is true of a company before it buys; a missing value meets nothing."""

import numpy as np
import pytest

from leap.errors import CatalogError
from leap.features import Scope
from leap.icp import Condition, Evidence, Measured, Rule
from tests.worlds import a_feature

EMPLOYEES = a_feature("employees", scope=Scope.FIT, unit="people")
INDUSTRY = a_feature("industry", "category", Scope.FIT)
PUBLIC = a_feature("is_public", "boolean", Scope.FIT)
COLUMNS = {
    "employees": np.array([10.0, 50.0, 200.0, np.nan]),
    "industry": np.array(["retail", "media", None, "retail"], dtype=object),
    "is_public": np.array([1.0, 0.0, np.nan, 1.0]),
}


@pytest.mark.parametrize("kind", ["number", "category", "boolean"])
def test_a_condition_on_what_exists_only_for_customers_cannot_be_built(kind: str):
    health = a_feature("usage", kind, Scope.HEALTH)
    with pytest.raises(CatalogError, match="fit feature"):
        Condition(health, "==", "x" if kind == "category" else 1.0)


def test_a_stored_condition_on_a_health_feature_is_refused_when_it_is_read():
    document = Condition(a_feature("usage", scope=Scope.FIT), ">=", 3.0).to_json()
    with pytest.raises(CatalogError, match="fit feature"):
        Condition.from_json(document, a_feature("usage", scope=Scope.HEALTH))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(EMPLOYEES, ">=", 50.0), [False, True, True, False]),
        (Condition(EMPLOYEES, "<", 50.0), [True, False, False, False]),
        (Condition(EMPLOYEES, "between", (50.0, 200.0)), [False, True, False, False]),
        (Condition(INDUSTRY, "==", "retail"), [True, False, False, True]),
        (Condition(INDUSTRY, "!=", "retail"), [False, True, True, False]),
        (Condition(EMPLOYEES, ">", 50.0), [False, False, True, False]),
        (Condition(EMPLOYEES, "<=", 50.0), [True, True, False, False]),
        (Condition(INDUSTRY, "in", ("media", "games")), [False, True, False, False]),
        (Condition(INDUSTRY, "not in", ("media", "games")), [True, False, True, True]),
        (Condition(PUBLIC, "==", 1.0), [True, False, False, True]),
        (Condition(PUBLIC, "==", 0.0), [False, True, False, False]),
    ],
)
def test_who_meets_a_condition(condition: Condition, expected: list[bool]):
    assert condition.matches(COLUMNS).tolist() == expected


def test_all_conditions_of_a_rule_must_hold():
    rule = Rule((Condition(EMPLOYEES, "<", 100.0), Condition(INDUSTRY, "==", "media")))
    assert rule.matches(COLUMNS).tolist() == [False, True, False, False]
    assert rule.features == {"employees", "industry"}
    assert " and " in rule.words


@pytest.mark.parametrize(
    "condition",
    [
        Condition(EMPLOYEES, "between", (50.0, 200.0)),
        Condition(EMPLOYEES, "<", 3.5),
        Condition(INDUSTRY, "==", "retail"),
        Condition(PUBLIC, "==", 0.0),
        Condition(EMPLOYEES, "<=", 3.5),
        Condition(INDUSTRY, "not in", ("media", "retail")),
    ],
)
def test_a_condition_survives_being_stored(condition: Condition):
    again = Condition.from_json(condition.to_json(), condition.feature)
    assert again == condition
    assert again.matches(COLUMNS).tolist() == condition.matches(COLUMNS).tolist()


def test_a_rule_has_at_most_three_conditions():
    four = tuple(Condition(EMPLOYEES, ">=", float(n)) for n in range(4))
    for conditions in ((), four):
        with pytest.raises(CatalogError, match="one to 3 conditions"):
            Rule(conditions)


def test_categories_are_not_asked_of_numbers():
    with pytest.raises(CatalogError, match="is of categories"):
        Condition(EMPLOYEES, "in", ("1",)).matches(COLUMNS)


def test_lift_is_a_difference_in_fractions_and_the_ratio_stands_beside_it():
    figure = Measured(inside=1.08, outside=0.96, low=0.02, high=0.22)
    assert figure.lift == pytest.approx(0.12)
    assert figure.ratio == pytest.approx(1.125)
    assert Measured(0.1, 0.0, 0.0, 0.2).ratio is None


def test_evidence_survives_being_stored():
    figures = {name: Measured(1.0, 0.9, 0.05, 0.15) for name in ("nrr", "churn", "expansion_rate")}
    evidence = Evidence(200, 50, figures, "nrr", {"accounts": 100}, {"accounts": 200}, tried=40, q_value=0.01)
    assert Evidence.from_json(evidence.to_json()) == evidence
    document = evidence.to_json()
    assert document["support"] == 0.25
    assert document["lift"] == document["inside"] - document["outside"]
