"""Lines appended to files that stay within a bound, by several processes side by side."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

FILE_BYTES = 16 * 1024 * 1024
BACKUPS = 4
"""Older files kept beside the one written to: a process keeps at most 5 x 16 MiB."""
MOST_PROCESSES = 16
RETRY_SECONDS = 10.0


class BoundedFile:
    """Whole lines appended to one file of a folder, moved on when it is full; one process writes to a set of files.

    A lock file for each set keeps processes apart: workers of a service, and services on the same store; a set is taken
    over once its process has ended. The folder (0700, files 0600) is made, but not the one it lies in: a store that was
    moved away is not begun again beside it.
    """

    def __init__(self, folder: Callable[[], Path], file_bytes: int = FILE_BYTES, backups: int = BACKUPS) -> None:
        self._folder, self._file_bytes, self._backups = folder, file_bytes, backups
        self._lock: int | None = None
        self._out: int | None = None
        self._path = Path()
        self._size = 0
        self._retry_at = 0.0

    def append(self, line: bytes) -> None:
        """Write a line; OSError if the disk does not take it, and for some seconds after that without trying."""
        if time.monotonic() < self._retry_at:
            raise OSError(errno.EAGAIN, "waiting before the next attempt")
        try:
            self._append(line)
        except OSError:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            self.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        self._close_file()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _append(self, line: bytes) -> None:
        out = self._opened()
        if self._size and self._size + len(line) > self._file_bytes:
            self._move_on()
            out = self._opened()
        written = os.write(out, line)
        if written < len(line):  # the disk is full: take the torn line back
            os.ftruncate(out, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _opened(self) -> int:
        if self._out is not None and self._still_there(self._out):
            return self._out
        self.close()
        folder = self._folder()
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        self._path, self._lock = _free_set(folder)
        out = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._out = out
        os.fchmod(out, 0o600)
        self._size = os.fstat(out).st_size
        if self._size and os.pread(out, 1, self._size - 1) != b"\n":
            self._size += os.write(out, b"\n")  # a process ended mid-line: what it tore stays a line of its own
        return out

    def _still_there(self, out: int) -> bool:
        """Whether the open file is still the one of that name: somebody may have taken the folder away."""
        try:
            named, opened = self._path.stat(), os.fstat(out)
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)

    def _move_on(self) -> None:
        self._close_file()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._backups + 1))]
        for newer, older in reversed(list(pairwise(names))):
            if newer.exists():
                newer.replace(older)

    def _close_file(self) -> None:
        if self._out is not None:
            os.close(self._out)
            self._out = None


def _free_set(folder: Path) -> tuple[Path, int]:
    """The first set of files that no running process writes to, and its lock."""
    from leap.scoring.records import current_file  # takes seconds to import, and by now a model is loaded

    for number in range(MOST_PROCESSES):
        path = folder / current_file(number)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return path, lock
    raise OSError(errno.EBUSY, f"{MOST_PROCESSES} processes write here already")
