"""Two ICP documents compared: what entered, left and moved, and what exceeds noise."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from leap.features import Scope
from leap.icp import Attribute, Condition, Evidence, ICPProfile, ICPSearch, Measured, Rule
from leap.scoring.icp_diff import FigureChange, icp_diff
from leap.scoring.icp_diff_monday import SAME_PROFILES, monday
from tests.reports.searches import evidence
from tests.worlds import a_feature

SIZE = a_feature("size", "number", Scope.FIT, label="Employees", unit="people")
SECTOR = a_feature("sector", "category", Scope.FIT)
CLOUD = a_feature("cloud", "boolean", Scope.FIT, label="Uses cloud software")


def churn(lift: float, half: float = 0.03, q: float = 0.001) -> Evidence:
    """Churn inside less outside, with an interval of so much to either side."""
    figure = Measured(0.2 + lift, 0.2, lift - half, lift + half)
    return evidence("churn", figures={"churn": figure}, q_value=q)


def a_profile(name: str, *conditions: tuple[Any, str, Any], found: Evidence | None = None) -> ICPProfile:
    rule = Rule(tuple(Condition(*condition) for condition in conditions))  # type: ignore[arg-type]
    size = {"customers": 12, "prospects": 3, "market": 40, "note": None}
    return ICPProfile(name, name.partition("-")[0], rule, found or churn(-0.1), "said", size)


def a_search(*profiles: ICPProfile, attributes: tuple[Attribute, ...] = ()) -> ICPSearch:
    return ICPSearch(profiles, attributes, None if profiles else "Nothing held.")


def ids(found: Any) -> list[str]:
    return [one.profile.id for one in found]


def test_the_same_document_differs_in_nothing() -> None:
    both = a_search(a_profile("established-1", (SIZE, ">=", 200.0)), a_profile("negative-1", (SECTOR, "==", "retail")))
    found = icp_diff(both, both)
    assert (found.entered, found.left, found.moved, found.attributes) == ((), (), (), ())
    assert len(found.unchanged) == 2 and monday(found, None, "USD") == [SAME_PROFILES]


def test_profiles_are_matched_by_what_they_ask_for_not_by_their_numbers() -> None:
    """established-1 of then is established-2 now: nothing entered but the one that is new."""
    big, cloudy = (SIZE, ">=", 200.0), (CLOUD, "==", 1.0)
    found = icp_diff(
        a_search(a_profile("established-1", big)),
        a_search(a_profile("established-1", cloudy), a_profile("established-2", big)),
    )
    assert ids(found.entered) == ["established-1"] and not found.left
    assert [(one.was.id, one.now.id, one.changes) for one in found.moved] == [
        ("established-1", "established-2", ("renamed",))
    ]


@pytest.mark.parametrize(
    ("was", "now", "changes"),
    [
        ([(SIZE, ">=", 200.0)], [(SIZE, ">=", 250.0)], ("narrowed",)),
        ([(SIZE, ">=", 200.0)], [(SIZE, ">=", 150.0)], ("widened",)),
        ([(SIZE, ">=", 200.0)], [(SIZE, ">=", 200.0), (CLOUD, "==", 1.0)], ("narrowed",)),
        ([(SIZE, "between", (50.0, 200.0))], [(SIZE, "between", (100.0, 400.0))], ("redrawn",)),
    ],
)
def test_a_rule_that_asks_for_more_less_or_else_has_moved(was: Any, now: Any, changes: tuple[str, ...]) -> None:
    found = icp_diff(a_search(a_profile("established-1", *was)), a_search(a_profile("established-1", *now)))
    assert [one.changes for one in found.moved] == [changes] and not (found.entered or found.left)
    sentence = monday(found, None, "USD")[0]
    assert sentence.startswith("Edit the rule in the CRM") and found.moved[0].now.rule.words in sentence


def test_other_words_for_the_same_accounts_are_the_same_profile() -> None:
    """Matched by whom they select: without accounts they would have left and entered."""
    old, new = (
        a_search(a_profile("established-1", (SIZE, ">=", 200.0))),
        a_search(a_profile("established-1", (CLOUD, "==", 1.0))),
    )
    masks = np.array([True] * 9 + [False] * 11), np.array([True] * 8 + [False] * 12)
    found = icp_diff(old, new, ({"established-1": masks[0]}, {"established-1": masks[1]}))
    assert found.moved[0].changes == ("redrawn",) and found.moved[0].overlap == pytest.approx(8 / 9)
    alone = icp_diff(old, new)
    assert (ids(alone.left), ids(alone.entered)) == (["established-1"], ["established-1"])


def test_a_profile_never_becomes_a_negative_one() -> None:
    """Who was to be won and is to be left out now is no matter of moving: it left, and entered."""
    old, new = (
        a_search(a_profile("established-1", (SIZE, ">=", 200.0))),
        a_search(a_profile("negative-1", (SIZE, ">=", 200.0))),
    )
    found = icp_diff(old, new)
    assert (ids(found.left), ids(found.entered)) == (["established-1"], ["negative-1"])
    said = monday(found, None, "USD")
    assert said[0].startswith("Add a disqualification rule") and said[1].startswith("Stop building lists by")


def test_an_emerging_profile_is_promoted() -> None:
    big = (SIZE, ">=", 200.0)
    found = icp_diff(a_search(a_profile("emerging-1", big)), a_search(a_profile("established-1", big)))
    assert found.moved[0].changes == ("renamed", "promoted")
    assert any("it is established now" in sentence for sentence in monday(found, None, "USD"))


def test_the_interval_of_a_change_is_that_of_two_independent_figures() -> None:
    """Golden: 10 points less churn (9 to 13) then, 4 less (2 to 7) now: 6 points, 6 - sqrt(9 + 1) to 6 + sqrt(4 + 9)."""
    was, now = Measured(0.1, 0.2, -0.13, -0.09), Measured(0.16, 0.2, -0.07, -0.02)
    found = FigureChange("churn", was, now)
    assert found.change == pytest.approx(0.06)
    assert found.low == pytest.approx(0.06 - np.hypot(0.03, 0.01))
    assert found.high == pytest.approx(0.06 + np.hypot(0.02, 0.03))
    assert found.exceeds_noise


@pytest.mark.parametrize(("half", "changes"), [(0.03, ("figures",)), (0.06, ())])
def test_figures_have_moved_only_beyond_noise(half: float, changes: tuple[str, ...]) -> None:
    big = (SIZE, ">=", 200.0)
    old = a_search(a_profile("established-1", big, found=churn(-0.10, half)))
    new = a_search(a_profile("established-1", big, found=churn(-0.03, half)))
    assert [one.changes for one in icp_diff(old, new).pairs] == [changes]


def test_a_profile_that_was_measured_nearly_the_same_before_is_told_so() -> None:
    """What is shown now and was not shown then need not have changed: it crossed the line."""
    profile = a_profile("established-1", (CLOUD, "==", 1.0), found=churn(-0.05, 0.04))
    before = Attribute(profile.rule, churn(-0.03, 0.04, q=0.3), 1, 0.5)
    found = icp_diff(
        a_search(attributes=(before,)),
        a_search(profile, attributes=(Attribute(profile.rule, profile.evidence, 1, 0.5),)),
    )
    assert found.entered[0].within_noise and found.entered[0].to_json()["within_noise"] is True
    assert "no more than noise" in monday(found, None, "USD")[0]
    assert [(one.was.verdict, one.now.verdict) for one in found.attributes] == [("not shown", "stays")]
    assert icp_diff(a_search(), a_search(profile)).entered[0].to_json()["within_noise"] is None


def test_a_rule_that_held_before_beside_the_profiles_is_no_news() -> None:
    profile = a_profile("established-1", (CLOUD, "==", 1.0), found=churn(-0.05))
    held = a_search(attributes=(Attribute(profile.rule, churn(-0.05), 1, 0.5),))
    found = icp_diff(held, a_search(profile))
    assert found.entered[0].shown_by_other and not found.entered[0].within_noise
    assert monday(found, None, "USD")[0].endswith("The version before showed it too, though not as a profile.")
    assert "It still holds" in monday(icp_diff(a_search(profile), held), None, "USD")[0]


def test_an_attribute_whose_bound_moved_is_the_same_one() -> None:
    was, now = (Rule((Condition(SIZE, ">=", bound),)) for bound in (200.0, 220.0))
    old = a_search(attributes=(Attribute(was, churn(-0.1), 1, 0.5),))
    new = a_search(attributes=(Attribute(now, churn(0.1), 1, 0.5),))
    changes = icp_diff(old, new).attributes
    assert [one.to_json()["was_words"] for one in changes] == ["Employees: at least 200 people"]
    assert [(one.was.verdict, one.now.verdict) for one in changes] == [("stays", "leaves")]


def test_two_documents_without_profiles_say_why_there_is_nothing_to_compare() -> None:
    found = icp_diff(ICPSearch((), (), "Too short."), ICPSearch((), (), "None held."))
    assert found.none_because is not None and "Too short." in found.none_because and "None held." in found.none_because


def test_the_document_is_plain_json() -> None:
    found = icp_diff(
        a_search(a_profile("established-1", (SIZE, ">=", 200.0))),
        a_search(a_profile("established-1", (SIZE, ">=", 250.0))),
    )
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert {"entered", "left", "moved", "unchanged", "attributes", "none_because"} <= set(document)
    assert document["moved"][0]["changes"] == ["narrowed"] and document["moved"][0]["overlap"] is None
