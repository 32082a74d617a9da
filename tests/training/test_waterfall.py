"""`leap waterfall`: what may be asked together, every form of file, and one answer on the screen."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import TrainedWorld
from training import waterfall

Ask = Callable[..., tuple[int, str, str]]
REVENUE = '[tables]\nsubscriptions = { shape = "periods", role = "revenue", source = "s.csv", amount = "mrr" }\n'
FLAT = '[tables]\nrows = { shape = "snapshot", source = "r.csv", outcome = "churned", outcome_kind = "number" }\n'


@pytest.fixture
def ask(
    planted: TrainedWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Ask:
    """The command on the planted company; loading has tests of its own."""
    (tmp_path / "leap.toml").write_text(REVENUE, encoding="utf-8")
    monkeypatch.setattr(waterfall, "model_and_tables", lambda args, console: (planted.bundle, "7", planted.tables))

    def ask(*arguments: object) -> tuple[int, str, str]:
        code = waterfall.main([str(tmp_path), *map(str, arguments)])
        found = capsys.readouterr()
        return code, found.out, found.err

    return ask


def test_json_has_the_names_that_callers_rely_on(ask: Ask):
    code, out, _ = ask("--json", "--top", "2")
    document: dict[str, Any] = json.loads(out)
    assert code == 0
    assert {"nrr", "grr", "base", "lines", "leaving", "accounts", "mrr", "sum", "version", "as_of"} <= set(document)
    line = document["lines"][0]
    assert {"group", "label", "features", "nrr_points", "money", "parts", "words"} <= set(line)
    assert set(line["parts"]) == {"churn", "contraction", "expansion"}
    assert {"feature", "label", "nrr_points", "money", "parts"} <= set(line["features"][0])
    assert document["base"] + sum(x["nrr_points"] for x in document["lines"]) + document["leaving"]["nrr_points"] == (
        pytest.approx(document["nrr"], abs=1e-9)
    )


def test_differences_have_their_names_too(ask: Ask):
    of_dates = json.loads(ask("--since", "2023-06-01", "--json")[1])
    assert {"before", "after", "difference", "model", "behaviour", "mix", "sum"} <= set(of_dates)
    of_subsets = json.loads(ask("--where", "industry=retail", "--against-rest", "--json")[1])
    assert {"before", "after", "difference", "lines", "leaving", "sum"} <= set(of_subsets)
    everyone = json.loads(ask("--where", "industry=retail", "--against-all", "--json")[1])
    assert everyone["of"]["before"]["where"] == [] and everyone["after"] == of_subsets["after"]
    some = json.loads(ask("--against", "industry=retail", "--against", "mrr>=500", "--json")[1])
    assert len(some["of"]["before"]["where"]) == 2 and some["of"]["after"]["where"] == []


@pytest.mark.parametrize(
    ("name", "begins"), [("w.html", "<!doctype html>"), ("w.md", "# Planted"), ("w.json", "{"), ("w.csv", "part,group")]
)
def test_the_form_follows_the_name_of_the_file(ask: Ask, tmp_path: Path, name: str, begins: str):
    code, out, _ = ask("--where", "industry=retail", "--out", tmp_path / name)
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert code == 0 and written.lstrip().startswith(begins)
    assert "Expected NRR" in out and str(tmp_path / name) in out
    if name == "w.csv":
        assert sum(float(row["nrr_points"]) for row in csv.DictReader(written.splitlines())) > 0.5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--against-rest", "--against-all", "--where", "industry=retail"], "not allowed with"),
        (["--against", "industry=retail", "--since", "2023-06-01"], "not allowed with"),
        (["--against", "industry=retail", "--from-version", "3"], "--from-version"),
        (["--against-rest"], "name it with --where"),
        (["--where", "industry"], "expected a condition"),
        (["--where", "industri=retail"], "did you mean 'industry'"),
        (["--since", "2030-01-01"], "is not before"),
        (["--top", "many"], "--top"),
        (["--out", "w.pdf"], "ending in .html"),
        (["--out", "no/such/w.html"], "no such folder"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(ask: Ask, arguments: list[str], said: str):
    code, out, err = ask(*arguments)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err
    code, out, _ = ask(*arguments, "--json")
    assert code == 2 and said in json.loads(out)["error"]["message"]


def test_a_flat_table_has_no_portfolio(ask: Ask, tmp_path: Path):
    (tmp_path / "leap.toml").write_text(FLAT, encoding="utf-8")
    code, _, err = ask()
    assert code == 2 and "leap waterfall is not defined" in err


def test_nobody_is_an_answer(ask: Ask):
    code, out, _ = ask("--where", "mrr<0", "--json")
    document = json.loads(out)
    assert code == 0 and (document["nrr"], document["reason"], document["lines"]) == (None, "empty_cohort", [])
