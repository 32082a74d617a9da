"""How well past win rates and Leap's fit models rank the NRR that followed, out of time, on the same rows.

Both know nothing after the fold's cutoff, and both score an account by what it was when it bought: Leap as it scores
prospects, with no months as a customer. Ranks are taken within folds, since levels drift between them. A score that is
the same for all ranks nothing: its correlation counts as 0, and its upper half does as well as its lower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.evaluation import OutOfTime
from leap.features import TENURE, FeatureFrame
from leap.metrics import account_bootstrap
from leap.models.composition import ScopeModel
from leap.models.frames import ScopeFrame
from leap.models.selection import MIN_EVENTS
from leap.wins.frame import WinFrame, fewest
from leap.wins.scorecard import Scorecard

_DRAWS = 400
_FEWEST_RESULTS = MIN_EVENTS // 2
"""Accounts won, and lost, before a cutoff without which nobody would write down win rates."""


@dataclass(frozen=True)
class Ranked:
    """Rows of customers out of time with both scores, shape (n,) each; `ending` is MRR a horizon after `starting`."""

    accounts: np.ndarray
    fold: np.ndarray
    climb: np.ndarray
    leap: np.ndarray
    starting: np.ndarray
    ending: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Realised NRR of each row."""
        return np.asarray(self.ending / self.starting)


def ranked(wins: WinFrame, fit: ScopeFrame, found: OutOfTime) -> Ranked | None:
    """Both scores of the rows that test the fit models; None if no fold has enough deals closed before it."""
    parts: list[dict[str, np.ndarray]] = []
    for number, cutoff in enumerate(found.cutoffs):
        closed = wins.deals.closed_before(np.datetime64(cutoff, "us"))
        if fewest(wins.deals, closed) < _FEWEST_RESULTS:
            continue
        keep = (found.fold == number) & ~found.leaving
        if not keep.any():
            continue
        rows = found.rows[keep]
        labels = found.labels.where(keep)
        card = Scorecard.learn(wins.features.where(closed), wins.deals.won[closed])
        parts.append(
            {
                "accounts": found.accounts[keep],
                "fold": found.fold[keep],
                "climb": card.score(_as_bought(wins, fit, rows)),
                "leap": _as_prospects(found.models[number], fit.rows.matrix[rows]),
                "starting": labels.starting,
                "ending": labels.ratio * labels.starting,
            }
        )
    if not parts:
        return None
    return Ranked(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _as_bought(wins: WinFrame, fit: ScopeFrame, rows: np.ndarray) -> FeatureFrame:
    catalog = wins.features.catalog
    frame = fit.features.frame[catalog.names].iloc[rows].reset_index(drop=True)
    return FeatureFrame(frame, catalog, np.zeros(len(rows), dtype=bool))


def _as_prospects(model: ScopeModel, matrix: np.ndarray) -> np.ndarray:
    """NRR expected of rows as if they had only just bought, shape (n,)."""
    names = model.encoder.catalog.names
    new = matrix.copy()
    new[:, [j for j, position in enumerate(model.encoder.source) if names[position] == TENURE]] = 0.0
    return model.predict(new).nrr


def compare(found: Ranked, draws: int = _DRAWS) -> dict[str, Any]:
    """The figures of both and their paired differences, with 95 % intervals over accounts, as `climb` of `train`."""
    resamples = account_bootstrap(found.accounts, draws)
    correlations, halves = {}, {}
    for name in ("climb", "leap"):
        score = getattr(found, name)
        correlations[name] = _drawn(_correlation(found, score), resamples)
        halves[name] = _drawn(_top_half(found, score), resamples)
    return {
        "spearman": _figure(correlations["climb"]),
        "leap": _figure(correlations["leap"]),
        "difference": _figure(correlations["leap"] - correlations["climb"]),
        "top_half_nrr": {
            **{name: {**_figure(drawn), **_both_halves(found, getattr(found, name))} for name, drawn in halves.items()},
            "difference": _figure(halves["leap"] - halves["climb"]),
        },
        "n_accounts": len(np.unique(found.accounts)),
        "n_rows": len(found.accounts),
        "reason": None,
    }


def no_comparison(reason: str) -> dict[str, Any]:
    """The same without figures."""
    none = dict.fromkeys(("spearman", "leap", "difference", "top_half_nrr"))
    return {**none, "n_accounts": 0, "n_rows": 0, "reason": reason}


def _drawn(figure: Callable[[np.ndarray], float], resamples: np.ndarray) -> np.ndarray:
    """A figure of all rows once, then of each resample of accounts, shape (1 + draws,)."""
    return np.array([figure(np.ones(resamples.shape[1])), *[figure(times) for times in resamples]])


def _figure(drawn: np.ndarray) -> dict[str, float]:
    low, high = np.nanquantile(drawn[1:], [0.025, 0.975])
    return {"value": float(drawn[0]), "low": float(low), "high": float(high)}


def _correlation(found: Ranked, score: np.ndarray) -> Callable[[np.ndarray], float]:
    """Rank correlation of a score with realised NRR within folds, as a function of the rows' weights."""
    a, b = _ranks_within(found.fold, found.ratio), _ranks_within(found.fold, score)

    def figure(weight: np.ndarray) -> float:
        x, y = _centred(found.fold, a, weight), _centred(found.fold, b, weight)
        norm = np.sqrt((weight * x * x).sum() * (weight * y * y).sum())
        return float((weight * x * y).sum() / norm) if norm > 1e-12 else 0.0

    return figure


def _ranks_within(fold: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mid-ranks among the rows of the same fold as a share of them, shape (n,)."""
    result = np.empty(len(values))
    for number in np.unique(fold):
        rows = fold == number
        _, code, count = np.unique(values[rows], return_inverse=True, return_counts=True)
        result[rows] = (np.cumsum(count) - (count - 1) / 2)[code] / rows.sum()
    return result


def _centred(fold: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    total = np.bincount(fold, weights=weight)
    mean = np.bincount(fold, weights=weight * values) / np.where(total > 0, total, 1.0)
    return np.asarray(values - mean[fold])


def upper_half(fold: np.ndarray, score: np.ndarray) -> np.ndarray:
    """How much of each row belongs to the better half of its fold, shape (n,): rows tied at the middle share it.

    >>> upper_half(np.zeros(4, dtype=int), np.array([1.0, 2.0, 2.0, 3.0])).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    share = np.empty(len(score))
    for number in np.unique(fold):
        rows = fold == number
        _, code, count = np.unique(score[rows], return_inverse=True, return_counts=True)
        above = np.cumsum(count) - rows.sum() / 2
        share[rows] = np.clip(above / count, 0.0, 1.0)[code]
    return share


def _top_half(found: Ranked, score: np.ndarray) -> Callable[[np.ndarray], float]:
    """NRR of the better half less NRR of the other, in fractions of starting MRR, as a function of the weights."""
    upper = upper_half(found.fold, score)

    def figure(weight: np.ndarray) -> float:
        return _nrr(found, weight * upper) - _nrr(found, weight * (1 - upper))

    return figure


def _both_halves(found: Ranked, score: np.ndarray) -> dict[str, float]:
    upper = upper_half(found.fold, score)
    return {"top": _nrr(found, upper), "bottom": _nrr(found, 1 - upper)}


def _nrr(found: Ranked, weight: np.ndarray) -> float:
    paid = float((weight * found.starting).sum())
    return float((weight * found.ending).sum()) / paid if paid > 0 else float("nan")
