"""What of a request is counted, said and kept."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest
from starlette.datastructures import Headers

from leap.scoring.answers import Answers, RefusedAccount
from leap.scoring.freshness import Freshness
from serving.calls import Call
from serving.live import LiveModel
from serving.metrics import Metrics
from serving.observing import Observer, asked_of, values_of
from serving.schemas import ProspectsRequest, ScoreRequest
from tests.serving.fakes import fake_served


class Counting(Metrics):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def in_flight(self, change: int) -> None:
        self.seen.append(("in_flight", change))

    def freshness(self, found: Freshness, now: float | None = None) -> None:
        self.seen.append(("age", found.as_of, found.limit))

    def scored(self, route: str, version: str, answers: Answers) -> None:
        raise RuntimeError("s3cr3t")


def call(asked: Any = None, answers: Answers | None = None) -> Call:
    made = Call.of(Headers({"x-request-id": "r1"}), "POST", "/v1/score")
    made.template, made.served, made.asked, made.answers = "/v1/score", fake_served("7"), asked, answers
    return made


def test_values_are_those_given_or_made_of_rows_in_the_order_asked() -> None:
    asked = ScoreRequest.model_validate(
        {
            "as_of": "2026-10-01",
            "accounts": [
                {"account_id": "a", "tables": {"usage": []}},
                {"account_id": "b", "features": {"seats": 3}},
                {"account_id": "c", "tables": {"usage": []}},
            ],
        }
    )
    of = values_of(call(asked, Answers([b"", b"", b""], values=lambda i: {"made_of_row": i})))
    assert [of(i) for i in range(3)] == [{"made_of_row": 0}, {"seats": 3}, {"made_of_row": 1}]
    assert values_of(call(asked, Answers([b"", b"", b""])))(0) is None
    assert asked_of(call(asked)).as_of == date(2026, 10, 1)


def test_values_go_with_the_scores_where_accounts_between_them_were_refused() -> None:
    rows: dict[str, Any] = {"tables": {"usage": []}}
    given: list[dict[str, Any]] = [rows, {"features": {"employees": 5}}, rows, rows]
    asked = ScoreRequest.model_validate({"accounts": [{"account_id": f"a{i}", **one} for i, one in enumerate(given)]})
    refused = [RefusedAccount(place, f"a{place}", "table", "bad") for place in (0, 2)]
    of = values_of(call(asked, Answers([b"", b""], values=lambda i: {"made_of_row": i}, refused=refused)))
    assert [of(0), of(1)] == [{"employees": 5}, {"made_of_row": 2}]


def test_values_of_prospects_are_their_attributes_and_customers_by_id_bring_none() -> None:
    asked = ProspectsRequest.model_validate({"prospects": [{"id": "p", "attributes": {"employees": 5}}]})
    assert values_of(call(asked))(0) == {"employees": 5}
    assert values_of(call(ScoreRequest.model_validate({"account_ids": ["a1"]})))(0) is None
    assert values_of(call())(0) is None
    assert asked_of(call(asked)).as_of == date(2026, 11, 1)


def test_a_fault_of_observing_reaches_no_request_and_is_told_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    observer = Observer(LiveModel(), Counting())
    for _ in range(5):
        observer.answered(call(answers=Answers([b"{}"])), 200)
    told = Counter(record.getMessage().split()[0] for record in caplog.records)
    assert 1 <= told["observing_failed"] <= 2
    assert "s3cr3t" not in caplog.text


def test_the_age_of_what_is_live_is_shown_at_every_look() -> None:
    live, metrics = LiveModel(), Counting()
    observer = Observer(live, metrics)
    observer.look()
    live.swap(fake_served("7"))
    observer.look()
    assert metrics.seen == [("age", date(2026, 11, 1), 45)]


def test_what_is_under_way_is_counted_until_it_is_over_however_it_ends() -> None:
    metrics = Counting()
    observer = Observer(LiveModel(), metrics)
    observer.began(call())
    observer.ended(call())
    assert metrics.seen == [("in_flight", 1), ("in_flight", -1)]
