"""What the families declare: names that cannot meet, words that people read, and what is said of columns left out."""

import itertools
import random
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.evaluation.leaks import retrospective
from leap.features import TENURE, Feature, FeatureCatalog, build_features, discover_features
from leap.features.families import undelivered
from leap.features.naming import slug, slugs
from leap.tables import AccountTables, tables_from_records
from tests.features.test_point_in_time import CATALOG
from tests.worlds import Row, company_of, everyone_at, subscription

LEGAL = re.compile(r"[a-z0-9_]+")


def firms(
    columns: Mapping[str, list[Any]], declared: Mapping[str, Mapping[str, Any]] | None = None, **table: Any
) -> AccountTables:
    """One row an account in a table `firms`, whose columns are all declared."""
    settings = {"shape": "attributes", "source": "f.csv", "scope": "fit", **table}
    settings["columns"] = {name: {} for name in columns} | dict(declared or {})
    n = len(next(iter(columns.values())))
    rows = [{"account_id": f"a{i:03}", **{name: cells[i] for name, cells in columns.items()}} for i in range(n)]
    return tables_from_records(
        parse_settings({"tables": {"firms": settings}}), {"firms": rows}, data_until="2024-01-01"
    )


def why(tables: AccountTables, name: str = "firms") -> dict[str, str]:
    return dict(undelivered(tables.tables[name]))


# --- names

ODD = [
    "seats",
    "Seats",
    "seats!",
    "a,b",
    "a:b",
    'a"b',
    "a[b]",
    "a{b}",
    "é",
    "ü",
    "日本",
    "___",
    "tenure_months",
    "{}",
    " ",
]


def test_odd_columns_have_names_of_their_own_that_are_legal_and_say_their_source():
    tables = firms({name: list(range(12)) for name in ODD[:-1]})
    catalog = discover_features(tables)
    by_column = {feature.recipe.column: feature for feature in catalog.features if feature.recipe.column}
    assert set(by_column) == set(ODD[:-1])
    assert len(set(catalog.names)) == len(catalog.names)
    assert all(LEGAL.fullmatch(name) for name in catalog.names), catalog.names
    assert by_column["seats"].name == "seats", "of those that meet, the one that is its own name keeps it"
    assert by_column["Seats"].name.startswith("seats_")
    assert TENURE in catalog.names and by_column["tenure_months"].name == "firms_tenure_months"
    groups = [feature.group for feature in by_column.values()]
    assert len(set(groups)) == len(groups), "columns whose names meet are not one driver"
    frame = build_features(tables, everyone_at(tables, pd.Timestamp("2023-06-01")), catalog).frame
    assert all((frame[by_column[name].name] == np.arange(12)).all() for name in ODD[:-1])


def test_names_that_met_no_other_stay_as_they_were():
    assert slugs(["Observability & Analysis", "employees"]) == {
        "Observability & Analysis": "observability_analysis",
        "employees": "employees",
    }
    assert slug("Café") == "caf"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), unique=True, max_size=12), st.integers(0, 2**31))
def test_names_are_distinct_and_do_not_depend_on_the_order_of_columns(texts: list[str], seed: int):
    names = slugs(texts)
    assert len(set(names.values())) == len(texts)
    assert all(LEGAL.fullmatch(name) for name in names.values())
    assert slugs(random.Random(seed).sample(texts, len(texts))) == names


def periods_of_kinds(kinds: list[str], order: int) -> FeatureCatalog:
    tools = {"shape": "periods", "source": "t.csv", "kind": "tool"}
    rows = [
        {
            "account_id": f"a{i:03}",
            "started_on": "2023-01-01",
            "ended_on": "2023-05-01" if i % 2 else None,
            "tool": kind,
        }
        for i, kind in itertools.product(range(24), kinds)
    ]
    rows = random.Random(order).sample(rows, len(rows))
    settings = parse_settings({"tables": {"tools": tools}})
    return discover_features(tables_from_records(settings, {"tools": rows}, data_until="2024-01-01"))


def test_kinds_whose_names_meet_stay_apart_whatever_the_order_of_rows():
    kinds = ["a b", "a-b", "a_b", "é"]
    one, other = periods_of_kinds(kinds, 1), periods_of_kinds(kinds, 2)
    assert [f.to_json() for f in one.features] == [f.to_json() for f in other.features]
    active = {f.recipe.kind: f.name for f in one.features if f.recipe.operation == "kind_active"}
    former = {f.recipe.kind: f.name for f in one.features if f.recipe.operation == "kind_former"}
    assert set(active) == set(former) == set(kinds)
    assert active["a_b"] == "tools_a_b_active" and len(set(active.values()) | set(former.values())) == 8


def test_a_column_named_like_a_derived_feature_does_not_take_its_place():
    """The names of the column and of the change meet; the column keeps its own."""
    table = {
        "shape": "history", "source": "p.csv", "columns": {"seats": {}, "seats_change_365d": {}, "seats_growth_365d": {}},
    }  # fmt: skip
    rows = [
        {"account_id": f"a{i:03}", "observed_at": f"{year}-01-01", "seats": year + i, "seats_change_365d": 7, "seats_growth_365d": 8}
        for i in range(3)
        for year in (2020, 2022)
    ]  # fmt: skip
    tables = tables_from_records(parse_settings({"tables": {"p": table}}), {"p": rows}, data_until="2024-01-01")
    catalog = discover_features(tables)
    assert len(set(catalog.names)) == len(catalog.names)
    frame = build_features(tables, everyone_at(tables, pd.Timestamp("2022-06-01")), catalog).frame
    made = {(f.recipe.operation, f.recipe.column): frame[f.name].iloc[0] for f in catalog.features}
    assert frame["seats_change_365d"].iloc[0] == 7 and frame["seats_growth_365d"].iloc[0] == 8
    assert made["change", "seats"] == 2


def test_tables_that_share_a_column_name_their_features_apart_even_where_a_third_has_that_name():
    def table(*columns: str) -> dict[str, Any]:
        return {"shape": "attributes", "source": "f.csv", "columns": {column: {} for column in columns}}

    settings = {"tables": {"a": table("size"), "b": table("size"), "c": table("a_size")}}
    records = {name: [{"account_id": f"x{i}", "size": i, "a_size": i} for i in range(4)] for name in settings["tables"]}
    catalog = discover_features(tables_from_records(parse_settings(settings), records, data_until="2024-01-01"))
    assert len(set(catalog.names)) == len(catalog.names)
    assert {"b_size", "a_size"} <= set(catalog.names)


# --- words


def sentences(feature: Feature) -> list[str]:
    return [feature.label, feature.unit, feature.missing]


def test_every_feature_is_in_words():
    for feature in CATALOG.features:
        assert not any("_" in text for text in sentences(feature)), sentences(feature)
        assert feature.label[:1].isupper() and feature.missing, feature
        assert "  " not in feature.label and not feature.label.endswith((":", ",", " ")), feature.label
    labels = [feature.label for feature in CATALOG.features]
    assert len(set(labels)) == len(labels), sorted(label for label in labels if labels.count(label) > 1)


def test_counts_days_and_shares_say_their_unit():
    mine = [f for f in CATALOG.features if f.recipe.family in ("history", "attributes", "periods", "market")]
    derived = [
        f for f in mine if f.kind == "number" and f.recipe.operation not in ("value", "latest", "change", "level")
    ]
    assert not [f.name for f in derived if not f.unit]
    assert all(f.unit == "days" for f in mine if f.name.endswith("_days"))


def test_declared_words_reach_what_is_made_of_a_column():
    rows = [subscription(f"a{i:02}", "2022-01-01", renews_on="2023-01-01", plan="x_1") for i in range(12)]
    columns = {
        "mrr": {"label": "Price", "unit": "USD a month", "signal": "economic", "direction": "up"},
        "plan": {"label": "Plan", "party": "third", "scope": "fit"},
    }
    revenue = {"columns": columns, "renews": "renews_on", "kind": "plan"}
    by_name = discover_features(company_of(rows, "2024-01-01", revenue=revenue)).by_name
    price = by_name["subscriptions_mrr"]
    assert (price.label, price.unit, price.signal, price.direction) == ("Price now", "USD a month", "economic", "up")
    assert by_name["subscriptions_mrr_change_91d"].direction == "up"
    assert by_name["subscriptions_mrr_decreases_365d"].direction == "none", "more decreases are not a higher price"
    assert by_name["subscriptions_mrr_last_change_days"].direction == "none"
    plan = by_name["subscriptions_x_1_active"]
    assert (plan.label, plan.scope, plan.party) == ("Plan: x 1", "fit", "third")
    assert by_name["subscriptions_terms"].unit == "terms"


def test_an_amount_of_revenue_without_a_unit_is_its_currency_a_month():
    by_name = discover_features(company_of([subscription("a", "2022-01-01")], "2024-01-01")).by_name
    assert (by_name["subscriptions_mrr"].label, by_name["subscriptions_mrr"].unit) == ("MRR now", "USD a month")


def test_amounts_in_several_currencies_name_none():
    rows = [subscription("a", "2022-01-01", cur="USD"), subscription("b", "2022-01-01", cur="EUR")]
    rates = {"shape": "market", "source": "rates.csv", "role": "rates"}
    rate = {"indicator": "EUR", "period": "2021-01-01", "published_at": "2021-01-01", "value": 1.1}
    tables = company_of(
        rows, "2024-01-01", revenue={"currency": "cur"}, tables={"rates": rates}, records={"rates": [rate]}
    )
    assert discover_features(tables).by_name["subscriptions_mrr"].unit == "a month"


def test_a_market_by_segment_says_whose_figures_they_are():
    by_name = CATALOG.by_name
    assert by_name["market_growth"].label == "Growth of its industry, latest published"
    assert "industry is not known" in by_name["market_growth"].missing
    assert "above zero" in by_name["market_growth_change_91d"].missing


# --- dates


def test_a_declared_date_counts_days_up_to_the_moment_and_only_once_it_has_come():
    tables = firms(
        {"founded_on": ["2020-02-29", "2023-03-01", "2023-03-02", "", "1837-05-12", "1900-01-01", "1970-01-01"]}
    )
    catalog = discover_features(tables)
    feature = catalog.by_name["founded_on_days"]
    assert (feature.label, feature.unit, feature.kind) == ("Time since founded", "days", "number")
    assert "founded_on" not in catalog.names, "days alone stand for the date"
    found = build_features(tables, everyone_at(tables, pd.Timestamp("2023-03-02")), catalog).frame["founded_on_days"]
    old = (pd.Timestamp("2023-03-02") - pd.Timestamp("1837-05-12")).days
    np.testing.assert_array_equal(found, [1097, 1, np.nan, np.nan, old, np.nan, np.nan])


def test_the_date_of_a_history_is_the_one_last_known():
    table = {
        "shape": "history",
        "source": "p.csv",
        "known_at": "loaded_at",
        "columns": {"audited_on": {}, "loaded_at": {}},
    }
    rows = [
        {"account_id": "a", "observed_at": "2022-01-01", "loaded_at": "2022-01-01", "audited_on": "2021-12-01"},
        {"account_id": "a", "observed_at": "2022-01-01", "loaded_at": "2022-03-01", "audited_on": "2021-11-01"},
        {"account_id": "a", "observed_at": "2022-06-01", "loaded_at": "2022-06-01", "audited_on": "2022-12-01"},
    ]
    tables = tables_from_records(parse_settings({"tables": {"p": table}}), {"p": rows}, data_until="2024-01-01")
    catalog = discover_features(tables)
    assert "loaded_at_days" not in catalog.names, "when a row was loaded says what its age says"

    def on(day: str) -> float:
        return float(
            build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame["audited_on_days"].iloc[0]
        )

    assert [on(day) for day in ("2022-01-02", "2022-03-01", "2022-03-02", "2022-12-02")] == [32, 90, 121, 1]
    assert np.isnan(on("2022-06-02")), "the date known by then is still ahead"


@pytest.mark.parametrize("column", ["last_contact", "renewed_until", "NextReview", "updatedOn"])
def test_a_date_that_is_overwritten_counts_only_where_it_is_said_when_it_was_known(column: str):
    days = [f"2023-{1 + i % 9:02}-11" for i in range(12)]
    undated = firms({column: days})
    assert not [f for f in discover_features(undated).features if f.recipe.column]
    assert "overwritten" in why(undated)[column]
    dated = firms({column: days, "seen_on": ["2023-10-01"] * 12}, known_at="seen_on")
    assert f"{slug(column)}_days" in discover_features(dated).names


def test_a_date_filled_in_when_an_account_left_is_found_by_the_audit():
    """Days since it are missing before it, but the end of the data shows that only those who left have one."""
    left = [f"2023-{1 + i % 9:02}-01" if i % 2 else None for i in range(60)]
    rows = [subscription(f"a{i:02}", "2021-01-01", left[i]) for i in range(60)]
    firms = [{"account_id": f"a{i:02}", "handed_over_on": left[i]} for i in range(60)]
    table = {"shape": "attributes", "source": "f.csv", "columns": {"handed_over_on": {}}}
    tables = company_of(rows, "2024-01-01", tables={"firms": table}, records={"firms": firms})
    assert "handed_over_on_days" in discover_features(tables).names
    assert [(leak.table, leak.column) for leak in retrospective(tables)] == [("firms", "handed_over_on")]


# --- columns that make no feature


def test_what_makes_no_feature_is_said_with_the_reason():
    n = 40
    tables = firms(
        {
            "size": list(range(n)),
            "empty": [""] * n,
            "constant": ["yes"] * n,
            "filled": ["yes", ""] * (n // 2),
            "email": [f"p{i}@firm.example" for i in range(n)],
            "mixed": [f"{i} k" if i % 8 == 0 else str(i) for i in range(n)],
            "logged": ["2023-05-01T10:00:00Z"] * n,
            "outcome": list(range(n)),
        },
        {"outcome": {"available": "after"}},
    )
    found = why(tables)
    assert set(found) == {"empty", "constant", "filled", "email", "mixed", "logged"}
    assert found["empty"] == "every value is empty"
    assert found["constant"] == "one value only: 'yes'"
    assert found["filled"].startswith("one value only: 'yes'; ")
    assert "40 different values in 40 accounts" in found["email"]
    assert found["mixed"] == "5 of 40 values are no plain numbers, for example '0 k'"
    assert "offset" in found["logged"]
    assert {f.recipe.column for f in discover_features(tables).features} >= {"size", "constant", "filled"}


def test_every_declared_column_makes_a_feature_gives_words_or_is_said_to_do_neither():
    """On every shape: no column vanishes in silence."""
    tables = company_of(
        [subscription(f"a{i:02}", "2022-01-01", seller=f"s{i}", noted_on=f"2022-01-{i + 1:02}", plan="basic") for i in range(12)],
        "2024-01-01",
        revenue={"columns": {c: {} for c in ("mrr", "product", "ended_on", "started_on", "seller", "noted_on", "plan")}, "kind": "plan"},
        tables={
            "usage": {
                "shape": "events", "source": "u.csv", "kind": "kind", "quantity": "n",
                "columns": {"kind": {}, "n": {"unit": "logins"}, "page": {}, "speed": {}, "occurred_at": {}},
            },
            "costs": {"shape": "events", "role": "costs", "source": "c.csv", "amount": "spent", "kind": "kind", "columns": {"spent": {}}},
            "market": {"shape": "market", "source": "m.csv", "columns": {"value": {"unit": "index"}, "origin": {}}},
        },
        records={
            "usage": [
                {"account_id": f"a{i % 3:02}", "occurred_at": "2022-02-01", "kind": "login", "n": 1, "page": "home" if i % 2 else "list", "speed": i}
                for i in range(12)
            ],
            "costs": [{"account_id": "a01", "occurred_at": "2022-02-01", "kind": "service", "spent": 1}],
            "market": [{"indicator": "gdp", "period": "2022-01-01", "published_at": "2022-02-01", "value": 1, "origin": "oecd"}],
        },
    )  # fmt: skip
    periods = why(tables, "subscriptions")
    assert set(periods) == {"mrr", "product", "plan", "ended_on", "started_on", "seller", "noted_on"} - {"plan"}
    assert "end is not known" in periods["ended_on"] and "days are counted" in periods["noted_on"]
    assert periods["mrr"] == "one value only: '100'" and "identifier" in periods["seller"]
    usage = why(tables, "usage")
    assert "of 10 accounts or more" in usage["kind"] and "when a row holds" in usage["occurred_at"]
    made = {feature.recipe.column for feature in discover_features(tables).features if feature.recipe.table == "usage"}
    assert {"page", "speed"} <= made | set(usage)
    assert why(tables, "costs") == {"spent": "no features are made of a table with role costs"}
    assert why(tables, "market") == {"origin": "the features of a market are its indicators"}


def test_a_table_without_rows_has_nothing_to_say():
    tables = company_of([], "2024-01-01", revenue={"columns": {"mrr": {}}})
    assert undelivered(tables.tables["subscriptions"]) == []


def test_a_value_that_cannot_be_read_as_what_the_column_holds_is_missing():
    cells: dict[str, list[Any]] = {
        "size": [*range(200), "unknown", "inf"],
        "on": ["2020-01-01"] * 200 + ["soon", "NULL"],
    }
    tables = firms(cells)
    frame = build_features(tables, everyone_at(tables, pd.Timestamp("2020-01-02")), discover_features(tables)).frame
    assert frame["size"].iloc[200:].isna().all() and frame["size"].iloc[:200].notna().all()
    assert frame["on_days"].tolist()[:200] == [1.0] * 200 and frame["on_days"].iloc[200:].isna().all()


def test_what_a_column_holds_may_be_told_by_later_rows_but_no_value_is():
    """A row known later makes a column of words out of numbers; the number known before reads as a word, not as later."""
    rows: list[Row] = [
        {"account_id": f"a{i:02}", "observed_at": "2022-01-01", "grade": str(i % 3)} for i in range(20)
    ] + [{"account_id": f"a{i:02}", "observed_at": "2023-01-01", "grade": "A"} for i in range(20)]
    table = {"shape": "history", "source": "p.csv", "columns": {"grade": {}}}
    tables = tables_from_records(parse_settings({"tables": {"p": table}}), {"p": rows}, data_until="2024-01-01")
    catalog = discover_features(tables)
    assert catalog.by_name["grade"].kind == "category"
    frame = build_features(tables, everyone_at(tables, pd.Timestamp("2022-06-01")), catalog).frame
    assert frame["grade"].tolist() == [str(i % 3) for i in range(20)]
    assert (frame["grade_changes"] == 0).all()
