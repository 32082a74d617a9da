"""What a model takes for each feature, as JSON Schema: callers see it in the document of the service."""

from __future__ import annotations

from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.features import Feature, Scope

MOST_TEXT = 1000
LARGEST = 1e300


def input_schema(bundle: ModelBundle, mrr_feature: str | None) -> dict[str, Any]:
    """`features` of customers and `attributes` of prospects: by name, with the words that people read."""
    known = {feature.name: _schema(feature, feature.name == mrr_feature) for feature in bundle.catalog.features}
    fit = {feature.name for feature in bundle.catalog.features if feature.scope == Scope.FIT}
    return {
        "features": _object(known),
        "attributes": _object({name: schema for name, schema in known.items() if name in fit}),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


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
