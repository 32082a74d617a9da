"""Salesforce: what stands there by SOQL, what is to stand there by bulk upsert on an external id.

Sources: REST API Developer Guide, "Query" (pages of up to 2,000 rows, nextRecordsUrl), "sObject Describe", "Status
Codes and Error Responses", "API Usage Information Header"; SOQL and SOSL Reference, "Quoted String Escape Sequences";
Bulk API 2.0 Developer Guide (`salesforce_jobs`). Not yet tried against the live system (`NOT_TRIED`).

simple-salesforce was looked at and is not used: it sets no time-outs, repeats nothing, forgets the id of a
job whose answer was lost, and its errors repeat queries and addresses.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from leap.config import Settings
from leap.crm import salesforce_csv
from leap.crm.http import NOT_TRIED, Calls, Dialect, short
from leap.crm.matching import Ids, sorted_out
from leap.crm.pace import Pace
from leap.crm.salesforce_fields import LONGEST_ID, Described
from leap.crm.salesforce_jobs import Jobs
from leap.crm.salesforce_login import instance_url, login, refusal
from leap.crm.target import Batch, CrmError, Remote, Sent, Target, Unreached, Value

__all__ = ["API_VERSION", "NOT_TRIED", "salesforce_target"]

log = logging.getLogger(__name__)

API_VERSION = "62.0"
"""Winter '25; Salesforce keeps a version for at least three years."""
BATCH_SIZE = 10_000
"""Records a job: what Salesforce itself works on at once, and one batch of the 15,000 of a day."""
_ROOT = f"/services/data/v{API_VERSION}"
_LONGEST_QUERY = 8_000
"""Bytes of an address with a query; Salesforce takes about 16,000 with all headers."""
_MOST_USED = 0.8
_ESCAPES = str.maketrans({"\\": r"\\", "'": r"\'", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b",
                          "\f": r"\f"})  # fmt: skip


def literal(text: str) -> str:
    r"""A text in SOQL.

    >>> print(literal("O'Neil\\"))
    'O\'Neil\\'
    """
    return f"'{text.translate(_ESCAPES)}'"


def _nearly_used_up(headers: Mapping[str, str]) -> str:
    """From `Sforce-Limit-Info: api-usage=18/5000`.

    >>> _nearly_used_up({"Sforce-Limit-Info": "api-usage=4900/5000"})
    '4,900 of 5,000 calls of these 24 hours are used'
    """
    found = re.search(r"api-usage=(\d+)/(\d+)", headers.get("Sforce-Limit-Info", ""))
    if found is None or int(found[1]) < _MOST_USED * int(found[2]):
        return ""
    return f"{int(found[1]):,} of {int(found[2]):,} calls of these 24 hours are used"


_DIALECT = Dialect(
    title="Salesforce",
    refusal=refusal,
    access_remedy="Give our user the permissions `API Enabled` and to see and edit the object and its fields; check "
    "that the app is allowed for it and the token is valid.",
    limit_remedy="The limit is of the last 24 hours, for all programs together (Setup, Company Information, API "
    "Requests): run the command again later, it goes on where it stopped.",
    day_limits=frozenset({"REQUEST_LIMIT_EXCEEDED", "EXCEEDED_QUOTA"}),
    expired=frozenset({"INVALID_SESSION_ID", "INVALID_AUTH_HEADER"}),
    nearly_used_up=_nearly_used_up,
)


def salesforce_target(settings: Settings, environment: Mapping[str, str], pace: Pace | None = None) -> Target:
    """Salesforce as `[crm.salesforce]` and the environment say; asks nothing yet. CrmError if it is not set up."""
    pace = pace or Pace()
    calls = Calls(instance_url(environment), _DIALECT, login(environment, pace), pace)
    wanted = settings.crm.salesforce
    return _Salesforce(calls, wanted.object, wanted.id_field, settings.crm.sync.create)


@dataclass
class _Salesforce:
    calls: Calls
    object: str
    id_field: str
    creates: bool
    _known: Described | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return "salesforce"

    @property
    def place(self) -> str:
        """The organisation, the object and what records are found by: what was sent to a sandbox was not sent to
        production.
        """
        return f"{self.calls.url}/{self.object} {self.id_field}"

    @property
    def batch_size(self) -> int:
        return BATCH_SIZE

    def alike(self, external_id: str) -> str:
        return self._described().alike(external_id)

    def check(self, fields: Sequence[str]) -> None:
        self._known = None
        described = self._described()
        described.check(fields, creates=self.creates)
        # A new record is sent with the account's name, which is no field of ours.
        required = described.required([*fields, "Name"]) if self.creates else []
        if required:
            log.warning(
                "Salesforce: a new %s needs %s, which we do not send: those not there yet will be refused one by one",
                self.object, ", ".join(required),
            )  # fmt: skip

    def current(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        asked = list(dict.fromkeys(one for one in ids if one.strip() and len(one) <= LONGEST_ID))
        if not asked:
            return {}
        known, described = Ids.of(asked), self._described()
        found: dict[str, Remote] = {}
        for query in self._queries(asked, fields):
            for row in self._rows(query):
                named = {key.casefold(): value for key, value in row.items()}
                values = {name: described.value(name, named.get(name.casefold())) for name in fields}
                meant = known.meant_by(named.get(self.id_field.casefold()))
                for external_id in meant:
                    _add(found, external_id, values, among=len(meant))
        return found

    def send(self, batch: Batch) -> Sequence[Sent]:
        described = self._described()
        good, refused = sorted_out(batch.records, salesforce_csv.problem, alike=described.alike)
        jobs = Jobs(self.calls, f"{_ROOT}/jobs/ingest", self.object, self.id_field)
        return [*refused, *(jobs.upsert(good, batch.notes) if good else ())]

    def _described(self) -> Described:
        if self._known is None:
            answer = self.calls.call(
                "GET", f"{_ROOT}/sobjects/{self.object}/describe", f"read the fields of {self.object}", takes=(200, 404)
            )
            if answer.status == 404:
                raise CrmError(
                    f"Salesforce has no object {self.object} that we see.",
                    remedy="Check `object` in [crm.salesforce], and that our user may read it.",
                )
            self._known = Described.of(answer.json(), self.object, self.id_field)
        return self._known

    def _queries(self, ids: Sequence[str], fields: Sequence[str]) -> Iterator[str]:
        """As few addresses as hold all ids."""
        odd = [name for name in fields if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII)]
        if odd:
            raise CrmError(f"Salesforce: expected API names such as Leap_Tier__c, found {', '.join(map(short, odd))}.")
        columns = {name.casefold(): name for name in (self.id_field, *fields)}
        asked = f"SELECT {', '.join(columns.values())} FROM {self.object} WHERE {self.id_field} IN ("  # noqa: S608 (names)
        start = f"{_ROOT}/query?{urlencode({'q': asked})}"
        part: list[str] = []
        size = len(start)
        for one in ids:
            text = quote(literal(one), safe="", errors="replace")
            if part and size + len(text) + 3 > _LONGEST_QUERY:
                yield f"{start}{'%2C'.join(part)}%29"
                part, size = [], len(start)
            part.append(text)
            size += len(text) + 3
        yield f"{start}{'%2C'.join(part)}%29"

    def _rows(self, path: str) -> Iterator[Mapping[str, Any]]:
        while path:
            answer = self.calls.call("GET", path, f"read records of {self.object}", quotes=False).json()
            rows = answer.get("records") if isinstance(answer, dict) else None
            following = str(answer.get("nextRecordsUrl") or "") if isinstance(answer, dict) else ""
            if not isinstance(rows, list) or (following and not re.fullmatch(r"/services/data/[\w./-]+", following)):
                raise Unreached("Salesforce answered a query in a form that is not the documented one.")
            yield from (row for row in rows if isinstance(row, dict))
            path = following


def _add(found: dict[str, Remote], external_id: str, values: Mapping[str, Value], *, among: int) -> None:
    """`among`: of how many of our ids this record could be the one; more than one is an error that people must mend."""
    before = found.get(external_id)
    matches = among if before is None else before.matches + among
    found[external_id] = Remote(external_id, values if before is None else before.fields, matches)
