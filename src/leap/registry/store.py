"""The one way into the model store. How promotion stays whole is told in the package's docstring."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leap.bundle.files import identity_of, read_folder, write_file
from leap.bundle.ladder import verify as climb_ladder
from leap.errors import BundleError, ChampionMoved, NoModel, RegistryError, UnknownVersion
from leap.registry import tracking
from leap.registry.champion_file import CHAMPION_FILE, read_champion
from leap.registry.copies import BUNDLES, Copies, Verify
from leap.registry.database import Database
from leap.registry.declined import DECLINED_FILE, read_declined
from leap.registry.failures import registered_or_not, told
from leap.registry.glances import Signs, seen, signs
from leap.registry.locks import FileLock, private
from leap.registry.place import Place, inside
from leap.registry.problems import problems_of
from leap.registry.records import (
    ALIASES,
    ANYTHING,
    CHALLENGER,
    CHAMPION,
    MODEL,
    PATH_TAG,
    PREVIOUS,
    SHA_TAG,
    Anything,
    ChampionRecord,
    Fetched,
    GateRecord,
    Registered,
    RunRecord,
    Seen,
    StoreProblem,
    VersionInfo,
    no_model,
    now,
)
from leap.registry.runs import Runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

READ_WAIT_SECONDS: Final = 5.0
GLANCE_WAIT_SECONDS: Final = 0.25
"""Where champion.json knows a champion, nobody need wait for the database to say the same."""
WRITE_WAIT_SECONDS: Final = 30.0


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
        artifacts = place.folder / "artifacts"
        self._database = (
            Database(place.database, artifacts, read_wait_seconds, write_wait_seconds) if place.database else None
        )
        self._copies = Copies(place.folder / BUNDLES, verify)
        self._runs = Runs(self.uri, self.folder, self._database, self._copies)
        self._lock = FileLock(place.folder / ".lock", write_wait_seconds)

    # Reading

    def aliases(self, wait_seconds: float | None = None) -> dict[str, str | None]:
        """The versions that are champion, challenger and previous (None: there is none); `wait_seconds` for a lock."""
        found: dict[str, str | None] = {**self._aliases_of_registry(wait_seconds)}
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
            found = self.aliases(None if record is None else GLANCE_WAIT_SECONDS)
            return found[CHAMPION] or (record.version if record else None)
        except RegistryError:
            if record is None:
                raise
            return record.version

    def signs(self) -> Signs | None:
        """What the files look like that tell the champion: the same again, the same `seen`. None: not in files."""
        return signs(self)

    def seen(self) -> Seen:
        """The champion and what is wrong with the registry, for a service: within a moment, and never failing."""
        return seen(self, GLANCE_WAIT_SECONDS)

    def versions(self) -> list[VersionInfo]:
        """All versions, the latest first."""
        if self._is_new():
            return []
        aliases = self.aliases()
        with self._registry() as client:
            return tracking.versions_of(client, aliases)

    def glance(self) -> list[VersionInfo]:
        """As `versions`, of a local store from its database itself: for those that must not wait for MLflow."""
        if self._database is None or self._is_new():
            return self.versions()
        return self._database.versions(self.aliases())

    def fetch(self, version_or_alias: str = CHAMPION) -> Path:
        """The folder of a verified local copy."""
        return self.load(version_or_alias).folder

    def load(self, version_or_alias: str = CHAMPION) -> Fetched:
        """A verified local copy with its version: NoModel if no version has the alias."""
        if version_or_alias == CHAMPION:
            return self._load_champion()
        version = self.resolve(version_or_alias)
        return Fetched(version, *self._local_copy(version))

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
        return read_declined(self.folder).get(company)

    # Writing

    @contextlib.contextmanager
    def training(self, company: str) -> Iterator[str]:
        """A run for a training from its beginning to its end; its id. What goes wrong inside ends it as FAILED.

        It is RUNNING in between, so that the next command knows one that was killed, and clears away what it left.
        """
        with self._writing("train", create=True) as client:
            run_id = self._runs.begin(client, company)
        try:
            yield run_id
        except BaseException as error:
            with contextlib.suppress(RegistryError), self._writing("train", reap=False) as client:
                self._runs.give_up(client, run_id, error)
            raise
        with self._writing("train", reap=False) as client:
            client.set_terminated(run_id, "FINISHED")

    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for what a training makes before it is kept."""
        return self._runs.scratch()

    def log_training(self, record: RunRecord, run_id: str | None = None) -> str:
        """Keep a training in its run (else in one of its own), and its bundle as a new version once it was verified.

        Returns the version. A failure leaves no version, no half-written files and a run marked FAILED, and
        raises RegistryError.
        """
        company = record.tags.get("company", "")
        with registered_or_not():
            files = read_folder(record.bundle_folder)
        with self._writing("train", create=True) as client, registered_or_not():
            run = run_id or self._runs.begin(client, company)
            try:
                version = self._runs.keep(client, run, record, files)
                if run_id is None:
                    client.set_terminated(run, "FINISHED")
            except BaseException as error:
                self._runs.give_up(client, run, error)
                raise
            self._forget_declined(company)
        return version

    def keep_gate(self, version: str, gate: GateRecord) -> None:
        """Keep what the gate said with a version and in its run; a second gate takes the place of the first."""
        with self._writing("keep the gate", reap=False) as client:
            self._runs.keep_gate(client, self._version(client, self.resolve(version)), gate)

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
        with self._writing("promote"):
            aliases = self.aliases()
            if not isinstance(expected_champion, Anything) and aliases[CHAMPION] != expected_champion:
                raise ChampionMoved(
                    f"expected {_named(expected_champion)} as champion, found {_named(aliases[CHAMPION])}: "
                    "another one was promoted meanwhile.",
                    remedy="Compare with the new champion, and promote by hand if it is still right.",
                )
            version = self.resolve(version)
            before = aliases[PREVIOUS] if aliases[CHAMPION] == version else aliases[CHAMPION]
            self._decide(version, before, gate=gate, by_hand=by_hand)

    def rollback(self) -> str:
        """Make `previous` the champion and the champion `previous`; the version that is champion now.

        Of a local store without MLflow, whose import takes longer than all the rest.
        """
        with self._turn("rollback"):
            aliases = self.aliases()
            version = aliases[PREVIOUS]
            if version is None:
                raise no_model(PREVIOUS, self.folder)
            self._decide(version, aliases[CHAMPION], gate="rollback", by_hand=True)
        return version

    def declined(self, company: str, reason: str, run_id: str | None = None) -> None:
        """Keep why a training gave no model, until one of the same company does; and in its run."""
        with self._lock.held("train"), private():
            self._write_json(DECLINED_FILE, {**read_declined(self.folder), company: reason})
        if run_id is not None:
            with self._writing("train", reap=False) as client:
                tracking.tag_run(client, run_id, {"leap.declined": reason, "gate": "declined"})

    # Looking after

    def reap(self) -> list[str]:
        """Mark runs whose process is gone as KILLED and remove what they left half done; their ids."""
        if self._is_new():
            return []
        with self._writing("clean up", reap=False) as client:
            return self._runs.reap(client)

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
            return [] if self._is_new() else list(problems_of(self))
        except RegistryError as error:
            return [StoreProblem("database", error.message, error.remedy)]

    # The champion

    def _load_champion(self) -> Fetched:
        record = self._champion_record()
        try:
            version = self.aliases()[CHAMPION]
            if version is not None:
                return Fetched(version, *self._local_copy(version))
            trouble = "the registry names no champion"
        except (RegistryError, BundleError) as error:
            if record is None:
                raise
            trouble = error.message
        if record is None:
            raise no_model(CHAMPION, self.folder)
        copy = self._copy_of(record, verify=True)
        if copy is None:
            damage = self._copies.damage(inside(self.folder, record.folder), record.sha256)
            raise RegistryError(
                f"{self.folder}: the registry cannot be used ({trouble}) and the local copy of the champion, "
                f"version {record.version}, is damaged or gone ({damage or 'it does not climb the loading ladder'}).",
                remedy="Restore the store from a backup, or train and promote anew.",
            )
        return Fetched(record.version, copy, record.sha256, trouble)

    def _champion_record(self) -> ChampionRecord | None:
        return read_champion(self.folder)[0]

    def _copy_of(self, record: ChampionRecord, *, verify: bool = False) -> Path | None:
        """The copy that champion.json names, if it is as it should be; `verify` one that others verified."""
        copy, holds = (
            inside(self.folder, record.folder),
            self._copies.holds_or_verifies if verify else self._copies.holds,
        )
        return copy if copy is not None and holds(copy, record.sha256) else None

    def _decide(self, version: str, previous: str | None, *, gate: str, by_hand: bool) -> None:
        copy, identity = self._local_copy(version)
        self._copies.verify(copy)
        record = ChampionRecord(
            version=version,
            previous=previous,
            folder=str(copy.relative_to(self.folder)),
            sha256=identity,
            gate=gate,
            by_hand=by_hand,
            decided_at=now(),
        )
        self._write_json(CHAMPION_FILE, asdict(record))
        self._settle(record)

    def _settle(self, record: ChampionRecord) -> None:
        """Move the aliases to where champion.json says they are; may be repeated."""
        if self._database:
            self._database.settle(record.version, record.previous, record.notes())
        else:
            with self._registry() as client:
                tracking.settle(client, record.version, record.previous, record.notes())
        self._write_json(CHAMPION_FILE, asdict(replace(record, settled=True)))

    # Copies

    def _local_copy(self, version: str) -> tuple[Path, str]:
        """The verified copy of a version and its checksum, fetched if it is not there or no longer whole.

        A copy that champion.json names counts only with the checksum that was registered, where the registry has it.
        """
        record = self._champion_record()
        named = record if record is not None and record.version == version else None
        try:
            found = self._registered(version)
        except RegistryError:
            copy = None if named is None else self._copy_of(named, verify=True)
            if named is None or copy is None:
                raise
            return copy, named.sha256
        identity = found.tags.get(SHA_TAG, "") or (named.sha256 if named else "")
        copies = [inside(self.folder, named.folder)] if named and named.sha256 == identity else []
        for copy in [*copies, self._copies.at(version, identity)]:
            if identity and copy is not None and self._copies.holds_or_verifies(copy, identity):
                return copy, identity
        files = self._download(found)
        with self._lock.held("fetch"), private(), self._copies.verified(files) as incoming:
            return self._copies.name(incoming, version, identity_of(files)), identity_of(files)

    def _registered(self, version: str) -> Registered:
        if self._is_new():
            raise self._nothing_yet()
        if self._database:
            found = self._database.registered(version)
            if found is None:
                raise self._no_version(version)
            return found
        with self._registry() as client:
            there = self._version(client, version)
            return Registered(version, there.tags, str(there.source))

    def _download(self, found: Registered) -> dict[str, bytes]:
        """The files of a version from its run, the same to the bit as when it was registered."""
        relative = found.tags.get(PATH_TAG)
        local = inside(self.folder, relative) if relative and self._database else None
        if local:
            files = read_folder(local)
        else:
            with told(self.uri, self.folder):
                tracking.import_mlflow()
                files = tracking.download_files(self.uri, found.source)
        expected = found.tags.get(SHA_TAG)
        if expected and identity_of(files) != expected:
            raise BundleError(
                f"version {found.version}: its files are not the ones that were registered.",
                remedy="They were exchanged in the store; restore it from a backup, or train anew.",
            )
        return files

    def _version(self, client: MlflowClient, version: str) -> ModelVersion:
        found = tracking.get_version(client, version)
        if found is None:
            raise self._no_version(version)
        return found

    def _no_version(self, version: str) -> UnknownVersion:
        return UnknownVersion(f"there is no version {version} in {self.folder}.", remedy="See: leap models")

    # The registry

    def _is_new(self) -> bool:
        """Whether nothing was ever kept here. A database missing from a store in use is another matter."""
        if self._database is None:
            return False
        path = self._database.path
        try:
            if path.exists() and path.stat().st_size > 0:
                return False
            in_use = (self.folder / CHAMPION_FILE).exists() or any(self.folder.glob(f"{BUNDLES}/[0-9]*"))
        except OSError as error:
            raise RegistryError(
                f"{self.folder}: the model store cannot be looked into: {error.strerror or error}.",
                remedy="Check its permissions, or choose another one with --store.",
            ) from error
        if in_use:
            raise RegistryError(
                f"{path} is missing, but the store holds models.",
                remedy=f"Restore the file from a backup, or move {self.folder} aside to begin anew.",
            )
        return True

    def _nothing_yet(self) -> NoModel:
        return NoModel(f"{self.folder} holds no model yet.", remedy="Train one: leap train DIR")

    def _aliases_of_registry(self, wait_seconds: float | None = None) -> dict[str, str]:
        if self._is_new():
            return {}
        if self._database:
            return self._database.aliases(wait_seconds)
        with self._registry() as client:
            return tracking.aliases_of(client)

    @contextlib.contextmanager
    def _registry(self) -> Iterator[MlflowClient]:
        """MLflow's client; its failures come out as RegistryError."""
        if self._is_new():
            raise self._nothing_yet()
        if self._database:
            self._database.wait()
        with told(self.uri, self.folder):
            yield tracking.connect(self.uri)

    @contextlib.contextmanager
    def _turn(self, purpose: str, *, create: bool = False) -> Iterator[None]:
        """The turn of the one writer of the moment, after a promotion that was left undone was finished."""
        if not create and self._is_new():
            raise self._nothing_yet()
        with self._lock.held(purpose), private():
            self._create_database()
            # Opens the database for writing, and so finds out within a known time whether it is locked.
            self.repair_paths()
            record = self._champion_record()
            if record is not None and not record.settled:
                self._settle(record)
            yield

    @contextlib.contextmanager
    def _writing(self, purpose: str, *, create: bool = False, reap: bool = True) -> Iterator[MlflowClient]:
        """MLflow's client for the writer of the moment, after what killed processes left was cleared away."""
        with self._turn(purpose, create=create), self._registry() as client:
            if reap:
                self._runs.reap(client)
            yield client

    def _create_database(self) -> None:
        if self._database and self._is_new():
            tracking.import_mlflow()
            with told(self.uri, self.folder):
                self._database.create()
            self._write_json("store.json", {"mlflow": installed_version("mlflow"), "created": now()})

    # Small files

    def _forget_declined(self, company: str) -> None:
        reasons = read_declined(self.folder)
        if reasons.pop(company, None) is not None:
            self._write_json(DECLINED_FILE, reasons)

    def _write_json(self, name: str, content: Mapping[str, object]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(self.folder / name, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
        except (BundleError, OSError) as error:
            raise RegistryError(str(error)) from error


def _named(version: str | None) -> str:
    return "none" if version is None else f"version {version}"
