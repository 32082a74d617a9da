"""The book of a company at the end of its data: what every account was, is, pays, costs and was sold, in one place.

Arrays by account have one entry per account, in the order of `AccountTables.accounts`; those by deal one per deal.
Accounts that are known as others since are one: the other code of a merged account is nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import FeatureCatalog, Scope, build_features
from leap.icp.rules import Columns
from leap.models.frames import ScopeFrame
from leap.revenue import PARTS, Revenue, add_months, us, window_ends
from leap.snapshots import Snapshots, known_as, prospect_snapshots
from leap.tables import AccountTables
from leap.tables.canonical import AMOUNT, CLOSED, CREATED, DISCOUNT, KEY, ORIGIN, TEAM, WON
from leap.value import ValueTerms, acquisition_cost, acquisition_of, margins, served, service_cost_a_year

OWN_COSTS = "account"
"""Basis of the CAC of a customer whose own costs are given."""
_YEAR = 12


@dataclass(frozen=True)
class Deals:
    """Deals of a company, shape (n_deals,) each, in an order that does not depend on that of the file.

    `account` is the position of the account as known now. `closed` is NaT and `won` NaN while a deal is open;
    `cycle_days` is NaN too where it closed before it was created. `new_business`: its account had not paid before it
    was created; extensions and renewals are won far more often and say nothing of whom to sell to. Words are empty and
    `discount` (a share of the list price) NaN where no such column is declared.
    """

    account: np.ndarray
    created: np.ndarray
    closed: np.ndarray
    won: np.ndarray
    amount: np.ndarray
    cycle_days: np.ndarray
    discount: np.ndarray
    team: np.ndarray
    origin: np.ndarray
    new_business: np.ndarray

    def __len__(self) -> int:
        return len(self.account)

    @property
    def open(self) -> np.ndarray:
        """Deals without a result yet."""
        return np.asarray(np.isnat(self.closed) & np.isnan(self.won))

    @property
    def decided(self) -> np.ndarray:
        """Deals closed as won or lost."""
        return np.asarray(~np.isnat(self.closed) & ~np.isnan(self.won))


@dataclass(frozen=True)
class Book:
    """Everything that figures of a group of accounts are made of, so that all outcomes are of the same accounts.

    Money is in the reporting currency, MRR a month. NaN is not known, and zero is zero.
    """

    account_ids: np.ndarray
    until: pd.Timestamp
    currency: str
    horizon_months: int
    grace_days: int
    terms: ValueTerms
    bought: Columns
    """Fit features by name: of customers and former ones as they were when they bought, of prospects as they are."""
    now: Columns
    """The same features as they are at the end of the data."""
    catalog: FeatureCatalog
    customer: np.ndarray
    """Pays at the end of the data."""
    prospect: np.ndarray
    """Has no revenue row at all."""
    former: np.ndarray
    """Paid once and does not now."""
    free: np.ndarray
    """Has a revenue row and never paid."""
    first_paid: np.ndarray
    mrr: np.ndarray
    """MRR at the end of the data; zero of who does not pay."""
    window_from: pd.Timestamp
    starting: np.ndarray
    """S of the last complete window of the horizon, in whole parts (`leap.revenue.PARTS`), int64."""
    ending: np.ndarray
    """E of the same accounts and window."""
    first_starting: np.ndarray
    """What a customer paid when its first window began, in money; NaN where that window is not complete."""
    first_ending: np.ndarray
    """What it paid when that first window was over."""
    revenue_12m: np.ndarray
    """Recurring revenue of the last twelve months, of those who left meanwhile too."""
    gross_margin: np.ndarray
    """A fraction of revenue; NaN where none is given."""
    service_cost_12m: np.ndarray
    """Cost to serve of the same year; zero where no costs are given."""
    value_12m: np.ndarray
    """Discounted margin, less cost to serve, that the last twelve months brought of those who paid when they began; of
    all others NaN, and without a margin. This is what came, not what is expected: no model takes part in it."""
    cac: np.ndarray
    """Spent to win a customer; NaN where unknown, and of who never bought."""
    cac_basis: np.ndarray
    """How that is known: account, segment_and_quarter, quarter, segment, all; empty where unknown."""
    spent_on_lost: np.ndarray
    """Spent to win accounts that never bought; zero of all others and where nothing is given."""
    new_mrr: np.ndarray
    """What a customer paid at first; NaN of who never bought."""
    deals: Deals
    has_deals: bool
    has_costs: bool

    def __len__(self) -> int:
        return len(self.account_ids)

    @property
    def bought_ever(self) -> np.ndarray:
        """Customers and former ones."""
        return np.asarray(~np.isnat(self.first_paid))

    def won_within(self, years: int) -> np.ndarray:
        """Who became a customer in the last years, leap days or not: one last year in the whole report."""
        return np.asarray(self.first_paid >= np.datetime64(self.until - pd.DateOffset(years=years), "us"))

    @property
    def known(self) -> np.ndarray:
        """Accounts that are one of the four kinds: all but the old codes of those known as others now."""
        return np.asarray(self.customer | self.prospect | self.former | self.free)

    def with_cac(self, part: np.ndarray) -> np.ndarray:
        """The customers of a part whose CAC stands for it, shape (n_accounts,): those with costs of their own, else all
        with an average. Both together would count the money of the first twice.
        """
        known = part & ~np.isnan(self.cac)
        own = known & (self.cac_basis == OWN_COSTS)
        return np.asarray(own if own.any() else known)

    @classmethod
    def of(cls, tables: AccountTables, frame: ScopeFrame) -> Book:
        """From the tables of a company and its fit frame (rows of account and anniversary)."""
        revenue, settings = Revenue(tables), tables.settings
        terms = ValueTerms.of(settings)
        window_from, starting, ending = _last_window(tables)
        first_starting, first_ending = _first_windows(tables, frame)
        paid_12m, revenue_12m = _last_year(tables, terms)
        margin, service = margins(tables, terms), service_cost_a_year(tables, tables.data_until)
        acquired = acquisition_of(tables)
        first_paid = revenue.first_paid().to_numpy().astype("datetime64[us]")
        bought_ever = ~np.isnat(first_paid)
        return cls(
            account_ids=tables.accounts.to_numpy(dtype=object),
            until=tables.data_until,
            currency=settings.company.currency,
            horizon_months=settings.outcome.horizon_months,
            grace_days=settings.outcome.grace_days,
            terms=terms,
            bought=as_bought(tables, frame),
            now=_as_now(tables, frame),
            catalog=frame.features.catalog.of_scope(Scope.FIT),
            **_kinds(tables, revenue, bought_ever),
            first_paid=first_paid,
            mrr=revenue.mrr_at(tables.data_until) / PARTS,
            window_from=window_from,
            starting=starting,
            ending=ending,
            first_starting=first_starting,
            first_ending=first_ending,
            revenue_12m=revenue_12m,
            gross_margin=margin,
            service_cost_12m=service,
            value_12m=paid_12m * margin - served(service, terms, _YEAR),
            cac=np.where(bought_ever, acquired.cac, np.nan),
            cac_basis=np.where(bought_ever, acquired.basis, ""),
            spent_on_lost=np.where(bought_ever, 0.0, np.nan_to_num(acquisition_cost(tables))),
            new_mrr=np.where(bought_ever, acquired.new_mrr, np.nan),
            deals=_deals(tables, revenue),
            has_deals=bool(tables.with_role("deals")),
            has_costs=bool(tables.with_role("costs")),
        )


def as_bought(tables: AccountTables, frame: ScopeFrame) -> Columns:
    """Fit features of every account as it was when it bought, of prospects as they are now; one entry per account.

    What a customer has become since would make the profile look better than it is for choosing whom to sell to.
    """
    catalog = frame.features.catalog.of_scope(Scope.FIT)
    codes, first_rows = np.unique(frame.rows.accounts, return_index=True)
    others = np.setdiff1d(np.arange(len(tables.accounts)), codes)
    first_paid = Revenue(tables).first_paid().to_numpy().astype("datetime64[us]")[others]
    until = us(tables.data_until)
    rest = _rows(tables, others, np.where(np.isnat(first_paid), until, first_paid))
    built = build_features(tables, Snapshots(rest, at_purchase=True), catalog).frame
    columns = {}
    bought_as = Revenue(tables).bought_as()
    for name in catalog.names:
        known = frame.features.frame[name].to_numpy()
        column = np.empty(len(tables.accounts), dtype=known.dtype)
        column[codes], column[others] = known[first_rows], built[name].to_numpy()
        columns[name] = column[bought_as]
    return columns


def _as_now(tables: AccountTables, frame: ScopeFrame) -> Columns:
    """Fit features of every account at the end of the data."""
    catalog = frame.features.catalog.of_scope(Scope.FIT)
    everyone = np.arange(len(tables.accounts))
    rows = _rows(tables, everyone, np.full(len(everyone), us(tables.data_until)))
    built = build_features(tables, Snapshots(rows), catalog).frame
    return {name: built[name].to_numpy() for name in catalog.names}


def _rows(tables: AccountTables, codes: np.ndarray, features_at: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": tables.accounts[codes],
            "code": codes,
            "as_of": tables.data_until,
            "mrr": np.nan,
            "leaving": False,
            "features_at": features_at,
            "tenure_months": 0.0,
        }
    )


def _kinds(tables: AccountTables, revenue: Revenue, bought_ever: np.ndarray) -> dict[str, np.ndarray]:
    """Who is what at the end of the data; nobody is two of them."""
    everyone = np.arange(len(tables.accounts))
    there = known_as(tables, everyone, tables.data_until) == everyone
    customer = revenue.mrr_at(tables.data_until) > 0
    prospect = np.zeros(len(everyone), dtype=bool)
    prospect[prospect_snapshots(tables, tables.data_until).rows["code"].to_numpy()] = True
    has_row = revenue.has_revenue_row(tables.data_until)
    return {
        "customer": customer,
        "prospect": prospect,
        "former": there & bought_ever & ~customer,
        "free": there & has_row & ~bought_ever & ~customer & ~prospect,
    }


def _last_window(tables: AccountTables) -> tuple[pd.Timestamp, np.ndarray, np.ndarray]:
    """The start of the last window of the horizon that is over with its days of grace, S and E, in whole parts."""
    revenue, rule = Revenue(tables), tables.settings.outcome
    end = (tables.data_until - pd.Timedelta(microseconds=1)).normalize() - pd.Timedelta(days=rule.grace_days)
    start = add_months(end, -rule.horizon_months)
    return start, revenue.mrr_at(start), window_ends(revenue, tables.settings, start)


def _first_windows(tables: AccountTables, frame: ScopeFrame) -> tuple[np.ndarray, np.ndarray]:
    """S and E of the first window of every customer, shape (n_accounts,) each; NaN where it is not complete.

    The rows are those of the frame: of before the churn record begins there are none, since those who left are missing.
    """
    rows, revenue = frame.snapshots.rows, Revenue(tables)
    until_full = 0 if revenue.by_periods else revenue.trailing_months
    first = (rows["tenure_months"] < until_full + _YEAR - 1).to_numpy() & frame.outcomes.complete
    codes = rows["code"].to_numpy()[first]
    starting, ending = (np.full(len(tables.accounts), np.nan) for _ in range(2))
    starting[codes], ending[codes] = frame.outcomes.starting[first], frame.outcomes.ending[first]
    bought_as = revenue.bought_as()
    return starting[bought_as], ending[bought_as]


def _last_year(tables: AccountTables, terms: ValueTerms) -> tuple[np.ndarray, np.ndarray]:
    """Discounted MRR of the last twelve months of those who paid when they began (else NaN), and the revenue of all."""
    revenue = Revenue(tables)
    start = add_months((tables.data_until - pd.Timedelta(microseconds=1)).normalize(), -_YEAR)
    path = revenue.mrr_path(start, _YEAR) / PARTS
    paying = revenue.mrr_at(start) > 0
    return np.where(paying, path @ terms.discount(_YEAR), np.nan), path.sum(axis=1)


def _deals(tables: AccountTables, revenue: Revenue) -> Deals:
    """Every deal of an account, as known at the end of the data."""
    parts = [_deal_columns(tables, table.rows) for table in tables.with_role("deals")]
    empty = {name: np.zeros(0, dtype=kind) for name, kind in _KINDS.items()}
    columns = {name: np.concatenate([empty[name], *(part[name] for part in parts)]) for name in empty}
    paid = revenue.first_paid_at(tables.data_until)[columns["account"]]
    new = np.isnat(paid) | ~(paid < columns["created"])
    days = (columns["closed"] - columns["created"].astype("datetime64[D]")) / np.timedelta64(1, "D")
    decided = ~np.isnat(columns["closed"]) & ~np.isnan(columns["won"])
    cycle = np.where(decided & (days >= 0), days, np.nan)
    order = np.lexsort((columns["amount"], columns["won"], columns["closed"], columns["created"], columns["account"]))
    found = {**columns, "new_business": new, "cycle_days": cycle}
    return Deals(**{name: column[order] for name, column in found.items()})


_KINDS: dict[str, type | str] = {
    "account": np.int64, "created": "datetime64[us]", "closed": "datetime64[us]", "won": float, "amount": float,
    "discount": float, "team": object, "origin": object,
}  # fmt: skip


def _deal_columns(tables: AccountTables, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    rows = rows[tables.codes_of(rows[KEY]) >= 0]
    unknown, unnamed = pd.Series(np.nan, index=rows.index), pd.Series("", index=rows.index)
    return {
        "account": known_as(tables, tables.codes_of(rows[KEY]), tables.data_until),
        "created": rows[CREATED].to_numpy().astype("datetime64[us]"),
        "closed": rows[CLOSED].to_numpy().astype("datetime64[us]"),
        "won": rows[WON].to_numpy(dtype=float),
        "amount": rows.get(AMOUNT, unknown).to_numpy(dtype=float),
        "discount": rows.get(DISCOUNT, unknown).to_numpy(dtype=float),
        "team": rows.get(TEAM, unnamed).to_numpy(dtype=object),
        "origin": rows.get(ORIGIN, unnamed).to_numpy(dtype=object),
    }
