"""Revenue from orders: the trailing months make the MRR, returns count against it, and less than nothing is nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import TableError
from leap.revenue import PARTS, Retention, Revenue, retention
from leap.sources import read_workspace
from leap.tables import AccountTables
from tests.worlds import company_of, position

START, END = "2023-06-01", "2024-06-01"


def orders(rows: list[tuple[str, str, float]], *, revenue: dict[str, Any] | None = None, **more: Any) -> AccountTables:
    return company_of(
        [{"account_id": a, "occurred_at": at, "mrr": money} for a, at, money in rows],
        "2024-07-01",
        revenue={"shape": "events", "credit_notes": True, "product": None, "cancelled": None, **(revenue or {})},
        **more,
    )


def retained(tables: AccountTables, start: str = START, end: str = END) -> Retention:
    return retention(tables, pd.Timestamp(start), pd.Timestamp(end))


def mrr(tables: AccountTables, account: str, moment: str) -> float:
    return Revenue(tables).mrr_at(pd.Timestamp(moment))[position(tables, account)] / PARTS


@pytest.mark.parametrize(
    ("months", "moment", "counted"),
    [
        (3, "2023-06-01", ["2023-03-01", "2023-05-31"]),
        (1, "2023-03-31", ["2023-02-28", "2023-03-30"]),  # a month before the 31st of March is the 28th of February
        (3, "2024-05-31", ["2024-02-29", "2024-05-30"]),
        (12, "2024-02-29", ["2023-02-28", "2024-02-28"]),
        (6, "2023-12-31", ["2023-06-30", "2023-12-30"]),
    ],
)
def test_the_months_looked_back_on_are_calendar_months_and_half_open(months: int, moment: str, counted: list[str]):
    before = f"{pd.Timestamp(counted[0]) - pd.Timedelta(days=1):%Y-%m-%d}"
    rows = [("a", at, 12.0) for at in counted] + [("a", before, 1000.0), ("a", moment, 1000.0)]
    tables = orders(rows, revenue={"trailing_months": months})
    assert mrr(tables, "a", moment) == 24.0 / months


def test_a_third_of_an_amount_is_kept_whole():
    tables = orders([("a", "2023-05-01", 100.0), ("b", "2023-05-01", 100.0), ("c", "2023-05-01", 100.0)])
    assert round(mrr(tables, "a", START), 2) == 33.33
    assert retained(tables).figures.starting_mrr == 100.0


def test_credit_notes_that_outweigh_the_orders_count_as_nothing_and_are_reported():
    rows = [
        ("a", "2023-05-01", 300.0), ("a", "2024-05-01", 150.0),
        ("b", "2023-01-01", 90.0), ("b", "2023-05-01", -60.0),
        ("c", "2023-05-01", 30.0), ("c", "2024-04-01", -90.0), ("c", "2024-05-01", 60.0),
    ]  # fmt: skip
    found = retained(orders(rows))
    assert (found.figures.accounts, found.figures.starting_mrr, found.figures.ending_mrr) == (2, 110.0, 50.0)
    assert (found.book_starting_mrr, found.book_ending_mrr) == (110.0, 50.0)
    document = found.to_json()
    assert document["below_zero"] == {
        "starting": {"accounts": 1, "amount": -20.0},
        "ending": {"accounts": 1, "amount": -10.0},
    }
    assert len([note for note in document["notes"] if "outweigh" in note]) == 2


def test_negative_orders_are_refused_where_no_credit_notes_are_declared():
    with pytest.raises(TableError, match="negative"):
        orders([("a", "2023-05-01", -1.0)], revenue={"credit_notes": False})


def test_that_a_gap_is_not_looked_for_in_orders_is_said():
    found = retained(orders([("a", "2023-05-01", 9.0)], outcome={"max_gap_days": 30}))
    assert any("max_gap_days is not applied" in note for note in found.notes)
    assert found.to_json()["gap_days"] is None


def test_orders_in_two_currencies_are_added_at_the_rates_of_the_start():
    rates = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    rows = [("a", "2023-05-01", 30.0, "EUR"), ("a", "2023-05-02", 30.0, "USD"), ("a", "2024-05-01", 60.0, "EUR")]
    tables = company_of(
        [{"account_id": a, "occurred_at": at, "mrr": money, "currency": c} for a, at, money, c in rows], "2024-07-01",
        revenue={"shape": "events", "credit_notes": True, "product": None, "cancelled": None, "currency": "currency"},
        tables={"rates": rates},
        records={"rates": [{"indicator": "EUR", "period": p, "value": v} for p, v in (("2023-01-01", 2), (END, 3))]},
    )  # fmt: skip
    found = retained(tables)
    assert (found.figures.starting_mrr, found.figures.ending_mrr) == (30.0, 40.0)
    assert found.rates_effect.effect == 20.0


ORDER = st.tuples(st.sampled_from("abc"), st.integers(0, 700), st.integers(-5000, 20_000))


@settings(max_examples=30, deadline=None)
@given(st.lists(ORDER, min_size=1, max_size=20), st.sampled_from([1, 2, 3, 5, 12]), st.integers(300, 600))
def test_mrr_of_orders_is_plain_arithmetic(drawn, months, at):
    since = pd.Timestamp("2022-06-01")
    rows = [(a, since + pd.Timedelta(days=n), cents) for a, n, cents in drawn]
    tables = orders(
        [(a, f"{day:%Y-%m-%d}", cents / 100) for a, day, cents in rows], revenue={"trailing_months": months}
    )
    moment = since + pd.Timedelta(days=at)
    begin = moment - pd.DateOffset(months=months)
    for account in tables.accounts:
        total = sum(cents for a, day, cents in rows if a == account and begin <= day < moment)
        assert mrr(tables, account, str(moment)) == pytest.approx(max(total, 0) / 100 / months, abs=1e-7)


# --- real orders


@pytest.fixture(scope="module", params=["amount", "price"])
def wholesaler(request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the lines of a wholesaler's invoices, returns among them: their amounts, or units and prices."""
    folder = tmp_path_factory.mktemp("wholesaler")
    lines = pd.read_parquet(shared_data / "online_retail" / "uci_online_retail.parquet")
    lines["amount"] = (lines["Quantity"] * lines["UnitPrice"]).round(6)
    lines.to_parquet(folder / "lines.parquet", index=False)
    money = {"amount": "amount = 'amount'", "price": "quantity = 'Quantity'\nprice = 'UnitPrice'"}[request.param]
    (folder / "leap.toml").write_text(
        "[company]\ncurrency = 'GBP'\n[outcome]\nhorizon_months = 6\n[tables.lines]\nshape = 'events'\n"
        "role = 'revenue'\nsource = 'lines.parquet'\nkey = 'CustomerID'\nat = 'InvoiceDate'\n"
        f"credit_notes = true\n{money}\n"
    )
    return folder


@pytest.mark.needs_data
def test_retention_of_real_orders_is_plain_arithmetic_to_the_cent(wholesaler: Path):
    """541,909 lines, of which 135,080 name no customer; pandas adds up the same lines in whole ten-thousandths."""
    tables = read_workspace(wholesaler)
    lines = pd.read_parquet(wholesaler / "lines.parquet")
    named = lines[lines["CustomerID"].notna()]
    table = tables.tables["lines"]
    assert (table.rows_read, table.rows_quarantined) == (len(lines), len(lines) - len(named))
    assert {(p.rule, p.count) for p in tables.problems if p.level == "quarantine"} == {("missing_key", 135_080)}

    amount = (named["amount"] * 10_000).round().astype(int)

    def trailing(moment: str) -> "pd.Series[int]":
        at = pd.Timestamp(moment)
        inside = (named["InvoiceDate"] >= at - pd.DateOffset(months=3)) & (named["InvoiceDate"] < at)
        return amount[inside].groupby(named["CustomerID"][inside]).sum()

    start, end = trailing("2011-04-01"), trailing("2011-10-01")
    paid = start[start > 0]
    after = end.reindex(paid.index).fillna(0).clip(lower=0)
    found = retained(tables, "2011-04-01", "2011-10-01")
    assert found.figures.accounts == len(paid)
    assert round(found.figures.starting_mrr, 2) == round(paid.sum() / 30_000, 2)
    assert round(found.figures.ending_mrr, 2) == round(after.sum() / 30_000, 2)
    assert found.figures.nrr == pytest.approx(after.sum() / paid.sum(), rel=1e-12)
    assert found.figures.grr == pytest.approx(np.minimum(paid, after).sum() / paid.sum(), rel=1e-12)
    assert found.figures.logo_churn == (after == 0).sum() / len(paid)
    below = found.below_zero["ending"]
    assert (below.accounts, round(below.amount, 2)) == ((end < 0).sum(), round(end[end < 0].sum() / 30_000, 2))
    assert round(found.book_ending_mrr, 2) == round(end.clip(lower=0).sum() / 30_000, 2)
    assert found.movements is None


@pytest.mark.parametrize(("start", "is_said"), [("2023-01-01", False), ("2023-02-15", True), ("2023-04-01", False)])
def test_a_window_that_begins_before_the_first_trailing_months_are_full_says_so(start: str, is_said: bool):
    tables = orders([("a", f"2023-{month:02d}-01 08:30:00", 30.0) for month in range(1, 13)])
    found = retained(tables, start, "2023-12-01")
    assert any("From 2023-04-01 on it is right" in note for note in found.notes) == is_said
