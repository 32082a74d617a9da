"""Figures within parts of the accounts are those of the rows of the part, and of no others."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from leap import metrics
from leap.evaluation import slices
from leap.evaluation.parts import OTHERS
from leap.evaluation.slices import MIN_ACCOUNTS
from tests.worlds import TrainedWorld


@pytest.fixture(scope="module")
def found(planted: TrainedWorld) -> list[dict]:
    return slices(planted.found, planted.health, draws=50)


def test_every_row_is_in_one_part_of_every_kind(planted: TrainedWorld, found: list[dict]) -> None:
    kept = ~planted.found.leaving
    for by in ("industry", "region", "mrr", "tenure_months"):
        parts = [part for part in found if part["by"] == by and part["outcome"] == "churn"]
        assert sum(part["n_rows"] for part in parts) == kept.sum(), by
        assert sum(part["mean_observed"] * part["n_rows"] for part in parts) == pytest.approx(
            planted.found.labels.churned[kept].sum()
        )


def test_the_figures_of_a_part_are_those_of_its_rows(planted: TrainedWorld, found: list[dict]) -> None:
    retail = next(part for part in found if part["value"] == "retail" and part["outcome"] == "churn")
    world = planted.found
    industry = planted.health.features.frame["industry"].to_numpy()[world.rows]
    rows = ~world.leaving & (industry == "retail")
    churned, p = world.labels.churned[rows], world.prediction.p[rows]
    assert retail["n_rows"] == rows.sum() and retail["n_accounts"] == len(np.unique(world.accounts[rows]))
    assert retail["ratio"]["value"] == pytest.approx(churned.sum() / p.sum())
    assert retail["auc"]["value"] == pytest.approx(metrics.AucWithin(world.fold[rows])(churned, p, np.ones(rows.sum())))
    for figure in (retail["auc"], retail["ratio"]):
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_retailers_leave_more_often_and_the_model_knows(found: list[dict]) -> None:
    said = {part["value"]: part for part in found if part["by"] == "industry" and part["outcome"] == "churn"}
    assert said["retail"]["mean_observed"] > max(p["mean_observed"] for v, p in said.items() if v != "retail")
    assert said["retail"]["mean_predicted"] > max(p["mean_predicted"] for v, p in said.items() if v != "retail")


def test_thirds_say_where_they_end_and_do_not_overlap(found: list[dict]) -> None:
    for by in ("mrr", "tenure_months"):
        parts = [part for part in found if part["by"] == by and part["outcome"] == "churn"]
        assert len(parts) >= 2
        for lower, upper in pairwise(parts):
            assert lower["high"] < upper["low"]


def test_rare_values_are_the_others_and_rare_events_have_no_figure(planted: TrainedWorld) -> None:
    frame = planted.health.features.frame.copy()
    accounts = planted.health.rows.accounts
    rare = accounts < np.unique(accounts)[MIN_ACCOUNTS - 2]
    frame.loc[rare, "industry"] = "rare"
    labels = planted.found.labels
    never = replace(labels, churned=np.zeros_like(labels.churned), ratio=np.ones_like(labels.ratio))
    health = replace(planted.health, features=replace(planted.health.features, frame=frame))
    parts = slices(replace(planted.found, labels=never), health, draws=5)
    values = {part["value"] for part in parts if part["by"] == "industry"}
    assert "rare" not in values and OTHERS in values
    assert all(part["auc"] is None and part["ratio"] is None for part in parts)
    assert all(part["n_events"] == 0 for part in parts)


def test_they_are_kept_with_the_quality(planted: TrainedWorld, found: list[dict]) -> None:
    assert planted.quality.with_slices(found).to_json()["slices"] == found
    assert planted.quality.to_json()["slices"] == []
