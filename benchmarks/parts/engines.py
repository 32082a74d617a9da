"""The ways to contributions that `benchmarks/contributions.py` compares, each run in a process of its own.

`python benchmarks/parts/engines.py ENGINE TEXT ROWS` reads a model's text and rows once and then obeys lines of JSON on
stdin, one answer each. Nothing heavy is imported before it is needed: some engines bring a NumPy of their own.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
# The folder of this file, which Python puts first, holds nothing to import.
sys.path[:1] = [str(ROOT), str(ROOT / "src")]

from benchmarks.features import peak_megabytes  # noqa: E402

Values = Callable[[Any], Any]

NOT_INSTALLED = 3
"""Exit code of an engine whose library is not there."""

BETWEEN = "\n=== next component ===\n"
"""Between the texts of three components in one file."""

_SIZES: Mapping[str, float] = {"churn": 1.0, "contraction": 0.2, "expansion": 0.15}


@dataclass(frozen=True)
class Engine:
    """A function from rows to contributions, shape (n, width), or to margins, made from a text.

    `few` engines are slow and are given few rows, then scaled; `rival` is the folder of a library that is not ours.
    """

    make: Callable[[str], Values]
    threads: int = 1
    few: bool = False
    rival: str | None = None


def ours(text: str) -> Values:
    """Leap's kernel."""
    from leap.models.treeshap import TreeContributions

    return TreeContributions.of(text).contributions


def ours_halves(text: str) -> Values:
    """Two threads with half the rows each, as two requests would have it."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    contributions, pool = ours(text), ThreadPoolExecutor(2)
    return lambda matrix: np.concatenate(list(pool.map(contributions, np.array_split(matrix, 2))))


def predict(text: str) -> Values:
    """LightGBM's margins, with as many threads as OpenMP is given."""
    booster, threads = _booster(text), int(os.environ["OMP_NUM_THREADS"])
    return lambda matrix: booster.predict(matrix, raw_score=True, num_threads=threads)


def pred_contrib(text: str) -> Values:
    """LightGBM's TreeSHAP, with as many threads as OpenMP is given."""
    booster, threads = _booster(text), int(os.environ["OMP_NUM_THREADS"])
    return lambda matrix: booster.predict(matrix, pred_contrib=True, num_threads=threads)[:, :-1]


def pred_contrib_of_three(text: str) -> Values:
    """LightGBM's TreeSHAP of three components, added up."""
    calls = [pred_contrib(part) for part in text.split(BETWEEN)]
    return lambda matrix: sum(call(matrix) for call in calls)


def ours_of_three(text: str) -> Values:
    """Leap's kernel for three components, added up."""
    calls = [ours(part) for part in text.split(BETWEEN)]
    return lambda matrix: sum(call(matrix) for call in calls)


def explained(text: str) -> Values:
    """A scope of three boosted components: what each column adds to NRR, and all that is predicted beside it."""
    from leap.features import FeatureCatalog, Scope
    from leap.models.calibration import Calibration
    from leap.models.composition import Component, DirectNRR, ScopeModel
    from leap.models.encoding import Encoder
    from leap.models.learners import BaseRate, Boosted

    components = {
        name: Component(Boosted(part, _base(part)), Calibration(), size, "boosted", 1, 1, 1, 0.1, {})
        for (name, size), part in zip(_SIZES.items(), text.split(BETWEEN), strict=True)
    }
    direct = DirectNRR(1.0, BaseRate(0.0), None, "base_rate", {})
    model = ScopeModel(Scope.HEALTH, Encoder(FeatureCatalog(()), (), ()), **components, direct=direct)
    return lambda matrix: model.explained(matrix)[1].nrr


def shap_tree_explainer(text: str) -> Values:
    """The `shap` library, which asks LightGBM."""
    import shap

    explainer = shap.TreeExplainer(_booster(text))
    return lambda matrix: explainer.shap_values(matrix)


def woodelf(text: str) -> Values:
    """`woodelf-explainer`: it takes frames only, so making one belongs to its work."""
    import pandas as pd
    from woodelf import WoodelfExplainer

    explainer = WoodelfExplainer(_booster(text))
    return lambda matrix: explainer.shap_values(pd.DataFrame(matrix))


def fasttreeshap(text: str, algorithm: str) -> Values:
    """`fasttreeshap`, by the algorithm that needs no memory (v1) or the one that does (v2)."""
    import fasttreeshap as library

    explainer = library.TreeExplainer(_booster(text), algorithm=algorithm, n_jobs=1)

    def values(matrix: Any) -> Any:
        found = explainer.shap_values(matrix, check_additivity=False)
        return found[1] if isinstance(found, list) else found

    return values


def _booster(text: str) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=text)


def _base(text: str) -> float:
    import numpy as np

    booster = _booster(text)
    return float(booster.predict(np.zeros((1, booster.num_feature())), pred_contrib=True, num_threads=1)[0, -1])


ENGINES: Mapping[str, Engine] = {
    "ours": Engine(ours),
    "ours_2_threads": Engine(ours_halves, threads=2),
    "ours_of_three": Engine(ours_of_three),
    "explained": Engine(explained),
    "predict": Engine(predict),
    "predict_2_threads": Engine(predict, threads=2),
    "pred_contrib": Engine(pred_contrib, few=True),
    "pred_contrib_2_threads": Engine(pred_contrib, threads=2, few=True),
    "pred_contrib_of_three": Engine(pred_contrib_of_three, few=True),
    "shap": Engine(shap_tree_explainer, few=True),
    "woodelf": Engine(woodelf, rival="woodelf"),
    "fasttreeshap_v1": Engine(lambda text: fasttreeshap(text, "v1"), few=True, rival="fasttreeshap"),
    # What it makes before the first row is made again in every call: few rows, scaled, would charge it too often.
    "fasttreeshap_v2": Engine(lambda text: fasttreeshap(text, "v2"), rival="fasttreeshap"),
}


# --- the process


def serve(name: str, text_file: Path, rows_file: Path) -> int:
    """Answer until stdin ends: what was read (first line), the time of some rows, or an answer written to a file."""
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries that print must not print between the answers
    import numpy as np

    text, rows = text_file.read_text(), np.load(rows_file)
    began = time.process_time()
    try:
        values = ENGINES[name].make(text)
    except ImportError as error:
        print(error, file=sys.stderr)
        return NOT_INSTALLED
    made = time.process_time() - began
    read = {"text": zlib.crc32(text.encode()), "rows": zlib.crc32(rows.tobytes()), "make": made}

    def answer(document: Mapping[str, Any]) -> None:
        print(json.dumps(document), file=answers, flush=True)

    answer(read)
    for line in sys.stdin:
        order = json.loads(line)
        if "write" in order:
            np.save(order["write"], np.asarray(values(rows[: order["rows"]])))
            answer({"megabytes": peak_megabytes()})
        else:
            answer(timed(values, rows, order["rows"], order["times"]))
    return 0


def timed(values: Values, rows: Any, n: int, times: int) -> dict[str, float]:
    """Seconds of a call with the first `n` rows, the median of so many; one row is another one in each call."""
    cpu, wall = [], []
    for number in range(times):
        first = (number * n) % max(1, len(rows) - n + 1)
        part = rows[first : first + n]
        began, began_cpu = time.perf_counter(), time.process_time()
        values(part)
        cpu.append(time.process_time() - began_cpu)
        wall.append(time.perf_counter() - began)
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall), "megabytes": peak_megabytes()}


def first(text_file: Path, rows_file: Path) -> int:
    """What a process pays for its first contributions, compiling or reading what was compiled, and then once warm."""
    import numpy as np

    text, rows = text_file.read_text(), np.load(rows_file)
    began, began_cpu = time.perf_counter(), time.process_time()
    model = ours(text)
    model(rows[:100])
    model(rows[:1])
    found = {"cpu": time.process_time() - began_cpu, "wall": time.perf_counter() - began}
    marks = [time.process_time()]
    again = ours(text)
    for n in (0, 100, 100, 1):
        again(rows[:n])
        marks.append(time.process_time())
    parse, with_tables, without, one = np.diff(marks)
    found |= {"parse": parse, "tables": with_tables - without, "first_row": one}
    print(json.dumps({name: round(float(took), 5) for name, took in found.items()}))
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "first":
        raise SystemExit(first(*map(Path, sys.argv[2:])))
    engine, text_path, rows_path = sys.argv[1:]
    raise SystemExit(serve(engine, Path(text_path), Path(rows_path)))
