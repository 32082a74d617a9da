"""When what it cost to win an account has come back, and how many times it comes back; null where undefined."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LONGEST = 600
_AT_ONCE = 1_000
_YEAR = 12
NO_COSTS, ZERO_CAC, NEGATIVE_CAC, NO_MARGIN = "no_acquisition_costs", "zero_cac", "negative_cac", "no_gross_margin"
NO_NEW_MRR, NOT_POSITIVE, NEVER = "no_new_mrr", "margin_not_positive", "never_pays_back"


def payback_months(cac: float, new_mrr: float, margin: float) -> float | None:
    """CAC / (new MRR * margin); null, never infinity, when the divisor is not positive.

    >>> payback_months(1040, 100, 0.8), payback_months(1040, 0, 0.8)
    (13.0, None)
    """
    monthly = new_mrr * margin
    return cac / monthly if monthly > 0 and math.isfinite(cac) else None


def payback_months_survival(cac: float, new_mrr: float, margin: float, monthly_retention: float) -> int | None:
    """The first month whose cumulated survival * MRR * margin reaches CAC; null if it never does.

    >>> payback_months_survival(1040, 100, 0.8, 0.98)
    15
    """
    curve = monthly_retention ** np.arange(1, _LONGEST)
    return payback_along(cac, new_mrr * margin, curve)


def payback_along(cac: float, monthly_margin: float, survival: np.ndarray) -> int | None:
    """The first month whose cumulated margin reaches CAC, along one curve S(1) .. S(n); null if none of 600 does.

    The first month is paid in full: its survival is that of its beginning, S(0) = 1. After the curve it goes on with
    the mean rate of its last year.

    >>> payback_along(1040, 80, 0.98 ** np.arange(1, 37))
    15
    """
    return pays_back_along(np.array([cac]), np.array([monthly_margin]), np.asarray(survival)[None, :])[0]


def pays_back_along(cac: np.ndarray, monthly_margin: np.ndarray, survival: np.ndarray) -> list[int | None]:
    """The same of n accounts, each along its own curve; shape (n,), and (n, months) of the curves."""
    found: list[int | None] = [None] * len(cac)
    rows = np.flatnonzero((monthly_margin > 0) & np.isfinite(cac))
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        begins = np.column_stack([np.ones(len(part)), survival[part]])[:, :_LONGEST]
        left = _first_reached(found, part, begins, cac, monthly_margin)
        if len(left) and begins.shape[1] < _LONGEST:
            _first_reached(found, part[left], _carried_on(begins[left]), cac, monthly_margin)
    return found


def _first_reached(
    found: list[int | None], rows: np.ndarray, begins: np.ndarray, cac: np.ndarray, monthly: np.ndarray
) -> np.ndarray:
    """Set the month of those rows that reach their CAC; which of them do not."""
    reached = np.cumsum(begins * monthly[rows, None], axis=1) >= (cac[rows] - 1e-9)[:, None]
    for k, month in enumerate((reached.argmax(axis=1) + 1).tolist()):
        found[rows[k]] = month if reached[k, -1] else None
    return np.flatnonzero(~reached[:, -1])


def _carried_on(begins: np.ndarray) -> np.ndarray:
    """Curves up to the longest time, with the mean rate of their last year."""
    year = min(_YEAR, begins.shape[1] - 1)
    last = begins[:, -1]
    rate = (last / begins[:, -1 - year]) ** (1 / year) if year else np.ones(len(begins))
    months = np.arange(1, _LONGEST - begins.shape[1] + 1)
    return np.hstack([begins, last[:, None] * rate[:, None] ** months])


@dataclass(frozen=True)
class Returns:
    """What an account cost to win and how that comes back; `reason` says of every null why it is one."""

    cac: float | None
    payback_months: float | None
    payback_months_survival: int | None
    ltv_to_cac: float | None
    reason: dict[str, str]

    def to_json(self) -> dict[str, object]:
        """Its keys in the JSON of an account; `reason` is null where nothing is undefined."""
        return {**self.__dict__, "reason": self.reason or None}


def returns_of(
    cac: float, new_mrr: float, margin: float, survival: np.ndarray, lifetime_value: float, why_no_value: str | None
) -> Returns:
    """Payback and LTV : CAC of one account.

    `new_mrr` is what it paid at first, `lifetime_value` its margin-based value of 36 months, `survival` its curve.

    >>> returns_of(1040, 100, 0.8, 0.98 ** np.arange(1, 37), 2080.0, None).to_json()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'cac': 1040.0, 'payback_months': 13.0, 'payback_months_survival': 15, 'ltv_to_cac': 2.0, 'reason': None}
    """
    return returns_after(
        cac, new_mrr, margin, payback_along(cac, new_mrr * margin, survival), lifetime_value, why_no_value
    )


def returns_after(
    cac: float,
    new_mrr: float,
    margin: float,
    payback_month: int | None,
    lifetime_value: float,
    why_no_value: str | None,
) -> Returns:
    """The same with the month known in which it has come back along the curve."""
    reason: dict[str, str] = {}
    unknown = not math.isfinite(cac)
    why = NO_COSTS if unknown else NEGATIVE_CAC if cac < 0 else _no_divisor(new_mrr, margin)
    if unknown:
        reason["cac"] = NO_COSTS
    plain = None if why else payback_months(cac, new_mrr, margin)
    along = None if why else payback_month
    if why:
        reason["payback_months"] = reason["payback_months_survival"] = why
    elif along is None:
        reason["payback_months_survival"] = NEVER
    no_ratio = NO_COSTS if unknown else NEGATIVE_CAC if cac < 0 else ZERO_CAC if cac == 0 else why_no_value
    if no_ratio:
        reason["ltv_to_cac"] = no_ratio
    ratio = None if no_ratio else float(lifetime_value / cac)
    return Returns(None if unknown else float(cac), None if plain is None else float(plain), along, ratio, reason)


def _no_divisor(new_mrr: float, margin: float) -> str | None:
    if not math.isfinite(margin):
        return NO_MARGIN
    if not math.isfinite(new_mrr) or new_mrr <= 0:
        return NO_NEW_MRR
    return None if new_mrr * margin > 0 else NOT_POSITIVE
