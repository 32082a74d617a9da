"""Two versions of the model compared by their ICPs: documents, tiers, causes, and what to do; one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.features import FeatureCatalog
from leap.icp import TIERS, ICPProfile, ICPSearch, TierPolicy
from leap.scoring.icp_diff import ICPDiff, Selected, icp_diff
from leap.scoring.icp_diff_monday import monday
from leap.scoring.icp_tier_changes import SWITCHES, Looks, TierChanges, Version, tier_changes
from leap.scoring.icp_tier_words import Reasons
from leap.scoring.tier_looks import Look, catalog_of, features_of, look
from leap.tables import AccountTables

WITHOUT_TABLES = "The profiles were compared alone, without the accounts of the tables."


@dataclass(frozen=True)
class Named:
    """A bundle and the number of its version."""

    bundle: ModelBundle
    version: str

    @property
    def profiles(self) -> tuple[ICPProfile, ...]:
        """The profiles that give tiers: all but those that people rejected."""
        return self.bundle.icp.counted

    @property
    def counted(self) -> ICPSearch:
        """What was found, without the profiles that people rejected."""
        found = self.bundle.icp
        why = found.none_because or ("People rejected every profile." if found.rejected else None)
        return replace(found, profiles=self.profiles, none_because=None if self.profiles else why)

    @property
    def says(self) -> Version:
        """What it says of tiers."""
        return Version(self.profiles, TierPolicy.of(self.bundle.settings.policy))

    def to_json(self) -> dict[str, Any]:
        """`from` or `to`."""
        policy = self.bundle.settings.policy
        return {
            "version": self.version,
            "data_until": self.bundle.trained_on,
            "profiles": len(self.profiles),
            "none_because": self.counted.none_because,
            "definition_hash": self.bundle.definition_hash,
            "policy": {"mode": policy.mode, "tier_band": policy.tier_band},
        }


def compare(
    old: Named, new: Named, tables: tuple[AccountTables, AccountTables] | None, *, itself: bool = False
) -> dict[str, Any]:
    """The JSON of `icp diff`; `tables` are those known when each version was trained, None to compare profiles alone.

    UsageError for versions of two companies, and for a version against itself unless that is asked for.
    """
    _require_comparable(old, new, itself)
    comparable = bool(old.profiles or new.profiles)
    looks = _looks(old, new, tables) if tables is not None and comparable else None
    selected = None if looks is None else _selected(looks, old, new)
    diff = icp_diff(old.counted, new.counted, selected)
    changes = None if looks is None else tier_changes(looks, old.says, new.says)
    reasons = None if looks is None else Reasons(looks, old.says, new.says, diff)
    company = new.bundle.settings.company
    document = diff.to_json()
    if selected is not None:
        _count(document, diff, selected)
    return {
        "company": new.bundle.company,
        "currency": company.currency,
        "money_note": company.money_note,
        "from": old.to_json(),
        "to": new.to_json(),
        **document,
        "tiers": _tiers(changes, reasons, diff.none_because),
        "monday": monday(diff, changes, company.currency) if comparable else [],
        "notes": [*_whose(new, tables), *_notes(old, new)],
    }


def _require_comparable(old: Named, new: Named, itself: bool) -> None:
    if old.version == new.version and not itself:
        raise UsageError(
            f"Expected two versions, found version {old.version} twice.",
            remedy="Name another one with --from or --to; `leap models` lists them.",
        )
    if old.bundle.company != new.bundle.company:
        raise UsageError(
            f"Version {old.version} is a model of {old.bundle.company}, version {new.version} of {new.bundle.company}: "
            "their profiles are of different customers.",
            remedy="Name two versions of one company; `leap models` lists them.",
        )


def _looks(old: Named, new: Named, tables: tuple[AccountTables, AccountTables]) -> Looks:
    """Everyone then and now, under the ids of now. One look serves both versions unless they define a feature
    differently.
    """
    then, now = tables
    for_new, for_old = catalog_of(old.profiles, new.profiles), catalog_of(new.profiles, old.profiles)

    def seen(part: AccountTables, catalog: FeatureCatalog) -> Look:
        found = look(part, catalog)
        return found if part is now else found.known_as(now)

    if for_new.fingerprint == for_old.fingerprint:
        both = seen(then, for_new), seen(now, for_new)
        return Looks(both[0], both[0], both[1], both[1])
    return Looks(seen(then, for_old), seen(then, for_new), seen(now, for_old), seen(now, for_new))


def _selected(looks: Looks, old: Named, new: Named) -> tuple[Selected, Selected]:
    """Whom the profiles of either version select of the accounts of now."""
    parts = []
    for seen, version in ((looks.now_for_old, old), (looks.now_for_new, new)):
        fit = seen.fit(version.profiles)
        parts.append({profile.id: fit.meets(profile) for profile in version.profiles})
    return parts[0], parts[1]


def _count(document: dict[str, Any], diff: ICPDiff, selected: tuple[Selected, Selected]) -> None:
    """How many accounts of now each profile selects, put into the document."""
    for name, side, crossed in (("entered", 1, diff.entered), ("left", 0, diff.left)):
        for written, one in zip(document[name], crossed, strict=True):
            written["accounts"] = int(np.sum(selected[side][one.profile.id]))
    for name, pairs in (("moved", diff.moved), ("unchanged", diff.unchanged)):
        for written, pair in zip(document[name], pairs, strict=True):
            written["was"]["accounts"] = int(np.sum(selected[0][pair.was.id]))
            written["now"]["accounts"] = int(np.sum(selected[1][pair.now.id]))


def _tiers(changes: TierChanges | None, reasons: Reasons | None, none_because: str | None) -> dict[str, Any]:
    meanings = {tier: {"who": meaning.who, "what_to_do": meaning.what_to_do} for tier, meaning in TIERS.items()}
    if changes is None or reasons is None:
        nothing: dict[str, Any] = {
            "transitions": [],
            "changed": [],
            "by_cause": None,
            "by_tier": [],
            "accounts": None,
            "as_of": None,
        }
        return {**nothing, "meanings": meanings, "none_because": none_because or WITHOUT_TABLES}
    changed = [
        {
            "account_id": one.account_id,
            "name": one.name,
            "mrr": one.mrr,
            "from": one.was,
            "to": one.now,
            "cause": " and ".join(one.causes),
            "parts": {name: float(one.parts[name]) for name in SWITCHES},
            "why": reasons.why(one),
        }
        for one in changes.changed
    ]
    return {**changes.to_json(), "changed": changed, "meanings": meanings, "none_because": None}


def _whose(new: Named, tables: tuple[AccountTables, AccountTables] | None) -> Sequence[str]:
    """That the accounts are not those of the company whose versions are compared, if so."""
    if tables is None or (name := tables[1].settings.company.name) == new.bundle.company:
        return []
    return [f"The accounts are those of {name}, the profiles those of {new.bundle.company}."]


def _notes(old: Named, new: Named) -> Sequence[str]:
    """What a reader has to know of the two versions before comparing their figures."""
    notes = []
    was, now = (one.bundle.settings.outcome.horizon_months for one in (old, new))
    if was != now:
        notes.append(
            f"Version {old.version} looks {was} months ahead, version {new.version} {now}: figures differ by that."
        )
    elif old.bundle.definition_hash != new.bundle.definition_hash:
        notes.append("The two versions define their figures differently: compare profiles and tiers before figures.")
    if old.bundle.trained_on > new.bundle.trained_on:
        notes.append(
            f"Version {old.version} knows later data ({old.bundle.trained_on}) than version {new.version} "
            f"({new.bundle.trained_on}): what is told as a change leads back in time."
        )
    for one in (old, new):
        if one.bundle.icp.rejected:
            gone = ", ".join(sorted(one.bundle.icp.rejected))
            notes.append(f"Of version {one.version} people rejected {gone}: left out here, since they give no tier.")
    only_old = sorted(features_of(old.profiles) - set(new.bundle.catalog.names))
    if only_old:
        notes.append(
            f"Version {new.version} does not know what version {old.version} asked for: {', '.join(only_old)}."
        )
    return notes
