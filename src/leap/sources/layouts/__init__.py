"""Layouts of real exports: Salesforce, HubSpot and Stripe, as their connectors write them.

`source = "stripe:FOLDER#subscriptions"` reads the files of a folder and gives one table in a shape that Leap knows.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from leap.errors import SourceError
from leap.sources.layouts import hubspot, salesforce, stripe
from leap.sources.layouts.declared import Declared, LayoutTable
from leap.sources.layouts.exported import Export, entity
from leap.sources.raw import RawTable

__all__ = ["LAYOUTS", "LayoutTable", "belongs", "read_layout", "recognise"]

LAYOUTS: dict[str, tuple[Declared, ...]] = {
    "salesforce": salesforce.TABLES,
    "hubspot": hubspot.TABLES,
    "stripe": stripe.TABLES,
}
_FILES = {
    "salesforce": frozenset({"account", "account_history", "opportunity", "opportunity_history"}),
    "hubspot": frozenset({
        "company", "deal", "deal_company", "deal_pipeline", "deal_pipeline_stage", "deal_stage", "ticket",
        "ticket_company",
    }),
    "stripe": frozenset({
        "coupon", "credit_note", "customer", "discount", "invoice", "invoice_line_item", "plan", "price", "product",
        "subscription", "subscription_discount", "subscription_history", "subscription_item",
    }),
}  # fmt: skip
_IS_OF = {"salesforce": salesforce.is_export, "hubspot": hubspot.is_export, "stripe": stripe.is_export}


def read_layout(layout: str, rest: str, workspace: Path) -> RawTable:
    """The table of `rest`, which is `FOLDER#table`; SourceError names what is missing."""
    place, _, table = rest.partition("#")
    names = [declared.name for declared in LAYOUTS[layout]]
    declared = next((one for one in LAYOUTS[layout] if one.name == table), None)
    if declared is None:
        raise SourceError(
            f"{layout}:{rest}: no table {table!r} in this layout.",
            remedy=f"Write #{' or #'.join(names)} behind the folder.",
        )
    folder = workspace / (place or ".")
    if not folder.is_dir():
        raise SourceError(f"{layout}:{rest}: no folder {place!r}.", remedy="Name the folder that holds the files.")
    export = _export(layout, folder)
    missing = [need for need in declared.needs if not export.has(need)]
    if missing:
        there = ", ".join(sorted(export.files)) or "nothing"
        raise SourceError(
            f"{layout}:{rest}: the folder has no file of {', '.join(missing)}; it has {there}.",
            remedy="Export it too, as CSV or Parquet.",
        )
    return declared.read(export)


def recognise(folder: Path, workspace: Path | None = None) -> list[LayoutTable]:
    """The tables that a folder's files can give if they are such an export, else none.

    Sources are written relative to the workspace, which is the folder itself if none is given.
    """
    if not folder.is_dir():
        return []
    place = folder.relative_to(workspace).as_posix() if workspace is not None else "."
    for layout, tables in LAYOUTS.items():
        export = _export(layout, folder)
        try:
            if _IS_OF[layout](export):
                return [
                    declared.proposed(export, f"{layout}:{place}#{declared.name}")
                    for declared in tables
                    if export.has(*declared.needs)
                ]
        except (SourceError, OSError):  # a file that cannot be read is no sign of a layout
            continue
    return []


def belongs(layout: str, file: str, without: Collection[str] = ()) -> bool:
    """Whether a file is one of an export's own, by its name; not those that only the tables `without` are made from.

    >>> belongs("stripe", "stripe_prices.csv"), belongs("stripe", "invoice.csv", without=["invoices"])
    (True, False)
    """
    kept = {need for table in LAYOUTS[layout] if table.name not in without for need in table.needs}
    lost = {need for table in LAYOUTS[layout] if table.name in without for need in table.needs}
    return entity(file) in _FILES[layout] - (lost - kept)


def _export(layout: str, folder: Path) -> Export:
    return Export(folder, "property_" if layout == "hubspot" else "")
