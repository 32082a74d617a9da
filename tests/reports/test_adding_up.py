"""Rounded figures that come to their rounded total, each next to its own value."""

from hypothesis import given
from hypothesis import strategies as st

from leap.reports.adding_up import adding_up

figures = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@given(figures)
def test_they_come_to_the_nearest_total_and_each_is_next_to_its_value(values: list[float]):
    found = adding_up(values)
    assert sum(found) == round(sum(values))
    assert all(abs(whole - value) < 1 + 1e-6 for whole, value in zip(found, values, strict=True))


@given(figures, st.booleans())
def test_a_total_that_was_rounded_up_or_down_is_met(values: list[float], up: bool):
    total = int(sum(values) // 1) + up
    assert sum(adding_up(values, total)) == total


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20), st.floats(-3e-10, 3e-10))
def test_what_is_whole_stays(values: list[int], noise: float):
    assert adding_up([value + noise for value in values]) == values
