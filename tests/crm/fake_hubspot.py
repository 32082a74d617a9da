"""A HubSpot that keeps companies: properties, batch read and batch upsert by a property with unique values.

It behaves as the developer documentation says, as far as a sync sees it; nothing here was compared with the live system.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.crm.fake_http import FakeCrm, Reply

TOKEN = "pat-na1-fake"
ID = "leap_account_id"


def error(status: int, category: str, message: str, **more: Any) -> Reply:
    return Reply(status, {"status": "error", "category": category, "message": message, "correlationId": "c-1", **more})


def described(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    rights = {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False}
    return {"name": name, "type": kind, "hasUniqueValue": False, "calculated": False, "archived": False,
            "modificationMetadata": rights, **more}  # fmt: skip


class FakeHubspot(FakeCrm):
    limit = error(
        429, "RATE_LIMITS", "You have reached your ten_secondly_rolling limit.", policyName="TEN_SECONDLY_ROLLING"
    )
    day_limit = error(429, "RATE_LIMITS", "You have reached your daily limit.", policyName="DAILY")
    expired = error(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
    forbidden = error(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call.")

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        self.forget_faults()
        self.records: list[dict[str, str]] = []
        self.token = TOKEN
        self.multi_status = True
        self.tells_trace = True
        self.all_missing_is_404 = True
        self.locked: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.properties = {
            one["name"]: one
            for one in (
                described(ID, hasUniqueValue=True), described("name"), described("leap_tier"),
                described("leap_nrr", "number"), described("leap_scored_on", "date"), described("leap_at_risk", "bool"),
                described("leap_seen", "datetime"),
            )
        }  # fmt: skip

    def by_id(self) -> dict[str, list[dict[str, str]]]:
        """Companies by our id."""
        found: dict[str, list[dict[str, str]]] = {}
        for record in self.records:
            found.setdefault(record[ID], []).append(record)
        return found

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("Authorization") != f"Bearer {self.token}":
            return error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        reply = self._answer(method, path, body)
        return Reply(reply.status, reply.document, reply.text, {**self.headers, **reply.headers})

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        if path == "/crm/v3/properties/companies":
            return Reply(200, {"results": list(self.properties.values())})
        if not path.startswith("/crm/v3/objects/companies/batch/"):
            return Reply(404, text="<html><title>Error 404 Not Found</title>")
        asked = json.loads(body)
        inputs = asked["inputs"]
        if len(inputs) > 100:
            return error(400, "VALIDATION_ERROR", "The maximum number of inputs is 100")
        return self._read(asked) if path.endswith("/read") else self._upsert(inputs)

    def _read(self, asked: Mapping[str, Any]) -> Reply:
        ids = [one["id"] for one in asked["inputs"]]
        results = [
            {"id": str(number), "properties": {name: record.get(name) for name in asked["properties"]}}
            for number, record in enumerate(self.records)
            if record.get(asked["idProperty"]) in ids
        ]
        missing = [one for one in ids if one not in self.by_id()]
        if missing and not results and self.all_missing_is_404:
            return error(404, "OBJECT_NOT_FOUND", "Some objects were not found")
        told = {"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": missing},
                "message": "Could not get some COMPANY objects, they may be deleted or not exist."}  # fmt: skip
        errors = {"numErrors": 1, "errors": [told]} if missing else {}
        return Reply(207 if missing else 200, {"status": "COMPLETE", "results": results[::-1], **errors})

    def _upsert(self, inputs: list[dict[str, Any]]) -> Reply:
        ids = [one["id"] for one in inputs]
        if len(set(ids)) < len(ids):
            return error(400, "VALIDATION_ERROR", f"Duplicate IDs found in batch input: {ids}.")
        refused = {one["id"]: self._refusal(one) for one in inputs}
        bad = {one: why for one, why in refused.items() if why}
        if any(not self.properties.get(one["idProperty"], {}).get("hasUniqueValue") for one in inputs):
            return error(400, "VALIDATION_ERROR", "Unable to perform update/upsert by non-unique 0-2 property")
        if bad and not self.multi_status:
            category, message = next(iter(bad.values()))
            return error(400, category, message)
        results = [self._written(one) for one in inputs if one["id"] not in bad]
        traces = {one["id"]: one["objectWriteTraceId"] for one in inputs}
        errors = [
            {"status": "error", "category": category, "message": message,
             "context": {"objectWriteTraceId": [traces[own]]} if self.tells_trace else {}}
            for own, (category, message) in bad.items()
        ]  # fmt: skip
        document = {"status": "COMPLETE", "results": results[::-1]}
        if errors:
            return Reply(207, {**document, "numErrors": len(errors), "errors": errors})
        return Reply(200, document)

    def _refusal(self, asked: Mapping[str, Any]) -> tuple[str, str] | None:
        if self.locked.get(asked["id"], 0) > 0:
            self.locked[asked["id"]] -= 1
            return "LOCKED", "This object is locked."
        for name, value in asked["properties"].items():
            told = '[{"isValid":false,"message":"%s","error":"%s","name":"%s"}]'
            if name not in self.properties:
                words = told % ("Property does not exist", "PROPERTY_DOESNT_EXIST", name)
                return "VALIDATION_ERROR", f"Property values were not valid: {words}"
            assert isinstance(value, str)
            if self.properties[name]["type"] == "number" and value and not value.replace(".", "").lstrip("-").isdigit():
                words = told % (f"{value} was not a valid number.", "INVALID_INTEGER", name)
                return "VALIDATION_ERROR", f"Property values were not valid: {words}"
        return None

    def _written(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        record = next((one for one in self.records if one[asked["idProperty"]] == asked["id"]), None)
        new = record is None
        if record is None:
            record = {asked["idProperty"]: asked["id"]}
            self.records.append(record)
        record.update(asked["properties"])
        trace = {"objectWriteTraceId": asked["objectWriteTraceId"]} if self.tells_trace else {}
        return {"id": str(self.records.index(record)), "new": new, "properties": dict(asked["properties"]), **trace}
