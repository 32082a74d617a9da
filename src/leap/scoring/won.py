"""What winning accounts cost and began with, beside their scores; and a survival curve in a few months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.value import Acquisition, Returns, returns_after

CURVE_MONTHS = (1, 3, 6, 12, 24, 36)


@dataclass(frozen=True)
class Won:
    """Aligned with the rows scored: `cac`, on what `basis` it is known, and `new_mrr`; NaN where unknown."""

    cac: np.ndarray
    basis: np.ndarray
    new_mrr: np.ndarray

    @classmethod
    def of(cls, found: Acquisition, codes: np.ndarray) -> Won:
        """Of the accounts of a workspace."""
        return cls(found.cac[codes], found.basis[codes], found.new_mrr[codes])

    @classmethod
    def usual(cls, economics: Mapping[str, Any], n: int) -> Won:
        """Of prospects: what winning a customer usually costs, and what a new one usually pays."""
        known = [np.nan if economics.get(name) is None else float(economics[name]) for name in ("cac", "new_mrr")]
        basis = "" if np.isnan(known[0]) else "recent"
        return cls(np.full(n, known[0]), np.full(n, basis, dtype=object), np.full(n, known[1]))

    @classmethod
    def unknown(cls, n: int) -> Won:
        """Of accounts of which only features are given."""
        return cls(np.full(n, np.nan), np.full(n, "", dtype=object), np.full(n, np.nan))

    def with_known(self, own: Won, positions: np.ndarray) -> Won:
        """The same with what a workspace knows of the accounts at these positions, -1 for those it does not have."""
        there = positions >= 0
        parts = []
        for name in self.__dataclass_fields__:
            part = getattr(self, name).copy()
            part[there] = getattr(own, name)[positions[there]]
            parts.append(part)
        return Won(*parts)

    def returns(
        self, i: int, margin: float, payback_month: int | None, lifetime_value: float, why_no_value: str | None
    ) -> dict[str, Any]:
        """The keys of one account's JSON; `payback_month` is that along its curve."""
        cac, paid = float(self.cac[i]), float(self.new_mrr[i])
        found = returns_after(cac, paid, margin, payback_month, lifetime_value, why_no_value)
        return {**found.to_json(), "cac_basis": self.basis[i] or None}

    def nothing(self, why: str) -> dict[str, Any]:
        """The keys of an account that is not scored."""
        names = ("cac", "payback_months", "payback_months_survival", "ltv_to_cac")
        found = Returns(None, None, None, None, dict.fromkeys(names, why))
        return {**found.to_json(), "cac_basis": None}


def curve_json(survival: Sequence[float], observed: int) -> list[dict[str, Any]]:
    """The share expected to be left after `CURVE_MONTHS`; whether accounts were ever followed that far ahead."""
    return [
        {"months": months, "survival": left, "observed": months <= observed}
        for months, left in zip(CURVE_MONTHS, survival, strict=True)
    ]
