"""Profiles today: how many accounts meet them, figures of the last year inside and outside, and their price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leap.features import Scope, build_features
from leap.icp.profiles import ICPProfile
from leap.icp.rules import Columns
from leap.models.frames import ScopeFrame
from leap.revenue import PARTS, RetentionFigures, Revenue, add_months, window_ends
from leap.snapshots import Snapshots, customer_snapshots, prospect_snapshots
from leap.tables import AccountTables
from leap.tables.canonical import CLOSED, KEY, WON
from leap.value import acquisition_cost


def with_present(tables: AccountTables, frame: ScopeFrame, bought: Columns, profile: ICPProfile) -> ICPProfile:
    """Size among customers and prospects now, and figures of the last complete year inside and outside."""
    policy = tables.settings.policy
    end = tables.data_until
    customers = _columns(tables, customer_snapshots(tables, [end]), frame)
    prospects = _columns(tables, prospect_snapshots(tables, end), frame)
    thresholds = (policy.icp_min_accounts, policy.icp_max_share)
    inside = profile.rule.matches(bought)
    matching = profile.rule.matches(customers), profile.rule.matches(prospects)
    profile = _with_size_and_kpis(profile, *matching, _figures(tables, inside), thresholds)
    return replace(profile, price=_price(tables, inside, profile)) if profile.kind == "negative" else profile


def _columns(tables: AccountTables, snapshots: Snapshots, frame: ScopeFrame) -> Columns:
    catalog = frame.features.catalog.of_scope(Scope.FIT)
    built = build_features(tables, snapshots, catalog).frame
    return {name: built[name] for name in catalog.names}


def _figures(tables: AccountTables, inside: np.ndarray) -> dict[str, Any]:
    """Retention of the last complete window, CAC and win rate, inside and outside the profile; null where unknown."""
    revenue, settings = Revenue(tables), tables.settings
    start = add_months(tables.data_until - pd.Timedelta(days=1), -settings.outcome.horizon_months)
    starting, ending = revenue.mrr_at(start), window_ends(revenue, settings, start)
    at_end = add_months(start, settings.outcome.horizon_months) < tables.data_until
    cac = acquisition_cost(tables)
    document: dict[str, Any] = {"window": {"from": f"{start:%Y-%m-%d}", "months": settings.outcome.horizon_months}}
    for name, part in (("inside", inside), ("outside", ~inside)):
        figures = RetentionFigures.of(starting[part], ending[part]) if at_end else None
        spent = cac[part][~np.isnan(cac[part])]
        document[name] = {
            "accounts": figures.accounts if figures else None,
            "nrr": figures.nrr if figures else None,
            "grr": figures.grr if figures else None,
            "logo_churn": figures.logo_churn if figures else None,
            "expansion_rate": figures.expansion_rate if figures else None,
            "cac": float(spent.mean()) if len(spent) else None,
            "win_rate": _win_rate(tables, part),
        }
    missing = {"cac": "no_acquisition_costs", "win_rate": "no_closed_deals", "nrr": "window_not_complete"}
    document["reasons"] = {
        name: why
        for name, why in missing.items()
        if document["inside"][name] is None and document["outside"][name] is None
    }
    return document


def _win_rate(tables: AccountTables, part: np.ndarray) -> float | None:
    """Won over closed deals of the accounts of a part."""
    won = closed = 0
    for table in tables.with_role("deals"):
        rows = table.rows[table.rows[CLOSED].notna() & table.rows[WON].notna()]
        own = part[tables.codes_of(rows[KEY])]
        won += int((rows[WON][own] == 1.0).sum())
        closed += int(own.sum())
    return won / closed if closed else None


def _price(tables: AccountTables, inside: np.ndarray, profile: ICPProfile) -> Mapping[str, Any]:
    """What an account of a negative profile costs a year against the others, and how many were won in the last year."""
    first = pd.Series(pd.to_datetime(Revenue(tables).first_paid()))
    since = tables.data_until - pd.DateOffset(years=1)
    won_lately = int((inside & (first >= since).to_numpy()).sum())
    mrr = Revenue(tables).mrr_at(tables.data_until)[inside] / PARTS
    paying = mrr[mrr > 0]
    nrr = profile.evidence.figures["nrr"]
    lost = 12 * float(paying.mean()) * -nrr.lift if len(paying) else None
    return {
        "yearly_revenue_lost_per_account": lost,
        "won_last_year": won_lately,
        "currency": tables.settings.company.currency,
    }


def _with_size_and_kpis(
    profile: ICPProfile,
    customers: np.ndarray,
    prospects: np.ndarray,
    figures: Mapping[str, Any],
    thresholds: tuple[int, float],
) -> ICPProfile:
    """The profile with how many accounts match it now, a word on its size, and its figures inside and outside."""
    matching = int(customers.sum() + prospects.sum())
    market = len(customers) + len(prospects)
    narrow, broad = thresholds
    note = None
    if matching < narrow:
        note = f"may be too narrow: fewer than {narrow} accounts and prospects match"
    elif market and matching / market > broad:
        note = f"may be too broad: {matching / market:.0%} of all accounts and prospects match"
    size = {"customers": int(customers.sum()), "prospects": int(prospects.sum()), "market": market, "note": note}
    return replace(profile, size=size, kpis=dict(figures))
