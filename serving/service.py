"""The BentoML service: one process that answers HTTP, keeps metrics and health, and shuts down in good order.

What is asked and answered stands in `app.py`; BentoML's own endpoint machinery is not used, since it logs the values of
a refused request and reads other content types than JSON. `leap serve` starts it.
"""

from __future__ import annotations

import os
from typing import Any

# Before bentoml is imported: it reports usage from then on.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import bentoml
from starlette.types import ASGIApp

from serving.app import BENTOML_ROUTES, SCORING_THREADS, create_app
from serving.guard import Guard, Inside, known_routes
from serving.live import LiveModel
from serving.watcher import ChampionWatcher
from serving.wiring import Deployment

MOUNT = "leap"

SETTINGS: dict[str, Any] = {
    "workers": 1,  # one process holds the model once; scoring releases the interpreter while it computes
    "threads": SCORING_THREADS,
    "traffic": {"timeout": 30, "max_concurrency": 64},
    "http": {"host": "127.0.0.1", "port": 3000},
    # Nothing exports traces here, and to make them costs a fifth of a small request.
    "tracing": {"excluded_urls": ".*"},
}


class GuardedService(bentoml.Service[Any]):
    """A service whose every request passes `Guard` first, and whose mounted application answers before BentoML's pages.

    Middleware added to a service lies inside BentoML's metrics, access log and limits; the guard has to be outside.
    """

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """BentoML's application, with `Inside` next to the router and `Guard` around everything."""
        if not any(middleware is Inside for middleware, _ in self.middlewares):
            self.add_asgi_middleware(Inside)
        application: Any = super().to_asgi(is_main=is_main)
        application.router.routes.sort(key=lambda route: route.name != MOUNT)
        ours, _, _ = self.mount_apps[0]
        return Guard(application, routes=[*known_routes(ours), *BENTOML_ROUTES])


live = LiveModel()


@bentoml.service(name="leap", service_class=GuardedService, **SETTINGS)
@bentoml.asgi_app(create_app(live), path="/", name=MOUNT)
class LeapService:
    """Leap: churn, contraction, expansion and NRR of accounts with their reasons, and the worth of prospects."""

    def __init__(self) -> None:
        deployment = Deployment.from_environment()
        self.watcher = ChampionWatcher(live, deployment.champion, deployment.load)
        self.watcher.start()

    @bentoml.on_shutdown
    def stop_watching(self) -> None:
        """BentoML calls this once no request is under way any more."""
        self.watcher.stop()
