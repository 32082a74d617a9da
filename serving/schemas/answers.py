"""What all answers share: the model that spoke, and the one form of errors."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, protected_namespaces=())


class ModelHeader(Answer):
    """Which model answered."""

    name: str
    """Of the registered model: `leap`."""
    version: str
    """In the registry, as `leap models` lists it."""
    trained_on: str | None = None
    """End of the data that it was trained on (exclusive)."""


class Headed(Answer):
    """What every answer about a model begins with."""

    model: ModelHeader
    """The one version that this whole answer comes from."""
    definition_hash: str
    """Of the definitions behind every number: answers with the same hash measure the same things."""
    as_of: dt.date
    """The day it is of: what became known at or after it does not count."""


class OfCompany(Headed):
    """The same, with whose figures they are and in which money."""

    company: str
    """Whose model it is."""
    currency: str
    """The reporting currency: every amount is in it."""
    money_note: str
    """What is to be known of amounts, for example that they are assumed; empty if nothing is."""


class ErrorBody(Answer):
    """What went wrong: a code for programs, a sentence for people, and where it is."""

    code: str
    """For programs: it stays the same while the words may change."""
    message: str
    """What was expected, what was found, and what to do."""
    details: list[Any]
    """Places, names or examples; empty where there is nothing to add."""


class ErrorAnswer(Answer):
    """The one form of every error."""

    error: ErrorBody
    """What went wrong."""
