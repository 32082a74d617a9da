"""Conditions on customers: read as written, matched by kind, missing values by name; and who is who after a merger."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import UsageError
from leap.scoring.subsets import Column, Condition, Customers, chosen
from leap.scoring.waterfall import keys_at
from tests.worlds import company_of, subscription

MOMENT = pd.Timestamp("2024-01-01")


def customers(account_ids: list[str], **columns: list[Any]) -> Customers:
    """Customers of whom only what tables say is known; `columns` are those of an attributes table."""
    names = list(columns)
    rows = [
        dict(zip(("account_id", *names), values, strict=True))
        for values in zip(account_ids, *columns.values(), strict=True)
    ]
    firms = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {n: {"label": n.title()} for n in names}}}
    terms = [subscription(a, "2023-01-01") for a in account_ids]
    tables = company_of(terms, "2024-06-01", tables=firms, records={"firms": rows})
    catalog = SimpleNamespace(by_name={})
    bundle = SimpleNamespace(settings=tables.settings, icp=SimpleNamespace(profiles=()), catalog=catalog)
    n = len(account_ids)
    table = SimpleNamespace(
        account_ids=account_ids, names=account_ids, mrr=np.full(n, 100.0), leaving=np.zeros(n, dtype=bool),
        columns={}, matches=[], bundle=bundle, __len__=lambda: n,
    )  # fmt: skip
    return Customers(_Sized(table, n), tables, MOMENT)  # type: ignore[arg-type]


class _Sized:
    """A table that has a length beside its fields."""

    def __init__(self, fields: SimpleNamespace, n: int):
        self.__dict__.update(fields.__dict__)
        self._n = n

    def __len__(self) -> int:
        return self._n


FIRMS = customers(
    ["a", "b", "c", "d"],
    industry=["retail", "finance", "retail", None],
    size=["5", "1200", None, "30"],
    audited=["true", "false", "true", None],
    signed=["2020-05-01", "2021-02-03", "2023-12-31", None],
)


@pytest.mark.parametrize(
    ("condition", "who", "words"),
    [
        ("industry=retail", "ac", "Industry: retail"),
        ("industry == retail", "ac", "Industry: retail"),
        ("industry!=retail", "bd", "Industry: not retail"),
        ("firms.industry=finance", "b", "Industry: finance"),
        ("industry=(none)", "d", "Industry: not known"),
        ("industry!=(none)", "abc", "Industry: known"),
        ("size>=30", "bd", "Size: at least 30"),
        ("size<30", "a", "Size: under 30"),
        ("size>1200", "", "Size: more than 1,200"),
        ("size<=1200", "abd", "Size: at most 1,200"),
        ("size=5", "a", "Size: 5"),
        ("size!=5", "bcd", "Size: not 5"),
        ("audited=yes", "ac", "Audited"),
        ("audited!=true", "bd", "not: Audited"),
        ("signed>=2021-02-03", "bc", "Signed: from 2021-02-03"),
        ("signed<2021-01-01", "a", "Signed: before 2021-01-01"),
        ("account_id=b", "b", "Account: b"),
        ("mrr>100", "", "MRR: more than 100 USD a month"),
    ],
)
def test_a_condition_holds_for_whom_it_says(condition: str, who: str, words: str):
    (keep,), said = chosen([Condition.parse("--where", condition)], [FIRMS])
    assert ("".join(np.array(list("abcd"))[keep]), said) == (who, [words])


def test_several_are_joined_by_and():
    conditions = [Condition.parse("--where", text) for text in ("industry=retail", "size<100")]
    (keep,), _ = chosen(conditions, [FIRMS])
    assert keep.tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("signed>=soon", "compared with a date such as"),
        ("size=big", "compared with a number"),
        ("audited>true", "true or false has no order"),
        ("industry<retail", "text has no order"),
        ("industry<moon", "text has no order"),
        ("industry=retail and size<100", "Give --where once for each: --where '...' --where 'size<100'"),
        ("size>(none)", "a missing value has no order"),
        ("indutsry=retail", "did you mean 'industry'? Known: account_id"),
        ("industry=retial", "did you mean 'retail'? Known: finance, retail"),
    ],
)
def test_what_it_cannot_mean_is_refused(condition: str, said: str):
    with pytest.raises(UsageError) as failed:
        chosen([Condition.parse("--where", condition)], [FIRMS])
    assert said in str(failed.value) and condition in str(failed.value)


def test_a_value_of_one_date_alone_is_known():
    earlier = customers(["a"], industry=["media"])
    keep, _ = chosen([Condition.parse("--where", "industry=media")], [earlier, FIRMS])
    assert [int(kept.sum()) for kept in keep] == [1, 0]


def test_not_known_meets_nothing_but_not_equal():
    column = Column("Size", "", "number", np.array([np.nan, 1.0]))
    found = {op: Condition("", "size", op, "1").matches(column).tolist() for op in ("=", "!=", ">=", ">", "<=", "<")}
    assert [op for op, met in found.items() if met[0]] == ["!="]


def test_accounts_that_merged_or_were_renamed_until_the_later_date_are_one():
    rows = [
        subscription("a", "2023-01-01", "2023-06-01"),
        subscription("b", "2023-01-01"),
        subscription("c", "2023-01-01"),
    ]
    tables = company_of(rows, "2024-06-01", lineage=[("a", "b", "2023-06-01")])
    of_date: Any = SimpleNamespace(account_ids=["a", "b", "c"])
    before, after = (keys_at(of_date, tables, pd.Timestamp(day)) for day in ("2023-05-01", "2023-07-01"))
    assert len(set(before)) == 3
    assert after[0] == after[1] == before[1] and after[2] == before[2]
