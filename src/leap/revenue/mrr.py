"""MRR of every account at a moment and on its path, first payments, and who is known to be leaving."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.errors import RevenueError
from leap.revenue.definitions import OPEN, add_months, us
from leap.revenue.money import converted, shared_out, summed
from leap.revenue.rates import Rates
from leap.revenue.rows import RevenueRows
from leap.tables import AccountTables


class Revenue:
    """The revenue table of a company, ready to be asked for MRR at any moment; cheap to make again and again.

    Arrays by account have one entry per account, in the order of `AccountTables.accounts`. Amounts are whole parts of
    the reporting currency (`leap.revenue.money`). What accounts that were merged or renamed pay counts for the account
    that they are known as: at the moment asked about, or at `lineage_at` where that is given.
    """

    def __init__(self, tables: AccountTables):
        self.tables = tables
        self.accounts = tables.accounts
        self.rows: RevenueRows = tables.remembered("revenue rows", lambda: RevenueRows.of(tables))
        self.rates: Rates = tables.remembered("rates", lambda: Rates.of(tables))
        self.by_periods = self.rows.by_periods
        self.has_foreign = self.rows.are_foreign(self.rates.reporting)
        self.trailing_months = self.rows.table.spec.trailing_months

    @property
    def first_moment(self) -> pd.Timestamp:
        """When the first revenue of anyone begins."""
        if not len(self.rows.start):
            raise RevenueError(f"{self.rows.table.name}: no revenue rows; expected at least one.")
        return pd.Timestamp(self.rows.start.min())

    @property
    def first_whole(self) -> pd.Timestamp:
        """From when on MRR is right: the first payment; of orders, once the months that it looks back on are over."""
        first = self.first_moment
        return first if self.by_periods else add_months(first.normalize(), self.trailing_months)

    # --- at a moment

    def mrr_at(
        self,
        moment: pd.Timestamp,
        *,
        rates_at: pd.Timestamp | None = None,
        lineage_at: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """MRR of every account at a moment, shape (n_accounts,).

        A period counts when `start <= moment < end`. Amounts are converted at the rates of `rates_at`. For orders it is
        the mean of the trailing months, and where credit notes outweigh them it is zero (`below_zero_at` has them).
        """
        return np.asarray(np.maximum(self._signed(moment, rates_at, lineage_at), 0))

    def below_zero_at(
        self,
        moment: pd.Timestamp,
        *,
        rates_at: pd.Timestamp | None = None,
        lineage_at: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """MRR where credit notes outweigh an account's orders, else zero; shape (n_accounts,)."""
        return np.asarray(np.minimum(self._signed(moment, rates_at, lineage_at), 0))

    def _signed(
        self, moment: pd.Timestamp, rates_at: pd.Timestamp | None, lineage_at: pd.Timestamp | None
    ) -> np.ndarray:
        at, codes = us(moment), self.codes(lineage_at or moment)
        if self.by_periods:
            return self._sum((self.rows.start <= at) & (self.rows.end > at), codes, rates_at or moment)
        since = us(add_months(moment, -self.trailing_months))
        total = self._sum((self.rows.start >= since) & (self.rows.start < at), codes, rates_at or moment)
        return self.mean_of_trailing(total)

    def mrr_at_own(
        self, moments: np.ndarray, *, rates_at: pd.Timestamp | None = None, lineage_at: pd.Timestamp | None = None
    ) -> np.ndarray:
        """MRR of every account at a moment of its own, shape (n_accounts,); zero where that is missing.

        At the rates of its own moment unless others are asked for. Accounts are as written without `lineage_at`.
        """
        rows, codes = self.rows, self.codes(lineage_at)
        at = moments.astype("datetime64[us]")
        if self.by_periods:
            own = at[codes]
            return self._sum((rows.start <= own) & (rows.end > own), codes, at if rates_at is None else rates_at)
        since = (pd.Series(at) - pd.DateOffset(months=self.trailing_months)).to_numpy().astype("datetime64[us]")
        chosen = (rows.start >= since[codes]) & (rows.start < at[codes])
        total = self._sum(chosen, codes, at if rates_at is None else rates_at)
        return np.asarray(np.maximum(self.mean_of_trailing(total), 0))

    def mean_of_trailing(self, total: np.ndarray) -> np.ndarray:
        """A month's share of the trailing total, half to even; exact for 1, 2, 3, 4, 6 and 12 months."""
        whole, rest = np.divmod(total, self.trailing_months)
        up = (2 * rest > self.trailing_months) | ((2 * rest == self.trailing_months) & (whole % 2 == 1))
        return np.asarray(whole + up)

    def codes(self, lineage_at: pd.Timestamp | None) -> np.ndarray:
        """The accounts of the rows, as they are known at a moment; as they are written without one."""
        lineage = self.tables.lineage
        if lineage is None or lineage_at is None:
            return self.rows.codes
        return np.asarray(lineage.now(lineage_at)[self.rows.codes])

    def _sum(self, chosen: np.ndarray, codes: np.ndarray, rates_at: pd.Timestamp | np.ndarray) -> np.ndarray:
        """Sums by account: added up within each currency, then converted, so that each is rounded once.

        `rates_at` is one moment, or one of each account.
        """
        n, rows = len(self.accounts), self.rows
        if not self.has_foreign:
            return summed(codes[chosen], rows.parts[chosen], n)
        total = np.zeros(n, dtype=np.int64)
        for position in np.unique(rows.currency[chosen]):
            own = chosen & (rows.currency == position)
            of_currency, currency = summed(codes[own], rows.parts[own], n), rows.currencies[position]
            if isinstance(rates_at, pd.Timestamp):
                total += converted(of_currency, self.rates.at(rates_at, currency))
            else:
                paid = np.flatnonzero(of_currency)
                total[paid] += converted(of_currency[paid], self.rates.at_each(rates_at[paid], currency))
        return total

    def mrr_path(self, moment: pd.Timestamp, months: int) -> np.ndarray:
        """MRR at 1 .. `months` months after a moment at its rates, of the accounts known then; (n_accounts, months)."""
        later = [add_months(moment, m) for m in range(1, months + 1)]
        return np.column_stack([self.of_members(moment, at, self.mrr_at(at, rates_at=moment)) for at in later])

    def mrr_after_grace(
        self,
        moment: pd.Timestamp,
        grace_days: int,
        *,
        rates_at: pd.Timestamp,
        lineage_at: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """MRR at a moment, or the first positive one within the grace days after it."""
        lineage_at = lineage_at or moment + pd.Timedelta(days=grace_days)
        ending = self.mrr_at(moment, rates_at=rates_at, lineage_at=lineage_at)
        for later in self._moments_of_grace(moment, grace_days):
            ending = np.where(ending > 0, ending, self.mrr_at(later, rates_at=rates_at, lineage_at=lineage_at))
        return ending

    def _moments_of_grace(self, moment: pd.Timestamp, days: int) -> list[pd.Timestamp]:
        """When MRR can become positive after a moment: where a period begins; for orders, at the end of each day."""
        last = moment + pd.Timedelta(days=days)
        if not self.by_periods:
            return [moment + pd.Timedelta(days=n) for n in range(1, days + 1)]
        starts = self.rows.start
        return [pd.Timestamp(at) for at in np.unique(starts[(starts > us(moment)) & (starts <= us(last))])]

    def of_members(self, start: pd.Timestamp, later: pd.Timestamp, amounts: np.ndarray) -> np.ndarray:
        """Amounts of accounts as known later, shared among those that paid at `start`, as known then; (n_accounts,).

        Accounts that have become one share in proportion to what they paid, to the last part, so that each has the
        ratio of all of them together. An account of which no member paid keeps its amount.
        """
        lineage = self.tables.lineage
        if lineage is None or lineage.step(start) == lineage.step(later):
            return amounts
        starting = self.mrr_at(start)
        members = np.flatnonzero(starting > 0)
        known_as = lineage.now(later)[members]
        result = amounts.copy()
        result[known_as] = 0
        counts = np.bincount(known_as, minlength=len(amounts))
        alone = counts[known_as] == 1
        result[members[alone]] = amounts[known_as[alone]]
        for joined in np.flatnonzero(counts > 1):
            own = members[known_as == joined]
            result[own] = shared_out(int(amounts[joined]), starting[own])
        return result

    # --- who

    def leaving(self, moment: pd.Timestamp, until: pd.Timestamp) -> np.ndarray:
        """Accounts that pay at `moment` and whose end by `until` was already known before it; shape (n_accounts,)."""
        return self._leaving(us(moment), us(until), self.codes(moment))

    def leaving_at_own(self, moments: np.ndarray, until: np.ndarray) -> np.ndarray:
        """The same for a moment of each account's own, as written; not where that is missing; shape (n_accounts,)."""
        codes = self.rows.codes
        return self._leaving(moments.astype("datetime64[us]")[codes], until.astype("datetime64[us]")[codes], codes)

    def _leaving(
        self, at: np.ndarray | np.datetime64, later: np.ndarray | np.datetime64, codes: np.ndarray
    ) -> np.ndarray:
        """`at` and `later` are one moment, or one of each row. No term is known before it starts, so that none ahead
        keeps an account.
        """
        rows = self.rows
        if not self.by_periods:
            return np.zeros(len(self.accounts), dtype=bool)
        paying = (rows.start <= at) & (rows.end > at) & (rows.parts > 0)
        known_end = (rows.cancelled < at) & (rows.end <= later)
        stays = np.zeros(len(self.accounts), dtype=bool)
        stays[codes[paying & ~known_end]] = True
        pays = np.zeros(len(self.accounts), dtype=bool)
        pays[codes[paying]] = True
        return pays & ~stays

    def first_paid_at(self, lineage_at: pd.Timestamp | None) -> np.ndarray:
        """The first moment with revenue of every account, as known at a moment, else as written; (n_accounts,)."""
        rows = self.rows
        paid = (rows.parts > 0) & (rows.end > rows.start)
        first = np.full(len(self.accounts), OPEN)
        np.minimum.at(first, self.codes(lineage_at)[paid], rows.start[paid])
        return np.where(first == OPEN, np.datetime64("NaT", "us"), first)

    def starts_at(self, lineage_at: pd.Timestamp | None) -> np.ndarray:
        """When the MRR of every account can first be told, shape (n_accounts,): with its first payment; for orders when
        as many months as their MRR looks back on have passed.
        """
        first = self.first_paid_at(lineage_at)
        if not self.by_periods:
            paid = np.flatnonzero(~np.isnat(first))
            first[paid] = (pd.Series(first[paid]) + pd.DateOffset(months=self.trailing_months)).to_numpy()
        return first

    def first_paid(self) -> pd.Series:
        """The first moment with revenue of every account as known now; NaT for prospects and free accounts."""
        return pd.Series(self.first_paid_at(self.tables.data_until), index=self.accounts)

    def purchases(self) -> pd.DataFrame:
        """First payments: `code` of the account as written, `known_as` at that moment, and `at`; one row a company.

        The first payment under a new name, or in an account that was already joined to one that paid, is none.
        """
        own = self.first_paid_at(None)
        codes = np.flatnonzero(~np.isnat(own))
        known_as = codes.copy()
        if self.tables.lineage is not None:
            eldest = np.ones(len(codes), dtype=bool)
            for moment in np.unique(own[codes]):
                bought = own[codes] == moment
                now = self.tables.lineage.now(pd.Timestamp(moment))
                known_as[bought] = now[codes[bought]]
                eldest[bought] = self.eldest(pd.Timestamp(moment))[codes[bought]]
            codes, known_as = codes[eldest], known_as[eldest]
        return pd.DataFrame({"code": codes, "known_as": known_as, "at": own[codes]})

    def bought_as(self) -> np.ndarray:
        """The account that each one bought as, for those that are known as another since; (n_accounts,)."""
        result = np.arange(len(self.accounts))
        if self.tables.lineage is not None:
            until = self.tables.data_until
            bought = self.purchases()
            bought = bought[self.eldest(until)[bought["code"]]]
            result[self.tables.lineage.now(until)[bought["code"]]] = bought["known_as"]
        return result

    def eldest(self, moment: pd.Timestamp) -> np.ndarray:
        """Which accounts paid first of all that are one account at a moment, shape (n_accounts,); of equals one."""
        own = self.first_paid_at(None)
        result = np.asarray(~np.isnat(own))
        lineage = self.tables.lineage
        if lineage is None or not lineage.step(moment):
            return result
        payers = np.flatnonzero(result)
        known_as = lineage.now(moment)[payers]
        order = payers[np.lexsort((payers, own[payers], known_as))]
        joined = lineage.now(moment)[order]
        result[order] = np.diff(joined, prepend=-1) != 0
        return result

    def has_revenue_row(self, moment: pd.Timestamp) -> np.ndarray:
        """Accounts whose first revenue row, even of zero, began by a moment; the others were prospects then."""
        result = np.zeros(len(self.accounts), dtype=bool)
        result[self.codes(moment)[self.rows.start <= us(moment)]] = True
        return result
