"""Whether one rule asks for more than another, and how alike two rules are, by their conditions alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from leap.icp.rules import Condition, Rule

_MOVED, _MEET = 0.75, 0.5
"""How alike two conditions of a feature are if one implies the other, or if some values meet both."""


@dataclass(frozen=True)
class _Range:
    """The numbers that meet a condition; an end belongs to it or not."""

    low: float
    low_in: bool
    high: float
    high_in: bool

    @classmethod
    def of(cls, condition: Condition) -> _Range:
        if condition.op == "between":
            low, high = (float(end) for end in condition.value)  # type: ignore[union-attr]
            return cls(low, True, high, False)
        bound = float(condition.value)  # type: ignore[arg-type]
        if condition.op in (">=", ">"):
            return cls(bound, condition.op == ">=", math.inf, False)
        if condition.op in ("<=", "<"):
            return cls(-math.inf, False, bound, condition.op == "<=")
        return cls(bound, True, bound, True)

    def within(self, other: _Range) -> bool:
        """Whether every number of it is one of the other's."""
        above = self.low > other.low or (self.low == other.low and (other.low_in or not self.low_in))
        below = self.high < other.high or (self.high == other.high and (other.high_in or not self.high_in))
        return above and below

    def meets(self, other: _Range) -> bool:
        """Whether some number is in both."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return low < high or (low == high and all(one.has(low) for one in (self, other)))

    def has(self, number: float) -> bool:
        """Whether a number belongs to it."""
        low = number > self.low or (number == self.low and self.low_in)
        return low and (number < self.high or (number == self.high and self.high_in))


def same(one: Rule, other: Rule) -> bool:
    """Whether two rules have the same conditions, in whatever order."""
    return set(map(_key, one.conditions)) == set(map(_key, other.conditions))


def implies(one: Rule, other: Rule) -> bool:
    """Whether whoever meets the one meets the other: each condition of the other is implied by one of the first."""
    return all(any(_implied(ours, theirs) for ours in one.conditions) for theirs in other.conditions)


def likeness(one: Rule, other: Rule) -> float:
    """1 for the same conditions, 0 where none is about the same feature: the mean over all conditions of both of how
    alike its nearest in the other rule is.
    """
    pairs = [(ours, other) for ours in one.conditions] + [(theirs, one) for theirs in other.conditions]
    return sum(max(_alike(own, of) for of in rule.conditions) for own, rule in pairs) / len(pairs)


def _key(condition: Condition) -> tuple[str, str, str]:
    if condition.feature.kind == "category":
        return condition.feature.name, str(condition.op not in ("!=", "not in")), repr(sorted(condition.levels))
    return condition.feature.name, condition.op, repr(condition.value)


def _alike(one: Condition, other: Condition) -> float:
    if one.feature.name != other.feature.name:
        return 0.0
    if _key(one) == _key(other):
        return 1.0
    if _implied(one, other) or _implied(other, one):
        return _MOVED
    return _MEET if _some_meet_both(one, other) else 0.0


def _implied(one: Condition, other: Condition) -> bool:
    """Whether the one implies the other."""
    if one.feature.name != other.feature.name:
        return False
    if _key(one) == _key(other):
        return True
    if one.feature.kind == "category":
        among, others = (c.op not in ("!=", "not in") for c in (one, other))
        ours, theirs = set(one.levels), set(other.levels)
        if among:
            return ours <= theirs if others else not ours & theirs
        return not others and ours >= theirs
    if one.feature.kind == "boolean" or "!=" in (one.op, other.op):
        return False
    return _Range.of(one).within(_Range.of(other))


def _some_meet_both(one: Condition, other: Condition) -> bool:
    if one.feature.kind == "category":
        among, others = (c.op not in ("!=", "not in") for c in (one, other))
        return bool(set(one.levels) & set(other.levels)) if among and others else not (among or others)
    if one.feature.kind == "boolean" or "!=" in (one.op, other.op):
        return False
    return _Range.of(one).meets(_Range.of(other))
