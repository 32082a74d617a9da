"""Records as the CSV of a bulk job, and what its results say of each.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files" (UTF-8, quotes doubled, an empty cell leaves a
field as it is, #N/A empties it), "Get Job Successful Record Results", "Get Job Failed Record Results".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from leap.crm.http import short
from leap.crm.salesforce_fields import LONGEST_ID
from leap.crm.target import Record, Sent, Value

EMPTY = "#N/A"
LONGEST_FIELD = 32_000
"""Characters of one value (Bulk API limits)."""
MOST_BYTES = 90_000_000
"""Of one upload: 150 MB once Salesforce has made base64 of it, 100 MB before, with room."""
_AGAIN = frozenset(
    {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "REQUEST_LIMIT_EXCEEDED"}
)
_REMEDIES = {
    "DUPLICATE_EXTERNAL_ID": "several records there have this id: keep one of them (its field ought to be unique)",
    "DUPLICATE_VALUE": "another record there has this value; a deleted one in the recycle bin counts too",
    "DUPLICATES_DETECTED": "a duplicate rule there holds it back: let our user's profile pass the rule",
    "REQUIRED_FIELD_MISSING": "a new record needs this field: create the account there first, or send the field",
}


def table(records: Sequence[Record], id_field: str) -> bytes:
    """The upload: a header and a row for each record; a field that a record does not name stays as it is there."""
    names = sorted({name for record in records for name in record.fields if name.casefold() != id_field.casefold()})
    lines = [[id_field, *names]]
    for record in records:
        cells = [_cell(record.fields[name]) if name in record.fields else "" for name in names]
        lines.append([record.external_id, *cells])
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines).encode()


def _quoted(cell: str) -> str:
    """In quotes where it needs them; the standard library's writer leaves a lone carriage return bare."""
    bare = cell == cell.strip() and not any(sign in cell for sign in ',"\r\n')
    return cell if bare else '"' + cell.replace('"', '""') + '"'


def _cell(value: Value) -> str:
    """A cell of the upload; an empty text empties the field, as None does.

    >>> _cell(None), _cell(True), _cell(0.1), _cell("")
    ('#N/A', 'true', '0.1', '#N/A')
    """
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def problem(record: Record) -> str:
    """Why a record cannot be written to such a table; empty if it can."""
    if len(record.external_id) > LONGEST_ID:
        return f"its id has {len(record.external_id):,} characters; an external id holds {LONGEST_ID}"
    if not _in_utf8(record.external_id):
        return "its id is not legal Unicode"
    for name, value in record.fields.items():
        if value == EMPTY:
            return f"{name} is {EMPTY}, which means empty to Salesforce"
        if isinstance(value, str) and (len(value) > LONGEST_FIELD or not _in_utf8(value)):
            return f"{name} is longer than {LONGEST_FIELD:,} characters or not legal Unicode"
    return ""


def _in_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def rows(body: bytes, id_field: str) -> Iterator[Mapping[str, str]]:
    """Rows of a result file by column; UnicodeDecodeError or csv.Error if it is none."""
    text = io.StringIO(body.decode("utf-8-sig"), newline="")
    reader = csv.DictReader(text, strict=True, restval="")
    if body.strip() and not {"sf__id", id_field.casefold()} & {name.casefold() for name in reader.fieldnames or ()}:
        raise csv.Error("no column of ids")
    yield from reader


def succeeded(external_id: str, row: Mapping[str, str]) -> Sent:
    """Of a row of the successful results."""
    return Sent(external_id, "created" if row.get("sf__Created", "").lower() == "true" else "updated")


def failed(external_id: str, row: Mapping[str, str]) -> Sent:
    """Of a row of the failed results: `CODE:message:FIELDS --`."""
    error = row.get("sf__Error", "")
    known = re.match(r"([A-Z][A-Z_]+)(?=:|$)", error)
    code = known[1] if known else "FAILED"
    why = short(error[len(code) :].strip(": ") if known else error) or code
    remedy = _REMEDIES.get(code)
    again = code in _AGAIN or "UNABLE_TO_LOCK_ROW" in error
    return Sent(external_id, "failed", why=f"{why} ({remedy})" if remedy else why, code=code, again=again)


def untouched(external_id: str, why: str) -> Sent:
    """Of a record that a job did not come to."""
    return Sent(external_id, "failed", why=why, code="UNPROCESSED", again=True)
