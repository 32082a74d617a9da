"""CSV, Parquet and DuckDB where they lie: values kept, folders and globs, and files that lie about themselves."""

import datetime
import gzip
import json
import struct
import subprocess
import sys
import uuid
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leap.errors import SourceError
from leap.sources import inspect_workspace, read_raw
from leap.sources.arrow import to_frame
from leap.tables import values
from leap.tables.csv_text import Unreadable

UTC = datetime.UTC


def test_arrow_types_keep_their_value():
    moment = datetime.datetime(2024, 1, 31, 12, 0, 0, 123456)
    columns = {
        "money": pa.array([Decimal("0.10"), None, Decimal("-12345678901234567890.12")], pa.decimal128(38, 2)),
        "more_money": pa.array([Decimal("1.5"), None, None], pa.decimal256(60, 1)),
        "id": pa.array([2**53 + 1, None, 2**62], pa.int64()),
        "unsigned": pa.array([2**64 - 1, None, 0], pa.uint64()),
        "half": pa.array([np.float16(1.5), None, np.float16(3.5)], pa.float16()),
        "truth": pa.array([True, None, False]),
        "word": pa.array(["a", None, ""], pa.large_string()),
        "kind": pa.array(["x", None, "x"]).dictionary_encode(),
        "day": pa.array([datetime.date(2024, 2, 29), None, datetime.date(9999, 12, 31)]),
        "day_ms": pa.array([datetime.date(2024, 2, 29), None, None], pa.date64()),
        "at_ns": pa.array([moment, None, moment], pa.timestamp("ns")),
        "at_s": pa.array([0, None, 2**40], pa.timestamp("s")),
        "at_zone": pa.array([moment, None, moment], pa.timestamp("us", tz="Europe/Berlin")),
        "time": pa.array([datetime.time(12, 30), None, datetime.time(0)]),
        "list": pa.array([[1, 2], None, []]),
        "record": pa.array([{"a": 1, "b": "é"}, None, {"a": None, "b": ""}]),
        "nothing": pa.nulls(3),
        "bytes": pa.array([b"abc", None, b"\xff"]),
        "key": pa.array([uuid.UUID(int=1).bytes, None, uuid.UUID(int=2).bytes], pa.uuid()),
    }
    frame = to_frame(pa.table(columns))
    assert list(frame.columns) == list(columns)
    first = frame.iloc[0]
    assert frame["money"].tolist()[::2] == ["0.10", "-12345678901234567890.12"] and first["more_money"] == "1.5"
    assert (first["id"], first["unsigned"], first["half"], first["truth"]) == (2**53 + 1, 2**64 - 1, 1.5, True)
    assert (first["word"], first["kind"], frame["word"].iloc[2]) == ("a", "x", "")
    assert first["day"] == first["day_ms"] == pd.Timestamp("2024-02-29") and frame["day"].iloc[2].year == 9999
    assert first["at_ns"] == pd.Timestamp(moment) and first["at_zone"] == pd.Timestamp(moment, tz=UTC)
    assert frame["at_s"].iloc[2].year == 9999 and first["at_s"] == pd.Timestamp("1970-01-01")
    assert first["time"].startswith("12:30") and json.loads(first["list"]) == [1, 2]
    assert json.loads(first["record"]) == {"a": 1, "b": "é"}
    assert first["bytes"] == "616263" and first["key"] == str(uuid.UUID(int=1))
    assert frame.iloc[1].isna().all()
    assert values.as_text(frame["truth"]).tolist() == ["true", "", "false"]
    assert values.numbers(frame["unsigned"])[1].sum() == 0


def test_moments_as_spark_writes_them_reach_the_end_of_the_calendar(tmp_path):
    days = [datetime.datetime(9999, 12, 31), datetime.datetime(2024, 1, 31, 12, 0, 0, 123456), None]
    table = pa.table({"at": pa.array(days, pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "t.parquet", use_deprecated_int96_timestamps=True, store_schema=False)
    frame = read_raw("t.parquet", tmp_path).frame
    assert frame["at"].tolist()[:2] == [pd.Timestamp(day) for day in days[:2]] and pd.isna(frame["at"].iloc[2])


def test_a_name_that_stands_twice_in_parquet_is_left_to_the_checks(tmp_path):
    pq.write_table(pa.table([pa.array(["a"]), pa.array(["b"])], names=["x", "x"]), tmp_path / "t.parquet")
    frame = read_raw("t.parquet", tmp_path).frame
    assert frame.columns.tolist() == ["x", "x"] and frame.iloc[0].tolist() == ["a", "b"]


# Files that lie about themselves.


def write(path, rows=1000, **options):
    """A Parquet file of an id and a number, 1000 rows unless said otherwise."""
    table = pa.table({"account_id": [f"a{i % 7}" for i in range(rows)], "n": list(range(rows))})
    pq.write_table(table, path, **options)
    return path.read_bytes()


def refused(folder, source):
    """The message of the refusal."""
    with pytest.raises(SourceError) as caught:
        read_raw(source, folder)
    assert caught.value.remedy
    return str(caught.value)


ROWS_1000, ROWS_8000 = b"\x16\xd0\x0f", b"\x16\x80\x7d"
"""A 64-bit field of the footer, as Thrift's compact protocol writes 1000 and 8000."""


def test_a_footer_that_promises_more_rows_is_refused(tmp_path):
    data = write(tmp_path / "t.parquet")
    footer = data.rindex(b"schema") - 40
    head, tail = data[:footer], data[footer:]
    (tmp_path / "t.parquet").write_bytes(head + tail.replace(ROWS_1000, ROWS_8000, 1))
    assert "1,000 and of 8,000 rows" in refused(tmp_path, "t.parquet")
    (tmp_path / "t.parquet").write_bytes(head + tail.replace(ROWS_1000, ROWS_8000))
    assert "t.parquet" in refused(tmp_path, "t.parquet")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data: b"account_id,n\na1,1\n", "is not a Parquet file, whatever its name says"),
        (lambda data: b"", "is not a Parquet file"),
        (lambda data: data[:-200], "its end is missing"),
        (lambda data: data[:-4] + b"PARE", "encrypted"),
        (lambda data: data[:4] + bytes(len(data) // 2) + data[4 + len(data) // 2 :], "damaged"),
        (lambda data: data[:-8] + b"\xff\xff\xff\x7f" + data[-4:], "damaged"),
        (lambda data: data[:-300] + bytes(292) + data[-8:], "damaged"),
    ],
)
def test_a_damaged_parquet_file_is_named(change, expected, tmp_path):
    data = write(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").write_bytes(change(data))
    told = refused(tmp_path, "t.parquet")
    assert "t.parquet" in told and expected in told


def test_a_page_whose_values_changed_is_refused_where_it_has_a_checksum(tmp_path):
    data = bytearray(write(tmp_path / "t.parquet", write_page_checksum=True, compression="none", use_dictionary=False))
    data[len(data) // 3] ^= 1
    (tmp_path / "t.parquet").write_bytes(data)
    assert "damaged" in refused(tmp_path, "t.parquet")


def test_rows_that_need_more_than_the_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    constant = pa.array(np.zeros(2_000_000, dtype=np.int64))
    pq.write_table(pa.table({"n": constant}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 20_000
    assert len(read_raw("t.parquet", tmp_path).frame) == 2_000_000
    monkeypatch.setattr("leap.sources.memory.free_bytes", lambda: 20_000_000)
    told = refused(tmp_path, "t.parquet")
    assert "2,000,000 rows of 1 columns, unpacked: about 16.0 MB of memory, of which 10.0 MB may be used" in told


def test_one_long_text_behind_many_rows_is_refused_by_the_memory_it_would_take(tmp_path, monkeypatch):
    """100 kB of text, a million times: 100 GB in a file of some kilobytes."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, dtype=np.int32)), pa.array(["x" * 100_000]))
    pq.write_table(pa.table({"t": text}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 100_000
    monkeypatch.setattr("leap.sources.memory.free_bytes", lambda: 1_000_000_000)
    assert "rows read so far, and more to come" in refused(tmp_path, "t.parquet")


def test_a_column_that_might_swell_but_does_not_is_read_as_it_is(tmp_path, monkeypatch):
    texts = ["y" * 200_000, *(["short", None, ""] * 5000)]
    pq.write_table(pa.table({"t": texts, "n": list(range(len(texts)))}), tmp_path / "t.parquet")
    monkeypatch.setattr("leap.sources.memory.free_bytes", lambda: 20_000_000)
    frame = read_raw("t.parquet", tmp_path).frame
    assert [None if pd.isna(text) else text for text in frame["t"]] == texts


def test_long_texts_inside_lists_are_refused_too(tmp_path, monkeypatch):
    """20 kB of text in each of 20,000 lists: 400 MB in a file of some kilobytes."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, dtype=np.int32)), pa.array(["x" * 20_000]))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(20_001, dtype=np.int32)), text)
    pq.write_table(pa.table({"t": lists}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 100_000
    monkeypatch.setattr("leap.sources.memory.free_bytes", lambda: 100_000_000)
    assert "rows read so far, and more to come" in refused(tmp_path, "t.parquet")


def test_a_packed_csv_is_unpacked_only_as_far_as_the_memory_allows(tmp_path, monkeypatch):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"account_id\n" + b"a\n" * 10_000_000))
    monkeypatch.setattr("leap.sources.memory.free_bytes", lambda: 20_000_000)
    assert "that unpack to 5.2 MB of text so far" in refused(tmp_path, "t.csv.gz")


# Folders and globs.


def test_files_in_another_order_of_columns_and_of_other_types_are_one_table(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    big = 2**62
    pq.write_table(pa.table({"id": ["a"], "n": [big], "m": [1], "x": pa.array([1], pa.uint64())}), folder / "1.parquet")
    second = {
        "m": [0.5],
        "x": pa.array([2**40], pa.int64()),
        "n": pa.nulls(1),
        "id": pa.array(["b"]).dictionary_encode(),
    }
    pq.write_table(pa.table(second), folder / "2.parquet")
    third = {"id": pa.array([3]), "n": [7], "m": [2], "x": pa.nulls(1, pa.uint64())}
    pq.write_table(pa.table(third), folder / "3.parquet")
    raw = read_raw("parts", tmp_path)
    assert raw.frame["id"].tolist() == ["a", "b", "3"] and raw.frame["m"].tolist() == [1.0, 0.5, 2.0]
    assert raw.frame["n"].dtype == "Int64" and raw.frame["n"].tolist()[::2] == [big, 7]
    assert raw.frame["x"].tolist()[:2] == [1, 2**40] and raw.frame.index.tolist() == [0, 1, 2]
    assert {(rule, told.split(":")[0]) for rule, told, _ in raw.remarks} == {
        ("types_differ", "id"),
        ("types_differ", "m"),
    }


def test_moments_with_and_without_an_offset_do_not_mix(tmp_path):
    moment = datetime.datetime(2024, 1, 1)
    for name, zone in (("1", None), ("2", "UTC")):
        pq.write_table(pa.table({"at": pa.array([moment], pa.timestamp("us", tz=zone))}), tmp_path / f"{name}.parquet")
    with pytest.raises(Unreadable, match="moments with an offset in 2.parquet") as caught:
        read_raw("*.parquet", tmp_path)
    assert caught.value.rule == "types_differ"


def test_two_zones_are_one_moment(tmp_path):
    moment = datetime.datetime(2024, 1, 1, tzinfo=UTC)
    for name, zone in (("1", "Europe/Berlin"), ("2", "UTC")):
        pq.write_table(pa.table({"at": pa.array([moment], pa.timestamp("us", tz=zone))}), tmp_path / f"{name}.parquet")
    assert (read_raw("*.parquet", tmp_path).frame["at"] == moment).all()


def test_values_in_names_of_folders_are_columns(tmp_path):
    for country, month in (("DE", "2024-01"), ("N%26A", "2024-02"), ("__HIVE_DEFAULT_PARTITION__", "2024-03")):
        folder = tmp_path / "usage" / f"country={country}" / f"month={month}"
        folder.mkdir(parents=True)
        write(folder / "part.parquet", rows=2)
    (tmp_path / "usage" / "_temporary").mkdir()
    write(tmp_path / "usage" / "_temporary" / "part.parquet", rows=5)
    for source in ("usage", "usage/country=*/*/*.parquet"):
        frame = read_raw(source, tmp_path).frame
        assert frame["month"].tolist() == ["2024-01"] * 2 + ["2024-02"] * 2 + ["2024-03"] * 2
        assert frame["country"].tolist()[:4] == ["DE", "DE", "N&A", "N&A"] and frame["country"].isna().sum() == 2


def test_a_folder_of_a_table_format_is_not_read_as_plain_files(tmp_path):
    (tmp_path / "usage" / "_delta_log").mkdir(parents=True)
    write(tmp_path / "usage" / "1.parquet")
    assert "rows that were deleted" in refused(tmp_path, "usage")


def test_a_folder_without_parquet_and_a_name_in_another_case_say_what_is_there(tmp_path):
    (tmp_path / "usage").mkdir()
    (tmp_path / "usage" / "Events.csv").write_text("account_id\na\n")
    assert "holds no Parquet file; found Events.csv" in refused(tmp_path, "usage")
    with pytest.raises(SourceError, match=r"did you mean 'Events.csv'\?"):
        read_raw("usage/events.csv", tmp_path)


def test_an_absolute_path_is_read_and_an_address_is_not(tmp_path):
    (tmp_path / "t.csv").write_text("account_id\na\n")
    assert len(read_raw(str(tmp_path / "t.csv"), tmp_path / "elsewhere").frame) == 1
    assert len(read_raw(str(tmp_path / "*.csv"), tmp_path / "elsewhere").frame) == 1
    for source in ("https://files.example/t.csv?token=secret", "s3://bucket/t.parquet"):
        told = refused(tmp_path, source)
        assert "Download the file" in told and "secret" not in told


# DuckDB.


@pytest.fixture
def company(tmp_path):
    """A DuckDB file with tables, a view and another schema."""
    with duckdb.connect(str(tmp_path / "company.duckdb")) as connection:
        connection.execute("""
            create type plan as enum ('small', 'large');
            create table subs as select 'a' as account_id, 10.10::decimal(18, 2) as mrr, 2::hugeint ** 100 as huge,
                'large'::plan as plan, '6f8d5d2c-0000-4000-8000-00000000000a'::uuid as key, date 'infinity' as day,
                timestamp '-infinity' as at, timestamptz '2024-01-01 00:00:00+00' as at_zone, [1, 2] as list,
                {'a': 1} as record, null as nothing, time '12:30' as hour, interval 1 day as span,
                340282366920938463463374607431768211455::uhugeint as uhuge, '101'::bit as bits, 9007199254740993 as id;
            insert into subs (account_id) values ('b');
            create schema sales; create table sales."odd ""name" as select 1 as n; create view seen as from subs;
        """)
    return tmp_path


def test_duckdb_types_keep_their_value(company):
    frame = read_raw("company.duckdb#subs", company).frame
    first = frame.iloc[0]
    assert first["mrr"] == "10.10" and float(first["huge"]) == 2.0**100 and first["id"] == 9007199254740993
    assert first["plan"] == "large" and first["key"] == "6f8d5d2c-0000-4000-8000-00000000000a"
    assert (
        first["day"].year == 9999 and first["at"].year == 1 and first["at_zone"] == pd.Timestamp("2024-01-01", tz=UTC)
    )
    assert json.loads(first["list"]) == [1, 2] and json.loads(first["record"]) == {"a": 1}
    assert (first["span"], first["bits"], first["uhuge"]) == ("1 day", "101", str(2**128 - 1))
    assert frame.iloc[1].drop("account_id").isna().all()


@pytest.mark.parametrize("table", ["subs", "main.subs", "SUBS", "seen", 'sales."odd ""name"'])
def test_tables_views_and_other_schemas_are_found(table, company):
    assert len(read_raw(f"company.duckdb#{table}", company).frame) >= 1


def test_a_missing_table_of_duckdb_names_the_nearest(company):
    assert "Did you mean main.subs?" in refused(company, "company.duckdb#sub")
    assert "There are main.seen" in refused(company, "company.duckdb#zzz")


def test_a_duckdb_file_that_is_open_for_writing_elsewhere_is_named(company):
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, company / "company.duckdb"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        told = refused(company, "company.duckdb#subs")
        other.communicate()
    assert f"open for writing in another program (process {other.pid})" in told


def test_files_that_are_no_duckdb_of_this_version_are_named(company):
    path = company / "company.duckdb"
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:200])
    assert "company.duckdb" in refused(company, "company.duckdb#subs")
    path.write_bytes(b"account_id\n" * 5000)
    assert "is not a DuckDB file" in refused(company, "company.duckdb#subs")
    data[12:20] = (9999).to_bytes(8, "little")
    path.write_bytes(data)
    assert "Export it again if it is damaged" in refused(company, "company.duckdb#subs")
    data[:8] = struct.pack("<Q", checksum(data[8:4096]))
    path.write_bytes(data)
    assert "written by another version of DuckDB (format 9999; this one reads" in refused(
        company, "company.duckdb#subs"
    )


def checksum(block):
    """DuckDB's own, of a header."""
    total = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        total ^= word * 0xBF58476D1CE4E5B9 & (2**64 - 1)
    return total


def test_what_is_set_aside_and_remarked_reaches_the_report(tmp_path):
    (tmp_path / "leap.toml").write_text('[tables.usage]\nshape = "events"\nsource = "*.parquet"\nat = "day"\n')
    pq.write_table(pa.table({"account_id": ["a"], "day": ["2024-01-01"], "n": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"account_id": ["a"], "day": ["2024-01-02"], "n": ["x"]}), tmp_path / "2.parquet")
    tables = inspect_workspace(tmp_path)
    assert [problem.rule for problem in tables.problems] == ["types_differ"]
    assert tables.tables["usage"].rows_used == 2
