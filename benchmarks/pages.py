"""What the accounts page costs, and its files, with 1,000 accounts and with 100,000 beside each other.

    python benchmarks/pages.py [--quick] [--json]

A made-up company's customers are repeated until there are enough (`benchmarks/parts/many_accounts.py`): real scores
with real reasons. Pages are asked through the application and its guard in this process, one after another: CPU time
of a page, a search, filters, an order not seen before, and the last page; medians of turns. Files are read to their
end: CPU seconds, bytes, the most memory that Python holds more while one is made (`tracemalloc`, in a run of its own),
and how long `/livez` takes meanwhile, looked at every 10 ms on the same event loop. `index_megabytes` is what the index
of all accounts keeps. `--quick`: 20,000 accounts instead of 100,000, and smaller trees.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
others = [path for path in sys.path if Path(path).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

import argparse  # noqa: E402
import asyncio  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
import tracemalloc  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.contributions import Report  # noqa: E402
from benchmarks.features import machine  # noqa: E402
from benchmarks.parts.many_accounts import of_many, scored  # noqa: E402
from leap.scoring.account_index import AccountIndex  # noqa: E402
from serving.access import Tokens  # noqa: E402
from serving.app import ROUTES_BESIDE, create_app  # noqa: E402
from serving.guard import Guard, known_routes  # noqa: E402
from serving.lanes import prefer_the_event_loop  # noqa: E402
from serving.live import LiveModel, Served  # noqa: E402

FEW = 1_000
PAGES = {
    "page": "",
    "search": "q=holdings",
    "filters": "status=scored&at_risk=10&mrr_min=100&mrr_max=5000",
    "sorted": "sort=name",
    "last_page": "page=1000000",
}
HEALTH_EVERY = 0.01


@dataclass(frozen=True)
class Size:
    """How much is made."""

    trained: int
    served: int
    trees: int
    many: int
    turns: int


FULL, QUICK, TINY = Size(300, 1_500, 100, 100_000, 15), Size(200, 800, 20, 20_000, 7), Size(150, 220, 4, 2_000, 2)


@dataclass
class Asked:
    """What was sent of an answer."""

    status: int = 0
    bytes: int = 0
    pieces: int = field(default=0)


async def healthy(scope: Any, receive: Any, send: Any) -> None:
    """Answers in BentoML's place."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"\n"})


def guarded(served: Served) -> Guard:
    """The service's layers without its process."""
    app = create_app(LiveModel(served))
    return Guard(healthy, routes=[*known_routes(app), *ROUTES_BESIDE], state=app.state.shared, tokens=Tokens({}))


async def ask(guard: Guard, path: str, query: str = "") -> Asked:
    """One GET from this machine, read to its end."""
    asked, over = Asked(), asyncio.Event()
    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        if (message := next(sent, None)) is not None:
            return message
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        asked.status = message.get("status", asked.status)
        asked.bytes += len(message.get("body", b""))
        asked.pieces += 1
        await asyncio.sleep(0)

    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "http_version": "1.1",
        "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 3000),
    }  # fmt: skip
    await guard(scope, receive, send)
    over.set()
    return asked


def page_seconds(guard: Guard, query: str, turns: int) -> float:
    """CPU of one page, the median; what is made once is there already."""
    took = []
    for _ in range(turns + 1):
        began = time.process_time()
        found = asyncio.run(ask(guard, "/accounts", query))
        took.append(time.process_time() - began)
        assert found.status == 200 and found.bytes > 2_000, found
    return statistics.median(took[1:])


async def file_beside_health(guard: Guard, form: str) -> tuple[float, Asked, list[float]]:
    """CPU of a file, what was sent, and how long after it was due each look at `/livez` was answered meanwhile."""
    looks: list[float] = []

    async def look() -> None:
        while True:
            due = time.perf_counter() + HEALTH_EVERY
            await asyncio.sleep(HEALTH_EVERY)
            await ask(guard, "/livez")
            looks.append(time.perf_counter() - due)

    looking, began = asyncio.ensure_future(look()), time.process_time()
    found = await ask(guard, f"/accounts.{form}")
    took = time.process_time() - began
    looking.cancel()
    assert found.status == 200, found
    return took, found, looks


def megabytes_of_file(guard: Guard, form: str, query: str = "") -> float:
    """The most memory that Python holds more while a file is made."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    asyncio.run(ask(guard, f"/accounts.{form}", query))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (most - before) / 2**20


def index_of(served: Served, report: Report) -> None:
    """What the index takes to be made, and to keep."""
    rows = [one.row for one in served.accounts]
    began = time.process_time()
    AccountIndex(rows)
    report.seconds["index_made"] = round(time.process_time() - began, 3)
    tracemalloc.start()
    kept = AccountIndex(rows)
    report.add("index_megabytes", tracemalloc.get_traced_memory()[0] / 2**20, 60, "lower", f"of {len(kept):,} accounts")
    tracemalloc.stop()


def run(size: Size) -> Report:
    """Measure everything."""
    prefer_the_event_loop()
    report = Report()
    scorer = scored(size.trained, size.served, size.trees)
    few, many = of_many(scorer, FEW), of_many(scorer, size.many)
    index_of(many, report)
    small, large = guarded(few), guarded(many)
    for name, query in PAGES.items():
        below, above = (page_seconds(guard, query, size.turns) for guard in (small, large))
        report.seconds[name] = {"few": round(below, 4), "many": round(above, 4)}
        report.add(
            f"{name}_ms", 1000 * above, 50 if name == "search" else 100, "lower", f"{1000 * below:.3g} with {FEW:,}"
        )
    for form in ("csv", "xlsx"):
        below, _, _ = asyncio.run(file_beside_health(small, form))
        above, found, looks = asyncio.run(file_beside_health(large, form))
        report.seconds[form] = {"few": round(below, 3), "many": round(above, 3), "megabytes": found.bytes / 1e6}
        growth = (above / size.many) / (below / FEW)
        report.add(f"{form}_growth", growth, 1.5, "lower", f"CPU an account, {size.many:,} against {FEW:,}")
        worst = 1000 * sorted(looks)[int(0.99 * (len(looks) - 1))]
        report.add(f"health_{form}_ms", worst, 100, "lower", f"p99 of {len(looks)} looks at /livez while it is made")
    most = megabytes_of_file(large, "csv", PAGES["search"])
    report.add("csv_megabytes", most, 64, "lower", "most memory held more while the file of a search is made")
    return report


def main(argv: list[str] | None = None) -> int:
    """Print the figures; as JSON with --json."""
    parser = argparse.ArgumentParser(description="The accounts page and its files, with few and with many accounts.")
    parser.add_argument("--quick", action="store_true", help="20,000 accounts instead of 100,000")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args(argv)
    report = run(TINY if args.tiny else QUICK if args.quick else FULL)
    document = {"machine": machine(), "ratios": report.ratios, "seconds": report.seconds}
    if args.json:
        print(json.dumps(document))
        return 0
    print(document["machine"])
    for name, each in report.ratios.items():
        said = "ok" if each["ok"] else "missed"
        print(f"  {name:18} {each['value']:8.4g}  aim <= {each['aim']:g}: {said:6}  ({each['against']})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
