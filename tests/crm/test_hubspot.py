"""HubSpot against a server that imitates it."""

from __future__ import annotations

import logging

import pytest

from leap.config import parse_settings
from leap.crm.http import LimitReached
from leap.crm.hubspot import hubspot_target
from leap.crm.target import CrmError, Record, Remote, Sent, Unreached
from tests.crm.fake_http import Clock, Fault, batch_of, impatient
from tests.crm.fake_hubspot import ID, TOKEN, FakeHubspot

FIELDS = ["leap_tier", "leap_nrr"]


@pytest.fixture(scope="module")
def server():
    running = FakeHubspot()
    yield running
    running.stop()


@pytest.fixture
def fake(server):
    server.forget()
    return server


@pytest.fixture
def target(fake):
    given = {"LEAP_HUBSPOT_URL": fake.url, "LEAP_HUBSPOT_ACCESS_TOKEN": TOKEN}
    return hubspot_target(parse_settings({}), given, Clock().pace())


def records(*ids, tier="A", nrr=1.05):
    return [Record(one, {"leap_tier": tier, "leap_nrr": nrr}) for one in ids]


def outcomes(answers):
    return {one.external_id: one.outcome for one in answers}


@pytest.mark.parametrize("tells_trace", [True, False])
def test_what_is_sent_stands_there_and_is_told_record_by_record(fake, target, tells_trace):
    fake.tells_trace = tells_trace
    fake.records = [{ID: "b", "leap_tier": "C", "name": "B"}]
    assert target.check(FIELDS) is None
    assert outcomes(target.send(batch_of(records("a", "b", "c"), creates=False))) == {
        "a": "created",
        "b": "updated",
        "c": "created",
    }
    found = target.current(["a", "b", "missing"], FIELDS)
    assert found["a"] == Remote("a", {"leap_tier": "A", "leap_nrr": 1.05})
    assert set(found) == {"a", "b"}
    assert fake.by_id()["b"][0]["name"] == "B"
    assert (target.name, target.batch_size) == ("hubspot", 100)


def test_values_are_written_as_texts_and_read_by_the_type_of_their_property(fake, target):
    fields = {
        "leap_at_risk": True,
        "leap_nrr": 3,
        "leap_scored_on": "2026-03-01",
        "leap_tier": None,
        "name": "é😀\u202e\n",
    }
    target.send(batch_of([Record("a", fields)]))
    assert fake.records[0] == {
        ID: "a",
        "leap_at_risk": "true",
        "leap_nrr": "3",
        "leap_scored_on": "2026-03-01",
        "leap_tier": "",
        "name": "é😀\u202e\n",
    }
    fake.records[0] |= {"leap_seen": "2026-03-01T10:00:00.000Z"}
    assert target.current(["a"], [*fields, "leap_seen"])["a"].fields == {
        **fields,
        "leap_seen": "2026-03-01T10:00:00+00:00",
    }
    fake.records[0] |= {"leap_scored_on": "1772323200000"}
    assert target.current(["a"], ["leap_scored_on"])["a"].fields == {"leap_scored_on": "2026-03-01"}


@pytest.mark.parametrize("as_404", [True, False])
def test_ids_that_are_not_there_are_left_out(fake, target, as_404):
    fake.all_missing_is_404 = as_404
    assert target.current(["a", "b"], FIELDS) == {}
    assert target.current([], FIELDS) == {}


def test_many_ids_are_asked_a_hundred_at_a_time(fake, target):
    ids = [f"a{number}" for number in range(250)]
    fake.records = [{ID: one, "leap_tier": "A"} for one in ids[:201]]
    assert set(target.current(ids, ["leap_tier"])) == set(ids[:201])
    assert len([call for call in fake.calls if call.endswith("batch/read")]) == 3
    assert len(target.send(batch_of(records(*ids)))) == 250


@pytest.mark.parametrize(("multi_status", "tells_trace"), [(True, True), (True, False), (False, True)])
def test_bad_records_are_found_however_hubspot_tells_of_them(fake, target, multi_status, tells_trace):
    fake.multi_status, fake.tells_trace = multi_status, tells_trace
    fake.locked["locked"] = 99
    wrong = Record("wrong", {"leap_nrr": "many"})
    ids = [f"a{number}" for number in range(20)]
    answers = target.send(batch_of([*records(*ids[:7]), wrong, *records("locked"), *records(*ids[7:])]))
    assert len(answers) == 22
    sent = {one.external_id: one for one in answers}
    assert {sent[one].outcome for one in ids} == {"created"}
    assert (sent["wrong"].code, sent["wrong"].again) == ("VALIDATION_ERROR", False)
    assert "was not a valid number" in sent["wrong"].why
    assert (sent["locked"].code, sent["locked"].again) == ("LOCKED", True)
    assert {key: len(rows) for key, rows in fake.by_id().items()} == dict.fromkeys(ids, 1)


def test_what_is_the_fault_of_all_is_not_asked_record_by_record(fake, target):
    fake.multi_status = False
    with pytest.raises(CrmError, match="PROPERTY_DOESNT_EXIST"):
        target.send(batch_of([Record(f"a{number}", {"not_there": "x"}) for number in range(50)]))
    fake.properties[ID]["hasUniqueValue"] = False
    with pytest.raises(CrmError, match="non-unique"):
        target.send(batch_of(records("a", "b")))
    assert len(fake.calls) == 2


def test_records_that_cannot_be_sent_are_answered_and_do_not_hold_up_the_others(fake, target):
    bad = [Record("nan", {"leap_nrr": float("inf")}), Record("", {}), Record("x" * 256, {}), *records("twice", "twice")]
    answers = target.send(batch_of([*bad, *records("good")]))
    assert len(answers) == len(bad) + 1
    assert {one.outcome for one in answers if one.external_id != "good"} == {"failed"}
    assert set(fake.by_id()) == {"good"}


@pytest.mark.parametrize(
    "kind",
    [
        "limit",
        "unavailable",
        "failure_before",
        "failure_after",
        "cut_before",
        "cut_after",
        "cut_midway",
        "page",
        "silence_after",
    ],
)
def test_each_fault_ends_in_the_same_state_and_is_told_as_it_was(fake, target, kind):
    fake.faults = [Fault(kind, "upsert")]
    if kind == "silence_after":
        impatient(target.calls)
    assert outcomes(target.send(batch_of(records("a", "b")))) == {"a": "created", "b": "created"}
    assert {key: [one["leap_tier"] for one in rows] for key, rows in fake.by_id().items()} == {"a": ["A"], "b": ["A"]}


@pytest.mark.parametrize("kind", ["failure_after", "cut_after", "page", "empty_object"])
def test_after_faults_that_last_nothing_is_claimed(fake, target, kind):
    fake.faults = [Fault(kind, "upsert", times=99)]
    with pytest.raises(Unreached):
        target.send(batch_of(records("a", "b")))
    assert set(target.current(["a", "b"], FIELDS)) == {"a", "b"}
    assert len([call for call in fake.calls if "upsert" in call]) <= 5


def test_a_record_that_hubspot_says_nothing_of_may_be_tried_again(fake, target):
    original = fake._upsert
    fake._upsert = lambda inputs: original(inputs[:1])
    try:
        assert target.send(batch_of(records("a", "b"))) == [
            Sent("a", "created"),
            Sent("b", "failed", "HubSpot said nothing of it", "NOT_ANSWERED", again=True),
        ]
    finally:
        del fake._upsert


def test_the_daily_limit_is_told_and_not_waited_for(fake, target):
    fake.faults = [Fault("day_limit", times=99)]
    with pytest.raises(LimitReached, match="midnight"):
        target.send(batch_of(records("a")))
    assert len(fake.calls) == 1


def test_a_nearly_used_allowance_is_warned_of_once(fake, target, caplog):
    fake.headers |= {"X-HubSpot-RateLimit-Daily": "250000", "X-HubSpot-RateLimit-Daily-Remaining": "12000"}
    target.current(["a"], FIELDS)
    assert caplog.text.count("238,000 of 250,000 calls") == 1


def test_a_token_that_is_no_longer_taken_is_told_unless_its_file_has_another(fake, tmp_path, caplog):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    given = {"LEAP_HUBSPOT_URL": fake.url, "LEAP_HUBSPOT_ACCESS_TOKEN_FILE": str(file)}
    target = hubspot_target(parse_settings({}), given, Clock().pace())
    target.check(FIELDS)
    fake.token = "pat-na1-new"
    with pytest.raises(CrmError, match="INVALID_AUTHENTICATION.*crm.schemas.companies.read") as raised:
        target.check(FIELDS)
    assert TOKEN not in f"{raised.value} {caplog.text}"
    file.write_text("pat-na1-new\n")
    target.check(FIELDS)


def test_missing_scopes_are_told(fake, target):
    fake.faults = [Fault("forbidden")]
    with pytest.raises(CrmError, match="MISSING_SCOPES"):
        target.check(FIELDS)


def test_properties_that_are_lacking_or_fixed_are_named_with_what_to_do(fake, target):
    with pytest.raises(CrmError, match=r"lacks 1 of 2 properties: not_there.*Create property"):
        target.check(["not_there", "leap_tier"])
    fake.properties["leap_tier"]["calculated"] = True
    with pytest.raises(CrmError, match="leap_tier of companies cannot be written"):
        target.check(FIELDS)
    fake.properties[ID]["hasUniqueValue"] = False
    with pytest.raises(CrmError, match="need not be unique"):
        target.check(FIELDS)
    del fake.properties[ID]
    with pytest.raises(CrmError, match="has no property leap_account_id"):
        target.check(FIELDS)


def test_an_object_that_is_not_there_is_told(fake):
    settings = parse_settings({"crm": {"hubspot": {"object": "firms"}}})
    given = {"LEAP_HUBSPOT_URL": fake.url, "LEAP_HUBSPOT_ACCESS_TOKEN": TOKEN}
    with pytest.raises(CrmError, match="no object firms"):
        hubspot_target(settings, given, Clock().pace()).check(FIELDS)


def test_what_is_missing_is_named_exactly():
    with pytest.raises(CrmError, match=r"lacking LEAP_HUBSPOT_ACCESS_TOKEN\."):
        hubspot_target(parse_settings({}), {})
    with pytest.raises(CrmError, match="LEAP_HUBSPOT_URL: expected an address"):
        hubspot_target(
            parse_settings({}), {"LEAP_HUBSPOT_ACCESS_TOKEN": "t", "LEAP_HUBSPOT_URL": "http://hubspot.example"}
        )


def test_no_error_and_no_log_repeats_the_ids_that_were_asked_for(fake, target, caplog):
    caplog.set_level(logging.DEBUG, logger="leap")
    fake.faults = [Fault("failure_before", "read", times=99)]
    with pytest.raises(Unreached) as raised:
        target.current(["acme-gmbh"], FIELDS)
    assert "acme-gmbh" not in f"{raised.value} {caplog.text}"


def test_what_records_are_found_by_is_part_of_the_place():
    given = {"LEAP_HUBSPOT_ACCESS_TOKEN": "t"}
    settings = [parse_settings(one) for one in ({}, {"crm": {"hubspot": {"id_property": "other_id"}}})]
    assert len({hubspot_target(one, given).place for one in settings}) == 2
