"""A run of a sync: ask what is not known, refuse what looks wrong, send in batches, and remember what arrived.

A batch is written to the ledger before it is sent and settled after, so that a run that ends at any moment leaves
behind what may have arrived; the next one asks the CRM for it before it does anything else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from leap.crm.diff import Change, Diff, compare, unknown_ids
from leap.crm.fields import Naming
from leap.crm.ledger import Kept, Ledger, OnItsWay
from leap.crm.records import Table
from leap.crm.sending import Counts, Sending, Wire
from leap.crm.target import CrmError, Placed, Record, Run, Target, Unreached, Value
from leap.errors import LeapError, UsageError

ASKED_AT_ONCE: Final = 1000
"""Ids whose records are asked for together."""


class TooManyChanges(LeapError):
    """More would change in one run than is allowed: nothing was sent."""

    code = "too_many_changes"


@dataclass(frozen=True)
class Allowed:
    """What a run may do: `[crm.sync]`, and what the command says of this one run."""

    create: bool = True
    share: float = 0.5
    changes: int | None = None
    """How many noticeable changes this run may make, in place of the share."""
    verify: bool = False
    """Compare with what stands in the CRM, not with what was sent last: people may have changed it."""


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    run: str
    table: Table
    diff: Diff
    sent: Mapping[str, Kept]

    @property
    def state(self) -> tuple[Record, ...]:
        """All that will stand there once the run is done, by our keys, in the order of ids."""
        fields = {account: kept.fields for account, kept in self.sent.items()}
        fields |= {change.external_id: change.fields for change in self.diff.changes}
        return tuple(Record(account, fields[account]) for account in sorted(fields))

    def as_run(self, number: int) -> Run:
        """The same for a target that takes runs."""
        table, changes = self.table, self.diff.changes
        before = {change.external_id: change.before for change in changes if change.before is not None}
        # Of an account that left the tables give no name: its id must not be taken for one.
        names = {change.external_id: change.name for change in changes if change.kind != "clear"} | dict(table.names)
        return Run(self.run, table.as_of, table.model_version, table.definition_hash, self.state, names, before, number)


@dataclass
class Sync:
    """The engine: one company's ledger, one target, what is allowed; `sleep` waits so many seconds."""

    ledger: Ledger
    target: Target
    naming: Naming
    allowed: Allowed
    sleep: Callable[[float], None]
    observed: dict[str, Kept | None] = field(default_factory=dict)
    """What the CRM said of accounts on their way in a run that only looks: the ledger does not know it then."""
    unconfirmed: set[str] = field(default_factory=set)
    """Accounts that were on their way: what stands there of them was sent, and no run has counted it."""

    @cached_property
    def wire(self) -> Wire:
        """The target, spoken to by our keys."""
        return Wire(self.target, self.naming, self.sleep)

    def resume(self, *, dry_run: bool = False) -> int:
        """Settle the batches that earlier runs left on their way; how many there were. A dry run only looks."""
        left = self.ledger.on_their_way()
        for batch in left:
            self.unconfirmed |= {record.external_id for record in batch.records}
            there = self.wire.current([record.external_id for record in batch.records])
            if dry_run:
                self.observed |= {record.external_id: there.get(record.external_id) for record in batch.records}
            else:
                self._settle(batch, there)
        return len(left)

    def _settle(self, batch: OnItsWay, there: Mapping[str, Kept]) -> None:
        if self._unfinished(batch, there):
            # The target knows by its notes how far it came, such as by the id of a job that still runs.
            self.wire.finish(batch)
            there = self.wire.current([record.external_id for record in batch.records])
        known: dict[str, Mapping[str, Value] | None] = {}
        for record in batch.records:
            kept = there.get(record.external_id)
            if kept is not None:
                known[record.external_id] = kept.fields
            elif not self.wire.takes_runs:
                known[record.external_id] = None
        self.ledger.confirm(known, done=[batch.number])

    def _unfinished(self, batch: OnItsWay, there: Mapping[str, Kept]) -> bool:
        """Whether something was noted, not all arrived, and nothing newer stands there."""
        if not batch.notes.all():
            return False
        arrived = True
        for record in batch.records:
            kept = there.get(record.external_id)
            if kept is not None and kept.later_than(str(record.fields.get("as_of") or "")):
                return False
            arrived &= kept is not None and Change(record.external_id, "", "substance", record.fields, None).stands_in(
                kept.fields
            )
        return not arrived

    def plan(self, table: Table, *, look: bool = False) -> Plan:
        """Compare, asking the CRM for what the ledger does not know; nothing is written.

        With `look` the CRM is also asked what stands there now of all that would change, as is done while sending.
        """
        table = self.wire.told_apart(table)
        sent, several, run = self._sent(), dict[str, int](), self._id_of(table)
        if self.allowed.verify and not self.wire.takes_runs:
            sent = self._asked(list(sent), several)
        found = self._asked([one for one in unknown_ids(table, sent) if one not in several], several)
        options: dict[str, Any] = {"several": several, "create": self.allowed.create, "tried": self.ledger.failed()}
        diff = compare(table, sent, found, run, **options)
        if look and not self.wire.takes_runs:
            doubtful = [change.external_id for change in diff.changes if change.external_id in sent]
            now = self._asked(doubtful, several)
            gone = set(doubtful) - set(now)
            sent = {account: now.get(account, kept) for account, kept in sent.items() if account not in gone}
            diff = compare(table, sent, found, run, **options)
        return Plan(run, table, diff, sent)

    def _sent(self) -> dict[str, Kept]:
        sent = self.ledger.sent()
        for account, kept in self.observed.items():
            if kept is not None:
                sent[account] = kept
            elif not self.wire.takes_runs:
                sent.pop(account, None)
        return sent

    def _asked(self, accounts: Sequence[str], several: dict[str, int]) -> dict[str, Kept]:
        found: dict[str, Kept] = {}
        for begin in range(0, len(accounts), ASKED_AT_ONCE):
            found |= self.wire.current(accounts[begin : begin + ASKED_AT_ONCE], several)
        return found

    def _id_of(self, table: Table) -> str:
        where = (self.ledger.company, self.ledger.target, self.ledger.place)
        about = (*where, table.model_version, table.definition_hash, table.as_of, table.content)
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]

    def refusal(self, plan: Plan) -> LeapError | None:
        """Why the plan must not be carried out, or None."""
        last, ended = self.ledger.runs()
        if last is not None and plan.table.as_of < last and plan.diff.changes:
            return UsageError(
                f"The scores of {last} were sent to {self.target.name} already; these are of {plan.table.as_of}, and "
                f"{len(plan.diff.changes):,} record(s) would go back to them.",
                remedy="Send a later date: older scores never overwrite newer ones.",
            )
        # A first run that was interrupted is still the first one; one that finds our scores there is not, whatever
        # became of the ledger.
        interrupted = last is not None and not ended
        return None if interrupted else self._too_many(plan.diff)

    def _too_many(self, diff: Diff) -> TooManyChanges | None:
        count, allowed = len(diff.noticeable), self.allowed
        over = count > allowed.changes if allowed.changes is not None else diff.share > allowed.share
        if not over:
            return None
        examples = [change.external_id for change in diff.noticeable[:5]]
        limit = f"{allowed.changes:,} record(s)" if allowed.changes is not None else f"{allowed.share:.0%}"
        return TooManyChanges(
            f"{count:,} of {diff.base:,} record(s) sent before would change noticeably or be new ({diff.share:.0%}), "
            f"more than the {limit} allowed in one run, such as {', '.join(examples)}. Nothing was sent.",
            details=[{"changes": count, "sent_before": diff.base, "share": round(diff.share, 4), "examples": examples}],
            remedy=f"Look at them with --dry-run; if they are right, allow them with --max-changes {count}.",
        )

    def send(self, plan: Plan) -> Counts:
        """Carry the plan out; CrmError, with what arrived, where it could not be carried to its end."""
        diff = plan.diff
        self.ledger.confirm(diff.adopted or {})
        counts = self._counts(diff)
        if not diff.changes:
            return counts
        number = self.ledger.begin(plan.run, plan.table.as_of)
        if self.wire.takes_runs:
            self.wire.begin(plan.as_run(number))
        sending = Sending(self.ledger, self.wire, number, plan.table.as_of, self.allowed.create, counts)
        try:
            sending.all(diff.changes)
        except CrmError as error:
            raise self._stopped(error, counts, len(diff.changes)) from error
        self.ledger.end(number, counts.to_json())
        return counts

    def foreseen(self, plan: Plan) -> Counts:
        """How the records would go if all went well."""
        counts = self._counts(plan.diff)
        for change in plan.diff.changes:
            counts.arrived(change, created=change.creates)
        return counts

    def _counts(self, diff: Diff) -> Counts:
        """Of what is not sent."""
        counts = Counts(unchanged=len(diff.unchanged), newer=list(diff.newer), not_there=list(diff.not_there))
        counts.already_there = len(self.unconfirmed.intersection(diff.unchanged))
        counts.failed.extend(diff.failed)
        return counts

    def _stopped(self, error: CrmError, counts: Counts, planned: int) -> CrmError:
        """The same error with how far the run came."""
        arrived = counts.created + counts.updated
        kind = Unreached if isinstance(error, Unreached) else CrmError
        stopped = kind(
            f"{error.message} {arrived:,} of {planned:,} record(s) had arrived and are kept in the ledger.",
            details=[*error.details, {**counts.to_json(), "planned": planned}],
            remedy=f"{error.remedy} Run this again: it asks what arrived and goes on from there.".strip(),
        )
        stopped.code = error.code
        return stopped


def place_of(target: Target) -> str:
    """Which place a target writes to; empty where it cannot tell."""
    return target.place if isinstance(target, Placed) else ""
