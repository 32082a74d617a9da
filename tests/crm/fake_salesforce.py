"""A Salesforce that keeps accounts: log-in, describe, SOQL by external id, and ingest jobs of Bulk API 2.0.

It behaves as the developer guides say, as far as a sync sees it; nothing here was compared with the live system.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.crm.fake_http import FakeCrm, Reply

VERSION = "/services/data/v62.0"
CLIENT, SECRET = "client-1", "secret-1"
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def error(status: int, code: str, message: str) -> Reply:
    return Reply(status, [{"errorCode": code, "message": message}])


def described(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "createable": True, "updateable": True, "nillable": True, "unique": False,
            "externalId": False, "caseSensitive": False, "defaultedOnCreate": False, "length": 255, **more}  # fmt: skip


@dataclass
class FakeJob:
    id: str
    object: str
    id_field: str
    state: str = "Open"
    uploads: list[bytes] = field(default_factory=list)
    looks: int = 0
    succeeded: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    message: str = ""


class FakeSalesforce(FakeCrm):
    limit = error(429, "TOO_MANY_REQUESTS", "slow down")
    day_limit = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    expired = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    forbidden = error(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id")

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def forget(self) -> None:
        self.forget_faults()
        self.records: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, FakeJob] = {}
        self.tokens: set[str] = set()
        self.issued = 0
        self.public_key = ""
        self.page = 50
        self.looks = 2
        self.locked: dict[str, int] = {}
        self.interrupted_after: int | None = None
        self.needs_name = False
        self.headers: dict[str, str] = {}
        self.fields = {
            one["name"]: one
            for one in (
                described("Leap_Account_Id__c", externalId=True, unique=True, caseSensitive=True),
                described("Name"), described("Leap_Tier__c"), described("Leap_NRR__c", "double"),
                described("Leap_Scored_On__c", "date"), described("Leap_At_Risk__c", "boolean"),
                described("Leap_Seen__c", "datetime"),
            )
        }  # fmt: skip

    def issue(self) -> str:
        self.issued += 1
        token = f"00Dfake!session{self.issued}"
        self.tokens = {token}
        return token

    def by_id(self) -> dict[str, list[dict[str, Any]]]:
        """Accounts by external id."""
        found: dict[str, list[dict[str, Any]]] = {}
        for record in self.records.values():
            found.setdefault(record["Leap_Account_Id__c"], []).append(record)
        return found

    def add(self, external_id: str, **fields: Any) -> None:
        self.records[f"001{len(self.records):015d}"] = {"Leap_Account_Id__c": external_id, **fields}

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if path == "/services/oauth2/token":
            return self._log_in(parse_qs(body.decode()))
        if (headers.get("Authorization") or "").removeprefix("Bearer ") not in self.tokens:
            return self.expired
        reply = self._answer(method, path, body)
        return Reply(reply.status, reply.document, reply.text, {**self.headers, **reply.headers})

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        if len(path) > 16_000:
            return error(414, "URI_TOO_LONG", "too long")
        if path.startswith(f"{VERSION}/query"):
            return self._query(path)
        if path == f"{VERSION}/sobjects/Account/describe":
            document = {"name": "Account", "createable": True, "updateable": True, "fields": list(self.fields.values())}
            return Reply(200, document)
        if path.startswith(f"{VERSION}/jobs/ingest"):
            return self._ingest(method, path.removeprefix(f"{VERSION}/jobs/ingest").strip("/").split("/"), body)
        return error(404, "NOT_FOUND", "The requested resource does not exist")

    def _log_in(self, form: Mapping[str, list[str]]) -> Reply:
        given = {name: values[0] for name, values in form.items()}
        refused = Reply(400, {"error": "invalid_client", "error_description": f"bad {given.get('client_id')}"})
        if given.get("grant_type") == "client_credentials":
            if (given.get("client_id"), given.get("client_secret")) != (CLIENT, SECRET):
                return refused
        else:
            try:
                jwt.decode(given["assertion"], self.public_key, ["RS256"], audience="https://login.salesforce.com")
            except jwt.PyJWTError:
                return Reply(400, {"error": "invalid_grant", "error_description": "invalid assertion"})
        return Reply(200, {"access_token": self.issue(), "instance_url": self.url, "token_type": "Bearer"})

    def _query(self, path: str) -> Reply:
        parts = urlsplit(path)
        if parts.path != f"{VERSION}/query":
            name, _, start = parts.path.rpartition("/")[2].rpartition("-")
            return self._page(name, int(start))
        soql = parse_qs(parts.query)["q"][0]
        found = re.fullmatch(r"SELECT (.+) FROM Account WHERE (\w+) IN \((.*)\)", soql, re.DOTALL)
        if found is None or _LITERAL.sub("", found[3]).strip(","):
            return error(400, "MALFORMED_QUERY", f"unexpected token: {soql[-40:]}")
        columns = found[1].split(", ")
        unknown = [name for name in columns if name not in self.fields]
        if unknown:
            return error(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on entity 'Account'")
        asked = [
            re.sub(r"\\(.)", lambda sign: _ESCAPED.get(sign[1], sign[1]), one) for one in _LITERAL.findall(found[3])
        ]
        alike = {self._alike(one) for one in asked}
        self.queried = [
            {"attributes": {"type": "Account"}, **{name: record.get(name) for name in columns}}
            for record in self.records.values()
            if self._alike(record[found[2]]) in alike
        ]
        return self._page("01gFAKE", 0)

    def _page(self, name: str, start: int) -> Reply:
        rows, end = self.queried[start : start + self.page], start + self.page
        following = {} if end >= len(self.queried) else {"nextRecordsUrl": f"{VERSION}/query/{name}-{end}"}
        return Reply(200, {"totalSize": len(self.queried), "done": not following, "records": rows, **following})

    def _alike(self, external_id: str) -> str:
        return external_id if self.fields["Leap_Account_Id__c"]["caseSensitive"] else external_id.casefold()

    def _ingest(self, method: str, parts: list[str], body: bytes) -> Reply:
        import json

        if method == "POST":
            asked = json.loads(body)
            job = FakeJob(f"750{len(self.jobs):015d}", asked["object"], asked["externalIdFieldName"])
            self.jobs[job.id] = job
            return Reply(200, self._described(job))
        job = self.jobs.get(parts[0])
        if job is None:
            return error(404, "NOT_FOUND", "The requested resource does not exist")
        if method == "PUT":
            if job.state != "Open":
                return error(400, "INVALIDJOBSTATE", "Job is not open")
            job.uploads.append(body)
            return Reply(201)
        if method == "PATCH":
            return self._moved(job, json.loads(body)["state"])
        if len(parts) == 1:
            self._go_on(job)
            return Reply(200, self._described(job))
        rows = {"successfulResults": job.succeeded, "failedResults": job.failed}[parts[1]]
        return Reply(200, text=_csv(rows, job.id_field))

    def _moved(self, job: FakeJob, state: str) -> Reply:
        if state == "Aborted" and job.state in ("Open", "UploadComplete", "InProgress"):
            job.state = "Aborted"
        elif state == "UploadComplete" and job.state == "Open":
            if len(job.uploads) > 1:
                return error(400, "INVALIDBATCH", f"Found multiple contents for job: <{job.id}>")
            job.state, job.looks = "UploadComplete", self.looks
        else:
            return error(400, "INVALIDJOBSTATE", f"Job is {job.state}")
        return Reply(200, self._described(job))

    def _described(self, job: FakeJob) -> dict[str, Any]:
        return {
            "id": job.id, "object": job.object, "operation": "upsert", "state": job.state,
            "externalIdFieldName": job.id_field, "contentUrl": f"services/data/v62.0/jobs/ingest/{job.id}/batches",
            "numberRecordsProcessed": len(job.succeeded) + len(job.failed), "numberRecordsFailed": len(job.failed),
            **({"errorMessage": job.message} if job.message else {}),
        }  # fmt: skip

    def _go_on(self, job: FakeJob) -> None:
        if job.state in ("UploadComplete", "InProgress"):
            job.looks -= 1
            job.state = "InProgress"
            if job.looks <= 0:
                self._work(job)

    def _work(self, job: FakeJob) -> None:
        reader = csv.DictReader(io.StringIO((job.uploads or [b""])[0].decode(), newline=""), strict=True)
        unknown = [name for name in reader.fieldnames or () if name not in self.fields]
        if unknown:
            job.state, job.message = "Failed", f"InvalidBatch : Field name not found : {unknown[0]}"
            return
        rows = list(reader)
        often = [self._alike(row[job.id_field]) for row in rows]
        for place, row in enumerate(rows):
            if self.interrupted_after is not None and place >= self.interrupted_after:
                job.state, job.message, self.interrupted_after = (
                    "Failed",
                    "InternalServerError : Too many retries",
                    None,
                )
                return
            why = self._refusal(row, job.id_field, often)
            if why:
                job.failed.append({"sf__Id": "", "sf__Error": why, **row})
            else:
                job.succeeded.append({**self._written(row, job.id_field), **row})
        job.state = "JobComplete"

    def _refusal(self, row: Mapping[str, str], id_field: str, often: list[str]) -> str:
        own = self._alike(row[id_field])
        matches = [key for key, record in self.records.items() if self._alike(record[id_field]) == own]
        if often.count(own) > 1:
            return f"DUPLICATE_VALUE:Duplicate external id specified: {own}:{id_field} --"
        if len(matches) > 1:
            return f"DUPLICATE_EXTERNAL_ID:{id_field}: more than one record found for external id field: {matches}:{id_field} --"
        if self.locked.get(row[id_field], 0) > 0:
            self.locked[row[id_field]] -= 1
            return "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
        if not matches and self.needs_name and not row.get("Name"):
            return "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
        for name, text in row.items():
            if (
                self.fields[name]["type"] == "double"
                and text not in ("", "#N/A")
                and not re.fullmatch(r"-?[\d.e+-]+", text)
            ):
                return f"INVALID_TYPE_ON_FIELD_IN_RECORD:{name}: value not of required type: {text}:{name} --"
            if len(text) > self.fields[name]["length"]:
                return f"STRING_TOO_LONG:{name}: data value too large (max length=255):{name} --"
        return ""

    def _written(self, row: Mapping[str, str], id_field: str) -> dict[str, str]:
        own = self._alike(row[id_field])
        key = next((key for key, record in self.records.items() if self._alike(record[id_field]) == own), None)
        created = key is None
        key = key or f"001{len(self.records):015d}"
        record = self.records.setdefault(key, {id_field: row[id_field]})
        for name, text in row.items():
            if text == "#N/A":
                record[name] = None
            elif text != "" and name != id_field:
                kind = self.fields[name]["type"]
                record[name] = float(text) if kind == "double" else text == "true" if kind == "boolean" else text
        return {"sf__Id": key, "sf__Created": str(created).lower()}


def _csv(rows: list[dict[str, str]], id_field: str) -> str:
    text = io.StringIO(newline="")
    columns = list(rows[0]) if rows else ["sf__Id", "sf__Created", id_field]
    writer = csv.DictWriter(text, columns, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
