"""What a reader with one minute reads: the state of portfolio and profiles, and what is asked of the meeting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.reports.icp_monday import Todo
from leap.reports.icp_summary import IcpSummary
from leap.reports.pack.book import BookNow
from leap.reports.pack.decisions import Decisions
from leap.reports.pack.retaining import RetentionQuarter
from leap.reports.quality_words import of_two_accounts
from leap.reports.rendering import DASH, count, day, money, points, share

_KINDS = ("established", "emerging", "negative")


@dataclass(frozen=True)
class Tile:
    """A figure, what it is, and what stands under it: an interval, or how it moved."""

    label: str
    value: str
    under: str


def tiles(book: BookNow, retention: Sequence[RetentionQuarter], asked: Decisions, currency: str) -> tuple[Tile, ...]:
    """The figures that are asked for first."""
    own = book.portfolio
    found = [Tile("Expected NRR", share(own["nrr"]), _between(book))]
    if retention:
        last = retention[-1]
        found.append(Tile(f"NRR until {day(last.end)}", share(last.nrr), _moved(retention, "nrr")))
        found.append(Tile(f"Logo churn until {day(last.end)}", share(last.logo_churn), _moved(retention, "logo_churn")))
    found.append(Tile("MRR now", money(own["mrr"], currency), f"{count(book.customers)} customers"))
    found.append(Tile("To decide", count(len(asked.to_take)), _when(asked)))
    return tuple(found)


def in_short(
    icp: IcpSummary,
    book: BookNow,
    asked: Decisions,
    diff: Mapping[str, Any] | None,
    targets: Mapping[str, Any] | None,
) -> tuple[Todo, ...]:
    """One line each: portfolio, profiles, decisions, risk, growth, and how far to trust it."""
    lines = (
        ("Portfolio", _portfolio(icp, book)),
        ("Profiles", _profiles(icp, diff)),
        ("Decide", f"{_asked(asked)} {asked.due}"),
        ("At risk", _at_risk(icp, book)),
        ("Sell to", _targets(icp, targets)),
        ("Trust", _trust(icp)),
    )
    return tuple(Todo(lead, text) for lead, text in lines if text)


def _between(book: BookNow) -> str:
    own = book.portfolio
    if own.get("nrr_low") is None:
        return "no interval is known"
    return f"{book.level:.0%} interval {share(own['nrr_low'])} to {share(own['nrr_high'])}"


def _when(asked: Decisions) -> str:
    again = f"{asked.again} of them again, " if asked.again else ""
    return f"{again}{'the review is due' if asked.is_due else 'the review is not due yet'}"


def _moved(retention: Sequence[RetentionQuarter], name: str) -> str:
    """The change to the quarter before, in points."""
    if len(retention) < 2:
        return "no quarter before it is known"
    now, then = (getattr(one, name) for one in (retention[-1], retention[-2]))
    return DASH if None in (now, then) else f"{points(now - then)} points on the quarter before"


def _portfolio(icp: IcpSummary, book: BookNow) -> str:
    own = book.portfolio
    if own["nrr"] is None:
        return "Nobody pays at the end of the data: nothing is expected of the portfolio."
    whom = f"{icp.horizon_months} months of {count(book.customers)} customers"
    said = f"NRR of {share(own['nrr'])} is expected over {whom}"
    if book.waterfall is None:
        return f"{said}."
    moved = own["nrr"] - book.waterfall["before"]
    if round(moved, 3) == 0:
        return f"{said}, as on {day(book.since)}."
    way = "more" if moved > 0 else "less"
    return f"{said}, {points(abs(moved)).lstrip('+')} points {way} than on {day(book.since)}."


def _profiles(icp: IcpSummary, diff: Mapping[str, Any] | None) -> str:
    if not icp.profiles:
        return f"None: {icp.none_because or 'none was found.'}"
    counted = ", ".join(f"{sum(p.kind == kind for p in icp.profiles)} {kind}" for kind in _KINDS)
    rejected = sum(p.rejected for p in icp.profiles)
    said = f"{counted}{f'; {rejected} of them rejected by people' if rejected else ''}"
    if diff is None:
        return f"{said}."
    changes = ", ".join(
        f"{len(diff[name])} {words}"
        for name, words in (("entered", "entered"), ("left", "left"), ("moved", "moved"), ("unchanged", "as before"))
    )
    tiers = diff["tiers"]["accounts"]
    moved = f"; {count(len(diff['tiers']['changed']))} accounts changed tier" if tiers else ""
    return f"{said}. Against version {diff['from']['version']}: {changes}{moved}."


def _asked(asked: Decisions) -> str:
    if not asked.to_take:
        return "Nothing is open."
    first = f"{asked.open} open {'question' if asked.open == 1 else 'questions'}"
    return f"{first}{f', {asked.again} to look at again' if asked.again else ''}."


def _at_risk(icp: IcpSummary, book: BookNow) -> str:
    leaving = ""
    if book.leaving:
        paid = money(book.leaving_mrr, icp.currency)
        leaving = f" {count(book.leaving)} customers with {paid} MRR are known to be leaving."
    if not book.at_risk:
        return f"Of no customer a loss is expected.{leaving}"
    lost = sum(expected_loss(one) for one in book.at_risk)
    of_all = f", {share(lost / book.portfolio['mrr'])} of all" if book.portfolio["mrr"] else ""
    return (
        f"From the {len(book.at_risk)} customers with most at risk {money(lost, icp.currency)} MRR a month are "
        f"expected to be lost{of_all}.{leaving}"
    )


def expected_loss(one: Mapping[str, Any]) -> float:
    """MRR expected to be lost from a scored customer."""
    return float(one["mrr"] * (1 - one["nrr"]["point"]))


def _targets(icp: IcpSummary, targets: Mapping[str, Any] | None) -> str:
    if targets is None or not targets["prospects"]:
        return ""
    totals = targets["totals"]
    return (
        f"{count(totals['accounts'])} of {count(targets['prospects'])} prospects are worth the work: expected gain "
        f"{money(totals['expected_gain'], icp.currency)} for {money(totals['cost'], icp.currency)}"
        f"{_doubts(targets.get('basis') or {})}."
    )


def _doubts(basis: Mapping[str, Any]) -> str:
    """What makes the gain of a target list look larger than it may be: that each is won, and that worth is revenue.

    >>> _doubts({"win_is": "if_won", "worth": "no gross margin is given: 36 x MRR, which is revenue and not margin"})
    ', if every one is won, and of revenue, not margin'
    >>> _doubts({"win_is": "win_rate", "worth": "account value of 36 months"})
    ''
    """
    if_won = ", if every one is won" if basis.get("win_is") == "if_won" else ""
    by_revenue = "revenue and not margin" in str(basis.get("worth") or "")
    return if_won + ((", and" if if_won else ",") + " of revenue, not margin" if by_revenue else "")


def _trust(icp: IcpSummary) -> str:
    churn = next((outcome for outcome in icp.outcomes if outcome.name == "churn"), None)
    if churn is None:
        return ""
    if churn.is_base_rate:
        return "No skill is shown in telling who leaves: trust the level of the portfolio, and no order of accounts."
    words = of_two_accounts(churn, icp.horizon_months)
    return f"{words} Every difference here is an association: it does not say what a change would bring."
