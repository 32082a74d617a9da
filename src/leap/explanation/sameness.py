"""How much two features say the same, between 0 and 1, whatever their kinds: one scale, that of a rank correlation.

Numbers and booleans: the absolute rank correlation (Spearman 1904), ranks taken once per feature and compared where
both are known. Categories: the square root of Goodman and Kruskal's tau (1954, "Measures of association for cross
classifications"), the share of the variance of one's levels that the other tells; of two booleans that is the absolute
correlation. A category and a number: the correlation ratio of the ranks, and tau of the category by twelfths of the
number. Of what is not symmetric the smaller direction counts: a region tells "is in Europe", but not the reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureFrame

SAME = 0.8
"""From here on two features say the same."""

_LEAST_ROWS = 20
_LEAST_OVERLAP = 0.5
_LEVELS = 12
_CHUNK = 50_000
_DIGITS = 9
"""Sums in another order of rows differ beyond these."""


def sameness(frame: FeatureFrame, features: Sequence[Feature]) -> np.ndarray:
    """How much each two of some features of a frame say the same, shape (n_features, n_features).

    Zero for features of two scopes, for constants, and where fewer than 20 rows, or fewer than half of the rows of
    the less known one, know both.
    """
    size = len(features)
    numbers = [i for i, f in enumerate(features) if f.kind != "category"]
    categories = [i for i, f in enumerate(features) if f.kind == "category"]
    result = np.zeros((size, size))
    ranks = _ranks(frame, [features[i].name for i in numbers])
    result[np.ix_(numbers, numbers)] = _of_numbers(ranks)
    coded = [_coded(frame.frame[features[i].name]) for i in categories]
    for at, (i, code) in enumerate(zip(categories, coded, strict=True)):
        for j, other in zip(categories[:at], coded[:at], strict=True):
            result[i, j] = result[j, i] = _of_categories(code, other)
        for k, j in enumerate(numbers):
            result[i, j] = result[j, i] = _of_both(code, ranks[:, k])
    scopes = np.array([str(f.scope) for f in features])
    result[scopes[:, None] != scopes[None, :]] = 0.0
    np.fill_diagonal(result, 1.0)
    return np.round(np.clip(result, 0.0, 1.0), _DIGITS)


@dataclass(frozen=True)
class _Coded:
    """A category as codes from 0, -1 where it is unknown; levels beyond the twelve most frequent are one."""

    codes: np.ndarray
    levels: int


def _coded(column: pd.Series) -> _Coded:
    counts = column.value_counts()
    kept = sorted(counts.items(), key=lambda item: (-int(item[1]), str(item[0])))[:_LEVELS]
    code = column.map({level: number for number, (level, _) in enumerate(kept)}).to_numpy(dtype=float)
    rare = np.isnan(code) & column.notna().to_numpy()
    code = np.where(rare, len(kept), np.where(np.isnan(code), -1, code)).astype(np.int64)
    return _Coded(code, len(kept) + int(rare.any()))


def _ranks(frame: FeatureFrame, names: Sequence[str]) -> np.ndarray:
    """Mean ranks of known values from 0 to 1, shape (n, n_names), NaN where unknown."""
    result = np.full((len(frame.frame), len(names)), np.nan, dtype=np.float32)
    for k, name in enumerate(names):
        values = frame.frame[name].astype(float)
        result[:, k] = (values.rank(method="average") / max(int(values.notna().sum()), 1)).to_numpy()
    return result


def _of_numbers(ranks: np.ndarray) -> np.ndarray:
    """Absolute correlations of ranks where both are known, shape (width, width)."""
    width = ranks.shape[1]
    both, own, squared, product = (np.zeros((width, width)) for _ in range(4))
    for begin in range(0, len(ranks), _CHUNK):
        part = ranks[begin : begin + _CHUNK].astype(float)
        known = (~np.isnan(part)).astype(float)
        centred = np.where(known > 0, part - 0.5, 0.0)
        both += known.T @ known
        own += centred.T @ known
        squared += (centred**2).T @ known
        product += centred.T @ centred
    count = np.maximum(both, 1)
    covariance = product - own * own.T / count
    variance = np.maximum(squared - own**2 / count, 0.0)
    spread = np.sqrt(variance * variance.T)
    varies = variance > 1e-9 * count
    enough = varies & varies.T & _enough(both)
    return np.where(enough, np.abs(covariance) / np.where(enough, spread, 1.0), 0.0)


def _enough(both: np.ndarray) -> np.ndarray:
    known = np.diag(both)
    return np.asarray((both >= _LEAST_ROWS) & (both >= _LEAST_OVERLAP * np.minimum(known[:, None], known[None, :])))


def _of_categories(one: _Coded, other: _Coded) -> float:
    known = (one.codes >= 0) & (other.codes >= 0)
    if not _overlap(known, one.codes >= 0, other.codes >= 0):
        return 0.0
    table = _table(one, other, known)
    return float(np.sqrt(min(_tau(table), _tau(table.T))))


def _table(one: _Coded, other: _Coded, known: np.ndarray) -> np.ndarray:
    cell = one.codes[known] * other.levels + other.codes[known]
    return np.bincount(cell, minlength=one.levels * other.levels).reshape(one.levels, other.levels)


def _tau(table: np.ndarray) -> float:
    """The share of the variance of the columns' levels that the rows' level tells; 0 for a constant."""
    share = table / table.sum()
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    unexplained = 1 - float((columns**2).sum())
    if unexplained < 1e-12:
        return 0.0
    told = float((share**2 / np.where(rows > 0, rows, 1.0)[:, None]).sum()) - float((columns**2).sum())
    return max(told, 0.0) / unexplained


def _of_both(category: _Coded, ranks: np.ndarray) -> float:
    known = (category.codes >= 0) & ~np.isnan(ranks)
    if not _overlap(known, category.codes >= 0, ~np.isnan(ranks)):
        return 0.0
    code, rank = category.codes[known], ranks[known].astype(float)
    centred = rank - rank.mean()
    total = float((centred**2).sum())
    if total < 1e-9 * len(rank):
        return 0.0
    sums = np.bincount(code, weights=centred, minlength=category.levels)
    counts = np.bincount(code, minlength=category.levels)
    told = float((sums**2 / np.maximum(counts, 1)).sum()) / total
    if np.sqrt(told) < SAME:
        return float(np.sqrt(told))
    return float(np.sqrt(min(told, _tau(_table(_twelfths(ranks), category, known)))))


def _twelfths(ranks: np.ndarray) -> _Coded:
    """Codes of a number's values where there are few, else of its twelfths; -1 where unknown."""
    known = ~np.isnan(ranks)
    distinct, code = np.unique(ranks[known], return_inverse=True)
    if len(distinct) > _LEVELS:
        code = np.minimum((ranks[known] * _LEVELS).astype(np.int64), _LEVELS - 1)
    result = np.full(len(ranks), -1, dtype=np.int64)
    result[known] = code
    return _Coded(result, min(len(distinct), _LEVELS))


def _overlap(both: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    least = _LEAST_OVERLAP * min(int(one.sum()), int(other.sum()))
    return int(both.sum()) >= max(_LEAST_ROWS, least)
