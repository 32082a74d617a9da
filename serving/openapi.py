"""The OpenAPI document, with examples that work with the live model."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from serving.schemas import example_requests

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.live import Served


def openapi_with_examples(app: FastAPI, served: Served | None) -> dict[str, Any]:
    """The OpenAPI document with the features and with examples of the live model, so that each of them works."""
    document = openapi(app)
    if served is None:
        return document
    customers = [one.account_id for one in served.accounts[:2]]
    reasons = served.scorer.by_id(customers[:1], top=0)[0][0]["reasons"] if customers else []
    paths = dict(document["paths"])
    for path, examples in example_requests(customers, reasons).items():
        paths[path] = _with_body_examples(paths[path], examples)
    return {**document, "paths": paths, "components": _with_features(document["components"], served)}


def _with_features(components: dict[str, Any], served: Served) -> dict[str, Any]:
    """The types of what is sent, with the features that the live model knows in place of any name."""
    inputs, schemas = served.scorer.input_schema(), dict(components["schemas"])
    for name, field, known in (("AccountRows", "features", "features"), ("Prospect", "attributes", "attributes")):
        schema = schemas[name]
        told = {**inputs[known], "description": schema["properties"][field].get("description", "")}
        schemas[name] = {**schema, "properties": {**schema["properties"], field: told}}
    by_id, by_data = schemas["ScoreRequest"]["oneOf"]
    # Customers are scored as of one day.
    day = {"as_of": {"enum": [served.scorer.as_of, None]}}
    schemas["ScoreRequest"] = {**schemas["ScoreRequest"], "oneOf": [{**by_id, "properties": day}, by_data]}
    return {**components, "schemas": schemas}


def _with_body_examples(path_item: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    post = path_item["post"]
    media = {**post["requestBody"]["content"]["application/json"], "examples": examples}
    return {"post": {**post, "requestBody": {**post["requestBody"], "content": {"application/json": media}}}}


@cache
def openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the token and the two routes that BentoML answers."""
    document = app.openapi()
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}, {}]
    document["paths"]["/readyz"]["get"]["security"] = []
    document["paths"]["/livez"] = {"get": _text_route("Livez", "Whether the process runs", open_to_all=True)}
    document["paths"]["/metrics"] = {"get": _text_route("Metrics", "Figures of the service, for Prometheus")}
    return document


def _text_route(name: str, summary: str, *, open_to_all: bool = False) -> dict[str, Any]:
    answer = {"description": "text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    route: dict[str, Any] = {"summary": summary, "operationId": name.lower(), "responses": {"200": answer}}
    return {**route, "security": []} if open_to_all else route
