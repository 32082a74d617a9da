"""How an account fits the profiles: what it meets, what it lacks and by how much, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from leap.icp.membership import NEGATIVE
from leap.icp.profiles import ICPProfile
from leap.icp.rules import Columns
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
class Fit:
    """How n rows meet profiles: the shortfalls of every condition, by profile id, each (conditions, n)."""

    good: tuple[ICPProfile, ...]
    bad: tuple[ICPProfile, ...]
    parts: dict[str, np.ndarray]
    n: int
    missing: np.ndarray
    """The parts of all profiles, good ones first, (all conditions, n)."""

    @classmethod
    def of(cls, profiles: Sequence[ICPProfile], columns: Columns, n: int) -> Fit:
        """Measured on columns of n rows."""
        good = tuple(p for p in profiles if p.kind != NEGATIVE)
        bad = tuple(p for p in profiles if p.kind == NEGATIVE)
        conditions = [condition for p in (*good, *bad) for condition in p.rule.conditions]
        missing = np.array([shortfall(condition, columns) for condition in conditions]).reshape(len(conditions), n)
        ends = accumulate(len(p.rule.conditions) for p in (*good, *bad))
        parts = {p.id: missing[end - len(p.rule.conditions) : end] for p, end in zip((*good, *bad), ends, strict=True)}
        return cls(good, bad, parts, n, missing)

    def meets(self, profile: ICPProfile) -> np.ndarray:
        """Which rows meet every condition, shape (n,)."""
        return meets(self.parts[profile.id])

    def met_and_lacked(self, band: float) -> tuple[np.ndarray, np.ndarray]:
        """Which profiles, good ones first, rows meet, and of which they lack one condition (`lacks_one`); (p, n) each."""
        size = np.array([len(self.parts[p.id]) for p in (*self.good, *self.bad)])
        starts = np.cumsum(size) - size
        worst = np.maximum.reduceat(self.missing, starts, axis=0)
        missed = np.add.reduceat(self.missing > 0, starts, axis=0, dtype=np.int64)
        return worst == 0, lacks_one(missed, worst, size[:, None], band)

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
        met, lacks = fit.met_and_lacked(self.policy.band)
        against = met[len(fit.good) :]
        letters = letters_of(met[: len(fit.good)], against, lacks[: len(fit.good)]).tolist()
        told: dict[tuple[Any, ...], Match] = {}
        result = []
        for i, (letter, meets) in enumerate(zip(letters, map(tuple, met.T.tolist()), strict=True)):
            match = told.get((letter, meets))
            if match is None:
                match = told[letter, meets] = self._match(fit, letter, meets)
            if letter == "B":
                near = [p for p, lacked in zip(fit.good, lacks[:, i], strict=False) if lacked]
                match = replace(match, near=tuple(_lacking(p, fit, columns, i) for p in near))
            result.append(match)
        return result

    def _match(self, fit: Fit, letter: str, met: tuple[bool, ...]) -> Match:
        """What all rows have in common that meet the same profiles, good ones first."""
        good = [(p.id, self._words[p.id], meets) for p, meets in zip(fit.good, met, strict=False)]
        against = zip(fit.bad, met[len(fit.good) :], strict=True)
        return Match(
            next((name for name, _, meets in good if meets), None),
            letter,
            tuple(said for _, said, meets in good if meets),
            tuple(said for _, said, meets in good if not meets),
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
