"""The page of whom to sell to next: its form, its list, its files, and what it says where there is none."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import openpyxl
import pytest

from leap.config import Company, Policy
from leap.reports import targets as report
from leap.reports import targets_asked, targets_summary
from leap.reports.targets_asked import read as asked_in
from leap.scoring import Scorer
from leap.scoring.targets import Asked, Entries, Override, TargetList, target_list_of
from leap.scoring.targets.candidates import Candidates
from serving.errors import Refused
from serving.lanes import TOO_LATE
from serving.live import LiveModel, Served
from tests.serving.conftest import ask
from tests.serving.pages.hostile import HOSTILE
from tests.serving.pages.parsing import Parsed, read
from tests.worlds import TrainedWorld, planted_tables

POLICY = Policy(budget=5000.0, capacity=10, exploration_share=0.2, emerging_share=0.0)


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    """The planted company, whose work on a prospect costs 300."""
    settings = planted.tables.settings.model_copy(
        update={"policy": Policy(account_cost=300.0, capacity=8, exploration_share=0.0)}
    )
    return Scorer.build(planted.bundle, "7", replace(planted.tables, settings=settings))


@pytest.fixture
def served(scorer: Scorer) -> Served:
    return Served(scorer, Company(name="Planted", currency="EUR"))


@pytest.fixture
def page(served: Served) -> Iterator[Any]:
    with ask(LiveModel(served)) as client:
        yield client


def value_of(page: Parsed, name: str) -> str | None:
    return next(
        attrs.get("value") for tag, attrs in page.tags if tag == "input" and attrs.get("name") == name and "id" in attrs
    )


def test_a_field_that_is_not_there_is_the_policy_and_an_empty_one_is_no_limit() -> None:
    given = asked_in({}, POLICY, ["industry"], "industry")
    assert given.asked == Asked.of(POLICY) and not given.changed and not given.wrong
    assert given.texts["budget"] == "5000" and given.texts["exploration_share"] == "20"
    free = asked_in({"budget": "", "capacity": " ", "months": "12", "exploration_share": ""}, POLICY, [], "")
    assert (free.asked.budget, free.asked.capacity, free.asked.exploration_share, free.months) == (None, None, 0.0, 12)
    assert set(free.changed) == {"budget", "capacity", "months", "exploration_share"}
    again = asked_in(targets_asked.texts_of(free.asked, 12, ""), POLICY, [], "")
    assert (again.asked, again.months) == (free.asked, free.months), (
        "the fields of a list that was made ask for the same list"
    )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("budget", "-1", "number from 0 on"), ("budget", "nan", "number from 0 on"), ("budget", "1e99", "at most"),
        ("budget", "٣", "number from 0 on"), ("budget", "=1+1", "number from 0 on"), ("quota", "1,00", "number from 0"),
        ("capacity", "1.5", "whole"), ("capacity", "99999999999", "at most"), ("per_segment", "x", "number"),
        ("months", "13", "12, 36"), ("mode", "all", "prioritise"), ("segment", "nope", "industry"),
        ("exploration_share", "101", "0 to 100"), ("exploration_share", "-5", "0 to 100"),
        ("emerging_share", "90", "together"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_in_words_and_the_list_is_not_made(name: str, text: str, said: str) -> None:
    given = asked_in({name: text}, POLICY, ["industry"], "industry")
    assert given.wrong and said in next(iter(given.wrong.values())) and given.texts[name] == text


def test_a_number_a_segment_needs_something_that_tells_segments_apart() -> None:
    assert asked_in({"per_segment": "2"}, POLICY, ["industry"], "industry").asked.segment == "industry"
    assert "per_segment" in asked_in({"per_segment": "2"}, POLICY, [], "").wrong
    assert asked_in({"segment": "region"}, POLICY, ["industry", "region"], "industry").asked.segment is None


def test_the_page_shows_the_form_the_sums_and_accounts_with_reasons(page: Any, scorer: Scorer) -> None:
    found = read(page, "/targets?budget=1800")
    made = target_list_of(scorer, Asked(budget=1800.0, capacity=8, emerging_share=0.1, seconds=5.0))
    assert value_of(found, "budget") == "1800" and value_of(found, "capacity") == "8"
    assert f"of {len(made.candidates)} prospects" in found.words and "Other than in leap.toml ([policy]): budget." in (
        found.words
    )
    names = [made.candidates.table.names[i] for i in made.order]
    places = [found.words.index(f"{name} ") for name in names]
    assert len(names) == 6 and places == sorted(places)
    assert "Budget ends the list" in found.words and "100.0 %of 1,800 EUR" in found.words
    assert len(found.linked("/review?account=acc-")) == len(names)
    assert "have no interval" in found.words and "For" in found.words and "interval of NRR" in found.words


def test_months_counted_change_the_worth_and_are_told(page: Any) -> None:
    year, three = (read(page, f"/targets?months={months}").words for months in (12, 36))
    assert "12 months less cost" in year and "36 months less cost" in three
    assert year.split("Expected gain")[1][:12] != three.split("Expected gain")[1][:12]


def test_wrong_limits_are_a_page_with_the_form_as_it_was_filled_in(page: Any) -> None:
    found = read(page, "/targets?budget=lots&capacity=3", 422)
    assert value_of(found, "budget") == "lots" and value_of(found, "capacity") == "3"
    assert "budget: Expected a number from 0 on" in found.words
    assert read(page, "/targets.csv?budget=lots", 422).words.count("Expected a number") == 1
    assert read(page, "/targets?budget=1&budget=2", 422)
    for odd in ("first=-1", "first=zzz", "first=99999999", "q=%00%ff%e2%80%ae", f"q={'x' * 150}", "other=1"):
        assert read(page, f"/targets?{odd}")


def test_what_is_looked_for_is_found_on_the_list_and_beside_it(page: Any, scorer: Scorer) -> None:
    made = target_list_of(scorer, Asked(capacity=1, emerging_share=0.1, seconds=5.0))
    on, beside = int(made.order[0]), int(np.flatnonzero(made.left_out == "over_capacity")[0])
    table = made.candidates.table
    found = read(page, f"/targets?capacity=1&q={table.account_ids[on].upper()}").words
    assert "1 of 1 accounts match" in found
    words = read(page, f"/targets?capacity=1&q={table.account_ids[beside]}").words
    assert f"{table.names[beside]} {table.account_ids[beside]}: over capacity" in words


def test_a_long_list_has_parts_and_every_account_is_in_one_of_them(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.pages.targets.ROWS", 3)
    found = [read(page, f"/targets?first={first}") for first in (0, 3, 6)]
    assert "1 to 3 of 8" in found[0].words and "7 to 8 of 8" in found[2].words
    assert found[0].linked("/targets?first=3") and found[1].linked("/targets?first=0")
    ranks = [
        text
        for one in found
        for text in one.words.split("Owner")[1].split("Left out")[0].split()
        if text.startswith("acc-")
    ]
    assert len(set(ranks)) == 8


def test_the_file_holds_all_rows_of_what_is_shown_and_no_formula(page: Any, scorer: Scorer) -> None:
    answer = page.get("/targets.csv?capacity=5")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].endswith('.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    made = target_list_of(scorer, Asked(capacity=5, emerging_share=0.1, seconds=5.0))
    assert [row["account_id"] for row in rows] == [made.candidates.table.account_ids[i] for i in made.order]
    one = list(csv.DictReader(io.StringIO(page.get(f"/targets.csv?capacity=5&q={rows[3]['account_id']}").text)))
    assert [row["rank"] for row in one] == ["4"]
    assert '<a class="button" href="/targets.csv?capacity=5"' in page.get("/targets?capacity=5").text
    assert answer.text == report.render_csv(Entries(made).to_json()), "to the letter what the command writes"
    sheet = openpyxl.load_workbook(io.BytesIO(page.get("/targets.xlsx?capacity=5").content)).worksheets[0]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    place = cells[0].index("account_id")
    assert [row[place] for row in cells[1:]] == [row["account_id"] for row in rows]


def test_while_another_list_is_made_the_last_one_is_shown_and_the_page_looks_again(page: Any, served: Served) -> None:
    assert read(page, "/targets?capacity=2")
    with served.documents._one_list:
        answer = page.get("/targets?capacity=3")
        known = page.get("/targets?capacity=2")
    assert answer.status_code == 200 and answer.headers["refresh"] == "5"
    words = Parsed(answer.text).words
    assert "Another list is being made" in words and "the list that was made last under other limits" in words
    assert "refresh" not in known.headers, "a list that is remembered waits for no other one"
    assert "refresh" not in page.get("/targets?capacity=3").headers


def test_a_service_without_time_is_a_page_that_looks_again(page: Any, served: Served) -> None:
    def late(*_: Any) -> TargetList:
        raise Refused(503, TOO_LATE)

    served.documents.list_asked_for = late  # type: ignore[method-assign]
    answer = page.get("/targets")
    assert answer.status_code == 503 and answer.headers["refresh"] == "5"
    assert "What you asked for is being made, or the service is busy" in Parsed(answer.text).words


def test_a_list_without_anybody_is_made_once(served: Served) -> None:
    first, again = (served.documents.list_asked_for(Asked(capacity=0), 36) for _ in range(2))
    assert len(first) == 0 and again is first


def test_without_tables_the_page_says_what_would_make_a_list_appear(client: Any, live: LiveModel) -> None:
    live.take().scorer.tables = None  # type: ignore[misc]
    assert "There are no tables here" in read(client, "/targets").words
    assert read(client, "/targets.csv", 404)


def made_of(scorer: Scorer, **policy: Any) -> TargetList:
    return target_list_of(scorer, Asked(**policy))


def test_what_is_missing_is_told_with_what_would_make_it_appear(scorer: Scorer) -> None:
    made = made_of(scorer, capacity=2)
    own = made.candidates
    bundle = replace(
        own.table.bundle,
        economics={"new_mrr": None, "cac": None},
        icp=replace(own.table.bundle.icp, profiles=(), none_because="too few accounts."),
    )
    table = replace(own.table, bundle=bundle)
    table.__dict__["value"] = tuple(np.full(len(own), np.nan) for _ in range(3))
    bare = replace(made, candidates=Candidates(table, own.signals, replace(own.rate, rate=None), Policy()))
    told = {one.what: one for one in targets_summary.summarise(bare).missing}
    assert {"No profile stands behind this list.", "What new customers pay is not known.", "No gross margin is given.",
            "No deals with a result are known.", "No acquisition costs are known.",
            "No buying signals are declared."} <= set(told)  # fmt: skip
    assert "too few accounts: " not in told["No profile stands behind this list."].why
    assert all(one.why and one.remedy for one in told.values())


def test_left_out_counts_add_up_and_their_examples_are_those_that_would_bring_most(scorer: Scorer) -> None:
    made = made_of(scorer, capacity=2)
    summary = targets_summary.summarise(made)
    assert summary.accounts + sum(one.accounts for one in summary.left_out) == summary.prospects
    over = next(one for one in summary.left_out if one.reason == "over_capacity")
    gains = dict(zip(made.candidates.table.account_ids, made.candidates.gain, strict=True))
    rest = [account for account, why in zip(gains, made.left_out, strict=True) if why == "over_capacity"]
    assert [id for id, _ in over.examples] == sorted(rest, key=lambda a: -gains[a])[:3]
    assert any(said.startswith("Capacity ends the list: all 2 places") for said in summary.ends)
    free = targets_summary.summarise(made_of(scorer))
    assert free.ends == (
        "No limit ends the list: every prospect that is expected to bring more than it costs is on it.",
    )


def test_names_and_owners_from_people_and_data_are_text(scorer: Scorer) -> None:
    account = scorer.prospect_table.account_ids[0]  # type: ignore[union-attr]
    served = Served(scorer, Company(name=HOSTILE, money_note=HOSTILE))
    made = target_list_of(scorer, Asked(capacity=3), {account: Override("include", HOSTILE, "=1+1")})
    made.candidates.table.names[0] = HOSTILE + "N" * 10_000 + "\u202e"
    served.documents.list_asked_for = lambda *_: made  # type: ignore[method-assign]
    answer = ask(LiveModel(served)).get("/targets")
    assert "<script>alert" not in answer.text and "kept by its owner" in answer.text
    assert answer.text.count("N" * 200) == 0 and "\u202e" not in answer.text
    found = Parsed(answer.text)
    assert not [n for _, attributes in found.tags for n in attributes if n == "style" or n.startswith("on")]


def test_where_all_accounts_have_paid_the_page_says_what_would_make_a_list_appear(scorer: Scorer) -> None:
    served = Served(Scorer.build(scorer.bundle, "7", planted_tables(60, prospects=0)), Company())
    words = read(ask(LiveModel(served)), "/targets").words
    assert "There is nobody to sell to in these tables." in words and "have never paid" in words
