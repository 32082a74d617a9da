"""A CRM in memory that fails as it is told to: before or after it has written, for some records, or for good."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leap.crm.fields import BY_KEY, RUN, Naming
from leap.crm.ledger import Ledger
from leap.crm.records import Table
from leap.crm.syncing import Allowed, Sync
from leap.crm.target import Batch, CrmError, Record, Remote, Sent, Unreached, Value

OK = "ok"
FAULTS = (
    "job",
    "job_killed",
    "before",
    "after",
    "half",
    "unanswered",
    "again",
    "refused",
    "lockout",
    "killed_before",
    "killed_after",
)
LOOKS = ("look_unreached", "look_killed")


class Killed(BaseException):
    """Stands for SIGKILL: nothing that runs on exceptions may keep a promise."""


def folder_in_memory() -> tempfile.TemporaryDirectory[str]:
    """A folder that is flushed in no time, where the machine has one."""
    memory = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)


@dataclass
class FakeCrm:
    """Records by id, each a list of those that have it; every call takes the next fault, then all goes well."""

    batch_size: int = 3
    faults: Iterator[str] = field(default_factory=lambda: iter(()))
    records: dict[str, list[dict[str, Value]]] = field(default_factory=dict)
    sends: list[Batch] = field(default_factory=list)
    jobs: dict[str, Batch] = field(default_factory=dict)
    """Of batches that were taken and not carried out yet: they may be at any time."""
    looks: int = 0
    locked: dict[str, int] = field(default_factory=dict)
    """How often records are still locked."""
    name: str = "salesforce"
    place: str = "https://example.invalid/Account"

    def check(self, fields: Sequence[str]) -> None:
        """All is well."""

    def current(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        self.looks += 1
        fault = next(self.faults, OK)
        if fault == "look_unreached":
            raise Unreached("no answer.")
        if fault == "look_killed":
            raise Killed
        return {
            account: Remote(account, {name: self.records[account][0].get(name) for name in fields}, matches)
            for account in ids
            if (matches := len(self.records.get(account, [])))
        }

    def send(self, batch: Batch) -> Sequence[Sent]:
        assert len({one.external_id for one in batch.records}) == len(batch.records) <= self.batch_size
        self.sends.append(batch)
        fault = next(self.faults, OK)
        if fault == "killed_before":
            raise Killed
        job = batch.notes.get("job")
        if job is None and fault in ("job", "job_killed"):
            job = str(len(self.sends))
            batch.notes.put("job", job)
            self.jobs[job] = batch
            raise Unreached("the job goes on.") if fault == "job" else Killed
        if job is not None and job in self.jobs:
            assert self.jobs.pop(job).records == batch.records
        if fault == "before":
            raise Unreached("no answer.")
        if fault == "lockout":
            raise CrmError("the daily limit is used up.", remedy="Wait a day.")
        kept = batch.records if fault not in ("half", "again", "refused") else batch.records[::2]
        answers = [self._put(record) for record in kept]
        if fault == "killed_after":
            raise Killed
        if fault in ("after", "half"):
            raise Unreached("no answer.")
        if fault in ("again", "refused"):
            why = {"why": "locked", "code": "LOCKED", "again": fault == "again"}
            answers += [Sent(record.external_id, "failed", **why) for record in batch.records[1::2]]
        return answers[1:] if fault == "unanswered" else answers

    def carry_out_jobs(self) -> None:
        """What was left behind is carried out late."""
        for batch in self.jobs.values():
            for record in batch.records:
                self._put(record)
        self.jobs = {}

    def _put(self, record: Record) -> Sent:
        if self.locked.get(record.external_id, 0) > 0:
            self.locked[record.external_id] -= 1
            return Sent(record.external_id, "failed", "busy", "LOCKED", again=True)
        known = self.records.get(record.external_id)
        if known is None:
            assert "Name" in record.fields
            self.records[record.external_id] = [dict(record.fields)]
            return Sent(record.external_id, "created")
        known[0].update(record.fields)
        return Sent(record.external_id, "updated")

    def said(self) -> dict[str, dict[str, Value]]:
        """What stands there, by our keys, without which run said it; each id once."""
        assert all(len(found) == 1 for found in self.records.values())
        heard = {
            account: Naming("salesforce").heard(Remote(account, found[0])) for account, found in self.records.items()
        }
        return {account: {key: fields[key] for key in BY_KEY if key != RUN} for account, fields in heard.items()}


def table(scores: Mapping[str, float], as_of: str = "2026-01-01", version: str = "1", **more: Any) -> Table:
    """A table of customers with these churn probabilities."""
    records = []
    for account, p in scores.items():
        said: dict[str, Value] = {
            "status": "customer", "churn_probability": p, "nrr": round(1 - p, 4), "tier": "A" if p < 0.5 else "D",
            "tier_since": "2026-01-01", "reason_1": "Seats: 3", "as_of": as_of, "model_version": version,
            "definition_hash": "abc",
        }  # fmt: skip
        records.append(Record(account, {key: said.get(key) for key in BY_KEY if key != RUN}))
    names = {account: f"Firm {account}" for account in scores}
    return Table(as_of, version, "abc", tuple(records), names, frozenset(scores), **more)


def expected(table: Table) -> dict[str, dict[str, Value]]:
    """What shall stand there, by our keys."""
    return {record.external_id: dict(record.fields) for record in table.records}


def engine(ledger: Ledger, crm: Any, slept: list[float] | None = None, **allowed: Any) -> Sync:
    """The engine of a target that waits in no time."""
    waits = slept if slept is not None else []
    return Sync(ledger, crm, Naming("salesforce"), Allowed(**{"changes": 10**9, **allowed}), waits.append)


def run(ledger: Ledger, crm: Any, table: Table, **allowed: Any) -> Any:
    """Resume, plan, refuse or send; the counts."""
    sync = engine(ledger, crm, **allowed)
    sync.resume()
    plan = sync.plan(table)
    refused = sync.refusal(plan)
    if refused is not None:
        raise refused
    return sync.send(plan)
