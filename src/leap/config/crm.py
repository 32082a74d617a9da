"""What is sent to a CRM, under which names, and who is told."""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from leap.config.frozen import Frozen

_LONGEST_FIELD = 80


class CrmFields(Frozen):
    """What features are called in a CRM where they stand there already; the others get names of their own."""

    salesforce: dict[str, str] = Field(default_factory=dict)
    """By feature, the API name of a field of Account, such as NumberOfEmployees or Tier__c."""
    hubspot: dict[str, str] = Field(default_factory=dict)
    """By feature, the internal name of a company property, such as numberofemployees."""

    @model_validator(mode="after")
    def _names_are_legal_and_hold_one_feature(self) -> CrmFields:
        forms = (
            ("salesforce", self.salesforce, r"[A-Za-z](_{0,2}[A-Za-z0-9])*", "an API name such as Employees__c"),
            ("hubspot", self.hubspot, r"[a-z][a-z0-9_]*", "an internal name such as numberofemployees"),
        )
        for crm, fields, legal, example in forms:
            seen: dict[str, str] = {}
            for feature, field in fields.items():
                if len(field) > _LONGEST_FIELD or not re.fullmatch(legal, field):
                    raise ValueError(f"{crm}.{feature}: expected {example}, found {field!r}")
                other = seen.setdefault(field.casefold(), feature)
                if other != feature:
                    raise ValueError(f"{crm}: {other!r} and {feature!r} are both called {field!r}; a field holds one")
        return self


class Salesforce(Frozen):
    """Where scores go in Salesforce."""

    object: str = Field("Account", pattern=r"^[A-Za-z](_{0,2}[A-Za-z0-9])*$")
    """API name of the object that holds companies."""
    id_field: str = Field("Leap_Account_Id__c", pattern=r"^[A-Za-z](_{0,2}[A-Za-z0-9])*$")
    """Its field, an external id and unique, with the account's id in our tables."""


class Hubspot(Frozen):
    """Where scores go in HubSpot."""

    object: str = Field("companies", pattern=r"^[a-z][a-z0-9_-]*$")
    """The object that holds companies."""
    id_property: str = Field("leap_account_id", pattern=r"^[a-z][a-z0-9_]*$")
    """Its property with unique values, with the account's id in our tables."""


class Sync(Frozen):
    """What `leap sync` may do."""

    prospects: bool = True
    """Whether prospects are sent too, not only customers."""
    create: bool = True
    """Whether an account that the CRM does not have is created there; else it is counted and left out."""
    max_changes_share: float = Field(0.5, gt=0, le=1)
    """Share of the records sent before that may change in one run (figures, not dates): more is refused unless
    `--max-changes` allows it, since a wrong model or table shows first as a mass of changes."""


class Crm(Frozen):
    """How exports for a CRM name things, and what is sent there."""

    fields: CrmFields = Field(default_factory=CrmFields)
    """By CRM, the fields that features stand in."""
    salesforce: Salesforce = Field(default_factory=Salesforce)
    hubspot: Hubspot = Field(default_factory=Hubspot)
    sync: Sync = Field(default_factory=Sync)


class Alerts(Frozen):
    """What `leap sync` tells by webhook and Slack; their addresses come from the environment, never from here."""

    tier_changes: bool = True
    """Whether accounts whose published tier changed are told."""
    alarms: bool = True
    """Whether what goes wrong is told: a sync that failed or was refused, stale features, a model of other
    definitions."""
    retry_days: int = Field(7, ge=1, le=90)
    """How long an alert that could not be delivered is tried again by later runs."""
