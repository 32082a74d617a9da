"""The service with a made-up model: `python -m bentoml serve tests.serving.fake_service:FakeService`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bentoml

from leap.config import Company
from serving.app import create_app
from serving.lanes import Lanes
from serving.live import LiveModel, Served
from serving.logs import configured
from serving.metrics import process_metrics
from serving.observing import Observer
from serving.service import MOUNT, SETTINGS, GuardedService
from tests.serving.fakes import FakeScorer


class SlowScorer(FakeScorer):
    """Takes its time for one account, and fails for another with that account's name in the exception."""

    def by_id(self, ids: Sequence[str], top: int = 5) -> tuple[list[dict[str, Any]], list[str]]:
        if "slow" in ids:
            time.sleep(1.5)
        if any(one.startswith("faulty") for one in ids):
            raise ValueError(f"cannot score {ids}")
        return super().by_id(ids, top)


company = Company(name="Nordlicht", currency="EUR", money_note="Fees are assumed.")
live = LiveModel(Served(SlowScorer("7"), company))  # type: ignore[arg-type]
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
