"""What holds of every page in a browser: accessible, inside its window, in both lights, without help from outside."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import HOSTILE, Company, Reader

PAGES = ("/", "/accounts", "/icp", "/targets", "/drivers", "/model", "/review", "/data", "/glossary")
WIDTHS = (390, 1280, 1920)

Reading = Callable[..., Reader]


@cache
def axe() -> str:
    """The accessibility checker, which runs inside the page."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


def require_accessible(page: Any) -> None:
    """No finding of axe at all."""
    page.evaluate(axe())
    found = page.evaluate("async () => await axe.run()")
    assert not [(one["impact"], one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]


def require_inside_its_window(page: Any) -> None:
    """What is wider than the window scrolls in a place of its own."""
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{wider} pixels wider than the window"


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_accessible_and_inside_their_window(reading: Reading, width: int, light: str) -> None:
    # `bypass_csp` lets the checker in: the pages' own policy would keep it out.
    reader = reading(width, color_scheme=light, bypass_csp=True)
    for path in PAGES:
        page = reader.open(path)
        assert page.locator("h1").count() == 1, path
        require_inside_its_window(page)
        require_accessible(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_account_with_any_name_is_a_page_like_others(reading: Reading, company: Company, width: int) -> None:
    reader = reading(width, bypass_csp=True)
    for account in company.hostile:
        page = reader.open(f"/accounts/{quote(account, safe='')}")
        require_inside_its_window(page)
        require_accessible(page)
        reader.calm()


def test_hostile_names_are_shown_and_do_nothing(reading: Reading, company: Company) -> None:
    reader = reading()
    for name in HOSTILE:
        page = reader.open(f"/accounts?q={quote(name[:100], safe='')}")
        assert page.locator("main a[href^='/accounts/']").count() >= 1, name[:40]
        reader.calm()
    for path in PAGES:
        reader.open(path)
        reader.calm()


def test_pages_work_without_scripts(reading: Reading) -> None:
    reader = reading(java_script_enabled=False)
    for path in PAGES:
        page = reader.open(path)
        assert len(page.locator("main").inner_text()) > 100, path


def test_light_or_dark_can_be_chosen_and_stays(reading: Reading) -> None:
    reader = reading(color_scheme="light")
    page = reader.open("/")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate(paper)
    assert dark != light
    assert reader.open("/icp").evaluate(paper) == dark


def test_a_term_is_explained_by_mouse_and_by_keyboard(reading: Reading) -> None:
    page = reading().open("/")
    term = page.locator("[data-term]").first
    term.hover()
    assert term.locator(".tip").is_visible()
    page.keyboard.press("Escape")
    page.mouse.move(0, 0)
    assert not term.locator(".tip").is_visible()
    term.focus()
    assert term.locator(".tip").is_visible()


def test_the_content_is_one_key_away(reading: Reading) -> None:
    page = reading().open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_on_paper_there_is_content_and_no_way_to_click(reading: Reading) -> None:
    reader = reading()
    for path in PAGES:
        page = reader.open(path)
        page.emulate_media(media="print")
        assert page.locator("h1").is_visible() and not page.locator(".places").is_visible(), path


def test_what_is_not_there_says_so_in_a_page(reading: Reading) -> None:
    reader = reading()
    for path in ("/nowhere", "/accounts/nobody-has-this-id"):
        page = reader.open(path, status=404)
        assert page.locator("h1").is_visible()
