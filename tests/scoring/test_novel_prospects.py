"""A prospect like no customer has no score in any form, but the reason in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.scoring import Scorer, score_prospects
from leap.scoring.targets import Asked, Entries, target_list, target_list_of
from tests.worlds import TrainedWorld

STRANGE: dict[str, Any] = {"industry": "space mining", "employees": 1e9, "region": "north"}
NUMBERS = (
    "churn_probability", "contraction_rate", "expansion_rate", "expansion_probability", "nrr", "nrr_low", "nrr_high",
    "nrr_direct", "grr", "win_probability", "value_12m", "value_12m_low", "value_12m_high", "value_36m",
)  # fmt: skip


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    """With the planted tables, but no customer scored: this is about prospects."""
    return Scorer(planted.bundle, "7", planted.tables, planted.tables.data_until, None)


def test_over_http_it_abstains_with_the_values_that_are_unlike(scorer: Scorer) -> None:
    strange, usual, unknown = scorer.prospects(
        [("s", STRANGE), ("u", {"industry": "retail", "employees": 150}), ("n", {"region": None})]
    )
    assert [one["abstained"] for one in (strange, usual, unknown)] == [
        "no_customers_like_this",
        None,
        "too_little_known",
    ]
    assert "Industry: space mining, which no customer has" in strange["abstained_because"]
    assert usual["abstained_because"] is None and unknown["abstained_because"].startswith(
        "Too little known: give Industry"
    )
    for one in (strange, unknown):
        assert one["nrr"]["point"] is None and one["churn"]["p"] is None and one["value_12m"]["point"] is None
        assert (
            one["reasons"] == [] and one["survival"] is None and one["win"] == {"p": None, "reason": one["abstained"]}
        )


def test_in_a_file_its_score_columns_are_empty(planted: TrainedWorld, scorer: Scorer) -> None:
    table = score_prospects(planted.bundle, planted.tables, planted.tables.data_until, "7")
    columns = {name: column.copy() for name, column in table.columns.items()}
    for name, value in STRANGE.items():
        columns[name][3] = value
    file = replace(table, columns=columns, win=np.full(len(table), 0.4)).frame(prospects=True)
    row = file.iloc[3]
    assert row["abstained"] == "no_customers_like_this" and row["reason_2"] == ""
    assert row["reason_1"].startswith("No or hardly any customers like this: ")
    assert row[list(NUMBERS)].isna().all()
    assert file[file["abstained"] == ""][["nrr", "win_probability"]].notna().all(axis=None)
    number = float(columns["favourite_number"][3])
    (answered,) = scorer.prospects([("s", {**STRANGE, "favourite_number": number})])
    assert answered["abstained_because"] == row["reason_1"]


def test_it_comes_back_with_the_bundle(planted: TrainedWorld, tmp_path: Any) -> None:
    planted.bundle.save(tmp_path / "bundle")
    assert ModelBundle.load(tmp_path / "bundle").novelty == planted.bundle.novelty
    assert planted.bundle.novelty is not None and 0 < planted.bundle.novelty.refused <= 0.02


def test_a_scorer_gives_the_list_that_the_command_gives(planted: TrainedWorld, scorer: Scorer) -> None:
    asked = Asked(capacity=7, exploration_share=0.2)
    of_tables = target_list(planted.bundle, planted.tables, "7", asked=asked)
    assert Entries(target_list_of(scorer, asked)).to_json() == Entries(of_tables).to_json()
