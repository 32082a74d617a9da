"""Features to the numeric matrix that learners see: numbers as they are, categories as one column per frequent level.

Past the encoder only numpy in the catalog's order reaches a learner: LightGBM scores reordered columns silently wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.features import FeatureCatalog, FeatureFrame
from leap.models.plain_values import Reader, Values

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
        return self.encode_values(self.reader.read([values]))

    def encode_values(self, values: Values) -> np.ndarray:
        """float64 matrix, shape (n, width), of plain values that were read by a catalog with the encoder's features."""
        numbers, levels = self._columns_of_kinds
        matrix = np.zeros((len(values), self.width))
        matrix[:, numbers] = values.numbers[:, self._places(values.numbers_of)]
        for name, column_of in levels.items():
            for i, level in enumerate(values.columns[name].tolist()):
                if (j := column_of.get(level)) is not None:
                    matrix[i, j] = 1.0
        return matrix

    @cached_property
    def reader(self) -> Reader:
        """Reads plain values of the encoder's features."""
        return Reader(self.catalog)

    @cached_property
    def _columns_of_kinds(self) -> tuple[np.ndarray, dict[str, dict[str | None, int]]]:
        """The columns of numbers, and of each category the column of every level, None being the missing one."""
        levels: dict[str, dict[str | None, int]] = {}
        for j, (position, level) in enumerate(zip(self.source, self.level, strict=True)):
            if level is not None:
                column_of = levels.setdefault(self.catalog.features[position].name, {})
                column_of |= {level: j, None: j} if level == MISSING_LEVEL else {level: j}
        return np.array([j for j, level in enumerate(self.level) if level is None], dtype=np.intp), levels

    def _places(self, numbers_of: tuple[str, ...]) -> np.ndarray:
        """Where the encoded numbers stand among those of some values; kept for whoever has read them."""
        known = self._places_in.get(id(numbers_of))
        if known is not None and known[0] is numbers_of:
            return known[1]
        place = {name: j for j, name in enumerate(numbers_of)}
        names = [self.catalog.features[self.source[j]].name for j in self._columns_of_kinds[0]]
        found = np.array([place[name] for name in names], dtype=np.intp)
        self._places_in[id(numbers_of)] = (numbers_of, found)
        return found

    @cached_property
    def _places_in(self) -> dict[int, tuple[tuple[str, ...], np.ndarray]]:
        return {}

    def by_feature(self, contributions: np.ndarray) -> np.ndarray:
        """Contributions of encoded columns, shape (.., width), summed to their features, shape (.., n_features).

        The columns of a feature are added in their order, whatever rows stand beside a row.
        """
        order, starts, owners = self._columns_of_features
        result = np.zeros((*contributions.shape[:-1], len(self.catalog.features)))
        if len(owners):
            result[..., owners] = np.add.reduceat(contributions.take(order, axis=-1), starts, axis=-1)
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
