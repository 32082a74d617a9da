"""Bodies and parameters of requests: what is let in."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

MAX_ACCOUNTS = 1000
MAX_TABLE_ROWS = 10_000
MAX_TEXT = 1000


def _scalar(value: object) -> object:
    """One cell. Nothing nested, nothing endless: what is let through here reaches the encoder of features."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise PydanticCustomError("text_too_long", "text of at most {most} characters expected", {"most": MAX_TEXT})
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise PydanticCustomError("text_not_unicode", "valid Unicode text expected")
        return value
    if isinstance(value, int | float):
        if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > 1e300:
            raise PydanticCustomError("not_finite", "a finite number expected; leave it out or send null if unknown")
        return value
    raise PydanticCustomError("not_scalar", "text, a number, true, false or null expected, found a list or an object")


Scalar = Annotated[
    Any,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"], "maxLength": MAX_TEXT}),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
_TOP = Field(
    ge=0,
    le=1000,
    description="How many reasons a score, largest first; features that say the same are one. 0: every feature.",
)


def _count(value: object) -> object:
    """A whole number, 5.0 too, as JSON has but one kind of number; no text, and no true."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Top = Annotated[int, Strict(), _TOP, BeforeValidator(_count)]


def _day(value: object) -> object:
    """A day as text, no number of seconds and no moment."""
    if value is None or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise PydanticCustomError("day_expected", "a day such as 2026-10-01 expected")


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _either(first: str, second: str) -> JsonDict:
    """JSON Schema for: one of two fields is given, not both."""
    return {
        "oneOf": [
            {"required": [one], "not": {"required": [other]}} for one, other in ((first, second), (second, first))
        ]
    }


def _bytes_come_first(schema: JsonDict) -> None:
    """The document does not state how many: so many with all their features are too large a body before they are too
    many, which is another answer.
    """
    schema.pop("maxItems", None)


class AccountRows(_Request):
    """One account to be scored, described by its features or by the rows of its tables."""

    model_config = ConfigDict(json_schema_extra=_either("features", "tables"))

    account_id: Name
    """Any name; it comes back with the score."""
    features: dict[Name, Scalar] = Field(default_factory=dict)
    """Features by their names in the catalog (`/v1/model`); one left out counts as missing."""
    tables: dict[Name, list[dict[Name, Scalar]]] = Field(default_factory=dict)
    """Raw rows by the names of tables and columns in leap.toml; they become features as in training."""

    @model_validator(mode="after")
    def _described_once(self) -> AccountRows:
        if len(self.model_fields_set & {"features", "tables"}) != 1:
            raise PydanticCustomError("features_or_tables", "either `features` or `tables` expected")
        return self

    @property
    def in_rows(self) -> bool:
        """Whether it brings rows of tables."""
        return "tables" in self.model_fields_set


class ScoreRequest(_Request):
    """Accounts to be scored: known ones by id, or others with their features or rows. Up to 1,000."""

    model_config = ConfigDict(json_schema_extra=_either("account_ids", "accounts"))

    account_ids: list[Name] = Field(default_factory=list, min_length=1, max_length=MAX_ACCOUNTS)
    """Customers of the workspace."""
    accounts: list[AccountRows] = Field(
        default_factory=list, min_length=1, max_length=MAX_ACCOUNTS, json_schema_extra=_bytes_come_first
    )
    """Accounts that bring their own data; up to 1,000, in a body of at most 1 MiB."""
    as_of: Annotated[dt.date | None, BeforeValidator(_day)] = None
    """The day the score is for; what is known at or after it does not count. Default: the end of the data."""
    top: Top = 5

    @model_validator(mode="after")
    def _one_kind(self) -> ScoreRequest:
        if len(self.model_fields_set & {"account_ids", "accounts"}) != 1:
            raise PydanticCustomError("ids_or_accounts", "either `account_ids` or `accounts` expected")
        rows = sum(len(table) for account in self.accounts for table in account.tables.values())
        if rows > MAX_TABLE_ROWS:
            raise PydanticCustomError(
                "too_many_rows",
                "at most {most} rows of tables in one request expected, found {found}",
                {"most": MAX_TABLE_ROWS, "found": rows},
            )
        return self


class Prospect(_Request):
    """A company that does not buy yet."""

    id: Name
    """Any name; it comes back with the score."""
    attributes: dict[Name, Scalar]
    """Features of scope `fit` (`/v1/model`): what is true of a company before it buys."""


class ProspectsRequest(_Request):
    """Companies to be rated before they buy. Up to 1,000."""

    prospects: list[Prospect] = Field(min_length=1, max_length=MAX_ACCOUNTS, json_schema_extra=_bytes_come_first)
    """The companies; up to 1,000, in a body of at most 1 MiB."""
    top: Top = 5


class AccountQuery(_Request):
    """What may follow `?` for one account."""

    top: Annotated[int, _TOP] = 5
