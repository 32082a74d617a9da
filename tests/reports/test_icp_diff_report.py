"""The report of two versions compared: what it says is what the document says, and text of others is only text."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.exports import write_frame
from leap.icp import ICPSearch
from leap.reports import icp_diff as report
from leap.scoring.icp_versions import WITHOUT_TABLES, Named, compare
from tests.reports.searches import SCRIPT, bundle_with, search


def document(bundle: ModelBundle, old: ICPSearch, new: ICPSearch) -> dict[str, Any]:
    """Two versions compared without tables."""
    return compare(Named(bundle_with(bundle, old), "1"), Named(bundle_with(bundle, new), "2"), None)


def changed(name: str, **more: Any) -> dict[str, Any]:
    """An account that changed tier."""
    account = {"account_id": f"id-{name}", "name": name, "mrr": 1234.0, "from": "C", "to": "A", "cause": "data"}
    return {**account, "parts": {"data": 1.0, "model": 0.0, "policy": 0.0}, "why": f"data: {name}", **more}


def with_tiers(found: dict[str, Any], *accounts: dict[str, Any]) -> dict[str, Any]:
    """The document with tiers, as if there had been tables."""
    tiers = {
        **found["tiers"],
        "none_because": None,
        "as_of": {"from": "2025-01-01", "to": "2026-01-01"},
        "accounts": {"both": 10, "arrived": 1, "gone": 2, "kept_by_band": 3},
        "transitions": [
            {"from": "A", "to": "A", "accounts": 7, "mrr": 1.0}, {"from": "C", "to": "A", "accounts": 3, "mrr": 1.0},
            {"from": None, "to": "not there", "accounts": 2, "mrr": 1.0},
        ],
        "by_cause": {"data": 1.5, "model": 1.0, "policy": 0.5, "total": 3, "accounts_by_main_cause": {"data": 3}},
        "by_tier": [{"tier": "A", "then": 7.0, "data": 1.5, "model": 1.0, "policy": 0.5, "now": 10.0}],
        "changed": list(accounts),
    }  # fmt: skip
    return {**found, "tiers": tiers}


def test_every_form_tells_what_entered_and_what_to_do(demo_bundle: ModelBundle) -> None:
    found = document(demo_bundle, ICPSearch((), (), "None held."), search())
    text, markdown, page = report.render_text(found), report.render_markdown(found), report.render_html(found)
    for form in (text, markdown, page):
        assert "established-1" in form and "What to change on Monday" in form and "None held." in form
        assert WITHOUT_TABLES in form
    assert page.lstrip().lower().startswith("<!doctype html>")


def test_markup_of_others_is_text(demo_bundle: ModelBundle) -> None:
    """Names of companies, accounts and categories are data."""
    found = with_tiers(document(demo_bundle, ICPSearch((), (), SCRIPT), search()), changed(f"{SCRIPT}|**x**"))
    page, markdown = report.render_html(found), report.render_markdown(found)
    assert "<script>" not in page and "<script>" not in markdown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;|**x**" in page


def test_the_table_of_tiers_has_every_transition(demo_bundle: ModelBundle) -> None:
    found = with_tiers(document(demo_bundle, search(), search()), changed("Acme"))
    summary = report.summarise(found)
    assert summary.tiers == ("A", "C", "no tier", "not there")
    assert {row.tier: row.cells for row in summary.transitions} == {
        "A": ("7", "–", "–", "–"), "C": ("3", "–", "–", "–"), "no tier": ("–", "–", "–", "2"),
        "not there": ("–", "–", "–", "–"),
    }  # fmt: skip
    assert "1.5 came from data, 1.0 from the model and 0.5 from policy" in summary.causes
    text = report.render_text(found)
    assert "Acme (id-Acme, 1,234 EUR): C to A, by data: Acme" in text


def test_a_terminal_shows_the_first_accounts_and_says_how_many_more(demo_bundle: ModelBundle) -> None:
    found = with_tiers(document(demo_bundle, search(), search()), *(changed(f"n{i:02}") for i in range(25)))
    text = report.render_text(found)
    assert "n19" in text and "n20" not in text and "and 5 more" in text
    assert "n24" in report.render_markdown(found)


def test_the_file_for_a_spreadsheet_has_a_row_an_account_and_no_formula(
    demo_bundle: ModelBundle, tmp_path: Path
) -> None:
    found = with_tiers(document(demo_bundle, search(), search()), changed("=1+1"), changed("b", mrr=None))
    write_frame(report.frame(found), tmp_path / "d.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "d.csv").read_text(encoding="utf-8"))))
    assert [(row["name"], row["mrr"], row["from"], row["to"]) for row in rows] == [
        ("'=1+1", "1234.0", "C", "A"),
        ("b", "", "C", "A"),
    ]
    assert all(sum(float(row[f"part_{cause}"]) for cause in ("data", "model", "policy")) == 1 for row in rows)
    write_frame(report.frame(document(demo_bundle, search(), search())), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text(encoding="utf-8").startswith("account_id,name,mrr,from,to")


@pytest.mark.parametrize("other", ["months", "later"])
def test_what_a_reader_has_to_know_of_two_versions_is_noted(demo_bundle: ModelBundle, other: str) -> None:
    old = bundle_with(demo_bundle, search())
    if other == "months":
        outcome = {**old.settings.model_dump(exclude_defaults=True), "outcome": {"horizon_months": 3}}
        old, said = replace(old, settings=parse_settings(outcome)), "looks 3 months ahead"
    else:
        old, said = replace(old, trained={**old.trained, "trained_on": "2099-01-01"}), "leads back in time"
    notes = compare(Named(old, "1"), Named(bundle_with(demo_bundle, search()), "2"), None)["notes"]
    assert any(said in note for note in notes)
