"""Pictures of an account: figures on their lines, the survival curve, and its scores through time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from serving.pages import drawn, words

if TYPE_CHECKING:
    from leap.reports.account import Place
    from leap.scoring.history import History

_TONES = {"new": "raises", "reactivation": "raises", "expansion": "raises", "contraction": "lowers", "churn": "lowers"}


def title(name: str) -> str:
    """A name as the title of a window: one line, without marks that steer it, not longer than anyone reads.

    >>> title("a\u202eb " + "c" * 100) == "a b " + "c" * 75 + "…"
    True
    """
    from leap.reports.charts.svg import short

    return short(name, 80)


@dataclass(frozen=True)
class Figure:
    """One figure of a score as the page has it: as written, drawn, its interval or why there is none, and compared.

    `base` is what the model says of an account of which nothing is known; `usual` the customers' median.
    """

    term: str
    said: str
    unit: str
    written: str
    between: str
    no_interval: str
    picture: Markup
    usual: str
    above: str
    base: str


_NO_INTERVAL = "a probability"
_PART = "a part of NRR"
_NO_SKILL = "the base rate of all, no skill was shown"
_MANY = 0.5


def figures(score: Mapping[str, Any], places: Mapping[str, Place], without: Collection[str] = ()) -> list[Figure]:
    """The figures of a score in the order in which they are read; empty where it abstains.

    Those of outcomes `without` skill say that they are the base rate of all.
    """
    nrr, churn, base = score.get("nrr") or {}, score.get("churn") or {}, score.get("base") or {}
    if nrr.get("point") is None:
        return []
    year, years = score.get("value_12m") or {}, score.get("value_36m") or {}
    rows = [
        ("Churn, logo churn", "Churn", "churn", {"point": churn.get("p")}, words.percent,
         _NO_SKILL if "churn" in without else _NO_INTERVAL, base.get("churn_probability")),
        ("NRR", "NRR", "nrr", nrr, words.percent, "not known", base.get("nrr")),
        ("Contraction", "Contraction if kept", "contraction", {"point": (score.get("contraction") or {}).get("rate")},
         words.percent, _NO_SKILL if "contraction" in without else _PART, None),
        ("Expansion", "Expansion if kept", "expansion", {"point": (score.get("expansion") or {}).get("rate")},
         words.percent, _NO_SKILL if "expansion" in without else _PART, None),
        ("Expected value", "Value, 12 months", "value_12m", year, words.amount, "not known", None),
        ("Expected value", "Value, 36 months", "value_36m", years, words.amount, "beyond what was followed", None),
    ]  # fmt: skip
    return [_figure(*row, places.get(row[2])) for row in rows if row[3].get("point") is not None]


def _figure(
    term: str, said: str, name: str, found: Mapping[str, Any], write: Any, none: str, base: Any, place: Place | None
) -> Figure:
    from leap.reports.charts.interval import ends_of, interval

    point, low, high = float(found["point"]), found.get("low"), found.get("high")
    median = None if place is None else place.median
    ends = ends_of([point, low, high, median], least=1.0 if write is words.percent and name in ("churn", "nrr") else 0)
    return Figure(
        term=term,
        said=said,
        unit="" if write is words.percent else "money",
        written=write(point),
        between="" if low is None or high is None else f"{write(low)} to {write(high)}",
        no_interval=none,
        picture=interval(point, low, high, median, ends),
        usual="" if median is None else write(median),
        above="" if place is None else _above(place),
        base="" if base is None else write(base),
    )


def _above(place: Place) -> str:
    """Of how many customers the figure is higher; of how many it is the same, where that says more.

    >>> from leap.reports.account import Place
    >>> _above(Place(0.3, 0.1, 0.947, 0.001, 900)), _above(Place(0.0, 0.0, 0.0, 1.0, 900))
    ('95 % of customers', 'same as all customers')
    >>> _above(Place(0.6, 0.1, 0.996, 0.001, 900)), _above(Place(0.0, 0.1, 0.002, 0.001, 900))
    ('over 99 % of customers', 'under 1 % of customers')
    """
    if place.same >= 1:
        return "same as all customers"
    if place.same >= _MANY:
        return f"same as {words.share(place.same, 0)}"
    return f"{words.share(place.below, 0)} of customers"


def survival(score: Mapping[str, Any]) -> Markup:
    """How likely it is still a customer, drawn; nothing where that is not said."""
    from leap.reports.charts.survival import survival

    curve = score.get("survival")
    if not isinstance(curve, list) or not curve:
        return Markup("")
    return survival(curve, of=str(score.get("name") or score["account_id"]), form=drawn.form())


@dataclass(frozen=True)
class Past:
    """The past of an account: its picture, and rows of a table with what it was, newest first."""

    picture: Markup
    rows: tuple[Any, ...]
    movements: tuple[Any, ...]


def past(history: History | None, currency: str) -> Past | None:
    """The scores of an account through time; None where there are none."""
    from leap.reports import charts
    from leap.reports.charts.scores_history import Mark, Month, scores_history

    if history is None or not history.pasts:
        return None
    months = [
        Month(date.fromisoformat(one.as_of), one.standing.mrr, one.standing.nrr, one.low, one.high)
        for one in history.pasts
    ]
    marks = [
        Mark(
            date.fromisoformat(one.at),
            f"{words.day(one.at)}: {one.kind}, MRR {words.amount(one.before)} to {words.amount(one.after)} {currency}",
            _TONES[one.kind],
        )
        for one in history.movements
    ]
    picture = charts.responsive(
        lambda width: scores_history(months, marks, currency, of=history.name, form=drawn.form(), width=width)
    )
    return Past(
        picture if len(months) > 1 else Markup(""), tuple(reversed(history.pasts)), tuple(reversed(history.movements))
    )
