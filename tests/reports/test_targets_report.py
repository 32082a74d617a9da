"""The target list as page, Markdown, CSV and text: hostile names stay text, and nulls are dashes."""

from __future__ import annotations

from typing import Any

from leap.reports import targets as report
from tests.reports.searches import FORMULA, SCRIPT


def document(**more: Any) -> dict[str, Any]:
    """A list of one account whose figures are unknown, and one left out."""
    who = {"score": None, "nrr": None, "nrr_low": None, "nrr_high": None, "value_12m": None, "value_low": None,
           "value_high": None, "icp_id": None, "icp_tier": None, "reasons": [], "reason": "too_little_known"}  # fmt: skip
    target = {
        "rank": 1, "account_id": "a|1", "name": f"{SCRIPT}", "part": "override", "who": who,
        "when": {"score": 0.5, "reasons": [FORMULA], "reason": None}, "win_probability": None, "worth_if_won": None,
        "cost": 250.0, "expected_gain": -1.5, "expected_new_mrr": None, "propensity": 1.0, "for": [FORMULA],
        "against": ["*dear*"], "override": {"verdict": "include", "owner": "=Ann", "reason": "+1"},
    }  # fmt: skip
    asked = {"budget": 1000.0, "capacity": None, "quota": 900.0, "emerging_share": 0.1, "exploration_share": 0.0,
             "per_segment": 3, "segment": None, "mode": "prioritise", "seconds": 10.0}  # fmt: skip
    totals = {"accounts": 2, "cost": 500.0, "expected_gain": -1.5, "expected_new_mrr": 0.0, "quota_short": 900.0,
              "by_part": {"value": 1, "override": 1}}  # fmt: skip
    return {
        "company": "Acme <b>", "version": "3", "as_of": "2026-10-02", "currency": "EUR", "money_note": "Made up.",
        "definition_hash": "abc", "seed": 0, "asked": asked,
        "basis": dict.fromkeys(("who", "when", "win", "worth", "cost", "gain", "propensity"), "said"),
        "totals": totals, "program": {"status": "greedy", "gap": 0.0213, "time_limit_seconds": 10.0}, "shown": 1,
        "targets": [target], "prospects": 3, "notes": [],
        "left_out": {"accounts": 1, "by_reason": [{"reason": "over_budget", "accounts": 1, "words": "over budget"}]},
        **more,
    }  # fmt: skip


def test_a_page_holds_every_name_as_text() -> None:
    page = report.render_html(document())
    assert "<script" not in page and "&lt;script&gt;" in page and "Acme &lt;b&gt;" in page
    assert "1 more are on the list" in page and "over budget" in page
    text = report.render_markdown(document())
    assert "<script" not in text and "\\*dear\\*" in text and "`a\\|1`" in text


def test_no_cell_is_a_formula_and_figures_stay_figures() -> None:
    header, row = report.render_csv(document()).strip().split("\n")
    assert len(header.split(",")) == 30 and ",-1.5," in row
    assert "'=Ann" in row and "'+1" in row and "\"'=HYPERLINK" in row


def test_the_headlines_say_what_is_missing_and_how_good_the_choice_is() -> None:
    said = " ".join(report.headlines(document()))
    assert "The quota of 900 EUR new MRR cannot be reached within the limits: 900 EUR are missing." in said
    assert "No program was solved" in said and "at most 2.13% less" in said and "at most 3 a segment" in said
    best = report.headlines(document(program={"status": "optimal", "gap": 0.0, "time_limit_seconds": 1.0}))
    assert best[-1] == "The choice is proven to be the best within these limits."
