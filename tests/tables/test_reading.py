"""Files: other ways to write the same rows change nothing; what cannot be read fails or is set aside, row by row."""

import gzip

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import LeapError
from leap.sources import inspect_workspace, read_workspace, write_quarantine
from tests.tables.companies import ACCOUNTS, SUBSCRIPTIONS, USAGE, conserved, found, workspace


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


@pytest.mark.parametrize("names", ['"a|b|c|d"', "a;b;c;d"])
def test_signs_in_the_name_of_a_column_separate_nothing(names, tmp_path):
    header, *rows = ACCOUNTS.splitlines()
    text = "\n".join([f"{header},{names}", *(f"{row},1" for row in rows)])
    tables = read_workspace(workspace(tmp_path / "rows", accounts=text))
    assert found(tables) == set() and tables.tables["accounts"].rows_used == 3
    only_header = inspect_workspace(workspace(tmp_path / "none", accounts=f'{header},"a|b|c|d"\n'))
    assert found(only_header) == set()


def test_decimal_commas_do_not_make_commas_the_separator(tmp_path):
    text = "account_id;country;employees\na1;NA;1,5\na2;DE;2,5\n"
    tables = inspect_workspace(workspace(tmp_path, accounts=text))
    assert tables.tables["accounts"].rows_used == 2
    assert ("warn", "accounts", None, "separator", 2) in found(tables)


@pytest.mark.parametrize(
    ("begin", "kind"),
    [(b"PK\x03\x04", "spreadsheet"), (b"\xd0\xcf\x11\xe0", "Excel"), (b"\x1f\x8b", "gzip"), (b"PAR1", "Parquet")],
)
def test_a_file_of_another_kind_is_told_by_its_first_bytes(begin, kind, tmp_path):
    tables = inspect_workspace(workspace(tmp_path, usage=begin + bytes(range(1, 256))))
    assert [(p.rule, kind in p.remedy) for p in tables.problems if p.level == "fail"] == [("not_csv", True)]


@pytest.mark.parametrize("source", ["x" * 5000 + ".csv", "x" * 300 + "/*.csv"])
def test_a_source_that_no_file_can_have_is_named(source, tmp_path):
    tables = inspect_workspace(workspace(tmp_path, source=source))
    (problem,) = [p for p in tables.problems if p.level == "fail"]
    assert problem.rule == "unreadable_source" and "xxx" in problem.remedy and len(problem.remedy) < 500
