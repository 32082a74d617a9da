"""Small exports written for a test, and leap.toml as a layout proposes it."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from leap.sources.layouts import LayoutTable

Rows = Sequence[Mapping[str, object]]


def write(folder: Path, **tables: Rows) -> Path:
    """One CSV file a table; columns are those of any of its rows."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def toml(tables: Sequence[LayoutTable], currency: str = "USD") -> str:
    """The settings of a workspace with these tables."""
    text = f'[company]\nname = "Exported"\ncurrency = "{currency}"\n'
    for table in tables:
        text += f'[tables.{table.name}]\nshape = "{table.shape}"\nsource = "{table.source}"\n'
        text += f'role = "{table.role}"\n' if table.role else ""
        text += "".join(f'{key} = "{value}"\n' for key, value in table.keys.items())
        text += "".join(f'columns.{column} = {{ label = "{label}" }}\n' for column, label in table.columns.items())
    return text


PRICES = (
    {"id": "monthly", "unit_amount": 2999, "currency": "usd", "recurring_interval": "month"},
    {"id": "round", "unit_amount": 10000, "currency": "usd", "recurring_interval": "month"},
    {"id": "yearly", "unit_amount": 200000, "currency": "usd", "recurring_interval": "year"},
    {"id": "quarterly", "unit_amount": 8000, "currency": "eur", "recurring_interval": "month",
     "recurring_interval_count": 3},
    {"id": "halfyearly", "unit_amount": 60000, "currency": "usd", "recurring_interval": "month",
     "recurring_interval_count": 6},
    {"id": "weekly", "unit_amount": 1000, "currency": "usd", "recurring_interval": "week"},
    {"id": "daily", "unit_amount": 100, "currency": "usd", "recurring_interval": "day"},
    {"id": "yen", "unit_amount": 5000, "currency": "jpy", "recurring_interval": "month"},
    {"id": "dinar", "unit_amount": 5000, "currency": "kwd", "recurring_interval": "month"},
    {"id": "fine", "unit_amount": "", "unit_amount_decimal": "0.5", "currency": "usd", "recurring_interval": "month"},
    {"id": "packs", "unit_amount": 1000, "currency": "usd", "recurring_interval": "month",
     "transform_quantity_divide_by": 10, "transform_quantity_round": "up"},
    {"id": "packs_down", "unit_amount": 1000, "currency": "usd", "recurring_interval": "month",
     "transform_quantity_divide_by": 10, "transform_quantity_round": "down"},
    {"id": "metered", "unit_amount": 5, "currency": "usd", "recurring_interval": "month",
     "recurring_usage_type": "metered"},
    {"id": "tiered", "currency": "usd", "recurring_interval": "month", "billing_scheme": "tiered"},
    {"id": "setup", "unit_amount": 5000, "currency": "usd", "type": "one_time"},
    {"id": "odd", "unit_amount": 5000, "currency": "usd", "recurring_interval": "fortnight"},
)  # fmt: skip
COUPONS = (
    {"id": "quarter_off", "percent_off": "25.0", "duration": "forever"},
    {"id": "half_for_3", "percent_off": "50", "duration": "repeating", "duration_in_months": 3},
    {"id": "ten_off", "amount_off": 1000, "currency": "usd", "duration": "forever"},
    {"id": "huge_off", "amount_off": 10_000_000, "currency": "usd", "duration": "forever"},
    {"id": "euro_off", "amount_off": 1000, "currency": "eur", "duration": "forever"},
    {"id": "first_free", "percent_off": "100", "duration": "once"},
    {"id": "on_round", "percent_off": "50", "duration": "forever", "applies_to_products": '["prod_round"]'},
)


def stripe(folder: Path, subscriptions: Rows, items: Rows, discounts: Rows = (), **more: Rows) -> Path:
    """A Stripe export; what a row leaves out is an active subscription since 2024 and one unit."""
    subscription = {
        "id": "sub", "customer_id": "cus", "status": "active", "created": "2024-01-01 00:00:00", "livemode": "true",
        "_fivetran_synced": "2026-01-01 00:00:00",
    }  # fmt: skip
    item = {"subscription_id": "sub", "price_id": "round", "quantity": 1}
    prices = [{"product_id": f"prod_{price['id']}", **price} for price in PRICES]
    return write(
        folder,
        subscription=[{**subscription, **row} for row in subscriptions],
        subscription_item=[{**item, "id": f"si_{place}", **row} for place, row in enumerate(items)],
        subscription_discount=[
            {"id": f"di_{place}", "subscription_id": "sub", "customer_id": "cus", "start": "2024-01-01 00:00:00", **row}
            for place, row in enumerate(discounts or ({"subscription_id": "none", "coupon_id": "ten_off"},))
        ],
        price=prices,
        coupon=COUPONS,
        **more,
    )
