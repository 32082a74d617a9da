"""The service with a made-up model: `python -m bentoml serve tests.serving.fake_service:FakeService`."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import bentoml

from leap.config import Company
from serving.app import create_app
from serving.lanes import Lanes
from serving.live import LiveModel
from serving.logs import configured
from serving.metrics import process_metrics
from serving.observing import Observer
from serving.service import MOUNT, SETTINGS, GuardedService
from tests.serving.fakes import FakeScorer, served_by


class SlowScorer(FakeScorer):
    """Takes its time for one account, and fails for another with that account's name in the exception.

    It knows the accounts, features and tables of the examples in docs/api.md too.
    """

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._customers += ["adyen", "ericsson"]

    def by_rows(self, accounts: Sequence[Any], as_of: date | None = None, top: int = 5) -> list[dict[str, Any]]:
        mine = [(name, {one: rows for one, rows in given.items() if one not in ("subscriptions", "profiles")})
                for name, given in accounts]  # fmt: skip
        return super().by_rows(mine, as_of, top)

    def _known(self, given: Mapping[str, object], known: Mapping[str, object]) -> None:
        super()._known(
            {name: value for name, value in given.items() if name not in ("end_user", "homepage_tld")}, known
        )

    def by_id(self, ids: Sequence[str], top: int = 5) -> tuple[list[dict[str, Any]], list[str]]:
        if "slow" in ids:
            time.sleep(1.5)
        if any(one.startswith("faulty") for one in ids):
            raise ValueError(f"cannot score {ids}")
        return super().by_id(ids, top)


company = Company(name="Nordlicht", currency="EUR", money_note="Fees are assumed.")
live = LiveModel(served_by(SlowScorer("7"), company))
observer = Observer(live, process_metrics())


@bentoml.service(name="leap", service_class=GuardedService, **SETTINGS)
@bentoml.asgi_app(create_app(live, Lanes(metrics=observer.metrics), observer), path="/", name=MOUNT)
class FakeService:
    """The same application, guard and observer around a made-up model."""

    def __init__(self) -> None:
        kept = os.environ.get("LEAP_INPUTS", "")
        observer.metrics.reloaded("live", "7")
        observer.start((lambda: Path(kept)) if kept else None)

    @bentoml.on_shutdown
    def stop_watching(self) -> None:
        """Write what waits."""
        observer.stop()

    @bentoml.on_deployment
    def log_alike() -> None:  # type: ignore[misc]
        """In the process that starts and stops the worker."""
        configured()
