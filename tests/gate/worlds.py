"""Challengers and champions of one planted company, learned from chosen features, accounts and months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from leap.bundle.make import spread
from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.evaluation import judge, predict_folds
from leap.explanation.groups import Groups
from leap.explanation.peers import Peers
from leap.features import discover_features
from leap.gate import Challenger, Incumbent
from leap.icp import ICPSearch
from leap.models.composition import train_scope
from leap.models.frames import health_frame
from leap.revenue import definition_hash
from leap.tables import AccountTables, assemble
from tests.worlds import PLANTED_SETTINGS, planted_frames

EARLY, LATE = "2023-01-02", "2024-07-02"
NOISE = ("favourite_number", "region")
SEED = 4


def raw(accounts: int = 300, seed: int = SEED) -> dict[str, pd.DataFrame]:
    """The company's tables over 42 months."""
    return planted_frames(accounts, 42, seed=seed, prospects=0)


def only_accounts(frames: dict[str, pd.DataFrame], share: float) -> dict[str, pd.DataFrame]:
    """The tables of the first accounts alone."""
    kept = set(frames["accounts"]["account_id"].iloc[: int(share * len(frames["accounts"]))])
    return {
        name: frame[frame["account_id"].isin(kept)].reset_index(drop=True) if "account_id" in frame else frame
        for name, frame in frames.items()
    }


def tables_until(frames: dict[str, pd.DataFrame], until: str, company: str = "Planted") -> AccountTables:
    """What was known before a date."""
    document = {**PLANTED_SETTINGS, "company": {**PLANTED_SETTINGS["company"], "name": company}}
    return assemble(parse_settings(document), frames, [], until)


def challenger(tables: AccountTables, features: Sequence[str] = (), seed: int = 0) -> Challenger:
    """A training of customers alone, by all features or the named ones: what the gate looks at, without ICPs."""
    catalog = discover_features(tables)
    frame = health_frame(tables, catalog.with_features(features) if features else catalog)
    found = predict_folds(frame, seed=seed)
    quality = judge(found, draws=100)
    model = train_scope(frame.scope, frame.encoder, frame.trainable, None, None, quality.unproven, seed)
    bundle = ModelBundle(
        settings=tables.settings,
        catalog=frame.features.catalog,
        health=model,
        fit=model,
        intervals=quality.intervals,
        fit_intervals=quality.intervals,
        icp=ICPSearch((), (), "not looked for"),
        drivers=(),
        fit_drivers=(),
        groups=Groups.of(frame.features),
        fit_groups=Groups.of(frame.features),
        peers=Peers.of(frame.latest(), frame.latest_mrr),
        fit_peers=Peers.of(frame.latest()),
        quality={"health": quality.to_json(), "fit": quality.to_json()},
        economics={"new_mrr": None, "cac": None},
        trained={
            "trained_on": f"{tables.data_until:%Y-%m-%d}",
            "definition_hash": definition_hash(tables.settings),
            "notes": [],
        },
        golden={},
    ).with_golden(spread(frame.features), spread(frame.features))
    return Challenger(tables, frame, found, quality.of_final(model), bundle, None, seed)


def champion(of: Challenger, *, version: str = "7", company: str = "Planted", meanwhile: bool = False) -> Incumbent:
    """A training as the champion that a later one meets."""
    return Incumbent(version, company, replace(of.bundle), "", meanwhile)
