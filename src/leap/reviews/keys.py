"""Keys of rules that stay the same when profiles are numbered anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

_DIGITS: Final = 10


def key_of(conditions: Iterable[Mapping[str, Any]]) -> str:
    """The short key of a rule, made of feature, operator and value of its conditions, in whatever order they stand.

    Words, labels, ids and evidence do not enter, so the key of a rule is the same in every version that measures it.

    >>> small, shop = {"feature": "staff", "op": "<", "value": 50}, {"feature": "kind", "op": "==", "value": "shop"}
    >>> key_of([small, shop]) == key_of([shop, {**small, "value": 50.0, "label": "Staff"}])
    True
    >>> key_of([small]) == key_of([{**small, "value": 60}])
    False
    >>> key_of([small])
    'rd91bb8effa'
    """
    parts = sorted([str(c["feature"]), str(c["op"]), _value(c["op"], c["value"])] for c in conditions)
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return "r" + hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _value(op: str, value: object) -> str:
    """One spelling of a value: 50 and 50.0 are the same, and so are categories in another order."""
    if isinstance(value, bool | str) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return repr(float(value))
    parts = [_value("==", part) for part in value]  # type: ignore[attr-defined]
    return json.dumps(sorted(parts) if op in ("in", "not in") else parts)
