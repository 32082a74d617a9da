"""What was found, with its figures: sizes, outcomes inside and outside, prices, quarters, bookings and the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from leap.config import Policy
from leap.icp.attributes import Attribute
from leap.icp.book import Book
from leap.icp.bookings import bookings_of
from leap.icp.criteria import Criterion, rules_of
from leap.icp.figures import Comparison, Ledger
from leap.icp.front import Candidate, Front, front_of
from leap.icp.funnel import funnel_of, size_of
from leap.icp.membership import NEGATIVE, sold_to
from leap.icp.price import price_of
from leap.icp.profiles import ICPProfile, ICPSearch
from leap.icp.quarters import quarters_of
from leap.icp.rules import Rule


def with_figures(book: Book, found: ICPSearch, policy: Policy) -> ICPSearch:
    """The search with everything that is counted over the book: of the accounts as bought, sizes as they are now."""
    ledger = Ledger(book)
    compared: dict[Rule, Comparison] = {}
    criteria = rules_of(found.profiles, found.attributes)
    for rule in dict.fromkeys([*(profile.rule for profile in found.profiles), *criteria]):
        compared[rule] = ledger.compare(rule.matches(book.bought))
    profiles = tuple(_with_figures(book, profile, compared[profile.rule], policy) for profile in found.profiles)
    return replace(
        found,
        profiles=profiles,
        criteria=tuple(Criterion(rule, compared[rule].to_json()) for rule in criteria),
        front=_front(profiles, found.attributes, compared),
        quarters=quarters_of(ledger, profiles),
        bookings=bookings_of(ledger, profiles),
        funnel=funnel_of(book, profiles, policy),
    )


def _with_figures(book: Book, profile: ICPProfile, compared: Comparison, policy: Policy) -> ICPProfile:
    size = size_of(book, profile.rule.matches(book.now), policy, to_sell_to=profile.kind != NEGATIVE)
    price = price_of(book, profile, compared) if profile.kind == NEGATIVE else None
    return replace(profile, size=size, kpis=compared.to_json(), price=price)


def _front(
    profiles: Sequence[ICPProfile], attributes: Sequence[Attribute], compared: Mapping[Rule, Comparison]
) -> Front | None:
    """Profiles to sell to and the attributes of those that stay that are no profile themselves."""
    chosen = sold_to(profiles)
    rules = {profile.rule for profile in profiles}
    stay = [a for a in attributes if a.verdict == "stays" and a.rule not in rules and a.rule in compared]
    return front_of(
        [
            *(Candidate(p.id, "profile", p.rule.words, compared[p.rule].inside) for p in chosen),
            *(
                Candidate(f"attribute-{number}", "attribute", a.rule.words, compared[a.rule].inside)
                for number, a in enumerate(stay, start=1)
            ),
        ]
    )
