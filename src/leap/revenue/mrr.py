"""MRR of every account at a moment, its path, its changes, and who is known to be leaving."""

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

    def _sum(self, chosen: np.ndarray, codes: np.ndarray, rates_at: pd.Timestamp) -> np.ndarray:
        """Sums by account: added up within each currency, then converted, so that each is rounded once."""
        n, rows = len(self.accounts), self.rows
        if not self.has_foreign:
            return summed(codes[chosen], rows.parts[chosen], n)
        total = np.zeros(n, dtype=np.int64)
        for position in np.unique(rows.currency[chosen]):
            own = chosen & (rows.currency == position)
            rate = self.rates.at(rates_at, rows.currencies[position])
            total += converted(summed(codes[own], rows.parts[own], n), rate)
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

    # --- over time

    def has_gap(
        self,
        start: pd.Timestamp,
        end: pd.Timestamp,
        longer_than_days: int,
        *,
        lineage_at: pd.Timestamp | None = None,
    ) -> np.ndarray:
        """Which accounts began in `[start, end)` to be without revenue for longer than so many days, by account.

        A gap that ends only in the days of grace counts whole; one that is still open is as long as it takes.
        """
        codes, begins, ends = self.gaps(lineage_at)
        inside = (begins >= us(start)) & (begins < us(end))
        result = np.zeros(len(self.accounts), dtype=bool)
        result[codes[inside & (ends - begins > np.timedelta64(longer_than_days, "D"))]] = True
        return result

    def gaps(self, lineage_at: pd.Timestamp | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every time without revenue after some: the account, when it begins, and when it ends (far ahead if open)."""
        lineage = self.tables.lineage
        step = 0 if lineage is None or lineage_at is None else lineage.step(lineage_at)
        return self.tables.remembered(f"gaps {step}", lambda: self._gaps(lineage_at))

    def _gaps(self, lineage_at: pd.Timestamp | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        changes = self.changes(lineage_at=lineage_at)
        changes["until"] = changes.groupby("code")["at"].shift(-1)
        idle = changes[changes["after"] == 0]
        until = idle["until"].to_numpy().astype("datetime64[us]")
        return (
            idle["code"].to_numpy(),
            idle["at"].to_numpy().astype("datetime64[us]"),
            np.where(np.isnat(until), OPEN, until),
        )

    def changes(self, rates_at: pd.Timestamp | None = None, *, lineage_at: pd.Timestamp | None = None) -> pd.DataFrame:
        """Every change of an account's MRR, netted per account and date: `code`, `at`, `before`, `after` (parts).

        All amounts are converted at the rates of one moment, so that the movements of a window add up to its end;
        without one they stay in their own currencies, where only zero means anything. Each level in between is
        converted as `mrr_at` does it, so that the changes add up to it exactly.
        """
        if not self.by_periods:
            raise RevenueError(
                "Movements need subscriptions (shape periods); found events, whose trailing revenue has no "
                "dated changes."
            )
        net = self._net_by_currency(lineage_at)
        if rates_at is not None and self.has_foreign:
            net["delta"] = self._converted_changes(net, rates_at)
        net = net.groupby(["code", "at"], sort=True)["delta"].sum().reset_index()
        net["after"] = net.groupby("code")["delta"].cumsum()
        net["before"] = net["after"] - net["delta"]
        return net[net["delta"] != 0].drop(columns="delta").reset_index(drop=True)

    def _net_by_currency(self, lineage_at: pd.Timestamp | None) -> pd.DataFrame:
        rows, codes = self.rows, self.codes(lineage_at)
        delta = pd.DataFrame(
            {
                "code": np.concatenate([codes, codes]),
                "currency": np.concatenate([rows.currency, rows.currency]),
                "at": np.concatenate([rows.start, rows.end]),
                "delta": np.concatenate([rows.parts, -rows.parts]),
            }
        )
        keys = ["code", "currency", "at"] if self.has_foreign else ["code", "at"]
        return delta[delta["at"] < OPEN].groupby(keys, sort=True)["delta"].sum().reset_index()

    def _converted_changes(self, net: pd.DataFrame, rates_at: pd.Timestamp) -> np.ndarray:
        """What each change is in the reporting currency: the level after it less the level before, both converted."""
        of_each = ["code", "currency"]
        level = net.groupby(of_each)["delta"].cumsum().to_numpy(copy=True)
        for position in net["currency"].unique():
            own = (net["currency"] == position).to_numpy()
            level[own] = converted(level[own], self.rates.at(rates_at, self.rows.currencies[position]))
        before = pd.Series(level).groupby([net[column] for column in of_each]).shift(fill_value=0)
        return np.asarray(level - before.to_numpy())

    # --- who

    def leaving(self, moment: pd.Timestamp, until: pd.Timestamp) -> np.ndarray:
        """Accounts that pay at `moment` and whose end by `until` was already known before it; shape (n_accounts,)."""
        if not self.by_periods:
            return np.zeros(len(self.accounts), dtype=bool)
        at, later, rows, codes = us(moment), us(until), self.rows, self.codes(moment)
        paying = (rows.start <= at) & (rows.end > at) & (rows.parts > 0)
        known_end = (rows.cancelled < at) & (rows.end <= later)
        known_later = (rows.known < at) & (rows.start <= later) & ((rows.end > later) | (rows.cancelled >= at))
        stays = np.zeros(len(self.accounts), dtype=bool)
        stays[codes[(paying & ~known_end) | (known_later & (rows.parts > 0))]] = True
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
