"""Versions read while answering: from verified local copies, without the registry wherever that is possible.

The registry may be slow, locked or gone; who asks here waits for it only shortly. It is asked on threads of its own,
for each question once, and what it then says is there for whoever asks next.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from leap.bundle.files import read_folder
from leap.bundle.model_bundle import ModelBundle
from leap.errors import BundleError, LeapError, NoModel, RegistryError, UnknownVersion
from leap.registry.champion_file import read_champion
from leap.registry.copies import whole_copies
from leap.registry.records import CHAMPION, PREVIOUS, VersionInfo
from leap.registry.store import Store

WAIT_SECONDS: Final = 2.0
KEPT: Final = 4
_AT_ONCE: Final = 2
_EMPTY: Final = "The registry holds nothing, though a version from it is live here: it is not where it was."


class RegistryAway(RegistryError):
    """What was asked for is not here, and the registry has not said it in time."""


class UnreadableVersion(BundleError):
    """A version that is there and cannot be read by this Leap, or is a model of something else."""

    code = "unreadable_version"


class LocalVersions:
    """Bundles of a store's versions by their numbers, the last few kept in memory; safe for threads."""

    def __init__(self, store: Store, *, wait_seconds: float = WAIT_SECONDS, kept: int = KEPT) -> None:
        self._store, self._wait, self._most = store, wait_seconds, kept
        self._bundles: OrderedDict[str, ModelBundle] = OrderedDict()
        self._previous: dict[str, str] = {}
        self._asked: dict[tuple[str, str], Future[Any]] = {}
        self._lock = threading.Lock()

    def bundle(self, version: str) -> ModelBundle:
        """The bundle of a version, by its number.

        UnknownVersion if there is none, UnreadableVersion if it is of another kind or form, RegistryAway if there is no
        verified copy of it here and the registry does not give one in time.
        """
        with self._lock:
            known = self._bundles.get(version)
            if known is not None:
                self._bundles.move_to_end(version)
                return known
        found = self._from_copies(version)
        if found is None:
            found = self._ask("load", version, lambda: _parsed(read_folder(self._store.load(version).folder), version))
        return self._keep(version, found)

    def previous(self, champion: str) -> str:
        """The version that was champion before this one; UnknownVersion if none was.

        champion.json says it where it was written with this champion; only else the registry is asked.
        """
        record, _ = read_champion(self._store.folder)
        if record is not None and record.version == champion:
            return self._named(record.version, record.previous)
        with self._lock:
            known = self._previous.get(champion)
        if known is not None:
            return known
        aliases = self._ask("aliases", champion, self._store.aliases)
        if aliases[CHAMPION] is None:
            raise RegistryAway(_EMPTY)
        return self._named(champion, aliases[PREVIOUS])

    def listed(self) -> list[VersionInfo]:
        """Every version, the latest first; RegistryAway where the registry does not say it in time."""
        found: list[VersionInfo] = self._ask("listed", "", self._store.glance)
        return found

    def _named(self, champion: str, previous: object) -> str:
        if not isinstance(previous, str):
            raise UnknownVersion("No version was champion before this one.", remedy="Name a version by its number.")
        with self._lock:
            self._previous = {champion: previous}
        return previous

    def _from_copies(self, version: str) -> ModelBundle | None:
        """From the one whole copy there is of a version; None if there is none, or more than one to choose from."""
        found = list(whole_copies(self._store.folder, version))
        return _parsed(found[0], version) if len(found) == 1 else None

    def _keep(self, version: str, bundle: ModelBundle) -> ModelBundle:
        with self._lock:
            self._bundles[version] = bundle
            self._bundles.move_to_end(version)
            while len(self._bundles) > self._most:
                self._bundles.popitem(last=False)
        return bundle

    def _ask(self, what: str, version: str, question: Callable[[], Any]) -> Any:
        """The registry's answer, waited for shortly; of questions alike only the first one is asked."""
        key = what, version
        with self._lock:
            asked = self._asked.get(key)
            if asked is None:
                if len(self._asked) >= _AT_ONCE:
                    raise RegistryAway("The registry is busy with other questions; try again shortly.")
                asked = self._asked[key] = Future()
                threading.Thread(target=self._answer, args=(key, asked, question), daemon=True).start()
        try:
            return asked.result(self._wait)
        except TimeoutError:
            raise RegistryAway(
                f"The registry has not answered within {self._wait:g} seconds, and there is no copy of what was asked "
                "for here; try again shortly."
            ) from None
        except UnknownVersion:
            raise UnknownVersion(f"There is no version {version}.", details=[version]) from None
        except NoModel:
            raise RegistryAway(_EMPTY) from None
        except UnreadableVersion:
            raise
        except (LeapError, OSError) as error:
            # Its own message names a place on this machine.
            reason = "is damaged in the registry" if isinstance(error, BundleError) else "cannot be had"
            raise RegistryAway(
                f"The registry cannot be used, and there is no verified copy here: what was asked for {reason}."
            ) from None

    def _answer(self, key: tuple[str, str], asked: Future[Any], question: Callable[[], Any]) -> None:
        try:
            found = question()
        except BaseException as error:
            asked.set_exception(error)
        else:
            if key[0] == "load":
                self._keep(key[1], found)
            asked.set_result(found)
        finally:
            with self._lock:
                self._asked.pop(key, None)


def _parsed(files: dict[str, bytes], version: str) -> ModelBundle:
    try:
        return ModelBundle.parse(files)
    except BundleError as error:
        raise UnreadableVersion(
            f"Version {version} cannot be read: {error.message}",
            remedy="If an earlier Leap made it, train it again as it was, or name another version.",
        ) from None
