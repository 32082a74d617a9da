"""What a target list is asked to keep: money, places, a quota, shares for the new and the unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leap.config import Policy
from leap.errors import UsageError

Mode = Literal["prioritise", "exclude"]


@dataclass(frozen=True)
class Override:
    """What the owner of an account decided of it, and why."""

    verdict: Literal["include", "exclude"]
    owner: str
    reason: str

    @property
    def words(self) -> str:
        """As it stands beside the account."""
        kept = "Kept on the list" if self.verdict == "include" else "Left out"
        return f"{kept} by {self.owner}: {self.reason}"

    def to_json(self) -> dict[str, str]:
        """As `override` of an account on the list."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """The limits and wishes of one list; None is no limit. Shares are of the places and of the money."""

    budget: float | None = None
    capacity: int | None = None
    quota: float | None = None
    emerging_share: float = 0.0
    exploration_share: float = 0.0
    per_segment: int | None = None
    segment: str | None = None
    mode: Mode = "prioritise"
    seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in ("budget", "capacity", "quota", "per_segment"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"{name} is a number from 0 on, found {value:g}.")
        for name in ("emerging_share", "exploration_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is a share from 0 to 1, found {getattr(self, name):g}.")
        if self.emerging_share + self.exploration_share > 1:
            raise UsageError(
                f"emerging_share and exploration_share are parts of one list, found {self.emerging_share:g} and "
                f"{self.exploration_share:g}, together more than 1."
            )

    @classmethod
    def of(cls, policy: Policy, **given: Any) -> Asked:
        """From `[policy]` of the settings, with what was given instead."""
        usual = {
            "budget": policy.budget,
            "capacity": policy.capacity,
            "quota": policy.quota,
            "emerging_share": policy.emerging_share,
            "exploration_share": policy.exploration_share,
            "per_segment": policy.targets_per_segment,
            "segment": policy.targets_segment,
            "mode": policy.mode,
            "seconds": policy.solve_seconds,
        }
        return cls(**{**usual, **{name: value for name, value in given.items() if value is not None}})

    def to_json(self) -> dict[str, Any]:
        """As `asked` of the list."""
        return asdict(self)


Overrides = Mapping[str, Override]
