"""Stores in which every bundle is sound, and trainings to keep in them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from leap.bundle.files import read_folder, write_folder
from leap.registry import RunRecord, Store


def opened(place: Path, **waits: float) -> Store:
    """The store, without the ladder: these bundles hold no model."""
    return Store(place, verify=lambda folder: None, **{"read_wait_seconds": 2.0, "write_wait_seconds": 20.0, **waits})


def training(folder: Path, name: str = "first", company: str = "Acme", **more: Any) -> RunRecord:
    """A finished training."""
    bundle = folder / f"bundle-{time.monotonic_ns()}"
    write_folder(bundle, {"bundle.json": json.dumps({"name": name}).encode()})
    known = {"params": {}, "metrics": {"health.churn.auc": 0.75}, "tags": {"company": company}}
    return RunRecord(bundle_folder=bundle, **{**known, **more})


def name_of(folder: Path) -> str:
    """What `training` was named."""
    return str(json.loads(read_folder(folder)["bundle.json"])["name"])


def client(store: Store) -> Any:
    """MLflow's own client of a store."""
    from mlflow import MlflowClient

    return MlflowClient(store.uri, store.uri)


def runs_of(store: Store, company: str = "Acme") -> list[Any]:
    """All runs of a company, the latest first."""
    found = client(store).get_experiment_by_name(f"leap: {company}")
    return [] if found is None else list(client(store).search_runs([found.experiment_id]))
