"""One form of every key figure: its value, the interval it lies in, and why either is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

TOO_FEW: Final = "too_few_accounts_or_no_spread"
NOT_ESTIMATED: Final = "not_estimated"


def figure(
    value: float | None, ends: Sequence[float] | None, reason: str | None = None, no_interval: str = TOO_FEW
) -> dict[str, Any]:
    """A figure as JSON; `reason` says why the value is null, `no_interval` why a value has no interval.

    >>> figure(0.97, (0.95, 0.99))
    {'value': 0.97, 'low': 0.95, 'high': 0.99, 'reason': None, 'no_interval': None}
    >>> figure(None, None, "empty_cohort")["reason"], figure(1.0, None)["no_interval"]
    ('empty_cohort', 'too_few_accounts_or_no_spread')
    """
    low, high = (None, None) if value is None or ends is None else ends
    return {
        "value": value,
        "low": low,
        "high": high,
        "reason": (reason or "undefined") if value is None else None,
        "no_interval": no_interval if value is not None and low is None else None,
    }
