"""One writer at a time, and files for their owner only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from leap.errors import RegistryError
from leap.registry.records import now, printable


@dataclass
class FileLock:
    """Held by one thread of one process; the file says who it is. Whoever holds it may take it again."""

    path: Path
    wait_seconds: float
    does: str = "writes to the model store"
    """What somebody else does who holds it."""
    _threads: threading.RLock = field(default_factory=threading.RLock)
    _taken: bool = False

    @contextlib.contextmanager
    def held(self, purpose: str) -> Iterator[None]:
        """Raises RegistryError, naming the owner, if the lock is not free within the wait."""
        with self._threads:
            if self._taken:
                yield
                return
            with self._open() as descriptor:
                self._take(descriptor)
                self._sign(descriptor, purpose)
                self._taken = True
                try:
                    yield
                finally:
                    self._taken = False

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        try:
            with private():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RegistryError(
                f"{self.path.parent}: the model store cannot be written: {error.strerror}.",
                remedy="Check its permissions, or choose another one with --store.",
            ) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        began = time.monotonic()
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - began > self.wait_seconds:
                    raise self._refusal(descriptor) from None
                time.sleep(0.05)

    def _refusal(self, descriptor: int) -> RegistryError:
        owner = printable(os.pread(descriptor, 200, 0).decode(errors="replace")) or "unknown"
        return RegistryError(
            f"{self.path.parent}: another process {self.does} ({owner}); waited {self.wait_seconds:g} s.",
            remedy="Wait until it is done and run this again.",
        )

    def _sign(self, descriptor: int, purpose: str) -> None:
        # Who holds the lock is a courtesy; a full disk must not keep a rollback from happening.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{purpose}, process {os.getpid()} since {now()}".encode(), 0)


@contextlib.contextmanager
def private() -> Iterator[None]:
    """New files are for their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def alive(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_started(pid: int) -> str:
    """When a process began, in ticks, since numbers are used again; empty where it is not told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
