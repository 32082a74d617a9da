"""Where market figures go in a scenario."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from leap.config.frozen import Frozen


class MarketMove(Frozen):
    """Where a market figure goes in a scenario: to a value, or by a change; by segment where `segments` name it."""

    change: float | None = Field(None, gt=-1, le=10)
    """As a share of the latest published value: -0.1 is 10 % less."""
    value: float | None = None
    """The value itself."""
    segments: dict[str, MarketMove] = Field(default_factory=dict)
    """By segment of the market table, in place of what holds for all others."""

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_a_change(cls, given: Any) -> Any:
        return {"change": given} if isinstance(given, int | float) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def _says_one_thing(self) -> MarketMove:
        if self.change is not None and self.value is not None:
            raise ValueError("a market figure has a `change` or a `value`, found both")
        if self.change is None and self.value is None and not self.segments:
            raise ValueError("a market figure goes to a `value` or by a `change` (a share such as -0.1), found neither")
        return self
