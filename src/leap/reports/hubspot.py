"""Rules as filters of dynamic HubSpot lists of companies: exactly the companies that `Rule.matches` finds.

HubSpot, "List filters overview" (lists API): an OR branch holds AND branches, an AND branch holds filters, all of which
must pass; `includeObjectsWithNoValueSet` says whether a company without a value passes a filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap.features import Feature
from leap.icp import Condition, Rule
from leap.reports.crm_fields import Field, bounds, truth

COMPANIES = "0-2"
_OPTIONS = ("industry", "type")
"""Properties that every HubSpot has as a choice of options."""
_NUMBERS = {
    "==": "IS_EQUAL_TO", "!=": "IS_NOT_EQUAL_TO", "<": "IS_LESS_THAN", "<=": "IS_LESS_THAN_OR_EQUAL_TO",
    ">": "IS_GREATER_THAN", ">=": "IS_GREATER_THAN_OR_EQUAL_TO",
}  # fmt: skip


def dynamic_list(name: str, rule: Rule, names: Mapping[str, Field]) -> dict[str, Any]:
    """The body that creates the list of a rule."""
    return {
        "name": name,
        "objectTypeId": COMPANIES,
        "processingType": "DYNAMIC",
        "filterBranch": filter_branch(rule, names),
    }


def filter_branch(rule: Rule, names: Mapping[str, Field]) -> dict[str, Any]:
    """A rule as one AND branch within the OR branch that HubSpot wants at the root."""
    filters = [found for c in rule.conditions for found in _filters(c, names[c.feature.name])]
    branch = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": filters}
    return {"filterBranchType": "OR", "filterBranchOperator": "OR", "filterBranches": [branch], "filters": []}


def property_of(field: Field) -> dict[str, Any]:
    """The body that creates the property of a field."""
    kind, shown = _TYPES[field.feature.kind]
    found: dict[str, Any] = {
        "name": field.name,
        "label": f"Leap: {field.label}",
        "type": kind,
        "fieldType": shown,
        "groupName": "companyinformation",
        "description": f"Filled from {field.source}.",
    }
    if field.feature.kind == "boolean":
        options = ({"label": "Yes", "value": "true"}, {"label": "No", "value": "false"})
        found["options"] = [{**option, "displayOrder": i, "hidden": False} for i, option in enumerate(options)]
    return found


_TYPES = {"number": ("number", "number"), "boolean": ("bool", "booleancheckbox"), "category": ("string", "text")}


def type_of(feature: Feature) -> str:
    """The type of a property in words."""
    return {"number": "Number", "boolean": "Single checkbox (yes, no or empty)", "category": "Single-line text"}[
        feature.kind
    ]


def has_options(field: Field) -> bool:
    """Whether a field is one of HubSpot's own with a choice of options, asked by their internal values."""
    return field.exists and field.feature.kind == "category" and field.name in _OPTIONS


def _filters(condition: Condition, field: Field) -> list[dict[str, Any]]:
    if condition.feature.kind == "boolean":
        return _of_boolean(condition, field.name)
    if condition.feature.kind == "category":
        turned = condition.op in ("!=", "not in")
        by_options = has_options(field)
        operators = ("IS_ANY_OF", "IS_NONE_OF") if by_options else ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO")
        kind = "ENUMERATION" if by_options else "MULTISTRING"
        return [_filter(field.name, kind, operators[turned], turned, values=list(condition.levels))]
    found = []
    for op, bound in bounds(condition):
        value = int(bound) if bound == int(bound) else bound
        found.append(_filter(field.name, "NUMBER", _NUMBERS[op], op == "!=", value=value))
    return found


def _of_boolean(condition: Condition, name: str) -> list[dict[str, Any]]:
    yes, no, unknown = truth(condition)
    if yes and no:
        return [] if unknown else [_filter(name, "ALL_PROPERTY", "IS_KNOWN", False)]
    if yes or no:
        return [_filter(name, "BOOL", "IS_EQUAL_TO", unknown, value=yes)]
    nobody = [_filter(name, "ALL_PROPERTY", "IS_KNOWN", False)] if not unknown else []
    return [_filter(name, "ALL_PROPERTY", "IS_UNKNOWN", True), *nobody]


def _filter(name: str, kind: str, operator: str, unknown: bool, **value: Any) -> dict[str, Any]:
    operation = {"operationType": kind, "operator": operator, **value, "includeObjectsWithNoValueSet": unknown}
    return {"filterType": "PROPERTY", "property": name, "operation": operation}
