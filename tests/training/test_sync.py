"""`leap sync`: the outbox from end to end, a look that writes nothing, what is refused, and who is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.crm.fields import BY_KEY
from leap.crm.target import Unreached
from leap.errors import TableError
from leap.registry import RunRecord, Store
from leap.registry.locks import FileLock
from tests.crm.fake_target import FakeCrm
from tests.worlds import planted_frames
from training import score, sync

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(demo_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted company as files, and a store whose champion it is; one account has an awkward name."""
    folder = tmp_path_factory.mktemp("sync")
    frames = planted_frames()
    firms = frames["accounts"]
    firms.loc[firms["account_id"] == "acc-0405", "name"] = '=cmd|"/c calc" <!channel>'
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    document = demo_bundle.settings.model_dump(mode="json", exclude_defaults=True)
    lines = [
        f"[{part}]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in document[part].items())
        for part in ("company", "outcome")
    ]
    for name, table in document["tables"].items():
        lines.append(f"[tables.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if key != "columns"]
        for column, spec in table.get("columns", {}).items():
            lines.append(f"columns.{column} = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in spec.items())} }}")
    (folder / "leap.toml").write_text("\n".join(lines), encoding="utf-8")
    store = Store(folder / "store", verify=lambda folder: None)
    demo_bundle.save(folder / "bundle")
    store.log_training(RunRecord({}, {}, {"company": demo_bundle.company, "gate": "passed"}, folder / "bundle"))
    store.promote("1", by_hand=False, gate="passed")
    return folder


@pytest.fixture
def workspace(trained: Path) -> Iterator[Path]:
    """The same, and afterwards without what a sync left."""
    yield trained
    for path in [*trained.glob("store/sync*"), *trained.glob("store/tiers/*"), *trained.glob("outbox*/*/*")]:
        path.unlink()
    for path in [*trained.glob("outbox*/*"), *trained.glob("outbox*")]:
        path.rmdir()


@pytest.fixture
def ask(workspace: Path, capfd: pytest.CaptureFixture[str]) -> Ask:
    def asked(*arguments: str, to: str = "outbox") -> tuple[int, str, str]:
        options = ["--store", str(workspace / "store"), "--quiet", "--to", to, "--no-alerts", *arguments]
        code = sync.main([str(workspace), *options])
        return code, *capfd.readouterr()

    return asked


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> FakeCrm:
    """A CRM in memory in the place of Salesforce, and no time for waiting."""
    found = FakeCrm(batch_size=200)
    monkeypatch.setattr("leap.crm.salesforce.salesforce_target", lambda settings, environment: found)
    monkeypatch.setattr(sync.time, "sleep", lambda seconds: None)
    return found


def as_json(ask: Ask, *arguments: str, **more: Any) -> dict[str, Any]:
    code, out, err = ask("--json", *arguments, **more)
    assert code == 0, out + err
    return json.loads(out)


def everything(folder: Path) -> dict[str, bytes]:
    """All files of the workspace and store; of MLflow's, which a reader may touch, none."""
    left_out = ("mlflow.db", ".lock", "bundles")
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files if not any(part in str(path) for part in left_out)}


def test_a_look_writes_nothing_then_all_is_sent_once_with_the_tiers_that_scores_publish(
    ask: Ask, workspace: Path, capfd: pytest.CaptureFixture[str]
):
    before = everything(workspace)
    look = as_json(ask, "--dry-run")
    assert look["created"] > 100 and look["dry_run"] is True and everything(workspace) == before
    assert look["changes"][0]["action"] == "create" and look["changes"][0]["fields"]["status"][0] is None
    code, out, _ = ask("--dry-run")
    assert code == 0 and "Nothing was sent (--dry-run)" in out and "would be created" in out

    sent = as_json(ask)
    counts = {key: sent[key] for key in ("created", "updated", "unchanged", "failed", "newer_there", "not_in_crm")}
    assert counts == {
        "created": look["created"],
        "updated": 0,
        "unchanged": 0,
        "failed": [],
        "newer_there": 0,
        "not_in_crm": 0,
    }
    assert sent["run"] == look["run"]
    lines = (Path(sent["folder"]) / "accounts.jsonl").read_text(encoding="utf-8").splitlines()
    said = {row["id"]: row["fields"] for row in map(json.loads, lines)}
    assert (
        set(said["acc-0405"]) == set(BY_KEY)
        and '\'=cmd|""/c calc""' in (Path(sent["folder"]) / "accounts.csv").read_text()
    )

    again = as_json(ask)
    assert (again["unchanged"], again["created"], again["updated"]) == (look["created"], 0, 0) and "folder" not in again
    options = ["--store", str(workspace / "store"), "--quiet", "--json", "--publish-tiers", "--out"]
    score.main([str(workspace), *options, str(workspace / "outbox-scores.csv")])
    (workspace / "outbox-scores.csv").unlink()
    published = json.loads(capfd.readouterr().out)["tiers"]
    assert published["changed"] == published["arrived"] == 0
    (tiers,) = (json.loads(path.read_text())["accounts"] for path in (workspace / "store" / "tiers").iterdir())
    assert {account: (held["tier"], held["since"]) for account, held in tiers.items()} == {
        account: (fields["tier"], fields["tier_since"]) for account, fields in said.items() if fields["tier"]
    }


def test_a_crm_gets_the_same_in_its_own_names_and_later_dates_only_what_differs(ask: Ask, crm: FakeCrm):
    assert "would be created again" in ask("--dry-run", "--as-of", "2023-10-01", to="salesforce")[1]
    first = as_json(ask, "--as-of", "2023-10-01", to="salesforce")
    assert first["created"] == len(crm.records) == first["records"]
    later = as_json(ask, "--max-changes", "10000", to="salesforce")
    assert later["updated"] + later["created"] + later["unchanged"] == later["records"] + later["cleared"]
    assert {found[0]["Leap_As_Of__c"] for found in crm.records.values()} == {later["as_of"]}
    code, _, err = ask("--as-of", "2023-10-01", to="salesforce")
    assert code == 2 and "published already" in err


def test_records_that_fail_are_listed_and_end_with_one_while_the_others_arrive(ask: Ask, crm: FakeCrm):
    crm.records["acc-0405"] = [{}, {}]
    code, out, _ = ask("--json", to="salesforce")
    found = json.loads(out)
    assert code == 1 and found["created"] == found["records"] - 1
    assert [(one["external_id"], one["code"]) for one in found["failed"]] == [("acc-0405", "several_matches")]
    code, out, _ = ask(to="salesforce")
    assert code == 1 and "failed: acc-0405: 2 records have this id" in out


def test_too_many_changes_are_refused_and_a_look_says_so(ask: Ask, crm: FakeCrm, workspace: Path):
    as_json(ask, to="salesforce")
    settings = workspace / "leap.toml"
    before = settings.read_text()
    try:
        settings.write_text(before + "\n[crm.sync]\nmax_changes_share = 0.001\nprospects = true\n")
        for found in crm.records.values():
            found[0]["Leap_Tier__c"] = "Z"
        code, out, _ = ask("--json", "--verify", to="salesforce")
        error = json.loads(out)["error"]
        assert code == 2 and error["code"] == "too_many_changes" and "--max-changes" in error["message"]
        assert error["details"][0]["sent_before"] == len(crm.records)
        code, out, _ = ask("--verify", "--dry-run", to="salesforce")
        assert code == 1 and "Would be refused: " in out
        assert as_json(ask, "--verify", "--max-changes", "10000", to="salesforce")["updated"] == len(crm.records)
    finally:
        settings.write_text(before)


def test_a_second_sync_to_the_same_target_is_refused_with_who_holds_it(ask: Ask, workspace: Path):
    lock = FileLock(workspace / "store" / "sync-outbox.lock", 0.0)
    with lock.held("sync to outbox"):
        code, _, err = ask()
    assert code == 2 and "another process syncs to outbox (sync to outbox, process" in err


@pytest.mark.parametrize(
    ("to", "variable"), [("salesforce", "LEAP_SALESFORCE_INSTANCE_URL"), ("hubspot", "LEAP_HUBSPOT_ACCESS_TOKEN")]
)
def test_without_credentials_it_says_which_are_expected(ask: Ask, to: str, variable: str):
    code, _, err = ask(to=to)
    assert code == 2 and variable in err and "Traceback" not in err


@pytest.mark.parametrize("to", ["outbox", "salesforce", "hubspot"])
def test_the_fields_to_make_are_listed(ask: Ask, to: str):
    found = as_json(ask, "--fields", to=to)["fields"]
    assert len(found) == len(BY_KEY) + 1 and found[0]["external_id"] is True
    assert found[1]["name"] in ask("--fields", to=to)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "salesforce", "--out", "x"), "--out is the folder of the outbox"),
        (("--to", "pipedrive"), "invalid choice"),
        ((), "required: --to"),
        (("--to", "outbox", "--max-changes", "-1"), "whole number"),
    ],
)
def test_wrong_options_are_told(workspace: Path, capfd: pytest.CaptureFixture[str], arguments: Any, said: str):
    assert sync.main([str(workspace), "--store", str(workspace / "store"), *arguments]) == 2
    assert said in capfd.readouterr().err


def test_workspaces_that_cannot_be_synced_are_told(tmp_path: Path, workspace: Path, capfd: pytest.CaptureFixture[str]):
    (tmp_path / "flat").mkdir()
    flat = '[tables.t]\nshape = "snapshot"\nsource = "t.csv"\noutcome = "gone"\n'
    (tmp_path / "flat" / "leap.toml").write_text(flat)
    cases = {
        str(tmp_path / "nowhere"): "no such folder",
        str(tmp_path / "flat"): "leap sync is not defined for a workspace of a flat table",
        str(workspace): "there is no champion",
    }
    for folder, said in cases.items():
        code = sync.main([folder, "--store", str(tmp_path / "no-store"), "--to", "outbox", "--no-alerts"])
        out = capfd.readouterr()
        assert code in (1, 2) and said in out.err and "Traceback" not in out.err, folder
    assert not (tmp_path / "no-store").exists()


# --- alerts


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A webhook on this machine that the environment names."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.got, server.status = [], 200
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("LEAP_WEBHOOK_URL", f"http://127.0.0.1:{server.server_address[1]}/hook")
    yield server
    server.shutdown()
    server.server_close()


def test_changes_of_tiers_and_failures_are_told_once_and_a_deaf_webhook_fails_nothing(
    workspace: Path, hook: Any, crm: FakeCrm, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    def synced(*more: str) -> tuple[int, dict[str, Any]]:
        command = [str(workspace), "--store", str(workspace / "store"), "--quiet", "--json", "--to", "salesforce"]
        code = sync.main([*command, "--max-changes", "10000", *more])
        return code, json.loads(capfd.readouterr().out)

    monkeypatch.setattr("training.alerting.DELIVERY_SECONDS", 0.0)
    with FileLock(workspace / "store" / "alerts.lock", 0.0).held("other alerts"):
        assert synced("--as-of", "2022-06-01")[1]["alerts"]["delivered"] == 0 and not hook.got
    hook.status = 500
    code, first = synced("--as-of", "2022-07-01")
    assert code == 0 and first["alerts"]["delivered"] == 0 and "webhook: it answered 500" in first["alerts"]["problems"]
    hook.status, hook.got = 200, []
    code, second = synced()
    changed = second["tiers"]["changed"]
    kinds = [one["kind"] for one in hook.got]
    assert code == 0 and second["alerts"]["waiting"] == 0
    assert kinds.count("tier_changes") == (1 if changed else 0) + (1 if first["tiers"]["changed"] else 0)
    assert "features_stale" in kinds  # the planted company ends years ago
    hook.got = []
    assert synced()[1]["alerts"] == {"delivered": 0, "waiting": 0, "given_up": 0, "problems": []} and not hook.got

    def silent(*args: Any) -> Any:
        raise Unreached("Salesforce could not be reached.")

    monkeypatch.setattr(crm, "check", silent)
    code, error = synced()
    assert code == 2 and error["error"]["code"] == "crm_unreached"
    assert [one["kind"] for one in hook.got] == ["sync_failed"]
    assert synced()[0] == 2 and len(hook.got) == 1


def test_tables_that_cannot_be_read_and_an_earlier_date_are_told_too(
    workspace: Path, hook: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    def synced(*more: str) -> tuple[int, dict[str, Any]]:
        command = [str(workspace), "--store", str(workspace / "store"), "--quiet", "--json", "--to", "outbox", *more]
        hook.got = []
        return sync.main(command), json.loads(capfd.readouterr().out)

    assert synced("--as-of", "2022-07-01")[0] == 0
    code, error = synced("--as-of", "2022-06-01")
    assert code == 2 and [one["lines"][0] for one in hook.got] == [error["error"]["message"].partition(" Publish")[0]]
    assert synced("--version", "99")[0] == 2 and not hook.got  # typed wrong: nobody else's concern

    def broken(*args: Any) -> Any:
        raise TableError("accounts.csv: no column account_id.")

    monkeypatch.setattr(sync, "model_and_tables", broken)
    code, _ = synced()
    assert code == 2 and [(one["kind"], one["lines"]) for one in hook.got] == [
        ("sync_failed", ["accounts.csv: no column account_id."])
    ]
