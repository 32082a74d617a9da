"""Which table says what accounts pay, and how: terms, a ledger by month, invoices, orders by price."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

import pandas as pd

from leap.proposal.columns import FileTable
from leap.proposal.guess import THE_OTHERS, Guess, begin
from leap.proposal.keys import Key, is_about_accounts
from leap.proposal.names import plain
from leap.proposal.reasons import OUTCOME
from leap.proposal.shapes import LEFT, SINCE, month_column
from leap.tables import values

_IN = r"(_usd|_eur|_gbp|_amount|_value)*"
_MONTHLY = (
    rf"(\w+_)?mrr{_IN}", rf"monthly_(recurring_)?(revenue|amount|fee|price|charges?|value|payment|cost){_IN}",
    r"(revenue|amount|fee|price|charges?|value)_(monthly|per_month|a_month)|monthly",
)  # fmt: skip
_YEARLY = (
    rf"(\w+_)?(arr|acv){_IN}", rf"(annual|yearly)_(recurring_|contract_|subscription_)?(revenue|amount|fee|"
    rf"price|value|charge){_IN}",
    r"(revenue|amount|fee|price|value)_(annual|yearly|per_year|a_year)|annual",
)  # fmt: skip
_MONEY = (
    rf"(net_)?amount(_paid|_due|_net|_excl_tax|_excl_vat)?{_IN}|(paid|invoice|net|line|billed|charged|order|"
    rf"payment)_amount{_IN}",
    rf"(net_|gross_|line_|sub_|order_|invoice_)?total(_amount|_price|_value|_net)?{_IN}|subtotal",
    rf"(net_|gross_)?(revenue|sales|turnover){_IN}", rf"(unit_)?(recurring_)?(price|fee|rate_card){_IN}",
    rf"(plan|subscription|recurring|base|license|membership|service)_(amount|price|fee|value|cost|charge){_IN}",
    r"paid|charge|net|gross",
    rf"(order|invoice|booking)_value{_IN}",
)  # fmt: skip
_CONTRACT_VALUE = (rf"tcv{_IN}", rf"(total_)?contract_(value|amount){_IN}", r"deal_value|value")
_PRICE = (
    r"(unit|item|net|sale|sales|list|retail)_?price\w*",
    r"price(_each|_per_unit|_unit)?\w*",
    r"unit_(amount|cost|rate)",
)
_QUANTITY = (r"quantity(_\w+)?", r"(order_|ordered_|sold_)?(units|pieces)(_sold)?", r"count|pieces|seats")
_RECURRING = (
    r"(^|_)(subscriptions?|subs|contracts?|licen[sc]es?|plans?|memberships?|periods?|agreements?|mrr|"
    r"retainers?|leases?|policies)(_|$)"
)
_PAYMENTS = (
    r"(^|_)(invoices?|invoicing|payments?|charges?|orders?|transactions?|sales?|billing|billings|purchases?|"
    r"retail|receipts?|"
    r"line_?items?|lines|bookings?|revenues?|mrr|arr|ledger)(_|$)"
)
_BILLED = r"(^|_)(invoices?|invoicing|billings?|payments?|charges?)(_|$)"
_NO_INCOME = (
    r"(^|_)(costs?|spend|spending|expenses?|deals?|opportunit(y|ies)|quotes?|refunds?|tickets?|cases?|"
    r"credit_?notes?|targets?|"
    r"budgets?|forecasts?|discounts?|coupons?|taxes|funding|campaigns?|leads?|usage|events?|payroll|suppliers?|"
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
_LENGTHS = {"week": (6, 8), "month": (27, 32), "quarter": (88, 93), "half-year": (179, 185), "year": (358, 372)}
_MOST_OVERLAPS = 0.01


@dataclass(frozen=True)
class Income:
    """A way to read what accounts pay: the best has the lowest rank."""

    rank: int
    guess: Guess
    amount: str
    apply: Callable[[], None]
    """Writes the keys into the guess."""


def choose(guesses: list[Guess], keys: dict[str, Key]) -> list[Guess]:
    """The tables with one of them as revenue, if any can be, and what else could be said on it."""
    found = list(chain.from_iterable(_incomes(guess) for guess in guesses))
    if found:
        best = min(found, key=lambda income: (income.rank, not re.search(_RECURRING, income.guess.file.subject)))
        best.apply()
        if best.rank == 1:
            guesses = [*guesses, *_states_beside(best.guess)]
        others = {i.guess.name: f"{i.guess.name} ({i.amount})" for i in found if i.guess is not best.guess}
        if others:
            best.guess.notes.append(
                f"Check: {', '.join(others.values())} could be revenue as well; one table has that role, and "
                f"this one says "
                "most clearly what accounts pay and for how long."
            )
        return guesses
    for guess in guesses:
        terms = _terms_of_accounts(guess, keys)
        if terms is not None:
            return [*guesses, terms]
    return guesses


def _incomes(guess: Guess) -> list[Income]:
    if (
        guess.role is not None
        or re.search(_NO_INCOME, guess.file.subject)
        or guess.shape not in ("periods", "events", "history")
    ):
        return []
    if guess.shape == "periods":
        return _of_periods(guess)
    if _is_panel(guess.file):
        return []
    return _of_ledger(guess) + (_of_payments(guess) if guess.shape == "events" else [])


def _numeric(file: FileTable, *patterns: str) -> str | None:
    """The first column of numbers called so; one that holds one number only counts too."""
    for name in file.all_named(*patterns, looks=("number", "constant")):
        column = file.columns[name]
        if column.looks == "number" or column.low == column.low or column.number_form:
            return name
    return None


def _of_periods(guess: Guess) -> list[Income]:
    file, found = guess.file, []
    for rank, names in ((0, _MONTHLY), (2, _YEARLY), (3, _MONEY), (4, _CONTRACT_VALUE)):
        amount = _numeric(file, *names)
        if amount is None or (rank >= 3 and not re.search(f"{_RECURRING}|{_PAYMENTS}", file.subject) and rank == 4):
            continue
        per, why = ("month", "a monthly amount by its name") if rank == 0 else _per(guess, amount, yearly=rank == 2)
        if per is not None:
            found.append(Income(rank, guess, amount, lambda a=amount, p=per, w=why: _say_terms(guess, a, p, w)))  # type: ignore[misc]
    return found


def _per(guess: Guess, amount: str, *, yearly: bool) -> tuple[str | None, str]:
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
    billed = re.search(_BILLED, guess.file.subject) or re.fullmatch(
        "|".join(_CONTRACT_VALUE), guess.file.columns[amount].english
    )
    length = next((name for name, (a, b) in _LENGTHS.items() if len(days) and days.between(a, b).mean() > 0.9), None)
    if length is not None and billed:
        return length, f"check: it is billed by period, and nearly all periods last a {length}"
    if billed and len(days) and re.fullmatch("|".join(_CONTRACT_VALUE), guess.file.columns[amount].english):
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


def _say_terms(guess: Guess, amount: str, per: str, why: str) -> None:
    guess.say("role", "revenue", "what accounts pay")
    guess.say("amount", amount, why if per == "month" else "")
    if per != "month":
        guess.say("amount_per", per, why)
    _say_currency(guess)
    product = guess.file.named(r"(product|item|service|module)(_name|_id|_code)?")
    if product is not None and guess.file.columns[product].looks == "text":
        share = _overlaps(guess, product)
        if share <= _MOST_OVERLAPS:
            guess.say("product", product, "terms of one product may not overlap; those that do are quarantined")
        else:
            guess.notes.append(
                f"{product} is not named as `product`: {share:.0%} of the terms overlap another of the same "
                f"account and "
                f"{product}, and would be quarantined. As it is they are added up; check."
            )


def _overlaps(guess: Guess, product: str) -> float:
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


def _say_currency(guess: Guess) -> None:
    column = guess.file.named(r"(\w+_)?currency(_code|_iso|_iso_code)?")
    if column is not None and guess.file.distinct(column).str.fullmatch(r"[A-Za-z]{3}").mean() > 0.9:
        guess.say("currency", column, "")


def _of_ledger(guess: Guess) -> list[Income]:
    """Rows by account and month with the MRR of that month."""
    file, month = guess.file, month_column(guess.file)
    amount = _numeric(file, *_MONTHLY)
    yearly = _numeric(file, *_YEARLY)
    if month is not None and amount is None and yearly is not None:
        guess.notes.append(
            f"Check: {yearly} by {month} says what accounts pay, but a year's worth: add a column mrr, which is "
            f"{yearly} / 12, "
            "then run init again."
        )
    if month is None or amount is None:
        return []
    return [Income(1, guess, amount, lambda: _say_ledger(guess, month, amount))]


def _say_ledger(guess: Guess, month: str, amount: str) -> None:
    guess.say("shape", "events", f"a ledger: one row an account and {month}, with the MRR of that month")
    guess.shape = "events"
    guess.say("at", month, "every date is the first or the last of a month")
    guess.keys.pop("known_at", None)
    guess.say("role", "revenue", "what accounts pay")
    guess.say("amount", amount, "a monthly amount by its name")
    _say_currency(guess)
    guess.say("trailing_months", 1, "MRR at a date is the sum of the rows dated in the month before it")
    if (guess.numbers(amount) < 0).any():
        guess.say("credit_notes", True, "there are negative amounts")


def _states_beside(ledger: Guess) -> list[Guess]:
    """What else a ledger says of an account by month, as a history of the same file; the ledger takes another name."""
    file, key, month = ledger.file, str(ledger.of("key")), str(ledger.of("at"))
    if file.reading.frame.duplicated([key, month]).mean() > 0.001:
        return []
    states = begin(file, "history", key, f"the same file: one row an account and {month}", ledger.keys["key"][1])
    states.say("at", month, "")
    states.left_out[str(ledger.of("amount"))] = f"it is the revenue, in [tables.{ledger.name}_mrr]"
    ledger.name = f"{ledger.name}_mrr"
    ledger.left_out = {THE_OTHERS: f"they are in [tables.{states.name}]"}
    return [states]


def _is_panel(file: FileTable) -> bool:
    """Whether rows bring their own outcome, by account and date."""
    return file.named(OUTCOME, looks=("boolean", "number", "text")) is not None


def _of_payments(guess: Guess) -> list[Income]:
    file = guess.file
    named = bool(re.search(_PAYMENTS, file.subject))
    price, quantity = _numeric(file, *_PRICE), _numeric(file, *_QUANTITY)
    amount = next(
        (a for a in (_numeric(file, p) for p in _MONEY) if a is not None and (a != price or quantity is None)), None
    )
    amount = amount or _numeric(file, *_MONTHLY)
    if amount is not None:
        return [Income(5 if named else 8, guess, amount, lambda: _say_payments(guess, amount, named))]
    if price is not None and quantity is not None and price != quantity:
        shown = f"{quantity} * {price}"
        return [Income(6 if named else 9, guess, shown, lambda: _say_price(guess, price, quantity))]
    return []


def _say_payments(guess: Guess, amount: str, named: bool) -> None:
    guess.say("role", "revenue", "what accounts pay" if named else "check: the only table with money by date")
    guess.say("amount", amount, "the money of a row; trailing months make the MRR")
    _finish_payments(guess, bool((guess.numbers(amount) < 0).any()))


def _say_price(guess: Guess, price: str, quantity: str) -> None:
    guess.say("role", "revenue", "what accounts pay")
    guess.say("quantity", quantity, "")
    guess.say(
        "price", price, f"no column holds the money of a row: it is {quantity} * {price}; trailing months make the MRR"
    )
    _finish_payments(guess, bool((guess.numbers(price) * guess.numbers(quantity) < 0).any()))


def _finish_payments(guess: Guess, negative: bool) -> None:
    _say_currency(guess)
    if negative:
        guess.say("credit_notes", True, "there are negative amounts: returns or credits")
    if re.search(_BILLED, guess.file.subject) and (days := _days_between(guess)) > 100:
        months = 6 if days < 270 else 12
        guess.say("trailing_months", months, f"an account is usually billed every {days:.0f} days")


def _days_between(guess: Guess) -> float:
    """The usual time between two dates of one account, in days."""
    key = values.as_text(guess.file.full(str(guess.of("key"))))
    rows = pd.DataFrame({"key": key, "at": guess.moments("at")}).dropna().drop_duplicates().sort_values(["key", "at"])
    days = rows["at"].groupby(rows["key"]).diff().dt.days
    return float(days.median()) if days.notna().any() else 0.0


def _terms_of_accounts(guess: Guess, keys: dict[str, Key]) -> Guess | None:
    """Where only the list of accounts says what each pays: the same file once more, as one term an account."""
    file = guess.file
    if guess.shape != "attributes" or guess.file.name not in keys:
        return None
    start, end = file.named(*SINCE, looks=("date",)), file.named(*LEFT, looks=("date",))
    amount, per = _numeric(file, *_MONTHLY), "month"
    if amount is None:
        amount, per = _numeric(file, *_YEARLY), "year"
    if amount is None or start is None or end is None:
        return None
    return _split(guess, keys[file.name], start, end, amount, per)


def _split(guess: Guess, key: Key, start: str, end: str, amount: str, per: str) -> Guess:
    terms = begin(
        guess.file, "periods", key.column, f"the same file: {start} and {end} are a start and an end", key.why
    )
    terms.name = f"{guess.name}_terms"
    terms.say("start", start, "check: when it began to pay")
    terms.say("end", end, "check: when it left; empty = still there")
    _say_terms(terms, amount, per, "its name; check: as it stands today, so that growth before today is not seen")
    terms.left_out = {THE_OTHERS: f"they are in [tables.{guess.name}]"}
    return terms


def split_accounts(guess: Guess, key: Key) -> list[Guess]:
    """A list of accounts with one term each is read twice: as what is true of them, and as what they pay."""
    file = guess.file
    if guess.shape != "periods" or not (file.is_unique(key.column) and is_about_accounts(file)):
        return [guess]
    listed = begin(file, "attributes", key.column, "one row per account", key.why)
    terms = replace(guess, name=f"{guess.name}_terms", left_out={THE_OTHERS: f"they are in [tables.{guess.name}]"})
    terms.say("shape", "periods", f"the same file: {guess.keys['shape'][1]}")
    return [listed, terms]
