"""Columns of money: what they are called, what they cover, how often they come and whether terms overlap."""

from __future__ import annotations

import re

import pandas as pd

from leap.proposal.columns import FileTable
from leap.proposal.guess import Guess
from leap.proposal.names import plain
from leap.tables import values

_IN = r"(_usd|_eur|_gbp|_chf|_amount|_value|_hors_taxes?|_excl_(tax|vat)|_net|_netto)*"
MONTHLY = (
    rf"(\w+_)?mrr{_IN}", rf"monthly_(recurring_)?(revenue|amount|fee|price|charges?|value|payment|cost){_IN}",
    r"(revenue|amount|fee|price|charges?|value)_(monthly|per_month|a_month)|monthly",
)  # fmt: skip
YEARLY = (
    rf"(\w+_)?(arr|acv){_IN}", rf"(annual|yearly)_(recurring_|contract_|subscription_)?(revenue|amount|fee|"
    rf"price|value|charge){_IN}",
    r"(revenue|amount|fee|price|value)_(annual|yearly|per_year|a_year)|annual",
)  # fmt: skip
MONEY = (
    rf"(net_)?amount(_paid|_due|_net|_excl_tax|_excl_vat)?{_IN}|(paid|invoice|net|line|billed|charged|order|"
    rf"payment)_amount{_IN}",
    rf"(net_|gross_|line_|sub_|order_|invoice_)?total(_amount|_price|_value|_net)?{_IN}|subtotal",
    rf"(net_|gross_)?(revenue|sales|turnover){_IN}",
    rf"(unit_)?(recurring_)?(price|fee|rate_card){_IN}|(price|fee)_per_\w+",
    rf"(plan|subscription|recurring|base|license|membership|service|rental|retainer)_(amount|price|fee|value|cost|charge){_IN}",
    rf"(paid|charged?|charges|billed|net|gross){_IN}",
    rf"(order|invoice|booking)_value{_IN}",
)  # fmt: skip
CONTRACT_VALUE = (rf"tcv{_IN}", rf"(total_)?contract_(value|amount){_IN}", r"deal_value|value")
PRICE = (
    r"(unit|item|net|sale|sales|list|retail)_?price\w*",
    r"price(_each|_per_unit|_unit)?\w*",
    r"unit_(amount|cost|rate)",
)
QUANTITY = (r"quantity(_\w+)?", r"(order_|ordered_|sold_)?(units|pieces)(_sold)?", r"count|pieces|seats")
RECURRING = (
    r"(^|_)(subscriptions?|subs|contracts?|licen[sc]es?|plans?|memberships?|periods?|agreements?|mrr|"
    r"retainers?|leases?|policies)(_|$)"
)
PAYMENTS = (
    r"(^|_)(invoices?|invoicing|payments?|charges?|orders?|transactions?|sales?|billing|billings|purchases?|"
    r"retail|receipts?|"
    r"line_?items?|lines|bookings?|revenues?|mrr|arr|ledger)(_|$)"
)
ACTIVITY = r"(^|_)(usage|events?|logins?|activit(y|ies)|sessions?)(_|$)"
CENTS = r"(.+_)?(cents|pence|minor(_units?)?|in_cents)"
PER_UNIT = r"unit_(price|amount|cost|rate)|(price|fee|rate)_(per|each)\w*|(price|fee)_per_(seat|user|unit|license)"
BILLED = r"(^|_)(invoices?|invoicing|billings?|payments?|charges?)(_|$)"
NO_INCOME = (
    r"(^|_)(costs?|spend|spending|expenses?|deals?|opportunit(y|ies)|quotes?|refunds?|tickets?|cases?|"
    r"credit_?notes?|targets?|"
    r"budgets?|forecasts?|discounts?|coupons?|taxes|funding|campaigns?|leads?|payroll|suppliers?|"
    r"vendors?|purchase_orders?)(_|$)"
)
_INTERVAL = (
    r"(billing|payment|price|plan|invoice|recurring|charge|renewal)?_?(interval|frequency|period|cycle|"
    r"cadence|term|per|recurrence)"
)
_PER = {
    "month": r"(1_?)?(months?|monthly|mtl|monatlich|mensuel(le)?|mensual|m|mo|p1m)",
    "year": r"(1_?)?(years?|yearly|annual(ly)?|jahrlich|jaehrlich|annuel(le)?|anual|y|yr|p1y|12(_?months?)?)",
    "quarter": r"(quarters?|quarterly|quartalsweise|vierteljahrlich|trimestriel(le)?|trimestral|q|3_?months?|p3m)",
    "half-year": r"(half_?years?|half_?yearly|semi_?annual(ly)?|halbjahrlich|semestriel(le)?|semestral|6_?months?|p6m)",
    "week": r"(1_?)?(weeks?|weekly|wochentlich|hebdomadaire|semanal|w)",
    "day": r"(1_?)?(days?|daily|taglich)",
}
LENGTHS = {"week": (6, 8), "month": (27, 32), "quarter": (88, 93), "half-year": (179, 185), "year": (358, 372)}


def numeric(file: FileTable, *patterns: str) -> str | None:
    """The first column of numbers called so; one that holds one number only counts too."""
    for name in file.all_named(*patterns, looks=("number", "constant")):
        column = file.columns[name]
        if column.looks == "number" or column.low == column.low or column.number_form:
            return name
    return None


def covered(guess: Guess, amount: str, *, yearly: bool) -> tuple[str | None, str]:
    """What an amount covers: by its own name, by a column of intervals, by how long the periods last."""
    if yearly:
        return "year", f"{amount} is called a yearly amount"
    interval = next(iter(guess.file.all_named(_INTERVAL, looks=("text", "constant", "number"))), None)
    if interval is not None:
        worded = {_as_interval(value) for value in guess.file.distinct(interval)}
        if len(worded) == 1 and (only := worded.pop()) is not None:
            return only, f"every {interval} is {guess.file.columns[interval].examples[0]}"
        if len(worded) > 1 and None not in worded:
            guess.notes.append(
                f"Check: {amount} is an amount per {interval}, which differs by row "
                f"({', '.join(sorted(map(str, worded)))}): "
                "add a column of the amount per month (mrr), then name it as `amount`. Here it is read as one "
                "per month."
            )
            return "month", "check: see above"
    days = (guess.moments("end") - guess.moments("start")).dt.days.dropna()
    billed = re.search(BILLED, guess.file.subject) or re.fullmatch(
        "|".join(CONTRACT_VALUE), guess.file.columns[amount].english
    )
    length = next((name for name, (a, b) in LENGTHS.items() if len(days) and days.between(a, b).mean() > 0.9), None)
    if length is not None and billed:
        return length, f"check: it is billed by period, and nearly all periods last a {length}"
    if billed and len(days) and re.fullmatch("|".join(CONTRACT_VALUE), guess.file.columns[amount].english):
        guess.notes.append(
            f"Check: {amount} seems to be of a whole contract, and contracts last differently long: divide it "
            f"by the months "
            "of the contract, then name the result as `amount`."
        )
        return None, ""
    hint = f"; nearly all periods last a {length}" if length else ""
    return "month", f"check: taken as an amount per month{hint}"


def _as_interval(value: str) -> str | None:
    text = re.sub(r"[^a-z0-9]+", "_", plain(value)).strip("_")
    return next((per for per, pattern in _PER.items() if re.fullmatch(pattern, text)), None)


def overlaps(guess: Guess, product: str) -> float:
    """The share of terms that begin before an earlier one of the same account and product ended."""
    file = guess.file
    keys = [values.as_text(file.full(str(guess.of("key")))), values.as_text(file.full(product))]
    rows = pd.DataFrame({"a": keys[0], "p": keys[1], "start": guess.moments("start"), "end": guess.moments("end")})
    rows = rows.dropna(subset=["start"]).sort_values(["a", "p", "start"])
    if rows.empty:
        return 0.0
    end = rows["end"].fillna(pd.Timestamp("2199-12-31")).astype("int64")
    latest = end.groupby([rows["a"], rows["p"]]).cummax().groupby([rows["a"], rows["p"]]).shift()
    return float((rows["start"].astype("int64") < latest).mean())


def days_between(guess: Guess) -> float:
    """The usual time between two dates of one account, in days."""
    key = values.as_text(guess.file.full(str(guess.of("key"))))
    rows = pd.DataFrame({"key": key, "at": guess.moments("at")}).dropna().drop_duplicates().sort_values(["key", "at"])
    days = rows["at"].groupby(rows["key"]).diff().dt.days
    return float(days.median()) if days.notna().any() else 0.0
