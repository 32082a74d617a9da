"""The page: a template whose marks are replaced by what the OpenAPI document and the examples say.

[[routes]]                 every route in a line
[[route POST /v1/score]]   what it takes, an example with its real answer, and what it gives back
[[types]]                  every type that a request or an answer is made of
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from serving.reference.tables import fields, name_of, parameters, pretty, referred, table, type_of

DOCS = Path(__file__).parents[2] / "docs"
PAGE, FOLDER = DOCS / "api.md", DOCS / "api"
ADDRESS = "http://127.0.0.1:3000"
OF_ANOTHER = {"demo": "Of the company that `leap demo` makes, with two versions trained:"}
"""What is said before an example that the one company of most examples does not answer."""
ERROR = "ErrorAnswer"
MOST_LINES = 60
"""Of an answer that is shown without being asked for."""
_MARK = re.compile(r"^\[\[(\w+)(?: ([^\]]+))?\]\]$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A request that works, and the shortened answer of a real service."""

    id: str
    route: str
    of: str
    """Whose service answered: `cncf` (examples/cncf_members) or `demo` (leap demo)."""
    path: str = ""
    body: Mapping[str, Any] | None = None

    @property
    def address(self) -> str:
        """Path and parameters."""
        return self.path or self.route.partition(" ")[2]

    @property
    def file(self) -> Path:
        """Where its answer is kept."""
        return FOLDER / "answers" / f"{self.id}.json"

    @property
    def answer(self) -> Any:
        """The answer as kept."""
        return json.loads(self.file.read_text(encoding="utf-8"))

    @property
    def command(self) -> str:
        """As a command to be copied."""
        address = ADDRESS + self.address
        if self.body is None:
            return f"curl -s {shlex.quote(address)}"
        sent = pretty(self.body)
        return f"curl -s {shlex.quote(address)} -H 'Content-Type: application/json' -d {shlex.quote(sent)}"


def examples() -> list[Example]:
    """All of them, in the order of the page."""
    return [Example(**one) for one in json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))]


def template() -> str:
    """The page before its marks are replaced."""
    return (FOLDER / "template.markdown").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Reference:
    """The page of one OpenAPI document."""

    document: Mapping[str, Any]
    examples: Sequence[Example]

    def written(self, source: str) -> str:
        """The template with every mark replaced."""
        return _MARK.sub(lambda mark: self._part(mark[1], mark[2] or ""), source)

    @property
    def routes(self) -> dict[str, Mapping[str, Any]]:
        """Operations by method and path."""
        return {
            f"{method.upper()} {path}": operation
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }

    @cached_property
    def types(self) -> list[str]:
        """Names of all types but the error's, in the order in which routes and types first refer to them."""
        schemas, found = self.document["components"]["schemas"], dict[str, None]()
        waiting = [name for operation in self.routes.values() for name in referred(operation)]
        while waiting:
            name = waiting.pop(0)
            if name not in found and name != ERROR:
                found[name] = None
                waiting = [*referred(schemas[name]), *waiting]
        return list(found)

    def _part(self, kind: str, of: str) -> str:
        if kind == "routes":
            rows = [(f"`{route}`", operation["summary"]) for route, operation in self.routes.items()]
            return table(["route", "does"], rows)
        if kind == "route":
            return self._route(of)
        if kind == "types":
            return "\n\n".join(self._type(name) for name in self.types)
        raise ValueError(f"expected [[routes]], [[route METHOD PATH]] or [[types]], found [[{kind} {of}]]")

    def _route(self, route: str) -> str:
        operation = self.routes[route]
        parts = [_paragraph(operation["description"]), parameters(operation)]
        if body := operation.get("requestBody"):
            parts.append(f"The body is a {type_of(body['content']['application/json']['schema'])}.")
        for example in self.examples:
            if example.route == route:
                parts.append(OF_ANOTHER.get(example.of, ""))
                parts += [f"```sh\n{example.command}\n```", _answer(pretty(example.answer))]
        answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
        statuses = ", ".join(sorted(status for status in operation["responses"] if status != "200"))
        parts.append(f"The answer is a {type_of(answer)}; other statuses are {statuses}.")
        return "\n\n".join(part for part in parts if part)

    def _type(self, name: str) -> str:
        schema = self.document["components"]["schemas"][name]
        return f"### {name}\n\n{_paragraph(schema['description'])}\n\n{fields(schema)}"


def _answer(text: str) -> str:
    """JSON as it stands on the page: folded where it is long."""
    shown = f"```json\n{text}\n```"
    if text.count("\n") <= MOST_LINES:
        return shown
    return f"<details><summary>The answer, shortened</summary>\n\n{shown}\n\n</details>"


def _paragraph(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def reference() -> Reference:
    """Of this version of the service."""
    from serving.app import create_app
    from serving.live import LiveModel
    from serving.openapi import openapi

    return Reference(openapi(create_app(LiveModel())), examples())


__all__ = ["PAGE", "Example", "Reference", "examples", "name_of", "reference", "template"]
