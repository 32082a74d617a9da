"""Names imported inside functions, which only their call would miss, exist."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("leap", "serving", "training")


def imported() -> Iterator[tuple[str, str, str]]:
    """Where, from which module and which name, of every `from ... import` between parts of the project."""
    for folder in ("src/leap", "serving", "training"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and not node.level and str(node.module).split(".")[0] in OURS:
                    for alias in node.names:
                        yield f"{file.relative_to(ROOT)}:{node.lineno}", str(node.module), alias.name


def test_every_name_that_one_module_takes_from_another_is_there() -> None:
    missing = [
        f"{where}: {name} of {module}"
        for where, module, name in imported()
        if not hasattr(import_module(module), name) and find_spec(f"{module}.{name}") is None
    ]
    assert missing == []
