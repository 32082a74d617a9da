"""The first page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import pandas as pd
import pytest

from leap.config import Company
from leap.reports.overview import KeyFigure
from leap.reports.overview_needs import Kind, Need
from leap.scoring import Scorer
from serving.documents import Documents
from serving.errors import Refused
from serving.live import LiveModel, Served
from serving.pages import overview as page_module
from serving.pages import rendering, words
from tests.serving.conftest import ask
from tests.serving.fakes import fake_served
from tests.serving.pages.hostile import HOSTILE
from tests.serving.pages.parsing import Parsed, read
from tests.worlds import TrainedWorld

LATER = ("/overview/profiles", "/overview/win", "/overview/changes", "/overview/changes?months=12")


def served_by(planted: TrainedWorld, tables: Any, **more: Any) -> Served:
    scorer = Scorer.build(planted.bundle, "7", tables, **more)
    return Served(scorer, Company(name="Planted", money_note="Made up."), 6, documents=Documents(scorer))


@pytest.fixture
def client(planted: TrainedWorld) -> Iterator[Any]:
    yield ask(LiveModel(served_by(planted, planted.tables)))


def test_no_customers_is_said_and_so_is_a_service_without_tables() -> None:
    served: Any = fake_served(accounts=0)
    client = ask(LiveModel(served))
    assert "No customers on this day." in read(client, "/accounts").words
    assert "No customers on this day." in read(client, "/").words
    served.scorer.tables = None
    words = read(client, "/").words
    assert "There are no tables of customers here." in words and "At risk in" not in words


def test_a_real_model_without_tables_says_what_it_can_do(planted: TrainedWorld) -> None:
    client = ask(LiveModel(served_by(planted, None)))
    page = read(client, "/")
    assert "There are no tables of customers here." in page.words and "score accounts over its interface" in page.words
    for path in LATER[1:]:
        assert "There are no tables of" in read(client, path).words
    assert "There is no earlier version to compare the profiles with." in read(client, LATER[0]).words


def test_key_figures_are_written_with_their_range_and_what_is_expected(client: Any, planted: TrainedWorld) -> None:
    from leap.reports.overview import summarise

    book = summarise(Scorer.build(planted.bundle, "7", planted.tables)).book
    assert book is not None and book.expected is not None
    said = read(client, "/").words
    for figure in book.last.figures.values():
        assert (
            f"{words.percent(figure.value)} 95 %: {words.percent(figure.low)} to {words.percent(figure.high)}" in said
        )
        assert figure.expected is not None and f"{words.percent(figure.expected.value)} expected" in said
    nrr = book.expected.nrr
    assert f"90 %: {words.percent(nrr.low)} to {words.percent(nrr.high)}" in said
    assert f"Why {words.percent(nrr.value)} NRR is expected" in said and "What needs you now" in said


def test_every_link_leads_to_a_page_that_there_is_or_a_place_on_this_one(client: Any) -> None:
    page = read(client, "/")
    ids = {attributes.get("id") for _, attributes in page.tags}
    for target in page.linked("/"):
        if not target.startswith("/accounts/"):
            assert re.split("[?#]", target)[0] in {*rendering.known, "/docs.json"}, target
    assert {target.removeprefix("#") for target in page.linked("#")} <= ids
    assert client.get(page.linked("/accounts/")[0]).status_code == 200
    assert "/accounts?sort=at_risk" in page.linked("/accounts?")


def test_as_many_accounts_are_listed_as_are_said_to_be_worth_an_offer(client: Any, planted: TrainedWorld) -> None:
    from leap.reports.overview import summarise

    scorer = Scorer.build(planted.bundle, "7", planted.tables)
    book = summarise(scorer).book
    assert book is not None
    told = 0 if book.offers is None else book.offers.accounts
    assert sum(row["contact"] for row in scorer.listing()) == told
    found = read(client, "/accounts?offer=worth").words
    assert f"{told:,} account{'s' if told != 1 else ''} as" in found if told else "No account matches" in found


def test_who_is_at_risk_comes_before_what_was(client: Any) -> None:
    said = read(client, "/").words
    assert said.index("What needs you now") < said.index("To keep") < said.index("So far, and expected")


def test_what_takes_longer_is_linked_first_and_shown_in_its_place_once_it_was_made(client: Any) -> None:
    before = read(client, "/")
    places = [attributes["data-part"] for _, attributes in before.tags if "data-part" in attributes]
    assert places == ["/overview/win", "/overview/changes", "/overview/profiles"] and set(places) <= set(
        before.linked("/overview/")
    )
    for path in places:
        part = read(client, str(path))
        assert [attributes for _, attributes in part.tags if "data-part-content" in attributes]
    after = read(client, "/")
    assert not [attributes for _, attributes in after.tags if "data-part" in attributes]
    assert "new MRR a month expected from" in after.words and "Behaviour" in after.words
    prospect = read(client, "/overview/win").linked("/accounts/")[0]
    page = read(client, prospect)
    assert "Prospect: on" in page.words and prospect in after.linked("/accounts/")
    assert page.linked("/targets?q=") == [f"/targets?q={prospect.removeprefix('/accounts/')}"], "its place on the list"


def test_the_comparison_is_with_a_quarter_or_a_year_ago_and_nothing_else(client: Any) -> None:
    assert "Since 2 Oct 2023" in read(client, "/overview/changes").words
    assert "Since 2 Jan 2023" in read(client, "/overview/changes?months=12").words
    assert client.get("/overview/changes?months=100000").status_code == 422


def test_one_picture_a_figure_with_a_name_of_its_own_for_who_cannot_see_it(client: Any) -> None:
    html = client.get("/").text
    titles = re.findall(r'<title id="([^"]+)">([^<]+)</title>', html)
    assert len({name for name, _ in titles}) == len(titles)
    assert [said for _, said in titles[:3]] == ["NRR over time", "GRR over time", "Churn of MRR over time"]


def test_the_first_days_of_a_book_say_what_is_missing(planted: TrainedWorld) -> None:
    client = ask(LiveModel(served_by(planted, planted.tables, as_of=pd.Timestamp("2021-02-15"))))
    said = read(client, "/").words
    assert "nothing to compare a year ago" in said
    assert "there was no revenue yet" in read(client, "/overview/changes").words


def test_names_from_data_cannot_run_turn_the_line_or_fill_the_page(planted: TrainedWorld) -> None:
    served = served_by(planted, planted.tables)
    table = served.scorer.customers
    assert table is not None
    names = [HOSTILE, "=1+1", "\u202eabc", "😀", "N" * 10_000]
    hostile = replace(table, names=[names[i % len(names)] for i in range(len(table))])
    scorer = Scorer(planted.bundle, "7", planted.tables, pd.Timestamp(served.scorer.as_of), hostile)
    client = ask(LiveModel(Served(scorer, Company(name=HOSTILE), 6, documents=Documents(scorer))))
    for path in ("/", *LATER):
        html = client.get(path).text
        assert "<script>alert" not in html and "\u202e" not in html and "N" * 200 not in html
        assert not [one for _, attributes in Parsed(html).tags for one in attributes if one.startswith("on")]


def test_a_large_book_shows_what_is_known_first_and_all_of_it_once_it_was_worked_out(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "MOST_AT_ONCE", 10)
    first = read(client, "/")
    assert "At risk in 6 months" in first.words and "What needs you now" not in first.words
    assert ("div", {"data-part": "/overview/book", "data-then": "reload"}) in first.tags
    assert "What needs you now" in read(client, "/overview/book").words
    after = read(client, "/")
    assert "What needs you now" in after.words and "up to a minute" in after.words
    assert "/overview/changes" not in [attributes.get("data-part") for _, attributes in after.tags]


def test_whoever_comes_while_it_is_worked_out_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "WAIT_SECONDS", 0.01)
    made = page_module.Made()
    with made.making, pytest.raises(Refused, match="being worked out"):
        made.once("a", dict)
    assert made.once("a", lambda: 1) == made.once("a", lambda: 2) == 1
    with made.making:
        assert made.once("a", lambda: 3) == 1


def test_everything_that_needs_somebody_is_a_sentence_with_what_came_from_data_as_text(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tuple(Need(kind, 3, 1200.0, (HOSTILE, "b", "c", "d"), HOSTILE) for kind in get_args(Kind))
    monkeypatch.setattr(page_module, "_needs", lambda *_: found)
    html = client.get("/").text
    listed = html.partition('<ul class="needs">')[2].partition("</ul>")[0].split("<li>")[1:]
    said = [Parsed(one).words for one in listed]
    assert len(said) == len(found) and all(len(one) > 30 for one in said) and "<script>alert" not in html
    assert len(set(said)) == len(said) and any("and 1 more" in one for one in said)


def test_no_skill_is_said_where_the_figures_stand(planted: TrainedWorld) -> None:
    quality = {
        **planted.bundle.quality,
        "health": {**planted.bundle.quality["health"], "claimed": False, "reason": "Why."},
    }
    scorer = Scorer.build(replace(planted.bundle, quality=quality), "7", planted.tables)
    said = read(ask(LiveModel(Served(scorer, Company(name="Planted"), 6, documents=Documents(scorer)))), "/").words
    assert said.count("The model has no skill to show: Why.") == 2


def test_a_window_at_whose_start_nobody_paid_is_not_called_incomplete() -> None:
    macros: Any = rendering.environment.get_template("overview_macros.html").module
    for reason, said in (("empty_cohort", "nobody paid at its start"), ("no_complete_window", "no complete window")):
        assert said in macros.key("NRR", KeyFigure(None, None, None, reason, None, None, None), None)
