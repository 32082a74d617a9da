"""Sums of decimal numbers that are exact, so that neither the order of rows nor what lies beside them changes a bit.

A float64 is parted into whole numbers: units of 2**40, units, millionths and units of 1e-18, each added as int64.
So 0.1 + 0.2 is 0.3, and a window taken as the difference of two running sums is what adding its rows gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_HIGH = 2.0**40
_MICRO, _ATTO = 1e6, 1e18
_MOST = 2.0**80
_SMALL = 2**33  # so many units, in millionths, are still exact in a float64


@dataclass(frozen=True)
class Parts:
    """The whole numbers of some values, shape (n,) int64 each; None stands for nothing but zeros.

    `beyond` counts values of 1.2e24 (2**80) and more, which no sum holds: what contains one has no sum (NaN).
    Sums stay exact up to eight million values of the largest kind in one sum.
    """

    units: np.ndarray
    high: np.ndarray | None = None
    micro: np.ndarray | None = None
    atto: np.ndarray | None = None
    beyond: np.ndarray | None = None

    @classmethod
    def of(cls, values: np.ndarray) -> Parts:
        """The parts of float64 values; a missing value counts as nothing.

        >>> parts = Parts.of(np.array([0.1, 0.2, np.nan, 2.0]))
        >>> parts.units, parts.micro, parts.atto
        (array([0, 0, 0, 2]), array([100000, 200000,      0,      0]), None)
        """
        beyond = np.abs(values) >= _MOST
        values = np.where(np.isnan(values) | beyond, 0.0, values)
        high = np.trunc(values / _HIGH)
        below = values - high * _HIGH
        units = np.trunc(below)
        fraction = below - units
        in_micro = np.rint(below * _MICRO)
        # 19.99 is 19 and 990,000 millionths, although 19.99 - 19 is a little less than 0.99.
        decimal = (in_micro / _MICRO == below) & (np.abs(below) < _SMALL)
        micro = np.where(decimal, in_micro - units * _MICRO, np.rint(fraction * _MICRO))
        atto = np.where(decimal, 0.0, np.rint((fraction - micro / _MICRO) * _ATTO))
        return cls(units.astype(np.int64), *(_or_none(part) for part in (high, micro, atto, beyond)))

    def items(self) -> list[tuple[str, np.ndarray]]:
        """The parts that are there, by name."""
        named = [(name, getattr(self, name)) for name in ("units", "high", "micro", "atto", "beyond")]
        return [(name, part) for name, part in named if part is not None]

    def at(self, rows: np.ndarray) -> Parts:
        """The parts of some of the values."""
        return Parts(**{name: part[rows] for name, part in self.items()})

    def summed(self, codes: np.ndarray, n: int) -> Parts:
        """Sums by code, shape (n,) each."""
        sums = {}
        for name, part in self.items():
            sums[name] = np.zeros(n, dtype=np.int64)
            np.add.at(sums[name], codes, part)
        return Parts(**sums)

    def joined(self) -> np.ndarray:
        """The values that sums of parts stand for, float64: a function of the parts alone.

        >>> Parts(np.array([0]), micro=np.array([300000])).joined()
        array([0.3])
        """
        values = self.units.astype(float)
        if self.high is not None:
            values = values + self.high.astype(float) * _HIGH
        if self.micro is not None:
            small = (np.abs(self.units) < _SMALL) & (True if self.high is None else self.high == 0)
            in_micro = np.where(small, self.units, 0) * int(_MICRO) + self.micro
            values = np.where(small, in_micro / _MICRO, values + self.micro / _MICRO)
        if self.atto is not None:
            values = values + self.atto / _ATTO
        return values if self.beyond is None else np.where(self.beyond > 0, np.nan, values)


def _or_none(part: np.ndarray) -> np.ndarray | None:
    return part.astype(np.int64) if part.any() else None
