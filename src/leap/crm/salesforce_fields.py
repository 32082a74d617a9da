"""What Salesforce knows of an object's fields: which there are, which may be written, and how their values read.

Source: REST API Developer Guide, "sObject Describe" and "Field types".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.crm.http import short
from leap.crm.matching import folded
from leap.crm.target import CrmError, Unreached, Value
from leap.crm.values import iso_moment

LONGEST_ID = 255
"""Characters of an external id, the most that a text field holds."""


@dataclass(frozen=True)
class Described:
    """An object as described: its fields by their names in small letters."""

    object: str
    id_field: str
    fields: Mapping[str, Mapping[str, Any]]
    createable: bool
    updateable: bool

    @classmethod
    def of(cls, document: Any, object_name: str, id_field: str) -> Described:
        """Of an answer of `describe`."""
        fields = document.get("fields") if isinstance(document, dict) else None
        if not isinstance(fields, list):
            raise Unreached(f"Salesforce described {object_name} in a form that is not the documented one.")
        named = {str(one["name"]).casefold(): one for one in fields if isinstance(one, dict) and "name" in one}
        return cls(object_name, id_field, named, bool(document.get("createable")), bool(document.get("updateable")))

    def field(self, name: str) -> Mapping[str, Any] | None:
        """One field, whatever the case of its name."""
        return self.fields.get(name.casefold())

    def alike(self, external_id: str) -> str:
        """The same for two ids that this organisation takes for one: without regard to case unless the field has it."""
        known = self.field(self.id_field) or {}
        return external_id.strip() if known.get("caseSensitive") else folded(external_id)

    def check(self, names: Sequence[str], *, creates: bool) -> None:
        """CrmError unless records can be found by id, and these fields written."""
        self._check_object(creates=creates)
        self._check_id()
        where = f"Setup, Object Manager, {self.object}, Fields & Relationships"
        lacking = [name for name in names if self.field(name) is None]
        if lacking:
            raise CrmError(
                f"Salesforce: {self.object} lacks {len(lacking)} of {len(names)} fields: {', '.join(lacking)}.",
                details=lacking,
                remedy=f"Make them under {where}, New (docs/crm.md has their types). A field that exists may be hidden "
                "from our user: see Set Field-Level Security.",
            )
        fixed = [name for name in names if not self._writable(name, creates=creates)]
        if fixed:
            raise CrmError(
                f"Salesforce: we may not write {', '.join(fixed)} of {self.object}: calculated, or read-only for us.",
                details=fixed,
                remedy=f"Give our user edit access under {where}, Set Field-Level Security.",
            )

    def required(self, names: Sequence[str]) -> list[str]:
        """Fields that a new record must have and that are not among these."""
        given = {name.casefold() for name in (*names, self.id_field)}
        return [
            str(one["name"])
            for key, one in self.fields.items()
            if one.get("createable") and not one.get("nillable", True) and not one.get("defaultedOnCreate")
            and one.get("type") != "boolean" and key not in given
        ]  # fmt: skip

    def value(self, name: str, value: Any) -> Value:
        """A value of a query's answer: numbers and truth values as such, moments as ISO 8601."""
        if isinstance(value, str) and (self.field(name) or {}).get("type") == "datetime":
            return iso_moment(value)
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return short(value)

    def _check_object(self, *, creates: bool) -> None:
        lacking = [
            verb for verb, may in (("create", self.createable or not creates), ("edit", self.updateable)) if not may
        ]
        if lacking:
            raise CrmError(
                f"Salesforce: our user may not {' or '.join(lacking)} records of {self.object}.",
                remedy="Give it a permission set with these object permissions, or set create = false in [crm.sync].",
            )

    def _check_id(self) -> None:
        found = self.field(self.id_field)
        how = (
            f"Make {self.id_field} under Setup, Object Manager, {self.object}, Fields & Relationships, New: Text(255), "
            "with External ID and Unique (case sensitive) ticked, and let our user see and edit it."
        )
        if found is None:
            raise CrmError(f"Salesforce: {self.object} has no field {self.id_field} that we see.", remedy=how)
        lacking = [word for word, key in (("an external id", "externalId"), ("unique", "unique")) if not found.get(key)]
        if lacking:
            raise CrmError(f"Salesforce: {self.id_field} is not {' and not '.join(lacking)}.", remedy=how)
        if not (found.get("createable") and found.get("updateable")):
            raise CrmError(f"Salesforce: we may not write {self.id_field} of {self.object}.", remedy=how)

    def _writable(self, name: str, *, creates: bool) -> bool:
        found = self.field(name) or {}
        return bool(found.get("updateable")) and (bool(found.get("createable")) or not creates)
