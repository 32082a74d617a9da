"""What the tiers A to D mean, which of them an account is in, and when it leaves the one it had.

    tier   rule (the first that holds)
    D      meets a negative profile
    A      meets an established or emerging profile
    B      misses one condition of such a profile and no other: narrowly (a number within `tier_band` of its bound), or
           of a profile of several conditions, the others of which it meets
    C      none of these

An account enters a tier as soon as the rule says so, and leaves it once it misses it by more than the band. Numbers
wander around a bound without anything having happened; with the bound alone the account would change hands each time.
Waiting until a change is seen at two looks in a row would prevent that too, but the day then depends on how often
somebody looks, and a fact (a category, a yes or no) would be believed late. So facts count at once, and numbers beyond
the band. Whoever meets a negative profile is in D on the same day, and whoever meets another one in A, unless it left
a negative one by no more than the band.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from leap.config import Policy
from leap.icp.shortfalls import NEVER

EXCLUDED: Final = "excluded"
"""In place of D where the policy leaves such accounts out of lists."""


@dataclass(frozen=True)
class Meaning:
    """A tier in words: who is in it, and what to do with them."""

    who: str
    what_to_do: str


TIERS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "A": Meaning("meets a profile of those who stay, and no negative one", "work these first"),
        "B": Meaning(
            "misses one condition of such a profile, narrowly or as the only one",
            "check the condition that is named, then work them as A or as C",
        ),
        "C": Meaning("meets no profile, and nothing speaks against it", "as they come: no effort beyond the usual"),
        "D": Meaning(
            "meets a negative profile, of those who leave",
            "last; without a reason of your own neither discounts nor effort",
        ),
    }
)


@dataclass(frozen=True)
class TierPolicy:
    """What a company decided of its tiers: the band, a share of a bound, and whether D is left out of lists."""

    band: float = 0.1
    excludes: bool = False

    @classmethod
    def of(cls, policy: Policy) -> TierPolicy:
        """As in `[policy]`."""
        return cls(policy.tier_band, policy.mode == "exclude")

    def shown(self, tier: str | None) -> str | None:
        """A tier, or `excluded` for a D that lists leave out.

        >>> TierPolicy().shown("D"), TierPolicy(excludes=True).shown("D")
        ('D', 'excluded')
        """
        return EXCLUDED if tier == "D" and self.excludes else tier


AS_USUAL: Final = TierPolicy()


@dataclass(frozen=True)
class Tiers:
    """The tier of n rows by the rule alone, and how far each row is from every tier.

    `letters` has shape (n,), of None where there is no profile. `margins[T]` is the smallest share of their bounds by
    which numbers would have to differ for the row to be in T: 0 for its own tier, infinite where no number leads there
    or where a better reason holds (whoever meets a profile is not kept in B, whoever meets a negative one in no other).
    """

    letters: np.ndarray
    margins: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.letters)


def tiers_of(good: Sequence[np.ndarray], bad: Sequence[np.ndarray], n: int, band: float) -> Tiers:
    """The tiers of n rows from the shortfalls of profiles (`good`) and of negative ones, each (conditions, n)."""
    if not good and not bad:
        return Tiers(np.full(n, None, dtype=object), {})
    to_a, to_d = _nearest(good, n), _nearest(bad, n)
    # Relaxing the band itself by so much more makes the one condition that is missed a narrow one.
    to_b = np.min([_to_b(parts, band) for parts in good], axis=0) if good else np.full(n, NEVER)
    met_good, met_bad = (np.array([meets(parts) for parts in profiles]).reshape(-1, n) for profiles in (good, bad))
    letters = letters_of(met_good, met_bad, np.array([lacking(parts, band) >= 0 for parts in good]).reshape(-1, n))
    margins = {
        "A": np.where(to_d == 0, NEVER, to_a),
        "B": np.where((to_d == 0) | (to_a == 0), NEVER, to_b),
        "C": np.where(letters == "C", 0.0, NEVER),
        "D": to_d,
    }
    return Tiers(letters, margins)


def letters_of(met: np.ndarray, against: np.ndarray, lacks: np.ndarray) -> np.ndarray:
    """The tiers of n rows, shape (n,): from which profiles and negative ones they meet, and of which profiles they lack
    one condition (`lacks_one`), shape (profiles, n) each.
    """
    letters = np.full(met.shape[1], "C", dtype=object)
    for tier, rows in (("B", lacks), ("A", met), ("D", against)):
        letters[rows.any(axis=0)] = tier
    return letters


def lacks_one(missed: np.ndarray, worst: np.ndarray, size: np.ndarray | int, band: float) -> np.ndarray:
    """Where a profile of `size` conditions makes rows B: all but one hold, and a single one is missed narrowly."""
    return np.asarray((missed == 1) & ((size > 1) | (worst <= band)))


def meets(parts: np.ndarray) -> np.ndarray:
    """Which rows meet every condition of a profile, by its shortfalls; shape (n,)."""
    return np.asarray(parts.max(axis=0) == 0)


def steady(previous: Sequence[str | None], now: Tiers, policy: TierPolicy) -> np.ndarray:
    """The tier of n rows that had tiers before (None: none), shape (n,): kept while missed by no more than the band.

    A pure function: the same rows and the same tiers of before give the same tiers, and applied twice the same again.
    """
    kept = now.letters.copy()
    before = np.array([None if tier == EXCLUDED else tier for tier in previous], dtype=object)
    before[[tier == EXCLUDED for tier in previous]] = "D"
    for tier, margin in now.margins.items():
        kept[(before == tier) & (margin <= policy.band)] = tier
    return kept


def lacking(parts: np.ndarray, band: float) -> np.ndarray:
    """Which condition is the only one a row lacks of a profile, if that makes it B, else -1; shape (n,)."""
    missed = parts > 0
    return np.where(lacks_one(missed.sum(axis=0), parts.max(axis=0), len(parts), band), np.argmax(missed, axis=0), -1)


def _nearest(profiles: Sequence[np.ndarray], n: int) -> np.ndarray:
    """By how much the nearest profile is missed: of each the condition that is missed most."""
    return np.min([parts.max(axis=0) for parts in profiles], axis=0) if profiles else np.full(n, NEVER)


def _to_b(parts: np.ndarray, band: float) -> np.ndarray:
    """By how much more numbers would have to give way for all but one condition to hold, the one narrowly if alone."""
    if len(parts) == 1:
        beyond = parts[0] - band
        return np.where(parts[0] == 0, NEVER, np.where(beyond <= 0, 0.0, beyond))
    ordered = np.sort(parts, axis=0)
    return np.where(ordered[-1] == 0, NEVER, ordered[-2])
