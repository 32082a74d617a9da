"""The quarterly review pack: every part from what it is made of, why a part is missing, and names that try to be more."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from leap.icp import ICPSearch
from leap.reports import icp, pack
from leap.reports.data import DataReport, ProblemGroup, ProblemSummary, TableSummary
from leap.reports.icp_summary import IcpSummary
from leap.reports.pack.kpis import kpi_tables
from leap.reports.pack.texts import cut, readable
from leap.reports.quality import FigureSummary, OutcomeSummary, PortfolioSummary
from leap.reports.quality_words import held_words, sentences
from tests.reports.markup import Markup
from tests.reports.searches import SCRIPT
from tests.reports.test_icp_page import SETTINGS
from tests.reports.whole_search import whole_search

TURNED = "\u202eevil\u2066"
LONG = "n" * 10_000
EVIL = f"{SCRIPT}{TURNED} | **a** `b`\n=1+1"


def outcome(
    name: str = "churn", learner: str = "blend", **figures: tuple[float, float, float, float]
) -> OutcomeSummary:
    """An outcome of 100 accounts, 12 of them with the event."""
    found = {key: FigureSummary(key, key.upper(), *values) for key, values in figures.items()}
    calibration = {"verdict": "within the aims", "ratio": 1.1, "ratio_low": 0.9, "ratio_high": 1.3}
    return OutcomeSummary(
        name, name.capitalize(), learner, 900, 100, 12, found, 0.135, 0.118, 1.07, calibration, 0.68, {}
    )  # fmt: skip


CHURN = outcome(auc=(0.67, 0.65, 0.7, 0.5), brier_skill=(0.05, 0.037, 0.063, 0.0))


def summary(found: ICPSearch | None = None, company: str = "Acme", **more: Any) -> IcpSummary:
    """The report of a made-up search, as that of version 2."""
    made = icp.summarise_alone(found or whole_search(), SETTINGS, data_until="2024-06-01", notes=["Rates drift."])
    fields = {
        "company": company, "version": "2", "accounts": 120, "as_of_range": ("2020-01-01", "2023-06-01"),
        "outcomes": (CHURN,), "portfolio": PortfolioSummary(0.93, 0.95, None, "composition", 0.92, 0.9),
    }  # fmt: skip
    return replace(made, **{**fields, **more})


def score(name: str = "Beta", mrr: float = 1000.0, nrr: float = 0.6) -> dict[str, Any]:
    """A scored customer as `most_at_risk` has it."""
    return {
        "account_id": "b1", "name": name, "mrr": mrr, "churn": {"p": 0.4},
        "nrr": {"point": nrr, "low": 0.1, "high": 1.0}, "main_reason": {"phrase": "few logins"},
    }  # fmt: skip


def book(**more: Any) -> pack.BookNow:
    """Forty customers of whom one is at risk, without an earlier date."""
    fields: dict[str, Any] = {
        "as_of": "2024-06-01", "customers": 40, "leaving": 2, "leaving_mrr": 300.0, "level": 0.9,
        "portfolio": {"nrr": 0.968, "nrr_low": 0.9, "nrr_high": 1.07, "mrr": 50_000.0},
        "since": "2024-03-01", "waterfall": None, "no_waterfall": "Of a quarter ago nothing is told: no revenue.",
        "at_risk": (score(),),
    }  # fmt: skip
    return pack.BookNow(**{**fields, **more})


def standing(key: str, subject: str, **more: Any) -> dict[str, Any]:
    """One entry of the agenda."""
    fields = {
        "subject": subject, "words": "no verdict yet", "statement": None, "kind": None, "key": key, "state": "open",
        "owner": None, "reason": None, "given_on": None, "expires": None, "effect": None, "history": [],
    }  # fmt: skip
    return {**fields, **more}


OPEN = standing("r0123456789", "established-1", statement="Prefer software firms.", kind="established")
AGAIN = standing(
    "rabcdefabcd", "rabcdefabcd", words="accepted by Ann, 2024-01-02 - expired on 2024-05-01", state="expired",
    history=[{"verdict": "accept"}],
)  # fmt: skip
DECIDED = standing(
    "r1111111111", "negative-1", words="rejected by Ann, 2024-04-02: too few.", state="rejected", owner="Ann",
    given_on="2024-04-02", effect="Shown but not counted.", history=[{"verdict": "reject"}],
)  # fmt: skip


def agenda(**more: Any) -> dict[str, Any]:
    """One open question, one to look at again, one decided in the quarter and one long before."""
    before = {**DECIDED, "key": "r2222222222", "given_on": "2023-01-01"}
    fields = {
        "due": {"is_due": True}, "open": [OPEN], "again": [AGAIN], "decided": [DECIDED, before], "overrides_expired": [],
    }  # fmt: skip
    return {**fields, **more}


DATA = DataReport(
    "Acme", "2024-06-01", True, "",
    (
        TableSummary("usage", "events", "u.csv", 1000, 990, 10, False, None, None, (), ("note",), 2, None),
        TableSummary("accounts", "attributes", "a.csv", 120, 120, 0, False, None, None, (), (), 0, None),
    ),
    (ProblemGroup("quarantine", "Quarantined", "", (ProblemSummary("usage.day", "no date", 10, 0.01, (), ""),)),),
    (), (),
)  # fmt: skip
QUARTER = pack.RetentionQuarter("2024-02-01", 12, 90, 0.95, 0.9, 0.1, 48_000.0, 900.0, 300.0, 100.0, 400.0, "")
TARGETS = {
    "prospects": 30,
    "totals": {"accounts": 1, "expected_gain": 5000.0, "cost": 1000.0},
    "targets": [
        {
            "rank": 1, "name": "Gamma", "account_id": "g1", "expected_gain": 5000.0,
            "who": {"nrr": 1.01, "icp_tier": "A"}, "for": ["Meets established-1"], "against": [],
        }
    ],
}  # fmt: skip


def given(**more: Any) -> pack.Given:
    """All that a pack is made of, without an earlier version."""
    fields: dict[str, Any] = {
        "icp": summary(), "agenda": agenda(), "called": {"rabcdefabcd": "Employees: under 20 (did worse)"},
        "due": "The next is due.", "book": book(),
        "retention": (QUARTER, replace(QUARTER, end="2024-05-01", nrr=0.96, logo_churn=0.08)),
        "diff": None, "no_diff": "There is no earlier version.", "targets": TARGETS, "no_targets": "",
        "data": DATA, "today": date(2024, 8, 1), "stale_after_days": 45,
    }  # fmt: skip
    return pack.Given(**{**fields, **more})


@pytest.fixture(scope="module")
def made() -> pack.Pack:
    return pack.summarise(given())


def test_the_first_page_says_state_profiles_decisions_risk_growth_and_trust(made: pack.Pack):
    said = {one.lead: one.text for one in made.short}
    assert list(said) == ["Portfolio", "Profiles", "Decide", "At risk", "Sell to", "Trust"]
    assert said["Portfolio"] == "NRR of 96.8% is expected over 12 months of 40 customers."
    assert said["Profiles"] == "1 established, 1 emerging, 1 negative."
    assert said["Decide"] == "1 open question, 1 to look at again. The next is due."
    assert "400 EUR MRR a month" in said["At risk"] and "0.8% of all" in said["At risk"]
    assert "2 customers with 300 EUR MRR" in said["At risk"]
    assert said["Sell to"].startswith("1 of 30 prospects are worth the work")
    assert "67 times in 100 (95 % interval 65 to 70). By chance it would be 50" in said["Trust"]


def test_a_gain_as_if_all_were_won_or_of_revenue_is_told_as_such():
    basis = {"win_is": "if_won", "worth": "no gross margin is given: which is revenue and not margin"}
    text = pack.render_markdown(pack.summarise(given(targets={**TARGETS, "basis": basis})))
    assert "for 1,000 EUR, if every one is won, and of revenue, not margin." in text
    assert "if every one is won" not in pack.render_markdown(pack.summarise(given()))


def test_the_figures_asked_for_first_carry_their_interval_or_how_they_moved(made: pack.Pack):
    assert [(one.label, one.value, one.under) for one in made.tiles] == [
        ("Expected NRR", "96.8%", "90% interval 90.0% to 107.0%"),
        ("NRR until 1 May 2024", "96.0%", "+1.0 points on the quarter before"),
        ("Logo churn until 1 May 2024", "8.0%", "−2.0 points on the quarter before"),
        ("MRR now", "50,000 EUR", "40 customers"),
        ("To decide", "2", "1 of them again, the review is due"),
    ]


def test_each_decision_has_its_key_and_the_command_that_keeps_it(made: pack.Pack):
    first, second = made.decisions.to_take
    assert (first.name, first.kind, first.text) == ("established-1", "established profile", "Prefer software firms.")
    assert first.command == "leap review DIR --accept r0123456789 --owner NAME" and first.standing == ""
    assert second.text == "Employees: under 20 (did worse)" and "expired on 2024-05-01" in second.standing
    assert [one.key for one in made.decisions.taken] == ["r1111111111"] and made.decisions.before == 1
    assert made.decisions.taken[0].standing == "rejected by Ann, 2024-04-02: too few. Shown but not counted."


def test_an_expired_override_is_decided_by_the_word_it_was_given_with():
    gone = standing("a'1", "a'1", account_id="a'1", words="expired", history=[{"verdict": "exclude"}])
    asked = pack.summarise(given(agenda=agenda(open=[], again=[], overrides_expired=[gone]))).decisions.to_take
    assert asked[0].command == "leap review DIR --exclude 'a'\"'\"'1' --owner NAME --reason TEXT"
    assert asked[0].text == "Leave it off the target list"


def test_a_driver_is_named_so_that_no_account_can_be_meant():
    driver = standing("usage", "usage", words="accepted by Ann, 2024-01-02", history=[{"verdict": "accept"}])
    asked = pack.summarise(given(agenda=agenda(again=[driver]))).decisions.to_take[-1]
    assert asked.command == "leap review DIR --accept driver:usage --owner NAME" and asked.kind == "driver"


def test_figures_by_quarter_stand_beside_each_other_and_say_why_one_is_missing(made: pack.Pack):
    tables = {table.name: table for table in made.kpis}
    later = tables["nrr_later"]
    assert later.label == "NRR 12 months later" and later.quarters == ("2023-Q1",)
    assert [row.label for row in later.rows] == ["established-1", "Outside of the profiles", "Everyone"]
    assert later.rows[0].cells[0].value == 1.04
    assert not tables["win_rate"].rows and tables["win_rate"].why


def test_the_reason_of_a_missing_figure_says_what_would_make_it_appear():
    found = whole_search()
    assert found.quarters is not None
    cells = {
        name: tuple(replace(cell, reasons={"cac": "no_acquisition_costs"}) for cell in row)
        for name, row in found.quarters.groups.items()
    }
    made = summary(replace(found, quarters=replace(found.quarters, groups=cells)))
    cac = next(table for table in kpi_tables(made.figures) if table.name == "cac")
    assert cac.why == "no table has the role costs: with one it appears"


def test_the_data_are_told_in_five_lines(made: pack.Pack):
    said = {one.lead: one.text for one in made.data}
    assert said["Rows"] == "2 tables: 1,120 rows read, 1,110 used (99.1%), 10 set aside."
    assert said["Rules"] == "Quarantined: usage.day, no date, 10 (1.0%)."
    assert "61 days before 1 Aug 2024, more than the 45 days" in said["Age"]
    assert said["Learned"].startswith("Version 2 learned from 120 accounts") and said["Learned"].endswith("2024.")
    assert said["Not used"] == "Columns that leap.toml does not declare: 3 of usage."


def test_every_part_stands_on_the_page_and_in_the_text(made: pack.Pack):
    wanted = [
        "What changed", "Decisions to take", "Profiles and their evidence", "Quarter by quarter",
        "At risk, and to sell to", "How good it is", "Seven places that this must change", "How good the data are",
        "Terms",
    ]  # fmt: skip
    text = pack.render_markdown(made)
    assert re.findall(r"^## (.*)$", text, re.M) == ["In short", *wanted]
    page = Markup(pack.render_html(made))
    assert all(name in page.text for name in wanted)
    ids = {attrs.get("id") for _, attrs in page.tags}
    links = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
    assert links and all(link.startswith("#") and link[1:] in ids for link in links)


def test_seven_places_have_a_box_and_room_for_an_owner_and_a_day(made: pack.Pack):
    rows = [line for line in pack.render_markdown(made).splitlines() if line.startswith("| ☐ |")]
    assert [row.split("|")[2].strip() for row in rows] == [
        "Targeting", "Outbound lists", "Qualification", "Messaging", "Discovery", "Roadmap", "Coverage",
    ]  # fmt: skip
    assert all(row.endswith("| | |") for row in rows)


def test_a_part_with_nothing_says_so_and_what_would_make_it_appear():
    nothing = ICPSearch((), (), "Too few accounts left.")
    none = pack.summarise(
        given(
            icp=summary(nothing, outcomes=(), portfolio=None),
            agenda=agenda(open=[], again=[], decided=[]),
            retention=(),
            book=book(at_risk=(), portfolio={"nrr": None, "mrr": 0.0, "reason": "empty_cohort"}),
            targets={**TARGETS, "prospects": 0, "targets": []},
        )
    )
    for text in (pack.render_html(none), pack.render_markdown(none)):
        for said in (
            "There is no earlier version.", "No quarter is told", "Of a quarter ago nothing is told",
            "Nothing is open", "There is no profile.", "Too few accounts left.", "it takes a profile",
            "No target list: the tables hold no account that never paid", "Nothing is to be changed",
            "No model was judged.",
        ):  # fmt: skip
            assert said in text, said
        assert "<tbody>\n  </tbody>" not in text
    assert none.short[0].text.startswith("Nobody pays")


def test_kinds_of_profiles_that_are_not_there_are_named(made: pack.Pack):
    good = replace(whole_search(), profiles=whole_search().profiles[:1])
    told = pack.summarise(given(icp=summary(good))).without
    assert [words.split(":")[0] for words in told] == ["No emerging profile", "No negative profile"]
    assert made.without == ()


@pytest.mark.parametrize("name", [EVIL, LONG, "٣شركة", "🦘" * 720])
def test_names_are_inert_and_cut_everywhere(name: str):
    decided = {**DECIDED, "words": f"rejected by {name}", "owner": name}
    targets = {**TARGETS, "targets": [{**TARGETS["targets"][0], "name": name, "account_id": name}]}
    table = replace(DATA.tables[0], name=name)
    found = pack.summarise(
        given(
            icp=summary(company=name),
            agenda=agenda(open=[{**OPEN, "subject": name, "statement": name}], decided=[decided]),
            book=book(at_risk=({**score(name), "account_id": name, "main_reason": {"phrase": name}},)),
            targets=targets,
            data=replace(DATA, tables=(table,)),
        )
    )
    page, text = pack.render_html(found), pack.render_markdown(found)
    tags = {tag for tag, _ in Markup(page).tags}
    assert not tags & {"script", "iframe", "form"} and "<script" not in text
    for written in (page, text):
        assert not set(written) & set("\u202e\u2066") and "n" * 800 not in written and "🦘" * 720 not in written
    assert "\n=1+1" not in text and max(len(row.name) for row in found.at_risk) <= 81
    assert "`leap review" in text and cut(name, 200)[:5] in pack.render_text(found)


def test_texts_are_cut_deep_inside_a_summary_and_other_values_stay():
    made = readable(summary(none_because=LONG), 100)
    assert len(made.none_because or "") == 101
    deep = readable(replace(made, best=None, hypotheses=(replace(made.hypotheses[0], text=LONG),)), 50)
    assert len(deep.hypotheses[0].text) == 51 and deep.profiles[0].evidence == made.profiles[0].evidence


def test_the_document_has_what_the_page_says(made: pack.Pack):
    document = pack.to_json(given(), made)
    assert document["no_diff"] == "There is no earlier version." and document["diff"] is None
    assert document["decisions"]["open"] == 1 and len(document["places"]) == 7
    assert [one["id"] for one in document["profiles"]] == ["established-1", "emerging-1", "negative-1"]
    assert document["at_risk"][0]["lost"] == pytest.approx(400.0)


def test_how_good_a_model_is_needs_no_statistics():
    order, gain, level = sentences(CHURN, 12)
    assert order.startswith(
        "Of two accounts, one that left within 12 months and one that stayed, it ranks the one that"
    )
    assert gain == (
        "Its probabilities are 5.0% nearer to what happened than the base rate (95 % interval 3.7% to 6.3%)."
    )
    assert level == "It expected 13.5% to leave; 11.8% did: within the aims."
    unsure = outcome(brier_skill=(0.01, -0.02, 0.04, 0.0))
    assert "not shown beyond chance" in sentences(unsure, 12)[0]


def test_a_base_rate_is_praised_for_nothing():
    said = sentences(outcome("expansion", "base_rate", auc=(0.7, 0.6, 0.8, 0.5)), 6)
    assert said[0] == "It shows no skill in telling who will grow: everyone is given the base rate."
    assert not any("of two accounts" in one.lower() for one in said)


def test_intervals_are_told_by_how_often_they_held():
    assert held_words(PortfolioSummary(0.9, 0.9, None, "", 0.86, 0.9), "customers") == (
        "The intervals given for customers held what followed 86 times in 100; 90% was wanted."
    )
