"""One account's score as a file: everything in it, nothing that runs, and words for what cannot be drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from leap.errors import UsageError
from leap.reports import explanation
from tests.reports.charts.test_waterfall import CAUSAL, HOSTILE, a_score
from tests.reports.markup import Markup

ABOUT: dict[str, Any] = {
    "company": "Nordlicht", "currency": "EUR", "horizon_months": 12, "as_of": "2026-11-01", "version": "7",
    "money_note": "Fees are assumed.",
}  # fmt: skip


def score(**more: Any) -> dict[str, Any]:
    found = a_score([-0.2, 0.05, 0.003]) | {"churn": {"p": 0.25}, **more}
    found["nrr"] = {**found["nrr"], "low": 0.0, "high": 1.1}
    return found


def test_the_page_has_the_picture_every_reason_and_no_claim_of_a_cause() -> None:
    page = explanation.render_html(score(), **ABOUT)
    words = " ".join(" ".join(Markup(page).text).split())
    for part in ("Nordlicht", "1,000 EUR", "25.0%", "82.3%", "0.0% to 110.0%", "Driver 2", "+0.3", "−200", "+3.00",
                 "1 Nov 2026", "version 7", "Fees are assumed."):  # fmt: skip
        assert part in words, part
    assert page.count("<svg") == 2 and not CAUSAL.search(words)


def test_names_are_text_and_the_page_asks_for_nothing() -> None:
    hostile = score(name=HOSTILE * 100, account_id="x" * 10_000)
    hostile["reasons"][0] |= {"label": HOSTILE, "phrase": f"\u202e\0{HOSTILE * 50}"}
    page = explanation.render_html(hostile, **{**ABOUT, "company": f"\u202e{HOSTILE}", "money_note": HOSTILE})
    parsed = Markup(page)
    assert not re.search("[\0\u202a-\u202e\u2066-\u2069]", page)
    assert not {tag for tag, _ in parsed.tags} & {"script", "img", "iframe", "object", "a"}
    assert not [name for _, given in parsed.tags for name in given if name.startswith("on") or name == "style"]
    assert [given.get("href") for tag, given in parsed.tags if tag == "link"] == ["data:,"]
    assert len(page) < 60_000 and not re.search(r"url\(|@import", page)


def test_an_account_without_a_score_has_a_page_that_says_why_and_no_picture(tmp_path: Path) -> None:
    nothing = score(abstained="already_leaving", reasons=[], nrr={"point": None})
    page = explanation.render_html(nothing, **ABOUT)
    assert "already leaving" in page and "<svg" not in page
    with pytest.raises(UsageError, match="a1: no picture: already leaving"):
        explanation.write(tmp_path / "a.svg", nothing, **ABOUT)


def test_a_model_without_skill_has_no_reasons_and_says_so() -> None:
    assert "the model says the base rate for everyone" in explanation.render_html(
        score(reasons=[]) | a_score([]), **ABOUT
    )


def test_files_are_pages_or_pictures_and_other_names_are_refused(tmp_path: Path) -> None:
    explanation.write(tmp_path / "a.svg", score(), **ABOUT)
    explanation.write(tmp_path / "a.HTML", score(), **ABOUT)
    assert (tmp_path / "a.svg").read_text().startswith("<?xml") and "<html" in (tmp_path / "a.HTML").read_text()
    with pytest.raises(UsageError, match=r"a\.pdf: expected a name ending in \.html or \.svg"):
        explanation.write(tmp_path / "a.pdf", score(), **ABOUT)
    with pytest.raises(UsageError, match="no such folder"):
        explanation.write(tmp_path / "no" / "a.svg", score(), **ABOUT)
