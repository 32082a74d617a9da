"""Bad input: every rule names table, column and count; what is read is used or quarantined; no traceback."""

import gzip
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import LeapError, SettingsError, SourceError, TableError
from leap.sources import inspect_workspace, read_workspace, write_quarantine
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


@pytest.mark.parametrize(
    "text",
    [
        USAGE.encode("utf-8-sig"),
        USAGE.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + USAGE.encode("utf-16-be"),
        USAGE.replace("\n", "\r").encode(),
        USAGE.replace("\n", "\r\n").encode(),
        USAGE.replace("\n", "\n\n").encode(),
        USAGE.rstrip("\n").encode(),
    ],
    ids=["mark of UTF-8", "UTF-16 little", "UTF-16 big", "CR", "CRLF", "blank lines", "no last line end"],
)
def test_other_ways_to_write_the_same_file_change_nothing(text, tmp_path):
    plain = read_workspace(workspace(tmp_path / "plain"))
    tables = read_workspace(workspace(tmp_path / "other", usage=text))
    pd.testing.assert_frame_equal(tables.tables["usage"].rows, plain.tables["usage"].rows)
    assert found(tables) == set()


def test_a_header_without_rows_is_an_empty_table(tmp_path):
    tables = inspect_workspace(workspace(tmp_path, usage="account_id,day,actions\n"))
    assert tables.tables["usage"].rows_read == 0
    assert ("warn", "usage", "empty_table", 0) in [(p.level, p.table, p.rule, p.count) for p in tables.problems]
    for name, header in (("accounts", ACCOUNTS), ("subscriptions", SUBSCRIPTIONS)):
        empty = inspect_workspace(workspace(tmp_path / name, **{name: header.splitlines()[0] + "\n"}))
        assert conserved(empty) and empty.tables[name].rows_read == 0


def test_one_row_is_a_table(tmp_path):
    text = "\n".join(SUBSCRIPTIONS.splitlines()[:2])
    tables = read_workspace(workspace(tmp_path, accounts="account_id,country,employees\na1,NA,1"))
    assert tables.tables["accounts"].rows_used == 1
    (tmp_path / "subscriptions.csv").write_text(text)
    assert read_workspace(tmp_path).tables["subscriptions"].rows_used == 1


def test_ids_and_words_stay_as_they_are_written(tmp_path):
    ids = ["00123", str(2**60 + 1), "None", "NA", "1e5", "null", "Ünï", "0x1F"]
    accounts = "account_id,country,employees\n" + "".join(f"{i},NA,1\n" for i in ids)
    tables = inspect_workspace(workspace(tmp_path, accounts=accounts))
    assert tables.tables["accounts"].rows["_account_id"].tolist() == ids
    assert set(tables.tables["accounts"].rows["country"]) == {"NA"}


def test_large_ids_beside_nulls_in_parquet_stay_whole(tmp_path):
    folder = workspace(tmp_path, source="subscriptions.parquet")
    large = 2**60 + 1
    frame = pa.table(
        {
            "account_id": pa.array([large, None, large + 1], pa.int64()),
            "product": ["core"] * 3,
            "started_on": pa.array([19000, 19000, 19000], pa.date32()),
            "ended_on": pa.array([None, None, 19100], pa.date32()),
            "cancelled_at": pa.array([None] * 3, pa.timestamp("ns", tz="Europe/Berlin")),
            "mrr": pa.array([1.5, 2.0, None]),
            "currency": ["USD"] * 3,
            "nested": pa.array([[1], [1], None]),
        }
    )
    pq.write_table(frame, folder / "subscriptions.parquet")
    tables = inspect_workspace(folder)
    assert tables.tables["subscriptions"].rows["_account_id"].tolist() == [str(large)]
    assert found(tables) == {
        ("quarantine", "subscriptions", "account_id", "missing_key", 1),
        ("quarantine", "subscriptions", "mrr", "missing_number", 1),
    }
    assert conserved(tables)
    assert tables.tables["subscriptions"].left_out == ("nested",)


def test_the_same_from_duckdb_gzip_and_a_folder_of_parquet(tmp_path):
    plain = read_workspace(workspace(tmp_path / "plain")).tables["subscriptions"].rows
    frame = pd.read_csv(tmp_path / "plain" / "subscriptions.csv")
    with duckdb.connect(str(tmp_path / "company.duckdb")) as connection:
        connection.execute("create table subs as select * from frame")
    (tmp_path / "subs.csv.gz").write_bytes(gzip.compress(SUBSCRIPTIONS.encode()))
    (tmp_path / "parts").mkdir()
    frame.iloc[:2].to_parquet(tmp_path / "parts" / "1.parquet")
    frame.iloc[2:].to_parquet(tmp_path / "parts" / "2.parquet")
    for source in ("company.duckdb#subs", "subs.csv.gz", "parts", "parts/*.parquet"):
        tables = read_workspace(workspace(tmp_path, source=source))
        pd.testing.assert_frame_equal(tables.tables["subscriptions"].rows, plain)


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("x.parquet", b"account_id,mrr\na1,1\n"),
        ("x.parquet", b""),
        ("x.csv.gz", b"not zipped"),
        ("x.csv.gz", gzip.compress(b"account_id\n" * 1000)[:40]),
        ("x.duckdb#subs", b"not a database" * 100),
        ("x.xlsx", b"PK"),
        ("missing.csv", b""),
        ("none/*.parquet", b""),
        ("postgresql://host/db#public.subs", b""),
    ],
)
def test_a_file_that_cannot_be_read_fails_its_table_only(source, content, tmp_path):
    (tmp_path / source.split("#")[0].replace("missing", "other").replace("/", "_").replace("*", "_")).write_bytes(
        content
    )
    tables = inspect_workspace(workspace(tmp_path, source=source))
    assert found(tables) == {("fail", "subscriptions", None, "unreadable_source", 1)}
    assert conserved(tables)
    assert tables.tables["accounts"].rows_used == 3


def test_files_of_one_table_with_other_columns_fail_it(tmp_path):
    (tmp_path / "s1.csv").write_text(SUBSCRIPTIONS)
    (tmp_path / "s2.csv").write_text(SUBSCRIPTIONS.replace("mrr", "amount"))
    tables = inspect_workspace(workspace(tmp_path, source="s[12].csv"))
    assert found(tables) == {("fail", "subscriptions", None, "columns_differ", 1)}


def test_rows_are_numbered_as_in_the_file_whatever_was_set_aside_before_them(tmp_path):
    usage = 'account_id,day,actions\na1,2023-05-01,1\n\nragged\na1,"2023-\n05",1\na2,2023-05-02,1\na2,never,1\n'
    tables = inspect_workspace(workspace(tmp_path, usage=usage))
    refused = tables.quarantine["usage"]
    assert list(zip(refused["row"], refused["rule"], strict=True)) == [
        (2, "ragged_row"),
        (3, "bad_date"),
        (5, "bad_date"),
    ]
    assert tables.tables["usage"].rows["_row"].tolist() == [1, 4]


def test_the_quarantine_is_written_with_rule_and_row_and_removed_when_all_is_well(tmp_path):
    folder = workspace(tmp_path, usage="account_id,day,actions,rule,row\na1,never,1,x,y\na1\n")
    (path,) = write_quarantine(inspect_workspace(folder), folder).values()
    refused = pd.read_parquet(path)
    assert path == folder / "quarantine" / "usage.parquet"
    assert refused["rule"].tolist() == ["bad_date", "ragged_row"]
    assert refused["row"].tolist() == [1, 2]
    assert refused["day"].tolist()[0] == "never" and refused["row_in_file"].tolist()[0] == "y"
    assert write_quarantine(read_workspace(workspace(tmp_path)), folder) == {}
    assert not path.exists()


def test_a_very_large_cell_is_read(tmp_path):
    accounts = ACCOUNTS + "a4," + "x" * 5_000_000 + ',1\na5,"' + "y\n" * 9_000_000 + 'y",1\na6\n'
    tables = inspect_workspace(workspace(tmp_path, accounts=accounts))
    assert sorted(tables.tables["accounts"].rows["country"].str.len()) == [2, 2, 2, 5_000_000, 18_000_001]
    assert found(tables) == {("quarantine", "accounts", None, "ragged_row", 1)}


def test_ten_thousand_columns_are_read_and_left_out(tmp_path):
    names = [f"column_{i}" for i in range(10_000)]
    accounts = f"account_id,country,employees,{','.join(names)}\n" + f"a1,NA,1,{','.join('1' for _ in names)}\n" * 2
    tables = inspect_workspace(workspace(tmp_path, accounts=accounts))
    assert tables.tables["accounts"].left_out == tuple(names)
    assert found(tables) == {("quarantine", "accounts", None, "duplicate_row", 1)}


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


CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            "a1",
            "2023-01-01",
            "9999-12-31",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-12:00",
            "NaN",
            "-5",
            "1e308",
        ]
    ),
    st.text(max_size=8),
    st.dates().map(str),
    st.datetimes(timezones=st.timezones()).map(str),
    st.floats().map(str),
    st.integers().map(str),
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=8), max_size=6),
    quoted=st.booleans(),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/New_York"]),
)
def test_random_cells_are_used_or_quarantined_or_refused_in_words(rows, quoted, zone, tmp_path_factory):
    def written(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if quoted else cell

    folder = tmp_path_factory.mktemp("random")
    body = "".join(",".join(map(written, row)) + "\n" for row in rows).encode("utf-8", "surrogatepass")
    files = {
        name: text.splitlines()[0].encode() + b"\n" + body
        for name, text in {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "usage": USAGE}.items()
    }
    try:
        tables = inspect_workspace(workspace(folder, company=f'timezone = "{zone}"', **files))
    except LeapError as error:
        pytest.fail(f"only the report says so: {error}")
    assert conserved(tables)
    if quoted and not any(p.rule in ("unclosed_quote", "bad_header") for p in tables.problems):
        assert all(table.rows_read == len(rows) for table in tables.tables.values())


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=300))
def test_random_bytes_never_end_in_a_traceback(data, tmp_path_factory):
    tables = inspect_workspace(
        workspace(tmp_path_factory.mktemp("bytes"), usage=data, accounts=ACCOUNTS.encode() + data)
    )
    assert conserved(tables)
