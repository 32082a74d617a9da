"""MLflow's client, and what is asked of it more than once."""

from __future__ import annotations

import logging
import os
import re
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leap.bundle.files import read_folder
from leap.registry.database import OWNED_TAG
from leap.registry.locks import alive, process_started
from leap.registry.records import (
    ALIASES,
    CHALLENGER,
    CHAMPION,
    MODEL,
    PREVIOUS,
    GateRecord,
    RunRecord,
    VersionInfo,
    now,
    printable,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

PID_TAG: Final = "leap.pid"
HOST_TAG: Final = "leap.host"
STARTED_TAG: Final = "leap.process_started"

_NOT_IN_A_KEY = re.compile(r"[^\w\-. :/]")
_DESCRIPTION = "Churn, contraction, expansion and NRR, with reasons and ICPs: one bundle a version."


def connect(uri: str) -> MlflowClient:
    """A client of this one registry, whatever else the environment names."""
    import_mlflow()
    from mlflow import MlflowClient

    # A registry of its own may be named beside MLFLOW_TRACKING_URI, never beside --store.
    beside = uri == os.environ.get("MLFLOW_TRACKING_URI")
    registry = os.environ.get("MLFLOW_REGISTRY_URI") if beside else None
    return MlflowClient(tracking_uri=uri, registry_uri=registry or uri)


def import_mlflow() -> None:
    """Import MLflow after what must be said before: no telemetry, no pickle, no connection kept to a file."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ.setdefault("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow  # noqa: F401

    # Whatever goes wrong is raised as well; MLflow's own log of it is a traceback.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def failures() -> tuple[type[Exception], ...]:
    """What MLflow raises when a registry is away, locked, full or of another version."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, CommandError, OSError)


def versions_of(client: MlflowClient, aliases: Mapping[str, str | None]) -> list[VersionInfo]:
    """All versions of the registered model, the latest first."""
    found = all_pages(lambda page: client.search_model_versions(f"name='{MODEL}'", 1000, page_token=page))
    metrics = _metrics(client, [version.run_id for version in found if version.run_id])
    latest_first = sorted(found, key=lambda version: int(version.version), reverse=True)
    return [_version_info(version, aliases, metrics) for version in latest_first]


def get_version(client: MlflowClient, version: str) -> ModelVersion | None:
    """A version, or None if there is no such one."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(MODEL, version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def aliases_of(client: MlflowClient) -> dict[str, str]:
    """Alias -> version; empty if nothing was ever registered."""
    found = client.search_registered_models(f"name='{MODEL}'")
    return {alias: str(version) for model in found for alias, version in model.aliases.items()}


def settle(client: MlflowClient, version: str, previous: str | None, notes: Mapping[str, str]) -> None:
    """Move the aliases to a promotion that was decided, and note it with the version."""
    current = aliases_of(client)
    for alias, wanted in ((PREVIOUS, previous), (CHAMPION, version)):
        if wanted is None:
            client.delete_registered_model_alias(MODEL, alias)
        elif current.get(alias) != wanted and get_version(client, wanted):
            client.set_registered_model_alias(MODEL, alias, wanted)
    if current.get(CHALLENGER) == version:
        client.delete_registered_model_alias(MODEL, CHALLENGER)
    if get_version(client, version):
        for key, value in notes.items():
            client.set_model_version_tag(MODEL, version, key, value)


def ensure_model(client: MlflowClient) -> None:
    """Create the registered model if this is its first version."""
    if not client.search_registered_models(f"name='{MODEL}'"):
        client.create_registered_model(MODEL, description=_DESCRIPTION)


def start_run(client: MlflowClient, company: str, artifacts: Path | None) -> str:
    """A run in the company's experiment that names its process, RUNNING; its id."""
    process = {
        PID_TAG: os.getpid(),
        HOST_TAG: socket.gethostname(),
        STARTED_TAG: process_started(os.getpid()),
    }
    run = client.create_run(
        _experiment(client, company, artifacts),
        tags=tags_of({"company": company, **process, "mlflow.source.name": "leap train"}),
        run_name=f"{company or MODEL} {now()[:19]}",
    )
    return str(run.info.run_id)


def describe_run(client: MlflowClient, run_id: str, record: RunRecord) -> str:
    """What a training found and what it was given, in its run; where the run's files go."""
    tag_run(client, run_id, {**record.tags, "mlflow.note.content": record.description})
    log_figures(client, run_id, record)
    return str(client.get_run(run_id).info.artifact_uri)


def tag_run(client: MlflowClient, run_id: str, tags: Mapping[str, object]) -> None:
    """Tags of a run, in one write."""
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags_of(tags).items()])


def log_gate(client: MlflowClient, run_id: str, gate: GateRecord) -> None:
    """The gate's table as a file (`gate.json`) and as a table that MLflow's pages show, and its figures as metrics."""
    from mlflow.entities import Metric

    rows = [dict(check) for check in gate.checks]
    columns = list(rows[0]) if rows else []
    document = {"verdict": gate.verdict, "compared_with": gate.compared_with, "checks": rows}
    client.log_dict(run_id, document, "gate.json")
    # MLflow's own `log_table` adds to a table that is there; a gate that is judged again replaces it.
    table = {"columns": columns, "data": [[row[name] for name in columns] for row in rows]}
    client.log_dict(run_id, table, "gate_table.json")
    for path in gate.files:
        client.log_artifact(run_id, str(path))
    tag_run(
        client,
        run_id,
        {"gate": gate.verdict, "mlflow.loggedArtifacts": '[{"path": "gate_table.json", "type": "table"}]'},
    )
    at = int(time.time() * 1000)
    metrics = [Metric(key_of(name), float(value), at, 0) for name, value in gate.metrics.items()]
    for first in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[first : first + 1000])


def log_figures(client: MlflowClient, run_id: str, record: RunRecord) -> None:
    """The run's metrics and parameters, in as few writes as MLflow allows."""
    from mlflow.entities import Metric, Param

    at = int(time.time() * 1000)
    metrics = [Metric(key_of(k), float(v), at, 0) for k, v in record.metrics.items() if v is not None]
    params = [Param(key_of(k), str(v)[:6000]) for k, v in record.params.items()]
    for first in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[first : first + 1000])
    for first in range(0, len(params), 100):
        client.log_batch(run_id, params=params[first : first + 100])


def dead_runs(client: MlflowClient) -> list[tuple[str, str]]:
    """The id and process of runs that are RUNNING on this machine without a process."""
    experiments = all_pages(lambda page: client.search_experiments(page_token=page))
    ours = [found.experiment_id for found in experiments if found.tags.get(OWNED_TAG)]
    if not ours:
        return []
    running = all_pages(lambda page: client.search_runs(ours, "attributes.status = 'RUNNING'", page_token=page))
    tagged = [(run.info.run_id, run.data.tags) for run in running if PID_TAG in run.data.tags]
    return [(run_id, tags[PID_TAG]) for run_id, tags in tagged if _is_dead(tags)]


def download_files(uri: str, source: str) -> dict[str, bytes]:
    """The files of a bundle that MLflow keeps elsewhere."""
    from mlflow.artifacts import download_artifacts

    with tempfile.TemporaryDirectory(prefix="leap-") as folder:
        return read_folder(Path(download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=uri)))


def tags_of(tags: Mapping[str, object]) -> dict[str, str]:
    """Tags with names and lengths that MLflow takes."""
    return {key_of(key): str(value)[:8000] for key, value in tags.items()}


def key_of(key: str) -> str:
    """A name that MLflow takes.

    >>> key_of("auc (health)")
    'auc _health_'
    """
    return _NOT_IN_A_KEY.sub("_", key)[:250]


def all_pages(read: Callable[[str | None], Any]) -> list[Any]:
    """Every item of a search that answers in pages."""
    page = read(None)
    found = list(page)
    while page.token:
        page = read(page.token)
        found += page
    return found


def _experiment(client: MlflowClient, company: str, artifacts: Path | None) -> str:
    name = f"{MODEL}: {printable(company) or 'no company'}"[:250]
    found = client.get_experiment_by_name(name)
    if found is None:
        location = None if artifacts is None else str(artifacts)
        return client.create_experiment(name, artifact_location=location, tags={OWNED_TAG: MODEL})
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _metrics(client: MlflowClient, run_ids: Sequence[str]) -> dict[str, Mapping[str, float]]:
    experiments = all_pages(lambda page: client.search_experiments(page_token=page))
    ids = [found.experiment_id for found in experiments]
    metrics: dict[str, Mapping[str, float]] = {}
    for first in range(0, len(run_ids), 100):
        names = ", ".join(f"'{run_id}'" for run_id in run_ids[first : first + 100])
        runs = client.search_runs(ids, f"attributes.run_id IN ({names})", max_results=1000)
        metrics |= {run.info.run_id: run.data.metrics for run in runs}
    return metrics


def _version_info(
    found: ModelVersion, aliases: Mapping[str, str | None], metrics: Mapping[str, Mapping[str, float]]
) -> VersionInfo:
    version = str(found.version)
    return VersionInfo(
        version=version,
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        company=found.tags.get("company", ""),
        aliases=tuple(alias for alias in ALIASES if aliases[alias] == version),
        gate=found.tags.get("gate", ""),
        metrics=dict(metrics.get(found.run_id or "", {})),
        tags=dict(found.tags),
    )


def _is_dead(tags: Mapping[str, str]) -> bool:
    """Whether the process that began a run is gone; those of another machine are not ours to judge."""
    if tags.get(HOST_TAG) != socket.gethostname() or not tags[PID_TAG].isdigit():
        return False
    pid = int(tags[PID_TAG])
    return not alive(pid) or tags.get(STARTED_TAG, "") != process_started(pid)
