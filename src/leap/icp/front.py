"""Which profiles no other beats in retention, expansion and margin at once (Pareto), and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leap.icp.figures import Figures
from leap.icp.resampling import interval

ALL_AIMS: Mapping[str, str] = {"retention": "grr", "expansion": "expansion_rate", "margin": "margin"}
"""What is wanted more of, and the figure that measures it."""
MARGIN_UNKNOWN, MARGIN_ALIKE = "margin_unknown", "margin_alike"


@dataclass(frozen=True)
class Dominance:
    """Another that is at least as good in all and better in one; `apart` are the aims whose difference is shown.

    Without any, all differences lie within their 95 % intervals: the two may well be equal.
    """

    by: str
    apart: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """With the note in words."""
        note = None if self.apart else "all differences lie within their 95 % intervals"
        return {"by": self.by, "apart": list(self.apart), "note": note}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Dominance:
        """The inverse of `to_json`."""
        return cls(document["by"], tuple(document["apart"]))


@dataclass(frozen=True)
class Choice:
    """A profile or attribute with its three figures; on the front if none dominates it."""

    id: str
    kind: str
    words: str
    values: Mapping[str, float | None]
    dominated_by: tuple[Dominance, ...]

    @property
    def on_front(self) -> bool:
        """Whether no other is better."""
        return not self.dominated_by

    @property
    def surely_dominated(self) -> bool:
        """Whether another is better and at least one difference to it is shown."""
        return any(other.apart for other in self.dominated_by)

    def to_json(self) -> dict[str, Any]:
        """Its keys in the JSON of `icp`."""
        return {
            "id": self.id,
            "kind": self.kind,
            "words": self.words,
            "values": dict(self.values),
            "on_front": self.on_front,
            "surely_dominated": self.surely_dominated,
            "dominated_by": [other.to_json() for other in self.dominated_by],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Choice:
        """The inverse of `to_json`."""
        others = tuple(map(Dominance.from_json, document["dominated_by"]))
        return cls(document["id"], document["kind"], document["words"], document["values"], others)


@dataclass(frozen=True)
class Front:
    """All choices over the aims that could be compared; `reasons` says which could not and why.

    Those without a figure for an aim are left out and counted.
    """

    aims: tuple[str, ...]
    choices: tuple[Choice, ...]
    left_out: tuple[str, ...]
    reasons: Mapping[str, str]
    note: str

    def to_json(self) -> dict[str, Any]:
        """`front` in the JSON of `icp`."""
        return {**asdict(self), "choices": [choice.to_json() for choice in self.choices]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Front:
        """The inverse of `to_json`."""
        choices = tuple(map(Choice.from_json, document["choices"]))
        lists = {name: tuple(document[name]) for name in ("aims", "left_out")}
        return cls(**{**document, **lists, "choices": choices})


@dataclass(frozen=True)
class Candidate:
    """What takes part: a profile to sell to or an attribute of those that stay, with the figures inside it."""

    id: str
    kind: str
    words: str
    figures: Figures


def front_of(candidates: Sequence[Candidate]) -> Front | None:
    """None without candidates."""
    if not candidates:
        return None
    reasons = _margin_left_out(candidates)
    aims = tuple(aim for aim in ALL_AIMS if aim not in reasons)
    whole = [c for c in candidates if all(c.figures.values[ALL_AIMS[aim]] is not None for aim in aims)]
    choices = tuple(
        Choice(
            c.id,
            c.kind,
            c.words,
            {aim: c.figures.values[name] for aim, name in ALL_AIMS.items()},
            tuple(Dominance(other.id, _apart(other, c, aims)) for other in whole if _dominates(other, c, aims)),
        )
        for c in whole
    )
    left_out = tuple(c.id for c in candidates if c not in whole)
    return Front(aims, choices, left_out, reasons, _words(aims, reasons))


def _margin_left_out(candidates: Sequence[Candidate]) -> dict[str, str]:
    margins = [c.figures.values["margin"] for c in candidates]
    known = [margin for margin in margins if margin is not None]
    if len(known) < len(margins):
        return {"margin": MARGIN_UNKNOWN}
    return {"margin": MARGIN_ALIKE} if max(known) - min(known) < 1e-9 and len(known) > 1 else {}


def _words(aims: Sequence[str], reasons: Mapping[str, str]) -> str:
    said = f"Compared over {', '.join(aims[:-1])} and {aims[-1]}."
    why = {
        MARGIN_UNKNOWN: " Margin is not known of all of them ([company] gross_margin) and takes no part.",
        MARGIN_ALIKE: " Margin is the same in all of them and tells none apart.",
    }
    return said + "".join(why[reason] for reason in reasons.values())


def _dominates(a: Candidate, b: Candidate, aims: Sequence[str]) -> bool:
    gains = [_of(a, aim) - _of(b, aim) for aim in aims]
    return a is not b and min(gains) >= 0 and max(gains) > 0


def _apart(a: Candidate, b: Candidate, aims: Sequence[str]) -> tuple[str, ...]:
    found = []
    for aim in aims:
        name = ALL_AIMS[aim]
        gain, fewest = _of(a, aim) - _of(b, aim), min(c.figures.rest_on[name] for c in (a, b))
        ends = interval(a.figures.draws[name] - b.figures.draws[name], gain, fewest)
        if gain > 0 and ends is not None and ends[0] > 0:
            found.append(aim)
    return tuple(found)


def _of(candidate: Candidate, aim: str) -> float:
    value = candidate.figures.values[ALL_AIMS[aim]]
    return float(np.nan if value is None else value)
