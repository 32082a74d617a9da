"""`events`: counts, sums, means, active days, breadth and recency over windows, trends and changes between windows;
deals by result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from leap.config import TableSpec
from leap.features import families
from leap.features.exact import Parts
from leap.features.families import Declared
from leap.features.measures import AtManyMoments, AtOneMoment, Measures
from leap.features.spec import CHANGE, RATE, SHARE, Feature, Kind, Scope
from leap.features.windows import Grid, Span
from leap.tables import Table, TableView
from leap.tables.canonical import AMOUNT, CLOSED, CURRENCY, QUANTITY, WON

_YEAR_AGO = 364
"""Whole weeks, so that the same days of the week are compared."""
_SEASONAL_DAYS = (28, 182)
"""Shorter windows say little against a year before, longer ones nearly what their change says."""
_NO_EVENTS = ("costs", "notes")
_OF_CUSTOMERS = ("won_amount", "open_amount", "closed_days", "win_share")


def declare(table: Table) -> list[Feature]:
    """The features of a table of events; deals have results instead of windows, costs and notes have none."""
    if table.spec.role in _NO_EVENTS:
        return []
    return _declare_deals(table) if table.spec.role == "deals" else list(_Windows(table).features())


def has_windows(spec: TableSpec) -> bool:
    """Whether the features of a table are those of `compute_pairs`: windows of events."""
    return spec.shape == "events" and spec.role != "deals"


class _Windows:
    """Declares the windows of one table."""

    def __init__(self, table: Table):
        self.declared, self.spec, self.name = Declared(table), table.spec, table.name
        self.what = families.words(table.name)
        self.inside = families.within(self.what)
        were, self.one = ("were", "last one") if families.is_plural(self.inside) else ("was", "last")
        self.never = f"no {self.inside} {were} ever recorded"
        self.kinds = self.declared.kinds()
        self.has_amount = AMOUNT in table.rows and not _mixes_currencies(table)
        self.columns: list[tuple[str, Kind]] = [
            (column, kind)
            for column, _, kind in self.declared.columns()
            if column not in (table.spec.amount, table.spec.quantity, table.spec.price)
        ]

    def features(self) -> Iterator[Feature]:
        """Window by window, then what compares windows."""
        windows = list(dict.fromkeys(self.spec.windows_days))
        for days in windows:
            yield from self._counts(days)
            yield from self._kinds(days)
            if self.has_amount:
                yield from self._amounts(days)
            yield from self._averages(days)
        yield from self._distinct(max(windows, default=0))
        yield self._feature("recency_days", "recency", f"{self.what}: time since the {self.one}", "days", self.never)
        yield from self._trend(sorted(windows)[:2])
        for days in windows if Scope(self.spec.scope) == Scope.HEALTH else ():
            yield from self._against_before(days)

    def _feature(
        self, name: str, operation: str, label: str, unit: str, missing: str, days: int | None = None
    ) -> Feature:
        return self.declared.feature(
            f"{self.name}_{name}", operation, label, unit, missing, window_days=days, group=self.name
        )

    def _counts(self, days: int) -> Iterator[Feature]:
        last, never = f"last {days} days", self.never
        unit = self._unit or "events"
        yield self._feature(f"count_{days}d", "count", f"{self.what}, {last}", unit, never, days)
        if self.spec.quantity is not None:
            label = f"{self.what}: number of entries, {last}"
            yield self._feature(f"events_{days}d", "events", label, "entries", never, days)
        label = f"Days with {self.inside}, {last}"
        yield self._feature(f"active_days_{days}d", "active_days", label, "days", never, days)
        if self.spec.kind is not None and len(self.kinds) > 1:
            yield self._feature(f"breadth_{days}d", "breadth", f"Kinds of {self.inside}, {last}", "kinds", never, days)

    @property
    def _unit(self) -> str:
        """What is counted: the unit of the quantity; without one, that of the kind, or what the table is called."""
        if self.spec.quantity is not None:
            return self.declared.unit(self.spec.quantity)
        named = self.inside if families.is_plural(self.inside) else ""
        return self.declared.unit(self.spec.kind) or named

    def _kinds(self, days: int) -> Iterator[Feature]:
        for kind in self.kinds:
            yield self.declared.feature(
                f"{self.name}_{families.slug(kind)}_count_{days}d", "kind_sum",
                f"{self.declared.kind_label(kind)}, last {days} days", self._unit, self.never,
                kind=kind, window_days=days,
            )  # fmt: skip

    def _amounts(self, days: int) -> Iterator[Feature]:
        _, label, unit = self._amount
        yield self._of_amount(f"sum_{days}d", "amount_sum", f"{label}, last {days} days", unit, self.never, days)
        missing = f"no amount in the last {days} days"
        label = f"{label}, average of the last {days} days"
        yield self._of_amount(f"mean_{days}d", "amount_mean", label, unit, missing, days)

    @property
    def _amount(self) -> tuple[str, str, str]:
        """Column, label and unit of the amounts; a product of quantity and price has no column of its own."""
        column = self.spec.amount or "amount"
        return column, self.declared.label(column), self.declared.unit(column) or self.declared.currency

    def _of_amount(self, name: str, operation: str, label: str, unit: str, missing: str, days: int) -> Feature:
        return self.declared.feature(
            f"{self.name}_{families.slug(self._amount[0])}_{name}", operation, label, unit, missing,
            column=self.spec.amount or self.spec.price, window_days=days, group=families.slug(self._amount[0]),
        )  # fmt: skip

    def _averages(self, days: int) -> Iterator[Feature]:
        for column, kind in self.columns:
            if kind != "category":
                operation = "mean" if kind == "number" else "share"
                said, unit = ("average", self.declared.unit(column)) if kind == "number" else ("share", SHARE)
                label = f"{self.declared.label(column)}, {said} of the last {days} days"
                yield self.declared.feature(
                    f"{self.name}_{families.slug(column)}_{operation}_{days}d", operation, label, unit,
                    f"no value in the last {days} days", column=column, window_days=days,
                )  # fmt: skip

    def _distinct(self, days: int) -> Iterator[Feature]:
        for column, kind in self.columns:
            if kind == "category" and days:
                yield self.declared.feature(
                    f"{self.name}_{families.slug(column)}_distinct_{days}d", "distinct",
                    f"{self.declared.label(column)}: how many different ones, last {days} days", "", self.never,
                    column=column, window_days=days,
                )  # fmt: skip

    def _trend(self, windows: list[int]) -> Iterator[Feature]:
        if len(windows) > 1:
            short, long = windows
            label = f"{self.what}: daily rate of the last {short} days against that of the last {long}"
            yield self._feature(f"trend_{short}d", "trend", label, RATE, f"none in {long} days", short)

    def _against_before(self, days: int) -> Iterator[Feature]:
        """Changes need both windows recorded: who came in between has not grown."""
        before = f"against the {days} days before"
        none_before = f"none in the {days} days before, or not yet recorded when they began"
        year = "against the same days a year before (52 weeks)"
        none_then = "none in the same days a year before, or not yet recorded when they began"
        last = f"last {days} days"
        seasonal = _SEASONAL_DAYS[0] <= days <= _SEASONAL_DAYS[1]
        yield self._feature(
            f"count_change_{days}d", "count_change", f"{self.what}, {last} {before}", CHANGE, none_before, days
        )
        if seasonal:
            yield self._feature(
                f"count_year_ago_{days}d", "count_year_ago", f"{self.what}, {last} {year}", CHANGE, none_then, days
            )
        if self.has_amount:
            label = self._amount[1]
            yield self._of_amount(
                f"change_{days}d", "amount_change", f"{label}, {last} {before}", CHANGE, none_before, days
            )
            if seasonal:
                yield self._of_amount(
                    f"year_ago_{days}d", "amount_year_ago", f"{label}, {last} {year}", CHANGE, none_then, days
                )


def _mixes_currencies(table: Table) -> bool:
    """Amounts of several currencies have no sum here; the revenue itself is converted elsewhere."""
    return CURRENCY in table.rows and table.rows[CURRENCY].nunique() > 1


def _declare_deals(table: Table) -> list[Feature]:
    declared, name, what = Declared(table), table.name, families.words(table.name)
    none, amount = f"no {what.lower()} yet", table.spec.amount
    unit = declared.unit(amount or "")
    said = {
        "open": (f"{name}_open_count", f"{what} open", "deals", none),
        "won": (f"{name}_won_count", f"{what} won", "deals", none),
        "lost": (f"{name}_lost_count", f"{what} lost", "deals", none),
        "won_amount": (f"{name}_won_amount", f"{what} won: amount", unit, none),
        "open_amount": (f"{name}_open_amount", f"{what} open: amount", unit, none),
        "closed_days": (f"{name}_closed_days", f"{what}: time since the last one closed", "days", "none closed yet"),
        "win_share": (f"{name}_win_share", f"{what}: part of those closed that were won", SHARE, "none closed yet"),
    }
    features = [
        declared.feature(
            feature, operation, label, unit, missing, group=name,
            column=amount if operation.endswith("amount") else None,
        )
        for operation, (feature, label, unit, missing) in said.items()
        if amount is not None or not operation.endswith("amount")
    ]  # fmt: skip
    return [_of_customers(f) if f.recipe.operation in _OF_CUSTOMERS else f for f in features]


def _of_customers(feature: Feature) -> Feature:
    """At its purchase an account has just won a deal, closed it and has none open, which no prospect has: as a fact
    about who buys, these would tell who has bought.
    """
    return replace(feature, scope=Scope.HEALTH)


def compute(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each; missing before the first event of an account."""
    if view.spec.role == "deals":
        return _deals(view, features, n_accounts)
    measures = AtOneMoment(view, n_accounts)
    return {feature.name: _one(measures, view.spec, feature) for feature in features}


def compute_pairs(
    view: TableView, features: list[Feature], codes: np.ndarray, limits: np.ndarray, n_accounts: int
) -> dict[str, np.ndarray]:
    """Values of accounts as known before their dates (int64 microseconds), shape (n,) each, to the bit those of
    `compute`: once over the rows for all pairs, which are distinct and sorted by account and date.
    """
    windows = {feature.recipe.window_days for feature in features if feature.recipe.window_days}
    spans = {span for feature in features for span in _spans(view.spec, feature)} | {Span(days) for days in windows}
    grid = Grid.of(n_accounts, codes, limits, tuple(sorted(spans)))
    kinds = sorted({str(feature.recipe.kind) for feature in features if feature.recipe.operation == "kind_sum"})
    columns = {feature.recipe.column for feature in features} - {None}
    result = {feature.name: np.full(len(codes), np.nan) for feature in features}
    for pairs, measures in AtManyMoments.parts(view, grid, kinds, len(columns)):
        for feature in features:
            result[feature.name][pairs] = _one(measures, view.spec, feature)
    return result


def _spans(spec: TableSpec, feature: Feature) -> list[Span]:
    """The spans that a feature adds up, beside the window it names."""
    days = int(feature.recipe.window_days or 0)
    match feature.recipe.operation.rpartition("_")[2]:
        case "change":
            return [Span(2 * days, days)]
        case "ago":
            return [Span(_YEAR_AGO + days, _YEAR_AGO)]
        case "trend":
            return [Span(_longer(spec))]
        case _:
            return []


def _longer(spec: TableSpec) -> int:
    """The second shortest window, against which the trend of the shortest is taken."""
    return sorted(set(spec.windows_days))[:2][-1]


def _one(measures: Measures, spec: TableSpec, feature: Feature) -> np.ndarray:
    recipe = feature.recipe
    span = Span(int(recipe.window_days or 0))
    since_first, since_last = measures.days_since()
    match recipe.operation:
        case "count":
            value = measures.total(QUANTITY, span)
        case "events":
            value = measures.number(QUANTITY, span)
        case "kind_sum":
            value = measures.of_kind(str(recipe.kind), span)
        case "amount_sum":
            value = measures.total(AMOUNT, span)
        case "amount_mean":
            value = _ratio(measures.total(AMOUNT, span), measures.number(AMOUNT, span))
        case "active_days":
            value = measures.distinct("day", span)
        case "breadth":
            value = measures.distinct("kind", span)
        case "distinct":
            value = measures.distinct(f"category:{recipe.column}", span)
        case "mean" | "share":
            column = f"{'number' if recipe.operation == 'mean' else 'boolean'}:{recipe.column}"
            value = _ratio(measures.total(column, span), measures.number(column, span))
        case "recency":
            value = since_last
        case "trend":
            long = _longer(spec)
            value = _ratio(measures.total(QUANTITY, span) / span.far, measures.total(QUANTITY, Span(long)) / long)
        case _:
            of = AMOUNT if recipe.operation.startswith("amount") else QUANTITY
            (earlier,) = _spans(spec, feature)
            value = _ratio(measures.total(of, span), measures.total(of, earlier)) - 1
            value = np.where(since_first > earlier.far, value, np.nan)
    return np.where(np.isnan(since_last), np.nan, value)


def _deals(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    rows = view.everything
    codes, closing = view.codes(rows), view.moments(CLOSED, rows)
    closed = ~np.isnat(closing)
    is_won = view.values(WON, rows).astype(float) == 1.0
    chosen = {"open": ~closed, "won": closed & is_won, "lost": closed & ~is_won}
    count = {name: np.bincount(codes[mask], minlength=n_accounts).astype(float) for name, mask in chosen.items()}
    ever = np.bincount(codes, minlength=n_accounts) > 0
    result = {}
    for feature in features:
        operation = feature.recipe.operation
        match operation:
            case "won_amount" | "open_amount":
                mask = chosen[operation.removesuffix("_amount")]
                amounts = Parts.of(view.values(AMOUNT, rows[mask]).astype(float))
                value = amounts.summed(codes[mask], n_accounts).joined()
            case "closed_days":
                last = np.full(n_accounts, np.datetime64("NaT", "us"))
                order = np.argsort(closing[closed], kind="stable")
                last[codes[closed][order]] = closing[closed][order]
                value = np.asarray((view.limit - last) / np.timedelta64(1, "D"))
            case "win_share":
                value = _ratio(count["won"], count["won"] + count["lost"])
            case _:
                value = count[operation]
        result[feature.name] = np.where(ever, value, np.nan)
    return result


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, missing where below is not positive."""
    result = np.full(len(below), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result
