"""The ledger: what was confirmed stays, what is on its way is known, and files that are no good are told."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from leap.crm.ledger import Ledger
from leap.crm.target import Record
from leap.errors import RegistryError

WRITER = """
import sys
from pathlib import Path
from leap.crm.ledger import Ledger
from leap.crm.target import Record
ledger = Ledger.of(Path(sys.argv[1]), "Acme", "salesforce")
run = ledger.begin("r", "2026-01-01")
for i in range(100_000):
    batch = ledger.begin_batch(run, [Record(str(i), {"as_of": "2026-01-01"})], creates=True)
    ledger.confirm({str(i): {"as_of": "2026-01-01"}}, done=[batch.number])
    print(i, flush=True)
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.of(tmp_path, "Acme", "salesforce", "one")


def test_what_was_confirmed_comes_back_by_company_target_and_place(ledger: Ledger, tmp_path: Path):
    assert ledger.sent() == {} and ledger.runs() == (None, 0) and not (tmp_path / "sync.db").exists()
    ledger.confirm({"a": {"nrr": 0.9, "tier": None, "as_of": "2026-01-01"}, "b": {"nrr": 1.0}})
    ledger.confirm({"b": None})
    assert {account: dict(kept.fields) for account, kept in ledger.sent().items()} == {
        "a": {"nrr": 0.9, "tier": None, "as_of": "2026-01-01"}
    }
    for other in (("Other", "salesforce", "one"), ("Acme", "hubspot", "one"), ("Acme", "salesforce", "two")):
        assert Ledger.of(tmp_path, *other).sent() == {}
    assert (tmp_path / "sync.db").stat().st_mode & 0o077 == 0


def test_a_batch_is_on_its_way_with_its_notes_until_it_is_settled(ledger: Ledger):
    run = ledger.begin("r1", "2026-02-01")
    batch = ledger.begin_batch(run, [Record("a", {"nrr": 0.9, "name": "Ä"})], creates=True)
    batch.notes.put("job", "75000001")
    batch.notes.put("job", "75000002")
    (found,) = ledger.on_their_way()
    assert (found.number, found.creates, found.records) == (batch.number, True, batch.records)
    assert found.notes.get("job") == "75000002" and found.notes.get("other") is None
    ledger.confirm({"a": {"nrr": 0.9}}, done=[batch.number])
    assert ledger.on_their_way() == []
    assert ledger.runs() == ("2026-02-01", 0)
    ledger.end(run, {"created": 1})
    assert ledger.runs() == ("2026-02-01", 1)


@pytest.mark.parametrize(
    "change", ["DELETE FROM runs", "UPDATE batches SET state = 'sending'", "DELETE FROM alerts", "UPDATE alerts SET body = ''"]
)  # fmt: skip
def test_what_is_over_cannot_be_changed(ledger: Ledger, tmp_path: Path, change: str):
    run = ledger.begin("r1", "2026-02-01")
    batch = ledger.begin_batch(run, [Record("a", {})], creates=True)
    ledger.confirm({}, done=[batch.number])
    with sqlite3.connect(tmp_path / "sync.db") as connection:
        connection.execute("INSERT INTO alerts VALUES ('Acme', 'k', 'webhook', '{}', '2026', '2026', NULL)")
        with pytest.raises(sqlite3.IntegrityError, match="kept|not changed"):
            connection.execute(change)


def test_a_process_that_is_killed_loses_nothing_it_had_confirmed(tmp_path: Path):
    one = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert one.stdout is not None
    confirmed = [one.stdout.readline().strip() for _ in range(20)]
    os.kill(one.pid, signal.SIGKILL)
    confirmed += one.stdout.read().split("\n")[:-1]
    one.wait(timeout=30)
    ledger = Ledger.of(tmp_path, "Acme", "salesforce")
    assert set(confirmed) <= set(ledger.sent()) and len(ledger.sent()) <= len(confirmed) + 1
    assert len(ledger.on_their_way()) <= 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no database " * 200, "cannot be used.*backup"), ("PRAGMA user_version = 9", "schema 1, found 9.*later Leap")],
)
def test_a_file_that_is_no_good_is_told_with_a_remedy(ledger: Ledger, tmp_path: Path, content: bytes | str, said: str):
    if isinstance(content, bytes):
        (tmp_path / "sync.db").write_bytes(content)
    else:
        with sqlite3.connect(tmp_path / "sync.db") as connection:
            connection.execute(content)
    for use in (ledger.sent, lambda: ledger.confirm({"a": {}})):
        with pytest.raises(RegistryError, match=said):
            use()


def test_damaged_rows_are_told(ledger: Ledger, tmp_path: Path):
    ledger.confirm({"a": {"nrr": 0.9}})
    with sqlite3.connect(tmp_path / "sync.db") as connection:
        connection.execute("UPDATE sent SET fields = '[1'")
    with pytest.raises(RegistryError, match=r"what was sent of a is damaged.*backup"):
        ledger.sent()
