"""The seven places that an ICP must change, each with the sentence that this ICP puts there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leap.reports.icp_profile import OWN_DATA, ProfileSummary
from leap.reports.rendering import count, listed

_NEEDS = ("technographic", "behavioural")


@dataclass(frozen=True)
class PlaceToChange:
    """A place and what is done there now."""

    name: str
    sentence: str


def places(profiles: Sequence[ProfileSummary]) -> tuple[PlaceToChange, ...]:
    """The checklist; empty where no profile counts."""
    good = [profile for profile in profiles if profile.kind != "negative" and not profile.rejected]
    bad = [profile for profile in profiles if profile.kind == "negative" and not profile.rejected]
    if not good and not bad:
        return ()
    made = (
        ("Targeting", _targeting(good, bad)), ("Outbound lists", _outbound(good, bad)),
        ("Qualification", _qualification(good, bad)), ("Messaging", _messaging(good)),
        ("Discovery", _discovery(good, bad)), ("Roadmap", _roadmap(good, bad)), ("Coverage", _coverage(good, bad)),
    )  # fmt: skip
    return tuple(PlaceToChange(name, sentence) for name, sentence in made)


def _targeting(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> str:
    first = f"Put {good[0].who} at the top of the account tiers (A)" if good else "Leave the account tiers as they are"
    return f"{first}{f', and {bad[0].who} at the bottom (D)' if bad else ''}."


def _outbound(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> str:
    wanted = [(profile, profile.to_work_on.prospects) for profile in good if profile.to_work_on]
    wanted = [(profile, prospects) for profile, prospects in wanted if prospects]
    begin = (
        f"Begin with the {count(wanted[0][1])} prospects that meet {wanted[0][0].id}{_alone(wanted[0][0])}"
        if wanted
        else "No prospect of the tables meets a profile: look for companies like it outside them"
        if good
        else "Keep the lists"
    )
    return f"{begin}{_behind(bad)}."


def _alone(profile: ProfileSummary) -> str:
    return " and no negative profile" if profile.opposed else ""


def _behind(bad: Sequence[ProfileSummary]) -> str:
    if not bad:
        return ""
    return f"; take out {bad[0].who}" if bad[0].costs else f"; put {bad[0].who} at the end"


def _qualification(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> str:
    parts = [
        f"rank leads from {good[0].who} up" if good else "",
        f"ask twice before leads from {bad[0].who}" if bad else "",
    ]
    said = ", and ".join(part for part in parts if part)
    return f"{said[:1].upper()}{said[1:]} become opportunities." if bad else f"{said[:1].upper()}{said[1:]}."


def _messaging(good: Sequence[ProfileSummary]) -> str:
    if not good:
        return "Nothing to change: it is not shown which companies do better."
    needs = [c for profile in good for c in profile.conditions if c.layer in _NEEDS and c.party != OWN_DATA]
    whom = needs[0].who if needs else good[0].who
    return f"Write for {whom}: it is what they share before they buy; promise nobody the figures of this page."


def _discovery(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> str:
    both = [*good[:1], *bad[:1]]
    third = [c.words for profile in both for c in profile.conditions if c.party != OWN_DATA]
    if third:
        said = listed([f"“{words}”" for words in dict.fromkeys(third)])
        return f"Confirm in the first call what data vendors say: {said}; write down where it differs, with the day."
    return "Ask in the first call whether the conditions hold, and write down the answer with the day."


def _costly(bad: Sequence[ProfileSummary]) -> bool:
    """Whether it is shown in money what the first negative profile costs; else nobody is refused."""
    return bool(bad) and bad[0].costs


def _roadmap(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> str:
    ask = f"Weigh requests by who asks: first {good[0].who}" if good else "Weigh requests by who asks"
    return f"{ask}{f'; what only {bad[0].who} want waits' if _costly(bad) else ''}."


def _coverage(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> str:
    sized = [(f"{profile.id}{_alone(profile)}", profile.to_work_on) for profile in good if profile.to_work_on]
    if not sized:
        whom = f" but {bad[0].who}" if _costly(bad) else ""
        return f"Keep a named owner for each account{whom}."
    name, size = sized[0]
    whom = f"the {count(size.customers)} customers and {count(size.prospects)} prospects of {name}"
    own = f"Name an owner for {whom}"
    return f"{own}{f'; serve those of {bad[0].id} without one' if _costly(bad) else ''}."
