"""Whether a driver holds: its share, rank and direction over refits of the model, and whether it helped later.

Refits are of two kinds: the models of the folds, which knew less, and draws of the Bayesian bootstrap by account, which
knew other accounts. A driver that is not stable says why in a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leap.explanation.later import Helped
from leap.features import Feature

HOLDS = 0.9
"""Of the refits must agree."""

FALSE_DISCOVERIES = 0.01
"""Of a model's stable drivers at most so many may have helped by chance: acting on one costs more than waiting."""

_LEAST_LATER = 3
"""Later folds that must all agree where the first one's model, which knew least, may not."""

_FADED = 0.2
_WHOLE = 1.96
_SAME_PATTERN = 0.5
_LEAST_ORDER = 0.1
_NOTHING = 1e-12


@dataclass(frozen=True)
class Refits:
    """What groups of features add to some rows, shape (n, n_groups) each: by the model, its folds' models and draws.

    `helped` is what they gained where the folds' models were tried, None where none was; `where` says what that was.
    Folds stand in the order of time where they are `in_time`.
    """

    model: np.ndarray
    folds: Sequence[np.ndarray]
    draws: Sequence[np.ndarray] = ()
    helped: Helped | None = None
    where: str = "later accounts"
    in_time: bool = True


@dataclass(frozen=True)
class Stability:
    """How far one group holds; `sign_folds` and `sign_draws` are None where no refit has a direction to compare.

    `share_low` to `share_high` and `rank_low` to `rank_high` are where nine of ten draws lie, the model's own included.
    """

    direction: int
    share_low: float
    share_high: float
    rank: int
    rank_low: int
    rank_high: int
    sign_folds: float | None
    sign_draws: float | None
    gain: float | None
    gain_z: float | None
    gain_q: float | None
    why_not: str | None


def stability(refits: Refits, group: int, leading: Feature, values: np.ndarray) -> Stability:
    """How far a group holds; `values` are those of its leading feature in the same rows, shape (n,)."""
    own = refits.model[:, group]
    order = None if leading.kind == "category" else _centred_ranks(values)
    direction = _direction(order, own)
    over_folds = [_agrees(order, direction, own, fold[:, group]) for fold in refits.folds]
    over_draws = [_agrees(order, direction, own, draw[:, group]) for draw in refits.draws]
    share, rank = (float(_shares(refits.model)[group]), int(_ranks(refits.model)[group]))
    shares = np.quantile([_shares(draw)[group] for draw in refits.draws] or [share], [0.05, 0.95])
    ranks = np.quantile([_ranks(draw)[group] for draw in refits.draws] or [rank], [0.05, 0.95], method="nearest")
    found = refits.helped
    told = [agrees for agrees in over_folds if agrees is not None]
    result = Stability(
        direction=direction,
        share_low=min(float(shares[0]), share),
        share_high=max(float(shares[1]), share),
        rank=rank,
        rank_low=min(int(ranks[0]), rank),
        rank_high=max(int(ranks[1]), rank),
        sign_folds=sum(told) / len(told) if told else None,
        sign_draws=sum(bool(agrees) for agrees in over_draws) / len(over_draws) if over_draws else None,
        gain=None if found is None else float(found.gain[group]),
        gain_z=None if found is None else float(found.z[group]),
        gain_q=None if found is None else float(found.q[group]),
        why_not=None,
    )
    return replace(result, why_not=_why_not(result, over_folds, refits))


def _why_not(found: Stability, over_folds: Sequence[bool | None], refits: Refits) -> str | None:
    """What speaks against acting on a driver, None if nothing does.

    Places next to each other may be a hair apart: a fall in rank counts where the share falls to a fifth as well.
    """
    reasons, where = [], refits.where
    if found.sign_folds is None or 2 * sum(agrees is not None for agrees in over_folds) < len(over_folds):
        reasons.append("most earlier models do not know it")
    elif found.sign_folds < HOLDS and not (refits.in_time and _has_settled(over_folds)):
        reasons.append("its direction changed between periods")
    if found.sign_draws is None:
        reasons.append("it was not tried on other draws of the accounts")
    elif found.sign_draws < HOLDS:
        reasons.append("its direction depends on which accounts are looked at")
    if found.rank_high > 2 * found.rank + 2 and found.share_low < _FADED * found.share_high:
        reasons.append("how much it weighs depends on which accounts are looked at")
    reasons += _not_helped(found, refits.helped, where)
    return " and ".join([", ".join(reasons[:-1]), reasons[-1]] if reasons[1:] else reasons) or None


def _has_settled(over_folds: Sequence[bool | None]) -> bool:
    """Whether all models but that of the first fold agree, and these are enough."""
    later = over_folds[1:]
    return len(later) >= _LEAST_LATER and all(later)


def _not_helped(found: Stability, helped: Helped | None, where: str) -> list[str]:
    if helped is None or found.gain is None or found.gain_q is None:
        return [f"it could not be tried on {where}"]
    if found.gain <= 0:
        return [f"it did not help on {where}"]
    if found.gain_q > FALSE_DISCOVERIES:
        return [f"whether it helped on {where} cannot be told from chance"]
    if helped.whole_z < _WHOLE:
        return [f"whether the model helped on {where} at all cannot be told from chance"]
    return []


def _shares(contributions: np.ndarray) -> np.ndarray:
    strength = np.abs(contributions).mean(axis=0)
    return np.asarray(strength / max(float(strength.sum()), _NOTHING))


def _ranks(contributions: np.ndarray) -> np.ndarray:
    """Places of the groups by how much they move, 1 for the first, shape (n_groups,)."""
    strength = np.abs(contributions).mean(axis=0)
    return np.asarray(1 + (strength[None, :] > strength[:, None]).sum(axis=1))


def _centred_ranks(values: np.ndarray) -> np.ndarray | None:
    """Ranks of the known values about their mean, NaN where unknown; None where they hardly vary.

    A long tail must not decide the direction.
    """
    number = values.astype(float)
    known = ~np.isnan(number)
    if known.sum() < 10 or np.ptp(number[known]) < _NOTHING:
        return None
    result = np.full(len(number), np.nan)
    distinct, code, count = np.unique(number[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2
    result[known] = middle[code] - middle[code].mean() if len(distinct) > 1 else 0.0
    return result


def _direction(order: np.ndarray | None, added: np.ndarray) -> int:
    """1 where more of the value adds more, -1 where less, 0 where neither can be said or nothing is added."""
    if order is None:
        return 0
    known = ~np.isnan(order)
    alike = _correlation(order[known], added[known])
    return 0 if alike is None or abs(alike) <= _LEAST_ORDER else int(np.sign(alike))


def _agrees(order: np.ndarray | None, direction: int, own: np.ndarray, refit: np.ndarray) -> bool | None:
    """Whether a refit has the model's direction, or without one its pattern; None where it has none."""
    if direction != 0:
        found = _direction(order, refit)
        return None if found == 0 else found == direction
    alike = _correlation(own, refit)
    return None if alike is None else alike >= _SAME_PATTERN


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    if one.std() < _NOTHING or other.std() < _NOTHING:
        return None
    return float(np.corrcoef(one, other)[0, 1])
