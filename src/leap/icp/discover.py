"""From the fit frame of a company to its ICPs: find on earlier accounts, measure on later ones, size and price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leap.explanation.drivers import fit_driver_order
from leap.explanation.groups import Groups
from leap.features import Scope
from leap.icp.arranging import Ground, arranged, order_of_work
from leap.icp.book import Book
from leap.icp.carding import Judged, points_card
from leap.icp.concluding import conclude
from leap.icp.notes import notes_of
from leap.icp.population import Population, halves, parted
from leap.icp.present import with_figures
from leap.icp.profiles import ICPSearch
from leap.icp.suggesting import Suggestions, suggest
from leap.models.composition import ScopeModel, TrainingRows, train_scope
from leap.models.frames import ScopeFrame
from leap.tables import AccountTables


def discover_icps(
    tables: AccountTables, frame: ScopeFrame, seed: int = 0, fit_model: ScopeModel | None = None
) -> ICPSearch:
    """Profiles of a company, and the notes beside them.

    The candidates are the SHAP drivers of a fit model of the earlier accounts alone. Segments are of what the final
    `fit_model` says of all accounts, or a linear one where none is given; they order and describe, and measure nothing.
    """
    model = fit_model or _linear(frame, frame.trainable, seed)
    found = in_segments(_profiles_of(tables, frame, seed, model), tables, frame, model)
    return replace(found, notes=notes_of(tables))


def _profiles_of(tables: AccountTables, frame: ScopeFrame, seed: int, model: ScopeModel) -> ICPSearch:
    outcomes = frame.outcomes
    tenure = frame.snapshots.rows["tenure_months"].to_numpy(dtype=float)
    population = Population(
        frame.features, frame.rows.accounts, frame.rows.as_of, outcomes.starting, outcomes.ending, tenure
    )
    half = halves([str(account) for account in frame.snapshots.rows["account_id"]])
    found = [part for own in (half, ~half) if (part := _suggested_by(frame, population, own, seed)) is not None]
    suggested = [part for part, _ in found]
    if not suggested:
        return ICPSearch(
            (), (), "The history is too short to find attributes on earlier accounts and measure them on later ones."
        )
    result = conclude(suggested, tables.settings.outcome.horizon_months, Groups.of(frame.features))
    nrr = model.predict(frame.rows.matrix).nrr
    return replace(result, card=points_card(result.attributes, population, nrr, [judged for _, judged in found]))


def in_segments(found: ICPSearch, tables: AccountTables, frame: ScopeFrame, model: ScopeModel) -> ICPSearch:
    """The search with its profiles of all kinds, in order, with what they are today."""
    settings = tables.settings
    book = Book.of(tables, frame)
    ground = Ground.of(book, frame, model)
    profiles = arranged(found.attributes, ground, settings) if found.profiles else ()
    found = with_figures(book, replace(found, profiles=profiles), settings.policy)
    work = order_of_work(found.profiles, settings.policy.icp_opens_next_at)
    return replace(found, order_of_work=work)


def _suggested_by(
    frame: ScopeFrame, population: Population, half: np.ndarray, seed: int
) -> tuple[Suggestions, Judged] | None:
    """What the earlier rows of one half of the accounts suggest; None if there is nothing to find or to measure on."""
    found_on, measured_on = parted(population, frame.rows.known_at, half)
    earlier = frame.rows.where(found_on & frame.outcomes.trainable)
    if not len(earlier.accounts) or not measured_on.any():
        return None
    model = _linear(frame, earlier, seed)
    expected = model.predict(frame.rows.matrix)
    judged = Judged(found_on, measured_on, expected.nrr, 1 - expected.p)
    drivers = fit_driver_order(model, earlier.matrix)
    return suggest(population.where(found_on), drivers, population, measured_on), judged


def _linear(frame: ScopeFrame, rows: TrainingRows, seed: int) -> ScopeModel:
    return train_scope(Scope.FIT, frame.encoder, rows, only="linear", seed=seed)
