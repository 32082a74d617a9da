"""What a page says of a target list: how it came about, what ends it, what is missing, and a part of its accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.reports import targets as report
from leap.scoring.targets import LEFT_OUT, Entries, TargetList
from leap.scoring.targets.candidates import IF_WON

MOST_EXAMPLES = 3
MOST_HITS = 20


@dataclass(frozen=True)
class Missing:
    """Something that the list would need to say more: what is missing, what follows, and what would make it appear."""

    what: str
    why: str
    remedy: str


@dataclass(frozen=True)
class LeftOut:
    """Prospects that are not on the list for one reason, and those of them that would bring most."""

    reason: str
    words: str
    accounts: int
    examples: tuple[tuple[str, str], ...]
    """Id and name."""


@dataclass(frozen=True)
class TargetsSummary:
    """A list as a whole; money is in the company's currency. None where there is no such figure."""

    accounts: int
    prospects: int
    cost: float
    budget: float | None
    expected_gain: float
    expected_new_mrr: float
    quota: float | None
    quota_short: float | None
    by_part: tuple[tuple[str, int], ...]
    """In words, how accounts came on the list, with how many."""
    months: int
    by_margin: bool
    """Whether the gain is margin; else it is revenue less the cost of work."""
    if_won: bool
    """Whether gains are what they would be if every account were won: no deal has a result."""
    ends: tuple[str, ...]
    """What ends the list, a sentence for each limit that does."""
    proof: str
    headlines: tuple[str, ...]
    basis: tuple[str, ...]
    notes: tuple[str, ...]
    missing: tuple[Missing, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def budget_used(self) -> float | None:
        """Share of the budget that the list costs."""
        return self.cost / self.budget if self.budget else None


@dataclass(frozen=True)
class Hit:
    """A prospect that was looked for and is not on the list, with why."""

    account_id: str
    name: str
    why: str


@dataclass(frozen=True)
class Shown:
    """A part of a list: entries as in its JSON, from `first` on (counted from 0), of `found` that match."""

    entries: tuple[Mapping[str, Any], ...]
    first: int
    found: int
    hits: tuple[Hit, ...]
    more_hits: int


def summarise(made: TargetList) -> TargetsSummary:
    """All but the accounts themselves."""
    document = Entries(made).to_json(0)
    totals, own, headlines = document["totals"], made.candidates, report.headlines(document)
    return TargetsSummary(
        accounts=len(made),
        prospects=len(own),
        cost=totals["cost"],
        budget=made.asked.budget,
        expected_gain=totals["expected_gain"],
        expected_new_mrr=totals["expected_new_mrr"],
        quota=made.asked.quota,
        quota_short=totals["quota_short"],
        by_part=tuple((report.PART_WORDS[part], n) for part, n in totals["by_part"].items() if n),
        months=own.months,
        by_margin=bool(own.by_margin.all()),
        if_won=own.win_basis == IF_WON,
        ends=tuple(_ends(made)),
        proof=headlines[-1],
        headlines=tuple(headlines[:-1]),
        basis=tuple(report.basis(document)),
        notes=tuple(document["notes"]),
        missing=tuple(_missing(made)),
        left_out=tuple(_left_out(made)),
    )


def shown(made: TargetList, words: str, first: int, most: int) -> Shown:
    """Accounts of the list whose name or id contains these words, ranked as in the whole list."""
    found, hits = _matching(made, words)
    entries = Entries(made)
    first = min(first, max(0, (len(found) - 1) // most * most)) if most else 0
    part = tuple(entries.entry(rank, i) for rank, i in found[first : first + most])
    told = [Hit(*_named(made, i), LEFT_OUT[str(made.left_out[i])]) for i in hits[:MOST_HITS]]
    return Shown(part, first, len(found), tuple(told), max(0, len(hits) - MOST_HITS))


def ranked(made: TargetList, words: str) -> list[tuple[int, int]]:
    """Ranks and rows of the accounts of the list whose name or id contains these words."""
    return _matching(made, words)[0]


def _matching(made: TargetList, words: str) -> tuple[list[tuple[int, int]], list[int]]:
    """Ranks and rows of the list, and rows of prospects beside it, the most gain first; none of these without words."""
    ranked = list(enumerate((int(i) for i in made.order), start=1))
    wanted = words.strip().casefold()
    if not wanted:
        return ranked, []

    def matches(i: int) -> bool:
        return any(wanted in text.casefold() for text in _named(made, i))

    beside = [i for i in _by_gain(made, np.flatnonzero(made.part == "")) if matches(i)]
    return [(rank, i) for rank, i in ranked if matches(i)], beside


def _named(made: TargetList, i: int) -> tuple[str, str]:
    table = made.candidates.table
    return str(table.account_ids[i]), str(table.names[i] or table.account_ids[i])


def _by_gain(made: TargetList, rows: np.ndarray) -> list[int]:
    gain = np.nan_to_num(made.candidates.gain[rows], nan=-np.inf)
    return [int(i) for i in rows[np.lexsort((rows, -gain))]]


def _left_out(made: TargetList) -> Iterator[LeftOut]:
    for reason, n in made.left_out_by_reason.items():
        rows = _by_gain(made, np.flatnonzero(made.left_out == reason))[:MOST_EXAMPLES]
        yield LeftOut(reason, LEFT_OUT[reason], n, tuple(_named(made, i) for i in rows))


def _ends(made: TargetList) -> Iterator[str]:
    """Which limits keep accounts off the list that would bring more than they cost."""
    why, asked = made.left_out_by_reason, made.asked
    if n := why.get("over_capacity"):
        yield f"Capacity ends the list: all {asked.capacity or 0:,} places are taken, {_counted(n)} beside them."
    if n := why.get("over_budget"):
        yield f"Budget ends the list: {_counted(n)} cost more than what is left of it."
    if n := why.get("dearer_than_budget"):
        yield f"Budget: {_counted(n)} cost more than all of it."
    if n := why.get("segment_full"):
        yield f"Segments end the list: {_counted(n)} are of a segment that is full."
    if n := why.get("over_limits"):
        yield f"Shares end the list: {_counted(n)} would take what is kept for emerging profiles or exploration."
    limits = ("over_capacity", "over_budget", "dearer_than_budget", "segment_full", "over_limits")
    if len(made.candidates) and not any(why.get(reason) for reason in limits):
        yield "No limit ends the list: every prospect that is expected to bring more than it costs is on it."


def _counted(n: int) -> str:
    return f"{n:,} more prospect{'s' if n != 1 else ''}"


def _missing(made: TargetList) -> Iterator[Missing]:
    """What is not there, and what would make it appear."""
    own = made.candidates
    bundle = own.table.bundle
    economics, icp = bundle.economics, bundle.icp
    if not icp.counted:
        why = icp.none_because or "no rule held on accounts that it was not found on, or people rejected those that did"
        yield Missing(
            "No profile stands behind this list.",
            f"There is none that counts: {why.rstrip('.')}. Accounts are chosen by value alone.",
            "Profiles come with more history, and with more columns of what companies are before they buy (scope fit).",
        )
    if len(own) and economics.get("new_mrr") is None:
        yield Missing(
            "What new customers pay is not known.",
            "So no value can be set against a cost, and no account is on the list.",
            "It comes from first payments in the table with the role revenue.",
        )
    if len(own) and not own.by_margin.all():
        yield Missing(
            "No gross margin is given.",
            "Worth is revenue here and not margin, so the expected gain is too high by what it costs to deliver.",
            "Set gross_margin in [company] of leap.toml: a fraction such as 0.78, or a column of accounts.",
        )
    if own.win_basis == IF_WON:
        yield Missing(
            "No deals with a result are known.",
            "So no win probability is, and gains are what they would be if every account were won.",
            "Add a table with the role deals: created, closed, won or lost.",
        )
    if own.policy.account_cost is None and economics.get("cac") is None:
        yield Missing(
            "No acquisition costs are known.",
            "Working on an account costs the contact alone here, so a budget limits little.",
            "Add a table with the role costs, or set account_cost in [policy] of leap.toml.",
        )
    if len(own) and not own.signals.declared:
        yield Missing(
            "No buying signals are declared.",
            "So nothing says when to call: the list is of whom alone.",
            'Declare a column or table with signal = "buying" in leap.toml.',
        )


@dataclass(frozen=True)
class MadeBefore:
    """A list that was made lately: what was asked, in the fields of the form, and what it came to."""

    texts: Mapping[str, str]
    accounts: int
    cost: float
    expected_gain: float
    expected_new_mrr: float


def made_before(lists: Sequence[TargetList], texts: Callable[[TargetList], Mapping[str, str]]) -> list[MadeBefore]:
    """Lists made lately, each once, by budget from small to large and without one last."""
    found: dict[tuple[tuple[str, str], ...], MadeBefore] = {}
    for made in lists:
        own = texts(made)
        key = tuple(sorted(own.items()))
        figures = made.candidates
        found.setdefault(
            key,
            MadeBefore(own, len(made), made.total(figures.cost), made.total(figures.gain), made.total(figures.new_mrr)),
        )
    return sorted(found.values(), key=lambda one: (not one.texts["budget"], float(one.texts["budget"] or 0)))
