"""Salesforce against a server that imitates it."""

from __future__ import annotations

import logging

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leap.config import parse_settings
from leap.crm.http import LimitReached
from leap.crm.salesforce import salesforce_target
from leap.crm.target import CrmError, Record, Remote, Sent, Unreached
from tests.crm.fake_http import Clock, Fault, MemoryNotes, Reply, batch_of, impatient
from tests.crm.fake_salesforce import CLIENT, SECRET, FakeSalesforce, described

FIELDS = ["Leap_Tier__c", "Leap_NRR__c"]


@pytest.fixture(scope="module")
def server():
    running = FakeSalesforce()
    yield running
    running.stop()


@pytest.fixture
def fake(server):
    server.forget()
    return server


def environment(fake, **more):
    return {
        "LEAP_SALESFORCE_INSTANCE_URL": fake.url, "LEAP_SALESFORCE_CLIENT_ID": CLIENT,
        "LEAP_SALESFORCE_CLIENT_SECRET": SECRET, **more,
    }  # fmt: skip


@pytest.fixture
def target(fake):
    return salesforce_target(parse_settings({}), environment(fake), Clock().pace())


def records(*ids, tier="A", nrr=1.05):
    return [Record(one, {"Leap_Tier__c": tier, "Leap_NRR__c": nrr}) for one in ids]


def outcomes(answers):
    return {one.external_id: one.outcome for one in answers}


def test_what_is_sent_stands_there_and_is_told_record_by_record(fake, target):
    fake.add("b", Leap_Tier__c="C", Leap_NRR__c=0.5)
    assert target.check(FIELDS) is None
    assert outcomes(target.send(batch_of(records("a", "b")))) == {"a": "created", "b": "updated"}
    found = target.current(["a", "b", "missing"], FIELDS)
    assert found["a"] == Remote("a", {"Leap_Tier__c": "A", "Leap_NRR__c": 1.05})
    assert set(found) == {"a", "b"}
    assert target.name == "salesforce"


def test_nothing_empties_a_field_and_a_field_that_is_not_named_stays(fake, target):
    fake.add("a", Leap_Tier__c="C", Leap_NRR__c=0.5, Name="Acme")
    fake.add("b", Leap_Tier__c="C", Leap_NRR__c=0.5)
    target.send(batch_of([Record("a", {"Leap_Tier__c": None}), Record("b", {"Leap_NRR__c": 2.0, "Name": ""})]))
    assert fake.by_id()["a"][0] == {"Leap_Account_Id__c": "a", "Leap_Tier__c": None, "Leap_NRR__c": 0.5, "Name": "Acme"}
    assert fake.by_id()["b"][0]["Leap_Tier__c"] == "C"
    assert fake.by_id()["b"][0]["Name"] is None


@pytest.mark.parametrize(
    "text",
    [
        'O\'Neil \\ "x"',
        "a,b\nc\r\nd",
        "=1+1",
        "\u202eevil",
        "<script>",
        "lone\rreturn",
        " spaced ",
        "😀" * 50,
        "é%27)--",
    ],
)
def test_any_text_arrives_as_it_is_and_any_id_is_found_again(fake, target, text):
    assert outcomes(target.send(batch_of([Record(text, {"Name": text, "Leap_At_Risk__c": True})]))) == {text: "created"}
    assert target.current([text], ["Name", "Leap_At_Risk__c"])[text].fields == {"Name": text, "Leap_At_Risk__c": True}
    assert outcomes(target.send(batch_of([Record(text, {"Name": text})]))) == {text: "updated"}


def test_moments_and_days_read_in_iso_8601(fake, target):
    fake.add("a", Leap_Seen__c="2026-03-01T10:00:00.000+0000", Leap_Scored_On__c="2026-03-01")
    found = target.current(["a"], ["Leap_Seen__c", "Leap_Scored_On__c"])["a"].fields
    assert found == {"Leap_Seen__c": "2026-03-01T10:00:00+00:00", "Leap_Scored_On__c": "2026-03-01"}


def test_many_ids_are_asked_in_addresses_of_bounded_length_and_over_pages(fake, target):
    ids = [f"account-{number:06d}'" for number in range(700)]
    for one in ids:
        fake.add(one, Leap_Tier__c="A")
    found = target.current(ids, ["Leap_Tier__c"])
    assert list(found) == ids
    queries = [call for call in fake.calls if "/query" in call]
    assert max(map(len, queries)) <= 8_010
    assert any("-50" in call for call in queries)


def test_several_records_with_one_id_are_counted_and_written_by_none(fake, target):
    fake.add("a", Leap_Tier__c="A")
    fake.add("a", Leap_Tier__c="B")
    assert target.current(["a"], FIELDS)["a"].matches == 2
    [answer] = target.send(batch_of(records("a")))
    assert (answer.outcome, answer.code, answer.again) == ("failed", "DUPLICATE_EXTERNAL_ID", False)
    assert "keep one of them" in answer.why


def test_ids_that_differ_in_case_only_are_one_record_where_the_field_says_so(fake, target):
    fake.fields["Leap_Account_Id__c"]["caseSensitive"] = False
    fake.add("ABC", Leap_Tier__c="A")
    assert target.current(["abc"], ["Leap_Tier__c"])["abc"].matches == 1
    assert target.alike("abc") == target.alike("Abc")
    assert {one.matches for one in target.current(["abc", "Abc"], FIELDS).values()} == {2}
    answers = target.send(batch_of(records("abc", "Abc", "x")))
    assert outcomes(answers) == {"abc": "failed", "Abc": "failed", "x": "created"}
    assert {one.code for one in answers if one.outcome == "failed"} == {"DUPLICATE_IN_BATCH"}
    assert b"abc" not in next(iter(fake.jobs.values())).uploads[0]


def test_records_that_cannot_be_sent_are_answered_and_do_not_hold_up_the_others(fake, target):
    bad = [
        Record("nan", {"Leap_NRR__c": float("nan")}), Record("n/a", {"Name": "#N/A"}), Record(" ", {}),
        Record("x" * 256, {}), Record("nul", {"Name": "\0"}), Record("half", {"Name": "\ud800"}), *records("twice", "twice"),
    ]  # fmt: skip
    answers = target.send(batch_of([*bad, *records("good")]))
    assert len(answers) == len(bad) + 1
    assert {one.outcome for one in answers if one.external_id != "good"} == {"failed"}
    assert all(one.why and not one.again for one in answers if one.external_id != "good")
    assert set(fake.by_id()) == {"good"}
    fake.calls = []
    assert len(target.send(batch_of(bad))) == len(bad)
    assert fake.calls == []


def test_a_partial_failure_is_told_by_record_with_what_may_be_tried_again(fake, target):
    fake.locked["locked"] = 1
    fake.needs_name = True
    fake.add("locked")
    wrong = Record("wrong", {"Leap_NRR__c": "many", "Name": "W"})
    sent = {one.external_id: one for one in target.send(batch_of([*records("locked", "nameless"), wrong]))}
    assert (sent["locked"].code, sent["locked"].again) == ("UNABLE_TO_LOCK_ROW", True)
    assert (sent["nameless"].code, sent["nameless"].again) == ("REQUIRED_FIELD_MISSING", False)
    assert sent["wrong"].code == "INVALID_TYPE_ON_FIELD_IN_RECORD"
    assert outcomes(target.send(batch_of(records("locked")))) == {"locked": "updated"}


def test_records_that_a_job_did_not_come_to_may_be_tried_again(fake, target):
    fake.interrupted_after = 1
    notes = MemoryNotes()
    answers = target.send(batch_of(records("a", "b", "c"), notes))
    assert [(one.outcome, one.again) for one in answers] == [("created", False), ("failed", True), ("failed", True)]
    assert answers == target.send(batch_of(records("a", "b", "c"), notes))
    assert outcomes(target.send(batch_of(records("b", "c"), notes))) == {"b": "created", "c": "created"}


def test_a_job_that_did_nothing_at_all_is_another_job_next_time(fake, target):
    fake.interrupted_after = 0
    notes = MemoryNotes()
    assert all(one.again for one in target.send(batch_of(records("a", "b"), notes)))
    assert outcomes(target.send(batch_of(records("a", "b"), notes))) == {"a": "created", "b": "created"}


def test_a_field_that_the_upload_may_not_name_is_an_error_of_the_whole_until_it_is_there(fake, target):
    notes = MemoryNotes()
    batch = batch_of([Record("a", {"Leap_New__c": "x"})], notes)
    with pytest.raises(CrmError, match="Field name not found : Leap_New__c"):
        target.send(batch)
    fake.fields["Leap_New__c"] = described("Leap_New__c")
    assert outcomes(target.send(batch)) == {"a": "created"}


@pytest.mark.parametrize("crash", ["content", "job", "uploaded"])
def test_a_run_that_ends_at_any_note_is_gone_on_with_and_writes_once(fake, target, crash):
    notes = MemoryNotes()
    notes.breaks_at = lambda name, value: name == crash and value != ""
    with pytest.raises(KeyboardInterrupt):
        target.send(batch_of(records("a", "b"), notes))
    answers = target.send(batch_of(records("a", "b"), notes))
    assert outcomes(answers) == {"a": "created", "b": "created"}
    assert [job.state for job in fake.jobs.values()].count("JobComplete") == 1
    assert {job.state for job in fake.jobs.values()} <= {"JobComplete", "Aborted", "Open"}


def test_a_job_that_was_uploaded_is_started_and_not_made_again(fake, target):
    notes = MemoryNotes()
    fake.faults = [Fault("cut_before", "PATCH", times=5)]
    notes_of_first = batch_of(records("a"), notes)
    fake.faults.append(Fault("failure_before", "GET /services/data/v62.0/jobs", times=5))
    with pytest.raises(Unreached):
        target.send(notes_of_first)
    assert [job.state for job in fake.jobs.values()] == ["Open"]
    fake.forget_faults()
    assert outcomes(target.send(batch_of(records("a"), notes))) == {"a": "created"}
    assert len(fake.jobs) == 1


def test_a_job_that_is_slow_is_left_and_found_again_by_a_later_run(fake):
    fake.looks = 60
    notes, clock = MemoryNotes(), Clock()
    first = salesforce_target(parse_settings({}), environment(fake), clock.pace(job_seconds=100.0))
    with pytest.raises(Unreached, match="goes on with this job"):
        first.send(batch_of(records("a", "b"), notes))
    later = salesforce_target(parse_settings({}), environment(fake), Clock().pace())
    assert outcomes(later.send(batch_of(records("a", "b"), notes))) == {"a": "created", "b": "created"}
    assert len(fake.jobs) == 1


def test_other_values_wait_for_the_job_that_is_still_on_its_way(fake):
    fake.looks = 30
    notes = MemoryNotes()
    first = salesforce_target(parse_settings({}), environment(fake), Clock().pace(job_seconds=20.0))
    with pytest.raises(Unreached):
        first.send(batch_of(records("a", tier="old"), notes))
    later = salesforce_target(parse_settings({}), environment(fake), Clock().pace())
    later.send(batch_of(records("a", tier="new"), notes))
    assert [job.state for job in fake.jobs.values()] == ["JobComplete", "JobComplete"]
    assert fake.by_id()["a"][0]["Leap_Tier__c"] == "new"


def test_a_job_that_salesforce_forgot_is_sent_again_and_writes_the_same(fake, target):
    notes = MemoryNotes()
    target.send(batch_of(records("a"), notes))
    fake.jobs.clear()
    assert outcomes(target.send(batch_of(records("a"), notes))) == {"a": "updated"}
    notes.kept["job"] = "../../sobjects/Account"
    assert outcomes(target.send(batch_of(records("a"), notes))) == {"a": "updated"}


KINDS = (
    "limit",
    "unavailable",
    "failure_before",
    "failure_after",
    "cut_before",
    "cut_after",
    "cut_midway",
    "page",
    "expired",
    "empty_object",
)
STEPS = (
    "POST /services/data/v62.0/jobs/ingest",
    "PUT",
    "PATCH",
    "GET /services/data/v62.0/jobs/ingest/750000000000000000",
    "failedResults",
)


@pytest.mark.parametrize(
    ("kind", "on"),
    [*((kind, on) for kind in KINDS for on in STEPS), ("silence_after", "PUT"), ("silence_after", "PATCH")],
)
def test_each_fault_at_each_step_ends_in_the_same_state(fake, target, kind, on):
    fake.faults = [Fault(kind, on)]
    if kind == "silence_after":
        impatient(target.calls)
    notes = MemoryNotes()
    for _ in range(3):
        try:
            answers = target.send(batch_of(records("a", "b"), notes))
            break
        except Unreached:
            continue
    assert sorted(one.external_id for one in answers) == ["a", "b"]
    assert outcomes(answers) == {"a": "created", "b": "created"}
    assert {key: [one["Leap_Tier__c"] for one in rows] for key, rows in fake.by_id().items()} == {
        "a": ["A"],
        "b": ["A"],
    }


def test_results_that_are_cut_short_are_not_taken_for_all(fake, target):
    fake.faults = [Fault("page", "successfulResults", times=9)]
    with pytest.raises(Unreached, match="no CSV"):
        target.send(batch_of(records("a", "b")))


def test_fewer_results_than_were_worked_on_are_read_again_and_not_sent_again(fake, target):
    notes, whole = MemoryNotes(), fake._ingest
    fake._ingest = lambda method, parts, body: (
        Reply(200, text='"sf__Id","sf__Created","Leap_Account_Id__c"\n')
        if parts[-1] == "successfulResults"
        else whole(method, parts, body)
    )
    try:
        with pytest.raises(Unreached, match="results of 0 records .* worked on 2"):
            target.send(batch_of(records("a", "b"), notes))
    finally:
        del fake._ingest
    assert outcomes(target.send(batch_of(records("a", "b"), notes))) == {"a": "created", "b": "created"}
    assert len(fake.jobs) == 1


def test_a_run_that_ends_while_it_uploads_leaves_a_job_that_is_given_up(fake, target, monkeypatch):
    notes, call = MemoryNotes(), target.calls.call

    def killed(method, *rest, **more):
        if method == "PUT":
            raise KeyboardInterrupt
        return call(method, *rest, **more)

    monkeypatch.setattr(target.calls, "call", killed)
    with pytest.raises(KeyboardInterrupt):
        target.send(batch_of(records("a"), notes))
    monkeypatch.undo()
    fake.faults = [Fault("cut_before", "POST /services/data", times=9)]
    with pytest.raises(Unreached):
        target.send(batch_of(records("a"), notes))
    assert [job.state for job in fake.jobs.values()] == ["Aborted"]
    fake.forget_faults()
    assert outcomes(target.send(batch_of(records("a"), notes))) == {"a": "created"}


def test_the_daily_limit_is_told_and_not_waited_for(fake, target):
    fake.faults = [Fault("day_limit", "POST /services/data", times=99)]
    with pytest.raises(LimitReached, match=r"last 24 hours"):
        target.send(batch_of(records("a")))
    assert sum("POST /services/data" in call for call in fake.calls) == 1


def test_a_nearly_used_allowance_is_warned_of_once(fake, target, caplog):
    fake.headers["Sforce-Limit-Info"] = "api-usage=4100/5000"
    target.current(["a"], FIELDS)
    target.current(["b"], FIELDS)
    assert caplog.text.count("4,100 of 5,000 calls") == 1


def test_fields_that_are_lacking_hidden_or_fixed_are_named_with_what_to_do(fake, target):
    with pytest.raises(CrmError, match=r"lacks 2 of 3 fields: X__c, Y__c.*Object Manager"):
        target.check(["X__c", "Leap_Tier__c", "Y__c"])
    fake.fields["Leap_Tier__c"]["updateable"] = False
    with pytest.raises(CrmError, match=r"may not write Leap_Tier__c.*Field-Level Security"):
        target.check(FIELDS)
    fake.fields["Leap_Tier__c"]["updateable"] = True
    for key, words in (("externalId", "not an external id"), ("unique", "not unique"), ("updateable", "may not write")):
        fake.fields["Leap_Account_Id__c"][key] = False
        with pytest.raises(CrmError, match=rf"{words}.*External ID and Unique"):
            target.check(FIELDS)
        fake.fields["Leap_Account_Id__c"][key] = True
    del fake.fields["Leap_Account_Id__c"]
    with pytest.raises(CrmError, match="has no field Leap_Account_Id__c"):
        target.check(FIELDS)


def test_an_object_that_is_not_there_is_told(fake):
    settings = parse_settings({"crm": {"salesforce": {"object": "Firm__c"}}})
    with pytest.raises(CrmError, match="no object Firm__c"):
        salesforce_target(settings, environment(fake), Clock().pace()).check(FIELDS)


def test_fields_that_a_new_record_needs_are_warned_of_before_they_fail(fake, target, caplog):
    fake.fields["Name"]["nillable"] = False
    target.check(FIELDS)
    assert not caplog.records
    fake.fields["Region__c"] = described("Region__c", nillable=False)
    target.check(FIELDS)
    assert "needs Region__c, which" in caplog.text


def test_what_is_missing_is_named_exactly(fake):
    settings = parse_settings({})
    with pytest.raises(CrmError, match=r"lacking LEAP_SALESFORCE_INSTANCE_URL\."):
        salesforce_target(settings, {})
    url = {"LEAP_SALESFORCE_INSTANCE_URL": fake.url}
    with pytest.raises(CrmError, match=r"lacking LEAP_SALESFORCE_CLIENT_ID, LEAP_SALESFORCE_ACCESS_TOKEN\."):
        salesforce_target(settings, url)
    with pytest.raises(CrmError, match=r"lacking LEAP_SALESFORCE_CLIENT_SECRET\."):
        salesforce_target(settings, {**url, "LEAP_SALESFORCE_CLIENT_ID": CLIENT})
    with pytest.raises(CrmError, match=r"lacking LEAP_SALESFORCE_PRIVATE_KEY\."):
        salesforce_target(settings, {**url, "LEAP_SALESFORCE_CLIENT_ID": CLIENT, "LEAP_SALESFORCE_USERNAME": "ann"})
    with pytest.raises(CrmError, match="My Domain"):
        salesforce_target(settings, {"LEAP_SALESFORCE_INSTANCE_URL": "https://login.salesforce.com"})
    assert not fake.calls


def test_a_wrong_secret_is_told_without_it(fake, caplog):
    wrong = environment(fake, LEAP_SALESFORCE_CLIENT_SECRET="wrong-secret")
    with pytest.raises(CrmError, match=r"log in \(invalid_client\)") as raised:
        salesforce_target(parse_settings({}), wrong, Clock().pace()).check(FIELDS)
    assert "wrong-secret" not in f"{raised.value} {caplog.text}"
    assert CLIENT not in f"{raised.value} {caplog.text}"


def test_a_key_logs_in_for_a_user(fake):
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    fake.public_key = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    given = {
        "LEAP_SALESFORCE_INSTANCE_URL": fake.url, "LEAP_SALESFORCE_CLIENT_ID": CLIENT,
        "LEAP_SALESFORCE_USERNAME": "ann@acme.com", "LEAP_SALESFORCE_PRIVATE_KEY": pem,
    }  # fmt: skip
    salesforce_target(parse_settings({}), given, Clock().pace()).check(FIELDS)
    with pytest.raises(CrmError, match="RSA private key") as raised:
        salesforce_target(
            parse_settings({}), {**given, "LEAP_SALESFORCE_PRIVATE_KEY": "nonsense"}, Clock().pace()
        ).check([])
    assert "nonsense" not in str(raised.value)


def test_a_token_that_is_given_is_used_and_read_again_when_it_expired(fake, tmp_path):
    file = tmp_path / "token"
    file.write_text(fake.issue())
    file.chmod(0o600)
    given = {"LEAP_SALESFORCE_INSTANCE_URL": fake.url, "LEAP_SALESFORCE_ACCESS_TOKEN_FILE": str(file)}
    target = salesforce_target(parse_settings({}), given, Clock().pace())
    target.check(FIELDS)
    new = fake.issue()
    with pytest.raises(CrmError, match=r"INVALID_SESSION_ID"):
        target.check(FIELDS)
    file.write_text(new)
    target.check(FIELDS)


def test_an_organisation_that_is_elsewhere_is_told(fake, target, monkeypatch):
    elsewhere = Reply(200, {"access_token": "t", "instance_url": "https://other.my.salesforce.com"})
    monkeypatch.setattr(fake, "answer", lambda *call: elsewhere)
    with pytest.raises(CrmError, match=r"other\.my\.salesforce\.com.*Set LEAP_SALESFORCE_INSTANCE_URL"):
        target.check(FIELDS)


def test_errors_of_a_query_do_not_repeat_the_ids_in_it(fake, target, caplog):
    caplog.set_level(logging.DEBUG, logger="leap")
    with pytest.raises(CrmError, match="INVALID_FIELD") as raised:
        target.current(["acme-gmbh"], ["Not_There__c"])
    assert "acme-gmbh" not in f"{raised.value} {caplog.text}"
    with pytest.raises(CrmError, match="API names"):
        target.current(["a"], ["Id FROM User--"])


def test_nothing_is_asked_for_no_ids_and_nothing_sent_for_no_records(fake, target):
    assert target.current([], FIELDS) == {}
    assert target.current([" ", "x" * 300], FIELDS) == {}
    assert fake.calls == []
    assert list(target.send(batch_of([]))) == []
    assert not fake.jobs


def test_one_answer_each_even_where_the_answer_is_a_record_we_never_sent(fake, target):
    fake.looks = 1
    original = fake._work

    def more(job):
        original(job)
        job.succeeded.append({**job.succeeded[0], "Leap_Account_Id__c": "stranger"})
        job.succeeded.append(dict(job.succeeded[0]))

    fake._work = more
    try:
        assert target.send(batch_of(records("a"))) == [Sent("a", "created")]
    finally:
        del fake._work


def test_what_records_are_found_by_is_part_of_the_place():
    given = {"LEAP_SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com", "LEAP_SALESFORCE_ACCESS_TOKEN": "t"}
    settings = [parse_settings(one) for one in ({}, {"crm": {"salesforce": {"id_field": "Other_Id__c"}}})]
    assert len({salesforce_target(one, given).place for one in settings}) == 2
