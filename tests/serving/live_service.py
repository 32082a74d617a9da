"""A real service process over a small trained company, asked without pause while things happen to its store."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from leap.bundle.model_bundle import ModelBundle, _scored
from leap.icp.notes import Note
from leap.models.calibration import Calibration
from leap.registry import RunRecord, Store
from leap.scoring import Scorer
from leap.sources import read_workspace
from tests.flat.worlds import toml
from tests.worlds import MONTHS_FROM, PLANTED_SETTINGS, planted_frames

CHECKOUT = Path(__file__).parents[2]
MONTHS = 36
SAME = 1e-9


@dataclass
class Place:
    """A workspace, a store with versions 1 (champion) and 2, and what each of them answers."""

    workspace: Path
    store_folder: Path
    scorers: dict[str, Scorer]

    @property
    def store(self) -> Store:
        """As a command opens it."""
        return Store(self.store_folder, self.workspace)

    @classmethod
    def make(cls, folder: Path, bundle: ModelBundle, begun: Path) -> Place:
        """The planted company on disk; version 2 differs from 1 in its calibration and its profiles' notes."""
        workspace, store_folder = folder / "workspace", folder / "store"
        workspace.mkdir(parents=True)
        store_folder.mkdir()
        shutil.copy(begun, store_folder / "mlflow.db")
        until = MONTHS_FROM + pd.DateOffset(months=MONTHS) + pd.Timedelta(days=1)
        settings = {**PLANTED_SETTINGS, "company": {**PLANTED_SETTINGS["company"], "data_until": f"{until:%Y-%m-%d}"}}
        (workspace / "leap.toml").write_text(toml(settings), encoding="utf-8")
        for name, frame in planted_frames(months=MONTHS).items():
            frame.to_csv(workspace / f"{name}.csv", index=False)
        place = cls(workspace, store_folder, {})
        tables = read_workspace(workspace)
        for version, one in (("1", bundle), ("2", other_than(bundle))):
            one.save(folder / f"bundle-{version}")
            record = RunRecord(
                params={}, metrics={}, tags={"company": one.company}, bundle_folder=folder / f"bundle-{version}"
            )
            assert place.store.log_training(record) == version
            place.scorers[version] = Scorer.build(ModelBundle.load(folder / f"bundle-{version}"), version, tables)
        place.store.promote("1", by_hand=True, gate="")
        return place


def other_than(bundle: ModelBundle) -> ModelBundle:
    """A version whose every score differs."""
    churn = bundle.health.churn
    slope = Calibration(churn.calibration.slope, churn.calibration.intercept + 0.25)
    health = replace(bundle.health, churn=replace(churn, calibration=slope))
    rows = bundle.golden["health"]["rows"]
    golden = {**bundle.golden, "health": {"rows": rows, "expected": _scored(health, rows)}}
    icp = replace(bundle.icp, notes=(*bundle.icp.notes, Note("2024-01-01", "", "The other version.", "Ann")))
    return replace(bundle, health=health, golden=golden, icp=icp)


@dataclass
class Service:
    """`bentoml serve` over a place, as `leap serve` starts it."""

    place: Place
    home: Path
    port: int = field(default_factory=lambda: free_port())

    def __enter__(self) -> Service:
        told = {
            "LEAP_WORKSPACE": str(self.place.workspace), "LEAP_STORE": str(self.place.store_folder),
            "BENTOML_HOME": str(self.home), "BENTOML_DO_NOT_TRACK": "True", "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)]),
        }  # fmt: skip
        self.home.mkdir(exist_ok=True)
        self.log = self.home / f"log-{self.port}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bentoml", "serve", "serving.service:LeapService", "--port", str(self.port)],
                cwd=CHECKOUT, env={**os.environ, **told}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """One request on a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            return asked(connection, path, body)

    def ready(self) -> dict[str, Any]:
        """What /readyz says; nothing while the process does not listen."""
        try:
            return dict(self.ask("/readyz")[1])
        except OSError:
            return {}

    def until(self, holds: Callable[[dict[str, Any]], object], seconds: float, what: str) -> float:
        """How long it took until /readyz is so."""
        began = time.monotonic()
        while not holds(said := self.ready()):
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() - began < seconds, f"{what}: after {seconds:g} s /readyz says {said}"
            time.sleep(0.05)
        return time.monotonic() - began

    def until_version(self, version: str, seconds: float) -> float:
        """How long it took until this version answers."""
        return self.until(
            lambda said: (said.get("model") or {}).get("version") == version, seconds, f"version {version}"
        )

    def processes(self) -> set[int]:
        """All processes of the service."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid:  # the session
                    found.add(int(path.parent.name))
        return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def asked(connection: http.client.HTTPConnection, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of one answer."""
    if body is None:
        connection.request("GET", path)
    else:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


class Traffic:
    """Requests of four kinds without pause; every answer must be that of one version, whichever it names."""

    def __init__(self, service: Service, threads: int = 2) -> None:
        self.service = service
        self.wrong: list[str] = []
        self.seconds: list[float] = []
        self.versions: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(threads)]
        scorers = service.place.scorers
        self.ids = [str(row["account_id"]) for row in next(iter(scorers.values())).listing()[:12]]
        self.features = {"employees": 120.0, "industry": "finance"}
        self.expected = {version: Expected.of(scorer, self.ids, self.features) for version, scorer in scorers.items()}

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def good(self) -> None:
        """No request has failed or mixed versions so far."""
        assert self.seconds and not self.wrong, self.wrong[:5]

    def quantile(self, share: float, since: int = 0) -> float:
        """Of the seconds that requests took, from one on."""
        ordered = sorted(self.seconds[since:])
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def _run(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
        turn = number
        while not self._stop.is_set():
            kind = ("ids", "features", "account", "icp")[turn % 4]
            turn += 1
            began = time.perf_counter()
            try:
                wrong = self._one(connection, kind)
            except Exception as error:
                wrong = f"{kind}: {type(error).__name__}: {error}"
                connection.close()
            self.seconds.append(time.perf_counter() - began)
            if wrong:
                self.wrong.append(wrong)
        connection.close()

    def _one(self, connection: http.client.HTTPConnection, kind: str) -> str:
        match kind:
            case "ids":
                status, said = asked(connection, "/v1/score", {"account_ids": self.ids})
            case "features":
                account = {"account_id": "new", "features": self.features}
                status, said = asked(connection, "/v1/score", {"accounts": [account]})
            case "account":
                status, said = asked(connection, f"/v1/accounts/{self.ids[0]}")
            case _:
                status, said = asked(connection, "/v1/icp")
        if status != 200:
            return f"{kind}: {status} {said}"
        return self._differs(kind, said)

    def _differs(self, kind: str, said: Mapping[str, Any]) -> str:
        if kind == "icp":
            notes = json.dumps(said["notes"])
            return "" if notes in {one.notes for one in self.expected.values()} else f"icp: {notes}"
        version = said["model"]["version"]
        self.versions.add(version)
        expected = self.expected[version]
        scores = said.get("scores", [said])
        wanted = {"ids": expected.ids, "features": expected.features, "account": expected.ids[:1]}[kind]
        found = [(one["churn"]["p"], one["nrr"]["point"]) for one in scores]
        same = len(found) == len(wanted) and all(
            abs(a - b) <= SAME
            for one, other in zip(found, wanted, strict=True)
            for a, b in zip(one, other, strict=True)
        )
        return "" if same else f"{kind}: version {version} is said to answer {found[:2]}, and answers {wanted[:2]}"


@dataclass(frozen=True)
class Expected:
    """What one version answers: churn and NRR by id and by features, and its profiles' notes."""

    ids: list[tuple[float, float]]
    features: list[tuple[float, float]]
    notes: str

    @classmethod
    def of(cls, scorer: Scorer, ids: list[str], features: Mapping[str, object]) -> Expected:
        """Computed in this process."""

        def figures(scores: list[dict[str, Any]]) -> list[tuple[float, float]]:
            return [(one["churn"]["p"], one["nrr"]["point"]) for one in scores]

        by_id, _ = scorer.by_id(ids)
        described = scorer.by_features([("new", features)])
        return cls(figures(by_id), figures(described), json.dumps(scorer.icp_document()["notes"]))


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """The database held by another process for as long as this lasts."""
    code = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(database)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        yield
    finally:
        holder.kill()
        holder.wait()
