"""Survivorship: months before which hardly anyone left, since accounts that left so early are missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.evaluation.leaks.leak import Leak, marked
from leap.evaluation.leaks.lives import Lives
from leap.tables import AccountTables

_CHANCE = 1e-4
_NEAR_ZERO = 0.1
_FEWEST_EXPECTED = 10
_FEWEST_MONTHS = 6
"""Months with an end after the gap: many who leave on one day are an event, not a record that begins."""
_TOGETHER = 0.1
_FIRST_TERM = np.timedelta64(396, "D")
"""A yearly contract cannot end in its first year, so young companies have no early ends: thirteen months."""


def missing_churners(tables: AccountTables) -> list[Leak]:
    """The revenue table's end, if before some month there is a tenth or less of the ends that later months expect."""
    lives = Lives.of(tables)
    if lives is None:
        return []
    begins = _record_begins(lives, np.datetime64(tables.data_until, "us"))
    if begins is None:
        return []
    month, seen, expected = begins
    table = tables.with_role("revenue")[0]
    column = table.spec.end if table.spec.shape == "periods" else table.spec.at_column
    why = (
        f"{seen} accounts left before {month:%Y-%m-%d} where later months make {expected:.0f} likely: those that left "
        "so early are missing, so rows of that time would teach that nobody leaves"
    )
    return marked(tables, [Leak(table.name, column, why)])


def _begun_before(lives: Lives) -> np.ndarray:
    """Accounts whose true start lies before the data: many that start together in the first month there is."""
    first = lives.start <= lives.start.min() + np.timedelta64(31, "D")
    return np.asarray(first & (first.mean() >= _TOGETHER))


def _record_begins(lives: Lives, until: np.datetime64) -> tuple[pd.Timestamp, int, float] | None:
    """The last month before which ends are near zero, with the ends seen and expected before it."""
    since = np.where(_begun_before(lives), lives.start, lives.start + _FIRST_TERM)
    upto = np.where(np.isnat(lives.end), until, lives.end)
    at_risk = upto > since
    since, upto, gone = since[at_risk], upto[at_risk], lives.left[at_risk]
    if not at_risk.any():
        return None
    # Imported where it is used: it takes longer than all the rest of what loading a bundle imports.
    from scipy import stats

    months = pd.date_range(pd.Timestamp(since.min()), pd.Timestamp(until), freq="MS")
    found = None
    for month in months[1 : max(2, 3 * len(months) // 4)]:
        at = month.to_datetime64()
        days = (np.minimum(upto, at) - np.minimum(since, at)) / np.timedelta64(1, "D")
        before, total = float(days.sum()), float(((upto - since) / np.timedelta64(1, "D")).sum())
        early = int((gone & (upto < at)).sum())
        later = int(gone.sum()) - early
        if total - before <= 0:
            break
        expected = later / (total - before) * before
        near_zero = expected >= _FEWEST_EXPECTED and early <= _NEAR_ZERO * expected
        near_zero = near_zero and len(np.unique(upto[gone & (upto >= at)].astype("datetime64[M]"))) >= _FEWEST_MONTHS
        if near_zero and stats.poisson.cdf(early, expected) < _CHANCE:
            found = (month, early, expected)
    return found
