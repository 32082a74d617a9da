"""What a figure means: the definitions that travel with it, and calendar months."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd

from leap.config import Settings

DEFINITIONS_VERSION = 2
OPEN = np.datetime64("9999-12-31", "us")
"""The end of what has no end yet."""


def definition_hash(settings: Settings) -> str:
    """Twelve hexadecimal digits that name the definitions behind a figure.

    They cover the method, horizon, grace, gap and currency, how revenue becomes MRR (periods and what their amount
    covers, or events and how many months are looked at, with or without credit notes), whether other currencies are
    converted and whether accounts are joined by a lineage. The data, and where they end, are no definition.
    """
    stated = {
        "version": DEFINITIONS_VERSION,
        "method": "snapshot",
        "currency": settings.company.currency,
        "revenue": [_of_revenue(settings, name) for name in settings.with_role("revenue")],
        "constant_currency": bool(settings.with_role("rates")),
        "lineage": settings.lineage is not None,
        **settings.outcome.model_dump(),
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:12]


def _of_revenue(settings: Settings, name: str) -> dict[str, Any]:
    spec = settings.tables[name]
    if spec.shape == "periods":
        return {"shape": "periods", "amount_per": spec.amount_per}
    return {"shape": "events", "trailing_months": spec.trailing_months, "credit_notes": spec.credit_notes}


def add_months(moment: pd.Timestamp, months: int) -> pd.Timestamp:
    """The same day so many months later, clamped to the month's last day.

    >>> add_months(pd.Timestamp("2024-01-31"), 1).date(), add_months(pd.Timestamp("2024-02-29"), 12).date()
    (datetime.date(2024, 2, 29), datetime.date(2025, 2, 28))
    """
    return moment + pd.DateOffset(months=months)


def us(moment: pd.Timestamp) -> np.datetime64:
    """A moment in microseconds, as the columns hold them."""
    return np.datetime64(moment, "us")


def or_open(column: pd.Series) -> np.ndarray:
    """Ends, with a moment after everything where there is none yet."""
    moments = column.to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(moments), OPEN, moments)
