"""The page of one account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from serving.live import LiveModel
from tests.serving.pages.parsing import read


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
