"""How good survival curves are: Harrell's C-index and the integrated Brier score, beside Kaplan-Meier.

Months are whole. A row with `months = 5` was seen through month 5: `gone` in it, or censored at its end. So at month 5
it is known what became of both, and at month 6 only of the one that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leap.metrics import AucWithin, Figure, account_bootstrap, mean, with_interval

NOBODY_FOLLOWED, NOBODY_LOST = "nobody_followed", "nobody_lost"
_FEWEST = 10
_DRAWS = 200
_YEAR = 12


def kaplan_meier(months: np.ndarray, gone: np.ndarray, longest: int) -> np.ndarray:
    """The share still there at the end of months 1 .. `longest`, shape (longest,).

    Kaplan & Meier (1958), "Nonparametric estimation from incomplete observations". Beyond the longest month in which
    anybody was at risk it goes on with the mean hazard of the last year before, as every curve here.

    >>> kaplan_meier(np.array([1, 2, 2, 3]), np.array([True, True, False, False]), 3).tolist()
    [0.75, 0.5, 0.5]
    """
    at_risk = _at_least(months, longest)
    events = np.bincount(months[gone], minlength=longest + 1)[1 : longest + 1]
    seen = int((at_risk > 0).sum())
    if not seen:
        return np.ones(longest)
    hazard = events[:seen] / at_risk[:seen]
    rest = np.full(longest - seen, hazard[-_YEAR:].mean())
    return np.cumprod(1 - np.concatenate([hazard, rest]))


def censoring(months: np.ndarray, gone: np.ndarray, longest: int) -> np.ndarray:
    """The chance of being followed through months 1 .. `longest`, shape (longest,): Kaplan-Meier of the censoring.

    In a month first some are lost, and of those who are left some are seen no further.

    >>> censoring(np.array([1, 2, 2, 3]), np.array([True, True, False, False]), 3).tolist()
    [1.0, 1.0, 0.5]
    """
    left = _at_least(months, longest) - np.bincount(months[gone], minlength=longest + 1)[1 : longest + 1]
    ends = np.bincount(months[~gone], minlength=longest + 1)[1 : longest + 1]
    stays = 1 - ends / np.maximum(left, 1)
    return np.concatenate([[1.0], np.cumprod(stays)[:-1]])


def _at_least(months: np.ndarray, longest: int) -> np.ndarray:
    """How many rows were seen in months 1 .. `longest`."""
    counts = np.bincount(np.minimum(months, longest), minlength=longest + 1)
    return np.cumsum(counts[::-1])[::-1][1:]


def brier_of_months(months: np.ndarray, gone: np.ndarray, survival: np.ndarray) -> np.ndarray:
    """Weighted squared errors of rows and months, shape (n, months); the mean over rows is the Brier score of a month.

    Rows whose end is not known by a month have no error there; the others weigh by the inverse of the chance that it
    would be known (Graf et al. 1999, "Assessment and comparison of prognostic classification schemes for survival
    data").
    """
    longest = survival.shape[1]
    known = np.maximum(censoring(months, gone, longest), 1e-12)
    month = np.arange(1, longest + 1)[None, :]
    lost = gone[:, None] & (months[:, None] <= month)
    there = (months[:, None] > month) | (~gone[:, None] & (months[:, None] == month))
    at_loss = known[np.minimum(months, longest) - 1][:, None]
    return np.asarray(survival**2 * lost / at_loss + (1 - survival) ** 2 * there / known)


def judged_months(months: np.ndarray, longest: int) -> int:
    """The longest month through which at least ten rows (half of fewer than twenty) were seen; 0 if none."""
    fewest = min(_FEWEST, max(1, len(months) // 2))
    return int((_at_least(months, longest) >= fewest).sum()) if len(months) else 0


@dataclass(frozen=True)
class Curves:
    """Rows of one fold that its hazard did not know: how long they were seen, their curves, and Kaplan-Meier's."""

    months: np.ndarray
    gone: np.ndarray
    accounts: np.ndarray
    survival: np.ndarray
    baseline: np.ndarray
    """Of the rows that the fold was trained on, shape (months,)."""


@dataclass(frozen=True)
class SurvivalFigures:
    """Figures over all folds, with 95 % intervals over accounts; `months` is how far the curves were judged."""

    c_index: Figure
    ibs: Figure
    months: int
    n_rows: int
    n_accounts: int
    n_events: int

    def to_json(self) -> dict[str, object]:
        """`survival` in the JSON of `train`."""
        return {
            "c_index": self.c_index.to_json(),
            "ibs": self.ibs.to_json(),
            "baseline_ibs": self.ibs.baseline,
            "months": self.months,
            "n_rows": self.n_rows,
            "n_accounts": self.n_accounts,
            "n_events": self.n_events,
            "reason": None,
        }


def not_judged(reason: str) -> dict[str, object]:
    """`survival` in the JSON of `train` where there are no figures, and why."""
    return {**dict.fromkeys(("c_index", "ibs", "baseline_ibs", "months")), "reason": reason}


def figures_of(folds: list[Curves]) -> SurvivalFigures | None:
    """The C-index and the integrated Brier score of folds; None if nobody was followed, or nobody lost.

    Harrell's C-index (Harrell et al. 1982, "Evaluating the yield of medical tests"): of pairs in a fold of which it is
    known who left first, the share in which that one had less survival expected over the months judged; ties count
    half. The Brier score is averaged over months 1 .. `months`, in each fold as far as its rows were seen.
    """
    found = [(fold, judged_months(fold.months, fold.survival.shape[1])) for fold in folds]
    judged = [(fold, until) for fold, until in found if until]
    if not judged:
        return None
    accounts = np.concatenate([fold.accounts for fold, _ in judged])
    months = np.concatenate([np.minimum(fold.months, until) for fold, until in judged])
    gone = np.concatenate([fold.gone & (fold.months <= until) for fold, until in judged])
    if not gone.any():
        return None
    number = np.repeat(np.arange(len(judged)), [len(fold.months) for fold, _ in judged])
    risk = np.concatenate([-fold.survival[:, :until].sum(axis=1) for fold, until in judged])
    errors = np.concatenate([_errors(fold, fold.survival, until) for fold, until in judged])
    baseline = np.concatenate([_errors(fold, fold.baseline[None, :], until) for fold, until in judged])
    resamples = account_bootstrap(accounts, _DRAWS)
    row, outcome, group = pairs_of(months, gone, number)
    return SurvivalFigures(
        c_index=with_interval(AucWithin(group), outcome, risk[row], resamples[:, row], baseline=0.5),
        ibs=with_interval(mean, errors, errors, resamples, baseline=float(baseline.mean())),
        months=max(until for _, until in judged),
        n_rows=len(accounts),
        n_accounts=len(np.unique(accounts)),
        n_events=len(np.unique(accounts[gone])),
    )


def pairs_of(months: np.ndarray, gone: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, whether they left, and groups, such that the AUC within groups is Harrell's C-index.

    A group is a month of a fold in which someone left: those who left in it against all who are known to have stayed
    longer, a row that was seen no further than this month among them.
    """
    parts = []
    for number in np.unique(fold):
        own = np.flatnonzero(fold == number)
        for month in np.unique(months[own][gone[own]]):
            at_risk = own[months[own] >= month]
            left = gone[at_risk] & (months[at_risk] == month)
            parts.append((at_risk, left.astype(float)))
    row = np.concatenate([rows for rows, _ in parts])
    group = np.repeat(np.arange(len(parts)), [len(rows) for rows, _ in parts])
    return row, np.concatenate([left for _, left in parts]), group


def c_index(months: np.ndarray, gone: np.ndarray, risk: np.ndarray) -> float:
    """Harrell's C-index of rows of one fold; a higher risk is to leave sooner. NaN without a pair.

    >>> c_index(np.array([1, 2, 3]), np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
    1.0
    """
    if not gone.any():
        return float("nan")
    row, outcome, group = pairs_of(months, gone, np.zeros(len(months), dtype=np.int64))
    return AucWithin(group)(outcome, risk[row], np.ones(len(row)))


def _errors(fold: Curves, survival: np.ndarray, until: int) -> np.ndarray:
    """The mean error of every row over months 1 .. `until`, shape (n,)."""
    curves = np.broadcast_to(survival[:, :until], (len(fold.months), until))
    return np.asarray(brier_of_months(fold.months, fold.gone, curves).mean(axis=1))
