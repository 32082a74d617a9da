"""The columns of canonical rows: what features, revenue and outcomes read, whatever the file calls it."""

KEY, KNOWN, ROW = "_account_id", "_known_at", "_row"
AT, START, END, KIND, AMOUNT, QUANTITY = "_at", "_start", "_end", "_kind", "_amount", "_quantity"
CURRENCY, PRODUCT, RENEWS, CANCELLED = "_currency", "_product", "_renews", "_cancelled"
CREATED, CLOSED, WON = "_created", "_closed", "_won"
TEAM, ORIGIN, DISCOUNT = "_team", "_origin", "_discount"
NOTE, OWNER, ABOUT = "_note", "_owner", "_about"
INDICATOR, PERIOD, PUBLISHED, VALUE, SEGMENT = "_indicator", "_period", "_published", "_value", "_segment"
DURATION = "_duration"

RESERVED = frozenset(
    {
        KEY, KNOWN, ROW, AT, START, END, KIND, AMOUNT, QUANTITY, CURRENCY, PRODUCT, RENEWS, CANCELLED, CREATED, CLOSED,
        WON, NOTE, OWNER, ABOUT, INDICATOR, PERIOD, PUBLISHED, VALUE, SEGMENT, DURATION, TEAM,
        ORIGIN, DISCOUNT,
    }
)  # fmt: skip
"""A column of a file with such a name would stand in for what was read."""

OF_NAMES = ("name", "account_name", "company_name", "company")
"""Columns of attributes that an account's name is shown from, the first that is there."""
