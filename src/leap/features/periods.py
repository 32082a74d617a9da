"""`periods`: what is and has been active, its amount and how that moved, tenure, changes, the contract's term.

An end that is not known before the moment does not exist: the period is open. Changes of an amount are those of the
account's sum from one day to the next, so that a term that ends on the day the next one starts is none by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.columns import DAY, days_since
from leap.features.families import Declared
from leap.features.spec import Feature
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
        f"{name}_tenure_days", "tenure_days", f"{what}: age of the first", "days", f"no {these} yet",
        group=f"{name}_tenure",
    )  # fmt: skip
    yield declared.feature(
        f"{name}_active_share", "active_share", f"{what}: time with any active since the first began",
        "of the time", f"no {these} yet", group=f"{name}_tenure",
    )  # fmt: skip
    for operation, said in (("changes", "begun or ended"), ("begun", "begun"), ("ended", "ended")):
        yield declared.feature(
            f"{name}_{operation}_{_YEAR}d", operation, f"{what} {said}, last {_YEAR} days", unit, f"no {these} yet",
            window_days=_YEAR, group=f"{name}_changes",
        )  # fmt: skip
    yield declared.feature(
        f"{name}_last_change_days", "last_change", f"{what}: days since one last began or ended", "days",
        f"no {these} yet", group=f"{name}_changes",
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
                f"{name}_ended", "kind_ended", f"{label}, had before and no longer", "", "not known",
                kind=kind, value="boolean", directed=False,
            )  # fmt: skip


def _of_amount(declared: Declared, column: str) -> Iterator[Feature]:
    """The amount of what is active, and how it moved."""
    amount, label = declared.slug(column), declared.label(column)
    name = f"{declared.table.name}_{amount}"
    unit = declared.unit(column) or ("a month" if declared.table.spec.role == "revenue" else "")
    yield declared.feature(name, "amount", f"{label} now", unit, "not recorded", column=column, group=amount)
    for days, before in ((_QUARTER, f"{_QUARTER} days ago"), (_YEAR, "a year ago")):
        yield declared.feature(
            f"{name}_change_{days}d", "amount_change", f"{label}, change over {days} days as a share",
            "of what it was", f"nothing active {before}", column=column, window_days=days, group=amount,
        )  # fmt: skip
    nothing = f"no {label} yet" if label.isupper() else f"no {families.within(label)} yet"
    for operation in ("increases", "decreases"):
        yield declared.feature(
            f"{name}_{operation}_{_YEAR}d", operation, f"{label}: {operation}, last {_YEAR} days", operation, nothing,
            column=column, window_days=_YEAR, group=f"{amount}_changes", directed=operation == "increases",
        )  # fmt: skip
    yield declared.feature(
        f"{name}_last_change_days", "amount_last_change", f"{label}: days since it last changed", "days", nothing,
        column=column, group=f"{amount}_changes", directed=False,
    )  # fmt: skip


def _of_contract(declared: Declared, column: str) -> Iterator[Feature]:
    """The running term, and how many there have been."""
    name, what = declared.table.name, families.words(declared.table.name)
    yield declared.feature(
        f"{name}_{declared.slug(column)}_days", "renews_days", "Days to the next renewal", "days",
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
                return self.steps.active_days(self.view.limit) / days_since(self.view, self.first)
            case "changes" | "begun" | "ended":
                return self._if_any(self._moved(recipe.operation, begin))
            case "last_change":
                return days_since(self.view, self.steps.last)
            case "terms":
                return self._if_any(self._count(self.start < self.view.limit))
            case "kind_active" | "kind_ended":
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
                return self.amounts.times(recipe.operation, begin)
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
    def steps(self) -> _Steps:
        """Every start and end, as plus and minus one."""
        return _Steps.of(self, np.ones(len(self.rows)))

    @cached_property
    def amounts(self) -> _Steps:
        """Every start and end with its amount."""
        return _Steps.of(self, np.nan_to_num(self.amount)).by_day()

    def _count(self, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(self.codes[chosen], minlength=self.n_accounts).astype(float)

    def _sum(self, chosen: np.ndarray) -> np.ndarray:
        return np.bincount(self.codes[chosen], weights=self.amount[chosen], minlength=self.n_accounts)

    def _if_any(self, value: np.ndarray) -> np.ndarray:
        return np.where(self.ever, value, np.nan)

    def _moved(self, operation: str, begin: np.datetime64) -> np.ndarray:
        begun = self._count(self.start >= begin)
        ended = self._count((self.end < self.view.limit) & (self.end >= begin))
        return {"changes": begun + ended, "begun": begun, "ended": ended}[operation]

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


@dataclass(frozen=True)
class _Steps:
    """What an account has, as the steps by which it goes up and down: sorted by account and moment, before the limit.

    `level` is what it has after a step; sums are taken within an account, so that no other account moves a digit.
    """

    codes: np.ndarray
    at: np.ndarray
    size: np.ndarray
    n_accounts: int

    @classmethod
    def of(cls, known: _Known, size: np.ndarray) -> _Steps:
        """A step up at every start and down at every end before the moment."""
        past = known.end < known.view.limit
        codes, at = np.append(known.codes, known.codes[past]), np.append(known.start, known.end[past])
        order = np.lexsort((at, codes))
        return cls(codes[order], at[order], np.append(size, -size[past])[order], known.n_accounts)

    def by_day(self) -> _Steps:
        """The steps of one calendar day as one, without days on which the sum stayed as it was."""
        day = self.at.astype("datetime64[D]")
        begins = np.ones(len(day), dtype=bool)
        begins[1:] = (self.codes[1:] != self.codes[:-1]) | (day[1:] != day[:-1])
        net = np.bincount(np.cumsum(begins) - 1, weights=self.size, minlength=int(begins.sum()))
        moved = np.round(net, 6) != 0
        return _Steps(self.codes[begins][moved], self.at[begins][moved], net[moved], self.n_accounts)

    @cached_property
    def level(self) -> np.ndarray:
        """What the account has after each step."""
        return np.round(pd.Series(self.size).groupby(self.codes).cumsum().to_numpy(dtype=float), 6)

    @cached_property
    def last(self) -> np.ndarray:
        """The moment of the last step."""
        last = np.full(self.n_accounts, np.datetime64("NaT", "us"))
        last[self.codes] = self.at
        return last

    def active_days(self, limit: np.datetime64) -> np.ndarray:
        """Days on which the level was above zero."""
        until = np.append(self.at[1:], limit)
        last_of_account = np.append(self.codes[1:] != self.codes[:-1], True)[: len(self.codes)]
        until = np.where(last_of_account, limit, until[: len(self.codes)])
        length = np.where(self.level > 0, (until - self.at).astype("timedelta64[us]").astype(np.int64), 0)
        return np.bincount(self.codes, weights=length, minlength=self.n_accounts) / DAY.astype(
            "timedelta64[us]"
        ).astype(int)

    def times(self, operation: str, begin: np.datetime64) -> np.ndarray:
        """How often the level rose, or fell, from one positive level to another since a moment."""
        before = np.round(self.level - self.size, 6)
        between = (before > 0) & (self.level > 0) & (self.at >= begin)
        chosen = between & ((self.size > 0) if operation == "increases" else (self.size < 0))
        times = np.bincount(self.codes[chosen], minlength=self.n_accounts).astype(float)
        return np.where(np.bincount(self.codes, minlength=self.n_accounts) > 0, times, np.nan)
