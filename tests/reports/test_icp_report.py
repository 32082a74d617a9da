"""The ICP report: its values, and what each form of it may never do."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.features import FeatureCatalog
from leap.icp import ICPSearch, Measured, Note
from leap.reports import icp
from leap.reports.icp import IcpSummary
from tests.reports.searches import (
    CLOUD,
    EMPLOYEES,
    FORMULA,
    INDUSTRY,
    NOTE,
    SCRIPT,
    bundle_with,
    evidence,
    rule,
    search,
)

CAUSAL = re.compile(
    r"\b(because of|causes?|caused|leads? to|due to|drives|impacts?|effects? of|results? in)\b", re.IGNORECASE
)


@pytest.fixture(scope="module")
def bundle(demo_bundle: ModelBundle) -> ModelBundle:
    return bundle_with(demo_bundle, search())


@pytest.fixture(scope="module")
def summary(bundle: ModelBundle) -> IcpSummary:
    return icp.summarise(bundle, "7")


def test_the_summary_has_the_evidence_as_it_was_measured(summary: IcpSummary) -> None:
    nrr, churn, expansion = summary.profiles[0].evidence.rows
    assert (nrr.inside, nrr.outside, nrr.low, nrr.high) == (1.05, 0.9, 0.05, 0.25)
    assert nrr.difference == pytest.approx(0.15) and nrr.decides and not churn.decides
    assert (nrr.tone, churn.tone, expansion.tone) == ("good", "good", "open")  # less churn is good
    found = summary.profiles[0].evidence
    assert (found.matched, found.accounts, found.support, found.tried) == (100, 400, 0.25, 19)
    assert (found.found_on.last, found.measured_on.first) == ("2021-01-01", "2022-01-01")


def test_a_negative_profile_is_priced_with_the_interval_of_its_nrr(summary: IcpSummary) -> None:
    price = summary.profiles[1].price
    assert price is not None and price.shown
    # 3000 for 15 points: the interval of 5 to 25 points is 1000 to 5000.
    assert [price.lost, price.low, price.high] == pytest.approx([3000.0, 1000.0, 5000.0])
    assert summary.profiles[0].price is None


def test_a_price_whose_nrr_may_be_no_loss_says_so(bundle: ModelBundle) -> None:
    found = search()
    unsure = evidence("churn", -1.0)
    figures = {**unsure.figures, "nrr": Measured(0.87, 0.9, -0.09, 0.03)}
    bad = replace(found.profiles[1], evidence=replace(unsure, figures=figures))
    summary = icp.summarise(replace(bundle, icp=replace(found, profiles=(bad,))))
    assert summary.profiles[0].price is not None and not summary.profiles[0].price.shown
    for text in (icp.render_html(summary), icp.render_markdown(summary)):
        assert "in money the difference is not shown" in text


def test_a_missing_kpi_is_none_and_says_why(summary: IcpSummary) -> None:
    kpis = {kpi.label: kpi for kpi in summary.profiles[0].kpis}
    assert [*kpis] == ["NRR", "GRR", "Logo churn", "Expansion", "CAC", "Win rate"]
    assert (kpis["CAC"].inside, kpis["CAC"].outside, kpis["CAC"].why) == (12345.0, None, "no table of costs")
    assert (kpis["Win rate"].inside, kpis["Win rate"].why) == (None, "no table of deals")
    assert kpis["NRR"].why == ""


def test_a_condition_that_moves_after_the_purchase_is_named(summary: IcpSummary) -> None:
    # 25 % before the purchase: 5 % of the market now moved, and so did nothing for the negative one at 10 of 40.
    assert [profile.moved for profile in summary.profiles] == [True, False]
    assert "this condition changes with time" in icp.render_html(summary)


def test_all_attributes_are_reported_those_that_held_first(summary: IcpSummary) -> None:
    told = [(a.verdict, a.profile) for a in summary.attributes]
    assert told == [("stays", "established-1"), ("leaves", "negative-1"), ("not shown", None)]
    assert summary.attributes[2].tone == "open"
    assert "Employees: at least 1,000 people" in icp.render_html(summary)


def test_the_bars_share_one_scale_that_holds_every_interval(summary: IcpSummary) -> None:
    assert summary.reach == pytest.approx(0.3)
    places = [float(x) for x in re.findall(r'class="range" x1="([\d.]+)"', icp.render_html(summary))]
    assert places and all(6.0 <= place <= 174.0 for place in places)


def test_the_quality_of_the_models_stands_in_the_report(summary: IcpSummary, demo_bundle: ModelBundle) -> None:
    churn = summary.outcomes[0]
    judged = demo_bundle.quality["health"]["outcomes"]["churn"]
    assert (churn.label, churn.learner, churn.accounts) == ("Churn", judged["learner"], judged["n_accounts"])
    assert [o.label for o in summary.fit_outcomes] == ["Churn", "Contraction", "Expansion", "NRR"]
    assert summary.portfolio is not None and summary.portfolio.level == 0.9
    assert summary.drivers and 0 < summary.drivers[0].share <= 1


def test_every_form_names_the_company_the_day_the_definitions_and_the_note_on_money(summary: IcpSummary) -> None:
    for text in (icp.render_html(summary), icp.render_markdown(summary), icp.render_text(summary)):
        assert NOTE in text and summary.definition_hash in text and "Acme" in text
    assert icp.render_html(summary).count(NOTE) >= 3  # at the top, by the amounts, in the notes


class _Markup(HTMLParser):
    """Tags, attributes that would fetch something, and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_runs_nothing_and_asks_nobody(summary: IcpSummary) -> None:
    page = icp.render_html(summary)
    found = _Markup(page)
    assert not found.tags & {"script", "iframe", "object", "embed", "form", "img", "base"}
    assert all(target.startswith("#") or target == "data:," for target in found.fetched), found.fetched
    assert "http://" not in page.replace("http://evil.example", "") and "https://" not in page
    assert "@import" not in page and "url(" not in page
    assert "default-src 'none'" in page


def test_names_with_markup_appear_as_text(summary: IcpSummary) -> None:
    page = _Markup(icp.render_html(summary))
    assert f"Acme {SCRIPT}" in page.text and "Uses <b>cloud</b> | *software*" in page.text
    markdown = icp.render_markdown(summary)
    assert "<" not in markdown.replace("<br>", "") and r"cloud&lt;/b&gt; \| \*software\*" in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ") and "software" in line]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) == 11 for row in rows)


@pytest.mark.parametrize("form", [icp.render_html, icp.render_markdown, icp.render_text])
def test_no_form_speaks_of_causes_or_of_numbers_that_are_none(form, summary: IcpSummary) -> None:  # type: ignore[no-untyped-def]
    text = form(summary)
    assert not CAUSAL.findall(text)
    assert not re.search(r"\b(nan|None|inf)\b", text)


def test_csv_keeps_numbers_and_lets_no_text_be_a_formula(summary: IcpSummary) -> None:
    rows = list(csv.DictReader(io.StringIO(icp.render_csv(summary))))
    assert [row["kind"] for row in rows] == ["established", "negative", "attribute"]
    assert rows[1]["statement"] == "'" + FORMULA and rows[1]["conditions"].startswith("'=Industry")
    assert float(rows[1]["nrr_low"]) == -0.25 and rows[1]["accounts_matched"] == "100"
    assert rows[2]["id"] == "" and rows[2]["verdict"] == "not shown"
    for row in rows:
        for value in row.values():
            assert not re.match(r"[=+@\t\r]", value) and (value[:1] != "-" or float(value))


def test_without_a_profile_the_report_says_why(bundle: ModelBundle) -> None:
    summary = icp.summarise(replace(bundle, icp=ICPSearch((), (), f"Of 9 rules none held {SCRIPT}.")))
    for text in (
        icp.render_html(summary),
        icp.render_markdown(summary),
        icp.render_text(summary),
        icp.render_sql(summary),
    ):
        assert "Of 9 rules none held" in text
    assert "script" not in _Markup(icp.render_html(summary)).tags
    assert "Everything that was measured" not in icp.render_html(summary)


def test_without_a_model_the_report_stands_alone(bundle: ModelBundle) -> None:
    summary = icp.summarise_alone(ICPSearch((), (), "Too few events."), bundle.settings)
    page = icp.render_html(summary)
    assert "Too few events." in page and "How good the models are" not in page and "Data until" not in page
    assert "Too few events." in icp.render_markdown(summary)
    assert icp.render_csv(summary).count("\n") == 1


def test_the_report_of_a_trained_company_renders_whatever_it_found(demo_bundle: ModelBundle) -> None:
    summary = icp.summarise(demo_bundle)
    assert len(summary.attributes) == len(demo_bundle.icp.attributes)
    for form in (icp.render_html, icp.render_markdown, icp.render_csv, icp.render_sql, icp.render_text):
        assert form(summary) == form(icp.summarise(demo_bundle))


# --- notes beside the evidence


def noted(bundle: ModelBundle) -> ModelBundle:
    """The made-up search with notes about a measured attribute, an unmeasured one and none."""
    notes = (
        Note("2024-03-01", "acme", f"Large firms stay {SCRIPT}", FORMULA, "EMPLOYEES"),
        Note("2024-02-01", "", "Everyone asks for single sign-on | soon", "Ana", "sso"),
        Note("2024-01-01", "acme", "They liked the demo", "Ben"),
    )
    return bundle_with(bundle, replace(search(), notes=notes))


def test_a_note_stands_beside_what_was_measured_of_the_attribute_it_names(demo_bundle: ModelBundle):
    found = icp.summarise(noted(demo_bundle)).hypotheses
    assert [h.owner for h in found] == [FORMULA, "Ana", "Ben"]
    assert "did better" in found[0].evidence and "no difference shown" in found[0].evidence
    assert [h.evidence for h in found[1:]] == ["not measured", "names no attribute"]


def test_of_what_was_not_shown_a_note_names_a_few_and_the_plainest_first(demo_bundle: ModelBundle):
    """Five pairs in a row were no answer to "large firms churn"."""
    pair = rule((EMPLOYEES, ">=", 1000.0), (INDUSTRY, "==", "Retail"))
    unclear = search().attributes[0]
    more = [replace(unclear, rule=rule((EMPLOYEES, ">=", bound))) for bound in (10.0, 20.0, 30.0)]
    found = replace(search(), attributes=(replace(unclear, rule=pair), *more, search().attributes[1]))
    note = Note("2024-03-01", "acme", "Large firms stay", "Ana", "employees")
    said = icp.summarise(bundle_with(demo_bundle, replace(found, notes=(note,)))).hypotheses[0].evidence
    assert said.endswith(
        "did better; no difference shown: Employees: at least 10 people; Employees: at least 20 people; Employees: at "
        "least 30 people and 1 more"
    )


def test_notes_are_inert_on_every_page_and_survive_the_bundle(demo_bundle: ModelBundle):
    bundle = noted(demo_bundle)
    document = bundle.icp_document()
    assert ICPSearch.from_json(document, FeatureCatalog((EMPLOYEES, CLOUD, INDUSTRY))).notes == bundle.icp.notes
    summary = icp.summarise(bundle)
    html = icp.render_html(summary)
    assert SCRIPT not in html and "Large firms stay &lt;script&gt;" in html
    assert SCRIPT not in icp.render_markdown(summary) and "single sign-on \\| soon" in icp.render_markdown(summary)
    assert "They liked the demo" in icp.render_text(summary)
