"""What a model takes for each feature, as JSON Schema: callers see it in the document of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.features import Feature, Scope
from leap.scoring.row_forms import CELL, LARGEST, MOST_TEXT, Form


def input_schema(
    bundle: ModelBundle,
    mrr_feature: str | None,
    columns: Mapping[str, Iterable[str]],
    forms: Mapping[str, Mapping[str, Form]],
) -> dict[str, Any]:
    """`features` of customers and `attributes` of prospects by name, with the words that people read, and `tables`.

    `columns` are those from which something is read, by table, and `forms` says what those take that are more than
    words.
    """
    known = {feature.name: _schema(feature, feature.name == mrr_feature) for feature in bundle.catalog.features}
    fit = {feature.name for feature in bundle.catalog.features if feature.scope == Scope.FIT}
    return {
        "features": _object(known),
        "attributes": _object({name: schema for name, schema in known.items() if name in fit}),
        "tables": tables_schema(columns, forms, bundle.settings.with_role("revenue")),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def tables_schema(
    columns: Mapping[str, Iterable[str]], forms: Mapping[str, Mapping[str, Form]], revenue: Sequence[str] = ()
) -> dict[str, Any]:
    """Rows by table; without a row of revenue there is nothing to score. Other columns are left out, as from files."""
    found = _object(
        {name: {"type": "array", "items": _row_schema(there, forms.get(name, {}))} for name, there in columns.items()}
    )
    paid = [{"properties": {name: {"minItems": 1}}, "required": [name]} for name in revenue]
    if len(paid) > 1:
        return {**found, "anyOf": paid}
    for name in revenue:
        found["properties"][name]["minItems"] = 1
    return {**found, "required": list(revenue)} if revenue else found


def _row_schema(columns: Iterable[str], forms: Mapping[str, Form]) -> dict[str, Any]:
    """One row of a table, with the columns from which something is read."""
    return {
        "type": "object",
        "properties": {name: forms[name].schema if name in forms else CELL for name in sorted({*columns, *forms})},
        "required": sorted(name for name, form in forms.items() if form.required),
        "additionalProperties": CELL,
        "propertyNames": {"minLength": 1, "maxLength": MOST_TEXT},
    }


def _schema(feature: Feature, is_mrr: bool) -> dict[str, Any]:
    """One feature's values; null, or not given, is missing.

    A boolean may be told by 0 and 1, as in files; a number never by true or false.
    """
    unit = f" ({feature.unit})" if feature.unit else ""
    told = {"description": f"{feature.label}{unit}. Missing: {feature.missing}." if feature.missing else feature.label}
    if feature.kind == "category":
        return {"type": ["string", "null"], "maxLength": MOST_TEXT, **told}
    if feature.kind == "boolean":
        return {"enum": [True, False, 0, 1, None], **told}
    return {"type": ["number", "null"], "minimum": 0 if is_mrr else -LARGEST, "maximum": LARGEST, **told}
