"""The commands in a workspace of a flat table, end to end: exit codes, JSON, files, and what is not defined for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.errors import BundleError
from leap.registry import Store
from serving.live import LiveModel
from serving.watcher import ChampionWatcher
from serving.wiring import Deployment
from tests.flat.worlds import customers, panel, workspace_of
from tests.serving.fakes import fake_served
from training import check, explain, features, icp, models, promote, retention, rollback, score, serve, train

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the workspace `flat` and the store."""
    folder = tmp_path_factory.mktemp("flat_commands")
    table = customers(300)
    table.loc[:9, "churned"] = ""
    workspace_of(table, folder / "flat")
    return folder


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def ask(command: Any, *arguments: str) -> Answer:
        code = command.main([*arguments, "--store", str(place / "store"), "--json", "--quiet"])
        return code, json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture(scope="module")
def trained(place: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two trainings: the first promoted, the second left as challenger."""
    import contextlib
    import io

    answers = []
    for arguments in (["--promote"], ["--seed", "3"]):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = train.main([str(place / "flat"), *arguments, "--store", str(place / "store"), "--json", "--quiet"])
        assert code == 0
        answers.append(json.loads(said.getvalue()))
    return answers[0], answers[1]


# --- the job


def test_train_answers_in_the_form_of_every_training(trained: tuple[dict[str, Any], dict[str, Any]]) -> None:
    first, second = trained
    assert (first["trained"], first["reason"], first["promoted"], first["version"]) == (True, None, True, "1")
    assert (second["promoted"], second["version"]) == (False, "2")
    assert (first["as_of_range"], first["held_out"], first["fit_outcomes"]) == (None, "out_of_sample", {})
    assert list(first["outcomes"]) == ["churned"]
    outcome = first["outcomes"]["churned"]
    assert {"learner", "n_rows", "n_accounts", "n_events", "base_rate", "metrics", "calibration"} <= set(outcome)
    assert {"auc", "brier", "brier_skill", "log_loss"} == set(outcome["metrics"])
    assert all(set(figure) == {"value", "low", "high", "baseline"} for figure in outcome["metrics"].values())
    assert {"slope", "mean_predicted", "mean_observed", "ratio", "verdict"} <= set(outcome["calibration"])
    assert set(outcome["lift"]["at"]) == {"5%", "10%", "20%"}
    assert outcome["n_rows"] == 290 and outcome["held_out"] == "out_of_sample"
    assert first["portfolio"]["nrr_predicted"] is None and first["portfolio"]["reason"] == "flat_table"
    assert {"group", "features", "share", "stable"} <= set(first["drivers"][0])
    assert any("out_of_sample" in note for note in first["notes"]) and first["seconds"]


def test_the_run_keeps_card_and_pictures(place: Path, trained: Any) -> None:
    names = {path.name for path in (place / "store" / "artifacts").rglob("*") if path.is_file()}
    assert {
        "model_card.md",
        "model_card.html",
        "calibration.png",
        "lift.png",
        "shap_summary.png",
        "bundle.json",
    } <= names
    card = next((place / "store" / "artifacts").rglob("model_card.md")).read_text(encoding="utf-8")
    assert "Out of sample, not out of time" in card
    assert "## Gate" in card and "| claim | ok |" in card, "written again once the gate had judged"


def test_score_takes_the_rows_without_an_outcome_and_says_so(ask: Ask, place: Path, trained: Any) -> None:
    out = place / "scores.csv"
    code, document = ask(score, str(place / "flat"), "--out", str(out))
    assert code == 0 and (document["rows"], document["version"], document["scored"]) == (10, "1", "empty")
    assert document["as_of"] is None
    frame = pd.read_csv(out, keep_default_na=False)
    assert frame["account_id"].tolist() == [f"a{i:04d}" for i in range(10)]
    assert frame["churned_probability"].between(0, 1).all()
    code, document = ask(score, str(place / "flat"), "--all", "--out", str(place / "all.parquet"))
    assert code == 0 and (document["rows"], document["scored"]) == (300, "asked")
    assert len(pd.read_parquet(place / "all.parquet")) == 300


def test_explain_says_the_same_as_the_score_file(ask: Ask, place: Path, trained: Any) -> None:
    ask(score, str(place / "flat"), "--out", str(place / "scores.csv"))
    expected = pd.read_csv(place / "scores.csv").set_index("account_id")["churned_probability"]
    code, document = ask(explain, "a0003", str(place / "flat"), "--top", "0")
    assert code == 0 and document["churned_probability"] == pytest.approx(expected["a0003"], abs=1e-12)
    assert document["model"] == {"name": "leap", "version": "1", "trained_on": None}
    points = sum(reason["probability_points"] for reason in document["reasons"])
    assert document["base"]["churned_probability"] + points == pytest.approx(document["churned_probability"], abs=1e-9)
    code, document = ask(explain, "nobody", str(place / "flat"))
    assert (code, document["error"]["code"]) == (2, "unknown_account")


def test_features_are_those_of_training(ask: Ask, place: Path, trained: Any) -> None:
    code, document = ask(features, str(place / "flat"), "--out", str(place / "features.parquet"))
    assert code == 0 and document["columns"] == ["account_id", "as_of", "usage", "seats", "plan", "autopay"]
    version = ask(models)[1]["versions"][-1]
    assert document["catalog_fingerprint"] == version["tags"]["catalog_fingerprint"]


def test_check_reports_what_is_wrong_with_the_outcome(ask: Ask, tmp_path: Path) -> None:
    code, document = ask(check, str(workspace_of(customers(60), tmp_path / "good")))
    assert (code, document["ok"], document["problems"]) == (0, True, [])
    wrong = workspace_of(customers(60), tmp_path / "wrong", outcome_positive="Yes")
    code, document = ask(check, str(wrong))
    assert (code, document["ok"]) == (2, False)
    assert [problem["rule"] for problem in document["problems"]] == ["outcome_positive_not_found"]
    assert ask(train, str(wrong))[0] == 2


def test_champion_challenger_and_back(ask: Ask, place: Path, trained: Any) -> None:
    stands = ("champion", "challenger", "previous")
    assert [ask(models)[1][name] for name in stands] == ["1", "2", None]
    code, document = ask(promote, "2")
    assert code == 0 and [document[name] for name in stands] == ["2", None, "1"]
    code, document = ask(rollback)
    assert code == 0 and document["champion"] == "1"
    assert ask(score, str(place / "flat"), "--version", "2", "--out", str(place / "two.csv"))[1]["version"] == "2"


# --- what is declined or not defined


def test_noise_is_declined_with_exit_one_and_a_reason(ask: Ask, place: Path, tmp_path: Path, trained: Any) -> None:
    noise = workspace_of(customers(200, seed=11, strength=0.0), tmp_path, document={"company": {"name": "Noise"}})
    code, document = ask(train, str(noise), "--promote")
    assert (code, document["trained"], document["promoted"], document["version"]) == (1, False, False, None)
    assert "churned" in document["reason"] and document["outcomes"]["churned"]["metrics"]["auc"]["low"] <= 0.5
    assert any("out_of_sample" in note for note in document["notes"])
    assert Store(place / "store").declined_reason("Noise") == document["reason"]


def test_too_few_events_are_declined_with_exit_one(ask: Ask, tmp_path: Path) -> None:
    table = customers(60)
    table["churned"] = ["1"] * 5 + ["0"] * 55
    code, document = ask(train, str(workspace_of(table, tmp_path)))
    assert (code, document["trained"]) == (1, False) and "5 of 60 accounts" in document["reason"]


@pytest.mark.parametrize(("command", "word"), [(icp, "leap icp"), (retention, "leap retention"), (serve, "leap serve")])
def test_what_a_flat_table_does_not_have_is_refused_in_words(ask: Ask, place: Path, command: Any, word: str) -> None:
    code, document = ask(command, str(place / "flat"))
    assert (code, document["error"]["code"]) == (2, "usage")
    assert word in document["error"]["message"] and "leap check" in document["error"]["message"]


def test_a_date_for_rows_without_dates_is_refused(ask: Ask, place: Path, trained: Any) -> None:
    code, document = ask(score, str(place / "flat"), "--as-of", "2024-01-01", "--out", str(place / "no.csv"))
    assert (code, document["error"]["code"]) == (2, "usage") and not (place / "no.csv").exists()


def test_two_flat_tables_are_refused(ask: Ask, tmp_path: Path) -> None:
    folder = workspace_of(customers(60), tmp_path)
    text = (folder / "leap.toml").read_text()
    (folder / "leap.toml").write_text(text + text[text.index('["tables"."flat"]') :].replace('"flat"', '"other"'))
    code, document = ask(train, str(folder))
    assert (code, document["error"]["code"]) == (2, "settings") and "flat, other" in document["error"]["message"]


def test_all_is_for_flat_tables_and_dates_are_for_the_others(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "leap.toml").write_text(
        '[tables.paid]\nshape = "periods"\nrole = "revenue"\nsource = "paid.csv"\namount = "mrr"\n'
    )
    (tmp_path / "paid.csv").write_text("account_id,started_on,ended_on,mrr\na,2024-01-01,,5\n")
    for command, arguments in ((score, ["--all"]), (features, [])):
        code, document = ask(command, str(tmp_path), "--out", str(tmp_path / "f.csv"), *arguments)
        assert (code, document["error"]["code"]) == (2, "usage")


# --- with dates


def test_a_panel_is_judged_out_of_time_and_scored_at_a_date(ask: Ask, tmp_path: Path) -> None:
    table = panel(100)
    table.loc[table["at"] == "2024-06-01", "churned"] = ""
    folder = workspace_of(table, tmp_path / "panel", document={"company": {"name": "Panel"}})
    code, document = ask(train, str(folder))
    assert code == 0 and document["held_out"] == "out_of_time"
    assert document["as_of_range"] == ["2022-01-01", "2024-05-01"]
    assert document["replaces_model_of"] in (None, "Flat & Co")
    assert any("6 months after its date" in note for note in document["notes"])
    version = document["version"]
    out = tmp_path / "scores.csv"
    code, document = ask(score, str(folder), "--version", version, "--out", str(out))
    assert (document["rows"], document["as_of"], document["scored"]) == (100, "2024-06-01", "empty")
    code, document = ask(score, str(folder), "--version", version, "--as-of", "2023-02-15", "--out", str(out))
    assert set(pd.read_csv(out)["as_of"]) == {"2023-02-01"} and document["scored"] == "as_of"
    code, document = ask(explain, "a007", str(folder), "--version", version, "--data-until", "2023-01-01")
    assert (code, document["as_of"]) == (0, "2022-12-01")


# --- the service


def test_the_service_refuses_a_flat_champion_with_its_reason_and_keeps_the_old_one(place: Path, trained: Any) -> None:
    """The champion of the store is flat; what is live stays live, and the problem is told."""
    deployment = Deployment(store=str(place / "store"), workspace=place / "flat")
    with pytest.raises(BundleError, match="found a model of a flat table"):
        deployment.load()
    old = fake_served("0")
    live = LiveModel(old)
    ChampionWatcher(live, deployment).look()
    assert live.peek() is old and live.problem is not None
    assert live.problem.code == "bundle" and "flat table" in live.problem.message


def test_the_check_of_a_table_without_dates_names_no_end_of_the_data(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([str(place / "flat"), "--quiet"]) == 0
    assert "data until" not in capsys.readouterr().out
