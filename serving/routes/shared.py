"""What routes have in common: their errors, and the head of an answer."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic_core import to_json

from serving.errors import CODES
from serving.live import Served
from serving.schemas import ErrorAnswer

RETRY = {
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer", "minimum": 0}}
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for the OpenAPI document."""
    return {
        status: {
            "model": ErrorAnswer,
            "description": CODES[status],
            **({"headers": RETRY} if status in (429, 503) else {}),
        }
        for status in statuses
    }


READING = errors(401, 403, 422, 429, 500, 503)
SENDING = errors(400, 401, 403, 408, 413, 415, 422, 429, 500, 503)


def header(served: Served, as_of: date | None = None) -> dict[str, Any]:
    """Which model speaks, by which definitions, of which day, and how long ago that is."""
    scorer, age = served.scorer, served.freshness(as_of)
    return {
        "model": scorer.model_header(),
        "definition_hash": scorer.definition_hash,
        "as_of": age.as_of,
        "age_days": age.days,
        "features_stale": age.stale,
    }


def opened(document: dict[str, Any]) -> bytes:
    """The JSON of an object without its closing brace, to be continued."""
    return to_json(document, inf_nan_mode="null")[:-1]
