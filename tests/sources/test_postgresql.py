"""PostgreSQL, on a real server: values keep their meaning, tables agree with each other, and nothing secret is said."""

import os
import signal
import socket
import threading
import time

import numpy as np
import pandas as pd
import pytest

from leap.errors import LeapError, SettingsError, SourceError
from leap.sources import copying, inspect_workspace, read_raw
from leap.sources.names import shown
from leap.sources.postgresql import Databases
from tests.sources.conftest import PASSWORD

TYPES = """
create type plan as enum ('small', 'large');
create domain money_of_ours as numeric(12, 2);
create table everything (
    id bigint, price numeric, fee money_of_ours, share double precision, small smallint, live boolean,
    day date, at timestamp, at_zone timestamptz, word text, code char(4), key uuid, more jsonb, tags text[], plan plan,
    raw bytea, span interval
);
insert into everything values
    (9007199254740993, 12345678901234567890.123456789, 10.10, 0.1, 1, true, '2024-02-29', '2024-01-31 12:00:00.123456',
     '2024-01-31 12:00:00+02', 'a "quoted", line
second line', 'ab', '6f8d5d2c-0000-4000-8000-00000000000a', '{"a": 1}', '{x,"y z"}', 'large', '\\x00ff', '1 day'),
    (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
    (-1, 'NaN', 0, 'Infinity', 0, false, 'infinity', '-infinity', 'infinity', '', '', null, null, '{}', 'small', '',
     '0'),
    (0, 1e-30, 0.00, 'NaN', 0, false, '0044-03-15 BC', '20000-01-01', '-infinity', '\\N', 'é', null, 'null', null, null,
     null, null);
"""


def read(database, table="public.everything"):
    """The frame of a table, as `reader` sees it."""
    return read_raw(f"postgresql://127.0.0.1:{database.info.port}/crm#{table}", None).frame


def test_every_type_keeps_its_value(database):
    database.execute(TYPES)
    frame = read(database)
    row = frame.iloc[0]
    assert row["id"] == 9007199254740993 and row["price"] == "12345678901234567890.123456789"
    assert (row["fee"], row["share"], row["small"], row["live"]) == ("10.10", 0.1, 1, True)
    assert row["day"] == pd.Timestamp("2024-02-29") and row["at"] == pd.Timestamp("2024-01-31 12:00:00.123456")
    assert row["at_zone"] == pd.Timestamp("2024-01-31 10:00", tz="UTC")
    assert row["word"] == 'a "quoted", line\nsecond line' and row["key"] == "6f8d5d2c-0000-4000-8000-00000000000a"
    assert (row["more"], row["tags"], row["plan"], row["raw"]) == ('{"a": 1}', '{x,"y z"}', "large", "\\x00ff")
    assert frame.iloc[1].isna().all()
    assert frame["id"].dtype == "Int64" and frame["live"].dtype == "boolean"
    assert frame["word"].tolist()[2:] == ["", "\\N"] and frame.loc[3, "code"].strip() == "é"
    assert frame["price"].tolist()[2] == "NaN" and float(frame.loc[3, "price"]) == 1e-30
    assert frame.loc[2, "share"] == np.inf and np.isnan(frame.loc[3, "share"])


def test_infinite_moments_stand_for_never_and_not_known(database):
    database.execute(TYPES)
    frame = read(database)
    assert [str(day.date()) for day in frame["day"][2:]] == ["9999-12-31", "0001-01-01"]
    assert [moment.year for moment in frame["at"][2:]] == [1, 9999]
    assert [moment.year for moment in frame["at_zone"][2:]] == [9999, 1]


def test_a_view_a_quoted_name_an_empty_table_and_one_column_are_read(database):
    database.execute("""
        create table "Odd.name; drop table x" ("select" text); insert into "Odd.name; drop table x" values (null), (''), ('x');
        create view seen as select 1 as n union all select 2;
        create table nothing (n int, t text, at timestamptz);
    """)
    odd = read(database, 'public."Odd.name; drop table x"')["select"]
    assert odd.isna().tolist() == [True, False, False] and odd.tolist()[1:] == ["", "x"]
    assert read(database, "seen")["n"].tolist() == [1, 2]
    assert read(database, "PUBLIC.Seen")["n"].tolist() == [1, 2]
    empty = read(database, "nothing")
    assert len(empty) == 0 and str(empty["at"].dtype) == "datetime64[us, UTC]"


def test_many_blocks_are_one_table(database, monkeypatch):
    monkeypatch.setattr(copying, "_BLOCK_BYTES", 1000)
    database.execute("create table many as select i, 'line' || chr(10) || i as t from generate_series(1, 5000) i")
    frame = read(database, "many")
    assert frame["i"].tolist() == list(range(1, 5001)) and frame["t"].iloc[-1] == "line\n5000"


def workspace(tmp_path, port, **tables):
    """A workspace whose tables are events of PostgreSQL."""
    text = ""
    for name, source in tables.items():
        text += f'[tables.{name}]\nshape = "events"\nsource = "{source.format(port=port)}"\nat = "day"\n'
    (tmp_path / "leap.toml").write_text(text)
    return tmp_path


def test_all_tables_of_a_database_are_seen_as_of_one_moment(database, server, tmp_path, monkeypatch):
    database.execute("""
        create table a (account_id text, day date); insert into a values ('x', '2024-01-01');
        create table b (account_id text, day date); insert into b values ('x', '2024-01-01');
    """)
    true_copy = copying.copy_table

    def copy_and_change(connection, table, what):
        frame = true_copy(connection, table, what)
        with server.owner() as other:
            other.execute("insert into a values ('y', '2024-01-02'); insert into b values ('y', '2024-01-02')")
        return frame

    monkeypatch.setattr("leap.sources.postgresql.copy_table", copy_and_change)
    sources = {"first": "postgresql://127.0.0.1:{port}/crm#a", "second": "postgres://127.0.0.1:{port}/crm#public.b"}
    tables = inspect_workspace(workspace(tmp_path, server.port, **sources))
    assert {name: table.rows_read for name, table in tables.tables.items()} == {"first": 1, "second": 1}
    assert not [problem for problem in tables.problems if problem.level != "warn"]


def test_nothing_can_be_written(database):
    database.execute("create table t (n int); grant all on t to reader")
    database.execute("""
        create function writes() returns int language sql as 'insert into t values (1) returning n';
        create view sly as select writes()
    """)
    with pytest.raises(SourceError, match="cannot be read .*25006"):
        read(database, "sly")
    assert database.execute("select count(*) from t").fetchone() == (0,)


def test_a_missing_table_names_the_nearest_and_the_others_are_still_read(database):
    database.execute("create table subscriptions (n int); create table events (n int)")
    with Databases() as databases:
        address = f"postgresql://127.0.0.1:{database.info.port}/crm"
        with pytest.raises(SourceError, match=r"no table or view 'public.subscription'.*Did you mean public.subscri"):
            databases.read(f"{address}#public.subscription")
        with pytest.raises(SourceError, match="names no table"):
            databases.read(address)
        assert len(databases.read(f"{address}#events")) == 0


def test_what_may_not_be_read_and_what_is_locked_is_named_and_the_others_are_still_read(database, server):
    database.execute("""
        create table secret (n int); revoke all on secret from reader; create table busy (n int);
        create table fine as select 1 as n; alter role reader set lock_timeout = '200ms';
    """)
    try:
        with Databases() as databases, server.owner() as other, other.transaction():
            other.execute("lock table busy in access exclusive mode")
            address = f"postgresql://127.0.0.1:{server.port}/crm"
            with pytest.raises(SourceError, match="may not read it. Grant SELECT"):
                databases.read(f"{address}#secret")
            with pytest.raises(SourceError, match="locked by another session"):
                databases.read(f"{address}#busy")
            assert databases.read(f"{address}#fine")["n"].tolist() == [1]
    finally:
        database.execute("alter role reader reset lock_timeout")


def test_a_statement_that_takes_too_long_ends(database):
    database.execute(
        "create view slow as select pg_sleep(30)::text as t; alter role reader set statement_timeout = 300"
    )
    try:
        with pytest.raises(SourceError, match="took longer than the server allows"):
            read(database, "slow")
    finally:
        database.execute("alter role reader reset statement_timeout")


def test_a_connection_that_breaks_off_fails_all_tables_that_are_left(database, server):
    database.execute("""
        create view slow as select i, pg_sleep(0.01)::text as t from generate_series(1, 3000) i;
        create table fine (n int);
    """)

    def end_it():
        deadline = time.monotonic() + 10
        ended = None
        while ended is None and time.monotonic() < deadline:
            time.sleep(0.1)
            with server.owner() as other:
                ended = other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader' "
                    "and query like 'copy%' and state = 'active'"
                ).fetchone()

    address = f"postgresql://127.0.0.1:{server.port}/crm"
    ender = threading.Thread(target=end_it)
    ender.start()
    with Databases() as databases:
        for table in ("slow", "fine"):
            with pytest.raises(SourceError, match="broke off while it was read"):
                databases.read(f"{address}#{table}")
    ender.join()


def test_a_server_that_falls_silent_is_left(database, server, monkeypatch):
    """Its own limit does not help: it is stopped, as on a machine that hangs."""
    monkeypatch.setattr("leap.sources.postgresql._GRACE_SECONDS", 0.2)
    database.execute("""
        create view slow as select i, pg_sleep(0.01)::text as t from generate_series(1, 3000) i;
        alter role reader set statement_timeout = 1000;
    """)
    stopped = []

    def stop_it():
        deadline = time.monotonic() + 10
        while not stopped and time.monotonic() < deadline:
            time.sleep(0.05)
            query = (
                "select pid from pg_stat_activity where usename = 'reader' and query like 'copy%' and state = 'active'"
            )
            stopped.extend(pid for (pid,) in database.execute(query))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    stopper = threading.Thread(target=stop_it)
    stopper.start()
    try:
        with pytest.raises(SourceError, match="broke off while it was read"):
            read(database, "slow")
    finally:
        stopper.join()
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        database.execute("alter role reader reset statement_timeout")
    assert stopped


@pytest.mark.parametrize(
    ("changed", "database_name", "expected"),
    [
        ({"PGPASSWORD": "wrong-secret"}, "crm", "refuses the user or the password"),
        ({"PGPASSWORD": ""}, "crm", "asks for a password"),
        ({"PGUSER": "nobody-known"}, "crm", "refuses the user or the password"),
        ({}, "no_such", "has no such database"),
    ],
)
def test_a_connection_that_is_refused_says_why_and_no_secret(
    changed, database_name, expected, database, server, monkeypatch
):
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceError, match=expected) as caught:
        read_raw(f"postgresql://127.0.0.1:{server.port}/{database_name}#t", None)
    told = f"{caught.value} {caught.value.details} {caught.value.__cause__}"
    assert PASSWORD not in told and "wrong-secret" not in told and "nobody-known" not in told
    assert caught.value.remedy


def test_the_socket_and_a_password_file_serve_too(database, server, monkeypatch, tmp_path):
    database.execute("create table t as select 1 as n")
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pgpass").write_text(f"127.0.0.1:{server.port}:crm:reader:{PASSWORD}\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    folder = str(server.folder).replace("/", "%2F")
    for address in (f"postgresql://127.0.0.1:{server.port}/crm", f"postgresql://{folder}:{server.port}/crm"):
        assert read_raw(f"{address}#t", None).frame["n"].tolist() == [1]
    monkeypatch.setenv("PGHOST", str(server.folder))
    monkeypatch.setenv("PGPORT", str(server.port))
    assert read_raw("postgresql:///crm#t", None).frame["n"].tolist() == [1]


def test_too_large_a_table_is_refused(database, monkeypatch):
    monkeypatch.setattr("leap.sources.memory.free_bytes", lambda: 100_000)
    database.execute("create table large as select repeat('x', 1000) as t from generate_series(1, 100)")
    with pytest.raises(SourceError, match=r"#public.large: 100 rows read so far.*of memory"):
        read(database, "large")


def test_bytes_that_are_no_text_are_named(database, server):
    database.execute("drop database if exists raw")
    database.execute("create database raw encoding 'SQL_ASCII' template template0")
    with server.owner("raw") as connection:
        connection.execute(r"create table t as select E'\xff'::text as name; grant select on t to reader")
    with pytest.raises(SourceError, match="holds bytes that are no text"):
        read_raw(f"postgresql://127.0.0.1:{server.port}/raw#t", None)


# Without a server: what is refused before or instead of a connection.


@pytest.fixture
def silent_port():
    """A port that accepts a connection and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_no_server_and_one_that_never_answers_are_named_in_time(silent_port, monkeypatch):
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="no server listens there"):
            read_raw(f"postgresql://127.0.0.1:{free.getsockname()[1]}/crm#t", None)
    began = time.monotonic()
    with pytest.raises(SourceError, match="does not answer"):
        read_raw(f"postgresql://127.0.0.1:{silent_port}/crm#t", None)
    assert time.monotonic() - began < 10
    with pytest.raises(SourceError, match="does not answer"):
        read_raw("postgresql://%2Fno%2Fsuch%2Ffolder/crm#t", None)


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://ann:s3cret@db/crm#public.subs",
        "postgres://ann:s3cret@db:5432/crm#subs",
        "postgresql://ann:s3c#ret/@db/crm#subs",
        "postgresql://db/crm?user=ann&password=s3cret#subs",
        "postgresql://db/crm?sslpassword=s3cret#subs",
        "https://ann:s3cret@files.example/subs.csv",
    ],
)
def test_a_password_in_a_source_is_refused_and_not_repeated(source, tmp_path):
    (tmp_path / "leap.toml").write_text(f'[tables.subs]\nshape = "events"\nsource = "{source}"\n')
    for read_it in (lambda: inspect_workspace(tmp_path), lambda: read_raw(source, tmp_path)):
        with pytest.raises(LeapError) as caught:
            read_it()
        told = f"{caught.value} {caught.value.details} {caught.value.__cause__} {shown(source)}"
        assert "s3c" not in told and "ret" not in told.replace("secret", "")
    with pytest.raises(SettingsError, match="tables.subs.source: the address holds a password.*PGPASSWORD"):
        inspect_workspace(tmp_path)


@pytest.mark.parametrize("source", ["postgresql://db:port/crm#t", "postgresql://db/crm?no_such=1#t", "postgresql:#t"])
def test_an_address_that_cannot_be_read_is_named(source):
    with pytest.raises(SourceError, match="no address"):
        read_raw(source, None)
