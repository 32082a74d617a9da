"""The same data and settings give the same model, whatever order, machine or environment they come in."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CHECKOUT = Path(__file__).parents[2]
PLAIN = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Variant:
    """What differs from the plain run: order of rows and columns in every file, and the environment."""

    shuffled: int = 0
    environment: dict[str, str] = field(default_factory=dict)


ALL_AT_ONCE = Variant(
    1,
    {
        "OMP_NUM_THREADS": "2",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "random",
        "OPENBLAS_NUM_THREADS": "2",
    },
)
ONE_BY_ONE = {
    "rows and columns": Variant(2),
    "time zone": Variant(environment={"TZ": "America/St_Johns"}),
    "locale": Variant(environment={"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}),
    "hash seed 1": Variant(environment={"PYTHONHASHSEED": "1"}),
    "threads": Variant(environment={"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("same model") / "workspace"
    leap(["demo", str(folder), "--accounts", "150", "--seed", "5"], {})
    return folder


def leap(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "training", *arguments, "--json"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT / 'src'}{os.pathsep}{CHECKOUT}", **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def trained(workspace: Path, folder: Path, variant: Variant) -> dict[str, Any]:
    """Train a copy in a store of its own; two trials, so that tuning is part of it."""
    copy = folder / "workspace"
    shutil.copytree(workspace, copy)
    if variant.shuffled:
        for path in sorted(copy.iterdir()):
            shuffle(path, random.Random(variant.shuffled))
    arguments = ["train", str(copy), "--store", str(folder / "store"), "--trials", "2"]
    return leap(arguments, {**PLAIN, **variant.environment})


def shuffle(path: Path, chance: random.Random) -> None:
    """Write a table's rows and columns in another order."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
        order = chance.sample(range(len(header)), len(header))
        chance.shuffle(rows)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([row[i] for i in order] for row in [header, *rows])
    elif path.suffix == ".parquet":
        table = pq.read_table(path)
        names = chance.sample(table.column_names, table.num_columns)
        rows_of_file = pa.array(chance.sample(range(table.num_rows), table.num_rows))
        pq.write_table(table.select(names).take(rows_of_file), path)


@pytest.fixture(scope="module")
def plain_and_all_at_once(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("plain", "all at once")]
    with ThreadPoolExecutor(2) as both:
        plain, other = both.map(trained, [workspace] * 2, folders, [Variant(), ALL_AT_ONCE])
    return plain, other


@pytest.mark.slow
def test_rows_columns_zone_locale_hash_seed_and_threads_change_nothing(plain_and_all_at_once):
    plain, other = plain_and_all_at_once
    assert other["model_hash"] == plain["model_hash"]
    for part in ("outcomes", "fit_outcomes", "portfolio", "drivers", "tuning", "definition_hash"):
        assert other[part] == plain[part], part


@pytest.mark.slow
def test_the_model_compared_has_learned_something(plain_and_all_at_once):
    plain, _ = plain_and_all_at_once
    learners = {found["learner"] for found in plain["outcomes"].values()}
    assert learners & {"linear", "boosted", "tuned"}
    assert plain["tuning"]["final"]["trials"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("what", list(ONE_BY_ONE))
def test_each_alone_changes_nothing(what, workspace, plain_and_all_at_once, tmp_path):
    assert trained(workspace, tmp_path, ONE_BY_ONE[what])["model_hash"] == plain_and_all_at_once[0]["model_hash"]
