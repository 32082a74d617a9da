"""The quarterly review in sentences: what has to change now that the profiles or the accounts did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from leap.explanation.wording import money
from leap.icp import ICPProfile
from leap.icp.membership import NEGATIVE
from leap.icp.tiers import EXCLUDED
from leap.scoring.icp_diff import Crossed, FigureChange, ICPDiff, Moved
from leap.scoring.icp_tier_changes import TierChange, TierChanges

_NAMED = 3
_RULE_CHANGES = ("narrowed", "widened", "redrawn")
NOTHING: Final = "Nothing has to change: the same profiles, the same rules, and every account in the tier it was in."
SAME_PROFILES: Final = "No list and no rule has to change: the profiles are the same. Accounts were not looked at."
_METRICS = {"nrr": "NRR", "churn": "churn", "expansion_rate": "expansion", "contraction_rate": "contraction"}


def monday(diff: ICPDiff, tiers: TierChanges | None, currency: str) -> list[str]:
    """What to do, the rules first (lists and CRM), then the accounts; one sentence each."""
    said = [_entered(one) for one in diff.entered]
    said += [_left(one) for one in diff.left]
    said += [sentence for one in diff.moved for sentence in _moved(one)]
    said += _renamed([one for one in diff.moved if "renamed" in one.changes])
    if tiers is not None:
        said += _accounts(tiers, currency)
    return said or [SAME_PROFILES if tiers is None else NOTHING]


def _entered(one: Crossed) -> str:
    what = "Add a disqualification rule in the CRM" if one.profile.kind == NEGATIVE else "Build a list"
    said = f"{what}: {_asked(one.profile)} ({one.profile.id}, new{_counted(one.profile)})."
    if one.shown_by_other:
        return f"{said} The version before showed it too, though not as a profile."
    if one.within_noise:
        return (
            f"{said} The version before measured it too and showed nothing, and the two differ by no more than noise: "
            "begin with a part of it, and go on if the next version says so again."
        )
    return said


def _left(one: Crossed) -> str:
    asked, then = _asked(one.profile), one.profile.id
    why = f" ({one.other.why_not})" if one.other is not None and one.other.why_not else ""
    if one.profile.kind == NEGATIVE:
        said = f"Take the disqualification rule out of the CRM: {asked} ({then} then) is no profile any more{why}."
    else:
        said = f"Stop building lists by {asked} ({then} then): it is no profile any more{why}."
    if one.shown_by_other:
        return f"{said} It still holds; others say the same or more."
    return (
        f"{said} Both versions measured it, and differ by no more than noise: it may come back."
        if one.within_noise
        else said
    )


def _moved(one: Moved) -> list[str]:
    said = []
    if set(one.changes) & set(_RULE_CHANGES):
        said.append(f"Edit the rule in the CRM: {_asked(one.was)} becomes {_asked(one.now)} ({one.now.id}).")
    if "promoted" in one.changes:
        said.append(
            f"Move {one.now.id} ({one.now.rule.words}) from trial to the standing lists: it is established now."
        )
    if "demoted" in one.changes:
        said.append(f"Work {one.now.id} ({one.now.rule.words}) as a trial: it counts as emerging now.")
    if "figures" in one.changes:
        said.append(_figures(one, one.figures[0]))
    return said


def _renamed(some: Sequence[Moved]) -> list[str]:
    """Ids are numbers in an order, so several change at once: one sentence for all."""
    names = ", ".join(f"{one.was.id} is now {one.now.id}" for one in some)
    return [f"Rename in lists and fields: {names}."] if some else []


def _figures(one: Moved, figure: FigureChange) -> str:
    was, now = (f"{100 * part.lift:+.1f}" for part in (figure.was, figure.now))
    metric = _METRICS.get(figure.metric, figure.metric)
    return (
        f"Plan with other figures for {one.now.id} ({one.now.rule.words}): {metric} "
        f"inside less outside is {now} points, it was {was} (more than noise)."
    )


def _accounts(tiers: TierChanges, currency: str) -> list[str]:
    """Who changes hands: up to A, out of A, into D and out of it."""
    groups: list[tuple[str, list[TierChange]]] = [
        ("Hand over to the team of priority accounts, now in A", _to(tiers, "A")),
        ("Take back from the team of priority accounts, no longer in A", _from(tiers, "A", ("B", "C", None))),
        ("Review before the next discount or renewal, now in D", _to(tiers, "D")),
        ("Leave out of lists, now excluded", _to(tiers, EXCLUDED)),
        ("Give back to sales, no longer in D", _from(tiers, ("D", EXCLUDED), ("B", "C", None))),
        ("Check the condition that is named, now in B", [one for one in _to(tiers, "B") if one.was == "C"]),
    ]
    return [f"{what}: {_who(some, currency)}." for what, some in groups if some]


def _to(tiers: TierChanges, tier: str) -> list[TierChange]:
    return [one for one in tiers.changed if one.now == tier]


def _from(tiers: TierChanges, was: str | tuple[str, ...], now: Sequence[str | None]) -> list[TierChange]:
    return [one for one in tiers.changed if one.was in (was if isinstance(was, tuple) else (was,)) and one.now in now]


def _who(some: Sequence[TierChange], currency: str) -> str:
    """How many, what they pay, and the first by MRR."""
    paid = sum(one.mrr or 0.0 for one in some)
    names = ", ".join(one.name for one in some[:_NAMED])
    rest = f" and {len(some) - _NAMED:,} more" if len(some) > _NAMED else ""
    count = "1 account" if len(some) == 1 else f"{len(some):,} accounts"
    pays = f", {money(paid, currency)} a month" if paid else ""
    return f"{count}{pays} ({names}{rest})"


def _asked(profile: ICPProfile) -> str:
    return f"“{profile.rule.words}”"


def _counted(profile: ICPProfile) -> str:
    size = profile.size
    if "customers" not in size or "prospects" not in size:
        return ""
    return f"; {size['customers']:,} customers and {size['prospects']:,} prospects meet it"
