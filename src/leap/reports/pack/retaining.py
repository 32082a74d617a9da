"""What customers really kept paying, quarter by quarter: exact figures of windows that end a quarter apart."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from leap.errors import LeapError
from leap.reports.pack.book import QUARTER
from leap.reports.retention_summary import in_words
from leap.revenue import Retention, Revenue, add_months, retention, window
from leap.tables import AccountTables

QUARTERS = 5
"""So many, so that a quarter stands beside the same one a year before."""


@dataclass(frozen=True)
class RetentionQuarter:
    """One end of a quarter: NRR, GRR and logo churn of the `months` before it, and how MRR moved in its three months.

    Money is MRR a month. The four movements are None where revenue has no dated changes (orders).
    """

    end: str
    months: int
    accounts: int
    nrr: float | None
    grr: float | None
    logo_churn: float | None
    mrr: float
    new: float | None
    expansion: float | None
    contraction: float | None
    churn: float | None
    why: str

    @property
    def moved(self) -> tuple[tuple[str, float | None], ...]:
        """What made MRR move, with the sign with which it did."""
        down = [(name, None if amount is None else -amount) for name, amount in self._lost]
        return ("new", self.new), ("expansion", self.expansion), *down

    @property
    def _lost(self) -> tuple[tuple[str, float | None], ...]:
        return ("contraction", self.contraction), ("churn", self.churn)


def retention_quarters(tables: AccountTables) -> tuple[RetentionQuarter, ...]:
    """The last quarters whose windows lie in the data, oldest first; the newest ends where the data are complete."""
    months = tables.settings.outcome.horizon_months
    try:
        _, last = window(tables, None, None)
    except LeapError:
        return ()
    ends = [add_months(last, -QUARTER * n) for n in range(QUARTERS - 1, -1, -1)]
    found = [_quarter(tables, end, months) for end in ends]
    return tuple(quarter for quarter in found if quarter is not None)


def _quarter(tables: AccountTables, end: pd.Timestamp, months: int) -> RetentionQuarter | None:
    """None where the window begins before the data do; of orders, before MRR has the months that it looks back on."""
    try:
        if add_months(end, -months) < Revenue(tables).first_whole:
            return None
        year = retention(tables, add_months(end, -months), end)
        own = retention(tables, add_months(end, -QUARTER), end)
    except LeapError:
        return None
    moved = _moved(own)
    return RetentionQuarter(
        end=f"{end:%Y-%m-%d}",
        months=months,
        accounts=year.figures.accounts,
        nrr=year.figures.nrr,
        grr=year.figures.grr,
        logo_churn=year.figures.logo_churn,
        mrr=own.book_ending_mrr,
        new=moved.get("new"),
        expansion=moved.get("expansion"),
        contraction=moved.get("contraction"),
        churn=moved.get("churn"),
        why=in_words(year.figures.reason) or "",
    )


def _moved(own: Retention) -> dict[str, float]:
    """Movements of the quarter; those who came back count as new."""
    if own.movements is None:
        return {}
    found = {name: float(amount) for name, amount in own.movements.items()}
    return {**found, "new": found["new"] + found.get("reactivation", 0.0)}
