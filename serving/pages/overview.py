"""The first page: how the book stands, what is expected of it, and what to do about it.

What takes longer than a reader waits for a page has an address of its own: the page shows it where it was made already,
and else links to it; a small script puts it in its place.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from markupsafe import Markup

from serving.direct import Body, Deadline, large
from serving.documents import CHAMPION, PREVIOUS
from serving.errors import Refused
from serving.lanes import Check
from serving.live import Served
from serving.pages import drawn, findings, rendering, words
from serving.pages.route import OfPage, Page, PageQuery, View

if TYPE_CHECKING:
    from leap.reports.overview import OverviewSummary
    from leap.reports.overview_changes import Changes
    from leap.reports.overview_needs import Need
    from leap.reports.overview_profiles import NewInProfiles

MOST_SHOWN = 5
QUARTER = 3
MOST_AT_ONCE = 20_000
"""Customers of whom all figures take no longer than somebody waits for a page."""
SUMMARY, PROFILES = "summary", "profiles"
WAIT_SECONDS = 15.0
"""How long a request waits while parts of the page are made for another one."""

router = APIRouter(route_class=Page)


class ChangesQuery(PageQuery):
    """How many months ago the date lies that is compared with."""

    months: Literal["3", "12"] = "3"


@router.get("/")
@large(True)
def overview(view: OfPage) -> Body:
    """How the live model's accounts stand; of a large book first what is known without working it out."""
    made = Made.of(view.served)
    ready = SUMMARY in made.parts or len(view.served.accounts) <= MOST_AT_ONCE
    return _page(view, made.once(SUMMARY, lambda: _summary(view.served)) if ready else None)


@router.get("/overview/book")
@large(True)
def overview_book(view: OfPage) -> Body:
    """The same, worked out in any case."""
    return _page(view, Made.of(view.served).once(SUMMARY, lambda: _summary(view.served)))


@router.get("/overview/changes")
@large(True)
def overview_changes(query: Annotated[ChangesQuery, Query()], view: OfPage) -> Body:
    """What changed in the expected NRR since a quarter or a year ago."""
    served, months = view.served, int(query.months)
    found = Made.of(served).once(months, lambda: _changes(served, months))
    return view.show("overview_part.html", part="changes", months=months, changes=found, there=rendering.known)


@router.get("/overview/win")
@large(True)
def overview_win(view: OfPage, check: Deadline) -> Body:
    """The first accounts of the target list, and what all of it costs and brings."""
    found = _win(view.served, check)
    Made.of(view.served).parts[date.today()] = found
    return view.show("overview_part.html", part="win", win=found, there=rendering.known)


@router.get("/overview/profiles")
@large(True)
def overview_profiles(view: OfPage, check: Deadline) -> Body:
    """What is new in the profiles since the version that was live before."""
    found = Made.of(view.served).once(PROFILES, lambda: _news(view.served, check))
    return view.show("overview_part.html", part="profiles", news=found, there=rendering.known)


@dataclass
class Made:
    """Parts of the page of one live model that were made: changes by months, the target list by its day, since what
    people decided of it expires.

    Not by `Served.once`: a large book takes long, and who waits for it holds a thread that other pages need.
    """

    parts: dict[Hashable, Any] = field(default_factory=dict)
    making: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, served: Served) -> Made:
        """Those of a live model."""
        return served.once("overview parts", cls)

    def once(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What is made when first asked for, one after the other; Refused (429) where that takes too long."""
        if name not in self.parts:
            if not self.making.acquire(timeout=WAIT_SECONDS):
                raise Refused(429, "The figures of this book are being worked out; try again shortly.")
            try:
                if name not in self.parts:
                    self.parts[name] = make()
            finally:
                self.making.release()
        return self.parts[name]


def _page(view: View, summary: OverviewSummary | None) -> Body:
    served, made = view.served, Made.of(view.served).parts
    return view.show(
        "overview.html",
        has_tables=served.scorer.tables is not None,
        totals=words.totals(served.accounts),
        at_risk=[one for one in served.accounts[:MOST_SHOWN] if (one.at_risk or 0) > 0],
        summary=summary,
        pictures=summary and served.once("overview pictures", lambda: Pictures.of(summary)),
        needs=summary and _needs(view, summary),
        changes=made.get(QUARTER),
        news=made.get(PROFILES),
        compared=PROFILES in made,
        at_once=len(served.accounts) <= MOST_AT_ONCE,
        win=made.get(date.today()),
        there=rendering.known,
    )


@dataclass(frozen=True)
class Win:
    """The target list in short; without a list there are no tables."""

    document: Mapping[str, Any] | None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """The drawings of the page."""

    lines: Mapping[str, Markup]
    why: Markup

    @classmethod
    def of(cls, summary: OverviewSummary) -> Pictures:
        """Each figure over time, and the waterfall of the expected NRR."""
        from leap.reports.waterfall import picture

        book = summary.book
        if book is None:
            return cls({}, Markup(""))
        names = (("nrr", "NRR"), ("grr", "GRR"), ("churn", "Churn of MRR"))
        return cls(
            {key: _line(summary, key, label) for key, label in names},
            picture(book.why) if book.why is not None else Markup(""),
        )


def _line(summary: OverviewSummary, key: str, label: str) -> Markup:
    from leap.reports.charts import Ahead, Line, history

    book = summary.book
    if book is None:
        return Markup("")
    ahead, said = None, list[Ahead]()
    if book.expected is not None:
        figure = book.expected.figures[key]  # type: ignore[index]
        if figure.value is not None:
            ahead = Ahead(book.expected.until, figure.value, figure.low, figure.high)
        if key == "nrr":
            said = [Ahead(one.until, one.nrr, one.low, one.high) for one in book.expected.said]
    points = [(one.end, getattr(one, key)) for one in book.history.windows]
    line = Line(label, points, ahead, said)
    return history(line, drawn.form(), title=f"{label} over time", name=f"history-{key}")


def _summary(served: Served) -> OverviewSummary:
    from leap.reports.overview import summarise

    return summarise(served.scorer)


def _changes(served: Served, months: int) -> Changes | None:
    from leap.reports.overview_changes import changes

    return changes(served.scorer, months)


def _win(served: Served, check: Check) -> Win:
    """The list under `[policy]`, as `/v1/target-list` gives it and remembers it."""
    if served.scorer.tables is None:
        return Win(None)
    from leap.reports.targets import headlines

    document = json.loads(served.documents.target_list({}, MOST_SHOWN, check))
    return Win(document, tuple(headlines(document)))


def _news(served: Served, check: Check) -> NewInProfiles | None:
    """None where no version was live before this one."""
    from leap.errors import UnknownVersion
    from leap.reports.overview_profiles import new_in_profiles

    try:
        return new_in_profiles(json.loads(served.documents.icp_diff(PREVIOUS, CHAMPION, check)))
    except UnknownVersion:
        return None


def _needs(view: View, summary: OverviewSummary) -> tuple[Need, ...]:
    """What needs somebody, with what the page of reviews says now; where no verdict can be given, none is due."""
    from leap.reports.overview_needs import needs
    from leap.reviews import due

    served, news = view.served, Made.of(view.served).parts.get(PROFILES)
    found = findings.findings(served)
    again = due(found.reviews, findings.policy_of(served).review_every_months)
    review = again.words if again.is_due and served.book is not None else ""
    changed = [one.words for one in found.verdicts.again]
    return needs(summary, served.freshness(), review, changed, news.changed if news else 0)
