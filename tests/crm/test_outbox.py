"""The outbox: files that are whole or not there, the same for the same run, and that other programs read."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from leap.crm.fields import BY_KEY, Naming
from leap.crm.ledger import Ledger
from leap.crm.outbox import Outbox
from leap.crm.syncing import Allowed, Sync
from leap.crm.target import CrmError
from leap.proposal.files import contents_of
from tests.crm.fake_target import table


def send(tmp_path: Path, wanted: Any, ledger: str = "store") -> Any:
    """A run of the engine into the outbox: its counts."""
    outbox = Outbox(tmp_path / "outbox")
    book = Ledger.of(tmp_path / ledger, "Acme", "outbox", outbox.place)
    sync = Sync(book, outbox, Naming("outbox"), Allowed(changes=10**9), lambda seconds: None)
    sync.resume()
    return sync.send(sync.plan(wanted))


def runs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "outbox").iterdir())


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_run_has_a_folder_with_its_changes_all_accounts_and_checksums(tmp_path: Path):
    assert send(tmp_path, table({"a": 0.1, "b": 0.9})).created == 2
    assert send(tmp_path, table({"a": 0.2, "b": 0.9})).to_json()["updated"] == 1
    first, second = runs(tmp_path)
    assert first.name.startswith("000001-2026-01-01-") and second.name.startswith("000002-2026-01-01-")
    assert [(one["id"], one["action"], one["before"]) for one in lines(first / "changes.jsonl")] == [
        ("a", "create", None),
        ("b", "create", None),
    ]
    (change,) = lines(second / "changes.jsonl")
    assert (change["action"], change["before"]["churn_probability"], change["fields"]["churn_probability"]) == (
        "update", 0.1, 0.2,
    )  # fmt: skip
    assert lines(first / "changes.jsonl")[0]["fields"]["name"] == "Firm a" and "name" not in change["fields"]
    with (second / "accounts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["account_id"], row["name"], row["churn_probability"]) for row in rows] == [
        ("a", "Firm a", "0.2"),
        ("b", "Firm b", "0.9"),
    ]
    assert list(rows[0]) == ["account_id", "name", *BY_KEY]
    manifest = json.loads((second / "manifest.json").read_text())
    assert (manifest["created"], manifest["updated"], manifest["accounts"]) == (0, 1, 2)
    for name, told in manifest["files"].items():
        content = (second / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (told["bytes"], told["sha256"])


def test_the_same_run_gives_the_same_bytes_and_no_second_folder(tmp_path: Path):
    wanted = table({"a": 0.1})
    send(tmp_path, wanted)
    content = {path.name: path.read_bytes() for path in runs(tmp_path)[0].iterdir()}
    assert send(tmp_path, wanted).unchanged == 1 and len(runs(tmp_path)) == 1
    (tmp_path / "store" / "sync.db").unlink()  # a ledger that was lost is made anew from what stands there
    assert send(tmp_path, wanted).unchanged == 1 and len(runs(tmp_path)) == 1
    (tmp_path / "outbox").rename(tmp_path / "taken")
    send(tmp_path, wanted, "another")
    assert {path.name: path.read_bytes() for path in runs(tmp_path)[0].iterdir()} == content


def test_numbers_go_on_after_folders_were_taken_away_and_after_the_ledger_was_lost(tmp_path: Path):
    send(tmp_path, table({"a": 0.1}))
    runs(tmp_path)[0].rename(tmp_path / "imported")
    send(tmp_path, table({"a": 0.2}))
    assert [path.name[:7] for path in runs(tmp_path)] == ["000002-"]
    (tmp_path / "store" / "sync.db").unlink()
    send(tmp_path, table({"a": 0.3}))
    assert [path.name[:7] for path in runs(tmp_path)] == ["000002-", "000003-"]


def test_the_id_of_an_account_that_left_is_not_given_as_its_name(tmp_path: Path):
    send(tmp_path, table({"a": 0.1, "b": 0.9}))
    for as_of in ("2026-02-01", "2026-03-01"):
        send(tmp_path, table({"a": 0.1}, as_of))
        with (runs(tmp_path)[-1] / "accounts.csv").open(encoding="utf-8", newline="") as file:
            said = [(row["account_id"], row["name"], row["status"]) for row in csv.DictReader(file)]
        assert said == [("a", "Firm a", "customer"), ("b", "", "left")]


def test_folders_that_an_importer_took_away_are_not_missed(tmp_path: Path):
    send(tmp_path, table({"a": 0.1, "b": 0.1}))
    runs(tmp_path)[0].rename(tmp_path / "imported")
    assert send(tmp_path, table({"a": 0.3, "b": 0.1})).to_json()["updated"] == 1
    (change,) = lines(runs(tmp_path)[0] / "changes.jsonl")
    assert change["action"] == "update" and change["before"]["churn_probability"] == 0.1


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_run_killed_before_or_after_its_folder_was_written_is_finished_by_the_next(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch
):
    write = Outbox._write

    def dies(self: Outbox, *args: Any) -> None:
        if at == "after":
            write(self, *args)
        raise KeyboardInterrupt

    monkeypatch.setattr(Outbox, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        send(tmp_path, table({"a": 0.1}))
    monkeypatch.undo()
    found = send(tmp_path, table({"a": 0.1}))
    assert (found.created, found.unchanged) == ((1, 0) if at == "before" else (0, 1)) and len(runs(tmp_path)) == 1


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    outbox = Outbox(tmp_path / "outbox")
    with monkeypatch.context() as patch:
        patch.setattr("leap.crm.outbox.os.fsync", full)
        with pytest.raises(CrmError, match="outbox cannot be written: No space left on device") as error:
            outbox._write(tmp_path / "outbox" / "000001-2026-01-01-0123456789abcdef", {"x": b"1"})
    assert "Free some space" in error.value.remedy and not list((tmp_path / "outbox").iterdir())


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(CrmError, match="expected a folder that can be written to"):
        Outbox(tmp_path / "file" / "outbox").check([])
    send(tmp_path, table({"a": 0.1}))
    (runs(tmp_path)[0] / "accounts.jsonl").write_text("{}")
    with pytest.raises(CrmError, match="its checksum differs"):
        send(tmp_path, table({"a": 0.1}), "another")


def test_no_cell_is_a_formula_and_hostile_names_arrive_as_they_are(tmp_path: Path):
    wanted = table({"=1+1": 0.1, "b": 0.1})
    names = {"=1+1": '=cmd|"/c calc"', "b": '<script>alert("x")</script>, שלום 🚀'}
    send(tmp_path, type(wanted)(**{**vars(wanted), "names": names}))
    with (runs(tmp_path)[0] / "accounts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1][:2] == ["'=1+1", '\'=cmd|"/c calc"'] and rows[2][1] == names["b"]
    assert [one["fields"]["name"] for one in lines(runs(tmp_path)[0] / "changes.jsonl")] == list(names.values())


def test_scores_in_a_workspace_are_not_proposed_as_tables_to_learn_from(tmp_path: Path):
    send(tmp_path, table({"a": 0.1}))
    (tmp_path / "accounts.csv").write_text("account_id\na\n")
    found = contents_of(tmp_path)
    assert [one.source for one in found.tables] == ["accounts.csv"]
    assert "not data to learn from" in found.others[f"outbox/{runs(tmp_path)[0].name}/"]
