"""Rows predicted out of time, drawn with numpy: a made-up book whose rates and sizes may drift, and its model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.evaluation import OutOfTime
from leap.models.composition import Labels, Prediction
from leap.uncertainty import Followed

HORIZON = 12
FIRST = pd.Timestamp("2019-01-01")


def predicted(p, q_contraction, q, d_size=0.3, u_size=0.4) -> Prediction:
    """A prediction by propensities and sizes, each a number or an array."""
    p, q_contraction, q = (np.atleast_1d(np.asarray(a, dtype=float)) for a in (p, q_contraction, q))
    return Prediction(
        p=p, d=q_contraction * d_size, u=q * u_size, q=q, q_contraction=q_contraction, direct=np.ones(len(p))
    )


def followed(
    prediction: Prediction, ratio: np.ndarray, values: np.ndarray | None = None, accounts: np.ndarray | None = None
) -> Followed:
    """Rows of one date, an account each unless told otherwise, that all pay the same."""
    n = len(ratio)
    return Followed(
        prediction,
        ratio,
        np.arange(n) if accounts is None else accounts,
        np.full(n, FIRST.to_datetime64()),
        np.full(n, 100.0),
        np.full(n, np.nan) if values is None else values,
    )


@dataclass(frozen=True)
class Book:
    """A company by quarters. `churn` and `expansion` are chances in a year by quarter; `size` is of expansions.

    Accounts differ in risk. Each row's outcome is drawn by the rates of its own quarter. A model knows the risk up to
    `noise` on the log-odds, and of rates and sizes the mean of the rows that its cutoff knew.
    """

    n: int
    churn: np.ndarray
    expansion: np.ndarray
    size: np.ndarray
    spread: float = 0.3
    noise: float = 0.3
    contraction: float = 0.02
    common: float = 0.0
    """Standard deviation of what multiplies the odds of churn of everyone in a year."""


def drawn(book: Book, seed: int) -> tuple[OutOfTime, Prediction, np.ndarray, np.ndarray]:
    """Four folds of a year's rows, the prediction of the last quarter, its outcomes (drawn 20 times) and its MRR."""
    rng = np.random.default_rng(seed)
    quarters = len(book.churn)
    risk = rng.normal(0, 0.6, book.n)
    seen = risk + rng.normal(0, book.noise, book.n)
    shock = np.repeat(rng.normal(0, book.common, -(-quarters // 4)), 4)[:quarters]
    mrr = np.exp(rng.normal(6, 0.8, book.n))

    def outcome(quarter: int) -> np.ndarray:
        odds = risk + np.log(book.churn[quarter] / (1 - book.churn[quarter])) + shock[quarter]
        lost = rng.random(book.n) < _share(odds)
        u = rng.random(book.n)
        grown = 1 + book.size[quarter] * np.exp(rng.normal(0, book.spread, book.n))
        ratio = np.where(u < book.expansion[quarter], grown, 1.0)
        ratio = np.where(u > 1 - book.contraction, 1 - rng.uniform(0.1, 0.6, book.n), ratio)
        return np.where(lost, 0.0, ratio)

    ratios = np.stack([outcome(quarter) for quarter in range(quarters - 1)])

    def model(until: int) -> Prediction:
        known = ratios[max(until - 4, 0) : until]
        kept = known[known > 0]
        p = np.clip((known == 0).mean(), 0.005, 0.9)
        level = np.log(p / (1 - p)) - np.log(_share(seen).mean() / (1 - _share(seen).mean()))
        up, down = kept[kept > 1] - 1, 1 - kept[kept < 1]
        return predicted(
            _share(seen + level),
            np.full(book.n, (kept < 1).mean()),
            np.full(book.n, (kept > 1).mean()),
            down.mean() if len(down) else 0.0,
            up.mean() if len(up) else 0.0,
        )

    last, year = quarters - 1, 4
    starts = [last - year - 4 * k for k in (4, 3, 2, 1)]
    parts, folds, at = [], [], []
    for number, start in enumerate(starts):
        prediction = model(start - year + 1)
        for quarter in range(start, start + 4):
            parts.append(prediction)
            folds.append(np.full(book.n, number))
            at.append(quarter)
    dates = np.array([(FIRST + pd.DateOffset(months=3 * q)).to_datetime64() for q in range(quarters + 4)])
    as_of, known_at = np.repeat(dates[at], book.n), np.repeat(dates[np.array(at) + year], book.n)
    joined = Prediction(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in Prediction.__dataclass_fields__}
    )
    ratio = ratios[at].ravel()
    found = OutOfTime(
        rows=np.arange(len(ratio)),
        fold=np.concatenate(folds),
        prediction=joined,
        baseline=joined,
        baseline_nrr=joined.nrr,
        linear={},
        labels=Labels((ratio == 0).astype(float), ratio, np.tile(mrr, len(at))),
        accounts=np.tile(np.arange(book.n), len(at)),
        leaving=np.zeros(len(ratio), dtype=bool),
        as_of=as_of,
        known_at=known_at,
        cutoffs=tuple(pd.Timestamp(dates[start]) for start in starts),
        models=(),
    )
    future = np.stack([outcome(last) for _ in range(20)], axis=1)
    return found, model(last - year + 1), future, mrr


def _share(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-odds))
