"""Profiles as lists for Salesforce and HubSpot: the fields to create first, a filter a profile, and what to know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.config import Settings
from leap.features import FeatureCatalog
from leap.icp import ICPProfile, ICPSearch, Rule
from leap.icp.tiers import AS_USUAL, TIERS, TierPolicy
from leap.reports import hubspot, salesforce
from leap.reports.crm_fields import Field, fields_of
from leap.reports.rendering import line, md

_LONGEST_NAME = 100
_SALESFORCE_NOTES = (
    "Create the fields first and fill them from `leap features DIR --as-of DAY --prospects --out features.csv`, "
    "matched by your account id.",
    "A blank field means not known. It meets no condition but one that says “not”: that is written out, as in "
    "`(F__c = null OR F__c != 'x')`.",
    "A yes or no is a picklist with Yes and No: a checkbox cannot be blank, so every company that is not known would "
    "count as No.",
    "Salesforce compares texts without regard to upper and lower case; Leap tells them apart.",
    "A number field rounds what has more decimals than it keeps, which can move an account across a bound.",
)
_HUBSPOT_NOTES = (
    "Create the properties first (POST /crm/v3/properties/companies with each of `create_properties`) and fill them "
    "from `leap features DIR --as-of DAY --prospects --out features.csv`, matched by your account id.",
    "Then create the lists (POST /crm/v3/lists/ with each `request`); they keep themselves up to date.",
    "A company without a value meets no condition but one that says “not”; `includeObjectsWithNoValueSet` says so in "
    "every filter.",
    "HubSpot may compare texts without regard to upper and lower case; Leap tells them apart.",
    "An account in a negative list belongs to no other: add “is not a member of” that list to the others by hand, "
    "since its number is known only once it exists.",
)


@dataclass(frozen=True)
class Export:
    """What exports are made from; the catalog is None where there is no model."""

    search: ICPSearch
    settings: Settings
    catalog: FeatureCatalog | None
    version: str | None = None
    data_until: str | None = None
    policy: TierPolicy = AS_USUAL
    """By which scores give tiers: that of the version."""

    @property
    def about(self) -> dict[str, Any]:
        """Whose export it is, of which version and data."""
        company = self.settings.company.name
        return {"company": company, "version": self.version, "data_until": self.data_until}

    @property
    def subtitle(self) -> str:
        """Version and end of the data on a line."""
        parts = [f"version {self.version}"] if self.version else []
        parts += [f"data until {self.data_until}"] if self.data_until else []
        return ", ".join(parts)

    def fields(self, crm: str, rules: Sequence[Rule]) -> list[Field]:
        """The fields that some rules need in a CRM."""
        mapped: Mapping[str, str] = getattr(self.settings.crm.fields, crm)
        return [] if self.catalog is None else fields_of(rules, crm, mapped, self.catalog)

    @property
    def nothing(self) -> str | None:
        """Why there is nothing to export; None if there is a profile."""
        return None if self.search.profiles else self.search.none_because or "no profile was found"


def salesforce_document(export: Export) -> dict[str, Any]:
    """Fields, SOQL and list views, tier by tier."""
    profiles = export.search.profiles
    fields = export.fields("salesforce", [profile.rule for profile in profiles])
    names = {field.feature.name: field for field in fields}
    good, bad = ([p.rule for p in profiles if (p.kind == "negative") == turned] for turned in (False, True))
    return {
        "crm": "salesforce",
        **export.about,
        "none_because": export.nothing,
        "fields": [
            {**_field(field), "type": "as it is" if field.exists else salesforce_type(field)} for field in fields
        ],
        "lists": [_salesforce_list(profile, names) for profile in profiles],
        "tiers": salesforce.tier_queries(good, bad, names),
        "notes": list(_SALESFORCE_NOTES),
    }


def hubspot_document(export: Export) -> dict[str, Any]:
    """Properties and dynamic lists, as bodies of HubSpot's API."""
    profiles = export.search.profiles
    fields = export.fields("hubspot", [profile.rule for profile in profiles])
    names = {field.feature.name: field for field in fields}
    return {
        "crm": "hubspot",
        **export.about,
        "none_because": export.nothing,
        "properties": [
            {**_field(field), "type": "as it is" if field.exists else hubspot.type_of(field.feature)}
            for field in fields
        ],
        "create_properties": [hubspot.property_of(field) for field in fields if not field.exists],
        "lists": [
            {
                **_profile(p),
                "request": hubspot.dynamic_list(list_name(p), p.rule, names),
                "warnings": [
                    f"{name.name} is a choice of HubSpot's own options: the filter holds if they are stored as in Leap."
                    for name in _of(p.rule, names)
                    if hubspot.has_options(name)
                ],
            }
            for p in profiles
        ],
        "notes": list(_HUBSPOT_NOTES),
    }


def salesforce_type(field: Field) -> str:
    """The type of a custom field that holds a feature."""
    if field.feature.kind == "boolean":
        return "Picklist: Yes, No"
    if field.feature.kind == "category":
        return f"Text({salesforce.LONGEST_TEXT})"
    # Where bounds have decimals, rounding values to as many would move accounts across them.
    decimals = min(field.decimals + 4, 12) if field.decimals else 2
    return f"Number({18 - decimals}, {decimals})"


def list_name(profile: ICPProfile) -> str:
    """The name of a profile's list: unique by its id, at most 100 characters."""
    return line(f"Leap ICP {profile.id}: {profile.rule.words}")[:_LONGEST_NAME].strip()


def render_salesforce(document: Mapping[str, Any]) -> str:
    """For a wiki, with what to paste in blocks."""
    lines = _head(document, "account lists for Salesforce")
    lines += _fields_table("Fields of Account", document["fields"])
    for found in document["lists"]:
        lines += [*_list_head(found), "", *fenced(found["soql"]), "", "As a list view:", ""]
        rows = [
            [str(i), f"`{r['field']}`", r["operator"], md(r["value"]) or "(leave empty)"] for i, r in _numbered(found)
        ]
        lines += [*table(["No.", "Field", "Operator", "Value"], rows), "", f"Filter logic: `{found['filter_logic']}`"]
        lines += [f"\n**Note:** {md(warning)}" for warning in found["warnings"]]
    if document["tiers"]:
        lines += ["", "## Tiers", ""]
        lines += [f"- {tier}: {meaning.who}." for tier, meaning in TIERS.items()]
        lines += ["", "B and C need arithmetic that SOQL does not have; `leap score` and the SQL export give them."]
        for tier, soql in document["tiers"].items():
            lines += ["", f"Tier {tier}:", "", *fenced(soql)]
    return "\n".join([*lines, *_notes(document)]) + "\n"


def render_hubspot(document: Mapping[str, Any]) -> str:
    """For a wiki, with the bodies to send in blocks."""
    lines = _head(document, "company lists for HubSpot")
    lines += _fields_table("Properties of companies", document["properties"])
    if document["create_properties"]:
        lines += ["", "Bodies that create them:", "", *fenced(written(document["create_properties"]), "json")]
    for found in document["lists"]:
        lines += [*_list_head(found), "", *fenced(written(found["request"]), "json")]
        lines += [f"\n**Note:** {md(warning)}" for warning in found["warnings"]]
    return "\n".join([*lines, *_notes(document)]) + "\n"


def written(document: object) -> str:
    """JSON as people read it."""
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)


def fenced(text: str, language: str = "") -> list[str]:
    """A block of code that nothing inside ends."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table of cells that are escaped already."""
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]


def _salesforce_list(profile: ICPProfile, names: Mapping[str, Field]) -> dict[str, Any]:
    rows, logic = salesforce.list_view(profile.rule, names)
    return {
        **_profile(profile),
        "soql": salesforce.soql(profile.rule, names),
        "rows": [row.to_json() for row in rows],
        "filter_logic": logic,
        "warnings": [
            *salesforce.problems(profile.rule, names),
            *(
                f"{field.name} is there already: it must hold Yes or No; a checkbox would be asked in another way."
                for field in _of(profile.rule, names)
                if field.exists and field.feature.kind == "boolean"
            ),
        ],
    }


def _of(rule: Rule, names: Mapping[str, Field]) -> list[Field]:
    """The fields of a rule in its order."""
    return [names[name] for name in dict.fromkeys(c.feature.name for c in rule.conditions)]


def _profile(profile: ICPProfile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "kind": profile.kind,
        "tier": "D" if profile.kind == "negative" else "A",
        "words": profile.rule.words,
        "statement": profile.statement,
    }


def _field(field: Field) -> dict[str, Any]:
    about = {"name": field.name, "label": field.label, "feature": field.feature.name, "source": field.source}
    return {**about, "exists": field.exists, "missing": field.feature.missing}


def _head(document: Mapping[str, Any], what: str) -> list[str]:
    about = [f"version {document['version']}"] if document["version"] else []
    about += [f"data until {document['data_until']}"] if document["data_until"] else []
    lines = [f"# {md(document['company'])}: {what}", "", *([md(", ".join(about)), ""] if about else [])]
    return [*lines, f"No profile: {md(document['none_because'])}"] if document["none_because"] else lines[:-1]


def _fields_table(title: str, fields: Sequence[Mapping[str, Any]]) -> list[str]:
    if not fields:
        return []
    rows = [
        [
            f"`{field['name']}`",
            "there already (leap.toml)" if field["exists"] else md(field["type"]),
            md(field["label"]),
            md(field["source"]),
        ]
        for field in fields
    ]
    return ["", f"## {title} to have first", "", *table(["Name", "Type", "Label", "Filled from"], rows)]


def _list_head(found: Mapping[str, Any]) -> list[str]:
    return ["", f"## {md(found['id'])} (tier {found['tier']}): {md(found['words'])}", "", md(found["statement"])]


def _numbered(found: Mapping[str, Any]) -> list[tuple[int, Mapping[str, str]]]:
    return list(enumerate(found["rows"], start=1))


def _notes(document: Mapping[str, Any]) -> list[str]:
    return [] if document["none_because"] else ["", "## To know", "", *(f"- {note}" for note in document["notes"])]
