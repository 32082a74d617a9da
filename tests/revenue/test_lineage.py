"""A rename is no churn and a merger no loss: accounts that have become one are one, and nobody knows it too early."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.errors import SettingsError
from leap.features import build_features, discover_features
from leap.outcomes import observe, realised_paths
from leap.revenue import PARTS, Retention, Revenue, retention, window_ends
from leap.snapshots import customer_snapshots, prospect_snapshots, purchase_snapshots
from leap.tables import AccountTables, assemble, tables_from_records
from leap.tables.known_as import KnownAs
from tests.worlds import SUBSCRIPTIONS, Row, company_of, everyone_at, subscription

START, END, UNTIL = "2023-06-01", "2024-06-01", "2024-07-01"
MERGED = "2024-01-01"


def retained(tables: AccountTables, start: str = START, end: str = END) -> Retention:
    return retention(tables, pd.Timestamp(start), pd.Timestamp(end))


def outcomes_at(tables: AccountTables, date: str = START) -> dict[str, tuple[float, float]]:
    """MRR at a date and at the end of the horizon after it, by account."""
    snapshots = customer_snapshots(tables, [pd.Timestamp(date)])
    found = observe(tables, snapshots)
    ids = snapshots.rows["account_id"]
    return {a: (s, e) for a, s, e in zip(ids, found.starting, found.ending, strict=True)}


def renamed() -> list[Row]:
    return [subscription("old", "2023-01-01", MERGED, 100), subscription("new", MERGED, None, 100)]


def merged(after: float = 360) -> list[Row]:
    """A pays 100 and B 200; from the merger on B pays for both."""
    return [
        subscription("A", "2023-01-01", MERGED, 100),
        subscription("B", "2022-01-01", MERGED, 200),
        subscription("B", MERGED, None, after),
    ]


NOTHING_MOVED = {"new": 0.0, "expansion": 0.0, "contraction": 0.0, "churn": 0.0, "reactivation": 0.0}


# --- retention


def test_a_renamed_account_has_neither_left_nor_come():
    without, found = (
        retained(company_of(renamed(), UNTIL, lineage=lineage)) for lineage in ([], [("old", "new", MERGED)])
    )
    assert (without.figures.logo_churn, without.movements["churn"], without.movements["new"]) == (1.0, 100.0, 100.0)
    assert (found.figures.accounts, found.figures.nrr, found.figures.logo_churn) == (1, 1.0, 0.0)
    assert found.movements == NOTHING_MOVED
    assert found.book_starting_mrr == found.book_ending_mrr == 100.0


def test_a_merged_pair_is_one_account_at_both_ends():
    found = retained(company_of(merged(), UNTIL, lineage=[("A", "B", MERGED)]))
    assert (found.figures.accounts, found.figures.starting_mrr, found.figures.ending_mrr) == (1, 300.0, 360.0)
    assert (found.figures.nrr, found.figures.grr, found.figures.churn_rate) == (1.2, 1.0, 0.0)
    assert found.movements == {**NOTHING_MOVED, "expansion": 60.0}, "100 less and 160 more on one day"


def test_a_merger_that_costs_money_is_contraction():
    found = retained(company_of(merged(240), UNTIL, lineage=[("A", "B", MERGED)]))
    assert (found.figures.nrr, found.figures.contraction_rate, found.figures.churn_rate) == (0.8, 0.2, 0.0)
    assert found.movements == {**NOTHING_MOVED, "contraction": 60.0}


def test_the_parts_of_a_split_account_are_one_where_each_names_it():
    rows = [
        subscription("whole", "2023-01-01", MERGED, 300),
        subscription("north", MERGED, None, 100),
        subscription("south", MERGED, None, 150),
    ]
    found = retained(company_of(rows, UNTIL, lineage=[("north", "whole", MERGED), ("south", "whole", MERGED)]))
    assert (found.figures.accounts, found.figures.nrr, found.figures.logo_churn) == (1, 250 / 300, 0.0)
    assert found.movements == {**NOTHING_MOVED, "contraction": 50.0}


def test_a_chain_of_renames_is_followed():
    rows = [
        subscription("a", "2023-01-01", "2023-09-01", 100),
        subscription("b", "2023-09-01", MERGED, 110),
        subscription("c", MERGED, None, 120),
    ]
    found = retained(company_of(rows, UNTIL, lineage=[("b", "c", MERGED), ("a", "b", "2023-09-01")]))
    assert (found.figures.accounts, found.figures.nrr) == (1, 1.2)
    assert found.movements == {**NOTHING_MOVED, "expansion": 20.0}


@pytest.mark.parametrize(
    ("since", "accounts", "nrr", "logo_churn"),
    [
        ("2023-01-01", 1, 0.8, 0.0),  # before the window
        ("2023-06-01", 1, 0.8, 0.0),  # on its first day
        ("2023-11-01", 1, 0.8, 0.0),  # within
        ("2024-06-01", 1, 0.8, 0.0),  # on its last day
        ("2024-06-02", 2, 0.8, 0.5),  # after it
    ],
)
def test_a_merger_counts_from_its_date_on(since: str, accounts: int, nrr: float, logo_churn: float):
    found = retained(company_of(merged(240), UNTIL, lineage=[("A", "B", since)]))
    assert (found.figures.accounts, found.figures.nrr, found.figures.logo_churn) == (accounts, nrr, logo_churn)
    assert found.book_starting_mrr == 300.0 and found.book_ending_mrr == 240.0


def test_a_row_of_after_the_end_changes_no_figure():
    plain, later = (
        retained(company_of(merged(), UNTIL, lineage=rows)).to_json() for rows in ([], [("A", "B", "2024-06-02")])
    )
    hashes = {document.pop("definition_hash") for document in (plain, later)}
    assert plain == later
    assert len(hashes) == 2, "whether accounts are joined is part of the definitions"


def test_an_account_renamed_within_the_days_of_grace_has_not_left():
    rows = [subscription("old", "2023-01-01", "2024-05-30", 100), subscription("new", "2024-06-05", None, 90)]
    found = retained(company_of(rows, UNTIL, outcome={"grace_days": 10}, lineage=[("old", "new", "2024-06-05")]))
    assert (found.figures.nrr, found.figures.logo_churn) == (0.9, 0.0)


def test_a_gap_between_the_two_names_counts_as_one_of_the_account():
    rows = [subscription("old", "2023-01-01", "2023-09-01", 100), subscription("new", MERGED, None, 100)]
    days = (pd.Timestamp(MERGED) - pd.Timestamp("2023-09-01")).days
    for allowed, nrr in ((days, 1.0), (days - 1, 0.0)):
        tables = company_of(rows, UNTIL, outcome={"max_gap_days": allowed}, lineage=[("old", "new", MERGED)])
        found = retained(tables)
        assert found.figures.nrr == nrr
        assert outcomes_at(tables)["old"] == (100.0, 100.0 * nrr)
        assert found.movements == {**NOTHING_MOVED, "churn": 100.0, "reactivation": 100.0}


def test_amounts_of_merged_accounts_in_two_currencies_are_added_after_conversion():
    rates = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    rows = [
        subscription("A", "2023-01-01", MERGED, 100, currency="EUR"),
        subscription("B", "2023-01-01", None, 100, currency="USD"),
        subscription("B", MERGED, None, 50, currency="EUR", product="extra"),
    ]
    tables = company_of(
        rows, UNTIL, revenue={"currency": "currency"}, tables={"rates": rates},
        records={"rates": [{"indicator": "EUR", "period": "2022-01-01", "value": 2}]}, lineage=[("A", "B", MERGED)],
    )  # fmt: skip
    found = retained(tables)
    assert (found.figures.starting_mrr, found.figures.ending_mrr) == (300.0, 200.0)
    assert found.movements == {**NOTHING_MOVED, "contraction": 100.0}


# --- outcomes and snapshots


def test_the_outcome_of_a_renamed_account_is_what_it_pays_under_its_new_name():
    tables = company_of(renamed(), "2025-06-01", lineage=[("old", "new", MERGED)])
    assert outcomes_at(tables) == {"old": (100.0, 100.0)}
    assert outcomes_at(tables, "2024-02-01") == {"new": (100.0, 100.0)}


def test_each_of_a_merged_pair_has_the_ratio_of_both_together():
    tables = company_of(merged(), UNTIL, lineage=[("A", "B", MERGED)])
    assert outcomes_at(tables) == {"A": (100.0, 120.0), "B": (200.0, 240.0)}


def test_what_a_newcomer_brought_into_a_merger_is_of_those_that_paid_before():
    """N paid nothing at the start: what the joined account pays at the end is all of A's."""
    rows = [subscription("A", "2023-01-01", None, 100), subscription("N", "2023-09-01", None, 50)]
    tables = company_of(rows, UNTIL, lineage=[("A", "N", MERGED)])
    assert outcomes_at(tables) == {"A": (100.0, 150.0)}
    assert retained(tables).figures.nrr == 1.5


def test_shares_of_a_merger_add_up_to_the_last_part():
    rows = [subscription(a, "2023-01-01", MERGED, 100) for a in "abc"] + [subscription("c", MERGED, None, 100)]
    tables = company_of(rows, UNTIL, lineage=[("a", "c", MERGED), ("b", "c", MERGED)])
    ends = window_ends(Revenue(tables), tables.settings, pd.Timestamp(START))
    assert ends.sum() == 100 * PARTS
    assert ends.max() - ends.min() <= 1


def test_the_path_of_a_merged_account_is_shared_month_by_month():
    tables = company_of(merged(), UNTIL, lineage=[("A", "B", MERGED)])
    snapshots = customer_snapshots(tables, [pd.Timestamp(START)])
    a, b = realised_paths(tables, snapshots)
    assert a.tolist() == [100.0] * 6 + [120.0] * 6
    assert b.tolist() == [200.0] * 6 + [240.0] * 6


def test_a_renamed_customer_is_what_it_was_when_it_bought():
    revenue = Revenue(company_of(renamed(), UNTIL, lineage=[("old", "new", MERGED)]))
    assert revenue.accounts.tolist() == ["new", "old"]
    assert revenue.bought_as().tolist() == [1, 1]


def test_the_months_as_a_customer_go_on_under_a_new_name():
    tables = company_of(renamed(), UNTIL, lineage=[("old", "new", MERGED)])
    (row,) = customer_snapshots(tables, [pd.Timestamp("2024-02-01")]).rows.to_dict("records")
    assert row["account_id"] == "new"
    assert row["tenure_months"] == pytest.approx(13, abs=0.1)


def test_the_company_that_bought_keeps_its_anniversaries_when_it_is_renamed():
    """Its rows are those of the account that bought; the new name is no purchase."""
    rows = [subscription("old", "2021-03-01", "2022-05-01", 100), subscription("new", "2022-05-01", None, 120)]
    tables = company_of(rows, UNTIL, lineage=[("old", "new", "2022-05-01")])
    snapshots = purchase_snapshots(tables)
    found = snapshots.rows
    assert set(found["account_id"]) == {"old"}
    assert [f"{d:%Y-%m-%d}" for d in found["as_of"]] == ["2021-03-01", "2022-03-01", "2023-03-01", "2024-03-01"]
    assert found["mrr"].tolist() == [100.0, 100.0, 120.0, 120.0]
    assert observe(tables, snapshots).ratio[:3].tolist() == [1.0, 1.2, 1.0]


def test_of_merged_companies_the_first_to_buy_goes_on():
    tables = company_of(merged(), "2025-07-01", lineage=[("A", "B", MERGED)])
    found = purchase_snapshots(tables).rows
    dates = found.groupby("account_id")["as_of"].agg(lambda s: [f"{d:%Y-%m-%d}" for d in s])
    assert dates["A"] == ["2023-01-01"], "at its first anniversary it is B"
    assert dates["B"] == ["2022-01-01", "2023-01-01", "2024-01-01", "2025-01-01"]
    assert found[found["account_id"] == "B"]["mrr"].tolist() == [200.0, 200.0, 360.0, 360.0]


def test_an_account_that_was_joined_to_a_customer_is_no_prospect():
    firms: dict[str, Any] = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"size": {}}}}
    records = {"firms": [{"account_id": a, "size": 1} for a in ("old", "prospect")]}
    lineage = [("old", "new", MERGED), ("prospect", "renamed prospect", MERGED)]
    tables = company_of(renamed(), UNTIL, tables=firms, records=records, lineage=lineage)
    prospects = {d: list(prospect_snapshots(tables, pd.Timestamp(d)).rows["account_id"]) for d in (START, END)}
    assert prospects[END] == ["renamed prospect"]
    assert prospects[START] == ["new", "prospect"], "new has a row of its own later, as any company that buys later"


# --- what is known when

USAGE: dict[str, Any] = {
    "usage": {"shape": "events", "source": "u.csv", "quantity": "quantity", "windows_days": [28, 91]},
    "firms": {"shape": "attributes", "source": "f.csv", "columns": {"size": {}}},
    "seen": {"shape": "history", "source": "s.csv", "columns": {"staff": {}}},
}


def with_activity(lineage: list[tuple[str, str, str]], until: str = UNTIL) -> AccountTables:
    records = {
        "usage": [
            {"account_id": account, "occurred_at": f"2024-0{month}-15", "quantity": quantity}
            for account, quantity in (("A", 1), ("B", 10))
            for month in range(1, 6)
        ],
        "firms": [{"account_id": "A", "size": 5}, {"account_id": "B", "size": 50}],
        "seen": [
            {"account_id": "A", "observed_at": "2023-03-01", "staff": 7},
            {"account_id": "B", "observed_at": "2023-03-01", "staff": 70},
        ],
    }
    return company_of(merged(), until, tables=USAGE, records=records, lineage=lineage)


def features_of(tables: AccountTables, moment: str) -> pd.DataFrame:
    at = pd.Timestamp(moment)
    frame = build_features(tables, everyone_at(tables, at), discover_features(tables)).frame
    return frame.set_axis(tables.accounts)


def test_after_the_merger_the_rows_of_both_are_those_of_one():
    found = features_of(with_activity([("A", "B", MERGED)]), "2024-06-01")
    assert found.loc["B", "usage_count_28d"] == 11
    assert found.loc["B", "subscriptions_mrr"] == 360
    assert np.isnan(found.loc["A", "usage_count_28d"])
    assert (found.loc["B", "size"], found.loc["B", "staff"]) == (50, 70), "what B says of itself holds"


def test_a_new_name_without_rows_of_its_own_has_all_of_the_old_one():
    found = features_of(with_activity([("A", "renamed", "2024-03-01")]), "2024-06-01")
    assert found.loc["renamed", ["usage_count_28d", "size", "staff"]].tolist() == [1, 5, 7]


@pytest.mark.parametrize("since", ["2024-03-01", "2024-03-02", "2024-06-30"])
def test_a_row_from_a_date_on_changes_no_feature_of_that_date_or_before(since: str):
    """Features know what was known before their date: a merger of the very day is not."""
    plain = features_of(with_activity([]), "2024-03-01")
    joined = features_of(with_activity([("A", "B", since)]), "2024-03-01")
    pd.testing.assert_frame_equal(plain, joined)
    cut = features_of(with_activity([("A", "B", since)]).known_before(pd.Timestamp("2024-03-01")), "2024-03-01")
    pd.testing.assert_frame_equal(plain, cut)


def test_a_row_of_a_later_date_changes_no_snapshot():
    date, both = pd.Timestamp("2024-03-01"), [subscription(a, "2023-01-01") for a in "AB"]
    plain, joined = (
        customer_snapshots(company_of(both, UNTIL, lineage=rows), [date]).rows
        for rows in ([], [("A", "B", "2024-03-02")])
    )
    pd.testing.assert_frame_equal(plain, joined)
    on_the_day = company_of(both, UNTIL, lineage=[("A", "B", "2024-03-01")])
    assert customer_snapshots(on_the_day, [date]).rows["mrr"].tolist() == [200.0]


def test_rows_at_or_after_the_end_of_the_data_do_not_exist():
    tables = company_of(merged(), UNTIL, lineage=[("A", "B", UNTIL), ("B", "C", "2024-06-30")])
    assert len(tables.lineage_table.rows) == 1
    assert "C" in tables.accounts
    assert tables.known_before(pd.Timestamp("2024-06-30")).lineage is None


# --- what contradicts itself

WITH_LINEAGE = parse_settings(
    {"lineage": {"source": "l.csv"}, "tables": {"subscriptions": {**SUBSCRIPTIONS, "product": None, "cancelled": None}}}
)


def lineage_of(rows: list[tuple[str | None, str | None, str | None]]) -> AccountTables:
    frames = {
        "subscriptions": pd.DataFrame([subscription(a, "2023-01-01") for a in "ABCDEF"]),
        "lineage": pd.DataFrame(rows, columns=["account_id", "is_now", "from_date"]),
    }
    return assemble(WITH_LINEAGE, frames, [], UNTIL)


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        ([("A", "A", "2023-05-01")], {"self_reference": 1}),
        ([("A", "B", "2023-05-01"), ("A", "C", "2023-05-01")], {"conflicting_target": 2}),
        ([("A", "B", "2023-05-01"), ("A", "B", "2023-05-01")], {"duplicate_row": 1}),
        ([("A", "B", "2023-05-01"), ("B", "A", "2023-08-01")], {"circular_lineage": 1}),
        ([("A", "B", "2023-05-01"), ("B", "C", "2023-06-01"), ("C", "A", "2023-08-01")], {"circular_lineage": 1}),
        ([("A", "", "2023-05-01")], {"missing_target": 1}),
        ([("", "B", "2023-05-01")], {"missing_key": 1}),
        ([("A", "B", "no date")], {"bad_date": 1}),
        ([("A", "B", None)], {"missing_date": 1}),
        ([("A", "B", "2100-01-01")], {"future_date": 1}),
        ([("A", "B", "2023-05-01"), ("A", "C", "2023-08-01")], {}),
    ],
)
def test_what_contradicts_itself_is_refused_and_counted(rows: list[Any], refused: dict[str, int]):
    tables = lineage_of(rows)
    found = {p.rule: p.count for p in tables.problems if p.table == "lineage" and p.level == "quarantine"}
    assert found == refused
    table = tables.everything_read["lineage"]
    assert (table.rows_read, table.rows_quarantined) == (len(rows), sum(refused.values()))
    assert table.rows_used == len(table.rows)
    assert len(tables.quarantine.get("lineage", [])) == sum(refused.values())


def test_the_order_of_the_file_does_not_choose_what_is_refused():
    rows = [("A", "B", "2023-05-01"), ("B", "A", "2023-05-01"), ("C", "D", "2023-05-01"), ("D", "C", "2023-08-01")]
    forward, backward = (lineage_of(order) for order in (rows, rows[::-1]))
    at = pd.Timestamp("2024-01-01")
    assert forward.lineage.now(at).tolist() == backward.lineage.now(at).tolist()


def test_an_account_that_no_table_has_is_named_and_changes_nothing():
    tables = lineage_of([("mistyped", "A", "2023-05-01"), ("A", "new id", "2023-06-01")])
    assert [(p.rule, p.examples) for p in tables.problems if p.table == "lineage"] == [
        ("unknown_account", ("'mistyped'",))
    ]
    assert "new id" in tables.accounts and "mistyped" not in tables.accounts


def test_a_missing_column_fails_the_lineage():
    frames = {
        "subscriptions": pd.DataFrame([subscription("A", "2023-01-01")]),
        "lineage": pd.DataFrame({"account_id": ["A"]}),
    }
    tables = assemble(WITH_LINEAGE, frames, [], UNTIL)
    assert {(p.rule, p.column) for p in tables.problems if p.level == "fail"} == {
        ("missing_column", "is_now"),
        ("missing_column", "from_date"),
    }
    assert tables.lineage is None


def test_a_table_may_not_have_the_name_of_the_lineage():
    document = {"lineage": {"source": "l.csv"}, "tables": {"lineage": {"shape": "attributes", "source": "x.csv"}}}
    with pytest.raises(SettingsError, match="taken by the section"):
        assemble(parse_settings(document), {}, [], UNTIL)


# --- what always holds


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 20)), max_size=8))
def test_what_an_account_is_known_as_is_an_account_that_is_itself(rows):
    since = pd.Timestamp("2023-01-01")
    names = "ABCDEF"
    days = [f"{since + pd.Timedelta(days=n):%Y-%m-%d}" for _, _, n in rows]
    tables = lineage_of([(names[a], names[b], d) for (a, b, _), d in zip(rows, days, strict=True)])
    for n in range(0, 21, 4):
        moment = since + pd.Timedelta(days=n)
        now = np.arange(6) if tables.lineage is None else tables.lineage.now(moment)
        assert (now[now] == now).all()
        paid = Revenue(tables).mrr_at(moment)
        assert paid.sum() == 600 * PARTS, "whoever it counts for, it counts once"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=2, max_size=6),
    st.lists(st.integers(0, 5), min_size=5, max_size=5),
)
def test_shared_ends_add_up_and_have_one_ratio(cents, joins):
    rows = []
    for i, (starting, ending) in enumerate(cents):
        rows.append(subscription(f"a{i}", "2023-01-01", MERGED, starting / 100))
        rows.append(subscription(f"a{i}", MERGED, None, ending / 100))
    lineage = [(f"a{i}", f"a{j}", MERGED) for i, j in enumerate(joins, 1) if i < len(cents) and j < i]
    tables = company_of(rows, UNTIL, lineage=lineage)
    revenue = Revenue(tables)
    start = pd.Timestamp(START)
    ends = window_ends(revenue, tables.settings, start)
    assert ends.sum() == sum(ending for _, ending in cents) * PARTS // 100
    now = np.arange(len(cents)) if tables.lineage is None else tables.lineage.now(pd.Timestamp(END))
    starting = revenue.mrr_at(start)
    for group in np.unique(now):
        own = now == group
        exact = starting[own] * (int(ends[own].sum()) / int(starting[own].sum()))
        assert np.abs(ends[own] - exact).max() <= 1 + 1e-9 * exact.max()


def test_known_as_follows_a_row_that_replaces_an_earlier_one():
    lineage = KnownAs(np.array([0, 0]), np.array([1, 2]), np.array(["2023-01-01", "2024-01-01"], "M8[us]"), 3)
    assert lineage.now(pd.Timestamp("2023-06-01")).tolist() == [1, 1, 2]
    assert lineage.now(pd.Timestamp("2024-06-01")).tolist() == [2, 1, 2]
    assert lineage.before(pd.Timestamp("2023-01-01")) is None


def test_rows_of_a_request_need_no_lineage_of_their_own():
    tables = tables_from_records(WITH_LINEAGE, {"subscriptions": [subscription("A", "2023-01-01")]}, data_until=UNTIL)
    assert (tables.lineage, tables.everything_read["lineage"].rows_read) == (None, 0)
    assert not [problem for problem in tables.problems if problem.table == "lineage"]
