"""Which of our records a CRM speaks of, and which cannot be sent at all."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from leap.crm.target import Record, Sent


def folded(text: str) -> str:
    """As a CRM may keep an id: without spaces around, and regardless of case."""
    return text.strip().casefold()


@dataclass(frozen=True)
class Ids:
    """Our ids, found again in a CRM's answers: the same text, or else those that differ only in case and spaces around.

    >>> Ids.of(["A1", "a1", "B2"]).meant_by("a1"), Ids.of(["A1", "B2"]).meant_by("b2")
    (('a1',), ('B2',))
    """

    exact: frozenset[str]
    loose: dict[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, ids: Iterable[str]) -> Ids:
        """Of these ids."""
        exact = frozenset(ids)
        loose: dict[str, list[str]] = defaultdict(list)
        for text in sorted(exact):
            loose[folded(text)].append(text)
        return cls(exact, {key: tuple(texts) for key, texts in loose.items()})

    def meant_by(self, text: object) -> tuple[str, ...]:
        """None where it is not one of ours; several where it cannot be told which."""
        if not isinstance(text, str):
            return ()
        return (text,) if text in self.exact else self.loose.get(folded(text), ())


def sorted_out(
    records: Sequence[Record], problem: Callable[[Record], str], *, alike: Callable[[str], str]
) -> tuple[list[Record], list[Sent]]:
    """Records that can be sent, and answers for the others: those with a `problem`, values that are no numbers, and
    ids that the CRM would take for one (`alike`), of which none is sent since it could not be told which one counts.
    """
    often = Counter(alike(record.external_id) for record in records)
    good: list[Record] = []
    refused: list[Sent] = []
    for record in records:
        why, code = problem(record) or _no_value(record), "CANNOT_BE_SENT"
        if not record.external_id.strip():
            why = "its id is empty"
        elif often[alike(record.external_id)] > 1:
            why, code = "another record of this batch has the same id for the CRM", "DUPLICATE_IN_BATCH"
        if why:
            refused.append(Sent(record.external_id, "failed", why=why, code=code))
        else:
            good.append(record)
    return good, refused


def _no_value(record: Record) -> str:
    for name, value in record.fields.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name} is not a finite number"
        if isinstance(value, str) and "\0" in value:
            return f"{name} holds a NUL character"
    return ""
