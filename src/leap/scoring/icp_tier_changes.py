"""Which accounts are in another tier under another version, and how much of it came from data, model and policy.

Three switches turn what was said then into what is said now: the rows known (data), the profiles (model) and the
settings (policy). Each of the eight settings of the switches gives every account a tier. How much of a change each
switch made is the mean over the six orders in which they can be turned of what turning it changed (the Shapley value:
Shapley 1953, "A value for n-person games"); the three parts add up to the whole exactly, as sixths.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Final

import numpy as np

from leap.icp import ICPProfile, TierPolicy, Tiers, steady
from leap.icp.tiers import EXCLUDED
from leap.scoring.tier_looks import Look

SWITCHES: Final = ("data", "model", "policy")
Setting = tuple[bool, bool, bool]
"""Which switches are turned: data, model and policy as they are now (True) or as they were (False)."""
SETTINGS: Final[tuple[Setting, ...]] = tuple(product((False, True), repeat=3))  # type: ignore[arg-type]
THEN: Final[Setting] = (False, False, False)
NOW: Final[Setting] = (True, True, True)
_TO_ACT_ON = {"A", "D", EXCLUDED}
"""Changes to and from these are told first, then all others; those that pay most first."""
_SIXTHS = (2, 1, 2)
"""In how many of the six orders a switch is turned after a given set of none, one or two others."""


@dataclass(frozen=True)
class Version:
    """What a version says of tiers: its profiles and its settings."""

    profiles: tuple[ICPProfile, ...]
    policy: TierPolicy


@dataclass(frozen=True)
class Looks:
    """The rows of then and now, each with the features that the profiles of then and of now ask for."""

    then_for_old: Look
    then_for_new: Look
    now_for_old: Look
    now_for_new: Look

    def of(self, data: bool, model: bool) -> Look:
        """The look of one setting of the switches."""
        then, now = (self.then_for_old, self.now_for_old), (self.then_for_new, self.now_for_new)
        return (now if model else then)[data]


@dataclass(frozen=True)
class TierChange:
    """An account that was and is a customer or prospect, in another tier than before.

    `parts` say how much of the change each switch made; they add up to 1.
    """

    account_id: str
    name: str
    mrr: float | None
    was: str | None
    now: str | None
    parts: Mapping[str, Fraction]
    tiers: Mapping[Setting, str | None]

    @property
    def causes(self) -> tuple[str, ...]:
        """The switches with the largest part."""
        most = max(self.parts.values())
        return tuple(name for name in SWITCHES if self.parts[name] == most)


@dataclass(frozen=True)
class TierChanges:
    """All accounts of two versions by their tiers; arrived and gone accounts have none on one side.

    `transitions` counts accounts (and sums up the MRR they pay, or paid) by the tier before and after; a side on which
    an account is not there is `not there`. `by_tier` has, for accounts that are on both sides, how many more each tier
    has by each switch. `held` are accounts whose tier is another by the rule alone.
    """

    as_of: tuple[str, str]
    changed: tuple[TierChange, ...]
    transitions: Mapping[tuple[str | None, str | None], tuple[int, float]]
    by_tier: Mapping[str | None, Mapping[str, Fraction]]
    both: int
    arrived: int
    gone: int
    held: int

    @property
    def by_cause(self) -> dict[str, Fraction]:
        """How many of the accounts that changed each switch moved."""
        return {name: sum((one.parts[name] for one in self.changed), Fraction(0)) for name in SWITCHES}

    def to_json(self) -> dict[str, Any]:
        """`tiers` of the JSON of `icp diff`, without the words."""
        return {
            "as_of": {"from": self.as_of[0], "to": self.as_of[1]},
            "accounts": {"both": self.both, "arrived": self.arrived, "gone": self.gone, "kept_by_band": self.held},
            "transitions": [
                {"from": was, "to": now, "accounts": count, "mrr": mrr}
                for (was, now), (count, mrr) in sorted(self.transitions.items(), key=lambda one: _order(*one[0]))
            ],
            "by_cause": {
                **{name: float(part) for name, part in self.by_cause.items()},
                "total": len(self.changed),
                "accounts_by_main_cause": dict(Counter(" and ".join(one.causes) for one in self.changed)),
            },
            "by_tier": [
                {"tier": tier, **{name: float(part) for name, part in parts.items()}}
                for tier, parts in sorted(self.by_tier.items(), key=lambda one: str(one[0] or "~"))
            ],
        }


NOT_THERE: Final = "not there"


def tier_changes(looks: Looks, old: Version, new: Version) -> TierChanges:
    """Every account under all eight settings of the switches; an account keeps its tier of then within the band."""
    base = _tiers(looks.of(False, False), old, {})
    found = {s: _under(s, looks, old, new, base.shown) for s in SETTINGS}
    then, now = found[THEN].shown, found[NOW].shown
    both = [account for account in now if account in then]
    sixths = _sixths([[found[s].shown[a] != then[a] for a in both] for s in SETTINGS])
    look = looks.of(True, True)
    at = {account: i for i, account in enumerate(look.account_ids)}
    changed = [
        TierChange(
            account, look.names[account], look.money(at[account]), then[account], now[account],
            {name: Fraction(int(sixths[k, i]), 6) for k, name in enumerate(SWITCHES)},
            {s: found[s].shown[account] for s in SETTINGS},
        )
        for i, account in enumerate(both)
        if then[account] != now[account]
    ]  # fmt: skip
    changed.sort(key=lambda one: (not {one.was, one.now} & _TO_ACT_ON, -(one.mrr or 0.0), one.account_id))
    return TierChanges(
        as_of=(looks.of(False, False).as_of, look.as_of),
        changed=tuple(changed),
        transitions=_transitions(then, now, looks),
        by_tier=_by_tier([found[s].shown for s in SETTINGS], both),
        both=len(both),
        arrived=len(now) - len(both),
        gone=len(then) - len(both),
        held=sum(found[NOW].shown[a] != new.policy.shown(found[NOW].by_rule[a]) for a in both),
    )


@dataclass(frozen=True)
class _Said:
    """By account: the tier that is shown, and the one by the rule alone."""

    shown: Mapping[str, str | None]
    by_rule: Mapping[str, str | None]


def _under(setting: Setting, looks: Looks, old: Version, new: Version, base: Mapping[str, str | None]) -> _Said:
    data, model, policy = setting
    version = Version((new if model else old).profiles, (new if policy else old).policy)
    return _tiers(looks.of(data, model), version, base)


def _tiers(look: Look, version: Version, before: Mapping[str, str | None]) -> _Said:
    by_rule: Tiers = look.tiers(version.profiles, version.policy)
    kept = steady([before.get(account) for account in look.account_ids], by_rule, version.policy)
    shown = {a: version.policy.shown(tier) for a, tier in zip(look.account_ids, kept.tolist(), strict=True)}
    return _Said(shown, dict(zip(look.account_ids, by_rule.letters.tolist(), strict=True)))


def shapley_sixths(values: np.ndarray) -> np.ndarray:
    """Shapley values of three switches in sixths, shape (3, n), from values of all SETTINGS in their order, (8, n).

    >>> shapley_sixths(np.array([[0], [0], [0], [0], [1], [1], [1], [1]])).ravel().tolist()
    [6, 0, 0]
    >>> shapley_sixths(np.array([[0], [0], [0], [1], [0], [1], [1], [1]])).ravel().tolist()
    [2, 2, 2]
    """
    index = {setting: i for i, setting in enumerate(SETTINGS)}
    sixths = np.zeros((3, values.shape[1]), dtype=np.int64)
    for k in range(3):
        for setting in SETTINGS:
            if setting[k]:
                continue
            turned = (*setting[:k], True, *setting[k + 1 :])
            gained = values[index[turned]] - values[index[setting]]  # type: ignore[index]
            sixths[k] += _SIXTHS[sum(setting)] * gained
    return sixths


def _sixths(is_so: Sequence[Sequence[bool]]) -> np.ndarray:
    return shapley_sixths(np.array(is_so, dtype=np.int64).reshape(len(SETTINGS), -1))


def _by_tier(found: Sequence[Mapping[str, str | None]], both: Sequence[str]) -> dict[str | None, dict[str, Fraction]]:
    """How many of the accounts on both sides are in each tier then and now, and what each switch adds."""
    tiers = {said[account] for said in found for account in both}
    counted: dict[str | None, dict[str, Fraction]] = {}
    for tier in tiers:
        counts = np.array([[sum(said[account] == tier for account in both)] for said in found])
        parts = shapley_sixths(counts)[:, 0]
        counted[tier] = {
            "then": Fraction(int(counts[0, 0])),
            **{name: Fraction(int(parts[k]), 6) for k, name in enumerate(SWITCHES)},
            "now": Fraction(int(counts[-1, 0])),
        }
    return counted


def _transitions(
    then: Mapping[str, str | None], now: Mapping[str, str | None], looks: Looks
) -> dict[tuple[str | None, str | None], tuple[int, float]]:
    """Accounts and their MRR by both tiers: what they pay now; of those that are gone what they paid then."""
    money: dict[str, float] = {}
    for look in (looks.of(False, False), looks.of(True, True)):
        money |= {a: float(m) for a, m in zip(look.account_ids, np.nan_to_num(look.mrr).tolist(), strict=True)}
    table: dict[tuple[str | None, str | None], tuple[int, float]] = {}
    for account in {**then, **now}:
        key = (then.get(account, NOT_THERE), now.get(account, NOT_THERE))
        count, mrr = table.get(key, (0, 0.0))
        table[key] = (count + 1, mrr + money[account])
    return table


def _order(was: str | None, now: str | None) -> tuple[str, str]:
    """A to D, then none, then those that are not there."""
    first, second = ("~" if t is None else "~~" if t == NOT_THERE else t for t in (was, now))
    return first, second
