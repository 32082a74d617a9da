"""What a rule asks for more than another: compared with trying every value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.features import Scope
from leap.icp import Condition, Rule
from leap.icp.likeness import implies, likeness, same
from tests.worlds import a_feature

SIZE = a_feature("size", "number", Scope.FIT)
SECTOR = a_feature("sector", "category", Scope.FIT)
CLOUD = a_feature("cloud", "boolean", Scope.FIT)
SECTORS = ("media", "retail", "finance", "health")


def rule(*conditions: tuple[Any, str, Any]) -> Rule:
    return Rule(tuple(Condition(*one) for one in conditions))  # type: ignore[arg-type]


numbers = st.builds(
    lambda op, bound: (SIZE, op, float(bound)), st.sampled_from([">=", ">", "<=", "<", "=="]), st.integers(0, 4)
)
between = st.builds(
    lambda low, more: (SIZE, "between", (float(low), float(low + more))), st.integers(0, 3), st.integers(1, 3)
)
sectors = st.builds(
    lambda op, some: (SECTOR, op, tuple(sorted(some))), st.sampled_from(["in", "not in"]),
    st.sets(st.sampled_from(SECTORS), min_size=1, max_size=3),
)  # fmt: skip
flags = st.builds(lambda op: (CLOUD, op, 1.0), st.sampled_from(["==", "!="]))
rules = st.lists(st.one_of(numbers, between, sectors, flags), min_size=1, max_size=3, unique_by=lambda c: c[0].name)

# Every half number around the bounds, with every sector, one that no rule names, and both flags.
GRID = [(size / 2, sector, cloud) for size in range(-1, 16) for sector in (*SECTORS, "law") for cloud in (0.0, 1.0)]
COLUMNS = {
    "size": np.array([one[0] for one in GRID]),
    "sector": np.array([one[1] for one in GRID], dtype=object),
    "cloud": np.array([one[2] for one in GRID]),
}


@settings(max_examples=150, deadline=None)
@given(rules, rules)
def test_a_rule_that_implies_another_selects_no_one_else(one: Any, other: Any) -> None:
    first, second = rule(*one), rule(*other)
    selects, wider = first.matches(COLUMNS), second.matches(COLUMNS)
    if implies(first, second):
        assert not (selects & ~wider).any()
    elif selects.any():
        # What is not implied is missed by someone: nothing that follows goes unnoticed.
        assert (selects & ~wider).any() or (CLOUD in [c[0] for c in other])
    assert likeness(first, second) == pytest.approx(likeness(second, first))
    assert implies(first, first) and same(first, first) and likeness(first, first) == 1.0


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ([(SIZE, ">=", 200.0)], [(SIZE, ">=", 250.0)], 0.75),
        ([(SIZE, "<", 100.0)], [(SIZE, ">=", 250.0)], 0.0),
        ([(SIZE, "between", (0.0, 9.0))], [(SIZE, "between", (5.0, 20.0))], 0.5),
        ([(SIZE, ">=", 200.0)], [(CLOUD, "==", 1.0)], 0.0),
        ([(SIZE, ">=", 200.0)], [(SIZE, ">=", 200.0), (CLOUD, "==", 1.0)], 2 / 3),
        ([(SECTOR, "==", "media")], [(SECTOR, "in", ("media", "retail"))], 0.75),
        ([(SECTOR, "==", "media")], [(SECTOR, "==", "retail")], 0.0),
    ],
)
def test_how_alike_two_rules_are(one: Any, other: Any, alike: float) -> None:
    assert likeness(rule(*one), rule(*other)) == pytest.approx(alike)


def test_the_order_of_conditions_does_not_matter() -> None:
    conditions = [(SIZE, ">=", 200.0), (CLOUD, "==", 1.0)]
    assert same(rule(*conditions), rule(*reversed(conditions)))
    assert not same(rule(*conditions), rule(conditions[0]))
