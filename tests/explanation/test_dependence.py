"""How contributions go with values: bins hold every account once, say the missing apart, and stay small."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.explanation.dependence import OTHER_LEVELS, Dependence, dependence_of, thinned
from leap.features import FeatureFrame
from tests.worlds import TrainedWorld, a_frame


class Named:
    """What is read of a driver: its features, the leading one first."""

    def __init__(self, *features: str) -> None:
        self.features = features


def of(frame: FeatureFrame, contributions: Any, *drivers: Named) -> tuple[Dependence, ...]:
    return dependence_of(np.asarray(contributions, dtype=float), frame, drivers)  # type: ignore[arg-type]


def test_frequent_values_have_bins_of_their_own_and_a_tail_has_one_in_its_middle() -> None:
    values = [0.0] * 50 + [1.0] * 30 + [float(v) for v in range(2, 22)]
    (found,) = of(a_frame({"seats": values}), [[0.01 * v] for v in values], Named("seats"))
    assert [part.accounts for part in found.parts] == [50, 30, 13, 7]
    assert [part.value for part in found.parts] == [0.0, 1.0, 8.0, 18.0]
    assert [part.points for part in found.parts] == pytest.approx([0.0, 0.01, 0.08, 0.18])
    assert sum(found.counts) == 100 and found.missing is None and found.axis == "linear"


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0])), min_size=1, max_size=200))
@settings(max_examples=40, deadline=None)
def test_every_account_is_in_one_part_and_the_parts_average_to_all(values: list[float | None]) -> None:
    column = [np.nan if value is None else value for value in values]
    contribution = np.linspace(-0.1, 0.2, len(column))
    (found,) = of(a_frame({"x": column}), contribution[:, None], Named("x"))
    parts = [*found.parts, *([found.missing] if found.missing else [])]
    assert found.accounts == len(column) and all(part.low <= part.high for part in parts)
    total = sum(part.accounts * part.points for part in parts)
    assert total == pytest.approx(float(contribution.sum()), abs=1e-4)
    assert (found.missing.accounts if found.missing else 0) == sum(value is None for value in values)
    drawn = [part.value for part in found.parts]
    assert drawn == sorted(drawn, key=lambda value: value or 0.0)


def test_a_driver_of_several_features_has_the_contribution_of_all_by_the_value_of_the_first() -> None:
    frame = a_frame({"copy": [1.0, 2.0], "seats": [10.0, 20.0], "other": [5.0, 6.0]})
    (found,) = of(frame, [[0.1, 0.2, 9.0], [-0.1, 0.05, 9.0]], Named("seats", "copy"))
    assert (found.feature, found.features) == ("seats", ("seats", "copy"))
    assert [(part.value, part.points) for part in found.parts] == [(10.0, 0.3), (20.0, -0.05)]


def test_categories_are_ranked_by_accounts_and_rare_ones_are_together() -> None:
    plans = [level for i in range(14) for level in [f"plan {i:02d}"] * (20 - i)]
    (found,) = of(a_frame({"plan": plans}), [[0.01]] * len(plans), Named("plan"))
    assert [part.level for part in found.parts] == [*(f"plan {i:02d}" for i in range(9)), OTHER_LEVELS]
    assert found.axis == "levels" and found.accounts == len(plans)


def test_long_tails_are_counted_by_their_logarithm() -> None:
    values = np.exp(np.linspace(0, 12, 400))
    (found,) = of(a_frame({"mrr": values}), np.zeros((400, 1)), Named("mrr"))
    assert found.axis == "log" and sum(found.counts) == 400 and max(found.counts) < 60


def test_all_missing_and_all_equal_are_summed_up_too() -> None:
    nothing, same = of(
        a_frame({"none": [np.nan] * 3, "same": [4.0] * 3}), [[0.1, 0.2]] * 3, Named("none"), Named("same")
    )
    assert nothing.parts == () and nothing.missing is not None and nothing.missing.accounts == 3
    assert [(part.value, part.accounts) for part in same.parts] == [(4.0, 3)] and same.counts == (3,)


def test_a_bundle_keeps_it_small_and_as_it_was(planted: TrainedWorld) -> None:
    bundle = planted.bundle
    for scope, drivers in (("health", bundle.drivers), ("fit", bundle.fit_drivers)):
        found = bundle.dependence[scope]
        assert [one.features for one in found] == [driver.features for driver in drivers[:20]]
        document = json.loads(json.dumps([one.to_json() for one in found]))
        assert tuple(map(Dependence.from_json, document)) == found
        assert len(json.dumps(document)) < 2500 * max(len(found), 1)
    assert replace(bundle, dependence={}).model_hash == bundle.model_hash


def test_very_many_rows_are_thinned_evenly() -> None:
    frame = thinned(a_frame({"x": np.arange(1000.0)}), 10)
    assert frame.frame["x"].tolist() == [0, 111, 222, 333, 444, 555, 666, 777, 888, 999]
