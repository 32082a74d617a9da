"""Loops compiled by numba when their module is first imported; such modules are imported late.

The compiled code is kept on disk: where `NUMBA_CACHE_DIR` says, else beside the source, else in the user's cache
folder, else only in memory. What lies there may be damaged, of another version of the source, or written by two
processes at once: then it is compiled anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.sigutils import normalize_signature

_IMPORTS = re.compile(r"^from (leap(?:\.\w+)+) import", re.MULTILINE)


def compiled(function: Callable[..., Any]) -> Any:
    """Compiled at the first call and kept on disk; only in memory where no folder for that can be written."""
    loop: Any = numba.njit(nogil=True)(function)
    with suppress(RuntimeError, OSError):
        loop._cache = _Kept(function)
    return loop


def folder_of(loop: Any) -> str | None:
    """Where the code of a compiled loop is kept; None where it is only in memory."""
    return loop._cache.cache_path if isinstance(loop._cache, _Kept) else None


class _Kept(FunctionCache):
    """Numba's cache of one function, which raises where a file is unreadable and looks at the function's own file only.

    A loop holds the code of the loops that it calls and the constants that it imports: it is as old as the youngest.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file = IndexDataCacheFile(  # type: ignore[no-untyped-call]
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=fingerprint(Path(function.__code__.co_filename)),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        numba_own: Any = super()
        try:
            found = numba_own.load_overload(sig, target_context)
        except Exception:
            return None
        # Two processes that begin with an empty folder may give code of different types one name.
        types: Any = normalize_signature
        return found if found is not None and tuple(found.signature.args) == tuple(types(sig)[0]) else None

    def save_overload(self, sig: Any, data: Any) -> None:
        numba_own: Any = super()
        try:
            numba_own.save_overload(sig, data)
        except Exception:
            with suppress(Exception):
                numba_own.flush()
                numba_own.save_overload(sig, data)


def fingerprint(file: Path) -> str:
    """SHA-256 of a module and of those of its folder that it imports, directly or not."""
    seen, waiting = set[Path](), [file]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += _imported(here)
    return hashlib.sha256(b"\0".join(_content(one) for one in sorted(seen))).hexdigest()


def _imported(file: Path) -> list[Path]:
    names = _IMPORTS.findall(_content(file).decode(errors="replace"))
    beside = [file.with_name(f"{name.rpartition('.')[2]}.py") for name in names]
    return [one for one in beside if one.is_file()]


@cache
def _content(file: Path) -> bytes:
    return file.read_bytes()
