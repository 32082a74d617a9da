"""Write `docs/api.md`, or take new answers for its examples from running services first.

    python -m serving.reference
    python -m serving.reference cncf=http://127.0.0.1:3000 demo=http://127.0.0.1:3001

`cncf` answers for examples/cncf_members, `demo` for what `leap demo` makes, with two versions trained.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from leap.client import Client
from serving import schemas
from serving.reference.page import PAGE, Example, examples, reference, template
from serving.reference.shortened import shortened
from serving.reference.tables import name_of, pretty


def main(argv: list[str] | None = None) -> int:
    """Take answers, if services are named, and write the page."""
    services = dict(one.split("=", 1) for one in (sys.argv[1:] if argv is None else argv))
    page = reference()
    for example in examples():
        if example.of in services:
            answer = asked(services[example.of], example)
            kind = kind_of(page.routes[example.route])
            example.file.write_text(pretty(shortened(kind, answer)) + "\n", encoding="utf-8")
    PAGE.write_text(page.written(template()), encoding="utf-8")
    return 0


def kind_of(operation: Mapping[str, Any]) -> Any:
    """The type of a route's answer."""
    return getattr(schemas, name_of(operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]))


def asked(url: str, example: Example) -> Any:
    """What a running service answers."""
    with Client(url) as client:
        return client.ask(example.address, example.body)


if __name__ == "__main__":
    raise SystemExit(main())
