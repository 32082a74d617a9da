"""Finished JSON of scores that stay as they are: made when first asked for or ahead, and kept up to so many bytes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence

MOST_BYTES = 64 * 2**20
"""About seven thousand scores with their five main reasons."""
_AHEAD_AT_ONCE = 20
"""Made ahead between two pauses, in a few milliseconds."""


class Fragments:
    """Finished scores by the position of their row; safe for threads, and only ever of one table of scores.

    Once the bound is reached nothing more is kept, and nothing makes room: whoever reads all accounts in turn would
    otherwise find each of them just gone.
    """

    def __init__(self, made: Callable[[Sequence[int]], Iterable[bytes]], most_bytes: int = MOST_BYTES) -> None:
        self._made, self._most = made, most_bytes
        self._kept: dict[int, bytes] = {}
        self._adding = threading.Lock()
        self.bytes = 0
        """How much is kept."""

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, rows: Sequence[int]) -> list[bytes]:
        """The scores of rows, in their order."""
        found = [self._kept.get(i) for i in rows]
        missing = list(dict.fromkeys(i for i, fragment in zip(rows, found, strict=True) if fragment is None))
        if not missing:
            return [fragment for fragment in found if fragment is not None]
        made = dict(zip(missing, self._made(missing), strict=True))
        self._keep(made)
        return [made[i] if fragment is None else fragment for i, fragment in zip(rows, found, strict=True)]

    def make_ahead(self, rows: Sequence[int], seconds: float) -> int:
        """Make the scores of rows in this order until the time is over or the bound reached; how many are kept then.

        Half of the time is left to others, who may be waiting for an answer of the model that is still live.
        """
        until = time.monotonic() + seconds
        for start in range(0, len(rows), _AHEAD_AT_ONCE):
            began = time.monotonic()
            if began >= until or self.bytes >= self._most:
                break
            self.of(rows[start : start + _AHEAD_AT_ONCE])
            time.sleep(min(time.monotonic() - began, max(until - time.monotonic(), 0.0)))
        return len(self)

    def _keep(self, made: dict[int, bytes]) -> None:
        with self._adding:
            for i, fragment in made.items():
                if i not in self._kept and self.bytes + len(fragment) <= self._most:
                    self._kept[i] = fragment
                    self.bytes += len(fragment)
