"""What holds for every test: one thread, no telemetry, no pickle, no model store of the user's."""

import os
from pathlib import Path

# Before anything imports MLflow, BentoML or OpenMP: they read these once.
for name in [name for name in os.environ if name.startswith(("LEAP_", "MLFLOW_", "BENTOML_"))]:
    if name != "LEAP_TEST_DATA":
        del os.environ[name]
os.environ.update(
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_ALLOW_PICKLE_DESERIALIZATION="false",
    BENTOML_DO_NOT_TRACK="True",
    OMP_NUM_THREADS="1",
)

import pytest

from tests.fixtures_bundle import demo_bundle, demo_bundle_folder, planted  # noqa: F401 (fixtures of every test)

CHECKOUT = Path(__file__).parents[1]
DATA = Path(os.environ.get("LEAP_TEST_DATA") or CHECKOUT.parent / "shared" / "data").resolve()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The sample data; tests that use it are marked ``needs_data``: skipped and counted without it."""
    return DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in tests/e2e, skip what has no data, and put end-to-end tests last."""
    for item in items:
        if CHECKOUT / "tests" / "e2e" in item.path.parents:
            item.add_marker("e2e")
        if CHECKOUT / "tests" / "browser" in item.path.parents:
            item.add_marker("browser")
        if item.get_closest_marker("needs_data") and not DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason="no sample data; set LEAP_TEST_DATA to its folder"))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is not None)
