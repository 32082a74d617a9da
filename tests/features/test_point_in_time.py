"""A feature as of T is made of what was known before T and of nothing else: the property everything stands on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap.features import FeatureCatalog, build_features, discover_features
from leap.tables import AccountTables, tables_from_records
from tests.worlds import (
    ACCOUNTS,
    ALL_SHAPES,
    KINDS,
    SHAPES,
    WEEK_ZERO,
    Row,
    a_row,
    company_of,
    everyone_at,
    records_of_all_shapes,
    rich_tables,
    subscription,
)

UNTIL = "2026-01-01"
CATALOG: FeatureCatalog = discover_features(rich_tables())
OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def week(n: int) -> pd.Timestamp:
    return WEEK_ZERO + pd.Timedelta(weeks=n)


def tables_of(records: Mapping[str, list[Row]]) -> AccountTables:
    return tables_from_records(ALL_SHAPES, records, data_until=UNTIL)


def features_at(tables: AccountTables, moment: pd.Timestamp) -> pd.DataFrame:
    """Every feature of every account of the world, one row each; an account no row names yet has nothing."""
    frame = build_features(tables, everyone_at(tables, moment), CATALOG).frame
    return frame.set_index(pd.Index(tables.accounts, name="account_id")).reindex(list(ACCOUNTS))


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal to the bit, missing where missing."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_catalog_under_test_has_every_kind_of_feature():
    """If this shrinks, the properties below prove less than they say."""
    operations = {(f.recipe.family, f.recipe.operation) for f in CATALOG.features}
    assert operations >= {
        ("attributes", "value"), ("history", "latest"), ("history", "change"),
        ("periods", "active_count"), ("periods", "ever"), ("periods", "tenure_days"), ("periods", "changes"),
        ("periods", "kind_active"), ("periods", "amount"), ("periods", "amount_change"), ("periods", "renews_days"),
        ("periods", "latest_active"),
        ("events", "count"), ("events", "active_days"), ("events", "breadth"), ("events", "kind_sum"),
        ("events", "amount_sum"), ("events", "mean"), ("events", "share"), ("events", "recency"), ("events", "trend"),
        ("events", "open"), ("events", "won"), ("events", "lost"),
        ("market", "level"), ("market", "change"),
    }  # fmt: skip


@OFTEN
@given(records_of_all_shapes(), st.integers(0, 100))
def test_features_as_of_a_moment_are_those_of_tables_that_end_there(records, weeks):
    """Full tables, with all that happened later in them, against tables cut at T: equal to the bit."""
    full, moment = tables_of(records), week(weeks)
    known = full.known_before(moment)
    now = features_at(full, moment)
    then = features_at(known, moment)
    # An account of which nothing is known yet is not among the accounts of the cut tables.
    unknown = [account for account in ACCOUNTS if account not in known.accounts]
    assert_same(now.drop(index=unknown), then.drop(index=unknown))


@OFTEN
@given(records_of_all_shapes(4), records_of_all_shapes(4), st.integers(0, 80))
def test_what_becomes_known_later_changes_no_feature(records, later, weeks):
    """Rows are appended that are known at T or after it, most of them about times before T."""
    moment = week(weeks)
    added = {name: list(rows) for name, rows in records.items()}
    for name in SHAPES[1:]:
        for row in later[name]:
            known = {"profiles": "loaded_at", "subscriptions": "booked_on", "technologies": "noticed_on", "deals": "entered_on"}
            column = known.get(name, "loaded_at")
            late = {**row, column: max(row[column], f"{moment:%Y-%m-%d}")}
            if name == "subscriptions":
                late["product"] = "later " + late["product"]
            taken = {(r["account_id"], r["observed_at"], r["loaded_at"]) for r in added["profiles"]}
            if name != "profiles" or (late["account_id"], late["observed_at"], late["loaded_at"]) not in taken:
                added[name].append(late)
    added = {name: [row for i, row in enumerate(rows) if row not in rows[:i]] for name, rows in added.items()}
    assert_same(features_at(tables_of(added), moment), features_at(tables_of(records), moment))


@OFTEN
@given(records_of_all_shapes(), st.sampled_from(ACCOUNTS), st.integers(0, 100))
def test_an_account_does_not_depend_on_the_accounts_beside_it(records, account, weeks):
    moment = week(weeks)
    alone = {
        name: [row for row in rows if row.get("account_id", account) == account] for name, rows in records.items()
    }
    everyone, single = features_at(tables_of(records), moment), features_at(tables_of(alone), moment)
    assert_same(everyone.loc[[account]], single.loc[[account]])


@OFTEN
@given(records_of_all_shapes(), st.randoms(use_true_random=False), st.integers(0, 100))
def test_the_order_of_rows_in_a_file_changes_nothing(records, random, weeks):
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in records.items()}
    assert_same(features_at(tables_of(shuffled), week(weeks)), features_at(tables_of(records), week(weeks)))


@OFTEN
@given(records_of_all_shapes(4), st.integers(0, 100), st.integers(0, 100))
def test_dates_asked_for_together_are_those_asked_for_alone(records, one, other):
    tables = tables_of(records)
    first, second = everyone_at(tables, week(one)), everyone_at(tables, week(other))
    together = type(first)(pd.concat([first.rows, second.rows], ignore_index=True))
    found = build_features(tables, together, CATALOG).frame
    alone = [build_features(tables, part, CATALOG).frame for part in (first, second)]
    pd.testing.assert_frame_equal(found, pd.concat(alone, ignore_index=True), check_exact=True)


# --- the day itself, case by case


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_known_on_the_day_is_not_known_before_it(shape: str):
    row = a_row(shape, "a", 10, 2, 5, 4, KINDS[0], True)
    firm = a_row("accounts", "a", 0, 0, 0, 1, KINDS[0], True)
    records = {"accounts": [firm], shape: [row]} if shape != "accounts" else {"accounts": [row]}
    nothing = features_at(tables_of({"accounts": records["accounts"][: shape != "accounts"]}), week(12))
    assert_same(features_at(tables_of(records), week(12)), nothing)
    day_after = week(12) + pd.Timedelta(days=1)
    with pytest.raises(AssertionError):
        assert_same(features_at(tables_of(records), day_after), nothing)


def test_an_end_counts_from_the_day_after_it_and_a_cancellation_not_yet():
    tables = company_of([subscription("a", "2023-01-01", "2023-06-01", 70)], "2024-01-01")
    catalog = discover_features(tables)

    def feature(name: str, day: str) -> float:
        return float(build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame[name].iloc[0])

    assert feature("subscriptions_mrr", "2023-06-01") == 70, "its end is not known before the first of June"
    assert feature("subscriptions_mrr", "2023-06-02") == 0
    assert feature("subscriptions_changes_365d", "2023-06-01") == 1
    assert feature("subscriptions_changes_365d", "2023-06-02") == 2


def test_a_corrected_figure_replaces_the_first_from_its_publication_on_whatever_stands_first_in_the_file():
    """Vintages of one period: what was published last, and was known, counts."""
    base = {"indicator": "growth", "period": "2022-01-01", "industry": "alpha"}
    first = {**base, "published_at": "2022-02-01", "loaded_at": "2022-02-01", "value": 1.0}
    corrected = {**base, "published_at": "2022-05-01", "loaded_at": "2022-05-01", "value": 2.0}
    firm = {"account_id": "a", "seen_on": "2022-01-01", "industry": "alpha", "size": 1, "is_public": "true"}
    catalog = CATALOG.with_features(["market_growth"])
    for rows in ([first, corrected], [corrected, first]):
        tables = tables_of({"accounts": [firm], "market": rows})
        values = [
            build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame["market_growth"].iloc[0]
            for day in ("2022-02-01", "2022-02-02", "2022-05-01", "2022-05-02")
        ]
        np.testing.assert_array_equal(values, [np.nan, 1.0, 1.0, 2.0])


def test_an_observation_corrected_later_replaces_the_first_whatever_stands_first_in_the_file():
    first = {"account_id": "a", "observed_at": "2022-01-01", "loaded_at": "2022-01-01", "employees": 10, "stage": "seed"}
    corrected = {**first, "loaded_at": "2022-03-01", "employees": 20}
    catalog = CATALOG.with_features(["employees"])
    for rows in ([first, corrected], [corrected, first]):
        tables = tables_of({"profiles": rows})
        values = [
            build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame["employees"].iloc[0]
            for day in ("2022-02-01", "2022-03-02")
        ]
        assert values == [10, 20]
