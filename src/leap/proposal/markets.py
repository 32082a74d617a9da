"""Tables of a market: indicators by period with their date of publication, and rates of currencies."""

from __future__ import annotations

import re

from leap.proposal.columns import FileTable
from leap.proposal.guess import Guess, begin
from leap.proposal.unfit import is_code


def market(file: FileTable) -> Guess | str | None:
    """Figures of a market, or rates of currencies; None if the table is neither."""
    value = file.named(r"value|val|rate|exchange_rate|fx_rate|index_value|reading|close", looks=("number",))
    indicator = file.named(
        r"indicator(_name|_id)?", r"series(_name|_id)?", r"(from_|source_)?currency(_code)?", r"metric|variable",
        looks=("text", "constant"),
    )  # fmt: skip
    if value is None or indicator is None:
        return None
    period = file.named(r"period(_start|_date)?", r"month|quarter|year", r"(valid_from|rate_date|as_of|date|day)",
    r".*_date|.*_on",
                        looks=("date",))  # fmt: skip
    codes = is_code(file.distinct(indicator))
    rates = codes and (
        re.search(r"(^|_)(fx|rates?|exchange|currenc\w+)(_|$)", file.subject)
        or file.named(r".*rate", looks=("number",))
    )
    exact = "indicator" in file.columns[indicator].english or rates
    if period is None:
        return "it holds indicators, but no date says for which period" if exact else None
    guess = begin(file, "market", None, "figures of a market by period")
    guess.say("indicator", indicator)
    guess.say("period", period)
    guess.say("value", value)
    published = file.named(r"published(_on|_at|_date)?", r"release[ds]?(_on|_at|_date)?|release_date", looks=("date",))
    if rates:
        _check_rates(guess, file)
    elif published is None:
        return "it holds indicators, but no date says when each figure was published; add one (published_at)"
    guess.say("published", published)
    guess.say("segment", file.named("segment", "industry", "sector", "country", "region", looks=("text",)))
    return guess


def _check_rates(guess: Guess, file: FileTable) -> None:
    guess.say("role", "rates", "every indicator is a currency")
    into = file.named(r"(to|target|quote|base|reporting)_currency(_code)?", looks=("constant", "text"))
    what = f" ({into}: {', '.join(file.columns[into].examples[:3])})" if into else ""
    guess.notes.append(f"Check: a value is units of the reporting currency for one unit of the indicator{what}.")
