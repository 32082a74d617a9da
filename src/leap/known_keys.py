"""The keys that an object inside a typed document may have, for messages about one that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel


def known_keys(model: type[BaseModel], location: Iterable[object]) -> list[str]:
    """The keys at a place, as its document writes them; none where the place holds no object of a type.

    >>> from pydantic import create_model
    >>> part = create_model("Part", size=(int, 0))
    >>> whole = create_model("Whole", parts=(list[part], []), by_name=(dict[str, dict[str, part]] | None, None))
    >>> known_keys(whole, ()), known_keys(whole, ("parts", 3)), known_keys(whole, ("by_name", "a", "b"))
    (['parts', 'by_name'], ['size'], ['size'])
    """
    here: Any = model
    for part in location:
        here = _inside(_bare(here), part)
    here = _bare(here)
    return [field.alias or name for name, field in here.model_fields.items()] if _is_model(here) else []


def _inside(annotation: Any, part: object) -> Any:
    """The type of a field, of an entry of a table or of an item of a list."""
    if _is_model(annotation):
        found = (f.annotation for name, f in annotation.model_fields.items() if part == (f.alias or name))
        return next(found, None)
    within = get_args(annotation)
    return within[-1] if within else None


def _bare(annotation: Any) -> Any:
    """Without what is said beside a type, and of several types the one that holds others."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if _is_model(annotation) or get_origin(annotation) in (list, tuple, dict, Mapping):
        return annotation
    return next((one for one in map(_bare, get_args(annotation)) if one is not None), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
