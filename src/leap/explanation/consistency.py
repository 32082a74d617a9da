"""What the values of one account's features cannot contradict: windows inside windows, kinds inside totals, what is
computed from others.

Read from the recipes of the features, so that a changed account stays one that can exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from leap.features import Feature, FeatureCatalog

Values = Mapping[str, object]
"""One account's plain feature values by name: numbers (1.0 and 0.0 of a boolean), text, None for missing."""
_NESTED = ("count", "events", "kind_sum", "amount_sum", "active_days", "breadth", "distinct")
_INSIDE = {"kind_sum": ("count",), "active_days": ("events", "count"), "breadth": ("events", "count")}
_ROWS = ("events", "active_days", "count")
_EXACT = 1e-9


@dataclass(frozen=True)
class Relation:
    """Two features that cannot contradict each other; `holds` tells whether they do not, or one is missing."""

    kind: str
    first: str
    second: str
    days: int = 0

    def holds(self, values: Values) -> bool:
        """Whether the values of an account agree."""
        one, other = number_of(values.get(self.first)), number_of(values.get(self.second))
        if one is None or other is None:
            return True
        match self.kind:
            case "at_most":
                return one <= other + _EXACT * max(1.0, abs(other))
            case "since":
                return (other > 0) == (one <= self.days)
            case "not_both":
                return one < 0.5 or other < 0.5
            case _:
                return one < 0.5 or other > 0


@dataclass(frozen=True)
class Consistency:
    """The relations of a catalog's features, and which features are computed from others."""

    relations: tuple[Relation, ...]
    trends: tuple[tuple[str, str, str, float], ...]
    """A trend, the counts of its short and its long window, and how many times longer the long one is."""
    formers: tuple[tuple[str, str], ...]
    """Whether a kind was had before and is no longer, and whether it is active."""

    @classmethod
    def of(cls, catalog: FeatureCatalog) -> Consistency:
        """Read from the recipes."""
        by_table: dict[str, list[Feature]] = {}
        for feature in catalog.features:
            by_table.setdefault(feature.recipe.table, []).append(feature)
        relations: list[Relation] = []
        trends, formers = [], []
        for features in by_table.values():
            relations += [*_nested(features), *_inside(features), *_since(features), *_periods(features)]
            trends += list(_trends(features))
            formers += list(_formers(features))
        return cls(tuple(relations), tuple(trends), tuple(formers))

    def broken(self, values: Values, before: Values) -> list[Relation]:
        """The relations that do not hold of an account, but held before it was changed."""
        return [one for one in self.relations if not one.holds(values) and one.holds(before)]

    def implied(self, values: Values, before: Values, moved: Iterable[str]) -> dict[str, object]:
        """The values of those of the moved features that others determine: trends of counts, kinds given up."""
        asked, found = set(moved), dict[str, object]()
        for trend, short, long, times in self.trends:
            ahead, whole = number_of(values.get(short)), number_of(values.get(long))
            if trend in asked and ahead is not None and whole is not None:
                found[trend] = ahead * times / whole if whole > 0 else None
        for former, active in self.formers:
            had = any((number_of(before.get(name)) or 0) >= 0.5 for name in (former, active))
            if former in asked and number_of(values.get(active)) is not None:
                found[former] = float(had and (number_of(values.get(active)) or 0) < 0.5)
        return found


def number_of(value: object) -> float | None:
    """A number or boolean as a number; None for text, missing and NaN."""
    if isinstance(value, int | float) and value == value:
        return float(value)
    return None


def _nested(features: list[Feature]) -> Iterator[Relation]:
    """The last 28 days lie inside the last 91: of what is counted the longer window holds at least as much."""
    series: dict[tuple[object, ...], list[Feature]] = {}
    for feature in features:
        recipe = feature.recipe
        if recipe.family == "events" and recipe.operation in _NESTED and recipe.window_days:
            series.setdefault((recipe.operation, recipe.column, recipe.kind), []).append(feature)
    for windows in series.values():
        ordered = sorted(windows, key=lambda feature: feature.recipe.window_days or 0)
        for short, long in pairwise(ordered):
            yield Relation("at_most", short.name, long.name)


def _inside(features: list[Feature]) -> Iterator[Relation]:
    """One kind is at most all kinds; days with an event and kinds of events are at most the events."""
    found = {(f.recipe.operation, f.recipe.window_days): f for f in features if f.recipe.kind is None}
    for feature in features:
        for whole in _INSIDE.get(feature.recipe.operation, ()) if feature.recipe.family == "events" else ():
            if (all_of_it := found.get((whole, feature.recipe.window_days))) is not None:
                yield Relation("at_most", feature.name, all_of_it.name)
                break


def _since(features: list[Feature]) -> Iterator[Relation]:
    """The last event lies inside a window exactly where the window holds any."""
    last = [f for f in features if f.recipe.family == "events" and f.recipe.operation == "recency"]
    for feature in features if last else ():
        if feature.recipe.operation in _ROWS and feature.recipe.window_days:
            yield Relation("since", last[0].name, feature.name, feature.recipe.window_days)


def _periods(features: list[Feature]) -> Iterator[Relation]:
    """What is active is not given up, and is one of those that are active."""
    counts = [f for f in features if f.recipe.operation in ("active_count", "ever") and f.recipe.family == "periods"]
    for former, active in _formers(features):
        yield Relation("not_both", active, former)
    for feature in features:
        if feature.recipe.operation == "kind_active":
            yield from (Relation("implies", feature.name, count.name) for count in counts)


def _formers(features: list[Feature]) -> Iterator[tuple[str, str]]:
    active = {f.recipe.kind: f.name for f in features if f.recipe.operation == "kind_active"}
    for feature in features:
        if feature.recipe.operation == "kind_former" and feature.recipe.kind in active:
            yield feature.name, active[feature.recipe.kind]


def _trends(features: list[Feature]) -> Iterator[tuple[str, str, str, float]]:
    """A trend is the daily rate of its window over that of the next longer one."""
    counts = {f.recipe.window_days or 0: f.name for f in features if f.recipe.operation == "count"}
    for feature in features:
        short = feature.recipe.window_days or 0
        longer = [days for days in sorted(counts) if days > short]
        if feature.recipe.operation == "trend" and short in counts and longer:
            yield feature.name, counts[short], counts[longer[0]], longer[0] / short
