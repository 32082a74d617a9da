"""From the fit frame of a company to its ICPs: find on earlier accounts, measure on later ones, size and price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leap.explanation.drivers import fit_driver_order
from leap.explanation.groups import Groups
from leap.features import Scope
from leap.icp.adoption import trend_of_usage
from leap.icp.arranging import Ground, arranged, order_of_work
from leap.icp.book import Book
from leap.icp.candidates import candidates
from leap.icp.carding import Judged, points_card
from leap.icp.concluding import conclude
from leap.icp.notes import notes_of
from leap.icp.population import Population, cutoffs, halves, parted
from leap.icp.present import with_figures
from leap.icp.profiles import ICPSearch
from leap.icp.reviewing import review
from leap.icp.rules import Rule
from leap.icp.seen import seen_as_customers
from leap.icp.suggesting import Suggestions, fit_features, suggest
from leap.icp.supposing import hypotheses_of
from leap.models.composition import ScopeModel, TrainingRows, train_scope
from leap.models.frames import ScopeFrame
from leap.tables import AccountTables


def discover_icps(
    tables: AccountTables,
    frame: ScopeFrame,
    seed: int = 0,
    fit_model: ScopeModel | None = None,
    health: ScopeFrame | None = None,
) -> ICPSearch:
    """Profiles of a company, and the notes beside them.

    The candidates are the SHAP drivers of a fit model of the earlier accounts alone. Segments are of what the final
    `fit_model` says of all accounts, or a linear one where none is given; they order and describe, and measure nothing.
    The points card follows it too. What was seen of customers is reviewed where their `health` frame is given; it
    enters no profile.
    """
    model = fit_model or _linear(frame, frame.trainable, seed)
    found = _measured(tables, frame, seed, model)
    ground = Ground.of(Book.of(tables, frame), frame, model)
    found = replace(_arranged(found, tables, ground), notes=notes_of(tables))
    if health is None or found.best_customers is None:
        return found
    seen = seen_as_customers(health, tables.settings.outcome.min_uplift)
    return replace(found, best_customers=replace(found.best_customers, seen_as_customers=seen))


def _measured(tables: AccountTables, frame: ScopeFrame, seed: int, model: ScopeModel) -> ICPSearch:
    """What held, as one profile a rule, and everything measured."""
    outcomes = frame.outcomes
    tenure = frame.snapshots.rows["tenure_months"].to_numpy(dtype=float)
    population = Population(
        frame.features, frame.rows.accounts, frame.rows.as_of, outcomes.starting, outcomes.ending, tenure
    )
    half = halves([str(account) for account in frame.snapshots.rows["account_id"]])
    dates = cutoffs(population, frame.rows.known_at, half) or [None]
    singles = candidates(population, fit_features(population))
    sought = [_suggested_by(frame, population, own, date, singles, seed) for date in dates for own in (half, ~half)]
    found = [part for part in sought if part is not None]
    suggested = [part for part, _ in found]
    if not suggested:
        return ICPSearch(
            (), (), "The history is too short to find attributes on earlier accounts and measure them on later ones."
        )
    result = conclude(suggested, tables.settings.outcome.horizon_months, Groups.of(frame.features))
    judged = [one for part, one in found if part.date == suggested[-1].date]
    nrr = model.predict(frame.rows.matrix).nrr
    return replace(result, card=points_card(result.attributes, population, nrr, judged))


def _arranged(found: ICPSearch, tables: AccountTables, ground: Ground) -> ICPSearch:
    """The search with profiles of all kinds in their order, all figures, and what is only suggested."""
    settings, book = tables.settings, ground.book
    profiles = arranged(found.attributes, ground, settings) if found.profiles else ()
    held = frozenset(c for profile in profiles if profile.kind != "negative" for c in profile.rule.conditions)
    best = review(book, ground.population, trend_of_usage(tables), settings.outcome.min_uplift, held)
    return replace(
        with_figures(book, replace(found, profiles=profiles), settings.policy),
        hypotheses=hypotheses_of(ground, found.attributes, profiles, best),
        order_of_work=order_of_work(profiles, settings.policy.icp_opens_next_at),
        best_customers=best,
    )


def _suggested_by(
    frame: ScopeFrame, population: Population, half: np.ndarray, date: Any, singles: Sequence[Rule], seed: int
) -> tuple[Suggestions, Judged] | None:
    """What the earlier rows of one half of the accounts suggest, and what their model expects of all rows; None if
    there is nothing to find or to measure on.
    """
    found_on, measured_on = parted(population, frame.rows.known_at, half, date)
    earlier = frame.rows.where(found_on & frame.outcomes.trainable)
    if not len(earlier.accounts) or not measured_on.any():
        return None
    model = _linear(frame, earlier, seed)
    expected = model.predict(frame.rows.matrix)
    drivers = fit_driver_order(model, earlier.matrix)
    suggested = suggest(population.where(found_on), drivers, population, measured_on, date, singles)
    return suggested, Judged(found_on, measured_on, expected.nrr, 1 - expected.p)


def _linear(frame: ScopeFrame, rows: TrainingRows, seed: int) -> ScopeModel:
    return train_scope(Scope.FIT, frame.encoder, rows, only="linear", seed=seed, direct="base_rate")
