"""Loops compiled by numba when their module is first imported; such modules are imported late.

The compiled code is kept on disk: beside the source, else in the user's cache folder, or where `NUMBA_CACHE_DIR` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compiled at the first call and kept on disk; only in memory where no folder for that can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except (RuntimeError, OSError):
        return numba.njit(nogil=True)(function)
