"""What the company can move, what it cannot, and what only follows from a decision already taken."""

from typing import Any

import pandas as pd
import pytest

from leap.config import parse_settings
from leap.errors import SettingsError
from leap.features import Feature, discover_features
from leap.tables import AccountTables, tables_from_records
from tests.tables.companies import one_table, problem_of, said

ACCOUNTS = [f"a{i}" for i in range(12)]
KINDS = ("question", "outage", "cancellation")


def tickets(**declared: Any) -> AccountTables:
    """A company of twelve accounts, each with one ticket of every kind."""
    settings = parse_settings(
        {
            "tables": {
                "subscriptions": {"shape": "periods", "role": "revenue", "source": "s.csv", "amount": "mrr"},
                "tickets": {"shape": "events", "source": "t.csv", "kind": "topic", "windows_days": 28, **declared},
            }
        }
    )
    terms = [{"account_id": a, "started_on": "2023-01-01", "ended_on": None, "mrr": 100} for a in ACCOUNTS]
    rows = [
        {"account_id": a, "occurred_at": "2023-06-01", "topic": kind, "minutes": 5} for a in ACCOUNTS for kind in KINDS
    ]
    return tables_from_records(settings, {"subscriptions": terms, "tickets": rows}, data_until="2024-01-01")


def of_kind(tables: AccountTables) -> dict[str, Feature]:
    """The features of each kind of ticket."""
    return {str(f.recipe.kind): f for f in discover_features(tables).features if f.recipe.kind is not None}


def test_kinds_of_one_table_are_levers_consequences_or_neither():
    found = of_kind(tickets(actionable_kinds=["outage"], consequence_kinds=["cancellation"]))
    natures = {kind: feature.nature for kind, feature in found.items()}
    assert natures == {"question": "fixed", "outage": "actionable", "cancellation": "consequence"}
    assert not found["cancellation"].actionable


def test_what_is_said_of_a_kind_counts_before_its_column_and_its_table():
    tables = tickets(actionable=True, consequence_kinds=["cancellation"], columns={"topic": {"label": "Topic"}})
    natures = {kind: feature.nature for kind, feature in of_kind(tables).items()}
    assert natures == {"question": "actionable", "outage": "actionable", "cancellation": "consequence"}
    tables = tickets(actionable_kinds=["outage"], columns={"topic": {"consequence": True}})
    natures = {kind: feature.nature for kind, feature in of_kind(tables).items()}
    assert natures == {"question": "consequence", "outage": "actionable", "cancellation": "consequence"}


def test_what_counts_all_kinds_is_as_the_quantity_or_the_table_says():
    def nature(**declared: Any) -> str:
        return discover_features(tickets(**declared)).by_name["tickets_count_28d"].nature

    assert nature() == "fixed"
    assert nature(actionable=True) == "actionable"
    assert nature(quantity="minutes", columns={"minutes": {"actionable": True}}) == "actionable"
    assert nature(quantity="minutes", columns={"minutes": {"actionable": False}}, actionable=True) == "fixed"


def test_a_kind_in_both_lists_is_refused():
    with pytest.raises(SettingsError, match="found in both: 'outage'"):
        tickets(actionable_kinds=["outage"], consequence_kinds=["cancellation", "outage"])


@pytest.mark.parametrize("shape", ["events", "attributes"])
def test_lists_of_kinds_without_a_column_of_kinds_are_refused(shape: str):
    table = {"shape": shape, "source": "t.csv", "actionable_kinds": ["outage"]}
    with pytest.raises(SettingsError, match=f"`kind` column of periods or events, found shape '{shape}' and no kind"):
        parse_settings({"tables": {"tickets": table}})


def test_a_kind_that_no_row_has_is_a_warning_that_names_the_known_ones():
    rows = "".join(f"{a},2023-06-01,{kind}\n" for a in ACCOUNTS for kind in KINDS)
    lists = {"actionable_kinds": ["outage"], "consequence_kinds": ["cancelation"]}
    tables = one_table(f"account_id,occurred_at,topic\n{rows}", shape="events", kind="topic", **lists)
    assert said(tables) == [("warn", "topic", "unknown_kind", 0)]
    problem = problem_of(tables, "t", "unknown_kind")
    assert problem.examples == ("'cancelation'",)
    for part in ("consequence_kinds", *map(repr, KINDS)):
        assert part in problem.remedy
    assert of_kind(tables)["cancellation"].nature == "fixed"


def test_of_a_column_the_nature_is_what_is_said_of_it():
    settings = parse_settings(
        {
            "tables": {
                "profile": {
                    "shape": "attributes", "source": "p.csv", "actionable": True,
                    "columns": {"seats": {}, "country": {"actionable": False}, "exit_survey": {"consequence": True}},
                }
            }
        }
    )  # fmt: skip
    rows = pd.DataFrame({"account_id": ACCOUNTS, "seats": 3, "country": "DE", "exit_survey": 1}).to_dict("records")
    catalog = discover_features(tables_from_records(settings, {"profile": rows}, data_until="2024-01-01"))
    natures = {feature.name: feature.nature for feature in catalog.features}
    assert natures == {
        "seats": "actionable", "country": "fixed", "exit_survey": "consequence", "tenure_months": "fixed",
    }  # fmt: skip
