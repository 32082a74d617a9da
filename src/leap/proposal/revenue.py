"""Which table says what accounts pay, and how: terms, a ledger by month, invoices, orders by price."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

from leap.proposal.amounts import (
    ACTIVITY,
    BILLED,
    CENTS,
    CONTRACT_VALUE,
    MONEY,
    MONTHLY,
    NO_INCOME,
    PAYMENTS,
    PER_UNIT,
    PRICE,
    QUANTITY,
    RECURRING,
    YEARLY,
    covered,
    days_between,
    numeric,
    overlaps,
)
from leap.proposal.columns import FileTable
from leap.proposal.guess import THE_OTHERS, Guess, begin
from leap.proposal.keys import Key, is_about_accounts
from leap.proposal.reasons import OUTCOME
from leap.proposal.shapes import LEFT, SINCE, month_column

_MOST_OVERLAPS = 0.01
_LEDGER, _NOT_NAMED = 1, 8
"""Ranks of a ledger by month, and of tables whose names do not say that they are about money."""


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
        best = min(found, key=lambda income: (income.rank, not re.search(RECURRING, income.guess.file.subject)))
        best.apply()
        if best.rank == _LEDGER:
            guesses = [*guesses, *_states_beside(best.guess)]
        elif best.rank >= _NOT_NAMED:
            guesses = [*guesses, _events_beside(best.guess)]
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
        or re.search(NO_INCOME, guess.file.subject)
        or guess.shape not in ("periods", "events", "history")
    ):
        return []
    if (cents := numeric(guess.file, CENTS)) is not None:
        guess.notes.append(
            f"Check: {cents} seems to be in hundredths: if it is what accounts pay, add a column with {cents} / 100 "
            "(named mrr or amount), then run init again."
        )
    if guess.shape == "periods":
        return _of_periods(guess)
    if _is_panel(guess.file):
        return []
    return _of_ledger(guess) + (_of_payments(guess) if guess.shape == "events" else [])


def _of_periods(guess: Guess) -> list[Income]:
    file, found = guess.file, []
    for rank, names in ((0, MONTHLY), (2, YEARLY), (3, MONEY), (4, CONTRACT_VALUE)):
        amount = numeric(file, *names)
        if amount is None:
            continue
        per, why = ("month", "a monthly amount by its name") if rank == 0 else covered(guess, amount, yearly=rank == 2)
        if per is not None:
            found.append(Income(rank, guess, amount, lambda a=amount, p=per, w=why: _say_terms(guess, a, p, w)))  # type: ignore[misc]
    return found


def _say_terms(guess: Guess, amount: str, per: str, why: str) -> None:
    guess.say("role", "revenue", "what accounts pay")
    guess.say("amount", amount, why if per == "month" else "")
    if per != "month":
        guess.say("amount_per", per, why)
    _say_currency(guess)
    _warn_of_units(guess, amount)
    product = guess.file.named(r"(product|item|service|module)(_name|_id|_code)?")
    if product is not None and guess.file.columns[product].looks == "text":
        share = overlaps(guess, product)
        if share <= _MOST_OVERLAPS:
            guess.say("product", product, "terms of one product may not overlap; those that do are quarantined")
        else:
            guess.notes.append(
                f"{product} is not named as `product`: {share:.0%} of the terms overlap another of the same "
                f"account and "
                f"{product}, and would be quarantined. As it is they are added up; check."
            )


def _warn_of_units(guess: Guess, amount: str) -> None:
    quantity = numeric(guess.file, *QUANTITY)
    if quantity is not None and re.fullmatch(PER_UNIT, guess.file.columns[amount].english):
        guess.notes.append(
            f"Check: {amount} is of one unit, and there are {quantity}: add a column of their product, then name it as "
            "`amount`."
        )


def _say_currency(guess: Guess) -> None:
    column = guess.file.named(r"(\w+_)?currency(_code|_iso|_iso_code)?")
    if column is not None and guess.file.distinct(column).str.fullmatch(r"[A-Za-z]{3}").mean() > 0.9:
        guess.say("currency", column, "")


def _of_ledger(guess: Guess) -> list[Income]:
    """Rows by account and month with the MRR of that month."""
    file, month = guess.file, month_column(guess.file)
    amount = numeric(file, *MONTHLY)
    yearly = numeric(file, *YEARLY)
    if month is not None and amount is None and yearly is not None:
        guess.notes.append(
            f"Check: {yearly} by {month} says what accounts pay, but a year's worth: add a column mrr, which is "
            f"{yearly} / 12, "
            "then run init again."
        )
    if month is None or amount is None:
        return []
    return [Income(_LEDGER, guess, amount, lambda: _say_ledger(guess, month, amount))]


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


def _events_beside(money: Guess) -> Guess:
    """What else happened in a table of activity with money, as events of the same file; the money is renamed."""
    at, key = str(money.of("at")), str(money.of("key"))
    events = begin(money.file, "events", key, f"the same file: {at} says when something happened", money.keys["key"][1])
    events.say("at", at, "")
    for key_of_money in ("amount", "price"):
        if column := money.of(key_of_money):
            events.left_out[column] = f"it is the revenue, in [tables.{money.name}_revenue]"
    money.left_out = {THE_OTHERS: f"they are in [tables.{money.name}]"}
    money.name = f"{money.name}_revenue"
    return events


def _is_panel(file: FileTable) -> bool:
    """Whether rows bring their own outcome, by account and date."""
    return file.named(OUTCOME, looks=("boolean", "number", "text")) is not None


def _of_payments(guess: Guess) -> list[Income]:
    file = guess.file
    named = bool(re.search(PAYMENTS, file.subject))
    later = 2 if re.search(ACTIVITY, file.subject) and not named else 0
    price, quantity = numeric(file, *PRICE), numeric(file, *QUANTITY)
    amount = next(
        (a for a in (numeric(file, p) for p in MONEY) if a is not None and (a != price or quantity is None)), None
    )
    amount = amount or numeric(file, *MONTHLY)
    if amount is not None:
        return [Income(5 if named else _NOT_NAMED + later, guess, amount, lambda: _say_payments(guess, amount, named))]
    if price is not None and quantity is not None and price != quantity:
        shown = f"{quantity} * {price}"
        return [
            Income(6 if named else _NOT_NAMED + 1 + later, guess, shown, lambda: _say_price(guess, price, quantity))
        ]
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
    if re.search(BILLED, guess.file.subject) and (days := days_between(guess)) > 100:
        months = 6 if days < 270 else 12
        guess.say("trailing_months", months, f"an account is usually billed every {days:.0f} days")


def _terms_of_accounts(guess: Guess, keys: dict[str, Key]) -> Guess | None:
    """Where only the list of accounts says what each pays: the same file once more, as one term an account."""
    file = guess.file
    if guess.shape != "attributes" or guess.file.name not in keys:
        return None
    start, end = file.named(*SINCE, looks=("date",)), file.named(*LEFT, looks=("date",))
    amount, per = numeric(file, *MONTHLY), "month"
    if amount is None:
        amount, per = numeric(file, *YEARLY), "year"
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
