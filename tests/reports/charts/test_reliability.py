"""Predicted beside observed, drawn."""

from __future__ import annotations

import re

import pytest

from leap.reports.charts import reliability

BINS = [
    {"predicted": 0.1, "observed": 0.05, "low": 0.02, "high": 0.09, "n": 10, "accounts": 8},
    {"predicted": 0.4, "observed": 0.5, "low": None, "high": None, "n": 10, "accounts": 9},
    {"predicted": float("nan"), "observed": 0.5, "low": 0.4, "high": 0.6, "n": 10, "accounts": 9},
]


def test_every_known_tenth_is_a_point_with_its_interval_in_words():
    drawn = str(reliability(BINS, name="c", title="Churn: predicted and observed"))
    assert drawn.count('<circle class="dot"') == 2 and drawn.count('class="range"') == 1
    assert "predicted 10%, observed 5.0% (2.0% to 9.0%), 8 accounts" in drawn


def test_a_point_above_the_line_is_one_where_more_happened_than_was_predicted():
    drawn = str(reliability(BINS[1:2], name="c", title="t"))
    line = re.search(r'class="joint" x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)"', drawn) or re.search(
        r'class="joint" x1="([\d.]+)" x2="([\d.]+)" y1="([\d.]+)" y2="([\d.]+)"', drawn
    )
    point = re.search(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert line and point
    x, y = map(float, point.groups())
    left, bottom = 46.0, 272.0
    assert bottom - y > x - left  # axes have one scale, so the diagonal has slope one


def test_nothing_known_draws_nothing():
    assert str(reliability([], name="c", title="t")) == "" and str(reliability(BINS[2:], name="c", title="t")) == ""


@pytest.mark.parametrize("title", ["<script>x</script>", "t" * 10_000])
def test_titles_are_inert_and_cut(title: str):
    drawn = str(reliability(BINS, name=title, title=title))
    assert "<script" not in drawn and "t" * 300 not in drawn
