"""How an account fits the profiles: what it meets, what it lacks and by how much, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from leap.icp.membership import NEGATIVE
from leap.icp.profiles import ICPProfile
from leap.icp.rules import Columns, Condition
from leap.icp.shortfalls import shortfall, words_of
from leap.icp.tiers import AS_USUAL, TierPolicy, Tiers, lacks_one, letters_of, meets, tiers_of


@dataclass(frozen=True)
class Lacking:
    """The one condition that an account lacks of a profile, and by which share of its bound; None if not in numbers."""

    profile: str
    feature: str
    said: str
    share: float | None

    def to_json(self) -> dict[str, Any]:
        """One of `near` of a score's `icp`."""
        return {"profile": self.profile, "feature": self.feature, "said": self.said, "share": self.share}


@dataclass(frozen=True)
class Match:
    """How an account fits: the profile it meets, in words what it meets and misses, and what speaks against it.

    `near` are the profiles of an account in tier B, each with the one condition that it lacks.
    """

    icp_id: str | None
    tier: str | None
    matched: tuple[str, ...]
    missed: tuple[str, ...]
    disqualified_by: tuple[str, ...]
    near: tuple[Lacking, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `icp` of a score."""
        return {
            "id": self.icp_id,
            "tier": self.tier,
            "matched": list(self.matched),
            "missed": list(self.missed),
            "disqualified_by": list(self.disqualified_by),
            "near": [one.to_json() for one in self.near],
        }


@dataclass(frozen=True)
class _Parted:
    """Profiles, the good ones first, with the conditions of all and where those of each begin."""

    good: tuple[ICPProfile, ...]
    bad: tuple[ICPProfile, ...]
    conditions: tuple[Condition, ...]
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, profiles: Sequence[ICPProfile]) -> _Parted:
        good = tuple(p for p in profiles if p.kind != NEGATIVE)
        bad = tuple(p for p in profiles if p.kind == NEGATIVE)
        sizes = np.array([len(p.rule.conditions) for p in (*good, *bad)], dtype=np.intp)
        conditions = tuple(condition for p in (*good, *bad) for condition in p.rule.conditions)
        return cls(good, bad, conditions, np.cumsum(sizes) - sizes, sizes)


@dataclass(frozen=True)
class Fit:
    """How n rows meet profiles: the shortfalls of every condition, by profile id, each (conditions, n)."""

    good: tuple[ICPProfile, ...]
    bad: tuple[ICPProfile, ...]
    parts: dict[str, np.ndarray]
    n: int

    @classmethod
    def of(cls, profiles: Sequence[ICPProfile], columns: Columns, n: int) -> Fit:
        """Measured on columns of n rows."""
        parted = _Parted.of(profiles)
        return cls.measured(parted, _shortfalls(parted, columns, n))

    @classmethod
    def measured(cls, parted: _Parted, missing: np.ndarray) -> Fit:
        """From the shortfalls of all conditions, (conditions, n)."""
        ends = zip((*parted.good, *parted.bad), parted.starts.tolist(), parted.sizes.tolist(), strict=True)
        parts = {p.id: missing[start : start + size] for p, start, size in ends}
        return cls(parted.good, parted.bad, parts, missing.shape[1])

    def meets(self, profile: ICPProfile) -> np.ndarray:
        """Which rows meet every condition, shape (n,)."""
        return meets(self.parts[profile.id])

    def tiers(self, policy: TierPolicy) -> Tiers:
        """The tier of every row by the rule alone, with how far it is from the others."""
        good, bad = ([self.parts[p.id] for p in part] for part in (self.good, self.bad))
        return tiers_of(good, bad, self.n, policy.band)


def _shortfalls(parted: _Parted, columns: Columns, n: int) -> np.ndarray:
    return np.array([shortfall(one, columns) for one in parted.conditions]).reshape(len(parted.conditions), n)


@dataclass(frozen=True)
class Matcher:
    """Matches accounts with profiles: what is the same for all accounts is made once."""

    profiles: tuple[ICPProfile, ...]
    policy: TierPolicy = AS_USUAL

    @cached_property
    def _parted(self) -> _Parted:
        return _Parted.of(self.profiles)

    @cached_property
    def _words(self) -> dict[str, str]:
        return {profile.id: profile.rule.words for profile in self.profiles}

    def match(self, columns: Columns, n: int) -> list[Match]:
        """The ICP match of n rows, each on its own; the tiers are those of `tiers`, null without ICPs."""
        if not self.profiles:
            return [Match(None, None, (), (), ())] * n
        parted = self._parted
        missing = _shortfalls(parted, columns, n)
        worst = np.maximum.reduceat(missing, parted.starts, axis=0)
        missed = np.add.reduceat(missing > 0, parted.starts, axis=0, dtype=np.intp)
        met, goods = worst == 0, len(parted.good)
        lacks = lacks_one(missed[:goods], worst[:goods], parted.sizes[:goods, None], self.policy.band)
        letters = letters_of(met[:goods], met[goods:], lacks)
        result, told = [], dict[tuple[str, tuple[bool, ...]], Match]()
        for key in zip(letters.tolist(), map(tuple, met.T.tolist()), strict=True):
            if key not in told:
                told[key] = self._match(*key)
            result.append(told[key])
        fit = Fit.measured(parted, missing)
        for i in np.flatnonzero(letters == "B").tolist():
            near = tuple(_lacking(parted.good[p], fit, columns, i) for p in np.flatnonzero(lacks[:, i]).tolist())
            result[i] = replace(result[i], near=near)
        return result

    def _match(self, letter: str, met: tuple[bool, ...]) -> Match:
        """What all rows have in common that meet the same profiles, good ones first."""
        good, bad = self._parted.good, self._parted.bad
        said = [(p.id, self._words[p.id], meets) for p, meets in zip(good, met, strict=False)]
        against = zip(bad, met[len(good) :], strict=True)
        return Match(
            next((name for name, _, meets in said if meets), None),
            letter,
            tuple(words for _, words, meets in said if meets),
            tuple(words for _, words, meets in said if not meets),
            tuple(self._words[p.id] for p, meets in against if meets),
        )


def match(profiles: Sequence[ICPProfile], columns: Columns, n: int, policy: TierPolicy = AS_USUAL) -> list[Match]:
    """The ICP match of n rows with these profiles."""
    return Matcher(tuple(profiles), policy).match(columns, n)


def _lacking(profile: ICPProfile, fit: Fit, columns: Columns, i: int) -> Lacking:
    which = int((fit.parts[profile.id][:, i] > 0).argmax())
    condition = profile.rule.conditions[which]
    share = float(fit.parts[profile.id][which, i])
    value = np.asarray(columns[condition.feature.name])[i]
    plain = value.item() if isinstance(value, np.generic) else value
    return Lacking(
        profile.id, condition.feature.name, words_of(condition, plain), share if np.isfinite(share) else None
    )
