"""Everything that is learned from deals in a training: the win model where it may claim, and the practice to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leap.errors import NotEnoughData
from leap.evaluation import OutOfTime, notes_of
from leap.models.frames import ScopeFrame
from leap.tables import AccountTables
from leap.wins.comparison import compare, no_comparison, ranked
from leap.wins.frame import WinFrame, win_frame
from leap.wins.judging import WinQuality, foretell, judge
from leap.wins.model import WinModel, fit_win


@dataclass(frozen=True)
class Wins:
    """`model` is None where there are no deals or nothing may be claimed; `climb` is the comparison as JSON."""

    quality: WinQuality
    model: WinModel | None
    climb: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """`win`, as among the fit outcomes of `train`, and `climb`."""
        return {"win": self.quality.to_json(), "climb": dict(self.climb)}


def learn(tables: AccountTables, fit: ScopeFrame, found: OutOfTime, *, seed: int = 0) -> Wins:
    """The win model and the comparison of win rates with the fit models that were judged in `found`."""
    try:
        frame = win_frame(tables, fit.features.catalog)
    except NotEnoughData as error:
        return Wins(WinQuality(None, False, str(error)), None, no_comparison(str(error)))
    quality, model = _win_model(frame, seed)
    notes = tuple(notes_of(frame.leaks, ()))
    return Wins(replace(quality, deals=counts(frame)), model, _comparison(frame, fit, found), notes)


def _win_model(frame: WinFrame, seed: int) -> tuple[WinQuality, WinModel | None]:
    try:
        quality = judge(foretell(frame, seed=seed))
    except NotEnoughData as error:
        return WinQuality(None, False, str(error)), None
    if not quality.claimed:
        return quality, None
    model = fit_win(frame.training(frame.until), seed=seed)
    quality = quality.of_final(model)
    return quality, model if quality.claimed else None


def _comparison(frame: WinFrame, fit: ScopeFrame, found: OutOfTime) -> Mapping[str, Any]:
    rows = ranked(frame, fit, found)
    if rows is None:
        return no_comparison(
            "Too few deals were won and lost before any cutoff of the fit models: win rates need at least 10 accounts "
            "of each."
        )
    return compare(rows)


def counts(frame: WinFrame) -> dict[str, int]:
    """Numbers of deals: all of prospects, used, still open, of these older than the sales cycle, and those left out."""
    is_open, overdue = frame.everyone.open_at(frame.until)
    used = int(frame.deals.known_at(frame.until).sum())
    return {
        "of_prospects": len(frame.everyone),
        "used": used,
        "closed_too_lately": len(frame.deals) - used,
        "open": is_open,
        "open_overdue": overdue,
        "cycle_days": int(frame.deals.cycle(frame.until) / np.timedelta64(1, "D")),
        **frame.everyone.left_out.__dict__,
    }
