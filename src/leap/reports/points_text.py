"""A points card for people and CRMs: as a page, a table, JSON, and the formula of a Salesforce field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from leap.exports import csv_text
from leap.icp import Condition, Rule
from leap.icp.points import Agreement, PointsCard, Share
from leap.reports.crm_fields import Field, bounds, plain, truth
from leap.reports.crm_lists import Export, fenced, table
from leap.reports.rendering import DASH, line, md, share
from leap.reports.salesforce import NO, YES

LONGEST_FORMULA = 3900
_PICKLISTS = ("Industry", "Type", "Rating", "Ownership", "AccountSource")
_NO_CARD = "This version was trained without a points card."


def points_document(export: Export) -> dict[str, Any]:
    """The card with its place in CRMs."""
    card = export.search.card
    if card is None:
        why = export.search.none_because or _NO_CARD
        return {**export.about, "use": False, "why_not": why, "lines": [], "bands": [], "agreement": None}
    rules = [each.rule for each in card.lines]
    names = {crm: {f.feature.name: f for f in export.fields(crm, rules)} for crm in ("salesforce", "hubspot")}
    document = card.to_json()
    for each, found in zip(card.lines, document["lines"], strict=True):
        found |= {crm: [names[crm][c.feature.name].name for c in each.rule.conditions] for crm in names if names[crm]}
    formula = formula_of(card, names["salesforce"]) if card.lines and names["salesforce"] else None
    return {
        **export.about,
        "use": card.why_not is None,
        "why_not": card.why_not,
        "lines": document["lines"],
        "bands": _bands(card) if card.lines else [],
        "agreement": document["agreement"],
        "salesforce_formula": formula,
        "warnings": _warnings(formula),
    }


def render_points(export: Export) -> str:
    """For people: what to add up, which band a sum is, how near it is to the model, and what to paste."""
    document, card = points_document(export), export.search.card
    lines = [f"# {md(document['company'])}: points card", ""]
    lines += [md(export.subtitle), ""] if export.subtitle else []
    if not document["use"]:
        lines += [f"**Do not use this card.** {md(document['why_not'])}", ""]
    if card is None or not card.lines:
        return "\n".join(lines).rstrip() + "\n"
    lines += [
        "Add up the points of every line that is true of a company. What is not known counts 0"
        + ("; a line that says “not” is true of what is not known." if _says_not(card) else "."),
        "",
        *table(["Points", "If"], [[f"{each.points:+d}", md(each.rule.words)] for each in card.lines]),
        "",
        *table(
            ["Band", "Sum", "Share of earlier accounts"],
            [[b["band"], b["sum"], share(b["share"])] for b in document["bands"]],
        ),
        "",
        "## How near it is to the model",
        "",
        *_agreement(card.agreement),
    ]
    if document["salesforce_formula"]:
        lines += [
            "", "## Salesforce", "",
            "A formula field of Account (number, 0 decimals; choose “Treat blank fields as blanks”). A yes or no is a "
            "picklist with Yes and No.",
            "", *fenced(document["salesforce_formula"]), *(f"\n**Note:** {md(w)}" for w in document["warnings"]),
            "", "## HubSpot", "",
            "A score property of companies: one criterion a line of the table above, with its points; lines with minus "
            "points under negative criteria. The properties:", "",
            *table(["Points", "If", "Properties"], [_of_properties(each) for each in document["lines"]]),
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _of_properties(each: Mapping[str, Any]) -> list[str]:
    return [f"{each['points']:+d}", md(each["words"]), ", ".join(f"`{name}`" for name in each["hubspot"])]


def render_points_csv(export: Export) -> str:
    """A row a line of the card; no cell is a formula."""
    return csv_text(points_frame(export))


def points_frame(export: Export) -> pd.DataFrame:
    """The same as a table."""
    document = points_document(export)
    columns = ["points", "words", "features", "salesforce", "hubspot", "use", "why_not"]
    rows = [
        {
            "points": each["points"],
            "words": line(each["words"]),
            "features": " ".join(condition["feature"] for condition in each["conditions"]),
            "salesforce": " ".join(each.get("salesforce", ())),
            "hubspot": " ".join(each.get("hubspot", ())),
            "use": "yes" if document["use"] else "no",
            "why_not": document["why_not"],
        }
        for each in document["lines"]
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def formula_of(card: PointsCard, names: Mapping[str, Field]) -> str:
    """The sum as the formula of a Salesforce number field."""
    parts = [f"IF({_of_rule(each.rule, names)}, {each.points}, 0)" for each in card.lines]
    return "\n+ ".join(parts)


def _of_rule(rule: Rule, names: Mapping[str, Field]) -> str:
    return _joined("AND", [_of_condition(c, names[c.feature.name]) for c in rule.conditions])


def _of_condition(condition: Condition, field: Field) -> str:
    if condition.feature.kind == "number":
        tests = [f"{field.name} {_SIGNS.get(op, op)} {plain(bound)}" for op, bound in bounds(condition)]
        blank = f"ISBLANK({field.name})"
        return f"OR({blank}, {tests[0]})" if condition.op == "!=" else _joined("AND", [f"NOT({blank})", *tests])
    is_picklist = condition.feature.kind == "boolean" or (field.exists and field.name in _PICKLISTS)
    blank = f"ISBLANK(TEXT({field.name}))" if is_picklist else f"ISBLANK({field.name})"
    values, unknown = _values(condition)
    if condition.feature.kind == "category" and unknown:
        return _joined("OR", [blank, f"NOT({_joined('OR', [_equals(field.name, v, is_picklist) for v in values])})"])
    tests = [*([blank] if unknown else []), *(_equals(field.name, value, is_picklist) for value in values)]
    return _joined("OR", tests) if tests else "FALSE"


_SIGNS = {"==": "=", "!=": "<>"}


def _values(condition: Condition) -> tuple[tuple[str, ...], bool]:
    """The texts of a condition, and whether what is not known meets it (of categories: all but the texts do)."""
    if condition.feature.kind == "category":
        return condition.levels, condition.op in ("!=", "not in")
    yes, no, unknown = truth(condition)
    return tuple(value for value, meets in ((YES, yes), (NO, no)) if meets), unknown


def _equals(name: str, value: str, is_picklist: bool) -> str:
    return f"ISPICKVAL({name}, {quoted(value)})" if is_picklist else f"{name} = {quoted(value)}"


def quoted(value: str) -> str:
    r"""A text of a formula in which nothing ends the text; control characters become spaces.

    >>> print(quoted('say "hi" \\ now'))
    "say \"hi\" \\ now"
    """
    shown = "".join(c if c.isprintable() else " " for c in value)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _joined(function: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{function}({', '.join(parts)})"


def _bands(card: PointsCard) -> list[dict[str, Any]]:
    a = [("A", f"{card.a_from} or more")] if card.a_from is not None else []
    c = [("C", f"{card.c_to} or less")] if card.c_to is not None else []
    middle = (
        "B",
        _between(None if card.c_to is None else card.c_to + 1, None if card.a_from is None else card.a_from - 1),
    )
    return [{"band": band, "sum": total, "share": card.shares.get(band)} for band, total in [*a, middle, *c]]


def _between(low: int | None, high: int | None) -> str:
    """Whole sums from low to high, either of which may be open.

    >>> _between(-1, 2), _between(1, 1), _between(None, 2), _between(1, None), _between(None, None)
    ('-1 to 2', '1', '2 or less', '1 or more', 'any')
    """
    if low is None or high is None:
        return "any" if low == high else f"{high} or less" if low is None else f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"


def _agreement(agreement: Agreement | None) -> list[str]:
    if agreement is None:
        return ["There are no other accounts to compare it on."]
    chance = share(agreement.same_by_chance, 0)
    return [
        f"Cards made in the same way of earlier accounts and their model, on {agreement.accounts:,} accounts that "
        "neither was made of:",
        "",
        f"- Order: correlation of points and expected NRR {_figure(agreement.rank)} (1 is the same order, 0 none).",
        f"- Who stayed later: by points {_figure(agreement.kept)}, by the model {_figure(agreement.kept_by_model)} "
        "(how often, of one that stayed and one that left, the right one stands higher; 0.50 is chance).",
        f"- In the same band: {_percent(agreement.same_band)} of their {agreement.rows:,} yearly rows; by chance "
        f"{chance}.",
        "",
        "The conditions were chosen since they held on these later accounts, so who stays may be told a little less "
        "well of accounts to come.",
    ]


def _figure(figure: Share) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return DASH
    return f"{figure.value:.2f} (95 % interval {figure.low:.2f} to {figure.high:.2f})"


def _percent(figure: Share) -> str:
    return f"{share(figure.value, 0)} (95 % interval {share(figure.low, 0)} to {share(figure.high, 0)})"


def _says_not(card: PointsCard) -> bool:
    return any(c.op in ("!=", "not in") for each in card.lines for c in each.rule.conditions)


def _warnings(formula: str | None) -> list[str]:
    if formula is None or len(formula) <= LONGEST_FORMULA:
        return []
    return [
        f"The formula has {len(formula):,} characters, more than the {LONGEST_FORMULA:,} of a field: split the sum."
    ]
