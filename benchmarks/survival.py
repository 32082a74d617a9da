"""How well the time until accounts leave is told: a table with published figures, and a company whose curves are known.

`python benchmarks/survival.py [--quick] [--json]`. The table is `saas_sme_churn` (from `square/pysurvival`; there a
C-index of 0.83 and an integrated Brier score of 0.13 are published, and a plain Cox model reaches 0.87), read from
`LEAP_TEST_DATA` or `../shared/data`; without it only the made-up accounts are measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: Python would find http.py in it for its own `http`.
others = [p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

from benchmarks.features import machine, ratio  # noqa: E402
from leap.config import parse_settings  # noqa: E402
from leap.flat.frame import flat_frame  # noqa: E402
from leap.flat.rows import flat_rows  # noqa: E402
from leap.flat.survival import survival_of  # noqa: E402
from leap.models.hazard import Followed, fit_hazard  # noqa: E402
from leap.models.hazard.figures import kaplan_meier  # noqa: E402
from leap.tables.assemble import assemble  # noqa: E402

PUBLISHED = {"c_index": 0.83, "cox": 0.87, "ibs": 0.13}
MONTHS = 36


def data_folder() -> Path:
    """Where the sample data lie."""
    given = os.environ.get("LEAP_TEST_DATA")
    return Path(given) if given else Path(__file__).parents[2] / "shared" / "data"


def published(folder: Path) -> dict[str, float]:
    """The figures of the table, in five folds of other accounts."""
    frame = pd.read_csv(folder / "saas_sme_churn" / "churn.csv", dtype=str)
    columns = {name: {} for name in frame if name not in ("months_active", "churned")}
    table = {
        "shape": "snapshot", "source": "churn.csv", "key": "_row", "outcome": "churned", "duration": "months_active",
        "columns": columns,
    }  # fmt: skip
    tables = assemble(parse_settings({"tables": {"customers": table}}), {"customers": frame}, [], None)
    rows = flat_rows(tables, until_given=False)
    found = survival_of(rows, flat_frame(rows))
    assert found is not None and found.figures is not None
    return {
        "c_index": found.figures.c_index.value,
        "ibs": found.figures.ibs.value,
        "ibs_of_kaplan_meier": found.figures.ibs.baseline,
        "months": found.figures.months,
    }


def made_up(accounts: int, seed: int) -> tuple[Followed, np.ndarray]:
    """Accounts seen for 6 to 36 months, three of whose twenty columns move a falling hazard, less in later months; and
    their true curves.
    """
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(accounts, 20))
    month = np.arange(1, MONTHS + 1)
    effect = matrix[:, :3] @ np.array([0.8, -0.6, 0.4])
    margin = -2.8 - 0.25 * np.log(month)[None, :] + effect[:, None] * (1 - 0.15 * np.log(month))[None, :]
    hazard = 1 / (1 + np.exp(-margin))
    lost = rng.random((accounts, MONTHS)) < hazard
    leaves = np.where(lost.any(axis=1), lost.argmax(axis=1) + 1, MONTHS + 1)
    seen = rng.integers(6, MONTHS + 1, accounts)
    day = np.full(accounts, np.datetime64("2022-01-01", "us"))
    followed = Followed(matrix, np.minimum(leaves, seen), leaves <= seen, np.arange(accounts), day)
    return followed, np.cumprod(1 - hazard, axis=1)


def recovered(accounts: int, seeds: range) -> dict[str, float]:
    """Mean absolute error of curves of accounts that were not learned from, and of Kaplan-Meier's one curve."""
    errors, usual, seconds, thousand = [], [], [], []
    for seed in seeds:
        past, _ = made_up(accounts, seed)
        later, truth = made_up(1000, 1000 + seed)
        began = time.perf_counter()
        hazard = fit_hazard(past)
        seconds.append(time.perf_counter() - began)
        assert hazard is not None
        began = time.perf_counter()
        curves = hazard.survival(later.matrix, MONTHS)
        thousand.append(time.perf_counter() - began)
        errors.append(float(np.abs(curves - truth).mean()))
        usual.append(float(np.abs(kaplan_meier(past.months, past.gone, MONTHS) - truth).mean()))
    return {
        "error": float(np.mean(errors)),
        "error_of_kaplan_meier": float(np.mean(usual)),
        "fit": float(np.median(seconds)),
        "curves_of_1000": float(np.median(thousand)),
    }


def run(quick: bool) -> dict[str, Any]:
    """Measure everything."""
    sizes, seeds = ((300, 1000), range(2)) if quick else ((150, 300, 1000, 2000), range(5))
    ratios: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    folder = data_folder()
    if (folder / "saas_sme_churn").is_dir():
        began = time.perf_counter()
        found = published(folder)
        seconds["saas_sme_churn"] = time.perf_counter() - began
        over = f"over {found['months']:.0f} months, out of sample"
        ratios["saas_sme_c_index"] = ratio(found["c_index"], PUBLISHED["cox"], "higher", f"a plain Cox model, {over}")
        ratios["saas_sme_ibs"] = ratio(found["ibs"], PUBLISHED["ibs"], "lower", f"published figure, {over}")
        usual = found["ibs_of_kaplan_meier"]
        ratios["saas_sme_ibs_of_kaplan_meier"] = ratio(found["ibs"] / usual, 0.6, "lower", f"its own {usual:.3f}")
    for accounts in sizes:
        known = recovered(accounts, seeds)
        against = f"Kaplan-Meier's error {known['error_of_kaplan_meier']:.3f}; ours {known['error']:.3f}"
        aim = 0.75 if accounts < 300 else 0.6 if accounts < 1000 else 0.4
        ratios[f"curve_error_{accounts}_accounts"] = ratio(
            known["error"] / known["error_of_kaplan_meier"], aim, "lower", against
        )
        seconds[f"fit_{accounts}_accounts"] = known["fit"]
        seconds[f"curves_of_1000_accounts_from_{accounts}"] = known["curves_of_1000"]
    return {"machine": machine(), "ratios": ratios, "seconds": {name: round(took, 4) for name, took in seconds.items()}}


def main(argv: list[str] | None = None) -> int:
    """Print the figures; as JSON with --json."""
    parser = argparse.ArgumentParser(description="Time until accounts leave: how well it is told.")
    parser.add_argument("--quick", action="store_true", help="two sizes and seeds instead of four and five")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    args = parser.parse_args(argv)
    report = run(args.quick)
    if args.json:
        print(json.dumps(report))
        return 0
    print(report["machine"])
    for name, each in report["ratios"].items():
        sign = "<=" if each["better"] == "lower" else ">="
        said = "ok" if each["ok"] else "missed"
        print(f"  {name:30} {each['value']:7.3f}  aim {sign} {each['aim']:g}: {said:6}  ({each['against']})")
    for name, took in report["seconds"].items():
        print(f"  {name:42} {took:8.4f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
