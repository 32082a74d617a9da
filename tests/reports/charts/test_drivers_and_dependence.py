"""Drivers and their dependence: bars, dots and counts are the values given, in every state, and always inert."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leap.explanation.dependence import Dependence, Part
from leap.reports import charts
from leap.reports.charts import Scale
from tests.reports.charts.test_waterfall import CAUSAL, HOSTILE, SVG, WIDTHS, inert, parsed, rects, text

NUMBERS = Dependence(
    feature="seats", label="Seats in use", unit="seats", kind="number", features=("seats",),
    parts=(
        Part(40, -0.05, -0.08, -0.01, value=1.0), Part(50, 0.01, -0.01, 0.02, value=5.0),
        Part(30, 0.04, 0.01, 0.09, value=20.0),
    ),
    missing=Part(12, -0.02, -0.03, 0.0), missing_words="no usage was ever recorded", axis="linear",
    span=(0.0, 25.0), counts=(40, 50, 0, 20, 10),
)  # fmt: skip
LEVELS = replace(
    NUMBERS, kind="category", axis="levels", counts=(), span=(0.0, 0.0),
    parts=(Part(70, -0.01, -0.02, 0.0, level="silver"), Part(20, 0.03, 0.01, 0.04, level="gold")),
)  # fmt: skip


def a_driver(label: str, share: float, **more: Any) -> dict[str, Any]:
    return {"label": label, "features": ["a"], "share": share, "direction": "raises", "stable": True, **more}


DRIVERS = [
    a_driver("Seats", 0.2, share_low=0.1, share_high=0.4, features=["a", "b", "c"]),
    a_driver("Tickets", 0.5, direction="lowers", share_low=0.3, share_high=0.6),
    a_driver("Plan", 0.004, direction="mixed", stable=False),
]


def dots(drawing: str) -> list[tuple[float, float, float]]:
    """Each dot's place from the left, from the top, and its value."""
    found = [node.attrib for node in parsed(drawing).iter(f"{SVG}circle")]
    return [(float(one["cx"]), float(one["cy"]), float(one["data-value"])) for one in found]


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_of_drivers_are_as_long_as_their_shares_largest_first(width: int) -> None:
    root = parsed(charts.drivers(DRIVERS, width=width))
    bars = rects(root, "main")
    assert [float(bar["data-value"]) for bar in bars] == [0.5, 0.2, 0.004]
    per_share = float(bars[0]["width"]) / 0.5
    for bar in bars:
        assert float(bar["width"]) == pytest.approx(per_share * float(bar["data-value"]), abs=0.02)
    start = float(bars[0]["x"])
    ranges = [node.attrib for node in root.iter(f"{SVG}line") if node.attrib["class"] == "range"]
    across = [(float(r["x1"]), float(r["x2"])) for r in ranges if r["y1"] == r["y2"]]
    for (low, high), expected in zip(across, [(0.3, 0.6), (0.1, 0.4)], strict=True):
        assert (low - start, high - start) == pytest.approx([per_share * end for end in expected], abs=0.05)


def test_drivers_say_their_direction_and_which_not_to_act_on_yet_without_colour() -> None:
    root = parsed(charts.drivers(DRIVERS))
    said = text(root)
    for part in (
        "Seats (and 2 more)",
        "more is associated with higher NRR",
        "direction depends; do not act yet",
        "under 1%",
    ):
        assert part in said
    assert [("doubt" in bar["class"]) for bar in rects(root, "main")] == [False, False, True]
    about = root.find(f"{SVG}desc")
    assert about is not None and (about.text or "").startswith(
        "Tickets: 50% (30% to 60%), more is associated with lower NRR; "
    )
    assert not CAUSAL.search(said)


def test_no_driver_is_no_picture_and_one_is_one() -> None:
    assert charts.drivers([]) == "" and charts.of_drivers([], name="x") == ""
    assert len(rects(parsed(charts.drivers([a_driver("Only", 1.0)])), "main")) == 1
    assert len(rects(parsed(charts.drivers([a_driver("Nothing", 0.0)])), "main")) == 1


def test_dots_stand_at_the_values_and_contributions_that_they_are_of() -> None:
    found = dots(charts.dependence(NUMBERS))
    assert [value for *_, value in found] == [-0.05, 0.01, 0.04, -0.02]
    (x1, y1, _), (x2, y2, _), (x3, y3, _), (missing_x, missing_y, _) = found
    assert (x2 - x1) / (x3 - x1) == pytest.approx(4 / 19, abs=0.005)
    assert (y1 - y2) / (y1 - y3) == pytest.approx(6 / 9, abs=0.005) and y3 < y2 < y1
    assert (y1 - missing_y) / (y1 - y3) == pytest.approx(3 / 9, abs=0.005)
    assert missing_x > x3 + 20, "what is missing stands apart, beyond all values"


def test_the_bars_below_are_the_counts_and_the_missing_have_their_share() -> None:
    root = parsed(charts.dependence(NUMBERS))
    bars = rects(root, "count")
    assert [int(bar["data-value"]) for bar in bars] == [40, 50, 20, 10]
    for bar in bars:
        assert float(bar["height"]) == pytest.approx(30 * int(bar["data-value"]) / 50, abs=0.02)
    assert "missing" in text(root) and "9%" in text(root)
    about = root.find(f"{SVG}desc")
    assert about is not None and (about.text or "").endswith(
        "Missing (no usage was ever recorded): −2.0 NRR points, 8 in 10 between −3.0 and 0.0 (12 accounts)."
    )


def test_levels_are_rows_with_their_accounts_and_dots_in_order_of_their_contributions() -> None:
    drawing = charts.dependence(LEVELS)
    found = dots(drawing)
    assert [value for *_, value in found] == [-0.01, 0.03, -0.02]
    (silver, _, _), (gold, _, _), (missing, _, _) = found
    assert (silver - missing) / (gold - missing) == pytest.approx(1 / 5, abs=0.01)
    for part in ("silver", "gold", "70", "20", "missing: no usage", "was ever recorded"):
        assert part in text(parsed(drawing))


@pytest.mark.parametrize(
    "found",
    [
        replace(NUMBERS, parts=(), counts=()),
        replace(NUMBERS, missing=None),
        replace(NUMBERS, parts=NUMBERS.parts[:1], missing=None, span=(1.0, 1.0), counts=(40,)),
        replace(NUMBERS, parts=(Part(3, 0.0, 0.0, 0.0, value=2.0), Part(3, 0.0, 0.0, 0.0, value=3.0))),
        replace(NUMBERS, parts=(Part(3, -0.5, -0.9, -0.1, value=2.0),), missing=None),
        replace(NUMBERS, axis="log", span=(0.0, 1e6), unit="USD a month"),
        replace(NUMBERS, parts=(Part(9, 0.1, 0.0, 0.2, value=2017.0),), unit="year", span=(2015.0, 2020.0)),
        replace(NUMBERS, unit="of the time", span=(0.0, 1.0)),
        replace(LEVELS, parts=LEVELS.parts[:1], missing=None),
        replace(LEVELS, parts=(), missing=None),
        replace(LEVELS, parts=(), missing=Part(1, 0.0, 0.0, 0.0)),
    ],
)
def test_every_state_of_a_driver_is_drawn_inside_its_picture(found: Dependence) -> None:
    root = parsed(charts.dependence(found))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for node in root.iter():
        for name, most in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("y", height), ("cy", height)):
            assert -0.01 <= float(node.attrib.get(name, 0)) <= most + 0.01, node.attrib
    inert(root)


@pytest.mark.parametrize("name", [HOSTILE, "x" * 10_000, "שם " * 900, "界" * 400, ""])
def test_names_from_data_stay_text(name: str) -> None:
    levels = replace(LEVELS, label=name, unit=name, missing_words=name, parts=(Part(3, 0.1, 0.0, 0.2, level=name),))
    numbers = replace(NUMBERS, label=name, unit=name, missing_words=name)
    drawings = [charts.dependence(levels), charts.dependence(numbers), charts.captioned(numbers, name)]
    drawings += [charts.drivers([a_driver(name, 0.5)], name=name, width=width) for width in WIDTHS]
    for drawing in drawings:
        inert_page = parsed(f"<g>{drawing}</g>")
        assert "<script" not in drawing and len(drawing) < 20_000
        assert not [node for node in inert_page.iter() if "style" in node.attrib]


def test_a_scale_and_its_inverse_agree_and_refuse_what_is_not_finite() -> None:
    assert Scale.over([0.0, 10.0], 5.0, 25.0).value(15.0) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="finite values expected, found 1 others of 2"):
        Scale.over([1.0, float("inf")], 0.0, 1.0)
