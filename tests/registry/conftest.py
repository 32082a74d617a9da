"""A store whose database is made once for all tests of this folder: making one takes seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from leap.registry import Store
from tests.registry.stores import opened


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database."""
    folder = tmp_path_factory.mktemp("begun")
    with opened(folder)._writing("test", create=True):
        pass
    return folder / "mlflow.db"


@pytest.fixture
def store(tmp_path: Path, begun: Path) -> Store:
    """A store that holds nothing yet."""
    (tmp_path / "store").mkdir()
    shutil.copy(begun, tmp_path / "store" / "mlflow.db")
    return opened(tmp_path / "store")
