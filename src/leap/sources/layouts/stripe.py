"""Stripe: subscriptions as MRR, customers, invoices and credit notes, with the names of the API or of Fivetran.

Names and addresses of persons never enter a table, and nothing of a customer's present state (delinquent, deleted).
Moments are in UTC, amounts are turned from the currency's smallest unit into the currency.
"""

from __future__ import annotations

import pandas as pd

from leap.sources.layouts.declared import (
    CURRENT,
    IDENTIFIER,
    PERSONAL,
    SYNC,
    Declared,
    false,
    mapped,
    selected,
    text,
    true,
    utc,
)  # fmt: skip
from leap.sources.layouts.exported import Export
from leap.sources.layouts.stripe_prices import NoMrr, as_decimal, major
from leap.sources.layouts.stripe_subscriptions import subscriptions
from leap.sources.raw import RawTable, Remark

_PERSONAL = (
    "email", "name", "phone", "description", "memo", "metadata", "pdf", "shipping_name", "shipping_phone", "number",
    "receipt_number", "invoice_settings_footer", "address_line_1", "address_line_2", "shipping_address_line_1",
    "shipping_address_line_2",
)  # fmt: skip
_LEFT_OUT = {
    "|".join(_PERSONAL): PERSONAL,
    "(account_)?balance|delinquent|status|paid|amount_(due|remaining)|attempt_count|voided_at": CURRENT,
    "is_deleted|valid|.*_credit_notes_amount": CURRENT,
    "_?fivetran.*|livemode|source_relation": SYNC,
    ".*_id|id|invoice_prefix": IDENTIFIER,
    "(shipping_)?address_.*|shipping_.*": "an address; the country stands for it",
    "quantity": "the state at the export; the amount of each period holds it",
    "(current_period|trial|billing_cycle|cancel|ended).*": "moments of the subscription, used to make its periods",
    "created": "when the record was made; history before it may be missing",
}
_REMEDIES = {
    "test_mode": "Made in Stripe's test mode; no money was meant.",
    "draft": "A draft or void document asks for no money.",
    "no_customer": "Its customer is not known; export the invoices that credit notes name.",
    "bad_amount": "Expected an integer in the currency's smallest unit, and a currency.",
}


def is_export(export: Export) -> bool:
    """Whether the files have the columns that only Stripe gives."""
    name = "subscription" if export.has("subscription") else "subscription_history"
    if not export.has(name, "subscription_item"):
        return False
    items = set(export.columns("subscription_item"))
    return {"customer_id", "status"} <= set(export.columns(name)) and bool({"plan_id", "price_id"} & items)


def accounts(export: Export) -> RawTable:
    """Customers without names. Deleted ones stay: customers that left would otherwise be told by missing values."""
    raw = export.read("customer", "id")
    frame = raw.frame.drop(columns=[c for c in _PERSONAL if c in raw.frame]).rename(columns={"id": "account_id"})
    frame = frame.assign(created=utc(frame, "created"))
    return selected(raw, frame, {"test_mode": false(frame, "livemode")}, _REMEDIES)


def invoices(export: Export) -> RawTable:
    """What was paid, at the moment of the invoice, known from its payment on where that is exported."""
    raw = export.read("invoice", "customer_id", "amount_paid", "currency")
    frame = raw.frame.drop(columns=[c for c in _PERSONAL if c in raw.frame])
    at = _first_of(frame, "created", "status_transitions_finalized_at", "period_end")
    paid = _first_of(frame, "status_transitions_paid_at", "paid_at")
    amounts, bad = _amounts(frame, "amount_paid")
    frame = frame.assign(
        account_id=text(frame, "customer_id"), occurred_at=at, known_at=paid.where(paid != "", at),
        kind=text(frame, "billing_reason"), amount=amounts, currency=text(frame, "currency").str.upper(),
    )  # fmt: skip
    refused = {
        "test_mode": false(frame, "livemode"),
        "draft": text(frame, "status").isin(("draft", "void")) | true(frame, "is_deleted"),
        "bad_amount": bad,
    }
    remedy = "Export the moment of payment; until then what was paid counts as known from the invoice on."
    remarks: tuple[Remark, ...] = (("no_paid_at", f"{len(frame):,} invoices", remedy),) if (paid == "").all() else ()
    return selected(raw, frame, refused, _REMEDIES, remarks)


def credit_notes(export: Export) -> RawTable:
    """Amounts given back, of the customer whose invoice is credited."""
    raw = export.read("credit_note", "created", "amount", "currency")
    frame = raw.frame.drop(columns=[c for c in _PERSONAL if c in raw.frame])
    customer = text(frame, "customer_id")
    if export.has("invoice"):
        of = export.read("invoice", "id", "customer_id").frame
        by_invoice = dict(zip(text(of, "id"), text(of, "customer_id"), strict=True))
        customer = customer.where(customer != "", mapped(text(frame, "invoice_id"), by_invoice))
    amounts, bad = _amounts(frame, "amount")
    frame = frame.assign(
        account_id=customer, occurred_at=utc(frame, "created"), kind=text(frame, "reason"), amount=amounts,
        currency=text(frame, "currency").str.upper(),
    )  # fmt: skip
    refused = {
        "test_mode": false(frame, "livemode"),
        "draft": text(frame, "status") == "void",
        "no_customer": customer == "",
        "bad_amount": bad,
    }
    return selected(raw, frame, refused, _REMEDIES)


def _first_of(frame: pd.DataFrame, *columns: str) -> pd.Series:
    """The first of some moments that is given."""
    found = pd.Series("", index=frame.index, dtype="str")
    for column in columns:
        found = found.where(found != "", utc(frame, column))
    return found


def _amounts(frame: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    """Amounts in their currency as exact text, and where there is none."""
    amounts, bad = [], []
    for minor, currency in zip(text(frame, column), text(frame, "currency").str.upper(), strict=True):
        try:
            amounts.append(as_decimal(major(minor, currency)))
            bad.append(not currency)
        except NoMrr:
            amounts.append("")
            bad.append(True)
    return pd.Series(amounts, frame.index, dtype="str"), pd.Series(bad, frame.index, dtype=bool)


TABLES = (
    Declared(
        "subscriptions", ("subscription_item",), "periods", subscriptions, role="revenue",
        keys={
            "start": "started_on", "end": "ended_on", "amount": "mrr", "currency": "currency", "product": "product",
            "renews": "renews_on", "cancelled": "cancelled_at",
        },
        left_out=_LEFT_OUT, used=("id", "subscription_id", "price_id", "plan_id", "quantity", "created"),
    ),
    Declared(
        "accounts", ("customer",), "attributes", accounts, keys={"scope": "fit", "signal": "fit"},
        columns={"address_country": "Country"}, left_out=_LEFT_OUT, used=("id",),
    ),
    Declared(
        "invoices", ("invoice",), "events", invoices,
        keys={"at": "occurred_at", "known_at": "known_at", "amount": "amount", "currency": "currency"},
        left_out=_LEFT_OUT, used=("customer_id", "created", "amount_paid", "currency", "billing_reason"),
    ),
    Declared(
        "credit_notes", ("credit_note",), "events", credit_notes,
        keys={"at": "occurred_at", "amount": "amount", "currency": "currency"},
        left_out=_LEFT_OUT, used=("invoice_id", "created", "amount", "currency", "reason"),
    ),
)  # fmt: skip
