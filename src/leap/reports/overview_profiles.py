"""What is new in the profiles since the version before, in short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from leap.reports import icp_diff

_NEW: Final = ("entered", "left", "moved")


@dataclass(frozen=True)
class NewInProfiles:
    """The versions that were compared, how many profiles entered, left or moved, and that in words."""

    since: str
    version: str
    changed: int
    words: str
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    """By what became of them, the profiles with their figures; nothing of those that are as before."""


def new_in_profiles(document: Mapping[str, Any]) -> NewInProfiles:
    """From the document of two versions, as `/v1/icp/diff` gives it."""
    told = icp_diff.summarise(document)
    headings = {name.capitalize() for name in _NEW}
    return NewInProfiles(
        since=str(document["from"]["version"]),
        version=str(document["to"]["version"]),
        changed=sum(len(document[name]) for name in _NEW),
        words=told.summary,
        lines=tuple((one.heading, one.lines) for one in told.sections if one.lines and one.heading in headings),
    )
