"""What moves the scores of the live model, each driver with a picture: what to act on, what is given, and what to wait
with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as InQuery
from markupsafe import Markup

from serving.direct import Body, large
from serving.pages import words
from serving.pages.route import OfPage, PageQuery
from serving.pages.waiting import Waiting

router = APIRouter(route_class=Waiting)

NOT_SHOWN = "Its direction or size did not hold over the periods it was checked in."
ACT, GIVEN, WAIT = "act", "given", "wait"
SHOWN = {"": "All", ACT: "To act on", GIVEN: "Given", WAIT: "Do not act yet"}
SCOPES = {
    "health": (
        "customers",
        "Customers",
        "What moves the scores of customers: what was true before they bought, and what they do since.",
    ),
    "fit": (
        "before",
        "Before the purchase",
        "What moves the scores of companies of which only that is known: whom to sell to.",
    ),
}
GROUPS = {
    ACT: (
        "To act on",
        "They held over refits of the model and helped on later accounts, and somebody can change them. They are "
        "associated with NRR: try it with some accounts, and watch what follows.",
    ),
    GIVEN: (
        "Held, and given",
        "They held likewise, and nobody changes them: they say whom to look after first and whom to sell to.",
    ),
    WAIT: ("Do not act yet", "What was seen may be luck or has changed its direction: wait for more history."),
}


class DriversQuery(PageQuery):
    """Which drivers are shown."""

    of: str = ""
    show: str = ""


@dataclass(frozen=True)
class ShownDriver:
    """A driver in words, with the picture of how its contribution goes with its value."""

    anchor: str
    label: str
    share: str
    between: str
    way: str
    held: str
    group: str
    not_yet: str
    features: tuple[str, ...]
    picture: Markup


@dataclass(frozen=True)
class DriverGroup:
    """Drivers that the same is to be done with."""

    key: str
    title: str
    about: str
    drivers: tuple[ShownDriver, ...]


@dataclass(frozen=True)
class DriverScope:
    """Drivers of the models of one scope; `hidden` of them are not of the kind that is shown."""

    key: str
    title: str
    about: str
    overview: Markup
    groups: tuple[DriverGroup, ...]
    total: int
    hidden: int


@router.get("/drivers")
@large(True)
def drivers(view: OfPage, asked: Annotated[DriversQuery, InQuery()]) -> Body:
    """Drivers of both scopes, or of one; all, or those of one kind."""
    served = view.served
    made = served.once("drivers", lambda: scopes(served.scorer.drivers_document()))
    of = asked.of if asked.of in {key for key, *_ in SCOPES.values()} else ""
    show = asked.show if asked.show in SHOWN else ""
    whose = [scope for scope in made if not of or scope.key == of]
    shown = [only(scope, show) for scope in whose]
    kinds = [(key, name, sum(_counted(scope, key) for scope in whose)) for key, name in SHOWN.items()]
    tabs = [("", "Both"), *((scope.key, scope.title) for scope in made)]
    return view.show("drivers.html", scopes=shown, tabs=tabs, of=of, kinds=kinds, shown=show)


def scopes(document: Mapping[str, Any]) -> tuple[DriverScope, ...]:
    """What the page shows, from the scorer's document of drivers."""
    from leap.reports import charts

    found = []
    for scope, part in document.items():
        key, title, about = SCOPES[scope]
        listed: Sequence[Mapping[str, Any]] = part["drivers"]

        def overview(width: int, listed: Sequence[Mapping[str, Any]] = listed, scope: str = scope) -> Markup:
            return charts.drivers(listed, name=f"drivers-{scope}", width=width, most=12, percent=whole)

        shown = [_driver(driver, part, scope, rank) for rank, driver in enumerate(listed)]
        groups = tuple(
            DriverGroup(kind, *GROUPS[kind], members)
            for kind in GROUPS
            if (members := tuple(driver for driver in shown if driver.group == kind))
        )
        drawn = charts.responsive(overview) if listed else Markup("")
        found.append(DriverScope(key, title, about, drawn, groups, len(shown), 0))
    return tuple(found)


def only(scope: DriverScope, kind: str) -> DriverScope:
    """The scope with the drivers of one kind; all where none is named."""
    if not kind:
        return scope
    kept = tuple(group for group in scope.groups if group.key == kind)
    hidden = scope.total - sum(len(group.drivers) for group in kept)
    return DriverScope(scope.key, scope.title, scope.about, Markup(""), kept, scope.total, hidden)


def _counted(scope: DriverScope, kind: str) -> int:
    return sum(len(group.drivers) for group in scope.groups if kind in ("", group.key))


def _driver(driver: Mapping[str, Any], part: Mapping[str, Any], scope: str, rank: int) -> ShownDriver:
    from leap.explanation.dependence import Dependence
    from leap.explanation.drivers import way_words
    from leap.reports import charts
    from leap.reports.charts.drivers import driver_label
    from leap.reports.quality import same_direction

    summed = next((one for one in part["dependence"] if one["feature"] == driver["features"][0]), None)
    picture = Markup("")
    if summed is not None:
        picture = charts.dependence(Dependence.from_json(summed), name=f"{scope}-{rank}")
    low, high = driver.get("share_low"), driver.get("share_high")
    held = same_direction(driver.get("sign_draws"), driver.get("sign_folds"))
    return ShownDriver(
        anchor=anchor(str(driver.get("id") or driver["group"]), scope),
        label=driver_label(driver),
        share=words.percent(driver["share"]),
        between="" if low is None or high is None else f"{words.percent(low)} to {words.percent(high)}",
        way=way_words(str(driver["direction"]), kind=str(driver.get("kind", ""))),
        held=" and ".join(held).replace("%", " %"),
        group=WAIT if not driver["stable"] else ACT if driver.get("actionable") else GIVEN,
        not_yet="" if driver["stable"] else str(driver.get("why_not") or NOT_SHOWN),
        features=tuple(part["labels"].get(name, name) for name in driver["features"]),
        picture=picture,
    )


def anchor(name: str, scope: str) -> str:
    """The place of a driver on its page; of drivers before the purchase it says so, as customers may have the same.

    >>> anchor("usage:logins a", "health"), anchor("industry", "fit")
    ('usage-logins-a', 'before-industry')
    """
    own = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:80]
    return own if scope == "health" else f"{SCOPES[scope][0]}-{own}"


def whole(share: float) -> str:
    """A share of a drawing, without digits that nobody needs.

    >>> whole(0.228), whole(0.004), whole(0.0)
    ('23 %', 'under 1 %', '0 %')
    """
    return "under 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
