"""`leap backtest` through the command: JSON, text, page and Markdown; it registers nothing and declines in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reports.markup import Markup
from tests.worlds import NOTHING, Truth, planted_frames
from training.backtest import main

HOSTILE = '<script>alert(1)</script> | =HYPERLINK("http://evil") & **Co**'
SETTINGS = """
[company]
name = {name}
data_until = "{until}"

[outcome]
horizon_months = 6
as_of_every = "quarter"

[tables.accounts]
shape = "attributes"
source = "accounts.csv"
scope = "fit"
columns.industry = {{ label = "Industry" }}
columns.employees = {{ label = "Employees" }}

[tables.usage]
shape = "events"
source = "usage.csv"
known_at = "loaded_at"
quantity = "quantity"
windows_days = [28, 91]
columns.quantity = {{ label = "Usage" }}

[tables.subscriptions]
shape = "periods"
role = "revenue"
source = "subscriptions.csv"
amount = "mrr"
product = "product"
cancelled = "cancelled_at"
columns.mrr = {{ label = "Price" }}
"""


def workspace(folder: Path, *, accounts: int = 240, seed: int = 4, truth: Truth | None = None) -> Path:
    folder.mkdir()
    frames = planted_frames(accounts, 30, prospects=0, seed=seed, truth=truth or Truth())
    frames["accounts"]["name"] = HOSTILE
    for name in ("accounts", "usage", "subscriptions"):
        frames[name].to_csv(folder / f"{name}.csv", index=False)
    settings = SETTINGS.format(name=json.dumps(HOSTILE), until="2023-07-02")
    (folder / "leap.toml").write_text(settings, encoding="utf-8")
    return folder


class Place:
    """A workspace with the one backtest that most tests read."""

    def __init__(self, folder: Path):
        self.folder, self.page, self.store = workspace(folder / "made up"), folder / "b.html", folder / "store"
        self.markdown = folder / "b.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("backtest"))


@pytest.fixture(scope="module")
def document(place: Place) -> dict[str, Any]:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main([str(place.folder), "--json", "--out", str(place.page), "--store", str(place.store)])
    assert code == 0
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_the_json_has_every_fold_and_what_was_said(document: dict[str, Any], place: Place) -> None:
    assert document["claimed"] and document["reason"] is None
    assert len(document["folds"]) == 4
    for fold in document["folds"]:
        assert fold["cutoff"] and {"churn", "contraction", "expansion", "nrr"} == set(fold["outcomes"])
        churn = fold["outcomes"]["churn"]
        assert {"learner", "n_rows", "n_accounts", "n_events", "metrics", "calibration"} <= set(churn)
        assert {"auc", "brier_skill", "calibration_ratio"} <= set(churn["metrics"])
        assert {"value", "low", "high", "baseline"} == set(churn["metrics"]["auc"])
    for row in document["said_before"]:
        assert row["account_id"] and row["outcome"] in ("churn", "contraction", "expansion")
        assert row["at_days"] in (180, 90, 60, 30) and 0 <= row["rank_percentile"] <= 1
        assert row["model_cutoff"] <= row["as_of"] < row["event_date"]
    assert {row["outcome"] for row in document["said_before"]} == {"churn", "contraction", "expansion"}
    assert set(document["drift"]) == {"churn", "contraction", "expansion"}
    assert document["definition_hash"] and document["seconds"]


def test_nothing_is_registered(document: dict[str, Any], place: Place) -> None:
    assert not place.store.exists()
    assert sorted(path.name for path in place.folder.iterdir()) == [
        "accounts.csv", "leap.toml", "subscriptions.csv", "usage.csv",
    ]  # fmt: skip


def test_the_page_shows_folds_and_chart_and_asks_for_nothing(document: dict[str, Any], place: Place) -> None:
    page = Markup(place.page.read_text(encoding="utf-8"))
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "a"}
    assert [a.get("href") for tag, a in page.tags if tag == "link"] == ["data:,"]
    pictures = [a.get("class") for tag, a in page.tags if tag == "svg"]
    assert pictures.count("folds") == 1 and "said" in pictures
    assert HOSTILE in page.text, "the company's name, and the accounts', are text to the letter"
    rects = [a for tag, a in page.tags if tag == "rect"]
    assert sum(a.get("class") == "test" for a in rects) == len(document["folds"])
    for fold in document["folds"]:
        assert fold["cutoff"] in page.text


def test_text_and_markdown_say_the_same(
    document: dict[str, Any], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(place.folder), "--out", str(place.markdown)]) == 0
    text, markdown = capsys.readouterr().out, place.markdown.read_text(encoding="utf-8")
    auc = document["folds"][-1]["outcomes"]["churn"]["metrics"]["auc"]
    written = f"{auc['value']:.2f} [{auc['low']:.2f}, {auc['high']:.2f}]"
    assert written in text and written in markdown and f"-> {place.markdown}" in text
    assert "<script>" not in markdown
    top = next(r for r in document["said_before_summary"] if r["outcome"] == "churn" and r["at_days"] == 90)["top_20"]
    share = f"{100 * top['value']:.0f}%"
    assert f"90 days before they churned, {share}" in text and share in markdown


def test_too_little_history_is_declined_in_words(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for until in ("2021-05-01", "2022-02-01"):
        code = main([str(place.folder), "--json", "--data-until", until])
        document = json.loads(capsys.readouterr().out)
        assert code == 1 and (document["folds"], document["said_before"]) == ([], [])
        assert until in document["reason"] or "history is too short" in document["reason"]
    assert main([str(place.folder), "--data-until", "2022-02-01"]) == 1
    assert "No backtest for" in capsys.readouterr().out


def test_where_nothing_matters_no_claim_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = workspace(tmp_path / "nothing", accounts=150, truth=NOTHING)
    code = main([str(folder), "--json", "--out", str(tmp_path / "n.html")])
    document = json.loads(capsys.readouterr().out)
    assert code == 0 and not document["claimed"] and document["reason"]
    assert "No claim is made for these models" in (tmp_path / "n.html").read_text(encoding="utf-8")


def test_a_name_that_is_neither_page_nor_markdown_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(place.folder), "--out", "b.pdf"]) == 2
    assert ".html or .md" in capsys.readouterr().err


def test_a_flat_table_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "leap.toml").write_text(
        '[company]\nname = "F"\n[tables.t]\nshape = "snapshot"\nsource = "t.csv"\noutcome = "y"\n', encoding="utf-8"
    )
    assert main([str(tmp_path)]) == 2
    assert "flat table" in capsys.readouterr().err


@pytest.mark.parametrize("trials", ["-3", "1.5"])
def test_a_number_of_trials_below_zero_or_broken_is_refused_as_train_does(
    trials: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), f"--trials={trials}", "--json"]) == 2
    said = json.loads(capsys.readouterr().out)["error"]
    assert said["code"] == "usage" and "expected a whole number, 0 or more" in said["message"]
