"""The champion that a new model would replace, and whether it may be compared with at all."""

from __future__ import annotations

from dataclasses import dataclass

from leap.bundle.flat_bundle import FlatBundle
from leap.bundle.model_bundle import ModelBundle
from leap.config import Company
from leap.features import FeatureCatalog

Bundle = ModelBundle | FlatBundle
_UNNAMED = Company.model_fields["name"].default


@dataclass(frozen=True)
class Incumbent:
    """The champion of the store when a new model is judged.

    `bundle` is None if its files cannot be loaded any more (`trouble` says why). `meanwhile`: it was promoted while the
    new model was trained, so somebody else has just decided.
    """

    version: str
    company: str
    bundle: Bundle | None
    trouble: str = ""
    meanwhile: bool = False

    @property
    def words(self) -> str:
        """What it is called in sentences."""
        return (
            f"version {self.version}, promoted meanwhile" if self.meanwhile else f"the champion, version {self.version}"
        )


def stranger(incumbent: Incumbent, company: str, catalog: FeatureCatalog) -> str | None:
    """Why a champion is not this company's, or None if it is.

    Companies are told by their names. Where neither was given one, by their features: of the smaller catalog at least
    half must be in the other.
    """
    if incumbent.company != company:
        return f"{incumbent.words}, is the model of another company ({incumbent.company})"
    if company != _UNNAMED or incumbent.bundle is None or incumbent.bundle.fingerprint == catalog.fingerprint:
        return None
    ours, theirs = set(catalog.names), set(incumbent.bundle.catalog.names)
    if len(ours & theirs) * 2 >= min(len(ours), len(theirs)):
        return None
    return f"{incumbent.words}, was learned from other tables ({len(ours & theirs)} of {len(ours)} features in common)"
