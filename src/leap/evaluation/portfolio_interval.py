"""How often the NRR of past books lay in the interval that was made for them before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from leap.evaluation.coverage import Coverage
from leap.evaluation.out_of_time import OutOfTime
from leap.models.composition import Prediction
from leap.uncertainty import BookInterval, Intervals, book_interval


def portfolio_interval(found: OutOfTime, final: Intervals, coverage: Coverage) -> dict[str, Any]:
    """The interval around the predicted NRR, and how past books fared: keys of `portfolio` in the JSON of `train`.

    A past book is everyone at the first date of a fold, in the interval made from what was known at its cutoff;
    `interval_folds` says how many there were, and without any the coverage is None. The interval shown is as wide as
    that of the last book, by all that is known by now.
    """
    books = [book for number, intervals in sorted(coverage.made.items()) for book in _book(found, intervals, number)]
    held = [book.low <= seen <= book.high for _, book, seen in books]
    document: dict[str, Any] = {
        "nrr_low": None,
        "nrr_high": None,
        "level": final.level,
        "coverage": sum(held) / len(held) if held else None,
        "interval_folds": len(held),
        "books": [
            {"as_of": f"{date:%Y-%m-%d}", "nrr": book.nrr, "low": book.low, "high": book.high, "observed": seen}
            for date, book, seen in books
        ],
    }
    latest = next(iter(_book(found, final, int(found.fold.max()), last=True)), None)
    if latest is not None:
        _, made, _ = latest
        document |= _around(_predicted(found), made)
    return document


def _around(nrr: float, made: BookInterval) -> Mapping[str, float]:
    return {"nrr_low": max(nrr + made.low - made.nrr, 0.0), "nrr_high": nrr + made.high - made.nrr}


def _predicted(found: OutOfTime) -> float:
    weight = found.labels.starting
    return float((weight * np.where(found.leaving, 0.0, found.prediction.nrr)).sum() / weight.sum())


def _book(
    found: OutOfTime, intervals: Intervals, number: int, *, last: bool = False
) -> list[tuple[pd.Timestamp, BookInterval, float]]:
    """Date, interval and observed NRR of everyone at a fold's first (or last) date; nothing for a book without MRR."""
    dates = found.as_of[found.fold == number]
    date = dates.max() if last else dates.min()
    rows = (found.fold == number) & (found.as_of == date)
    prediction = Prediction(**{name: getattr(found.prediction, name)[rows] for name in Prediction.__dataclass_fields__})
    starting = found.labels.starting[rows]
    made = book_interval(intervals, prediction, starting, found.leaving[rows])
    if made is None:
        return []
    return [(pd.Timestamp(date), made, float((starting * found.labels.ratio[rows]).sum() / starting.sum()))]
