"""The live model, and whether there is one."""

from __future__ import annotations

import datetime as dt

from serving.schemas.answers import Answer, ModelHeader


class ModelAnswer(Answer):
    """The live model: its card with metrics, definitions and the catalog of features."""

    version: str


class Ready(Answer):
    """Whether scores can be had, and of which model."""

    ready: bool
    model: ModelHeader | None = None
    as_of: dt.date | None = None
    stale: bool = False
    """A newer champion could not be loaded, the last good one stays in use."""
    explained_by: str | None = None
    """What computes contributions: the exact kernel, or LightGBM, slower, where the kernel is not to be trusted."""
    problem: str | None = None
