"""What goes into the store and comes out of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from leap.errors import NoModel

MODEL: Final = "leap"
CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
PREVIOUS: Final = "previous"
ALIASES: Final = (CHAMPION, CHALLENGER, PREVIOUS)

SHA_TAG: Final = "leap.bundle_sha256"
PATH_TAG: Final = "leap.bundle_path"
CHECKS_TAG: Final = "leap.gate_checks"
NOT_JUDGED: Final = "not judged"
_LONGEST_TAG = 7_500


class Anything:
    """Whatever the champion is: the default of `expected_champion`, where None means that there is none."""


ANYTHING: Final = Anything()


@dataclass(frozen=True)
class RunRecord:
    """One finished training, ready to be kept; `tags` hold at least `company`."""

    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    bundle_folder: Path
    files: Sequence[Path] = ()
    """Plots, reports, cards: kept with the run under their own names."""
    description: str = ""


@dataclass(frozen=True)
class GateRecord:
    """What the gate said of a version: its verdict, its table (one mapping a check), and with which champion."""

    verdict: str
    checks: Sequence[Mapping[str, object]]
    compared_with: str | None
    metrics: Mapping[str, float]
    files: Sequence[Path] = ()
    """What tells of the gate (the model card): in the run they take the place of files of the same name."""

    def tags(self) -> dict[str, str]:
        """As kept with the version: the figures without their words; where they are too many, those that failed."""
        short = [[_rounded(check.get(name)) for name in _SHORT] for check in self.checks]
        text = json.dumps(short)
        if len(text) > _LONGEST_TAG:
            text = json.dumps([row for row in short if not row[1]])[:_LONGEST_TAG]
        return {
            "gate": self.verdict[:_LONGEST_TAG],
            CHECKS_TAG: text,
            "leap.gate_compared_with": self.compared_with or "",
        }


_SHORT = ("check", "passed", "ours", "theirs", "low", "high")


def gate_checks(tags: Mapping[str, str]) -> list[dict[str, object]]:
    """The gate's figures of a version from its tags; none if it was never judged."""
    try:
        rows = json.loads(tags.get(CHECKS_TAG, "[]"))
    except ValueError:
        return []
    return [dict(zip(_SHORT, row, strict=False)) for row in rows]


def _rounded(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


@dataclass(frozen=True)
class Registered:
    """What of a version is needed to fetch its files."""

    version: str
    tags: Mapping[str, str]
    source: str


@dataclass(frozen=True)
class VersionInfo:
    """One version of the registered model, with the figures of the run that made it."""

    version: str
    created: datetime
    company: str
    aliases: tuple[str, ...]
    gate: str
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Fetched:
    """A verified local copy of a version; `stale` says why the registry was not followed, or is empty."""

    version: str
    folder: Path
    identity: str
    """`files.identity_of` of what was verified: whoever reads the folder later can tell whether it is still that."""
    stale: str = ""


@dataclass(frozen=True)
class Seen:
    """The champion at a glance; `trouble` says what of the registry cannot be used, or is empty."""

    version: str | None
    identity: str = ""
    """Of its bundle, where champion.json speaks of it."""
    trouble: str = ""

    def tells_of(self, version: str, identity: str) -> bool:
        """Whether this is that version and, as far as is told, that content.

        The same number with other content is another model: the store was exchanged, or a file of it.
        """
        return self.version == version and self.identity in ("", identity)


@dataclass(frozen=True)
class StoreProblem:
    """Something wrong with the store, and how to put it right."""

    kind: str
    message: str
    fix: str


@dataclass(frozen=True)
class ChampionRecord:
    """The content of champion.json: what was decided, and whether MLflow's aliases say the same yet."""

    version: str
    previous: str | None
    folder: str
    """The verified copy, relative to the store."""
    sha256: str
    gate: str
    by_hand: bool
    decided_at: str
    settled: bool = False

    def notes(self) -> dict[str, str]:
        """What is kept of the decision with its version."""
        return {
            "leap.gate_at_promotion": self.gate,
            "leap.promoted_by": "hand" if self.by_hand else "gate",
            "leap.promoted_at": self.decided_at,
        }


def no_model(alias: str, folder: Path) -> NoModel:
    """The error for an alias that no version has."""
    if alias == PREVIOUS:
        return NoModel(f"there is no previous champion in {folder} to go back to.", remedy="See: leap models")
    return NoModel(
        f"there is no {alias} in {folder}.",
        remedy="Train one (leap train DIR --promote), or make a version of `leap models` the champion (leap promote "
        "VERSION); score, explain and icp also take --version V.",
    )


def now() -> str:
    """This moment in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def printable(text: str) -> str:
    """Text of others without what could steer a terminal or break a name."""
    return "".join(character for character in text if character.isprintable()).strip()
