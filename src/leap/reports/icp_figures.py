"""Figures of all profiles beside each other: how many companies, what is best at what, quarter by quarter, and what was
sold outside of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leap.icp import ICPSearch
from leap.icp.bookings import Bookings, BookingsBy
from leap.icp.front import Front
from leap.icp.funnel import Funnel, Level
from leap.icp.quarters import Quarter, Quarters

_AIMS = {"retention": "Kept without growth (GRR)", "expansion": "Growth", "margin": "Margin"}
_LEVELS = {
    "TAM": "All companies known",
    "ICP": "In a profile and in no negative one",
    "target list": "Of these, prospects with a buying signal",
}
_GROUPS = {"outside": "Outside of the profiles", "everyone": "Everyone"}
_BY = {"team": "By team", "origin": "By source"}
_SHOWN_QUARTERS = 8


@dataclass(frozen=True)
class FunnelRow:
    """A step of the funnel; `share` is of all companies known, `estimated` of the stated market."""

    label: str
    accounts: int
    customers: int
    prospects: int
    share: float | None
    estimated: int | None


@dataclass(frozen=True)
class FrontRow:
    """A profile or attribute with its figures, and what stands against it, if another is better in all."""

    words: str
    profile: str | None
    values: tuple[float | None, ...]
    against: str
    surely: bool


@dataclass(frozen=True)
class QuarterRow:
    """A group quarter by quarter."""

    label: str
    cells: tuple[Quarter, ...]


@dataclass(frozen=True)
class BookingRow:
    """Bookings of everyone, a team or a source: `group` says which, empty of everyone."""

    group: str
    found: Bookings


@dataclass(frozen=True)
class FigureSections:
    """What stands between the profiles and the attributes; each part is empty where it was not made."""

    funnel: tuple[FunnelRow, ...] = ()
    funnel_notes: tuple[str, ...] = ()
    aims: tuple[str, ...] = ()
    front: tuple[FrontRow, ...] = ()
    front_note: str = ""
    quarters: tuple[str, ...] = ()
    by_quarter: tuple[QuarterRow, ...] = ()
    later_months: int = 0
    bookings: tuple[BookingRow, ...] = ()


NONE = FigureSections()


def figure_sections(found: ICPSearch) -> FigureSections:
    """The sections of a search that has them."""
    quarters = _quarters(found.quarters) if found.quarters and found.profiles else ()
    names = tuple(cell.quarter for cell in quarters[0].cells) if quarters else ()
    ids = frozenset(profile.id for profile in found.profiles)
    return FigureSections(
        funnel=_funnel(found.funnel) if found.funnel else (),
        funnel_notes=_funnel_notes(found.funnel) if found.funnel else (),
        aims=tuple(_AIMS.get(aim, aim) for aim in found.front.aims) if found.front else (),
        front=_front(found.front, ids) if found.front else (),
        front_note=found.front.note if found.front else "",
        quarters=names,
        by_quarter=quarters,
        later_months=found.quarters.later_months if found.quarters else 0,
        bookings=_bookings(found.bookings) if found.bookings else (),
    )


def _funnel(funnel: Funnel) -> tuple[FunnelRow, ...]:
    levels = [funnel.tam, funnel.icp, *funnel.segments, funnel.target_list]
    rows = [_level(level) for level in levels if level is not None]
    return tuple(rows) if funnel.icp is not None else ()


def _level(level: Level) -> FunnelRow:
    label = _LEVELS.get(level.name, level.name)
    return FunnelRow(label, level.accounts, level.customers, level.prospects, level.share, level.estimated)


def _funnel_notes(funnel: Funnel) -> tuple[str, ...]:
    of_levels = [level.note for level in (funnel.icp,) if level is not None and level.note]
    said = [*of_levels, *funnel.notes]
    if funnel.target_list is None and funnel.icp is not None:
        said.append(
            "No feature says that a company may buy now (signal buying): a target list goes by fit and worth alone."
        )
    return tuple(said)


def _front(front: Front, ids: frozenset[str]) -> tuple[FrontRow, ...]:
    """With one choice there is nothing to weigh."""
    if len(front.choices) < 2:
        return ()
    words = {choice.id: choice.words for choice in front.choices}
    rows = []
    for choice in sorted(front.choices, key=lambda choice: (not choice.on_front, choice.id)):
        better = choice.dominated_by[0] if choice.dominated_by else None
        against = "" if better is None else f"{better.by if better.by in ids else words[better.by]} is better in all"
        own = choice.id if choice.id in ids else None
        values = tuple(choice.values[aim] for aim in front.aims)
        rows.append(FrontRow(choice.words, own, values, against, choice.surely_dominated))
    return tuple(rows)


def _quarters(quarters: Quarters) -> tuple[QuarterRow, ...]:
    places = {name: place for place, name in enumerate(_GROUPS, start=1)}
    named = sorted(quarters.groups.items(), key=lambda group: places.get(group[0], 0))
    rows = [QuarterRow(_GROUPS.get(name, name), cells[-_SHOWN_QUARTERS:]) for name, cells in named if cells]
    return tuple(rows) if any(cell.new_customers for row in rows for cell in row.cells) else ()


def _bookings(bookings: BookingsBy) -> tuple[BookingRow, ...]:
    rows = [BookingRow("", bookings.everyone)]
    named: Mapping[str, tuple[Bookings, ...]] = bookings.by
    rows += [BookingRow(_BY.get(name, name), found) for name, parts in named.items() for found in parts]
    return tuple(rows) if bookings.everyone.outside_share is not None else ()
