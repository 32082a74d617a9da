"""Pages: what RevOps reads, also when there is nothing to read, and that nothing in them can run or reach out."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from leap.config import Company
from serving.live import LiveModel, Problem, Served
from tests.serving.conftest import ask
from tests.serving.fakes import ICPS, FakeScorer, fake_served


class Parsed(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def linked(self, prefix: str) -> list[str]:
        return [
            str(attrs["href"]) for tag, attrs in self.tags if tag == "a" and str(attrs.get("href")).startswith(prefix)
        ]


def read(client: Any, path: str, status: int = 200) -> Parsed:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Parsed(answer.text)


def test_the_home_page_says_whose_which_model_and_as_of_when(client: Any) -> None:
    words = read(client, "/").words
    for part in ("Nordlicht", "version 7", "1 Oct 2026", "1 Nov 2026", "Money in EUR."):
        assert part in words


def test_profiles_have_statement_conditions_and_evidence_with_its_interval(client: Any) -> None:
    words = read(client, "/").words
    for part in (
        "Software companies with 50 to 500 employees in Germany, Austria or Switzerland.",
        "Employees: at least 50, below 500",
        "108.3 % NRR inside, 93.4 % outside",
        "+14.9 points, interval +7.1 to +22.8",
        "−28.8 points, interval −39.2 to −17.1",
        "819 rules tried, false-discovery rate 1.2",
    ):
        assert part in words


def test_the_accounts_with_most_money_at_risk_come_first_and_a_hundred_are_shown(client: Any, live: LiveModel) -> None:
    links = read(client, "/").linked("/accounts/")
    expected = sorted(
        (row for row in live.take().scorer.listing() if row["nrr"] is not None),
        key=lambda row: -row["mrr"] * (1 - row["nrr"]),
    )
    assert links == [f"/accounts/{row['account_id']}" for row in expected[:100]]


def test_accounts_are_found_by_name_or_id(client: Any) -> None:
    assert "/accounts/a175" in read(client, "/?q=HARBOUR+energy").linked("/accounts/")
    assert read(client, "/?q=a175").linked("/accounts/") == ["/accounts/a175"]
    assert "No account matches “zzz”." in read(client, "/?q=zzz").words


def test_money_comes_with_its_note(client: Any) -> None:
    for path in ("/", "/accounts/a1"):
        assert read(client, path).words.count("Fees are assumed.") >= 2


def test_an_account_page_shows_reasons_that_add_up(client: Any) -> None:
    words = read(client, "/accounts/a1").words
    assert "Active on 3 of the last 28 days, far below its usual 17" in words
    assert "From the base of 97.0 % they add up to 65.5 %" in words
    assert "No score: already leaving." in read(client, "/accounts/a49").words


def test_an_account_page_asks_for_groups_as_every_other_answer_does(client: Any, live: LiveModel) -> None:
    scorer, asked = live.take().scorer, []
    by_id = scorer.by_id
    scorer.by_id = lambda ids, top=5: (asked.append(top), by_id(ids, top))[1]  # type: ignore[method-assign,assignment]
    columns = [attrs.get("data-label") for _, attrs in read(client, "/accounts/a1").tags]
    assert asked[0] > 1000, "0 would tell each feature on its own"
    assert "Value" not in columns, "the reason says the value with its unit; a second time without one misleads"


def test_a_name_without_end_is_cut(client: Any, live: LiveModel) -> None:
    served = live.take()
    first = served.accounts[0]
    served.accounts = (replace(first, name="N" * 10_000), *served.accounts[1:])
    assert read(client, f"/accounts/{first.account_id}").text.count("N") < 1000


def test_an_account_page_says_in_words_what_to_do_and_what_lies_ahead(client: Any) -> None:
    words = read(client, "/accounts/a1").words
    for part in (
        "Value, 36 months",
        "Worth an offer to stay: expected to gain 1,808 EUR after its costs.",
        "Still a customer: 89.1 % after 3 months, 63.0 % after 12, 25.0 % after 36. For 36 months the latest observed",
        "Winning it cost 4,000 EUR, expected back in month 9; 36 months are worth 3.2 times that.",
    ):
        assert part in words
    leaving = read(client, "/accounts/a49").words
    assert "offer to stay" not in leaving and "Still a customer" not in leaving and "36 months" not in leaving


def test_where_past_offers_would_have_lost_money_no_account_is_called_worth_one(client: Any, live: LiveModel) -> None:
    live.take().scorer.offers_lost_money = True  # type: ignore[misc]
    words = read(client, "/accounts/a1").words
    assert "offers by this model would have lost money out of time" in words and "Worth an offer" not in words


def test_an_unknown_account_is_a_page_of_its_own(client: Any) -> None:
    assert "“<b>x” is not among the customers" in read(client, "/accounts/%3Cb%3Ex", 404).words


def test_the_page_of_drivers_says_share_direction_and_what_not_to_act_on_yet(client: Any) -> None:
    page = read(client, "/drivers")
    for said in (
        "Days with activity, last 28 days",
        "42.0 %",
        "31.0 % to 50.0 %",
        "its direction changed between periods",
    ):
        assert said in page.words
    assert page.words.count("its direction changed between periods") >= 1
    assert any(tag == "svg" for tag, _ in page.tags)


def test_a_profile_that_people_rejected_says_so() -> None:
    first, *others = ICPS["icps"]
    live = LiveModel(fake_served(icps={**ICPS, "icps": [{**first, "rejected": True}, *others]}))
    assert read(ask(live), "/").words.count("Rejected by people: it is shown and not counted.") == 1


def test_no_profile_says_why() -> None:
    live = LiveModel(fake_served(icps={"icps": [], "none_because": "31 churned accounts; at least 60 are needed."}))
    words = read(ask(live), "/").words
    assert "No profile holds in this data. 31 churned accounts; at least 60 are needed." in words


def test_no_model_yet_and_a_model_that_failed() -> None:
    live = LiveModel()
    assert "The model is being loaded" in read(ask(live), "/", 503).words
    live.problem = Problem("no_model", "There is no champion. Run: leap train --promote")
    for path in ("/", "/accounts/a1"):
        assert "There is no champion. Run: leap train --promote" in read(ask(live), path, 503).words


def test_a_champion_that_could_not_be_loaded_is_told_while_the_old_one_answers(client: Any, live: LiveModel) -> None:
    live.problem = Problem("bundle", "models/churn.txt: checksum differs.")
    assert "Version 7 goes on answering. models/churn.txt: checksum differs." in read(client, "/").words


def test_why_not_all_is_live_is_told_in_full_only_to_who_may_know_what_is_wrong_inside(live: LiveModel) -> None:
    tokens = {"LEAP_TOKEN": "sesame read, simsim score, aladdin"}
    reader, client = {"Authorization": "Bearer sesame"}, ask(live, tokens)
    live.problem = Problem("source", "accounts.csv: 4711 is no date")
    assert "4711" in client.get("/", headers={"Authorization": "Bearer aladdin"}).text
    told = client.get("/", headers=reader).text
    assert "Version 7 goes on answering. Its kind is `source`" in told and "4711" not in told
    nothing = LiveModel()
    nothing.problem = live.problem
    client = ask(nothing, tokens)
    for answer in (
        client.get("/", headers=reader),
        client.get("/v1/model", headers=reader),
        client.post("/v1/score", json={"account_ids": ["a1"]}, headers={"Authorization": "Bearer simsim"}),
    ):
        assert answer.status_code == 503 and "source" in answer.text and "4711" not in answer.text


def test_every_page_says_when_the_features_are_stale(live: LiveModel) -> None:
    served = live.take()
    age = served.freshness()
    sentence = f"The features are {age.days} days old, older than {age.days - 1} days"
    for limit, stale in ((age.days, False), (age.days - 1, True)):
        live.swap(Served(served.scorer, served.company, stale_after_days=limit, documents=served.documents))
        for path in ("/", "/accounts/a1", "/drivers"):
            assert (sentence in read(ask(live), path).words) is stale


def test_no_customers_is_said_and_so_is_a_service_without_tables() -> None:
    served: Any = fake_served(accounts=0)
    client = ask(LiveModel(served))
    assert "No customers on this day." in read(client, "/").words
    served.scorer.tables = None
    words = read(client, "/").words
    assert "There are no tables of customers here." in words and "At risk in" not in words


HOSTILE = "<script>alert(1)</script>\" onmouseover='x' {{ 7*7 }}"


class HostileScorer(FakeScorer):
    """Every text that comes from data is an attack."""

    def listing(self) -> list[dict[str, Any]]:
        return [{**row, "name": HOSTILE, "reason_1": HOSTILE, "icp_id": HOSTILE} for row in super().listing()[:3]]

    def icp_document(self) -> dict[str, Any]:
        condition = {"feature": "x", "op": "==", "value": 1, "words": HOSTILE}
        profile = {
            **ICPS["icps"][0],
            "statement": HOSTILE,
            "id": HOSTILE,
            "conditions": [condition],
            "size": {HOSTILE: 1},
        }
        return {"icps": [profile], "none_because": None}

    def drivers_document(self) -> dict[str, Any]:
        document = super().drivers_document()
        health = document["health"]
        hostile = {"label": HOSTILE, "why_not": HOSTILE, "stable": False}
        level = {"level": HOSTILE, "accounts": 9, "points": 0.1, "low": 0.0, "high": 0.2, "value": None}
        shown = {"label": HOSTILE, "unit": HOSTILE, "missing_words": HOSTILE, "axis": "levels", "kind": "category"}
        return {
            **document,
            "health": {
                "drivers": [{**driver, **hostile} for driver in health["drivers"]],
                "dependence": [{**one, **shown, "parts": [level], "counts": []} for one in health["dependence"]],
                "labels": {name: HOSTILE for name in health["labels"]},
            },
        }

    def by_id(self, ids: Any, top: int = 5) -> Any:
        scores, not_found = super().by_id(ids, top)
        hostile = [{**reason, "phrase": HOSTILE, "value": HOSTILE} for reason in scores[0]["reasons"]] if scores else []
        return [{**score, "reasons": hostile} for score in scores], not_found


@pytest.mark.parametrize(
    "path", ["/", "/?q=<script>", "/drivers", "/accounts/a1", "/accounts/<script>alert(1)</script>"]
)
def test_pages_hold_no_script_no_style_and_no_address_of_others(path: str) -> None:
    served = Served(HostileScorer(), Company(name=HOSTILE, money_note=HOSTILE))  # type: ignore[arg-type]
    client = ask(LiveModel(served))
    answer = client.get(path)
    page = Parsed(answer.text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "style", "iframe", "object", "img")]
    for _, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for name in ("href", "src", "action"):
            assert str(attributes.get(name) or "/").startswith(("/", "#"))
    assert "49" not in page.text.split("Leap")[0]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_the_style_sheet_reaches_out_nowhere_and_is_for_light_dark_phone_and_paper(client: Any) -> None:
    answer = client.get("/static/leap.css")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/css")
    assert not re.search(r"url\(|@import|https?:", answer.text)
    for part in ("prefers-color-scheme: dark", "max-width: 46rem", "@media print"):
        assert part in answer.text
