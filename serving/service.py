"""The BentoML service: processes that answer HTTP, show metrics, and shut down in good order.

What is asked and answered stands in `app.py`; BentoML's own endpoint machinery is not used, since it logs the values of
a refused request, reads other content types than JSON and costs more than a score. `leap serve` starts it.
"""

from __future__ import annotations

import os
from typing import Any

# Before bentoml is imported: it reports usage from then on.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import bentoml
from starlette.types import ASGIApp

from serving.access import form_secret
from serving.listening import require_token, warn_if_open
from serving.logs import configured
from serving.metric_files import give_memory_back
from serving.metrics import without_earlier_models

MOUNT = "leap"

form_secret()  # before the processes that answer are started: they seal forms alike

SETTINGS: dict[str, Any] = {
    # Each process holds the model once, and computes on one thread of Python at a time.
    "workers": int(os.environ.get("LEAP_WORKERS") or 1),
    # Limits of requests are the guard's and the lanes', since our routes are answered before BentoML's layers.
    "traffic": {"timeout": 30},
    "http": {"host": "127.0.0.1", "port": 3000},
    # Nothing exports traces here, and to make them costs a fifth of a small request.
    "tracing": {"excluded_urls": ".*"},
}


class GuardedService(bentoml.Service[Any]):
    """A service whose every request passes `Guard` first, and whose mounted application answers before BentoML's pages.

    Middleware added to a service lies inside BentoML's metrics, access log and limits; the guard has to be outside.
    """

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """BentoML's application with `Guard` around it and before it.

        Our application is made here: the process that starts the others would only begin later with it.
        """
        from serving import process

        if not self.mount_apps:
            self.mount_asgi_app(process.application, path="/", name=MOUNT)
        return process.guarded(super().to_asgi(is_main=is_main), self.mount_apps[0][0], SETTINGS["workers"])


@bentoml.service(name="leap", service_class=GuardedService, **SETTINGS)
class LeapService:
    """Leap: churn, contraction, expansion and NRR of accounts with their reasons, and the worth of prospects."""

    @bentoml.on_deployment
    @staticmethod
    def require_token() -> None:
        """Asked by BentoML before it listens."""
        require_token()

    def __init__(self) -> None:
        from serving.packed import deployment
        from serving.process import live, observer
        from serving.watcher import ChampionWatcher

        warn_if_open()
        source = deployment()
        self.watcher, self.observer = ChampionWatcher(live, source, metrics=observer.metrics), observer
        self.watcher.start()
        self.observer.start(source.inputs())

    @bentoml.on_shutdown
    def stop_watching(self) -> None:
        """BentoML calls this once no request is under way any more."""
        self.watcher.stop()
        self.observer.stop()
        give_memory_back(os.environ)

    @bentoml.on_deployment
    def log_alike() -> None:
        """BentoML calls this in the process that starts and stops the workers."""
        configured()

    def __metrics__(self, text: str) -> str:
        """BentoML asks what `/metrics` shall show."""
        return without_earlier_models(text)
