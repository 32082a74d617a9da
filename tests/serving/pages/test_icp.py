"""Profiles on their page."""

from __future__ import annotations

from typing import Any

from serving.live import LiveModel
from tests.serving.conftest import ask
from tests.serving.fakes import ICPS, fake_served
from tests.serving.pages.parsing import read


def test_profiles_have_statement_conditions_and_evidence_with_its_interval(client: Any) -> None:
    words = read(client, "/icp").words
    for part in (
        "Software companies with 50 to 500 employees in Germany, Austria or Switzerland.",
        "Employees: at least 50, below 500",
        "108.3 % NRR inside, 93.4 % outside",
        "+14.9 points, interval +7.1 to +22.8",
        "−28.8 points, interval −39.2 to −17.1",
        "819 rules tried, false-discovery rate 1.2",
    ):
        assert part in words


def test_a_profile_that_people_rejected_says_so() -> None:
    first, *others = ICPS["icps"]
    live = LiveModel(fake_served(icps={**ICPS, "icps": [{**first, "rejected": True}, *others]}))
    assert read(ask(live), "/icp").words.count("Rejected by people: it is shown and not counted.") == 1


def test_no_profile_says_why() -> None:
    live = LiveModel(fake_served(icps={"icps": [], "none_because": "31 churned accounts; at least 60 are needed."}))
    words = read(ask(live), "/icp").words
    assert "No profile holds in this data. 31 churned accounts; at least 60 are needed." in words
