"""A figure over time: what is drawn is what was given, and what is expected never looks like what was measured."""

from __future__ import annotations

from datetime import date

import pytest

from leap.reports import charts
from leap.reports.charts import Ahead, Line
from tests.reports.charts.test_waterfall import HOSTILE, SVG, inert, parsed, text

FORM = charts.of_shares()
POINTS = [(date(2024, 1, 1), 0.94), (date(2024, 4, 1), 0.96), (date(2024, 7, 1), 0.95), (date(2024, 10, 1), 0.97)]
AHEAD = Ahead(date(2025, 10, 2), 0.98, 0.9, 1.07)


def drawn(line: Line, **more: object) -> str:
    return str(charts.history(line, FORM, title="NRR over time", name="nrr", **more))  # type: ignore[arg-type]


def of_class(line: Line, tag: str, kind: str) -> list[dict[str, str]]:
    return [one.attrib for one in parsed(drawn(line)).iter(f"{SVG}{tag}") if one.attrib.get("class") == kind]


def test_every_measured_point_is_a_dot_in_its_place_on_one_line() -> None:
    dots = of_class(Line("NRR", POINTS), "circle", "dot")
    assert [float(dot["data-value"]) for dot in dots] == [value for _, value in POINTS]
    xs, ys = ([float(dot[key]) for dot in dots] for key in ("cx", "cy"))
    assert xs == sorted(xs) and (ys[0] - ys[1]) == pytest.approx(2 * (ys[2] - ys[1]), abs=0.05)
    days = [day.toordinal() for day, _ in POINTS]
    assert (xs[1] - xs[0]) / (xs[3] - xs[0]) == pytest.approx((days[1] - days[0]) / (days[3] - days[0]), abs=0.01)
    (line,) = of_class(Line("NRR", POINTS), "polyline", "curve")
    assert line["points"] == " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(xs, ys, strict=True))


def test_a_day_without_a_figure_is_a_gap_and_no_value_between() -> None:
    gapped = [*POINTS[:2], (date(2024, 5, 1), None), *POINTS[2:]]
    lines = of_class(Line("NRR", gapped), "polyline", "curve")
    assert [len(line["points"].split()) for line in lines] == [2, 2]
    assert len(of_class(Line("NRR", gapped), "circle", "dot")) == 4
    assert "1 days have no figure." in drawn(Line("NRR", gapped))


def test_what_is_expected_is_hollow_dashed_named_and_has_its_ends() -> None:
    line = Line("NRR", POINTS, AHEAD)
    (hollow,) = of_class(line, "circle", "dot missing")
    assert float(hollow["data-value"]) == AHEAD.value and len(of_class(line, "circle", "dot")) == len(POINTS)
    (measured,), (dashed,) = of_class(line, "polyline", "curve"), of_class(line, "polyline", "ahead")
    assert measured["points"].split()[-1] == dashed["points"].split()[0] and len(dashed["points"].split()) == 2
    whisker = of_class(line, "line", "range")[0]
    (fan,) = of_class(line, "polygon", "band")
    assert whisker["x1"] == whisker["x2"] == hollow["cx"]
    top, bottom = sorted(float(whisker[key]) for key in ("y1", "y2"))
    assert top < float(hollow["cy"]) < bottom
    assert {point.split(",")[1] for point in fan["points"].split()[1:]} == {f"{top:.2f}", f"{bottom:.2f}"}
    root = parsed(drawn(line))
    assert "expected" in text(root).splitlines() and "98.0%" in text(root)
    assert "Expected by 2 Oct 2025: 98.0% (90.0% to 107.0%)." in drawn(line)


def test_without_an_interval_there_is_neither_a_fan_nor_a_whisker() -> None:
    line = Line("GRR", POINTS, Ahead(AHEAD.at, 0.9))
    assert not of_class(line, "polygon", "band") and not of_class(line, "line", "range")
    assert of_class(line, "polyline", "ahead") and "Expected by 2 Oct 2025: 90.0%." in drawn(line)


def test_what_was_said_before_is_a_mark_of_its_own_beside_what_came() -> None:
    line = Line("NRR", POINTS, AHEAD, [Ahead(POINTS[-1][0], 0.93, 0.8, 1.1)])
    (said,) = of_class(line, "path", "said")
    assert float(said["data-value"]) == 0.93
    assert "Said before of 1 Oct 2024: 93.0% (80.0% to 110.0%)." in drawn(line)
    # Its wide interval must not squeeze the line flat.
    assert of_class(line, "circle", "dot")[0]["cy"] == of_class(Line("NRR", POINTS, AHEAD), "circle", "dot")[0]["cy"]


@pytest.mark.parametrize(
    "line",
    [
        Line("NRR", [], AHEAD),
        Line("NRR", POINTS[:1]),
        Line("NRR", POINTS[:1], AHEAD),
        Line("NRR", [(day, 1.0) for day, _ in POINTS], Ahead(AHEAD.at, 1.0, 1.0, 1.0)),
        Line("NRR", [(date(2024, 1, 1), 400.0), (date(2031, 1, 1), 0.0)], AHEAD),
    ],
)
def test_few_points_equal_points_and_wild_ones_are_drawn_inside_the_picture(line: Line) -> None:
    for width in (charts.NARROW, charts.WIDE):
        root = parsed(drawn(line, width=width))
        inert(root)
        _, _, wide, high = map(float, root.attrib["viewBox"].split())
        for node in root.iter():
            for key, most in (("x", wide), ("cx", wide), ("y", high), ("cy", high)):
                assert 0 <= float(node.attrib.get(key, 0)) <= most


def test_nothing_to_draw_is_nothing() -> None:
    assert drawn(Line("NRR", [])) == drawn(Line("NRR", [(date(2024, 1, 1), None)])) == ""


def test_years_are_marked_and_a_short_time_by_its_ends() -> None:
    assert {"2022", "2023"} <= set(
        text(parsed(drawn(Line("NRR", [(date(2021, 6, 1), 0.9), (date(2023, 6, 1), 1)])))).split()
    )
    assert "Jan 2024" in text(parsed(drawn(Line("NRR", POINTS)))) and "Oct 2024" in text(
        parsed(drawn(Line("NRR", POINTS)))
    )


def test_no_text_is_more_than_text() -> None:
    found = charts.history(Line(HOSTILE, POINTS, AHEAD), FORM, title=HOSTILE, name=HOSTILE, ahead=HOSTILE[:20])
    inert(parsed(str(found)))
    assert "<script" not in found
