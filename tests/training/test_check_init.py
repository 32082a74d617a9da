"""The commands `leap check` and `leap init`: exit codes, the JSON of the contract, files written."""

import json
from pathlib import Path

import pandas as pd
import pytest

from training.__main__ import main

TOML = """
[tables.accounts]
shape = "attributes"
source = "accounts.csv"
columns.size = {}
{more}
[tables.subscriptions]
shape = "periods"
role = "revenue"
source = "subscriptions.csv"
amount = "mrr"
"""


def workspace(folder: Path, more: str = "", accounts: str = "", subscriptions: str = "") -> Path:
    """Sixty accounts over four years; every second one leaves after two."""
    ends = ["", "2022-06-15"]
    lines = [f"a{i},{i},{i % 2}" for i in range(60)]
    terms = [f"a{i},2020-{i % 12 + 1:02d}-01,{ends[i % 2]},10" for i in range(60)]
    (folder / "leap.toml").write_text(TOML.replace("{more}", more))
    (folder / "accounts.csv").write_text("account_id,size,told\n" + "\n".join(lines) + "\n" + accounts)
    (folder / "subscriptions.csv").write_text(
        "account_id,started_on,ended_on,mrr\n" + "\n".join([*terms, "z,2024-01-01,,1"]) + "\n" + subscriptions
    )
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict]:
    """The exit code and the one JSON object of a command."""
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_clean_company_is_ok(tmp_path, capsys):
    code, document = answer(capsys, "check", workspace(tmp_path))
    assert (code, document["ok"], document["leaks"]) == (0, True, [])
    assert document["tables"]["accounts"] == {"rows_read": 60, "rows_used": 60, "rows_quarantined": 0}
    assert document["left_out"] == {"accounts": ["told"]}
    assert document["data_until"] == "2024-01-02"
    assert document["config"]["outcome"]["horizon_months"] == 12
    assert document["quarantine"] == {}
    assert not (tmp_path / "quarantine").exists()


def test_quarantined_rows_are_written_and_shown(tmp_path, capsys):
    folder = workspace(tmp_path, accounts="a1,1,1\nb\n")
    code, document = answer(capsys, "check", folder)
    assert (code, document["ok"]) == (0, True)
    refused = pd.read_parquet(document["quarantine"]["accounts"])
    assert refused[["rule", "row"]].to_numpy().tolist() == [["duplicate_row", 61], ["ragged_row", 62]]
    assert main(["check", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "QUARANTINE accounts: ragged_row, 1" in shown and "quarantine/accounts.parquet" in shown


def test_a_rule_that_fails_gives_the_report_and_exit_2(tmp_path, capsys):
    code, document = answer(capsys, "check", workspace(tmp_path, more="columns.sise = {}"))
    assert (code, document["ok"]) == (2, False)
    assert document["tables"]["accounts"] == {"rows_read": 60, "rows_used": 60, "rows_quarantined": 0}
    (problem,) = [problem for problem in document["problems"] if problem["level"] == "fail"]
    assert (problem["table"], problem["column"], problem["rule"]) == ("accounts", "sise", "missing_column")
    assert "'size'" in problem["remedy"]


def test_a_broken_leap_toml_gives_the_error_form(tmp_path, capsys):
    (tmp_path / "leap.toml").write_text("[tables.x]\nshap = 1\n")
    code, document = answer(capsys, "check", tmp_path)
    assert (code, document["error"]["code"]) == (2, "settings")


@pytest.mark.parametrize("column", ["churn_reason", "told"])
def test_leaks_by_name_and_by_what_they_tell_give_exit_1(column, tmp_path, capsys):
    folder = workspace(tmp_path, more=f"columns.{column} = {{}}")
    text = (folder / "accounts.csv").read_text().replace("told", column)
    (folder / "accounts.csv").write_text(text)
    code, document = answer(capsys, "check", folder)
    assert (code, document["ok"]) == (1, True)
    assert [(leak["table"], leak["column"]) for leak in document["leaks"]] == [("accounts", column)]
    settings = (folder / "leap.toml").read_text()
    (folder / "leap.toml").write_text(f'[leaks]\nkeep_columns = ["accounts.{column}"]\n{settings}')
    assert answer(capsys, "check", folder)[0] == 0


def test_revenue_of_a_few_days_is_no_traceback(tmp_path, capsys):
    folder = workspace(tmp_path)
    (folder / "subscriptions.csv").write_text("account_id,started_on,ended_on,mrr\na1,2024-01-05,,5\n")
    assert answer(capsys, "check", folder)[0] == 0


def test_init_writes_once_and_again_only_by_force(tmp_path, capsys):
    folder = workspace(tmp_path)
    code, document = answer(capsys, "init", folder)
    assert (code, document["error"]["code"]) == (2, "settings")
    code, document = answer(capsys, "init", folder, "--force")
    assert (code, document["config"]) == (0, str(folder / "leap.toml"))
    assert "tables.subscriptions.role = revenue (what accounts pay)" in document["guessed"]
    assert answer(capsys, "check", folder)[0] in (0, 1)
    assert main(["init", str(folder), "--force"]) == 0
    assert "leap check" in capsys.readouterr().out


def test_init_of_tables_that_cannot_be_used_writes_why(tmp_path, capsys):
    (tmp_path / "weather.csv").write_text("station,rain\nx,1\ny,2\n")
    code, document = answer(capsys, "init", tmp_path)
    assert (code, document["guessed"][0]) == (0, "company.currency = USD (not seen in the files)")
    (left,) = document["left_out"]
    assert (left["table"], left["column"]) == ("weather", None) and "no column names the account" in left["why"]
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert "No table can be used as it is" in capsys.readouterr().out


def test_init_of_a_folder_without_tables_says_what_it_found(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("x")
    code, document = answer(capsys, "init", tmp_path)
    assert (code, document["error"]["code"]) == (2, "source")
    assert "notes.txt" in document["error"]["message"]


@pytest.mark.needs_data
@pytest.mark.parametrize(
    "name", ["cncf_members", "ravenstack", "mrr_playbook", "online_retail", "telco_churn", "saas_sme_churn", "market"]
)
def test_what_init_writes_for_real_data_passes_check(name, shared_data, tmp_path, capsys):
    for path in (shared_data / name).iterdir():
        (tmp_path / path.name).symlink_to(path)
    assert answer(capsys, "init", tmp_path)[0] == 0
    code, document = answer(capsys, "check", tmp_path)
    assert (code, document["ok"], document["leaks"]) == (0, True, [])
    for counts in document["tables"].values():
        assert counts["rows_read"] == counts["rows_used"] + counts["rows_quarantined"]


@pytest.mark.needs_data
def test_ravenstack_is_read_with_its_inconsistencies_named(shared_data, tmp_path, capsys):
    for path in (shared_data / "ravenstack").iterdir():
        (tmp_path / path.name).symlink_to(path)
    _, written = answer(capsys, "init", tmp_path)
    why = {one["table"]: one["why"] for one in written["left_out"] if one["column"] is None}
    assert "21 of its values stand again" in why["feature_usage"]
    _, document = answer(capsys, "check", tmp_path)
    named = {(problem["table"], problem["rule"]): problem["count"] for problem in document["problems"]}
    assert named == {("subscriptions", "overlapping_terms"): 3713, ("support_tickets", "before_first_revenue"): 1170}
