"""The list of accounts: whatever is filtered, sorted and paged is an address, and a file has exactly what is shown."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import openpyxl
import pandas as pd
import pytest

from leap.config import Company
from leap.exports import original
from serving.direct import State
from serving.errors import Refused
from serving.lanes import Lanes
from serving.live import LiveModel
from serving.pages import downloads
from tests.serving.conftest import ask
from tests.serving.fakes import FakeScorer, served_by
from tests.serving.pages.hostile import HOSTILE, HostileScorer
from tests.serving.pages.parsing import Parsed, read


def at_risk(row: dict[str, Any]) -> float:
    return row["mrr"] * (1 - row["nrr"])


def ids(page: Parsed) -> list[str]:
    """Of the accounts that a page links, which are told where the reader comes from."""
    return [link.removeprefix("/accounts/").partition("?from=")[0] for link in page.linked("/accounts/")]


@pytest.fixture
def rows(live: LiveModel) -> list[dict[str, Any]]:
    return live.take().scorer.listing()


def test_the_accounts_with_most_money_at_risk_come_first_and_a_hundred_are_shown(
    client: Any, rows: list[dict[str, Any]]
) -> None:
    expected = sorted((row for row in rows if row["nrr"] is not None), key=lambda row: -at_risk(row))
    assert ids(read(client, "/accounts")) == [row["account_id"] for row in expected[:100]]


def test_accounts_are_found_by_name_or_id(client: Any) -> None:
    assert "a175" in ids(read(client, "/accounts?q=HARBOUR+energy"))
    assert ids(read(client, "/accounts?q=a175")) == ["a175"]
    assert "No account matches “zzz”." in read(client, "/accounts?q=zzz").words


def test_filters_hold_together_and_what_is_filtered_is_counted_and_summed(
    client: Any, rows: list[dict[str, Any]]
) -> None:
    kept = [
        row for row in rows
        if row["icp_tier"] in ("A", "B") and row["nrr"] is not None and at_risk(row) >= 500 and 1000 <= row["mrr"] <= 8000
    ]  # fmt: skip
    page = read(client, "/accounts?tier=A&tier=B&at_risk=500&mrr_min=1000&mrr_max=8000&status=scored&per=250")
    assert sorted(ids(page)) == sorted(row["account_id"] for row in kept) and 10 < len(kept) < 200
    assert f"Accounts{len(kept)}of 230" in page.words.replace(" ", "").replace("of230", "of 230")
    for total in (sum(row["mrr"] for row in kept), sum(at_risk(row) for row in kept)):
        assert f"{total:,.0f}" in page.words
    for chip in (
        "Tier A",
        "Tier B",
        "At risk from 500 EUR",
        "MRR from 1,000 EUR",
        "MRR up to 8,000 EUR",
        "With a score",
    ):
        assert f"Remove: {chip}" in page.words


def test_taking_a_filter_away_and_sorting_keep_all_the_rest(client: Any) -> None:
    links = read(client, "/accounts?q=a&tier=A&tier=C&sort=mrr&dir=asc&page=2&per=25").linked("/accounts?")
    assert "/accounts?q=a&tier=C&sort=mrr&dir=asc&per=25" in links
    assert "/accounts?q=a&tier=A&tier=C&sort=mrr&per=25" in links  # the other way round is the usual one
    assert "/accounts?q=a&tier=A&tier=C&sort=name&per=25" in links
    assert "/accounts?q=a&tier=A&tier=C&sort=mrr&dir=asc&page=3&per=25" in links


@pytest.mark.parametrize(
    ("column", "key", "largest_first"),
    [("mrr", "mrr", True), ("churn", "churn_probability", True), ("nrr", "nrr", True), ("value", "value_12m", True),
     ("name", "name", False), ("tier", "icp_tier", False)],
)  # fmt: skip
def test_every_column_sorts_and_says_so(
    client: Any, rows: list[dict[str, Any]], column: str, key: str, largest_first: bool
) -> None:
    named = {
        row["account_id"]: row[key] if column != "name" else (row["name"] or row["account_id"]).casefold()
        for row in rows
    }
    for direction, descending in (("", largest_first), ("&dir=asc", False), ("&dir=desc", True)):
        page = read(client, f"/accounts?sort={column}{direction}&per=250")
        values = [named[one] for one in ids(page)]
        known = [value for value in values if value is not None]
        assert len(values) == 230 and values[: len(known)] == sorted(known, reverse=descending)
        said = [attrs["aria-sort"] for tag, attrs in page.tags if tag == "th" and "aria-sort" in attrs]
        assert sorted(set(said)) == sorted({"none", "descending" if descending else "ascending"})
        assert len([one for one in said if one != "none"]) == 1


def test_pages_part_the_list_without_losing_or_repeating_any(client: Any) -> None:
    seen = [one for page in range(1, 11) for one in ids(read(client, f"/accounts?per=25&page={page}"))]
    assert len(seen) == len(set(seen)) == 230
    last = read(client, "/accounts?per=25&page=99")
    assert ids(last) == seen[225:] and "226 to 230 of 230" in last.words and not [
        attrs for tag, attrs in last.tags if tag == "a" and attrs.get("rel") == "next"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "asked",
    ["sort=secret", "dir=up", "page=0", "page=x", "per=1000", "at_risk=much", "mrr_min=nan", "mrr_max=inf", "status=gone",
     "q=" + "x" * 201],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_on_a_page_and_on_files(client: Any, asked: str) -> None:
    for path in ("/accounts", "/accounts.csv", "/accounts.xlsx"):
        read(client, f"{path}?{asked}", 422)


def test_what_forms_send_empty_and_what_is_unknown_asks_for_nothing(client: Any) -> None:
    plain = read(client, "/accounts")
    page = read(
        client, "/accounts?q=&tier=&icp=&status=&at_risk=&mrr_min=&mrr_max=&sort=&dir=&page=&per=&utm_source=mail"
    )
    assert ids(page) == ids(plain) and page.words == plain.words


class Leaving(FakeScorer):
    """Of those without a score one is unlike all others, the rest are known to leave."""

    def listing(self) -> list[dict[str, Any]]:
        rows = super().listing()
        unlike = {"a49": "unlike_customers"}
        return [{**r, "abstained": None if r["nrr"] else unlike.get(r["account_id"], "already_leaving")} for r in rows]


def test_tiers_are_told_in_words_and_who_has_no_score_has_the_reason() -> None:
    client = ask(LiveModel(served_by(Leaving(), Company(name="Acme"))))
    page = read(client, "/accounts?status=leaving")
    assert ids(page) == ["a149", "a199", "a99"] and "Its end is known already" in page.words
    page = read(client, "/accounts?status=unscored")
    assert ids(page) == ["a49"] and "unlike customers" in page.words
    assert "meets a profile of those who stay" in read(client, "/accounts?tier=A").words
    assert "No account matches all of these filters." in read(client, "/accounts?tier=Z").words


class Offering(FakeScorer):
    """Every tenth account is worth an offer."""

    def listing(self) -> list[dict[str, Any]]:
        return [{**row, "contact": i % 10 == 0} for i, row in enumerate(super().listing())]


def test_who_is_worth_an_offer_is_a_list_that_can_be_taken_along(client: Any) -> None:
    scorer = Offering()
    worth = {row["account_id"] for row in scorer.listing() if row["contact"]}
    own = ask(LiveModel(served_by(scorer, Company(name="Acme"))))
    page = read(own, "/accounts?offer=worth&sort=name")
    assert set(ids(page)) == worth and "Remove: Worth an offer to stay" in page.words
    assert "/accounts.csv?offer=worth&sort=name" in page.linked("/accounts.csv")
    assert f"Worth an offer to stay {len(worth)}" in read(own, "/accounts").words
    assert "Worth an offer to stay" not in read(client, "/accounts").words, (
        "where no offer is worth it there is no filter"
    )
    scorer.offers_lost_money = True
    assert "Worth an offer to stay" not in read(own, "/accounts").words, "nor where past offers would have lost money"


@pytest.mark.parametrize(
    "name", [HOSTILE, "=1+1", "\u202egnp.exe", "🚀" * 3, "n" * 10_000, "a,b;c\n=d", "&#x202e;", "", "'=x"]
)
def test_any_name_is_text_on_the_page_and_in_addresses(name: str) -> None:
    class Named(HostileScorer):
        def listing(self) -> list[dict[str, Any]]:
            return [{**row, "name": name, "account_id": f"{name}/{i}?#"} for i, row in enumerate(super().listing())]

    client = ask(LiveModel(served_by(Named(), Company(name="Acme"))))
    answer = client.get("/accounts", params={"q": name[:150]})
    assert answer.status_code == 200 and "<script>alert" not in answer.text and len(answer.text) < 60_000
    assert "\u202e" not in answer.text.replace("&#x202e;", "") or "\u202e" in name
    for link in ids(Parsed(answer.text)):
        assert "#" not in link and "?" not in link and '"' not in link


class Downloadable(FakeScorer):
    """With a table of scores, as far as files need one; names are formulas."""

    def __init__(self) -> None:
        super().__init__()
        settings = SimpleNamespace(
            outcome=SimpleNamespace(horizon_months=12), company=SimpleNamespace(currency="EUR", money_note="Made up.")
        )
        self.bundle = SimpleNamespace(
            settings=settings, intervals=SimpleNamespace(level=0.9), trained_on="2026-10-01", company="Nordlicht",
            definition_hash="d41f",
        )  # fmt: skip
        names = [f"=cmd|'{one}" for one in self._customers]
        self.customers = SimpleNamespace(account_ids=self._customers, names=names, frame=self._frame)

    def _frame(self, rows: list[int]) -> pd.DataFrame:
        listed = self.listing()
        return pd.DataFrame(
            [(listed[i]["account_id"], self.customers.names[i], listed[i]["mrr"], listed[i]["nrr"]) for i in rows],
            columns=["account_id", "name", "mrr", "nrr"],
        )


@pytest.fixture
def taking() -> Any:
    return ask(LiveModel(served_by(Downloadable(), Company(name="Nordlicht", currency="EUR"))))


@pytest.mark.parametrize(
    "asked", ["", "?tier=A&sort=mrr&dir=asc&page=2&per=25", "?status=leaving&status=unscored", "?q=zzz"]
)
def test_a_file_has_exactly_the_accounts_that_are_filtered_on_all_pages_in_their_order(taking: Any, asked: str) -> None:
    answer = taking.get(f"/accounts.csv{asked}")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="accounts-2026-11-01.csv"'
    found = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    joint = "&" if asked else "?"
    shown = ids(read(taking, f"/accounts{asked.replace('&page=2&per=25', '')}{joint}per=250"))
    assert [row["account_id"] for row in found] == shown
    assert all(row["name"] == f"'=cmd|'{row['account_id']}" and original(row["name"])[0] == "=" for row in found)
    book = openpyxl.load_workbook(io.BytesIO(taking.get(f"/accounts.xlsx{asked}").content))
    assert [row[0] for row in book["Accounts"].iter_rows(min_row=2, values_only=True)] == shown
    told = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True)}
    assert told["Accounts"] == f"{len(shown)} of 230" and told["Company"] == "Nordlicht"


def test_of_a_file_only_the_head_can_be_asked_for(taking: Any) -> None:
    answer = taking.head("/accounts.csv")
    assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")


def test_a_file_says_by_what_it_was_filtered(taking: Any) -> None:
    answer = taking.get("/accounts.xlsx?tier=A&at_risk=12.5&q=grove")
    assert answer.headers["content-disposition"] == 'attachment; filename="accounts-2026-11-01.xlsx"'
    told = {r[0]: r[1] for r in openpyxl.load_workbook(io.BytesIO(answer.content))["About"].iter_rows(values_only=True)}
    assert told["Filters"] == "“grove”; Tier A; At risk from 12.5 EUR"


def test_files_need_the_scope_that_pages_need() -> None:
    live = LiveModel(served_by(Downloadable(), Company(name="Nordlicht")))
    client = ask(live, {"LEAP_TOKEN": "sesame read, simsim score"})
    for path in ("/accounts", "/accounts.csv", "/accounts.xlsx"):
        for token, status in (("sesame", 200), ("simsim", 403), ("x", 401)):
            assert client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == status


def test_without_tables_there_is_no_file() -> None:
    scorer = Downloadable()
    scorer.customers = None
    client = ask(LiveModel(served_by(scorer, Company(name="Nordlicht"))))
    assert "nothing to download" in read(client, "/accounts.csv", 404).words


def send_more(pieces: Iterator[bytes], lanes: Lanes, leaves_after: int = 10**9) -> list[bytes]:
    """What is sent of pieces to a client that leaves after some of them."""
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])
        await asyncio.sleep(0)

    async def receive() -> Any:
        while len(sent) < leaves_after:
            await asyncio.sleep(0.001)
        return {"type": "http.disconnect"}

    asyncio.run(downloads._send_more(pieces, State(LiveModel(), lanes), receive, send))
    return sent


def test_pieces_are_made_as_they_are_read_and_none_for_who_has_left() -> None:
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(200):
            made.append(number)
            yield b"x"

    assert send_more(pieces(), Lanes())[-1] == b"" and len(made) == 200
    made.clear()
    send_more(pieces(), Lanes(), leaves_after=3)
    assert len(made) < 150


def test_a_full_lane_is_waited_for_in_the_middle_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "WAIT_SECONDS", 0.001)
    lanes, full = Lanes(), iter([True, True, False] * 4)
    big = lanes.big

    async def sometimes(work: Any) -> Any:
        if next(full):
            raise Refused(429, "full")
        return await big(work)

    monkeypatch.setattr(lanes, "big", sometimes)
    assert send_more(iter([b"a", b"b", b"c"]), lanes) == [b"a", b"b", b"c", b""]
