"""The first page."""

from __future__ import annotations

from typing import Any

from serving.live import LiveModel
from tests.serving.conftest import ask
from tests.serving.fakes import fake_served
from tests.serving.pages.parsing import read


def test_no_customers_is_said_and_so_is_a_service_without_tables() -> None:
    served: Any = fake_served(accounts=0)
    client = ask(LiveModel(served))
    assert "No customers on this day." in read(client, "/accounts").words
    served.scorer.tables = None
    words = read(client, "/").words
    assert "There are no tables of customers here." in words and "At risk in" not in words
