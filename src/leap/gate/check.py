"""The gate's table: one row a check, and the verdict over all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

PASSED: Final = "passed"


@dataclass(frozen=True)
class Check:
    """One question put to a new model.

    `ours` is the new model's figure and `theirs` that of what it is compared with; `low` and `high` are the 95 %
    interval (accounts resampled) of `ours - theirs` where another model or the base rate predicted the same rows, else
    of `ours`. None where a figure is not defined; the words say why.
    """

    check: str
    passed: bool
    words: str
    ours: float | None = None
    theirs: float | None = None
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As in `gate` of the JSON of `train`."""
        order = ("check", "passed", "ours", "theirs", "low", "high", "words")
        return {name: plain(getattr(self, name)) for name in order}


@dataclass(frozen=True)
class Gate:
    """All checks of a new model. `compared_with` is the champion's version if its figures are among them."""

    checks: tuple[Check, ...]
    compared_with: str | None = None

    @property
    def passed(self) -> bool:
        """Whether every check did."""
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def verdict(self) -> str:
        """What is kept with the version.

        >>> Gate((Check("claim", True, ""), Check("champion.auc", False, ""))).verdict
        'failed: champion.auc'
        """
        return PASSED if self.passed else f"failed: {', '.join(check.check for check in self.failed)}"

    @property
    def reason(self) -> str | None:
        """What failed, with its numbers; None if nothing did."""
        said = [f"{check.check}: {check.words}" for check in self.failed]
        return f"The gate did not pass. {' '.join(said)}" if said else None

    def passed_check(self, name: str) -> bool:
        """Whether the check of this name is there and passed."""
        return any(check.passed for check in self.checks if check.check == name)

    def to_json(self) -> list[dict[str, Any]]:
        """As in the JSON of `train`."""
        return [check.to_json() for check in self.checks]

    def metrics(self) -> dict[str, float]:
        """Flat names and values for the run: `gate.passed`, `gate.champion.auc.ours`, .."""
        flat = {"gate.passed": float(self.passed)}
        for check in self.checks:
            flat[f"gate.{check.check}.passed"] = float(check.passed)
            for part in ("ours", "theirs", "low", "high"):
                value = plain(getattr(check, part))
                if value is not None:
                    flat[f"gate.{check.check}.{part}"] = float(value)
        return flat

    def columns(self) -> dict[str, list[Any]]:
        """The table by columns, as MLflow shows it."""
        rows = self.to_json()
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def plain(value: Any) -> Any:
    """A finite number or a text; None for what is undefined."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
