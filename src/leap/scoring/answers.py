"""Scores of one request as finished JSON, with what is counted of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from pydantic_core import to_json

BANDS = 10
"""Tenths of churn probability by which scores are counted."""

TOP = 5
"""Reasons of a score where nobody asks for another number."""

T = TypeVar("T")

Given = tuple[str, Mapping[str, object]]
"""An account's id with what is given of it."""

CHUNK = 100
"""So many accounts are computed between two looks at the deadline of a request."""

Check = Callable[[], None]
"""Called between chunks of accounts; raises where the request's deadline has passed."""


def never() -> None:
    """A request without a deadline."""


def finished(score: Mapping[str, Any]) -> bytes:
    """A score as JSON; what is not finite is null."""
    return to_json(score, inf_nan_mode="null")


@dataclass(frozen=True)
class Naming:
    """What the accounts of a part of a request are called in a message: by id and position; nothing if alone.

    >>> Naming([("a", {}), ("b", {})], first=1)(0), Naming([("a", {})])(0)
    ("account 'b' (2 of 2): ", '')
    """

    given: Sequence[Given]
    first: int = 0

    def __call__(self, i: int) -> str:
        place, n = self.first + i, len(self.given)
        return "" if n == 1 else f"account {self.given[place][0]!r} ({place + 1:,} of {n:,}): "


@dataclass(frozen=True)
class RefusedAccount:
    """An account of a request that gets no score, and why; the others do not depend on it."""

    place: int
    """Its position among the accounts that were asked for."""
    account_id: str
    code: str
    """`table`: its rows break rules; `no_mrr`: it pays nothing on that day; `revenue`: it cannot be added up."""
    message: str
    details: Sequence[object] = ()
    """Of its rows, the first that break a rule, with place and what is expected."""

    def to_json(self) -> dict[str, Any]:
        """As the answer of the service has it."""
        return {
            "account_id": self.account_id,
            "code": self.code,
            "message": self.message,
            "details": list(self.details),
        }


@dataclass(frozen=True)
class Answers:
    """Scores in the order asked, each a finished JSON object."""

    fragments: Sequence[bytes]
    not_found: Sequence[str] = ()
    """Ids asked for that are no customers."""
    bands: Sequence[int] = (0,) * BANDS
    """How many scores lie in each tenth of churn probability, the last with its upper end."""
    abstained: Mapping[str, int] = field(default_factory=dict)
    """How many accounts have no score, by reason."""
    values: Callable[[int], Mapping[str, Any]] | None = None
    """The feature values that were made of rows, by position among the accounts that came with rows; when asked for."""
    refused: Sequence[RefusedAccount] = ()
    """Accounts without a score since their own rows allow none, in the order asked; each counts in `abstained`."""

    @classmethod
    def of(cls, scores: Iterable[Mapping[str, Any]], not_found: Sequence[str] = ()) -> Answers:
        """From scores as `ScoreTable.to_json` gives them.

        >>> found = Answers.of([{"churn": {"p": 0.25}, "abstained": None}])
        >>> found.fragments, found.bands[:4]
        ([b'{"churn":{"p":0.25},"abstained":null}'], [0, 0, 1, 0])
        """
        fragments, bands, abstained = [], [0] * BANDS, Counter[str]()
        for score in scores:
            fragments.append(finished(score))
            p = score["churn"]["p"]
            if p is not None:
                bands[band_of(p)] += 1
            if score["abstained"]:
                abstained[score["abstained"]] += 1
        return cls(fragments, not_found, bands, dict(abstained))

    @classmethod
    def counted(
        cls, fragments: Sequence[bytes], not_found: Sequence[str], bands: np.ndarray, whys: Iterable[str | None]
    ) -> Answers:
        """From scores that are finished, with the tenth of each (-1 without a score) and why it has none."""
        counts = np.bincount(bands[bands >= 0], minlength=BANDS).tolist()
        return cls(fragments, not_found, counts, dict(Counter(why for why in whys if why)))

    def without(self, refused: Sequence[RefusedAccount]) -> Answers:
        """The same with accounts that were refused, who are counted.

        >>> Answers([]).without([RefusedAccount(0, "a", "no_mrr", "a: no MRR.")]).abstained
        {'refused': 1}
        """
        if not refused:
            return self
        return replace(self, refused=refused, abstained={**self.abstained, "refused": len(refused)})

    def joined(self, before: bytes = b"", after: bytes = b"") -> bytes:
        """The JSON array of all scores, between what else the answer has: millions of bytes are copied only once.

        >>> Answers([b"1", b"2"]).joined(b'{"a":', b"}"), Answers([]).joined()
        (b'{"a":[1,2]}', b'[]')
        """
        if not self.fragments:
            return before + b"[]" + after
        parts = list(self.fragments)
        parts[0] = before + b"[" + parts[0]
        parts[-1] += b"]" + after
        return b",".join(parts)


def band_of(p: float) -> int:
    """The tenth in which a probability lies.

    >>> band_of(0.0), band_of(0.25), band_of(1.0)
    (0, 2, 9)
    """
    return min(int(p * BANDS), BANDS - 1)


def bands_of(p: np.ndarray) -> np.ndarray:
    """The same of many, shape (n,); -1 where there is none.

    >>> bands_of(np.array([0.0, 0.25, 1.0, np.nan])).tolist()
    [0, 2, 9, -1]
    """
    known = np.isfinite(p)
    return np.where(known, np.minimum((np.where(known, p, 0.0) * BANDS).astype(np.int64), BANDS - 1), -1)


def chunks(items: Sequence[T], check: Check) -> Iterator[Sequence[T]]:
    """Parts of at most `CHUNK` items, with a look at the deadline before each."""
    for start in range(0, len(items), CHUNK):
        check()
        yield items[start : start + CHUNK]
