"""Real answers made short enough to be read, and what in them no type tells of."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

ENTRIES = 1
"""Entries of a list that are kept."""
NAMES = 2
"""Names that are kept where names are not fixed by a type."""
DIGITS = 4


def shortened(kind: Any, value: Any) -> Any:
    """The same answer with the first entry of lists, the first two names of tables by name, and rounded numbers.

    Every field that its type names is kept, so that it still fits.

    >>> shortened(dict[str, list[float]], {"a": [0.123456, 2.0], "b": [], "c": []})
    {'a': [0.1235], 'b': []}
    """
    if isinstance(value, dict):
        fields = _fields(kind, value)
        if fields is not None:
            return {name: shortened(fields.get(name), part) for name, part in value.items()}
        return {name: shortened(_inner(kind, dict), part) for name, part in list(value.items())[:NAMES]}
    if isinstance(value, list):
        return [shortened(_inner(kind, list), part) for part in value[:ENTRIES]]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if abs(value) < 10 ** (DIGITS - 1) else round(value, 2)
    return value


def undeclared(kind: Any, value: Any, place: str = "") -> Iterator[str]:
    """Names in an answer that its type does not tell of, where it has a type.

    >>> class Person(BaseModel):
    ...     name: str
    >>> list(undeclared(list[Person], [{"name": "Ann", "age": 3}]))
    ['[].age']
    """
    if isinstance(value, dict):
        fields = _fields(kind, value)
        for name, part in value.items():
            if fields is None:
                yield from undeclared(_inner(kind, dict), part, f"{place}.*")
            elif name in fields:
                yield from undeclared(fields[name], part, f"{place}.{name}")
            else:
                yield f"{place}.{name}"
    elif isinstance(value, list):
        for part in value:
            yield from undeclared(_inner(kind, list), part, f"{place}[]")


def _choices(kind: Any) -> list[Any]:
    """The types that a union is of."""
    if get_origin(kind) is Annotated:
        return _choices(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [one for choice in get_args(kind) for one in _choices(choice)]
    return [kind]


def _fields(kind: Any, value: dict[str, Any]) -> dict[str, Any] | None:
    """Types of the fields of an object by their names in JSON; None if it has no type of its own."""
    for choice in _choices(kind):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return {field.alias or name: field.annotation for name, field in choice.model_fields.items()}
    return None


def _inner(kind: Any, container: type) -> Any:
    for choice in _choices(kind):
        if get_origin(choice) is container:
            return get_args(choice)[-1]
    return None
