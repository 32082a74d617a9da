"""The commands `leap check` and `leap init`: exit codes, the JSON of the contract, files written."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    assert [path.name for path in (tmp_path / "quarantine").iterdir()] == ["report.html"]
    assert document["report"] == str(tmp_path / "quarantine" / "report.html")


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


@pytest.mark.parametrize(
    ("accounts", "subscriptions", "code", "named"),
    [
        ("", "", 2, ("fail", "empty_file", 1)),
        ("account_id,size,told\n", "x,1", 2, ("fail", "missing_column", 1)),
        ("account_id,size,told\na1,1,1", '"account_id,started_on,ended_on,mrr\na1,2023-01-01,,5', 2, ("fail", "unclosed_quote", 1)),
        ("account_id,size,told\na1,1,1\na1,2,1", "account_id,started_on,ended_on,mrr\na1,soon,,5", 0, ("quarantine", "bad_date", 1)),
        ("account_id,size,size\na1,1,1", "account_id,started_on,ended_on,mrr\na1,2023-01-01,,5", 2, ("fail", "duplicate_column", 1)),
        ("account_id,size,told\na1,,1\na2,,1", "account_id;started_on;ended_on;mrr\na1;2023-01-01;;5", 0, ("warn", "all_missing", 2)),
        ("account_id,size,told\nA1,1,1\n01,2,1", "account_id,started_on,ended_on,mrr\n1,2023-01-01,,5", 0, ("warn", "key_spelling", 1)),
        ("account_id,size,told\na1,1,1", "account_id,started_on,ended_on,mrr\na1,45292,,5", 0, ("quarantine", "bad_date", 1)),
    ],
)  # fmt: skip
def test_check_reports_whatever_is_broken_with_its_exit_code(accounts, subscriptions, code, named, tmp_path, capsys):
    folder = workspace(tmp_path)
    (folder / "accounts.csv").write_text(accounts)
    (folder / "subscriptions.csv").write_text(subscriptions)
    given, document = answer(capsys, "check", folder)
    assert given == code and document["ok"] == (code == 0)
    assert named in [(p["level"], p["rule"], p["count"]) for p in document["problems"]]
    for counts in document["tables"].values():
        assert counts["rows_read"] == counts["rows_used"] + counts["rows_quarantined"]
    assert "<h1>Data of Company</h1>" in Path(document["report"]).read_text()


def test_a_change_of_unit_is_told_as_alarms_are(tmp_path, capsys):
    folder = workspace(tmp_path, more='[tables.usage]\nshape = "events"\nsource = "usage.csv"\nquantity = "n"')
    days = [f"202{y}-{m:02d}-{d:02d}" for y in (1, 2) for m in range(1, 13) for d in (1, 11, 21)]
    rows = [f"a{i % 60},{day},{(i % 7 + 10) * (1000 if day >= '2022-04-11' else 1)}" for i, day in enumerate(days)]
    (folder / "usage.csv").write_text("account_id,occurred_at,n\n" + "\n".join(rows) + "\n")
    code, document = answer(capsys, "check", folder)
    (problem,) = [p for p in document["problems"] if p["rule"] == "unit_change"]
    assert code == 0
    assert (problem["level"], problem["table"], problem["column"]) == ("warn", "usage", "usage.n")
    assert (problem["since"], problem["size"], problem["count"]) == ("2022-04-11", 1000.0, 26)


def test_rates_that_are_missing_fail_the_check_and_not_the_audit(tmp_path, capsys):
    rates = '[tables.fx]\nshape = "market"\nrole = "rates"\nsource = "fx.csv"\n'
    folder = workspace(tmp_path, more=rates)
    toml = (folder / "leap.toml").read_text() + 'currency = "code"\n'
    (folder / "leap.toml").write_text(toml)
    (folder / "fx.csv").write_text("indicator,period,value\nEUR,2023-01-01,1.1\n")
    lines = (folder / "subscriptions.csv").read_text().splitlines()
    text = "\n".join([lines[0] + ",code", *(line + ",EUR" for line in lines[1:])])
    (folder / "subscriptions.csv").write_text(text)
    code, document = answer(capsys, "check", folder)
    assert code == 2
    failed = [(p["table"], p["column"], p["rule"], p["count"]) for p in document["problems"] if p["level"] == "fail"]
    assert failed == [("subscriptions", "code", "currency_without_rate", 60)]


def test_what_features_cannot_use_is_said_where_they_can_tell(tmp_path, capsys, monkeypatch):
    from leap.features import families

    monkeypatch.setattr(
        families,
        "undelivered",
        lambda table: [("size", "too many words")] if table.name == "accounts" else [],
    )
    code, document = answer(capsys, "check", workspace(tmp_path))
    found = [
        (p["level"], p["table"], p["column"], p["remedy"]) for p in document["problems"] if p["rule"] == "no_feature"
    ]
    assert (code, found) == (0, [("warn", "accounts", "size", "too many words")])


def test_a_folder_that_cannot_be_written_to_is_no_reason_not_to_report(tmp_path, capsys):
    folder = workspace(tmp_path, accounts="a1,1,1\n")
    (folder / "quarantine").write_text("a file")
    code, document = answer(capsys, "check", folder)
    assert (code, document["report"], document["quarantine"]) == (0, None, {})


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(
        st.lists(st.sampled_from(["", "a1", "2023-01-01", "9999-12-31", "-5", "1e308", "x", "NULL", "\x00", "45292", "“"]), min_size=4, max_size=4),
        max_size=5,
    ),
    which=st.sampled_from(["accounts", "subscriptions"]),
    header=st.booleans(),
)  # fmt: skip
def test_check_survives_any_table(cells, which, header, tmp_path_factory, capsys):
    folder = workspace(tmp_path_factory.mktemp("any"))
    head = (folder / f"{which}.csv").read_text().splitlines()[0] + "\n" if header else ""
    (folder / f"{which}.csv").write_text(head + "".join(",".join(row) + "\n" for row in cells))
    code, document = answer(capsys, "check", folder)
    assert code in (0, 1, 2) and "error" not in document
    for counts in document["tables"].values():
        assert counts["rows_read"] == counts["rows_used"] + counts["rows_quarantined"]


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
    assert named == {("subscriptions", "overlapping_terms"): 3668, ("support_tickets", "before_first_revenue"): 1170}
