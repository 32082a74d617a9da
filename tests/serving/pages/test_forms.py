"""Forms: taken from a page of this service, by who may decide, and from nowhere else."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI

from serving.access import Tokens
from serving.direct import Body, State
from serving.errors import Refused
from serving.guard import Guard, known_routes
from serving.lanes import Lanes
from serving.live import LiveModel
from serving.pages.forms import require_seal, seal
from serving.pages.route import FORM, OfPage, Page, PageForm
from tests.serving.fakes import fake_served

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette asks for a successor of httpx
    from starlette.testclient import TestClient

router = APIRouter(route_class=Page)


class Verdict(PageForm):
    """Fields of a form."""

    owner: str


@router.post("/decide")
def decide(given: Annotated[Verdict, FORM], view: OfPage) -> Body:
    """Says who decided."""
    return Body(f"{given.owner} on version {view.served.version}".encode(), media_type="text/plain")


def sent(fields: Mapping[str, str], headers: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Any:
    app = FastAPI(openapi_url=None, routes=router.routes)
    guard = Guard(
        app,
        routes=known_routes(app),
        state=State(LiveModel(fake_served("7")), Lanes()),
        tokens=Tokens(environment or {}),
    )
    client = TestClient(guard, base_url="http://localhost", client=("127.0.0.1", 50000), raise_server_exceptions=False)
    return client.post("/decide", data=dict(fields), headers=dict(headers))


OWN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


def test_a_form_of_one_of_our_pages_is_taken() -> None:
    for headers in (OWN, {"Origin": "http://localhost"}, {}):
        answer = sent({"owner": " Ann ", "seal": seal()}, headers)
        assert (answer.status_code, answer.text) == (200, "Ann on version 7")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "http://[::1"},  # no address at all
    ],
)
def test_a_form_that_another_site_sent_is_refused_whatever_it_holds(headers: dict[str, str]) -> None:
    answer = sent({"owner": "Ann", "seal": seal()}, headers)
    assert answer.status_code == 403 and "another site" in answer.text


@pytest.mark.parametrize(
    "given", ["", "x", "ffffffff.", seal()[:-1] + "x", seal(time.time() - 25 * 3600), "zz.\N{SNOWMAN}"]
)
def test_a_form_without_a_seal_of_the_last_day_is_refused(given: str) -> None:
    answer = sent({"owner": "Ann", "seal": given}, OWN)
    assert answer.status_code == 403 and "Open it again" in answer.text


def test_a_seal_of_another_service_is_none_here(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = seal()
    monkeypatch.setenv("LEAP_FORM_SECRET", "another")
    with pytest.raises(Refused):
        require_seal(theirs)


def test_deciding_needs_a_token_for_it() -> None:
    tokens = {"LEAP_TOKEN": "looks read, decides review, everything"}
    for token, status in (("looks", 403), ("decides", 200), ("everything", 200)):
        answer = sent({"owner": "Ann", "seal": seal()}, {**OWN, "Authorization": f"Bearer {token}"}, tokens)
        assert answer.status_code == status
    assert sorted(Tokens(tokens).scopes_of("decides")) == ["read", "review"]


def test_fields_that_do_not_fit_are_told_on_a_page() -> None:
    answer = sent({"seal": seal(), "extra": "<b>"}, OWN)
    assert answer.status_code == 422 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "owner" in answer.text and "<b>" not in answer.text


def test_json_is_no_form() -> None:
    app = FastAPI(openapi_url=None, routes=router.routes)
    guard = Guard(app, routes=known_routes(app), state=State(LiveModel(fake_served("7")), Lanes()), tokens=Tokens({}))
    client = TestClient(guard, base_url="http://localhost", client=("127.0.0.1", 50000))
    assert client.post("/decide", json={"owner": "Ann"}).status_code == 415


def test_who_asks_in_a_browser_is_told_in_a_page_what_a_program_is_told_in_json() -> None:
    from tests.serving.conftest import ask

    live = LiveModel(fake_served("7"))
    for tokens, path, status in (({}, "/nowhere", 404), ({"LEAP_TOKEN": "sesame"}, "/accounts", 401)):
        client = ask(live, tokens)
        page = client.get(path, headers={"Accept": "text/html,*/*"})
        assert page.status_code == status and page.text.startswith("<!doctype html>")
        assert "Nordlicht" not in page.text
        assert client.get(path).json()["error"]["code"] in ("not_found", "unauthorized")
    assert ask(live, {"LEAP_TOKEN": "sesame"}).get("/v1/icp", headers={"Accept": "text/html"}).json()["error"]
