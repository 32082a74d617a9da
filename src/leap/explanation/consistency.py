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
class Before:
    """A count of a window, its change against the window before (or a year ago), and a count that holds both windows.

    The change is -1 exactly where the window is empty; count / (1 + change) came before.
    """

    count: str
    change: str
    both: str | None = None
    share: float = 0.0
    """The window before as a part of what `both` holds beside the window itself."""

    def holds(self, values: Values) -> bool:
        """Whether an account can have these values."""
        count, change = number_of(values.get(self.count)), number_of(values.get(self.change))
        if count is None or change is None:
            return True
        if (count > 0) != (change > -1 + _EXACT):
            return False
        whole = number_of(values.get(self.both)) if self.both is not None else None
        return count <= 0 or whole is None or count + count / (1 + change) <= whole * (1 + _EXACT)

    def even(self, values: Values) -> float | None:
        """The change if what `both` holds beside the window came evenly; missing where nothing came before."""
        count, whole = number_of(values.get(self.count)), number_of(values.get(self.both or ""))
        if count is None or (count <= 0 and whole is None):
            return None if count is None else -1.0
        before = (whole - count) * self.share if whole is not None else 0.0
        return count / before - 1 if before > 0 else None


@dataclass(frozen=True)
class Consistency:
    """The relations of a catalog's features, and which features are computed from others."""

    relations: tuple[Relation, ...]
    trends: tuple[tuple[str, str, str, float], ...]
    """A trend, the counts of its short and its long window, and how many times longer the long one is."""
    formers: tuple[tuple[str, str], ...]
    """Whether a kind was had before and is no longer, and whether it is active."""
    befores: tuple[Before, ...]

    @classmethod
    def of(cls, catalog: FeatureCatalog) -> Consistency:
        """Read from the recipes."""
        by_table: dict[str, list[Feature]] = {}
        for feature in catalog.features:
            by_table.setdefault(feature.recipe.table, []).append(feature)
        relations: list[Relation] = []
        trends, formers, befores = [], [], list[Before]()
        for features in by_table.values():
            relations += [*_nested(features), *_inside(features), *_since(features), *_periods(features)]
            trends += list(_trends(features))
            formers += list(_formers(features))
            befores += _befores(features)
        return cls(tuple(relations), tuple(trends), tuple(formers), tuple(befores))

    def broken(self, values: Values, before: Values) -> list[Relation]:
        """The relations that do not hold of an account, but held before it was changed."""
        found = [one for one in self.relations if not one.holds(values) and one.holds(before)]
        changes = [one for one in self.befores if not one.holds(values) and one.holds(before)]
        return [*found, *(Relation("before", one.count, one.change) for one in changes)]

    def implied(self, values: Values, before: Values, moved: Iterable[str]) -> dict[str, object]:
        """The values of those of the moved features that others determine: trends of counts, kinds given up, and
        changes that the counts do not allow.
        """
        asked, found = set(moved), dict[str, object]()
        for trend, short, long, times in self.trends:
            ahead, whole = number_of(values.get(short)), number_of(values.get(long))
            if trend in asked and ahead is not None and whole is not None:
                found[trend] = ahead * times / whole if whole > 0 else None
        for former, active in self.formers:
            had = any((number_of(before.get(name)) or 0) >= 0.5 for name in (former, active))
            if former in asked and number_of(values.get(active)) is not None:
                found[former] = float(had and (number_of(values.get(active)) or 0) < 0.5)
        for one in self.befores:
            if one.change in asked and not one.holds(values):
                found[one.change] = one.even(values)
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


def _befores(features: list[Feature]) -> Iterator[Before]:
    """Changes of counts against the window before, or against the same window a year before."""
    counts = {f.recipe.window_days or 0: f.name for f in features if f.recipe.operation == "count"}
    for feature in features:
        days = feature.recipe.window_days or 0
        if feature.recipe.operation not in ("count_change", "count_year_ago") or days not in counts:
            continue
        longer = [one for one in sorted(counts) if one >= 2 * days and feature.recipe.operation == "count_change"]
        if longer:
            yield Before(counts[days], feature.name, counts[longer[0]], days / (longer[0] - days))
        else:
            yield Before(counts[days], feature.name)
