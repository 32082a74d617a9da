"""Whether a profile is used up: how much of it is customers, and how its newest customers do against earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from leap.icp.book import Book
from leap.icp.proportions import difference_of_shares

Verdict = Literal["growing", "steady", "saturated", "not enough data"]

FEWEST = 20
"""Newest, and earlier, accounts with a first horizon behind them from which on they are compared."""
NEWEST_MONTHS = 24
"""Who was won in the last two years is new: of one year too few have their first horizon behind them."""
_Z = 1.96


@dataclass(frozen=True)
class Newest:
    """A figure of the first horizon of the newest accounts and of the earlier ones, with the 95 % interval of the
    difference (newest less earlier).
    """

    newest: float
    earlier: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Newest less earlier."""
        return self.newest - self.earlier

    def to_json(self) -> dict[str, Any]:
        """With the difference."""
        return {**asdict(self), "difference": self.difference}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Newest:
        """The inverse of `to_json`."""
        return cls(**{name: float(document[name]) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Saturation:
    """How far a profile is used up.

    `penetration` is customers / (customers + prospects) that meet it now, None where no prospects are known.
    `newest_accounts` were won from `newest_since` (ISO date) on and have a first horizon behind them, as the
    `earlier_accounts`; `nrr` and `churn` compare these first horizons, None with too few. `won_last_year` and
    `won_year_before` count first payments.
    """

    penetration: float | None
    won_last_year: int
    won_year_before: int
    newest_since: str
    newest_accounts: int
    earlier_accounts: int
    nrr: Newest | None
    churn: Newest | None
    verdict: Verdict
    words: str

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of a profile, under `saturation`."""
        compared = {name: None if figure is None else figure.to_json() for name, figure in self._compared.items()}
        return {**asdict(self), **compared}

    @property
    def _compared(self) -> dict[str, Newest | None]:
        return {"nrr": self.nrr, "churn": self.churn}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Saturation:
        """The inverse of `to_json`."""
        compared = {
            name: None if document[name] is None else Newest.from_json(document[name]) for name in ("nrr", "churn")
        }
        return cls(**{**document, **compared})


def saturation_of(bought: np.ndarray, now: np.ndarray, book: Book, opens_at: float) -> Saturation:
    """Of who met a profile at the purchase, and of who meets it now; shape (n_accounts,) each.

    Newest and earlier accounts are compared at the same age, in their first horizon, so that those who have had more
    time to leave do not look worse.
    """
    since = np.datetime64(book.until - pd.DateOffset(months=NEWEST_MONTHS), "us")
    known = bought & np.isfinite(book.first_starting) & np.isfinite(book.first_ending) & (book.first_starting > 0)
    newest, earlier = known & (book.first_paid >= since), known & (book.first_paid < since)
    enough = min(int(newest.sum()), int(earlier.sum())) >= FEWEST
    customers, prospects = int((now & book.customer).sum()), int((now & book.prospect).sum())
    last = int((bought & book.won_within(1)).sum())
    before = int((bought & book.won_within(2)).sum()) - last
    found = Saturation(
        penetration=customers / (customers + prospects) if prospects else None,
        won_last_year=last,
        won_year_before=before,
        newest_since=str(since)[:10],
        newest_accounts=int(newest.sum()),
        earlier_accounts=int(earlier.sum()),
        nrr=_nrr(book, newest, earlier) if enough else None,
        churn=_churn(book, newest, earlier) if enough else None,
        verdict="not enough data",
        words="",
    )
    return _judged(found, opens_at, book.horizon_months)


def _judged(found: Saturation, opens_at: float, horizon_months: int) -> Saturation:
    """With the verdict: saturated if so much of it is won that the next is due, or if its newest clearly do worse."""
    full = found.penetration is not None and found.penetration >= opens_at
    worse = [
        name
        for name, figure in found._compared.items()
        if figure is not None and (figure.low > 0 if name == "churn" else figure.high < 0)
    ]
    verdict: Verdict = "steady"
    if full or worse:
        verdict = "saturated"
    elif found.churn is None:
        verdict = "not enough data"
    elif found.won_last_year > found.won_year_before:
        verdict = "growing"
    return replace(found, verdict=verdict, words=_words(replace(found, verdict=verdict), horizon_months))


def _words(found: Saturation, horizon_months: int) -> str:
    """One or two plain sentences: the verdict, and what it is read from."""
    if found.penetration is None:
        part = "how much of it is won is not known, since no prospects that meet it are"
    else:
        part = f"{found.penetration:.0%} of the companies known to meet it are customers"
    won = f"{found.won_last_year} were won in the last year, {found.won_year_before} in the year before"
    if found.churn is None or found.nrr is None:
        compared = (
            f"its newest customers cannot be compared: {found.newest_accounts} won since {found.newest_since} and "
            f"{found.earlier_accounts} earlier ones have a first {horizon_months} months behind them, {FEWEST} of each "
            "are needed"
        )
    else:
        compared = (
            f"of the {found.newest_accounts} won since {found.newest_since} {found.churn.newest:.0%} left in their "
            f"first {horizon_months} months, of the {found.earlier_accounts} earlier ones {found.churn.earlier:.0%} "
            f"(difference {_points(found.churn)}); NRR {found.nrr.newest:.0%} against {found.nrr.earlier:.0%} "
            f"({_points(found.nrr)})"
        )
    return f"{found.verdict.capitalize()}: {part}; {won}; {compared}."


def _points(figure: Newest) -> str:
    return f"{figure.low * 100:+z.0f} to {figure.high * 100:+z.0f} points"


def _nrr(book: Book, newest: np.ndarray, earlier: np.ndarray) -> Newest:
    """Ratios of sums; the error of each by its accounts (linearised), the interval normal."""
    (a, error_a), (b, error_b) = (
        _ratio(book.first_starting[part], book.first_ending[part]) for part in (newest, earlier)
    )
    spread = _Z * float(np.hypot(error_a, error_b))
    return Newest(a, b, a - b - spread, a - b + spread)


def _ratio(starting: np.ndarray, ending: np.ndarray) -> tuple[float, float]:
    total = float(starting.sum())
    ratio = float(ending.sum()) / total
    n = len(starting)
    error = float(np.sqrt(((ending - ratio * starting) ** 2).sum() * n / max(n - 1, 1))) / total
    return ratio, error


def _churn(book: Book, newest: np.ndarray, earlier: np.ndarray) -> Newest:
    left = [(int((book.first_ending[part] == 0).sum()), int(part.sum())) for part in (newest, earlier)]
    low, high = difference_of_shares(*left[0], *left[1])
    return Newest(left[0][0] / left[0][1], left[1][0] / left[1][1], low, high)
