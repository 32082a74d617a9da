"""HubSpot: what stands there by batch read, what is to stand there by batch upsert on a property with unique values.

Sources: HubSpot developer documentation, CRM API v3, "Create or update a batch of objects by unique property values"
(up to 100 inputs {idProperty, id, properties, objectWriteTraceId}; results with `new`), "Retrieve a batch of objects by
internal ID, or unique property values", "Error handling" (207 with errors by objectWriteTraceId; 423, 477, 429), "API
usage guidelines" (RateLimit headers, policyName DAILY), "Private apps". Not yet tried against the live system
(`NOT_TRIED`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leap.config import Settings
from leap.crm.credentials import credential, missing, token
from leap.crm.http import NOT_TRIED, Answer, Calls, Dialect, Refusal, Twice, checked_url, short
from leap.crm.hubspot_properties import LONGEST_ID, Properties, problem, written
from leap.crm.matching import Ids, sorted_out
from leap.crm.pace import Pace
from leap.crm.target import Batch, CrmError, Record, Remote, Sent, Target, Unreached

__all__ = ["NOT_TRIED", "hubspot_target"]

BATCH_SIZE = 100
"""The most inputs of one call."""
ACCESS_TOKEN = "LEAP_HUBSPOT_ACCESS_TOKEN"  # noqa: S105 (a name)
URL = "LEAP_HUBSPOT_URL"
_MOST_USED = 0.8
_TWICE: Mapping[str, Twice] = {"read": "nothing", "upsert": "same"}
_AGAIN = frozenset({"RATE_LIMIT", "RATE_LIMITS", "LOCKED", "SERVER_ERROR", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"})
_OF_ALL = (
    "PROPERTY_DOESNT_EXIST",
    "READ_ONLY_VALUE",
    "non-unique",
    "Invalid input JSON",
    "Unable to infer object type",
)
"""What a refusal says that is no single record's fault: parting the batch would only ask the same a hundred times."""


def refusal(document: Any) -> Refusal:
    """HubSpot's form: {status, message, category, policyName}; each may be missing.

    >>> refusal({"category": "RATE_LIMITS", "policyName": "DAILY", "message": "You have reached your daily limit."})
    Refusal(code='DAILY', message='You have reached your daily limit.')
    """
    if not isinstance(document, dict):
        return Refusal()
    code = document.get("policyName") or document.get("category") or ""
    return Refusal(str(code), str(document.get("message") or ""))


def _nearly_used_up(headers: Mapping[str, str]) -> str:
    """From the headers of the daily allowance.

    >>> _nearly_used_up({"X-HubSpot-RateLimit-Daily": "1000", "X-HubSpot-RateLimit-Daily-Remaining": "100"})
    '900 of 1,000 calls of today are used'
    """
    most, left = (headers.get(f"X-HubSpot-RateLimit-Daily{part}", "") for part in ("", "-Remaining"))
    if not (most.isdigit() and left.isdigit()) or int(left) > (1 - _MOST_USED) * int(most):
        return ""
    return f"{int(most) - int(left):,} of {int(most):,} calls of today are used"


_DIALECT = Dialect(
    title="HubSpot",
    refusal=refusal,
    access_remedy=f"Check {ACCESS_TOKEN}: the access token of a private app with the scopes "
    "crm.objects.companies.read, crm.objects.companies.write and crm.schemas.companies.read.",
    limit_remedy="The limit counts all programs of the account together; the daily one starts anew at midnight in the "
    "account's time zone. Run the command again later: it goes on where it stopped.",
    day_limits=frozenset({"DAILY"}),
    expired=frozenset({"EXPIRED_AUTHENTICATION"}),
    nearly_used_up=_nearly_used_up,
)


@dataclass
class _AppToken:
    """The token of a private app: it does not expire, but a file that holds it may get another."""

    read: Callable[[], str]
    _token: str = field(default="", repr=False)

    def token(self) -> str:
        if not self._token:
            self._token = self.read()
        return self._token

    def renew(self) -> bool:
        before, self._token = self._token, self.read()
        return self._token != before


def hubspot_target(settings: Settings, environment: Mapping[str, str], pace: Pace | None = None) -> Target:
    """HubSpot as `[crm.hubspot]` and the environment say; asks nothing yet. CrmError if it is not set up."""
    if token(environment, ACCESS_TOKEN) is None:
        expected = f"{ACCESS_TOKEN} (the access token of a private app)"
        raise missing("HubSpot", expected, {ACCESS_TOKEN: None})
    url = checked_url(credential(environment, URL) or "https://api.hubapi.com", URL)
    access = _AppToken(lambda: token(environment, ACCESS_TOKEN) or "")
    wanted = settings.crm.hubspot
    return _Hubspot(Calls(url, _DIALECT, access, pace or Pace()), wanted.object, wanted.id_property)


@dataclass
class _Hubspot:
    calls: Calls
    object: str
    id_property: str
    _known: Properties | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return "hubspot"

    @property
    def place(self) -> str:
        """The account, known by its token alone, the object and what records are found by: after a change of the token
        all is asked for again.
        """
        known_by = self.calls.access.token() if self.calls.access is not None else ""
        return f"{self.calls.url}/{self.object} {self.id_property} {hashlib.sha256(known_by.encode()).hexdigest()[:12]}"

    @property
    def batch_size(self) -> int:
        return BATCH_SIZE

    def check(self, fields: Sequence[str]) -> None:
        self._known = None
        self._properties().check(fields)

    def current(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        asked = list(dict.fromkeys(one for one in ids if one.strip() and len(one) <= LONGEST_ID))
        known, properties = Ids.of(asked), self._properties()
        found: dict[str, Remote] = {}
        for start in range(0, len(asked), BATCH_SIZE):
            for row in self._read(asked[start : start + BATCH_SIZE], fields):
                values = row.get("properties")
                values = values if isinstance(values, dict) else {}
                remote = {name: properties.value(name, values.get(name)) for name in fields}
                meant = known.meant_by(values.get(self.id_property))
                for one in meant:
                    before = found.get(one)
                    matches = len(meant) + (0 if before is None else before.matches)
                    found[one] = Remote(one, remote if before is None else before.fields, matches)
        return found

    def send(self, batch: Batch) -> Sequence[Sent]:
        good, refused = sorted_out(batch.records, problem, alike=str.strip)
        parts = [good[start : start + BATCH_SIZE] for start in range(0, len(good), BATCH_SIZE)]
        return [*refused, *(answer for part in parts for answer in self._upserted(part, creates=batch.creates))]

    def _properties(self) -> Properties:
        if self._known is None:
            answer = self.calls.call(
                "GET", f"/crm/v3/properties/{self.object}", f"read the properties of {self.object}", takes=(200, 404)
            )
            if answer.status == 404:
                raise CrmError(f"HubSpot has no object {self.object}.", remedy="Check `object` in [crm.hubspot].")
            self._known = Properties.of(answer.json(), self.object, self.id_property)
        return self._known

    def _read(self, ids: Sequence[str], fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        asked = {
            "idProperty": self.id_property,
            "properties": list(dict.fromkeys([self.id_property, *fields])),
            "propertiesWithHistory": [],
            "inputs": [{"id": one} for one in ids],
        }
        answer = self._post("read", asked, takes=(200, 207, 404), quotes=False)
        document = answer.json()
        errors = _list(document, "errors") or ([document] if answer.status == 404 else [])
        others = [one for one in errors if refusal(one).code != "OBJECT_NOT_FOUND"]
        if others:
            code = short(refusal(others[0]).code) or str(answer.status)
            raise CrmError(f"HubSpot could not read {len(others)} of {len(ids)} {self.object} ({code}).")
        if answer.status != 404 and not isinstance(document.get("results"), list):
            raise Unreached("HubSpot answered in a form that is not the documented one.")
        yield from _list(document, "results")

    def _upserted(self, records: Sequence[Record], *, creates: bool) -> list[Sent]:
        """One answer for each record. Where HubSpot refuses all for the sake of some, halves are sent: an upsert may be
        repeated.
        """
        inputs = [
            {
                "idProperty": self.id_property,
                "id": record.external_id,
                "properties": {
                    **{name: written(value) for name, value in record.fields.items()},
                    self.id_property: record.external_id,
                },
                "objectWriteTraceId": str(place),
            }
            for place, record in enumerate(records)
        ]
        answer = self._post("upsert", {"inputs": inputs}, takes=(200, 201, 207, 400, 409, 413, 422))
        if answer.status >= 400:
            return self._refused(records, answer, creates=creates)
        document = answer.json()
        if not isinstance(document, dict) or not isinstance(document.get("results"), list):
            raise Unreached("HubSpot answered in a form that is not the documented one.")
        found = _by_record(document, records, self.id_property, made=creates and answer.repeated)
        rest = [record for record in records if record.external_id not in found]
        if rest and _list(document, "errors"):
            found.update({one.external_id: one for one in self._rest(rest, records, document, creates=creates)})
        unanswered = "HubSpot said nothing of it"
        return [
            found.get(one.external_id) or Sent(one.external_id, "failed", unanswered, "NOT_ANSWERED", again=True)
            for one in records
        ]

    def _rest(self, rest: Sequence[Record], sent: Sequence[Record], document: Any, *, creates: bool) -> list[Sent]:
        """Records of which an error does not say whose it is: alone it can only be one's own."""
        if len(sent) == 1:
            return [_failed(rest[0].external_id, _list(document, "errors")[0])]
        middle = (len(rest) + 1) // 2
        parts = [rest[:middle], rest[middle:]]
        return [answer for part in parts if part for answer in self._upserted(part, creates=creates)]

    def _refused(self, records: Sequence[Record], answer: Answer, *, creates: bool) -> list[Sent]:
        document = answer.json()
        said = refusal(document)
        if any(words in said.message for words in _OF_ALL):
            raise CrmError(
                f"HubSpot refused to write {self.object} ({answer.status} {short(said.code)}: {short(said.message)}).",
                remedy="`check` names properties that are lacking or not unique.",
            )
        if len(records) == 1:
            return [_failed(records[0].external_id, document)]
        middle = len(records) // 2
        parts = (records[:middle], records[middle:])
        return [one for part in parts for one in self._upserted(part, creates=creates)]

    def _post(
        self, verb: Literal["read", "upsert"], asked: Mapping[str, Any], *, takes: Sequence[int], quotes: bool = True
    ) -> Answer:
        path = f"/crm/v3/objects/{self.object}/batch/{verb}"
        what = f"{'read' if verb == 'read' else 'write'} {self.object}"
        body, twice = json.dumps(asked).encode(), _TWICE[verb]
        return self.calls.call("POST", path, what, body=body, twice=twice, takes=takes, quotes=quotes)


def _list(document: Any, name: str) -> list[Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _by_record(document: Any, records: Sequence[Record], id_property: str, *, made: bool) -> dict[str, Sent]:
    """Answers by our ids, as far as they say whose they are: by trace id, else by id.

    `made`: the records did not stand there before and an earlier try of this call was cut off, so that one that is no
    longer new was created by us.
    """
    ids = Ids.of(record.external_id for record in records)
    found: dict[str, Sent] = {}
    for row in _list(document, "results"):
        values = row.get("properties")
        own = values.get(id_property) if isinstance(values, dict) else None
        for one in _meant(row.get("objectWriteTraceId"), records) or ids.meant_by(own):
            found[one] = Sent(one, "created" if row.get("new") is True or made else "updated")
    for row in _list(document, "errors"):
        context = row.get("context")
        context = context if isinstance(context, dict) else {}
        traces = context.get("objectWriteTraceId") or row.get("objectWriteTraceId")
        named = [one for trace in _many(traces) for one in _meant(trace, records)]
        named = named or [one for text in _many(context.get("ids")) for one in ids.meant_by(text)]
        for one in named:
            found.setdefault(one, _failed(one, row))
    return found


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _meant(trace: Any, records: Sequence[Record]) -> tuple[str, ...]:
    known = isinstance(trace, str) and trace.isdecimal() and int(trace) < len(records)
    return (records[int(trace)].external_id,) if known else ()


def _failed(external_id: str, document: Any) -> Sent:
    said = refusal(document)
    code = short(said.code) or "FAILED"
    return Sent(external_id, "failed", why=short(said.message) or code, code=code, again=code in _AGAIN)
