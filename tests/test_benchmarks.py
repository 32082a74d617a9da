"""The benchmarks of contributions, of depth and of HTTP run and print the agreed form; nothing is timed here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import depth
from benchmarks.contributions import NOT_INSTALLED, Report, Worker, differences, times
from benchmarks.parts.engines import ENGINES
from benchmarks.parts.models import grow, rows_of

ROOT = Path(__file__).parents[1]
RATIO = {"value", "aim", "better", "ok", "against"}


@pytest.mark.slow
def test_contributions_are_measured_in_the_agreed_form() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "contributions.py"), "--tiny", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert set(report) >= {"machine", "ratios", "seconds"}
    for name, each in report["ratios"].items():
        assert set(each) == RATIO, name
        assert each["better"] in ("lower", "higher")
        assert each["ok"] == (
            each["value"] <= each["aim"] if each["better"] == "lower" else each["value"] >= each["aim"]
        )
    assert report["ratios"]["difference_depth_6"]["ok"]
    assert {"pred_contrib_depth_6", "predict_depth_6", "one_row_explained", "slope_in_rows_depth_6"} <= set(
        report["ratios"]
    )


@pytest.mark.slow
def test_answers_over_http_are_measured_in_the_agreed_form() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "http.py"), "--tiny", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout, parse_constant=pytest.fail)
    assert set(report) >= {"machine", "ratios", "seconds"}
    for name, each in report["ratios"].items():
        assert set(each) == RATIO, name
        assert each["value"] >= 0 or name == "added_by_http", name
    assert report["ratios"]["difference_plain"]["ok"]
    assert report["ratios"]["overload_broken"]["ok"], report["ratios"]["overload_broken"]
    assert {
        "one_score_p50", "throughput_c1", "throughput_c8", "throughput_c32", "thousand_by_id", "thousand_by_features",
        "recovery_seconds", "health_overload_ms", "health_large_ms", "health_endless_ms", "health_slow_ms",
        "health_nested_ms", "start_to_ready", "slope_by_id", "slope_by_features",
    } <= set(report["ratios"])  # fmt: skip


@pytest.mark.slow
def test_pages_are_measured_in_the_agreed_form() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "pages.py"), "--tiny", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout, parse_constant=pytest.fail)
    assert set(report) == {"machine", "ratios", "seconds"}
    assert {"page_ms", "search_ms", "csv_growth", "xlsx_growth", "health_csv_ms"} <= set(report["ratios"])
    assert all(set(each) == RATIO for each in report["ratios"].values())


def test_no_benchmark_takes_http_py_for_the_librarys() -> None:
    """Python looks first in the folder of the script that it runs."""
    program = """
import runpy, sys
for name in sys.argv[1:]:
    sys.path.insert(0, "benchmarks")
    runpy.run_path(f"benchmarks/{name}.py", run_name="imported")
    import http.client
    assert not [path for path in sys.path if path.endswith("benchmarks")], name
"""
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    answer = subprocess.run([sys.executable, "-c", program, *names], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small model's text and rows, as files."""
    folder = tmp_path_factory.mktemp("engines")
    text, rows = folder / "model.txt", folder / "rows.npy"
    text.write_text(grow("free_depth", trees=5, rows=400, width=12))
    np.save(rows, rows_of(120, 12, 1))
    return text, rows


def test_an_engine_that_says_something_else_is_seen(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report()
    exact = Worker.start("pred_contrib", *files, None)
    assert exact is not None

    class Off:
        name = "ours"

        def ask(self, write: str, rows: int) -> None:
            exact.ask(write=write, rows=rows)
            np.save(write, np.load(write) + 0.01)

    differences(report, "depth_6", [exact, Off()])  # type: ignore[list-item]
    exact.close()
    assert not report.ratios["difference_depth_6"]["ok"]
    assert report.ratios["difference_depth_6"]["value"] == pytest.approx(0.01)


def test_a_library_that_is_not_there_is_not_measured(files: tuple[Path, Path], tmp_path: Path) -> None:
    assert Worker.start("woodelf", *files, None) is None
    (tmp_path / "fasttreeshap").mkdir()
    assert Worker.start("fasttreeshap_v1", *files, tmp_path) is None
    assert NOT_INSTALLED != 1  # what Python exits with for any other fault


def test_a_ratio_is_the_median_over_turns_and_not_the_ratio_of_medians() -> None:
    took = {"a": [{"cpu": 1.0}, {"cpu": 10.0}, {"cpu": 9.0}], "b": [{"cpu": 1.0}, {"cpu": 5.0}, {"cpu": 1.0}]}
    assert times(took, "a", "b") == 2.0


def test_rows_have_all_kinds_of_columns_and_depth_is_as_named() -> None:
    rows = rows_of(500, 30, 0)
    assert rows.shape == (500, 30)
    assert 0.02 < np.isnan(rows).mean() < 0.1
    assert sum(set(np.unique(column)) <= {0.0, 1.0} for column in rows.T) == 12
    assert not np.allclose(rows[:, 0], rows[:, 10])
    assert re.search(r"\[max_depth: 6\]", grow("depth_6", trees=2, rows=400, width=12))


def test_every_engine_names_the_threads_it_is_given() -> None:
    assert {name for name, engine in ENGINES.items() if engine.threads == 2} == {
        name for name in ENGINES if name.endswith("_2_threads")
    }


def test_the_limit_of_depth_is_set_only_inside_and_reaches_the_trees() -> None:
    world = depth.deep_world("tree", 0, 150)
    usual = depth.boosting.options_of
    settings = {**depth.SETTINGS["loose"], "rounds": 5}
    deepest = [depth.predicted(world, settings, limit, 0)[1] for limit in (4, depth.IN_USE, depth.FREE)]
    assert deepest[:2] == [4, 6]
    assert deepest[2] > 6
    assert depth.boosting.options_of is usual


def test_what_depth_costs_is_paired_and_in_the_agreed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "DRAWS", 20)
    world = depth.deep_world("staircase", 0, 150)
    said = depth.compared(world, {**depth.SETTINGS["usual"], "num_leaves": 4, "rounds": 5}, [0])
    # Four leaves are at most three deep: no limit binds, so nothing is lost, in any resample.
    assert said["lost_at_6"]["free"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    ratios = depth.ratios_of({"a_usual": said, "a_loose": said})
    assert all(set(each) == RATIO and each["ok"] for each in ratios.values())
    lost = {**said, "lost_at_6": {"free": {"value": 0.005, "low": 0.0035, "high": 0.006}}}
    ratios = depth.ratios_of({"a_usual": said, "b_usual": lost, "a_loose": said})
    assert ratios["auc_lost_usual"]["value"] == 0.0025
    assert ratios["auc_lost_usual"]["ok"]
    assert (ratios["shown_to_lose"]["value"], ratios["shown_to_lose"]["ok"]) == (1, False)
    assert "b_usual" in ratios["shown_to_lose"]["against"]
