"""What an answer over HTTP costs: ratios against its handler, a plain BentoML service and bare HTTP, in one run.

    python benchmarks/http.py [--quick] [--json] [--soak MINUTES]

The company and its model are made up (`benchmarks/parts/http_world.py`): some 1,100 customers, 160 encoded columns,
three components of 300 trees of 31 leaves. Each server is a process of its own that has read the same model
(`benchmarks/parts/services.py`): Leap's service as `leap serve` starts it; a plain BentoML service as its
documentation shows it, with pandas and `pred_contrib`, by its defaults and with four threads; and bare Starlette under
uvicorn, which parses the body and answers bytes that never change. Before anything is measured, plain and Leap are
asked the same: what both say differs by at most 1e-6.

Load comes from `wrk` with one thread where that is installed, else from `benchmarks/parts/load.py`, in a closed loop:
POST /v1/score with one account by all of its features and five reasons, another one each time. The servers of a ratio
take turns; a ratio is the median of the ratios of the turns, and the handler (called in a process like the server's,
from the parsed body to the bytes of the answer) takes its turn beside them. All of it runs on one machine: with two
cores, a server has one and the load the other. On a machine that others load too, the ratios in CPU seconds of the
server's processes (`..._cpu`) tell more than those by the clock.

Overload: four times what it gets done at most becomes due every second, in an open loop. Recovered is the service once
single requests of half a second in a row are as quick as before, times 1.5 at p95. Health is looked at every 20 ms on
a connection of its own. `--soak` loads a service with mixed requests at 70 % of what it gets done, while another
version goes live every 20 seconds, and prints what became of memory, open files and times; nothing else is measured
then.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Instead of this folder, in which Python would find this file for its own `http`.
others = [p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

import argparse  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping, Sequence  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.contributions import Report  # noqa: E402
from benchmarks.features import machine, slope  # noqa: E402
from benchmarks.parts import load, services  # noqa: E402
from benchmarks.parts.hostile import KINDS  # noqa: E402
from benchmarks.parts.services import Handler, Server  # noqa: E402
from benchmarks.parts.soak import soak  # noqa: E402

ONE = "one_by_features"
SAME = 1e-6
CONNECTIONS = (1, 8, 32)
HEALTH_EVERY = 0.02


@dataclass(frozen=True)
class Size:
    """How much is made and how long is measured; `seconds` are those of a turn."""

    trained: int
    served: int
    trees: int
    turns: int
    seconds: float
    calls: int
    overload: float
    after: float
    hostile: float
    starts: int


FULL = Size(300, 1_700, 300, 7, 2.0, 300, 10.0, 12.0, 5.0, 3)
QUICK = Size(300, 1_700, 300, 3, 1.0, 150, 10.0, 8.0, 3.0, 2)
TINY = Size(150, 220, 8, 1, 1.0, 5, 1.0, 2.0, 1.0, 1)
"""Shows that everything runs, and nothing of speed."""


@dataclass
class Bench:
    """The servers that run, and what is asked of them."""

    folder: Path
    size: Size
    report: Report
    leap: Server
    handler: Handler
    others: Mapping[str, Server]

    def file(self, name: str) -> Path:
        """A file of requests."""
        return self.folder / "requests" / f"{name}.txt"

    def kept(self, name: str, found: Sequence[Mapping[str, Any]], *figures: str) -> None:
        """Medians of the turns, for whoever wants more than a ratio."""
        self.report.seconds[name] = {
            figure: float(f"{statistics.median(each[figure] for each in found):.4g}") for figure in figures
        }


def ratios_of(above: Sequence[float], below: Sequence[float]) -> float:
    """The median over turns."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def good(found: dict[str, Any], what: str) -> dict[str, Any]:
    """What was found, where every answer was whole and 200."""
    if failed := load.failures(found):
        raise SystemExit(f"{what}: not every request was answered: {failed}")
    return found


# --- the same answers


def same_answers(bench: Bench, accounts: int = 24) -> None:
    """The largest difference between what the plain service and Leap say of the same accounts."""
    largest = 0.0
    bodies = [line.split("\t", 2)[2] for line in bench.file(ONE).read_text().splitlines()[:accounts]]
    for body in bodies:
        ours = answer(bench.leap, body)
        for name in ("plain", "plain_4_threads"):
            for a, b in zip(said_by_leap(ours), said_by_plain(answer(bench.others[name], body)), strict=True):
                if a[0] != b[0]:
                    raise SystemExit(f"{name} gives other reasons: {a[0]} and {b[0]}")
                largest = max(largest, abs(a[1] - b[1]))
    if largest > SAME:
        raise SystemExit(f"Leap and the plain service differ by {largest:.3g}")
    bench.report.add("difference_plain", largest, SAME, "lower", "largest difference of what both services say")


def answer(server: Server, body: str) -> Any:
    """The first score of an answer."""
    status, found = server.ask("POST", "/v1/score", body)
    if status != 200:
        raise SystemExit(f"{server.name} answered {status}: {found[:500]!r}")
    return json.loads(found)["scores"][0]


def said_by_leap(score: Any) -> list[tuple[str, float]]:
    """Names and numbers, as the plain service has them."""
    numbers = {
        "churn": score["churn"]["p"],
        "contraction": score["contraction"]["rate"],
        "expansion": score["expansion"]["rate"],
        "nrr": score["nrr"]["point"],
    }
    return [*numbers.items(), *((reason["group"], reason["nrr_points"]) for reason in score["reasons"])]


def said_by_plain(score: Any) -> list[tuple[str, float]]:
    """The same of the plain service."""
    numbers = {name: score[name] for name in ("churn", "contraction", "expansion", "nrr")}
    return [*numbers.items(), *((reason["group"], reason["nrr_points"]) for reason in score["reasons"])]


# --- one account


def one_account(bench: Bench) -> float:
    """The main request at 1, 8 and 32 connections, by every server in turn; how many a second Leap does at most."""
    servers = {"leap": bench.leap, **bench.others}
    rates = {}
    for connections in CONNECTIONS:
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
        handler = []
        for turn in range(bench.size.turns + 1):
            for name, server in servers.items():
                spent = server.cpu()
                seen = load.closed(server.port, bench.file(ONE), connections, bench.size.seconds)
                seen["cpu"] = (server.cpu() - spent) / max(1, seen["requests"])
                if name == "leap":
                    good(seen, f"leap at {connections} connections")
                if turn:
                    found[name].append(seen)
            if connections == 1:
                called = bench.handler.ask(bench.size.calls, handler=ONE)
                handler += [called] if turn else []
        for name, each in found.items():
            bench.kept(f"one_by_features_c{connections}_{name}", each, "p50", "p95", "p99", "rate", "cpu")
        if handler:
            against_handler(bench, handler, found["leap"], found["bare"])
        throughput(bench, connections, found)
        rates[connections] = statistics.median(each["rate"] for each in found["leap"])
    return max(rates.values())


def against_handler(
    bench: Bench, handler: Sequence[dict[str, Any]], leap: Sequence[dict[str, Any]], bare: Sequence[dict[str, Any]]
) -> None:
    """p50 over HTTP beside p50 of the handler, and what HTTP adds beside what it adds at least."""
    bench.kept("one_by_features_handler", handler, "p50", "p95", "p99", "cpu")
    inside, outside, floor = ([each["p50"] for each in found] for found in (handler, leap, bare))
    against = "its handler called in process, p50, one account by features with five reasons, c = 1"
    bench.report.add("one_score_p50", ratios_of(outside, inside), 1.6, "lower", against)
    spent = ratios_of([each["cpu"] for each in leap], [each["cpu"] for each in handler])
    bench.report.add("one_score_cpu", spent, 1.6, "lower", "its handler called in process, CPU of a request, c = 1")
    added = [a - b for a, b in zip(outside, inside, strict=True)]
    against = "p50 of bare Starlette: what HTTP adds to the handler, c = 1"
    bench.report.add("added_by_http", ratios_of(added, floor), 2.0, "lower", against)


def throughput(bench: Bench, connections: int, found: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Answers a second beside those of the others."""
    rate = {name: [each["rate"] for each in seen] for name, seen in found.items()}
    for name, said in (("plain", "by its defaults"), ("plain_4_threads", "with four threads")):
        against = f"plain BentoML {said}, answers a second, one account by features, c = {connections}"
        refused = sum(sum(load.failures(each).values()) for each in found[name])
        against += f"; {refused} of its answers were failures" if refused else ""
        label = f"throughput_c{connections}" + ("_threads_4" if name != "plain" else "")
        bench.report.add(label, ratios_of(rate["leap"], rate[name]), 3.5, "higher", against)
        if name == "plain":
            spent = ratios_of(*([each["cpu"] for each in found[which]] for which in (name, "leap")))
            against = f"plain BentoML {said}, CPU of a request, c = {connections}"
            bench.report.add(f"{label}_cpu", spent, 3.5, "higher", against)


# --- other requests


def other_requests(bench: Bench) -> None:
    """Seconds of each other kind of request, one at a time; of two of them beside their handlers."""
    few = min(bench.size.calls, 20)
    for name in ("one_by_id", "account", "prospect", "one_by_rows", "hundred_by_id", "hundred_by_features"):
        seen = [several(bench, name, most=few) for _ in range(max(1, bench.size.turns // 2))]
        bench.kept(f"{name}_c1", seen, "p50", "p95", "p99", "cpu")
    for name in ("one_by_id", "hundred_by_id", "hundred_by_features", "one_by_rows"):
        bench.kept(f"{name}_handler", [bench.handler.ask(few, handler=name)], "p50", "p95", "cpu")


def thousand(bench: Bench) -> None:
    """A thousand accounts in one request, beside the contributions of the same rows."""
    for name, said in (("thousand_by_id", "by id"), ("thousand_by_features", "by features")):
        found: dict[str, list[dict[str, Any]]] = {"c1": [], "kernel": [], "handler": []}
        for turn in range(bench.size.turns + 1):
            seen = (several(bench, name), bench.handler.ask(2, kernel=name), bench.handler.ask(2, handler=name))
            for kept, each in zip(found.values(), seen, strict=True):
                kept += [each] if turn else []
        for which, each in found.items():
            bench.kept(f"{name}_{which}", each, "p50", "cpu")
        against = f"the contributions kernel alone on the same rows, 1,000 accounts {said}"
        for label, figure, how in ((name, "p50", "p50 over HTTP"), (f"{name}_cpu", "cpu", "CPU of a request")):
            value = ratios_of(*([each[figure] for each in found[which]] for which in ("c1", "kernel")))
            bench.report.add(label, value, 1.3, "lower", f"{against}, {how}")


def several(bench: Bench, name: str, most: int = 2) -> dict[str, Any]:
    """A few requests, however long they take."""
    spent = bench.leap.cpu()
    seen = load.answer_of(load.own(bench.leap.port, bench.file(name), 1, 60, "--most", str(most)))
    return good(seen, name) | {"cpu": (bench.leap.cpu() - spent) / seen["requests"]}


def growth(bench: Bench) -> None:
    """From ten accounts to a thousand in one request."""
    numbers = {10: "ten", 100: "hundred", 1_000: "thousand"}
    for kind in ("by_id", "by_features"):
        found: dict[int, list[float]] = {n: [] for n in numbers}
        for turn in range(max(1, bench.size.turns // 2) + 1):
            for n, name in numbers.items():
                # As many accounts each time: CPU is counted in hundredths of a second.
                seen = several(bench, f"{name}_{kind}", most=max(2, 2_000 // n))
                found[n] += [seen["cpu"]] if turn else []
        times = {n: max(statistics.median(each), 1e-4) for n, each in found.items()}
        bench.report.seconds[f"growth_{kind}"] = {str(n): float(f"{took:.4g}") for n, took in times.items()}
        against = f"log-log slope of CPU, 10 to 1,000 accounts {kind.replace('_', ' ')} in one request"
        bench.report.add(f"slope_{kind}", slope(times), 1.05, "lower", against)


# --- hard times


def watched(bench: Bench, seconds: float, meanwhile: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What was done, and health meanwhile: looks of 20 ms, each on a connection of its own."""
    options = ("--every", str(HEALTH_EVERY), "--fresh")
    looking = load.own(bench.leap.port, bench.file("health"), 64, seconds, *options)
    done = meanwhile()
    return done, good(load.answer_of(looking), "health")


def healthy(bench: Bench, name: str, health: Mapping[str, Any], said: str) -> None:
    """p99 of health in milliseconds."""
    bench.report.seconds[f"health_{name}"] = {k: float(f"{health[k]:.4g}") for k in ("p50", "p95", "p99", "max")}
    against = f"p99 in ms of /livez and /readyz {said}"
    bench.report.add(f"health_{name}_ms", health["p99"] * 1_000, 100, "lower", against)


def hostile(bench: Bench) -> None:
    """Health under bodies that are meant to hurt, and whether the service answers afterwards."""
    said = {"large": "under bodies of 40 MB", "endless": "under endless bodies in chunks"}
    said |= {"slow": "under 50 slow bodies", "nested": "under deeply nested bodies"}
    file = str(services.ROOT / "benchmarks" / "parts" / "hostile.py")
    for kind in KINDS:
        command = [sys.executable, file, str(bench.leap.port), kind, str(bench.size.hostile)]
        attack = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        (answered, _), health = watched(bench, bench.size.hostile, attack.communicate)
        bench.report.seconds[f"answers_{kind}"] = json.loads(answered)
        healthy(bench, kind, health, said[kind])
        answer(bench.leap, bench.file(ONE).read_text().split("\n", 1)[0].split("\t", 2)[2])


def overload(bench: Bench, capacity: float) -> None:
    """Four times what it gets done, then how long until single requests are as quick as before."""
    before = load.answer_of(load.own(bench.leap.port, bench.file(ONE), 1, max(2.0, bench.size.seconds)))["p95"]
    rate, seconds = 4 * capacity, bench.size.overload

    def flood() -> tuple[dict[str, Any], dict[str, Any], float]:
        ends = time.time() + seconds
        options = ("--rate", str(rate))
        flooding = load.own(bench.leap.port, bench.file(ONE), 400, seconds, *options)
        time.sleep(max(0.0, ends - time.time()))
        after = load.own(bench.leap.port, bench.file(ONE), 1, bench.size.after, "--each")
        found = load.answer_of(flooding)
        return found, load.answer_of(after), found["began_at"] + seconds

    spent, began = bench.leap.cpu(), time.perf_counter()
    (found, after, end), health = watched(bench, seconds, flood)
    share = (bench.leap.cpu() - spent) / (time.perf_counter() - began)
    bench.report.seconds["overload"] = {
        "asked_a_second": round(rate, 1),
        "unsent": found["unsent"],
        "cpus_of_server": round(share, 2),
        "answered_200_a_second": round(found["statuses"].get("200", 0) / found["seconds"], 1),
        **{f"status_{status}": count for status, count in found["statuses"].items()},
        **{f"broken: {why}": count for why, count in found["broken"].items()},
        **{name: float(f"{found[name]:.4g}") for name in ("p50", "p95", "p99", "max") if name in found},
    }
    odd = sum(n for status, n in found["statuses"].items() if status not in ("200", "429", "503"))
    odd += sum(found["broken"].values())
    against = f"answers but 200, 429 and 503, or none, of {found['requests']:,} at {rate:,.0f} a second"
    bench.report.add("overload_broken", odd, 0, "lower", against)
    healthy(bench, "overload", health, f"at {rate:,.0f} requests a second")
    took = recovered_after(after, end, 1.5 * before)
    against = f"seconds after the overload until p95 of single requests is at most 1.5 x {before * 1_000:.3g} ms"
    if math.isinf(took):
        took, against = bench.size.after, f"{against}: not within the time it was watched"
    bench.report.add("recovery_seconds", took, 5, "lower", against)


def recovered_after(after: Mapping[str, Any], end: float, most: float, window: float = 0.5) -> float:
    """Seconds from the end of the overload to the first half second of which 95 % took so long at most."""
    begins = [max(0.0, finished - took) for finished, took, _ in after["each"]]
    times = [took if status == 200 else math.inf for _, took, status in after["each"]]
    for at, begin in enumerate(begins):
        part = [took for took, b in zip(times[at:], begins[at:], strict=True) if b < begin + window]
        if load.percentiles(part)["p95"] <= most:
            return round(max(0.0, after["began_at"] - end + begin), 3)
    return math.inf


def starts(bench: Bench) -> None:
    """From the command to the first ready, once all is compiled; memory then and after all that was measured."""
    bench.report.seconds["memory_after"] = {k: round(v, 1) for k, v in bench.leap.memory().items()}
    took, spent, memory = [], [], []
    for _ in range(bench.size.starts):
        with services.leap(bench.folder) as server:
            took.append(server.ready_after)
            spent.append(server.cpu())
            memory.append(server.memory())
    bench.report.seconds["start"] = {
        "ready": round(statistics.median(took), 2),
        "cpu": round(statistics.median(spent), 2),
    }
    bench.kept("memory_at_start", memory, "parent", "worker")
    for name in bench.others:
        kept = {k: round(v, 1) for k, v in bench.others[name].memory().items()}
        bench.report.seconds[f"memory_{name}"] = kept
    against = f"seconds from `bentoml serve` to ready, {bench.size.served:,} accounts, everything compiled"
    bench.report.add("start_to_ready", statistics.median(took), 5, "lower", against)


# --- the run


def make_world(folder: Path, size: Size) -> dict[str, Any]:
    """The company, its store and the requests, by a process whose memory goes with it."""
    file = str(services.ROOT / "benchmarks" / "parts" / "http_world.py")
    leaves = 31 if size.trees > 50 else 7
    told = ["--trained", str(size.trained), "--served", str(size.served), "--trees", str(size.trees)]
    command = [sys.executable, file, str(folder), *told, "--leaves", str(leaves)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the world could not be made:\n{done.stderr[-3000:]}")
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def run(size: Size, folder: Path) -> dict[str, Any]:
    """Measure everything."""
    report = Report()
    made = make_world(folder, size)
    report.seconds["world"] = {
        "customers": made["customers"],
        "columns": made["columns"],
        "trees": made["trees"]["churn"],
    }
    if not load.has_wrk():
        report.not_measured["wrk"] = "not installed: the load comes from benchmarks/parts/load.py"
    with ExitStack() as stack:
        leap = stack.enter_context(services.leap(folder))
        handler = stack.enter_context(services.handler(folder))
        plain = [stack.enter_context(services.plain(folder, threads)) for threads in (None, 4)]
        body = (folder / "requests" / f"{ONE}.txt").read_text().split("\n", 1)[0].split("\t", 2)[2]
        bare = stack.enter_context(services.bare(folder, leap.ask("POST", "/v1/score", body)[1]))
        others = {server.name: server for server in (*plain, bare)}
        bench = Bench(folder, size, report, leap, handler, others)
        same_answers(bench)
        capacity = one_account(bench)
        other_requests(bench)
        thousand(bench)
        growth(bench)
        hostile(bench)
        overload(bench, capacity)
        starts(bench)
    # More processes at work than cores, of which the benchmark has two or three itself: others loaded it too.
    report.seconds["machine"] = {"load_average": round(os.getloadavg()[1], 1)}
    found = {"machine": machine(), "ratios": report.ratios, "seconds": report.seconds}
    return found | {"not_measured": report.not_measured}


def run_soak(size: Size, folder: Path, minutes: float) -> dict[str, Any]:
    """Load a service for so many minutes."""
    report = Report()
    make_world(folder, size)
    soak(folder, report, minutes)
    return {"machine": machine(), "ratios": report.ratios, "seconds": report.seconds}


def main(argv: list[str] | None = None) -> int:
    """Print the ratios; as JSON with --json."""
    parser = argparse.ArgumentParser(description="What an answer over HTTP costs, as ratios.")
    parser.add_argument("--quick", action="store_true", help="three turns of a second instead of seven of two")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only load a service for so long")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args(argv)
    size = TINY if args.tiny else QUICK if args.quick else FULL
    with tempfile.TemporaryDirectory(prefix="leap-http-") as name:
        report = run(size, Path(name)) if args.soak is None else run_soak(size, Path(name), args.soak)
    if args.json:
        print(json.dumps(report))
        return 0
    print(report["machine"])
    for name, each in report["ratios"].items():
        sign = "<=" if each["better"] == "lower" else ">="
        said = "ok" if each["ok"] else "missed"
        print(f"  {name:28} {each['value']:9.4g}  aim {sign} {each['aim']:g}: {said:6}  ({each['against']})")
    for name, took in report["seconds"].items():
        print(f"  {name}: " + ", ".join(f"{what} {value:g}" for what, value in took.items()))
    for name, why in report.get("not_measured", {}).items():
        print(f"  {name}: {why}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
