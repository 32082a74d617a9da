"""What needs somebody now: at most five things, from what is on hand, the most pressing first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from leap.reports.overview import Offers, OverviewSummary
from leap.scoring.freshness import Freshness

MOST: Final = 5
Kind = Literal["stale", "no_skill", "alarm", "changed", "profiles", "review", "leaving", "renewals", "offers", "shaky"]


@dataclass(frozen=True)
class Need:
    """One thing to see to: how many it is about, how much money (MRR, or the gain of offers), which ones, or why."""

    kind: Kind
    count: int = 0
    money: float = 0.0
    names: tuple[str, ...] = ()
    words: str = ""
    offers: Offers | None = None


def needs(
    summary: OverviewSummary, age: Freshness, review: str = "", changed: Sequence[str] = (), profiles: int = 0
) -> tuple[Need, ...]:
    """In the order of `Kind`: first what makes figures unsafe, then what people decide, then money.

    `review` says that a review is due, `changed` names findings whose verdicts were given on other evidence, `profiles`
    counts those that are new, gone or moved since the version before.
    """
    found = [*_of_figures(summary, age), *_of_people(review, changed, profiles), *_of_money(summary)]
    if summary.shaky:
        found.append(Need("shaky", len(summary.shaky), names=summary.shaky))
    return tuple(found[:MOST])


def _of_figures(summary: OverviewSummary, age: Freshness) -> Iterator[Need]:
    if age.stale:
        yield Need("stale", age.days)
    book = summary.book
    if book is None:
        return
    if book.expected is not None and not book.expected.skill:
        yield Need("no_skill", words=book.expected.no_skill)
    if book.alarm:
        yield Need("alarm", words=book.alarm)


def _of_people(review: str, changed: Sequence[str], profiles: int) -> Iterator[Need]:
    if changed:
        yield Need("changed", len(changed), names=tuple(changed))
    if profiles:
        yield Need("profiles", profiles)
    if review:
        yield Need("review", words=review)


def _of_money(summary: OverviewSummary) -> Iterator[Need]:
    book = summary.book
    if book is None or book.quarter is None:
        return
    quarter = book.quarter
    if quarter.leaving:
        yield Need("leaving", quarter.leaving, quarter.leaving_mrr)
    if quarter.renewals is not None and quarter.renewals.accounts:
        yield Need("renewals", quarter.renewals.accounts, quarter.renewals.mrr)
    if book.offers is not None and book.offers.accounts:
        yield Need("offers", book.offers.accounts, book.offers.gain, offers=book.offers)
