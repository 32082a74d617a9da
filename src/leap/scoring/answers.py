"""Scores of one request as finished JSON, with what is counted of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic_core import to_json

BANDS = 10
"""Tenths of churn probability by which scores are counted."""

T = TypeVar("T")

CHUNK = 100
"""So many accounts are computed between two looks at the deadline of a request."""

Check = Callable[[], None]
"""Called between chunks of accounts; raises where the request's deadline has passed."""


def never() -> None:
    """A request without a deadline."""


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

    @classmethod
    def of(cls, scores: Iterable[Mapping[str, Any]], not_found: Sequence[str] = ()) -> Answers:
        """From scores as `ScoreTable.to_json` gives them.

        >>> found = Answers.of([{"churn": {"p": 0.25}, "abstained": None}])
        >>> found.fragments, found.bands[:4]
        ([b'{"churn":{"p":0.25},"abstained":null}'], [0, 0, 1, 0])
        """
        fragments, bands, abstained = [], [0] * BANDS, Counter[str]()
        for score in scores:
            fragments.append(to_json(score, inf_nan_mode="null"))
            p = score["churn"]["p"]
            if p is not None:
                bands[band_of(p)] += 1
            if score["abstained"]:
                abstained[score["abstained"]] += 1
        return cls(fragments, not_found, bands, dict(abstained))

    def joined(self) -> bytes:
        """The JSON array of all scores."""
        return b"[" + b",".join(self.fragments) + b"]"


def band_of(p: float) -> int:
    """The tenth in which a probability lies.

    >>> band_of(0.0), band_of(0.25), band_of(1.0)
    (0, 2, 9)
    """
    return min(int(p * BANDS), BANDS - 1)


def chunks(items: Sequence[T], check: Check) -> Iterator[Sequence[T]]:
    """Parts of at most `CHUNK` items, with a look at the deadline before each."""
    for start in range(0, len(items), CHUNK):
        check()
        yield items[start : start + CHUNK]
