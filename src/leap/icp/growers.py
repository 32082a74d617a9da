"""What was true, when they bought, of accounts whose revenue grew against those that left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leap.icp.best_customers import Difference
from leap.icp.book import Book
from leap.icp.candidates import conditions_of
from leap.icp.population import Population
from leap.icp.rules import MOST_CONDITIONS, Condition, Rule

GREW = 0.05
"""What grew by less, unless the settings ask for more, had its prices adjusted."""
FEWEST = 20
"""Accounts that grew, and that left, from which on what tells them apart may be more than chance."""
FEWEST_DRAWN = 15
"""Accounts that must meet a condition, and not meet it, to be compared; growers that must meet all that is drawn."""
_SAYS_MORE = 0.9
"""A further condition must leave out a tenth of the accounts at least: else it says what the others say already."""
_Z = 1.96


@dataclass(frozen=True)
class Yearly:
    """How often the revenue of each account grew, and was lost, in the yearly rows after its purchase.

    Shape (n_accounts,) each.
    """

    grew: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, rows: Population, n: int, min_uplift: float) -> Yearly:
        """From rows of account and anniversary."""
        grew = rows.ending > rows.starting * (1 + max(min_uplift, GREW))
        return cls(*(np.bincount(rows.accounts[part], minlength=n) for part in (grew, rows.ending == 0)))


def differences_of(book: Book, yearly: Yearly) -> tuple[int, list[Difference]]:
    """How many conditions were compared, and of each thing the one that differs most beyond chance, clearest first."""
    from scipy.stats import false_discovery_control

    told = (yearly.grew > 0) | (yearly.lost > 0)
    own = Yearly(yearly.grew[told], yearly.lost[told])
    columns = {name: np.asarray(book.bought[name])[told] for name in book.catalog.names}
    found = [
        _compared(condition, meets, own)
        for feature in book.catalog.features
        for condition in conditions_of(feature, pd.Series(columns[feature.name]))
        if not _is_no(condition) and _are_enough(meets := condition.matches(columns))
    ]
    if not found:
        return 0, []
    adjusted = false_discovery_control([p for _, p in found])
    ranked = sorted(
        ((p, replace(difference, q_value=float(q))) for (difference, p), q in zip(found, adjusted, strict=True)),
        key=lambda one: (round(one[0], 12), one[1].condition.words),
    )
    first: dict[tuple[str, str], Difference] = {}
    for _, difference in ranked:
        feature = difference.condition.feature
        first.setdefault((feature.recipe.table, feature.group), difference)
    return len(found), list(first.values())


def _are_enough(meets: np.ndarray) -> bool:
    """Whether enough accounts meet a condition and enough do not for the two to be compared."""
    return min(int(meets.sum()), int((~meets).sum())) >= FEWEST_DRAWN


def _is_no(condition: Condition) -> bool:
    """Whether it only says the opposite of another that is looked at."""
    return condition.feature.kind == "boolean" and condition.op == "==" and float(condition.value) < 0.5  # type: ignore[arg-type]


def _compared(condition: Condition, meets: np.ndarray, yearly: Yearly) -> tuple[Difference, float]:
    """The difference of the shares among rows that grew and rows that were lost, with a p-value, by accounts."""
    from scipy.stats import norm

    grew, lost = int(yearly.grew.sum()), int(yearly.lost.sum())
    a, b = float((yearly.grew * meets).sum()) / grew, float((yearly.lost * meets).sum()) / lost
    both = float(((yearly.grew + yearly.lost) * meets).sum()) / (grew + lost)

    def error(of_growers: float, of_leavers: float) -> float:
        """What each account adds to the difference, rows of one account together."""
        added = yearly.grew * (meets - of_growers) / grew - yearly.lost * (meets - of_leavers) / lost
        return float(np.sqrt((added**2).sum()))

    pooled, own = error(both, both), error(a, b)
    spread = _Z * max(pooled, own)
    growers, leavers = yearly.grew > 0, yearly.lost > 0
    p = float(2 * norm.sf(abs(a - b) / max(pooled, own))) if pooled > 0 else 1.0
    low, high = max(a - b - spread, -1.0), min(a - b + spread, 1.0)
    return Difference(
        condition=condition,
        growers=int((growers & meets).sum()),
        of_growers=int(growers.sum()),
        leavers=int((leavers & meets).sum()),
        of_leavers=int(leavers.sum()),
        share_of_growers=a,
        share_of_leavers=b,
        low=low,
        high=high,
        q_value=1.0,
    ), p


def drawn_from(
    shown: Sequence[Difference], book: Book, yearly: Yearly, measured: frozenset[Condition] = frozenset()
) -> tuple[Condition, ...]:
    """Up to three conditions that more growers than leavers met, as long as enough growers met all of them.

    Where a profile has a condition on the same feature, that is taken: its bounds were measured.
    """
    held = {condition.feature.name: condition for condition in sorted(measured, key=lambda c: c.words)}
    conditions: list[Condition] = []
    told = (yearly.grew > 0) | (yearly.lost > 0)
    before = int(told.sum())
    for difference in shown:
        if difference.difference <= 0 or len(conditions) == MOST_CONDITIONS:
            continue
        condition = held.get(difference.condition.feature.name, difference.condition)
        meets = Rule((*conditions, condition)).matches(book.bought)
        left = int((meets & told).sum())
        enough = int((meets & (yearly.grew > 0)).sum()) >= FEWEST_DRAWN and left <= _SAYS_MORE * before
        if not conditions or enough:
            conditions.append(condition)
            before = left
    return tuple(conditions)
