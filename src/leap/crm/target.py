"""What a CRM has to be able to do: say what stands there, take a batch, and say of every record how that went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from leap.errors import LeapError

Value = str | int | float | bool | None
"""Of a field; None empties it."""
Outcome = Literal["created", "updated", "failed"]


class CrmError(LeapError):
    """A CRM that cannot be reached, lets nobody in, or is not set up; `remedy` says what to do."""

    code = "crm"


class Unreached(CrmError):
    """A CRM did not answer (in time), or not as documented: what was sent may have arrived or not.

    The engine asks `current` what stands there before it sends again.
    """

    code = "crm_unreached"


@dataclass(frozen=True)
class Record:
    """What a CRM shall say of one account: its id in our tables and the fields by their names in the CRM."""

    external_id: str
    fields: Mapping[str, Value]


@dataclass(frozen=True)
class Remote:
    """What a CRM says of one account now, of the fields asked for; numbers as numbers, dates as ISO 8601 texts.

    `matches` is how many records of the CRM have this id: more than one is an error that people must mend.
    """

    external_id: str
    fields: Mapping[str, Value]
    matches: int = 1


@dataclass(frozen=True)
class Sent:
    """How it went with one record. `again` where another try may succeed (a limit, a lock); `why` in words."""

    external_id: str
    outcome: Outcome
    why: str = ""
    code: str = ""
    again: bool = False


class Notes(Protocol):
    """What a target wants to know again after an interruption, kept durably with the batch: such as the id of a job."""

    def get(self, name: str) -> str | None:
        """What was noted, if it was."""

    def put(self, name: str, value: str) -> None:
        """Note it; returns once it is safe on the disk."""


@dataclass(frozen=True)
class Batch:
    """Records that are sent together, each id once. `creates`: whether they are expected not to stand there yet."""

    number: int
    records: tuple[Record, ...]
    creates: bool
    notes: Notes = field(compare=False)


class Target(Protocol):
    """A CRM. Its methods may be called again after any interruption."""

    @property
    def name(self) -> str:
        """`salesforce`, `hubspot` or `outbox`."""

    @property
    def batch_size(self) -> int:
        """How many records are sent together at most."""

    def check(self, fields: Sequence[str]) -> None:
        """CrmError unless it can be reached, lets us in, and has these fields (naming those it lacks, and how to make
        them).
        """

    def current(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        """What stands there, of as many ids as are asked for; those without a record are left out."""

    def send(self, batch: Batch) -> Sequence[Sent]:
        """Create or update by external id; one answer for each record, in any order.

        Unreached where it is not known what arrived; CrmError where nothing can be sent at all.
        """


@runtime_checkable
class Placed(Protocol):
    """A target that can tell which place it writes to: what was sent to one organisation was not sent to another."""

    @property
    def place(self) -> str:
        """Names the organisation (its address or id) and the object; the same place, always the same text."""


@runtime_checkable
class TakesForOne(Protocol):
    """A target that may take different ids for one."""

    def alike(self, external_id: str) -> str:
        """The same text for ids that it takes for one."""


@runtime_checkable
class TakesRuns(Protocol):
    """A target that takes a run as one batch, whatever of it is new, and is told before what belongs to it.

    Nobody else writes there: what stands there is not looked at before each batch.
    """

    def begin(self, run: Run) -> None:
        """What the next batch belongs to."""


@dataclass(frozen=True)
class Run:
    """One run, by its id: the date and model it speaks of, all that will stand there once it is done, with the
    accounts' names, and what stood there of the records that it changes. `number` grows from run to run.
    """

    id: str
    as_of: str
    model_version: str
    definition_hash: str
    state: tuple[Record, ...]
    names: Mapping[str, str]
    before: Mapping[str, Mapping[str, Value]]
    number: int = 0
