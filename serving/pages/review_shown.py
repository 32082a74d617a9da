"""What the page of reviews lays out: each finding once, with its evidence, what was said and can be said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from serving.live import Served
from serving.pages import words
from serving.pages.findings import Findings, policy_of

if TYPE_CHECKING:
    from leap.reports.icp_evidence import EvidenceSummary
    from leap.reviews import Review, Standing, Subject
    from leap.reviews.verdicts import Judged

LONGEST_ANCHOR = 80
_PARTS = ("open", "again", "decided", "elsewhere", "accounts", "expired_accounts", "rest")
_PAST = {
    "accept": "accepted",
    "reject": "rejected",
    "note": "noted",
    "include": "included",
    "exclude": "excluded",
    "withdraw": "withdrew the verdict",
}
_KINDS = {"established": "Profile", "emerging": "Profile", "negative": "Negative profile"}
_OF_RULES = (("accept", "Accept"), ("reject", "Reject"))
_OF_ACCOUNTS = (("include", "Put on the list"), ("exclude", "Take off the list"))


@dataclass(frozen=True)
class Said:
    """One entry of a history."""

    number: int
    at: str
    owner: str
    did: str
    reason: str
    version: str
    until: str


@dataclass(frozen=True)
class Failed:
    """A form that was not taken: why, what was typed, and what was decided meanwhile."""

    subject: str
    message: str
    typed: Mapping[str, str]
    meanwhile: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Item:
    """A finding or an account; `anchor` is its place on the page, `subject` what its form sends."""

    anchor: str
    subject: str
    kind: str
    name: str
    title: str
    standing: str
    state: str
    again: str
    effect: str
    if_rejected: str
    evidence: EvidenceSummary | None
    about: str
    history: tuple[Said, ...]
    choices: tuple[tuple[str, str], ...]
    waiting: bool
    failed: Failed | None = None


@dataclass(frozen=True)
class Shown:
    """The page: when the next review is due, and every subject in one of its parts."""

    due: str
    is_due: bool
    open: list[Item]
    again: list[Item]
    decided: list[Item]
    elsewhere: list[Item]
    accounts: list[Item]
    expired_accounts: list[Item]
    rest: list[Item]
    seen: int
    """The number of the latest review that whoever reads the page has seen."""
    failed: Failed | None = None
    """A form that belongs to none of the subjects."""

    @property
    def items(self) -> list[Item]:
        """Every subject once."""
        return [item for part in _PARTS for item in getattr(self, part)]


def anchor(subject: Subject) -> str:
    """The place of a subject on the page, which is an address too: the key of a rule, else its kind and its id.

    >>> from leap.reviews import Subject
    >>> anchor(Subject("rule", "rd91bb8effa")), anchor(Subject("account", "a 1"))
    ('rd91bb8effa', 'account-a%201')
    """
    if subject.kind == "rule":
        return subject.key
    quoted = quote(subject.key, safe="", errors="replace")
    if len(quoted) > LONGEST_ANCHOR:
        quoted = hashlib.sha256(subject.key.encode(errors="replace")).hexdigest()[:16]
    return f"{subject.kind}-{quoted}"


def shown(served: Served, found: Findings, failed: Failed | None = None) -> Shown:
    """The agenda of a company with its evidence."""
    from leap.reviews.listing import Agenda

    policy = policy_of(served)
    agenda = Agenda.of(served.company.name, served.version, found.verdicts, found.reviews, policy.review_every_months)
    make = _Maker(found, _evidence(found), policy.mode, _names(served))
    verdicts = found.verdicts
    parts = {
        "open": [make.finding(one) for one in verdicts.undecided],
        "again": [*map(make.finding, verdicts.again), *map(make.standing, agenda.expired_elsewhere)],
        "decided": [make.finding(one) for one in verdicts.decided],
        "elsewhere": [make.standing(one) for one in agenda.others],
        "accounts": [make.standing(one) for one in agenda.accounts],
        "expired_accounts": [make.standing(one) for one in agenda.expired_accounts],
    }
    known = {item.anchor for items in parts.values() for item in items}
    rest = [item for item in map(make.finding, verdicts.findings) if item.anchor not in known]
    seen = found.reviews[-1].number if found.reviews else 0
    page = Shown(agenda.due.words, agenda.due.is_due, **parts, rest=rest, seen=seen)
    return page if failed is None else _with_failed(page, failed)


def said(reviews: Iterable[Review]) -> tuple[Said, ...]:
    """Entries of a history, the latest first."""
    return tuple(
        Said(
            one.number, f"{words.day(one.given_on)}, {one.given_at[11:16]} UTC", one.owner, _PAST[one.verdict],
            one.reason, one.version or "", words.day(one.expires) if one.expires else "",
        )
        for one in sorted(reviews, key=lambda review: -review.number)
    )  # fmt: skip


@dataclass(frozen=True)
class _Maker:
    found: Findings
    evidence: Mapping[str, EvidenceSummary]
    mode: str
    names: Mapping[str, str]

    def finding(self, judged: Judged) -> Item:
        from leap.reviews.verdicts import if_rejected

        standing, entry = judged.standing, judged.entry
        item = self.standing(standing)
        return replace(
            item,
            kind=_kind(standing.subject.kind, entry),
            name=judged.name if judged.name != standing.subject.key else "",
            title=judged.words,
            effect=judged.effect,
            if_rejected=if_rejected(judged, self.mode),
            evidence=self.evidence.get(standing.subject.key),
            about=_about(standing.subject.kind, entry),
        )

    def standing(self, standing: Standing) -> Item:
        from leap.reviews.giving import address

        subject, history = standing.subject, standing.history
        of_account = subject.kind == "account"
        choices = (*(_OF_ACCOUNTS if of_account else _OF_RULES), ("note", "Note only"))
        if standing.latest is not None and standing.latest.verdict != "withdraw":
            choices = (*choices, ("withdraw", "Withdraw"))
        return Item(
            anchor=anchor(subject),
            subject=address(subject),
            kind="Account" if of_account else "Not measured in this version",
            name=subject.key if of_account else "",
            title=self.names.get(subject.key, subject.key) if of_account else history[-1].words if history else "",
            standing=standing.words,
            state=standing.state,
            again=standing.again or "",
            effect="",
            if_rejected="",
            evidence=None,
            about="",
            history=said(history),
            choices=choices,
            waiting=subject in self.found.waiting,
        )


def _kind(kind: str, entry: Mapping[str, Any]) -> str:
    if kind == "driver":
        return "Driver"
    if entry.get("status") == "hypothesis":
        return "Hypothesis"
    return _KINDS.get(str(entry.get("kind")), "Attribute")


def _about(kind: str, entry: Mapping[str, Any]) -> str:
    """What is known of a finding without a table of figures."""
    if kind == "driver":
        low, high = words.percent(entry["share_low"]), words.percent(entry["share_high"])
        holds = "" if entry["stable"] else " Do not act yet: it did not hold."
        moves = f"{words.percent(entry['share'])} of what moves NRR in the model ({low} to {high})"
        return f"{moves}; {entry['direction']} NRR.{holds}"
    return str(entry.get("statement") or "")


def _evidence(found: Findings) -> dict[str, EvidenceSummary]:
    """The evidence of rules by their keys, as the page of profiles has it."""
    from leap.reviews import key_of

    summary = found.summary
    rules = [(one.rule, one.evidence) for one in summary.attributes if one.rule is not None]
    rules += [(one.rule, one.evidence) for one in summary.profiles]
    return {key_of(c.to_json() for c in rule.conditions): evidence for rule, evidence in rules}


def _names(served: Served) -> Mapping[str, str]:
    return served.once("names of accounts", lambda: {one.account_id: one.name for one in served.accounts})


def _with_failed(page: Shown, failed: Failed) -> Shown:
    """The page with what was typed beside the form that it was typed into."""
    if not any(item.subject == failed.subject for item in page.items):
        return replace(page, failed=failed)
    parts: dict[str, Any] = {
        part: [replace(item, failed=failed) if item.subject == failed.subject else item for item in getattr(page, part)]
        for part in _PARTS
    }
    return replace(page, **parts)
