"""The OpenAPI document, with examples that work with the live model."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from serving.schemas import example_requests

if TYPE_CHECKING:
    from fastapi import FastAPI

    from serving.live import Served

ACCOUNT = "/v1/accounts/{account_id}"
TARGETS = "/v1/target-list"
TAGS = {
    "Scores": "What is expected of accounts, and why.",
    "Profiles": "Which companies to sell to, and whom next.",
    "Model": "The live model.",
    "Service": "The service itself.",
}
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "One of the tokens of LEAP_TOKEN or LEAP_TOKEN_FILE. Without any, only the service's own machine is "
    "answered, and no token is needed.",
}
REQUEST_ID = {
    "description": "Of this request, as the service's log names it: the caller's own if it sent one of up to 64 "
    "letters, digits, `.`, `_` or `-`.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
}
CHALLENGE = {"description": "How to send a token.", "schema": {"type": "string"}}


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
    paths[TARGETS] = _with_segments(paths[TARGETS], served.documents.segments())
    if customers:
        paths[ACCOUNT] = _with_example(paths[ACCOUNT], "account_id", customers[0])
    return {**document, "paths": paths, "components": _with_features(document["components"], served)}


def _with_features(components: dict[str, Any], served: Served) -> dict[str, Any]:
    """The types of what is sent, with the features that the live model knows in place of any name."""
    from leap.tables.date_patterns import days_until  # takes a while to import, and by now a model is loaded

    inputs, schemas = served.scorer.input_schema(), dict(components["schemas"])
    for name, field, known in (
        ("AccountRows", "features", "features"),
        ("AccountRows", "tables", "tables"),
        ("Prospect", "attributes", "attributes"),
    ):
        schema = schemas[name]
        told = {**inputs[known], "description": schema["properties"][field].get("description", "")}
        schemas[name] = {**schema, "properties": {**schema["properties"], field: told}}
    by_id, by_data = schemas["ScoreRequest"]["oneOf"]
    # Customers are scored as of one day, others as of any that is not ahead.
    day = {"as_of": {"enum": [served.scorer.as_of, None]}}
    until = {"as_of": {"pattern": f"^(?:{days_until(served.scorer.latest_day)})$"}}
    kinds = [{**by_id, "properties": day}, {**by_data, "properties": until}]
    schemas["ScoreRequest"] = {**schemas["ScoreRequest"], "oneOf": kinds}
    return {**components, "schemas": schemas}


def _with_example(path_item: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    get = path_item["get"]
    parameters = [{**one, "example": value} if one["name"] == name else one for one in get["parameters"]]
    return {"get": {**get, "parameters": parameters}}


def _with_segments(path_item: dict[str, Any], known: list[str]) -> dict[str, Any]:
    """The parameters of a target list with the segments of the live model; without any there are none to be limited."""
    get = path_item["get"]
    parameters = []
    for one in get["parameters"]:
        if one["name"] == "segment":
            one = {**one, "schema": {"type": "string", "enum": known}}
        if known or one["name"] not in ("segment", "per_segment"):
            parameters.append(one)
    return {"get": {**get, "parameters": parameters}}


def _with_body_examples(path_item: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    post = path_item["post"]
    media = {**post["requestBody"]["content"]["application/json"], "examples": examples}
    return {"post": {**post, "requestBody": {**post["requestBody"], "content": {"application/json": media}}}}


@cache
def openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the token, the two routes that BentoML answers, and what every answer has."""
    document = app.openapi()
    components = document["components"]
    components["securitySchemes"] = {"token": TOKEN}
    components["headers"] = {"RequestId": REQUEST_ID, "Challenge": CHALLENGE}
    document["security"] = [{"token": []}, {}]
    document["tags"] = [{"name": name, "description": told} for name, told in TAGS.items()]
    document["paths"]["/readyz"]["get"]["security"] = []
    refused = document["paths"]["/v1/model"]["get"]["responses"]
    document["paths"]["/livez"] = {"get": _text_route("livez", "Whether the process runs", {})}
    document["paths"]["/metrics"] = {
        "get": _text_route("metrics", "Figures of the service, for Prometheus", refused, "401", "403")
    }
    for item in document["paths"].values():
        for operation in item.values():
            for status, answer in operation["responses"].items():
                answer["headers"] = {**answer.get("headers", {}), **_headers(status)}
    return document


def _headers(status: str) -> dict[str, Any]:
    challenge = {"WWW-Authenticate": {"$ref": "#/components/headers/Challenge"}} if status == "401" else {}
    return {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}, **challenge}


def _text_route(name: str, summary: str, answers: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """A route that answers with text; it needs a token only where it may refuse one."""
    text = {"description": "text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    responses = {"200": text, **{status: dict(answers[status]) for status in statuses}}
    route: dict[str, Any] = {
        "tags": ["Service"],
        "summary": summary,
        "description": f"{summary}.",
        "operationId": name,
        "responses": responses,
    }
    return route if statuses else {**route, "security": []}
