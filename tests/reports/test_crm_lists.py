"""Lists for CRMs hold exactly the accounts that the rule matches, by what the CRMs document of their filters."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.errors import CatalogError, SettingsError
from leap.features import FeatureCatalog, Scope
from leap.icp import Condition, ICPProfile, ICPSearch, Rule, match
from leap.reports import hubspot, salesforce
from leap.reports.crm_fields import Field, fields_of, hubspot_name, salesforce_name
from leap.reports.crm_lists import (
    Export,
    hubspot_document,
    render_hubspot,
    render_salesforce,
    salesforce_document,
    salesforce_type,
)
from tests.reports import searches
from tests.reports.crm_semantics import hubspot_selects, list_view_selects, soql_selects
from tests.worlds import a_feature

LEVELS = ["Retail", "it's", "it\\'s", 'say "hi"', "a, b", "' OR Id != null --", "%_", "Ünï\u202e", "x\\", "null"]
"""Distinct without regard to case, since both CRMs ignore it."""
NUMBER = a_feature('size "of" it', "number", Scope.FIT)
FLAG = a_feature("select", "boolean", Scope.FIT)
LEVEL = a_feature("industry'; --", "category", Scope.FIT)
CATALOG = FeatureCatalog((NUMBER, FLAG, LEVEL, *(searches.EMPLOYEES, searches.CLOUD, searches.INDUSTRY)))

numbers = st.sampled_from([0.0, -0.5, 0.1, 1 / 3, 1e-7, 1e15, -5.0, 7.0, 50.0])
conditions = st.one_of(
    st.builds(lambda op, v: Condition(NUMBER, op, v), st.sampled_from(["==", "!=", ">=", ">", "<=", "<"]), numbers),
    st.builds(lambda a, b: Condition(NUMBER, "between", (min(a, b), max(a, b))), numbers, numbers),
    st.builds(
        lambda op, v: Condition(FLAG, op, v),
        st.sampled_from(["==", "!=", ">=", "<", ">", "<="]),
        st.sampled_from([0.0, 1.0, 0.5]),
    ),
    st.builds(lambda op, v: Condition(LEVEL, op, v), st.sampled_from(["==", "!="]), st.sampled_from(LEVELS)),
    st.builds(
        lambda op, v: Condition(LEVEL, op, tuple(v)),
        st.sampled_from(["in", "not in"]),
        st.lists(st.sampled_from(LEVELS), min_size=1, max_size=3),
    ),
)
rules = st.lists(conditions, min_size=1, max_size=3).map(lambda found: Rule(tuple(found)))
rows = st.lists(
    st.tuples(
        st.one_of(numbers, st.just(np.nan)),
        st.sampled_from([0.0, 1.0, np.nan]),
        st.sampled_from([*LEVELS, "other", None]),
    ),
    min_size=1,
    max_size=10,
)


def framed(table: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(table, columns=[NUMBER.name, FLAG.name, LEVEL.name])
    return frame.astype({NUMBER.name: float, FLAG.name: float, LEVEL.name: object})


def names(crm: str, rule: Rule) -> dict[str, Field]:
    return {field.feature.name: field for field in fields_of([rule], crm, {}, CATALOG)}


def records(frame: pd.DataFrame, crm: str, flags: tuple[Any, Any]) -> list[dict[str, Any]]:
    """The rows as records of a CRM, with nothing where nothing is known."""
    name = salesforce_name if crm == "salesforce" else hubspot_name
    found = []
    for number, flag, level in frame.itertuples(index=False):
        found.append(
            {
                name(NUMBER.name): None if np.isnan(number) else number,
                name(FLAG.name): None if np.isnan(flag) else flags[int(flag)],
                name(LEVEL.name): None if pd.isna(level) else level,
            }
        )
    return found


def matched(frame: pd.DataFrame, rule: Rule) -> list[bool]:
    return [bool(found) for found in rule.matches(frame)]  # type: ignore[arg-type]


EVERY = [
    *(Condition(NUMBER, op, v) for op in ("==", "!=", ">=", ">", "<=", "<") for v in (0.0, 7.0, 1 / 3)),  # type: ignore[arg-type]
    Condition(NUMBER, "between", (-0.5, 7.0)),
    *(Condition(FLAG, op, v) for op in ("==", "!=", ">=", ">", "<=", "<") for v in (0.0, 1.0)),  # type: ignore[arg-type]
    *(Condition(LEVEL, op, level) for op in ("==", "!=") for level in LEVELS),  # type: ignore[arg-type]
    *(Condition(LEVEL, op, (a, "a, b")) for op in ("in", "not in") for a in LEVELS[:5]),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("null_low", [False, True])
def test_every_operator_means_the_same_of_every_value_and_of_none(null_low: bool) -> None:
    table = [(n, 1.0, "other") for n in (0.0, -0.5, 1 / 3, 6.9, 7.0, np.nan)]
    table += [(1.0, flag, "other") for flag in (0.0, np.nan)] + [(1.0, 1.0, level) for level in (*LEVELS, None)]
    frame = framed(table)
    in_salesforce, in_hubspot = records(frame, "salesforce", ("No", "Yes")), records(frame, "hubspot", (False, True))
    for condition in EVERY:
        rule = Rule((condition,))
        expected, fields = matched(frame, rule), names("salesforce", rule)
        query, (view, logic) = salesforce.soql(rule, fields), salesforce.list_view(rule, fields)
        assert [soql_selects(query, r, null_low=null_low) for r in in_salesforce] == expected, query
        typed = [row.to_json() for row in view]
        assert [list_view_selects(typed, logic, r, null_low=null_low) for r in in_salesforce] == expected, typed
        branch = hubspot.filter_branch(rule, names("hubspot", rule))
        assert [hubspot_selects(branch, r) for r in in_hubspot] == expected, branch


@given(rows, rules, st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_soql_selects_exactly_what_the_rule_matches(table: list[Any], rule: Rule, null_low: bool) -> None:
    frame = framed(table)
    query = salesforce.soql(rule, names("salesforce", rule))
    found = [soql_selects(query, r, null_low=null_low) for r in records(frame, "salesforce", ("No", "Yes"))]
    assert found == matched(frame, rule), query


@given(rows, rules, st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_list_view_shows_exactly_what_the_rule_matches(table: list[Any], rule: Rule, null_low: bool) -> None:
    frame, fields = framed(table), names("salesforce", rule)
    filter_rows, logic = salesforce.list_view(rule, fields)
    typed = [row.to_json() for row in filter_rows]
    if any("quote" in problem for problem in salesforce.problems(rule, fields)):
        return
    found = [list_view_selects(typed, logic, r, null_low=null_low) for r in records(frame, "salesforce", ("No", "Yes"))]
    assert found == matched(frame, rule), (typed, logic)


@given(rows, rules)
@settings(max_examples=60, deadline=None)
def test_the_hubspot_list_has_exactly_what_the_rule_matches(table: list[Any], rule: Rule) -> None:
    frame = framed(table)
    branch = json.loads(json.dumps(hubspot.filter_branch(rule, names("hubspot", rule))))
    found = [hubspot_selects(branch, r) for r in records(frame, "hubspot", (False, True))]
    assert found == matched(frame, rule), branch


@given(rows, st.lists(rules, max_size=2), st.lists(rules, max_size=2), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_tier_queries_part_accounts_as_scores_do(
    table: list[Any], good: list[Rule], bad: list[Rule], null_low: bool
) -> None:
    frame = framed(table)
    profiles = [ICPProfile(f"g{i}", "established", rule, searches.evidence(), "") for i, rule in enumerate(good)]
    profiles += [ICPProfile(f"b{i}", "negative", rule, searches.evidence(), "") for i, rule in enumerate(bad)]
    fields = {f.feature.name: f for f in fields_of([*good, *bad], "salesforce", {}, CATALOG)}
    queries = salesforce.tier_queries(good, bad, fields)
    tiers = [one.tier for one in match(profiles, frame, len(frame))]  # type: ignore[arg-type]
    for tier, query in queries.items():
        found = [soql_selects(query, r, null_low=null_low) for r in records(frame, "salesforce", ("No", "Yes"))]
        assert found == [one == tier for one in tiers], query
    assert set(queries) == ({"A"} if good else set()) | ({"D"} if bad else set())


def test_a_rule_reads_as_an_administrator_would_write_it() -> None:
    fields = {
        f.feature.name: f for f in fields_of([searches.GOOD], "salesforce", {"employees": "NumberOfEmployees"}, CATALOG)
    }
    assert salesforce.soql(searches.GOOD, fields) == (
        "SELECT Id FROM Account\n"
        "WHERE NumberOfEmployees != null\n  AND NumberOfEmployees >= 50\n  AND NumberOfEmployees < 200\n"
        "  AND Leap_Cloud__c = 'Yes'"
    )
    found, logic = salesforce.list_view(searches.GOOD, fields)
    assert [(row.field, row.operator, row.typed) for row in found] == [
        ("NumberOfEmployees", "not equal to", ""),
        ("NumberOfEmployees", "greater or equal", "50"),
        ("NumberOfEmployees", "less than", "200"),
        ("Leap_Cloud__c", "equals", "Yes"),
    ]
    assert logic == "1 AND 2 AND 3 AND 4"
    either = searches.rule((searches.INDUSTRY, "not in", ("a", "b")))
    assert salesforce.list_view(either, names("salesforce", either))[1] == "(1 OR 2)"


@given(
    st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=6, unique=True),
    st.sampled_from(["salesforce", "hubspot"]),
)
@settings(max_examples=80, deadline=None)
def test_every_feature_gets_a_legal_name_of_its_own(given_names: list[str], crm: str) -> None:
    features = [a_feature(name, "number", Scope.FIT) for name in given_names]
    asked = [Rule((Condition(feature, ">=", 1.0),)) for feature in features]
    mapped = {given_names[0]: "Leap_A__c" if crm == "salesforce" else "leap_a"}
    found = [field.name for field in fields_of(asked, crm, mapped, FeatureCatalog(tuple(features)))]
    assert len({name.casefold() for name in found}) == len(given_names)
    for name in found:
        if crm == "salesforce":
            assert re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*__c", name) and len(name) <= 40, name
        else:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= 50, name


def test_names_that_are_alike_are_told_apart_whatever_the_case() -> None:
    features = [a_feature(name, "number", Scope.FIT) for name in ("a b", "A_b", "a-B")]
    asked = [Rule((Condition(feature, ">=", 1.0),)) for feature in features]
    found = [field.name for field in fields_of(asked, "salesforce", {}, FeatureCatalog(tuple(features)))]
    assert found[0] == "Leap_A_B__c" and len({name.casefold() for name in found}) == 3


def test_a_mapped_feature_that_is_unknown_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        SettingsError, match="crm.fields.salesforce: unknown feature 'employes'; did you mean 'employees'"
    ):
        fields_of([searches.GOOD], "salesforce", {"employes": "NumberOfEmployees"}, CATALOG)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"salesforce": {"a": "F__c = 'x' OR Id"}}, "expected an API name"),
        ({"hubspot": {"a": "Employees"}}, "expected an internal name"),
        ({"hubspot": {"a": "size", "b": "size"}}, "both called 'size'"),
        ({"salesfroce": {}}, "did you mean 'salesforce'"),
    ],
)
def test_a_field_that_no_crm_can_have_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_settings({"crm": {"fields": fields}})


def test_what_salesforce_would_not_take_is_said() -> None:
    long = searches.rule((searches.INDUSTRY, "in", tuple(f"industry number {i}" for i in range(300))))
    assert "more than 4,000" in " ".join(salesforce.problems(long, names("salesforce", long)))
    odd = searches.rule((searches.INDUSTRY, "in", (" x", "y" * 256, 'a "b", c', "two\nlines")))
    said = " ".join(salesforce.problems(odd, names("salesforce", odd)))
    assert all(word in said for word in ("space", "255", "quote", "line break"))
    assert salesforce.problems(searches.GOOD, names("salesforce", searches.GOOD)) == []
    with pytest.raises(CatalogError, match="empty text"):
        salesforce.soql(Rule((Condition(LEVEL, "==", ""),)), names("salesforce", Rule((Condition(LEVEL, "==", ""),))))


def export(**crm: dict[str, str]) -> Export:
    """Everything awkward at once, with fields that are mapped."""
    found = parse_settings({"company": {"name": f"Acme {searches.SCRIPT}"}, "crm": {"fields": crm}})
    return Export(searches.search(), found, CATALOG, "7", "2024-02-03")


def test_the_document_names_what_to_create_and_what_is_there() -> None:
    found = salesforce_document(export(salesforce={"employees": "NumberOfEmployees"}))
    assert [(f["name"], f["exists"], f["type"]) for f in found["fields"]] == [
        ("NumberOfEmployees", True, "as it is"),
        ("Leap_Cloud__c", False, "Picklist: Yes, No"),
        ("Leap_Industry__c", False, "Text(255)"),
    ]
    assert [one["tier"] for one in found["lists"]] == ["A", "D"] and set(found["tiers"]) == {"A", "D"}
    of_hubspot = hubspot_document(export(hubspot={"industry": "industry"}))
    assert [one["name"] for one in of_hubspot["create_properties"]] == ["leap_employees", "leap_cloud"]
    body = of_hubspot["lists"][1]["request"]
    assert (body["objectTypeId"], body["processingType"]) == ("0-2", "DYNAMIC")
    operation = body["filterBranch"]["filterBranches"][0]["filters"][0]["operation"]
    assert (operation["operationType"], operation["operator"]) == ("ENUMERATION", "IS_ANY_OF")
    assert len({one["request"]["name"] for one in of_hubspot["lists"]}) == 2
    assert "HubSpot's own options" in of_hubspot["lists"][1]["warnings"][0] and not of_hubspot["lists"][0]["warnings"]
    of_boolean = salesforce_document(export(salesforce={"cloud": "Uses_Cloud__c"}))
    assert "Uses_Cloud__c is there already: it must hold Yes or No" in of_boolean["lists"][0]["warnings"][0]


def test_a_number_field_keeps_more_decimals_than_its_bounds_have() -> None:
    for bound, expected in ((50.0, "Number(16, 2)"), (-0.02, "Number(12, 6)"), (1e-7, "Number(7, 11)")):
        (field,) = fields_of([Rule((Condition(NUMBER, ">=", bound),))], "salesforce", {}, CATALOG)
        assert salesforce_type(field) == expected


def test_pages_for_crms_hold_no_markup_of_others() -> None:
    made = export()
    for page in (render_salesforce(salesforce_document(made)), render_hubspot(hubspot_document(made))):
        outside = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", page)
        assert "<script>" not in outside and "<b>" not in outside and "&lt;script&gt;" in outside
        assert "version 7, data until 2024" in outside


def test_a_level_of_backticks_does_not_end_the_block_of_code() -> None:
    evil = searches.rule((searches.INDUSTRY, "==", "```\n# Not a heading"))
    profile = replace(searches.search().profiles[0], rule=evil)
    page = render_salesforce(salesforce_document(replace(export(), search=ICPSearch((profile,), (), None))))
    assert "````" in page and "\n# Not a heading" not in page


def test_without_a_profile_the_reason_stands_in_place_of_lists() -> None:
    empty = replace(export(), search=ICPSearch((), (), "Nothing *held*."), catalog=None)
    for page in (render_salesforce(salesforce_document(empty)), render_hubspot(hubspot_document(empty))):
        assert r"No profile: Nothing \*held\*." in page and "SELECT" not in page
