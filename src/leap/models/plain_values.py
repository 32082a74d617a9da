"""Plain values of accounts, as JSON has them, read into columns: all rows together, each value looked at once.

Only where something is not plainly a number or a text is every value looked at by itself, which names the one at fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leap.errors import CatalogError
from leap.features import Feature, FeatureCatalog

_NUMBERS = frozenset({float, int, bool, type(None)})
_TEXTS = frozenset({str, type(None)})
_MOST_SHOWN = 100

_NONE = np.array([None], dtype=object)

Row = Mapping[str, object]


def missing_texts(column: np.ndarray) -> np.ndarray:
    """Where a column of text has none, shape (n,)."""
    return np.asarray(column == _NONE)


def alone(_: int) -> str:
    """What a row that stands alone is called in a message: nothing."""
    return ""


@dataclass(frozen=True)
class Values:
    """Feature values of n rows.

    `numbers` are those of the features `numbers_of` (numbers and booleans), shape (n, len(numbers_of)), NaN where
    missing. `columns` has every feature by name, shape (n,): those as views, categories as text (missing: None).
    """

    numbers_of: tuple[str, ...]
    numbers: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class Reader:
    """Reads the values of a catalog's features."""

    catalog: FeatureCatalog

    def read(self, rows: Sequence[Row], named: Callable[[int], str] = alone) -> Values:
        """Values by feature name; what is not given is missing.

        CatalogError names a feature that is unknown or has a value of another kind, beginning with what the row is
        called.
        """
        self.require(rows, named)
        numbers = self._numbers(rows)
        texts = [_texts([row.get(name) for row in rows]) for name in self._texts_of]
        found = [column for column in texts if column is not None]
        if numbers is None or len(found) < len(texts):
            return self._one_by_one(rows, named)
        return self._values(numbers, found)

    def require(self, rows: Sequence[Row], named: Callable[[int], str] = alone) -> None:
        """CatalogError for a name that is not in the catalog, with the nearest one."""
        known = self.catalog.by_name.keys()
        for i, row in enumerate(rows):
            if not row.keys() <= known:
                with _naming(named, i):
                    self.catalog.require(sorted(row.keys() - known))

    @cached_property
    def numbers_of(self) -> tuple[str, ...]:
        """Features whose values stand in `Values.numbers`, in the order of its columns: booleans after all others."""
        kinds = ("number", "boolean")
        return tuple(f.name for kind in kinds for f in self.catalog.features if f.kind == kind)

    @cached_property
    def _texts_of(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.catalog.features if f.kind == "category")

    @cached_property
    def _first_boolean(self) -> int:
        return sum(f.kind == "number" for f in self.catalog.features)

    def _values(self, numbers: np.ndarray, texts: Sequence[np.ndarray]) -> Values:
        columns = dict(zip(self.numbers_of, numbers.T, strict=True))
        columns.update(zip(self._texts_of, texts, strict=True))
        return Values(self.numbers_of, numbers, columns)

    def _numbers(self, rows: Sequence[Row]) -> np.ndarray | None:
        """The numbers of all rows; None where a value has to be looked at by itself."""
        cells = [get(name) for get in (row.get for row in rows) for name in self.numbers_of]
        kinds, width = set(map(type, cells)), len(self.numbers_of)
        if not kinds <= _NUMBERS or (bool in kinds and self._has_yes_for_a_number(cells, width)):
            return None
        try:
            found = np.array(cells, dtype=float).reshape(len(rows), width)
        except OverflowError:
            return None
        finite = np.isfinite(found)
        if not finite.all() and finite.sum() + cells.count(None) < found.size:
            return None
        yes_or_no = found[:, self._first_boolean :]
        sound = yes_or_no * yes_or_no == yes_or_no
        return found if sound.all() or (sound | np.isnan(yes_or_no)).all() else None

    def _has_yes_for_a_number(self, cells: Sequence[object], width: int) -> bool:
        """Whether a number is given as true or false, which is refused."""
        return any(bool in map(type, cells[k : k + self._first_boolean]) for k in range(0, len(cells), width))

    def _one_by_one(self, rows: Sequence[Row], named: Callable[[int], str]) -> Values:
        parsed: dict[str, list[Any]] = {name: [] for name in self.catalog.names}
        for i, row in enumerate(rows):
            with _naming(named, i):
                for feature in self.catalog.features:
                    parsed[feature.name].append(plain_value(feature, row.get(feature.name)))
        numbers = np.empty((len(rows), len(self.numbers_of)))
        for j, name in enumerate(self.numbers_of):
            numbers[:, j] = np.array(parsed[name], dtype=float)
        return self._values(numbers, [np.array(parsed[name], dtype=object) for name in self._texts_of])


def _texts(cells: list[object]) -> np.ndarray | None:
    if not _TEXTS.issuperset(map(type, cells)):
        return None
    return np.array([_text(cell) for cell in cells], dtype=object)


def _text(cell: Any) -> str | None:
    """Text as files hold it: without blanks around it, and missing if there is nothing else.

    >>> _text(" Software "), _text("  "), _text(None)
    ('Software', None, None)
    """
    return cell.strip() or None if cell else None


@contextmanager
def _naming(named: Callable[[int], str], i: int) -> Iterator[None]:
    """What is refused inside is refused of row i."""
    try:
        yield
    except CatalogError as error:
        raise CatalogError(f"{named(i)}{error.message}", details=error.details, remedy=error.remedy) from error


def plain_value(feature: Feature, value: object) -> float | str | None:
    """A JSON value as the feature holds it; None for missing; CatalogError if it is of another kind."""
    if value is None:
        return None
    if feature.kind == "category":
        if isinstance(value, str):
            return _text(value)
        raise CatalogError(f"{feature.name}: expected text, found {type(value).__name__}.", details=[feature.name])
    found = _finite(value)
    if found is not None and (found in (0, 1) if feature.kind == "boolean" else not isinstance(value, bool)):
        return found
    expected = "true or false" if feature.kind == "boolean" else "a finite number"
    raise CatalogError(f"{feature.name}: expected {expected}, found {_shown(value)}.", details=[feature.name])


def _finite(value: object) -> float | None:
    """A number, or a yes or no, as a float."""
    if not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1024:
        return "a number too large for one"
    shown = repr(value)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
