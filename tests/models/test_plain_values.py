"""Values of many accounts read at once are those that each would have alone, and the one at fault is named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap.errors import CatalogError
from leap.features import FeatureCatalog
from leap.models.encoding import MISSING_LEVEL, Encoder
from leap.models.plain_values import Reader, plain_value
from tests.worlds import a_feature

CATALOG = FeatureCatalog(
    (
        a_feature("cloud", "boolean"),
        a_feature("industry", "category"),
        a_feature("usage", "number"),
        a_feature("region", "category"),
        a_feature("seats", "number"),
    )
)
READER = Reader(CATALOG)
ENCODER = Encoder(CATALOG, (0, 1, 1, 2, 3, 4), (None, "retail", MISSING_LEVEL, None, "north", None))

NUMBERS = st.one_of(
    st.none(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False, width=32).filter(math.isfinite)
)
TEXTS = st.sampled_from([None, "", " \t", "retail", " retail\u00a0", "north", "never seen", MISSING_LEVEL])
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "cloud": st.sampled_from([None, True, False, 0, 1, 1.0]),
            "industry": TEXTS,
            "usage": NUMBERS,
            "region": TEXTS,
            "seats": NUMBERS,
        },
    ),
    min_size=1,
    max_size=6,
)


@given(ROWS)
def test_values_read_together_are_the_plain_values_of_each(rows: list[dict[str, object]]):
    found = READER.read(rows)
    for feature in CATALOG.features:
        expected = [plain_value(feature, row.get(feature.name)) for row in rows]
        column = [None if value != value else value for value in found.columns[feature.name].tolist()]
        assert column == expected


@given(ROWS)
def test_rows_encoded_together_are_encoded_as_each_alone(rows: list[dict[str, object]]):
    together = ENCODER.encode_values(READER.read(rows))
    np.testing.assert_array_equal(together, np.vstack([ENCODER.encode_one(row) for row in rows]))
    said = [str(row.get("industry") or "").strip() for row in rows]
    levels = [None if one in ("", MISSING_LEVEL) else one for one in said]
    assert together[:, 1].tolist() == [float(level == "retail") for level in levels]
    assert together[:, 2].tolist() == [float(level is None) for level in levels]


def test_values_that_were_read_with_more_features_are_encoded_by_name():
    more = FeatureCatalog((a_feature("first", "number"), *CATALOG.features[::-1], a_feature("last", "category")))
    row = {"cloud": True, "industry": "retail", "usage": 2.5, "seats": 7}
    both = ENCODER.encode_values(Reader(more).read([{**row, "first": 9.0, "last": "x"}]))
    np.testing.assert_array_equal(both, ENCODER.encode_one(row))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"usage": "12"}, "usage: expected a finite number, found '12'"),
        ({"usage": float("inf")}, "usage: expected a finite number, found inf"),
        ({"usage": float("nan")}, "usage: expected a finite number, found nan"),
        ({"usage": 10**400}, "usage: expected a finite number, found a number too large"),
        ({"usage": [1]}, r"usage: expected a finite number, found \[1\]"),
        ({"usage": "x" * 500}, "usage: expected a finite number, found 'x{99}…"),
        ({"cloud": 2}, "cloud: expected true or false, found 2"),
        ({"cloud": float("nan")}, "cloud: expected true or false, found nan"),
        ({"industry": 7}, "industry: expected text, found int"),
        ({"industry": True}, "industry: expected text, found bool"),
        ({"usages": 1}, "Unknown feature 'usages'; did you mean 'usage'"),
    ],
)
def test_the_value_at_fault_is_named_with_its_row(value: dict[str, object], found: str):
    rows: list[dict[str, object]] = [{"usage": 1, "cloud": None}, {"seats": None, "region": "north"}, value]
    with pytest.raises(CatalogError, match=f"^row 2: {found}"):
        READER.read(rows, lambda i: f"row {i}: ")
    with pytest.raises(CatalogError, match=f"{found}"):
        READER.read([value])
