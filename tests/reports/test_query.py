"""Rules as SQL select exactly the rows that the rule matches, run in DuckDB."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap.bundle.model_bundle import ModelBundle
from leap.errors import CatalogError
from leap.features import Feature, Scope
from leap.icp import Condition, ICPProfile, ICPSearch, Rule, TierPolicy, match
from leap.reports import icp, query
from tests.reports.searches import evidence
from tests.worlds import TrainedWorld, a_feature

LEVELS = ["Retail", "it's", 'say "hi"', "a\\'b", "x'; DROP TABLE features; --", "%_", "", "Ünï", "-- no"]
NUMBER = a_feature('size "of" it', "number", Scope.FIT)
FLAG = a_feature("select", "boolean", Scope.FIT)
LEVEL = a_feature("industry; --", "category", Scope.FIT)


def _column(name: str, is_number: bool, nan: bool) -> str:
    if not is_number:
        return f"{name}::VARCHAR AS {name}"
    return f"coalesce({name}, 'NaN'::DOUBLE) AS {name}" if nan else f"{name}::DOUBLE AS {name}"


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for all examples: opening one takes longer than asking it."""
    return duckdb.connect()


def answered(frame: pd.DataFrame, sql: str, *, nan: bool = False) -> list[tuple[Any, ...]]:
    """Sorted rows of a query over `features`; missing numbers are NULL, or NaN as other tools write them."""
    connection = _database()
    connection.register("given", frame.assign(account_id=np.arange(len(frame))))
    # Typed as in a file: DuckDB would take a column without a value for numbers.
    columns = ", ".join(_column(query.identifier(name), frame[name].dtype == float, nan) for name in frame.columns)
    connection.execute(f"CREATE OR REPLACE TABLE features AS SELECT account_id, {columns} FROM given")  # noqa: S608
    return sorted(connection.execute(sql).fetchall())


def selected(frame: pd.DataFrame, rule: Rule, *, nan: bool = False) -> list[int]:
    """Row numbers that the WHERE selects."""
    return [row[0] for row in answered(frame, query.select(rule, "features"), nan=nan)]


def matched(frame: pd.DataFrame, rule: Rule) -> list[int]:
    return np.flatnonzero(rule.matches(frame)).tolist()  # type: ignore[arg-type]


numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 0.1 + 1e-17, 1 / 3, 1e-7, -5.5, 1e15]), st.floats(-100, 100), st.just(np.nan)
)
known_numbers = numbers.filter(np.isfinite)
conditions = st.one_of(
    st.builds(
        lambda op, v: Condition(NUMBER, op, v), st.sampled_from(["==", "!=", ">=", ">", "<=", "<"]), known_numbers
    ),
    st.builds(
        lambda a, b: Condition(NUMBER, "between", (min(a, b), max(a, b))),
        st.floats(-50, 50),
        st.sampled_from([0.0, 0.1, 7.5]),
    ),
    st.builds(lambda op, v: Condition(FLAG, op, v), st.sampled_from(["==", "!="]), st.sampled_from([0.0, 1.0, True])),
    st.builds(lambda op, v: Condition(LEVEL, op, v), st.sampled_from(["==", "!="]), st.sampled_from(LEVELS)),
    st.builds(
        lambda op, v: Condition(LEVEL, op, tuple(v)),
        st.sampled_from(["in", "not in"]),
        st.lists(st.sampled_from(LEVELS), min_size=1, max_size=3),
    ),
)
rows = st.tuples(numbers, st.sampled_from([0.0, 1.0, np.nan]), st.sampled_from([*LEVELS, None]))


@given(
    st.lists(rows, min_size=1, max_size=12),
    st.lists(conditions, min_size=1, max_size=3).map(lambda found: Rule(tuple(found))),
    st.booleans(),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_query_selects_exactly_what_the_rule_matches(table: list[Any], rule: Rule, nan: bool) -> None:
    frame = pd.DataFrame(table, columns=[NUMBER.name, FLAG.name, LEVEL.name])
    frame = frame.astype({NUMBER.name: float, FLAG.name: float, LEVEL.name: object})
    assert selected(frame, rule, nan=nan) == matched(frame, rule)


def as_matched(frame: pd.DataFrame, profiles: list[ICPProfile], policy: TierPolicy) -> list[tuple[Any, ...]]:
    """(row, icp_id, the first negative profile, icp_tier) of every row, by the code that scores accounts."""
    first_bad: dict[int, str] = {}
    for profile in reversed([p for p in profiles if p.kind == "negative"]):
        first_bad |= dict.fromkeys(matched(frame, profile.rule), profile.id)
    found = match(profiles, frame, len(frame), policy)  # type: ignore[arg-type]
    return [(i, one.icp_id, first_bad.get(i), one.tier) for i, one in enumerate(found)]


@given(
    st.lists(rows, min_size=1, max_size=12),
    st.lists(
        st.tuples(
            st.sampled_from(["established", "emerging", "negative"]),
            st.lists(conditions, min_size=1, max_size=3).map(lambda found: Rule(tuple(found))),
        ),
        max_size=5,
    ),
    st.booleans(),
    st.sampled_from([0.0, 0.1, 0.5]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_query_gives_every_account_the_tier_that_scores_give(
    table: list[Any], kinds: list[tuple[str, Rule]], nan: bool, band: float
) -> None:
    frame = pd.DataFrame(table, columns=[NUMBER.name, FLAG.name, LEVEL.name])
    frame = frame.astype({NUMBER.name: float, FLAG.name: float, LEVEL.name: object})
    profiles = [ICPProfile(f"{kind}-{i}'", kind, rule, evidence(), "x") for i, (kind, rule) in enumerate(kinds)]
    found = answered(frame, query.tiers(profiles, "features", band), nan=nan)
    assert found == as_matched(frame, profiles, TierPolicy(band))


YEAR = a_feature("founded_year", "number", Scope.FIT)


@pytest.mark.parametrize("op", [">=", ">", "<", "<="])
@pytest.mark.parametrize("bound", [100.0, 0.3, -20.0, 0.0, 2015.0])
def test_who_narrowly_misses_a_bound_is_the_same_to_the_last_digit(op: Any, bound: float) -> None:
    feature = YEAR if bound == 2015 else NUMBER
    values = [bound * (1 + share) for share in np.linspace(-0.2, 0.2, 41)] + [bound, 2014.0, 2016.0, np.nan, 0.01]
    frame = pd.DataFrame({feature.name: values})
    between = Condition(feature, "between", (min(bound, 1.0), max(bound, 1.0)))
    for condition in (Condition(feature, op, bound), between):
        profiles = [ICPProfile("established-1", "established", Rule((condition,)), evidence(), "x")]
        assert answered(frame, query.tiers(profiles, "features")) == as_matched(frame, profiles, TierPolicy())


def test_one_of_several_conditions_may_be_missed_by_any_distance() -> None:
    rule = Rule((Condition(NUMBER, ">=", 100.0), Condition(FLAG, "==", 1.0), Condition(LEVEL, "!=", "it's")))
    frame = pd.DataFrame(
        {
            NUMBER.name: [5.0, 5.0, np.nan, 100.0],
            FLAG.name: [1.0, 0.0, 1.0, np.nan],
            LEVEL.name: ["a", "a", None, "it's"],
        }
    )
    profiles = [ICPProfile("established-1", "established", rule, evidence(), "x")]
    found = answered(frame, query.tiers(profiles, "features"))
    assert found == as_matched(frame, profiles, TierPolicy())
    assert [row[3] for row in found] == ["B", "C", "B", "C"]


@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(NUMBER, "==", 2.0), [1]),
        (Condition(NUMBER, "!=", 2.0), [0, 2]),
        (Condition(NUMBER, ">=", 2.0), [1]),
        (Condition(NUMBER, "<", 2.0), [0]),
        (Condition(NUMBER, "between", (1.0, 2.0)), [0]),
        (Condition(LEVEL, "==", "it's"), [0]),
        (Condition(LEVEL, "!=", "it's"), [1, 2]),
        (Condition(LEVEL, "in", ("it's", "they're")), [0]),
        (Condition(LEVEL, "not in", ("it's", "they're")), [1, 2]),
        (Condition(NUMBER, ">", 1.0), [1]),
        (Condition(NUMBER, "<=", 1.0), [0]),
    ],
)
def test_a_missing_value_meets_no_condition_but_different_from(
    condition: Condition, expected: list[int], nan: bool
) -> None:
    frame = pd.DataFrame({NUMBER.name: [1.0, 2.0, np.nan], LEVEL.name: ["it's", "its", None]})
    assert selected(frame, Rule((condition,)), nan=nan) == matched(frame, Rule((condition,))) == expected


def test_the_rules_of_a_trained_company_select_its_accounts(planted: TrainedWorld) -> None:
    frame = planted.fit.features.frame
    rules = [attribute.rule for attribute in planted.bundle.icp.attributes]
    assert rules and len({tuple(matched(frame, rule)) for rule in rules}) > 1
    for rule in rules:
        assert selected(frame, rule) == matched(frame, rule), rule.words


def test_a_report_of_several_profiles_is_one_script_that_runs(demo_bundle: ModelBundle) -> None:
    evil = "Prefer\n; DROP TABLE features; --\r\x0b\u2028\x85 SELECT"
    rule = Rule((Condition(LEVEL, "==", "it's"), Condition(NUMBER, ">=", 1.0)))
    profiles = [ICPProfile(f"established-{i}", "established", rule, evidence(), evil) for i in (1, 2)]
    sql = icp.render_sql(icp.summarise(replace(demo_bundle, icp=ICPSearch(tuple(profiles), (), None))))
    with duckdb.connect() as connection:
        frame = pd.DataFrame({"account_id": ["a", "b"], LEVEL.name: ["it's", "it's"], NUMBER.name: [1.0, np.nan]})
        connection.register("given", frame)
        connection.execute("CREATE TABLE features AS SELECT * FROM given")
        found = [connection.execute(statement).fetchall() for statement in connection.extract_statements(sql)]
        tier = [("a", "established-1", None, "A"), ("b", None, None, "B")]  # b misses a number that is not known
        assert [sorted(rows) for rows in found] == [[("a",)], [("a",)], tier]
        assert connection.execute("SELECT count(*) FROM features").fetchone() == (2,)
    expected = r'--|SELECT|FROM "features";|WHERE|  AND|$|  CASE$|    (WHEN|ELSE) |  END AS|  CAST\(NULL'
    assert all(re.match(expected, line) for line in sql.split("\n"))


def test_a_backslash_is_told_to_those_whose_database_reads_it_as_an_escape() -> None:
    plain, odd = Condition(LEVEL, "==", "retail"), Condition(LEVEL, "in", ("a", "C:\\"))
    assert not any("backslash" in line for line in query.about([Rule((plain,))]))
    assert any("backslash" in line for line in query.about([Rule((plain,)), Rule((odd,))]))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_condition_that_no_number_can_meet_is_refused(value: float) -> None:
    with pytest.raises(CatalogError, match="finite"):
        query.where(Rule((Condition(NUMBER, ">=", value),)))


def test_a_name_that_no_sql_can_hold_is_refused() -> None:
    odd: Feature = replace(LEVEL, name="a\0b")
    with pytest.raises(CatalogError, match="NUL"):
        query.where(Rule((Condition(odd, "==", "x"),)))
