"""Past the encoder only numbers in one order reach a learner: a changed order scores silently wrong."""

import numpy as np
import pandas as pd
import pytest

from leap.errors import CatalogError
from leap.features import FeatureCatalog, FeatureFrame
from leap.models.encoding import MISSING_LEVEL, Encoder
from leap.models.plain_values import plain_value
from tests.worlds import a_feature, a_frame

N = 60


def frame() -> FeatureFrame:
    """Two numbers, one with holes, and a category with a rare level and missing values."""
    industry: list[str | None] = ["retail"] * 25 + ["media"] * 20 + ["rare"] * 3 + [None] * 12
    usage = [float(i) for i in range(N)]
    holes = [float("nan") if i % 5 == 0 else i / 2 for i in range(N)]
    return a_frame({"usage": usage, "industry": industry, "holes": holes})


ENCODER = Encoder.fit(frame(), np.arange(N))


def test_a_changed_order_of_features_is_refused_with_a_diff():
    found = frame()
    turned = FeatureFrame(found.frame[["industry", "usage", "holes"]], found.catalog, found.observed_late)
    with pytest.raises(CatalogError, match=r"(?s)- expected, \+ found.*\+ industry\n  usage\n- industry"):
        ENCODER.encode(turned)


@pytest.mark.parametrize("change", [lambda f: f.drop(columns="usage"), lambda f: f.assign(more=1.0)])
def test_a_missing_or_an_additional_feature_is_refused(change):
    found = frame()
    with pytest.raises(CatalogError, match="Features differ from the catalog"):
        ENCODER.encode(FeatureFrame(change(found.frame), found.catalog, found.observed_late))


def test_frequent_levels_and_missing_have_a_column_and_rare_ones_none():
    assert [level for level in ENCODER.level if level is not None] == ["retail", "media", MISSING_LEVEL]


def test_missing_numbers_stay_missing_and_are_not_zero():
    matrix = ENCODER.encode(frame())
    holes = matrix[:, ENCODER.source.index(2)]
    np.testing.assert_array_equal(np.isnan(holes), [i % 5 == 0 for i in range(N)])
    assert holes[1] == 0.5


def test_an_unseen_level_is_no_level_and_not_the_missing_one():
    row = ENCODER.encode_one({"usage": 1.0, "industry": "never seen", "holes": None})
    missing = ENCODER.encode_one({"usage": 1.0, "industry": None, "holes": None})
    levels = [j for j, level in enumerate(ENCODER.level) if level is not None]
    assert row[0, levels].tolist() == [0, 0, 0]
    assert missing[0, levels].tolist() == [0, 0, 1]


def test_one_row_of_plain_values_is_encoded_as_the_frame_is():
    found = frame()
    matrix = ENCODER.encode(found)
    for i in range(N):
        values = {name: found.frame[name].iloc[i] for name in found.catalog.names}
        plain = {name: None if pd.isna(value) else value for name, value in values.items()}
        np.testing.assert_array_equal(ENCODER.encode_one(plain)[0], matrix[i])


def test_levels_count_accounts_and_not_rows():
    """One account with forty monthly rows does not make a level."""
    industry = ["solo"] * 40 + ["retail"] * 20
    accounts = np.array([0] * 40 + list(range(1, 21)))
    assert "solo" not in Encoder.fit(a_frame({"industry": industry}), accounts).level


def test_a_number_that_never_varies_is_left_out():
    assert Encoder.fit(a_frame({"always": [3.0] * N, "usage": list(range(N))}), np.arange(N)).source == (1,)


def test_contributions_of_columns_are_summed_to_their_feature():
    contributions = np.arange(ENCODER.width, dtype=float)[None, :]
    by_feature = ENCODER.by_feature(contributions)
    assert by_feature.shape == (1, 3)
    assert by_feature.sum() == contributions.sum()
    assert by_feature[0, 1] == sum(j for j, source in enumerate(ENCODER.source) if source == 1)


def test_an_encoder_survives_being_stored():
    again = Encoder.from_json(ENCODER.to_json(), ENCODER.catalog)
    np.testing.assert_array_equal(again.encode(frame()), ENCODER.encode(frame()))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", "12"), ("number", float("inf")), ("number", float("nan")), ("number", [1]),
        ("boolean", 2), ("boolean", "yes"), ("category", 7), ("category", True),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_by_name(kind: str, value: object):
    with pytest.raises(CatalogError, match="size"):
        plain_value(a_feature("size", kind), value)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("boolean", True, 1.0), ("number", 3, 3.0), ("number", None, None), ("category", "", None)],
)
def test_plain_values_as_features_hold_them(kind: str, value: object, expected: object):
    assert plain_value(a_feature("size", kind), value) == expected


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(CatalogError, match="did you mean 'usage'"):
        ENCODER.encode_one({"usages": 1.0})


def test_the_fingerprint_of_a_catalog_changes_with_order_and_scope():
    catalog = frame().catalog
    turned = FeatureCatalog(catalog.features[::-1])
    assert catalog.fingerprint != turned.fingerprint
    assert catalog.fingerprint == FeatureCatalog.from_json(catalog.to_json()).fingerprint
