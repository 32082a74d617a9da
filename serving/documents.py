"""The documents of one live model, as finished JSON: made when first asked for (or ahead), and remembered.

A target list takes up to seconds. Only one is made at a time, so that whoever waits for scores is not held up by
several; the lists that were made last are remembered with their limits.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_core import to_json

from leap.errors import UnknownVersion
from serving.errors import Refused
from serving.logs import failure

if TYPE_CHECKING:
    from leap.registry.versions import LocalVersions
    from leap.reviews import Review
    from leap.scoring import Scorer
    from leap.scoring.icp_versions import Named
    from leap.scoring.targets import Override, TargetList
    from serving.lanes import Check

CHAMPION, PREVIOUS = "champion", "previous"
LISTS_KEPT = 8
ANSWERS_KEPT = 16
WAIT_SECONDS = 1.0
"""How long a request waits while another list is made, before it is asked to come again."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """The last few values by their keys; safe for threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, or None if it is not remembered (any more)."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: K, value: V) -> V:
        """Remember a value, and forget what was not asked for longest."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value


class Documents:
    """What one live model says beside scores.

    `reviews` are what people decided until it went live; `versions` reads other versions, None where there are none to
    be read.
    """

    def __init__(self, scorer: Scorer, reviews: Sequence[Review] = (), versions: LocalVersions | None = None) -> None:
        self._scorer, self._reviews, self._versions = scorer, tuple(reviews), versions
        self._whole = Remembered[str, bytes](4)
        self._making = threading.Lock()
        self._lists = Remembered[Hashable, "TargetList"](LISTS_KEPT)
        self._list_answers = Remembered[Hashable, bytes](ANSWERS_KEPT)
        self._differences = Remembered[tuple[str, str], bytes](LISTS_KEPT)
        self._one_list = threading.Lock()

    def icp(self) -> bytes:
        """`/v1/icp`."""
        from leap.scoring.documents import icp_document

        return self._once("icp", lambda: icp_document(self._scorer))

    def model(self) -> bytes:
        """`/v1/model`."""
        from leap.scoring.documents import model_document

        return self._once("model", lambda: model_document(self._scorer))

    def kpis(self) -> bytes:
        """`/v1/kpis`."""
        from leap.scoring.documents import kpis_document

        return self._once("kpis", lambda: kpis_document(self._scorer))

    def prepare(self) -> None:
        """Make ahead what requests are answered with at once: called by whoever has made this model live. Never raises:
        what cannot be made says so to whoever asks for it.

        Key figures and prospects are left to those who ask: at every promotion they would take time from requests.
        """
        try:
            self.icp()
            self.model()
        except Exception as error:
            failure("documents_not_made", error)

    def target_list(self, given: Mapping[str, Any], limit: int, check: Check) -> bytes:
        """`/v1/target-list`: 429 while another one is made for longer than somebody should wait."""
        from leap.scoring.documents import targets_document

        asked = self._overrides_of(date.today()), tuple(sorted(given.items()))
        known = self._list_answers.get((*asked, limit))
        if known is not None:
            return known
        made = self._list(asked, dict(asked[0]), given)
        check()
        return self._list_answers.keep((*asked, limit), _json(targets_document(self._scorer, made, limit)))

    def segments(self) -> list[str]:
        """What `segment` of a target list may be."""
        from leap.scoring.documents import segments_of

        return segments_of(self._scorer)

    def icp_diff(self, old: str, new: str, check: Check) -> bytes:
        """`/v1/icp/diff`: of versions by number, `champion` (the live one) or `previous`."""
        from leap.scoring.documents import icp_diff_document

        versions = self._number(old), self._number(new)
        known = self._differences.get(versions)
        if known is not None:
            return known
        before, after = (self._named(version) for version in versions)
        check()
        return self._differences.keep(versions, _json(icp_diff_document(self._scorer, before, after)))

    def version_of(self, named: str) -> Named:
        """A version with what people rejected of it: by number, `champion` (the live one) or `previous`."""
        return self._named(self._number(named))

    def _once(self, name: str, make: Callable[[], Mapping[str, Any]]) -> bytes:
        known = self._whole.get(name)
        if known is not None:
            return known
        with self._making:
            return self._whole.get(name) or self._whole.keep(name, _json(make()))

    def _list(self, asked: Hashable, overrides: Mapping[str, Override], given: Mapping[str, Any]) -> TargetList:
        from leap.scoring.documents import targets_of

        if not self._one_list.acquire(timeout=WAIT_SECONDS):
            raise Refused(429, "Another target list is being made; try again shortly.")
        try:
            return self._lists.get(asked) or self._lists.keep(asked, targets_of(self._scorer, given, overrides))
        finally:
            self._one_list.release()

    def _overrides_of(self, day: date) -> tuple[tuple[str, Override], ...]:
        """What people decided of accounts of the list, as it counts on a day: nothing is read for it."""
        from leap.reviews import overrides
        from leap.scoring.targets import Override

        found = overrides(self._reviews, day).items() if self._reviews else ()
        return tuple((account, Override(one.action, one.owner, one.reason)) for account, one in found)

    def _number(self, named: str) -> str:
        if named == CHAMPION:
            return self._scorer.version
        if named != PREVIOUS:
            return named
        if self._versions is None:
            raise UnknownVersion("This service has no registry, so it knows no version before this one.")
        return self._versions.previous(self._scorer.version)

    def _named(self, version: str) -> Named:
        from leap.reviews import with_rejections
        from leap.scoring.icp_versions import Named

        if version == self._scorer.version:
            return Named(self._scorer.bundle, version)
        if self._versions is None:
            raise UnknownVersion(
                f"This service has no registry: it knows version {self._scorer.version} alone.", details=[version]
            )
        bundle = self._versions.bundle(version)
        return Named(replace(bundle, icp=with_rejections(bundle.icp, self._reviews)), version)


def _json(document: Mapping[str, Any]) -> bytes:
    return to_json(document, inf_nan_mode="null")
