"""The page of one account."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from leap.config import Company
from leap.errors import RevenueError
from leap.explanation.drivers import Driver
from leap.features import Scope
from leap.scoring import Scorer, history
from leap.scoring.what_if import suppose
from leap.tables import AccountTables
from serving.live import LiveModel
from serving.pages import account_parts
from tests.scoring.worlds import bundle_of, company, profile
from tests.serving.conftest import ask
from tests.serving.fakes import served_by
from tests.serving.pages.parsing import Parsed, read
from tests.worlds import company_of, subscription


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


def test_parts_without_skill_and_offers_that_past_tests_do_not_show_to_gain_say_so(
    client: Any, live: LiveModel
) -> None:
    churn = {"learner": "base_rate", "money": {"against": {"nobody": {"low": -9.0, "high": 52.0}}}}
    found = {"outcomes": {"churn": churn, "expansion": {"learner": "linear"}}}
    scorer: Any = live.take().scorer
    scorer.bundle = replace(scorer.bundle, quality={"health": found, "fit": found})
    said = read(client, "/accounts/a1").words
    assert "none: the base rate of all, no skill was shown" in said and "none: a part of NRR" in said
    assert "after its costs. Past tests do not show that such offers gain. Here an offer pays" in said


def test_an_unknown_account_is_a_page_of_its_own(client: Any) -> None:
    assert "“<b>x” is not among the customers" in read(client, "/accounts/%3Cb%3Ex", 404).words


# --- what only the page of a real company can show

TABLES = company(
    n=12,
    profiles=[
        profile("x", "2023-01-02", seats=20, plan="pro", sso="true", region="north"),
        profile("x", "2023-11-15", seats=5, plan="basic", sso="true", region="north"),
        profile("p", "2023-05-01", seats=9, plan="max"),
    ],
    more=[
        subscription("x", "2023-01-10", "2023-05-10"),
        subscription("x", "2023-05-10", mrr=160),
        subscription("gone", "2023-02-01", "2023-09-01"),
        subscription("out", "2023-01-01", "2024-03-01", cancelled_at="2023-11-15"),
    ],
)
NOT_YET = Driver(
    group="seats", features=("seats",), label="Seats", share=0.5, direction="raises", stable=False, scope="health",
    actionable=True, id="seats", rank=1, share_low=0.4, share_high=0.6, rank_low=1, rank_high=2, sign_folds=0.5,
    sign_draws=0.5, gain=None, gain_z=None, gain_q=None, why_not="its direction changed between periods",
)  # fmt: skip


def scorer_of(tables: AccountTables = TABLES) -> Scorer:
    weights = {"seats": -0.05, "plan=pro": -0.4, "plan=max": -1.0, "sso": -0.5, "region=north": 0.3}
    bundle = bundle_of(tables, weights, {"seats": 0.02}, drivers=[NOT_YET])
    return Scorer.build(replace(bundle, fit=replace(bundle.fit, scope=Scope.FIT)), "3", tables)


SCORER = scorer_of()


@pytest.fixture
def real() -> Any:
    """A client of a small company whose model is made by hand."""
    return ask(LiveModel(served_by(SCORER, Company(name="Made up", currency="USD"))))


def test_a_customers_page_says_since_when_how_it_compares_and_why(real: Any) -> None:
    words = read(real, "/accounts/x").words
    for part in ("Customer since 10 Jan 2023", "of customers", "its direction changed between periods.",
                 "can be acted on", "Exactly, in percent:", "What the present model (version 3) says"):  # fmt: skip
        assert part in words


def test_the_exact_sums_add_up_as_they_are_written(real: Any) -> None:
    words = read(real, "/accounts/x").words
    found = re.search(r"Exactly, in percent: (.*?), the MRR expected", words)
    assert found is not None
    for text in found[1].split("; in USD a month: "):
        terms, _, total = re.sub(r"\([^)]*\)", "", text.replace(",", "").replace("−", "-")).partition("=")
        numbers = [Decimal(one) for one in terms.split()]
        assert len(numbers) >= 2 and sum(numbers) == Decimal(total.strip())


def test_why_it_changed_is_said_since_a_day_the_reader_chooses(real: Any) -> None:
    usual = read(real, "/accounts/x").words
    assert "NRR went from" in usual and "on 1 Oct 2023 to" in usual and "MRR as it was, 160 USD" in usual
    early = read(real, "/accounts/x?since=2023-03-01").words
    assert "on 1 Mar 2023 to" in early and "MRR from 100 to 160 USD" in early and "Seats: was 20" in early
    for strange in ("2019-01-01", "yesterday", "2023-03-01&since=nonsense", "%00%ff", "<script>"):
        words = read(real, f"/accounts/x?since={strange}").words
        assert "on 1 Oct 2023 to" in words and "there is no score of this account; since 1 Oct 2023 instead" in words


def test_supposed_values_are_answered_and_what_is_wrong_stands_beside_its_field(real: Any) -> None:
    words = read(real, "/accounts/x?set.seats=30").words
    expected = suppose(SCORER, "x", {"seats": 30.0})
    assert expected is not None
    assert "With the values given Seats: 30 instead of 5" in words
    assert f"→ {100 * expected.after.nrr:.1f} %" in words and "no promise" in words
    page = read(real, "/accounts/x?set.seats=abc&set.plan=plutonium&set.unheard=1")
    assert "Expected a number such as 12.5, found 'abc'." in page.words
    assert "the model tells no 'plutonium' from any other value" in page.words
    assert "1 of the features given cannot be set here" in page.words
    given = {str(attrs["name"]): attrs.get("value") for tag, attrs in page.tags if tag == "input" and "name" in attrs}
    assert given["set.seats"] == "abc", "what was typed is still there to be corrected"


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e400", "1e13", "٣", "0x10", "1_000", "=1+1", "a" * 1000, "%00", "<b>"]
)
def test_no_value_breaks_the_page(real: Any, value: str) -> None:
    given = "&".join(f"set.{name}={value}&set.{name}=" for name in ("seats", "sso")) + f"&set.plan={value}"
    page = read(real, f"/accounts/x?{given}")
    assert "Expected one value, found 2." in page.words
    assert not [tag for tag, _ in page.tags if tag == "b" and value == "<b>" and "<b>" not in page.text]


def test_a_numbers_field_says_what_it_takes(real: Any) -> None:
    for value, says in (
        ("nan", "Expected a number"),
        ("1e13", "at most 1,000,000,000,000"),
        ("a" * 5000, "at most 200 characters"),
    ):
        assert says in read(real, f"/accounts/x?set.seats={value}").words
    assert "outside the range of comparable accounts" in read(real, "/accounts/x?set.seats=-5").words


def test_a_prospect_and_a_former_customer_have_pages_of_their_own(real: Any) -> None:
    prospect = read(real, "/accounts/p").words
    assert "Prospect: on 2024-01-01 it was no customer yet" in prospect.replace("1 Jan 2024", "2024-01-01")
    assert "Scores through time" not in prospect and "What if" not in prospect
    former = read(real, "/accounts/gone").words
    assert "Former customer" in former and "Its last score, of 31 Aug 2023: churn" in former
    leaving = read(real, "/accounts/out").words
    assert "No score: already leaving." in leaving and "its end on 1 Mar 2024 is known" in leaving
    assert "Of what was known on 1 Nov 2023, before that, it says a churn of" in leaving


def test_an_unknown_id_is_told_what_is_near_it(real: Any) -> None:
    page = read(real, "/accounts/a0", 404)
    assert "no table has it" in page.words and "/accounts/a09" in page.linked("/accounts/a")
    assert read(real, "/accounts/X", 404).linked("/accounts/x") == ["/accounts/x"]
    assert not read(real, "/accounts/" + "z" * 3000, 404).linked("/accounts/a")


def test_a_renamed_account_leads_to_what_it_is_now() -> None:
    joined = company(n=3, more=[subscription("old", "2023-01-01"), subscription("new", "2023-09-01", product="b")],
                     lineage=[("old", "new", "2023-09-01")])  # fmt: skip
    client = ask(LiveModel(served_by(scorer_of_any(joined), Company(name="Made up"))))
    assert read(client, "/accounts/old", 404).linked("/accounts/new") == ["/accounts/new"]
    assert "Customer since 1 Jan 2023" in read(client, "/accounts/new").words


def scorer_of_any(tables: AccountTables) -> Scorer:
    bundle = bundle_of(tables, {})
    return Scorer.build(replace(bundle, fit=replace(bundle.fit, scope=Scope.FIT)), "3", tables)


HOSTILE_IDS = (
    "a/b/../c",
    "x y",
    "100%",
    "l1\nl2",
    "..",
    "=1+1",
    "<script>alert(1)</script>",
    "\u202eabc",
    "🦄",
    "ü?#&",
    "W" * 300,
)


def test_accounts_of_any_id_and_name_are_reachable_and_inert() -> None:
    """By the links that the pages themselves give."""
    named = [
        {"account_id": one, "name": f"{one} <img src=x onerror=alert(1)> {{{{ 7*7 }}}} " + "N" * 10_000}
        for one in HOSTILE_IDS
    ]
    tables = company_of(
        [subscription(one, "2023-01-01") for one in HOSTILE_IDS], "2024-01-01", company={"gross_margin": 0.8},
        revenue={"columns": {"mrr": {}}}, tables={"accounts": {"shape": "attributes", "source": "a.csv", "scope": "fit", "columns": {}}},
        records={"accounts": named},
    )  # fmt: skip
    client = ask(LiveModel(served_by(scorer_of_any(tables), Company(name="Made up"))))
    links = sorted(set(read(client, "/accounts").linked("/accounts/")))
    assert len(links) == len(tables.accounts)
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200, link
        page = Parsed(answer.text)
        assert not [tag for tag, _ in page.tags if tag == "img"] and "\u202e" not in answer.text
        assert "alert(1)" in page.text or "N" in page.text
        assert page.text.count("N") < 3000 and "49 N" not in page.text
        for kind in ("html", "svg"):
            kept = client.get(f"{link}?file={kind}")
            assert kept.status_code == 200 and "<script" not in kept.text and "<img" not in kept.text
            assert re.fullmatch(
                r'attachment; filename="leap-[\w-]+\.' + kind + '"', kept.headers["content-disposition"]
            )


def test_the_way_back_keeps_the_filter_and_leads_nowhere_else(real: Any) -> None:
    page = read(real, "/accounts/x?from=q%3Da%26tier%3DA")
    assert "/accounts?q=a&tier=A" in page.linked("/accounts?")
    assert all("from=" in link for link in page.linked("/accounts/a"))
    for evil in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "%0d%0aSet-Cookie:x", "a" * 1900):
        for _, attrs in read(real, f"/accounts/x?from={evil}").tags:
            assert str(attrs.get("href") or "/").startswith(("/", "#")) and not str(attrs.get("href")).startswith("//")


def test_the_list_tells_its_filter_to_the_pages_it_leads_to(client: Any) -> None:
    link = read(client, "/accounts?q=a1&tier=A").linked("/accounts/a")[0]
    assert "/accounts?q=a1&tier=A" in read(client, link).linked("/accounts?")
    assert "?" not in read(client, "/accounts").linked("/accounts/a")[0]


def test_the_neighbours_are_those_by_money_at_risk(live: LiveModel, client: Any) -> None:
    everyone = [one.account_id for one in live.take().accounts]
    links = read(client, f"/accounts/{everyone[5]}").linked("/accounts/")
    assert links[:2] == [f"/accounts/{everyone[4]}", f"/accounts/{everyone[6]}"]


def test_a_file_that_is_not_offered_is_refused(real: Any) -> None:
    assert "expected one of html, svg" in read(real, "/accounts/x?file=exe", 422).words
    assert "no picture" in real.get("/accounts/out?file=svg").text


def test_the_past_is_made_once_and_for_few_accounts(real: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    whole = history.history_of
    monkeypatch.setattr(history, "history_of", lambda scorer, one: (made.append(one), whole(scorer, one))[1])
    monkeypatch.setattr(account_parts, "STORIES_KEPT", 2)
    for one in ("x", "x", "a01", "x", "a02", "a01"):
        read(real, f"/accounts/{one}")
    assert made == ["x", "a01", "a02", "a01"]


def test_a_past_that_cannot_be_told_does_not_keep_the_score_back(real: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RevenueError("No rate for SEK at 2023-01-01.")

    monkeypatch.setattr(history, "history_of", fails)
    words = read(real, "/accounts/x").words
    assert "No rate for SEK at 2023-01-01." in words and "Exactly, in percent" in words
