"""What all answers share: the model that spoke, and the one form of errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, protected_namespaces=())


class ModelHeader(Answer):
    """Which model answered."""

    name: str
    version: str
    trained_on: str | None = None


class ErrorBody(Answer):
    """What went wrong: a code for programs, a sentence for people, and where it is."""

    code: str
    message: str
    details: list[Any]


class ErrorAnswer(Answer):
    """The one form of every error."""

    error: ErrorBody
