"""`leap targets`: the list in every form, limits from settings and options, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.registry import RunRecord, Store
from tests.worlds import planted_frames
from training import review, targets

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def workspace(demo_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted company as files, and a store whose champion it is; one prospect has an awkward name."""
    folder = tmp_path_factory.mktemp("targets")
    frames = planted_frames()
    firms = frames["accounts"]
    firms.loc[firms["account_id"] == "acc-0405", "name"] = '=cmd|"/c calc"'
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    document = demo_bundle.settings.model_dump(mode="json", exclude_defaults=True)
    lines = [
        f"[{part}]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in document[part].items())
        for part in ("company", "outcome")
    ]
    lines += ["[policy]\naccount_cost = 250.0\ncapacity = 12"]
    for name, table in document["tables"].items():
        lines.append(f"[tables.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if key != "columns"]
        for column, spec in table.get("columns", {}).items():
            lines.append(f"columns.{column} = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in spec.items())} }}")
    (folder / "leap.toml").write_text("\n".join(lines), encoding="utf-8")
    store = Store(folder / "store", verify=lambda folder: None)
    demo_bundle.save(folder / "bundle")
    store.log_training(RunRecord({}, {}, {"company": demo_bundle.company, "gate": "passed"}, folder / "bundle"))
    store.promote("1", by_hand=False, gate="passed")
    return folder


@pytest.fixture
def ask(workspace: Path, capfd: pytest.CaptureFixture[str]) -> Ask:
    def asked(*arguments: str) -> tuple[int, str, str]:
        code = targets.main([str(workspace), "--store", str(workspace / "store"), "--quiet", *arguments])
        return code, *capfd.readouterr()

    return asked


def as_json(ask: Ask, *arguments: str) -> dict[str, Any]:
    code, out, _ = ask("--json", *arguments)
    assert code == 0
    found: dict[str, Any] = json.loads(out)
    return found


def test_limits_come_from_the_settings_and_options_win(ask: Ask) -> None:
    usual = as_json(ask)
    assert (
        usual["asked"]["capacity"] == 12 and usual["totals"]["accounts"] == 12 and usual["totals"]["cost"] == 12 * 250
    )
    asked = as_json(ask, "--capacity", "4", "--budget", "800", "--quota", "1e6", "--limit", "2")
    assert asked["totals"]["accounts"] == 3 and asked["shown"] == len(asked["targets"]) == 2
    assert asked["totals"]["quota_short"] == pytest.approx(1e6 - asked["totals"]["expected_new_mrr"])
    assert asked["left_out"]["accounts"] + 3 == asked["prospects"] == 40


def test_the_text_says_what_to_do_and_who_is_not_on_the_list(ask: Ask) -> None:
    code, out, _ = ask("--capacity", "3", "--quota", "100000")
    assert code == 0 and "Planted: whom to sell to next" in out and "3 of 40 prospects" in out
    assert "cannot be reached within the limits" in out and "Not on the list: " in out and "   + Expected gain" in out
    assert "no deals with a result" in out


def test_what_owners_decided_in_reviews_counts(ask: Ask, workspace: Path) -> None:
    before = as_json(ask, "--capacity", "5")
    top = before["targets"][0]["account_id"]
    arguments = [
        str(workspace),
        "--store",
        str(workspace / "store"),
        "--quiet",
        "--owner",
        "Ann",
        "--reason",
        "a rival",
    ]
    assert review.main([*arguments, "--exclude", top]) == 0
    ask("--quiet")
    after = as_json(ask, "--capacity", "5")
    assert top not in {entry["account_id"] for entry in after["targets"]} and after["totals"]["accounts"] == 5
    assert {"reason": "owner", "accounts": 1} in [
        {key: row[key] for key in ("reason", "accounts")} for row in after["left_out"]["by_reason"]
    ]


@pytest.mark.parametrize("name", ["list.csv", "list.json", "list.md", "list.html", "list.xlsx"])
def test_every_form_is_written_whole_and_inert(ask: Ask, tmp_path: Path, name: str) -> None:
    code, out, _ = ask("--capacity", "40", "--out", str(tmp_path / name))
    assert code == 0 and name in out
    if name.endswith(".xlsx"):
        table = pd.read_excel(tmp_path / name, sheet_name=None)
        ranks = table["Targets"]["rank"].tolist()
        assert (
            ranks == list(range(1, len(ranks) + 1)) and len(ranks) > 20 and (table["Targets"]["propensity"] > 0).all()
        )
        assert len(table["About"]) > 10
        return
    text = (tmp_path / name).read_text(encoding="utf-8")
    if name.endswith(".csv"):
        rows = list(csv.DictReader(text.splitlines()))
        assert [float(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
        assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
        assert all(0 < float(row["propensity"]) <= 1 and float(row["expected_gain"]) for row in rows)
        assert "'=cmd" in text
    elif name.endswith(".json"):
        assert len(json.loads(text)["targets"]) == json.loads(text)["totals"]["accounts"]
    else:
        assert "Not on the list" in text and "How the figures are made" in text
        assert "<script" not in text and ("&#34;" in text or "=cmd\\|" in text)


def test_rows_in_another_order_give_the_same_list(ask: Ask, workspace: Path) -> None:
    before = ask("--json", "--capacity", "9")[1]
    path = workspace / "accounts.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, *rows[::-1]]) + "\n", encoding="utf-8")
    assert ask("--json", "--capacity", "9")[1] == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--budget", "-5"], "expected an amount from 0 on"),
        (["--capacity", "x"], "expected a whole number"),
        (["--out", "list.xls"], "expected a name ending in .html, .json, .md, .csv, .xlsx, .parquet"),
        (["--per-segment", "2", "--segment", "moon"], "industry"),
        (["--as-of", "2099-01-01"], "after the end of the data"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_expected(ask: Ask, arguments: list[str], said: str) -> None:
    code, _, err = ask(*arguments)
    assert code == 2 and said in err
