"""Prospects as they stand for a target list: how likely each is won, what it is then worth, and what trying costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.config import Policy
from leap.errors import UsageError
from leap.explanation import wording
from leap.icp import ICPProfile
from leap.revenue import us
from leap.scoring.table import ScoreTable
from leap.scoring.targets.asked import Asked
from leap.scoring.targets.signals import Signals
from leap.snapshots import known_as
from leap.tables import AccountTables
from leap.wins.deals import Deals

WIN_MODEL, WIN_RATE, IF_WON = "win_model", "historic_win_rate", "if_won"
_YEAR = 12


@dataclass(frozen=True)
class WinRate:
    """Share of the deals with prospects that were won, and of how many with a result; None where there is none."""

    rate: float | None
    deals: int

    @classmethod
    def of(cls, tables: AccountTables, moment: pd.Timestamp) -> WinRate:
        """Of the deals whose result counts as known at a moment; the quick ones alone would not tell."""
        if not tables.with_role("deals"):
            return cls(None, 0)
        deals = Deals.of(tables)
        known = deals.known_at(us(moment)) & ~np.isnan(deals.won)
        return cls(float(deals.won[known].mean()), int(known.sum())) if known.any() else cls(None, 0)


def latest_deals(tables: AccountTables, moment: pd.Timestamp) -> dict[str, str]:
    """By account, in words, that the latest deal known before a moment is won or open; nothing of one that is lost."""
    if not tables.with_role("deals"):
        return {}
    deals, at = Deals.of(tables), us(moment)
    known = deals.where((deals.created < at) & (deals.entered < at))
    closed, codes = known.closed_before(at), known_as(tables, known.codes, moment)
    found: dict[str, str] = {}
    for i in np.argsort(known.created, kind="stable"):
        account = str(tables.accounts[codes[i]])
        found.pop(account, None)
        if not closed[i]:
            found[account] = f"A deal with it is open since {pd.Timestamp(known.created[i]):%Y-%m-%d}"
        elif known.won[i] == 1:
            won = f"{pd.Timestamp(known.closed[i]):%Y-%m-%d}"
            found[account] = (
                f"A deal with it was won on {won}, and no revenue is known yet: it may be a customer already"
            )
    return found


@dataclass(frozen=True)
class Candidates:
    """All prospects of a date, aligned with the rows of `table`; figures are NaN where nothing may be said."""

    table: ScoreTable
    signals: Signals
    rate: WinRate
    policy: Policy
    deals: Mapping[str, str] = field(default_factory=dict)
    """By account what is to be known of its latest deal before anybody calls: it is won already, or open."""

    @classmethod
    def of(cls, table: ScoreTable, tables: AccountTables, moment: pd.Timestamp) -> Candidates:
        """From scored prospects and the tables they come from."""
        signals = Signals.of(table.bundle, tables, table.account_ids, table.columns, moment)
        deals = latest_deals(tables, moment)
        return cls(table, signals, WinRate.of(tables, moment), tables.settings.policy, deals)

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def win_basis(self) -> str:
        """Where `win` comes from: the win model where it may be claimed, else the share of all deals that were won.

        Had the features told winners from losers, there would be a win model: so the share is that of all deals.
        """
        if self.table.win is not None:
            return WIN_MODEL
        return IF_WON if self.rate.rate is None else WIN_RATE

    @cached_property
    def win(self) -> np.ndarray:
        """Probability that an account is won, shape (n,); one where nothing is known of deals."""
        usual = 1.0 if self.rate.rate is None else self.rate.rate
        found = np.full(len(self), usual) if self.table.win is None else np.asarray(self.table.win, dtype=float)
        return np.where(self.table.silent, np.nan, found)

    @property
    def months(self) -> int:
        """How many months of an account are set against the cost of winning it."""
        return self.policy.target_months

    @cached_property
    def by_margin(self) -> np.ndarray:
        """Accounts whose worth is their value (margin); of the others it is revenue, shape (n,)."""
        return np.asarray(np.isfinite(self.table.value[0]))

    @cached_property
    def worth(self) -> np.ndarray:
        """What an account brings in `months` once won, before the cost of winning it, shape (n,).

        Its account value; without a gross margin months times the MRR of a new customer times expected NRR.
        """
        value = self.table.value[0] if self.months == _YEAR else self.table.value_36m
        earned = value + self.table.cost
        revenue = self.months * self.table.mrr * self.table.prediction.nrr
        return np.where(self.table.silent, np.nan, np.where(self.by_margin, earned, revenue))

    @cached_property
    def new_mrr(self) -> np.ndarray:
        """MRR that an account is expected to add: win probability times what new customers usually pay, shape (n,)."""
        return np.asarray(self.win * self.table.mrr)

    @cached_property
    def cac(self) -> np.ndarray:
        """What winning such an account usually costs: of its segment if known, shape (n,); NaN where unknown.

        Spending on deals that were lost is part of it.
        """
        economics = self.table.bundle.economics
        usual = economics.get("cac")
        cac = np.full(len(self), np.nan if usual is None else float(usual))
        name = self.segment_feature(economics.get("cac_segment"))
        if name is None:
            return cac
        groups = [group for group in economics.get("cac_groups", ()) if group["level"] == "segment"]
        values = self.table.columns[name]
        for group in groups:
            cac[values == group["segment"]] = float(group["cac"])
        return cac

    @cached_property
    def cost(self) -> np.ndarray:
        """What working on an account costs, won or not, shape (n,).

        As `[policy]` says; else CAC times the share of deals won (CAC is per customer won), and the cost of contact.
        """
        policy = self.policy
        if policy.account_cost is not None:
            return np.full(len(self), policy.account_cost)
        share = 1.0 if self.rate.rate is None else self.rate.rate
        return np.asarray(np.nan_to_num(self.cac) * share + policy.contact_cost)

    @cached_property
    def gain(self) -> np.ndarray:
        """Expected gain of working on an account: win probability times worth, less the cost, shape (n,)."""
        return np.asarray(self.win * self.worth - self.cost)

    @cached_property
    def meets(self) -> list[tuple[ICPProfile, np.ndarray]]:
        """Every profile with the rows that meet it."""
        return [(profile, profile.rule.matches(self.table.columns)) for profile in self.table.bundle.icp.counted]

    def of_kind(self, *kinds: str) -> np.ndarray:
        """Rows that meet a profile of these kinds, shape (n,)."""
        found = np.zeros(len(self), dtype=bool)
        for profile, rows in self.meets:
            found |= rows if profile.kind in kinds else False
        return found

    def segment_feature(self, column: str | None) -> str | None:
        """The fit category that comes from a column (or has that name); None if there is none."""
        catalog = self.table.model.encoder.catalog
        found = [f.name for f in catalog.features if f.kind == "category" and column in (f.recipe.column, f.name)]
        return found[0] if column is not None and found else None

    def segments(self, asked: Asked) -> tuple[np.ndarray, list[str]]:
        """The position of each row's segment, and their names; one for all where no number a segment is asked for.

        UsageError if there is no such feature.
        """
        if asked.per_segment is None and asked.segment is None:
            return np.zeros(len(self), dtype=int), [""]
        column = asked.segment or self.table.bundle.economics.get("cac_segment")
        name = self.segment_feature(column)
        if name is None:
            catalog = self.table.model.encoder.catalog
            known = [f.name for f in catalog.features if f.kind == "category"]
            listed = ", ".join(known) or "there is none"
            limit = "" if asked.per_segment is None else f"At most {asked.per_segment} a segment: "
            raise UsageError(
                f"{limit}expected a fit category to tell segments apart, found {column!r}.",
                details=known,
                remedy=f"Name one as segment, here or in [policy] targets_segment: {listed}.",
            )
        if asked.per_segment is None:
            return np.zeros(len(self), dtype=int), [""]
        feature = self.table.bundle.catalog.by_name[name]
        told = [
            wording.value_of(feature, value if isinstance(value, str) else None) for value in self.table.columns[name]
        ]
        names, codes = np.unique(np.array(told, dtype=object).astype(str), return_inverse=True)
        return codes, [str(one) for one in names]

    @property
    def basis(self) -> dict[str, Any]:
        """In words, what every figure is made of."""
        policy, currency = self.policy, self.table.bundle.settings.company.currency
        win = {
            WIN_MODEL: "the win model's probability that a deal with the account is won",
            WIN_RATE: f"{self.rate.rate or 0:.1%}, the share of {self.rate.deals:,} past deals that were won (no win "
            "model may be claimed, so nothing tells prospects apart in this)",
            IF_WON: "not known: no deals with a result; all gains are what they would be if the account were won",
        }[self.win_basis]
        worth = f"account value of {self.months} months: expected gross margin before what winning costs"
        if not self.by_margin.all():
            worth = (
                f"no gross margin is given: {self.months} x MRR of a new customer x expected NRR, which is revenue "
                "and not margin"
            )
        cost = f"CAC x {1.0 if self.rate.rate is None else self.rate.rate:.1%} of deals won + contact cost"
        if policy.account_cost is not None:
            cost = f"{policy.account_cost:,.2f} {currency} an account, as [policy] account_cost says"
        elif not np.isfinite(self.cac).any():
            cost = f"contact cost alone ({policy.contact_cost:,.2f} {currency}): no acquisition costs are given"
        return {
            "win": win,
            "win_is": self.win_basis,
            "worth": worth,
            "cost": cost,
            "gain": "win probability x worth if won - cost of working on the account",
        }
