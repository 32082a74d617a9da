"""Whether customers use more or less than a year ago, from events with a quantity."""

from __future__ import annotations

import numpy as np

from leap.snapshots import known_as
from leap.tables import AccountTables
from leap.tables.canonical import AT, KEY, QUANTITY

_QUARTER = np.timedelta64(91, "D")
_YEAR = np.timedelta64(364, "D")


def trend_of_usage(tables: AccountTables) -> np.ndarray | None:
    """The logarithm of what was used in the last 13 weeks over that of the same 13 weeks a year before, each plus one.

    Shape (n_accounts,); NaN of who used nothing in both. None where no table holds events with a quantity that only
    customers have.
    """
    until = np.datetime64(tables.data_until, "us")
    used = np.zeros((2, len(tables.accounts)))
    found = False
    for table in tables.tables.values():
        spec = table.spec
        if spec.shape != "events" or spec.role is not None or spec.scope != "health" or spec.quantity is None:
            continue
        found = True
        rows = table.rows[tables.codes_of(table.rows[KEY]) >= 0]
        codes = known_as(tables, tables.codes_of(rows[KEY]), tables.data_until)
        at, quantity = rows[AT].to_numpy().astype("datetime64[us]"), rows[QUANTITY].to_numpy(dtype=float)
        for period, end in enumerate((until, until - _YEAR)):
            inside = (at < end) & (at >= end - _QUARTER) & np.isfinite(quantity)
            order = np.argsort(quantity[inside], kind="stable")
            used[period] += np.bincount(codes[inside][order], quantity[inside][order], minlength=used.shape[1])
    if not found:
        return None
    now, before = np.maximum(used, 0.0)
    return np.where(now + before > 0, np.log1p(now) - np.log1p(before), np.nan)
