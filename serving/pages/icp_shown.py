"""What the page of profiles lays out: the values of the report, drawn and linked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from leap.errors import LeapError
from serving.documents import CHAMPION, PREVIOUS
from serving.live import Served
from serving.pages import rendering, words
from serving.pages.findings import Findings

if TYPE_CHECKING:
    from leap.icp import Rule
    from leap.reports.icp_diff import Section
    from leap.reports.icp_monday import Todo
    from leap.reports.icp_profile import Kpi, ProfileSummary
    from leap.reports.icp_summary import AttributeSummary
    from leap.reviews.verdicts import Judged
    from serving.lanes import Check

_DOING = {
    "leap targets": ("/targets", "Open the target list"),
    "leap score": ("/accounts", "Open the accounts"),
    "leap icp": ("#downloads", "Files to hand over"),
    "leap check": ("/data", "See what the tables hold"),
}


@dataclass(frozen=True)
class Doing:
    """What to do, and where it is done: a place of the service, or else a command."""

    lead: str
    text: str
    to: str
    name: str
    command: str


@dataclass(frozen=True)
class Step:
    """A step of a profile's size; `share` is of the first step."""

    label: str
    accounts: int
    share: float
    kind: str


@dataclass(frozen=True)
class KpiRow:
    """A key figure as written, with its intervals."""

    label: str
    inside: str
    inside_range: str
    outside: str
    outside_range: str
    apart: bool


@dataclass(frozen=True)
class Card:
    """A profile; `key` is its place on the page of reviews, `alike` are conditions of nearly the same accounts."""

    profile: ProfileSummary
    key: str
    alike: tuple[str, ...]
    waiting: bool
    again: str
    steps: tuple[Step, ...]
    kpis: tuple[KpiRow, ...]


@dataclass(frozen=True)
class AttributeRow:
    """An attribute with the place of its review and what was decided, if anything was."""

    attribute: AttributeSummary
    key: str
    state: str


@dataclass(frozen=True)
class Column:
    """A column by which attributes can be sorted: its address, and how it is sorted now."""

    name: str
    title: str
    to: str
    sorted: str
    kind: str


@dataclass(frozen=True)
class Change:
    """What the profiles differ in from those of the version before, or why that cannot be said."""

    summary: str = ""
    monday: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    why_not: str = ""
    before: str = ""
    """The version before, to be looked at."""


def cards(found: Findings) -> dict[str, list[Card]]:
    """Profiles by kind, in the order of the report."""
    alike = {a.profile: a.alike for a in found.summary.attributes if a.profile}
    judged = {one.name: one for one in found.verdicts.profiles}
    made: dict[str, list[Card]] = {}
    for profile in found.summary.profiles:
        own = judged[profile.id]
        card = Card(
            profile, own.standing.subject.key, alike.get(profile.id, ()), own.standing.subject in found.waiting,
            own.standing.again or "", tuple(_steps(profile)),
            tuple(_kpi(k, found.summary.currency) for k in profile.kpis if (k.inside, k.outside) != (None, None)),
        )  # fmt: skip
        made.setdefault(profile.kind, []).append(card)
    return made


def reach(found: Findings) -> float:
    """The largest difference or end of an interval of profiles: one scale for all their bars."""
    ends = (end for p in found.summary.profiles for row in p.evidence.rows for end in (row.low, row.high))
    return words.reach(ends, 0.05)


def without_interval(card: Card) -> list[str]:
    """Figures that have none, on both sides or on one."""
    found = []
    for row in card.kpis:
        sides = ((row.inside, row.inside_range, "inside"), (row.outside, row.outside_range, "outside"))
        bare = [side for value, between, side in sides if value != words.DASH and not between]
        found += [row.label if len(bare) > 1 else f"{row.label} {side}" for side in bare[:1]]
    return found


def _steps(profile: ProfileSummary) -> list[Step]:
    size = profile.size
    if size is None:
        return []
    counted = (
        ("All accounts and prospects", size.market, "market"),
        ("Meet it now", size.customers + size.prospects, "met"),
        ("of them prospects", size.prospects, "part"),
        ("of them customers", size.customers, "part"),
    )
    return [Step(label, n, n / size.market if size.market else 0.0, kind) for label, n, kind in counted]


def _kpi(kpi: Kpi, currency: str) -> KpiRow:
    unit = {"money": currency, "months": "months", "days": "days"}.get(kpi.unit)
    return KpiRow(
        f"{kpi.label}, {unit}" if unit else kpi.label,
        _written(kpi.unit, kpi.inside), _ends(kpi.unit, kpi.inside_ends),
        _written(kpi.unit, kpi.outside), _ends(kpi.unit, kpi.outside_ends),
        kpi.apart,
    )  # fmt: skip


def _written(unit: str, value: float | None) -> str:
    if value is None:
        return words.DASH
    if unit == "share":
        return words.percent(value)
    if unit in ("months", "times"):
        return f"{value:,.1f}".replace("-", words.MINUS)
    return words.amount(round(value))


def _ends(unit: str, ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{_written(unit, ends[0])} to {_written(unit, ends[1])}"


def doing(todo: Todo) -> Doing:
    """A line of what to do with the page that does it, where there is one."""
    to, name = next((place for begin, place in _DOING.items() if todo.command.startswith(begin)), ("", ""))
    if to and (to.startswith("#") or to in rendering.known):
        return Doing(todo.lead, todo.text, to, name, "")
    return Doing(todo.lead, todo.text, "", "", todo.command)


# --- attributes

_GRADES = ("must", "strong", "useful", "")
_SORTS: dict[str, tuple[str, str, Callable[[AttributeSummary], Any]]] = {
    "condition": ("Condition before the purchase", "", lambda a: a.words.casefold()),
    "grade": ("Grade", "", lambda a: _GRADES.index(a.grade)),
    "kind": ("Kind", "", lambda a: (a.category, a.layers)),
    "accounts": ("Accounts", "n", lambda a: -a.evidence.matched),
    "inside": ("Inside", "n", lambda a: -(a.evidence.headline.inside or 0.0)),
    "outside": ("Outside", "n", lambda a: -(a.evidence.headline.outside or 0.0)),
    "difference": ("Difference, points", "n", lambda a: -abs(a.evidence.headline.difference or 0.0)),
    "luck": ("May be luck", "n", lambda a: a.evidence.false_discovery_rate),
}
_LARGE_FIRST = ("accounts", "inside", "outside", "difference")


def attributes(found: Findings, sort: str) -> dict[bool, list[AttributeRow]]:
    """Attributes with and without a difference; sorted by a column, `-` before its name turns the order around."""
    from leap.reviews import key_of

    judged = {one.standing.subject.key: one for one in found.verdicts.attributes}
    rows: dict[bool, list[AttributeRow]] = {True: [], False: []}
    for attribute in _sorted(found.summary.attributes, sort):
        key = _key(attribute.rule, key_of)
        rows[attribute.shown].append(AttributeRow(attribute, key, _state(judged.get(key))))
    return rows


def _key(rule: Rule | None, key_of: Callable[[Any], str]) -> str:
    return "" if rule is None else key_of(condition.to_json() for condition in rule.conditions)


def _state(judged: Judged | None) -> str:
    if judged is None or judged.standing.state == "open":
        return ""
    return "look again" if judged.standing.again else judged.standing.state


def _sorted(found: tuple[AttributeSummary, ...], sort: str) -> list[AttributeSummary]:
    by = _SORTS.get(sort.removeprefix("-"))
    return sorted(found, key=by[2], reverse=sort.startswith("-")) if by else list(found)


def columns(sort: str, version: str = "") -> list[Column]:
    """The heads of both tables; the one that sorts now turns the order around."""
    found = []
    for name, (title, kind, _) in _SORTS.items():
        up = (name in _LARGE_FIRST) == sort.startswith("-")
        now = ("ascending" if up else "descending") if sort.removeprefix("-") == name else ""
        asked = {"version": version} if version else {}
        order = "-" if now and not sort.startswith("-") else ""
        to = f"/icp?{urlencode({**asked, 'sort': order + name})}#attributes"
        found.append(Column(name, title, to, now, kind))
    return found


# --- what changed


def change(served: Served, check: Check) -> Change:
    """What the live version found otherwise than the one that was champion before it."""
    from leap.reports.icp_diff import sections_of, summary_of

    try:
        document = json.loads(served.documents.icp_diff(PREVIOUS, CHAMPION, check))
    except LeapError as error:
        return Change(why_not=error.message)
    monday, notes = tuple(document["monday"]), tuple(document["notes"])
    return Change(summary_of(document), monday, notes, sections_of(document), before=str(document["from"]["version"]))
