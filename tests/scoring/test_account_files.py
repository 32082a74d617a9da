"""The file of some customers has of them what the score file of all has, to the bit and in every form."""

from __future__ import annotations

import io
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from leap.exports import write_frame
from leap.reports.account_files import CSV, XLSX, score_file
from leap.reports.table_columns import SCORE_COLUMNS, about_scores
from leap.scoring import Scorer, score_all
from leap.scoring.changes import with_changes
from tests.worlds import TrainedWorld


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture(scope="module")
def everyone(planted: TrainedWorld) -> pd.DataFrame:
    """What `leap score` writes."""
    return score_all(planted.bundle, planted.tables, "7").frame()


def test_a_part_of_the_customers_in_another_order_has_the_lines_of_the_score_file(
    scorer: Scorer, everyone: pd.DataFrame, tmp_path: Path
) -> None:
    wanted = list(scorer.customers.account_ids[::-3])  # type: ignore[union-attr]
    write_frame(everyone, tmp_path / "all.csv")
    header, *lines = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    by_id = {line.split(",")[0]: line for line in lines}
    made = b"".join(score_file(scorer, wanted, CSV)).decode().splitlines()
    assert made == [header, *(by_id[account] for account in wanted)] and len(wanted) > 20


def test_a_spreadsheet_has_the_same_figures(scorer: Scorer, everyone: pd.DataFrame) -> None:
    wanted = list(scorer.customers.account_ids[5:40])  # type: ignore[union-attr]
    book = openpyxl.load_workbook(io.BytesIO(b"".join(score_file(scorer, wanted, XLSX, [("Filters", "some")]))))
    header, *rows = book["Accounts"].iter_rows(values_only=True)
    expected = everyone.set_index("account_id", drop=False).loc[wanted, list(header)].astype(object)
    blank = expected.where(expected.notna() & (expected != ""), None)
    assert [list(row) for row in rows] == blank.to_numpy().tolist()
    assert ("Filters", "some") in list(book["About"].iter_rows(max_col=2, values_only=True))


def test_every_column_of_a_score_file_has_its_meaning(planted: TrainedWorld, everyone: pd.DataFrame) -> None:
    batch = score_all(planted.bundle, planted.tables, "7")
    first = f"{planted.tables.data_until - pd.DateOffset(months=6):%Y-%m-%d}"
    with_since = with_changes(everyone, batch, planted.tables, first)
    assert list(with_since.columns) == list(SCORE_COLUMNS)
    said = dict(line for line in about_scores(planted.bundle, "7", "2026-01-01").lines(list(everyone.columns)) if line)
    assert all(said[name] for name in everyone.columns) and said["Model version"] == "7"
    assert said["NRR"].startswith("Net revenue retention")
