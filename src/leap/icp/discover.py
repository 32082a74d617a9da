"""From the fit frame of a company to its ICPs: find on earlier accounts, measure on later ones, size and price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leap.explanation.drivers import fit_driver_order
from leap.features import Scope
from leap.icp.book import as_bought
from leap.icp.notes import notes_of
from leap.icp.population import Population, halves, parted
from leap.icp.present import with_present
from leap.icp.profiles import ICPSearch
from leap.icp.suggesting import Suggestions, conclude, suggest
from leap.models.composition import train_scope
from leap.models.frames import ScopeFrame
from leap.tables import AccountTables


def discover_icps(tables: AccountTables, frame: ScopeFrame, seed: int = 0) -> ICPSearch:
    """Profiles of a company, and the notes beside them.

    The candidates are the SHAP drivers of a fit model of the earlier accounts alone.
    """
    return replace(_profiles_of(tables, frame, seed), notes=notes_of(tables))


def _profiles_of(tables: AccountTables, frame: ScopeFrame, seed: int) -> ICPSearch:
    outcomes = frame.outcomes
    population = Population(frame.features, frame.rows.accounts, frame.rows.as_of, outcomes.starting, outcomes.ending)
    half = halves([str(account) for account in frame.snapshots.rows["account_id"]])
    suggested = [part for own in (half, ~half) if (part := _suggested_by(frame, population, own, seed)) is not None]
    if not suggested:
        return ICPSearch(
            (), (), "The history is too short to find attributes on earlier accounts and measure them on later ones."
        )
    result = conclude(suggested, tables.settings.outcome.horizon_months)
    bought = as_bought(tables, frame) if result.profiles else {}
    profiles = tuple(with_present(tables, frame, bought, profile) for profile in result.profiles)
    return replace(result, profiles=profiles)


def _suggested_by(frame: ScopeFrame, population: Population, half: np.ndarray, seed: int) -> Suggestions | None:
    """What the earlier rows of one half of the accounts suggest; None if there is nothing to find or to measure on."""
    found_on, measured_on = parted(population, frame.rows.known_at, half)
    earlier = frame.rows.where(found_on & frame.outcomes.trainable)
    if not len(earlier.accounts) or not measured_on.any():
        return None
    model = train_scope(Scope.FIT, frame.encoder, earlier, only="linear", seed=seed)
    return suggest(population.where(found_on), fit_driver_order(model, earlier.matrix), population, measured_on)
