"""The JSON document of a bundle, whatever kind of model it holds: plain numbers only, and which kind it is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.errors import BundleError

FORMAT: Final = 1
DOCUMENT: Final = "bundle.json"
ACCOUNTS: Final = "accounts"
FLAT: Final = "flat"

_WORDS = {
    ACCOUNTS: "a model of accounts with revenue (churn, contraction, expansion, NRR, ICPs)",
    FLAT: "a model of a flat table (shape snapshot): one outcome, no MRR, NRR or ICPs",
}
_REMEDIES = {
    ACCOUNTS: "For a flat table: leap train, score, explain, models, promote and rollback. "
    "Else choose another --version or --store, or train on a table with role 'revenue'.",
    FLAT: "Choose another --version or --store, or train one for this workspace (leap train DIR --promote).",
}


def read_document(found: Mapping[str, bytes], kind: str, keys: tuple[str, ...]) -> dict[str, Any]:
    """The document among a bundle's files; BundleError unless it is of this format and kind and has all keys."""
    document = _parsed(found)
    if _kind(document) != kind:
        raise BundleError(
            f"{DOCUMENT}: expected {_WORDS[kind]}, found {_WORDS[_kind(document)]}.", remedy=_REMEDIES[kind]
        )
    missing = [key for key in keys if key not in document]
    if missing:
        raise BundleError(f"{DOCUMENT}: missing key(s) {missing}.")
    return document


def kind_of(found: Mapping[str, bytes]) -> str:
    """`accounts` or `flat`: what kind of model a bundle's files hold."""
    return _kind(_parsed(found))


def _parsed(found: Mapping[str, bytes]) -> dict[str, Any]:
    if DOCUMENT not in found:
        raise BundleError(f"{DOCUMENT} is missing; found {sorted(found)}.")
    try:
        document = json.loads(found[DOCUMENT], parse_constant=_refuse_constant)
    except ValueError as error:
        raise BundleError(f"{DOCUMENT}: not a bundle: {type(error).__name__}: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BundleError(f"{DOCUMENT}: expected format {FORMAT}.")
    return document


def _kind(document: Mapping[str, Any]) -> str:
    kind = document.get("kind", ACCOUNTS)
    if kind not in (ACCOUNTS, FLAT):
        raise BundleError(f"{DOCUMENT}: expected kind {ACCOUNTS!r} or {FLAT!r}, found {kind!r}.")
    return str(kind)


def written(document: Mapping[str, Any]) -> bytes:
    """The document as stored: the same bytes for the same content, NaN and infinities as null."""
    return json.dumps(plain(document), indent=1, sort_keys=True, allow_nan=False).encode()


def plain(value: Any) -> Any:
    """JSON-ready: NaN and infinities become null, numpy scalars plain numbers."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plain_cell(value: Any) -> Any:
    """A cell of a feature frame as JSON has it; missing is null."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value if isinstance(value, str) else float(value)


def _refuse_constant(name: str) -> float:
    raise BundleError(f"{DOCUMENT}: {name} is no number here; expected finite numbers.")
