"""Stripe's subscriptions with their items, prices and discounts to periods of MRR, every item accounted for."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from leap.sources.layouts.declared import SetAside, text
from leap.sources.layouts.exported import Export
from leap.sources.layouts.stripe_prices import Discount, NoMrr, Price, as_decimal, major, number, price_of
from leap.sources.layouts.stripe_terms import Item, Period, Subscription, periods_of
from leap.sources.raw import RawTable, Remark
from leap.tables import values

Row = dict[str, Any]
"""Cells as stripped text; moments as Timestamp in UTC, None where there is none, text where it cannot be read."""

_REMEDIES = {
    "test_mode": "Made in Stripe's test mode; no money was meant.",
    "never_active": "Its first payment never came about (incomplete), so it was never a subscription.",
    "bad_date": "A moment that cannot be read; expected such as 2024-01-31 12:00:00.",
    "missing_date": "A start is needed (start_date or created), and the end of a canceled one (ended_at).",
    "missing_customer": "Give the customer of every subscription.",
    "bad_number": "A number that cannot be read; expected an integer in the currency's smallest unit.",
    "ended_at_once": "It ended the moment it started, so nothing was ever active.",
    "end_before_start": "It ended before it started; correct one of the two moments.",
    "old_version": "An earlier version without the time it was in force; the version in force is read.",
    "no_subscription": "The subscription of this item is not in the export; export both on one day.",
    "no_item": "A subscription without items has no price; export subscription_item too.",
    "item_removed": "Taken off its subscription at a time that the export does not tell.",
    "item_after_end": "The item was made after its subscription ended; export both on one day.",
    "unknown_price": "Its price is in neither price nor plan; export them too.",
    "one_time_price": "Charged once, so it is not recurring.",
    "metered_price": "Billed by use, which is not MRR; read invoices as events of revenue for it.",
    "tiered_price": "The amount depends on tiers that are not in the export; give its MRR in a table of your own.",
    "no_amount": "The price has no unit amount or currency.",
    "missing_quantity": "The number of units is not given.",
    "unknown_interval": "Expected an interval of days, weeks, months or years.",
    "currency_option": "The subscription is in another currency than its price, whose amount in it is not exported.",
    "unknown_coupon": "It has a discount whose coupon is not in the export, so its MRR is unknown; export coupon too.",
    "discount_currency": "It has an amount off in another currency than its price.",
    "discount_over_intervals": "It has an amount off each invoice, and its items have different intervals.",
}
_NEVER = frozenset({"incomplete", "incomplete_expired"})
_MOMENTS = {
    "created", "start_date", "ended_at", "canceled_at", "cancel_at", "trial_start", "trial_end", "billing_cycle_anchor",
    "current_period_start", "current_period_end", "_fivetran_start", "_fivetran_synced", "start", "end",
}  # fmt: skip
_PAST = ("created", "start_date", "ended_at", "canceled_at", "current_period_start", "_fivetran_synced")
_EVER = pd.Timestamp("2200-01-01")


def subscriptions(export: Export) -> RawTable:
    """Periods of MRR: a row per item and stretch of constant MRR; what has none is set aside by its rule."""
    aside, seen = SetAside(_REMEDIES), Counter[str]()
    known, versions = _versions(export, aside)
    items = defaultdict(list)
    item_rows = _rows(export, "subscription_item", "subscription_id")
    for row in item_rows:
        items[row.get("subscription_id", "")].append(row)
    prices = {row["id"]: row for name in ("plan", "price") if export.has(name) for row in _rows(export, name)}
    discounts = _Discounts(export)
    found: list[Period] = []
    until = _moment_of_export([*known, *item_rows])
    for row in known:
        of_it = items.pop(row["id"], [])
        if not of_it:
            aside.add("no_item", _told(row))
        seen.update(_notes(row))
        found += _periods(row, of_it, prices, discounts, versions.get(row["id"], []), until, aside)
    for rest in items.values():
        for row in rest:
            aside.add("no_subscription", _told(row))
    frame = _frame(found)
    return RawTable(frame, aside.frame(len(frame)), _remarks(seen, bool(versions), discounts.applications))


def _rows(export: Export, name: str, *needed: str) -> list[Row]:
    frame = export.read(name, "id", *needed).frame
    cells = {column: text(frame, column).tolist() for column in frame.columns}
    for column in _MOMENTS & cells.keys():
        parsed, bad = values.moments(pd.Series(cells[column], dtype="str"), "UTC")
        read = zip(cells[column], parsed, bad, strict=True)
        cells[column] = [told if wrong else None if pd.isna(moment) else moment for told, moment, wrong in read]
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _versions(export: Export, aside: SetAside) -> tuple[list[Row], dict[str, list[Row]]]:
    """The subscriptions as they are now, and their versions where the time of each is known."""
    history = _rows(export, "subscription_history") if export.has("subscription_history") else []
    dated = [row for row in history if row.get("_fivetran_start")]
    versions: dict[str, list[Row]] = defaultdict(list)
    for row in dated:
        versions[row["id"]].append(row)
    if export.has("subscription") or not history:
        return _rows(export, "subscription", "customer_id", "status"), versions
    now = []
    for row in history:
        if row.get("_fivetran_active", "true").lower() not in values.FALSE_WORDS:
            now.append(row)
        elif not row.get("_fivetran_start"):
            aside.add("old_version", _told(row))
    return now, versions


def _moment_of_export(rows: list[Row]) -> pd.Timestamp:
    """The latest moment that had come when the files were written."""
    given = (row[column] for row in rows for column in _PAST if isinstance(row.get(column), pd.Timestamp))
    return max((moment for moment in given if moment < _EVER), default=_EVER)


def _periods(
    row: Row, items: list[Row], prices: Mapping[str, Row], discounts: _Discounts, versions: list[Row],
    until: pd.Timestamp, aside: SetAside,
) -> list[Period]:  # fmt: skip
    """Periods of one subscription; its items are set aside if it or they have no MRR."""
    try:
        bare = _subscription(row)
        off = discounts.of(row["id"], bare.account_id)
        subscription = replace(bare, discounts=off, quantities=_quantities(versions))
    except NoMrr as why:
        return _refused(items, why, aside)
    priced, told = [], []
    for item in items:
        try:
            priced.append(_item(item, row, subscription, prices, alone=len(items) == 1))
            told.append(item)
        except NoMrr as why:
            _refused([item], why, aside)
    try:
        return periods_of(replace(subscription, items=tuple(priced)), until) if priced else []
    except NoMrr as why:
        return _refused(told, why, aside)


def _refused(items: list[Row], why: NoMrr, aside: SetAside) -> list[Period]:
    for item in items:
        aside.add(why.rule, _told(item, why.what))
    return []


def _subscription(row: Row) -> Subscription:
    """The life of a subscription; NoMrr if it never lived or its moments cannot be told."""
    if row.get("livemode", "").lower() in values.FALSE_WORDS:
        raise NoMrr("test_mode")
    status = row.get("status", "")
    if status in _NEVER:
        raise NoMrr("never_active", status)
    if not row.get("customer_id"):
        raise NoMrr("missing_customer")
    start = _at(row, "start_date", "created")
    if start is None:
        raise NoMrr("missing_date", "start_date")
    cancelled = _at(row, "canceled_at")
    end = _end(row, status, cancelled)
    if end is not None and end < start:
        raise NoMrr("end_before_start")
    if end == start:
        raise NoMrr("ended_at_once")
    trial = _trial(row, status, start)
    anchor = _at(row, "billing_cycle_anchor") or (trial and trial[1]) or start
    return Subscription(
        row["id"], row["customer_id"], start, end, cancelled if end is not None else None, trial, anchor,
        _at(row, "current_period_start"),
    )  # fmt: skip


def _end(row: Row, status: str, cancelled: pd.Timestamp | None) -> pd.Timestamp | None:
    """When it ended or, already cancelled, will end."""
    ended = _at(row, "ended_at")
    if ended is not None:
        return ended
    if status == "canceled":
        if cancelled is None:
            raise NoMrr("missing_date", "ended_at")
        return cancelled
    at_period_end = row.get("cancel_at_period_end", "").lower() in values.TRUE_WORDS
    return _at(row, "cancel_at") or (_at(row, "current_period_end") if at_period_end else None)


def _trial(row: Row, status: str, start: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp | None] | None:
    """When nothing is paid; a trial that ended without a way to pay is `paused` and has no end."""
    begin, end = _at(row, "trial_start") or start, _at(row, "trial_end")
    if status == "paused":
        return begin, None
    return None if end is None or end <= begin else (begin, end)


def _at(row: Row, *columns: str) -> pd.Timestamp | None:
    """The first moment that is given, in UTC; NoMrr if it cannot be read."""
    for column in columns:
        given = row.get(column)
        if not given:
            continue
        if isinstance(given, str):
            raise NoMrr("bad_date", f"{column} {given}")
        return None if given >= _EVER else pd.Timestamp(given)
    return None


def _item(item: Row, row: Row, subscription: Subscription, prices: Mapping[str, Row], *, alone: bool) -> Item:
    if any(item.get(name, "").lower() in values.TRUE_WORDS for name in ("is_deleted", "_fivetran_deleted")):
        raise NoMrr("item_removed")
    told = prices.get(item.get("price_id", "")) or prices.get(item.get("plan_id", ""))
    if told is None:
        raise NoMrr("unknown_price", item.get("price_id") or item.get("plan_id") or "none")
    price: Price = price_of(told)
    if row.get("currency") and row["currency"].upper() != price.currency:
        raise NoMrr("currency_option", row["currency"])
    given = item.get("quantity") or (row.get("quantity", "") if alone else "")
    if not given:
        raise NoMrr("missing_quantity")
    quantity = number(given)
    if quantity.denominator != 1 or quantity < 0:
        raise NoMrr("bad_number", given)
    start, made, created = subscription.start, _at(item, "created"), _at(row, "created")
    # Made with its subscription, an item counts from its start, which may have been set back; else from its own.
    if made is not None and created is not None and made > created + pd.Timedelta(days=1):
        start = max(start, made)
    if subscription.end is not None and start >= subscription.end:
        raise NoMrr("item_after_end")
    return Item(item["id"], price, int(quantity), start)


def _quantities(versions: list[Row]) -> tuple[tuple[pd.Timestamp, int], ...]:
    found = []
    for row in versions:
        begin = _at(row, "_fivetran_start")
        if begin is not None and row.get("quantity"):
            found.append((begin, int(number(row["quantity"]))))
    return tuple(sorted(found))


class _Discounts:
    """Recurring discounts by subscription and customer; `applications` counts rows that only tell of one invoice."""

    def __init__(self, export: Export) -> None:
        self._coupons = {row["id"]: row for row in _rows(export, "coupon")} if export.has("coupon") else {}
        self.applications = 0
        rows: dict[str, Row] = {}
        for name in ("discount", "subscription_discount"):
            for row in _rows(export, name) if export.has(name) else []:
                if any(row.get(column) for column in ("invoice_id", "invoice_item_id", "checkout_session_id")):
                    self.applications += 1
                    continue
                rows[row["id"]] = row
        self._by_subscription: dict[str, list[Row]] = defaultdict(list)
        self._by_customer: dict[str, list[Row]] = defaultdict(list)
        for row in rows.values():
            of = row.get("subscription_id", "")
            (self._by_subscription[of] if of else self._by_customer[row.get("customer_id", "")]).append(row)

    def of(self, subscription: str, customer: str) -> tuple[Discount, ...]:
        """Those of the subscription; those of its customer only if it has none of its own, as Stripe applies them."""
        rows = self._by_subscription.get(subscription) or self._by_customer.get(customer, [])
        found = [discount for row in rows if (discount := self._discount(row)) is not None]
        return tuple(sorted(found, key=lambda discount: discount.start))

    def _discount(self, row: Row) -> Discount | None:
        coupon = self._coupons.get(row.get("coupon_id", ""))
        if coupon is None:
            raise NoMrr("unknown_coupon", row.get("coupon_id", ""))
        start, end = _at(row, "start"), _at(row, "end")
        if coupon.get("duration") == "once":  # off one invoice, so not recurring
            return None
        if start is None:
            raise NoMrr("missing_date", "start of a discount")
        if coupon.get("duration") == "repeating" and end is None:
            end = start + pd.DateOffset(months=int(number(coupon.get("duration_in_months", ""))))
        currency = coupon.get("currency", "").upper()
        percent, amount = coupon.get("percent_off", ""), coupon.get("amount_off", "")
        products = frozenset(
            re.findall(r"prod_\w+", " ".join(v for c, v in coupon.items() if c.startswith("applies_to")))
        )
        return Discount(
            start, end, number(percent) if percent else None,
            major(amount, currency) if amount and not percent else None, currency, products,
        )  # fmt: skip


def _frame(periods: list[Period]) -> pd.DataFrame:
    """The rows in order; moments in UTC, and one name a product for terms that run side by side."""
    periods = sorted(periods, key=lambda p: (p.account_id, p.product, p.item_id, p.started_on))
    names = _side_by_side(periods)
    frame = pd.DataFrame(
        {
            "account_id": [p.account_id for p in periods],
            "subscription_id": [p.subscription_id for p in periods],
            "item_id": [p.item_id for p in periods],
            "product": names,
            "started_on": [p.started_on for p in periods],
            "ended_on": [p.ended_on for p in periods],
            "cancelled_at": [p.cancelled_at for p in periods],
            "mrr": [as_decimal(p.mrr) for p in periods],
            "currency": [p.currency for p in periods],
            "renews_on": [p.renews_on for p in periods],
        }
    )
    for column in ("started_on", "ended_on", "cancelled_at", "renews_on"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]").dt.tz_localize("UTC")
    return frame.astype({c: "str" for c in ("account_id", "subscription_id", "item_id", "product", "mrr", "currency")})


def _side_by_side(periods: list[Period]) -> list[str]:
    """Product names, with a number where an account has several items of one product at a time: they add up."""
    ends: dict[tuple[str, str], list[pd.Timestamp]] = defaultdict(list)
    lives: dict[tuple[str, str], tuple[str, str, pd.Timestamp, pd.Timestamp]] = {}
    for p in periods:
        end = _EVER if p.ended_on is None else p.ended_on
        key = (p.subscription_id, p.item_id)
        _, _, begin, last = lives.get(key, ("", "", p.started_on, end))
        lives[key] = (p.account_id, p.product, min(begin, p.started_on), max(last, end))
    lane: dict[tuple[str, str], int] = {}
    for key, (account, product, begin, end) in sorted(lives.items(), key=lambda life: (life[1][2], life[0])):
        taken = ends[account, product]
        free = next((place for place, until in enumerate(taken) if until <= begin), len(taken))
        taken[free : free + 1] = [end]
        lane[key] = free
    return [f"{p.product} ({n + 1})" if (n := lane[p.subscription_id, p.item_id]) else p.product for p in periods]


def _notes(row: Row) -> list[str]:
    paused = any(column.startswith("pause_collection") and value for column, value in row.items())
    return [*(["unpaid"] if row.get("status") == "unpaid" else []), *(["paused_collection"] if paused else [])]


def _remarks(seen: Counter[str], versions: bool, applications: int) -> tuple[Remark, ...]:
    found: list[Remark] = []
    if seen["unpaid"]:
        found.append(("unpaid", f"{seen['unpaid']:,} subscriptions", "They count until they are canceled in Stripe."))
    if seen["paused_collection"]:
        remedy = "Collection is paused since a time that the export does not tell; their MRR counts all the same."
        found.append(("paused_collection", f"{seen['paused_collection']:,} subscriptions", remedy))
    if not versions:
        remedy = "Prices and quantities are those of the export; earlier ones show only in a history with its times."
        found.append(("no_versions", "subscription_history", remedy))
    if applications:
        remedy = "These tell which discount was taken off an invoice; terms of discounts are read from the other rows."
        found.append(("discount_of_invoice", f"{applications:,} rows", remedy))
    return tuple(found)


def _told(row: Row, what: str = "") -> str:
    shown = [
        f"{c}={row[c]}" for c in ("id", "subscription_id", "customer_id", "status", "price_id", "plan_id") if row.get(c)
    ]
    return ", ".join([*([what] if what else []), *shown])
