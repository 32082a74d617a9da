"""What holds of every page: whose it is, what is stale, and that nothing in it can run or reach out."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import FileSystemLoader

from leap.config import Company
from serving import pages
from serving.live import LiveModel, Problem, Served
from serving.pages import rendering
from serving.pages.route import Page
from tests.serving.conftest import ask
from tests.serving.pages.hostile import HOSTILE, HostileScorer
from tests.serving.pages.parsing import Parsed, read


def test_the_home_page_says_whose_which_model_and_as_of_when(client: Any) -> None:
    words = read(client, "/").words
    for part in ("Nordlicht", "version 7", "1 Oct 2026", "1 Nov 2026", "Money in EUR."):
        assert part in words


def test_money_comes_with_its_note(client: Any) -> None:
    for path in ("/", "/accounts/a1"):
        assert read(client, path).words.count("Fees are assumed.") >= 2


def test_no_model_yet_and_a_model_that_failed() -> None:
    live = LiveModel()
    assert "The model is being loaded" in read(ask(live), "/", 503).words
    live.problem = Problem("no_model", "There is no champion. Run: leap train --promote")
    for path in ("/", "/accounts/a1"):
        page = read(ask(live), path, 503)
        assert "There is no champion. Run: leap train --promote" in page.words and "" in page.linked("")
        assert ask(live).get(path).headers["refresh"] == "5", "a page that waits looks again"


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


def test_who_may_only_look_is_not_asked_to_decide_and_who_has_no_token_is_told_where_to_give_it(
    live: LiveModel,
) -> None:
    client = ask(live, {"LEAP_TOKEN": "sesame read, aladdin"})
    for token, asked in (("sesame", False), ("aladdin", True)):
        text = client.get("/icp", headers={"Authorization": f"Bearer {token}"}).text
        assert ("Accept or reject" in text) is asked and ("Its review" in text) is not asked
    refused = client.get("/", headers={"Accept": "text/html"})
    assert refused.status_code == 401 and "the token as the password" in Parsed(refused.text).words


def test_every_page_says_when_the_features_are_stale(live: LiveModel) -> None:
    served = live.take()
    age = served.freshness()
    sentence = f"{age.days} days ago: newer data should have come after {age.days - 1} days"
    for limit, stale in ((age.days, False), (age.days - 1, True)):
        live.swap(Served(served.scorer, served.company, stale_after_days=limit, documents=served.documents))
        for path in ("/", "/accounts", "/accounts/a1", "/icp", "/drivers", "/glossary"):
            assert (sentence in read(ask(live), path).words) is stale


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/icp",
        "/accounts?q=<script>",
        "/glossary",
        "/drivers",
        "/review",
        "/accounts/a1",
        "/accounts/<script>alert(1)</script>",
    ],
)
def test_pages_hold_no_script_no_style_and_no_address_of_others(path: str) -> None:
    served = Served(HostileScorer(), Company(name=HOSTILE, money_note=HOSTILE))  # type: ignore[arg-type]
    client = ask(LiveModel(served))
    answer = client.get(path)
    page = Parsed(answer.text)
    assert not [tag for tag, _ in page.tags if tag in ("style", "iframe", "object", "img")]
    scripts = [attributes.get("src") for tag, attributes in page.tags if tag == "script"]
    assert scripts and all(str(src).startswith("/static/") for src in scripts)
    assert "alert(1)" not in answer.text.replace("&lt;script&gt;alert(1)", "").replace("%3Cscript%3Ealert%281%29", "")
    for _, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for name in ("href", "src", "action"):
            assert str(attributes.get(name) or "/").startswith(("/", "#"))
    assert "49" not in page.text.split("Leap")[0]
    shown = [str(value) for _, given in page.tags for name, value in given.items() if name != "value"]
    assert not [text for text in (page.text, *shown) if "\u202e" in text]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_a_field_holds_what_was_typed_whatever_it_is(client: Any) -> None:
    page = read(client, "/accounts/%E2%80%AEexe.cod<", 404)
    assert [given["value"] for tag, given in page.tags if tag == "input"] == ["\u202eexe.cod<"]
    assert "\u202e" not in page.text


def test_a_template_stays_as_it_was_when_it_was_first_used(tmp_path: Path) -> None:
    """A service that was installed anew while it ran failed on pages it had shown: their templates were read again."""
    (tmp_path / "a.html").write_text("before")
    environment = rendering.environment.overlay(loader=FileSystemLoader(tmp_path))
    assert environment.get_template("a.html").render() == "before"
    (tmp_path / "a.html").write_text("{{ x | unknown }}")
    os.utime(tmp_path / "a.html", (1, 1))
    assert environment.get_template("a.html").render() == "before"


def test_no_page_is_made_where_health_checks_and_scores_are_answered() -> None:
    """Each takes tens of milliseconds, and every one of those that wait there is made before the next look at the
    sockets: 15 readers of such pages kept `/livez` and scores waiting for a second.
    """
    made_there = {
        route.path
        for router in pages.ROUTERS
        for route in router.routes
        if isinstance(route, Page) and "leap_large" not in route.endpoint.__dict__
    }
    assert made_there == {"/glossary"}


def test_the_style_sheet_reaches_out_nowhere_and_is_for_light_dark_phone_and_paper(client: Any) -> None:
    answer = client.get("/static/leap.css")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/css")
    assert not re.search(r"url\(|@import|https?:", answer.text)
    for part in ("light-dark(", "max-width: 46rem", "@media print"):
        assert part in answer.text
