"""Batches on their way: sent, looked at again where it is not known what arrived, and settled in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from leap.crm.diff import Change, several_matches
from leap.crm.fields import BY_KEY, Naming
from leap.crm.ledger import Kept, Ledger, OnItsWay
from leap.crm.records import Failure, Table
from leap.crm.target import Batch, Record, Run, Sent, TakesForOne, TakesRuns, Target, Unreached, Value

TRIES: Final = 5
"""How often a record that may be tried again is sent at most in one run."""
SILENT_TRIES: Final = 3
"""How often a target may stay silent on the same: it has asked several times itself before it says so."""
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0


def wait_before(attempt: int) -> float:
    """Seconds before the second attempt (1), the third (2), and so on: each twice as long as the one before.

    >>> [wait_before(attempt) for attempt in (1, 2, 3, 9)]
    [1.0, 2.0, 4.0, 30.0]
    """
    return float(min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (attempt - 1)))


@dataclass
class Counts:
    """How the records of a run went."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    provenance_only: int = 0
    cleared: int = 0
    already_there: int = 0
    newer: list[str] = field(default_factory=list)
    not_there: list[str] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def arrived(self, change: Change, *, created: bool) -> None:
        """A record that stands there now."""
        self.created += created
        self.updated += not created
        self.provenance_only += not created and change.kind == "provenance"
        self.cleared += not created and change.kind == "clear"

    def stood_there(self) -> None:
        """A record that had arrived before."""
        self.unchanged += 1
        self.already_there += 1

    def to_json(self) -> dict[str, Any]:
        """As in the answer of the command."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": [one.to_json() for one in self.failed],
            "provenance_only": self.provenance_only,
            "cleared": self.cleared,
            "already_there": self.already_there,
            "newer_there": len(self.newer),
            "newer_ids": self.newer,
            "not_in_crm": len(self.not_there),
        }


@dataclass(frozen=True)
class Wire:
    """A target, spoken to by our keys; what it does not answer is asked again a few times."""

    target: Target
    naming: Naming
    sleep: Callable[[float], None]

    @property
    def takes_runs(self) -> bool:
        """Whether it takes a run as one batch, and nobody else writes there."""
        return isinstance(self.target, TakesRuns)

    @property
    def batch_size(self) -> int:
        """How many records go together."""
        return self.target.batch_size

    def told_apart(self, table: Table) -> Table:
        """The table without records that the target would take for one, whichever batches they would go in."""
        if not isinstance(self.target, TakesForOne):
            return table
        alike = {record.external_id: self.target.alike(record.external_id) for record in table.records}
        often = Counter(alike.values())
        why = f"another id is the same to {self.target.name}: tell them apart there, or give one of them another id."
        refused = [Failure(account, "ids_alike", why) for account, one in alike.items() if often[one] > 1]
        if not refused:
            return table
        left_out = {failure.external_id for failure in refused}
        records = tuple(record for record in table.records if record.external_id not in left_out)
        return replace(table, records=records, refused=(*table.refused, *refused))

    def begin(self, run: Run) -> None:
        """What the next batch belongs to."""
        if isinstance(self.target, TakesRuns):
            self.target.begin(run)

    def check(self) -> None:
        """CrmError unless it can be reached and has the fields."""
        self.target.check(self.naming.names)

    def current(self, accounts: Sequence[str], several: dict[str, int] | None = None) -> dict[str, Kept]:
        """What stands there of accounts; those with several records are put into `several` instead, if it is given."""
        asked = list(accounts)
        found = self._insisting(lambda: self.target.current(asked, self.naming.names)) if asked else {}
        there = {}
        for account in asked:
            remote = found.get(account)
            if remote is None:
                continue
            if remote.matches > 1 and several is not None:
                several[account] = remote.matches
            else:
                there[account] = Kept(self.naming.heard(remote))
        return there

    def _insisting(self, ask: Callable[[], Any]) -> Any:
        for attempt in range(1, SILENT_TRIES):
            try:
                return ask()
            except Unreached:
                self.sleep(wait_before(attempt))
        return ask()

    def send(self, batch: OnItsWay) -> dict[str, Sent]:
        """Send it; what was answered, by account. Records without an answer, or with two, are left out."""
        spoken = tuple(Record(one.external_id, self.naming.spoken(one.fields)) for one in batch.records)
        answers = self.target.send(Batch(batch.number, spoken, batch.creates, batch.notes))
        found: dict[str, Sent] = {}
        doubtful = set()
        for answer in answers:
            if answer.external_id in found and found[answer.external_id] != answer:
                doubtful.add(answer.external_id)
            found[answer.external_id] = answer
        return {account: answer for account, answer in found.items() if account not in doubtful}

    def finish(self, batch: OnItsWay) -> None:
        """Let the target finish what an earlier run began."""
        self._insisting(lambda: self.send(batch))


@dataclass
class Sending:
    """The changes of one run on their way."""

    ledger: Ledger
    wire: Wire
    run: int
    as_of: str
    create: bool
    counts: Counts

    def all(self, changes: Sequence[Change]) -> None:
        """Send them in batches; Unreached where the target stays silent, and nothing after it is sent."""
        if self.wire.takes_runs:
            self._deliver(list(changes))
            return
        for creates in (True, False):
            chosen = [change for change in changes if change.creates == creates]
            for part in _parts(chosen, self.wire.batch_size):
                self._deliver(part)

    def _deliver(self, changes: list[Change]) -> None:
        """Until all are settled: arrived, failed, or left since the CRM knows better."""
        waiting = {change.external_id: change for change in changes}
        unsettled: list[OnItsWay] = []
        last: dict[str, Sent] = {}
        silences = 0
        for attempt in range(TRIES):
            if attempt:
                self.wire.sleep(wait_before(attempt))
            # What was asked for in the plan and is not there needs no second look before the first attempt.
            look = attempt > 0 or not all(change.creates for change in changes)
            if look and not self.wire.takes_runs:
                self._look(waiting, unsettled, sent_before=attempt > 0)
            silent: Unreached | None = None
            for group in self._groups(waiting, unsettled):
                try:
                    self._send(group, waiting, unsettled, last)
                except Unreached as error:
                    silent = error
            if not waiting:
                return
            silences += silent is not None
            if silent is not None and (silences == SILENT_TRIES or attempt == TRIES - 1):
                raise silent
        if any(account not in last for account in waiting):
            raise Unreached(f"{self.wire.target.name} did not say how it went with {len(waiting):,} record(s).")
        self.counts.failed += [_failure(last[account], tries=TRIES) for account in waiting]

    def _groups(self, waiting: Mapping[str, Change], unsettled: Sequence[OnItsWay]) -> list[list[Change] | OnItsWay]:
        """What to send next: batches whose target noted how far it came as they are, then the rest anew."""
        again = list(unsettled)
        taken = {record.external_id for batch in again for record in batch.records}
        rest = [change for account, change in waiting.items() if account not in taken]
        if self.wire.takes_runs:
            return [*again, *([rest] if rest else [])]
        parted = [[change for change in rest if change.creates == creates] for creates in (True, False)]
        return [*again, *(part for part in parted if part)]

    def _look(self, waiting: dict[str, Change], unsettled: list[OnItsWay], *, sent_before: bool) -> None:
        """What stands there of those that wait: what arrived is settled, the rest is sent as it now has to be."""
        several: dict[str, int] = {}
        there = self.wire.current(list(waiting), several)
        known: dict[str, Mapping[str, Value] | None] = {}
        for account, change in list(waiting.items()):
            kept = there.get(account)
            if account in several:
                self.counts.failed.append(several_matches(account, several[account]))
                del waiting[account]
            elif kept is None:
                known |= self._missing(waiting, change)
            elif kept.later_than(self.as_of):
                known[account] = kept.fields
                self.counts.newer.append(account)
                del waiting[account]
            elif change.stands_in(kept.fields):
                known[account] = kept.fields
                if sent_before:
                    self.counts.arrived(change, created=change.creates)
                else:
                    self.counts.stood_there()
                del waiting[account]
            elif change.creates:
                known[account] = kept.fields
                waiting[account] = change.as_update(kept.fields)
        # A batch with notes that is not through is sent again as it is; of the others all is known now.
        settled = [batch for batch in unsettled if not batch.notes.all() or not _waits(batch, waiting)]
        self.ledger.confirm(known, done=[batch.number for batch in settled])
        unsettled[:] = [batch for batch in unsettled if batch not in settled]

    def _missing(self, waiting: dict[str, Change], change: Change) -> dict[str, None]:
        """A record that is not there: to be created, unless that is not allowed or nobody needs it any more."""
        if change.creates:
            return {}
        if change.kind == "clear" or not self.create:
            if change.kind != "clear":
                self.counts.not_there.append(change.external_id)
            del waiting[change.external_id]
        else:
            waiting[change.external_id] = change.as_create()
        return {change.external_id: None}

    def _send(
        self,
        group: list[Change] | OnItsWay,
        waiting: dict[str, Change],
        unsettled: list[OnItsWay],
        last: dict[str, Sent],
    ) -> None:
        if isinstance(group, OnItsWay):
            batch = group
        else:
            records = [Record(change.external_id, change.fields) for change in group]
            batch = self.ledger.begin_batch(self.run, records, creates=all(change.creates for change in group))
            unsettled.append(batch)
        answers = self.wire.send(batch)
        known: dict[str, Mapping[str, Value] | None] = {}
        for record in batch.records:
            answer, change = answers.get(record.external_id), waiting.get(record.external_id)
            if answer is None or change is None:
                continue
            last[record.external_id] = answer
            if answer.outcome != "failed":
                known[record.external_id] = {key: value for key, value in record.fields.items() if key in BY_KEY}
                self.counts.arrived(change, created=answer.outcome == "created")
                del waiting[record.external_id]
            elif not answer.again:
                self.counts.failed.append(_failure(answer))
                del waiting[record.external_id]
        if all(record.external_id in answers for record in batch.records):
            unsettled.remove(batch)
            self.ledger.confirm(known, done=[batch.number])
        else:
            self.ledger.confirm(known)


def _waits(batch: OnItsWay, waiting: Mapping[str, Change]) -> bool:
    return any(record.external_id in waiting for record in batch.records)


def _failure(answer: Sent, tries: int = 1) -> Failure:
    told = f" ({tries} tries)" if tries > 1 else ""
    return Failure(answer.external_id, answer.code or "failed", f"{answer.why or 'no reason was given'}{told}")


def _parts(changes: Sequence[Change], size: int) -> Iterator[list[Change]]:
    for begin in range(0, len(changes), size):
        yield list(changes[begin : begin + size])
