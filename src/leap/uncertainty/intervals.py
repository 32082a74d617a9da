"""Intervals for an account's realised ratio and value: the smallest with enough weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.models.composition import Prediction
from leap.uncertainty.shapes import RatioShape, ValueShape
from leap.uncertainty.smallest import smallest
from leap.value import ValueTerms, value_of_ratio

LEVEL = 0.9


@dataclass(frozen=True)
class Intervals:
    """How the ratio and the value of an account spread, and the nominal shares with which intervals covered.

    `nominal` and `value_nominal` are shares of the model's own weight, at least `level`. `wanted` is the coverage that
    calibration asked for: above `level` where intervals made earlier held less than they said. `coverage` and
    `value_coverage` are what was held out of time; where the latter is None, `value_reason` says why.
    `level_errors` are errors of the portfolio's NRR (observed less predicted) in past blocks of a horizon each.
    """

    ratio_shape: RatioShape
    nominal: float
    coverage: float
    wanted: float = LEVEL
    value_shape: ValueShape | None = None
    value_nominal: float | None = None
    value_coverage: float | None = None
    value_reason: str | None = None
    level_errors: tuple[float, ...] = ()
    level: float = LEVEL

    def ratio(self, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest plausible realised ratio, shape (n,) each; they always hold the expected one."""
        low, high = smallest(*self.ratio_shape.bins(prediction), self.nominal)
        return np.minimum(low, prediction.nrr), np.maximum(high, prediction.nrr)

    def months(self, prediction: Prediction) -> tuple[np.ndarray, np.ndarray] | None:
        """Lowest and highest plausible value of twelve months in discounted months of starting MRR, shape (n,) each.

        None where no value ever followed a prediction.
        """
        if self.value_shape is None or self.value_nominal is None:
            return None
        return smallest(*self.value_shape.bins(prediction), self.value_nominal)

    def value(
        self, prediction: Prediction, point: np.ndarray, monthly_margin: np.ndarray, terms: ValueTerms
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same in money, shape (n,) each; they always hold the expected value.

        Where no value ever followed a prediction, it is that of the ratio: a lost account is lost in the middle.
        """
        low, high = self.months(prediction) or (value_of_ratio(end, terms) for end in self.ratio(prediction))
        bottom, top = monthly_margin * low, monthly_margin * high
        return np.fmin(np.minimum(bottom, top), point), np.fmax(np.maximum(bottom, top), point)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            **self.__dict__,
            "ratio_shape": self.ratio_shape.to_json(),
            "value_shape": None if self.value_shape is None else self.value_shape.to_json(),
            "level_errors": list(self.level_errors),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Intervals:
        """The inverse of `to_json`."""
        fields = dict(document)
        fields["ratio_shape"] = RatioShape.from_json(fields["ratio_shape"])
        value = fields.get("value_shape")
        fields["value_shape"] = None if value is None else ValueShape.from_json(value)
        fields["level_errors"] = tuple(fields.get("level_errors", ()))
        return cls(**fields)
