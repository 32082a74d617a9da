"""When what it cost to win an account has come back, and how many times it comes back; null where undefined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LONGEST = 600
_YEAR = 12
NO_COSTS, ZERO_CAC, NEGATIVE_CAC, NO_MARGIN = "no_acquisition_costs", "zero_cac", "negative_cac", "no_gross_margin"
NO_NEW_MRR, NOT_POSITIVE, NEVER = "no_new_mrr", "margin_not_positive", "never_pays_back"


def payback_months(cac: float, new_mrr: float, margin: float) -> float | None:
    """CAC / (new MRR * margin); null, never infinity, when the divisor is not positive.

    >>> payback_months(1040, 100, 0.8), payback_months(1040, 0, 0.8)
    (13.0, None)
    """
    monthly = new_mrr * margin
    return cac / monthly if monthly > 0 and np.isfinite(cac) else None


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
    if not (monthly_margin > 0 and np.isfinite(cac)):
        return None
    begins = np.concatenate([[1.0], survival])[:_LONGEST]
    if len(begins) < _LONGEST:
        year = min(_YEAR, len(begins) - 1)
        rate = (begins[-1] / begins[-1 - year]) ** (1 / year) if year else 1.0
        begins = np.concatenate([begins, begins[-1] * rate ** np.arange(1, _LONGEST - len(begins) + 1)])
    reached = np.cumsum(begins * monthly_margin) >= cac - 1e-9
    return int(np.argmax(reached)) + 1 if reached[-1] else None


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
    reason: dict[str, str] = {}
    unknown = not np.isfinite(cac)
    why = NO_COSTS if unknown else NEGATIVE_CAC if cac < 0 else _no_divisor(new_mrr, margin)
    if unknown:
        reason["cac"] = NO_COSTS
    plain = None if why else payback_months(cac, new_mrr, margin)
    along = None if why else payback_along(cac, new_mrr * margin, survival)
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
    if not np.isfinite(margin):
        return NO_MARGIN
    if not np.isfinite(new_mrr) or new_mrr <= 0:
        return NO_NEW_MRR
    return None if new_mrr * margin > 0 else NOT_POSITIVE
