"""The sums by account that figures are ratios of: one home for what stands above the line and what below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leap.icp.book import OWN_COSTS, Book
from leap.revenue import PARTS
from leap.value import ValueTerms, account_value

COLUMNS = (
    "paying", "starting", "ending", "kept", "left", "churned", "contracted", "expanded",
    "revenue", "gross", "served", "value", "valued",
    "new_customers", "new_mrr", "spent_on_lost",
    "cac", "with_cac", "to_return", "returned_by", "cac_averaged", "with_cac_averaged", "to_return_averaged",
    "returned_by_averaged",
    "won", "decided", "amount", "with_amount", "listed", "let_off",
)  # fmt: skip
RATIOS: Mapping[str, tuple[Mapping[str, int], str]] = {
    "nrr": ({"ending": 1}, "starting"),
    "grr": ({"kept": 1}, "starting"),
    "logo_churn": ({"left": 1}, "paying"),
    "churn_rate": ({"churned": 1}, "starting"),
    "contraction_rate": ({"contracted": 1}, "starting"),
    "expansion_rate": ({"expanded": 1}, "starting"),
    "margin": ({"gross": 1, "served": -1}, "revenue"),
    "value_12m": ({"value": 1}, "valued"),
    "cac": ({"cac": 1}, "with_cac"),
    "cac_with_lost": ({"cac": 1, "spent_on_lost": 1}, "with_cac"),
    "payback_months": ({"to_return": 1}, "returned_by"),
    "win_rate": ({"won": 1}, "decided"),
    "deal_size": ({"amount": 1}, "with_amount"),
    "discount": ({"let_off": 1}, "listed"),
}
"""Above the line (with its sign) and below it. `margin` is gross margin less cost to serve, over a year's revenue."""


_OF_COSTS = ("cac", "with_cac", "to_return", "returned_by")


def with_costs(sums: Mapping[str, Any], drawn: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sums of a group and of its draws with the costs that are known of it: its customers' own where any are given,
    else averages by segment and period. Both together would count the money of the first twice.
    """
    if sums["with_cac"]:
        return dict(sums), dict(drawn)
    return tuple({**s, **{name: s[f"{name}_averaged"] for name in _OF_COSTS}} for s in (sums, drawn))  # type: ignore[return-value]


def ratio(name: str, sums: Mapping[str, Any]) -> Any:
    """A figure from its sums, of a group or of every draw; NaN where what stands below the line is not positive."""
    above, below = RATIOS[name]
    total = sum(sign * np.asarray(sums[column]) for column, sign in above.items())
    divisor = np.asarray(sums[below], dtype=float)
    return np.divide(total, divisor, out=np.full(divisor.shape, np.nan), where=divisor > 0)


def lifetime_value(sums: Mapping[str, Any], terms: ValueTerms) -> Any:
    """Margin of 36 months of a new customer with the group's own rates, in money (or one of every draw).

    `account_value` of what new customers pay at first, with the share of MRR that left, shrank and grew in the last
    window and the margin after cost to serve.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        starting, churned = np.asarray(sums["starting"], dtype=float), np.asarray(sums["churned"], dtype=float)
        stayed = np.where(starting > churned, starting - churned, np.nan)
        # Where all left there is nothing to shrink or grow.
        d, u = (np.nan_to_num(np.asarray(sums[name]) / stayed) for name in ("contracted", "expanded"))
        first = np.asarray(sums["new_mrr"], dtype=float) / np.asarray(sums["new_customers"], dtype=float)
        margin = ratio("margin", sums)
        mrr, p, d, u, margin = (np.atleast_1d(array) for array in (first, churned / starting, d, u, margin))
        value = account_value(mrr, p, d, u, margin, terms, 36)
    return value if np.ndim(sums["starting"]) else value[0]


def columns_of(book: Book) -> np.ndarray:
    """What each account adds to each sum, shape (n_accounts, len(COLUMNS)); money in units of the currency."""
    starting, ending = book.starting / PARTS, np.where(book.starting > 0, book.ending / PARTS, 0.0)
    paying = starting > 0
    left = paying & (ending == 0)
    has_margin = ~np.isnan(book.gross_margin)
    has_value, own = ~np.isnan(book.value_12m), ~np.isnan(book.cac) & (book.cac_basis == OWN_COSTS)
    new = book.bought_ever & (np.nan_to_num(book.new_mrr) > 0)
    columns: dict[str, np.ndarray] = {
        "paying": paying,
        "starting": starting,
        "ending": ending,
        "kept": np.minimum(starting, ending),
        "left": left,
        "churned": np.where(left, starting, 0.0),
        "contracted": np.where(left, 0.0, np.maximum(starting - ending, 0.0)),
        "expanded": np.where(paying, np.maximum(ending - starting, 0.0), 0.0),
        "revenue": np.where(has_margin, book.revenue_12m, 0.0),
        "gross": np.where(has_margin, book.revenue_12m * book.gross_margin, 0.0),
        "served": np.where(has_margin, book.service_cost_12m, 0.0),
        "value": np.nan_to_num(book.value_12m),
        "valued": has_value,
        "new_customers": new,
        "new_mrr": np.where(new, book.new_mrr, 0.0),
        "spent_on_lost": book.spent_on_lost,
        **_of_costs(book, own, new, ""),
        **_of_costs(book, ~np.isnan(book.cac) & ~own, new, "_averaged"),
        **_of_deals(book),
    }
    return np.column_stack([columns[name].astype(float) for name in COLUMNS])


def _of_costs(book: Book, known: np.ndarray, new: np.ndarray, ending: str) -> dict[str, np.ndarray]:
    """Payback is of the customers of whom all three are known: what they cost, pay at first, and leave of it."""
    returns = known & new & ~np.isnan(book.gross_margin)
    columns = {
        "cac": np.where(known, np.nan_to_num(book.cac), 0.0),
        "with_cac": known,
        "to_return": np.where(returns, book.cac, 0.0),
        "returned_by": np.where(returns, book.new_mrr * book.gross_margin, 0.0),
    }
    return {f"{name}{ending}": column for name, column in columns.items()}


def _of_deals(book: Book) -> dict[str, np.ndarray]:
    """Sums of each account's deals of new business; the discount is what was let off, over what the list says."""
    deals = book.deals
    decided = deals.decided & deals.new_business
    won = decided & (deals.won == 1)
    sold = won & ~np.isnan(deals.amount)
    reduced = sold & ~np.isnan(deals.discount)
    listed = np.where(reduced, deals.amount / (1 - deals.discount), 0.0)
    by_deal: dict[str, np.ndarray] = {
        "won": won,
        "decided": decided,
        "amount": np.where(sold, deals.amount, 0.0),
        "with_amount": sold,
        "listed": listed,
        "let_off": np.where(reduced, listed * deals.discount, 0.0),
    }
    return {
        name: np.bincount(deals.account, weights=column.astype(float), minlength=len(book))
        for name, column in by_deal.items()
    }
