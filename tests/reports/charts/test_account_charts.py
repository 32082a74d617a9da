"""An account's pictures: every place is a value's, nothing is drawn where nothing is known, and all of them are inert."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.reports.charts.interval import ends_of, interval
from leap.reports.charts.scores_history import Mark, Month, scores_history
from leap.reports.charts.survival import survival
from tests.reports.charts.test_waterfall import HOSTILE, SVG, WIDTHS, inert, parsed

CURVE = [
    {"months": 1, "survival": 0.98, "observed": True}, {"months": 3, "survival": 0.9, "observed": True},
    {"months": 12, "survival": 0.7, "observed": True}, {"months": 36, "survival": 0.4, "observed": False},
]  # fmt: skip
MONTHS = [
    Month(date(2025, 10, 1), 100.0, 0.8, 0.5, 1.2),
    Month(date(2025, 11, 1), 100.0, 0.9, 0.6, 1.2),
    Month(date(2025, 12, 1), 0.0),
    Month(date(2026, 1, 1), 160.0, 1.1, 0.7, 1.4),
]


def circles(drawing: str) -> list[tuple[float, float]]:
    return [(float(node.attrib["cx"]), float(node.attrib["cy"])) for node in parsed(drawing).iter(f"{SVG}circle")]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_goes_over_what_has_no_score_and_higher_is_better(width: int) -> None:
    drawn = scores_history(MONTHS, [], "USD", of="x", width=width)
    lines = [node.attrib["points"].split() for node in parsed(drawn).iter(f"{SVG}polyline")]
    assert [len(points) for points in lines] == [2, 1]
    dots = circles(drawn)
    assert len(dots) == 3 and dots[0][1] > dots[1][1] > dots[2][1]
    bands = [node for node in parsed(drawn).iter(f"{SVG}polygon") if node.attrib["class"] == "band"]
    assert len(bands) == 1, "one moment alone has an upright line in place of a band"
    heights = [float(n.attrib["height"]) for n in parsed(drawn).iter(f"{SVG}rect") if "count" in n.attrib["class"]]
    assert heights[0] == heights[1] == pytest.approx(heights[3] / 1.6, abs=0.01) and heights[2] == 0


def test_what_happened_outside_of_the_picture_is_not_drawn_and_words_say_the_ends() -> None:
    marks = [Mark(date(2025, 11, 15), "more", "raises"), Mark(date(2024, 1, 1), "before", "lowers")]
    drawn = scores_history(MONTHS, marks, "USD", of="x")
    assert ">more<" in drawn and ">before<" not in drawn
    assert "1 Oct 2025: NRR 80.0% (50.0% to 120.0%)" in drawn and "3 dates with a score" in drawn
    assert scores_history(MONTHS[:1], marks, "USD", of="x") == ""
    assert scores_history([MONTHS[0]] * 2, marks, "USD", of="x") == ""
    left = [MONTHS[2], Month(date(2026, 2, 1), 0.0)]
    assert "No score at any of 2 dates" in scores_history(left, [], "USD", of="x")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1e9), st.none() | st.floats(-1, 50), st.floats(0, 2), st.integers(1, 400)),
        min_size=2, max_size=8,
    )
)  # fmt: skip
def test_everything_lies_inside_of_the_picture(found: list[tuple[float, float | None, float, int]]) -> None:
    day, months = date(2020, 1, 1), []
    for mrr, nrr, reach, days in found:
        day += timedelta(days=days)
        held = (None, None) if nrr is None else (nrr - reach, nrr + reach)
        months.append(Month(day, mrr, nrr, *held))
    for width in WIDTHS:
        drawn = scores_history(months, [], "USD", of="x", width=width)
        root = parsed(drawn)
        height = float(root.attrib["height"])
        assert all(0 <= x <= width and 0 <= y <= height for x, y in circles(drawn))
        for node in root.iter(f"{SVG}rect"):
            assert float(node.attrib["x"]) >= 0 and float(node.attrib["x"]) + float(node.attrib["width"]) <= width


def test_the_survival_curve_falls_from_one_and_is_broken_beyond_what_was_followed() -> None:
    drawn = survival(CURVE, of="x")
    lines = [n.attrib for n in parsed(drawn).iter(f"{SVG}line") if n.attrib["class"].startswith("line")]
    assert [line["class"] for line in lines] == ["line", "line", "line", "line beyond"]
    falls = [float(line["y2"]) for line in lines]
    assert falls == sorted(falls) and float(lines[0]["x1"]) < float(lines[0]["x2"])
    per_share = (float(lines[-1]["y2"]) - float(lines[0]["y1"])) / 0.6
    assert float(lines[1]["y2"]) - float(lines[0]["y1"]) == pytest.approx(0.1 * per_share, abs=0.02)
    assert "after 36 months 40.0%" in drawn and survival([], of="x") == ""


def test_an_interval_holds_its_figure_and_lies_between_its_ends() -> None:
    ends = ends_of([0.8, 0.5, 1.2, 0.9])
    root = parsed(interval(0.8, 0.5, 1.2, 0.9, ends))
    x = float(next(root.iter("circle")).attrib["cx"])
    found = [node.attrib for node in root.iter("line")]
    held = next(one for one in found if one["class"] == "range")
    usual = next(one for one in found if one["class"] == "usual")
    assert float(held["x1"]) < x < float(usual["x1"]) < float(held["x2"])
    assert 'class="range"' not in interval(0.8, None, None, None, ends)


def test_names_of_accounts_and_marks_are_inert() -> None:
    for drawn in (
        scores_history(MONTHS, [Mark(date(2025, 11, 1), HOSTILE, "raises")], HOSTILE, of=HOSTILE),
        survival(CURVE, of=HOSTILE),
    ):
        inert(parsed(drawn))
