"""Every file that the tables of a workspace are read from leaves a trace that changes with it; a database leaves none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leap.config import SETTINGS_FILE, Settings, parse_settings
from leap.sources.traces import has_sources_without_files, traces_of


def settings_of(folder: Path, source: str, **more: Any) -> Settings:
    tables = {"accounts": {"shape": "attributes", "source": source}}
    return parse_settings({"tables": tables, **more}, folder=folder)


def add(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("account_id\na1\n")


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("accounts.csv", ["accounts.csv"]),
        ("usage/*.csv", ["usage/1.csv", "usage/2.csv"]),
        ("usage", ["usage/month=1/a.parquet", "usage/b.parquet"]),
        ("crm.duckdb#accounts", ["crm.duckdb"]),
        ("stripe:billing#customers", ["billing/customer.csv", "billing/price.csv", "billing/invoice/1.parquet"]),
    ],
)
def test_a_change_of_any_file_changes_the_traces_and_nothing_else_does(
    source: str, files: list[str], tmp_path: Path
) -> None:
    for name in (SETTINGS_FILE, "notes.txt", *files):
        add(tmp_path / name)
    settings = settings_of(tmp_path, source)
    before = traces_of(settings)
    assert traces_of(settings) == before
    (tmp_path / "notes.txt").write_text("nobody reads this")
    assert traces_of(settings) == before
    changes: list[Callable[[Path], object]] = [
        lambda path: path.write_text("account_id\na1\na2\n"),
        lambda path: os.utime(path, ns=(1, 1)),
        lambda path: path.unlink(),
    ]
    for name in (SETTINGS_FILE, *files):
        for change in changes:
            change(tmp_path / name)
            after = traces_of(settings)
            assert after != before, (name, change)
            before = after


def test_a_file_that_joins_a_glob_changes_the_traces(tmp_path: Path) -> None:
    add(tmp_path / "usage" / "1.csv")
    settings = settings_of(tmp_path, "usage/*.csv")
    before = traces_of(settings)
    add(tmp_path / "usage" / "2.csv")
    assert traces_of(settings) != before


def test_a_file_put_in_the_place_of_another_is_told_by_its_number(tmp_path: Path) -> None:
    add(tmp_path / "accounts.csv")
    settings = settings_of(tmp_path, "accounts.csv")
    before, times = traces_of(settings), (tmp_path / "accounts.csv").stat()
    add(tmp_path / "new.csv")
    os.utime(tmp_path / "new.csv", ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "new.csv").replace(tmp_path / "accounts.csv")
    assert traces_of(settings) != before


@pytest.mark.parametrize(
    "source", ["gone.csv", "gone/*.csv", "gone", "gone.duckdb#t", "stripe:gone#customers", "n" * 300]
)
def test_what_is_not_there_leaves_a_trace_too(source: str, tmp_path: Path) -> None:
    assert any(size == -1 for _, size, _, _ in traces_of(settings_of(tmp_path, source)))


def test_the_lineage_counts_and_a_database_leaves_no_trace(tmp_path: Path) -> None:
    add(tmp_path / "lineage.csv")
    settings = settings_of(tmp_path, "postgresql://db.example/crm#accounts", lineage={"source": "lineage.csv"})
    assert [Path(path).name for path, *_ in traces_of(settings)] == [SETTINGS_FILE, "lineage.csv"]
    assert has_sources_without_files(settings)
    assert not has_sources_without_files(settings_of(tmp_path, "accounts.csv"))
