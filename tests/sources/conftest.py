"""A PostgreSQL server of the tests' own: on a free port, with a folder of its own, gone at the end in any case."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

PASSWORD = "not-to-be-seen"


@dataclass(frozen=True)
class Server:
    """Where a running server listens; its superuser is `owner`, who may come by the socket without a password."""

    port: int
    folder: Path

    @property
    def address(self) -> str:
        """The address of the database of the tests, as leap.toml has it."""
        return f"postgresql://127.0.0.1:{self.port}/crm"

    def owner(self, database: str = "crm") -> psycopg.Connection[Any]:
        """A connection that may do everything."""
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="owner", dbname=database, autocommit=True, connect_timeout=5
        )


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with the database `crm` and the user `reader`; skipped where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server: as root on Debian, make test installs it")
    folder = Path(tempfile.mkdtemp(prefix="leap-pg-", dir="/tmp"))
    process = None
    try:
        as_user = _as_user(folder)
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        subprocess.run(
            [*as_user, programs / "initdb", "-D", folder / "data", "-U", "owner", "--no-sync", "--no-instructions",
             "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8",
             "--locale=C"],
            check=True, capture_output=True, cwd=folder, timeout=60,
        )  # fmt: skip
        port = _free_port()
        process = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "jit=off",
             "-c", "max_connections=20", "-c", "autovacuum=off"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        running = Server(port, folder)
        _wait(running, process)
        with running.owner("postgres") as connection:
            connection.execute("create database crm")
            connection.execute(f"create role reader login password '{PASSWORD}'")
        yield running
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to an empty database; what is tested connects as `reader`, by the environment."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGUSER", "reader")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with server.owner() as connection:
        connection.execute("drop schema if exists public, sales, locked cascade; create schema public")
        connection.execute("grant usage on schema public to reader")
        connection.execute("alter default privileges grant select on tables to reader")
        yield connection


def _programs() -> Path | None:
    """The folder of the newest server; none if there is no server."""
    known = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: (len(folder.parent.name), folder))
    on_path = shutil.which("postgres")
    folders = [*known[::-1], *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _as_user(folder: Path) -> list[str]:
    """How a program is started so that it ends with us; a server refuses to run as root, so never as root."""
    setpriv = shutil.which("setpriv")
    end_with_us = [setpriv, "--pdeathsig=INT"] if setpriv else []
    if os.geteuid() != 0:
        return end_with_us
    if setpriv is None:
        pytest.skip("no setpriv, and PostgreSQL does not run as root")
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return [*end_with_us, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            server.owner("postgres").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
