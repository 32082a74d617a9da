"""The main job through the commands, as a user runs it: tables to a served, explained score and an ICP report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from leap.client import Client
from tests.e2e.test_service import Process, start, stop

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Company:
    """A made-up company, trained and promoted in a store of its own."""

    workspace: Path
    store: Path
    trained: dict[str, Any]


def leap(*arguments: str | Path, expect: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments), "--json"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT / 'src'}{os.pathsep}{CHECKOUT}"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("main job")
    workspace, store = folder / "made up", folder / "store"
    leap("demo", workspace, "--accounts", "400", "--seed", "3")
    return Company(workspace, store, leap("train", workspace, "--promote", "--store", store))


@pytest.fixture(scope="module")
def served(company: Company) -> Iterator[Process]:
    process = start(
        company.store / "serving",
        "serving.service:LeapService",
        LEAP_STORE=str(company.store),
        LEAP_WORKSPACE=str(company.workspace),
    )
    yield process
    stop(process)


def test_training_says_how_good_it_is_beside_a_baseline_with_intervals(company: Company) -> None:
    trained = company.trained
    assert trained["trained"] and trained["promoted"] and trained["version"] == "1"
    for outcome in ("churn", "contraction", "expansion", "nrr"):
        found = trained["outcomes"][outcome]
        assert found["n_rows"] > found["n_accounts"] > 0
        for figure in found["metrics"].values():
            assert figure["low"] <= figure["value"] <= figure["high"]
    assert 0.55 < trained["outcomes"]["churn"]["metrics"]["auc"]["value"] < 0.9
    assert abs(trained["portfolio"]["nrr_predicted"] - trained["portfolio"]["nrr_observed"]) < 0.1
    assert trained["drivers"][0]["share"] >= trained["drivers"][-1]["share"]


def test_the_score_file_adds_up_and_has_everyone(company: Company, tmp_path: Path) -> None:
    document = leap("score", company.workspace, "--store", company.store, "--out", tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    assert len(scores) == document["rows"] == document["customers"] + document["prospects"]
    kept = 1 - scores["churn_probability"]
    composed = kept - kept * scores["contraction_rate"] + kept * scores["expansion_rate"]
    scored = scores["nrr"].notna()
    assert scored.sum() == len(scores) - document["abstained"]
    assert np.abs(scores["nrr"] - composed)[scored].max() < 1e-9
    assert (scores["nrr_low"] <= scores["nrr"])[scored].all() and (scores["nrr"] <= scores["nrr_high"])[scored].all()
    prospects = scores[scores["status"] == "prospect"]
    assert len(prospects) and prospects["mrr"].isna().all()
    like_none = prospects["abstained"] == "no_customers_like_this"
    assert (prospects["value_12m"].isna() == like_none).all() and like_none.mean() < 0.1
    assert scores["account_id"].is_unique


def test_the_service_says_what_the_file_says(company: Company, served: Process, tmp_path: Path) -> None:
    leap("score", company.workspace, "--store", company.store, "--out", tmp_path / "scores.csv")
    scores = pd.read_csv(tmp_path / "scores.csv", dtype={"account_id": str}).set_index("account_id")
    customers = scores[(scores["status"] == "customer")].head(40)
    answer = Client(served.url, token="").score([*customers.index, "nobody"], top=0)
    assert answer["not_found"] == ["nobody"]
    assert answer["model"]["version"] == "1"
    for score in answer["scores"]:
        row = customers.loc[score["account_id"]]
        assert score["nrr"]["point"] == pytest.approx(row["nrr"], abs=1e-9)
        assert score["churn"]["p"] == pytest.approx(row["churn_probability"], abs=1e-9)
        listed = sum(reason["nrr_points"] for reason in score["reasons"])
        assert score["base"]["nrr"] + listed == pytest.approx(score["nrr"]["point"], abs=1e-6)
        assert score["residual"] == pytest.approx(0, abs=1e-9)


def test_a_prospect_is_scored_by_what_is_true_before_it_buys(served: Process) -> None:
    client = Client(served.url, token="")
    answer = client.prospects({"p1": {"employees": 120, "industry": "Hospitality"}})
    (score,) = answer["scores"]
    assert 0 < score["churn"]["p"] < 1 and {reason["scope"] for reason in score["reasons"]} <= {"fit"}


def test_explain_and_service_agree(company: Company, served: Process) -> None:
    answer = Client(served.url, token="")
    listed = leap("score", company.workspace, "--store", company.store, "--out", company.store / "s.csv")
    account = listed["most_at_risk"][0]
    explained = leap("explain", account, company.workspace, "--store", company.store)
    (score,) = answer.score([account])["scores"]
    assert explained["nrr"] == score["nrr"] and explained["reasons"] == score["reasons"]


def test_features_as_of_a_date_do_not_know_what_came_later(company: Company, tmp_path: Path) -> None:
    arguments = ("features", company.workspace, "--as-of", "2025-01-01")
    leap(*arguments, "--out", tmp_path / "full.parquet")
    leap(*arguments, "--data-until", "2025-01-02", "--out", tmp_path / "cut.parquet")
    full, cut = pd.read_parquet(tmp_path / "full.parquet"), pd.read_parquet(tmp_path / "cut.parquet")
    shared = [column for column in full.columns if column in cut.columns]
    assert len(shared) > 0.9 * len(full.columns)
    pd.testing.assert_frame_equal(full[shared], cut[shared], check_exact=True)


def test_an_icp_report_is_written_in_every_format(company: Company, tmp_path: Path) -> None:
    for suffix in ("html", "md", "json", "csv", "sql"):
        leap("icp", company.workspace, "--store", company.store, "--out", tmp_path / f"icp.{suffix}")
        assert (tmp_path / f"icp.{suffix}").stat().st_size > 0


def test_the_exported_sql_gives_the_tiers_of_the_score_file(company: Company, tmp_path: Path) -> None:
    scores, features, sql = (tmp_path / name for name in ("scores.parquet", "features.parquet", "icp.sql"))
    day = leap("score", company.workspace, "--store", company.store, "--out", scores)["as_of"]
    leap("features", company.workspace, "--as-of", day, "--prospects", "--out", features)
    profiles = leap("icp", company.workspace, "--store", company.store, "--out", sql)["icps"]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW features AS SELECT * FROM '{features}'")  # noqa: S608 (a path of the test)
        answers = [connection.execute(statement).df() for statement in connection.extract_statements(sql.read_text())]
    scored = pd.read_parquet(scores).set_index("account_id")[["icp_id", "icp_tier"]].sort_index()
    if not profiles:
        assert not answers and scored["icp_tier"].isna().all()
        return
    tiers = answers[-1].set_index("account_id").sort_index()
    pd.testing.assert_frame_equal(tiers[["icp_id", "icp_tier"]], scored, check_dtype=False)
    assert len(answers) == len(profiles) + 1 and scored["icp_tier"].nunique() > 1
    for profile, found in zip(profiles, answers, strict=False):
        if profile["size"]:
            assert len(found) == profile["size"]["customers"] + profile["size"]["prospects"]


def test_retention_equals_plain_arithmetic(company: Company) -> None:
    document = leap("retention", company.workspace, "--from", "2024-10-01", "--to", "2025-10-01")
    rows = pd.read_csv(company.workspace / "subscriptions.csv")

    def mrr(day: str) -> pd.Series[float]:
        active = rows[(rows["started_on"] <= day) & ~(rows["ended_on"] <= day)]
        return active.groupby("account_id")["mrr"].sum()

    start = mrr("2024-10-01")
    end = mrr("2025-10-01").reindex(start.index).fillna(0)
    assert document["starting_mrr"] == pytest.approx(start.sum(), abs=0.005)
    assert document["ending_mrr"] == pytest.approx(end.sum(), abs=0.005)
    assert document["nrr"] == pytest.approx(end.sum() / start.sum(), abs=1e-12)
    assert document["logo_churn"] == pytest.approx((end == 0).mean(), abs=1e-12)


def test_without_a_champion_scoring_says_what_to_do(company: Company, tmp_path: Path) -> None:
    document = leap("score", company.workspace, "--store", tmp_path / "empty", "--out", tmp_path / "s.csv", expect=1)
    assert document["error"]["code"] == "no_model" and "train" in document["error"]["message"]


def test_the_run_keeps_the_card_as_a_page_and_the_picture_of_the_folds(company: Company) -> None:
    kept = {path.name: path for path in company.store.rglob("*") if path.is_file()}
    assert {"model_card.md", "model_card.html", "folds.png", "calibration.png"} <= set(kept)
    page, card = (kept[name].read_text(encoding="utf-8") for name in ("model_card.html", "model_card.md"))
    assert "### Metrics by segment" in card and "<h3>Metrics by segment</h3>" in page
    assert "data:image/png;base64," in page and "<script" not in page
    assert re.search(r"SHA-256 of the bundle's manifest: `[0-9a-f]{64}`", card)


def test_a_backtest_says_what_was_said_before_and_leaves_the_store_alone(company: Company, tmp_path: Path) -> None:
    before = sorted(str(path) for path in company.store.rglob("*"))
    found = leap("backtest", company.workspace, "--out", tmp_path / "backtest.html", "--store", company.store)
    assert [fold["cutoff"] for fold in found["folds"]] == [fold["cutoff"] for fold in company.trained["folds"]]
    assert {"account_id", "outcome", "at_days", "rank_percentile"} <= set(found["said_before"][0])
    assert all(row["model_cutoff"] <= row["as_of"] < row["event_date"] for row in found["said_before"])
    assert "What was said before" in (tmp_path / "backtest.html").read_text(encoding="utf-8")
    assert sorted(str(path) for path in company.store.rglob("*")) == before
