"""A bento from the command to its scores: served from a folder of its own, without the store, as the store's service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leap.client import Client
from serving.live import Served
from serving.wiring import Deployment
from tests.e2e.test_main_job import CHECKOUT, leap
from tests.e2e.test_service import Process, free_port, stop
from tests.serving.lean import blocking

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Made:
    """What was made, and what the store's own service says, kept before the store was moved away."""

    folder: Path
    features: dict[str, Any]
    by_id: list[dict[str, Any]]
    by_features: list[dict[str, Any]]
    prospects: list[dict[str, Any]]
    attributes: dict[str, Any]

    @property
    def ids(self) -> list[str]:
        return [score["account_id"] for score in self.by_id]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("bento")
    workspace, store = folder / "company", folder / "store"
    shutil.copytree(CHECKOUT / "examples" / "cncf_members", workspace)
    leap("train", workspace, "--promote", "--store", store)
    packed = leap("bento", workspace, "--store", store, "--with-data", "--out", folder / "leap.bento")
    assert packed["version"] == "1" and packed["with_data"] and packed["bento"].startswith("leap:1-")
    assert leap("bento", workspace, "--store", store, "--out", folder / "bare")["with_data"] is False
    served, _ = Deployment(str(store), workspace).load()
    found = said(folder, served)
    store.rename(folder / "moved away")
    workspace.rename(folder / "moved too")
    return found


def said(folder: Path, served: Served) -> Made:
    scorer = served.scorer
    ids = [account.account_id for account in served.accounts[:40]]
    features = scorer.values_of(ids[0])
    scope = {feature.name: str(feature.scope) for feature in scorer.bundle.catalog.features}
    attributes = {name: value for name, value in features.items() if scope[name] == "fit" and value is not None}
    attributes = {name: value for name, value in attributes.items() if "tenure" not in name}
    return Made(
        folder,
        features,
        scorer.by_id(ids, top=0)[0],
        scorer.by_features([("x", features)], top=0),
        scorer.prospects([("p", attributes)], top=0),
        attributes,
    )


@contextmanager
def serving(made: Made, bento: str | Path, folder: Path, ready: bool = True, **environment: str) -> Iterator[Process]:
    """`bentoml serve` from an unrelated folder, with nothing to import but what serving needs."""
    folder.mkdir()
    port, log_file = free_port(), folder / "log"
    told = {
        "BENTOML_HOME": str(folder / "home"),
        "PYTHONPATH": blocking(folder / "first"),
        "NUMBA_CACHE_DIR": str(made.folder / "numba"),  # compiled once for all tests here
        **environment,
    }
    with log_file.open("wb") as log:
        popen = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", str(bento), "--port", str(port)],
            cwd=folder,
            env={**os.environ, **told},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    process = Process(popen, port, log_file)
    try:
        if ready:
            process.wait_until_ready(180)
        yield process
    finally:
        assert stop(process) == 0


def same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Equal in all words and to 1e-9 in all numbers."""
    got, wanted = _leaves(found), _leaves(json.loads(json.dumps(expected, default=str)))
    assert got.keys() == wanted.keys() and len(got) > 20
    for place, value in wanted.items():
        number = isinstance(value, float) or isinstance(got[place], float)
        assert got[place] == (pytest.approx(value, abs=1e-9, rel=1e-12) if number else value), place


def _leaves(value: Any, at: str = "") -> dict[str, Any]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {at: value}
    return {place: leaf for name, part in items for place, leaf in _leaves(part, f"{at}.{name}").items()}


def test_an_imported_bento_says_what_the_service_of_the_store_said(made: Made, tmp_path: Path) -> None:
    home = tmp_path / "imported"
    subprocess.run(
        [sys.executable, "-m", "bentoml", "import", str(made.folder / "leap.bento")],
        env={**os.environ, "BENTOML_HOME": str(home)},
        check=True,
        capture_output=True,
    )
    (bento,) = (path for path in (home / "bentos" / "leap").iterdir() if path.is_dir())
    assert not list(bento.rglob("*.pyc")) and not list(bento.rglob("mlflow.db"))
    assert "slack" not in (bento / "README.md").read_text().lower()
    with serving(made, bento, tmp_path / "elsewhere") as process:
        client = Client(process.url)
        ready = client.ready()
        assert ready["ready"] and ready["by_id"] and ready["model"]["version"] == "1"
        same(client.score(made.ids, top=0)["scores"], made.by_id)
        given = {"accounts": [{"account_id": "x", "features": made.features}], "top": 0}
        answer = process.ask("POST", "/v1/score", json.dumps(given, default=str), {"Content-Type": "application/json"})
        same(json.loads(answer.body)["scores"], made.by_features)
        same(client.prospects({"p": made.attributes}, top=0)["scores"], made.prospects)


def test_without_tables_it_says_so_and_scores_what_is_sent(made: Made, tmp_path: Path) -> None:
    with serving(made, made.folder / "bare", tmp_path / "elsewhere") as process:
        client = Client(process.url)
        ready = client.ready()
        assert ready["ready"] and not ready["by_id"]
        answer = client.score(made.ids[:2])
        assert answer["scores"] == [] and answer["not_found"] == made.ids[:2]
        same(client.prospects({"p": made.attributes}, top=0)["scores"], made.prospects)


def test_without_tables_it_scores_those_of_a_workspace_that_is_named(made: Made, tmp_path: Path) -> None:
    named = {"LEAP_WORKSPACE": str(made.folder / "moved too")}
    with serving(made, made.folder / "bare", tmp_path / "elsewhere", **named) as process:
        same(Client(process.url).score(made.ids, top=0)["scores"], made.by_id)


def test_a_damaged_model_in_a_bento_is_refused_with_the_reason(made: Made, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(made.folder / "bare", damaged)
    model = damaged / "src" / "packed" / "champion" / "models" / "health_churn.txt"
    model.write_text(model.read_text().replace("leaf_value=", "leaf_value=9", 1))
    with serving(made, damaged, tmp_path / "elsewhere", ready=False) as process:
        client, problem = Client(process.url, timeout=5), None
        while problem is None or "cannot be reached" in problem:
            assert process.popen.poll() is None, process.log
            time.sleep(0.1)
            problem = client.ready()["problem"]
        assert "health_churn.txt" in problem and not client.ready()["ready"]
        answer = process.ask("POST", "/v1/prospects", '{"prospects": []}', {"Content-Type": "application/json"})
        assert answer.status in (422, 503)
