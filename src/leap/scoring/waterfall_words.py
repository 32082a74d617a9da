"""Lines and parts of a waterfall in words: what they are associated with, in points of NRR; never what causes what."""

from __future__ import annotations

from collections.abc import Sequence

from leap.explanation import wording
from leap.explanation.portfolio import NRR, Amount

MIX_LABELS = {
    "moved": "MRR that moved between accounts in both",
    "new": "new accounts",
    "entered": "accounts that came into the subset",
    "left": "accounts that left",
    "left_as_known": "accounts that left as was known",
    "exited": "accounts that went out of the subset",
}
"""What the lines of mix are called."""


def adds_up(one: float, other: float) -> bool:
    """Whether two fractions of NRR, shown in percent with one digit, differ by what is shown as their difference.

    >>> adds_up(0.984, 0.971), adds_up(0.98444, 0.97155)
    (True, False)
    """
    return round(round(100 * one, 1) - round(100 * other, 1), 1) == round(100 * (one - other), 1)


def apart(points: float, of: str = " NRR") -> str:
    """A difference of NRR in points.

    >>> apart(-0.0123), apart(0.0004), apart(0.0, "")
    ('1.2 points lower NRR', 'under 0.1 points higher NRR', 'no difference')
    """
    if points == 0:
        return "no difference"
    size = f"{abs(points) * 100:.1f}"
    return f"{'under 0.1' if size == '0.0' else size} points {'lower' if points < 0 else 'higher'}{of}"


def driver(label: str, points: float, money: float, currency: str) -> str:
    """A line with a driver behind it.

    >>> driver("Tickets", -0.0123, -1234.5, "USD")
    'Tickets: associated with 1.2 points lower NRR (-1,234 USD a month)'
    """
    return f"{label}: associated with {apart(points)} ({money:+,.0f} {currency} a month)"


def accounts(n: int) -> str:
    """How many accounts.

    >>> accounts(1), accounts(1200)
    ('1 account', '1,200 accounts')
    """
    return f"{n:,} account{'' if n == 1 else 's'}"


def counted(n: int, paid: float, currency: str) -> str:
    """Accounts with what they pay."""
    return f"{accounts(n)} with {wording.money(paid, currency)} MRR"


def of_whom(where: Sequence[str], others: bool = False) -> str:
    """Whom a figure is of, from the conditions in words.

    >>> of_whom([]), of_whom(["Industry: retail", "Employees: at least 200 people"])
    ('all customers', 'customers with Industry: retail and Employees: at least 200 people')
    >>> of_whom(["Industry: retail"], others=True)
    'customers other than those with Industry: retail'
    """
    met = " and ".join(where)
    return f"customers {'other than those ' if others else ''}with {met}" if where else "all customers"


def mixed(group: str, one: Amount, reference: float, currency: str) -> str:
    """One line of mix: who came, went, or pays another share, beside the mean NRR of both dates."""
    if not one.accounts:
        return f"{MIX_LABELS[group]}: none"
    said = f"{MIX_LABELS[group]}: {counted(one.accounts, one.mrr, currency)}"
    if one.expected is not None:
        said += f", expected NRR {one.expected:.1%} beside {reference:.1%} of both dates"
    return f"{said}; {apart(float(one.points[NRR]))}"
