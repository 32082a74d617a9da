"""What people come for, from the first page to what they take along, in a browser against the real service."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl

from tests.browser.conftest import Company, Reader
from tests.browser.test_every_page import require_accessible

Reading = Callable[..., Reader]


def place(page: Any, name: str) -> None:
    """Go to another page by its name at the side."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
    page.wait_for_load_state()


def taken(page: Any, name: str) -> bytes:
    """What a link hands over as a file."""
    with page.expect_download() as download:
        page.get_by_role("link", name=name, exact=True).first.click()
    return Path(download.value.path()).read_bytes()


def test_from_the_first_page_to_why_an_account_is_at_risk(reading: Reading) -> None:
    reader = reading()
    page = reader.open("/")
    place(page, "Accounts")
    first = page.locator("main table tbody tr").first
    name, risk = first.locator("th a").inner_text(), first.locator("td[data-label^='At risk']").inner_text()
    first.locator("th a").click()
    page.wait_for_load_state()
    assert name in page.locator("h1").inner_text()
    words = page.locator("main").inner_text()
    assert risk.replace("\N{MINUS SIGN}", "-").strip("+") in words.replace("\N{MINUS SIGN}", "-")
    for part in ("Reasons", "Why it changed", "What if"):
        assert page.get_by_role("heading", name=part).first.is_visible()
    page.get_by_role("link", name="All accounts").first.click()
    page.wait_for_load_state()
    assert page.url.partition("?")[0].endswith("/accounts")


def test_accounts_are_found_filtered_sorted_and_taken_along(reading: Reading) -> None:
    page = reading().open("/accounts")
    everyone = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))
    page.locator("summary", has_text="Filters").click()
    page.get_by_label("MRR from").fill("2000")
    page.get_by_role("button", name="Apply filters").click()
    page.wait_for_load_state()
    assert "mrr_min=2000" in page.url
    some = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))
    assert 0 < len(some) < len(everyone)
    assert {row["account_id"] for row in some} == {row["account_id"] for row in everyone if float(row["mrr"]) >= 2000}
    book = openpyxl.load_workbook(io.BytesIO(taken(page, "Excel")))
    sheet = book.worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    place_of = header.index("churn_probability")
    assert [row[0] for row in rows] == [row["account_id"] for row in some]
    for row, told in zip(rows, some, strict=True):
        assert row[place_of] == (float(told["churn_probability"]) if told["churn_probability"] else None)
    page.get_by_role("columnheader", name="MRR").get_by_role("link").first.click()
    page.wait_for_load_state()
    cells = page.locator("main table tbody td[data-label^='MRR']").all_inner_texts()
    shown = [float(re.sub(r"[^0-9.]", "", cell)) for cell in cells]
    assert shown in (sorted(shown), sorted(shown, reverse=True)) and min(shown) >= 2000
    page.get_by_label("Name or id").fill("there is nobody of this name")
    page.get_by_role("button", name="Search").click()
    page.wait_for_load_state()
    require_words(page, "No account")


def require_words(page: Any, words: str) -> None:
    """Words that a reader sees."""
    assert words in page.locator("main").inner_text()


def test_what_an_account_would_be_said_with_other_values(reading: Reading, company: Company) -> None:
    page = reading().open("/accounts?sort=at_risk")
    page.locator("main table tbody th a").first.click()
    page.wait_for_load_state()
    field = page.locator("form.suppose input[type='number'], form.suppose input[type='text']").first
    field.fill("5")
    page.get_by_role("button", name="What would the model say?").click()
    page.wait_for_load_state()
    assert page.locator("#what-if").count() == 1 and "?" in page.url
    field = page.locator("form.suppose input[type='number'], form.suppose input[type='text']").first
    assert field.input_value() == "5"


def test_a_profile_is_rejected_with_a_reason_and_taken_back(reading: Reading) -> None:
    page = reading(bypass_csp=True).open("/review")
    form = page.locator("article.review-item", has_text="Profile").first
    key = form.get_attribute("id")
    form.get_by_text("Decide").first.click()
    form.get_by_label("Reject").check()
    form.get_by_label(re.compile("name|owner|Who", re.I)).first.fill("Ann <b>Test</b>")
    form.locator("form").evaluate("form => form.noValidate = true")
    form.locator("form button").first.click()
    page.wait_for_load_state()
    require_words(page, "Not kept.")
    require_accessible(page)
    form = page.locator(f"article[id='{key}']")
    if not form.locator("textarea, input[name='reason']").first.is_visible():
        form.get_by_text("Decide").first.click()
    form.locator("textarea, input[name='reason']").first.fill("We do not sell there any more")
    form.locator("form button").first.click()
    page.wait_for_load_state()
    require_words(page, "Kept.")
    require_words(page, "Ann <b>Test</b>")
    require_accessible(page)
    form = page.locator(f"article[id='{key}']")
    form.get_by_text("Decide again").first.click()
    form.get_by_label("Withdraw").check()
    form.locator("textarea, input[name='reason']").first.fill("A test")
    form.locator("form button").first.click()
    page.wait_for_load_state()
    require_words(page, "Kept.")


def test_a_target_list_under_a_smaller_budget_is_shorter_and_can_be_taken_along(reading: Reading) -> None:
    page = reading().open("/targets")
    whole = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))
    page.get_by_label(re.compile("Capacity")).fill("5")
    page.get_by_role("button", name="Choose").click()
    page.wait_for_load_state()
    few = list(csv.DictReader(io.StringIO(taken(page, "CSV").decode())))
    assert 0 < len(few) <= 5 < len(whole)
    page.get_by_label(re.compile("Capacity")).fill("many")
    page.get_by_role("button", name="Choose").click()
    page.wait_for_load_state()
    assert page.locator("[aria-invalid='true']").count() == 1


def test_every_place_is_one_click_away_and_named_as_its_link(reading: Reading) -> None:
    reader = reading()
    page = reader.open("/")
    names = page.get_by_role("navigation", name="Pages").get_by_role("link").all_inner_texts()
    assert names == ["Overview", "Accounts", "Profiles", "Targets", "Drivers", "Model", "Review", "Data"]
    for name in names:
        place(page, name)
        assert page.locator(".places [aria-current='page']").inner_text() == name
        assert page.locator("h1").is_visible()


def test_links_within_pages_lead_somewhere(reading: Reading, address: str) -> None:
    """Every address of this service that a page names is answered, and every place within a page is there."""
    reader = reading()
    seen: set[str] = set()
    for path in ("/", "/accounts", "/icp", "/targets", "/drivers", "/model", "/review", "/data"):
        page = reader.open(path)
        broken = page.evaluate(
            "() => [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
            ".filter(id => id && !document.getElementById(decodeURIComponent(id)))"
        )
        assert not broken, (path, broken[:5])
        found = page.evaluate(
            "() => [...document.querySelectorAll('main a[href^=\"/\"]')].map(a => a.getAttribute('href'))"
        )
        seen |= {one.partition("#")[0] for one in found}
    heavy = re.compile(r"\.(csv|xlsx)")
    asked = sorted(
        {re.sub(r"^/accounts/[^?]*.*", "/accounts/*", one): one for one in seen if not heavy.search(one)}.values()
    )
    for one in asked[:60]:
        answer = page.request.get(address + one, max_redirects=0)
        assert answer.status in (200, 303), (one, answer.status)
