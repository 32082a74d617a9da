"""Why a figure of a group is undefined: in the words of `leap.value` and of the definitions, never 0 and never 1."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leap.icp.book import Book
from leap.value.payback import NEGATIVE_CAC, NEVER, NO_COSTS, NO_MARGIN, NO_NEW_MRR, NOT_POSITIVE, ZERO_CAC

EMPTY = "empty_cohort"
NO_CUSTOMERS, NO_DEALS, NO_WON = "no_new_customers", "no_closed_deals", "no_won_deals"
NO_AMOUNTS, NO_DISCOUNTS = "no_amounts", "no_discounts"
_RETENTION = ("nrr", "grr", "logo_churn", "churn_rate", "contraction_rate", "expansion_rate")


def why_undefined(book: Book, sums: Mapping[str, float], values: Mapping[str, float | None]) -> dict[str, str]:
    """The reason of every figure that has one, by name."""
    no_margin = NO_MARGIN if np.isnan(book.gross_margin).all() else None
    costs = _no_costs(book, sums)
    margin = None if sums["revenue"] > 0 else no_margin or EMPTY
    reasons: dict[str, str | None] = dict.fromkeys(_RETENTION, None if sums["paying"] else EMPTY)
    reasons |= {
        "margin": margin,
        "value_12m": None if sums["valued"] else no_margin or EMPTY,
        "cac": costs,
        "cac_with_lost": costs,
        "win_rate": None if sums["decided"] else NO_DEALS,
        "sales_cycle_days": None if values["sales_cycle_days"] is not None else NO_WON,
        "deal_size": None if sums["with_amount"] else NO_AMOUNTS if sums["won"] else NO_WON,
        "discount": None if sums["listed"] > 0 else NO_DISCOUNTS if sums["won"] else NO_WON,
    }
    payback = costs or _no_payback(sums, no_margin)
    reasons["payback_months"] = payback
    no_curve = EMPTY if not sums["paying"] else NEVER if values["payback_months_survival"] is None else None
    reasons["payback_months_survival"] = payback or no_curve
    zero = ZERO_CAC if sums["cac"] == 0 else NEGATIVE_CAC if sums["cac"] < 0 else None
    reasons["ltv_to_cac"] = costs or zero or margin or (None if values["ltv_to_cac"] is not None else EMPTY)
    return {name: why for name, why in reasons.items() if why is not None}


def _no_costs(book: Book, sums: Mapping[str, float]) -> str | None:
    if sums["with_cac"]:
        return None
    return NO_COSTS if np.isnan(book.cac).all() or sums["new_customers"] else NO_CUSTOMERS


def _no_payback(sums: Mapping[str, float], no_margin: str | None) -> str | None:
    """As of an account: what comes back a month must be positive."""
    if sums["to_return"] < 0:
        return NEGATIVE_CAC
    if sums["returned_by"] > 0:
        return None
    return no_margin or (NO_NEW_MRR if not sums["new_mrr"] > 0 else NOT_POSITIVE)
