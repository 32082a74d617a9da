"""Bare Starlette under uvicorn, the floor of HTTP: parses the body as JSON and answers bytes that never change.

`python benchmarks/parts/bare_service.py PORT FILE` answers every POST to /v1/score with what FILE holds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def application(answer: bytes) -> Starlette:
    """One route, with nothing around it."""

    async def score(request: Request) -> Response:
        json.loads(await request.body())
        return Response(answer, media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    return Starlette(routes=[Route("/v1/score", score, methods=["POST"]), Route("/readyz", ready)])


if __name__ == "__main__":
    app = application(Path(sys.argv[2]).read_bytes())
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
