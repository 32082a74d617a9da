"""One sentence a meeting understands: who, what was seen, how sure; never a cause and never jargon."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.features import Layer, Recipe, Scope, Signal
from leap.icp import Condition, Evidence, Measured, Rule
from leap.icp.phrases import who
from leap.icp.statements import statement
from tests.worlds import a_feature

CAUSAL = re.compile(
    r"\b(because|caus\w*|due to|lead\w* to|driv\w+ by|result\w* in|prevent\w*|thanks to|impacts?|effects? of)\b", re.I
)
JARGON = re.compile(r"\b(AUC|NRR|GRR|q-value|false.discovery|lift|SHAP|cohort|nan|None|inf)\b")


def recipe(operation: str, kind: str | None = None) -> Recipe:
    return Recipe("made_up", "family", operation, kind=kind)


def fit(label: str, kind: str = "number", operation: str = "value", **more):  # type: ignore[no-untyped-def]
    return a_feature(label, kind, Scope.FIT, label=label, recipe=recipe(operation), **more)


EMPLOYEES = fit("Employees", unit="people")
INDUSTRY = fit("Industry", "category")
COUNTRY = fit("Country", "category")
STAGE = fit("Funding stage", "category")
LOST = fit("Deals lost", unit="deals", operation="lost")
NEWS = fit("News about the company: funding, last 91 days", unit="events", operation="kind_sum")
WAREHOUSE = fit(
    "Technology in use: cloud data warehouse", "boolean", "kind_active", layer=Layer.TECHNOGRAPHIC, signal=Signal.FIT
)
LISTED = fit("Listed on a stock exchange", "boolean")
TWITTER = fit("Twitter account given", "boolean")
ODD = fit('=cmd|"<b>\n*x*', "category")


def rule(*conditions) -> Rule:  # type: ignore[no-untyped-def]
    return Rule(tuple(Condition(*condition) for condition in conditions))


def seen(metric: str = "churn", sign: float = -1.0, **more) -> Evidence:  # type: ignore[no-untyped-def]
    """Churn 14 points lower (sign -1) or higher (1), the interval 6 to 22; NRR 12 points the other way, 2 to 22."""
    figures = {
        "churn": Measured(0.22 + 0.14 * sign, 0.22, *sorted((0.06 * sign, 0.22 * sign))),
        "nrr": Measured(0.92 - 0.12 * sign, 0.92, *sorted((-0.02 * sign, -0.22 * sign))),
    }
    later = {"accounts": 400, "rows": 700, "from": "2022-03-01", "to": "2024-10-01"}
    found = {"accounts": 200, "rows": 300, "from": "2019-01-01", "to": "2021-01-01"}
    return replace(Evidence(400, 140, figures, metric, found, later, tried=19, q_value=0.001), **more)


def test_a_profile_says_who_what_was_seen_how_sure_and_on_whom():
    ideal = rule((INDUSTRY, "==", "Software"), (EMPLOYEES, "between", (50.0, 200.0)), (WAREHOUSE, "==", 1.0))
    assert statement("established", ideal, seen(), 12) == (
        "Software companies with 50 to 199 employees that use a cloud data warehouse: 8 of 100 left within a year, "
        "against 22 of 100 of the others (seen later, 2022 to 2025, on 140 of 400 accounts that the rule was not found "
        "on; 19 times in 20 the difference is 6 to 22 fewer of 100; in all, 104 were paid for every 100 before, against 92)."
    )
    assert statement("established", ideal, seen("nrr"), 6) == (
        "Software companies with 50 to 199 employees that use a cloud data warehouse: after 6 months they paid 104 for "
        "every 100 they paid before, against 92 for the others (seen later, 2022 to 2025, on 140 of 400 accounts that "
        "the rule was not found on; 19 times in 20 the difference is 2 to 22 more)."
    )


def test_what_smaller_contracts_took_is_not_told_as_what_was_paid():
    cut = seen(
        figures={**seen().figures, "contraction_rate": Measured(0.02, 0.06, -0.06, -0.02)}, metric="contraction_rate"
    )
    told = statement("established", rule((INDUSTRY, "==", "Software")), cut, 12)
    assert "smaller contracts took 2 from every 100 paid before, within a year, against 6 from the others" in told


def test_a_negative_profile_is_thought_twice_about_and_an_emerging_one_opened_next():
    small = rule((EMPLOYEES, "<", 20.0), (COUNTRY, "in", ("US", "Austria")))
    assert statement("negative", small, seen(sign=1.0), 12).startswith(
        "Think twice about companies in the US or Austria with fewer than 20 employees: 36 of 100 left within a year, "
        "against 22 of 100 of the others ("
    )
    assert statement("emerging", small, seen(), 12).startswith(
        "Open next: companies in the US or Austria with fewer than 20 employees – 8 of 100 left within a year"
    )


def test_fewer_leaving_without_more_revenue_kept_is_said():
    open_nrr = seen()
    figures = {**open_nrr.figures, "nrr": Measured(0.93, 0.92, -0.1, 0.12)}
    said = statement("established", rule((EMPLOYEES, ">=", 5.0)), replace(open_nrr, figures=figures), 12)
    assert said.endswith("is 6 to 22 fewer of 100; in revenue kept, no difference is shown).")


def test_nobody_left_is_none_and_close_figures_stay_apart():
    figures = {"churn": Measured(0.0, 0.104, -0.15, -0.004)}
    assert ": none left within a year, against 10 of 100" in statement(
        "established", rule((EMPLOYEES, ">=", 5.0)), seen(figures=figures), 12
    )
    figures = {"churn": Measured(0.101, 0.104, -0.15, -0.004)}
    said = statement("established", rule((EMPLOYEES, ">=", 5.0)), seen(figures=figures), 12)
    assert "10.1 of 100 left within a year, against 10.4 of 100" in said and "0.4 to 15.0 fewer" in said


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([(EMPLOYEES, "<", 1.0)], "companies with no employees"),
        ([(EMPLOYEES, ">=", 1.0)], "companies with at least one employee"),
        ([(EMPLOYEES, ">", 0.0)], "companies with at least one employee"),
        ([(EMPLOYEES, "<=", 20.0)], "companies with at most 20 employees"),
        ([(EMPLOYEES, ">", 20.0)], "companies with more than 20 employees"),
        ([(EMPLOYEES, "==", 1.0)], "companies with exactly 1 employee"),
        ([(EMPLOYEES, "!=", 20.0)], "companies with other than 20 employees"),
        ([(EMPLOYEES, "between", (0.0, 1234.0))], "companies with fewer than 1,234 employees"),
        ([(EMPLOYEES, "between", (1.0, 2.0))], "companies with exactly 1 employee"),
        ([(EMPLOYEES, "between", (2.5, 7.0))], "companies with 2.5 to under 7 employees"),
        ([(EMPLOYEES, "<", 200.0), (EMPLOYEES, ">=", 50.0)], "companies with 50 to 199 employees"),
        ([(LOST, "<", 1.0)], "companies with no deals lost"),
        ([(LOST, ">=", 1.0)], "companies with at least one deal lost"),
        ([(NEWS, "<", 1.0)], "companies with no news about the company (funding) in the last 91 days"),
        ([(NEWS, ">=", 1.0)], "companies with news about the company (funding) in the last 91 days"),
        ([(NEWS, ">=", 2.0)], "companies with at least 2 events of news about the company (funding) in the last 91 days"),
        ([(WAREHOUSE, "==", 1.0)], "companies that use a cloud data warehouse"),
        ([(WAREHOUSE, "==", 0.0)], "companies that do not use a cloud data warehouse"),
        ([(WAREHOUSE, "!=", 1.0)], "companies that do not use a cloud data warehouse"),
        ([(LISTED, "==", 0.0)], "companies that are not listed on a stock exchange"),
        ([(TWITTER, "==", 1.0)], "companies marked “Twitter account given”"),
        ([(fit("Has a partner", "boolean"), "==", 1.0)], "companies that have a partner"),
        ([(fit("Is public", "boolean"), "==", 0.0)], "companies that are not public"),
        ([(fit("Has or has had technologies", "boolean", "ever"), "==", 0.0)], "companies that never had technologies"),
        (
            [(fit("Products sold: Cloud", "boolean", "kind_active", layer=Layer.TECHNOGRAPHIC), "==", 0.0)],
            "companies without products sold (Cloud)",
        ),
        (
            [(fit("Tool: CRM, had before and no longer", "boolean", "kind_former", layer=Layer.TECHNOGRAPHIC), "==", 1.0)],
            "companies that no longer use a CRM",
        ),
        ([(fit("Plan: changed in the last 365 days", "boolean", "changed"), "==", 1.0)], "companies whose plan changed in the last year"),
        ([(fit("Plan: changes so far", unit="changes", operation="changes"), "<", 1.0)], "companies whose plan never changed"),
        ([(STAGE, "==", "Series_a")], "companies whose funding stage is Series a"),
        ([(STAGE, "!=", "Seed")], "companies whose funding stage is not Seed"),
        ([(STAGE, "not in", ("Seed", "A, B"))], "companies whose funding stage is neither Seed nor “A, B”"),
        ([(STAGE, "in", tuple("ABCDEF"))], "companies whose funding stage is A, B, C or one of 3 others"),
        ([(INDUSTRY, "in", ("SaaS", "Retail"))], "SaaS or retail companies"),
        ([(INDUSTRY, "in", ("Media", "Financial Services"))], "media or financial services companies"),
        ([(fit("Sells to", "category"), "==", "consumers")], "companies that sell to consumers"),
        ([(fit("Sells to", "category"), "not in", ("shops", "states"))], "companies that do not sell to shops or states"),
        ([(INDUSTRY, "!=", "Retail")], "companies whose industry is not Retail"),
        ([(INDUSTRY, "==", "Food and drink")], "companies whose industry is “Food and drink”"),
        ([(COUNTRY, "not in", ("DE", "Österreich"))], "companies outside DE or Österreich"),
        ([(fit("Größe der Firma", "category"), "==", "Groß")], "companies whose größe der Firma is Groß"),
        ([(fit("Founded", unit="year"), "between", (2001.0, 2010.0))], "companies founded from 2001 to 2009"),
        ([(fit("Founded", unit="year"), ">=", 2010.0)], "companies founded in 2010 or later"),
        ([(fit("Budget", unit="USD a month"), ">=", 1200.0)], "companies whose budget is at least 1,200 USD a month"),
        (
            [(fit("Employees, change over 91 days", unit="people", operation="change"), ">=", 5.0)],
            "companies whose change in employees over 91 days is at least 5 people",
        ),
        (
            [(fit("Triggers: time since the last one", unit="days", operation="recency"), "<", 30.0)],
            "companies whose time since the last one (triggers) is under 30 days",
        ),
        ([(fit("Days with news, last 28 days", unit="days"), ">=", 1.0)], "companies with at least one day with news in the last 28 days"),
        ([(fit("Active seats", unit="seats"), "<", 10.0)], "companies with fewer than 10 active seats"),
        ([(fit("Demand index of its industry, latest published", operation="level"), ">=", 95.5)], "companies whose demand index of the industry is at least 95.5"),
        (
            [(LISTED, "==", 1.0), (STAGE, "==", "A"), (WAREHOUSE, "==", 0.0)],
            "companies that are listed on a stock exchange and do not use a cloud data warehouse and whose funding stage is A",
        ),
        ([(EMPLOYEES, ">=", 5.0), (LOST, "<", 1.0)], "companies with at least 5 employees and no deals lost"),
        ([(ODD, "==", "@SUM(1)")], "companies whose “=cmd|\"<b> *x*” is “@SUM(1)”"),
        ([(STAGE, "==", "x" * 200)], f"companies whose funding stage is “{'x' * 47}…”"),
    ],
)  # fmt: skip
def test_each_condition_is_said_as_a_person_would(conditions, said: str):  # type: ignore[no-untyped-def]
    assert who(rule(*conditions)) == said


LABELS = st.one_of(
    st.sampled_from(["Industry", "Country", "Uses CRM", "Deals: won", "Größe", "Founded", "Sites, last 28 days", ": ", ","]),
    st.text(max_size=60),
)  # fmt: skip
UNITS = st.sampled_from(["", "people", "days", "year", "share", "of the time", "EUR", "%", "deals", "times as much"])
OPERATIONS = st.sampled_from(
    ["value", "kind_active", "kind_former", "changed", "changes", "ever", "change", "kind_sum"]
)
BOUNDS = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def conditions(draw) -> Condition:  # type: ignore[no-untyped-def]
    kind = draw(st.sampled_from(["number", "boolean", "category"]))
    feature = fit(
        draw(LABELS), kind, draw(OPERATIONS), unit=draw(UNITS) if kind == "number" else "",
        layer=draw(st.sampled_from(list(Layer))),
    )  # fmt: skip
    if kind == "boolean":
        return Condition(feature, draw(st.sampled_from(["==", "!="])), draw(st.sampled_from([0.0, 1.0])))
    if kind == "category":
        op = draw(st.sampled_from(["==", "!=", "in", "not in"]))
        levels = tuple(draw(st.lists(st.text(max_size=70), min_size=1, max_size=6)))
        return Condition(feature, op, levels if "in" in op else levels[0])
    op = draw(st.sampled_from([">=", ">", "<=", "<", "==", "!=", "between"]))
    low = draw(BOUNDS)
    return Condition(feature, op, (low, low + abs(draw(BOUNDS)) + 1) if op == "between" else low)


SENTENCES = settings(max_examples=80, deadline=None)


@given(st.lists(conditions(), min_size=1, max_size=3), st.sampled_from(["established", "emerging", "negative"]))
@SENTENCES
def test_whatever_the_labels_a_statement_is_one_clean_line_that_ends_in_a_period(drawn, kind: str):  # type: ignore[no-untyped-def]
    said = statement(kind, Rule(tuple(drawn)), seen("churn" if kind != "negative" else "nrr"), 12)
    assert said.endswith(").") and said.isprintable() and "  " not in said
    assert said.split(" ")[0][0] not in "=+-@" and len(said) < 900
    assert "of the others" in said or "for the others" in said


@given(st.lists(conditions(), min_size=1, max_size=3))
@SENTENCES
def test_no_part_of_the_grammar_claims_a_cause_or_speaks_jargon(drawn):  # type: ignore[no-untyped-def]
    plain = [
        replace(c, feature=replace(c.feature, label="Deals: won", kind=c.feature.kind), value="A")
        if c.feature.kind == "category" and c.op in ("==", "!=")
        else replace(c, feature=replace(c.feature, label="Deals: won"))
        for c in drawn
    ]
    said = statement("established", Rule(tuple(plain)), seen(), 12).replace("inf", "")
    assert not CAUSAL.search(said) and not JARGON.search(said)


@given(BOUNDS, st.floats(0, 1), st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_a_statement_says_the_figures_that_were_measured(shift: float, inside: float, outside: float):
    figures = {"churn": Measured(inside, min(outside, 1.0), inside - outside - 0.1, inside - outside + 0.1)}
    said = statement("established", rule((EMPLOYEES, ">=", 5.0)), seen(figures=figures), 12)
    told = re.search(r": (\S+)(?: of 100)? left within a year, against (\S+)", said)
    assert told is not None
    for words, value in zip(told.groups(), (inside, min(outside, 1.0)), strict=True):
        assert (0.0 if words == "none" else float(words)) == pytest.approx(value * 100, abs=0.5)
