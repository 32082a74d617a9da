"""Bodies that work with the live model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def example_requests(customers: list[str], reasons: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Bodies that work with the live model, by route: real ids, real features with values that occur."""
    named = {reason["feature"]: reason["value"] for reason in reasons[:3]}
    before = {reason["feature"]: reason["value"] for reason in reasons if reason.get("scope") == "fit"}
    ids = {"account_ids": customers[:2] or ["a1"], "top": 3}
    features = {"accounts": [{"account_id": "example", "features": named}], "top": 0}
    prospects = {"prospects": [{"id": "example", "attributes": dict(list(before.items())[:3])}]}
    return {
        "/v1/score": {
            "known": {"summary": "Customers by id", "value": ids},
            "features": {"summary": "An account with its features", "value": features},
        },
        "/v1/prospects": {"attributes": {"summary": "A company that does not buy yet", "value": prospects}},
    }
