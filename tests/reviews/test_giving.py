"""Giving a verdict: what a text names, what makes sense of it, and what a later review does to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import UsageError
from leap.reviews import DecidedMeanwhile, Desk, Review, ReviewBook, Subject, key_of, new_review, verdicts_on
from leap.reviews.giving import VERDICTS, address, known_verdict, require_sense, whole_day
from leap.reviews.subjects import Named
from leap.reviews.verdicts import if_rejected, without_rejected
from tests.reports.searches import BAD, GOOD, search

GOOD_KEY = key_of(condition.to_json() for condition in GOOD.conditions)
RULE, ACCOUNT = Subject("rule", GOOD_KEY), Subject("account", "a1")


def desk(*reviews: Review) -> Desk:
    return Desk("7", verdicts_on(search().to_json(), reviews), reviews, lambda: ["a1", "a2"])


def review(subject: Subject = RULE, verdict: str = "reject", number: int = 1, **more: str) -> Review:
    fields = {"owner": "Ann", "reason": "why", **more}
    made = new_review(subject, known_verdict(verdict), **fields)  # type: ignore[arg-type]
    return Review(**{**made.__dict__, "number": number})


def test_the_address_of_every_subject_names_it() -> None:
    for subject in (RULE, ACCOUNT):
        assert desk().meant(address(subject)).subject == subject
    assert desk().meant("established-1").subject == RULE
    with pytest.raises(UsageError, match="No account has the id 'established-1'"):
        desk().meant("established-1", "include")


@pytest.mark.parametrize(
    ("subject", "said", "verdict", "refused"),
    [
        (RULE, (), "accept", ""),
        (RULE, (), "withdraw", "no verdict stands"),
        (RULE, ("reject",), "withdraw", ""),
        (RULE, ("reject", "note"), "withdraw", ""),
        (RULE, ("reject", "withdraw"), "withdraw", "no verdict stands"),
        (RULE, (), "include", "is no account"),
        (ACCOUNT, (), "accept", "not accepted"),
        (ACCOUNT, (), "reject", "not rejected"),
        (ACCOUNT, (), "exclude", ""),
    ],
)
def test_a_verdict_makes_sense_of_some_subjects_only(
    subject: Subject, said: tuple[str, ...], verdict: str, refused: str
) -> None:
    history = [review(subject, one, number) for number, one in enumerate(said)]
    if not refused:
        require_sense(verdict, Named(subject, "it"), history, None)
        return
    with pytest.raises(UsageError, match=refused):
        require_sense(verdict, Named(subject, "it"), history, None)


def test_a_note_and_a_withdrawal_do_not_expire() -> None:
    for verdict in ("note", "withdraw"):
        with pytest.raises(UsageError, match="An expiry is of a verdict that counts"):
            require_sense(verdict, Named(RULE, "it"), [review()], "2999-01-01")


def test_what_was_kept_since_it_was_looked_at_is_the_same_only_if_it_says_the_same() -> None:
    at = desk(review(number=4, reason="too  few"))
    found = at.meant(GOOD_KEY)
    assert at.new("reject", found, owner=" Ann ", reason="too few", seen=3).number == 4
    assert at.new("reject", found, owner="Ann", reason="too few", seen=4).number == 0, "it was seen, and said again"
    for other in ({"owner": "Bo"}, {"reason": "too many"}, {"expires": "2999-01-01"}):
        assert at.new("reject", found, **{"owner": "Ann", "reason": "too few", "seen": 3, **other}).number == 0  # type: ignore[arg-type]
    assert at.new("accept", found, owner="Ann", reason="too few", seen=3).number == 0
    assert at.new("reject", found, owner="Ann", reason="too few").number == 0, "a command is given as often as typed"


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["r1", "r2"]), st.sampled_from(VERDICTS[:3]), st.integers(0, 4)), max_size=8))
def test_no_verdict_is_kept_over_one_that_its_giver_had_not_seen(
    tmp_path_factory: pytest.TempPathFactory, sent: list[tuple[str, str, int]]
) -> None:
    book, last = ReviewBook(tmp_path_factory.mktemp("book")), {"r1": 0, "r2": 0}
    kept: list[Review] = []
    for key, verdict, seen in sent:
        new = review(Subject("rule", key), verdict)
        again = new.among(kept, seen)
        if again is not None:
            assert book.add("Acme", new, seen=seen) == again
        elif last[key] > seen:
            with pytest.raises(DecidedMeanwhile) as refused:
                book.add("Acme", new, seen=seen)
            assert {one.subject.key for one in refused.value.said} == {key}
        else:
            kept.append(book.add("Acme", new, seen=seen))
            last[key] = kept[-1].number
    assert list(book.of("Acme")) == kept


def test_another_companys_reviews_are_nothing_that_was_said_meanwhile(tmp_path: Path) -> None:
    book = ReviewBook(tmp_path)
    book.add("Other", review(owner="Bo"))
    assert book.add("Acme", review(), seen=0).number == 2


@given(st.text(max_size=12))
def test_a_day_is_a_day_nothing_or_refused(text: str) -> None:
    try:
        found = whole_day(text)
    except UsageError:
        return
    assert found is None or (len(found) == 10 and whole_day(found) == found)


def test_what_a_rejection_would_do_is_what_it_does() -> None:
    for mode in ("prioritise", "exclude"):
        before = verdicts_on(search().to_json(), (), mode=mode)
        for judged in before.profiles:
            said = (review(judged.standing.subject),)
            after = verdicts_on(search().to_json(), said, mode=mode)
            (same,) = [one for one in after.profiles if one.name == judged.name]
            assert same.effect == if_rejected(judged, mode)


def test_exports_are_made_without_what_was_rejected_now_or_before() -> None:
    found = search()
    bad = Subject("rule", key_of(condition.to_json() for condition in BAD.conditions))
    left = without_rejected(found, verdicts_on(found.to_json(), (review(),)))
    assert [one.id for one in left.profiles] == ["negative-1"]
    assert GOOD not in [one.rule for one in left.attributes]
    nothing = without_rejected(found, verdicts_on(found.to_json(), (review(), review(bad, number=2))))
    assert nothing.profiles == () and nothing.none_because == "people rejected every profile that was found"
    assert without_rejected(found, verdicts_on(found.to_json(), ())) == found
