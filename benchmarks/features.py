"""How fast windows of event tables are computed: ratios against a scan, DuckDB, polars and pandas, in one run.

    python benchmarks/features.py [--quick] [--json]

The work: accounts, 24 monthly dates, 7 kinds x 5 windows, each the sum of a quantity over the events in
`[T - days, T)` known before T; one event in a hundred is known up to 60 days late. Every engine reads the same Parquet
file in a process of its own with two threads, and must come to the same checksum. Wall time, CPU time and peak memory
are those of the work alone, without imports; the kernels of Leap are compiled before (once on a machine, then read from
disk). The other engines do the work in the fastest of the plain ways that were tried.

The scan reads the same columns as Leap reads them and does nothing with them. Full: 1, 10 and 50 million events of
20,000 accounts. Quick: 0.3 and 1 million of 2,000; fixed costs weigh more there. Files lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: Python would find http.py in it for its own `http`.
sys.path[:] = [str(ROOT / "src"), *(p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks")]

THREADS = 2
DATES = 24
WINDOWS = [7, 28, 91, 182, 364]
KINDS = ["logins", "reports", "exports", "api_calls", "invitations", "comments", "errors"]
COLUMNS = ["account_id", "kind", "occurred_at", "loaded_at", "quantity"]
ENGINES = ("leap", "duckdb", "polars", "pandas")


def account_names(n: int) -> list[str]:
    """account-00000, account-00001 and so on."""
    return [f"account-{i:05}" for i in range(n)]


def months(n: int) -> list[Any]:
    """The firsts of the last `n` months up to December 2025, as NumPy dates."""
    import numpy as np

    return [np.datetime64("2026-01") - n + i for i in range(n)]


# --- the work, each in a process of its own


def make(path: Path, rows: int, accounts: int) -> dict[str, Any]:
    """Events of three years in the order of time, as a warehouse appends them; few accounts have most of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    popularity = np.cumsum(rng.lognormal(0, 1.2, accounts))
    kind_shares = np.cumsum([0.3, 0.2, 0.15, 0.15, 0.1, 0.06, 0.04])
    start, end = (int(np.datetime64(day, "s").astype(int)) for day in ("2023-01-01", "2026-01-02"))
    names, kinds = pa.array(account_names(accounts)), pa.array(KINDS)
    n_blocks = -(-rows // 1_000_000)
    writer = None
    for block in range(n_blocks):
        n = min(1_000_000, rows - block * 1_000_000)
        low, high = (start + (end - start) * b // n_blocks for b in (block, block + 1))
        at = np.sort(rng.integers(low, high, n))
        delay = np.where(rng.random(n) < 0.01, rng.integers(0, 60 * 86_400, n), rng.integers(0, 6 * 3600, n))
        who = np.searchsorted(popularity, rng.random(n) * popularity[-1]).clip(0, accounts - 1)
        what = np.searchsorted(kind_shares, rng.random(n)).clip(0, len(KINDS) - 1)
        columns = [
            pa.DictionaryArray.from_arrays(who.astype(np.int32), names),
            pa.DictionaryArray.from_arrays(what.astype(np.int8), kinds),
            pa.array(at * 1_000_000, pa.timestamp("us")),
            pa.array((at + delay) * 1_000_000, pa.timestamp("us")),
            pa.array(rng.integers(1, 20, n), pa.int32()),
        ]
        table = pa.table(dict(zip(COLUMNS, columns, strict=True)))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return {"bytes": path.stat().st_size}


def _batches(path: Path, columns: list[str] = COLUMNS) -> Callable[[], Iterator[Any]]:
    import pyarrow.parquet as pq

    def read() -> Iterator[Any]:
        # By default pyarrow keeps all that it has read of a file until its last batch.
        file = pq.ParquetFile(path, read_dictionary=["account_id", "kind"], pre_buffer=False, buffer_size=2**20)
        yield from file.iter_batches(batch_size=131_072, columns=columns)

    return read


def scan(path: Path, accounts: int, dates: int) -> dict[str, Any]:
    """Read the columns and nothing else."""
    return _measured(lambda: sum(batch.num_rows for batch in _batches(path)()))[1]


def leap(path: Path, accounts: int, dates: int, known_at: str | None = "loaded_at") -> dict[str, Any]:
    """Leap's pass over the record batches."""
    import numpy as np

    from leap.features.streams import EventStream, stream_windows

    names, moments = account_names(accounts), months(dates)

    def stream(read: Callable[[], Any]) -> EventStream:
        return EventStream(read, known_at=known_at, kind="kind", quantity="quantity")

    stream_windows(stream(lambda: [next(_batches(path)())]), names[:1], moments[:1], [1], KINDS)  # compiles
    columns = [column for column in COLUMNS if column != "loaded_at" or known_at]
    found, measured = _measured(lambda: stream_windows(stream(_batches(path, columns)), names, moments, WINDOWS, KINDS))
    account, date, window, kind = np.nonzero(found.sums)
    values = found.sums[account, date, window, kind].astype(np.int64)
    return measured | {
        "checksum": _checksum(account, date, window, kind, values),
        "rows": found.rows,
        "late_rows": found.late_rows,
    }


def leap_never_late(path: Path, accounts: int, dates: int) -> dict[str, Any]:
    """The same as if every event had been known when it happened: what late rows and their column cost."""
    return leap(path, accounts, dates, known_at=None)


def duckdb(path: Path, accounts: int, dates: int) -> dict[str, Any]:
    """The columns into a table, then one statement a date: sums with FILTER by account and kind.

    Faster than one statement that joins events with dates, and than reading the file for each date.
    """
    import duckdb as engine
    import pyarrow as pa

    sums = ", ".join(
        f"COALESCE(SUM(quantity) FILTER (occurred_at >= $date - INTERVAL {days} DAY), 0)::BIGINT AS w{i}"
        for i, days in enumerate(WINDOWS)
    )
    statement = f"""
        SELECT account_id, kind, $number::INTEGER AS number, {sums} FROM events
        WHERE occurred_at >= $date - INTERVAL {max(WINDOWS)} DAY AND occurred_at < $date AND loaded_at < $date
        GROUP BY account_id, kind"""  # noqa: S608 - numbers of our own

    def all_dates() -> Any:
        connection.execute(f"CREATE TABLE events AS SELECT {', '.join(COLUMNS)} FROM read_parquet('{path}')")  # noqa: S608
        moments = [date.astype("datetime64[s]").item() for date in months(dates)]
        return pa.concat_tables(
            connection.execute(statement, {"number": number, "date": moment}).to_arrow_table()
            for number, moment in enumerate(moments)
        )

    with engine.connect(config={"threads": THREADS}) as connection:
        found, measured = _measured(all_dates)
    return measured | {"checksum": _checksum_of_table(found)}


def polars(path: Path, accounts: int, dates: int) -> dict[str, Any]:
    """The columns into a frame, then one lazy query a date, grouped by account and kind.

    Faster than scanning the file for each date, also with `collect_all` or the streaming engine.
    """
    import polars as pl

    at, known, quantity = pl.col("occurred_at"), pl.col("loaded_at"), pl.col("quantity").cast(pl.Int64)

    def one(frame: Any, number: int, date: Any) -> Any:
        moment = pl.lit(date.astype("datetime64[us]").item())
        seen = frame.filter((at < moment) & (known < moment) & (at >= moment - pl.duration(days=max(WINDOWS))))
        sums = [
            quantity.filter(at >= moment - pl.duration(days=days)).sum().alias(f"w{i}")
            for i, days in enumerate(WINDOWS)
        ]
        return seen.group_by("account_id", "kind").agg(sums).with_columns(number=pl.lit(number)).collect()

    def all_dates() -> Any:
        frame = pl.read_parquet(path, columns=COLUMNS).lazy()
        return pl.concat([one(frame, number, date) for number, date in enumerate(months(dates))])

    found, measured = _measured(all_dates)
    return measured | {
        "checksum": _checksum_of_table(found.with_columns(pl.col("account_id", "kind").cast(str)).to_arrow())
    }


def pandas(path: Path, accounts: int, dates: int) -> dict[str, Any]:
    """One frame, masks and groupby for each date and window."""
    import pandas as pd
    import pyarrow as pa

    def all_dates() -> Any:
        frame = pd.read_parquet(path, columns=COLUMNS)
        found = []
        for number, date in enumerate(months(dates)):
            moment = pd.Timestamp(date.astype("datetime64[us]"))
            seen = frame[(frame["occurred_at"] < moment) & (frame["loaded_at"] < moment)]
            for i, days in enumerate(WINDOWS):
                inside = seen[seen["occurred_at"] >= moment - pd.Timedelta(days=days)]
                sums = inside.groupby(["account_id", "kind"], observed=True)["quantity"].sum().rename("value")
                found.append(sums.reset_index().assign(number=number, window=i))
        return pd.concat(found)

    found, measured = _measured(all_dates)
    table = pa.table(
        {
            "account_id": found["account_id"].astype(str).to_numpy(dtype=object),
            "kind": found["kind"].astype(str).to_numpy(dtype=object),
        }
    )
    account, kind = _numbers(table)
    return measured | {
        "checksum": _checksum(
            account, found["number"].to_numpy(), found["window"].to_numpy(), kind, found["value"].to_numpy()
        )
    }


def _numbers(table: Any) -> tuple[Any, Any]:
    """Numbers of accounts and kinds from their names."""
    import pyarrow as pa
    import pyarrow.compute as pc

    account = pc.utf8_slice_codeunits(table["account_id"].cast(pa.string()), len("account-")).cast(pa.int64())
    kind = pc.index_in(table["kind"].cast(pa.string()), pa.array(KINDS))
    return account.to_numpy(), kind.to_numpy()


def _checksum_of_table(table: Any) -> int:
    account, kind = _numbers(table)
    number = table["number"].to_numpy()
    return sum(_checksum(account, number, i, kind, table[f"w{i}"].to_numpy()) for i in range(len(WINDOWS)))


def _checksum(account: Any, date: Any, window: Any, kind: Any, value: Any) -> int:
    """A number that changes if a value stands at another account, date, window or kind."""
    import numpy as np

    place = np.asarray(account, dtype=np.int64) * 7_919 + np.asarray(date) * 104_729
    place = place + np.asarray(window) * 15_485_863 + np.asarray(kind) * 1_299_709
    return int(((place % 1_000_003 + 1) * np.asarray(value).astype(np.int64)).sum())


def _measured(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    began, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, {
        "wall": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "megabytes": peak_megabytes(),
    }


def peak_megabytes() -> float:
    """Of this process: Linux counts the starting process into `ru_maxrss`, and knows better in its own file."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


# --- the run


class Runs:
    """Starts the work in processes and keeps what they measured, by engine, file and number of dates."""

    def __init__(self, folder: Path, accounts: int):
        self.folder, self.accounts = folder, accounts
        self.found: dict[tuple[str, int, int], list[dict[str, Any]]] = {}

    def child(self, engine: str, rows: int, dates: int = DATES) -> dict[str, Any]:
        """Run one engine over the file of so many rows."""
        settings = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"), str(THREADS))
        job = [engine, str(self.folder / f"{rows}.parquet"), str(rows), str(self.accounts), str(dates)]
        answer = subprocess.run(
            [sys.executable, __file__, "--child", *job], env=os.environ | settings, capture_output=True, text=True
        )
        if answer.returncode:
            raise SystemExit(f"{engine} failed:\n{answer.stderr}")
        measured: dict[str, Any] = json.loads(answer.stdout)
        print(f"{engine}, {rows:,} events, {dates} dates: {measured.get('cpu', 0):.2f} s of CPU", file=sys.stderr)
        self.found.setdefault((engine, rows, dates), []).append(measured)
        return measured

    def median(self, what: str, engine: str, rows: int, dates: int = DATES) -> float:
        """The median of what was measured."""
        return statistics.median(float(each[what]) for each in self.found[engine, rows, dates])

    def assert_equal_checksums(self, rows: int) -> None:
        """All engines found the same."""
        sums = {engine: {each["checksum"] for each in self.found[engine, rows, DATES]} for engine in ENGINES}
        assert len(set.union(*sums.values())) == 1, f"The engines disagree: {sums}"


def slope(points: dict[int, float]) -> float:
    """Of the least-squares line through log(size) and log(time)."""
    x, y = [math.log(size) for size in points], [math.log(time) for time in points.values()]
    mean_x, mean_y = statistics.mean(x), statistics.mean(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def run(quick: bool) -> dict[str, Any]:
    """Measure everything; the parts of a ratio take turns."""
    sizes = [300_000, 1_000_000] if quick else [1_000_000, 10_000_000, 50_000_000]
    compared, largest = sizes[1], sizes[-1]
    few_dates = [6, 12]
    with tempfile.TemporaryDirectory(prefix="leap-features-") as folder:
        runs = Runs(Path(folder), 2_000 if quick else 20_000)
        for rows in sizes:
            runs.child("make", rows)
        for _ in range(3):
            for engine in ("scan", "leap_never_late", *ENGINES):
                runs.child(engine, compared)
            for dates in few_dates:
                runs.child("leap", compared, dates)
            for rows in sizes:
                if rows != compared:
                    runs.child("scan", rows)
                    runs.child("leap", rows)
        runs.assert_equal_checksums(compared)
        return _report(runs, sizes, compared, largest, few_dates)


def _report(runs: Runs, sizes: list[int], compared: int, largest: int, few_dates: list[int]) -> dict[str, Any]:
    def millions(rows: int) -> str:
        return f"{rows / 1e6:g} million events"

    def cpu(engine: str, rows: int, dates: int = DATES) -> float:
        return runs.median("cpu", engine, rows, dates)

    def wall(engine: str) -> float:
        return runs.median("wall", engine, compared)

    late = runs.found["leap", compared, DATES][0]
    share = late["late_rows"] / late["rows"]
    peaks = [
        runs.median("megabytes", "leap", rows) for rows in (sizes[0] if largest == compared else compared, largest)
    ]
    ratios = {
        "cpu_against_scan": ratio(
            cpu("leap", compared) / cpu("scan", compared), 5.0, "lower", f"CPU of a scan, {millions(compared)}"
        ),
        "faster_than_duckdb": ratio(wall("duckdb") / wall("leap"), 2.5, "higher", f"DuckDB, {millions(compared)}"),
        "faster_than_polars": ratio(wall("polars") / wall("leap"), 2.5, "higher", f"polars, {millions(compared)}"),
        "faster_than_pandas": ratio(wall("pandas") / wall("leap"), 5.0, "higher", f"pandas, {millions(compared)}"),
        "memory_growth": ratio(
            peaks[1] / peaks[0], 1.10, "lower", f"peak memory, {millions(largest)} against fewer"
        ),
        "slope_in_rows": ratio(
            slope({rows: cpu("leap", rows) for rows in sizes}), 1.05, "lower", "log-log slope of CPU in events"
        ),
        "slope_in_dates": ratio(
            slope({dates: cpu("leap", compared, dates) for dates in [*few_dates, DATES]}), 1.05, "lower",
            "log-log slope of CPU in dates",
        ),
        "late_rows": ratio(
            cpu("leap", compared) / cpu("leap_never_late", compared), 1.5, "lower",
            f"CPU as if no event were late ({share:.2%} are, and a column more is read)",
        ),
    }  # fmt: skip
    if largest != compared:
        ratios["cpu_against_scan_largest"] = ratio(
            cpu("leap", largest) / cpu("scan", largest), 4.0, "lower", f"CPU of a scan, {millions(largest)}"
        )
    seconds = {
        f"{engine}_{rows}_events_{dates}_dates": {
            what: round(statistics.median(float(each[what]) for each in found), 3)
            for what in ("wall", "cpu", "megabytes")
        }
        for (engine, rows, dates), found in runs.found.items()
        if engine != "make"
    }
    return {"machine": machine(), "ratios": ratios, "seconds": seconds}


def machine() -> str:
    """What it was measured on."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def ratio(value: float, aim: float, better: str, against: str) -> dict[str, Any]:
    """A measured ratio beside its aim; `better` is lower or higher."""
    ok = value <= aim if better == "lower" else value >= aim
    return {"value": round(value, 3), "aim": aim, "better": better, "ok": ok, "against": against}


def main(argv: list[str] | None = None) -> int:
    """Print the ratios; as JSON with --json."""
    parser = argparse.ArgumentParser(description="Speed of event features, as ratios.")
    parser.add_argument("--quick", action="store_true", help="0.3 and 1 million events instead of 1, 10 and 50")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.child:
        print(json.dumps(_child(*args.child)))
        return 0
    report = run(args.quick)
    if args.json:
        print(json.dumps(report))
        return 0
    print(report["machine"])
    for name, ratio in report["ratios"].items():
        sign = "<=" if ratio["better"] == "lower" else ">="
        said = "ok" if ratio["ok"] else "missed"
        print(f"  {name:26} {ratio['value']:7.2f}  aim {sign} {ratio['aim']:g}: {said:6}  ({ratio['against']})")
    for name, took in report["seconds"].items():
        print(f"  {name:42} {took['wall']:7.2f} s, {took['cpu']:7.2f} s of CPU, {took['megabytes']:,.0f} MB")
    return 0


def _child(engine: str, path: str, rows: str, accounts: str, dates: str) -> dict[str, Any]:
    if engine == "make":
        return make(Path(path), int(rows), int(accounts))
    import pyarrow as pa

    pa.set_cpu_count(THREADS)
    engines = {"scan": scan, "leap": leap, "leap_never_late": leap_never_late}
    engines |= {"duckdb": duckdb, "polars": polars, "pandas": pandas}
    return engines[engine](Path(path), int(accounts), int(dates))


if __name__ == "__main__":
    raise SystemExit(main())
