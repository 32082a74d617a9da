"""Where two documents differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Where two documents differ: numbers by more than 1e-9, all else at all."""
    if isinstance(one, dict) and isinstance(other, dict):
        yield from (f"{where}.{name} is there once" for name in one.keys() ^ other.keys())
        for name in one.keys() & other.keys():
            yield from differences(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}[{i}]")
    elif isinstance(one, float) and isinstance(other, int | float) and not isinstance(other, bool):
        if not abs(one - other) <= 1e-9:
            yield f"{where}: {one!r} is not {other!r}"
    elif one != other or type(one) is not type(other):
        yield f"{where}: {one!r} is not {other!r}"
