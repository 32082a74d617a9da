"""Salesforce: Account, its history, and Opportunity, with the names of the API or of Fivetran's connector.

Deleted, merged and replaced rows are set aside. An account's present state (Type, last activity) is left out: it may
tell how the account ended. Moments are in UTC.
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
    moment,
    selected,
    text,
    true,
    utc,
)  # fmt: skip
from leap.sources.layouts.exported import Export, plain_name
from leap.sources.raw import RawTable, Remark

_FIRMOGRAPHICS = {
    "industry": "Industry",
    "number_of_employees": "Employees",
    "annual_revenue": "Annual revenue",
    "billing_country": "Country",
    "billing_state": "State",
    "ownership": "Ownership",
    "sic_desc": "Line of business (SIC)",
    "account_source": "Source of the lead",
}
_PERSONAL = (
    "phone", "fax", "website", "description", "photo_url", "billing_street", "shipping_street", "next_step",
    "billing_latitude", "billing_longitude", "shipping_latitude", "shipping_longitude",
)  # fmt: skip
_LEFT_OUT = {
    "type|rating|customer_priority(_c)?|active(_c)?|upsell_opportunity(_c)?|sla.*": CURRENT,
    "last_.*|system_modstamp|has_.*": CURRENT,
    "is_(deleted|active)|master_record_id|_?fivetran.*": SYNC,
    ".*_id|id|account_number|sic|site|ticker_symbol|tradestyle|duns.*|naics_code|jigsaw.*": IDENTIFIER,
    "|".join(_PERSONAL): PERSONAL,
    "name": "the name shown, no feature",
    "(billing|shipping)_.*": "an address; the country and state stand for it",
    "stage_name|forecast.*|probability|expected_revenue|is_.*": "changes until the deal closes, so it tells the result",
    "fiscal.*": "follows from the closing date",
}
_REMEDIES = {
    "deleted": "Deleted in Salesforce; restore the record there if it counts.",
    "merged": "Merged into another account; its events and revenue must name that one.",
    "old_version": "A version that was replaced or whose record is gone; the version in force is read.",
    "no_field_time": "A change without a moment or field says nothing.",
}


def is_export(export: Export) -> bool:
    """Whether the files have the columns that only Salesforce gives."""
    for name in ("account", "opportunity"):
        if export.has(name) and {"id", "is_deleted", "owner_id"} <= set(export.columns(name)):
            return True
    return False


def accounts(export: Export) -> RawTable:
    """One row per account, as it stands at the export."""
    raw = export.read("account", "id")
    frame = _account_columns(raw.frame)
    refused = {
        "old_version": false(frame, "_fivetran_active"),
        "merged": true(frame, "is_deleted") & (text(frame, "master_record_id") != ""),
        "deleted": true(frame, "is_deleted"),
    }
    return selected(raw, frame, refused, _REMEDIES)


def _account_columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[c for c in _PERSONAL if c in frame]).rename(columns={"id": "account_id"})


def account_history(export: Export) -> RawTable:
    """An account's fields whenever one of them changed: versions of rows, or one change of one field a row."""
    raw = export.read("account_history")
    if {"field", "new_value"} <= set(raw.frame.columns):
        return _from_changes(raw)
    frame = _account_columns(raw.frame)
    column = "_fivetran_start" if "_fivetran_start" in frame else "last_modified_date"
    frame = frame.assign(observed_at=utc(frame, column))
    return selected(raw, frame, {"deleted": true(frame, "is_deleted")}, _REMEDIES)


def _from_changes(raw: RawTable) -> RawTable:
    """Salesforce's own history (`Field`, `OldValue`, `NewValue`): the fields known after each change, as columns.

    A field's value before its first change is its old value, which holds from the account's first change on.
    """
    frame = raw.frame.assign(
        account_id=text(raw.frame, "account_id"),
        observed_at=utc(raw.frame, "created_date"),
        field=text(raw.frame, "field"),
    )
    frame["field"] = frame["field"].map(plain_name)
    empty = (frame["observed_at"] == "") | (frame["field"] == "")
    useful = frame.assign(order=moment(frame, "created_date"))[~empty & ~frame["field"].isin(_PERSONAL)]
    useful = useful.sort_values("order", kind="stable")
    keys = ["account_id", "observed_at"]
    wide = useful.pivot_table(index=keys, columns="field", values="new_value", aggfunc="last", sort=True)
    first = useful.groupby(["account_id", "field"])["old_value"].first().unstack("field")
    wide = wide.groupby(level="account_id").ffill()
    before = first.reindex(wide.index.get_level_values("account_id")).set_axis(wide.index)
    result = wide.fillna(before).reset_index()
    result.columns.name = None
    aside = selected(raw, frame, {"no_field_time": empty}, _REMEDIES).set_aside
    aside.index = pd.RangeIndex(len(result), len(result) + len(aside))
    remark: Remark = (
        "from_changes", f"{len(useful):,} changes of {len(result):,} moments",
        "Changes of one moment are one row here, with the fields as they stood after it.",
    )  # fmt: skip
    return RawTable(result, aside, (*raw.remarks, remark))


def opportunities(export: Export) -> RawTable:
    """Deals: the closing date counts once the deal is closed, before that it is a hope.

    Where a history of versions is there, the amount is the first one, which was known at creation.
    """
    raw = export.read("opportunity", "account_id", "created_date", "close_date", "is_won", "is_closed")
    frame = raw.frame.drop(columns=[c for c in _PERSONAL if c in raw.frame])
    closed = true(frame, "is_closed")
    amount, remarks = _first_amounts(export, frame)
    frame = frame.assign(
        account_id=text(frame, "account_id"),
        created_at=utc(frame, "created_date"),
        closed_at=text(frame, "close_date").where(closed, ""),
        won=text(frame, "is_won").where(closed, ""),
        amount=amount,
    )
    refused = {"old_version": false(frame, "_fivetran_active"), "deleted": true(frame, "is_deleted")}
    return selected(raw, frame, refused, _REMEDIES, remarks)


def _first_amounts(export: Export, frame: pd.DataFrame) -> tuple[pd.Series, tuple[Remark, ...]]:
    now = text(frame, "amount")
    history = export.read("opportunity_history").frame if export.has("opportunity_history") else None
    if history is None or not {"id", "amount", "_fivetran_start"} <= set(history.columns):
        remedy = (
            "They may have changed until the deal closed; export opportunity_history to have those of its creation."
        )
        return now, (("amounts_at_export", f"{len(frame):,} deals", remedy),)
    ordered = history.assign(order=moment(history, "_fivetran_start")).sort_values("order", kind="stable")
    first = dict(zip(text(ordered, "id")[::-1], text(ordered, "amount")[::-1], strict=True))
    ids = text(frame, "id")
    return mapped(ids, first).where(ids.isin(first.keys()), now), ()


TABLES = (
    Declared(
        "accounts", ("account",), "attributes", accounts, keys={"scope": "fit", "signal": "fit"},
        columns=_FIRMOGRAPHICS, left_out=_LEFT_OUT, used=("id",), rather="account_history",
    ),
    Declared(
        "account_history", ("account_history",), "history", account_history,
        keys={"at": "observed_at", "scope": "fit", "signal": "fit"}, columns=_FIRMOGRAPHICS, left_out=_LEFT_OUT,
        used=("id", "account_id", "_fivetran_start", "created_date", "field", "old_value", "new_value"),
    ),
    Declared(
        "opportunities", ("opportunity",), "events", opportunities, role="deals",
        keys={"created": "created_at", "closed": "closed_at", "won": "won", "amount": "amount", "signal": "buying"},
        left_out=_LEFT_OUT, used=("account_id", "created_date", "close_date", "is_won", "is_closed", "amount"),
    ),
)  # fmt: skip
