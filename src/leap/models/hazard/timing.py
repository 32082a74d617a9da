"""What is known of a lead month beforehand: how far ahead it is, and whether a renewal or an anniversary falls in it.

Lead month `m` of a row as of `t` is the month that ends at `t + m months`; month 1 is the first one. A renewal date and
the length of the term are features as of `t`, so nothing is used here that was not known then. After the next renewal
the following ones are taken to come a term apart each, as if the account renewed for the same term again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import TENURE
from leap.models.encoding import Encoder

_DAYS = 30.4375
_LATE_DAYS = 2.5
"""Calendar months are up to two days and a half longer or shorter than the mean one, added up from any date."""
_SHORT = 0.1
"""The same in months, for a tenure: 365 days are 11.99 mean months, and an anniversary all the same."""
EDGES = (1, 2, 3, 6, 12, 24)
"""The hazard may take a level of its own up to each of these months."""
CASES = ("neither", "anniversary", "renewal", "both")
"""What can fall in a month: its number is four times the month and the place of what does."""
COLUMNS = ("month", "log_month", *(f"up_to_{edge}" for edge in EDGES), "renewal", "anniversary")


@dataclass(frozen=True)
class Timing:
    """Which encoded columns hold the days to the next renewal, the days of the term and the months as a customer."""

    renewal: int | None = None
    term: int | None = None
    tenure: int | None = None

    @classmethod
    def of(cls, encoder: Encoder) -> Timing:
        """As the features of an encoder were declared; None where there is no such column."""
        found: dict[str, int] = {}
        for column, position in enumerate(encoder.source):
            feature = encoder.catalog.features[position]
            name = {"renews_days": "renewal", "term_days": "term"}.get(feature.recipe.operation)
            if feature.name == TENURE:
                name = "tenure"
            if name is not None:
                found.setdefault(name, column)
        return cls(**found)

    def leads(self, matrix: np.ndarray, month: np.ndarray) -> np.ndarray:
        """What is known of lead months of rows, as whole numbers; `month` has shape (n, k), or (1, k) for all rows.

        4 * month + 2 if a renewal falls in it + 1 if an anniversary of the first payment does; shape (n, k).
        """
        return np.asarray(4 * month + 2 * self._renewal(matrix, month) + self._anniversary(matrix, month))

    def _renewal(self, matrix: np.ndarray, month: np.ndarray) -> np.ndarray:
        if self.renewal is None:
            return np.zeros((len(matrix), 1), dtype=np.int64)
        days = matrix[:, [self.renewal]]
        first = np.maximum(np.ceil((days - _LATE_DAYS) / _DAYS), 1.0)
        term = np.full(days.shape, np.nan) if self.term is None else np.round(matrix[:, [self.term]] / _DAYS)
        since = month - first
        again = (since > 0) & (term >= 1) & (np.mod(since, np.where(term >= 1, term, 1.0)) == 0)
        return np.asarray((since == 0) | again, dtype=np.int64)

    def _anniversary(self, matrix: np.ndarray, month: np.ndarray) -> np.ndarray:
        if self.tenure is None:
            return np.zeros((len(matrix), 1), dtype=np.int64)
        tenure = matrix[:, [self.tenure]]
        reached = np.where(np.isnan(tenure), 0.0, tenure) + month + _SHORT
        return np.asarray(np.floor(reached / 12) > np.floor((reached - 1) / 12), dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return dict(self.__dict__)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Timing:
        """The inverse of `to_json`."""
        return cls(**{name: None if place is None else int(place) for name, place in document.items()})


def columns_of(leads: np.ndarray) -> np.ndarray:
    """What a learner sees of lead months, shape (len(leads), len(COLUMNS)).

    >>> columns_of(np.array([4 * 2 + 1]))[0, [0, -2, -1]].tolist()
    [2.0, 0.0, 1.0]
    """
    month, falls = np.divmod(leads, 4)
    steps = [month <= edge for edge in EDGES]
    return np.column_stack([month, np.log(month), *steps, falls // 2, falls % 2]).astype(float)
