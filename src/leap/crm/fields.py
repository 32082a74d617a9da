"""What a CRM is told of an account: the fields, what they are called in each CRM, and how they have to be set up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from leap.config import Crm
from leap.crm.target import Remote, Value
from leap.reports.crm_fields import hubspot_name, salesforce_name

TargetName = Literal["outbox", "salesforce", "hubspot"]
TARGETS: Final[tuple[TargetName, ...]] = ("outbox", "salesforce", "hubspot")
LONGEST_TEXT: Final = 255
NAME: Final = "name"
"""The account's name, sent only where a record is created: people may call a company otherwise later."""
PROVENANCE: Final = ("as_of", "model_version", "definition_hash", "run")
RUN: Final = "run"


@dataclass(frozen=True)
class CrmField:
    """One field: `length` of a text in characters, `decimals` of a number."""

    key: str
    label: str
    kind: Literal["text", "number", "date"]
    about: str
    length: int = LONGEST_TEXT
    decimals: int = 0

    def canonical(self, value: Value) -> Value:
        """A value in the one form that is compared: CRMs give empty texts for nothing, and round numbers.

        >>> CrmField("grr", "GRR", "number", "", decimals=4).canonical("0.93001")
        0.93
        >>> CrmField("tier", "Tier", "text", "").canonical(" ") is None
        True
        """
        if value is None or value == "":
            return None
        if self.kind == "number":
            return self._number(value)
        text = str(value).strip()
        return (text[:10] if self.kind == "date" else text) or None

    def _number(self, value: Value) -> Value:
        try:
            found = float(value)  # type: ignore[arg-type]
        except ValueError:
            return str(value)
        return round(found, self.decimals) + 0.0 if math.isfinite(found) else None


def _share(key: str, label: str, about: str) -> CrmField:
    return CrmField(key, label, "number", about, decimals=4)


def _money(key: str, label: str, about: str) -> CrmField:
    return CrmField(key, label, "number", f"{about} In the reporting currency.", decimals=2)


FIELDS: Final = (
    CrmField("status", "Status", "text", "customer, prospect or left: neither of both any more.", 40),
    _share("churn_probability", "Churn probability", "Probability of leaving within the horizon, 0 to 1."),
    _share("contraction", "Contraction", "Expected share of MRR lost to downgrades if it stays."),
    _share("expansion", "Expansion", "Expected share of MRR gained by upgrades if it stays."),
    _share("nrr", "NRR", "Expected net revenue retention, 1 is 100 %."),
    _share("nrr_low", "NRR, low end", "Lower end of its 90 % interval."),
    _share("nrr_high", "NRR, high end", "Upper end of its 90 % interval."),
    _share("grr", "GRR", "Expected gross revenue retention."),
    _money("value_12m", "Value of 12 months", "What the account is expected to bring in 12 months."),
    _money("value_12m_low", "Value of 12 months, low end", "Lower end of its interval."),
    _money("value_12m_high", "Value of 12 months, high end", "Upper end of its interval."),
    _money(
        "mrr_at_risk",
        "MRR at risk",
        "MRR times (1 - expected NRR); below zero where growth is expected, empty for prospects.",
    ),
    CrmField("icp_id", "Ideal customer profile", "text", "Id of the profile that it meets.", 80),
    CrmField("tier", "Tier", "text", "The published tier, A to D; it stays within the band.", 10),
    CrmField("tier_since", "Tier since", "date", "The day on which it entered the tier."),
    *(
        CrmField(f"reason_{i}", f"Reason {i}", "text", "What moves its expected NRR, the largest first.")
        for i in (1, 2, 3)
    ),
    CrmField("abstained", "No score because", "text", "Why there is no score; empty where there is one."),
    CrmField("as_of", "Scores as of", "date", "The date that the scores speak of."),
    CrmField("model_version", "Model version", "text", "Version of the model that said so.", 40),
    CrmField("definition_hash", "Definitions", "text", "Names the definitions behind the figures.", 40),
    CrmField("run", "Sync run", "text", "The run that wrote the record last.", 40),
)
BY_KEY: Final[Mapping[str, CrmField]] = {field.key: field for field in FIELDS}
SUBSTANCE: Final = tuple(field.key for field in FIELDS if field.key not in PROVENANCE)


@dataclass(frozen=True)
class Naming:
    """What the fields are called in one CRM, both ways."""

    target: TargetName

    @cached_property
    def by_key(self) -> Mapping[str, str]:
        """The name in the CRM by our key, `name` among them.

        >>> [Naming(crm).by_key["churn_probability"] for crm in TARGETS]
        ['churn_probability', 'Leap_Churn_Probability__c', 'leap_churn_probability']
        """
        if self.target == "outbox":
            return {key: key for key in (*BY_KEY, NAME)}
        make = salesforce_name if self.target == "salesforce" else hubspot_name
        return {**{key: make(key) for key in BY_KEY}, NAME: "Name" if self.target == "salesforce" else "name"}

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        # Salesforce tells names as they were typed when the field was made; case means nothing there.
        return {name.casefold(): key for key, name in self.by_key.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields but the account's name, in their order."""
        return tuple(self.by_key[field.key] for field in FIELDS)

    def spoken(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        """Fields by their names in the CRM."""
        return {self.by_key[key]: value for key, value in fields.items()}

    def heard(self, remote: Remote) -> dict[str, Value]:
        """What a CRM says of a record by our keys, in the form that is compared; the rest is none of our business."""
        found = {self._by_name.get(name.casefold(), ""): value for name, value in remote.fields.items()}
        return {key: field.canonical(found.get(key)) for key, field in BY_KEY.items()}


def to_create(target: TargetName, crm: Crm) -> list[dict[str, Any]]:
    """The fields that a CRM must have before the first sync, the id first; none are needed for the outbox."""
    return list(_to_create(Naming(target), crm))


def _to_create(naming: Naming, crm: Crm) -> Iterator[dict[str, Any]]:
    place = {"salesforce": crm.salesforce.object, "hubspot": crm.hubspot.object, "outbox": "accounts.csv"}
    id_name = {"salesforce": crm.salesforce.id_field, "hubspot": crm.hubspot.id_property, "outbox": "account_id"}
    about = "The account's id in the tables: by it records are found."
    kind = _TYPES[naming.target]["text"]
    yield {
        "object": place[naming.target], "name": id_name[naming.target], "label": "Leap account id", "type": kind,
        "length": LONGEST_TEXT, "decimals": None, "unique": True, "external_id": True, "about": about,
    }  # fmt: skip
    for field in FIELDS:
        yield {
            "object": place[naming.target],
            "name": naming.by_key[field.key],
            "label": f"Leap: {field.label}",
            "type": _TYPES[naming.target][field.kind],
            "length": {"text": field.length, "number": 18 - field.decimals, "date": None}[field.kind],
            "decimals": field.decimals if field.kind == "number" else None,
            "unique": False,
            "external_id": False,
            "about": field.about,
        }


_TYPES: Final = {
    "salesforce": {"text": "Text", "number": "Number", "date": "Date"},
    "hubspot": {"text": "Single-line text", "number": "Number", "date": "Date picker"},
    "outbox": {"text": "text", "number": "number", "date": "date"},
}


def fields_text(target: TargetName, crm: Crm) -> str:
    """The same for people."""
    rows = to_create(target, crm)
    if target == "outbox":
        lines = ["Columns of the outbox; nothing has to be set up:"]
    else:
        lines = [
            f"Fields that {rows[0]['object']} in {target} must have before the first sync (length: digits before the "
            "point, for numbers):"
        ]
    wide = max(len(row["name"]) for row in rows)
    for row in rows:
        size = "" if row["length"] is None else f"({row['length']}{_decimals(row)})"
        marks = " unique, external id" if row["unique"] else ""
        lines.append(f"  {row['name']:<{wide}}  {row['type']}{size}{marks}: {row['about']}")
    if target == "salesforce":
        lines.append("Mark the id field as External ID and Unique (case sensitive), and let the sync's user edit all.")
    if target == "hubspot":
        lines.append("Tick 'Require unique values for this property' when the id property is made: later it cannot be.")
    return "\n".join(lines)


def _decimals(row: Mapping[str, Any]) -> str:
    return f", {row['decimals']}" if row["decimals"] is not None else ""
