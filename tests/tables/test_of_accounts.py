"""The rows of some accounts alone: whatever is made of them is what is made of them beside all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leap.features import build_features, discover_features
from leap.revenue import Revenue
from leap.tables import AccountTables
from leap.tables.canonical import KEY
from tests.worlds import company_of, everyone_at, position, rich_tables, subscription

TABLES = rich_tables()


@pytest.mark.parametrize("chosen", [[0], [2, 5], []])
def test_rows_of_others_are_gone_and_those_of_no_account_stay(chosen: list[int]) -> None:
    codes = np.array(chosen, dtype=np.int64)
    own = TABLES.of_accounts(codes)
    ids = set(TABLES.accounts[codes])
    assert set(own.accounts) <= ids
    for name, table in TABLES.tables.items():
        expected = int(table.rows[KEY].isin(ids).sum()) if KEY in table.rows else len(table.rows)
        assert len(own.tables[name].rows) == expected


@pytest.mark.parametrize("code", [0, 3, 7])
def test_features_and_mrr_of_an_account_alone_are_those_beside_all_others(code: int) -> None:
    account, catalog = str(TABLES.accounts[code]), discover_features(TABLES)
    own = TABLES.of_accounts(np.array([code]))
    for moment in pd.date_range("2022-03-01", TABLES.data_until, periods=5).normalize():
        everyone = build_features(TABLES, everyone_at(TABLES, moment), catalog).frame.iloc[[code]]
        alone = build_features(own, everyone_at(own, moment), catalog).frame
        one, other = (frame.reset_index(drop=True).astype(object) for frame in (alone, everyone))
        assert one.where(one.notna(), None).equals(other.where(other.notna(), None))
        mine = Revenue(own).mrr_at(moment)[position(own, account)]
        assert mine == Revenue(TABLES).mrr_at(moment)[code]


def test_what_accounts_are_known_as_goes_with_them() -> None:
    tables: AccountTables = company_of(
        [subscription("a", "2023-01-01"), subscription("b", "2023-06-01"), subscription("c", "2023-01-01")],
        "2024-01-01",
        lineage=[("a", "b", "2023-06-01"), ("c", "d", "2023-07-01")],
    )
    both = np.array([position(tables, "a"), position(tables, "b")])
    own = tables.of_accounts(both)
    assert list(own.accounts) == ["a", "b"] and own.lineage is not None
    assert own.lineage.now(pd.Timestamp("2023-12-01")).tolist() == [1, 1]
    assert tables.of_accounts(both[1:]).lineage is None
