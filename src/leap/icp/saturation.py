"""Whether a profile is used up: how much of it is customers, and how its newest customers do against earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["growing", "steady", "saturated", "not enough data"]


@dataclass(frozen=True)
class Newest:
    """A figure of the first horizon of the newest accounts and of the earlier ones, with the 95 % interval of the
    difference (newest less earlier).
    """

    newest: float
    earlier: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Newest less earlier."""
        return self.newest - self.earlier

    def to_json(self) -> dict[str, Any]:
        """With the difference."""
        return {**asdict(self), "difference": self.difference}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Newest:
        """The inverse of `to_json`."""
        return cls(**{name: float(document[name]) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Saturation:
    """How far a profile is used up.

    `penetration` is customers / (customers + prospects) that meet it now, None where no prospects are known.
    `newest_accounts` were won from `newest_since` (ISO date) on and have a first horizon behind them, as the
    `earlier_accounts`; `nrr` and `churn` compare these first horizons, None with too few. `won_last_year` and
    `won_year_before` count first payments.
    """

    penetration: float | None
    won_last_year: int
    won_year_before: int
    newest_since: str
    newest_accounts: int
    earlier_accounts: int
    nrr: Newest | None
    churn: Newest | None
    verdict: Verdict
    words: str

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of a profile, under `saturation`."""
        compared = {name: None if figure is None else figure.to_json() for name, figure in self._compared.items()}
        return {**asdict(self), **compared}

    @property
    def _compared(self) -> dict[str, Newest | None]:
        return {"nrr": self.nrr, "churn": self.churn}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Saturation:
        """The inverse of `to_json`."""
        compared = {
            name: None if document[name] is None else Newest.from_json(document[name]) for name in ("nrr", "churn")
        }
        return cls(**{**document, **compared})
