"""What differs between two ICP documents: profiles that entered, left and moved, and attributes judged otherwise.

Ids are only numbers in an order, so profiles are matched by what they ask for and, where accounts are given, by whom
they select: the same conditions first, then whatever is most alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.icp import Attribute, Evidence, ICPProfile, ICPSearch, Measured
from leap.icp.likeness import implies, likeness, same
from leap.icp.membership import NEGATIVE

_ALIKE = 0.5
"""From which Jaccard index, or likeness of conditions, two profiles are the same one that moved."""
Selected = Mapping[str, np.ndarray]
"""Which accounts each profile selects, by its id: masks over the same accounts."""


@dataclass(frozen=True)
class FigureChange:
    """By how much the difference that a profile makes (inside less outside) is another than before.

    The interval is that of a difference of two independent figures from their own intervals (Zou and Donner 2008,
    "Construction of confidence limits about effect measures"). Both were measured on mostly the same accounts, so it
    is rather too wide: what is said to exceed noise does.
    """

    metric: str
    was: Measured
    now: Measured

    @property
    def change(self) -> float:
        """As a fraction."""
        return self.now.lift - self.was.lift

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval of the change."""
        return self.change - math.hypot(self.now.lift - self.now.low, self.was.high - self.was.lift)

    @property
    def high(self) -> float:
        """Upper end of the 95 % interval of the change."""
        return self.change + math.hypot(self.now.high - self.now.lift, self.was.lift - self.was.low)

    @property
    def exceeds_noise(self) -> bool:
        """Whether the interval leaves out no change at all."""
        return self.low > 0 or self.high < 0

    def to_json(self) -> dict[str, Any]:
        """One of `figures` of a profile that moved."""
        return {
            "metric": self.metric,
            "was": self.was.to_json(),
            "now": self.now.to_json(),
            "change": self.change,
            "low": self.low,
            "high": self.high,
            "exceeds_noise": self.exceeds_noise,
        }


@dataclass(frozen=True)
class Moved:
    """A profile in both versions; `changes` say what differs, and are none where nothing does.

    `renamed` has another id, `narrowed` and `widened` ask for more or less, `redrawn` for something else, `promoted`
    was emerging and is established (`demoted` the reverse), `figures` differ by more than noise. `overlap` is the
    Jaccard index of whom they select now; None where no accounts were given.
    """

    was: ICPProfile
    now: ICPProfile
    changes: tuple[str, ...]
    figures: tuple[FigureChange, ...]
    overlap: float | None

    def to_json(self) -> dict[str, Any]:
        """One of `moved` or `unchanged`."""
        return {
            "was": of_profile(self.was),
            "now": of_profile(self.now),
            "changes": list(self.changes),
            "figures": [figure.to_json() for figure in self.figures],
            "overlap": self.overlap,
        }


@dataclass(frozen=True)
class VerdictChange:
    """An attribute that was measured in both versions and judged otherwise."""

    was: Attribute
    now: Attribute

    def to_json(self) -> dict[str, Any]:
        """One of `attributes`."""
        return {
            "words": self.now.rule.words,
            "was_words": self.was.rule.words,
            "was": self.was.verdict,
            "now": self.now.verdict,
            "figures": [figure.to_json() for figure in figures_of(self.was.evidence, self.now.evidence)],
        }


@dataclass(frozen=True)
class Crossed:
    """A profile of one version alone; `other` is what the other version measured of its rule, if it did.

    `figures` compare both, the later less the earlier. What held in one and not in the other may differ by no more than
    noise, having crossed the line between shown and not shown.
    """

    profile: ICPProfile
    other: Attribute | None
    figures: tuple[FigureChange, ...]

    @property
    def within_noise(self) -> bool:
        """Whether the other version measured nearly the same of it and did not show it."""
        return self.shown_by_other is False and bool(self.figures) and not self.figures[0].exceeds_noise

    @property
    def shown_by_other(self) -> bool | None:
        """Whether the rule held in the other version too, where it is no profile; None if it was not measured."""
        return None if self.other is None else self.other.verdict != "not shown"

    def to_json(self) -> dict[str, Any]:
        """One of `entered` or `left`; `figures` is empty where only one version measured the rule.

        `why_not` says what kept the other version from showing it.
        """
        return {
            **of_profile(self.profile),
            "figures": [figure.to_json() for figure in self.figures],
            "shown_by_other": self.shown_by_other,
            "why_not": None if self.other is None else self.other.why_not,
            "within_noise": self.within_noise if self.figures else None,
        }


@dataclass(frozen=True)
class ICPDiff:
    """What entered, left, moved and stayed; `none_because` where neither version has a profile."""

    entered: tuple[Crossed, ...]
    left: tuple[Crossed, ...]
    moved: tuple[Moved, ...]
    unchanged: tuple[Moved, ...]
    attributes: tuple[VerdictChange, ...]
    none_because: str | None = None

    @property
    def pairs(self) -> tuple[Moved, ...]:
        """Every profile that is in both versions."""
        return self.moved + self.unchanged

    def to_json(self) -> dict[str, Any]:
        """The part of the JSON of `icp diff` that is about documents."""
        return {
            "entered": [one.to_json() for one in self.entered],
            "left": [one.to_json() for one in self.left],
            "moved": [one.to_json() for one in self.moved],
            "unchanged": [one.to_json() for one in self.unchanged],
            "attributes": [one.to_json() for one in self.attributes],
            "none_because": self.none_because,
        }


def icp_diff(old: ICPSearch, new: ICPSearch, selected: tuple[Selected, Selected] | None = None) -> ICPDiff:
    """Two documents compared; `selected` are the accounts that the profiles of each select, of the same accounts."""
    pairs = _pairs(old, new, selected)
    matched = [_moved(was, now, overlap) for was, now, overlap in pairs]
    kept = {was.id for was, _, _ in pairs}, {now.id for _, now, _ in pairs}
    return ICPDiff(
        entered=tuple(_crossed(p, old, is_new=True) for p in new.profiles if p.id not in kept[1]),
        left=tuple(_crossed(p, new, is_new=False) for p in old.profiles if p.id not in kept[0]),
        moved=tuple(one for one in matched if one.changes),
        unchanged=tuple(one for one in matched if not one.changes),
        attributes=_verdicts(old, new),
        none_because=None if old.profiles or new.profiles else _neither(old, new),
    )


def _crossed(profile: ICPProfile, other: ICPSearch, *, is_new: bool) -> Crossed:
    """A profile of one version (the new one or the old) beside what the other measured of its rule."""
    found = next((a for a in other.attributes if same(a.rule, profile.rule)), None)
    if found is None:
        return Crossed(profile, None, ())
    sides = (found.evidence, profile.evidence) if is_new else (profile.evidence, found.evidence)
    return Crossed(profile, found, figures_of(*sides))


def of_profile(profile: ICPProfile) -> dict[str, Any]:
    """A profile as a diff names it."""
    return {
        "id": profile.id,
        "kind": profile.kind,
        "words": profile.rule.words,
        "statement": profile.statement,
        "conditions": [condition.to_json() for condition in profile.rule.conditions],
        "size": dict(profile.size),
    }


def figures_of(was: Evidence, now: Evidence) -> tuple[FigureChange, ...]:
    """Every figure that was measured in both, the one that decides now first."""
    names = sorted(set(was.figures) & set(now.figures), key=lambda name: (name != now.metric, name))
    return tuple(FigureChange(name, was.figures[name], now.figures[name]) for name in names)


def _pairs(
    old: ICPSearch, new: ICPSearch, selected: tuple[Selected, Selected] | None
) -> list[tuple[ICPProfile, ICPProfile, float | None]]:
    """Profiles of both versions that are the same one, in the order of the new version, each matched once."""
    candidates = []
    for i, was in enumerate(old.profiles):
        for j, now in enumerate(new.profiles):
            if (was.kind == NEGATIVE) != (now.kind == NEGATIVE):
                continue
            overlap = None if selected is None else _jaccard(selected[0][was.id], selected[1][now.id])
            alike = 2.0 if same(was.rule, now.rule) else likeness(was.rule, now.rule)
            nearness = max(alike, overlap or 0.0)
            if nearness >= _ALIKE:
                candidates.append((-nearness, -alike, j, i, overlap))
    found: dict[int, tuple[int, float | None]] = {}
    for _, _, j, i, overlap in sorted(candidates, key=lambda one: one[:4]):
        if j not in found and i not in {taken for taken, _ in found.values()}:
            found[j] = (i, overlap)
    return [(old.profiles[found[j][0]], new.profiles[j], found[j][1]) for j in sorted(found)]


def _jaccard(one: np.ndarray, other: np.ndarray) -> float | None:
    """The share of the accounts that either selects which both do; None where neither selects any."""
    either = int((one | other).sum())
    return int((one & other).sum()) / either if either else None


def _moved(was: ICPProfile, now: ICPProfile, overlap: float | None) -> Moved:
    figures = figures_of(was.evidence, now.evidence)
    changes = []
    if was.id != now.id:
        changes.append("renamed")
    if was.kind != now.kind:
        changes.append("promoted" if now.kind == "established" else "demoted")
    if not same(was.rule, now.rule):
        changes.append(_direction(was, now))
    if figures and figures[0].exceeds_noise:
        changes.append("figures")
    return Moved(was, now, tuple(changes), figures, overlap)


def _direction(was: ICPProfile, now: ICPProfile) -> str:
    if implies(now.rule, was.rule):
        return "narrowed"
    return "widened" if implies(was.rule, now.rule) else "redrawn"


def _verdicts(old: ICPSearch, new: ICPSearch) -> tuple[VerdictChange, ...]:
    """Attributes of both versions whose verdict differs: of the same conditions, else of one whose bound moved."""
    left = list(old.attributes)
    pairs: list[tuple[Attribute, Attribute]] = []
    for is_same in (True, False):
        for now in new.attributes:
            if any(now is taken for _, taken in pairs):
                continue
            was = next((a for a in left if (same(a.rule, now.rule) if is_same else _bound_moved(a, now))), None)
            if was is not None:
                left.remove(was)
                pairs.append((was, now))
    order = {id(a): i for i, a in enumerate(new.attributes)}
    pairs.sort(key=lambda pair: order[id(pair[1])])
    return tuple(VerdictChange(was, now) for was, now in pairs if was.verdict != now.verdict)


def _bound_moved(was: Attribute, now: Attribute) -> bool:
    """Whether two rules have the same features and tests, and only other numbers."""
    tests = [sorted((c.feature.name, c.op) for c in a.rule.conditions) for a in (was, now)]
    return tests[0] == tests[1] and all(c.feature.kind == "number" for c in now.rule.conditions)


def _neither(old: ICPSearch, new: ICPSearch) -> str:
    then, now = (search.none_because or "no profile was found." for search in (old, new))
    return f"Neither version has a profile, so there is nothing to compare. The first: {then} The second: {now}"
