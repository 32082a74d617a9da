"""What exact contributions cost: ratios against LightGBM and other libraries, in one run.

    python benchmarks/contributions.py [--quick] [--json] [--rivals FOLDER]

The work: TreeSHAP of 400 trees of 31 leaves, at most 6 deep (`depth_6`) or as deep as they like (`free_depth`), for
rows like those of the product: counts, amounts, days since something, flags and one-hot columns, some missing; 30
columns, once 120. Every engine (`benchmarks/parts/engines.py`) is a process of its own that has read the same rows and
the same text: checksums are compared before anything is measured, and its contributions with those of `pred_contrib`
for the same rows. The engines of a ratio take turns; a ratio is the median of the ratios of the turns. Times are CPU
seconds of one thread; with two threads the clock counts. Slow engines are given fewer rows and their time is scaled by
rows: the text beside the ratio says so.

One row: the kernel alone, and a scope of three components (`ScopeModel.explained`), against three calls of
`pred_contrib`. Growth: up to a million rows in one call; memory is the peak less the rows and the answer. Compiling:
the first contributions of a process with an empty `NUMBA_CACHE_DIR`, with the filled one, and from an installation
where nothing may be written. Quick: smaller growth, fewer turns, 30 columns.

Other libraries are no dependencies of Leap. `--rivals FOLDER` (or `LEAP_RIVALS`) names a folder with any of

    uv pip install --target FOLDER/woodelf --no-deps woodelf-explainer==0.4.8 treelite tqdm
    uv pip install --target FOLDER/fasttreeshap fasttreeshap==0.1.6 "numpy<2" lightgbm

The second brings its own NumPy: it builds on Python 3.11, but cannot be imported beside NumPy 2. What is not there is
not measured, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: Python would find http.py in it for its own `http`.
others = [p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

from benchmarks.features import machine, ratio, slope  # noqa: E402
from benchmarks.parts.engines import BETWEEN, ENGINES, NOT_INSTALLED  # noqa: E402
from benchmarks.parts.models import MODELS, grow, rows_of  # noqa: E402

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
SAME = 1e-4
"""Contributions that differ by more than this are others."""

NARROW, WIDE = 30, 120


@dataclass(frozen=True)
class Size:
    """How much is measured; slow engines are given `few` rows."""

    trees: int
    learned: int
    rows: int
    growth: Sequence[int]
    turns: int
    few: int
    calls_of_one_row: int = 50
    models: Sequence[str] = tuple(MODELS)
    everything: bool = True
    """Also other libraries and two threads, what compiling costs, and 120 columns."""
    wide: bool = True


FULL = Size(400, 20_000, 10_000, (10_000, 100_000, 1_000_000), 9, 1_000)
QUICK = Size(400, 6_000, 10_000, (10_000, 30_000, 100_000), 3, 200, wide=False)
TINY = Size(8, 600, 400, (200, 400), 1, 100, 3, ("depth_6",), everything=False, wide=False)
"""Shows that everything runs, and nothing of speed."""


@dataclass
class Worker:
    """An engine in a process of its own."""

    name: str
    process: subprocess.Popen[str]
    read: dict[str, Any]

    @classmethod
    def start(cls, name: str, text: Path, rows: Path, rivals: Path | None) -> Worker | None:
        """Ready to be asked; None where its library is not installed."""
        engine = ENGINES[name]
        settings = dict.fromkeys(THREADS, str(engine.threads)) | {"PYTHONWARNINGS": "ignore"}
        if engine.rival:
            if rivals is None or not (rivals / engine.rival).is_dir():
                return None
            settings["PYTHONPATH"] = str(rivals / engine.rival)
        command = [sys.executable, str(ROOT / "benchmarks" / "parts" / "engines.py"), name, str(text), str(rows)]
        errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        process = subprocess.Popen(
            command, env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        worker = cls(name, process, {})
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line and process.wait() == NOT_INSTALLED:
            return None
        if not line:
            errors.seek(0)
            raise SystemExit(f"{name} failed:\n{errors.read()[-3000:]}")
        worker.read = json.loads(line)
        return worker

    def ask(self, **order: Any) -> dict[str, Any]:
        """One order and its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} died over {order}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Report:
    """What was measured so far."""

    ratios: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, Any] = field(default_factory=dict)
    not_measured: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float, aim: float, better: str, against: str) -> None:
        """One ratio; small ones keep their digits."""
        self.ratios[name] = ratio(value, aim, better, against) | {"value": float(f"{value:.4g}")}
        print(f"{name}: {value:.4g} ({against})", file=sys.stderr, flush=True)


@contextmanager
def workers(
    names: Sequence[str], text: Path, rows: Path, rivals: Path | None, report: Report
) -> Iterator[list[Worker]]:
    """Engines that have read the same; those whose library is missing are noted and left out."""
    with ExitStack() as stack:
        started = []
        for name in names:
            worker = Worker.start(name, text, rows, rivals)
            if worker is None:
                report.not_measured[name] = "not installed, not measured"
                print(f"{name}: not installed, not measured", file=sys.stderr)
                continue
            stack.callback(worker.close)
            started.append(worker)
        read = {(worker.read["text"], worker.read["rows"]) for worker in started}
        assert len(read) == 1, f"The engines did not read the same text and rows: {read}"
        yield started


def in_turn(
    running: Sequence[Worker], n: int, turns: int, few: int, calls: int = 1
) -> dict[str, list[dict[str, float]]]:
    """What every engine took for `n` rows in every turn, scaled where it was given fewer; the first does not count.

    Other libraries stop after two turns that count: some take as long as all else.
    """
    took: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in running}
    for turn in range(turns + 1):
        for worker in running:
            engine = ENGINES[worker.name]
            if engine.rival and turn > 2:
                continue
            given = min(n, few) if engine.few else n
            found = worker.ask(rows=given, times=calls)
            if turn:
                took[worker.name].append({k: v * (n / given if k != "megabytes" else 1) for k, v in found.items()})
    return took


def times(took: Mapping[str, Sequence[Mapping[str, float]]], a: str, b: str, clock: str = "cpu") -> float:
    """How many times as long `a` takes as `b`: the median over the turns that both took."""
    return statistics.median(x[clock] / y[clock] for x, y in zip(took[a], took[b], strict=False))


def median(found: Sequence[Mapping[str, float]], clock: str = "cpu") -> float:
    """Seconds in the middle turn."""
    return statistics.median(each[clock] for each in found)


# --- what is measured


def compare(report: Report, size: Size, name: str, text: Path, rows: Path, rivals: Path | None, wide: bool) -> None:
    """All engines on the same many rows, and on a hundred and one; accuracy first."""
    asked = ["ours", "predict", "pred_contrib"]
    if size.everything and not wide:
        asked = [engine for engine in ENGINES if "three" not in engine and engine != "explained"]
    label = f"{name}_{WIDE}_columns" if wide else name
    with workers(asked, text, rows, rivals, report) as running:
        differences(report, label, running)
        n, found = size.rows, in_turn(running, size.rows, size.turns, size.few)
        for engine, each in found.items():
            few = f"_from_{min(n, size.few)}" if ENGINES[engine].few else ""
            clocks = {clock: float(f"{median(each, clock):.4g}") for clock in ("cpu", "wall", "megabytes")}
            report.seconds[f"{label}_{engine}_{n}_rows{few}"] = clocks
        of = f"{n:,} rows, {label.replace('_', ' ')}"
        scaled = f"{of} (timed on {min(n, size.few):,}, scaled by rows)"
        aim = 60 if name == "free_depth" else 80
        report.add(
            f"pred_contrib_{label}", times(found, "pred_contrib", "ours"), aim, "higher", f"pred_contrib, {scaled}"
        )
        most = 1.0 if name == "free_depth" else 0.6
        report.add(f"predict_{label}", times(found, "ours", "predict"), most, "lower", f"plain predict, {of}")
        if wide:
            return
        against_rivals(report, label, found, of, scaled)
        if "ours_2_threads" in found:
            two_threads(report, label, found, of, scaled)
        few_rows(report, size, label, [worker for worker in running if "2_threads" not in worker.name])


def against_rivals(report: Report, label: str, found: Mapping[str, Any], of: str, scaled: str) -> None:
    """Other libraries."""
    for rival in ("shap", "woodelf", "fasttreeshap_v1", "fasttreeshap_v2"):
        if rival in found:
            what = f"{rival}, {scaled if ENGINES[rival].few else of}"
            if (off := report.seconds["differences"].get(f"{label}_{rival}", 0.0)) > SAME:
                what += f"; its contributions are others, by up to {off:.2g}"
            report.add(f"{rival}_{label}", times(found, rival, "ours"), 1.0, "higher", what)


def two_threads(report: Report, label: str, found: Mapping[str, Any], of: str, scaled: str) -> None:
    """By the clock: what two threads gain, beside LightGBM with two."""
    ours = "ours_2_threads"
    contrib = times(found, "pred_contrib_2_threads", ours, "wall")
    report.add(f"pred_contrib_2_threads_{label}", contrib, 40, "higher", f"pred_contrib, both with 2 threads, {scaled}")
    plain = times(found, ours, "predict_2_threads", "wall")
    report.add(f"predict_2_threads_{label}", plain, 1.0, "lower", f"predict, both with 2 threads by the clock, {of}")


def few_rows(report: Report, size: Size, label: str, running: Sequence[Worker]) -> None:
    """A hundred rows, and one (another one in each call)."""
    lasting = [worker for worker in running if not ENGINES[worker.name].rival]
    for n, calls, aim in ((100, max(1, size.calls_of_one_row // 10), 15), (1, size.calls_of_one_row, 3)):
        found = in_turn(lasting, n, size.turns, 100, calls)
        for engine, each in found.items():
            report.seconds[f"{label}_{engine}_{n}_rows"] = {"cpu": float(f"{median(each):.4g}")}
        said = "1 row" if n == 1 else f"{n} rows"
        faster = times(found, "pred_contrib", "ours")
        report.add(f"pred_contrib_{label}_{n}_rows", faster, aim, "higher", f"pred_contrib, {said}, kernel alone")


def differences(report: Report, label: str, running: Sequence[Worker]) -> None:
    """The largest difference of each engine's contributions to `pred_contrib` for the same rows."""
    import numpy as np

    found = {}
    with tempfile.TemporaryDirectory(prefix="leap-differences-") as folder:
        for worker in running:
            path = Path(folder) / f"{worker.name}.npy"
            worker.ask(write=str(path), rows=100)
            found[worker.name] = np.load(path)
    exact = found["pred_contrib"]
    off = report.seconds.setdefault("differences", {})
    for name, values in found.items():
        if not name.startswith("predict"):
            off[f"{label}_{name}"] = float(f"{np.abs(values - exact).max():.2g}")
    against = "largest difference to pred_contrib in log-odds"
    report.add(f"difference_{label}", off[f"{label}_ours"], 1e-9, "lower", against)


def three_components(report: Report, size: Size, text: Path, rows: Path) -> None:
    """One row of three components, with everything that a score needs of them."""
    with workers(["explained", "ours_of_three", "pred_contrib_of_three"], text, rows, None, report) as running:
        found = in_turn(running, 1, max(3, size.turns), 1, size.calls_of_one_row)
    for engine, each in found.items():
        report.seconds[f"depth_6_{engine}_1_rows"] = {"cpu": float(f"{median(each):.4g}")}
    against = "three calls of pred_contrib, 1 row of three components at depth 6"
    whole, kernel = (times(found, "pred_contrib_of_three", engine) for engine in ("explained", "ours_of_three"))
    report.add("one_row_explained", whole, 6, "higher", f"{against}; ScopeModel.explained")
    report.add("one_row_kernel", kernel, 6, "higher", f"{against}; kernel alone")


def growth(report: Report, size: Size, name: str, text: Path, rows: Path) -> None:
    """CPU and memory from few rows to many, all in one call; a process of its own for each number, taking turns."""
    largest, turns = size.growth[-1], 3 if size.turns > 1 else 1
    found: dict[int, list[dict[str, float]]] = {n: [] for n in size.growth}
    with ExitStack() as stack:
        each = {n: stack.enter_context(workers(["ours"], text, rows, None, report))[0] for n in size.growth}
        for n, worker in each.items():
            worker.ask(rows=n, times=1)  # makes the tables
        for _ in range(turns):
            for n, worker in each.items():
                found[n].append(worker.ask(rows=n, times=max(1, min(5, largest // n // 4))))
    cpu = {n: median(asked) for n, asked in found.items()}
    answer = NARROW * 8 / 2**20
    peak = {n: median(asked, "megabytes") - answer * (n + largest) for n, asked in found.items()}
    for n in size.growth:
        report.seconds[f"{name}_growth_{n}_rows"] = {
            "cpu": float(f"{cpu[n]:.4g}"), "megabytes_less_rows_and_answer": round(peak[n], 1)
        }  # fmt: skip
    span = f"{size.growth[0]:,} to {largest:,} rows, {name.replace('_', ' ')}"
    report.add(f"slope_in_rows_{name}", slope(cpu), 1.05, "lower", f"log-log slope of CPU, {span}")
    grown = peak[largest] / peak[size.growth[0]]
    report.add(f"memory_growth_{name}", grown, 1.1, "lower", f"peak memory less rows and answer, {span}")


def prepared(report: Report, folder: Path, texts: Mapping[str, Path], rows: Path) -> None:
    """Compiling and reading from the cache; parsing and making tables once compiled; nothing writable."""
    cache = folder / "cache"
    once = {"NUMBA_CACHE_DIR": str(cache)}
    fresh = first_use(ROOT, texts["depth_6"], rows, once)
    cached = [first_use(ROOT, texts["depth_6"], rows, once) for _ in range(3)]
    for name, text in texts.items():
        found = first_use(ROOT, text, rows, once)
        report.seconds[f"prepare_{name}"] = {what: found[what] for what in ("parse", "tables", "first_row")}
    middle = median(cached)
    report.seconds["first_contributions"] = {"compiled": fresh["cpu"], "from_cache": round(middle, 3)}
    from_cache = f"first contributions of a process from the cache, CPU, compiled in {fresh['cpu']:.1f} s"
    report.add("cached_compile", middle / fresh["cpu"], 0.25, "lower", from_cache)
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        report.not_measured["read_only"] = (
            "root may write everywhere, and there is no setpriv to forbid it: not measured"
        )
        return
    with read_only_copy(folder / "read_only") as copy:
        unwritable = first_use(copy, texts["depth_6"], rows, {"HOME": str(copy)}, read_only=True)
    report.seconds["first_contributions"]["nothing_writable"] = unwritable["cpu"]
    against = "compiling with a cache; this in memory, as nothing of the installation may be written"
    report.add("read_only", unwritable["cpu"] / fresh["cpu"], 1.2, "lower", against)


def first_use(
    root: Path, text: Path, rows: Path, settings: Mapping[str, str], read_only: bool = False
) -> dict[str, float]:
    """What a process pays before and for its first contributions, from the checkout at `root`."""
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "PYTHONPATH", "XDG_CACHE_HOME")}
    environment |= dict.fromkeys(THREADS, "1") | settings
    command = [sys.executable, str(root / "benchmarks" / "parts" / "engines.py"), "first", str(text), str(rows)]
    if read_only and os.geteuid() == 0:  # who may write everywhere
        command = ["setpriv", "--bounding-set=-dac_override", *command]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    if answer.returncode:
        raise SystemExit(f"the first contributions failed ({settings}):\n{answer.stderr[-3000:]}")
    found: dict[str, float] = json.loads(answer.stdout)
    return found


@contextmanager
def read_only_copy(to: Path) -> Iterator[Path]:
    """The sources that the kernel needs, where nothing may be written as long as they are used."""
    for part in ("src/leap", "benchmarks"):
        shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
    folders = [to, *(path for path in to.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield to
    finally:
        for path in folders:
            path.chmod(0o755)


# --- the run


def run(size: Size, rivals: Path | None) -> dict[str, Any]:
    """Measure everything."""
    import numpy as np

    report = Report()
    with tempfile.TemporaryDirectory(prefix="leap-contributions-") as name:
        folder = Path(name)
        rows, many, wide = (folder / f"{which}.npy" for which in ("rows", "many", "wide"))
        np.save(rows, rows_of(size.rows, NARROW, 1))
        np.save(many, rows_of(size.growth[-1], NARROW, 2))
        texts = {}
        for model in size.models:
            texts[model] = saved(folder, model, grow(model, trees=size.trees, rows=size.learned, width=NARROW))
            compare(report, size, model, texts[model], rows, rivals, wide=False)
            growth(report, size, model, texts[model], many)
        if size.wide:
            np.save(wide, rows_of(size.rows, WIDE, 3))
            text = saved(folder, "wide", grow("depth_6", trees=size.trees, rows=size.learned, width=WIDE))
            compare(report, size, "depth_6", text, wide, rivals, wide=True)
        others = [grow("depth_6", trees=size.trees, rows=size.learned, width=NARROW, seed=seed) for seed in (1, 2)]
        three_components(
            report, size, saved(folder, "three", BETWEEN.join([texts["depth_6"].read_text(), *others])), rows
        )
        if size.everything:
            prepared(report, folder, texts, rows)
    found = {"machine": machine(), "ratios": report.ratios, "seconds": report.seconds}
    return found | {"not_measured": report.not_measured}


def saved(folder: Path, name: str, text: str) -> Path:
    """A text in a file of its own."""
    path = folder / f"{name}.txt"
    path.write_text(text)
    return path


def main(argv: list[str] | None = None) -> int:
    """Print the ratios; as JSON with --json."""
    parser = argparse.ArgumentParser(description="What exact contributions cost, as ratios.")
    parser.add_argument("--quick", action="store_true", help="up to 100,000 rows, three turns, 30 columns only")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--rivals", type=Path, default=os.environ.get("LEAP_RIVALS"), help="folder of other libraries")
    args = parser.parse_args(argv)
    report = run(TINY if args.tiny else QUICK if args.quick else FULL, args.rivals and Path(args.rivals).resolve())
    if args.json:
        print(json.dumps(report))
        return 0
    print(report["machine"])
    for name, each in report["ratios"].items():
        sign = "<=" if each["better"] == "lower" else ">="
        said = "ok" if each["ok"] else "missed"
        print(f"  {name:34} {each['value']:9.4g}  aim {sign} {each['aim']:g}: {said:6}  ({each['against']})")
    for name, took in report["seconds"].items():
        print(f"  {name}: " + ", ".join(f"{what} {value:g}" for what, value in took.items()))
    for name, why in report["not_measured"].items():
        print(f"  {name}: {why}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
