"""Why an account is in another tier, in a sentence: what it is now, which profile changed, or which setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leap.explanation import wording
from leap.icp import Condition, Fit, ICPProfile, match
from leap.icp.matching import Lacking
from leap.icp.membership import NEGATIVE
from leap.icp.tiers import EXCLUDED
from leap.scoring.icp_diff import ICPDiff, Moved
from leap.scoring.icp_tier_changes import Looks, TierChange, Version
from leap.scoring.tier_looks import Look

_MOST_TOLD = 2
_CHANGED = {
    "narrowed": "whose rule asks for more than it did",
    "widened": "whose rule asks for less than it did",
    "redrawn": "whose rule is another",
    "promoted": "which was emerging",
    "demoted": "which was established",
}


@dataclass(frozen=True)
class Reasons:
    """What is needed to say why: both versions, the rows of then and now, and how the documents differ."""

    looks: Looks
    old: Version
    new: Version
    diff: ICPDiff

    def why(self, change: TierChange) -> str:
        """One sentence for each switch with the largest part, largest part first."""
        words = {"data": self._data, "model": self._model, "policy": self._policy}
        return "; ".join(f"{cause}: {words[cause](change)}" for cause in change.causes)

    def _data(self, change: TierChange) -> str:
        """What the account is now and was then, of the conditions that it meets otherwise."""
        told: dict[str, str] = {}
        for model in (True, False):
            for condition in self._differing(change.account_id, model, only_met=True):
                told.setdefault(condition.feature.name, self._was_and_is(condition, change.account_id, model))
        if not told:
            for condition in self._differing(change.account_id, True, only_met=False):
                told.setdefault(condition.feature.name, self._was_and_is(condition, change.account_id, True))
        return ", ".join(list(told.values())[:_MOST_TOLD]) or "nothing that a profile asks for"

    def _differing(self, account: str, model: bool, *, only_met: bool) -> Iterator[Condition]:
        """Conditions that the account meets now and did not then, or the reverse; else those whose value differs."""
        then, now = self._row(account, False, model), self._row(account, True, model)
        for profile in self._version(model).profiles:
            for k, condition in enumerate(profile.rule.conditions):
                was, is_now = (
                    self._fits[data, model].parts[profile.id][k, i] for data, i in ((False, then), (True, now))
                )
                name = condition.feature.name
                values = self.looks.of(False, model).columns[name][then], self.looks.of(True, model).columns[name][now]
                if (was == 0) != (is_now == 0) or (not only_met and plain(values[0]) != plain(values[1])):
                    yield condition

    def _was_and_is(self, condition: Condition, account: str, model: bool) -> str:
        name, feature = condition.feature.name, condition.feature
        was, is_now = (
            wording.value_of(feature, plain(self.looks.of(data, model).columns[name][self._row(account, data, model)]))
            for data in (False, True)
        )
        return f"{feature.label} was {was}, is {is_now}"

    def _model(self, change: TierChange) -> str:
        """Which profile it meets of the new ones and did not of the old, and the reverse, in the rows of now.

        Of those that meet a negative profile now or did then, only negative ones: these decide whatever else is met.
        """
        of_bad = {change.was, change.now} & {"D", EXCLUDED}
        new, old = (
            [p for p in version.profiles if not of_bad or p.kind == NEGATIVE] for version in (self.new, self.old)
        )
        met = [p for p in new if self._meets(p, change.account_id, True)]
        had = [p for p in old if self._meets(p, change.account_id, False)]
        pairs = {one.now.id: one for one in self.diff.pairs}
        partners = {one.was.id: one for one in self.diff.pairs}
        gained = [self._gained(p, pairs.get(p.id)) for p in met if p.id not in pairs or pairs[p.id].was not in had]
        lost = [self._lost(p, partners.get(p.id)) for p in had if p.id not in partners or partners[p.id].now not in met]
        said = gained if change.now in ("A", "D", EXCLUDED) and gained else [*gained, *lost]
        return ", ".join(said[:_MOST_TOLD]) or self._near(change)

    def _near(self, change: TierChange) -> str:
        """Which profile it comes near now, or came near by the profiles of then, with what it lacks."""
        for is_now, tier, verb in ((True, change.now, "nearly meets"), (False, change.was, "nearly met")):
            lacks = self._lacks(change.account_id, is_now) if tier == "B" else ()
            if lacks:
                return f"it {verb} {lacks[0].profile}: {lacks[0].said}"
        if not self.new.profiles:
            return "there is no profile any more"
        if not self.old.profiles:
            return "there was no profile, and it meets none of those found now"
        return "it comes near other profiles than before"

    def _lacks(self, account: str, model: bool) -> tuple[Lacking, ...]:
        i, version = self._row(account, True, model), self._version(model)
        columns = {name: column[i : i + 1] for name, column in self._look(True, model).columns.items()}
        return match(version.profiles, columns, 1, version.policy)[0].near

    def _gained(self, profile: ICPProfile, pair: Moved | None) -> str:
        how = "which is new" if pair is None else next((_CHANGED[c] for c in pair.changes if c in _CHANGED), "")
        return f"it meets {profile.id} ({profile.rule.words}){f', {how}' if how else ''}"

    def _lost(self, profile: ICPProfile, pair: Moved | None) -> str:
        if pair is None:
            return f"it met {profile.id} ({profile.rule.words}), which is no profile any more"
        how = next((_CHANGED[c] for c in pair.changes if c in _CHANGED), "")
        return f"it met {profile.id} ({profile.rule.words}), now {pair.now.id}{f', {how}' if how else ''}"

    def _policy(self, change: TierChange) -> str:
        was, now = self.old.policy, self.new.policy
        said = []
        if was.excludes != now.excludes:
            said.append(f"lists leave out tier D{'' if now.excludes else ' no longer'}")
        if was.band != now.band:
            said.append(f"tier_band is {now.band:.0%} instead of {was.band:.0%}")
        return ", ".join(said)

    def _meets(self, profile: ICPProfile, account: str, model: bool) -> bool:
        parts = self._fits[True, model].parts[profile.id]
        return bool((parts[:, self._row(account, True, model)] == 0).all())

    def _version(self, model: bool) -> Version:
        return self.new if model else self.old

    def _row(self, account: str, data: bool, model: bool) -> int:
        return self._rows[data, model][account]

    @cached_property
    def _fits(self) -> dict[tuple[bool, bool], Fit]:
        return {(d, m): self._look(d, m).fit(self._version(m).profiles) for d in (False, True) for m in (False, True)}

    @cached_property
    def _rows(self) -> dict[tuple[bool, bool], dict[str, int]]:
        return {
            (d, m): {account: i for i, account in enumerate(self._look(d, m).account_ids)}
            for d in (False, True)
            for m in (False, True)
        }

    def _look(self, data: bool, model: bool) -> Look:
        return self.looks.of(data, model)


def plain(value: Any) -> Any:
    """A value of a column without its library; None for one that is missing, so that two of them are the same."""
    found = value.item() if isinstance(value, np.generic) else value
    return None if wording.is_missing(found) else found
