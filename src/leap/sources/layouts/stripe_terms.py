"""A Stripe subscription as periods of constant MRR: split where a trial, discount, version or term begins or ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pandas as pd

from leap.sources.layouts.stripe_prices import Discount, NoMrr, Price, net

_LONG_TERM = 3
"""Months from which on a renewal is worth knowing: shorter terms are not split, and name no renewal."""


@dataclass(frozen=True)
class Item:
    """One line of a subscription; it counts from `start` on."""

    item_id: str
    price: Price
    quantity: int
    start: pd.Timestamp


@dataclass(frozen=True)
class Subscription:
    """What a subscription is as of the export. Moments are in UTC; `end` (exclusive) may lie ahead."""

    subscription_id: str
    account_id: str
    start: pd.Timestamp
    end: pd.Timestamp | None
    cancelled: pd.Timestamp | None
    trial: tuple[pd.Timestamp, pd.Timestamp | None] | None
    anchor: pd.Timestamp
    """A day on which a term begins; the others are whole intervals apart."""
    last_term: pd.Timestamp | None
    """The beginning of the term that runs at the export; what lies behind it is not known yet."""
    items: tuple[Item, ...] = ()
    discounts: tuple[Discount, ...] = ()
    quantities: tuple[tuple[pd.Timestamp, int], ...] = field(default=())
    """The quantity from a moment on, where versions are known and there is one item."""


@dataclass(frozen=True)
class Period:
    """A row of `#subscriptions`."""

    account_id: str
    subscription_id: str
    item_id: str
    product: str
    started_on: pd.Timestamp
    ended_on: pd.Timestamp | None
    cancelled_at: pd.Timestamp | None
    mrr: Fraction
    currency: str
    renews_on: pd.Timestamp | None


def periods_of(subscription: Subscription, until: pd.Timestamp) -> list[Period]:
    """All items' periods; NoMrr if its discounts leave no MRR that can be stated.

    What would change after `until`, the moment of the export, has not happened: the last period is open, unless the
    subscription is already cancelled. A discount counts until it ends, whatever the term.
    """
    found: list[Period] = []
    cuts = [cut for cut in _cuts(subscription) if cut <= until]
    pieces = [(begin, end, _amounts(subscription, begin)) for begin, end in _pairs(subscription, cuts)]
    for place, item in enumerate(subscription.items):
        terms = _terms(subscription, item)
        own = [
            _period(subscription, item, begin, end, amounts[place], terms)
            for begin, end, amounts in pieces
            if begin >= item.start
        ]
        found += _merged(own, set(terms))
    return found


def _cuts(subscription: Subscription) -> list[pd.Timestamp]:
    cuts = {subscription.start, *(item.start for item in subscription.items)}
    cuts |= {moment for moment in subscription.trial or () if moment is not None}
    for discount in subscription.discounts:
        cuts |= {discount.start, *([discount.end] if discount.end is not None else [])}
    cuts |= {moment for moment, _ in subscription.quantities}
    for item in subscription.items:
        cuts |= set(_terms(subscription, item)[:-1])
    return sorted(cuts)


def _pairs(
    subscription: Subscription, cuts: Sequence[pd.Timestamp]
) -> Iterator[tuple[pd.Timestamp, pd.Timestamp | None]]:
    end = subscription.end
    inside = [cut for cut in cuts if cut >= subscription.start and (end is None or cut < end)]
    yield from zip(inside, [*inside[1:], end], strict=True)


def _amounts(subscription: Subscription, at: pd.Timestamp) -> list[Fraction]:
    """MRR of every item at a moment, shape (n_items,)."""
    trial = subscription.trial
    if trial is not None and trial[0] <= at and (trial[1] is None or at < trial[1]):
        return [Fraction(0)] * len(subscription.items)
    there = [place for place, item in enumerate(subscription.items) if item.start <= at]
    priced = [(subscription.items[place].price, _quantity(subscription, place, at)) for place in there]
    amounts = net(priced, [discount for discount in subscription.discounts if discount.holds(at)])
    found = dict(zip(there, amounts, strict=True))
    return [found.get(place, Fraction(0)) for place in range(len(subscription.items))]


def _quantity(subscription: Subscription, place: int, at: pd.Timestamp) -> int:
    if len(subscription.items) > 1 or not subscription.quantities:
        return subscription.items[place].quantity
    earlier = [quantity for moment, quantity in subscription.quantities if moment <= at]
    # What was before the first version is not known; it is taken to be as that one.
    return earlier[-1] if earlier else subscription.quantities[0][1]


def _terms(subscription: Subscription, item: Item) -> list[pd.Timestamp]:
    """Where a long term begins, and at last the day on which the running one is renewed.

    They are counted from the anchor, so that the 31st comes back after a shorter month.
    """
    months = item.price.months
    if months < _LONG_TERM or months.denominator != 1:
        return []
    known = [moment for moment in (subscription.end, subscription.last_term) if moment is not None]
    limit = min(known, default=subscription.anchor)
    terms, count = [], 0
    while True:
        moment = subscription.anchor + pd.DateOffset(months=count * int(months))
        if moment > subscription.start:
            terms.append(moment)
        if moment > limit and moment > subscription.start:
            return terms
        count += 1
        if count > 1200:
            raise NoMrr("bad_date", f"terms from {subscription.anchor} to {limit}")


def _period(
    subscription: Subscription, item: Item, begin: pd.Timestamp, end: pd.Timestamp | None, mrr: Fraction,
    terms: Sequence[pd.Timestamp],
) -> Period:  # fmt: skip
    renews = next((moment for moment in terms if moment > begin), None)
    cancelled = subscription.cancelled if end == subscription.end else None
    return Period(
        subscription.account_id, subscription.subscription_id, item.item_id, item.price.product, begin, end, cancelled,
        mrr, item.price.currency, renews,
    )  # fmt: skip


def _merged(periods: list[Period], terms: set[pd.Timestamp]) -> list[Period]:
    """Neighbours of the same MRR in one period, unless a term begins between them."""
    merged: list[Period] = []
    for period in periods:
        before = merged[-1] if merged else None
        if before is not None and before.mrr == period.mrr and period.started_on not in terms:
            merged[-1] = replace(before, ended_on=period.ended_on, cancelled_at=period.cancelled_at)
        else:
            merged.append(period)
    return merged
