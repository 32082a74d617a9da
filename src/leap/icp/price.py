"""What it costs to sell to whom one should not: money lost against the others, spent to win them, and who is next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leap.icp.book import Book
from leap.icp.figures import Comparison
from leap.icp.profiles import ICPProfile

FIRST = 20
"""How many accounts to disqualify are named; the counts are of all."""
_YEAR = 12


def price_of(book: Book, profile: ICPProfile, compared: Comparison) -> dict[str, Any]:
    """`price` of a negative profile, in the reporting currency.

    An account won loses `yearly_revenue_lost_per_account` a year against the others: twelve times the mean MRR of those
    who pay now, times the NRR that its evidence says is missing; `low` and `high` are those of the evidence. With a
    gross margin the same in margin. `last_year` is of the last window: what those who paid at its start lost (churn and
    contraction), and how much more than at the NRR of the others.
    """
    inside = profile.rule.matches(book.bought) & book.known
    recent = inside & book.won_within(1)
    mrr = book.mrr[inside & book.customer]
    nrr = profile.evidence.figures.get("nrr")
    paid = _YEAR * float(mrr.sum() / len(mrr)) if len(mrr) and nrr is not None else None
    lost = None if paid is None or nrr is None else [paid * -end for end in (nrr.lift, nrr.high, nrr.low)]
    point, low, high = lost or (None, None, None)
    spent = book.cac[book.with_cac(recent)]
    return {
        "yearly_revenue_lost_per_account": point,
        "low": low,
        "high": high,
        "shown": None if low is None or high is None else not low <= 0 <= high,
        "note": _note(low, high),
        "yearly_margin_lost_per_account": _times_margin(book, inside, point),
        "won_last_year": int(recent.sum()),
        "cac_last_year": float(spent.sum()) if len(spent) else None,
        "cac_last_year_accounts": len(spent),
        "last_year": _last_year(compared),
        "disqualify": _disqualify(book, profile),
        "currency": book.currency,
    }


def _note(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return "No account of these pays now, so that there is no price."
    if low <= 0 <= high:
        return "The interval contains zero: that they cost anything is not shown."
    return None


def _times_margin(book: Book, inside: np.ndarray, lost: float | None) -> float | None:
    paying = inside & book.customer & ~np.isnan(book.gross_margin)
    mrr = book.mrr[paying]
    return None if lost is None or not mrr.sum() > 0 else lost * float(mrr @ book.gross_margin[paying] / mrr.sum())


def _last_year(compared: Comparison) -> dict[str, Any]:
    """Yearly revenue that went with the accounts of the last window, and how much of it the others would have kept."""
    counts, values = compared.inside.counts, compared.inside.values
    gap, revenue = compared.differences["nrr"], _YEAR * counts["starting_mrr"]
    gone = None if values["grr"] is None else revenue * (1 - values["grr"])
    more = low = high = None
    if gap is not None:
        more = -revenue * gap.value
        low, high = (-revenue * gap.interval[1], -revenue * gap.interval[0]) if gap.interval else (None, None)
    return {
        "accounts": counts["accounts"],
        "from": compared.window_from,
        "months": compared.months,
        "revenue_lost": gone,
        "more_than_at_the_nrr_of_others": more,
        "low": low,
        "high": high,
        "shown": None if low is None or high is None else not low <= 0 <= high,
    }


def _disqualify(book: Book, profile: ICPProfile) -> Mapping[str, Any]:
    """Prospects and open deals that meet the profile now; those with most money in open deals are named first."""
    met = profile.rule.matches(book.now)
    prospects = met & book.prospect
    deals = book.deals
    open_deals = deals.open & deals.new_business & met[deals.account]
    money = np.bincount(deals.account[open_deals], weights=np.nan_to_num(deals.amount[open_deals]), minlength=len(book))
    with_deals = np.zeros(len(book), dtype=bool)
    with_deals[deals.account[open_deals]] = True
    return {
        "prospects": int(prospects.sum()),
        "first_prospects": _first(book, prospects, money),
        "open_deals": int(open_deals.sum()),
        "open_amount": float(money.sum()),
        "first_with_open_deals": _first(book, with_deals, money),
        "why": profile.rule.words,
    }


def _first(book: Book, mask: np.ndarray, money: np.ndarray) -> list[str]:
    codes = np.flatnonzero(mask)
    order = codes[np.lexsort((codes, -money[codes]))]
    return [str(account) for account in book.account_ids[order[:FIRST]]]
