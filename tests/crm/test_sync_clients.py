"""The engine with the clients of Salesforce and HubSpot against servers that imitate them, under faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.crm.fields import FIELDS, Naming
from leap.crm.hubspot import hubspot_target
from leap.crm.ledger import Ledger
from leap.crm.salesforce import salesforce_target
from leap.crm.syncing import Allowed, Sync, place_of
from leap.crm.target import CrmError
from tests.crm import fake_hubspot, fake_salesforce
from tests.crm.fake_http import Clock, Fault
from tests.crm.fake_hubspot import TOKEN, FakeHubspot
from tests.crm.fake_salesforce import CLIENT, SECRET, FakeSalesforce
from tests.crm.fake_target import expected, folder_in_memory, table

KINDS = ("limit", "unavailable", "failure_before", "failure_after", "cut_before", "cut_after", "cut_midway", "expired")
STEPS = {
    "salesforce": ("query", "POST /services/data", "PUT", "PATCH", "Results", "GET /services/data/v62.0/jobs"),
    "hubspot": ("read", "upsert"),
}
SALESFORCE_TYPES = {"text": "string", "number": "double", "date": "date"}
HUBSPOT_TYPES = {"text": "string", "number": "number", "date": "date"}
MAKERS: dict[str, Any] = {"salesforce": salesforce_target, "hubspot": hubspot_target}
IDS = ["a", "B", "ü'", 'd,"e']
SCORES = st.dictionaries(st.sampled_from(IDS), st.sampled_from([0.1, 0.9]), min_size=1)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Any]]:
    made: dict[str, Any] = {"salesforce": FakeSalesforce(), "hubspot": FakeHubspot()}
    yield made
    for server in made.values():
        server.stop()


def begun(server: Any, crm: str) -> None:
    """Nothing stands there, and the object has our fields and no others."""
    server.forget()
    if crm == "salesforce":
        described, kinds, kept = fake_salesforce.described, SALESFORCE_TYPES, ("Leap_Account_Id__c", "Name")
    else:
        described, kinds, kept = fake_hubspot.described, HUBSPOT_TYPES, (fake_hubspot.ID, "name")
    known = server.fields if crm == "salesforce" else server.properties
    for name in set(known) - set(kept):
        del known[name]
    for field in FIELDS:
        name = Naming(crm).by_key[field.key]  # type: ignore[arg-type]
        known[name] = described(name, kinds[field.kind])


def engine(server: Any, crm: Any, folder: str) -> Sync:
    environment = {
        "LEAP_SALESFORCE_INSTANCE_URL": server.url, "LEAP_SALESFORCE_CLIENT_ID": CLIENT,
        "LEAP_SALESFORCE_CLIENT_SECRET": SECRET, "LEAP_HUBSPOT_URL": server.url, "LEAP_HUBSPOT_ACCESS_TOKEN": TOKEN,
    }  # fmt: skip
    target = MAKERS[crm](parse_settings({}), environment, Clock().pace(tries=2))
    ledger = Ledger.of(Path(folder), "Acme", crm, place_of(target))
    return Sync(ledger, target, Naming(crm), Allowed(changes=10**9), lambda seconds: None)


def run(server: Any, crm: Any, folder: str, wanted: Any) -> Any:
    """As the command does, by a new process each time."""
    sync = engine(server, crm, folder)
    sync.wire.check()
    sync.resume()
    plan = sync.plan(wanted)
    assert sync.refusal(plan) is None
    return sync.send(plan)


def said(server: Any, crm: Any, folder: str, wanted: Any) -> Any:
    """What the CRM says of the accounts of a table, by our keys, without the run."""
    there = engine(server, crm, folder).wire.current([record.external_id for record in wanted.records])
    return {
        account: {key: value for key, value in kept.fields.items() if key != "run"} for account, kept in there.items()
    }


@pytest.mark.parametrize("crm", ["salesforce", "hubspot"])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(first=SCORES, later=SCORES, data=st.data())
def test_after_faults_of_the_network_the_crm_says_what_the_table_says(
    servers: Any, crm: str, first: Any, later: Any, data: Any
):
    server = servers[crm]
    begun(server, crm)
    faults = st.tuples(st.sampled_from(KINDS), st.sampled_from(STEPS[crm]), st.integers(1, 3))
    with folder_in_memory() as folder:
        for wanted in (table(first), table(later, "2026-02-01")):
            server.faults = [Fault(*fault) for fault in data.draw(st.lists(faults, max_size=4))]
            for _ in range(30):
                with suppress(CrmError):
                    if not run(server, crm, folder, wanted).failed:
                        break
            else:
                raise AssertionError("never quiet")
        assert said(server, crm, folder, wanted) == expected(wanted)
        assert all(len(rows) == 1 for rows in server.by_id().values())
        assert run(server, crm, folder, wanted).unchanged == len(later)
