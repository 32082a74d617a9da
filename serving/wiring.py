"""Where a service finds its champion, its accounts and its reviews, and what it makes of them.

Three parts come from three places and change on their own: the model from the store, the tables from the workspace, the
verdicts of people from the book of reviews. A part that is the same as before is not read again; one that cannot be
read stays as it was last good.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.documents import Documents
from serving.live import Problem, Served
from serving.watcher import Built, Wanted, problem_of
from serving.workspace import Data, TablesWatch

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.registry import Seen, Store
    from leap.registry.versions import LocalVersions
    from leap.reviews import Review, ReviewBook

READ_WAIT_SECONDS = 0.25
"""For a locked database: a look must not wait, and the next one comes at once."""
WRITE_WAIT_SECONDS = 5.0
WARM_SECONDS = 0.3
"""For scores that are made before they are asked for; a promotion waits for it."""
ASK_EVERY_SECONDS = 2.0
"""The registry is asked this often although no file tells of a change: whether it can be, and where it has no files."""


@dataclass(frozen=True)
class Model:
    """One version as it was verified and loaded, before people's verdicts are put to it."""

    version: str
    identity: str
    bundle: ModelBundle
    explained_by: str
    stale: str
    """Why it is not the one that the registry names, or the registry was not asked; or empty."""


@dataclass(frozen=True)
class Parts:
    """What an answer is made of."""

    model: Model
    data: Data
    reviews: tuple[Review, ...]


@dataclass
class Deployment:
    """A store and a workspace: `leap serve` names both in the environment. `Source` of a `ChampionWatcher`.

    Looked at and built by one thread.
    """

    store: str | None
    workspace: Path
    _tables: TablesWatch = field(init=False)
    _champion: ChampionWatch = field(init=False)
    _book: BookWatch = field(init=False)
    _live: Parts | None = field(default=None, init=False)
    _model: Model | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._tables = TablesWatch(self.workspace)
        self._champion = ChampionWatch(self.opened_store)
        self._book = BookWatch(self.opened_store)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Deployment:
        """`LEAP_STORE` (default: as the commands have it) and `LEAP_WORKSPACE` (default: the current folder)."""
        environment = os.environ if environment is None else environment
        workspace = Path(environment.get("LEAP_WORKSPACE") or ".")
        return cls(store=environment.get("LEAP_STORE") or None, workspace=workspace)

    def inputs(self, environment: Mapping[str, str] | None = None) -> Callable[[], Path] | None:
        """Where a sample of what is scored is kept: `LEAP_INPUTS`, else beside the registry."""
        named = (os.environ if environment is None else environment).get("LEAP_INPUTS", "").strip()
        return lambda: Path(named) if named else self.opened_store().folder / "inputs"

    def opened_store(self) -> Store:
        """The store as a service asks it: it does not wait."""
        from leap.registry import Store

        return Store(
            self.store, self.workspace, read_wait_seconds=READ_WAIT_SECONDS, write_wait_seconds=WRITE_WAIT_SECONDS
        )

    @cached_property
    def _versions(self) -> LocalVersions:
        """Other versions, for those who compare; one for all that goes live, since it remembers them."""
        from leap.registry.versions import LocalVersions

        return LocalVersions(self.opened_store())

    def _writable_book(self) -> ReviewBook | None:
        """Where pages keep verdicts; None where nothing can be written beside the models."""
        from leap.reviews import ReviewBook

        book = ReviewBook(self.opened_store().folder, WRITE_WAIT_SECONDS)
        return book if book.writable else None

    def look(self) -> Wanted:
        """Versions, traces of files and reviews: nothing large is read."""
        seen = self._champion.look()
        traces = self._tables.look()
        reviews = self._book.look(self._tables.company)
        identity, model = seen.identity, self._model
        if model is not None and seen.tells_of(model.version, model.identity):
            identity = model.identity
        troubles = [Problem("registry", text) for text in (seen.trouble, self._book.trouble) if text]
        return Wanted((seen.version, identity, traces, reviews, self._book.day), tuple(troubles))

    def build(self) -> Built:
        """The newest parts that fit together, else as many of them as fit to those that are live."""
        problems: list[Problem] = []
        live = self._live
        model = self._newest(self._newest_model, None if live is None else live.model, problems)
        data = self._newest(self._tables.read, None if live is None else live.data, problems)
        reviews = self._book.reviews
        tries = [Parts(model, data, reviews)]
        if live is not None:
            tries += [Parts(model, live.data, reviews), Parts(live.model, data, reviews)]
        for number, parts in enumerate(tries):
            if live is not None and parts == live:
                return Built(None, tuple(problems))
            try:
                served = served_of(parts, self._versions, self._writable_book())
            except Exception as error:
                if live is None:
                    raise
                if number == 0:
                    problems.append(problem_of(error))
            else:
                self._live = parts
                return Built(served, tuple(problems))
        return Built(None, tuple(problems))

    def load(self) -> tuple[Served, str]:
        """What a service would begin with, and why the registry could not be followed, or nothing."""
        self.look()
        model = self._newest_model()
        parts = Parts(model, self._tables.read(), self._book.reviews)
        return served_of(parts, self._versions, self._writable_book()), model.stale

    def _newest(self, read: Callable[[], Any], last_good: Any, problems: list[Problem]) -> Any:
        try:
            found = read()
        except Exception as error:
            if last_good is None:
                raise
            problems.append(problem_of(error))
            return last_good
        # What keeps the registry from being asked is told by every look, and passes with it.
        if isinstance(found, Model) and found.stale and not self._champion.seen.trouble:
            problems.append(Problem("registry", found.stale))
        return found

    def _newest_model(self) -> Model:
        """The champion. The store hands out only copies that have climbed the loading ladder, golden rows in a process
        of their own included; the golden rows are scored once more here.
        """
        seen, before = self._champion.seen, self._model
        if before is not None and not before.stale and seen.tells_of(before.version, before.identity):
            return before
        fetched = self.opened_store().load()
        if before is not None and (fetched.version, fetched.identity) == (before.version, before.identity):
            self._model = replace(before, stale=fetched.stale)
            return self._model
        self._model = loaded(fetched.version, fetched.folder, fetched.identity, fetched.stale)
        return self._model


def loaded(version: str, folder: Path, identity: str, stale: str = "") -> Model:
    """A verified copy, loaded if it still is what was verified, proven on its golden rows and ready to explain."""
    # Only now what takes seconds to import: without a champion the reason is told at once.
    from leap.bundle.explaining import ready_to_explain
    from leap.bundle.model_bundle import ModelBundle
    from leap.errors import BundleError
    from leap.models.lean import import_lightgbm

    import_lightgbm()
    try:
        bundle = ModelBundle.load(folder, identity)
        bundle.check_golden()
    except BundleError as error:
        raise BundleError(f"version {version}: {error.message}", details=error.details, remedy=error.remedy) from error
    # On the golden rows: what is compiled is then ready for the first request, and for all others.
    return Model(version, identity, bundle, ready_to_explain(bundle).engine, stale)


def served_of(parts: Parts, versions: LocalVersions | None = None, book: ReviewBook | None = None) -> Served:
    """The model's scores of the accounts, with the verdicts of people; new ones are kept in `book`."""
    from leap.reviews import with_rejections
    from leap.scoring import Scorer

    model, data = parts.model, parts.data
    bundle = model.bundle
    require_same_definitions(model, data)
    if parts.reviews:
        bundle = replace(bundle, icp=with_rejections(bundle.icp, parts.reviews))
    scorer = Scorer.build(bundle, model.version, data.tables)
    # What cannot be said of it must show before it is live, and not at a request.
    scorer.model_document(), scorer.icp_document(), scorer.drivers_document()
    scorer.warm_answers(WARM_SECONDS)
    settings = data.settings
    return Served(
        scorer,
        settings.company,
        settings.outcome.horizon_months,
        model.explained_by,
        settings.serving.stale_after_days,
        Documents(scorer, parts.reviews, versions),
        parts.reviews,
        book,
        data.reading,
    )


def require_same_definitions(model: Model, data: Data) -> None:
    """BundleError unless the model is of this company, and its figures mean what leap.toml says they mean.

    A command may score another company's accounts and says so beside each figure; a service speaks for one company.
    """
    from leap.errors import BundleError
    from leap.revenue.definitions import definition_hash

    ours, theirs = data.settings, model.bundle.settings
    if ours.company.name != theirs.company.name:
        raise BundleError(
            f"version {model.version} is of {theirs.company.name!r}; leap.toml says that the accounts are of "
            f"{ours.company.name!r}.",
            remedy="Serve the workspace that it was trained on, or train and promote a version for this one.",
        )
    stated = model.bundle.definition_hash if data.tables is None else definition_hash(data.tables.settings)
    if stated != model.bundle.definition_hash:
        raise BundleError(
            f"version {model.version} predicts under the definitions {model.bundle.definition_hash} "
            f"({theirs.outcome.horizon_months} months, {theirs.company.currency}); leap.toml states {stated} "
            f"({ours.outcome.horizon_months} months, {ours.company.currency}).",
            remedy="Train and promote a version under the new definitions, or put the old ones back.",
        )


class ChampionWatch:
    """The champion as last seen; the registry is asked where its files changed or it was in trouble, else seldom."""

    def __init__(self, opened: Callable[[], Store]) -> None:
        self._opened = opened
        self._signs: object = None
        self._asked_at = float("-inf")
        self._seen: Seen | None = None

    @property
    def seen(self) -> Seen:
        """As of the last look."""
        return self.look() if self._seen is None else self._seen

    def look(self) -> Seen:
        """The champion now."""
        store = self._opened()
        signs = store.signs()
        lately = time.monotonic() - self._asked_at < ASK_EVERY_SECONDS
        same = lately and signs == self._signs
        if self._seen is None or self._seen.trouble or not same:
            self._seen = store.seen()
            self._signs, self._asked_at = signs, time.monotonic()
        return self._seen


class BookWatch:
    """The reviews as last read. A damaged book must not keep the champion from serving."""

    def __init__(self, opened: Callable[[], Store]) -> None:
        self._opened = opened
        self._signs: object = None
        self._company = ""
        self.reviews: tuple[Review, ...] = ()
        self.day = ""
        """Today, where a verdict may expire; its end changes what counts."""
        self.trouble = ""

    def look(self, company: str) -> tuple[Review, ...]:
        """The reviews of a company; those read last, with the trouble, where the book cannot be read."""
        from leap.errors import RegistryError
        from leap.reviews import ReviewBook
        from leap.reviews.standing import today
        from leap.sources.traces import trace_of

        book = ReviewBook(self._opened().folder, READ_WAIT_SECONDS)
        wal = book.path.with_name(f"{book.path.name}-wal")
        signs = (company, trace_of(book.path), trace_of(wal))
        if signs != self._signs or self.trouble:
            before = self.reviews if self._company == company else ()
            try:
                found = book.of(company)
                # Nothing is ever taken out of a book: one with less in it is another one, or none.
                if len(found) < len(before):
                    raise RegistryError(
                        f"{book.path}: {len(found)} of {len(before)} reviews are left.",
                        remedy="Restore the file from a backup; started anew, the service goes on without the others.",
                    )
                self.reviews, self.trouble = found, ""
            except RegistryError as error:
                self.trouble = f"reviews are as they were read last: {error}"
            self._signs, self._company = signs, company
        self.day = str(today()) if any(review.expires for review in self.reviews) else ""
        return self.reviews
