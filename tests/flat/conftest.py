"""Trained flat tables for all tests of this folder: nobody may change them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.bundle.flat_bundle import FlatBundle, make_flat_bundle
from leap.flat.frame import FlatFrame, flat_frame
from leap.flat.judging import FlatQuality, HeldOut, judge, predict_folds
from leap.flat.model import FlatModel, fit_model
from leap.flat.rows import FlatRows, flat_rows
from tests.flat.worlds import customers, tables_of


@dataclass(frozen=True)
class TrainedFlat:
    """Everything that a training of a flat table makes."""

    rows: FlatRows
    frame: FlatFrame
    model: FlatModel
    found: HeldOut
    quality: FlatQuality
    bundle: FlatBundle


def trained_flat(frame: pd.DataFrame, *, only: str | None = None, **more: Any) -> TrainedFlat:
    """Train as `leap train` does, without the store; `only` fixes the final learner."""
    tables = tables_of(frame, **more)
    rows = flat_rows(tables, until_given=False)
    learned = flat_frame(rows)
    found = predict_folds(learned)
    quality = judge(found)
    model = fit_model(learned.outcome, learned.encoder, learned.rows, only=only)
    bundle = make_flat_bundle(rows, learned, model, found, quality, leaks=[], problems=[], seed=0, trials=0)
    return TrainedFlat(rows, learned, model, found, quality, bundle)


@pytest.fixture(scope="session")
def linear() -> TrainedFlat:
    """Who churns, by a logistic regression; twenty rows have no outcome yet."""
    frame = customers()
    frame.loc[frame.index[:20], "churned"] = ""
    return trained_flat(frame, only="linear")


@pytest.fixture(scope="session")
def boosted() -> TrainedFlat:
    """The same by trees."""
    return trained_flat(customers(), only="boosted")


@pytest.fixture(scope="session")
def number() -> TrainedFlat:
    """How much is spent, by trees."""
    return trained_flat(customers(), only="boosted", outcome="spend", outcome_kind="number")


@pytest.fixture(scope="session")
def boosted_folder(boosted: TrainedFlat, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of trees as saved; copy it before damaging it."""
    folder = tmp_path_factory.mktemp("flat_bundle") / "bundle"
    boosted.bundle.save(folder)
    return folder
