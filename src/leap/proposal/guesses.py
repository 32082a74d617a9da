"""Which shape a file has, and which of its columns play which part; every guess with the reason for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from leap.proposal.columns import FileTable
from leap.proposal.reasons import OUTCOME, TELLS_OUTCOME, why_not
from leap.tables import values

_KEYS = (
    r"account_id", r"customer_id", r"client_id", r"company_id", r"organi[sz]ation_id", r"org_id", r"tenant_id",
    r"member_id", r"workspace_id", r"account", r"customer", r"client", r"company", r"user_id",
)  # fmt: skip
_ABOUT_ACCOUNTS = r"(^|_)(accounts?|customers?|clients?|compan(y|ies)|organi[sz]ations?|tenants?|members?)(_|$)"
_START = (
    r"started_(on|at)", r"start_(date|at|on)", r"start", r"(subscription|contract|period|current_period)_start(_date)?",
    r"(valid|effective)_from", r"from_date", r"begin(s_on|_date)?",
)  # fmt: skip
_END = (
    r"ended_(on|at)", r"end_(date|at|on)", r"end", r"(subscription|contract|period|current_period)_end(_date)?",
    r"(valid|effective)_to", r"to_date", r"expir(es_on|es_at|y_date|ation_date)",
)  # fmt: skip
_OBSERVED = (
    r"observed_(on|at)", r"as_of(_date)?", r"snapshot_(date|on|at)", r"survey(ed)?_(date|on|at)", r"recorded_(on|at)",
    r"fivetran_start",
)  # fmt: skip
_HAPPENED = (
    r"occurred_(on|at)", r"event_(date|time|at)", r"timestamp|datetime|date|day",
    r"\w*(created|createdate|created_date)",
    r"(created|opened|submitted|requested|used|spent|ordered|paid)_(on|at)",
    r"(usage|login|invoice|order|payment|transaction|purchase|ticket|visit)_?(date|day|time)",
)  # fmt: skip
_NEVER_THE_TIME = r"(^|_)(synced|updated|modified|loaded|ingested|closed?|last|due|first|trial|expected)(_|$)|closedate"
_KNOWN = (r"known_at", r"loaded_(at|on)", r"ingested_at", r"inserted_at", r"reported_(on|at)", r"first_seen_(on|at)")
_MONTHLY = (r"mrr(_amount|_usd|_eur)?", r"monthly_(recurring_)?(revenue|amount|fee|price|charge)s?")
_YEARLY = (r"(arr|acv)(_amount)?", r"(annual|yearly)_(recurring_)?(revenue|amount|fee|price|value)")
_MONEY = (r"amount(_paid|_usd)?", r"(net_|gross_|line_)?total(_amount|_price)?", r"revenue", r"price", r"fee", r"paid")
_KIND = (
    r"kind", r"event(_type|_name)?", r"(ticket_|cost_|trigger_)?type", r"category", r"priority", r"feature(_name)?",
    r"action", r"trigger", r"technology", r"channel", r"severity",
)  # fmt: skip
_QUANTITY = (r"quantity", r"count", r"(usage|event|login|action)_count", r"actions|events|units|volume|logins|sessions")
_ABOUT_COMPANIES = r"(^|_)(profiles?|firmograph\w*|technolog\w*|listings?|hiring|jobs?|funding|locations?)(_|$)"
_BUYING = r"(^|_)(triggers?|news|intent|visits?|demos?|leads?|campaigns?|inquir\w+)(_|$)"
_RECURRING = r"(^|_)(subscriptions?|contracts?|licen[sc]es?|plans?|memberships?|periods?)(_|$)"
_PAYMENTS = r"(^|_)(invoices?|payments?|charges?|orders?|transactions?|sales?|billing|purchases?|retail)(_|$)"
_COSTS = r"(^|_)(costs?|spend|spending|expenses?)(_|$)"
_DEALS = r"(^|_)(deals?|opportunit(y|ies))(_|$)"
_SEVERAL_AT_ONCE = r"(^|_)(deals?|opportunit(y|ies)|tickets?|cases?|subscriptions?|invoices?|contacts?)(_|$)"
_ONE_TO_ONE = 0.999


@dataclass
class Guess:
    """One table of leap.toml: its keys with the reason for each, the columns declared, and those left out with why."""

    file: FileTable
    shape: str
    keys: dict[str, tuple[Any, str]] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def say(self, key: str, value: Any, why: str = "") -> None:
        """Set a key, unless there is nothing to set."""
        if value is not None:
            self.keys[key] = (value, why)

    def of(self, key: str) -> str | None:
        """A key's value as text."""
        return str(self.keys[key][0]) if key in self.keys else None


def guess_tables(files: list[FileTable]) -> tuple[list[Guess], dict[str, tuple[FileTable, str]]]:
    """A guess for every file that can be used, and why the others cannot."""
    guesses, refused = [], {}
    for file in files:
        found = _guess(file, files)
        if isinstance(found, str):
            refused[file.name] = (file, found)
        else:
            guesses.append(found)
    _give_roles(guesses)
    dated = {
        column.plain: guess.file.name
        for guess in guesses
        if guess.shape in ("periods", "history")
        for column in guess.file.columns.values()
    }
    for guess in guesses:
        _declare(guess, {} if guess.shape != "attributes" else dated)
        guess.notes += _repeated_ids(guess.file)
    empty = [guess for guess in guesses if guess.shape == "attributes" and not guess.columns and not _lists(guess.file)]
    for guess in empty:
        refused[guess.file.name] = (guess.file, "it holds nothing to learn from beside identifiers")
    for name, (file, why) in refused.items():
        refused[name] = (file, "; ".join([why, *_repeated_ids(file)]))
    return [guess for guess in guesses if guess not in empty], refused


def _lists(file: FileTable) -> bool:
    """Whether it names accounts to people, so that it says who exists."""
    return file.named(r"(account_|company_|customer_)?name") is not None


def _repeated_ids(file: FileTable) -> list[str]:
    """Identifiers that stand more than once although they are nearly unique."""
    return [
        f"{column.name} should be unique, but {column.present - column.distinct:,} of its values stand again"
        for column in file.columns.values()
        if column.plain.endswith("_id") and 0 < column.present - column.distinct < 0.01 * column.present
    ]


def _guess(file: FileTable, files: list[FileTable]) -> Guess | str:
    if not len(file.frame):
        return "it has no rows"
    if file.named("indicator") and file.named("value"):
        return _market(file)
    outcome = file.named(OUTCOME)
    flat = outcome is not None and len(files) == 1
    key = _key(file)
    if key is None and not flat:
        return _no_key(file, files)
    if flat:
        return _snapshot(file, str(outcome), key)
    if re.search(TELLS_OUTCOME, file.name) and not re.search(_ABOUT_ACCOUNTS, file.name):
        return "its rows are written because an account left: they are the outcome, not a sign of it"
    key = str(key)
    guess = _dated(file, key)
    if guess is not None and guess.shape == "history" and re.search(_SEVERAL_AT_ONCE, file.name):
        return "an account has several of these at once, and a history holds one state of an account at a time"
    if guess is not None:
        return guess
    if file.columns[key].unique or file.columns[key].present == 1:
        return _with_key(Guess(file, "attributes"), key, "one row per account and no date of its own")
    return f"it has several rows for one {key} and no date that says when they held"


def _key(file: FileTable) -> str | None:
    """The column of the account: named so or, in a table about accounts, `id`."""
    if re.search(_ABOUT_ACCOUNTS, file.name) and not file.named("account_id", "customer_id") and file.named("id"):
        return file.named("id")
    key = file.named(*_KEYS)
    return key if key is not None and file.columns[key].present else None


def _no_key(file: FileTable, files: list[FileTable]) -> str:
    """Which other table could lend the account, if any."""
    for column in file.columns.values():
        for other in files:
            there = other.columns.get(column.name) if other is not file and column.plain.endswith("_id") else None
            if there is not None and there.unique and (key := _key(other)) is not None:
                return (
                    f"no column names the account; {column.name} leads to {other.name}: "
                    f"add its {key} to this file, then run init again"
                )
    return "no column names the account (such as account_id or customer_id)"


def _with_key(guess: Guess, key: str, why: str) -> Guess:
    guess.say("shape", guess.shape, why)
    guess.say("source", guess.file.source)
    if guess.shape != "market":
        guess.say("key", key)
    return guess


def _dated(file: FileTable, key: str) -> Guess | None:
    """Periods, history or events, by the dates there are."""
    start, end = file.named(*_START, looks=("date",)), file.named(*_END, looks=("date", "empty"))
    observed = file.named(*_OBSERVED, looks=("date",))
    if start and end and not (observed and "fivetran" in file.columns[observed].plain):
        guess = _with_key(Guess(file, "periods"), key, f"{start} and {end} are a start and an end")
        guess.say("start", start)
        guess.say("end", end, "empty = still open")
        guess.say("renews", file.named(r"renew(s|al)_(on|at|date)", looks=("date",)))
        guess.say("cancelled", file.named(r"cancell?ed_(on|at|date)", looks=("date",)))
    elif observed:
        guess = _with_key(Guess(file, "history"), key, f"{observed} says from when on a row held")
        guess.say("at", observed)
    elif (moment := _moment(file)) is not None and not _is_list_of_accounts(file, key):
        guess = _with_key(Guess(file, "events"), key, f"{moment} says when something happened")
        guess.say("at", moment)
    else:
        return None
    for column in ("start", "at"):
        if (name := guess.of(column)) and file.columns[name].hint:
            guess.notes.append(f"{name}: {file.columns[name].hint} As they are, these rows are quarantined.")
    known = file.named(*_KNOWN, looks=("date",))
    guess.say("known_at", known if known != guess.of("at") else None, "when a row could be known")
    return guess


def _is_list_of_accounts(file: FileTable, key: str) -> bool:
    return file.columns[key].unique and bool(re.search(_ABOUT_ACCOUNTS, file.name))


def _moment(file: FileTable) -> str | None:
    named = file.named(*_HAPPENED, looks=("date",))
    if named is not None:
        return named
    return next(
        (c.name for c in file.columns.values() if c.looks == "date" and not re.search(_NEVER_THE_TIME, c.plain)), None
    )


def _market(file: FileTable) -> Guess | str:
    published = file.named(r"published(_on|_at)?", r"release(d|_date)(_on|_at)?", looks=("date",))
    period = file.named("period", "month", "quarter", "date", looks=("date",))
    if period is None:
        return "it holds indicators, but no date says for which period"
    guess = _with_key(Guess(file, "market"), "", "figures of a market by period")
    guess.say("indicator", file.named("indicator"))
    guess.say("period", period)
    guess.say("value", file.named("value"))
    currencies = values.as_text(file.frame[guess.of("indicator")]).str.fullmatch("[A-Z]{3}").all()
    if currencies and re.search(r"(^|_)(fx|rates?|exchange|currenc\w+)(_|$)", file.name):
        guess.say("role", "rates", "every indicator is a currency")
    elif published is None:
        return "it holds indicators, but no date says when each figure was published; add one (published_at)"
    guess.say("published", published)
    guess.say("segment", file.named("segment", "industry", "sector", "country", "region", looks=("text",)))
    return guess


def _snapshot(file: FileTable, outcome: str, key: str | None) -> Guess:
    guess = Guess(file, "snapshot")
    guess.say("shape", "snapshot", f"one flat table with an outcome, {outcome}")
    guess.say("source", file.source)
    why = "no column names the account, so rows are numbered: their order must not change"
    guess.say("key", key or "_row", "" if key else why)
    guess.say("at", file.named(*_OBSERVED, looks=("date",)))
    guess.say("outcome", outcome)
    words = values.as_text(file.frame[outcome])
    distinct = sorted(set(words) - {""})
    if values.truths(pd.Series(distinct))[1].any() or set(distinct) & {"Yes", "No", "yes", "no"}:
        positive = next((w for w in distinct if w.lower() in ("yes", "churned", "churn", "left", "lost")), distinct[-1])
        guess.say("outcome_positive", positive, f"the values are {', '.join(distinct[:5])}")
    if "at" not in guess.keys:
        guess.notes.append("No date says when a column was known: all are taken as known before the outcome.")
    return guess


def _give_roles(guesses: list[Guess]) -> None:
    """Revenue, deals and costs by names; scope, signal and party of all."""
    _revenue(guesses)
    for guess in guesses:
        file, name = guess.file, guess.file.name
        if guess.shape == "events" and "role" not in guess.keys and re.search(_DEALS, name):
            _deals(guess)
        money = file.named(r"amount\w*", *_MONEY, looks=("number",))
        if guess.shape == "events" and "role" not in guess.keys and re.search(_COSTS, name) and money:
            guess.say("role", "costs", "its name says so")
            guess.say("amount", money)
        if guess.shape in ("periods", "events") and guess.of("role") in (None, "costs"):
            guess.say("kind", file.named(*_KIND, looks=("text",)), "one feature per value")
        if guess.shape == "events" and guess.of("role") is None:
            guess.say("quantity", file.named(*_QUANTITY, looks=("number",)))
        _scope(guess)


def _revenue(guesses: list[Guess]) -> None:
    """At most one table: periods with a monthly amount, else with a yearly or plain one, else payments as events."""
    periods = [guess for guess in guesses if guess.shape == "periods"]
    events = [guess for guess in guesses if guess.shape == "events" and re.search(_PAYMENTS, guess.file.name)]
    for candidates, names, why in (
        (periods, _MONTHLY, "a monthly amount"),
        (periods, _YEARLY, "a YEARLY amount: every figure of money is 12 times the MRR; divide it by 12 in the file"),
        ([g for g in periods if re.search(_RECURRING, g.file.name)], _MONEY, "taken as an amount per month; check"),
        (events, _MONEY, "the money of a row; trailing months make the MRR"),
    ):
        for guess in candidates:
            amount = guess.file.named(*names, looks=("number", "constant"))
            if amount is None:
                continue
            guess.say("role", "revenue", "what accounts pay")
            guess.say("amount", amount, why)
            guess.say("currency", guess.file.named(r"currency(_code)?"))
            product = guess.file.named(r"product(_name|_id)?") if guess.shape == "periods" else None
            guess.say("product", product, "terms of one product may not overlap; those that do are quarantined")
            if guess.shape == "events" and (values.numbers(guess.file.frame[amount])[0] < 0).any():
                guess.say("credit_notes", True, "there are negative amounts")
            return
    for guess in events:
        price, quantity = guess.file.named(r"(unit_)?price", looks=("number",)), guess.file.named("quantity")
        if price and quantity:
            guess.notes.append(
                f'No column holds the money of a row: add {quantity} * {price} as `amount`, then role = "revenue", '
                'amount = "amount", credit_notes = true.'
            )


def _deals(guess: Guess) -> None:
    file = guess.file
    created, closed = (
        file.named(r"\w*created?_?(date|on|at)?", looks=("date",)),
        file.named(r"\w*close(d|_?date)?(_on|_at)?"),
    )
    won, amount = file.named(r"(is_)?won"), file.named(r"(property_)?amount", looks=("number", "constant"))
    if not (created and closed and won and amount):
        guess.notes.append('Looks like deals; role = "deals" needs columns for created, closed, won and amount.')
        return
    guess.say("role", "deals", "its name says so")
    for key, column in (("created", created), ("closed", closed), ("won", won), ("amount", amount)):
        guess.say(key, column)


def _scope(guess: Guess) -> None:
    """Fit is what is true of a company before it buys; what is not clearly that is health, never an ICP attribute."""
    name = guess.file.name
    if guess.shape == "market":
        scope, signal, party, why = "fit", "economic", "third", "the market is there before anyone buys"
    elif guess.of("role") == "deals":
        scope, signal, party, why = "fit", "economic", "first", "deals come before the purchase"
    elif re.search(_BUYING, name):
        scope, signal, party, why = "fit", "buying", "third", "seen from outside, before a purchase"
    elif guess.shape == "attributes" or re.search(_ABOUT_COMPANIES, name):
        scope, signal, party, why = "fit", "fit", "third", "about the company, whether it is a customer or not"
    else:
        scope, signal, party, why = "health", "retention", "first", "exists only once it is a customer"
    guess.say("scope", scope, why)
    guess.say("signal", signal)
    guess.say("party", party)


def _declare(guess: Guess, dated_elsewhere: dict[str, str]) -> None:
    """Declare the columns that may be features; say of every other why not."""
    named = {str(value) for value, _ in guess.keys.values()}
    if guess.shape == "market":
        guess.left_out = {c: "no part of a market table" for c in guess.file.columns if c not in named}
        return
    key = guess.of("key")
    accounts = guess.file.columns[key].distinct if key in guess.file.columns else len(guess.file.frame)
    for column in guess.file.columns.values():
        if column.name in named and column.name != guess.of("product"):
            continue
        why = why_not(column, guess.shape, accounts, dated_elsewhere) or _says_the_same(guess, column.name)
        if guess.of("role") in ("costs", "deals") and why is None:
            why = f"not needed for role {guess.of('role')}"
        if why is not None:
            guess.left_out[column.name] = why
        else:
            guess.columns[column.name] = column.plain


def _says_the_same(guess: Guess, column: str) -> str | None:
    """A number that is always the same multiple of the amount, such as ARR beside MRR."""
    amount = guess.of("amount")
    if amount is None or guess.file.columns[column].looks != "number":
        return None
    one, other = values.numbers(guess.file.frame[amount])[0], values.numbers(guess.file.frame[column])[0]
    ratio = (other / one.where(one != 0)).dropna()
    if len(ratio) < 10 or ratio.median() == 0 or ((ratio / ratio.median() - 1).abs() < 1e-3).mean() < _ONE_TO_ONE:
        return None
    return f"{ratio.median():g} times {amount}"
