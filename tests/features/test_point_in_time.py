"""A feature as of T is made of what was known before T and of nothing else: the property everything stands on."""

import random
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from leap.features import FeatureCatalog, build_features, discover_features
from leap.snapshots import Snapshots
from leap.tables import AccountTables, tables_from_records
from tests.worlds import (
    ACCOUNTS,
    ALL_SHAPES,
    KINDS,
    LAST_WEEK,
    SHAPES,
    WEEK_ZERO,
    Row,
    a_row,
    company_of,
    everyone_at,
    records_of_all_shapes,
    rich_tables,
    subscription,
    told_once,
)

UNTIL = "2026-01-01"
CATALOG: FeatureCatalog = discover_features(rich_tables())

# A world has hundreds of rows, so that few worlds say much; a smaller one says no more, so none is looked for.
WORLDS = settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.generate])
SEED = st.integers(0, 2**31)


def week(n: int) -> pd.Timestamp:
    return WEEK_ZERO + pd.Timedelta(weeks=n)


def moments(seed: int) -> list[pd.Timestamp]:
    """Five moments of a world: days between rows, and days on which rows lie."""
    return [week(int(n)) for n in np.random.default_rng(seed).choice(np.arange(2, LAST_WEEK + 20), 5, replace=False)]


def tables_of(records: Mapping[str, list[Row]]) -> AccountTables:
    return tables_from_records(ALL_SHAPES, records, data_until=UNTIL)


def features_at(tables: AccountTables, moment: pd.Timestamp) -> pd.DataFrame:
    """Every feature of every account of the world, one row each; an account no row names yet has nothing."""
    frame = build_features(tables, everyone_at(tables, moment), CATALOG).frame
    return frame.set_index(pd.Index(tables.accounts, name="account_id")).reindex(list(ACCOUNTS))


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal to the bit, missing where missing."""
    for name in expected.columns:
        one, other = (frame[name].astype(object).where(frame[name].notna(), None) for frame in (found, expected))
        different = [account for account in one.index if one[account] != other[account]]
        assert not different, f"{name}: {one[different].to_dict()} against {other[different].to_dict()}"


def test_the_catalog_under_test_has_every_kind_of_feature():
    """If this shrinks, the properties below prove less than they say."""
    operations = {(f.recipe.family, f.recipe.operation) for f in CATALOG.features}
    assert operations >= {
        ("attributes", "value"), ("attributes", "days_since"),
        ("history", "latest"), ("history", "change"), ("history", "growth"), ("history", "changed"),
        ("history", "changes"), ("history", "age"), ("history", "days_since"),
        ("periods", "active_count"), ("periods", "ever"), ("periods", "tenure_days"), ("periods", "active_share"),
        ("periods", "changes"),
        ("periods", "kind_active"), ("periods", "kind_former"), ("periods", "amount"), ("periods", "amount_change"),
        ("periods", "increases"), ("periods", "decreases"), ("periods", "amount_last_change"),
        ("periods", "renews_days"), ("periods", "term_days"), ("periods", "terms"), ("periods", "latest_active"),
        ("events", "count"), ("events", "active_days"), ("events", "breadth"), ("events", "kind_sum"),
        ("events", "amount_sum"), ("events", "mean"), ("events", "share"), ("events", "recency"), ("events", "trend"),
        ("events", "events"), ("events", "amount_mean"), ("events", "count_change"), ("events", "count_year_ago"),
        ("events", "amount_change"), ("events", "amount_year_ago"),
        ("events", "open"), ("events", "won"), ("events", "lost"), ("events", "won_amount"),
        ("events", "open_amount"), ("events", "closed_days"), ("events", "win_share"),
        ("market", "level"), ("market", "change"),
    }  # fmt: skip


@WORLDS
@given(SEED)
def test_features_as_of_a_moment_are_those_of_tables_that_end_there(seed):
    """Full tables, with all that happened later in them, against tables cut at T: equal to the bit."""
    full = tables_of(records_of_all_shapes(seed))
    for moment in moments(seed):
        known = full.known_before(moment)
        # An account of which nothing is known yet is not among the accounts of the cut tables.
        there = list(known.accounts)
        assert_same(features_at(full, moment).loc[there], features_at(known, moment).loc[there])


KNOWN_AT = {"subscriptions": "booked_on", "technologies": "noticed_on", "deals": "entered_on"}


@WORLDS
@given(SEED)
def test_what_becomes_known_later_changes_no_feature(seed):
    """Rows are appended that are known at T or after it, most of them about times before T."""
    records, moment = records_of_all_shapes(seed), moments(seed)[0]
    added = {name: {told_once(name, row): row for row in rows} for name, rows in records.items()}
    for name, rows in records_of_all_shapes(seed + 1).items():
        for row in rows if name != "accounts" else ():
            column = KNOWN_AT.get(name, "loaded_at")
            late = {**row, column: max(row[column], f"{moment:%Y-%m-%d}")}
            if name == "subscriptions":
                late["product"] = "later " + late["product"]
            added[name].setdefault(told_once(name, late), late)
    more = tables_of({name: list(rows.values()) for name, rows in added.items()})
    assert sum(map(len, added.values())) > sum(map(len, records.values()))
    assert_same(features_at(more, moment), features_at(tables_of(records), moment))


@WORLDS
@given(SEED)
def test_an_account_does_not_depend_on_the_accounts_beside_it(seed):
    records = records_of_all_shapes(seed)
    some = ACCOUNTS[seed % 20 :][:3]
    alone = {name: [row for row in rows if row.get("account_id", some[0]) in some] for name, rows in records.items()}
    everyone, few = tables_of(records), tables_of(alone)
    for moment in moments(seed)[:3]:
        assert_same(features_at(everyone, moment).loc[list(some)], features_at(few, moment).loc[list(some)])


@WORLDS
@given(SEED)
def test_the_order_of_rows_in_a_file_changes_nothing(seed):
    records = records_of_all_shapes(seed)
    shuffled = {name: random.Random(seed).sample(rows, len(rows)) for name, rows in records.items()}
    one, other = tables_of(records), tables_of(shuffled)
    for moment in moments(seed)[:3]:
        assert_same(features_at(one, moment), features_at(other, moment))


def test_dates_asked_for_together_are_those_asked_for_alone():
    tables = tables_of(records_of_all_shapes(7))
    parts = [everyone_at(tables, week(n)) for n in (30, 60)]
    together = Snapshots(pd.concat([part.rows for part in parts], ignore_index=True))
    found = build_features(tables, together, CATALOG).frame
    alone = [build_features(tables, part, CATALOG).frame for part in parts]
    pd.testing.assert_frame_equal(found, pd.concat(alone, ignore_index=True), check_exact=True)


# --- the day itself, case by case


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_known_on_the_day_is_not_known_before_it(shape: str):
    row = a_row(shape, ACCOUNTS[0], 10, 2, 5, 4, KINDS[0], True)
    firm = a_row("accounts", ACCOUNTS[0], 0, 0, 0, 1, KINDS[0], True)
    records = {"accounts": [firm], shape: [row]} if shape != "accounts" else {"accounts": [row]}
    own = [feature.name for feature in CATALOG.features if feature.recipe.table == shape]
    nothing = features_at(tables_of({"accounts": records["accounts"][: shape != "accounts"]}), week(12))[own]
    on_the_day, day_after = (features_at(tables_of(records), week(12) + pd.Timedelta(days=n))[own] for n in (0, 1))
    assert_same(on_the_day, nothing)
    with pytest.raises(AssertionError):
        assert_same(day_after, nothing)


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
    firm = {"account_id": ACCOUNTS[0], "seen_on": "2022-01-01", "industry": "alpha", "size": 1, "is_public": "true"}
    catalog = CATALOG.with_features(["market_growth"])
    for rows in ([first, corrected], [corrected, first]):
        tables = tables_of({"accounts": [firm], "market": rows})
        values = [
            build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame["market_growth"].iloc[0]
            for day in ("2022-02-01", "2022-02-02", "2022-05-01", "2022-05-02")
        ]
        np.testing.assert_array_equal(values, [np.nan, 1.0, 1.0, 2.0])


def test_an_observation_corrected_later_replaces_the_first_whatever_stands_first_in_the_file():
    first = {
        "account_id": ACCOUNTS[0],
        "observed_at": "2022-01-01",
        "loaded_at": "2022-01-01",
        "employees": 10,
        "stage": "seed",
    }
    corrected = {**first, "loaded_at": "2022-03-01", "employees": 20}
    catalog = CATALOG.with_features(["employees"])
    for rows in ([first, corrected], [corrected, first]):
        tables = tables_of({"profiles": rows})
        values = [
            build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame["employees"].iloc[0]
            for day in ("2022-02-01", "2022-03-02")
        ]
        assert values == [10, 20]


def test_an_end_is_no_feature_even_if_its_column_is_declared():
    """As a plain column the end of a period would be known from its start, and would tell who leaves."""
    rows = [
        subscription(a, "2023-01-01", f"2023-0{5 + i % 4}-01", cancelled_at="2023-04-01")
        for i, a in enumerate("abcdefgh")
    ]
    columns = {"ended_on": {}, "cancelled_at": {}, "mrr": {}}
    tables = company_of(rows, "2024-01-01", revenue={"columns": columns})
    names = discover_features(tables).names
    assert not [name for name in names if "ended" in name or "cancelled" in name], names
