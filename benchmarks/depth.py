"""What the limit on the depth of trees costs: AUC out of time at depth 4, 6 (in use), 8 and free, paired, same folds.

    python benchmarks/depth.py [--quick] [--json] [--seeds N]

A tree of the usual settings has 7 leaves and is at most 6 deep, so the limit binds only where tuning asks for more: it
is measured with the most that tuning may ask for, 31 leaves, both regularised as usual (`usual`) and hardly (`loose`).
Every fold is learned from as in training: rounds chosen in inner folds, then one fit on the fold's past. The same
folds, rows, seeds and settings serve every depth; an interval is the 95 % one over accounts of the paired difference,
and `seed_spread` is what another seed alone changes (mean absolute difference at depth 6).

Worlds: the example of the checkout, made-up companies (with the made-up one's own few interactions), three worlds built
from interactions ten deep, and the tables under `LEAP_TEST_DATA` or `../shared/data` where they are. Quick: one company
and one deep world, one seed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: Python would find http.py in it for its own `http`.
others = [p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

from benchmarks.features import machine, ratio  # noqa: E402
from benchmarks.survival import data_folder  # noqa: E402
from leap import evaluation  # noqa: E402
from leap.config import parse_settings  # noqa: E402
from leap.demo import write_company  # noqa: E402
from leap.flat.frame import flat_frame, part  # noqa: E402
from leap.flat.rows import flat_rows  # noqa: E402
from leap.metrics import AucWithin, account_bootstrap  # noqa: E402
from leap.models import boosting, selection  # noqa: E402
from leap.models.frames import health_frame  # noqa: E402
from leap.models.rows import Rows, recency  # noqa: E402
from leap.sources import read_workspace  # noqa: E402
from leap.splits import temporal_folds  # noqa: E402
from leap.tables import AccountTables  # noqa: E402
from leap.tables.assemble import assemble  # noqa: E402

MOST_LOST = 0.003
IN_USE, FREE = 6, -1
DEPTHS = (4, IN_USE, 8, FREE)
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "usual": {**selection.SMALL_TREES, "num_leaves": 31},
    "loose": {"learning_rate": 0.05, "num_leaves": 31, "leaf_accounts": 5, "lambda_l2": 1.0, "feature_fraction": 1.0},
}
DRAWS = 400


@dataclass(frozen=True)
class World:
    """Rows with an outcome and the masks (train, test) of their folds; intervals resample accounts."""

    rows: Rows
    folds: Sequence[tuple[np.ndarray, np.ndarray]]


# --- worlds


def company_world(tables: AccountTables) -> World:
    """Churn of customers in the folds of a training; rows whose end was known are not judged, as there."""
    catalog, leaks = evaluation.admissible(tables)
    frame, _ = evaluation.without_near_perfect(tables, health_frame(tables, catalog), leaks)
    evaluation.require_folds(frame)
    folds = [(fold.train, fold.test & ~frame.leaving) for fold in frame.folds]
    return World(frame.rows.of("churn"), folds)


def flat_world(table: pd.DataFrame, key: str, outcome: str, positive: str, leave_out: Sequence[str] = ()) -> World:
    """The outcome of a flat table in its held-out folds."""
    columns: dict[str, Any] = {name: {} for name in table if name not in (key, outcome, *leave_out)}
    spec = {
        "shape": "snapshot", "source": "t.csv", "key": key, "outcome": outcome, "outcome_positive": positive,
        "columns": columns,
    }  # fmt: skip
    tables = assemble(parse_settings({"tables": {"customers": spec}}), {"customers": table}, [], None)
    frame = flat_frame(flat_rows(tables, until_given=False))
    return World(frame.rows, [(fold.train, fold.test) for fold in frame.folds])


def demo_world(accounts: int, seed: int) -> World:
    """A made-up company."""
    with tempfile.TemporaryDirectory(prefix="leap-depth-") as folder:
        write_company(Path(folder) / "company", accounts=accounts, seed=seed)
        return company_world(read_workspace(Path(folder) / "company"))


def orders_world(lines: pd.DataFrame) -> World:
    """Customers of a wholesaler that stop ordering, over three months (the lines span one year)."""
    lines = lines.assign(amount=(lines["Quantity"] * lines["UnitPrice"]).round(6))
    settings = (
        "[company]\ncurrency = 'GBP'\n[outcome]\nhorizon_months = 3\n[tables.lines]\nshape = 'events'\n"
        "role = 'revenue'\nsource = 'lines.parquet'\nkey = 'CustomerID'\nat = 'InvoiceDate'\ncredit_notes = true\n"
        "amount = 'amount'\n"
    )
    with tempfile.TemporaryDirectory(prefix="leap-depth-") as folder:
        lines.to_parquet(Path(folder) / "lines.parquet", index=False)
        (Path(folder) / "leap.toml").write_text(settings)
        return company_world(read_workspace(Path(folder)))


def deep_world(kind: str, seed: int, accounts: int = 1_500) -> World:
    """Twelve quarterly rows an account of twenty columns, whose log-odds are a deep interaction; a twelfth missing."""
    rng = np.random.default_rng(seed)
    account = np.repeat(np.arange(accounts), 12)
    values = rng.normal(size=(accounts, 20))[account] + rng.normal(0, 0.5, (len(account), 20))
    margin = {"conjunction": _conjunction, "tree": _tree, "staircase": _staircase}[kind](values, rng)
    outcome = (rng.random(len(account)) < 1 / (1 + np.exp(-margin))).astype(float)
    values[rng.random(values.shape) < 1 / 12] = np.nan
    months = np.tile(np.arange(12) * 3, accounts)
    as_of = (np.datetime64("2021-01", "M") + months).astype("datetime64[us]")
    known_at = (np.datetime64("2021-04", "M") + months).astype("datetime64[us]")
    every = np.ones(len(account), dtype=bool)
    folds = [(fold.train, fold.test) for fold in temporal_folds(as_of, known_at, every, every)]
    return World(Rows(values, outcome, recency(as_of), account, as_of, known_at, "binary"), folds)


def _conjunction(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Much risk where ten conditions hold together, each true of four rows in five."""
    return np.where((values[:, :10] > -0.94).all(axis=1), 1.5, -2.0)


def _tree(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A full tree ten deep: every branch cuts another column near its middle; a leaf sums the steps on its path."""
    node, margin = np.zeros(len(values), dtype=np.int64), np.full(len(values), -1.5)
    for level in range(10):
        column, cut = rng.integers(0, 20, 2**level), rng.normal(0, 0.3, 2**level)
        right = values[np.arange(len(values)), column[node]] > cut[node]
        step = rng.normal(0, 0.6, (2**level, 2))
        margin += step[node, right.astype(int)]
        node = 2 * node + right
    return margin


def _staircase(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A list of twelve rules of which the first that holds says the risk: a chain twelve deep."""
    margin, undecided = np.full(len(values), -1.5), np.ones(len(values), dtype=bool)
    for column, risk in enumerate(np.resize([1.5, -3.0], 12)):
        holds = undecided & (values[:, column] > 0.9)
        margin[holds] = risk
        undecided &= ~holds
    return margin


def worlds(quick: bool) -> Iterator[tuple[str, Callable[[], World]]]:
    """Names with how each is made."""
    if quick:
        yield "demo_300_seed_1", lambda: demo_world(300, 1)
        yield "deep_tree_seed_1", lambda: deep_world("tree", 1, 400)
        return
    yield "cncf_members", lambda: company_world(read_workspace(ROOT / "examples" / "cncf_members"))
    for seed in (1, 2, 3):
        yield f"demo_800_seed_{seed}", lambda seed=seed: demo_world(800, seed)  # type: ignore[misc]
    for kind in ("conjunction", "tree", "staircase"):
        for seed in (1, 2):
            yield f"deep_{kind}_seed_{seed}", lambda kind=kind, seed=seed: deep_world(kind, seed)  # type: ignore[misc]
    data = data_folder()
    telco, small, orders = (data / name for name in ("telco_churn", "saas_sme_churn", "online_retail"))
    if telco.is_dir():
        table = pd.read_csv(telco / "Telco-Customer-Churn.csv", dtype=str)
        yield "telco_churn", lambda: flat_world(table, "customerID", "Churn", "Yes")
    if small.is_dir():
        churn = pd.read_csv(small / "churn.csv", dtype=str)
        yield "saas_sme_churn", lambda: flat_world(churn, "_row", "churned", "1.0", ["months_active"])
    if orders.is_dir():
        lines = pd.read_parquet(orders / "uci_online_retail.parquet")
        yield "online_retail", lambda: orders_world(lines)


# --- measuring


@contextmanager
def grown_with(settings: Mapping[str, Any], depth: int) -> Iterator[None]:
    """Trees of these settings and of no more than this depth; -1 is free."""
    usual = boosting.options_of

    def options_of(*args: Any, **more: Any) -> dict[str, Any]:
        return {**usual(*args, **more), "max_depth": depth}

    with mock.patch.object(boosting, "options_of", options_of), mock.patch.object(selection, "SMALL_TREES", settings):
        yield


def predicted(world: World, settings: Mapping[str, Any], depth: int, seed: int) -> tuple[np.ndarray, int]:
    """Probabilities of the test rows of all folds, one after the other, and how deep the deepest tree is."""
    found, deepest = [], 0
    with grown_with(settings, depth):
        for fit_on, test in world.folds:
            model = selection.train(part(world.rows, fit_on), only="boosted", seed=seed)
            found.append(model.predict(world.rows.matrix[test]))
            if isinstance(model.learner, boosting.Boosted):
                deepest = max(deepest, int(model.learner.booster.trees_to_dataframe()["node_depth"].max()) - 1)
    return np.concatenate(found), deepest


def compared(world: World, settings: Mapping[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """AUC at each depth (mean of the seeds), and what depth 6 loses against each other, with its interval."""
    fold = np.concatenate([np.full(int(test.sum()), number) for number, (_, test) in enumerate(world.folds)])
    outcome = np.concatenate([world.rows.outcome[test] for _, test in world.folds])
    accounts = np.concatenate([world.rows.accounts[test] for _, test in world.folds])
    weights = np.vstack([np.ones((1, len(outcome))), account_bootstrap(accounts, DRAWS)])
    areas, deepest = {}, {}
    for depth in DEPTHS:
        runs = [predicted(world, settings, depth, seed) for seed in seeds]
        prepared = [AucWithin(fold).prepare(outcome, probability) for probability, _ in runs]
        areas[depth] = np.array([[area(weight) for weight in weights] for area in prepared])
        deepest[depth] = max(depth_seen for _, depth_seen in runs)
    said: dict[str, Any] = {"rows": len(outcome), "accounts": len(np.unique(accounts)), "events": int(outcome.sum())}
    said["auc"] = {_named(depth): round(float(areas[depth][:, 0].mean()), 4) for depth in DEPTHS}
    said["deepest"] = {_named(depth): deepest[depth] for depth in DEPTHS}
    said["lost_at_6"] = {
        _named(depth): _difference(areas[depth].mean(axis=0) - areas[IN_USE].mean(axis=0))
        for depth in DEPTHS
        if depth != IN_USE
    }
    at_6 = areas[IN_USE][:, 0]
    said["seed_spread"] = round(float(np.abs(np.diff(at_6)).mean()), 4) if len(seeds) > 1 else None
    return said


def _difference(draws: np.ndarray) -> dict[str, float]:
    """The figure itself (first) and its 95 % interval over the resamples."""
    low, high = np.nanquantile(draws[1:], [0.025, 0.975])
    return {"value": round(float(draws[0]), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _named(depth: int) -> str:
    return "free" if depth == FREE else str(depth)


def run(quick: bool, seeds: int) -> dict[str, Any]:
    """Measure everything."""
    table: dict[str, dict[str, Any]] = {}
    seconds: dict[str, float] = {}
    for name, make in worlds(quick):
        began = time.process_time()
        world = make()
        for setting, parameters in SETTINGS.items():
            # Where every tree sees every column, a seed changes nothing.
            fits = range(seeds if parameters["feature_fraction"] < 1 else 1)
            table[f"{name}_{setting}"] = compared(world, parameters, fits)
            print(f"{name} {setting}: {table[f'{name}_{setting}']}", file=sys.stderr, flush=True)
        seconds[name] = round(time.process_time() - began, 2)
    return {"machine": machine(), "ratios": ratios_of(table), "seconds": seconds, "table": table}


def ratios_of(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """AUC that depth 6 loses against free depth in the mean of the worlds, and in how many it is shown to lose more
    than the limit (the whole interval lies above it).
    """
    said = {}
    for setting in SETTINGS:
        lost = [found["lost_at_6"]["free"] for name, found in table.items() if name.endswith(setting)]
        mean = statistics.mean(each["value"] for each in lost)
        against = f"AUC at free depth, mean of {len(lost)} worlds, {setting} regularisation"
        said[f"auc_lost_{setting}"] = ratio(mean, MOST_LOST, "lower", against) | {"value": round(mean, 5)}
    shown = [name for name, found in table.items() if found["lost_at_6"]["free"]["low"] > MOST_LOST]
    against = (
        f"comparisons of {len(table)} that lose more than {MOST_LOST:g} beyond chance: {', '.join(shown) or 'none'}"
    )
    return said | {"shown_to_lose": ratio(len(shown), 0, "lower", against)}


def main(argv: list[str] | None = None) -> int:
    """Print the table; as JSON with --json."""
    parser = argparse.ArgumentParser(description="What the limit on the depth of trees costs, in AUC.")
    parser.add_argument("--quick", action="store_true", help="one company and one deep world, one seed")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--seeds", type=int, default=None, help="fits of each kind (default: 2; quick: 1)")
    args = parser.parse_args(argv)
    report = run(args.quick, args.seeds or (1 if args.quick else 2))
    if args.json:
        print(json.dumps(report))
        return 0
    print(report["machine"])
    print(f"  {'world and settings':32} {'4':>7} {'6':>7} {'8':>7} {'free':>7}  lost at 6 against free (95 % interval)")
    for name, said in report["table"].items():
        auc, lost = said["auc"], said["lost_at_6"]["free"]
        figures = " ".join(f"{auc[_named(depth)]:7.4f}" for depth in DEPTHS)
        print(f"  {name:32} {figures}  {lost['value']:+.4f} ({lost['low']:+.4f} to {lost['high']:+.4f})")
    for name, each in report["ratios"].items():
        said = "ok" if each["ok"] else "missed"
        print(f"  {name:20} {each['value']:+9.5f}  aim <= {each['aim']:g}: {said:6}  ({each['against']})")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    raise SystemExit(main())
