"""The files that a worker process keeps its metrics in: one a kind, in the folder named by `PROMETHEUS_MULTIPROC_DIR`.

`prometheus_client` maps them into memory. A file that grows on a full disk then ends the process (SIGBUS), so the room
is taken at the start; and the gauges of a worker that was killed count on until somebody takes its files away.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY = "leap-metrics-"
KIB = 1024
ROOM = {
    "counter": 256 * KIB,
    "histogram": 1024 * KIB,
    **{f"gauge_{mode}": 64 * KIB for mode in ("all", "livesum", "livemax", "livemin")},
}
"""Bytes by kind: enough for every label there can be, with room for BentoML's own."""


def prepare_folder(environment: MutableMapping[str, str]) -> None:
    """Clear up after workers that have ended and take the room for this one, in memory if the disk has none."""
    folder = environment.get(FOLDER, "")
    if not folder:
        return
    forget_ended_processes(Path(folder))
    if not take_room(Path(folder), os.getpid()):
        memory = Path("/dev/shm")  # noqa: S108 - only where a folder of its own is made
        environment[FOLDER] = tempfile.mkdtemp(prefix=IN_MEMORY, dir=memory if memory.is_dir() else None)
        atexit.register(give_memory_back, environment)
        take_room(Path(environment[FOLDER]), os.getpid())


def give_memory_back(environment: MutableMapping[str, str]) -> None:
    """Take away a folder that was made in memory: a server that ends by a signal does not come to `atexit`."""
    folder = Path(environment.get(FOLDER, ""))
    if folder.name.startswith(IN_MEMORY):
        shutil.rmtree(folder, ignore_errors=True)


def take_room(folder: Path, pid: int) -> bool:
    """Make the files of a process with all the room they will need; whether there was so much."""
    files = [folder / f"{kind}_{pid}.db" for kind in ROOM]
    try:
        for file, size in zip(files, ROOM.values(), strict=True):
            with file.open("ab") as out:
                os.posix_fallocate(out.fileno(), 0, size)
    except OSError:
        for file in files:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        return False
    return True


def forget_ended_processes(folder: Path) -> None:
    """Take the gauges of workers that were killed out of the sums: nobody else does."""
    if not Path("/proc/self").exists():
        return
    for file in folder.glob("gauge_live*_*.db"):
        found = re.fullmatch(r"gauge_live[a-z]+_(\d+)\.db", file.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            with suppress(OSError):
                file.unlink(missing_ok=True)
