"""Who is in the ICP: meets a profile that is to be sold to, and none that speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from leap.icp.rules import Columns

if TYPE_CHECKING:
    from leap.icp.profiles import ICPProfile

SOLD_TO: Final = ("established", "emerging")
NEGATIVE: Final = "negative"


def sold_to(profiles: Sequence[ICPProfile]) -> list[ICPProfile]:
    """Established and emerging profiles."""
    return [profile for profile in profiles if profile.kind in SOLD_TO]


def negative(profiles: Sequence[ICPProfile]) -> list[ICPProfile]:
    """Profiles of whom not to sell to."""
    return [profile for profile in profiles if profile.kind == NEGATIVE]


def any_of(profiles: Sequence[ICPProfile], columns: Columns, n: int) -> np.ndarray:
    """Accounts that meet one of the profiles, shape (n,)."""
    met = np.zeros(n, dtype=bool)
    for profile in profiles:
        met |= profile.rule.matches(columns)
    return met


def in_icp(profiles: Sequence[ICPProfile], columns: Columns, n: int) -> np.ndarray:
    """Accounts that meet an established or emerging profile and no negative one, shape (n,)."""
    return np.asarray(any_of(sold_to(profiles), columns, n) & ~any_of(negative(profiles), columns, n))
