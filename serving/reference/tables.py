"""Parts of the OpenAPI document as Markdown: parameters, fields, types, and JSON that is easy to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

WIDTH = 140
_REF = "#/components/schemas/"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table.

    >>> print(table(["field"], [["a|b"]]))
    | field |
    |---|
    | a\\|b |
    """
    heads = list(heads)
    lines = [heads, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    written = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([written[0], "|" + "---|" * len(heads), *written[1:]])


def parameters(operation: Mapping[str, Any]) -> str:
    """What a route takes in its address."""
    rows = [
        (f"`{one['name']}`", f"in the {one['in']}", type_of(one["schema"]), _told(one, one["schema"]))
        for one in operation.get("parameters", ())
    ]
    return table(["parameter", "where", "type", "what"], rows) if rows else ""


def fields(schema: Mapping[str, Any]) -> str:
    """What an object holds."""
    required = schema.get("required", ())
    rows = [
        (f"`{name}`", type_of(one) + ("" if name in required else ", may be left out"), _told(one))
        for name, one in schema["properties"].items()
    ]
    return table(["field", "type", "what"], rows)


def _told(one: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> str:
    default = (schema or one).get("default")
    told = " ".join(str(one.get("description", "")).split())
    return told if default in (None, [], {}) else f"{told} Default: {json.dumps(default)}."


def type_of(schema: Mapping[str, Any]) -> str:
    """A type in a few words, with a link where it is told elsewhere.

    >>> type_of({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]})
    'number from 0 or null'
    """
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(one) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {type_of(schema['items'])}" if schema.get("items") else "list"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"{type_of(values)} by name" if isinstance(values, dict) and values else "object"
    if schema.get("format") == "date":
        return "day"
    return f"{kind or 'any'}{_range(schema)}"


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    return (f" from {low:g}" if low is not None else "") + (f" to {high:,.0f}" if high is not None else "")


def name_of(reference: str) -> str:
    """The name of a type that is referred to."""
    return reference.removeprefix(_REF)


def referred(part: Any) -> Iterable[str]:
    """Names of types that a part of the document refers to, in the order in which they stand."""
    if isinstance(part, Mapping):
        if isinstance(part.get("$ref"), str) and part["$ref"].startswith(_REF):
            yield name_of(part["$ref"])
        for inner in part.values():
            yield from referred(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from referred(inner)


def pretty(value: Any, indent: int = 0) -> str:
    """JSON in which what fits on a line stands on one.

    >>> pretty({"a": [1, 2], "b": {"c": 3}})
    '{"a": [1, 2], "b": {"c": 3}}'
    >>> pretty({"a": "x" * WIDTH, "b": [1]}).replace("x", "").splitlines()
    ['{', '  "a": "",', '  "b": [1]', '}']
    """
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    space, inner = " " * indent, " " * (indent + 2)
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + pretty(one, indent + 2) for one in value) + f"\n{space}]"
    parts = (f"{inner}{json.dumps(name, ensure_ascii=False)}: {pretty(one, indent + 2)}" for name, one in value.items())
    return "{\n" + ",\n".join(parts) + f"\n{space}}}"
