"""A points card as page, table, JSON and formula: what it says is what the card adds up, and nothing in it runs."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.icp import Condition, ICPSearch, Rule
from leap.icp.points import Agreement, CardLine, PointsCard, Share
from leap.reports import icp_exports
from leap.reports.crm_fields import fields_of, salesforce_name
from leap.reports.crm_lists import Export
from leap.reports.points_text import formula_of, points_document, render_points, render_points_csv
from tests.reports import searches
from tests.reports.crm_semantics import formula_value
from tests.reports.test_crm_lists import CATALOG, EVERY, FLAG, LEVEL, LEVELS, NUMBER, framed, records

AGREEMENT = Agreement(
    120, 300, Share(0.62, 0.5, 0.7), Share(0.6, 0.55, 0.66), Share(0.63, 0.57, 0.7), Share(0.7, 0.6, 0.8), 0.4
)
CARD = PointsCard(
    (CardLine(searches.GOOD, 3), CardLine(searches.BAD, -2)), 3, -2, {"A": 0.3, "B": 0.5, "C": 0.2}, AGREEMENT, None
)


def export(card: PointsCard | None, **fields: str) -> Export:
    settings = parse_settings({"company": {"name": searches.FORMULA}, "crm": {"fields": {"salesforce": fields}}})
    return Export(ICPSearch((), (), None, card=card), settings, CATALOG, "3", "2024-02-03")


def test_the_formula_adds_up_what_the_card_adds_up() -> None:
    table = [(n, f, v) for n in (0.0, 1 / 3, 7.0, np.nan) for f in (0.0, 1.0, np.nan) for v in (*LEVELS[:4], "x", None)]
    frame = framed(table)
    lines = [CardLine(Rule((condition,)), 1 + i % 7) for i, condition in enumerate(EVERY)]
    lines += [CardLine(Rule((EVERY[0], EVERY[20], EVERY[-1])), -4)]
    picklists = frozenset([salesforce_name(FLAG.name)])
    for line in lines:
        card = PointsCard((line,), None, None, {}, None, None)
        names = {f.feature.name: f for f in fields_of([line.rule], "salesforce", {}, CATALOG)}
        formula = formula_of(card, names)
        found = [formula_value(formula, r, picklists) for r in records(frame, "salesforce", ("No", "Yes"))]
        assert found == card.points(frame, len(frame)).tolist(), formula  # type: ignore[arg-type]
    whole = PointsCard(tuple(lines), None, None, {}, None, None)
    names = {f.feature.name: f for f in fields_of([each.rule for each in lines], "salesforce", {}, CATALOG)}
    found = [formula_value(formula_of(whole, names), r, picklists) for r in records(frame, "salesforce", ("No", "Yes"))]
    assert found == whole.points(frame, len(frame)).tolist()  # type: ignore[arg-type]


def test_a_standard_picklist_is_asked_as_one() -> None:
    names = {f.feature.name: f for f in fields_of([searches.BAD], "salesforce", {"industry": "Industry"}, CATALOG)}
    card = PointsCard((CardLine(searches.rule((searches.INDUSTRY, "==", "Retail")), -2),), None, None, {}, None, None)
    assert formula_of(card, names) == 'IF(ISPICKVAL(Industry, "Retail"), -2, 0)'


def test_the_page_says_what_to_add_which_band_and_how_near_it_is() -> None:
    page = render_points(export(CARD))
    for said in (
        "| +3 | ", "| -2 | ", "| A | 3 or more | 30.0% |", "| B | more than -2, less than 3 |", "| C | -2 or less |",
        "on 120 accounts that neither was made of",
        "0.62 (95 % interval 0.50 to 0.70)", "70% (95 % interval 60% to 80%) of their 300 yearly rows; by chance 40%",
        "Treat blank fields as blanks", "`leap_employees`, `leap_cloud`",
    ):  # fmt: skip
        assert said in page, said
    assert "Do not use" not in page and "<script>" not in re.sub(r"(?ms)^```.*?^```$", "", page)


def test_a_card_not_to_be_used_says_so_first() -> None:
    page = render_points(export(replace(CARD, why_not="Too far from the model.")))
    assert page.index("**Do not use this card.** Too far from the model.") < page.index("| Points |")
    document = points_document(export(replace(CARD, why_not="Too far.")))
    assert document["use"] is False and document["why_not"] == "Too far."


@pytest.mark.parametrize("card", [None, PointsCard((), None, None, {}, None, "No condition held.")])
def test_without_lines_there_is_a_reason_and_no_formula(card: PointsCard | None) -> None:
    document, page = points_document(export(card)), render_points(export(card))
    assert document["lines"] == [] and not document["use"] and document["why_not"]
    assert "Do not use" in page and "IF(" not in page
    assert render_points_csv(export(card)).count("\n") == 1


def test_cells_of_the_table_are_inert_and_name_the_fields() -> None:
    odd = CardLine(Rule((Condition(searches.INDUSTRY, "==", searches.FORMULA),)), 1)
    text = render_points_csv(export(replace(CARD, lines=(odd, *CARD.lines)), employees="NumberOfEmployees"))
    found = list(csv.DictReader(io.StringIO(text)))
    assert found[0]["words"].startswith("'=Industry") and not any(
        cell.startswith(("=", "+", "@")) for row in found for cell in row.values()
    )
    assert found[1]["salesforce"] == "NumberOfEmployees Leap_Cloud__c" and found[1]["points"] == "3"


def test_every_export_is_data_where_its_file_is_called_so() -> None:
    made = replace(export(CARD), search=replace(searches.search(), card=CARD))
    for kind in icp_exports.FORMATS:
        as_data: dict[str, Any] = icp_exports.document(made, kind)
        assert icp_exports.render(made, kind, ".json").startswith("{") and as_data["company"] == searches.FORMULA
        assert icp_exports.render(made, kind, ".md").startswith("# =HYPERLINK")
        assert icp_exports.render(made, kind)[0] == ("{" if kind == "hubspot" else "#")
    assert icp_exports.render(made, "points", ".csv").startswith("points,words")


def test_columns_of_a_frame_give_the_points_a_person_would_add() -> None:
    frame = pd.DataFrame({NUMBER.name: [7.0], FLAG.name: [1.0], LEVEL.name: ["Retail"]})
    lines = (
        CardLine(Rule((Condition(NUMBER, ">=", 7.0), Condition(FLAG, "==", 1.0))), 4),
        CardLine(Rule((EVERY[-1],)), -1),
    )
    assert PointsCard(lines, 3, None, {}, None, None).points(frame, 1).tolist() == [3]  # type: ignore[arg-type]
