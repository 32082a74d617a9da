"""The page of reviews: what is open and decided, giving verdicts, two people at once, and whoever may not decide."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leap.icp import ICPSearch
from leap.reviews import ReviewBook, Subject, key_of, new_review
from serving.live import LiveModel, Served
from serving.pages.forms import seal
from serving.pages.review_shown import anchor
from tests.reports.searches import BAD, GOOD
from tests.serving.conftest import ask
from tests.serving.fakes import FakeDocuments, FakeScorer
from tests.serving.found import FoundBundle
from tests.serving.pages.parsing import Parsed, read

GOOD_KEY = key_of(condition.to_json() for condition in GOOD.conditions)
BAD_KEY = key_of(condition.to_json() for condition in BAD.conditions)


class Desk:
    """A service with a book in a folder."""

    def __init__(self, folder: Path, *, writes: bool = True, found: ICPSearch | None = None) -> None:
        self.book = ReviewBook(folder)
        scorer = FakeScorer("7")
        scorer.bundle = FoundBundle() if found is None else FoundBundle(icp=found)
        documents: Any = FakeDocuments(scorer)
        company = scorer.bundle.settings.company
        book = self.book if writes else None
        self.live = LiveModel(Served(scorer, company, documents=documents, book=book))  # type: ignore[arg-type]
        self.client = ask(self.live)

    @property
    def kept(self) -> list[tuple[str, str, str]]:
        return [(one.subject.key, one.verdict, one.owner) for one in self.book.of("Nordlicht")]

    def page(self, query: str = "") -> Parsed:
        return read(self.client, f"/review{query}")

    def send(self, **fields: str) -> Any:
        form = {"seal": seal(), "seen": "0", "owner": "Ann", "verdict": "reject", "reason": "why", **fields}
        return self.client.post("/review", data=form, follow_redirects=False)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_open_stands_with_its_evidence_and_when_to_look(desk: Desk) -> None:
    page = desk.page()
    assert "Nobody has reviewed these findings yet: due now, then every 3 months." in page.words
    assert "To decide (2)" in page.words and "NRR +15.0 points, +5.0 to +25.0" in page.words
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {GOOD_KEY, BAD_KEY, "driver-usage"} <= set(ids) and len(ids) == len(set(ids))
    assert "42.0 % of what moves NRR in the model (31.0 % to 50.0 %); raises NRR." in page.words
    assert "If you reject it: Shown but not counted: it gives no tier A" in page.words


def test_a_verdict_is_kept_with_what_the_version_said_and_shown_at_once(desk: Desk) -> None:
    answer = desk.send(subject=GOOD_KEY, reason="too few to sell to", expires="2999-01-01")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review?done=1#{GOOD_KEY}")
    (kept,) = desk.book.of("Nordlicht")
    assert (kept.verdict, kept.version, kept.words, kept.expires) == ("reject", "7", GOOD.words, "2999-01-01")
    assert kept.evidence["finding"] == "stays" and kept.evidence["id"] == "established-1"
    page = desk.page("?done=1")
    assert "Kept." in page.words and "Decided (1)" in page.words and "To decide (1)" in page.words
    assert "Rejected by Ann" in page.words and "Kept just now." in page.words
    assert "Waits to be taken into account" in page.words, "the live model does not know it yet"
    assert "Kept." not in desk.page("?done=99").words and "Kept." not in desk.page("?done=<b>").words


def test_profiles_by_id_drivers_and_accounts_are_judged_too_and_a_verdict_can_be_withdrawn(desk: Desk) -> None:
    for subject, verdict, place in (
        ("negative-1", "accept", BAD_KEY),
        ("driver:usage", "note", "driver-usage"),
        ("account:a1", "exclude", "account-a1"),
        ("account:a1", "withdraw", "account-a1"),
        ("account:a2", "include", "account-a2"),
    ):
        seen = str(len(desk.kept))
        answer = desk.send(subject=subject, verdict=verdict, seen=seen)
        assert answer.headers["location"].endswith(f"#{place}"), answer.text
    words = desk.page().words
    assert "Target list (1)" in words and "Included by Ann" in words
    assert [verdict for _, verdict, _ in desk.kept] == ["accept", "note", "exclude", "withdraw", "include"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subject": GOOD_KEY, "reason": " "}, "reject needs a reason"),
        ({"subject": GOOD_KEY, "owner": ""}, "A verdict has an owner"),
        ({"subject": GOOD_KEY, "verdict": ""}, "Choose a verdict"),
        ({"subject": GOOD_KEY, "verdict": "delete"}, "Choose a verdict"),
        ({"subject": GOOD_KEY, "reason": "x" * 10_000}, "The reason has 10,000 characters; at most 2,000 are kept."),
        ({"subject": GOOD_KEY, "owner": "N" * 10_000}, "The owner has 10,000 characters"),
        ({"subject": GOOD_KEY, "owner": "Ann\x07"}, "cannot be printed"),
        ({"subject": GOOD_KEY, "reason": "abc\u202ecod.exe"}, "cannot be printed"),
        ({"subject": GOOD_KEY, "expires": "soon"}, "Expected a day like 2026-01-31"),
        ({"subject": GOOD_KEY, "expires": "2020-01-01"}, "would never count"),
        ({"subject": GOOD_KEY, "verdict": "note", "expires": "2999-01-01"}, "not of a note"),
        ({"subject": GOOD_KEY, "verdict": "withdraw"}, "no verdict stands"),
        ({"subject": "account:a1"}, "is an account: it is included or excluded, not rejected"),
        ({"account": "a", "verdict": "include"}, "did you mean"),
        ({"account": "<script>alert(1)</script>", "verdict": "exclude"}, "No account has the id"),
        ({"account": "established-1", "verdict": "note"}, "No account has the id"),
    ],
)
def test_what_cannot_be_is_told_beside_the_form_with_what_was_typed(
    desk: Desk, fields: dict[str, str], said: str
) -> None:
    answer = desk.send(**{"reason": "a <b>reason</b>", **fields})
    page = Parsed(answer.text)
    assert answer.status_code == 422 and said in page.words
    problem = next(attributes for tag, attributes in page.tags if attributes.get("role") == "alert")
    assert "autofocus" in problem and problem["tabindex"] == "-1"
    if "reason" not in fields:
        assert "a &lt;b&gt;reason&lt;/b&gt;</textarea>" in answer.text
    assert "<script>alert" not in answer.text and "\x07" not in answer.text
    assert desk.kept == []


def test_of_what_this_version_does_not_know_the_page_says_so_and_shows_what_was_typed(desk: Desk) -> None:
    answer = desk.send(subject="r0123456789", reason="they do not pay")
    words = Parsed(answer.text).words
    assert answer.status_code == 422 and "is called 'r0123456789'" in words
    assert "What you typed: they do not pay" in words and desk.kept == []


def test_an_account_is_typed_into_a_form_of_its_own(desk: Desk) -> None:
    assert desk.send(account="a2", verdict="exclude").headers["location"] == "/review?done=1#account-a2"
    answer = desk.send(account="a9", verdict="exclude")
    named = next(attributes for _, attributes in Parsed(answer.text).tags if attributes.get("id") == "account-id")
    assert answer.status_code == 422 and named["value"] == "a9"


def test_a_form_that_is_sent_twice_is_kept_once_whatever_happened_in_between(desk: Desk) -> None:
    first, again = (desk.send(subject=GOOD_KEY) for _ in range(2))
    assert first.headers["location"] == again.headers["location"] and len(desk.kept) == 1
    assert desk.send(subject=GOOD_KEY, verdict="withdraw", seen="1").headers["location"].startswith("/review?done=2#")
    assert desk.send(subject=GOOD_KEY, verdict="withdraw", seen="1").headers["location"].startswith("/review?done=2#")
    assert desk.send(subject=GOOD_KEY).headers["location"].startswith("/review?done=1#"), "an old form from the history"
    assert [verdict for _, verdict, _ in desk.kept] == ["reject", "withdraw"]
    assert desk.send(subject=GOOD_KEY, seen="2").status_code == 303, "who saw that it was withdrawn may reject it again"
    assert len(desk.kept) == 3


def test_what_somebody_else_decided_meanwhile_is_shown_before_anything_is_kept(desk: Desk) -> None:
    desk.send(subject=GOOD_KEY, owner="Bo", reason="they do not pay")
    answer = desk.send(subject=GOOD_KEY, verdict="accept", reason="they are fine")
    words = Parsed(answer.text).words
    assert answer.status_code == 409 and "Bo rejected on version 7: they do not pay" in words
    assert "they are fine</textarea>" in answer.text and 'name="seen" value="1"' in answer.text
    assert desk.send(subject=BAD_KEY, verdict="accept").status_code == 303, "another subject is nobody's business"
    assert desk.send(subject=GOOD_KEY, verdict="accept", seen="2").status_code == 303
    assert desk.kept == [(GOOD_KEY, "reject", "Bo"), (BAD_KEY, "accept", "Ann"), (GOOD_KEY, "accept", "Ann")]


def test_of_many_who_decide_at_the_same_moment_one_is_kept(tmp_path: Path) -> None:
    book, kept = ReviewBook(tmp_path), []

    def decide(name: str) -> None:
        review = new_review(Subject("rule", GOOD_KEY), "accept", owner=name)
        try:
            kept.append(book.add("Nordlicht", review, seen=0).owner)
        except Exception as error:
            kept.append(type(error).__name__)

    threads = [threading.Thread(target=decide, args=(name,)) for name in ("Ann", "Ann", "Bo", "Cy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = book.of("Nordlicht")
    same = 2 if only.owner == "Ann" else 1
    assert kept.count(only.owner) == same and kept.count("DecidedMeanwhile") == 4 - same


def test_a_seen_number_that_is_none_saw_nothing(desk: Desk) -> None:
    desk.send(subject=GOOD_KEY, owner="Bo")
    for seen in ("", "-1", "x", "\N{SUPERSCRIPT TWO}", "9" * 40):
        assert desk.send(subject=GOOD_KEY, verdict="accept", seen=seen).status_code == 409


def test_who_may_only_look_sees_no_form_and_is_told_what_to_ask_for(desk: Desk) -> None:
    tokens = {"LEAP_TOKEN": "looks read, decides review"}
    client = ask(desk.live, tokens)
    looks, decides = ({"Authorization": f"Bearer {name}"} for name in ("looks", "decides"))
    page = Parsed(client.get("/review", headers=looks).text)
    assert "You may look, and not decide" in page.words and "form" not in [tag for tag, _ in page.tags]
    assert "form" in [tag for tag, _ in Parsed(client.get("/review", headers=decides).text).tags]
    form = {"seal": seal(), "subject": GOOD_KEY, "verdict": "accept", "owner": "Ann"}
    assert client.post("/review", data=form, headers=looks).status_code == 403
    assert client.post("/review", data=form, headers=decides, follow_redirects=False).status_code == 303


def test_a_form_without_a_seal_or_with_a_field_of_nobody_is_refused(desk: Desk) -> None:
    assert desk.send(subject=GOOD_KEY, seal="").status_code == 403
    assert desk.send(subject=GOOD_KEY, version="9").status_code == 422
    assert desk.kept == []


def test_without_a_book_the_page_says_where_to_decide(tmp_path: Path) -> None:
    desk = Desk(tmp_path, writes=False)
    page = desk.page()
    assert "Nothing can be decided here" in page.words and "form" not in [tag for tag, _ in page.tags]
    assert desk.send(subject=GOOD_KEY).status_code == 409 and desk.kept == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_has_no_place_for_verdicts(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert not ReviewBook(tmp_path).writable
    tmp_path.chmod(0o700)
    assert ReviewBook(tmp_path).writable


def test_a_book_that_breaks_while_deciding_keeps_what_was_typed(desk: Desk) -> None:
    desk.book.path.write_bytes(b"no database" * 200)
    answer = desk.send(subject=GOOD_KEY, reason="they do not pay")
    assert (
        answer.status_code == 503 and "It was not kept." in answer.text and "they do not pay</textarea>" in answer.text
    )


def test_where_the_book_is_gone_the_verdicts_of_the_live_model_stand_and_it_is_told(desk: Desk) -> None:
    kept = new_review(Subject("rule", GOOD_KEY), "reject", owner="Ann", reason="too narrow", words=GOOD.words)
    before = desk.live.take()
    reviews = (desk.book.add("Nordlicht", kept),)
    served = Served(before.scorer, before.company, documents=before.documents, reviews=reviews, book=desk.book)
    desk.live.swap(served)
    desk.book.path.unlink()
    words = desk.page().words
    assert "0 of 1 reviews are left" in words and "Rejected by Ann" in words


def test_expired_verdicts_and_those_of_other_versions_are_looked_at_again(desk: Desk) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    for subject, verdict, words in (
        (Subject("rule", GOOD_KEY), "accept", GOOD.words),
        (Subject("rule", "r0123456789"), "accept", "Gone: yes"),
        (Subject("account", "a1"), "exclude", "a1"),
    ):
        review = new_review(subject, verdict, owner="Ann", reason="why", expires="2020-02-01", words=words, at=at)  # type: ignore[arg-type]
        desk.book.add("Nordlicht", review)
    kept = new_review(Subject("rule", "r9876543210"), "reject", owner="Bo", reason="x", words="Old: yes")
    desk.book.add("Nordlicht", kept)
    words = desk.page().words
    assert "To look at again (2)" in words and "expired on 2020-02-01" in words and "Gone: yes" in words
    assert "Decided, not measured in this version (1)" in words and "Old: yes" in words
    assert "Expired (1)" in words
    assert desk.send(subject="r0123456789", verdict="withdraw", seen="4").status_code == 303


def test_a_verdict_of_long_ago_is_not_said_to_be_kept_just_now(desk: Desk) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    desk.book.add("Nordlicht", new_review(Subject("rule", GOOD_KEY), "accept", owner="Ann", at=at))
    words = desk.page("?done=1").words
    assert "Accepted by Ann" in words and "Kept" not in words


def test_an_account_can_be_named_by_a_link_and_its_words_stay_text(desk: Desk) -> None:
    page = desk.page("?account=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&verdict=exclude")
    named = next(attributes for _, attributes in page.tags if attributes.get("id") == "account-id")
    assert named["value"] == '"><script>alert(1)</script>'
    chosen = [attributes["value"] for _, attributes in page.tags if "checked" in attributes]
    assert chosen == ["exclude"]


def test_no_finding_leaves_the_target_list_to_decide_on(tmp_path: Path) -> None:
    words = Desk(tmp_path, found=ICPSearch((), (), "too little data")).page().words
    assert "there is nothing to accept or reject" in words and "Decide on an account" in words


def test_places_are_short_and_can_stand_in_an_address() -> None:
    for key in ("a b/c?#&<script>", "\N{SNOWMAN}" * 5_000, "\udcff"):
        place = anchor(Subject("account", key))
        assert len(place) <= 100 and place.isascii() and not set(place) & set(" /?#&<>\"'")
    assert anchor(Subject("account", "x" * 200)) != anchor(Subject("account", "x" * 201))
