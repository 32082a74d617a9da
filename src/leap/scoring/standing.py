"""What an account was at a moment: a customer with a score, leaving, a former one, free of charge or not yet one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from leap.errors import UnknownAccount
from leap.revenue import PARTS, Revenue, us
from leap.scoring.reasons import plain
from leap.scoring.table import ScoreTable
from leap.snapshots import known_as
from leap.tables import AccountTables

_NEVER = np.datetime64("0001-01-01", "us")
Status = Literal["customer", "leaving", "former", "free", "prospect", "several"]


@dataclass(frozen=True)
class Standing:
    """An account at a moment. NRR, churn and money (the MRR expected after the horizon) are those of a scored customer.

    `known_as` are the ids it had then, for accounts that were renamed or merged since; `said` is the status in words.
    """

    as_of: str
    status: Status
    known_as: tuple[str, ...]
    mrr: float
    said: str
    nrr: float | None = None
    churn: float | None = None

    @property
    def is_scored(self) -> bool:
        """Whether the model says anything of it."""
        return self.nrr is not None

    @property
    def pays(self) -> bool:
        """Whether it had MRR."""
        return self.mrr > 0

    @property
    def money(self) -> float | None:
        """MRR times NRR: the MRR expected after the horizon."""
        return None if self.nrr is None else self.mrr * self.nrr

    def to_json(self) -> dict[str, Any]:
        """`before` or `after` of `why_changed`."""
        return {
            "as_of": self.as_of,
            "status": self.status,
            "known_as": list(self.known_as),
            "mrr": self.mrr,
            "nrr": self.nrr,
            "churn": self.churn,
            "money": self.money,
            "said": self.said,
        }


def code_of(tables: AccountTables, account_id: str, moment: pd.Timestamp) -> int:
    """The code of an account; UnknownAccount if no table has it, or it is known as another at that moment."""
    if account_id not in tables.accounts:
        raise UnknownAccount(
            f"{account_id or '(empty id)'}: no customer to explain: no table has it.",
            remedy="Ids are case sensitive; see the score file.",
        )
    code = cast(int, tables.accounts.get_loc(account_id))
    now = int(known_as(tables, np.array([code]), moment)[0])
    if now != code:
        raise UnknownAccount(
            f"{account_id} is known as {tables.accounts[now]} at {moment:%Y-%m-%d}.",
            remedy=f"Ask for {tables.accounts[now]}.",
        )
    return code


def was(tables: AccountTables, code: int, until: pd.Timestamp, moment: pd.Timestamp) -> np.ndarray:
    """The codes that an account had at a moment, of what is one account at `until`, shape (n,)."""
    everyone = np.arange(len(tables.accounts))
    same = everyone[known_as(tables, everyone, until) == code]
    return np.unique(known_as(tables, same, moment))


def standing(
    tables: AccountTables,
    codes: np.ndarray,
    moment: pd.Timestamp,
    table: ScoreTable,
    paid: Sequence[int] | None = None,
) -> Standing:
    """What these codes were at a moment; `table` has the scores of those of them that paid then: in its rows `paid`,
    by default in all.
    """
    rows = range(len(table)) if paid is None else paid
    revenue, horizon = Revenue(tables), tables.settings.outcome.horizon_months
    day, ids = f"{moment:%Y-%m-%d}", tuple(str(tables.accounts[code]) for code in codes)
    mrr = float(revenue.mrr_at(moment)[codes].sum()) / PARTS
    if len(rows) > 1:
        each = ", ".join(f"{table.account_ids[i]} ({table.mrr[i]:,.0f})" for i in rows)
        return Standing(day, "several", ids, mrr, f"it was {len(rows)} accounts then: {each}")
    if not rows:
        status, said = without_mrr(revenue, codes, moment)
        return Standing(day, status, ids, 0.0, said)
    i = rows[0]
    known = (str(table.account_ids[i]),)
    if table.abstained(i):
        said = f"it was leaving already: its end within {horizon} months was known"
        return Standing(day, "leaving", known, float(table.mrr[i]), said)
    nrr, churn = float(table.prediction.nrr[i]), float(table.prediction.p[i])
    return Standing(day, "customer", known, float(table.mrr[i]), "a customer", nrr, plain(churn))


def without_mrr(revenue: Revenue, codes: np.ndarray, moment: pd.Timestamp) -> tuple[Status, str]:
    """Status and words of accounts without MRR."""
    return Unpaid.of(revenue, moment).standing(codes)


@dataclass(frozen=True)
class Unpaid:
    """What the revenue rows say of accounts without MRR at a moment, looked up by code; shape (n_accounts,) each.

    `last` is when what they paid last ended (of orders: was given), `ahead` their first payment after the moment; NaT
    where there is none. `has_rows` is whether a row of theirs had begun, even one of zero.
    """

    last: np.ndarray
    ahead: np.ndarray
    has_rows: np.ndarray
    by_periods: bool

    @classmethod
    def of(cls, revenue: Revenue, moment: pd.Timestamp) -> Unpaid:
        """Of all accounts at once, as they are known at the moment."""
        rows, at, n = revenue.rows, us(moment), len(revenue.accounts)
        codes = revenue.codes(moment)
        paid = (rows.parts > 0) & (rows.end > rows.start)
        past, later = paid & (rows.start <= at), paid & (rows.start > at)
        last, ahead = np.full(n, _NEVER), np.full(n, np.datetime64("NaT", "us"))
        np.maximum.at(last, codes[past], (rows.end if revenue.by_periods else rows.start)[past])
        np.fmin.at(ahead, codes[later], rows.start[later])
        has_rows = np.zeros(n, dtype=bool)
        has_rows[codes[rows.start <= at]] = True
        return cls(np.where(last == _NEVER, np.datetime64("NaT", "us"), last), ahead, has_rows, revenue.by_periods)

    def standing(self, codes: np.ndarray) -> tuple[Status, str]:
        """Status and words of what these codes are together."""
        last, ahead = self.last[codes], self.ahead[codes]
        last, ahead = last[~np.isnat(last)], ahead[~np.isnat(ahead)]
        later = f"; its first payment was on {pd.Timestamp(ahead.min()):%Y-%m-%d}" if len(ahead) else ""
        if len(last):
            what = "its last paid term ended" if self.by_periods else "its last order was"
            return "former", f"it was a customer no longer: {what} on {pd.Timestamp(last.max()):%Y-%m-%d}"
        if self.has_rows[codes].any():
            return "free", f"it paid nothing yet, though it had revenue rows{later}"
        return "prospect", f"it was no customer yet{later}"
