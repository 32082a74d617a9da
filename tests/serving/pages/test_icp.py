"""Profiles on their page: the evidence of the report, what people decided, files, and what changed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leap.errors import UnknownVersion
from leap.icp import ICPSearch
from leap.icp.points import CardLine, PointsCard
from leap.reports.icp import render_html
from leap.reviews import Review, ReviewBook, Subject, key_of, new_review
from leap.scoring.icp_versions import Named
from serving.documents import CHAMPION, PREVIOUS
from serving.live import LiveModel, Served
from serving.pages import icp_shown
from serving.pages.findings import findings
from tests.reports.searches import BAD, GOOD, search
from tests.reports.whole_search import whole_search
from tests.serving.conftest import ask
from tests.serving.fakes import FakeDocuments, FakeScorer
from tests.serving.found import FoundBundle, settings_of
from tests.serving.pages.parsing import Parsed, read

GOOD_KEY = key_of(condition.to_json() for condition in GOOD.conditions)
FORMS = (
    "points.md", "points.csv", "qualification.md", "icp.sql", "salesforce.md", "hubspot.json", "icp.csv", "icp.md",
)  # fmt: skip


def served_with(
    found: ICPSearch | None = None, reviews: tuple[Review, ...] = (), book: ReviewBook | None = None
) -> Served:
    scorer = FakeScorer("7")
    scorer.bundle = FoundBundle(icp=found or search())
    company = scorer.bundle.settings.company
    documents: Any = FakeDocuments(scorer)
    return Served(scorer, company, documents=documents, reviews=reviews, book=book)  # type: ignore[arg-type]


def client_of(found: ICPSearch | None = None, **more: Any) -> Any:
    return ask(LiveModel(served_with(found, **more)))


def rejected(key: str = GOOD_KEY, **more: Any) -> Review:
    given = {"owner": "Ann", "reason": "too few to sell to", **more}
    return new_review(Subject("rule", key), "reject", version="7", words=GOOD.words, **given)


@pytest.fixture(scope="module")
def page() -> Parsed:
    return read(client_of(), "/icp")


def test_a_profile_has_its_figures_with_intervals_its_size_and_how_it_was_found(page: Parsed) -> None:
    words = page.words
    for part in (
        "NRR inside", "105.0 %", "90.0 %", "+15.0", "+5.0 to +25.0",
        "Churn 6.0 % 12.0 % −6.0 −10.0 to −2.0",
        "Meet it now 50 5.0 %", "of them prospects 20", "of them customers 30", "All accounts and prospects 1,000",
        "100 of 400 other accounts", "200 earlier accounts, 1 Jan 2019 to 1 Jan 2021", "under 0.1 %",
        "May be too narrow", "each such account later pays 3,000 EUR a year less", "1,000 to 5,000 EUR",
        "Nobody has accepted or rejected it yet.",
    ):  # fmt: skip
        assert part in words, part


def test_shares_at_the_purchase_are_not_told_as_shares_of_now() -> None:
    said = "When they bought, 23.3 % of the customers and 12.5 % of those won in the last year met it; 4.0 % of the"
    assert said in read(client_of(whole_search()), "/icp").words


def test_a_missing_figure_says_why_and_one_without_an_interval_says_so(page: Parsed) -> None:
    assert "CAC, EUR 12,345 –" in page.words
    assert "CAC –: no table of costs." in page.words
    assert "No interval can be given for: NRR; GRR; Logo churn; Expansion; CAC, EUR inside." in page.words


def test_every_finding_leads_to_its_place_on_the_page_of_reviews(page: Parsed) -> None:
    assert page.linked("/review#").count(f"/review#{GOOD_KEY}") == 2, "the card and its attribute"
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {"established-1", "negative-1"} <= ids and page.linked("#established-1")


def test_what_is_not_shown_stands_apart_with_how_likely_it_is_luck(page: Parsed) -> None:
    apart = page.words.split("What is not shown, and why")[1].split("Points card")[0]
    assert "1 condition was measured without showing a difference" in apart
    assert "40.0 %" in apart and "decide" in apart


def test_attributes_are_sorted_by_links_that_turn_the_order_around() -> None:
    client = client_of()
    page = read(client, "/icp?sort=difference")
    assert "/icp?sort=-difference#attributes" in page.linked("/icp?sort=")
    sorts = [attributes["aria-sort"] for _, attributes in page.tags if "aria-sort" in attributes]
    assert sorts == ["descending", "descending"], "both tables"
    found = findings(served_with())
    by_name = [row.attribute.words for row in icp_shown.attributes(found, "condition")[True]]
    assert by_name == sorted(by_name, key=str.casefold)
    assert by_name[::-1] == [row.attribute.words for row in icp_shown.attributes(found, "-condition")[True]]
    assert read(client, "/icp?sort=<script>").words.count("Attributes") >= 1


def test_a_rejected_profile_is_shown_and_not_counted_and_no_file_for_others_holds_it() -> None:
    said = (replace(rejected(), number=1),)
    client = client_of(reviews=said)
    words = read(client, "/icp").words
    assert "rejected by Ann" in words and "It is shown and not counted." in words and "Decide again" in words
    assert f"THEN '{search().profiles[0].id}'" in client_of().get("/icp/export/icp.sql").text
    for form in ("icp.sql", "salesforce.md", "qualification.md"):
        text = client.get(f"/icp/export/{form}").text
        assert "THEN 'established-1'" not in text and "Leap ICP established-1" not in text
    rows = list(csv.DictReader(io.StringIO(client.get("/icp/export/icp.csv").text)))
    assert next(row["review"] for row in rows if row["id"] == "established-1") == "rejected"


def test_a_verdict_that_the_live_model_has_not_yet_waits_to_be_taken_into_account(tmp_path: Path) -> None:
    book = ReviewBook(tmp_path)
    client = client_of(book=book)
    assert "Waits to be taken into account" not in read(client, "/icp").words
    kept = book.add("Nordlicht", rejected())
    words = read(client, "/icp").words
    assert words.count("Waits to be taken into account") == 1 and "rejected by Ann" in words
    assert "Waits" not in read(client_of(book=book, reviews=(kept,)), "/icp").words


def test_a_copy_without_a_book_knows_what_was_rejected_when_it_was_packed() -> None:
    found = replace(search(), rejected=frozenset({"established-1"}))
    words = read(client_of(found), "/icp").words
    assert "rejected before this copy was packed" in words
    assert "THEN 'established-1'" not in client_of(found).get("/icp/export/icp.sql").text


def test_a_book_that_cannot_be_read_is_told_and_what_was_read_last_stands(tmp_path: Path) -> None:
    (tmp_path / "reviews.db").write_bytes(b"no database" * 200)
    live = LiveModel(served_with(book=ReviewBook(tmp_path), reviews=(replace(rejected(), number=1),)))
    words = read(ask(live), "/icp").words
    assert "Verdicts are as they were read last" in words and "rejected by Ann" in words
    tokens = {"LEAP_TOKEN": "sesame read"}
    told = ask(live, tokens).get("/icp", headers={"Authorization": "Bearer sesame"}).text
    assert str(tmp_path) not in told and "Its kind is `reviews`" in told


@pytest.mark.parametrize("form", FORMS)
def test_files_are_attachments_named_after_their_version(form: str) -> None:
    answer = client_of().get(f"/icp/export/{form}")
    assert answer.status_code == 200 and answer.text.strip()
    named = answer.headers["content-disposition"]
    assert named.startswith("attachment; ") and "version-7" in named and named.endswith(f'.{form.partition(".")[2]}"')


def test_the_report_is_that_of_the_command_and_a_file_to_keep() -> None:
    served = served_with()
    answer = ask(LiveModel(served)).get("/icp/report.html")
    assert answer.text == render_html(findings(served).summary)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_file_that_is_none_of_them_is_refused_with_those_that_are() -> None:
    for form in ("icp.exe", "...", "points"):
        answer = client_of().get(f"/icp/export/{form}")
        assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
    assert "points.md" in client_of().get("/icp/export/points").text


def test_the_points_card_is_shown_or_why_there_is_none() -> None:
    card = PointsCard((CardLine(GOOD, 2), CardLine(BAD, -1)), 2, -1, {}, None, None)
    words = read(client_of(replace(search(), card=card)), "/icp").words
    assert "Band A: 2 or more. Band C: −1 or less." in words and "+2" in words
    assert "There is no card. This version was trained without one." in read(client_of(), "/icp").words


def test_what_changed_is_told_or_why_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    served = served_with()
    words = read(ask(LiveModel(served)), "/icp").words
    assert "Profiles: 5 then, 5 now" in words.split("What changed since the last version")[1]
    assert served.documents.asked == [(PREVIOUS, CHAMPION)]  # type: ignore[attr-defined]

    def none(*_: Any) -> bytes:
        raise UnknownVersion("No version was champion before this one.")

    monkeypatch.setattr(FakeDocuments, "icp_diff", none)
    assert "No version was champion before this one." in read(client_of(), "/icp").words


def test_an_earlier_version_is_shown_as_such_with_what_people_decided_since(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = search().profiles
    then = FoundBundle(icp=replace(search(), profiles=(first,)))

    def version_of(_: Any, named: str) -> Named:
        if named == "4":
            return Named(FoundBundle(settings=settings_of({"name": "Another"})), "4")  # type: ignore[arg-type]
        if named != "3":
            raise UnknownVersion(f"There is no version {named}.")
        return Named(then, "3")  # type: ignore[arg-type]

    monkeypatch.setattr(FakeDocuments, "version_of", version_of, raising=False)
    client = client_of(reviews=(replace(rejected(), number=1),))
    page = read(client, "/icp?version=3&sort=luck")
    assert "These are the profiles of version 3, not of the live one, which is version 7." in page.words
    assert "rejected by Ann" in page.words and not page.linked("/icp/export/") and "negative-1" not in page.words
    assert "/icp?version=3&sort=-luck#attributes" in page.linked("/icp?version=")
    assert "is a model of another company" in read(client, "/icp?version=4", 404).words
    for name in ("../../x", "champion", "01", "9" * 40):
        assert client.get("/icp", params={"version": name}).status_code == 422
    assert "There is no version 9." in read(client, "/icp?version=9", 404).words
    assert "These are the profiles" not in read(client, "/icp?version=7").words


def test_no_profile_says_why_and_what_to_do() -> None:
    nothing = ICPSearch((), (), "31 churned accounts; at least 60 are needed.")
    words = read(client_of(nothing), "/icp").words
    assert "No profile holds in this data. 31 churned accounts; at least 60 are needed." in words
    assert "What to do on Monday Keep" in words and "No condition could be measured" in words
    for form in FORMS:
        assert client_of(nothing).get(f"/icp/export/{form}").status_code == 200
