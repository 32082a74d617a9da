"""What is usual among comparable accounts: those that pay about as much a month, as they were last seen in training.

Quantiles of numbers and shares of categories, by band of MRR; frozen, and stored in the bundle.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureFrame

QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
EVERYONE = -1
"""The band of an account whose MRR is not known: all accounts."""
_MAX_BANDS = 4
_MIN_ACCOUNTS = 30
_MIN_KNOWN = 10
_MAX_LEVELS = 20

Value = float | str


@dataclass(frozen=True)
class Spread:
    """How one feature is spread over the accounts of a band.

    `quantiles` of the values known (see QUANTILES) of a number or boolean; `levels` with their shares of the known,
    most frequent first, of a category or boolean (yes and no).
    """

    known: int
    quantiles: tuple[float, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, feature: Feature, column: pd.Series) -> Spread:
        """The spread of a feature's column of a frame."""
        present = column.dropna()
        if present.empty:
            return cls(0)
        if feature.kind == "category":
            return cls(len(present), levels=_levels(present.astype(str)))
        numbers = present.to_numpy(dtype=float)
        if feature.kind == "boolean":
            levels = _levels(pd.Series(np.where(numbers >= 0.5, "yes", "no")))
            return cls(len(present), _quantiles(numbers), levels)
        return cls(len(present), _quantiles(numbers))

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "known": self.known,
            "quantiles": list(self.quantiles),
            "levels": [list(level) for level in self.levels],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Spread:
        """The inverse of `to_json`."""
        quantiles = tuple(float(value) for value in document["quantiles"])
        if len(quantiles) not in (0, len(QUANTILES)):
            raise ValueError(f"expected {len(QUANTILES)} quantiles, found {len(quantiles)}")
        levels = tuple((str(level), float(share)) for level, share in document["levels"])
        return cls(int(document["known"]), quantiles, levels)


@dataclass(frozen=True)
class Band:
    """Accounts with an MRR from `least` (reporting currency a month) up to the next band's."""

    least: float
    accounts: int
    spreads: Mapping[str, Spread]

    @classmethod
    def of(cls, least: float, frame: FeatureFrame, keep: np.ndarray) -> Band:
        """The rows of a frame that a mask keeps."""
        rows = frame.frame[keep]
        return cls(least, len(rows), {f.name: Spread.of(f, rows[f.name]) for f in frame.catalog.features})

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        spreads = {name: spread.to_json() for name, spread in self.spreads.items()}
        return {"least": self.least, "accounts": self.accounts, "features": spreads}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Band:
        """The inverse of `to_json`."""
        spreads = {name: Spread.from_json(spread) for name, spread in document["features"].items()}
        return cls(float(document["least"]), int(document["accounts"]), spreads)


@dataclass(frozen=True)
class Peers:
    """Bands of comparable accounts, smallest first, and all accounts together.

    Quantiles and levels that rest on fewer than ten values of a band are those of all accounts.
    """

    bands: tuple[Band, ...]
    everyone: Band

    @classmethod
    def of(cls, frame: FeatureFrame, mrr: np.ndarray | None = None) -> Peers:
        """From one row an account and its MRR, shape (n,); NaN where unknown; None: all accounts are comparable."""
        everyone = Band.of(0.0, frame, np.ones(len(frame.frame), dtype=bool))
        if mrr is None:
            return cls((everyone,), everyone)
        paid = np.asarray(mrr, dtype=float)
        edges = _edges(paid[np.isfinite(paid)])
        if len(edges) < 2:
            return cls((everyone,), everyone)
        of_row = np.where(np.isfinite(paid), np.searchsorted(edges[1:], paid, side="right"), EVERYONE)
        return cls(tuple(Band.of(least, frame, of_row == b) for b, least in enumerate(edges)), everyone)

    def band(self, mrr: float | None) -> int:
        """Position of an account's band by its MRR; EVERYONE where that is not known."""
        if mrr is None or not math.isfinite(mrr):
            return EVERYONE
        return bisect_right(self._begins, mrr)

    def accounts(self, mrr: float | None) -> int:
        """How many accounts are comparable."""
        return self._band(mrr).accounts

    def typical(self, name: str, mrr: float | None) -> Value | None:
        """The usual value: median of a number, most frequent level of a category, 1.0 or 0.0 of a boolean.

        None where the value of most comparable accounts is not known (or the feature is not): missing is usual then.
        """
        band = self._band(mrr)
        spread = band.spreads.get(name)
        if spread is None or not spread.known or spread.known * 2 < band.accounts:
            return None
        return spread.quantiles[QUANTILES.index(0.5)] if spread.quantiles else spread.levels[0][0]

    def share(self, name: str, mrr: float | None) -> float | None:
        """Which part of all comparable accounts has the usual level; None for numbers and where none is usual."""
        band = self._band(mrr)
        spread = band.spreads.get(name)
        if spread is None or not spread.levels or self.typical(name, mrr) is None:
            return None
        return spread.levels[0][1] * spread.known / band.accounts

    def span(self, name: str, mrr: float | None) -> tuple[float | None, float | None]:
        """Between which numbers eight of ten comparable accounts lie (those with a value); None, None without any."""
        return self.quantile(name, mrr, 0.1), self.quantile(name, mrr, 0.9)

    def quantile(self, name: str, mrr: float | None, q: float) -> float | None:
        """A quantile of the known numbers, between stored ones on a straight line; beyond the outermost that one."""
        spread = self._spread(name, mrr)
        if spread is None or not spread.quantiles:
            return None
        return float(np.interp(q, QUANTILES, spread.quantiles))

    def levels(self, name: str, mrr: float | None) -> dict[str, float]:
        """The frequent levels of a category (of a boolean: yes, no) with their shares of the known, largest first."""
        spread = self._spread(name, mrr)
        return {} if spread is None else dict(spread.levels)

    def known(self, name: str, mrr: float | None) -> int:
        """Of how many comparable accounts the value is known."""
        spread = self._spread(name, mrr)
        return 0 if spread is None else spread.known

    @cached_property
    def _begins(self) -> list[float]:
        """Where each band but the first begins."""
        return [band.least for band in self.bands[1:]]

    def _band(self, mrr: float | None) -> Band:
        position = self.band(mrr)
        return self.everyone if position == EVERYONE else self.bands[position]

    def _spread(self, name: str, mrr: float | None) -> Spread | None:
        """A feature's spread in the account's band; that of all where the band has too few values."""
        found = self._band(mrr).spreads.get(name)
        return self.everyone.spreads.get(name) if found is None or found.known < _MIN_KNOWN else found

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        bands = [] if len(self.bands) == 1 else [band.to_json() for band in self.bands]
        return {"bands": bands, "everyone": self.everyone.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Peers:
        """The inverse of `to_json`."""
        everyone = Band.from_json(document["everyone"])
        return cls(tuple(Band.from_json(band) for band in document["bands"]) or (everyone,), everyone)


def _edges(mrr: np.ndarray) -> list[float]:
    """The smallest MRR of each band: parts of about the same size that hold at least thirty accounts each.

    Accounts that pay the same stand in one band, however many they are.
    """
    paid, counts = np.unique(mrr, return_counts=True)
    if not len(paid):
        return []
    aim = max(_MIN_ACCOUNTS, math.ceil(len(mrr) / _MAX_BANDS))
    edges, held, left = [float(paid[0])], 0, len(mrr)
    for value, count in zip(paid, counts, strict=True):
        if held >= aim and left >= _MIN_ACCOUNTS:
            edges.append(float(value))
            held = 0
        held, left = held + int(count), left - int(count)
    return edges


def _quantiles(numbers: np.ndarray) -> tuple[float, ...]:
    """Of whole numbers a value that occurs: half a ticket is usual for nobody."""
    whole = bool((numbers == np.floor(numbers)).all())
    found = np.quantile(numbers, QUANTILES, method="inverted_cdf" if whole else "linear")
    return tuple(float(value) for value in found)


def _levels(text: pd.Series) -> tuple[tuple[str, float], ...]:
    shares = text.value_counts() / len(text)
    ranked = sorted(shares.items(), key=lambda item: (-float(item[1]), str(item[0])))[:_MAX_LEVELS]
    return tuple((str(level), float(share)) for level, share in ranked)
