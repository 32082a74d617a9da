"""What differs between the profiles of two versions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.schemas.answers import Answer, OfCompany
from serving.schemas.profiles import Measured, Profile

Version = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,8}|champion|previous)$")]


class DiffQuery(BaseModel):
    """What may follow `?` for a comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    old: Version = Field("previous", alias="from")
    """The version before: its number, or `previous` (the champion before the live one) or `champion` (the live one)."""
    new: Version = Field("champion", alias="to")
    """The version after, named in the same way."""


class ComparedVersion(Answer):
    """One of the two versions."""

    version: str
    """Its number."""
    data_until: str
    """End of the data that it was trained on."""
    profiles: int
    """Profiles that count: all but those that people rejected."""
    none_because: str | None
    """Why it has none."""
    definition_hash: str
    """Of the definitions behind its figures."""
    policy: dict[str, Any]
    """What decides on tiers beside profiles: `mode` and `tier_band`."""


class FigureChange(Answer):
    """By how much the difference that a profile makes is another than before."""

    metric: str
    """`nrr`, `churn`, `expansion_rate` or `contraction_rate`."""
    was: Measured
    """In the version before."""
    now: Measured
    """In the version after."""
    change: float
    """Of the lift."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of it."""
    exceeds_noise: bool
    """Whether the interval leaves out no change at all."""


class Crossed(Profile):
    """A profile of one version alone, beside what the other measured of its rule."""

    figures: list[FigureChange]
    """The later less the earlier; empty where only one version measured the rule."""
    shown_by_other: bool | None
    """Whether the rule held in the other version too; null if it was not measured there."""
    why_not: str | None
    """What kept the other version from showing it."""
    within_noise: bool | None
    """Whether the other version measured nearly the same and did not show it."""


class Moved(Answer):
    """A profile in both versions."""

    was: Profile
    """In the version before."""
    now: Profile
    """In the version after."""
    changes: list[Literal["renamed", "narrowed", "widened", "redrawn", "promoted", "demoted", "figures"]]
    """What differs; empty where nothing does."""
    figures: list[FigureChange]
    """The figures of both."""
    overlap: float | None
    """How much of whom they select is the same; null where no accounts were compared, as here."""


class VerdictChange(Answer):
    """An attribute that was measured in both versions and judged otherwise."""

    words: str
    """Its conditions now."""
    was_words: str
    """Its conditions then."""
    was: str
    """The verdict then."""
    now: str
    """The verdict now."""
    figures: list[FigureChange]
    """The figures of both."""


class IcpDiffAnswer(OfCompany):
    """What differs between the profiles of two versions, as `leap icp diff` tells it where profiles alone are compared;
    `model` is the live one, which need not be either of them.
    """

    old: ComparedVersion = Field(alias="from")
    """The version before."""
    new: ComparedVersion = Field(alias="to")
    """The version after."""
    entered: list[Crossed]
    """Profiles of the version after alone."""
    left: list[Crossed]
    """Profiles of the version before alone."""
    moved: list[Moved]
    """Profiles of both that differ."""
    unchanged: list[Moved]
    """Profiles of both that do not."""
    attributes: list[VerdictChange]
    """Attributes that are judged otherwise."""
    none_because: str | None
    """Why there is nothing to compare."""
    tiers: dict[str, Any]
    """Whose tier changes: not told here, where no tables are read; `leap icp diff` tells it."""
    monday: list[str]
    """What to do about it, in words."""
    notes: list[str]
    """What is to be known before comparing figures."""
