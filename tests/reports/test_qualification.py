"""Rules for leads: the table gives the tier that scores give, asks what decides first, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from leap.config import parse_settings
from leap.features import Layer
from leap.icp import Attribute, Condition, ICPSearch, Measured, match
from leap.icp.evidence import HIGHER_IS_BETTER
from leap.icp.profiles import ICPProfile
from leap.reports.crm_lists import Export
from leap.reports.qualification import _FIGURES, qualification_document, render_qualification
from tests.reports import searches
from tests.reports.test_crm_lists import CATALOG


def export(search: ICPSearch | None = None, **policy: Any) -> Export:
    settings = parse_settings({"company": {"name": f"Acme {searches.SCRIPT}"}, "policy": policy})
    return Export(search or searches.search(), settings, CATALOG, "3", "2024-02-03")


def holds(condition: Mapping[str, Any], answers: Mapping[str, Any]) -> bool | None:
    """One condition of the table, None where the answer is open; written apart from `Condition.matches`."""
    answer, value, op = answers.get(condition["feature"]), condition["value"], condition["op"]
    if answer is None:
        return None
    if op == "between":
        return bool(value[0] <= answer < value[1])
    if op in ("in", "not in"):
        return bool((answer in value) == (op == "in"))
    return bool(
        {"==": answer == value, "!=": answer != value}[op]
        if op in ("==", "!=")
        else {">=": answer >= value, "<": answer < value, ">": answer > value, "<=": answer <= value}[op]
    )


def decided(document: Mapping[str, Any], answers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first row of the table that is true of some answers, as its words say; B only where none is narrow."""
    open_, by_id = False, {row["icp_id"]: row for row in document["rows"] if row["icp_id"]}
    for row in document["rows"]:
        found = [holds(condition, answers) for condition in row["conditions"]]
        if row["when"] == "all conditions":
            if all(known is True for known in found):
                return row
            open_ |= None in found and False not in found
        elif row["when"] == "open" and open_:
            return row
        elif row["when"] == "one condition missed":
            parts = [[holds(c, answers) for c in by_id[name]["conditions"]] for name in row["of"]]
            if any(len(part) > 1 and part.count(True) == len(part) - 1 for part in parts):
                return row
        elif row["when"] == "otherwise":
            return row
    raise AssertionError("no row is true")


def test_the_table_gives_the_tier_that_scores_give() -> None:
    document = json.loads(json.dumps(qualification_document(export())))
    for employees in (10.0, 60.0, 1000.0):
        for cloud in (0.0, 1.0):
            for industry in (searches.SCRIPT, "media"):
                columns = {"employees": [employees], "cloud": [cloud], "industry": [industry]}
                tier = match(searches.search().profiles, columns, 1)[0].tier
                answers = {"employees": employees, "cloud": bool(cloud), "industry": industry}
                assert decided(document, answers)["tier"] == tier, answers


def test_what_is_not_known_is_asked_before_anything_is_decided() -> None:
    document = qualification_document(export())
    row = decided(document, {"employees": 60.0, "industry": "media"})
    assert row["when"] == "open" and row["tier"] is None and row["mql"] and not row["sql"]
    assert decided(document, {"employees": 10.0, "cloud": False, "industry": "media"})["tier"] == "C"
    assert all(c["if_unknown"] == "not met" for r in document["rows"] for c in r["conditions"])


def test_a_condition_that_says_not_is_met_by_what_is_not_known() -> None:
    profile = replace(searches.search().profiles[0], rule=searches.rule((searches.INDUSTRY, "not in", ("a", "b"))))
    document = qualification_document(export(ICPSearch((profile,), (), None)))
    assert document["rows"][0]["conditions"][0]["if_unknown"] == "met"


@pytest.mark.parametrize(("mode", "mql"), [("prioritise", True), ("exclude", False)])
def test_a_bad_fit_comes_last_and_is_refused_only_where_the_policy_says_so(mode: str, mql: bool) -> None:
    row = qualification_document(export(mode=mode))["rows"][0]
    assert (row["tier"], row["mql"], row["sql"]) == ("D", mql, False)
    assert ("after all others" in row["route"]) == mql
    assert ("turns nobody away" in render_qualification(export(mode=mode))) == mql


def test_what_decides_more_is_asked_first_and_only_once() -> None:
    strong = searches.evidence(figures={"nrr": Measured(1.2, 0.8, 0.3, 0.5), "churn": Measured(0.1, 0.2, -0.2, -0.05)})
    first = ICPProfile("established-1", "established", searches.GOOD, searches.evidence(), "")
    second = ICPProfile("established-2", "established", searches.rule((searches.EMPLOYEES, ">=", 500.0)), strong, "")
    asked = qualification_document(export(ICPSearch((first, second), (), None)))["questions"]
    assert [one["feature"] for one in asked] == ["employees", "cloud"]
    assert asked[0]["ask"] == "Employees: how much (people)?"
    assert "50 people and 200 people and 500 people" in asked[0]["answers"]
    assert asked[1]["ask"].endswith("yes or no?")


def test_what_is_so_of_a_market_is_looked_up_and_not_asked() -> None:
    demand = replace(searches.EMPLOYEES, name="demand", label="Demand", layer=Layer.ENVIRONMENTAL)
    rule = searches.rule((demand, ">=", 100.0))
    profile = ICPProfile("established-1", "established", rule, searches.evidence(), "")
    found = ICPSearch((profile,), (Attribute(rule, searches.evidence(), 1, 0.4),), None)
    document = qualification_document(export(found))
    assert document["questions"][0]["ask"] == "Look up, do not ask: Demand (people)." and document["discovery"] == []


@pytest.mark.parametrize("metric", ["nrr", "churn", "contraction_rate", "expansion_rate"])
def test_every_figure_that_may_decide_has_words(metric: str) -> None:
    assert metric in _FIGURES and set(HIGHER_IS_BETTER) == set(_FIGURES)


def test_an_emerging_profile_is_a_test() -> None:
    profile = replace(searches.search().profiles[0], kind="emerging", id="emerging-1")
    row = qualification_document(export(ICPSearch((profile,), (), None)))["rows"][0]
    assert row["tier"] == "A" and "as a test" in row["route"]


def test_the_discovery_call_asks_about_what_decides_much_and_not_the_rest() -> None:
    search = searches.search()
    document = qualification_document(export(search))
    grades = [a.grade for a in search.attributes]
    assert len(document["discovery"]) == sum(grade in ("must", "strong") for grade in grades) > 0
    twice = replace(search, attributes=(*search.attributes, *search.attributes))
    assert qualification_document(export(twice))["discovery"] == document["discovery"]
    weak = Attribute(searches.NOTHING, searches.evidence(q_value=0.4), 1, 0.1)
    assert qualification_document(export(replace(search, attributes=(weak,))))["discovery"] == []


def test_the_page_is_for_people_and_holds_no_markup_of_others() -> None:
    page = render_qualification(export())
    for said in ("## Ask, in this order", "## Decide: the first row that is true", "MQL", "## On the discovery call"):
        assert said in page
    assert "<script>" not in page and "<b>" not in page
    assert page.index("| 1 | =Industry: ") < page.index("| 2 | Employees: ")


def test_without_a_profile_leads_are_qualified_as_before() -> None:
    page = render_qualification(replace(export(ICPSearch((), (), "Nothing held.")), catalog=None))
    assert "No rule: Nothing held. Qualify leads as before." in page and "| 1 |" not in page


def test_numbers_have_bounds_with_their_unit() -> None:
    rule = searches.rule((searches.EMPLOYEES, "<", 1.0))
    profile = ICPProfile("negative-1", "negative", rule, searches.evidence(sign=-1.0), "")
    asked = qualification_document(export(ICPSearch((profile,), (), None)))["questions"]
    assert asked[0]["matters"] == [Condition(searches.EMPLOYEES, "<", 1.0).words]
