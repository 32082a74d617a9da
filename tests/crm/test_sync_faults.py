"""Whatever goes wrong on the way, and whenever a run is killed: in the end the CRM says what the table says, once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from leap.crm.ledger import Ledger
from leap.crm.target import CrmError
from tests.crm.fake_target import FAULTS, LOOKS, OK, FakeCrm, Killed, expected, folder_in_memory, run, table

ACCOUNTS = "abcdefg"
CALLS = st.lists(st.sampled_from([OK, *FAULTS, *LOOKS]), max_size=12)
SCORES = st.dictionaries(st.sampled_from(ACCOUNTS), st.sampled_from([0.1, 0.2, 0.9]), min_size=1)


@dataclass(frozen=True)
class MortalLedger(Ledger):
    """A ledger whose process is killed before or after some of its writes."""

    fates: Iterator[str] = field(default_factory=lambda: iter(()))

    def _mortal(self, write: Any, *args: Any, **kwargs: Any) -> Any:
        fate = next(self.fates, OK)
        if fate == "before":
            raise Killed
        found = write(*args, **kwargs)
        if fate == "after":
            raise Killed
        return found

    def begin(self, *args: Any) -> Any:
        return self._mortal(super().begin, *args)

    def end(self, *args: Any) -> Any:
        return self._mortal(super().end, *args)

    def begin_batch(self, *args: Any, **kwargs: Any) -> Any:
        return self._mortal(super().begin_batch, *args, **kwargs)

    def confirm(self, *args: Any, **kwargs: Any) -> Any:
        return self._mortal(super().confirm, *args, **kwargs)


def until_quiet(ledger: Ledger, crm: FakeCrm, wanted: Any) -> None:
    """Run again until a run is neither killed nor stopped and has no failures, as a scheduler would."""
    for _ in range(60):
        with suppress(Killed, CrmError):
            if not run(ledger, crm, wanted).failed:
                return
    raise AssertionError("never quiet")


@settings(max_examples=60, deadline=None)
@given(
    first=SCORES,
    later=SCORES,
    calls=CALLS,
    more_calls=CALLS,
    fates=st.lists(st.sampled_from([OK, OK, "before", "after"]), max_size=10),
    there=st.sets(st.sampled_from(ACCOUNTS)),
    interrupted=st.integers(0, 3),
)
def test_after_any_faults_and_kills_the_crm_says_what_the_table_says(
    first: Any, later: Any, calls: Any, more_calls: Any, fates: Any, there: Any, interrupted: int
):
    """The first table may never get through before the later one is sent; what only people wrote stays theirs."""
    crm = FakeCrm(faults=iter(calls), records={one: [{"Name": "Theirs", "Phone": "1"}] for one in there})
    with folder_in_memory() as folder:
        base = Ledger.of(Path(folder), "Acme", "salesforce")
        ledger = MortalLedger(base.file, base.company, base.target, base.place, iter(fates))
        for _ in range(interrupted):
            with suppress(Killed, CrmError):
                run(ledger, crm, table(first))
        crm.faults = iter(more_calls)
        wanted = table(later, "2026-02-01")
        until_quiet(ledger, crm, wanted)

        crm.carry_out_jobs()
        said = {account: fields for account, fields in crm.said().items() if fields["as_of"] is not None}
        gone = {account: fields for account, fields in said.items() if account not in later}
        assert {account: fields for account, fields in said.items() if account in later} == expected(wanted)
        assert all(fields["status"] == "left" and fields["nrr"] is None for fields in gone.values())
        assert all(crm.records[one][0]["Name"] == "Theirs" and crm.records[one][0]["Phone"] == "1" for one in there)
        # The ledger knows what stands there, so that the same again sends nothing.
        assert set(base.sent()) >= set(later) and not base.on_their_way()
        before, looks = len(crm.sends), crm.looks
        assert run(base, crm, wanted).unchanged == len(later)
        assert (len(crm.sends), crm.looks) == (before, looks)


@settings(max_examples=30, deadline=None)
@given(scores=SCORES, calls=CALLS, newer=st.sets(st.sampled_from(ACCOUNTS)))
def test_nothing_older_overwrites_what_another_wrote_later(scores: Any, calls: Any, newer: Any):
    crm = FakeCrm()
    with folder_in_memory() as folder:
        ledger = Ledger.of(Path(folder), "Acme", "salesforce")
        run(ledger, crm, table({account: 0.1 for account in ACCOUNTS}, "2026-01-01"))
        theirs = FakeCrm(records=crm.records)
        run(
            Ledger.of(Path(folder) / "other", "Acme", "salesforce"),
            theirs,
            table(dict.fromkeys(ACCOUNTS, 0.3), "2026-03-01"),
        )
        for account in set(ACCOUNTS) - newer:  # the others are as we left them
            crm.records[account][0] |= {"Leap_As_Of__c": "2026-01-01"}
        crm.faults = iter(calls)
        wanted = table(scores, "2026-02-01")
        until_quiet(ledger, crm, wanted)
        said = crm.said()
        assert all(
            said[account]["as_of"] == "2026-03-01" and said[account]["churn_probability"] == 0.3 for account in newer
        )
        assert all(said[account] == expected(wanted)[account] for account in set(scores) - newer)
