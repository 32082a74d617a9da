"""The whole report of a made-up search: every section, word for word in Markdown, and whole on the page."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from leap.config import parse_settings
from leap.icp import ICPSearch
from leap.icp.grades import MAX_Q
from leap.reports import icp
from tests.reports.searches import NOTE
from tests.reports.whole_search import whole_search

GOLDEN = Path(__file__).with_name("icp_report.md")


SETTINGS = parse_settings(
    {
        "company": {"name": "Acme", "currency": "EUR", "money_note": NOTE},
        "outcome": {"horizon_months": 12},
        "tables": {
            "subscriptions": {
                "source": "s.csv", "shape": "periods", "role": "revenue", "start": "start", "end": "end",
                "amount": "mrr", "scope": "health", "signal": "retention",
            },
            "deals": {
                "source": "d.csv", "shape": "events", "role": "deals", "at": "created", "created": "created",
                "closed": "closed", "won": "won", "scope": "fit", "signal": "economic",
            },
            "costs": {
                "source": "c.csv", "shape": "events", "role": "costs", "at": "on", "kind": "kind", "amount": "amount",
                "scope": "health", "signal": "economic",
            },
        },
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def summary() -> icp.IcpSummary:
    return icp.summarise_alone(whole_search(), SETTINGS, data_until="2024-06-01")


def test_the_markdown_is_the_golden_one(summary: icp.IcpSummary):
    """To accept a change that is meant: write `icp.render_markdown(summary)` into the file, and read the difference."""
    found = icp.render_markdown(summary).replace(summary.definition_hash, "HASH")
    assert found.split("## Terms")[0] == GOLDEN.read_text(encoding="utf-8")


def test_every_section_stands_on_the_page_in_the_order_of_use(summary: icp.IcpSummary):
    page = icp.render_html(summary)
    wanted = [
        "What to do on Monday", "Profiles", "How many there are", "Which is best at what", "Quarter by quarter",
        "Sold outside of the profiles", "Attributes", "Hypotheses, not shown", "What people believe",
        "The best customers", "Points card", "Seven places that this must change", "Notes and limits", "Terms",
    ]  # fmt: skip
    assert re.findall(r"<h2>(.*?)</h2>", page) == wanted


def test_a_search_without_figures_has_no_empty_section():
    bare = replace(
        whole_search(), front=None, quarters=None, bookings=None, funnel=None, card=None, best_customers=None,
        hypotheses=(), order_of_work=None, notes=(),
    )  # fmt: skip
    summary = icp.summarise_alone(bare, SETTINGS)
    for text in (icp.render_html(summary), icp.render_markdown(summary)):
        for absent in ("How many there are", "best at what", "Quarter by quarter", "Sold outside", "Points card"):
            assert absent not in text
        assert "The best customers" not in text and "Hypotheses, not shown" not in text
    assert "<tbody>\n  </tbody>" not in icp.render_html(summary)


def test_figures_of_a_group_without_anything_to_weigh_or_sold_are_no_section():
    found = whole_search()
    assert found.front is not None and found.quarters is not None
    one = replace(found.front, choices=found.front.choices[:1])
    none_new = replace(
        found.quarters,
        groups={name: tuple(replace(cell, new_customers=0) for cell in cells) for name, cells in found.quarters.groups.items()},
    )  # fmt: skip
    sections = icp.summarise_alone(replace(found, front=one, quarters=none_new), SETTINGS).figures
    assert not sections.front and not sections.by_quarter and sections.funnel and sections.bookings


def test_figures_are_rounded_as_they_are_said(summary: icp.IcpSummary):
    page = icp.render_html(summary)
    text = re.sub(r"<[^>]+>", " ", page[page.index("<h1") :])
    assert not re.search(r"\d\.\d\d (USD|EUR)|\d\.\d{2,}%", text)  # no cents, one decimal at most
    assert not re.search(r"\b(nan|None|inf)\b", text)
    assert "7.4 months" in text and "8,200 EUR" in text and "[98.0%, 110.0%]" in text


def test_names_of_teams_are_text(summary: icp.IcpSummary):
    assert "North | &lt;b&gt;" in icp.render_html(summary)
    assert r"North \| &lt;b&gt;" in icp.render_markdown(summary)


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(summary: icp.IcpSummary):
    widths: list[int] = []
    for line in [*icp.render_markdown(summary).splitlines(), ""]:
        if line.startswith("|"):
            widths.append(len(re.findall(r"(?<!\\)\|", line)))
        else:
            assert len(set(widths)) <= 1, line
            widths = []


def test_nothing_found_is_a_short_page():
    summary = icp.summarise_alone(ICPSearch((), (), "Too few accounts."), SETTINGS)
    page = icp.render_html(summary)
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["What to do on Monday", "Profiles", "Notes and limits", "Terms"]
    assert "<table" not in page


def test_each_figure_says_which_time_it_is_of(summary: icp.IcpSummary):
    """Costs and deals are of every customer won so far: "the year from" above them was wrong."""
    said = (
        "Retention and growth are of the 12 months from 1 Jan 2024, value of the last 12 months; "
        "costs and deals are of all years."
    )
    assert summary.profiles[0].kpis_of == said
    assert said in icp.render_html(summary) and said in icp.render_markdown(summary)
    header = icp.render_csv(summary).splitlines()[0].split(",")
    assert {"last_year_nrr_inside", "all_years_cac_inside", "all_years_win_rate_outside"} <= {*header}
    assert not {"last_year_cac_inside", "last_year_deal_size_inside"} & {*header}


def test_the_rate_up_to_which_a_profile_is_shown_is_the_one_that_decides(summary: icp.IcpSummary):
    assert f"up to {MAX_Q:.0%} count as shown" in icp.render_html(summary)
    assert f"A profile has up to {MAX_Q:.0%}." in icp.render_html(summary)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert f"Profiles are shown up to {MAX_Q * 100:.0f} %" in readme


def test_what_the_negative_profile_takes_away_is_not_counted_among_those_to_work_on():
    """28 prospects to win, beside a funnel of 22 that meet no negative profile, sent sales to those to be left."""
    found = whole_search()
    assert found.funnel is not None
    level = replace(found.funnel.tam, name="established-1", accounts=40, customers=25, prospects=15)
    opposed = replace(found, funnel=replace(found.funnel, segments=(level,)))
    summary = icp.summarise_alone(opposed, SETTINGS)
    assert "(15 prospects to win, 25 customers to keep, without those that meet a negative profile too)" in str(
        summary.monday[0].text
    )
    said = {place.name: place.sentence for place in summary.places}
    assert said["Outbound lists"].startswith("Begin with the 15 prospects that meet established-1 and no negative")
    assert "the 25 customers and 15 prospects of established-1 and no negative profile" in said["Coverage"]
    assert "without those" not in icp.summarise_alone(replace(found, funnel=None), SETTINGS).monday[0].text


def test_why_the_best_customers_are_not_ranked_by_something_is_said_in_words():
    found = whole_search()
    assert found.best_customers is not None
    best = replace(found.best_customers, missing={"adoption": "no_events_with_a_quantity"})
    page = icp.render_html(icp.summarise_alone(replace(found, best_customers=best), SETTINGS))
    assert "Without adoption: no table of events, such as usage, names a quantity." in page
