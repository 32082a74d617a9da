"""Serving does without what training needs: MLflow, shap, optuna, matplotlib, scikit-learn, SQLAlchemy and the rest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.bundle.packed import CHAMPION, Packed
from tests.serving.lean import CHECKOUT, blocking, left_out

SCORING = """
import json, sys
import serving.service
import leap.sources, leap.sources.duckdb_file, leap.registry, leap.reviews
from serving.live import LiveModel
from serving.packed import PackedDeployment
from serving.watcher import ChampionWatcher
from pathlib import Path

live = LiveModel()
ChampionWatcher(live, PackedDeployment(Path(sys.argv[1]))).look()
assert live.problem is None, live.problem
scorer = live.take().scorer
golden = scorer.bundle.golden
scores = scorer.by_features([("a", golden["health"]["rows"][0])], top=0)
known = scorer.input_schema()["attributes"]["properties"]
before = {name: value for name, value in golden["fit"]["rows"][0].items() if name in known}
assert before
scores += scorer.prospects([("p", before)], top=0)
print(json.dumps([score["churn"]["p"] for score in scores]))
"""


def test_what_is_left_out_is_what_training_needs() -> None:
    names = left_out()
    assert {"mlflow", "shap", "optuna", "matplotlib", "sklearn", "sqlalchemy", "alembic", "psycopg", "pytest"} <= names
    assert not {"bentoml", "lightgbm", "numpy", "pandas", "leap", "uvicorn", "jiter", "httptools"} & names


def test_a_service_scores_where_nothing_else_can_be_imported(
    demo_bundle: ModelBundle, demo_bundle_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(demo_bundle_folder, tmp_path / "packed" / CHAMPION)
    Packed.seal(tmp_path / "packed", "7", [])
    path = os.pathsep.join([blocking(tmp_path / "first"), str(CHECKOUT / "src"), str(CHECKOUT)])
    done = subprocess.run(
        [sys.executable, "-c", SCORING, str(tmp_path / "packed")],
        env={**os.environ, "PYTHONPATH": path, "BENTOML_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    golden = demo_bundle.golden
    customer, prospect = json.loads(done.stdout)
    assert customer == pytest.approx(golden["health"]["expected"]["p"][0], abs=1e-9)
    assert prospect is None or 0 <= prospect <= 1
