"""How much of a source may be held in memory, so that one that lies about its size is refused instead of killing us."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from leap.errors import SourceError

_SHARE = 0.5
"""Of the free memory, for one table: its conversion holds a second copy of some columns for a moment."""


def free_bytes() -> int:
    """Memory that could be used now: what the system calls available, or less where a container is limited."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):  # no limit, or another system
        kept = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        files = int(kept["inactive_file"]) + int(kept["active_file"])  # given back when memory is short
        used = int((group / "memory.current").read_text()) - files
        found.append(int((group / "memory.max").read_text()) - used)
    return max(min(found), 0)


@dataclass
class Budget:
    """Bytes that a table may still take; `what` names it in the refusal."""

    what: str
    most: int = field(default_factory=lambda: int(_SHARE * free_bytes()))
    taken: int = 0

    def require(self, needed: int, found: str) -> None:
        """SourceError if as many bytes more than those taken would be too much; `found` says where the need shows."""
        if self.taken + needed > self.most:
            raise SourceError(
                f"{self.what}: {found}: about {in_words(self.taken + needed)} of memory, of which "
                f"{in_words(self.most)} may be used for one table.",
                remedy="Export fewer columns or rows (a table may be summed up by day), or use a larger machine.",
            )

    def take(self, size: int, found: str) -> None:
        """Count bytes that are held now."""
        self.require(size, found)
        self.taken += size


def in_words(size: int) -> str:
    """Bytes for people.

    >>> in_words(3_400_000), in_words(12_345_678_901)
    ('3.4 MB', '12.3 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
