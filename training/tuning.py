"""How `leap train` tunes: with how many trials, kept where, and from which settings on."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from training.console import Console

if TYPE_CHECKING:
    from leap.models.tuning import Plan
    from leap.registry import Store
    from leap.tables import AccountTables

MOST_TRIALS = 1000
"""Of a tuning that only time ends."""


def trials_of(args: argparse.Namespace) -> int:
    """`--trials`; if only `--minutes` is given, more than fit into them."""
    if args.trials is None:
        return MOST_TRIALS if args.minutes else 0
    return int(args.trials)


def tuning_plan(
    args: argparse.Namespace, console: Console, store: "Store", tables: "AccountTables", fingerprint: str
) -> "tuple[Plan, tuple[str, Mapping[str, Any]] | None]":
    """The plan of this training's studies; when the company's champion was trained, and its settings for churn."""
    from leap.models.tuning import Plan
    from leap.registry import Studies
    from leap.revenue import definition_hash

    trials = trials_of(args)
    if not trials:
        return Plan(0), None
    company = tables.settings.company.name
    until = f"{tables.data_until:%Y-%m-%dT%H:%M:%S}"
    key = f"{company[:80]}, {fingerprint}, {definition_hash(tables.settings)}, until {until}, seed {args.seed}"
    history = Studies(store.folder, console.note)
    plan = Plan(trials, args.seed, args.minutes, history, key, lambda said: console.progress(f"tuning, {said}"))
    return plan, champion_settings(store, company)


def champion_settings(store: "Store", company: str) -> tuple[str, Mapping[str, Any]] | None:
    """When the champion of this company was trained, and its settings of trees for churn; None if it has none."""
    from leap.bundle.model_bundle import ModelBundle
    from leap.errors import LeapError

    try:
        if store.champion() is None:
            return None
        bundle = ModelBundle.load(store.fetch())
    except LeapError:
        # Of another kind or damaged: a start from it is a help, not a need.
        return None
    found = (bundle.trained.get("tuning") or {}).get("final") or {}
    settings = found.get("parameters") or bundle.health.churn.settings
    known = "learning_rate" in settings and bundle.company == company
    return (bundle.trained_on, settings) if known else None
