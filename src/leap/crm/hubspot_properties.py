"""What HubSpot knows of an object's properties, and how their values are written and read.

Sources: HubSpot developer documentation, "Properties" (type, hasUniqueValue, modificationMetadata, calculated), "Format
of property values" (texts; a date as a day or midnight UTC in milliseconds; an empty text clears).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.crm.http import short
from leap.crm.target import CrmError, Record, Unreached, Value
from leap.crm.values import iso_day, iso_moment, number

LONGEST_ID = 255
LONGEST_TEXT = 65_536
"""Characters of a text property."""


@dataclass(frozen=True)
class Properties:
    """Properties of one object by their internal names."""

    object: str
    id_property: str
    named: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, document: Any, object_name: str, id_property: str) -> Properties:
        """Of an answer of /crm/v3/properties/OBJECT."""
        results = document.get("results") if isinstance(document, dict) else None
        if not isinstance(results, list):
            raise Unreached(f"HubSpot described {object_name} in a form that is not the documented one.")
        rows = [one for one in results if isinstance(one, dict) and not one.get("archived")]
        return cls(object_name, id_property, {str(one.get("name")): one for one in rows})

    def check(self, names: Sequence[str]) -> None:
        """CrmError unless records can be found by id, and these properties written."""
        self._check_id()
        lacking = [name for name in names if name not in self.named]
        if lacking:
            raise CrmError(
                f"HubSpot: {self.object} lacks {len(lacking)} of {len(names)} properties: {', '.join(lacking)}.",
                details=lacking,
                remedy=f"Make them under Settings, Properties, {self.object}, Create property, with these internal "
                "names (docs/crm.md has their types).",
            )
        fixed = [name for name in names if not _writable(self.named[name])]
        if fixed:
            raise CrmError(
                f"HubSpot: {', '.join(fixed)} of {self.object} cannot be written: calculated or read-only.",
                details=fixed,
                remedy="Name other properties in [crm.fields.hubspot].",
            )

    def value(self, name: str, value: Any) -> Value:
        """A value of an answer, which are texts: by the property's type; empty is None."""
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value if isinstance(value, int | float | bool) else short(value)
        kind = (self.named.get(name) or {}).get("type")
        if kind == "number":
            return number(value)
        if kind == "date":
            return iso_day(value)
        if kind == "datetime":
            return iso_moment(value)
        if kind == "bool" and value in ("true", "false"):
            return value == "true"
        return value

    def _check_id(self) -> None:
        found = self.named.get(self.id_property)
        how = (
            f"Make {self.id_property} under Settings, Properties, {self.object}, Create property: single-line text, "
            "with Require unique values for this property ticked under Rules (it cannot be ticked later)."
        )
        if found is None:
            raise CrmError(f"HubSpot: {self.object} has no property {self.id_property}.", remedy=how)
        if not found.get("hasUniqueValue"):
            raise CrmError(f"HubSpot: the values of {self.id_property} need not be unique.", remedy=how)
        if not _writable(found):
            raise CrmError(f"HubSpot: {self.id_property} cannot be written.", remedy=how)


def written(value: Value) -> str:
    """A value as HubSpot takes it.

    >>> written(None), written(True), written(0.1), written(3.0)
    ('', 'true', '0.1', '3.0')
    """
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def problem(record: Record) -> str:
    """Why a record cannot be sent; empty if it can."""
    if len(record.external_id) > LONGEST_ID:
        return f"its id has {len(record.external_id):,} characters; a unique property holds {LONGEST_ID}"
    for name, value in record.fields.items():
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            return f"{name} is longer than {LONGEST_TEXT:,} characters"
    return ""


def _writable(described: Mapping[str, Any]) -> bool:
    rights = described.get("modificationMetadata")
    read_only = isinstance(rights, dict) and bool(rights.get("readOnlyValue"))
    return not (read_only or described.get("calculated"))
