"""The engine: what is created, updated, left, refused and told, and what a second run does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leap.crm.diff import Change
from leap.crm.fields import BY_KEY
from leap.crm.ledger import Ledger
from leap.crm.records import Failure
from leap.crm.syncing import TooManyChanges
from leap.crm.target import CrmError, Unreached
from leap.errors import UsageError
from tests.crm.fake_target import FakeCrm, Killed, engine, expected, run, table


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.of(tmp_path, "Acme", "salesforce", "https://example.invalid/Account")


def counts(found: Any) -> dict[str, Any]:
    """Without what is nothing."""
    return {key: value for key, value in found.to_json().items() if value}


def test_a_first_run_creates_all_and_the_same_again_sends_nothing_and_asks_nothing(ledger: Ledger):
    crm = FakeCrm()
    wanted = table({"a": 0.1, "b": 0.9})
    assert counts(run(ledger, crm, wanted)) == {"created": 2}
    assert crm.said() == expected(wanted) and crm.records["a"][0]["Name"] == "Firm a"
    sends, looks = len(crm.sends), crm.looks
    assert counts(run(ledger, crm, wanted)) == {"unchanged": 2}
    assert (len(crm.sends), crm.looks) == (sends, looks)


def test_the_id_of_a_run_follows_from_what_is_said(ledger: Ledger):
    plans = [engine(ledger, FakeCrm()).plan(table({"a": p}, as_of)) for p, as_of in ((0.1, "2026-01-01"),) * 2]
    others = [engine(ledger, FakeCrm()).plan(table(*given)) for given in (({"a": 0.2},), ({"a": 0.1}, "2026-02-01"))]
    assert plans[0].run == plans[1].run
    assert len({plans[0].run, *(one.run for one in others)}) == 3


def test_what_only_its_date_changed_of_is_updated_and_counted_apart(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    found = run(ledger, crm, table({"a": 0.1, "b": 0.3}, "2026-02-01"))
    assert counts(found) == {"updated": 2, "provenance_only": 1}
    assert {fields["as_of"] for fields in crm.said().values()} == {"2026-02-01"}


def test_another_run_that_says_the_same_of_a_record_leaves_it(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    assert counts(run(ledger, crm, table({"a": 0.1, "b": 0.3}))) == {"updated": 1, "unchanged": 1}


def test_who_is_neither_customer_nor_prospect_any_more_is_emptied_once_and_never_removed(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    gone = table({"a": 0.1}, "2026-02-01")
    assert counts(run(ledger, crm, gone)) == {"updated": 2, "provenance_only": 1, "cleared": 1}
    said = crm.said()["b"]
    assert said["status"] == "left" and said["tier"] is None and said["as_of"] == "2026-02-01"
    assert counts(run(ledger, crm, table({"a": 0.1}, "2026-03-01"))) == {"updated": 1, "provenance_only": 1}
    assert counts(run(ledger, crm, table({"a": 0.1, "b": 0.2}, "2026-04-01")))["updated"] == 2


def test_who_is_a_prospect_and_not_sent_any_more_is_left_alone(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    customers = table({"a": 0.1})
    customers = type(customers)(**{**vars(customers), "known": frozenset("ab")})
    assert counts(run(ledger, crm, customers)) == {"unchanged": 1}
    assert crm.said()["b"]["status"] == "customer"


def test_a_record_that_people_made_is_filled_and_keeps_its_name(ledger: Ledger):
    crm = FakeCrm(records={"a": [{"Name": "Their name"}]})
    assert counts(run(ledger, crm, table({"a": 0.1, "b": 0.1}))) == {"created": 1, "updated": 1}
    assert crm.records["a"][0]["Name"] == "Their name" and crm.said()["a"]["tier"] == "A"


def test_what_stands_there_already_is_taken_over_and_not_sent(ledger: Ledger, tmp_path: Path):
    crm = FakeCrm()
    wanted = table({"a": 0.1, "b": 0.1})
    run(ledger, crm, wanted)
    another = Ledger.of(tmp_path / "another", "Acme", "salesforce")
    sends = len(crm.sends)
    assert counts(run(another, crm, wanted)) == {"unchanged": 2} and len(crm.sends) == sends
    assert set(another.sent()) == {"a", "b"}


def test_without_leave_to_create_unknown_ones_are_left_out_and_counted(ledger: Ledger):
    crm = FakeCrm(records={"a": [{"Name": "x"}]})
    assert counts(run(ledger, crm, table({"a": 0.1, "b": 0.1}), create=False)) == {"updated": 1, "not_in_crm": 1}
    assert set(crm.records) == {"a"}


def test_an_id_that_several_records_have_fails_with_what_to_do_and_the_others_arrive(ledger: Ledger):
    crm = FakeCrm(records={"a": [{"Name": "x"}, {"Name": "y"}]})
    found = run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    assert counts(found)["created"] == 1 and [one.code for one in found.failed] == ["several_matches"]
    assert "2 records" in found.failed[0].why and "merge" in found.failed[0].why
    assert crm.records["a"] == [{"Name": "x"}, {"Name": "y"}]


def test_a_record_that_people_deleted_is_created_again_or_forgotten_if_it_left(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    crm.records.clear()
    assert counts(run(ledger, crm, table({"a": 0.2}, "2026-02-01"))) == {"created": 1}
    assert crm.records["a"][0]["Name"] == "Firm a" and set(ledger.sent()) == {"a"}


def test_what_people_changed_is_seen_only_where_it_is_asked_for(ledger: Ledger):
    crm = FakeCrm()
    wanted = table({"a": 0.1, "b": 0.1})
    run(ledger, crm, wanted)
    crm.records["a"][0]["Leap_Tier__c"] = "B"
    assert counts(run(ledger, crm, wanted)) == {"unchanged": 2}
    assert counts(run(ledger, crm, wanted, verify=True)) == {"updated": 1, "unchanged": 1}
    assert crm.said() == expected(wanted)


def test_a_whole_run_of_an_earlier_date_is_refused_unless_nothing_would_change(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1}, "2026-03-01"))
    with pytest.raises(UsageError, match="2026-03-01 were sent to salesforce already; these are of 2026-02-01"):
        run(ledger, crm, table({"a": 0.2, "b": 0.1}, "2026-02-01"))
    assert counts(run(ledger, crm, table({"a": 0.2}, "2026-02-01"))) == {"newer_there": 1, "newer_ids": ["a"]}


def test_more_noticeable_changes_than_allowed_are_refused_before_anything_is_sent(ledger: Ledger):
    crm = FakeCrm()
    scores = dict.fromkeys("abcd", 0.1)
    run(ledger, crm, table(scores), changes=None, share=0.5)  # a first run is no change
    before = crm.said()
    much = table({**dict.fromkeys("abc", 0.3), "d": 0.1}, "2026-02-01")
    with pytest.raises(TooManyChanges) as refused:
        run(ledger, crm, much, changes=None, share=0.5)
    assert "3 of 4 record(s)" in str(refused.value) and "(75%)" in str(refused.value)
    assert "--max-changes 3" in refused.value.remedy and refused.value.exit_code == 2
    assert crm.said() == before and ledger.runs()[0] == "2026-01-01"
    with pytest.raises(TooManyChanges, match="more than the 2 record"):
        run(ledger, crm, much, changes=2)
    assert counts(run(ledger, crm, much, changes=3))["updated"] == 4


def test_dates_and_small_moves_of_all_figures_are_no_mass_of_changes(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table(dict.fromkeys("abcd", 0.10)))
    later = table(dict.fromkeys("abcd", 0.14), "2026-02-01", "2")
    assert counts(run(ledger, crm, later, changes=None, share=0.1)) == {"updated": 4}


def test_who_left_counts_as_a_change_so_that_a_table_cut_short_is_refused(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table(dict.fromkeys("abcd", 0.1)))
    with pytest.raises(TooManyChanges):
        run(ledger, crm, table({"a": 0.1}, "2026-02-01"), changes=None, share=0.5)


@pytest.mark.parametrize(
    ("was", "now", "noticeable"),
    [
        ({"churn_probability": 0.1}, {"churn_probability": 0.15}, True),
        ({"churn_probability": 0.1}, {"churn_probability": 0.149}, False),
        ({"nrr": 1.0}, {"nrr": None}, True),
        ({"value_12m": 1000.0}, {"value_12m": 1240.0}, False),
        ({"value_12m": 1000.0}, {"value_12m": 1250.0}, True),
        ({"mrr_at_risk": 1.0}, {"mrr_at_risk": 90.0}, False),
        ({"tier": "A"}, {"tier": "B"}, True),
        ({"reason_1": "x"}, {"reason_1": "y"}, False),
    ],
)
def test_what_counts_as_noticeable(was: Any, now: Any, noticeable: bool):
    before, after = {"as_of": "2026-01-01", **was}, {"as_of": "2026-02-01", **now}
    assert Change("a", "A", "substance", after, before).noticeable is noticeable


@pytest.mark.parametrize(
    ("times", "waits", "failed"),
    [
        (2, [1.0, 2.0], []),
        (9, [1.0, 2.0, 4.0, 8.0], [Failure("b", "LOCKED", "busy (5 tries)")]),
    ],
)
def test_a_record_that_may_go_again_goes_a_bounded_number_of_times_and_the_others_arrive(
    ledger: Ledger, times: int, waits: list[float], failed: list[Failure]
):
    crm, slept = FakeCrm(locked={"b": times}), []
    sync = engine(ledger, crm, slept)
    found = sync.send(sync.plan(table({"a": 0.1, "b": 0.1, "c": 0.1})))
    assert found.failed == failed and slept == waits and found.created == 3 - len(failed)
    crm.locked = {}
    assert counts(run(ledger, crm, table({"a": 0.1, "b": 0.1, "c": 0.1})))["unchanged"] >= 2
    assert set(crm.records) == set("abc")


def test_a_crm_that_stays_silent_stops_the_run_which_says_how_far_it_came(ledger: Ledger):
    crm = FakeCrm(batch_size=1, faults=iter(["ok", "ok", *["before", "ok"] * 5]))
    with pytest.raises(Unreached) as stopped:
        run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    assert "1 of 2 record(s) had arrived" in str(stopped.value) and "Run this again" in stopped.value.remedy
    assert counts(run(ledger, crm, table({"a": 0.1, "b": 0.1}))) == {"created": 1, "unchanged": 1}


def test_a_crm_that_takes_nothing_any_more_stops_the_run_at_once(ledger: Ledger):
    crm = FakeCrm(batch_size=1, faults=iter(["ok", "lockout"]))
    with pytest.raises(CrmError, match="daily limit") as stopped:
        run(ledger, crm, table({"a": 0.1, "b": 0.1}))
    assert len(crm.sends) == 1 and stopped.value.remedy.startswith("Wait a day.")


def test_what_arrived_before_a_kill_is_found_and_not_sent_twice(ledger: Ledger):
    crm = FakeCrm(faults=iter(["ok", "killed_after"]))
    wanted = table({"a": 0.1, "b": 0.1})
    with pytest.raises(Killed):
        run(ledger, crm, wanted)
    assert len(ledger.on_their_way()) == 1 and not ledger.sent()
    told = {"unchanged": 2, "already_there": 2}
    foreseen = engine(ledger, crm)
    foreseen.resume(dry_run=True)
    assert counts(foreseen.foreseen(foreseen.plan(wanted, look=True))) == told
    assert counts(run(ledger, crm, wanted)) == told and len(crm.sends) == 1
    assert counts(run(ledger, crm, wanted)) == {"unchanged": 2}


def test_what_a_job_did_after_its_run_was_cut_off_is_counted_as_there_already(ledger: Ledger):
    crm, wanted = FakeCrm(faults=iter(["ok", "job_killed"])), table({"a": 0.1, "b": 0.1})
    with pytest.raises(Killed):
        run(ledger, crm, wanted)
    assert counts(run(ledger, crm, wanted)) == {"unchanged": 2, "already_there": 2}


def test_a_lost_ledger_does_not_let_too_many_changes_pass(ledger: Ledger):
    crm, wanted = FakeCrm(), table(dict.fromkeys("abcd", 0.1))
    run(ledger, crm, wanted)
    ledger.file.path.unlink()
    with pytest.raises(TooManyChanges, match="4 of 4"):
        run(ledger, crm, table(dict.fromkeys("abcd", 0.9)), changes=None)
    assert counts(run(ledger, crm, wanted, changes=None)) == {"unchanged": 4}
    with pytest.raises(TooManyChanges, match="4 of 4"):  # a run that only took over what stands there is no exemption
        run(ledger, crm, table(dict.fromkeys("abcd", 0.9)), changes=None)


def test_what_a_crm_refuses_again_and_again_does_not_hold_up_the_rest(ledger: Ledger):
    crm = FakeCrm(batch_size=10, faults=iter(["ok", "refused"]))
    assert len(run(ledger, crm, table(dict.fromkeys("abcde", 0.1)), share=0.2, changes=None).failed) == 2
    found = run(ledger, crm, table({**dict.fromkeys("abcde", 0.1), "c": 0.11}), share=0.2, changes=None)
    assert counts(found) == {"created": 2, "updated": 1, "unchanged": 2}
    with pytest.raises(TooManyChanges, match="2 of 5"):  # new ones count as before
        run(ledger, crm, table(dict.fromkeys("abcdexy", 0.1), "2026-02-01"), share=0.2, changes=None)


def test_who_left_long_ago_does_not_widen_the_limit_on_changes(ledger: Ledger):
    crm = FakeCrm()
    run(ledger, crm, table(dict.fromkeys("abcdefgh", 0.1)))
    run(ledger, crm, table(dict.fromkeys("abcd", 0.1), "2026-02-01"))
    with pytest.raises(TooManyChanges, match="3 of 4"):
        run(ledger, crm, table({**dict.fromkeys("abc", 0.9), "d": 0.1}, "2026-03-01"), changes=None)


def test_ids_that_a_crm_takes_for_one_are_not_sent_whichever_came_first(ledger: Ledger):
    class Folding(FakeCrm):
        def alike(self, external_id: str) -> str:
            return external_id.casefold()

    crm = Folding()
    run(ledger, crm, table({"A1": 0.1, "b": 0.1}))
    found = run(ledger, crm, table({"A1": 0.1, "a1": 0.9, "b": 0.1}))
    assert found.unchanged == 1 and {one.external_id: one.code for one in found.failed} == {
        "A1": "ids_alike",
        "a1": "ids_alike",
    }
    assert len(crm.sends) == 1 and crm.said()["A1"]["churn_probability"] == 0.1


def test_a_job_that_was_left_behind_is_finished_before_anything_newer_is_sent(ledger: Ledger):
    crm = FakeCrm(faults=iter(["ok", "job_killed"]))
    with pytest.raises(Killed):
        run(ledger, crm, table({"a": 0.1}))
    assert counts(run(ledger, crm, table({"a": 0.9}, "2026-02-01"))) == {"updated": 1}
    assert not crm.jobs and [batch.number for batch in crm.sends] == [1, 1, 2]
    assert crm.said()["a"]["churn_probability"] == 0.9


def test_a_look_at_what_would_happen_writes_nothing_and_sees_what_an_interrupted_run_left(
    ledger: Ledger, tmp_path: Path
):
    crm = FakeCrm(faults=iter(["ok", "killed_after"]))
    with pytest.raises(Killed):
        run(ledger, crm, table({"a": 0.1}))
    content = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".db"}
    sync = engine(ledger, crm)
    assert sync.resume(dry_run=True) == 1
    plan = sync.plan(table({"a": 0.2, "b": 0.1}), look=True)
    assert {key: value for key, value in sync.foreseen(plan).to_json().items() if value} == {"created": 1, "updated": 1}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".db"} == content
    assert len(crm.sends) == 1


def test_what_was_sent_to_one_organisation_was_not_sent_to_another(tmp_path: Path):
    wanted = table({"a": 0.1})
    for place in ("https://one.invalid/Account", "https://two.invalid/Account"):
        assert counts(run(Ledger.of(tmp_path, "Acme", "salesforce", place), FakeCrm(), wanted)) == {"created": 1}


@pytest.mark.parametrize("written", ["31.12.2025", "soon", "later", "20260101"])
def test_what_is_no_date_in_the_crm_is_not_later_than_ours(ledger: Ledger, written: str):
    crm = FakeCrm()
    run(ledger, crm, table({"a": 0.1}))
    crm.records["a"][0][engine(ledger, crm).naming.by_key["as_of"]] = written
    assert counts(run(ledger, crm, table({"a": 0.2}, "2026-02-01"))) == {"updated": 1}
    assert crm.said()["a"]["as_of"] == "2026-02-01"


def test_a_crm_that_rounds_and_empties_texts_says_the_same(ledger: Ledger):
    crm = FakeCrm()
    wanted = table({"a": 0.1})
    run(ledger, crm, wanted)
    names = {key: name for key, name in engine(ledger, crm).naming.by_key.items() if key in BY_KEY}
    stood = crm.records["a"][0]
    stood |= {names[key]: "" for key in BY_KEY if stood.get(names[key]) is None}
    stood |= {names["churn_probability"]: "0.10000", names["as_of"]: "2026-01-01T00:00:00Z"}
    assert counts(run(ledger, crm, wanted, verify=True)) == {"unchanged": 1}
