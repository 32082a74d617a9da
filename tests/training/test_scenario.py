"""`leap scenario`: its names in JSON, its files, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scoring.test_scenarios import bundle, company
from training import scenario

Ask = Callable[..., tuple[int, str, str]]
REVENUE = '[tables]\nsubscriptions = { shape = "periods", role = "revenue", source = "s.csv", amount = "mrr" }\n'


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ask:
    """The command on a made-up company; loading has tests of its own."""
    (tmp_path / "leap.toml").write_text(REVENUE, encoding="utf-8")
    tables = company(scenarios={"crash": {"demand": -0.3}})
    monkeypatch.setattr(scenario, "model_and_tables", lambda args, console: (bundle(tables), "7", tables))

    def ask(*arguments: object) -> tuple[int, str, str]:
        code = scenario.main([str(tmp_path), *map(str, arguments)])
        found = capsys.readouterr()
        return code, found.out, found.err

    return ask


def test_json_has_the_names_that_callers_rely_on(ask: Ask):
    code, out, _ = ask("--json")
    document: dict[str, Any] = json.loads(out)
    assert code == 0
    assert {"all", "by", "profiles", "market", "scenarios", "statement", "limits", "reacts", "claimed"} <= set(document)
    assert set(document["scenarios"]) == {"low", "base", "high", "crash"}
    assert {"segment", "mrr", "nrr", "at_risk", "at_risk_low", "at_risk_high"} <= set(document["by"]["segments"][0])


def test_text_begins_with_what_is_at_risk_and_ends_with_the_limits(ask: Ask):
    code, out, _ = ask()
    assert code == 0
    order = ["In the low market", "MRR at risk a month", "By profile", "The market as published", "Limits"]
    assert [out.index(part) for part in order] == sorted(out.index(part) for part in order)
    assert "Scenario crash: NRR" in out and "Low, as the model has it: demand lower" in out


def test_files_hold_segments_and_profiles_or_everything(ask: Ask, tmp_path: Path):
    assert ask("--out", tmp_path / "s.csv")[0] == 0
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["part"] for row in rows} == {"segment", "profile"}
    assert {"shops", "banks"} <= {row["value"] for row in rows}
    ask("--out", tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["version"] == "7"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "s.pdf"), "ending in .csv, .xlsx, .parquet or .json"),
        (("--by", "trad"), "did you mean"),
        (("--as-of", "2030-01-01"), "end of the data"),
    ],
)
def test_what_cannot_be_is_refused(ask: Ask, arguments: tuple[str, ...], said: str):
    code, out, _ = ask(*arguments, "--json")
    assert code == 2 and said in json.loads(out)["error"]["message"]
