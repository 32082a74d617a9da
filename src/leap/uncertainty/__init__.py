"""Intervals for what single accounts and whole books will really do, made honest by outcomes of later months."""

from leap.uncertainty.book import BookInterval, book_interval, level_errors
from leap.uncertainty.calibrate import Followed, fit_intervals
from leap.uncertainty.intervals import LEVEL, Intervals
from leap.uncertainty.smallest import smallest

__all__ = [
    "LEVEL",
    "BookInterval",
    "Followed",
    "Intervals",
    "book_interval",
    "fit_intervals",
    "level_errors",
    "smallest",
]
