"""One trained company for all tests of a session: nobody may change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from leap.bundle.model_bundle import ModelBundle
from tests.worlds import TrainedWorld, planted_tables, trained


@pytest.fixture(scope="session")
def planted() -> TrainedWorld:
    """The planted company, trained: little usage and retail lead to leaving, size to growing."""
    return trained(planted_tables())


@pytest.fixture(scope="session")
def demo_bundle(planted: TrainedWorld) -> ModelBundle:
    """Its bundle."""
    return planted.bundle


@pytest.fixture(scope="session")
def demo_bundle_folder(demo_bundle: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as saved; copy it before damaging it."""
    folder = tmp_path_factory.mktemp("demo_bundle") / "bundle"
    demo_bundle.save(folder)
    return folder
