"""Large tables are sampled and wide ones reported briefly, with the same guesses as if all had been read."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from leap.proposal import reading
from leap.proposal.files import contents_of
from tests.proposal.made_up import Proposed, day, proposed, table

EVENTS = (
    "select 'acc-' || i % 50 as account_id, i as event_id, ['login', 'export'][1 + i // 3000] as name, "
    "timestamp '2022-01-01' + to_hours(i::int) as occurred_at, i % 7 - 1 as amount from range(6000) t(i)"
)


@pytest.fixture
def small_limits(monkeypatch):
    """Tables of more than a few hundred rows count as large."""
    monkeypatch.setattr(reading, "_MOST_CELLS", 1_000)
    monkeypatch.setattr(reading, "_SAMPLE_ROWS", 400)


def events(folder: Path, where: str) -> Proposed:
    table(folder / "accounts.csv", "account_id,sector", lambda i: (f"acc-{i}", f"s{i % 3}"), n=50)
    if where == "parquet":
        duckdb.sql(f"copy ({EVENTS}) to '{folder}/orders.parquet' (format parquet, row_group_size 2048)")
    else:
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            connection.execute(f"create table orders as {EVENTS}")
    return proposed(folder)


@pytest.mark.parametrize("where", ["parquet", "duckdb"])
def test_a_sample_gives_what_the_whole_table_gives(where, tmp_path, monkeypatch, small_limits):
    sampled = events(tmp_path, where)
    monkeypatch.undo()
    assert proposed(tmp_path).proposal == sampled.proposal
    orders = sampled.settings.tables["orders"]
    assert (orders.role, orders.key, orders.at, orders.credit_notes) == ("revenue", "account_id", "occurred_at", True)
    assert sampled.settings.outcome.horizon_months == 3
    assert "2022-09-08" in sampled.proposal.toml


def test_what_is_unique_in_the_sample_only_is_no_key_of_a_list(tmp_path, small_limits):
    rows = {"account_id": [f"acc-{i % 3000}" for i in range(6000)], "size": [i % 4 for i in range(6000)]}
    pd.DataFrame(rows).to_parquet(tmp_path / "accounts.parquet")
    assert "several rows for one account_id" in proposed(tmp_path).why("accounts")


def test_columns_left_out_for_one_reason_are_one_line(tmp_path):
    header = ",".join(["account_id", *(f"x_id_{i}" for i in range(100)), *(f"f{i}" for i in range(300))])
    table(tmp_path / "accounts.csv", header, lambda i: [f"a{i}", *[f"x{i}"] * 100, *[i % 7] * 300], n=30)
    found = proposed(tmp_path)
    assert len(found.features("accounts")) == 300
    assert found.proposal.left_out_in_short() == [
        f"accounts: {', '.join(f'x_id_{i}' for i in range(8))} and 92 more: an identifier"
    ]
    comments = [line for line in found.proposal.toml.splitlines() if "x_id_99" in line]
    assert len(comments) == 1 and len(comments[0]) < 130


@pytest.mark.parametrize(
    ("names", "sources"),
    [
        (["a_2023.csv", "a_2024.csv"], ["a_[0-9]*.csv"]),
        (["2023 a.csv", "2024 a.csv"], ["[0-9]*a.csv"]),
        (["a_2023.csv", "a_2024.csv", "a_2024_old.csv"], ["a_2023.csv", "a_2024.csv", "a_2024_old.csv"]),
        (["deep/er/a.csv", ".hidden/b.csv", "quarantine/c.csv", "mlruns/d.csv"], ["deep/er/a.csv"]),
        (["[odd] 1.csv", "[odd] 2.csv"], ["[[]odd] [0-9]*.csv"]),
    ],
)
def test_which_files_are_tables(names, sources, tmp_path):
    for number, name in enumerate(names):
        table(tmp_path / name, "account_id,day", lambda i, n=number: (f"a{i}{n}", day(i)), n=3)
    assert [found.source for found in contents_of(tmp_path).tables] == sources
