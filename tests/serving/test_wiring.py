"""From the store's champion to what is live: swaps, faults that keep the last good one, and what health says."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from leap.config import parse_settings
from leap.errors import BundleError, NoModel
from serving import watcher as watching
from serving.live import LiveModel, Served
from serving.watcher import ChampionWatcher
from serving.wiring import Deployment
from tests.serving.fakes import FakeScorer, fake_served


class Shelf:
    """A store whose champion and faults a test decides."""

    def __init__(self, version: str | None) -> None:
        self.version = version
        self.broken: Exception | None = None
        self.loads = 0

    def champion(self) -> str | None:
        return self.version

    def load(self) -> tuple[Served, str]:
        self.loads += 1
        if self.broken is not None:
            raise self.broken
        if self.version is None:
            raise NoModel("there is no champion.", remedy="leap train --promote")
        return fake_served(self.version, accounts=3), ""


def watched(shelf: Shelf) -> tuple[LiveModel, ChampionWatcher]:
    live = LiveModel()
    return live, ChampionWatcher(live, shelf.champion, shelf.load, every_seconds=0.01)


def test_another_champion_is_brought_in_once() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    for _ in range(3):
        watcher.look()
    assert (live.take().version, shelf.loads) == ("7", 1)
    shelf.version = "8"
    for _ in range(3):
        watcher.look()
    assert (live.take().version, shelf.loads) == ("8", 2)


def test_a_damaged_champion_leaves_the_last_good_one_live_and_is_told_and_not_tried_all_the_time() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    watcher.look()
    shelf.version, shelf.broken = "8", BundleError("models/churn.txt: checksum differs.")
    for _ in range(5):
        watcher.look()
    assert live.take().version == "7"
    assert live.problem is not None and live.problem.message == "models/churn.txt: checksum differs."
    assert shelf.loads == 2


def test_a_mended_champion_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    shelf.broken = BundleError("checksum differs.")
    watcher.look()
    shelf.broken = None
    monkeypatch.setattr(watching, "RETRY_AFTER_SECONDS", 0.0)
    watcher.look()
    assert live.take().version == "7" and live.problem is None


def test_rolling_back_to_the_live_version_clears_the_problem() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    watcher.look()
    shelf.version, shelf.broken = "8", BundleError("checksum differs.")
    watcher.look()
    shelf.version = "7"
    watcher.look()
    assert live.problem is None and live.take().version == "7"


def test_without_a_champion_every_look_asks_again_and_says_what_to_do() -> None:
    shelf = Shelf(None)
    live, watcher = watched(shelf)
    watcher.look()
    with pytest.raises(NoModel, match="leap train --promote"):
        live.take()
    shelf.version = "1"
    watcher.look()
    assert live.take().version == "1"


def test_a_fault_of_any_kind_does_not_end_the_watch() -> None:
    shelf = Shelf("7")
    shelf.broken = MemoryError()
    live, watcher = watched(shelf)
    watcher.look()
    assert live.problem is not None and live.problem.code == "internal"
    assert "MemoryError" in live.problem.message


def test_the_thread_follows_the_champion_and_ends_when_told() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    watcher.start()
    shelf_moves(live, shelf, "8")
    watcher.stop()
    deadline = time.monotonic() + 5
    while any(thread.name == "champion-watcher" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def shelf_moves(live: LiveModel, shelf: Shelf, version: str) -> None:
    shelf.version = version
    deadline = time.monotonic() + 5
    while (served := live.peek()) is None or served.version != version:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_places_come_from_the_environment() -> None:
    deployment = Deployment.from_environment({"LEAP_STORE": "/s", "LEAP_WORKSPACE": "/w"})
    assert (deployment.store, str(deployment.workspace)) == ("/s", "/w")
    assert Deployment.from_environment({}).store is None


@pytest.mark.parametrize("reasons", [{}, {"health churn propensity": "no numba"}])
def test_what_explains_is_ready_before_accounts_are_scored_and_so_before_a_swap(
    reasons: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from leap.bundle.explaining import Explaining
    from leap.scoring import Scorer

    happened: list[str] = []

    class Bundle:
        def check_golden(self) -> None:
            happened.append("golden rows")

    def ready(bundle: Bundle) -> Explaining:
        happened.append("ready to explain")
        return Explaining(reasons)

    def build(*_: object) -> FakeScorer:
        happened.append("scored")
        return FakeScorer("7")

    monkeypatch.setattr("leap.bundle.model_bundle.ModelBundle.load", lambda folder: Bundle())
    monkeypatch.setattr("leap.bundle.explaining.ready_to_explain", ready)
    monkeypatch.setattr("leap.sources.read_workspace", lambda folder: None)
    monkeypatch.setattr(Scorer, "build", build)
    served = Deployment(store=None, workspace=tmp_path)._built("7", tmp_path, parse_settings({}))
    assert happened == ["ready to explain", "golden rows", "scored"]
    assert served.explained_by == ("LightGBM, slower" if reasons else "exact kernel")


def test_accounts_without_a_score_come_last_and_count_nothing_at_risk() -> None:
    served = fake_served(accounts=60)
    assert served.accounts[-1].at_risk is None
    risks = [one.at_risk for one in served.accounts if one.at_risk is not None]
    assert risks == sorted(risks, reverse=True)


def test_the_request_path_imports_neither_pandas_nor_mlflow() -> None:
    code = (
        "import sys; sys.path[:0] = ['src', '.']; import serving.app;"
        "print([name for name in ('pandas', 'numpy', 'mlflow', 'lightgbm', 'shap') if name in sys.modules])"
    )
    assert _python(code) == "[]"


def _python(code: str) -> Any:
    import subprocess
    from pathlib import Path

    checkout = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout.strip()
