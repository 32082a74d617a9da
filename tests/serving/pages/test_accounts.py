"""The list of accounts."""

from __future__ import annotations

from typing import Any

from serving.live import LiveModel
from tests.serving.pages.parsing import read


def test_the_accounts_with_most_money_at_risk_come_first_and_a_hundred_are_shown(client: Any, live: LiveModel) -> None:
    links = read(client, "/accounts").linked("/accounts/")
    expected = sorted(
        (row for row in live.take().scorer.listing() if row["nrr"] is not None),
        key=lambda row: -row["mrr"] * (1 - row["nrr"]),
    )
    assert links == [f"/accounts/{row['account_id']}" for row in expected[:100]]


def test_accounts_are_found_by_name_or_id(client: Any) -> None:
    assert "/accounts/a175" in read(client, "/accounts?q=HARBOUR+energy").linked("/accounts/")
    assert read(client, "/accounts?q=a175").linked("/accounts/") == ["/accounts/a175"]
    assert "No account matches “zzz”." in read(client, "/accounts?q=zzz").words
