"""Interview notes as hypotheses: what somebody believes, with an owner, beside the evidence; never a feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from leap.tables import AccountTables
from leap.tables.canonical import AT, KEY

_MOST = 200
_LONGEST = 500


@dataclass(frozen=True)
class Note:
    """What was noted on a day (ISO), of an account (empty: of all), by whom, about which feature or column if any."""

    on: str
    account_id: str
    text: str
    owner: str
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `notes`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Note:
        """The inverse of `to_json`."""
        return cls(**document)


def notes_of(tables: AccountTables) -> tuple[Note, ...]:
    """Notes of all tables with role `notes`, the latest first, at most 200, cut to 500 characters."""
    found = [
        (row[AT], Note(f"{row[AT]:%Y-%m-%d}", row[KEY], row["_note"][:_LONGEST], row["_owner"], row.get("_about", "")))
        for table in tables.with_role("notes")
        for row in table.rows.to_dict("records")
    ]
    found.sort(key=lambda pair: (pair[0], pair[1].account_id, pair[1].text), reverse=True)
    return tuple(note for _, note in found[:_MOST])
