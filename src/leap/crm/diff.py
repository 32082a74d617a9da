"""What differs between a table of scores and what stands in a CRM: create, update, leave; and how much of it matters.

Pure values: what stands there is given, nothing is asked or sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

from leap.crm.fields import BY_KEY, NAME, RUN, SUBSTANCE
from leap.crm.ledger import Kept
from leap.crm.records import LEFT, Failure, Table, cleared
from leap.crm.target import Value

NOTICEABLE_POINTS: Final = 0.05
"""Of churn probability and NRR: figures move by a point or two from one month to the next in every second account."""
NOTICEABLE_MONEY: Final = 0.25
"""Of value and MRR at risk, as a share of what it was."""
LEAST_MONEY: Final = 100.0
"""Below, a share of a small amount says nothing."""
_WORDS: Final = ("status", "icp_id", "tier", "abstained")
_SHARES: Final = ("churn_probability", "nrr")
_MONEY: Final = ("value_12m", "mrr_at_risk")

Kind = Literal["create", "substance", "provenance", "clear"]


@dataclass(frozen=True)
class Change:
    """One record to be written: its fields after it by our keys, and what stood there before (None: no record)."""

    external_id: str
    name: str
    kind: Kind
    fields: Mapping[str, Value]
    before: Mapping[str, Value] | None

    @property
    def creates(self) -> bool:
        """Whether the CRM has no such record yet."""
        return self.kind == "create"

    @property
    def base(self) -> bool:
        """Whether scores stood there before."""
        return self.before is not None and self.before.get("as_of") is not None

    @property
    def differing(self) -> dict[str, tuple[Value, Value]]:
        """By our keys, in their order, what was and will be, where they differ."""
        was = self.before or {}
        return {key: (was.get(key), self.fields.get(key)) for key in BY_KEY if _differ(key, was, self.fields)}

    @cached_property
    def noticeable(self) -> bool:
        """Whether a person would call it a change: another status, tier or profile, or a figure that moved far."""
        if not self.base:
            return True
        was, now = self.before or {}, self.fields
        return (
            any(_differ(key, was, now) for key in _WORDS)
            or any(_moved(was.get(key), now.get(key), NOTICEABLE_POINTS) for key in _SHARES)
            or any(_moved_money(was.get(key), now.get(key)) for key in _MONEY)
        )

    def as_create(self) -> Change:
        """The same where it turned out that there is no record."""
        return replace(self, kind="create", before=None, fields={**self.fields, NAME: self.name})

    def as_update(self, before: Mapping[str, Value]) -> Change:
        """The same where it turned out that there is a record already, which keeps its name."""
        fields = {key: value for key, value in self.fields.items() if key != NAME}
        return replace(self, kind=_kind_of(before, fields), before=before, fields=fields)

    def stands_in(self, fields: Mapping[str, Value]) -> bool:
        """Whether that is all said already; which run said it is of no account."""
        return not any(_differ(key, fields, self.fields) for key in BY_KEY if key != RUN)


@dataclass(frozen=True)
class Diff:
    """What a run has to write, and of the rest how much was left and why.

    `adopted` are records that stand there as they should although the ledger did not know it.
    """

    changes: tuple[Change, ...]
    unchanged: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    not_there: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    adopted: Mapping[str, Mapping[str, Value]] | None = None
    base: int = 0
    """How many records had scores before; those of accounts that left have none."""
    tried: frozenset[str] = frozenset()
    """Accounts that failed in the run before: to try them again is no change, else what a CRM refuses would hold up the
    rest.
    """

    @property
    def noticeable(self) -> list[Change]:
        """The changes that count against the limit: without a base there are none."""
        counted = [change for change in self.changes if not (change.creates and change.external_id in self.tried)]
        return [change for change in counted if change.noticeable] if self.base else []

    @property
    def share(self) -> float:
        """The part of what was sent before that changes noticeably; above 1 where more is new than there was."""
        return len(self.noticeable) / self.base if self.base else 0.0


def unknown_ids(table: Table, sent: Mapping[str, Kept]) -> list[str]:
    """Accounts that the ledger knows nothing of: whether the CRM has them must be asked."""
    return [record.external_id for record in table.records if record.external_id not in sent]


def compare(
    table: Table,
    sent: Mapping[str, Kept],
    found: Mapping[str, Kept],
    run: str,
    *,
    several: Mapping[str, int] | None = None,
    create: bool = True,
    tried: frozenset[str] = frozenset(),
) -> Diff:
    """The difference between a table and what was `sent` (by the ledger) or `found` (in the CRM, not in the ledger)."""
    there = {**found, **sent}
    several = several or {}
    changes: list[Change] = []
    newer: list[str] = []
    missing: list[str] = []
    adopted: dict[str, Mapping[str, Value]] = {}
    failed = list(table.refused)
    unchanged: list[str] = []
    for change in _wanted(table, there, run):
        account = change.external_id
        kept = there.get(account)
        if account in several:
            failed.append(several_matches(account, several[account]))
        elif kept is None and not create:
            missing.append(account)
        elif kept is None:
            changes.append(change.as_create())
        elif kept.later_than(table.as_of):
            newer.append(account)
        elif change.stands_in(kept.fields):
            unchanged.append(account)
            adopted |= {} if account in sent else {account: kept.fields}
        else:
            changes.append(change)
    base = sum(kept.as_of is not None and kept.fields.get("status") != LEFT for kept in there.values())
    return Diff(tuple(changes), tuple(unchanged), tuple(newer), tuple(missing), tuple(failed), adopted, base, tried)


def several_matches(account: str, count: int) -> Failure:
    """An id that several records of a CRM have."""
    why = f"{count} records have this id: merge them in the CRM, or empty the id in all but one, and run this again."
    return Failure(account, "several_matches", why)


def _wanted(table: Table, there: Mapping[str, Kept], run: str) -> Iterator[Change]:
    """What shall stand there: the records of the table, and those sent before of accounts that are gone."""
    for record in table.records:
        kept, fields = there.get(record.external_id), {**record.fields, RUN: run}
        before = None if kept is None else kept.fields
        yield Change(record.external_id, table.names[record.external_id], _kind_of(before, fields), fields, before)
    for account in sorted(set(there) - table.known):
        before = there[account].fields
        if before.get("status") not in (None, LEFT):
            yield Change(account, account, "clear", {**cleared(table), RUN: run}, before)


def _kind_of(before: Mapping[str, Value] | None, after: Mapping[str, Value]) -> Kind:
    if before is None:
        return "create"
    if after.get("status") == LEFT:
        return "clear"
    return "substance" if any(_differ(key, before, after) for key in SUBSTANCE) else "provenance"


def _differ(key: str, was: Mapping[str, Value], now: Mapping[str, Value]) -> bool:
    before, after = was.get(key), now.get(key)
    if before == after:
        return False
    canonical = BY_KEY[key].canonical
    return canonical(before) != canonical(after)


def _moved(was: Any, now: Any, least: float) -> bool:
    if was is None or now is None:
        return was is not now
    return bool(abs(float(now) - float(was)) >= least - 1e-9)


def _moved_money(was: Any, now: Any) -> bool:
    if was is None or now is None:
        return was is not now
    return _moved(was, now, max(LEAST_MONEY, NOTICEABLE_MONEY * abs(float(was))))
