"""The page of drivers: shares, directions and pictures, what to act on apart from what not yet, and addresses."""

from __future__ import annotations

from typing import Any

from serving.live import LiveModel
from serving.pages.drivers import anchor, scopes
from tests.serving.conftest import ask
from tests.serving.fakes import FakeScorer, fake_served
from tests.serving.pages.parsing import Parsed, read

ACT, WAIT = "Days with activity, last 28 days", "Open tickets, last 91 days"


def cards(page: Parsed) -> list[str]:
    """Addresses of the drivers that are shown."""
    return [str(attrs["id"]) for tag, attrs in page.tags if tag == "article"]


def test_the_page_of_drivers_says_share_direction_and_what_not_to_act_on_yet(client: Any) -> None:
    page = read(client, "/drivers")
    for said in (ACT, "42.0 %", "31.0 % to 50.0 %", "its direction changed between periods"):
        assert said in page.words
    assert page.words.count("its direction changed between periods") >= 1
    assert any(tag == "svg" for tag, _ in page.tags)


def test_what_to_act_on_stands_apart_from_what_not_yet(client: Any) -> None:
    words = read(client, "/drivers").words
    start = words.index("They held over refits of the model and helped on later accounts")
    assert start < words.index("42.0 % (31.0 % to 50.0 %)") < words.index("What was seen may be luck")
    assert words.index("What was seen may be luck") < words.index("Do not act yet: its direction changed")


def test_every_driver_has_an_address_of_its_own(client: Any) -> None:
    page = read(client, "/drivers")
    assert cards(page) == ["activity", "tickets"]
    assert {"#activity", "#tickets"} <= set(page.linked("#"))


def test_pictures_of_what_is_not_to_be_acted_on_are_closed_until_asked_for(client: Any) -> None:
    assert "1 drivers" not in read(client, "/drivers").words
    assert "1 driver with its picture: Do not act yet, Customers" in read(client, "/drivers").words
    assert "with its picture" not in read(client, "/drivers?show=wait").words


def test_drivers_are_filtered_by_what_can_be_done_with_them(client: Any) -> None:
    assert cards(read(client, "/drivers?show=act")) == ["activity"]
    assert cards(read(client, "/drivers?show=wait")) == ["tickets"]
    given = read(client, "/drivers?show=given")
    assert cards(given) == [] and "None of this kind. All 2 drivers are of another kind." in given.words


def test_one_scope_can_be_looked_at_alone(client: Any) -> None:
    before = read(client, "/drivers?of=before")
    assert "Do not act yet 0" in before.words, "counted of those that are shown"
    assert cards(before) == [] and "No driver moves these scores." in before.words
    assert cards(read(client, "/drivers?of=customers&show=act")) == ["activity"]


def test_an_address_with_something_unknown_shows_all(client: Any) -> None:
    assert cards(read(client, "/drivers?of=moon&show=everything&utm=x")) == ["activity", "tickets"]


def test_switches_keep_what_the_other_one_says_and_mark_what_is_shown(client: Any) -> None:
    page = read(client, "/drivers?of=customers&show=act")
    links = page.linked("/drivers")
    assert {"/drivers?show=act", "/drivers?of=customers", "/drivers?of=customers&show=wait"} <= set(links)
    current = [attrs["href"] for tag, attrs in page.tags if tag == "a" and attrs.get("aria-current") == "true"]
    assert current == ["/drivers?of=customers&show=act"] * 2


def test_refits_are_told_where_they_are_known() -> None:
    class Scorer(FakeScorer):
        def drivers_document(self) -> dict[str, Any]:
            found = super().drivers_document()
            first = {**found["health"]["drivers"][0], "sign_draws": 0.9, "sign_folds": 1.0, "actionable": False}
            return {**found, "health": {**found["health"], "drivers": [first]}}

    served: Any = fake_served()
    served.scorer = Scorer()
    page = read(ask(LiveModel(served)), "/drivers")
    assert "Over refits: same direction in 90 % of draws and same direction in 100 % of folds." in page.words
    assert "nobody changes them" in page.words


def test_drivers_of_both_scopes_with_one_name_have_two_addresses() -> None:
    assert anchor("industry", "health") != anchor("industry", "fit")


def test_a_scope_without_drivers_is_a_scope() -> None:
    made = scopes({"fit": {"drivers": [], "dependence": [], "labels": {}}})
    assert made[0].groups == () and made[0].total == 0 and not made[0].overview
