"""A service under steady mixed load for minutes, while one version after the other goes live."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contributions import Report
from benchmarks.parts import load, services
from benchmarks.parts.services import Server

MIXTURE: Mapping[str, int] = {
    "one_by_features": 120,
    "one_by_id": 50,
    "account": 50,
    "prospect": 20,
    "ten_by_features": 8,
    "hundred_by_id": 4,
    "health": 10,
    "one_by_rows": 1,
    "hundred_by_features": 1,
}
"""How many of each kind of request in a round, whose order is shuffled once."""
SHARE = 0.7
LOOK_EVERY = 1.0
VERSIONS = {"1", "2"}


@dataclass
class Watch:
    """Looks at a server's memory and open files every second, and makes another version live now and then."""

    server: Server
    store: Path
    every: float
    seconds: float
    looks: list[tuple[float, float, int]] = field(default_factory=list)
    """Seconds since the beginning, MB of all processes, and open files."""
    switches: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until the time is over."""
        began = time.monotonic()
        due = self.every
        while (now := time.monotonic() - began) < self.seconds:
            self.looks.append((now, sum(self.server.memory().values()), self.server.open_files()))
            if now >= due and now < self.seconds - 5:
                due += self.every
                self._switch(now)
            time.sleep(LOOK_EVERY)

    def _switch(self, now: float) -> None:
        """Roll back (champion and previous change places), or promote the other one by its number, in turn."""
        number = len(self.switches)
        command = ["rollback"] if number % 2 == 0 else ["promote", "2" if number % 4 == 1 else "1"]
        told = [sys.executable, "-m", "training", *command, "--store", str(self.store), "--json"]
        settings = {**os.environ, **services.QUIET}
        done = subprocess.run(told, cwd=services.ROOT, env=settings, capture_output=True, text=True, check=False)
        if done.returncode:
            self.failed.append(f"{' '.join(command)}: {done.stdout[-300:]}{done.stderr[-300:]}")
        self.switches.append(now)


def mixed(folder: Path) -> Path:
    """A file of all kinds of requests in the mixture, in a random order that is always the same."""
    lines: list[str] = []
    for name, number in MIXTURE.items():
        own = (folder / "requests" / f"{name}.txt").read_text().splitlines()
        lines += [own[i % len(own)] for i in range(number * 4)]
    random.Random(0).shuffle(lines)
    file = folder / "requests" / "mixed.txt"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def soak(folder: Path, report: Report, minutes: float, every: float = 20.0, share: float = SHARE) -> None:
    """Measure it; the ratios say what failed, which versions answered, and what grew."""
    file, seconds = mixed(folder), minutes * 60
    with services.leap(folder) as server:
        warm = max(5.0, min(20.0, seconds / 30))
        capacity = load.answer_of(load.own(server.port, file, 8, warm))["rate"]
        rate = share * capacity
        watch = Watch(server, folder / "store", every, seconds)
        watching = threading.Thread(target=watch.run)
        asking = load.own(server.port, file, 64, seconds, "--rate", str(rate), "--versions", "--each")
        watching.start()
        found = load.answer_of(asking)
        watching.join()
        live = json.loads(server.ask("GET", "/readyz")[1])
    report.seconds["soak"] = {
        "minutes": minutes,
        "capacity_a_second": round(capacity, 1),
        "asked_a_second": round(rate, 1),
        "requests": found["requests"],
        "versions_made_live": len(watch.switches),
        **{f"answers_of_version_{version}": count for version, count in sorted(found["versions"].items())},
        **{name: float(f"{found[name]:.4g}") for name in ("p50", "p95", "p99", "max")},
        "final_version": int((live["model"] or {"version": 0})["version"]),
    }
    judge(report, found, watch)


def judge(report: Report, found: Mapping[str, Any], watch: Watch) -> None:
    """Ratios of what was found."""
    failed = sum(load.failures(found).values())
    said = "".join(f", {count} {why}" for why, count in load.failures(found).items())
    against = f"requests without a whole answer of status 200, of {found['requests']:,}{said}"
    report.add("soak_failed", failed, 0, "lower", against)
    report.add("soak_failed_switches", len(watch.failed), 0, "lower", f"of {len(watch.switches)}; {watch.failed[:2]}")
    strange = sum(count for version, count in found["versions"].items() if version not in VERSIONS)
    report.add("soak_strange_versions", strange, 0, "lower", "answers of a version that is none")
    answered = len(VERSIONS & set(found["versions"]))
    report.add("soak_versions", answered, len(VERSIONS), "higher", "versions that answered")
    memory = [(at, megabytes) for at, megabytes, _ in watch.looks]
    early, late = between(memory, 0.1, 0.2, watch.seconds), between(memory, 0.9, 1.0, watch.seconds)
    report.seconds["soak_memory"] = {"early": round(early, 1), "late": round(late, 1)}
    report.add("soak_memory", late / early, 1.05, "lower", "RSS of the first tenth's end, MB of all processes")
    files = [(at, float(number)) for at, _, number in watch.looks]
    early, late = between(files, 0.1, 0.2, watch.seconds), between(files, 0.9, 1.0, watch.seconds)
    report.seconds["soak_open_files"] = {"early": early, "late": late}
    report.add("soak_open_files", late - early, 0, "lower", f"more open files at the end than {early:g}, sockets aside")
    first, last = (slice_p99(found["each"], begin, end, watch.seconds) for begin, end in ((0.0, 0.2), (0.8, 1.0)))
    report.seconds["soak_p99"] = {"first_fifth": float(f"{first:.4g}"), "last_fifth": float(f"{last:.4g}")}
    report.add("soak_p99", last / first, 1.2, "lower", "p99 of the first fifth")


def between(points: Sequence[tuple[float, float]], begin: float, end: float, whole: float) -> float:
    """The median of what was seen in a part of the time; the nearest where there was no look."""
    part = [value for at, value in points if begin * whole <= at <= end * whole]
    if part:
        return statistics.median(part)
    return min(points, key=lambda point: abs(point[0] - (begin + end) / 2 * whole))[1]


def slice_p99(each: Sequence[Sequence[float]], begin: float, end: float, whole: float) -> float:
    """p99 of the requests that were answered in a part of the time."""
    part = [took for finished, took, *_ in each if begin * whole <= finished < end * whole]
    return load.percentiles(part)["p99"] if part else 0.0
