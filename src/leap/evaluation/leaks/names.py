"""Names that tell: of the end itself, and of a state or total as it stands today."""

from __future__ import annotations

import re

from leap.evaluation.leaks.leak import Leak, marked
from leap.tables import AccountTables

_THE_END = re.compile(
    r"churn|cancel|terminat|attrition|(^|_)(left|lost|exit(ed)?|offboard\w*|deactivat\w*|win_?back)(_|$)|closed?_reason|"
    r"^(is_|still_|account_)?(active|inactive)$|^(account_|customer_|subscription_|renewal_)?(status|state_of_account)$|^closed|"
    r"(^|_)(end|ended|exit|close|expir\w+)_(date|at|on|reason)$|not_renew|non_?renew|(^|_)is_(a_)?customer$",
    re.IGNORECASE,
)
_AS_OF_TODAY = re.compile(
    r"^(last|latest|most_recent|current|days_since|time_since|months_since|lifetime|total_lifetime|ltv|clv)(_|$)|"
    r"(^|_)(lifetime_\w+|to_date|days_inactive|last_(login|seen|activity|order|payment|contact)\w*)$",
    re.IGNORECASE,
)


def telling_names(tables: AccountTables) -> list[Leak]:
    """Declared columns whose names tell the end, or a state as it stands on the day of the export, and whose table has
    no dates that say when each value was known; a history has them, and so has `known_at`.
    """
    found = []
    for name, table in tables.tables.items():
        if table.spec.shape in ("history", "market"):
            continue
        for column, spec in table.spec.columns.items():
            plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^0-9a-zA-Z]+", "_", column).strip("_").lower()
            if spec.available == "after" or (
                table.spec.shape == "periods" and column in (table.spec.end, table.spec.cancelled)
            ):
                continue
            if _THE_END.search(plain):
                found.append(
                    Leak(name, column, "its name says that it describes the end; no date says when it was known")
                )
            elif table.spec.shape == "attributes" and table.spec.known_at is None and _AS_OF_TODAY.search(plain):
                why = "its name says that it is a state as it stood at the export, which may be because of the outcome"
                found.append(Leak(name, column, why))
    return marked(tables, found)
