"""Waterfalls: what is drawn is what was given, it adds up, and no text from data is more than text."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.reports import charts
from leap.reports.charts import Level, Scale, Step
from leap.reports.charts.reasons import steps_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\" onload='x' ]]> & \u202e אבג 😀👍🏽 \x00\x07"
CAUSAL = re.compile(
    r"\b(because|causes?|caused|leads? to|due to|drives|impacts?|effects?|results? in)\b", re.IGNORECASE
)
WIDTHS = (charts.WIDE, charts.NARROW)


def parsed(drawing: str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 (our own text, and it must be well-formed)


def rects(root: ET.Element, kind: str) -> list[dict[str, str]]:
    return [r.attrib for r in root.iter(f"{SVG}rect") if kind in r.attrib.get("class", "").split()]


def text(root: ET.Element) -> str:
    return "\n".join(one.text or "" for one in root.iter(f"{SVG}text"))


def inert(root: ET.Element) -> None:
    for node in root.iter():
        assert node.tag.removeprefix(SVG) in {
            "svg", "title", "desc", "g", "rect", "line", "text", "polyline", "polygon", "circle", "path",
        }  # fmt: skip
        assert not [name for name in node.attrib if name == "style" or name.startswith("on") or "href" in name]
    for node in root.iter(f"{SVG}text"):
        assert len(node.text or "") < 60


def a_score(points: list[float], **more: Any) -> dict[str, Any]:
    reasons = [
        {"feature": f"f{i}", "label": f"Driver {i}", "phrase": f"Driver {i}: {i} days, usually 7 days; associated with",
         "nrr_points": value, "money": 1000 * value}
        for i, value in enumerate(points)
    ]  # fmt: skip
    total = 0.97 + sum(points)
    return {
        "account_id": "a1", "name": "Nordlicht", "mrr": 1000.0, "nrr": {"point": total}, "base": {"nrr": 0.97},
        "reasons": reasons, "residual": 0.0, "abstained": None, **more,
    }  # fmt: skip


def drawn_steps(root: ET.Element) -> list[tuple[float, float, float]]:
    """Each bar as its beginning, its end and its value, in the drawing's own units."""
    found = []
    for bar in rects(root, "bar"):
        left, width, value = float(bar["x"]), float(bar["width"]), float(bar["data-value"])
        found.append((left, left + width, value) if value >= 0 else (left + width, left, value))
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_have_the_lengths_of_their_values_and_each_begins_where_the_last_one_ended(width: int) -> None:
    points = [-0.2, 0.05, -0.105, 0.03, -0.02]
    root = parsed(charts.reasons(a_score(points), "USD", width=width))
    bars, levels = drawn_steps(root), [float(r["x"]) + 1.5 for r in rects(root, "level")]
    assert [value for *_, value in bars] == pytest.approx(sorted(points, key=lambda p: -abs(p)))
    per_point = (levels[1] - levels[0]) / sum(points)
    for begin, end, value in bars:
        assert end - begin == pytest.approx(value * per_point, abs=0.05)
    assert bars[0][0] == pytest.approx(levels[0], abs=0.05) and bars[-1][1] == pytest.approx(levels[1], abs=0.05)
    for (_, end, _), (begin, _, _) in itertools.pairwise(bars):
        assert begin == pytest.approx(end, abs=0.05)


@given(st.lists(st.floats(-0.5, 0.5), max_size=30), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_whatever_is_shown_the_steps_come_from_the_base_to_the_score(points: list[float], most: int) -> None:
    score = a_score(points)
    steps = steps_of(score, most)
    assert len([step for step in steps if step.kind == "step"]) == min(most, len(points))
    assert 0.97 + sum(step.value for step in steps) == pytest.approx(score["nrr"]["point"], abs=1e-9)
    parsed(charts.reasons(score, "USD", most=most))


def test_reasons_that_were_not_sent_along_are_in_the_rest_in_points_and_in_money() -> None:
    score = a_score([-0.2, 0.05, 0.01])
    score["reasons"] = score["reasons"][:1]
    (_, rest) = steps_of(score)
    assert rest.kind == "rest" and rest.value == pytest.approx(0.06) and rest.beside == "+60"


def test_a_reason_has_its_label_value_points_and_money_and_a_sign_beside_its_colour() -> None:
    root = parsed(charts.reasons(a_score([-0.2, 0.05]), "USD"))
    said = text(root)
    for part in ("Driver 0", "0 days, usually 7 days", "−20.0", "+5.0", "−200", "+50", "USD a month", "97.0%", "82.0%"):
        assert part in said
    about = root.find(f"{SVG}desc")
    assert about is not None and about.text == (
        "From Base 97.0%: Driver 0: −20.0 NRR points; Driver 1: +5.0 NRR points; to NRR of this account 82.0%."
    )
    assert root.attrib["role"] == "img" and not CAUSAL.search(str(ET.tostring(root)))
    named = {node.attrib["id"] for node in root if "id" in node.attrib}
    assert set(root.attrib["aria-labelledby"].split()) == named


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("points", [[], [0.0], [0.0] * 5, [-0.1], [-0.1, -0.2, -0.05], [1e-12], [50.0, -49.0]])
def test_nothing_one_reason_only_losses_and_only_zeros_are_drawn(points: list[float], width: int) -> None:
    root = parsed(charts.reasons(a_score(points), "USD", width=width))
    assert len(rects(root, "level")) == 2 and len(rects(root, "bar")) == len(points)
    for node in root.iter(f"{SVG}rect"):
        assert float(node.attrib["x"]) >= 0 and float(node.attrib["x"]) + float(node.attrib["width"]) <= width


def test_an_account_without_a_score_has_no_picture() -> None:
    assert charts.reasons(a_score([], abstained="already_leaving"), "USD") == ""
    assert charts.reasons(a_score([], nrr={"point": None}), "USD") == ""


def test_without_revenue_no_money_is_shown() -> None:
    said = text(parsed(charts.reasons(a_score([-0.2, 0.1], mrr=None, reasons=[]), "USD")))
    assert "USD" not in said and "All smaller reasons" in said


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [HOSTILE, "x" * 10_000, "שם החברה " * 50, "界" * 300, "", "👨‍👩‍👧" * 100])
def test_names_of_any_kind_stay_text_inside_the_drawing(name: str, width: int) -> None:
    score = a_score([-0.2, 0.1], name=name)
    score["reasons"][0] |= {"label": name, "phrase": f"{name}: {name}; associated with"}
    drawing = charts.reasons(score, name[:20] or "USD", width=width)
    root = parsed(drawing)
    inert(root)
    assert len(drawing) < 10_000 and "\u202e" not in drawing and "<script" not in drawing
    for node in root.iter(f"{SVG}text"):
        assert 0 <= float(node.attrib["x"]) <= width


def test_steps_that_do_not_come_to_the_end_are_refused() -> None:
    form = charts.of_money("USD")
    with pytest.raises(ValueError, match=r"1 steps from 10.0 come to 15.0, expected 16.0 \(After\)"):
        charts.waterfall(Level("Before", 10.0), [Step("Won", 5.0)], Level("After", 16.0), form, title="t")
    with pytest.raises(ValueError, match="finite values expected|come to nan"):
        charts.waterfall(Level("", 1.0), [Step("", float("nan"))], Level("", float("nan")), form, title="t")


def test_a_waterfall_of_money_is_wide_enough_for_its_figures() -> None:
    steps = [Step("Expected churn", -80_000_000.0, "34 accounts"), Step("Expected expansion", 150_000_000.0)]
    ends = Level("MRR now", 1_250_000_000.0), Level("MRR in 12 months", 1_320_000_000.0)
    root = parsed(charts.waterfall(ends[0], steps, ends[1], charts.of_money("USD"), title="Book"))
    assert "1,250,000,000 USD" in text(root) and "1.25bn" in text(root) and "−80,000,000" in text(root)
    right = max(float(r["x"]) for r in rects(root, "level"))
    assert right < charts.WIDE - 17 * 7


def test_both_sizes_are_in_one_page_and_nothing_in_it_has_the_same_name() -> None:
    both = charts.responsive(lambda width: charts.reasons(a_score([-0.1]), "USD", width=width))
    names = re.findall(r' id="([^"]+)"', both)
    assert len(names) == len(set(names)) == 4 and both.count("<svg") == 2
    assert ".chart-box .chart.narrow { display: none; }" in charts.style()


def test_a_file_of_its_own_is_one_drawing_with_its_style() -> None:
    root = parsed(charts.standalone(charts.reasons(a_score([-0.1]), "USD")))
    assert root.tag == f"{SVG}svg" and len(list(root.iter(f"{SVG}style"))) == 1
    assert not re.search(r"url\(|@import|https?:", charts.style())


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 8))
@settings(max_examples=60, deadline=None)
def test_marks_lie_on_the_scale_are_round_and_are_not_too_many(low: float, span: float, about: int) -> None:
    scale = Scale.over([low, low + span], 10.0, 90.0, least=1e-3)
    ticks = scale.ticks(about)
    assert len(ticks) <= about + 1 and all(10 - 1e-6 <= scale(tick) <= 90 + 1e-6 for tick in ticks)
    assert all(scale.value(scale(tick)) == pytest.approx(tick, abs=1e-6 * max(1.0, span)) for tick in ticks)
