"""`periods`: what is and has been active, its amount and how that moved, tenure, changes, the contract's term.

An end that is not known before the moment does not exist: the period is open. Changes of an amount are those of the
account's sum from one day to the next, so that a term that ends on the day the next one starts is none by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leap.features import families
from leap.features.columns import DAY, days_since
from leap.features.families import Declared
from leap.features.spec import CHANGE, Feature
from leap.features.steps import Steps
from leap.tables import Table, TableView
from leap.tables.canonical import AMOUNT, CANCELLED, END, KIND, RENEWS, START

_YEAR, _QUARTER = 365, 91


def declare(table: Table) -> list[Feature]:
    """The features of a table of periods."""
    declared, spec = Declared(table), table.spec
    features = [*_of_rows(declared), *_of_kinds(declared)]
    if spec.amount is not None:
        features += _of_amount(declared, spec.amount)
    if spec.renews is not None:
        features += _of_contract(declared, spec.renews)
    for column, _, kind in declared.columns():
        if column != spec.amount:
            features.append(
                declared.feature(
                    f"{table.name}_{declared.slug(column)}", "latest_active", declared.label(column),
                    declared.unit(column), "none active", column=column, value=kind,
                )
            )  # fmt: skip
    return families.distinct(features)


def _of_rows(declared: Declared) -> Iterator[Feature]:
    """How many are active, since when, and what began and ended."""
    name, what = declared.table.name, families.words(declared.table.name)
    these, unit = families.within(what), _unit(declared)
    yield declared.feature(f"{name}_active_count", "active_count", f"Active {these}", unit, "not known", group=name)
    yield declared.feature(
        f"{name}_ever", "ever", f"Has or has had {these}", "", "not known", value="boolean", group=name
    )
    yield declared.feature(
        f"{name}_tenure_days", "tenure_days", f"{what}: time since the first began", "days", f"no {these} yet",
        group=f"{name}_tenure",
    )  # fmt: skip
    yield declared.feature(
        f"{name}_active_share", "active_share", f"{what}: time with any active since the first began",
        "of the time", f"no {these} yet", group=f"{name}_tenure",
    )  # fmt: skip
    # Begun and ended apart say little that their sum and the moves of an amount do not, and cost out-of-time quality.
    yield declared.feature(
        f"{name}_changes_{_YEAR}d", "changes", f"{what} begun or ended, last {_YEAR} days", unit, f"no {these} yet",
        window_days=_YEAR, group=f"{name}_changes",
    )  # fmt: skip


def _of_kinds(declared: Declared) -> Iterator[Feature]:
    """What is active by kind, and which kinds an account has given up."""
    table = declared.table
    ended = declared.kinds(rows=table.rows[table.rows[END].notna()])
    for kind in declared.kinds():
        name, label = f"{table.name}_{declared.slug(kind)}", declared.kind_label(kind)
        yield declared.feature(f"{name}_active", "kind_active", label, "", "not known", kind=kind, value="boolean")
        if kind in ended:
            yield declared.feature(
                f"{name}_former", "kind_former", f"{label}, had before and no longer", "", "not known",
                kind=kind, value="boolean", directed=False,
            )  # fmt: skip


def _of_amount(declared: Declared, column: str) -> Iterator[Feature]:
    """The amount of what is active, and how it moved."""
    amount, label = declared.slug(column), declared.label(column)
    name = f"{declared.table.name}_{amount}"
    a_month = f"{declared.currency} a month".strip() if declared.table.spec.role == "revenue" else ""
    unit = declared.unit(column) or a_month
    yield declared.feature(name, "amount", f"{label} now", unit, "not recorded", column=column, group=amount)
    for days, before in ((_QUARTER, f"{_QUARTER} days ago"), (_YEAR, "a year ago")):
        yield declared.feature(
            f"{name}_change_{days}d", "amount_change", f"{label}, change over {days} days",
            CHANGE, f"nothing active {before}", column=column, window_days=days, group=amount,
        )  # fmt: skip
    nothing = f"no {families.within(label)} yet"
    for operation in ("increases", "decreases"):
        yield declared.feature(
            f"{name}_{operation}_{_YEAR}d", operation, f"{label}: {operation}, last {_YEAR} days", operation, nothing,
            column=column, window_days=_YEAR, group=f"{amount}_changes", directed=operation == "increases",
        )  # fmt: skip
    yield declared.feature(
        f"{name}_last_change_days", "amount_last_change", f"{label}: time since it last changed", "days", nothing,
        column=column, group=f"{amount}_changes", directed=False,
    )  # fmt: skip


def _of_contract(declared: Declared, column: str) -> Iterator[Feature]:
    """The running term, and how many there have been."""
    name, what = declared.table.name, families.words(declared.table.name)
    yield declared.feature(
        f"{name}_{declared.slug(column)}_days", "renews_days", "Time to the next renewal", "days",
        "no renewal date ahead", column=column,
    )  # fmt: skip
    yield declared.feature(
        f"{name}_{declared.slug(column)}_term_days", "term_days", "Length of the running term", "days",
        "no renewal date ahead", column=column, directed=False,
    )  # fmt: skip
    yield declared.feature(
        f"{name}_terms", "terms", f"{what}: terms so far", "terms", f"no {families.within(what)} yet",
        group=f"{name}_tenure",
    )  # fmt: skip


def _unit(declared: Declared) -> str:
    """What a row is: the unit of the kind where it is declared, else the table's name."""
    return declared.unit(declared.table.spec.kind) or families.within(families.words(declared.table.name))


def compute(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each. Ends not known before the moment count as open."""
    known = _Known(view, n_accounts)
    return {feature.name: known.value(feature) for feature in features}


@dataclass(frozen=True)
class _Known:
    """The periods known before a moment, in order of their starts; every method gives one value per account."""

    view: TableView
    n_accounts: int

    def value(self, feature: Feature) -> np.ndarray:
        """One feature."""
        recipe = feature.recipe
        begin = self.view.limit - int(recipe.window_days or _YEAR) * DAY
        match recipe.operation:
            case "active_count":
                return self._count(self.active)
            case "ever":
                return self.ever.astype(float)
            case "tenure_days":
                return days_since(self.view, self.first)
            case "active_share":
                return self.steps.active_share(self.view.limit)
            case "changes":
                return self._if_any(self._begun_or_ended(begin))
            case "terms":
                return self._if_any(self._count(self.start < self.view.limit))
            case "kind_active" | "kind_former":
                of_kind = self.view.values(KIND, self.rows) == recipe.kind
                has = self._count(of_kind & self.active) > 0
                gone = ~has & (self._count(of_kind) > 0)
                return (has if recipe.operation == "kind_active" else gone).astype(float)
            case "amount":
                return self._sum(self.active)
            case "amount_change":
                now, then = self._sum(self.active), self._sum(self._active_at(begin))
                return np.asarray(np.divide(now, then, out=np.full(self.n_accounts, np.nan), where=then > 0) - 1)
            case "increases" | "decreases":
                return self.amounts.times(1 if recipe.operation == "increases" else -1, begin)
            case "amount_last_change":
                return days_since(self.view, self.amounts.last)
            case "renews_days" | "term_days":
                return self._term(recipe.operation)
            case _:
                rows, column = self.rows[self.active], str(recipe.column)
                return families.latest(self.view, rows, column, feature.kind, self.n_accounts)

    @cached_property
    def rows(self) -> np.ndarray:
        """Positions of the known periods, in order of their starts."""
        rows = self.view.everything
        return np.asarray(rows[np.argsort(self.view.moments(START, rows), kind="stable")])

    @cached_property
    def codes(self) -> np.ndarray:
        """Whose they are."""
        return self.view.codes(self.rows)

    @cached_property
    def start(self) -> np.ndarray:
        """When they start."""
        return self.view.moments(START, self.rows)

    @cached_property
    def end(self) -> np.ndarray:
        """When they end, as far as that is known."""
        return self.view.moments(END, self.rows)

    def _active_at(self, moment: np.datetime64) -> np.ndarray:
        """Begun before a moment, and not known to have ended before it."""
        return np.asarray((self.start < moment) & (np.isnat(self.end) | (self.end >= moment)))

    @cached_property
    def active(self) -> np.ndarray:
        """Which are active now."""
        return self._active_at(self.view.limit)

    @cached_property
    def ever(self) -> np.ndarray:
        """Which accounts have or have had any."""
        return np.bincount(self.codes, minlength=self.n_accounts) > 0

    @cached_property
    def first(self) -> np.ndarray:
        """The first start."""
        first = np.full(self.n_accounts, np.datetime64("NaT", "us"))
        first[self.codes[::-1]] = self.start[::-1]
        return first

    @cached_property
    def amount(self) -> np.ndarray:
        """What each brings in."""
        return self.view.values(AMOUNT, self.rows).astype(float)

    @cached_property
    def steps(self) -> Steps:
        """Every start and end, as plus and minus one."""
        return self._steps(np.ones(len(self.rows)))

    @cached_property
    def amounts(self) -> Steps:
        """Every start and end with its amount, day by day."""
        return self._steps(np.nan_to_num(self.amount)).by_day()

    def _steps(self, size: np.ndarray) -> Steps:
        past = self.end < self.view.limit
        return Steps.of(
            np.append(self.codes, self.codes[past]), np.append(self.start, self.end[past]),
            np.append(size, -size[past]), self.n_accounts,
        )  # fmt: skip

    def _count(self, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(self.codes[chosen], minlength=self.n_accounts).astype(float)

    def _sum(self, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(self.codes[chosen], weights=self.amount[chosen], minlength=self.n_accounts)

    def _if_any(self, value: np.ndarray) -> np.ndarray:
        return np.where(self.ever, value, np.nan)

    def _begun_or_ended(self, since: np.datetime64) -> np.ndarray:
        ended = (self.end < self.view.limit) & (self.end >= since)
        return np.asarray(self._count(self.start >= since) + self._count(ended))

    def _term(self, operation: str) -> np.ndarray:
        """Of the renewals ahead the nearest, unless it is known that there will be none."""
        renews = self.view.moments(RENEWS, self.rows)
        open_end = np.isnat(self.view.moments(CANCELLED, self.rows)) & np.isnat(self.end)
        ahead = np.flatnonzero(self.active & open_end & (renews >= self.view.limit))
        ahead = ahead[np.lexsort((self.start[ahead], renews[ahead]))][::-1]
        since = self.view.limit if operation == "renews_days" else self.start[ahead]
        value = np.full(self.n_accounts, np.nan)
        value[self.codes[ahead]] = (renews[ahead] - since) / DAY
        return value
