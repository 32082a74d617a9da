"""A live model of as many accounts as wanted: the customers of a made-up company, repeated under names of their own."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.parts.http_world import bundles
from leap.demo import write_company
from leap.scoring import Scorer
from leap.scoring.table import ScoreTable
from leap.sources import read_workspace
from serving.live import Served


def scored(trained: int, served: int, trees: int) -> Scorer:
    """The scorer of a made-up company by a model of another one; boosted trees, as `http_world` makes them."""
    with tempfile.TemporaryDirectory() as folder:
        write_company(Path(folder) / "trained", accounts=trained, seed=3)
        write_company(Path(folder) / "served", accounts=served, seed=4)
        bundle = bundles(read_workspace(Path(folder) / "trained"), trees, 31)[0]
        return Scorer.build(bundle, "2", read_workspace(Path(folder) / "served"))


def of_many(scorer: Scorer, accounts: int) -> Served:
    """A live model with so many accounts."""
    table = scorer.customers
    assert table is not None
    many = Scorer(scorer.bundle, scorer.version, scorer.tables, scorer._as_of, repeated(table, accounts).ready())
    return Served(many, scorer.bundle.settings.company)


def repeated(table: ScoreTable, accounts: int) -> ScoreTable:
    """The rows of a table again and again, each with an id and a name of its own."""
    at = np.resize(np.arange(len(table)), accounts)
    won = {field.name: getattr(table.won, field.name)[at] for field in fields(table.won)}
    arrays: dict[str, Any] = {name: getattr(table, name)[at] for name in ("mrr", "leaving", "margin", "cost", "matrix")}
    return replace(
        table,
        account_ids=[f"{table.account_ids[i]}-{place:06}" for place, i in enumerate(at.tolist())],
        names=[f"{table.names[i]} {place}" for place, i in enumerate(at.tolist())],
        as_of=[table.as_of[0]] * accounts,
        columns={name: column[at] for name, column in table.columns.items()},
        won=replace(table.won, **won),
        **arrays,
    )
