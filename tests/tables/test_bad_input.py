"""Bad input: every rule names table, column and count; what is read is used or quarantined; no traceback."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from leap.errors import SettingsError, SourceError, TableError
from leap.sources import inspect_workspace, read_workspace
from tests.tables.companies import ACCOUNTS, SUBSCRIPTIONS, USAGE, conserved, found, workspace


def test_a_clean_company_has_no_problem(tmp_path):
    tables = read_workspace(workspace(tmp_path))
    assert found(tables) == set()
    assert conserved(tables)
    assert {name: table.rows_used for name, table in tables.tables.items()} == dict.fromkeys(tables.tables, 3)


@dataclass(frozen=True)
class Case:
    """A file, the one problem it must give, and how many of its rows are read and used."""

    name: str
    table: str
    text: str | bytes
    level: str
    column: str | None
    rule: str
    count: int
    read: int
    used: int
    remedy: str = ""
    more: str = ""


def with_row(row: str, text: str = SUBSCRIPTIONS) -> str:
    return text + row + "\n"


def at_day(*days: str) -> str:
    return "account_id,day,actions\n" + "".join(f"a1,{day},1\n" for day in days)


CASES = [
    Case("empty file", "usage", "", "fail", None, "empty_file", 1, 0, 0, "empty"),
    Case("only blank lines", "usage", "\n \r\n", "fail", None, "empty_file", 1, 0, 0),
    Case("semicolons", "usage", USAGE.replace(",", ";"), "warn", None, "separator", 3, 3, 3, "';'"),
    Case("tabs", "usage", USAGE.replace(",", "\t"), "warn", None, "separator", 3, 3, 3, "\\t"),
    Case(
        "Latin-1",
        "accounts",
        ACCOUNTS.replace("NA", "Österreich").encode("latin-1"),
        "warn",
        None,
        "encoding",
        3,
        3,
        3,
        "Latin-1",
    ),
    Case("UTF-16 without its mark", "usage", USAGE.encode("utf-16-le"), "fail", None, "encoding", 1, 0, 0, "UTF-8"),
    Case("UTF-16 cut in a character", "usage", USAGE.encode("utf-16")[:-1], "fail", None, "encoding", 1, 0, 0, "UTF-8"),
    Case("bytes that are no text", "usage", bytes(range(256)) * 4, "fail", None, "nul_byte", 1, 0, 0),
    Case("a row too short", "usage", USAGE + "a3,2023-05-03\n", "quarantine", None, "ragged_row", 1, 4, 3, "cells"),
    Case("a row too long", "usage", USAGE + "a3,2023-05-03,1,000\n", "quarantine", None, "ragged_row", 1, 4, 3),
    Case(
        "an unclosed quote",
        "usage",
        USAGE + 'a3,"2023-05-03,1\na2,2023-05-03,1\n',
        "fail",
        None,
        "unclosed_quote",
        1,
        0,
        0,
        "line",
    ),
    Case(
        "two unclosed quotes",
        "usage",
        USAGE + 'a3,"2023-05-03,1\na2,"2023-05-03,1\n',
        "fail",
        None,
        "unclosed_quote",
        1,
        0,
        0,
    ),
    Case("NUL bytes", "usage", USAGE + "a\x003,2023-05-03,1\n", "quarantine", None, "nul_byte", 1, 4, 3),
    Case(
        "two columns of one name",
        "usage",
        USAGE.replace("account_id,day", "day,day"),
        "fail",
        "day",
        "duplicate_column",
        1,
        3,
        0,
    ),
    Case(
        "a missing column",
        "subscriptions",
        SUBSCRIPTIONS.replace("mrr", "mmr"),
        "fail",
        "mrr",
        "missing_column",
        1,
        3,
        3,
        "'mmr'",
    ),
    Case(
        "a column in capitals",
        "subscriptions",
        SUBSCRIPTIONS.replace("mrr", "MRR"),
        "fail",
        "mrr",
        "missing_column",
        1,
        3,
        3,
        "'MRR'",
    ),
    Case(
        "a missing feature",
        "accounts",
        ACCOUNTS.replace("country", "land"),
        "fail",
        "country",
        "missing_column",
        1,
        3,
        3,
    ),
    Case(
        "no key",
        "usage",
        USAGE.replace("account_id", "acount_id"),
        "fail",
        "account_id",
        "missing_column",
        1,
        3,
        3,
        "acount_id",
    ),
    Case(
        "text as money",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,about 5,USD"),
        "quarantine",
        "mrr",
        "bad_number",
        1,
        4,
        3,
    ),
    Case(
        "infinite money",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,inf,USD"),
        "quarantine",
        "mrr",
        "bad_number",
        1,
        4,
        3,
    ),
    Case(
        "a decimal comma",
        "subscriptions",
        with_row('a1,add,2023-01-01,,,"5,50",USD'),
        "quarantine",
        "mrr",
        "bad_number",
        1,
        4,
        3,
        "decimal commas",
    ),
    Case(
        "NaN as money",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,NaN,USD"),
        "quarantine",
        "mrr",
        "missing_number",
        1,
        4,
        3,
    ),
    Case(
        "NULL as money",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,NULL,USD"),
        "quarantine",
        "mrr",
        "missing_number",
        1,
        4,
        3,
    ),
    Case(
        "money beyond reason",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,1e15,USD"),
        "quarantine",
        "mrr",
        "amount_out_of_range",
        1,
        4,
        3,
    ),
    Case(
        "negative money",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,-5,USD"),
        "quarantine",
        "mrr",
        "negative_amount",
        1,
        4,
        3,
        "credit_notes",
    ),
    Case(
        "no currency",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,5,"),
        "quarantine",
        "currency",
        "missing_currency",
        1,
        4,
        3,
    ),
    Case(
        "two currencies",
        "subscriptions",
        with_row("a1,add,2023-01-01,,,5,EUR"),
        "fail",
        "currency",
        "currency_without_rate",
        1,
        4,
        4,
        "rates",
    ),
    Case(
        "text among numbers",
        "accounts",
        ACCOUNTS + "".join(f"b{i},US,{i}\n" for i in range(20)) + "c,US,many\n",
        "warn",
        "employees",
        "bad_number",
        1,
        24,
        24,
    ),
    Case(
        "open for ever",
        "subscriptions",
        with_row("a1,add,2023-01-01,9999-12-31,,5,USD"),
        "warn",
        "ended_on",
        "sentinel_date",
        1,
        4,
        4,
    ),
    Case(
        "cancelled never",
        "subscriptions",
        with_row("a1,add,2023-01-01,,1970-01-01,5,USD"),
        "warn",
        "cancelled_at",
        "sentinel_date",
        1,
        4,
        4,
    ),
    Case(
        "started at no time",
        "subscriptions",
        with_row("a1,add,1900-01-01,,,5,USD"),
        "quarantine",
        "started_on",
        "sentinel_date",
        1,
        4,
        3,
    ),
    Case("no start", "subscriptions", with_row("a1,add,,,,5,USD"), "quarantine", "started_on", "missing_date", 1, 4, 3),
    Case(
        "end before start",
        "subscriptions",
        with_row("a1,add,2023-05-01,2023-04-30,,5,USD"),
        "quarantine",
        "ended_on",
        "end_before_start",
        1,
        4,
        3,
    ),
    Case(
        "overlapping terms",
        "subscriptions",
        with_row("a1,core,2023-12-31,,,5,USD"),
        "quarantine",
        "product",
        "overlapping_terms",
        1,
        4,
        3,
    ),
    Case(
        "the same row twice",
        "subscriptions",
        with_row("a2,core,2023-02-01,,,200,USD"),
        "quarantine",
        None,
        "duplicate_row",
        1,
        4,
        3,
    ),
    Case(
        "the same account twice",
        "accounts",
        ACCOUNTS + "a1,FR,1\n",
        "quarantine",
        "account_id",
        "duplicate_key",
        1,
        4,
        3,
        "history",
    ),
    Case("no account", "usage", USAGE + ",2023-05-01,1\n", "quarantine", "account_id", "missing_key", 1, 4, 3),
    Case("the same event twice", "usage", USAGE + "a1,2023-05-01,3\n", "warn", None, "duplicate_row", 1, 4, 4, "id"),
    Case(
        "epoch seconds",
        "usage",
        at_day("1683000000", "1683000001"),
        "quarantine",
        "day",
        "bad_date",
        2,
        2,
        0,
        "seconds since 1970",
    ),
    Case(
        "epoch milliseconds",
        "usage",
        at_day("1683000000000"),
        "quarantine",
        "day",
        "bad_date",
        1,
        1,
        0,
        "milliseconds since 1970",
    ),
    Case("YYYYMMDD", "usage", at_day("20230501"), "quarantine", "day", "bad_date", 1, 1, 0, "YYYYMMDD"),
    Case(
        "day first", "usage", at_day("13/04/2023", "03/04/2023"), "quarantine", "day", "bad_date", 2, 2, 0, "DD/MM/YYYY"
    ),
    Case(
        "month first",
        "usage",
        at_day("04/13/2023", "03/04/2023"),
        "quarantine",
        "day",
        "bad_date",
        2,
        2,
        0,
        "MM/DD/YYYY",
    ),
    Case(
        "ambiguous days",
        "usage",
        at_day("04.05.2023"),
        "quarantine",
        "day",
        "bad_date",
        1,
        1,
        0,
        "cannot be told apart",
    ),
    Case("no such day", "usage", USAGE + "a1,2023-02-30,1\n", "quarantine", "day", "bad_date", 1, 4, 3, "YYYY-MM-DD"),
    Case("in the future", "usage", USAGE + "a1,2199-01-01,1\n", "quarantine", "day", "future_date", 1, 4, 3),
    Case("text as quantity", "usage", USAGE + "a1,2023-05-05,x\n", "quarantine", "actions", "bad_number", 1, 4, 3),
    Case(
        "known before it happened",
        "usage",
        "account_id,day,actions,loaded\na1,2023-05-05,1,2023-05-04\n",
        "warn",
        "loaded",
        "known_before_it_happened",
        1,
        1,
        1,
        more='known_at = "loaded"',
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_named_and_counted(case, tmp_path):
    tables = inspect_workspace(workspace(tmp_path, more=case.more, **{case.table: case.text}))
    problems = [p for p in tables.problems if (p.table, p.column, p.rule) == (case.table, case.column, case.rule)]
    assert [(p.level, p.count) for p in problems] == [(case.level, case.count)], tables.problems
    assert case.remedy in problems[0].remedy
    table = tables.tables[case.table]
    assert (table.rows_read, table.rows_used) == (case.read, case.used) or case.rule == "duplicate_column"
    assert conserved(tables)
    others = found(tables) - {(case.level, case.table, case.column, case.rule, case.count)}
    assert not {other for other in others if other[1] != case.table}


@pytest.mark.parametrize("case", [c for c in CASES if c.level == "fail"], ids=lambda case: case.name)
def test_what_fails_stops_everything_but_the_report(case, tmp_path):
    folder = workspace(tmp_path, more=case.more, **{case.table: case.text})
    with pytest.raises(TableError, match=case.rule) as failure:
        read_workspace(folder)
    assert "leap check" in str(failure.value)


def test_accounts_without_attributes_are_named_and_used(tmp_path):
    tables = inspect_workspace(workspace(tmp_path, usage=USAGE + "zz,2023-05-01,1\n"))
    assert [(p.level, p.table, p.column, p.count, p.examples) for p in tables.problems if p.rule == "orphan"] == [
        ("warn", "usage", "account_id", 1, ("'zz'",))
    ]
    assert tables.tables["usage"].rows_used == 4


def test_flat_tables_may_number_their_rows_and_refuse_other_outcomes(tmp_path):
    (tmp_path / "leap.toml").write_text(
        '[tables.flat]\nshape = "snapshot"\nsource = "flat.csv"\nkey = "_row"\noutcome = "left"\ncolumns.size = {}\n'
    )
    (tmp_path / "flat.csv").write_text("size,left\n5,1\n5,1\n6,0\n7,perhaps\n8,\n")
    tables = inspect_workspace(tmp_path)
    assert found(tables) == {("quarantine", "flat", "left", "bad_outcome", 1)}
    assert tables.tables["flat"].rows["_account_id"].tolist() == ["1", "2", "3", "5"]


def test_market_figures_stand_once_and_rates_are_positive(tmp_path):
    (tmp_path / "leap.toml").write_text(
        '[tables.fx]\nshape = "market"\nrole = "rates"\nsource = "fx.csv"\nindicator = "currency"\n'
    )
    (tmp_path / "fx.csv").write_text(
        "currency,period,value\nEUR,1899-01-01,1.1\nEUR,1899-01-01,1.2\nGBP,2020-01-01,0\n,2020-01-01,1\n"
    )
    assert found(inspect_workspace(tmp_path)) == {
        ("quarantine", "fx", "currency", "duplicate_key", 1),
        ("quarantine", "fx", "value", "bad_rate", 1),
        ("quarantine", "fx", "currency", "missing_indicator", 1),
    }


def test_an_unknown_time_zone_is_refused_by_name(tmp_path):
    with pytest.raises(SettingsError, match="Mars/Base"):
        inspect_workspace(workspace(tmp_path, company='timezone = "Mars/Base"'))


def test_an_unreadable_end_of_the_data_is_refused_by_name(tmp_path):
    with pytest.raises(SourceError, match="data_until"):
        inspect_workspace(workspace(tmp_path, company='data_until = "soon"'))


def test_an_end_of_the_data_that_is_yet_to_come_is_refused(tmp_path):
    folder = workspace(tmp_path)
    with pytest.raises(SourceError, match="2990-01-01.*later than tomorrow"):
        inspect_workspace(folder, data_until="2990-01-01")
    tomorrow = f"{pd.Timestamp.now('UTC') + pd.Timedelta(days=1):%Y-%m-%d}"
    assert f"{inspect_workspace(folder, data_until=tomorrow).data_until:%Y-%m-%d}" == tomorrow


def test_settings_nested_beyond_reason_are_refused(tmp_path):
    (tmp_path / "leap.toml").write_text("x = " + "[" * 20000 + "]" * 20000)
    with pytest.raises(SettingsError, match="nested too deep"):
        inspect_workspace(tmp_path)


@pytest.mark.parametrize("hindered", ["is_file", "read_text"])
def test_settings_that_may_not_be_read_are_named(hindered, tmp_path, monkeypatch):
    folder = workspace(tmp_path)

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, hindered, denied)
    with pytest.raises(SettingsError, match=r"leap\.toml cannot be read: Permission denied"):
        inspect_workspace(folder)
