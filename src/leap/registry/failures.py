"""MLflow's failures in words that say what to do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from importlib.metadata import version as installed_version
from pathlib import Path

from leap.errors import BundleError, RegistryError
from leap.registry import tracking
from leap.registry.place import without_password


@contextlib.contextmanager
def told(uri: str, folder: Path) -> Iterator[None]:
    """What MLflow raises inside, as RegistryError."""
    try:
        yield
    except tracking.failures() as error:
        raise _failure(error, uri, folder) from error


@contextlib.contextmanager
def registered_or_not() -> Iterator[None]:
    """A refused bundle as what it means here: there is no new version."""
    try:
        yield
    except BundleError as error:
        message = f"no version was registered: {error.message}"
        raise RegistryError(message, details=error.details, remedy=error.remedy) from error


def _failure(error: Exception, uri: str, folder: Path) -> RegistryError:
    text, where = " ".join(str(error).split()), without_password(uri)
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        return RegistryError(
            f"{where}: made by {_made_by(folder)}, it does not fit the installed MLflow {installed_version('mlflow')}.",
            remedy=f"Use that version, or back the database up and run: mlflow db upgrade {where}",
        )
    if "database is locked" in text:
        return RegistryError(
            f"{where}: the database was locked by another process for longer than MLflow waits (20 s).",
            remedy="Wait until the other command is done and run this again.",
        )
    return RegistryError(f"{where}: the registry failed: {text[:500]}", remedy="See: leap doctor")


def _made_by(folder: Path) -> str:
    try:
        return f"MLflow {json.loads((folder / 'store.json').read_bytes())['mlflow']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another MLflow"
