"""Features that say the same are one group, whatever their order, coding or scale; chains of weak links are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import CatalogError
from leap.explanation.groups import Groups
from leap.explanation.sameness import sameness
from leap.features import FeatureCatalog, FeatureFrame, Recipe, Scope
from tests.worlds import a_feature, a_frame

RNG = np.random.default_rng(3)
X = RNG.normal(size=300)
KIND = RNG.choice(["retail", "finance", "health", "media"], 300)


def grouped(columns: Mapping[str, Sequence[Any]]) -> set[frozenset[str]]:
    return {frozenset(part) for part in Groups.of(a_frame(columns)).parts}


@pytest.mark.parametrize(
    "clone",
    [
        X,
        -X,
        X + 0.05 * RNG.normal(size=300),
        np.exp(X),
        -(X**3),
        np.where(RNG.random(300) < 0.3, np.nan, X),
        np.round(X, 1),
    ],
    ids=["exact", "turned", "noisy", "exponential", "cube turned", "often unknown", "rounded"],
)
def test_clones_of_a_number_come_together(clone: np.ndarray):
    assert grouped({"x": X, "clone": clone, "noise": RNG.normal(size=300)}) == {
        frozenset({"x", "clone"}),
        frozenset({"noise"}),
    }


CODES = {"retail": "B", "finance": "A", "health": "D", "media": "C"}


@pytest.mark.parametrize(
    "clone",
    [
        KIND,
        [CODES[kind] for kind in KIND],
        ["retail" if RNG.random() < 0.05 else kind for kind in KIND],
        [float("ABCD".index(CODES[kind])) for kind in KIND],
    ],
    ids=["exact", "other words", "noisy", "numbered"],
)
def test_clones_of_a_category_come_together(clone: Sequence[Any]):
    found = grouped({"kind": KIND, "clone": clone, "noise": RNG.choice(["p", "q", "r"], 300)})
    assert found == {frozenset({"kind", "clone"}), frozenset({"noise"})}


def test_a_category_of_two_levels_and_its_boolean_are_one():
    assert grouped({"plan": np.where(X > 0, "paid", "free"), "is_paid": (X > 0).astype(float)}) == {
        frozenset({"plan", "is_paid"})
    }


def test_one_level_of_four_does_not_tell_the_category():
    assert len(grouped({"kind": KIND, "is_retail": (KIND == "retail").astype(float)})) == 2


def test_bands_of_a_number_say_the_same_as_the_number():
    bands = np.array(["small", "middle", "large", "huge"])[np.searchsorted(np.quantile(X, [0.25, 0.5, 0.75]), X)]
    assert len(grouped({"employees": X, "band": bands})) == 1


def test_features_of_one_family_are_one_group_and_a_clone_of_one_of_them_joins():
    columns = {"calls": X, "calls_trend": RNG.normal(size=300), "copied": np.exp(X), "other": RNG.normal(size=300)}
    frame = a_frame(columns)
    features = [
        a_feature(f.name, group="calls" if f.name.startswith("calls") else f.name) for f in frame.catalog.features
    ]
    groups = Groups.of(FeatureFrame(frame.frame, FeatureCatalog(tuple(features)), frame.observed_late))
    assert set(groups.members(groups.group_of("calls_trend"))) == {"calls", "calls_trend", "copied"}
    assert groups.members("other") == ("other",)


def test_nothing_is_joined_across_scopes():
    frame = a_frame({"before": X, "after": X})
    features = (a_feature("before", scope=Scope.FIT, group="same"), a_feature("after", group="same"))
    assert len(Groups.of(FeatureFrame(frame.frame, FeatureCatalog(features), frame.observed_late)).parts) == 2


def test_families_of_two_tables_with_one_name_stay_apart():
    frame = a_frame({"a": X, "b": RNG.normal(size=300)})
    features = tuple(a_feature(n, group="plan", recipe=Recipe(n, "attributes", "value")) for n in ("a", "b"))
    assert len(Groups.of(FeatureFrame(frame.frame, FeatureCatalog(features), frame.observed_late)).parts) == 2


def test_a_chain_of_weak_links_does_not_swallow_everything():
    """Each neighbour correlates by 0.9, the ends not at all: whatever stands together is alike in pairs."""
    steps = RNG.normal(size=(40, 2000))
    columns = {f"x{i:02}": steps[i : i + 10].sum(axis=0) for i in range(30)}
    frame = a_frame(columns)
    groups = Groups.of(frame)
    names = frame.catalog.names
    alike = pd.DataFrame(sameness(frame, frame.catalog.features), names, names)
    assert alike.loc["x00", "x01"] > 0.85
    assert max(len(part) for part in groups.parts) <= 3
    for part in groups.parts:
        assert alike.loc[list(part), list(part)].to_numpy().min() >= 0.8


def test_constants_and_what_is_hardly_known_say_the_same_as_nothing():
    rare = np.where(np.arange(300) < 15, X, np.nan)
    assert (
        len(
            grouped({"x": X, "one": np.ones(300), "two": np.full(300, 2.0), "rare": rare, "none": np.full(300, np.nan)})
        )
        == 5
    )


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_and_columns_changes_nothing(seed: int):
    rng = np.random.default_rng(seed)
    x, kind = rng.normal(size=(120, 4)), rng.choice(["a", "b", "c"], 120)
    columns = {f"x{i}": x[:, i] for i in range(4)} | {f"y{i}": x[:, i] + rng.normal(size=120) * 0.7 for i in range(4)}
    frame = a_frame({**columns, "kind": kind, "kind_too": [f"{k}!" for k in kind], "x0_again": x[:, 0]})
    rows, order = rng.permutation(120), rng.permutation(len(frame.catalog.features))
    shuffled = FeatureCatalog(tuple(frame.catalog.features[i] for i in order))
    other = FeatureFrame(frame.frame.iloc[rows][shuffled.names].reset_index(drop=True), shuffled, frame.observed_late)
    assert Groups.of(other) == Groups.of(frame)


def test_every_feature_stands_in_one_group_named_by_its_first_member():
    frame = a_frame({"x": X, "a_longer_name": X, "kind": KIND, "noise": RNG.normal(size=300)})
    groups = Groups.of(frame)
    assert groups.parts == (("kind",), ("noise",), ("x", "a_longer_name"))
    assert [groups.group_of(name) for name in frame.catalog.names] == ["x", "x", "kind", "noise"]
    assert Groups.from_json(groups.to_json()) == groups


def test_contributions_of_a_group_are_summed_row_by_row():
    groups = Groups((("a", "c"), ("b",)))
    assert groups.sum(np.array([[1.0, 2.0, -3.0]]), ["a", "b", "c"]).tolist() == [[-2.0, 2.0]]
    assert groups.sum(np.array([[2.0, -3.0, 1.0]]), ["b", "c", "a"]).tolist() == [[-2.0, 2.0]]


def test_what_is_of_another_catalog_is_named():
    groups = Groups((("a", "c"), ("b",)))
    with pytest.raises(CatalogError, match="nowhere"):
        groups.group_of("nowhere")
    with pytest.raises(CatalogError, match="'?c'?: none of the 2 groups"):
        groups.members("c")
    with pytest.raises(ValueError, match="one group"):
        Groups.from_json({"a": ["a", "b"], "b": ["b"]})


def test_a_number_leads_its_group_before_its_changes_however_many_of_them_say_the_same():
    """A score, its change, and the same of a copy: three of the changes say the same, but the group is of the score."""
    change = RNG.normal(size=300)
    columns = {"nps": X, "nps_change": change, "copy_change": change, "copy_growth": np.exp(change)}
    frame = a_frame(columns)
    features = tuple(
        a_feature(name, group="nps", recipe=Recipe("surveys", "history", name.rpartition("_")[2])) for name in columns
    )
    groups = Groups.of(FeatureFrame(frame.frame, FeatureCatalog(features), frame.observed_late))
    assert groups.ids == ("nps",)


def of_windows(**more: np.ndarray) -> Groups:
    """Exports of four weeks, a quarter and a year are one family; whatever else there is stands alone."""
    columns = {"exports_28d": RNG.normal(size=300), "exports_91d": RNG.normal(size=300), "exports_365d": X, **more}
    frame = a_frame(columns)
    features = tuple(
        a_feature(f.name, group="exports" if f.name.startswith("exports") else f.name) for f in frame.catalog.features
    )
    return Groups.of(FeatureFrame(frame.frame, FeatureCatalog(features), frame.observed_late))


def test_one_window_that_goes_with_the_time_as_a_customer_makes_usage_no_part_of_it():
    """Who came three months ago has three months of exports in the last year."""
    groups = of_windows(tenure=X + 0.5 * np.random.default_rng(1).normal(size=300))
    assert groups.group_of("tenure") == "tenure"
    assert groups.members("tenure") == ("tenure",)


def test_a_noisy_copy_of_one_window_joins_the_family():
    groups = of_windows(copied=X + 0.1 * np.random.default_rng(1).normal(size=300))
    assert groups.group_of("copied") == groups.group_of("exports_28d")


def test_a_family_most_of_which_says_the_same_as_another_joins_it():
    """Nearly all usage is logins: counts of all and counts of logins are one thing."""
    rng = np.random.default_rng(2)
    usage = rng.normal(size=(300, 3))
    columns = {f"{of}_{i}": usage[:, i] + (of == "logins") * 0.5 * rng.normal(size=300)
               for of in ("usage", "logins") for i in range(3)}  # fmt: skip
    frame = a_frame(columns)
    features = tuple(a_feature(f.name, group=f.name[:5]) for f in frame.catalog.features)
    assert len(Groups.of(FeatureFrame(frame.frame, FeatureCatalog(features), frame.observed_late)).parts) == 1
