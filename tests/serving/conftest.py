"""The application behind its guard, in this process, asked from this machine."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from serving.access import Tokens
from serving.app import ROUTES_BESIDE, create_app
from serving.guard import Guard, known_routes
from serving.live import LiveModel
from tests.bundle.conftest import sized, sized_folder  # noqa: F401 (fixtures)
from tests.registry.conftest import begun, store  # noqa: F401
from tests.serving.fakes import fake_served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette asks for a successor of httpx
    from starlette.testclient import TestClient

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Ask = Callable[..., TestClient]


def guarded(live: LiveModel, environment: Mapping[str, str] | None = None, **limits: Any) -> Guard:
    """The layers as the service has them, without BentoML's between."""
    app = create_app(live)
    routes = [*known_routes(app), *ROUTES_BESIDE]
    return Guard(healthy, routes=routes, state=app.state.shared, tokens=Tokens(environment or {}), **limits)


async def healthy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers in BentoML's place."""
    if scope["type"] == "http":
        await Response("\n")(scope, receive, send)
    else:
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})


def ask(
    live: LiveModel, environment: Mapping[str, str] | None = None, *, peer: str = "127.0.0.1", **limits: Any
) -> TestClient:
    """A client of that application; faults of ours come back as answers, not as exceptions."""
    return TestClient(
        guarded(live, environment, **limits),
        base_url="http://localhost",
        client=(peer, 50000),
        raise_server_exceptions=False,
    )


@pytest.fixture
def live() -> LiveModel:
    """A holder with version 7 of a made-up company."""
    return LiveModel(fake_served("7"))


@pytest.fixture
def client(live: LiveModel) -> Iterator[TestClient]:
    """A client on this machine, no token set."""
    with ask(live) as one:
        yield one
