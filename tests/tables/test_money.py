"""Amounts and currencies as they are written: exact where the settings say how, refused in words where they do not."""

import pandas as pd
import pytest

from leap.errors import RevenueError
from leap.revenue import PARTS, Revenue
from tests.tables.companies import one_table, problem_of, said
from tests.worlds import company_of, subscription

REVENUE = {"shape": "periods", "role": "revenue", "amount": "mrr", "product": "product"}
HEADER = "account_id,product,started_on,ended_on,mrr\n"


def terms(*amounts: str) -> str:
    return HEADER + "".join(f'a,p{i},2023-01-01,,"{amount}"\n' for i, amount in enumerate(amounts))


@pytest.mark.parametrize(
    ("written", "decimal", "read"),
    [
        ("1200.50", ".", 1200.5),
        ("+5", ".", 5.0),
        (".5", ".", 0.5),
        ("1e3", ".", 1000.0),
        ("$1,200", ".", None),
        ("1,200", ".", None),
        ("1.200,00", ".", None),
        ("€5", ".", None),
        ("(5.00)", ".", None),
        ("5%", ".", None),
        ("1_000", ".", None),
        ("0x1F", ".", None),
        ("１２", ".", None),
        ("1e999", ".", None),
        ("-inf", ".", None),
        ("1.200,50", ",", 1200.5),
        ("1 200,50", ",", 1200.5),
        ("1\u00a0200\u202f300,5", ",", 1200300.5),
        ("1200,5", ",", 1200.5),
        ("1.200", ",", 1200.0),
        ("5", ",", 5.0),
        ("1.5", ",", None),
        ("1.20,5", ",", None),
        ("1,200.50", ",", None),
    ],
)
def test_an_amount_is_read_by_the_decimal_sign_or_refused(written, decimal, read):
    tables = one_table(terms(written, "7"), **REVENUE, decimal=decimal)
    rows = tables.tables["t"].rows["_amount"].tolist()
    assert rows == ([7.0] if read is None else [read, 7.0])
    assert said(tables) == ([("quarantine", "mrr", "bad_number", 1)] if read is None else [])


def test_a_decimal_comma_is_recognised_in_words():
    assert 'set decimal = ","' in problem_of(one_table(terms("1.200,00", "5,5"), **REVENUE), "t", "bad_number").remedy
    # Twelve hundred may be meant.
    assert "decimal = " not in problem_of(one_table(terms("1,200", "5,500"), **REVENUE), "t", "bad_number").remedy


def test_points_that_may_part_thousands_are_named():
    tables = one_table(terms("1.200", "12.500", "900", "3.000"), **REVENUE)
    assert said(tables) == [("warn", "mrr", "ambiguous_number", 3)]
    assert 'decimal = ","' in problem_of(tables, "t", "ambiguous_number").remedy
    assert said(one_table(terms("1.200", "12.500", "900", "3.05"), **REVENUE)) == []
    assert said(one_table(terms("0.200", "12.500", "900", "3.000"), **REVENUE)) == []


@pytest.mark.parametrize("word", ["NaN", "NULL", "n/a", "None", "-", ""])
def test_an_amount_that_says_nothing_is_missing(word):
    assert said(one_table(terms(word, "5"), **REVENUE)) == [("quarantine", "mrr", "missing_number", 1)]


def test_infinite_and_missing_numbers_of_parquet_are_refused():
    frame = pd.DataFrame(
        {"account_id": list("abc"), "product": "p", "started_on": "2023-01-01", "ended_on": None, "mrr": [float("inf"), float("nan"), 1.0]}
    )  # fmt: skip
    assert said(one_table(frame, **REVENUE)) == [
        ("quarantine", "mrr", "bad_number", 1),
        ("quarantine", "mrr", "missing_number", 1),
    ]


@pytest.mark.parametrize(
    ("per", "mrr"),
    [("month", 2000.0), ("quarter", 666.666667), ("half-year", 333.333333), ("year", 166.666667), ("week", 8666.666667), ("day", 60875.0)],
)  # fmt: skip
def test_amounts_of_other_periods_are_a_month_s_to_the_millionth(per, mrr):
    tables = company_of([subscription("a", "2023-01-01", mrr=2000)], "2024-01-01", revenue={"amount_per": per})
    assert Revenue(tables).mrr_at(pd.Timestamp("2023-06-01")).tolist() == pytest.approx([mrr * PARTS], abs=6)


def test_an_amount_is_quantity_times_price():
    orders = (
        "account_id,day,pieces,each,currency\na,2023-01-01,3,19.99,USD\na,2023-01-02,x,1,USD\na,2023-01-03,2,,USD\n"
    )
    spec = {"shape": "events", "role": "revenue", "at": "day", "quantity": "pieces", "price": "each", "currency": "currency"}  # fmt: skip
    tables = one_table(orders, **spec)
    assert tables.tables["t"].rows["_amount"].round(6).tolist() == [59.97]
    assert tables.tables["t"].rows["_quantity"].tolist() == [3.0]
    assert said(tables) == [("quarantine", "pieces", "bad_number", 1), ("quarantine", "each", "missing_number", 1)]
    assert tables.tables["t"].left_out == ()
    negative = one_table("account_id,day,pieces,each\na,2023-01-01,-1,5\n", **{**spec, "currency": None})
    assert said(negative)[0] == ("quarantine", "pieces", "negative_amount", 1)
    credits = one_table(
        "account_id,day,pieces,each\na,2023-01-01,-1,5\n", **{**spec, "currency": None, "credit_notes": True}
    )
    assert credits.tables["t"].rows["_amount"].tolist() == [-5.0]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("usd", ("warn", "currency", "currency_spelling", 1)),
        (" USD ", ("warn", "currency", "currency_spelling", 1)),
        ("", ("quarantine", "currency", "missing_currency", 1)),
        ("US$", ("quarantine", "currency", "bad_currency", 1)),
        ("Dollar", ("quarantine", "currency", "bad_currency", 1)),
        ("EUR", ("fail", "currency", "currency_without_rate", 1)),
    ],
)
def test_currencies_are_codes_with_rates(code, problem):
    text = "account_id,started_on,ended_on,mrr,currency\na,2023-01-01,,5,USD\n" + f"b,2023-01-01,,5,{code}\n"
    tables = one_table(text, shape="periods", role="revenue", amount="mrr", currency="currency")
    assert said(tables) == [problem]


def test_rates_that_begin_after_the_amounts_are_named_and_hold_from_then_on():
    rates = {"fx": {"shape": "market", "role": "rates", "source": "fx.csv", "indicator": "code"}}
    rate = {"code": "EUR", "value": 1.1}
    revenue = {"currency": "currency"}
    early = company_of(
        [subscription("a", "2023-01-01", currency="EUR")], "2024-01-01", revenue=revenue, tables=rates, records={"fx": [{**rate, "period": "2022-12-01"}]}
    )  # fmt: skip
    assert early.problems == ()
    late = company_of(
        [subscription("a", "2023-01-01", currency="EUR")], "2024-01-01", revenue=revenue, tables=rates, records={"fx": [{**rate, "period": "2023-02-01"}]}
    )  # fmt: skip
    assert [(p.level, p.rule, p.count) for p in late.problems] == [("warn", "rates_begin_later", 1)]
    assert Revenue(late).mrr_at(pd.Timestamp("2023-03-01")).tolist() == [110 * PARTS]
    with pytest.raises(RevenueError, match="No rate for EUR at 2023-01-15"):
        Revenue(late).mrr_at(pd.Timestamp("2023-01-15"))


def test_declared_numbers_with_a_decimal_comma_are_features_like_others():
    text = "account_id;share\na;0,5\nb;1.000,25\nc;n/a\nd;few\n" + "".join(f"e{i};{i},5\n" for i in range(20))
    tables = one_table(text, shape="attributes", decimal=",", columns={"share": {}})
    assert tables.tables["t"].rows["share"].tolist()[:4] == ["0.5", "1000.25", "n/a", "few"]
    assert said(tables) == [("warn", "share", "bad_number", 1), ("warn", "share", "missing_word", 1)]


def test_a_currency_that_says_in_a_word_that_there_is_none_is_missing():
    rows = "".join(f"a{i},2024-01-01,,5,{word}\n" for i, word in enumerate(["NaN", "n/a", "NULL", "USD"]))
    tables = one_table(
        f"account_id,started_on,ended_on,mrr,currency\n{rows}",
        shape="periods", role="revenue", amount="mrr", currency="currency",
    )  # fmt: skip
    assert said(tables) == [("quarantine", "currency", "missing_currency", 3)]
    assert tables.tables["t"].rows["_account_id"].tolist() == ["a3"]


def test_a_negative_quantity_is_named_by_its_own_column():
    tables = one_table(
        "account_id,occurred_at,n,price\na,2024-01-01,-2,10.10\nb,2024-01-01,2,-5\nc,2024-01-01,-2,-5\nd,2024-01-01,1,7\n",
        shape="events", role="revenue", quantity="n", price="price",
    )  # fmt: skip
    assert said(tables) == [
        ("quarantine", "n", "negative_amount", 2),
        ("quarantine", "price", "negative_amount", 1),
    ]
    assert tables.tables["t"].rows["_amount"].tolist() == [7.0]


PARTED = 'account_id,started_on,ended_on,mrr\na,2023-01-01,,"$1,234.50"\nb,2023-01-01,,99.00\nc,2023-01-01,,"USD 12,000.00"\n'


def test_numbers_with_commas_between_thousands_are_read_once_that_is_declared():
    tables = one_table(PARTED, shape="periods", role="revenue", amount="mrr", thousands=",")
    assert said(tables) == []
    assert tables.tables["t"].rows["_amount"].tolist() == [1234.5, 99.0, 12000.0]


def test_undeclared_they_are_refused_with_what_to_set():
    tables = one_table(PARTED, shape="periods", role="revenue", amount="mrr")
    assert said(tables) == [("quarantine", "mrr", "bad_number", 2)]
    assert 'thousands = ","' in problem_of(tables, "t", "bad_number").remedy


@pytest.mark.parametrize("wrong", ["1,23", "1,2345", "12,34.5", "(5)", "1.234,50", "$", "5 apples"])
def test_what_is_not_parted_in_threes_is_still_refused(wrong):
    text = f'account_id,started_on,ended_on,mrr\na,2023-01-01,,"{wrong}"\nb,2023-01-01,,5\n'
    tables = one_table(text, shape="periods", role="revenue", amount="mrr", thousands=",")
    assert said(tables) == [("quarantine", "mrr", "bad_number", 1)]


def test_a_feature_is_read_in_the_same_form():
    text = "account_id,size\n" + "".join(f'a{i},"{i + 1},000.5"\n' for i in range(20))
    tables = one_table(text, shape="attributes", thousands=",", columns={"size": {}})
    assert said(tables) == [] and tables.tables["t"].rows["size"].tolist()[:2] == ["1000.5", "2000.5"]
