"""What the model says of one account if some of its features had other values: changes that are usual for comparable
accounts, one and two at a time, and those that somebody asks for.

Deterministic. Every figure is that of scoring the changed row, and says nothing of what a change would lead to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations

import numpy as np

from leap.explanation import wording
from leap.explanation.consistency import Consistency
from leap.explanation.what_if import Change, Comparable, Lever, Move, blocked, levers
from leap.features import Feature
from leap.models.encoding import MISSING_LEVEL, Encoder
from leap.models.plain_values import plain_value
from leap.scoring.reasons import plain
from leap.scoring.scorer import Scorer
from leap.scoring.supposed import LEAST_GAIN, LEAVING, NOTHING_ACTIONABLE, Figures, Supposed, Warned, WhatIf
from leap.scoring.table import ALREADY_LEAVING

CLEARLY = 0.01
"""How much more two changes together must say than each alone."""
_SAME = 0.0005
_PAIRED_LEVERS = 8
_MOST_PAIRS = 10


def what_if(scorer: Scorer, account_id: str) -> WhatIf:
    """The changes that gain most; UnknownAccount if there is no such customer."""
    return _Asking.of(scorer, account_id).answer()


def suppose(scorer: Scorer, account_id: str, given: Mapping[str, object]) -> Supposed | None:
    """One customer with exactly these values; None where it has no score. CatalogError for an unknown feature or kind.

    What is asked for is answered, whatever it is; warnings say what is unusual, impossible or not to be moved.
    """
    return _Asking.of(scorer, account_id).supposed(given)


@dataclass(frozen=True)
class Movable:
    """An actionable feature that the model looks at, and the account's value (None is missing).

    `low` to `high` holds eight of ten comparable accounts; `levels` are the values of a category that are known of.
    `leading` is whether it stands for what moves together.
    """

    feature: Feature
    present: object
    low: float | None
    high: float | None
    levels: tuple[str, ...]
    leading: bool


def movable(scorer: Scorer, account_id: str) -> list[Movable]:
    """What may be supposed of one customer that somebody can move: by lever, the leading feature first."""
    asking = _Asking.of(scorer, account_id)
    return [
        asking.movable(feature, i == 0)
        for lever in asking.levers
        for i, feature in enumerate(lever.features)
        if feature.name in asking.used
    ]


@dataclass(frozen=True)
class _Asking:
    """One customer, what is usual for it, and how changed rows of it are scored."""

    scorer: Scorer
    account_id: str
    values: Mapping[str, object]
    leaving: bool
    usual: Comparable

    @classmethod
    def of(cls, scorer: Scorer, account_id: str) -> _Asking:
        values = scorer.values_of(account_id)
        table, i = scorer.row_of(account_id)
        mrr = plain(float(table.mrr[i]))
        consistency = Consistency.of(scorer.bundle.catalog)
        usual = Comparable(scorer.bundle.peers, mrr, consistency, table.columns)
        return cls(scorer, account_id, values, table.abstained(i) == ALREADY_LEAVING, usual)

    @property
    def encoder(self) -> Encoder:
        return self.scorer.bundle.health.encoder

    @property
    def used(self) -> set[str]:
        """Features that the model looks at."""
        return {self.encoder.catalog.features[position].name for position in self.encoder.source}

    @property
    def levers(self) -> list[Lever]:
        """What can be moved; never the MRR, in which money is counted."""
        held = {name for name in [self.scorer.mrr_feature] if name is not None}
        return levers(self.encoder.catalog, self.scorer.bundle.groups, self.used, held)

    def movable(self, feature: Feature, leading: bool) -> Movable:
        """One feature of a lever."""
        category = feature.kind == "category"
        low, high = (None, None) if category else self.usual.peers.span(feature.name, self.usual.mrr)
        levels = tuple(self._levels(feature)) if category else ()
        return Movable(feature, self.values.get(feature.name), low, high, levels, leading)

    def answer(self) -> WhatIf:
        """The best move of every lever, and pairs that say clearly more."""
        as_of = self.scorer.as_of.isoformat()
        if self.leaving:
            return WhatIf(self.account_id, as_of, None, note=LEAVING)
        found = self.levers
        moves = [self.usual.moves(lever, self.values) for lever in found]
        chosen = [move for move in self._best(moves) if move.changes]
        table = self.scorer.supposing(self.account_id, [self.values, *(m.applied(self.values) for m in chosen)])
        before = Figures.of(table, 0)
        proposals = [self._proposal(move, before, Figures.of(table, i)) for i, move in enumerate(chosen, start=1)]
        worth = sorted((p for p in proposals if p.gain >= LEAST_GAIN), key=_order)
        note = None if worth else _none_because(found, sum(map(len, moves)))
        return WhatIf(self.account_id, as_of, before, tuple(worth), note, self._left_out(found, moves))

    def supposed(self, given: Mapping[str, object]) -> Supposed | None:
        """The row with exactly these values."""
        catalog = self.scorer.bundle.catalog
        catalog.require(given)
        values = {name: plain_value(catalog.by_name[name], value) for name, value in given.items()}
        if self.leaving:
            return None
        changes = tuple(Change(catalog.by_name[name], self.values.get(name), value) for name, value in values.items())
        changed = {**self.values, **values}
        table = self.scorer.supposing(self.account_id, [self.values, changed])
        before, after = Figures.of(table, 0), Figures.of(table, 1)
        warned = tuple(self._warnings(changes, changed))
        return self._proposal(Move((), changes), before, after, leading=changes, warned=warned)

    def _best(self, moves: Sequence[Sequence[Move]]) -> list[Move]:
        """Of each lever the move that gains most, and of two levers where both together say clearly more."""
        now = float(self.scorer.bundle.health.predict(self._rows([Move((), ())])).nrr[0])
        gains = [self._gains(of_lever, now) for of_lever in moves]
        alone = [_first_best(of, found) for of, found in zip(moves, gains, strict=True)]
        strength = [float(np.abs(found).max(initial=0.0)) for found in gains]
        ranked = sorted(range(len(moves)), key=lambda j: (-strength[j], j))[:_PAIRED_LEVERS]
        pairs = []
        for a, b in combinations(sorted(ranked), 2):
            both = [self.usual.together(one, other, self.values) for one in moves[a] for other in moves[b]]
            found = _first_best(both, self._gains(both, now))
            least = max([0.0, *(one[1] for one in (alone[a], alone[b]) if one is not None)]) + CLEARLY
            if found is not None and found[1] >= least:
                pairs.append(found)
        best = sorted(pairs, key=lambda pair: (-pair[1], pair[0].levers))[:_MOST_PAIRS]
        return [move for move, gain in [one for one in alone if one is not None] + best if gain >= LEAST_GAIN / 2]

    def _gains(self, moves: Sequence[Move], now: float) -> np.ndarray:
        """By how much the NRR of each move is higher, shape (n,)."""
        if not moves:
            return np.zeros(0)
        return np.asarray(self.scorer.bundle.health.predict(self._rows(moves)).nrr - now)

    def _rows(self, moves: Sequence[Move]) -> np.ndarray:
        """Encoded rows of the account after each move, shape (n, width)."""
        encoder = self.encoder
        own = encoder.encode_one({name: v for name, v in self.values.items() if name in encoder.catalog.by_name})
        columns: dict[str, list[tuple[int, str | None]]] = {}
        for j, (position, level) in enumerate(zip(encoder.source, encoder.level, strict=True)):
            columns.setdefault(encoder.catalog.features[position].name, []).append((j, level))
        rows = np.repeat(own, len(moves), axis=0)
        for row, move in zip(rows, moves, strict=True):
            for change in move.changes:
                for j, level in columns.get(change.feature.name, ()):
                    row[j] = _encoded(change.after, level)
        return rows

    def _proposal(
        self,
        move: Move,
        before: Figures,
        after: Figures,
        *,
        leading: tuple[Change, ...] | None = None,
        warned: tuple[Warned, ...] = (),
    ) -> Supposed:
        asked = leading is not None
        first = self._leading(move) if leading is None else leading
        money = None if before.money is None or after.money is None else after.money - before.money
        phrase = wording.what_if_phrase(
            [(change.feature, change.before, change.after) for change in first],
            before.nrr,
            after.nrr,
            money,
            self.scorer.bundle.settings.company.currency,
            usual=not asked,
        )
        return Supposed(move.changes, first, before, after, self._stable(move.changes), phrase, warned)

    def _leading(self, move: Move) -> tuple[Change, ...]:
        """The first change of each lever."""
        groups, found = self.scorer.bundle.groups, dict[str, Change]()
        for change in move.changes:
            found.setdefault(groups.group_of(change.feature.name), change)
        return tuple(found.values())

    def _stable(self, changes: Sequence[Change]) -> bool | None:
        names = {change.feature.name for change in changes}
        found = [driver.stable for driver in self.scorer.bundle.drivers if names & set(driver.features)]
        return all(found) if found else None

    def _left_out(self, found: Sequence[Lever], moves: Sequence[Sequence[Move]]) -> tuple[str, ...]:
        """What cannot move as it would, because of what stays; one sentence a table."""
        by_name = self.scorer.bundle.catalog.by_name
        movable = {feature.name for lever in found for feature in lever.features}
        stuck: dict[str, tuple[list[str], list[str]]] = {}
        for moved, stays in blocked([move for of_lever in moves for move in of_lever], movable):
            labels = stuck.setdefault(by_name[moved].recipe.table, ([], []))
            for told, name in zip(labels, (moved, stays), strict=True):
                told += [by_name[name].label] if by_name[name].label not in told else []
        return tuple(
            f"Some usual values of {_listed(of)} are left out: no account could have them beside "
            f"{_listed(rest)}, which nobody can move as leap.toml says. "
            f"`actionable = true` under [tables.{table}] lets them move together."
            for table, (of, rest) in sorted(stuck.items())
        )

    def _warnings(self, changes: Sequence[Change], changed: Mapping[str, object]) -> list[Warned]:
        found = [Warned((change.feature.name,), text) for change in changes for text in self._about(change)]
        by_name = self.scorer.bundle.catalog.by_name
        for relation in self.usual.consistency.broken(changed, self.values):
            one, other = by_name[relation.first], by_name[relation.second]
            values = [wording.value_of(f, changed.get(f.name)) for f in (one, other)]
            said = (
                f"No account can have both {one.label}: {values[0]}, and {other.label}: {values[1]}; set what belongs "
                "together."
            )
            found.append(Warned((one.name, other.name), said))
        return found

    def _about(self, change: Change) -> list[str]:
        """What to know of one value that somebody gave."""
        feature, found = change.feature, []
        shown = wording.value_of(feature, change.after)
        if change.after == change.before:
            found.append(f"{feature.label} is {shown} already.")
        if feature.name not in self.used:
            found.append(f"{feature.label}: the model makes no use of it.")
        if feature.nature != "actionable":
            found.append(f"{feature.label} is {_NATURE[feature.nature]}")
        if change.after is not None and not self.usual.is_usual(feature, change.after):
            found.append(self._unusual(feature, shown))
        if feature.name == self.scorer.mrr_feature:
            found.append(
                f"{feature.label} is the MRR itself: NRR is counted from it, so money before and after differ."
            )
        return found

    def _levels(self, feature: Feature) -> list[str]:
        """The values of a category that the model or comparable accounts know."""
        encoder = self.encoder
        pairs = zip(encoder.source, encoder.level, strict=True)
        told = {str(level) for at, level in pairs if encoder.catalog.features[at].name == feature.name}
        return sorted(told | set(self.usual.peers.levels(feature.name, self.usual.mrr)))

    def _unusual(self, feature: Feature, shown: str) -> str:
        seen = self._levels(feature)
        if feature.kind == "category" and shown not in seen:
            near = get_close_matches(shown, seen, n=1)
            guess = f"; did you mean {near[0]!r}?" if near else "."
            return f"{feature.label}: the model tells no {shown!r} from any other value that it does not know{guess}"
        if feature.kind != "number":
            return f"{feature.label}: fewer than one in ten comparable accounts have {shown}."
        low, high = self.usual.peers.span(feature.name, self.usual.mrr)
        if low is None or high is None:
            return f"{feature.label}: of no comparable account a value is known."
        span = f"{wording.value_of(feature, low)} to {wording.value_of(feature, high)}"
        return f"{feature.label}: {shown} lies outside the range of comparable accounts ({span} for eight of ten)."


_NATURE = {
    "fixed": "not declared actionable: as far as leap.toml says, nobody can move it.",
    "consequence": "a consequence: a sign of a decision already taken, not a lever.",
}


def _none_because(found: Sequence[Lever], tried: int) -> str:
    if not found:
        return NOTHING_ACTIONABLE
    drivers = "the one actionable driver" if len(found) == 1 else f"the {len(found):,} actionable drivers"
    if not tried:
        return f"No value of {drivers} that is usual for accounts like this is another than the account has."
    return (
        f"None of {tried:,} changes of {drivers} to values that are usual for accounts like this makes the model say "
        f"at least {100 * LEAST_GAIN:.1f} points more NRR."
    )


def _listed(labels: Sequence[str], most: int = 2) -> str:
    """The first of some labels, and how many more.

    >>> _listed(["Seats", "Plan", "Region"])
    "'Seats', 'Plan' and 1 more"
    """
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return ", ".join(repr(label) for label in labels[:most]) + more


def _first_best(moves: Sequence[Move], gains: np.ndarray) -> tuple[Move, float] | None:
    """Of the moves that break nothing the one that gains most; of those that gain nearly the same the nearest."""
    possible = [i for i, move in enumerate(moves) if not move.broken]
    if not possible:
        return None
    most = max(float(gains[i]) for i in possible)
    i = min((i for i in possible if gains[i] >= most - _SAME), key=lambda i: (moves[i].far, i))
    return moves[i], float(gains[i])


def _order(proposal: Supposed) -> tuple[float, int, tuple[str, ...]]:
    return -proposal.gain, len(proposal.leading), tuple(change.feature.name for change in proposal.changes)


def _encoded(value: object, level: str | None) -> float:
    if level is not None:
        return float((MISSING_LEVEL if value is None else value) == level)
    return float("nan") if value is None else float(str(value))
