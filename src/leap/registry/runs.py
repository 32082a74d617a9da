"""Trainings as MLflow's runs: begun when a training begins, so that one that is killed is known and cleared away."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leap.bundle.files import identity_of, read_folder, write_folder
from leap.errors import BundleError
from leap.registry import tracking
from leap.registry.copies import Copies
from leap.registry.database import Database
from leap.registry.locks import alive
from leap.registry.records import MODEL, NOT_JUDGED, PATH_TAG, SHA_TAG, GateRecord, RunRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_BY_PROCESS = (".scratch-*", ".*.tmp", ".*.new")
_PID = re.compile(r"[-.]([0-9]+)(?:[-.]|$)")


@dataclass(frozen=True)
class Runs:
    """The runs of a store, and the files that each leaves in its folder."""

    uri: str
    folder: Path
    database: Database | None
    copies: Copies

    @property
    def artifacts(self) -> Path | None:
        """Where runs keep their files, if that is here."""
        return self.folder / "artifacts" if self.database else None

    def begin(self, client: MlflowClient, company: str) -> str:
        """A run that names this process, RUNNING from now on; its id."""
        return tracking.start_run(client, company, self.artifacts)

    def keep(self, client: MlflowClient, run_id: str, record: RunRecord, files: Mapping[str, bytes]) -> str:
        """What a training found, in its run; its bundle as a new version, read back and verified first."""
        artifacts = tracking.describe_run(client, run_id, record)
        for path in record.files:
            client.log_artifact(run_id, str(path))
        tags = {"gate": NOT_JUDGED, **tracking.tags_of(record.tags), SHA_TAG: identity_of(files)}
        if self.database:
            tags[PATH_TAG] = f"artifacts/{run_id}/artifacts/bundle"
            write_folder(self.folder / tags[PATH_TAG], files)
            read_back = read_folder(self.folder / tags[PATH_TAG])
        else:
            client.log_artifacts(run_id, str(record.bundle_folder), "bundle")
            read_back = tracking.download_files(self.uri, f"{artifacts}/bundle")
        if identity_of(read_back) != tags[SHA_TAG]:
            raise BundleError("the bundle read back from the store differs from the one that was written.")
        # Verified first and registered then: whenever the process is killed, a version that exists may be
        # loaded.
        with self.copies.verified(read_back) as incoming:
            tracking.ensure_model(client)
            found = client.create_model_version(
                MODEL, f"{artifacts}/bundle", run_id, tags=tags, description=record.description[:5000]
            )
            version = str(found.version)
            try:
                self.copies.name(incoming, version, tags[SHA_TAG])
            except BaseException:
                client.delete_model_version(MODEL, version)
                raise
        return version

    def keep_gate(self, client: MlflowClient, version: ModelVersion, gate: GateRecord) -> None:
        """The gate's table in the version's run, its verdict and figures in the version's tags; the last one counts."""
        for key, value in gate.tags().items():
            client.set_model_version_tag(MODEL, str(version.version), key, value)
        if version.run_id:
            tracking.log_gate(client, version.run_id, gate)

    def give_up(self, client: MlflowClient, run_id: str, error: BaseException) -> None:
        """End a run that failed, without its files."""
        # The failure itself is what the caller must hear of, not that the clean-up after it failed too.
        with contextlib.suppress(Exception):
            client.set_terminated(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            if client.search_model_versions(f"run_id='{run_id}'"):
                return
        self._remove_files(run_id)

    def reap(self, client: MlflowClient) -> list[str]:
        """Mark runs whose process is gone as KILLED and remove what it left; their ids."""
        gone = [run_id for run_id, _ in tracking.dead_runs(client)]
        for run_id in gone:
            client.set_terminated(run_id, "KILLED")
            if not client.search_model_versions(f"run_id='{run_id}'"):
                self._remove_files(run_id)
        self.sweep()
        return gone

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for what a training makes before it is kept; swept if the process is killed."""
        folder = self.folder / f".scratch-{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir(mode=0o700, parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove the unfinished files of processes that are gone."""
        self.copies.sweep()
        for pattern in _BY_PROCESS:
            for left in self.folder.glob(pattern):
                pid = _PID.search(left.name)
                if pid is None or alive(int(pid[1])):
                    continue
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)

    def _remove_files(self, run_id: str) -> None:
        if self.artifacts is not None:
            shutil.rmtree(self.artifacts / run_id, ignore_errors=True)
