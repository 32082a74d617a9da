"""What tables are for: deals, costs and notes by their names; kinds and quantities; scope, signal and party."""

from __future__ import annotations

import re

from leap.proposal import natures
from leap.proposal.columns import Column, Looks
from leap.proposal.guess import Guess
from leap.tables import values

_KIND = (
    r"kind", r"event(_type|_name|_kind)?", r"(ticket_|cost_|trigger_|activity_|usage_|interaction_)?(type|kind)",
    r"(\w+_)?category",
    r"priority", r"feature(_name)?", r"action(_name|_type)?", r"trigger", r"technology", r"channel", r"severity",
    r"module", r"topic", r"signal(_type|_name)?", r"\w+_type",
)  # fmt: skip
_QUANTITY = (
    r"quantity", r"(\w+_)?count", r"n_events|(number_of|num|no_of)_(events|actions|logins|calls|sessions)",
    r"actions|events|units|volume|logins|sessions|hits|calls|times",
)  # fmt: skip
_MONEY = (
    r"(\w+_)?amount\w*",
    r"(net_|gross_|line_)?total\w*",
    r"costs?(_\w+)?|(\w+_)?costs?",
    r"spend|price|fee|paid|value|usd|eur",
)
_ABOUT_COMPANIES = (
    r"(^|_)(profiles?|firmograph\w*|technolog\w*|technograph\w*|listings?|hiring|jobs?|funding|locations?|"
    r"enrichment|tech_stack)(_|$)"
)
_BUYING = (
    r"(^|_)(triggers?|news|intent|web_?visits?|website_visits?|visits?|demos?|leads?|campaigns?|inquir\w+|"
    r"signals?|webinars?)(_|$)"
)
_PAYMENTS = r"(^|_)(invoices?|payments?|charges?|orders?|transactions?|sales?|purchases?|refunds?)(_|$)"
_COSTS = r"(^|_)(costs?|spend|spending|expenses?|cac)(_|$)"
_DEALS = r"(^|_)(deals?|opportunit(y|ies)|pipeline)(_|$)"
_NOTES = r"(^|_)(notes?|comments?|hypothes[ei]s|remarks?|interviews?)(_|$)"
_OF_THE_FIRM = (
    r"(^|_)(industry|sector|vertical|country|region|continent|state|city|employees|headcount|company_size|"
    r"firm_size|size|founded\w*|"
    r"ownership|annual_revenue|revenue_(band|range)|tech_stack|public_company|legal_form)(_|$)"
)
_OF_THE_CUSTOMER = (
    r"(^|_)(support|onboarding|csm|success|account_manager|training|implementation|sla|integrations?|sso)(_|$)"
)
_OF_THE_SALE = r"(^|_)((lead|referral|acquisition|account|traffic)_?source|channel|campaign|utm\w*|referr\w+)(_|$)"


def give_roles(guesses: list[Guess]) -> None:
    """Roles other than revenue, then what every table has by its shape."""
    for guess in guesses:
        if guess.shape == "events" and guess.role is None:
            for named, give in ((_DEALS, _deals), (_COSTS, _costs), (_NOTES, _notes)):
                if re.search(named, guess.file.subject):
                    give(guess)
                    break
        if guess.shape in ("periods", "events") and guess.role in (None, "costs"):
            guess.say("kind", _kind(guess), "one feature per value")
        if guess.shape == "events" and guess.role is None:
            quantity = guess.file.named(*_QUANTITY, looks=("number",))
            guess.say("quantity", quantity, "how often, by its name")
            money = guess.file.named(r"(\w+_)?amount\w*|(net_|gross_|line_|order_)?total\w*", looks=("number",))
            paid = re.search(_PAYMENTS, guess.file.subject)
            guess.say("amount", money if paid else None, "money of a row: summed over the windows")
        _scope(guess)
        natures.of_table(guess)


def _kind(guess: Guess) -> str | None:
    """A category by which rows are told apart: few values for many rows."""
    named = {value for value, _ in guess.keys.values()}
    for name in guess.file.all_named(*_KIND, looks=("text",)):
        column = guess.file.columns[name]
        if (
            name not in named
            and column.mean_words <= 5
            and (column.distinct <= 200 or column.distinct < 0.2 * column.present)
        ):
            return name
    return None


def _costs(guess: Guess) -> None:
    money = guess.file.named(*_MONEY, looks=("number", "constant"))
    if money is None:
        guess.notes.append('Looks like costs; role = "costs" needs a column with the amount.')
        return
    guess.say("role", "costs", "its name says so")
    guess.say("amount", money, "by its name")


def _deals(guess: Guess) -> None:
    file = guess.file
    created = file.named(r"\w*created?_?(date|on|at)?|createdate|opened_(on|at)|open(ed)?_date", looks=("date",))
    closed = file.named(r"\w*close(d|_?date)?(_on|_at|_date)?", looks=("date", "empty"))
    won = next((w for w in file.all_named(r"(is_|deal_)?won|is_closed_won|closed_won") if _is_truth(guess, w)), None)
    amount = file.named(r"(property_|deal_)?(amount|value)", looks=("number", "constant"))
    if not (created and closed and won and amount):
        lacking = [
            what for what, c in (("created", created), ("closed", closed), ("won", won), ("amount", amount)) if not c
        ]
        stage = file.named(r"(deal_|dealstage|opportunity_)?(stage|status|outcome|result)\w*", looks=("text",))
        hint = f"; won could be made of {stage} (true where it was won, empty while open)" if stage and not won else ""
        guess.notes.append(
            f'Looks like deals; role = "deals" needs columns for created, closed, won and amount; not found: '
            f"{', '.join(lacking)}{hint}."
        )
        return
    guess.say("role", "deals", "its name says so")
    for key, column in (("created", created), ("closed", closed), ("won", won), ("amount", amount)):
        guess.say(key, column, "")
    for key, names, look in _SAID_OF_DEALS:
        said = file.named(names, looks=(look,))
        if said is not None and (key != "discount" or _are_shares(guess, said)):
            guess.say(key, said, "by its name")


_SAID_OF_DEALS: tuple[tuple[str, str, Looks], ...] = (
    ("team", r"(sales_|owner_|deal_)?team(_name)?", "text"),
    ("origin", r"(lead_|deal_|original_)?source|(lead_|deal_)?(origin|channel)", "text"),
    ("discount", r"discount(_(rate|share))?", "number"),
)


def _are_shares(guess: Guess, column: str) -> bool:
    """Whether all are shares of a price; a percentage is none, and a guess would be wrong by a hundred."""
    parsed, bad = values.numbers(guess.file.distinct(column))
    return not bad.any() and bool(((parsed >= 0) & (parsed < 1) | parsed.isna()).all())


def _is_truth(guess: Guess, column: str) -> bool:
    return not bool(values.truths(guess.file.distinct(column))[1].any())


def _notes(guess: Guess) -> None:
    file = guess.file
    note = file.named(r"note|notes|text|comment|body|content|hypothesis|remark|message", looks=("text", "constant"))
    owner = file.named(
        r"owner|author|(written|created|noted)_by|rep|csm|(account_)?manager|user(_name)?", looks=("text", "constant")
    )
    if note is None or owner is None:
        lacking = " and ".join(what for what, column in (("note", note), ("owner", owner)) if column is None)
        guess.notes.append(f'Looks like notes; role = "notes" needs a column for {lacking}.')
        return
    guess.say("role", "notes", "its name says so; notes are hypotheses to show, never features")
    guess.say("note", note, "")
    guess.say("owner", owner, "")
    guess.say("about", file.named(r"about|feature|topic|regarding|attribute", looks=("text", "constant")))


def _scope(guess: Guess) -> None:
    """Fit is what is true of a company before it buys; what is not clearly that is health, never an ICP attribute."""
    name = guess.file.subject
    if guess.shape == "market":
        scope, signal, party, why = "fit", "economic", "third", "the market is there before anyone buys"
    elif guess.role == "deals":
        scope, signal, party, why = "fit", "economic", "first", "deals come before the purchase"
    elif guess.role == "revenue":
        scope, signal, party, why = "health", "retention", "first", "exists only once it is a customer"
    elif re.search(_BUYING, name):
        scope, signal, party, why = "fit", "buying", "third", "seen from outside, before a purchase"
    elif guess.shape == "attributes" or re.search(_ABOUT_COMPANIES, name):
        scope, signal, party, why = "fit", "fit", "third", "about the company, whether it is a customer or not"
    else:
        scope, signal, party, why = "health", "retention", "first", "exists only once it is a customer"
    guess.say("scope", scope, why)
    guess.say("signal", signal)
    guess.say("party", party)


def differs(guess: Guess, column: Column) -> dict[str, str]:
    """What a column is, where its table as a whole is something else."""
    scope, name = guess.of("scope"), column.english
    if scope == "health" and guess.shape in ("periods", "snapshot", "history") and re.search(_OF_THE_FIRM, name):
        return {"scope": "fit", "signal": "fit", "party": "third"}
    if scope == "fit" and guess.shape in ("attributes", "history"):
        if re.search(_OF_THE_CUSTOMER, name):
            return {"scope": "health", "signal": "retention", "party": "first"}
        if re.search(_OF_THE_SALE, name):
            return {"party": "first"}
    return {}
