"""What a process that answers holds; the one that starts and stops these never imports it."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp

from serving.app import ROUTES_BESIDE, create_app
from serving.guard import Guard, known_routes
from serving.lanes import Lanes, prefer_the_event_loop
from serving.listening import door
from serving.live import LiveModel
from serving.logs import configured
from serving.metrics import process_metrics
from serving.observing import Observer
from serving.protocol import bound_connections

live = LiveModel()
observer = Observer(live, process_metrics())
application = create_app(live, Lanes(metrics=observer.metrics), observer)


def guarded(bentoml_application: ASGIApp, ours: Any, workers: int) -> Guard:
    """The outermost layer around both applications, on connections that are bounded."""
    prefer_the_event_loop()
    bound_connections()
    door.keep(workers)
    watch = ours.state.watch
    if isinstance(watch, Observer):
        watch.log = configured(metrics=watch.metrics)
    routes = [*known_routes(ours), *ROUTES_BESIDE]
    return Guard(bentoml_application, routes=routes, state=ours.state.shared, watch=watch)
