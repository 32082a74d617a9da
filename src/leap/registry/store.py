"""The one way into the model store. How promotion stays whole is told in the package's docstring."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leap.bundle.files import read_folder, write_file, write_folder
from leap.bundle.ladder import verify as climb_ladder
from leap.errors import BundleError, NoModel, RegistryError
from leap.registry import tracking
from leap.registry.copies import Copies, Verify, identity_of
from leap.registry.database import Database
from leap.registry.locks import FileLock, private
from leap.registry.place import Place, without_password
from leap.registry.records import (
    ALIASES,
    ANYTHING,
    CHALLENGER,
    CHAMPION,
    MODEL,
    PREVIOUS,
    Anything,
    ChampionRecord,
    Fetched,
    RunRecord,
    StoreProblem,
    VersionInfo,
    no_model,
    now,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

READ_WAIT_SECONDS: Final = 5.0
WRITE_WAIT_SECONDS: Final = 30.0

_SHA_TAG = "leap.bundle_sha256"
_PATH_TAG = "leap.bundle_path"


class Store:
    """The model store at one place: readers wait for a locked database only shortly, writers take turns.

    `verify` raises BundleError unless a bundle's folder may be loaded (default: `leap.bundle.ladder.verify`).
    """

    def __init__(
        self,
        uri_or_path: str | Path | None = None,
        workspace: Path | None = None,
        *,
        verify: Verify = climb_ladder,
        read_wait_seconds: float = READ_WAIT_SECONDS,
        write_wait_seconds: float = WRITE_WAIT_SECONDS,
    ) -> None:
        place = Place.find(uri_or_path, workspace)
        self.uri, self.folder = place.uri, place.folder
        self._artifacts = place.folder / "artifacts"
        self._database = (
            Database(place.database, self._artifacts, read_wait_seconds, write_wait_seconds) if place.database else None
        )
        self._copies = Copies(place.folder / "bundles", verify)
        self._lock = FileLock(place.folder / ".lock", write_wait_seconds)

    # Reading

    def aliases(self) -> dict[str, str | None]:
        """The versions that are champion, challenger and previous; None where there is none."""
        found: dict[str, str | None] = {**self._aliases_of_registry()}
        record = self._champion_record()
        if record is not None and not record.settled:
            found |= {CHAMPION: record.version, PREVIOUS: record.previous}
            if found.get(CHALLENGER) == record.version:
                found[CHALLENGER] = None
        return {alias: found.get(alias) for alias in ALIASES}

    def champion(self) -> str | None:
        """The champion's version, for those who ask often: without MLflow if the store is local, never
        failing while champion.json knows one."""
        record = self._champion_record()
        try:
            return self.aliases()[CHAMPION] or (record.version if record else None)
        except RegistryError:
            if record is None:
                raise
            return record.version

    def versions(self) -> list[VersionInfo]:
        """All versions, the latest first."""
        if self._is_new():
            return []
        aliases = self.aliases()
        with self._registry() as client:
            return tracking.versions_of(client, aliases)

    def fetch(self, version_or_alias: str = CHAMPION) -> Path:
        """The folder of a verified local copy."""
        return self.load(version_or_alias).folder

    def load(self, version_or_alias: str = CHAMPION) -> Fetched:
        """A verified local copy with its version: NoModel if no version has the alias."""
        if version_or_alias == CHAMPION:
            return self._load_champion()
        version = self.resolve(version_or_alias)
        return Fetched(version, self._local_copy(version))

    def resolve(self, version_or_alias: str) -> str:
        """The version that an alias or a number stands for; whether it exists shows when it is fetched."""
        if version_or_alias in ALIASES:
            version = self.aliases()[version_or_alias]
            if version is None:
                raise no_model(version_or_alias, self.folder)
            return version
        if not re.fullmatch(r"[0-9]{1,9}", version_or_alias):
            expected = f"a version's number or one of {', '.join(ALIASES)}"
            raise RegistryError(f"expected {expected}, found {version_or_alias!r}.", remedy="See: leap models")
        return str(int(version_or_alias))

    def declined_reason(self, company: str) -> str | None:
        """Why the latest training of this company gave no model, if it did not."""
        reason = self._declined().get(company)
        return reason if isinstance(reason, str) else None

    # Writing

    def log_training(self, record: RunRecord) -> str:
        """Keep a training as a run, and its bundle as a new version once it was read back and verified.

        Returns the version. A failure leaves no version, no half-written files and a run marked FAILED, and
        raises RegistryError.
        """
        company = record.tags.get("company", "")
        with _registered_or_not():
            files = read_folder(record.bundle_folder)
        with self._writing("train", create=True) as client, _registered_or_not():
            run_id, artifacts = tracking.start_run(client, company, record, self._own_artifacts())
            try:
                version = self._log(client, run_id, artifacts, record, files)
                client.set_terminated(run_id, "FINISHED")
            except BaseException as error:
                self._give_up(client, run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
                raise
            self._forget_declined(company)
        return version

    def set_challenger(self, version: str) -> None:
        """Name the version that stands ready to be promoted. The champion is never its own challenger."""
        with self._writing("set challenger") as client:
            found = self._version(client, self.resolve(version))
            if self.aliases()[CHAMPION] != str(found.version):
                client.set_registered_model_alias(MODEL, CHALLENGER, str(found.version))

    def promote(
        self,
        version: str,
        *,
        by_hand: bool,
        gate: str,
        expected_champion: str | Anything | None = ANYTHING,
    ) -> None:
        """Make a version the champion, after its copy climbed the ladder anew; the old one becomes
        `previous`.

        With `expected_champion` it is refused if another one was promoted meanwhile (None: there must be
        none). `gate` is the gate's verdict and is kept with the version, as is whether a person decided.
        """
        with self._writing("promote") as client:
            aliases = self.aliases()
            if not isinstance(expected_champion, Anything) and aliases[CHAMPION] != expected_champion:
                raise RegistryError(
                    f"expected {_named(expected_champion)} as champion, found {_named(aliases[CHAMPION])}: "
                    "another one was promoted meanwhile.",
                    remedy="Compare with the new champion, and promote by hand if it is still right.",
                )
            version = self.resolve(version)
            before = aliases[PREVIOUS] if aliases[CHAMPION] == version else aliases[CHAMPION]
            self._decide(client, version, before, gate=gate, by_hand=by_hand)

    def rollback(self) -> str:
        """Make `previous` the champion and the champion `previous`; the version that is champion now."""
        with self._writing("rollback") as client:
            aliases = self.aliases()
            version = aliases[PREVIOUS]
            if version is None:
                raise no_model(PREVIOUS, self.folder)
            self._decide(client, version, aliases[CHAMPION], gate="rollback", by_hand=True)
        return version

    def declined(self, company: str, reason: str) -> None:
        """Keep why a training gave no model, until one of the same company does."""
        with self._lock.held("train"), private():
            self._write_json("declined.json", {**self._declined(), company: reason})

    # Looking after

    def reap(self) -> list[str]:
        """Mark runs whose process is gone as KILLED and remove what they left half done; their ids."""
        if self._is_new():
            return []
        with self._writing("clean up", reap=False) as client:
            return self._reap(client)

    def repair_paths(self) -> int:
        """Rewrite the absolute paths in MLflow's database to where the store is now; how many were rewritten.

        Only prefixes under which Leap itself once put this store are rewritten, all in one transaction.
        """
        if self._database is None or self._is_new():
            return 0
        with self._lock.held("repair paths"):
            return self._database.repair_paths()

    def problems(self) -> list[StoreProblem]:
        """What `leap doctor` has to say about the store; empty if all is well."""
        try:
            if self._is_new():
                return []
            found = (self._champion_problems, self._path_problems, self._run_problems, self._version_problems)
            return [problem for problems in found for problem in problems()]
        except RegistryError as error:
            return [StoreProblem("database", error.message, error.remedy)]

    # The champion

    def _load_champion(self) -> Fetched:
        record = self._champion_record()
        try:
            version = self.aliases()[CHAMPION]
            if version is not None:
                return Fetched(version, self._local_copy(version))
            trouble = "the registry names no champion"
        except (RegistryError, BundleError) as error:
            if record is None:
                raise
            trouble = error.message
        if record is None:
            raise no_model(CHAMPION, self.folder)
        copy = self._copy_of(record)
        if copy is None:
            raise RegistryError(
                f"{self.folder}: the registry cannot be used ({trouble}) and the local copy of the champion, "
                f"version {record.version}, is damaged or gone.",
                remedy="Restore the store from a backup, or train and promote anew.",
            )
        return Fetched(record.version, copy, trouble)

    def _champion_record(self) -> ChampionRecord | None:
        try:
            return ChampionRecord(**json.loads((self.folder / "champion.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def _copy_of(self, record: ChampionRecord) -> Path | None:
        """The copy that champion.json names, if it is as it should be."""
        copy = self._inside(record.folder)
        return copy if copy is not None and self._copies.holds(copy, record.sha256) else None

    def _decide(self, client: MlflowClient, version: str, previous: str | None, *, gate: str, by_hand: bool) -> None:
        copy = self._local_copy(version)
        self._copies.verify(copy)
        record = ChampionRecord(
            version=version,
            previous=previous,
            folder=str(copy.relative_to(self.folder)),
            sha256=identity_of(read_folder(copy)),
            gate=gate,
            by_hand=by_hand,
            decided_at=now(),
        )
        self._write_json("champion.json", asdict(record))
        self._settle(client, record)

    def _settle(self, client: MlflowClient, record: ChampionRecord) -> None:
        """Move the aliases to where champion.json says they are; may be repeated."""
        current = tracking.aliases_of(client)
        for alias, version in ((PREVIOUS, record.previous), (CHAMPION, record.version)):
            if version is None:
                client.delete_registered_model_alias(MODEL, alias)
            elif current.get(alias) != version and tracking.get_version(client, version):
                client.set_registered_model_alias(MODEL, alias, version)
        if current.get(CHALLENGER) == record.version:
            client.delete_registered_model_alias(MODEL, CHALLENGER)
        if tracking.get_version(client, record.version):
            for key, value in _notes(record).items():
                client.set_model_version_tag(MODEL, record.version, key, value)
        self._write_json("champion.json", asdict(replace(record, settled=True)))

    # Copies

    def _local_copy(self, version: str) -> Path:
        """The verified copy of a version, fetched if it is not there or no longer whole."""
        record = self._champion_record()
        if record is not None and record.version == version:
            copy = self._copy_of(record)
            if copy is not None:
                return copy
        with self._registry() as client:
            found = self._version(client, version)
            identity = found.tags.get(_SHA_TAG, "")
            copy = self._copies.at(version, identity)
            if identity and self._copies.holds(copy, identity):
                return copy
            files = self._download(found)
        with self._lock.held("fetch"), private(), self._copies.verified(files) as incoming:
            return self._copies.name(incoming, version, identity_of(files))

    def _download(self, found: ModelVersion) -> dict[str, bytes]:
        """The files of a version from its run, the same to the bit as when it was registered."""
        relative = found.tags.get(_PATH_TAG)
        local = self._inside(relative) if relative and self._database else None
        files = read_folder(local) if local else tracking.download_files(self.uri, str(found.source))
        expected = found.tags.get(_SHA_TAG)
        if expected and identity_of(files) != expected:
            raise BundleError(
                f"version {found.version}: its files are not the ones that were registered.",
                remedy="They were exchanged in the store; restore it from a backup, or train anew.",
            )
        return files

    def _inside(self, relative: str) -> Path | None:
        """The path under the store, or None if it leads out of it."""
        path = (self.folder / relative).resolve()
        return path if path.is_relative_to(self.folder) and path != self.folder else None

    # Runs and versions

    def _log(
        self,
        client: MlflowClient,
        run_id: str,
        artifacts: str,
        record: RunRecord,
        files: Mapping[str, bytes],
    ) -> str:
        tracking.log_figures(client, run_id, record)
        for path in record.files:
            client.log_artifact(run_id, str(path))
        tags = {**tracking.tags_of(record.tags), _SHA_TAG: identity_of(files)}
        if self._database:
            tags[_PATH_TAG] = f"artifacts/{run_id}/artifacts/bundle"
            write_folder(self.folder / tags[_PATH_TAG], files)
            read_back = read_folder(self.folder / tags[_PATH_TAG])
        else:
            client.log_artifacts(run_id, str(record.bundle_folder), "bundle")
            read_back = tracking.download_files(self.uri, f"{artifacts}/bundle")
        if identity_of(read_back) != tags[_SHA_TAG]:
            raise BundleError("the bundle read back from the store differs from the one that was written.")
        # Verified first and registered then: whenever the process is killed, a version that exists may be
        # loaded.
        with self._copies.verified(read_back) as incoming:
            tracking.ensure_model(client)
            found = client.create_model_version(
                MODEL, f"{artifacts}/bundle", run_id, tags=tags, description=record.description[:5000]
            )
            version = str(found.version)
            try:
                self._copies.name(incoming, version, tags[_SHA_TAG])
            except BaseException:
                client.delete_model_version(MODEL, version)
                raise
        return version

    def _give_up(self, client: MlflowClient, run_id: str, status: str) -> None:
        # The failure itself is what the caller must hear of, not that the clean-up after it failed too.
        with contextlib.suppress(Exception):
            client.set_terminated(run_id, status)
        self._remove_files(run_id)

    def _remove_files(self, run_id: str) -> None:
        if self._database:
            shutil.rmtree(self._artifacts / run_id, ignore_errors=True)

    def _version(self, client: MlflowClient, version: str) -> ModelVersion:
        found = tracking.get_version(client, version)
        if found is None:
            raise RegistryError(f"there is no version {version} in {self.folder}.", remedy="See: leap models")
        return found

    def _reap(self, client: MlflowClient) -> list[str]:
        gone = [run_id for run_id, _ in tracking.dead_runs(client)]
        for run_id in gone:
            client.set_terminated(run_id, "KILLED")
            if not client.search_model_versions(f"run_id='{run_id}'"):
                self._remove_files(run_id)
        self._copies.sweep()
        return gone

    # Problems

    def _champion_problems(self) -> Iterator[StoreProblem]:
        record = self._champion_record()
        if record is None:
            if (self.folder / "champion.json").exists():
                yield StoreProblem("champion", "champion.json is damaged.", "leap promote VERSION")
            return
        version, again = f"version {record.version}", f"leap promote {record.version}"
        if self._copy_of(record) is None:
            message = f"the copy of the champion, {version}, is damaged, gone or was verified by other libraries."
            yield StoreProblem("champion", message, again)
        if not record.settled:
            yield StoreProblem("champion", f"the promotion of {version} was interrupted.", again)
        elif CHAMPION not in self._aliases_of_registry():
            message = f"{version} is served, but the registry names no champion: it was deleted there."
            yield StoreProblem("champion", message, "leap promote VERSION")

    def _path_problems(self) -> Iterator[StoreProblem]:
        for root in self._database.stale_roots() if self._database else ():
            message = f"the store was moved: MLflow looks for its files under {root}."
            yield StoreProblem("paths", message, "leap doctor --fix-paths")

    def _run_problems(self) -> Iterator[StoreProblem]:
        with self._registry() as client:
            for run_id, process in tracking.dead_runs(client):
                message = f"run {run_id} is RUNNING, but its process {process} is gone."
                yield StoreProblem("run", message, "the next command that writes marks it KILLED")

    def _version_problems(self) -> Iterator[StoreProblem]:
        for found in self.versions() if self._database else ():
            folder = self._inside(found.tags.get(_PATH_TAG, ""))
            if folder is not None and not folder.is_dir():
                message = f"the files of version {found.version} are gone: {folder}."
                yield StoreProblem("version", message, "restore them, or delete the version in MLflow")

    # The registry

    def _is_new(self) -> bool:
        """Whether nothing was ever kept here. A database missing from a store in use is another matter."""
        if self._database is None:
            return False
        path = self._database.path
        if path.exists() and path.stat().st_size > 0:
            return False
        if (self.folder / "champion.json").exists() or any(self.folder.glob("bundles/[0-9]*")):
            raise RegistryError(
                f"{path} is missing, but the store holds models.",
                remedy=f"Restore the file from a backup, or move {self.folder} aside to begin anew.",
            )
        return True

    def _nothing_yet(self) -> NoModel:
        return NoModel(f"{self.folder} holds no model yet.", remedy="Train one: leap train DIR")

    def _own_artifacts(self) -> Path | None:
        return self._artifacts if self._database else None

    def _aliases_of_registry(self) -> dict[str, str]:
        if self._is_new():
            return {}
        if self._database:
            return self._database.aliases()
        with self._registry() as client:
            return tracking.aliases_of(client)

    @contextlib.contextmanager
    def _registry(self) -> Iterator[MlflowClient]:
        """MLflow's client; its failures come out as RegistryError."""
        if self._is_new():
            raise self._nothing_yet()
        if self._database:
            self._database.wait()
        with self._told():
            yield tracking.connect(self.uri)

    @contextlib.contextmanager
    def _writing(self, purpose: str, *, create: bool = False, reap: bool = True) -> Iterator[MlflowClient]:
        """The client for the one writer of the moment, after what an earlier one left undone was done."""
        if not create and self._is_new():
            raise self._nothing_yet()
        with self._lock.held(purpose), private():
            self._create_database()
            # Opens the database for writing, and so finds out within a known time whether it is locked.
            self.repair_paths()
            with self._registry() as client:
                record = self._champion_record()
                if record is not None and not record.settled:
                    self._settle(client, record)
                if reap:
                    self._reap(client)
                yield client

    def _create_database(self) -> None:
        if self._database and self._is_new():
            tracking.import_mlflow()
            with self._told():
                self._database.create()
            self._write_json("store.json", {"mlflow": installed_version("mlflow"), "created": now()})

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """MLflow's failures in words that say what to do."""
        try:
            yield
        except tracking.failures() as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> RegistryError:
        text, where = " ".join(str(error).split()), without_password(self.uri)
        if "out-of-date database schema" in text or "Can't locate revision" in text:
            return RegistryError(
                f"{where}: made by {self._made_by()}, it does not fit the installed MLflow "
                f"{installed_version('mlflow')}.",
                remedy=f"Use that version, or back the database up and run: mlflow db upgrade {where}",
            )
        if "database is locked" in text:
            return RegistryError(
                f"{where}: the database was locked by another process for longer than MLflow waits (20 s).",
                remedy="Wait until the other command is done and run this again.",
            )
        return RegistryError(f"{where}: the registry failed: {text[:500]}", remedy="See: leap doctor")

    def _made_by(self) -> str:
        try:
            return f"MLflow {json.loads((self.folder / 'store.json').read_bytes())['mlflow']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another MLflow"

    # Small files

    def _declined(self) -> dict[str, object]:
        try:
            found = json.loads((self.folder / "declined.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _forget_declined(self, company: str) -> None:
        reasons = self._declined()
        if reasons.pop(company, None) is not None:
            self._write_json("declined.json", reasons)

    def _write_json(self, name: str, content: Mapping[str, object]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(self.folder / name, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
        except (BundleError, OSError) as error:
            raise RegistryError(str(error)) from error


@contextlib.contextmanager
def _registered_or_not() -> Iterator[None]:
    """A refused bundle as what it means here: there is no new version."""
    try:
        yield
    except BundleError as error:
        message = f"no version was registered: {error.message}"
        raise RegistryError(message, details=error.details, remedy=error.remedy) from error


def _notes(record: ChampionRecord) -> dict[str, str]:
    return {
        "leap.gate_at_promotion": record.gate,
        "leap.promoted_by": "hand" if record.by_hand else "gate",
        "leap.promoted_at": record.decided_at,
    }


def _named(version: str | None) -> str:
    return "none" if version is None else f"version {version}"
