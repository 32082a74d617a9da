"""MRR at a moment, retention by the snapshot method, and the movements that reconcile with billing.

Amounts are whole millionths of a currency unit inside (int64), so that sums are exact; a ratio is a ratio of sums.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.config import Settings
from leap.errors import RevenueError
from leap.tables import AccountTables, Table
from leap.tables.canonical import (
    AMOUNT,
    AT,
    CANCELLED,
    CURRENCY,
    END,
    INDICATOR,
    KEY,
    KNOWN,
    PERIOD,
    START,
    VALUE,
)

MICROS = 1_000_000
_OPEN = np.datetime64("9999-12-31", "us")
DEFINITIONS_VERSION = 1


def definition_hash(settings: Settings) -> str:
    """Twelve hexadecimal digits that name the definitions behind a figure: method, horizon, grace, gap, currency."""
    stated = {
        "version": DEFINITIONS_VERSION,
        "method": "snapshot",
        "currency": settings.company.currency,
        **settings.outcome.model_dump(),
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:12]


def add_months(moment: pd.Timestamp, months: int) -> pd.Timestamp:
    """The same day so many months later, clamped to the month's last day.

    >>> add_months(pd.Timestamp("2024-01-31"), 1).date(), add_months(pd.Timestamp("2024-02-29"), 12).date()
    (datetime.date(2024, 2, 29), datetime.date(2025, 2, 28))
    """
    return moment + pd.DateOffset(months=months)


class Revenue:
    """The revenue table of a company, ready to be asked for MRR at any moment.

    Arrays of `mrr_at` have one entry per account, in the order of `AccountTables.accounts`.
    """

    def __init__(self, tables: AccountTables):
        revenue = tables.with_role("revenue")
        flat = [name for name, table in tables.tables.items() if table.spec.shape == "snapshot"]
        if not revenue and flat:
            raise RevenueError(
                f"{', '.join(flat)}: flat tables (shape snapshot) are read and checked, but not trained on yet.",
                remedy="Give a table of subscriptions or orders with role 'revenue'.",
            )
        if not revenue:
            raise RevenueError(
                "No table has role 'revenue'; retention and outcomes need one.",
                remedy='Set role = "revenue" and `amount` on the table of subscriptions or orders in leap.toml.',
            )
        self.tables = tables
        self.accounts = tables.accounts
        self._table: Table = revenue[0]
        rows = self._table.rows
        self.by_periods = self._table.spec.shape == "periods"
        self._codes = tables.codes_of(rows[KEY])
        self._micros = np.rint(rows[AMOUNT].to_numpy(dtype=float) * MICROS).astype(np.int64)
        self._known = rows[KNOWN].to_numpy().astype("datetime64[us]")
        self._rates = _Rates.of(tables)
        self._currency = rows[CURRENCY].to_numpy()
        if self.by_periods:
            self._start = rows[START].to_numpy().astype("datetime64[us]")
            self._end = _or_open(rows[END])
            self._cancelled = _or_open(rows[CANCELLED])
        else:
            self._start = rows[AT].to_numpy().astype("datetime64[us]")
            self._trailing = self._table.spec.trailing_months

    @property
    def first_moment(self) -> pd.Timestamp:
        """When the first revenue of anyone begins."""
        if not len(self._start):
            raise RevenueError(f"{self._table.name}: no revenue rows; expected at least one.")
        return pd.Timestamp(self._start.min())

    def mrr_at(self, moment: pd.Timestamp, *, rates_at: pd.Timestamp | None = None) -> np.ndarray:
        """MRR of every account at a moment, in millionths of the reporting currency, shape (n_accounts,).

        A period counts when `start <= moment < end`. Amounts are converted at the rates of `rates_at`.
        """
        at = _us(moment)
        if self.by_periods:
            active = (self._start <= at) & (self._end > at)
            return self._sum(active, rates_at or moment)
        since = _us(moment - pd.DateOffset(months=self._trailing))
        total = self._sum((self._start >= since) & (self._start < at), rates_at or moment)
        return np.maximum(np.rint(total / self._trailing).astype(np.int64), 0)

    def mrr_path(self, moment: pd.Timestamp, months: int) -> np.ndarray:
        """MRR at 1 .. `months` months after a moment at its rates, shape (n_accounts, months)."""
        return np.column_stack([self.mrr_at(add_months(moment, m), rates_at=moment) for m in range(1, months + 1)])

    def mrr_after_grace(self, moment: pd.Timestamp, grace_days: int, *, rates_at: pd.Timestamp) -> np.ndarray:
        """MRR at a moment, or the first positive one within the grace days after it."""
        ending = self.mrr_at(moment, rates_at=rates_at)
        for later in self._moments_of_grace(moment, grace_days):
            ending = np.where(ending > 0, ending, self.mrr_at(later, rates_at=rates_at))
        return ending

    def _moments_of_grace(self, moment: pd.Timestamp, days: int) -> list[pd.Timestamp]:
        """When MRR can become positive after a moment: where a period begins; for orders, at the end of each day."""
        last = moment + pd.Timedelta(days=days)
        if not self.by_periods:
            return [moment + pd.Timedelta(days=n) for n in range(1, days + 1)]
        starts = np.unique(self._start[(self._start > _us(moment)) & (self._start <= _us(last))])
        return [pd.Timestamp(start) for start in starts]

    def has_gap(self, start: pd.Timestamp, end: pd.Timestamp, longer_than_days: int) -> np.ndarray:
        """Which accounts began in `[start, end)` to be without revenue for longer than so many days, by account.

        A gap that ends only in the days of grace counts whole; one that is still open is as long as it takes.
        """
        codes, begins, ends = self._gaps
        inside = (begins >= _us(start)) & (begins < _us(end))
        result = np.zeros(len(self.accounts), dtype=bool)
        result[codes[inside & (ends - begins > np.timedelta64(longer_than_days, "D"))]] = True
        return result

    def leaving(self, moment: pd.Timestamp, until: pd.Timestamp) -> np.ndarray:
        """Accounts that pay at `moment` and whose end by `until` was already known before it; shape (n_accounts,)."""
        if not self.by_periods:
            return np.zeros(len(self.accounts), dtype=bool)
        at, later = _us(moment), _us(until)
        paying = (self._start <= at) & (self._end > at) & (self._micros > 0)
        known_end = (self._cancelled < at) & (self._end <= later)
        known_later = (self._known < at) & (self._start <= later) & ((self._end > later) | (self._cancelled >= at))
        stays = np.zeros(len(self.accounts), dtype=bool)
        stays[self._codes[(paying & ~known_end) | (known_later & (self._micros > 0))]] = True
        pays = np.zeros(len(self.accounts), dtype=bool)
        pays[self._codes[paying]] = True
        return pays & ~stays

    def first_paid(self) -> pd.Series:
        """The first moment with revenue of every account; NaT for prospects and free accounts."""
        paid = self._micros > 0
        first = pd.Series(self._start[paid]).groupby(self._codes[paid]).min()
        return pd.Series(first.reindex(range(len(self.accounts))).to_numpy(), index=self.accounts)

    def has_revenue_row(self, moment: pd.Timestamp) -> np.ndarray:
        """Accounts whose first revenue row, even of zero, began by a moment; the others were prospects then."""
        result = np.zeros(len(self.accounts), dtype=bool)
        result[self._codes[self._start <= _us(moment)]] = True
        return result

    def changes(self, rates_at: pd.Timestamp | None = None) -> pd.DataFrame:
        """Every change of an account's MRR, netted per account and date: `code`, `at`, `before`, `after` (millionths).

        All amounts are converted at the rates of one moment, so that the movements of a window add up to its end;
        without one they stay in their own currencies, where only zero means anything.
        """
        if not self.by_periods:
            raise RevenueError(
                "Movements need subscriptions (shape periods); found events, whose trailing revenue has no "
                "dated changes."
            )
        at = np.concatenate([self._start, self._end])
        micros = self._micros if rates_at is None else self._reporting(rates_at)
        delta = pd.DataFrame(
            {
                "code": np.concatenate([self._codes, self._codes]),
                "at": at,
                "delta": np.concatenate([micros, -micros]),
            }
        )
        delta = delta[delta["at"] < _OPEN]
        net = delta.groupby(["code", "at"], sort=True)["delta"].sum().reset_index()
        net["after"] = net.groupby("code")["delta"].cumsum()
        net["before"] = net["after"] - net["delta"]
        return net[net["delta"] != 0].drop(columns="delta")

    def _sum(self, rows: np.ndarray, rates_at: pd.Timestamp) -> np.ndarray:
        total = np.zeros(len(self.accounts), dtype=np.int64)
        np.add.at(total, self._codes[rows], self._reporting(rates_at, rows))
        return total

    def _reporting(self, moment: pd.Timestamp, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Amounts of rows in the reporting currency at the rates of a moment; other rows need no rate."""
        micros = self._micros[rows]
        if not self._rates:
            return np.asarray(micros)
        factor = self._rates.at(moment, self._currency[rows])
        return np.asarray(np.rint(micros * factor), dtype=np.int64)

    @property
    def _gaps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        changes = self.changes()
        changes["until"] = changes.groupby("code")["at"].shift(-1)
        idle = changes[changes["after"] == 0]
        return (
            idle["code"].to_numpy(),
            idle["at"].to_numpy().astype("datetime64[us]"),
            _or_open(idle["until"]),
        )


def _us(moment: pd.Timestamp) -> np.datetime64:
    return np.datetime64(moment, "us")


def _or_open(column: pd.Series) -> np.ndarray:
    moments = column.to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(moments), _OPEN, moments)


@dataclass(frozen=True)
class _Rates:
    """Reporting units for one unit of each currency, by the latest period."""

    reporting: str
    by_currency: Mapping[str, tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, tables: AccountTables) -> _Rates | None:
        given = tables.with_role("rates")
        if not given:
            return None
        rows = pd.concat([table.rows for table in given])
        rows = rows.assign(**{INDICATOR: rows[INDICATOR].str.upper()}).sort_values([INDICATOR, PERIOD])
        by_currency = {
            str(name): (group[PERIOD].to_numpy().astype("datetime64[us]"), group[VALUE].to_numpy(dtype=float))
            for name, group in rows.groupby(INDICATOR)
        }
        return cls(tables.settings.company.currency, by_currency)

    def at(self, moment: pd.Timestamp, currencies: np.ndarray) -> np.ndarray:
        """The rate of each row's currency at a moment; an error where none is valid yet."""
        factor = np.ones(len(currencies))
        for currency in sorted(set(currencies) - {self.reporting}):
            periods, rates = self.by_currency[currency]
            last = int(np.searchsorted(periods, _us(moment), side="right")) - 1
            if last < 0:
                raise RevenueError(
                    f"No rate for {currency} at {moment:%Y-%m-%d}; the first is of "
                    f"{pd.Timestamp(periods[0]):%Y-%m-%d}.",
                    remedy="Add earlier rates to the table with role 'rates'.",
                )
            factor[currencies == currency] = rates[last]
        return factor


@dataclass(frozen=True)
class RetentionFigures:
    """Retention of one cohort over one window, by the snapshot method; ratios are null for an empty cohort.

    >>> figures = RetentionFigures.of(np.array([100, 200, 50, 80, 60]), np.array([150, 120, 0, 80, 60]), scale=1)
    >>> round(figures.nrr, 4), round(figures.grr, 4), figures.logo_churn
    (0.8367, 0.7347, 0.2)
    """

    accounts: int
    starting_mrr: float
    ending_mrr: float
    nrr: float | None
    grr: float | None
    churn_rate: float | None
    contraction_rate: float | None
    expansion_rate: float | None
    logo_churn: float | None
    reason: str | None = None

    @classmethod
    def of(cls, starting: np.ndarray, ending: np.ndarray, scale: int = MICROS) -> RetentionFigures:
        """From whole amounts at the start and the end of the same accounts; those starting at 0 are not in the
        cohort.
        """
        member = starting > 0
        start, end = starting[member], ending[member]
        total = int(start.sum())
        if not total:
            return cls(0, 0.0, 0.0, None, None, None, None, None, None, "empty_cohort")
        lost = int(start[end == 0].sum())
        kept = end > 0
        contraction = int(np.maximum(start - end, 0)[kept].sum())
        expansion = int(np.maximum(end - start, 0).sum())
        return cls(
            accounts=int(member.sum()),
            starting_mrr=total / scale,
            ending_mrr=int(end.sum()) / scale,
            nrr=int(end.sum()) / total,
            grr=int(np.minimum(start, end).sum()) / total,
            churn_rate=lost / total,
            contraction_rate=contraction / total,
            expansion_rate=expansion / total,
            logo_churn=int((end == 0).sum()) / int(member.sum()),
        )

    def to_json(self) -> dict[str, Any]:
        """The keys of the `retention` command."""
        document = dict(self.__dict__)
        if self.reason is None:
            del document["reason"]
        return document


@dataclass(frozen=True)
class Retention:
    """Exact historic figures of a window `(start, end]`, for everyone and by segment."""

    start: pd.Timestamp
    end: pd.Timestamp
    figures: RetentionFigures
    book_ending_mrr: float
    movements: Mapping[str, float] | None
    segments: Mapping[str, RetentionFigures]
    definition_hash: str

    def to_json(self) -> dict[str, Any]:
        """The JSON of the `retention` command."""
        document = {
            "from": f"{self.start:%Y-%m-%d}",
            "to": f"{self.end:%Y-%m-%d}",
            **self.figures.to_json(),
            "book_ending_mrr": self.book_ending_mrr,
            "movements": dict(self.movements) if self.movements is not None else None,
            "definition_hash": self.definition_hash,
        }
        if self.movements is None:
            document["movements_reason"] = "usage_based_revenue"
        if self.segments:
            document["segments"] = {name: figures.to_json() for name, figures in self.segments.items()}
        return document


def window(tables: AccountTables, start: str | None, end: str | None) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The window asked for; by default as long as the horizon, up to the last day whose days of grace are over."""
    grace = pd.Timedelta(days=tables.settings.outcome.grace_days)
    last = (tables.data_until - pd.Timedelta(microseconds=1)).normalize() - grace
    to = pd.Timestamp(end) if end else last
    return (pd.Timestamp(start) if start else add_months(to, -tables.settings.outcome.horizon_months)), to


def retention(tables: AccountTables, start: pd.Timestamp, end: pd.Timestamp, *, by: str | None = None) -> Retention:
    """Retention of the accounts that paid at `start`, measured at `end`; RevenueError if the window is not in the
    data.
    """
    revenue = Revenue(tables)
    if not start < end:
        raise RevenueError(f"The window must end after it starts; found from {start:%Y-%m-%d} to {end:%Y-%m-%d}.")
    grace_days = tables.settings.outcome.grace_days
    if end + pd.Timedelta(days=grace_days) >= tables.data_until:
        grace = f" (with {grace_days} days of grace)" if grace_days else ""
        raise RevenueError(
            f"The window ends on {end:%Y-%m-%d}{grace}, but the data end before {tables.data_until:%Y-%m-%d} "
            "(exclusive).",
            remedy="Choose an earlier --to; what is still open would be counted as if it were over.",
        )
    starting = revenue.mrr_at(start)
    ending = revenue.mrr_after_grace(end, grace_days, rates_at=start)
    ending = _without_long_gaps(revenue, tables.settings, start, end, ending)
    segments = {}
    if by is not None:
        values = _segment_values(tables, by, start)
        segments = {
            name: RetentionFigures.of(starting[values == name], ending[values == name])
            for name in sorted(set(values[starting > 0]))
        }
    return Retention(
        start,
        end,
        RetentionFigures.of(starting, ending),
        int(revenue.mrr_at(end, rates_at=start).sum()) / MICROS,
        _movements(revenue, start, end) if revenue.by_periods else None,
        segments,
        definition_hash(tables.settings),
    )


def _without_long_gaps(
    revenue: Revenue, settings: Settings, start: pd.Timestamp, end: pd.Timestamp, ending: np.ndarray
) -> np.ndarray:
    days = settings.outcome.max_gap_days
    if days is None or not revenue.by_periods:
        return ending
    return np.where(revenue.has_gap(start, end, days), 0, ending)


def window_ends(revenue: Revenue, settings: Settings, start: pd.Timestamp) -> np.ndarray:
    """E of every account for a window of the horizon from `start`: grace and gaps applied, at the rates of the
    start.
    """
    end = add_months(start, settings.outcome.horizon_months)
    ending = revenue.mrr_after_grace(end, settings.outcome.grace_days, rates_at=start)
    return _without_long_gaps(revenue, settings, start, end, ending)


def _movements(revenue: Revenue, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, float]:
    changes = revenue.changes(rates_at=start)
    changes["first"] = ~changes["code"].duplicated() & (changes["before"] == 0)
    inside = changes[(changes["at"] > _us(start)) & (changes["at"] <= _us(end))]
    before, after = inside["before"], inside["after"]
    up = (after - before).clip(lower=0)
    down = (before - after).clip(lower=0)
    from_zero = before == 0
    sums = {
        "new": up[from_zero & inside["first"]],
        "expansion": up[~from_zero],
        "contraction": down[after > 0],
        "churn": down[after == 0],
        "reactivation": up[from_zero & ~inside["first"]],
    }
    return {name: int(amounts.sum()) / MICROS for name, amounts in sums.items()}


def _segment_values(tables: AccountTables, by: str, moment: pd.Timestamp) -> np.ndarray:
    """The value of a column for every account at a moment, from the table that has it; `(none)` where unknown."""
    column = by.split(".")[-1]
    for name, table in tables.tables.items():
        if "." in by and not by.startswith(name + "."):
            continue
        if column not in table.rows or KEY not in table.rows:
            continue
        rows = tables.view(name, moment, include_moment=True).rows
        if START in rows:
            rows = rows[(rows[START] <= moment) & ~(rows[END] <= moment)]
        latest = rows.groupby(KEY)[column].last()
        return latest.reindex(tables.accounts).astype("string").fillna("(none)").to_numpy(dtype=object)
    columns = {str(c) for t in tables.tables.values() if KEY in t.rows for c in t.rows}
    known = sorted(c for c in columns if not c.startswith("_"))
    raise RevenueError(f"--by {by}: no table has that column; expected one of {', '.join(known)}.")
