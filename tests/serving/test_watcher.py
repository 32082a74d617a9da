"""What is wanted comes live: swaps, faults that keep the last good one, and what health says."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from leap.errors import BundleError, NoModel
from serving import watcher as watching
from serving.live import LiveModel, Problem
from serving.metrics import Metrics
from serving.watcher import Built, ChampionWatcher, Wanted
from tests.serving.fakes import fake_served


class Shelf:
    """A source whose champion and faults a test decides."""

    def __init__(self, version: str | None) -> None:
        self.version = version
        self.broken: Exception | None = None
        self.trouble: tuple[Problem, ...] = ()
        self.builds = 0

    def look(self) -> Wanted:
        return Wanted(self.version, self.trouble)

    def build(self) -> Built:
        self.builds += 1
        if self.broken is not None:
            raise self.broken
        if self.version is None:
            raise NoModel("there is no champion.", remedy="leap train --promote")
        return Built(fake_served(self.version, accounts=3))


class Counted(Metrics):
    def __init__(self) -> None:
        self.said: list[str] = []

    def reloaded(self, result: str, version: str = "") -> None:
        self.said.append(f"{result} {version}".strip())

    def problem(self, there_is_one: bool) -> None:
        self.said.append("problem" if there_is_one else "settled")


def watched(shelf: Shelf, metrics: Metrics | None = None) -> tuple[LiveModel, ChampionWatcher]:
    live = LiveModel()
    return live, ChampionWatcher(live, shelf, every_seconds=0.01, metrics=metrics)


def test_another_champion_is_brought_in_once() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    for _ in range(3):
        watcher.look()
    assert (live.take().version, shelf.builds) == ("7", 1)
    shelf.version = "8"
    for _ in range(3):
        watcher.look()
    assert (live.take().version, shelf.builds) == ("8", 2)


def test_a_damaged_champion_leaves_the_last_good_one_live_and_is_told_and_not_tried_all_the_time() -> None:
    shelf, counted = Shelf("7"), Counted()
    live, watcher = watched(shelf, counted)
    watcher.look()
    shelf.version, shelf.broken = "8", BundleError("models/churn.txt: checksum differs.")
    for _ in range(5):
        watcher.look()
    assert live.take().version == "7"
    assert live.problem is not None and live.problem.message == "models/churn.txt: checksum differs."
    assert shelf.builds == 2
    assert counted.said == ["live 7", "bundle", "problem"]


def test_a_mended_champion_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf, counted = Shelf("7"), Counted()
    live, watcher = watched(shelf, counted)
    shelf.broken = BundleError("checksum differs.")
    watcher.look()
    shelf.broken = None
    watcher.look()
    assert live.peek() is None
    monkeypatch.setattr(watching, "RETRY_AFTER_SECONDS", 0.0)
    watcher.look()
    assert live.take().version == "7" and live.problem is None
    assert counted.said == ["bundle", "problem", "live 7", "settled"]


def test_rolling_back_to_the_live_version_clears_the_problem() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    watcher.look()
    shelf.version, shelf.broken = "8", BundleError("checksum differs.")
    watcher.look()
    shelf.version, shelf.broken = "7", None
    watcher.look()
    assert live.problem is None and live.take().version == "7"


def test_a_registry_in_trouble_is_told_as_long_as_it_is_and_nothing_is_built_for_it() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    watcher.look()
    shelf.trouble = (Problem("registry", "the database is locked."),)
    watcher.look()
    assert live.problem == Problem("registry", "the database is locked.") and shelf.builds == 1
    shelf.trouble = ()
    watcher.look()
    assert live.problem is None and shelf.builds == 1


def test_several_problems_are_told_together_and_each_once() -> None:
    one, other = Problem("registry", "locked."), Problem("table", "no column.")
    assert watching.joined((one, other, one)) == Problem("registry", "locked. no column.")


def test_without_a_champion_it_is_said_what_to_do_until_there_is_one() -> None:
    shelf = Shelf(None)
    live, watcher = watched(shelf)
    watcher.look()
    with pytest.raises(NoModel, match="leap train --promote"):
        live.take()
    shelf.version = "1"
    watcher.look()
    assert live.take().version == "1"


@pytest.mark.parametrize("where", ["look", "build"])
def test_a_fault_of_any_kind_does_not_end_the_watch(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf("7")
    shelf.broken = MemoryError()
    live, watcher = watched(shelf)
    if where == "look":
        monkeypatch.setattr(shelf, "look", shelf.build)
    watcher.look()
    assert live.problem is not None and live.problem.code == "internal"
    assert "MemoryError" in live.problem.message


def test_the_thread_follows_the_champion_and_ends_when_told() -> None:
    shelf = Shelf("7")
    live, watcher = watched(shelf)
    watcher.start()
    shelf.version = "8"
    deadline = time.monotonic() + 5
    while (served := live.peek()) is None or served.version != "8":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    watcher.stop()
    while any(thread.name == "champion-watcher" for thread in threading.enumerate()):
        assert time.monotonic() < deadline + 5
        time.sleep(0.01)


def test_building_makes_way_for_requests_and_leaves_the_interpreter_as_it_was() -> None:
    before = sys.getswitchinterval()
    with watching.making_way():
        assert sys.getswitchinterval() <= 0.001
    assert sys.getswitchinterval() == before
