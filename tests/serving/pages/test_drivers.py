"""The page of drivers."""

from __future__ import annotations

from typing import Any

from tests.serving.pages.parsing import read


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
