"""Features to the numeric matrix that learners see: numbers as they are, categories as one column per frequent level.

Past the encoder only numpy in the catalog's order reaches a learner: LightGBM scores reordered columns silently wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.errors import CatalogError
from leap.features import Feature, FeatureCatalog, FeatureFrame

_MAX_LEVELS = 12
_MIN_LEVEL_ACCOUNTS = 10
MISSING_LEVEL = "(missing)"


@dataclass(frozen=True)
class Encoder:
    """The encoded columns: for each the feature's position in the catalog, and the level of a category (else None)."""

    catalog: FeatureCatalog
    source: tuple[int, ...]
    level: tuple[str | None, ...]

    @classmethod
    def fit(cls, frame: FeatureFrame, accounts: np.ndarray) -> Encoder:
        """Numbers that vary, and the levels that at least ten accounts have (at most twelve a feature)."""
        source: list[int] = []
        level: list[str | None] = []
        for position, feature in enumerate(frame.catalog.features):
            column = frame.frame[feature.name]
            if feature.kind != "category":
                if column.nunique(dropna=False) > 1:
                    source.append(position)
                    level.append(None)
                continue
            filled = column.where(column.notna(), MISSING_LEVEL)
            owners = pd.Series(accounts).groupby(filled.to_numpy()).nunique()
            frequent = owners[owners >= _MIN_LEVEL_ACCOUNTS]
            ranked = sorted(frequent.items(), key=lambda item: (-int(item[1]), str(item[0])))[:_MAX_LEVELS]
            if len(owners) > 1:
                source += [position] * len(ranked)
                level += [str(name) for name, _ in ranked]
        return cls(frame.catalog, tuple(source), tuple(level))

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.source)

    @property
    def column_names(self) -> list[str]:
        """Plain names c0, c1, …: LightGBM refuses special characters."""
        return [f"c{i}" for i in range(self.width)]

    def encode(self, frame: FeatureFrame) -> np.ndarray:
        """float64 matrix, shape (n, width), NaN for missing; CatalogError if the columns are not the catalog's."""
        self.catalog.same_as(frame.frame.columns)
        columns: dict[int, np.ndarray] = {}
        matrix = np.empty((len(frame.frame), self.width))
        for j, (position, level) in enumerate(zip(self.source, self.level, strict=True)):
            feature = self.catalog.features[position]
            if position not in columns:
                columns[position] = frame.arrays[feature.name]
            if level is None:
                matrix[:, j] = columns[position].astype(float)
            else:
                values = columns[position]
                matrix[:, j] = pd.isna(values) if level == MISSING_LEVEL else values == level
        return matrix

    def encode_one(self, values: Mapping[str, object]) -> np.ndarray:
        """One row from plain values by feature name, shape (1, width); what is not given is missing.

        CatalogError names a feature that is unknown or has a value of the wrong kind.
        """
        self.catalog.require(values)
        row = np.empty((1, self.width))
        parsed = {f.name: plain_value(f, values.get(f.name)) for f in self.catalog.features}
        for j, (position, level) in enumerate(zip(self.source, self.level, strict=True)):
            value = parsed[self.catalog.features[position].name]
            if level is None:
                row[0, j] = np.nan if value is None else float(value)
            else:
                row[0, j] = float((MISSING_LEVEL if value is None else value) == level)
        return row

    def by_feature(self, contributions: np.ndarray) -> np.ndarray:
        """Contributions of encoded columns, shape (.., width), summed to their features, shape (.., n_features).

        The columns of a feature are added in their order, whatever rows stand beside a row.
        """
        order, starts, owners = self._columns_of_features
        result = np.zeros((*contributions.shape[:-1], len(self.catalog.features)))
        if len(owners):
            result[..., owners] = np.add.reduceat(np.take(contributions, order, axis=-1), starts, axis=-1)
        return result

    @cached_property
    def _columns_of_features(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The columns ordered by feature, where each feature's begin, and the features that have any."""
        source = np.array(self.source, dtype=np.intp)
        order = np.argsort(source, kind="stable")
        owners, starts = np.unique(source[order], return_index=True)
        return order, starts, owners

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle (the catalog is stored beside it)."""
        return {"features": self.catalog.names, "source": list(self.source), "level": list(self.level)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Encoder:
        """The inverse of `to_json`, with the bundle's whole catalog."""
        own = FeatureCatalog(tuple(catalog.by_name[name] for name in document["features"]))
        return cls(own, tuple(document["source"]), tuple(document["level"]))


def plain_value(feature: Feature, value: object) -> float | str | None:
    """A JSON value as the feature holds it; None for missing; CatalogError if it is of another kind."""
    if value is None or value == "":
        return None
    if feature.kind == "category":
        if isinstance(value, str):
            return value
        raise CatalogError(f"{feature.name}: expected text, found {type(value).__name__}.", details=[feature.name])
    found = _finite(value) if feature.kind == "boolean" or not isinstance(value, bool) else None
    if found is not None and (feature.kind != "boolean" or found in (0, 1)):
        return found
    expected = "true or false" if feature.kind == "boolean" else "a finite number"
    raise CatalogError(f"{feature.name}: expected {expected}, found {_shown(value)}.", details=[feature.name])


def _finite(value: object) -> float | None:
    """A number, or a yes or no, as a float; None where it is none, or too large for one."""
    try:
        found = float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1024:
        return "a number too large for one"
    return repr(value)[:100]
