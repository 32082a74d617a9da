"""Pictures of pages: those of `leap.reports.charts`, with figures written as on all pages.

Imported where they are drawn: a page that says why no model is live must not wait for what a model needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from serving.pages import words

if TYPE_CHECKING:
    from leap.reports.charts import Form

NOT_SHOWN = "Its direction or size did not hold over the periods it was checked in."
SCOPES = {
    "health": (
        "Customers",
        "What moves the scores of customers: what was true before they bought, and what they do since.",
    ),
    "fit": ("Before the purchase", "What moves the scores of companies of which only that is known."),
}


def style() -> bytes:
    """The style sheet of pictures."""
    from leap.reports import charts

    return charts.style().encode()


def reasons(score: Mapping[str, Any], currency: str) -> Markup:
    """One account's score from the base over its largest reasons to its NRR, broad and for phones."""
    from leap.reports import charts

    if not score.get("reasons") or (score.get("nrr") or {}).get("point") is None:
        return Markup("")
    return charts.responsive(lambda width: charts.reasons(score, currency, form=form(), width=width))


@dataclass(frozen=True)
class DrawnDriver:
    """A driver in words, with the picture of how its contribution goes with its value."""

    label: str
    share: str
    between: str
    way: str
    kind: str
    not_yet: str
    features: tuple[str, ...]
    picture: Markup


@dataclass(frozen=True)
class DrawnScope:
    """Drivers of the models of one scope."""

    key: str
    title: str
    about: str
    overview: Markup
    drivers: tuple[DrawnDriver, ...]


def drivers(document: Mapping[str, Any]) -> list[DrawnScope]:
    """What the page of drivers shows, from the scorer's document of drivers."""
    from leap.reports import charts

    found = []
    for scope, part in document.items():
        title, about = SCOPES[scope]
        listed: Sequence[Mapping[str, Any]] = part["drivers"]

        def overview(width: int, listed: Sequence[Mapping[str, Any]] = listed, scope: str = scope) -> Markup:
            return charts.drivers(listed, name=f"drivers-{scope}", width=width, percent=_whole)

        drawn = tuple(_driver(driver, part, scope, rank) for rank, driver in enumerate(listed))
        found.append(DrawnScope(scope, title, about, charts.responsive(overview) if listed else Markup(""), drawn))
    return found


def _driver(driver: Mapping[str, Any], part: Mapping[str, Any], scope: str, rank: int) -> DrawnDriver:
    from leap.explanation.dependence import Dependence
    from leap.explanation.drivers import way_words
    from leap.reports import charts
    from leap.reports.charts.drivers import driver_label

    summed = next((one for one in part["dependence"] if one["feature"] == driver["features"][0]), None)
    picture = Markup("")
    if summed is not None:
        picture = charts.dependence(Dependence.from_json(summed), name=f"{scope}-{rank}")
    low, high = driver.get("share_low"), driver.get("share_high")
    return DrawnDriver(
        label=driver_label(driver),
        share=words.percent(driver["share"]),
        between="" if low is None or high is None else f"{words.percent(low)} to {words.percent(high)}",
        way=way_words(str(driver["direction"]), kind=str(driver.get("kind", ""))),
        kind="can be acted on" if driver.get("actionable") else "",
        not_yet="" if driver["stable"] else str(driver.get("why_not") or NOT_SHOWN),
        features=tuple(part["labels"].get(name, name) for name in driver["features"]),
        picture=picture,
    )


def _whole(share: float) -> str:
    """A share of a drawing, without digits that nobody needs.

    >>> _whole(0.228), _whole(0.004), _whole(0.0)
    ('23 %', 'under 1 %', '0 %')
    """
    return "under 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def form() -> Form:
    """NRR and its points, as pages write them."""
    from leap.reports.charts import Form
    from leap.reports.charts.scales import digits

    def mark(value: float, step: float) -> str:
        return f"{100 * value:.{digits(100 * step)}f} %".replace("-", words.MINUS)

    return Form(words.percent, words.points, mark, "NRR points")
