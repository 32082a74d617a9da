"""shap's own plots: of any kind of feature, always the same, and nothing outside of them is disturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.explanation import shap_pictures
from leap.explanation.drivers import Driver
from leap.features import FeatureFrame
from leap.reports.artifacts import Artifacts, not_drawn
from tests.worlds import a_frame

N = 60


@pytest.fixture(scope="module")
def frame() -> FeatureFrame:
    rng = np.random.default_rng(1)
    seats = np.where(np.arange(N) % 7 == 0, np.nan, rng.integers(1, 50, N))
    plan = [["gold", "silver", "$x$ <b>" + "y" * 500, None][i % 4] for i in range(N)]
    return a_frame({"seats": seats, "plan": plan, "still": np.ones(N), "gone": np.full(N, np.nan)})


@pytest.fixture(scope="module")
def contributions() -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.column_stack([rng.normal(0, 3, N), rng.normal(0, 2, N), np.zeros(N), rng.normal(0, 1, N)])


def drawn(folder: Path, contributions: np.ndarray, frame: FeatureFrame) -> Artifacts:
    made = Artifacts(folder)
    made.draw_contributions("_fit", contributions, frame, "contribution to NRR, points")
    return made


def test_numbers_categories_and_what_is_missing_are_drawn_the_same_twice_and_disturb_nothing(
    frame: FeatureFrame, contributions: np.ndarray, tmp_path: Path
) -> None:
    from matplotlib import pyplot

    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    np.random.seed(99)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    made = drawn(first, contributions, frame)
    assert made.failed == []
    assert (np.random.get_state()[1] == before).all(), "shap shuffles with the global state"  # type: ignore[index]
    assert [path.name for path in made.paths] == [
        "shap_summary_fit.png", "shap_dependence_fit_1_seats.png", "shap_dependence_fit_2_plan.png",
        "shap_dependence_fit_3_gone.png",
    ]  # fmt: skip
    np.random.seed(5)
    drawn(second, contributions, frame)
    for path in made.paths:
        assert path.read_bytes() == (second / path.name).read_bytes()
    assert pyplot.get_fignums() == []


def test_a_picture_that_fails_is_noted_and_leaves_no_figure_and_no_half_file(tmp_path: Path) -> None:
    from matplotlib import pyplot

    def broken(values: Any, path: Path) -> None:
        path.write_text("half")
        with shap_pictures._plotting() as (plots, _):
            plots.subplots()
            raise ZeroDivisionError("no\nrange")

    made = Artifacts(tmp_path)
    made.draw("broken.png", broken, [])
    made.draw("ok.png", lambda path: path.write_text("fine"))
    files = made.close()
    assert [path.name for path in files] == ["ok.png", "not_drawn.txt"] and not (tmp_path / "broken.png").exists()
    assert not_drawn(files) == ["A picture is missing: broken.png: not drawn: ZeroDivisionError: no range"]
    assert pyplot.get_fignums() == [] and not_drawn(files[:1]) == []


def test_where_nothing_moves_there_is_no_picture_and_no_fault(frame: FeatureFrame, tmp_path: Path) -> None:
    made = drawn(tmp_path, np.zeros((N, 4)), frame)
    assert made.close() == []


def test_levels_have_their_own_places_the_missing_last(frame: FeatureFrame) -> None:
    feature = frame.catalog.by_name["plan"]
    places, names = shap_pictures._places(feature, frame.frame["plan"])
    assert names[-1] == "(missing)" and len(names) == 4 and set(places) == {0.0, 1.0, 2.0, 3.0}
    assert [names[int(place)] for place in places[:4]] == [*frame.frame["plan"][:3], "(missing)"]


def test_the_table_of_drivers_has_a_row_each_and_no_formula(driver: Driver, tmp_path: Path) -> None:
    made = Artifacts(tmp_path)
    made.write_drivers([("customers", [driver]), ("before the purchase", [])])
    csv = (tmp_path / "drivers.csv").read_text()
    assert csv.splitlines()[0].startswith("model,rank,label,share,direction,stable")
    assert "customers,1,'=1+1," in csv and "seats; seats_91d" in csv
    assert '"rank": 1' in (tmp_path / "drivers.json").read_text()
    Artifacts(tmp_path).write_drivers([("customers", [])])
    assert (tmp_path / "drivers.csv").read_text().startswith("model,rank,label")


@pytest.fixture
def driver(planted: Any) -> Driver:
    document = planted.bundle.drivers[0].to_json()
    return Driver.from_json({**document, "label": "=1+1", "features": ["seats", "seats_91d"]})
