"""What may be asked of a waterfall: one portfolio, two subsets of one date, or two dates; and its answer as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.scoring.batch import score_customers
from leap.scoring.subsets import Condition, Customers, chosen
from leap.scoring.table import ScoreTable
from leap.scoring.waterfall import View, of_dates, of_portfolio, of_subsets
from leap.snapshots import day_of
from leap.tables import AccountTables

Against = Literal["some", "rest", "all"]


@dataclass(frozen=True)
class Asked:
    """Conditions as they are written; `against` says whether those that meet `other`, all others or everyone is beside.

    `since` is the earlier date of two; at most `top` groups are named (0: all).
    """

    as_of: str | None = None
    where: Sequence[str] = field(default_factory=tuple)
    against: Against | None = None
    other: Sequence[str] = field(default_factory=tuple)
    since: str | None = None
    top: int = 10

    def __post_init__(self) -> None:
        if self.against == "rest" and not self.where:
            raise UsageError("--against-rest compares a subset with all others: name it with --where.")
        if self.against is not None and self.since is not None:
            raise UsageError("--since compares two dates, --against two subsets of one date: give one of them.")
        if self.top < 0:
            raise UsageError(f"--top {self.top}: expected a number of drivers from 0 (all) on.")
        for option, texts in (("--where", self.where), ("--against", self.other)):
            for text in texts:
                Condition.parse(option, text)


@dataclass(frozen=True)
class Version:
    """A model with the name of its version."""

    bundle: ModelBundle
    name: str


def answer(model: Version, tables: AccountTables, asked: Asked, then: Version | None = None) -> dict[str, Any]:
    """The JSON of `waterfall`; `then` is the version whose word of the earlier date counts, None for the same."""
    table = score_customers(model.bundle, tables, model.name, asked.as_of)
    moment = day_of(asked.as_of) if asked.as_of else tables.data_until
    now = Customers(table, tables, moment)
    if then is not None and then.name == model.name:
        then = None
    if asked.since is not None or then is not None:
        return _of_dates(model, now, asked, then)
    (keep,), said = chosen(_conditions("--where", asked.where), [now])
    view = View(table, f"{moment:%Y-%m-%d}", keep, said)
    if asked.against is None:
        return of_portfolio(view, asked.top)
    return of_subsets(view, _against(now, view, asked), asked.top)


def _against(now: Customers, view: View, asked: Asked) -> View:
    if asked.against == "rest":
        return replace(view, keep=~view.keep, others=True)
    (keep,), said = chosen(_conditions("--against", asked.other), [now])
    return replace(view, keep=keep, where=said)


def _of_dates(model: Version, now: Customers, asked: Asked, then: Version | None) -> dict[str, Any]:
    since = day_of(asked.since) if asked.since is not None else now.moment
    if since > now.moment or (since == now.moment and then is None):
        raise UsageError(
            f"--since {since:%Y-%m-%d} is not before {now.moment:%Y-%m-%d}, the date that is compared with it.",
            remedy="Choose an earlier --since, or another --from-version for the same date.",
        )
    tables, day = now.tables, f"{since:%Y-%m-%d}"
    before = now
    if since < now.moment:
        before = Customers(_scored(model, tables, day), tables, since)
    (kept, keep), said = chosen(_conditions("--where", asked.where), [before, now])
    later, earlier = View(now.table, f"{now.moment:%Y-%m-%d}", keep, said), View(before.table, day, kept, said)
    as_said = None if then is None else replace(earlier, table=_scored(then, tables, day))
    return of_dates(later, earlier, as_said, tables, asked.top)


def _scored(model: Version, tables: AccountTables, day: str) -> ScoreTable:
    return score_customers(model.bundle, tables, model.name, day, option="--since")


def _conditions(option: str, texts: Sequence[str]) -> list[Condition]:
    return [Condition.parse(option, text) for text in texts]
