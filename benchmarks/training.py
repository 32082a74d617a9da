"""How fast training is: ratios against bare LightGBM, with and without what is shared or given up, in one run.

    python benchmarks/training.py [--quick] [--json]

Components: the four fits of a scope (churn, contraction, expansion, direct) on bins that are made once, against one
binning and one bare LightGBM fit each. A trial: one set of settings on four inner folds, judged at several numbers of
rounds, against the same on a data set freshly built for every fold; both with 60 rounds, judged once. Pruning:
whole studies of the same trials with and without it; what they found is compared too. Whole training: `leap train` of
made-up companies of three sizes. Times are CPU seconds of one thread without imports, medians of several runs in turn;
every part runs in a process of its own, whose peak memory is printed. Quick: fewer rows and smaller companies.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: Python would find http.py in it for its own `http`.
others = [p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

from benchmarks.features import machine, peak_megabytes, ratio, slope  # noqa: E402

ROUNDS = 60
PARTS = ("components", "trial", "pruning")


def rows_of(n: int, width: int, seed: int = 0) -> Any:
    """`n` rows, 24 of each account: counts, amounts and flags, a tenth missing; some columns and their product tell."""
    import numpy as np

    from leap.models.composition import Labels, TrainingRows

    rng = np.random.default_rng(seed)
    accounts = np.repeat(np.arange(-(-n // 24)), 24)[:n]
    own = rng.normal(size=(accounts[-1] + 1, width))[accounts]
    matrix = own + rng.normal(0, 0.5, (n, width))
    matrix[:, ::3] = np.floor(np.exp(matrix[:, ::3]))
    matrix[:, 1::7] = matrix[:, 1::7] > 0
    margin = own[:, 2] - 0.7 * own[:, 4] + 0.8 * own[:, 5] * own[:, 8] - 1.2
    churned = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float)
    ratio_kept = np.where(churned > 0, 0.0, np.maximum(1 + 0.2 * own[:, 2] + rng.normal(0, 0.1, n), 0.1))
    matrix[rng.random((n, width)) < 0.1] = np.nan
    as_of = (np.datetime64("2020-01", "M") + np.arange(n) % 24).astype("datetime64[us]")
    known_at = as_of + np.timedelta64(365, "D")
    return TrainingRows(matrix, Labels(churned, ratio_kept, np.ones(n)), accounts, as_of, known_at)


# --- the work, each part in a process of its own


def components(n: int, width: int) -> dict[str, Any]:
    """Four fits on shared bins, and four bare ones after one binning."""
    import lightgbm
    import numpy as np

    from leap.models.boosting import Bins, boosted_of, fit_boosted, options_of
    from leap.models.composition import COMPONENTS
    from leap.models.selection import SMALL_TREES

    rows = rows_of(n, width)
    kept = rows.labels.retained
    fits = [(rows.of(name), kept if name != "churn" else np.ones(n, dtype=bool)) for name in COMPONENTS]
    fits.append((rows.of_direct(), np.ones(n, dtype=bool)))

    def ours() -> None:
        bins = Bins.of(rows.matrix)
        for part, keep in fits:
            booster = fit_boosted(
                part.matrix, part.outcome, part.weight, part.task, SMALL_TREES, ROUNDS, part.rows_per_account,
                bins=bins.where(keep),
            )  # fmt: skip
            boosted_of(booster, part.matrix, ROUNDS)

    def bare() -> None:
        options = options_of(SMALL_TREES, "binary", 24.0, 0)
        binned = lightgbm.Dataset(rows.matrix, rows.labels.churned, params=options).construct()
        for part, _ in fits:
            whole = len(part.outcome) == n
            data = binned if whole else binned.subset(np.flatnonzero(kept).tolist()).construct()
            data.set_label(part.outcome).set_weight(part.weight)
            objective = {"objective": "binary" if part.task == "binary" else "regression"}
            lightgbm.train({**options, **objective}, data, ROUNDS)

    return _in_turn({"ours": ours, "bare": bare})


def trial(n: int, width: int) -> dict[str, Any]:
    """The same settings on four folds: shared and labelled once, or built for each fit."""
    import lightgbm
    import numpy as np

    from leap.models.boosting import options_of
    from leap.models.selection import SMALL_TREES
    from leap.models.trials import inner_folds_of, judge
    from leap.splits import inner_folds

    rows = rows_of(n, width).of("churn")
    pairs = inner_folds(rows.accounts, rows.as_of, rows.known_at)
    folds = inner_folds_of(rows.binned(), pairs)

    def shared() -> None:
        judge(folds, "binary", SMALL_TREES, rounds=(ROUNDS,))

    def fresh() -> None:
        for fit_on, validate in pairs:
            part = rows.where(fit_on)
            options = options_of(SMALL_TREES, "binary", part.rows_per_account, 0)
            data = lightgbm.Dataset(part.matrix, part.outcome, weight=part.weight, params=options)
            booster = lightgbm.train(options, data, ROUNDS)
            margin = booster.predict(rows.matrix[validate], raw_score=True, num_threads=1)
            np.logaddexp(0, margin).sum()

    return _in_turn({"shared": shared, "fresh": fresh})


def pruning(n: int, width: int) -> dict[str, Any]:
    """Studies of twenty trials with and without pruning, and what they found."""
    from leap.models.tuning import Plan, search

    rows = rows_of(n, width).of("churn")
    losses: dict[str, list[float]] = {"on": [], "off": []}
    pruned: list[int] = []
    cpu: dict[str, list[float]] = {"on": [], "off": []}
    search(rows, 1, Plan(1))  # imports
    for seed in range(3):
        for name in ("on", "off"):
            began = time.process_time()
            found = search(rows, 20, Plan(20, seed, prune=name == "on"))
            assert found is not None
            cpu[name].append(time.process_time() - began)
            losses[name].append(found.loss)
            if name == "on":
                pruned.append(found.pruned)
    return {
        **{name: sum(took) for name, took in cpu.items()},
        "loss": statistics.mean(on / off for on, off in zip(losses["on"], losses["off"], strict=True)),
        "pruned": sum(pruned) / 60,
        "megabytes": peak_megabytes(),
    }


def whole(workspace: Path, store: Path, trials: int) -> dict[str, Any]:
    """`leap train` in this process; CPU seconds after the tables are imported."""
    from training.train import main as train

    began, answer = time.process_time(), io.StringIO()
    arguments = ["--trials", str(trials), "--store", str(store), "--json", str(workspace)]
    with contextlib.redirect_stdout(answer):
        code = train(arguments)
    document = json.loads(answer.getvalue())
    if code not in (0, 1):
        raise SystemExit(answer.getvalue())
    return {
        "cpu": time.process_time() - began,
        "megabytes": peak_megabytes(),
        "stages": document["seconds"],
        "trained": document["trained"],
        "rows": document["outcomes"]["churn"]["n_rows"],
    }


def _in_turn(work: dict[str, Callable[[], None]], times: int = 5) -> dict[str, Any]:
    """Median CPU seconds of each, taking turns, after one run of each that does not count."""
    took: dict[str, list[float]] = {name: [] for name in work}
    for number in range(times + 1):
        for name, run_once in work.items():
            began = time.process_time()
            run_once()
            if number:
                took[name].append(time.process_time() - began)
    return {name: statistics.median(each) for name, each in took.items()} | {"megabytes": peak_megabytes()}


# --- the run


def child(*job: object) -> dict[str, Any]:
    """One part in a process of its own, with one thread."""
    settings = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--child", *map(str, job)]
    answer = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(f"{job} failed:\n{answer.stdout[-2000:]}{answer.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    print(f"{' '.join(map(str, job[:3]))}: {measured['megabytes']:.0f} MB at most", file=sys.stderr)
    return measured


def run(quick: bool) -> dict[str, Any]:
    """Measure everything."""
    n, width = (6_000, 60) if quick else (24_000, 100)
    sizes = [300, 600, 1_200] if quick else [500, 1_000, 2_000]
    trials = 2 if quick else 8
    found = {part: child(part, n, width) for part in PARTS}
    with tempfile.TemporaryDirectory(prefix="leap-training-") as folder:
        trained = [_company(Path(folder), accounts, trials) for accounts in sizes]
    shared, bare = found["components"], found["trial"]
    ratios = {
        "components": ratio(
            shared["ours"] / shared["bare"], 1.2, "lower", f"one binning and four bare fits, {n:,} rows x {width}"
        ),
        "trial": ratio(
            bare["shared"] / bare["fresh"], 0.65, "lower", f"the same trial on fresh data sets, {n:,} rows x {width}"
        ),
        "pruning": ratio(
            found["pruning"]["on"] / found["pruning"]["off"], 0.9, "lower",
            f"three studies of 20 trials without pruning ({found['pruning']['pruned']:.0%} given up)",
        ),
        "pruning_loss": ratio(found["pruning"]["loss"], 1.002, "lower", "the loss found without pruning"),
        "slope_in_rows": ratio(
            slope({each["rows"]: each["cpu"] for each in trained}), 1.05, "lower",
            f"log-log slope of a whole training's CPU in rows ({trials} trials)",
        ),
    }  # fmt: skip
    seconds: dict[str, dict[str, float]] = {
        **{f"{part}_{n}_rows": {k: round(v, 3) for k, v in found[part].items()} for part in PARTS},
        **{
            f"train_{accounts}_accounts_{each['rows']}_rows": {
                "cpu": round(each["cpu"], 2),
                "megabytes": round(each["megabytes"], 1),
                **{stage: round(took, 2) for stage, took in each["stages"].items()},
            }
            for accounts, each in zip(sizes, trained, strict=True)
        },
    }
    return {"machine": machine(), "ratios": ratios, "seconds": seconds}


def _company(folder: Path, accounts: int, trials: int) -> dict[str, Any]:
    """Train a made-up company of so many accounts."""
    workspace = folder / f"company-{accounts}"
    made = [sys.executable, "-m", "training", "demo", str(workspace), "--accounts", str(accounts), "--json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    subprocess.run(made, cwd=ROOT, env=environment, check=True, capture_output=True)
    return child("train", workspace, folder / f"store-{accounts}", trials)


def main(argv: list[str] | None = None) -> int:
    """Print the ratios; as JSON with --json."""
    parser = argparse.ArgumentParser(description="Speed of training, as ratios.")
    parser.add_argument("--quick", action="store_true", help="fewer rows, and companies of 300 to 1,200 accounts")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.child:
        print(json.dumps(_child(*args.child)))
        return 0
    report = run(args.quick)
    if args.json:
        print(json.dumps(report))
        return 0
    print(report["machine"])
    for name, each in report["ratios"].items():
        sign = "<=" if each["better"] == "lower" else ">="
        said = "ok" if each["ok"] else "missed"
        print(f"  {name:16} {each['value']:7.3f}  aim {sign} {each['aim']:g}: {said:6}  ({each['against']})")
    for name, took in report["seconds"].items():
        print(f"  {name}: " + ", ".join(f"{what} {value:g}" for what, value in took.items()))
    return 0


def _child(part: str, *job: str) -> dict[str, Any]:
    if part == "train":
        workspace, store, trials = job
        return whole(Path(workspace), Path(store), int(trials))
    work = {"components": components, "trial": trial, "pruning": pruning}[part]
    return work(*map(int, job))


if __name__ == "__main__":
    raise SystemExit(main())
