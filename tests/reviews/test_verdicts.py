"""Verdicts beside the evidence: keys that outlast numbering, history, the day of expiry, effects, other evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from leap.errors import UsageError
from leap.icp import ICPSearch, Measured, match
from leap.icp.points import CardLine, PointsCard
from leap.reviews import (
    Review,
    Subject,
    due,
    key_of,
    new_review,
    overrides,
    verdicts_on,
    with_rejections,
    with_verdicts,
)
from leap.reviews.listing import Agenda
from leap.reviews.on_evidence import of_rule
from leap.reviews.subjects import named
from tests.reports.searches import CLOUD, EMPLOYEES, GOOD, evidence, rule, search

DAY = date(2026, 3, 1)
GOOD_KEY = key_of([condition.to_json() for condition in GOOD.conditions])


def given(verdict: Any = "reject", on: str = "2026-01-10", key: str = GOOD_KEY, **more: Any) -> Review:
    """A verdict of Ann on the good profile, on the evidence of `search()`."""
    kind = more.pop("kind", "rule")
    fields = {"owner": "Ann", "reason": "too few of them", "version": "4", **more}
    then = fields.pop("evidence", of_rule(search().to_json()["icps"][0]) if key == GOOD_KEY else {})
    at = datetime.fromisoformat(f"{on}T09:00:00+00:00")
    return new_review(Subject(kind, key), verdict, at=at, words="what it was called", evidence=then, **fields)


def with_good(found: ICPSearch, **more: Any) -> ICPSearch:
    """The search with other fields of its good profile."""
    return replace(found, profiles=(replace(found.profiles[0], **more), *found.profiles[1:]))


def standing_of_good(reviews: list[Review], at: date = DAY, found: ICPSearch | None = None):
    return verdicts_on((found or search()).to_json(), reviews, at).profiles[0].standing


def test_a_key_is_of_feature_operator_and_value_alone():
    conditions = [c.to_json() for c in GOOD.conditions]
    renamed = [{**c, "label": "another", "words": "x"} for c in reversed(conditions)]
    other = rule((EMPLOYEES, "between", (50.0, 201.0)), (CLOUD, "==", 1.0))
    assert key_of(renamed) == GOOD_KEY
    assert key_of([c.to_json() for c in other.conditions]) != GOOD_KEY


def test_a_verdict_stays_with_its_rule_when_profiles_are_numbered_anew():
    renumbered = with_good(search(), id="established-5")
    turned_around = replace(renumbered, profiles=tuple(reversed(renumbered.profiles)))
    profiles = verdicts_on(turned_around.to_json(), [given()], DAY).profiles
    assert {p.name: p.standing.state for p in profiles} == {"established-5": "rejected", "negative-1": "open"}
    assert with_rejections(turned_around, [given()], DAY).rejected == {"established-5"}


def test_the_evidence_stands_as_it_was_with_the_verdict_beside_it():
    document = search().to_json()
    shown = with_verdicts(document, verdicts_on(document, [given()], DAY))
    review = shown["icps"][0]["review"]
    assert {k: v for k, v in shown["icps"][0].items() if k != "review"} == document["icps"][0]
    assert (review["owner"], review["reason"], review["given_on"]) == ("Ann", "too few of them", "2026-01-10")
    assert (review["version"], review["state"], review["counts"]) == ("4", "rejected", True)
    assert all("review" in attribute for attribute in shown["attributes"])
    assert {k for a in document["attributes"] for k in a} & {"review"} == set()


def test_a_later_verdict_supersedes_and_the_earlier_stays_readable():
    standing = standing_of_good([given(), given("note", "2026-01-15"), given("accept", "2026-02-01", owner="Bo")])
    assert standing.state == "accepted"
    assert [h["verdict"] for h in standing.to_json()["history"]] == ["accept", "note", "reject"]
    assert standing.to_json()["history"][2]["reason"] == "too few of them"


def test_what_is_said_later_than_the_day_asked_of_does_not_exist_yet():
    assert standing_of_good([given(on="2026-03-02")]).state == "open"
    assert standing_of_good([given(on="2026-03-01")]).state == "rejected"


@pytest.mark.parametrize(("day", "state"), [("2026-03-31", "rejected"), ("2026-04-01", "expired")])
def test_a_verdict_no_longer_counts_from_the_day_it_expires_on(day: str, state: str):
    standing = standing_of_good([given("accept", "2026-01-01"), given(expires="2026-04-01")], date.fromisoformat(day))
    assert standing.state == state and standing.to_json()["owner"] == "Ann"
    found = with_rejections(search(), [given(expires="2026-04-01")], date.fromisoformat(day))
    assert bool(found.rejected) == (state == "rejected")


def test_what_expired_is_an_open_question_again():
    verdicts = verdicts_on(search().to_json(), [given(expires="2026-02-01")], DAY)
    assert [j.name for j in verdicts.again] == ["established-1"]
    assert [j.name for j in verdicts.undecided] == ["negative-1"]
    assert verdicts.again[0].standing.words.endswith("too few of them - expired on 2026-02-01")


def test_a_withdrawn_verdict_leaves_the_question_open_and_its_history():
    standing = standing_of_good([given(), given("withdraw", "2026-02-01", reason="by mistake")])
    assert standing.state == "open" and not standing.counts and len(standing.history) == 2


def test_a_rejected_profile_gives_no_tier_and_is_still_there():
    columns = {"employees": np.array([100.0]), "cloud": np.array([1.0]), "industry": np.array(["x"], dtype=object)}
    found = with_rejections(search(), [given()], DAY)
    assert match(search().counted, columns, 1)[0].tier == "A"
    assert match(found.counted, columns, 1)[0].tier == "C"  # meets nothing that counts
    assert found.to_json() == search().to_json()


def test_no_points_card_counts_what_was_rejected():
    """A card that lost a line says nothing: what the other lines say alone was never measured."""
    line, other = CardLine(GOOD, 2), CardLine(rule((EMPLOYEES, ">=", 500.0)), -1)
    found = replace(search(), card=PointsCard((line, other), 2, -1, {}, None, None))
    kept = with_rejections(found, [given("accept")], DAY).card
    gone = with_rejections(found, [given()], DAY).card
    assert kept == found.card and gone is not None
    assert gone.lines == () and "People rejected" in str(gone.why_not)


def test_other_evidence_is_a_lift_outside_the_interval_or_another_finding():
    inside = evidence(figures={"nrr": Measured(1.0, 0.9, 0.02, 0.2)})
    outside = evidence(figures={"nrr": Measured(0.91, 0.9, -0.1, 0.1)})
    assert standing_of_good([given()], found=with_good(search(), evidence=inside)).changed is None
    standing = standing_of_good([given()], found=with_good(search(), evidence=outside))
    assert standing.counts and standing.again is not None
    assert "given on other evidence (NRR +1.0 points, then +15.0 [+5.0, +25.0]): review again" in standing.words


def test_a_rejection_of_a_good_profile_is_none_of_the_same_rule_found_bad():
    turned = with_good(search(), kind="negative", id="negative-2")
    standing = standing_of_good([given()], found=turned)
    assert not standing.counts and "did worse, then did better" in str(standing.again)
    assert not with_rejections(turned, [given()], DAY).rejected


def test_a_hypothesis_may_be_judged_and_has_to_be_again_once_it_is_measured():
    """What was suggested and not measured is a rule too, with the key that it keeps."""
    document = search().to_json()
    profile = document["icps"][0]
    guess = {
        "id": "hypothesis-1",
        "status": "hypothesis",
        **{k: profile[k] for k in ("words", "conditions", "statement")},
    }
    guessed = {**document, "icps": document["icps"][1:], "attributes": [], "hypotheses": [guess]}
    found = named("hypothesis-1", verdicts_on(guessed, [], DAY), list)
    assert found.subject == Subject("rule", GOOD_KEY)
    said = given("accept", evidence=found.evidence)
    shown = with_verdicts(guessed, verdicts_on(guessed, [said], DAY))["hypotheses"][0]["review"]
    assert shown["state"] == "accepted" and shown["review_again"] is None and "chooses no account" in shown["effect"]
    assert "did better, then not measured yet" in str(standing_of_good([said]).again)


def test_a_verdict_on_what_this_version_did_not_measure_is_listed():
    verdicts = verdicts_on(search().to_json(), [given(key="r0000000000")], DAY)
    assert [s.subject.key for s in verdicts.elsewhere] == ["r0000000000"]


def test_overrides_that_count_have_an_owner_and_a_reason():
    said = [
        given("include", key="a1", kind="account"),
        given("exclude", "2026-02-01", key="a1", kind="account", owner="Bo", reason="in court"),
        given("include", key="a2", kind="account", expires="2026-03-01"),
        given("include", key="a3", kind="account"),
        given("withdraw", "2026-02-02", key="a3", kind="account"),
        given("include", key="a4", kind="account", expires="2026-03-02"),
    ]
    found = overrides(said, DAY)
    assert set(found) == {"a1", "a4"}
    assert found["a1"][:3] == ("exclude", "Bo", "in court")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"owner": " "}, "has an owner"),
        ({"reason": ""}, "reject needs a reason"),
        ({"expires": "2026-01-10"}, "would never count"),
        ({"owner": "a\x1bb"}, "cannot be printed"),
    ],
)
def test_a_verdict_that_says_too_little_is_refused(changed: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        given(**changed)


def test_the_next_review_is_due_a_quarter_after_the_last():
    said = [given(on="2025-11-30"), given("include", "2026-02-01", key="a1", kind="account")]
    assert due([], 3, DAY).is_due
    assert [due(said, 3, date(2026, 2, day)).is_due for day in (27, 28)] == [False, True]


def test_subjects_are_named_by_id_key_or_account_and_the_nearest_is_told():
    verdicts = verdicts_on(search().to_json(), [], DAY)
    accounts = ["a1", "a2"]
    assert named("established-1", verdicts, lambda: accounts).subject == Subject("rule", GOOD_KEY)
    assert named(GOOD_KEY, verdicts, lambda: accounts).evidence["finding"] == "stays"
    assert named("a1", verdicts, lambda: accounts).subject == Subject("account", "a1")
    with pytest.raises(UsageError, match="did you mean 'established-1'"):
        named("establishd-1", verdicts, lambda: accounts)
    with pytest.raises(UsageError, match="No group of drivers"):
        named("driver:x", verdicts, lambda: accounts)


def test_the_agenda_tells_first_what_is_to_be_done():
    verdicts = verdicts_on(search().to_json(), [given(expires="2026-02-01")], DAY)
    agenda = Agenda.of("Acme", "7", verdicts, [given(expires="2026-02-01")], 3, DAY)
    text, document = agenda.text(), agenda.to_json()
    assert text.index("To decide (1)") < text.index("To look at again (1)")
    assert [one["subject"] for one in document["open"]] == ["negative-1"]
    assert [one["subject"] for one in document["again"]] == ["established-1"]
    assert document["due"] == {
        "last": "2026-01-10",
        "last_by": "Ann",
        "on": "2026-04-10",
        "is_due": False,
        "every_months": 3,
    }


def test_moments_are_utc_whatever_the_clock_of_the_writer_shows():
    at = datetime.fromisoformat("2026-01-01T23:30:00-05:00")
    review = new_review(Subject("account", "a"), "include", owner="Ann", reason="why", at=at)
    assert review.given_at == "2026-01-02T04:30:00Z" and datetime.fromisoformat(review.given_at).tzinfo == UTC
