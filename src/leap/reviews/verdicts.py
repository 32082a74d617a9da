"""Verdicts beside a version's findings: which stand, which are open, and what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from leap.icp import ICPSearch, Rule
from leap.reviews import on_evidence
from leap.reviews.keys import key_of
from leap.reviews.records import Review, Subject
from leap.reviews.standing import Standing, by_subject, today

_DECIDABLE = ("stays", "leaves")


@dataclass(frozen=True)
class Judged:
    """A profile, attribute or group of drivers of a version, as its JSON says it, and how people judge it."""

    entry: Mapping[str, Any]
    words: str
    standing: Standing
    effect: str = ""

    @property
    def name(self) -> str:
        """What a person may type for it: the profile's id, a group's id, else the short key."""
        return str(self.entry.get("id") or self.standing.subject.key)

    def to_json(self) -> dict[str, Any]:
        """The key `review` of an entry."""
        return {**self.standing.to_json(), "effect": self.effect or None}


@dataclass(frozen=True)
class Verdicts:
    """All findings of a version with their standing, in the order of its JSON; `elsewhere` are those judged in other
    versions that this one did not measure. Hypotheses may be judged too, but are no open questions.
    """

    profiles: tuple[Judged, ...]
    attributes: tuple[Judged, ...]
    hypotheses: tuple[Judged, ...]
    drivers: tuple[Judged, ...]
    elsewhere: tuple[Standing, ...]

    @property
    def findings(self) -> tuple[Judged, ...]:
        """Each finding once: an attribute that became a profile is that profile."""
        found: dict[Subject, Judged] = {}
        for judged in self.profiles + self.attributes + self.hypotheses + self.drivers:
            found.setdefault(judged.standing.subject, judged)
        return tuple(found.values())

    @property
    def undecided(self) -> tuple[Judged, ...]:
        """Profiles, and conditions that made a difference, without a verdict: open questions."""
        return tuple(
            judged
            for judged in self.findings
            if judged.standing.state == "open"
            and judged.standing.subject.kind == "rule"
            and on_evidence.finding(judged.entry) in _DECIDABLE
        )

    @property
    def again(self) -> tuple[Judged, ...]:
        """Findings whose verdict expired or was given on other evidence."""
        return tuple(judged for judged in self.findings if judged.standing.again)

    @property
    def decided(self) -> tuple[Judged, ...]:
        """Findings whose verdict stands as it was given."""
        return tuple(j for j in self.findings if j.standing.state in ("accepted", "rejected") and not j.standing.again)


def verdicts_on(
    icp_document: Mapping[str, Any],
    reviews: Sequence[Review],
    at: date | None = None,
    *,
    mode: str = "prioritise",
    drivers: Sequence[Mapping[str, Any]] = (),
) -> Verdicts:
    """How people judge what a version found, on a day (default: today). `icp_document` is the JSON of `icp`, `drivers`
    those of the JSON of `train`; `mode` is the policy's.
    """
    at = at or today()
    said = by_subject(reviews, at)
    profiles = tuple(_of_rule(entry, said, at, mode) for entry in icp_document["icps"])
    attributes = tuple(_of_rule(entry, said, at, mode) for entry in icp_document["attributes"])
    hypotheses = tuple(_of_rule(entry, said, at, mode) for entry in icp_document.get("hypotheses", ()))
    of_drivers = tuple(_of_driver(entry, said, at) for entry in drivers)
    known = {judged.standing.subject for judged in profiles + attributes + hypotheses + of_drivers}
    others = [
        Standing(subject, at, given)
        for subject, given in said.items()
        if subject not in known and (subject.kind == "rule" or (subject.kind == "driver" and drivers))
    ]
    return Verdicts(profiles, attributes, hypotheses, of_drivers, tuple(others))


def with_verdicts(icp_document: Mapping[str, Any], verdicts: Verdicts) -> dict[str, Any]:
    """The JSON of `icp` with `review` beside the evidence of every profile, attribute and hypothesis, which stays as it
    is.
    """
    parts = {"icps": verdicts.profiles, "attributes": verdicts.attributes, "hypotheses": verdicts.hypotheses}
    reviewed = {
        name: [{**entry, "review": judged.to_json()} for entry, judged in zip(icp_document[name], found, strict=True)]
        for name, found in parts.items()
        if name in icp_document
    }
    return {**icp_document, **reviewed}


def with_rejections(search: ICPSearch, reviews: Sequence[Review], at: date | None = None) -> ICPSearch:
    """What was found, with the profiles marked that people rejected: these give no tier and choose no account, and no
    points card counts what was rejected.
    """
    if not reviews:
        return search
    found = verdicts_on(search.to_json(), reviews, at)
    gone = {p.name for p in found.profiles if _rejected(p)}
    keys = {one.standing.subject.key for one in (*found.profiles, *found.attributes) if _rejected(one)}

    def stands(rule: Rule) -> bool:
        return key_of(condition.to_json() for condition in rule.conditions) not in keys

    card = None if search.card is None else search.card.without(stands)
    return replace(search, rejected=frozenset(gone), card=card)


def without_rejected(search: ICPSearch, verdicts: Verdicts) -> ICPSearch:
    """What was found, without what people rejected, for exports: nothing is targeted by it, asked or counted."""
    judged = (*verdicts.profiles, *verdicts.attributes)
    keys = {one.standing.subject.key for one in judged if _rejected(one)}
    gone = {one.name for one in verdicts.profiles if _rejected(one)} | search.rejected

    def stands(rule: Rule) -> bool:
        return key_of(condition.to_json() for condition in rule.conditions) not in keys

    kept = tuple(profile for profile in search.profiles if profile.id not in gone)
    return replace(
        search,
        profiles=kept,
        attributes=tuple(attribute for attribute in search.attributes if stands(attribute.rule)),
        none_because=search.none_because if kept or not gone else "people rejected every profile that was found",
        card=None if search.card is None else search.card.without(stands),
    )


def _rejected(judged: Judged) -> bool:
    return judged.standing.state == "rejected" and judged.standing.counts


def if_rejected(judged: Judged, mode: str) -> str:
    """What a rejection would do, on one line; `mode` is the policy's."""
    at, subject = judged.standing.at, judged.standing.subject
    supposed = Review(subject, "reject", "", "", at.isoformat())
    return _effect(judged.entry, Standing(subject, at, (supposed,)), mode) if subject.kind == "rule" else ""


def _of_rule(entry: Mapping[str, Any], said: Mapping[Subject, tuple[Review, ...]], at: date, mode: str) -> Judged:
    subject = Subject("rule", key_of(entry["conditions"]))
    standing, now = Standing(subject, at, said.get(subject, ())), on_evidence.of_rule(entry)
    if standing.latest is not None:
        then = standing.latest.evidence
        changed, turned = on_evidence.rule_changed(then, now), on_evidence.opposite(then, now)
        standing = replace(standing, changed=changed, opposite=turned)
    return Judged(entry, str(entry["words"]), standing, _effect(entry, standing, mode))


def _of_driver(entry: Mapping[str, Any], said: Mapping[Subject, tuple[Review, ...]], at: date) -> Judged:
    subject = Subject("driver", str(entry["id"]))
    standing = Standing(subject, at, said.get(subject, ()))
    if standing.latest is not None:
        changed = on_evidence.driver_changed(standing.latest.evidence, on_evidence.of_driver(entry))
        standing = replace(standing, changed=changed)
    return Judged(entry, str(entry["label"]), standing)


def _effect(entry: Mapping[str, Any], standing: Standing, mode: str) -> str:
    """What a verdict does, on one line; nothing for an open question."""
    if standing.state in ("accepted", "rejected") and standing.opposite:
        return "Given on the opposite finding: it does not count here."
    if standing.state in ("accepted", "rejected") and on_evidence.finding(entry) == "hypothesis":
        return f"Marked as {standing.state}; a hypothesis chooses no account either way."
    if standing.state == "accepted":
        return "Marked as accepted; figures and tiers are the same."
    if standing.state != "rejected":
        return ""
    if entry.get("id") is None:
        return "Marked as rejected; profiles that combine it with others stand until they are rejected themselves."
    if entry.get("kind") == "negative":
        listed = "takes no account down the list" if mode == "prioritise" else "leaves no account out of the list"
        return f"Shown but not counted: it gives no tier D and {listed}."
    listed = "takes no account up the list" if mode == "prioritise" else "keeps no account on the list"
    return f"Shown but not counted: it gives no tier A and {listed}."
