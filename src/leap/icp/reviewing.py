"""The review of the best customers: who they are, what tells growers from leavers, and what may be drawn from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from leap.icp.best_customers import BestCustomer, BestCustomers
from leap.icp.book import Book
from leap.icp.growers import FEWEST, Yearly, differences_of, drawn_from
from leap.icp.population import Population
from leap.icp.rules import Condition
from leap.revenue import PARTS

BEST_SHARE = 0.2
FEWEST_CUSTOMERS = 50
"""Customers with a year behind them from which on the best fifth, ten of them, says anything."""
FEWEST_TO_LOOK = 8
"""Fewer than this of either say nothing at all."""
MOST_FALSE = 0.1
"""The part of the differences shown that may be chance: Benjamini & Hochberg (1995) over all conditions compared."""
_MOST_SHOWN = 8
_PARTS = ("retention", "expansion", "margin", "adoption")


def review(
    book: Book, rows: Population, adoption: np.ndarray | None, min_uplift: float, measured: frozenset[Condition]
) -> BestCustomers:
    """The best customers, and what tells growers from leavers; `measured` are conditions of profiles.

    Growers and leavers are compared in the years after the purchase, by what was true at the purchase: an account that
    has been there for long has had more time to leave, but not in any one year.
    """
    best, ranked_by, missing, of_customers = _best(book, adoption)
    yearly = Yearly.of(rows, len(book), min_uplift)
    growers, leavers = int((yearly.grew > 0).sum()), int((yearly.lost > 0).sum())
    compared, differences = differences_of(book, yearly) if min(growers, leavers) >= FEWEST_TO_LOOK else (0, [])
    enough = min(growers, leavers) >= FEWEST and of_customers >= FEWEST_CUSTOMERS
    shown = [d for d in differences if (d.q_value <= MOST_FALSE if enough else d.low > 0 or d.high < 0)]
    drawn = drawn_from(shown, book, yearly, measured)
    is_measured = enough and bool(drawn) and measured.issuperset(drawn)
    found = BestCustomers(
        of_customers=of_customers,
        best=best,
        ranked_by=ranked_by,
        missing=missing,
        growers=growers,
        leavers=leavers,
        compared=compared,
        differences=tuple(shown[:_MOST_SHOWN]),
        drawn=drawn,
        status="measured" if is_measured else "hypothesis" if drawn else "none",
        words="",
    )
    return replace(found, words=_words(found, len(shown), enough))


def _best(
    book: Book, adoption: np.ndarray | None
) -> tuple[tuple[BestCustomer, ...], tuple[str, ...], dict[str, str], int]:
    """The best fifth of those that paid when the last window began and pay now, by the mean of their ranks."""
    starting, ending = book.starting / PARTS, book.ending / PARTS
    there = np.flatnonzero((starting > 0) & book.customer & (ending > 0))
    starting, ending = starting[there], ending[there]
    yearly_margin = (book.revenue_12m * book.gross_margin - book.service_cost_12m)[there]
    figures = {
        "retention": np.minimum(starting, ending) / starting,
        "expansion": np.maximum(ending - starting, 0.0) / starting,
        "margin": yearly_margin,
        "adoption": np.full(len(there), np.nan) if adoption is None else adoption[there],
    }
    reasons = {"margin": "no_gross_margin", "adoption": "no_events_with_a_quantity"}
    ranks = {name: _ranks(values) for name, values in figures.items()}
    used = tuple(name for name in _PARTS if np.isfinite(ranks[name]).any())
    missing = {name: reasons.get(name, "no_customers_with_a_year") for name in _PARTS if name not in used}
    if not used or len(there) < FEWEST_CUSTOMERS:
        return (), used, missing, len(there)
    known = np.array([ranks[name] for name in used])
    score = np.round(np.nansum(known, axis=0) / np.isfinite(known).sum(axis=0), 9)
    ids = book.account_ids[there].astype(str)
    chosen = np.lexsort((ids, -score))[: int(len(there) * BEST_SHARE)]
    cell = {name: [float(r) if np.isfinite(r) else None for r in ranks[name]] for name in _PARTS}
    best = tuple(BestCustomer(str(ids[i]), float(score[i]), *(cell[name][i] for name in _PARTS)) for i in chosen)
    return best, used, missing, len(there)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 (least) to 1 (most), equal ones in the middle; NaN where unknown; shape (n,)."""
    ranked = pd.Series(np.round(values, 9)).rank(method="average").to_numpy()
    known = int(np.isfinite(values).sum())
    return np.asarray((ranked - 1) / (known - 1)) if known > 1 else np.full(len(values), np.nan)


def _words(found: BestCustomers, shown: int, enough: bool) -> str:
    seen = f"{found.growers} accounts grew in some year after their purchase and {found.leavers} left"
    if min(found.growers, found.leavers) < FEWEST_TO_LOOK:
        return f"{seen}: too few to say what tells them apart ({FEWEST_TO_LOOK} of each are needed to look at all)."
    if not found.drawn:
        told = f"{shown} of them differ, none of them in favour of growers" if shown else "none of them differs"
        return f"{seen}; {found.compared} conditions were compared, and {told} beyond what chance gives."
    traits = " and ".join(f"“{condition.words}”" for condition in found.drawn)
    said = f"{seen}; of {found.compared} conditions compared {shown} differ, and growers are marked by {traits}"
    if found.status == "measured":
        return f"{said}: each of these held on later accounts."
    if enough:
        return f"{said}: a hypothesis, since no measurement on later accounts has shown it."
    return (
        f"{said}: a hypothesis to talk to customers about, since too few are known ({FEWEST} growers and leavers each "
        f"and {FEWEST_CUSTOMERS} customers are needed) and chance alone gives about {found.compared * 0.05:.0f}."
    )
