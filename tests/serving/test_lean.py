"""Serving does without what training needs: MLflow, shap, optuna, matplotlib, scikit-learn, SQLAlchemy and the rest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

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
row = scorer.bundle.golden["health"]["rows"][0]
scores = [*scorer.by_features([("a", row)], top=0), *scorer.prospects([("p", {})])]
print(json.dumps([score["nrr"]["point"] for score in scores]))
"""


def test_what_is_left_out_is_what_training_needs() -> None:
    names = left_out()
    assert {"mlflow", "shap", "optuna", "matplotlib", "sklearn", "sqlalchemy", "alembic", "psycopg", "pytest"} <= names
    assert not {"bentoml", "lightgbm", "numpy", "pandas", "leap", "uvicorn", "jiter", "httptools"} & names


def test_a_service_scores_where_nothing_else_can_be_imported(demo_bundle_folder: Path, tmp_path: Path) -> None:
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
    assert all(0 <= nrr < 10 for nrr in json.loads(done.stdout))
