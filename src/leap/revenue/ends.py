"""E: what an account pays at the end of a window, with days of grace and gaps applied."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.config import Settings
from leap.revenue.changes import has_gap
from leap.revenue.definitions import add_months
from leap.revenue.mrr import Revenue


def ends_of(
    revenue: Revenue, settings: Settings, start: pd.Timestamp, end: pd.Timestamp, rates_at: pd.Timestamp | None = None
) -> np.ndarray:
    """E of every account, as known when the window's days of grace are over, shape (n_accounts,).

    A longer gap than `max_gap_days` makes it zero, whatever followed. At the rates of the start unless others are
    asked for.
    """
    rule = settings.outcome
    known = known_at(settings, end)
    ending = revenue.mrr_after_grace(end, rule.grace_days, rates_at=rates_at or start, lineage_at=known)
    if rule.max_gap_days is None or not revenue.by_periods:
        return ending
    return np.where(has_gap(revenue, start, end, rule.max_gap_days, lineage_at=known), 0, ending)


def known_at(settings: Settings, end: pd.Timestamp) -> pd.Timestamp:
    """When what followed in a window is known, and with it which accounts have become one: its days of grace are over.

    So an account that is renamed within them has not left.
    """
    return end + pd.Timedelta(days=settings.outcome.grace_days)


def window_ends(revenue: Revenue, settings: Settings, start: pd.Timestamp) -> np.ndarray:
    """E of every account, as known at the start, for a window of the horizon; at the rates of the start.

    Accounts that have become one by its end share what that one pays, in proportion to what each paid at the start.
    """
    end = add_months(start, settings.outcome.horizon_months)
    return revenue.of_members(start, known_at(settings, end), ends_of(revenue, settings, start, end))
