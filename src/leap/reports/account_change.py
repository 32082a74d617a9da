"""Why an account's score differs from an earlier one, as lines of a table that add up to the difference."""

from __future__ import annotations

from dataclasses import dataclass

from leap.explanation.changes import LEAST_POINTS, GroupChange
from leap.scoring.changes import AccountChange
from leap.scoring.standing import Standing

MOST = 8
UNMOVED = "All that is as it was, whose weight differs beside these, or hardly matters"


@dataclass(frozen=True)
class ChangeLine:
    """A part of the difference: what it is in words, points of NRR as a fraction, and money a month."""

    said: str
    points: float
    money: float


@dataclass(frozen=True)
class ChangeSum:
    """The difference of NRR as a sum of what moved, largest first, all else that moved, and what did not.

    The money of lines is `by_nrr` together; with `by_mrr`, what the change of MRR itself makes, it is the difference of
    the MRR expected after the horizon.
    """

    before: Standing
    after: Standing
    lines: tuple[ChangeLine, ...]
    points: float
    by_nrr: float
    by_mrr: float

    @property
    def by_both(self) -> float:
        """The difference of the MRR expected after the horizon, a month."""
        return self.by_nrr + self.by_mrr

    @property
    def nothing_moved(self) -> bool:
        """Whether nothing that the model looks at differs enough to be told."""
        return not self.lines


def change_sum(found: AccountChange, most: int = MOST) -> ChangeSum:
    """From a change of two scores of one model; ValueError where either has none."""
    if found.nrr_points is None or found.money_by_nrr is None or found.money_by_mrr is None:
        raise ValueError(f"{found.account_id}: a score at both dates expected, found {found.note}")
    told = [change for change in found.changes if change.is_worth_telling()]
    lines = [_line(change, found) for change in told[:most]]
    others = sum(change.nrr_points for change in told[most:])
    if told[most:]:
        count = len(told) - most
        lines.append(_part(f"{count} {'other' if count == 1 else 'others'} that differ", others, found))
    unmoved = found.nrr_points - sum(line.points for line in lines)
    if abs(unmoved) >= LEAST_POINTS:
        lines.append(_part(UNMOVED, unmoved, found))
    return ChangeSum(found.before, found.after, tuple(lines), found.nrr_points, found.money_by_nrr, found.money_by_mrr)


def _line(change: GroupChange, found: AccountChange) -> ChangeLine:
    said = change.phrase(None, found.currency).partition("; associated with")[0]
    return _part(said, change.nrr_points, found)


def _part(said: str, points: float, found: AccountChange) -> ChangeLine:
    return ChangeLine(said, points, points * found.mean_mrr)
