"""The JSON document of a bundle, whatever kind of model it holds: plain numbers only, and which kind it is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.bundle.files import sha256, unique_keys
from leap.errors import BundleError

FORMAT: Final = 1
DOCUMENT: Final = "bundle.json"
ACCOUNTS: Final = "accounts"
FLAT: Final = "flat"
SEAL: Final = "seal"
_LONGEST_INTEGER = 18

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
    if SEAL in document:
        _require_seal(document.pop(SEAL), document, found)
    return document


def kind_of(found: Mapping[str, bytes]) -> str:
    """`accounts` or `flat`: what kind of model a bundle's files hold."""
    return _kind(_parsed(found))


def _parsed(found: Mapping[str, bytes]) -> dict[str, Any]:
    if DOCUMENT not in found:
        raise BundleError(f"{DOCUMENT} is missing; found {sorted(found)}.")
    try:
        # Decoded here: json would take UTF-16 and a byte order mark for what was written too.
        document: dict[str, Any] = json.loads(
            found[DOCUMENT].decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
            object_pairs_hook=unique_keys,
        )
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{DOCUMENT}: not a bundle: {type(error).__name__}: {error}.") from error
    found_format = document.get("format") if isinstance(document, dict) else None
    if found_format != FORMAT or isinstance(found_format, bool | float):
        raise BundleError(f"{DOCUMENT}: expected format {FORMAT}.")
    return document


def _kind(document: Mapping[str, Any]) -> str:
    kind = document.get("kind", ACCOUNTS)
    if kind not in (ACCOUNTS, FLAT):
        raise BundleError(f"{DOCUMENT}: expected kind {ACCOUNTS!r} or {FLAT!r}, found {kind!r}.")
    return str(kind)


def written(document: Mapping[str, Any], texts: Mapping[str, bytes]) -> bytes:
    """The document as stored: the same bytes for the same content, NaN and infinities as null.

    Its `seal` holds checksums of the rest of it and of the texts that belong to it. The manifest has those of the files
    as they are: whoever edits one file and its line of the manifest leaves a bundle whose parts are not of one making,
    and golden rows reach neither every leaf nor intervals and profiles.
    """
    body = plain(document)
    seal = {"document": _checksum(body), "files": {name: sha256(texts[name]) for name in sorted(texts)}}
    return json.dumps({**body, SEAL: seal}, indent=1, sort_keys=True, allow_nan=False).encode()


def _require_seal(seal: object, document: Mapping[str, Any], found: Mapping[str, bytes]) -> None:
    texts = {name: sha256(content) for name, content in found.items() if name != DOCUMENT}
    sealed = seal.get("files") if isinstance(seal, dict) else None
    if not isinstance(sealed, dict) or set(sealed) != set(texts):
        raise BundleError(
            f"{DOCUMENT}: its seal does not name the files beside it; expected {sorted(texts)}, "
            f"found {sorted(map(str, sealed)) if isinstance(sealed, dict) else 'none'}.",
            remedy=_NOT_OF_ONE_MAKING,
        )
    changed = [name for name in sorted(texts) if texts[name] != sealed[name]]
    if isinstance(seal, dict) and seal.get("document") != _checksum(document):
        changed.insert(0, DOCUMENT)
    if changed:
        raise BundleError(
            f"{', '.join(changed[:3])}: changed after the bundle was made, with the manifest mended.",
            details=changed,
            remedy=_NOT_OF_ONE_MAKING,
        )


_NOT_OF_ONE_MAKING = "Its parts are not those that were trained together; restore the bundle, or train anew."


def _checksum(document: Mapping[str, Any]) -> str:
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


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


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BundleError(f"{DOCUMENT}: {text[:40]} is beyond what a number can be here.")
    return number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER + 1:
        raise BundleError(f"{DOCUMENT}: a whole number of {len(text)} digits; expected at most {_LONGEST_INTEGER}.")
    return int(text)


def _refuse_constant(name: str) -> float:
    raise BundleError(f"{DOCUMENT}: {name} is no number here; expected finite numbers.")


def own_file(part: str, expected: str, named: object) -> str:
    """The file of a part's trees: the one that `structure` has read under its own name, and no other."""
    if named != expected:
        raise BundleError(f"{DOCUMENT}: the trees of {part} stand in {expected}, found {named!r}.")
    return expected


def require_no_others(found: Mapping[str, bytes], named: Sequence[str]) -> None:
    """BundleError if there are files that no part of the document names."""
    others = sorted(set(found) - {DOCUMENT, *named})
    if others:
        raise BundleError(
            f"{DOCUMENT}: {len(others)} file(s) belong to no part of it: {others[:3]}.",
            details=others,
            remedy="A bundle holds what it needs and nothing else; restore it, or train anew.",
        )


def require_objects(document: Mapping[str, Any], keys: Sequence[str]) -> None:
    """BundleError unless these parts, which nothing else reads while loading, are JSON objects."""
    wrong = [key for key in keys if not isinstance(document[key], dict)]
    if wrong:
        raise BundleError(
            f"{DOCUMENT}: expected an object under {wrong[0]!r}, found {type(document[wrong[0]]).__name__}."
        )


def text_of(found: Mapping[str, bytes], name: str) -> str:
    """The text of one of the files; BundleError that names it."""
    if name not in found:
        raise BundleError(f"{name} is missing; found {sorted(found)}.")
    try:
        return found[name].decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleError(f"{name}: expected UTF-8 text ({error.reason} at byte {error.start}).") from error
