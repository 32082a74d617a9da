"""Tables and views of PostgreSQL: read only, all of one database as of one moment, in batches.

`postgresql://host:port/database#schema.table`; what the address leaves out (user, password, service, certificates) is
found by libpq in the environment: PGUSER, PGPASSWORD, PGPASSFILE, PGSERVICE and others.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pandas as pd

from leap.config import holds_password
from leap.errors import SourceError
from leap.sources.copying import copy_table
from leap.sources.names import find_table, nearest, shown
from leap.sources.refusals import of_connecting, of_reading

if TYPE_CHECKING:
    import psycopg

_CONNECT: dict[str, Any] = {
    "connect_timeout": 10,
    # A peer that is gone without a word is noticed after about half a minute.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
    "application_name": "leap",
    "client_encoding": "UTF8",
}
_ENVIRONMENT = {"connect_timeout": "PGCONNECT_TIMEOUT", "application_name": "PGAPPNAME"}
_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "idle_in_transaction_session_timeout": "0",
}
_LIMITS = {"statement_timeout": "30min", "lock_timeout": "15s"}
"""Unless the server, the role or the address has limits of its own."""
_GRACE_SECONDS = 60.0
"""Behind its own limit a server has this long to say so."""

_TABLES = """
    select n.nspname, c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    order by 1, 2
"""


def is_postgresql(source: str) -> bool:
    """Whether a source of leap.toml names a PostgreSQL table."""
    return re.match(r"postgres(ql)?:", source) is not None


class Databases:
    """The databases read from so far, each in one transaction that sees it as of one moment; a context manager."""

    def __init__(self) -> None:
        self._open: dict[str, psycopg.Connection[Any] | SourceError] = {}

    def __enter__(self) -> Databases:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._open.values():
            if not isinstance(connection, SourceError):
                connection.close()

    def read(self, source: str) -> pd.DataFrame:
        """The rows of a table; SourceError, which holds no credentials, names the remedy."""
        import psycopg

        address, _, table = source.partition("#")
        settings = _settings(source)
        where = shown(address)
        if not table:
            raise SourceError(
                f"{where} names no table.", remedy="Add '#schema.table', for example postgresql://host/crm#public.subs."
            )
        key = repr(sorted(settings.items()))
        connection = self._open.get(key)
        if isinstance(connection, SourceError):
            raise connection
        try:
            if connection is None:
                connection = self._open[key] = _connect(settings, where)
            return _read(connection, table, where)
        except SourceError as error:
            if connection is None or connection.closed:
                self._open[key] = error
            raise
        except psycopg.Error as error:
            refused = of_reading(error, f"{where}#{table}")
            if connection is None or connection.closed:
                # Another transaction would see another moment, so the tables that are left are not read either.
                self._open[key] = refused
            raise refused from None


def _settings(source: str) -> dict[str, str]:
    """What the address says, by the names of libpq; SourceError if it cannot be read or holds a password."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    remedy = "Write postgresql://host:port/database#schema.table."
    if holds_password(source):
        raise SourceError(
            "A PostgreSQL source holds a password, and leap.toml is no place for one.",
            remedy="Remove it; give it by PGPASSWORD, or better by a password file (PGPASSFILE).",
        )
    address = re.sub(r"^postgres(ql)?:", "postgresql:", source.partition("#")[0])
    if not address.startswith("postgresql://"):
        raise SourceError(f"{shown(source)} is no address of PostgreSQL.", remedy=remedy)
    try:
        settings = {name: str(value) for name, value in conninfo_to_dict(address).items()}
    except psycopg.Error:
        # What libpq says of it may repeat a part that was meant to be secret.
        raise SourceError("A PostgreSQL source is no address that can be read.", remedy=remedy) from None
    if not re.fullmatch(r"[0-9,]*", settings.get("port", "")):
        raise SourceError(f"{shown(source)} is no address of PostgreSQL: its port is no number.", remedy=remedy)
    return settings


def _connect(settings: dict[str, str], where: str) -> psycopg.Connection[Any]:
    import psycopg

    ours = {name: value for name, value in _CONNECT.items() if not os.environ.get(_ENVIRONMENT.get(name, ""))}
    try:
        connection = psycopg.connect(**{**ours, **settings})
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise of_connecting(error, where, settings) from None
    try:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for name, value in _SESSION.items():
            connection.execute("select set_config(%s, %s, true)", (name, value))
        for name, value in _LIMITS.items():
            connection.execute("select set_config(%s, %s, true) where current_setting(%s) = '0'", (name, value, name))
    except psycopg.Error as error:
        connection.close()
        raise of_connecting(error, where, settings) from None
    return connection


def _read(connection: psycopg.Connection[Any], table: str, where: str) -> pd.DataFrame:
    # A table that cannot be read may not end the transaction of the others.
    with connection.transaction():
        there = [(str(schema), str(name)) for schema, name in connection.execute(_TABLES)]
        default = connection.execute("select unnest(current_schemas(false))").fetchall()
        found = find_table(table, there, [name for (name,) in default])
        if found is None:
            raise SourceError(f"{where} has no table or view {table!r}.", remedy=nearest(table, there))
        limit = connection.execute("select setting from pg_settings where name = 'statement_timeout'").fetchone()
        with _ended_after(int(limit[0]) / 1000 + _GRACE_SECONDS if limit else None, connection):
            return copy_table(connection, found, f"{where}#{'.'.join(found)}")


@contextmanager
def _ended_after(seconds: float | None, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Break the connection off if the server neither answers nor ends the statement in its own time."""
    done = threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
