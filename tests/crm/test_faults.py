"""Any faults in any order, and sends repeated until quiet: what stands there is what was sent, each id once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.crm.hubspot import hubspot_target
from leap.crm.salesforce import salesforce_target
from leap.crm.target import CrmError, Record
from tests.crm.fake_http import Clock, Fault, MemoryNotes, batch_of
from tests.crm.fake_hubspot import TOKEN, FakeHubspot
from tests.crm.fake_salesforce import CLIENT, SECRET, FakeSalesforce

KINDS = st.sampled_from(
    ["limit", "day_limit", "unavailable", "failure_before", "failure_after", "cut_before", "cut_after", "cut_midway", "page", "expired"]
)  # fmt: skip


@dataclass
class Side:
    """One CRM: a server, how to reach it, and what its fields are called."""

    server: Any
    make: Any
    tier: str
    steps: tuple[str, ...]

    def target(self):
        return self.make(parse_settings({}), self.environment, Clock().pace(tries=3))

    @property
    def environment(self):
        return {
            "LEAP_SALESFORCE_INSTANCE_URL": self.server.url, "LEAP_SALESFORCE_CLIENT_ID": CLIENT,
            "LEAP_SALESFORCE_CLIENT_SECRET": SECRET, "LEAP_HUBSPOT_URL": self.server.url,
            "LEAP_HUBSPOT_ACCESS_TOKEN": TOKEN,
        }  # fmt: skip


@pytest.fixture(scope="module")
def salesforce():
    server = FakeSalesforce()
    steps = (
        "oauth2",
        "describe",
        "query",
        "POST /services/data",
        "PUT",
        "PATCH",
        "Results",
        "GET /services/data/v62.0/jobs",
    )
    yield Side(server, salesforce_target, "Leap_Tier__c", steps)
    server.stop()


@pytest.fixture(scope="module")
def hubspot():
    server = FakeHubspot()
    yield Side(server, hubspot_target, "leap_tier", ("properties", "read", "upsert"))
    server.stop()


IDS = ["a", "B", "ü'", "d"]
WISHES = st.dictionaries(st.sampled_from(IDS), st.sampled_from(["A", "B", None]), min_size=1)


def plan(draw, side):
    faults = draw(st.lists(st.tuples(KINDS, st.sampled_from(side.steps), st.integers(1, 4)), max_size=6))
    side.server.forget()
    side.server.faults = [Fault(kind, on, times) for kind, on, times in faults]
    side.server.locked = dict.fromkeys(draw(st.lists(st.sampled_from(IDS), max_size=2)), 1)
    return draw(WISHES)


def standing(side):
    """Field of tier by id; fails where an id stands there twice."""
    found = side.server.by_id()
    assert all(len(rows) == 1 for rows in found.values())
    return {one: rows[0].get(side.tier) or None for one, rows in found.items()}


def looking_again(side, wishes):
    """As the engine does: ask what stands there, send what differs, until nothing does."""
    target, created = side.target(), []
    for _ in range(40):
        try:
            there = target.current(list(wishes), [side.tier])
            differ = [one for one in wishes if one not in there or there[one].fields[side.tier] != wishes[one]]
            if not differ:
                return created
            answers = target.send(batch_of([Record(one, {side.tier: wishes[one]}) for one in differ], creates=False))
        except CrmError:
            continue
        assert sorted(one.external_id for one in answers) == sorted(differ)
        created += [one.external_id for one in answers if one.outcome == "created"]
    raise AssertionError("it does not become quiet")


def going_on(side, wishes):
    """The same batch with the same notes, by a new process each time, until it is answered; then what failed, anew."""
    left, notes, created = dict(wishes), MemoryNotes(), []
    for _ in range(60):
        if not left:
            return created
        try:
            answers = side.target().send(
                batch_of([Record(one, {side.tier: tier}) for one, tier in left.items()], notes)
            )
        except CrmError:
            continue
        assert sorted(one.external_id for one in answers) == sorted(left)
        assert all(one.again for one in answers if one.outcome == "failed")
        created += [one.external_id for one in answers if one.outcome == "created"]
        left, notes = (
            {one.external_id: left[one.external_id] for one in answers if one.outcome == "failed"},
            MemoryNotes(),
        )
    raise AssertionError("it does not become quiet")


@pytest.mark.parametrize("way", [looking_again, going_on])
@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_whatever_goes_wrong_the_end_is_what_was_sent_and_each_id_once(request, crm, way, data):
    side = request.getfixturevalue(crm)
    wishes = plan(data.draw, side)
    created = way(side, wishes)
    assert standing(side) == wishes
    assert len(created) == len(set(created))
    if (
        crm == "salesforce" and way is going_on
    ):  # The results of a job are told whole, however often it was interrupted.
        assert set(created) == set(wishes)
