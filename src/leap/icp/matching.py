"""How an account fits the profiles: what it meets, what it lacks and by how much, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from leap.icp.membership import NEGATIVE
from leap.icp.profiles import ICPProfile
from leap.icp.rules import Columns
from leap.icp.shortfalls import shortfall, words_of
from leap.icp.tiers import AS_USUAL, TierPolicy, Tiers, lacking, letters_of, meets, tiers_of


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
class Fit:
    """How n rows meet profiles: the shortfalls of every condition, by profile id, each (conditions, n)."""

    good: tuple[ICPProfile, ...]
    bad: tuple[ICPProfile, ...]
    parts: dict[str, np.ndarray]
    n: int

    @classmethod
    def of(cls, profiles: Sequence[ICPProfile], columns: Columns, n: int) -> Fit:
        """Measured on columns of n rows."""
        parts = {p.id: np.array([shortfall(c, columns) for c in p.rule.conditions]) for p in profiles}
        good = tuple(p for p in profiles if p.kind != NEGATIVE)
        return cls(good, tuple(p for p in profiles if p.kind == NEGATIVE), parts, n)

    def meets(self, profile: ICPProfile) -> np.ndarray:
        """Which rows meet every condition, shape (n,)."""
        return meets(self.parts[profile.id])

    def tiers(self, policy: TierPolicy) -> Tiers:
        """The tier of every row by the rule alone, with how far it is from the others."""
        good, bad = ([self.parts[p.id] for p in part] for part in (self.good, self.bad))
        return tiers_of(good, bad, self.n, policy.band)


@dataclass(frozen=True)
class Matcher:
    """Matches accounts with profiles: what is the same for all accounts is made once."""

    profiles: tuple[ICPProfile, ...]
    policy: TierPolicy = AS_USUAL

    @cached_property
    def _words(self) -> dict[str, str]:
        return {profile.id: profile.rule.words for profile in self.profiles}

    def match(self, columns: Columns, n: int) -> list[Match]:
        """The ICP match of n rows, each on its own; the tiers are those of `tiers`, null without ICPs."""
        if not self.profiles:
            return [Match(None, None, (), (), ())] * n
        fit = Fit.of(self.profiles, columns, n)
        good, bad = ([fit.meets(p) for p in part] for part in (fit.good, fit.bad))
        lacks = [lacking(fit.parts[p.id], self.policy.band) for p in fit.good]
        letters = letters_of(good, bad, lacks, n).tolist()
        met, against, lacked = (_by_row(found, n) for found in (good, bad, lacks))
        told: dict[tuple[Any, ...], Match] = {}
        result = []
        for i, key in enumerate(zip(letters, met, against, strict=True)):
            match = told.get(key)
            if match is None:
                match = told[key] = self._match(fit, *key)
            if key[0] == "B":
                near = [(p, which) for p, which in zip(fit.good, lacked[i], strict=True) if which >= 0]
                match = replace(match, near=tuple(_lacking(p, which, fit, columns, i) for p, which in near))
            result.append(match)
        return result

    def _match(self, fit: Fit, letter: str | None, met: tuple[bool, ...], against: tuple[bool, ...]) -> Match:
        """What all rows have in common that meet the same profiles."""
        good = [(p.id, self._words[p.id], meets) for p, meets in zip(fit.good, met, strict=True)]
        return Match(
            next((name for name, _, meets in good if meets), None),
            letter,
            tuple(said for _, said, meets in good if meets),
            tuple(said for _, said, meets in good if not meets),
            tuple(self._words[p.id] for p, meets in zip(fit.bad, against, strict=True) if meets),
        )


def _by_row(found: Sequence[np.ndarray], n: int) -> list[tuple[Any, ...]]:
    """What profiles say of rows, by row."""
    return list(zip(*(one.tolist() for one in found), strict=True)) if found else [()] * n


def match(self, columns: Columns, n: int) -> list[Match]:
        """The ICP match of n rows, each on its own; the tiers are those of `tiers`, null without ICPs."""
        if not self.profiles:
            return [Match(None, None, (), (), ())] * n
        fit, words = Fit.of(self.profiles, columns, n), self._words
        letters = fit.tiers(self.policy).letters.tolist()
        good, bad = ([(p, words[p.id], fit.meets(p).tolist()) for p in part] for part in (fit.good, fit.bad))
        lacks = [(p, lacking(fit.parts[p.id], self.policy.band).tolist()) for p in fit.good] if "B" in letters else []
        result = []
        for i, letter in enumerate(letters):
            met = [p.id for p, _, meets in good if meets[i]]
            near = ((p, which[i]) for p, which in lacks if which[i] >= 0) if letter == "B" else ()
            result.append(
                Match(
                    met[0] if met else None,
                    letter,
                    tuple(said for _, said, meets in good if meets[i]),
                    tuple(said for _, said, meets in good if not meets[i]),
                    tuple(said for _, said, meets in bad if meets[i]),
                    tuple(_lacking(p, which, fit, columns, i) for p, which in near),
                )
            )
        return result


def match(profiles: Sequence[ICPProfile], columns: Columns, n: int, policy: TierPolicy = AS_USUAL) -> list[Match]:
    """The ICP match of n rows with these profiles."""
    return Matcher(tuple(profiles), policy).match(columns, n)


def _lacking(profile: ICPProfile, which: int, fit: Fit, columns: Columns, i: int) -> Lacking:
    condition = profile.rule.conditions[which]
    share = float(fit.parts[profile.id][which, i])
    value = np.asarray(columns[condition.feature.name])[i]
    plain = value.item() if isinstance(value, np.generic) else value
    return Lacking(
        profile.id, condition.feature.name, words_of(condition, plain), share if np.isfinite(share) else None
    )
