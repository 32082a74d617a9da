"""A change of unit or of type is found with its date and size; growth, noise and new products are not taken for one."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.tables import assemble
from leap.tables.changes import turning_date, unit_change
from tests.tables.companies import one_table, problem_of, said

USAGE = {"shape": "events", "at": "day", "quantity": "n"}


def months(n: int, rows_a_month: int, seed: int = 0) -> tuple[np.ndarray, np.random.Generator]:
    """Sorted days over so many months from January 2022."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.integers(0, n * 30, n * rows_a_month))
    return np.datetime64("2022-01-01", "us") + days.astype("timedelta64[D]"), rng


@pytest.mark.parametrize("factor", [10.0, 1000.0, 100.0, 0.001, 0.1, 60.0])
@pytest.mark.parametrize("rows_a_month", [4, 40, 2000])
def test_a_change_of_unit_is_found_with_its_day_and_factor(factor, rows_a_month):
    at, rng = months(30, rows_a_month)
    since = np.datetime64("2023-08-17", "us")
    values = rng.lognormal(3, 0.5, len(at)) * np.where(at >= since, factor, 1.0)
    change = unit_change(at, values)
    assert change is not None and change.size == pytest.approx(factor, rel=0.35)
    if factor != 60:
        assert change.size == factor
    assert abs(change.since - since) <= np.timedelta64(15 if rows_a_month == 4 else 2, "D")
    assert change.count == (at >= change.since).sum()


@pytest.mark.parametrize("factor", [12.0, 1000.0])
def test_the_factor_is_right_where_few_values_scatter_and_grow(factor):
    near = 0
    for seed in range(25):
        at, rng = months(24, 18, seed)
        values = rng.lognormal(3, 0.6, len(at)) * np.linspace(1, 3, len(at))
        change = unit_change(at, values * np.where(at >= np.datetime64("2023-02-11"), factor, 1.0))
        near += change is not None and abs(change.size / factor - 1) < 0.25
    assert near >= 22


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "name",
    ["growth", "fast growth", "season", "spike", "heavy tails", "few", "constant", "zeros", "small steps", "decline"],
)
def test_what_only_grows_or_fluctuates_is_no_change_of_unit(name, seed):
    at, rng = months(36, 1 if name == "few" else 30, seed)
    month = (at.astype("datetime64[M]") - np.datetime64("2022-01")).astype(int)
    noise = rng.lognormal(3, 0.4, len(at))
    values = {
        "growth": noise * 1.08**month,
        "fast growth": noise * 1.6**month,
        "season": noise * np.where(month % 12 == 11, 12.0, 1.0),
        "spike": noise * np.where((month > 20) & (month < 24), 1000.0, 1.0),
        "heavy tails": rng.pareto(0.7, len(at)) + 1,
        "few": noise[:36],
        "constant": np.full(len(at), 5.0),
        "zeros": np.where(month < 18, 0.0, noise),
        "small steps": noise * np.where(month < 18, 1.0, 5.0),
        "decline": noise * 0.7**month,
    }[name]
    assert unit_change(at, values) is None


def usage(kinds: list[tuple[str, float]], more: str = "") -> str:
    at, rng = months(24, 40)
    lines = []
    for i, day in enumerate(at.astype("datetime64[D]")):
        kind, size = kinds[i % len(kinds)]
        lines.append(f"a{i % 7},{day},{kind},{rng.lognormal(3, 0.4) * size:.3f}")
    return "account_id,day,kind,n\n" + "\n".join(lines) + more + "\n"


def test_check_names_table_column_date_and_factor():
    at, _ = months(24, 40)
    text = usage([("x", 1.0)]).splitlines()
    since = np.datetime64("2023-05-01")
    late = [i for i, day in enumerate(at.astype("datetime64[D]")) if day >= since]
    for i in late:
        cells = text[i + 1].split(",")
        text[i + 1] = ",".join([*cells[:3], str(float(cells[3]) * 1000)])
    tables = one_table("\n".join(text) + "\n", **USAGE, columns={"n": {}})
    assert said(tables) == [("warn", "n", "unit_change", len(late))]
    found = problem_of(tables, "t", "unit_change").to_json()
    assert (found["column"], found["size"], found["since"]) == ("t.n", 1000.0, str(at[late[0]].astype("datetime64[D]")))
    assert tables.tables["t"].rows_used == len(at)


def test_a_new_kind_of_larger_events_is_no_change_of_unit():
    first = usage([("login", 1.0)])
    second = usage([("seconds", 5000.0)]).split("\n", 1)[1].replace(",2022-", ",2024-").replace(",2023-", ",2025-")
    assert said(one_table(first + second, **USAGE)) != []
    assert said(one_table(first + second, **USAGE, kind="kind")) == []


def test_amounts_of_revenue_are_looked_at_by_currency_and_product():
    terms = [(f"2022-{i % 12 + 1:02d}-01", "USD", 50 + i % 20) for i in range(60)]
    terms += [(f"2023-{i % 12 + 1:02d}-01", "JPY", 9000 + i % 20) for i in range(60)]
    text = "account_id,started_on,ended_on,mrr,currency\n" + "".join(
        f"a{i},{d},,{m},{c}\n" for i, (d, c, m) in enumerate(terms)
    )
    spec = {"shape": "periods", "role": "revenue", "amount": "mrr"}
    assert [p[2] for p in said(one_table(text, **spec, currency="currency"))] == ["currency_without_rate"]
    assert ("warn", "mrr", "unit_change", 60) in said(one_table(text, **spec))


def test_numbers_that_became_words_are_dated():
    lines = [f"a{i},2023-{i // 10 + 1:02d}-0{i % 9 + 1},{i if i < 70 else 'tier ' + str(i % 3)}" for i in range(100)]
    tables = one_table("account_id,observed_at,size\n" + "\n".join(lines) + "\n", shape="history", columns={"size": {}})
    assert ("warn", "size", "retyped", 30) in said(tables)
    assert problem_of(tables, "t", "retyped").since == "2023-08-01"
    turned = turning_date(np.arange(20).astype("datetime64[D]"), np.arange(20) < 8)
    assert turned is not None and (turned[1], turned[2]) == (False, 12)
    mixed = np.arange(20) % 2 == 0
    assert turning_date(np.arange(20).astype("datetime64[D]"), mixed) is None


def test_words_among_numbers_without_dates_are_counted():
    text = "account_id,size\n" + "".join(f"a{i},{i if i % 3 else 'many'}\n" for i in range(30))
    tables = one_table(text, shape="attributes", columns={"size": {}})
    assert said(tables) == [("warn", "size", "mixed_types", 10)]
    codes = "account_id,size\n" + "".join(f"a{i},{'7' if i == 3 else 'A' + str(i % 4)}\n" for i in range(30))
    assert said(one_table(codes, shape="attributes", columns={"size": {}})) == []


def test_an_attribute_that_is_dated_by_known_at_is_looked_at_too():
    at, rng = months(24, 40)
    values = rng.lognormal(3, 0.4, len(at)) * np.where(at >= np.datetime64("2023-01-01"), 100.0, 1.0)
    frame = pd.DataFrame({"account_id": [f"a{i}" for i in range(len(at))], "loaded": at, "size": values})
    tables = one_table(frame, shape="attributes", known_at="loaded", columns={"size": {}})
    assert problem_of(tables, "t", "unit_change").size == 100.0


def terms(ends: dict[str, int]) -> pd.DataFrame:
    """Accounts that start in 2023, of which so many end on each date; the empty date is still there."""
    rows = [end for end, many in ends.items() for _ in range(many)]
    accounts = [f"a{i}" for i in range(len(rows))]
    return pd.DataFrame({"account_id": accounts, "started_on": "2023-01-15", "ended_on": rows, "mrr": "100"})


REVENUE: dict[str, Any] = {"shape": "periods", "role": "revenue", "amount": "mrr"}


def test_half_of_all_accounts_ending_on_one_day_is_said():
    """A billing system that was left closes everything; each of these would count as churn."""
    tables = one_table(terms({"2024-03-01": 10, "2024-06-30": 30, "2024-08-01": 1, "": 25}), **REVENUE)
    (problem,) = [p for p in tables.problems if p.rule == "ended_together"]
    assert (problem.level, problem.column, problem.since) == ("warn", "ended_on", "2024-06-30")
    assert problem.count == 30 and problem.share == 30 / 56


def test_many_ends_of_few_accounts_or_in_the_future_are_not_said():
    for ends in ({"2024-06-30": 19, "": 5}, {"2024-06-30": 30, "": 40}, {"2030-06-30": 60, "2024-06-30": 5}):
        assert not [p for p in one_table(terms(ends), **REVENUE).problems if p.rule == "ended_together"]


def test_usage_after_a_data_end_that_was_given_does_not_lie_apart():
    """What was known a year ago is judged by the rows of that time; without a given end the newer extract is named."""
    usage = pd.DataFrame({"account_id": "a1", "day": pd.date_range("2023-01-01", "2025-01-01", freq="7D").astype(str)})
    declared = {
        "revenue": {**REVENUE, "source": "r.csv"},
        "usage": {"shape": "events", "at": "day", "source": "u.csv"},
    }
    frames = {"revenue": terms({"2024-03-01": 1, "": 3}), "usage": usage}
    for until, apart in (("2024-06-01", 0), (None, 1)):
        problems = assemble(parse_settings({"tables": declared}), frames, [], until).problems
        assert len([p for p in problems if p.rule == "ends_apart"]) == apart
