"""Which changes of one account may be asked about: levers, the values that are usual among comparable accounts, and
whether the changed account could exist.

Only what was declared actionable moves. What one group says moves together, to the same quantile of its peers: an
account whose last 28 days are busy and whose last 91 days are not does not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.explanation.consistency import Consistency, Relation, Values, number_of
from leap.explanation.groups import Groups
from leap.explanation.peers import Peers
from leap.features import Feature, FeatureCatalog

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_FREQUENT = 0.1
"""A level that fewer of the comparable accounts have is not usual."""
_INVERSE = ("recency", "days_since", "age", "amount_last_change", "closed_days")
"""Longer ago is less: these fall where counts of the same group rise."""
_LEAST_ROWS = 20
_LEAST_CORRELATION = 0.1


@dataclass(frozen=True)
class Change:
    """One feature's value before and after; None is missing, booleans are 1.0 and 0.0."""

    feature: Feature
    before: object
    after: object


@dataclass(frozen=True)
class Move:
    """What changes together: one lever, or two; `far` is how far the leading number moves."""

    levers: tuple[str, ...]
    changes: tuple[Change, ...]
    broken: tuple[Relation, ...] = ()
    far: float = 0.0

    def applied(self, values: Values) -> dict[str, object]:
        """The account's values with these changes."""
        return {**values, **{change.feature.name: change.after for change in self.changes}}


@dataclass(frozen=True)
class Lever:
    """Actionable features that move together, the leading one first."""

    group: str
    features: tuple[Feature, ...]


def levers(catalog: FeatureCatalog, groups: Groups, used: Collection[str], held: Collection[str] = ()) -> list[Lever]:
    """The levers of a catalog, in the order of their groups: those of which the model uses any feature.

    `held` are never moved, whatever is declared of them: the amount that money is counted in.
    """
    found: dict[str, list[Feature]] = {}
    for feature in catalog.features:
        if feature.nature == "actionable" and feature.name not in held:
            found.setdefault(groups.group_of(feature.name), []).append(feature)
    result = []
    for group in sorted(found):
        order = {name: position for position, name in enumerate(groups.members(group))}
        # What the model does not look at cannot lead.
        ranked = sorted(found[group], key=lambda f: (f.name not in used, order[f.name]))
        if ranked[0].name in used:
            result.append(Lever(group, tuple(ranked)))
    return result


@dataclass(frozen=True)
class Comparable:
    """What is usual for one account: its peers' values by its MRR, and what customers of now say of features together.

    `rows` are columns of plain values by feature, shape (n,) each; without them the recipes alone tell which features
    fall where others rise.
    """

    peers: Peers
    mrr: float | None
    consistency: Consistency
    rows: Mapping[str, np.ndarray]

    def moves(self, lever: Lever, values: Values) -> list[Move]:
        """The moves of a lever to values that are usual and that the account does not have, without repetition.

        Those that break a relation are among them, with what they break; those against a declared direction are not.
        """
        found: dict[tuple[tuple[str, object], ...], Move] = {}
        for targets in self._targets(lever):
            move = self._move(lever, values, targets)
            if move is not None and not _is_against(move):
                found.setdefault(tuple((c.feature.name, c.after) for c in move.changes), move)
        return list(found.values())

    def together(self, one: Move, other: Move, values: Values) -> Move:
        """Both moves at once."""
        changes = (*one.changes, *other.changes)
        both = Move((*one.levers, *other.levers), changes, (), one.far + other.far)
        return Move(both.levers, changes, tuple(self.consistency.broken(both.applied(values), values)), both.far)

    def is_usual(self, feature: Feature, value: object) -> bool:
        """Whether a value lies where eight of ten comparable accounts do, or is a level that one in ten has."""
        if feature.kind == "category":
            return self.peers.levels(feature.name, self.mrr).get(str(value), 0.0) >= _FREQUENT
        low, high = self.peers.span(feature.name, self.mrr)
        number = number_of(value)
        return None not in (low, high, number) and float(low or 0) <= float(number or 0) <= float(high or 0)

    def _targets(self, lever: Lever) -> Iterator[dict[str, object]]:
        leading = lever.features[0]
        if leading.kind == "number":
            for q in QUANTILES:
                yield {f.name: self._quantile(leading, f, q) for f in lever.features if f.kind != "category"}
            return
        levels: list[object] = [0.0, 1.0]
        if leading.kind == "category":
            levels = [level for level in self.peers.levels(leading.name, self.mrr)]
        for level in levels:
            if self.is_usual(leading, level):
                yield {leading.name: level, **self._beside(lever, level)}

    def _quantile(self, leading: Feature, feature: Feature, q: float) -> float | None:
        found = q if self._sign(leading, feature) > 0 else 1 - q
        return self.peers.quantile(feature.name, self.mrr, found)

    def _sign(self, leading: Feature, feature: Feature) -> int:
        """Whether a feature rises (1) or falls (-1) where the leading one rises."""
        if feature.name == leading.name:
            return 1
        one, other = (np.asarray(self.rows.get(f.name, ()), dtype=float) for f in (leading, feature))
        known = ~(np.isnan(one) | np.isnan(other)) if len(one) else np.zeros(0, dtype=bool)
        if known.sum() >= _LEAST_ROWS and np.ptp(one[known]) > 0 and np.ptp(other[known]) > 0:
            correlation = float(np.corrcoef(_ranks(one[known]), _ranks(other[known]))[0, 1])
            if abs(correlation) >= _LEAST_CORRELATION:
                return 1 if correlation > 0 else -1
        inverse = [f.recipe.operation in _INVERSE for f in (leading, feature)]
        return 1 if inverse[0] == inverse[1] else -1

    def _beside(self, lever: Lever, level: object) -> dict[str, object]:
        """What customers with a level of the leading feature usually have of the others, where enough have it."""
        own = self.rows.get(lever.features[0].name)
        if own is None:
            return {}
        having = np.array([value == level for value in own], dtype=bool)
        found: dict[str, object] = {}
        for feature in lever.features[1:]:
            known = [v for v in self.rows[feature.name][having].tolist() if v is not None and v == v]
            if len(known) >= _LEAST_ROWS:
                found[feature.name] = _usual(feature, known)
        return {name: value for name, value in found.items() if self.is_usual(_named(lever, name), value)}

    def _move(self, lever: Lever, values: Values, targets: Mapping[str, object]) -> Move | None:
        """The move to some values; None where the account has them, or what follows from them is unusual."""
        known = {name: value for name, value in targets.items() if value is not None}
        changed = {**values, **known}
        implied = self.consistency.implied(changed, values, [f.name for f in lever.features])
        for name, value in implied.items():
            # Missing is no number outside the range: of nothing before there is no change.
            if value not in (None, _plain(values.get(name))) and not self.is_usual(_named(lever, name), value):
                return None
        changed |= implied
        changes = tuple(
            Change(f, _plain(values.get(f.name)), changed[f.name])
            for f in lever.features
            if f.name in changed and changed[f.name] != _plain(values.get(f.name))
        )
        if not changes:
            return None
        broken = tuple(self.consistency.broken(changed, values))
        return Move((lever.group,), changes, broken, _far(changes[0]))


def blocked(moves: Iterable[Move], names: Collection[str]) -> list[tuple[str, str]]:
    """Which changed feature cannot go with which one that stays, of moves that break a relation; each pair once.

    What stays is not actionable: it is not among `names`, the features that could move too.
    """
    found = dict[tuple[str, str], None]()
    for move in moves:
        changed = {change.feature.name for change in move.changes}
        for relation in move.broken:
            pair = (relation.first, relation.second)
            moved = [name for name in pair if name in changed]
            stays = [name for name in pair if name not in changed and name not in names]
            if moved and stays:
                found[(moved[0], stays[0])] = None
    return list(found)


def _is_against(move: Move) -> bool:
    """Whether the leading feature moves against the direction on retention that is declared of it."""
    leading = move.changes[0]
    before, after = number_of(leading.before), number_of(leading.after)
    if leading.feature.direction == "none" or before is None or after is None:
        return False
    return (after > before) != (leading.feature.direction == "up")


def _named(lever: Lever, name: str) -> Feature:
    return next(feature for feature in lever.features if feature.name == name)


def _far(change: Change) -> float:
    one, other = number_of(change.before), number_of(change.after)
    return abs(other - one) if one is not None and other is not None else 0.0


def _plain(value: object) -> object:
    """A value as changes hold it: missing is None."""
    return None if value is None or value != value else value


def _usual(feature: Feature, known: list[Any]) -> object:
    """The lower median of numbers, the most frequent of levels; of equals the first."""
    ordered = sorted(known)
    if feature.kind == "number":
        return ordered[(len(ordered) - 1) // 2]
    return max(sorted(set(ordered)), key=ordered.count)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks in which equal values share their mean."""
    _, code, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[code])
