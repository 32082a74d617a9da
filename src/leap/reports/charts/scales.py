"""From values to places, round marks on an axis, and how the figures of a drawing are written: one home for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from leap.reports import rendering


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` along a line from `start` to `end` of a drawing; `end` may lie before `start`.

    >>> scale = Scale(0.0, 1.0, 100.0, 200.0)
    >>> scale(0.25), scale.value(125.0), scale(7.0)
    (125.0, 0.25, 200.0)
    """

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(
        cls, values: Iterable[float], start: float, end: float, *, least: float = 0.0, margin: float = 0.0
    ) -> Scale:
        """Holds all values, and a span of at least `least`; `margin` is free at both ends, as a share of the span."""
        given = [float(value) for value in values]
        unknown = sum(not math.isfinite(value) for value in given)
        if unknown or not given:
            raise ValueError(f"Scale: finite values expected, found {unknown} others of {len(given)}.")
        low, high = min(given), max(given)
        free = max(least or 1e-9 * max(1.0, abs(low), abs(high)), high - low)
        middle = (low + high) / 2
        half = free / 2 * (1 + 2 * margin)
        return cls(middle - half, middle + half, start, end)

    def __call__(self, value: float) -> float:
        """The place of a value; what lies beyond the scale is at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def value(self, place: float) -> float:
        """The value at a place."""
        return self.low + (place - self.start) / (self.end - self.start) * (self.high - self.low)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside the scale, about so many.

        >>> Scale(0.61, 0.99, 0, 1).ticks(), Scale(-3, 3, 0, 1).ticks(3)
        ([0.7, 0.8, 0.9], [-2.0, 0.0, 2.0])
        """
        step = self.step(about)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 12) + 0.0 for k in range(first, last + 1)]

    def step(self, about: int = 5) -> float:
        """The distance of round values."""
        rough = (self.high - self.low) / max(about, 1)
        power = 10.0 ** math.floor(math.log10(rough))
        return float(next(power * k for k in (1, 2, 5, 10) if power * k >= rough * (1 - 1e-9)))


@dataclass(frozen=True)
class Form:
    """How figures are written: a level, a change with its sign, and a mark on the axis given the distance of marks."""

    level: Callable[[float], str]
    change: Callable[[float], str]
    mark: Callable[[float, float], str]
    changes: str
    """What a change is counted in, as the heading of a column: "NRR points", "USD"."""

    def changed(self, value: float) -> str:
        """A change in words: "−3.6 NRR points"."""
        return f"{self.change(value)} {self.changes}"


def of_shares(changes: str = "NRR points", level: Callable[[float], str] = rendering.share) -> Form:
    """Fractions as percentages, and their differences in points of a hundred."""
    return Form(level, rendering.points, lambda value, step: rendering.share(value, digits(100 * step)), changes)


def of_money(currency: str) -> Form:
    """Amounts of money."""

    def level(amount: float) -> str:
        return rendering.money(amount, currency)

    return Form(level, rendering.change, lambda amount, step: compact(amount, step), currency)


def of_points(changes: str = "NRR points") -> Form:
    """Differences of fractions only, in points of a hundred."""
    return Form(rendering.points, rendering.points, _points_mark, changes)


def _points_mark(value: float, step: float) -> str:
    written = rendering.decimals(100 * value, digits(100 * step))
    return f"+{written}" if value > 0 else written


def digits(step: float) -> int:
    """How many digits tell marks of such a distance apart; none where there is no distance.

    >>> digits(10), digits(0.5), digits(0.02), digits(0.0)
    (0, 1, 2, 0)
    """
    if step <= 0:
        return 0
    return max(0, -math.floor(math.log10(step) + 1e-9))


def compact(amount: float, step: float) -> str:
    """A large amount in few characters, with the digits that its neighbours on the axis need.

    >>> compact(1_250_000, 50_000), compact(-40_000, 20_000), compact(0.0, 100), compact(250, 50)
    ('1.25M', '−40k', '0', '250')
    """
    unit, name = next(
        ((u, n) for u, n in ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if max(abs(amount), step) >= u), (1.0, "")
    )
    if amount == 0:
        return "0"
    return rendering.decimals(amount / unit, min(digits(step / unit), 3)) + name


def signed(amount: float) -> str:
    """A change in money: whole units, and cents of what is small.

    >>> signed(-1234.4), signed(3.456), signed(0.0), signed(0.001)
    ('−1,234', '+3.46', '0', '0')
    """
    if abs(amount) >= 10 or abs(amount) < 0.005:
        return rendering.change(amount)
    return ("+" if amount > 0 else "") + rendering.decimals(amount, 2)
