"""From the store's champion to what a request is answered with, and how one gives way to the next.

A request takes one `Served` from `LiveModel` at its start and uses nothing else, so that an answer never mixes two
versions. `ChampionWatcher` looks every two seconds for another champion, verifies and builds it beside the live one,
and swaps the reference. Whatever fails on the way, the last good one stays in use and `/readyz` says what happened.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leap.config import Company
from leap.errors import LeapError, NoModel, RegistryError

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.config import Settings
    from leap.registry import Store
    from leap.reviews import Review
    from leap.scoring import Scorer
    from leap.tables import AccountTables

log = logging.getLogger("bentoml.leap")  # below "bentoml": see guard.py

LOOK_EVERY_SECONDS = 2.0
RETRY_AFTER_SECONDS = 60.0


@dataclass(frozen=True)
class ListedAccount:
    """One customer in the list that people look through."""

    account_id: str
    name: str
    mrr: float | None
    at_risk: float | None
    """`mrr * (1 - nrr)`: the MRR expected to be lost over the horizon; below zero where growth is expected."""
    row: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ListedAccount:
        """From a row of `Scorer.listing()`.

        >>> ListedAccount.of({"account_id": "a1", "name": None, "mrr": 200.0, "nrr": 0.75}).at_risk
        50.0
        """
        mrr, nrr = row.get("mrr"), row.get("nrr")
        at_risk = mrr * (1 - nrr) if mrr is not None and nrr is not None else None
        return cls(
            account_id=str(row["account_id"]),
            name=str(row.get("name") or row["account_id"]),
            mrr=mrr,
            at_risk=at_risk,
            row=row,
        )

    def matches(self, words: str) -> bool:
        """Whether name or id contains these words, in any case."""
        return words in self.name.casefold() or words in self.account_id.casefold()


class Served:
    """One model version with the accounts it scores: everything a request may need, and immutable."""

    def __init__(self, scorer: Scorer, company: Company, horizon_months: int = 12, explained_by: str = "") -> None:
        self.scorer = scorer
        self.explained_by = explained_by
        """What computes the contributions: the exact kernel, or LightGBM where that is not to be trusted here."""
        self.company = company
        self.horizon_months = horizon_months
        accounts = [ListedAccount.of(row) for row in scorer.listing()]
        self.accounts = tuple(sorted(accounts, key=_largest_risk_first))

    @property
    def version(self) -> str:
        """Version of the model in the registry."""
        return self.scorer.version

    def find(self, words: str) -> list[ListedAccount]:
        """Accounts whose name or id contains these words, largest money at risk first; all without words."""
        wanted = words.strip().casefold()
        return [account for account in self.accounts if account.matches(wanted)]


def _largest_risk_first(account: ListedAccount) -> tuple[bool, float, str]:
    return (account.at_risk is None, -(account.at_risk or 0.0), account.account_id)


@dataclass(frozen=True)
class Problem:
    """Why the newest champion is not in use."""

    code: str
    message: str


class LiveModel:
    """Holds the one reference that requests take; reading and replacing it is atomic."""

    def __init__(self, served: Served | None = None) -> None:
        self._served = served
        self.problem: Problem | None = None

    def peek(self) -> Served | None:
        """What is live, or nothing yet."""
        return self._served

    def take(self) -> Served:
        """What is live, for one whole request; NoModel if nothing is."""
        served = self._served
        if served is None:
            why = self.problem.message if self.problem else "The model is being loaded."
            raise NoModel(f"No model is live. {why}")
        return served

    def swap(self, served: Served) -> None:
        """Make this live; requests under way keep the one they took."""
        self._served = served
        self.problem = None


@dataclass(frozen=True)
class Deployment:
    """Where a service finds its champion and its accounts: `leap serve` names both in the environment."""

    store: str | None
    workspace: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Deployment:
        """`LEAP_STORE` (default: as the commands have it) and `LEAP_WORKSPACE` (default: the current folder)."""
        environment = os.environ if environment is None else environment
        workspace = Path(environment.get("LEAP_WORKSPACE") or ".")
        return cls(store=environment.get("LEAP_STORE") or None, workspace=workspace)

    def champion(self) -> str | None:
        """The champion's version: one look at a small file and the registry's table of aliases, without MLflow."""
        return self._open_store().champion()

    def load(self) -> tuple[Served, str]:
        """The champion with the accounts of the workspace, and why the registry could not be asked, or nothing.

        The store hands out only copies that have climbed the loading ladder, golden rows in a process of their own
        included; the golden rows are scored once more here.
        """
        from leap.config import load_settings

        settings = load_settings(self.workspace)
        fetched = self._open_store().load()
        return self._built(fetched.version, fetched.folder, settings), fetched.stale

    def _built(self, version: str, folder: Path, settings: Settings) -> Served:
        # Only now what takes seconds to import: without a champion the reason is told at once.
        from leap.bundle.explaining import ready_to_explain
        from leap.bundle.model_bundle import ModelBundle
        from leap.models.lean import import_lightgbm
        from leap.scoring import Scorer

        import_lightgbm()
        bundle = ModelBundle.load(folder)
        # First, on the golden rows: what is compiled is then ready for the first request, and for all others.
        explaining = ready_to_explain(bundle)
        bundle.check_golden()
        bundle = self._reviewed(bundle, settings)
        scorer = Scorer.build(bundle, version, self._tables())
        return Served(scorer, settings.company, settings.outcome.horizon_months, explaining.engine)

    def _tables(self) -> AccountTables | None:
        from leap.sources import read_workspace

        return read_workspace(self.workspace)

    def _reviewed(self, bundle: ModelBundle, settings: Settings) -> ModelBundle:
        """With the profiles marked that people rejected."""
        from leap.reviews import with_rejections

        reviews = self._reviews(settings)
        return replace(bundle, icp=with_rejections(bundle.icp, reviews)) if reviews else bundle

    def _reviews(self, settings: Settings) -> tuple[Review, ...]:
        """What people decided until now. A damaged book must not keep the champion from serving."""
        from leap.reviews import ReviewBook

        try:
            return ReviewBook(self._open_store().folder).of(settings.company.name)
        except RegistryError as error:
            log.warning("reviews are left out, and rejected profiles count again: %s", error)
            return ()

    def _open_store(self) -> Store:
        from leap.registry import Store

        return Store(self.store, self.workspace)


class ChampionWatcher:
    """A background thread that keeps `LiveModel` at the store's champion.

    `champion` tells its version and is asked every few seconds; `load` brings it in and is asked when that changes.
    """

    def __init__(
        self,
        live: LiveModel,
        champion: Callable[[], str | None],
        load: Callable[[], tuple[Served, str]],
        every_seconds: float = LOOK_EVERY_SECONDS,
    ) -> None:
        self._live = live
        self._champion = champion
        self._load = load
        self._every = every_seconds
        self._failed: str | None = None
        self._failed_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion-watcher", daemon=True)

    def start(self) -> None:
        """Load the champion in the background, then keep looking for another one."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look under way."""
        self._stop.set()

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(self._every):
            self.look()

    def look(self) -> None:
        """One look at the store; never raises, a fault is kept as `LiveModel.problem`."""
        try:
            newest = self._champion()
            served = self._live.peek()
            if newest is not None and served is not None and newest == served.version:
                self._live.problem = self._failed = None
            elif not self._failed_lately(newest):
                self._bring_in(newest)
        except Exception as error:
            self._report(error)

    def _bring_in(self, newest: str | None) -> None:
        try:
            served, stale = self._load()
        except Exception:
            self._failed, self._failed_at = newest, time.monotonic()
            raise
        self._live.swap(served)
        self._failed = None
        log.info("version %s is live%s", served.version, f"; {stale}" if stale else "")

    def _failed_lately(self, newest: str | None) -> bool:
        """What failed is tried again, since the tables may have been mended, but not at every look."""
        return (
            newest is not None and newest == self._failed and time.monotonic() - self._failed_at < RETRY_AFTER_SECONDS
        )

    def _report(self, error: Exception) -> None:
        where = ""
        if isinstance(error, LeapError):
            problem = Problem(error.code, str(error))
        else:
            problem = Problem("internal", f"The champion could not be loaded: {type(error).__name__}.")
            # Where, but not the message: it may quote a cell of the tables.
            where = "\n" + "".join(traceback.format_tb(error.__traceback__)[-6:])
        if problem != self._live.problem:
            log.warning("the champion could not be brought in: %s%s", problem.message, where)
        self._live.problem = problem
