"""From the fit frame of a company to its ICPs: find on earlier accounts, measure on later ones, size and price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leap.explanation.drivers import fit_driver_order
from leap.features import Scope, build_features
from leap.icp import search
from leap.icp.notes import notes_of
from leap.icp.profiles import ICPProfile, ICPSearch, Suggestions, conclude, suggest, with_size_and_kpis
from leap.icp.rules import Columns
from leap.icp.search import Population
from leap.models.composition import train_scope
from leap.models.frames import ScopeFrame
from leap.revenue import PARTS, RetentionFigures, Revenue, add_months, window_ends
from leap.snapshots import Snapshots, customer_snapshots, prospect_snapshots
from leap.tables import AccountTables
from leap.tables.canonical import CLOSED, KEY, WON
from leap.value import acquisition_cost


def discover_icps(tables: AccountTables, frame: ScopeFrame, seed: int = 0) -> ICPSearch:
    """Profiles of a company, and the notes beside them.

    The candidates are the SHAP drivers of a fit model of the earlier accounts alone.
    """
    return replace(_profiles_of(tables, frame, seed), notes=notes_of(tables))


def _profiles_of(tables: AccountTables, frame: ScopeFrame, seed: int) -> ICPSearch:
    outcomes = frame.outcomes
    population = Population(frame.features, frame.rows.accounts, frame.rows.as_of, outcomes.starting, outcomes.ending)
    half = search.halves([str(account) for account in frame.snapshots.rows["account_id"]])
    suggested = [part for own in (half, ~half) if (part := _suggested_by(frame, population, own, seed)) is not None]
    if not suggested:
        return ICPSearch(
            (), (), "The history is too short to find attributes on earlier accounts and measure them on later ones."
        )
    result = conclude(suggested, tables.settings.outcome.horizon_months)
    bought = _as_bought(tables, frame) if result.profiles else {}
    profiles = tuple(_with_present(tables, frame, bought, profile) for profile in result.profiles)
    return replace(result, profiles=profiles)


def _suggested_by(frame: ScopeFrame, population: Population, half: np.ndarray, seed: int) -> Suggestions | None:
    """What the earlier rows of one half of the accounts suggest; None if there is nothing to find or to measure on."""
    found_on, measured_on = search.parted(population, frame.rows.known_at, half)
    earlier = frame.rows.where(found_on & frame.outcomes.trainable)
    if not len(earlier.accounts) or not measured_on.any():
        return None
    model = train_scope(Scope.FIT, frame.encoder, earlier, only="linear", seed=seed)
    return suggest(population.where(found_on), fit_driver_order(model, earlier.matrix), population, measured_on)


def _with_present(tables: AccountTables, frame: ScopeFrame, bought: Columns, profile: ICPProfile) -> ICPProfile:
    """Size among customers and prospects now, and figures of the last complete year inside and outside."""
    policy = tables.settings.policy
    end = tables.data_until
    customers = _columns(tables, customer_snapshots(tables, [end]), frame)
    prospects = _columns(tables, prospect_snapshots(tables, end), frame)
    thresholds = (policy.icp_min_accounts, policy.icp_max_share)
    inside = profile.rule.matches(bought)
    matching = profile.rule.matches(customers), profile.rule.matches(prospects)
    profile = with_size_and_kpis(profile, *matching, _figures(tables, inside), thresholds)
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


def _as_bought(tables: AccountTables, frame: ScopeFrame) -> Columns:
    """Fit features of every account as it was when it bought, of prospects as they are now; one entry per account.

    What a customer has become since would make the profile look better than it is for choosing whom to sell to.
    """
    catalog = frame.features.catalog.of_scope(Scope.FIT)
    codes, first_rows = np.unique(frame.rows.accounts, return_index=True)
    others = np.setdiff1d(np.arange(len(tables.accounts)), codes)
    first_paid = Revenue(tables).first_paid().to_numpy().astype("datetime64[us]")[others]
    until = np.datetime64(tables.data_until, "us")
    rest = pd.DataFrame(
        {
            "account_id": tables.accounts[others],
            "code": others,
            "as_of": tables.data_until,
            "mrr": np.nan,
            "leaving": False,
            "features_at": np.where(np.isnat(first_paid), until, first_paid),
            "tenure_months": 0.0,
        }
    )
    built = build_features(tables, Snapshots(rest, at_purchase=True), catalog).frame
    columns = {}
    bought_as = Revenue(tables).bought_as()
    for name in catalog.names:
        known = frame.features.frame[name].to_numpy()
        column = np.empty(len(tables.accounts), dtype=known.dtype)
        column[codes], column[others] = known[first_rows], built[name].to_numpy()
        columns[name] = column[bought_as]
    return columns


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
