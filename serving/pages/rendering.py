"""Templates of pages and what all of them show: whose figures, of which model and day, and the way to other pages."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, FileSystemLoader

from leap.steering import as_is, steady
from serving.live import Served
from serving.pages import assets, drawn, forms, glossary, words

HTML = "text/html; charset=utf-8"

PLACES = (
    ("Customers", (("/", "Overview"), ("/accounts", "Accounts"))),
    ("Market", (("/icp", "Profiles"), ("/targets", "Targets"))),
    ("Why", (("/drivers", "Drivers"), ("/model", "Model"))),
    ("Upkeep", (("/review", "Review"), ("/data", "Data"))),
)
"""The pages by what they are for. Every page has its address here or below one that is here."""

environment = Environment(
    loader=FileSystemLoader(assets.FOLDER.parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=steady,
    # A template that a new installation put in the place of one in use asks for what the running code may not have.
    auto_reload=False,
)
environment.filters |= {
    "amount": words.amount,
    "percent": lambda value: words.together(words.percent(value)),
    "share": lambda value, digits=1: words.together(words.share(value, digits)),
    "points": words.points,
    "signed": words.signed_amount,
    "number": words.number,
    "day": words.day,
    "plain": words.plain,
    "spaced": words.spaced,
    "in_picture": words.in_picture,
    "name": words.name,
    "typeset": lambda value: words.together(words.typeset(value)),
    "whole": lambda value: words.together(words.whole(value)),
    "path": words.path,
    "as_is": as_is,
}
environment.globals |= {
    "ahead": words.ahead,
    "asset": assets.address,
    "bar": words.bar,
    "draw_reasons": drawn.reasons,
    "interval": words.interval,
    "offer": words.offer,
    "reach": words.reach,
    "seal": forms.seal,
    "term": glossary.term,
    "won": words.won,
}
known: set[str] = set()
"""Addresses of pages that there are; told once by whoever puts the routes together."""


def page(template: str, served: Served, here: str, problem: str, *, may_review: bool = False, **values: Any) -> str:
    """A page about the live model; `here` is the template of its address, `problem` why not all that is new is live."""
    return environment.get_template(template).render(
        company=served.company,
        horizon=served.horizon_months,
        model=served.scorer.model_header(),
        as_of=served.scorer.as_of,
        age=served.freshness(),
        problem=problem,
        places=places(here),
        may_review=may_review,
        **values,
    )


def alone(template: str, *, inside: bool, **values: Any) -> str:
    """A page that says nothing of a model."""
    return environment.get_template(template).render(places=places("") if inside else (), inside=inside, **values)


def places(here: str) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """The way to other pages: by group the address, name and whether it is this one or the one above it."""
    return [
        (group, [(to, name, here == to or (to != "/" and here.startswith(f"{to}/"))) for to, name in found])
        for group, listed in PLACES
        if (found := [(to, name) for to, name in listed if to in known])
    ]
