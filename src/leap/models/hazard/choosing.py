"""Which account part a hazard has: chosen in folds of other accounts, the simpler one within a standard error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leap.models.hazard.account import (
    BASE_RATE,
    BOOSTED,
    LINEAR,
    PENALTIES,
    ROUNDS,
    AccountPart,
    Nothing,
    boosted_parts,
    linear_parts,
)
from leap.models.hazard.design import fit_levels, with_intercept
from leap.models.hazard.followed import PersonMonths
from leap.models.selection import MIN_EVENTS, Candidate, choose

_FOLDS = 3
_NONE = Candidate(BASE_RATE, 0)
_PRIOR_EVENTS, _ROUNDS, _SLOPES, _MOST_FADED = 10.0, 15, (0.05, 3.0), 0.9


@dataclass(frozen=True)
class Choice:
    """The part fitted on all rows, what it said of rows it had not seen, and what every kind lost there."""

    part: AccountPart
    held_out: np.ndarray
    losses: dict[str, float]


@dataclass(frozen=True)
class Spread:
    """How much of what an account adds is left in a lead month: `slope + fade * log(month) / log(longest)`.

    What is known of an account today says less and less of later months, and what it says at all is less than the rows
    it was learned from say.
    """

    slope: float = 1.0
    fade: float = 0.0

    def of(self, months: int, longest: int) -> np.ndarray:
        """The factor of months 1 .. `months`, shape (months,)."""
        return np.asarray(self.slope + self.fade * log_share(months, longest))


def log_share(months: int, longest: int) -> np.ndarray:
    """log(month) / log(longest) of months 1 .. `months`: 0 in the first, 1 in the longest; shape (months,)."""
    return np.asarray(np.log(np.arange(1, months + 1)) / np.log(max(longest, 2)))


def fit_spread(months: PersonMonths, held_out: np.ndarray) -> Spread:
    """Slope and fading from parts that did not know their rows, drawn towards (1, 0) as if by ten more events."""
    if held_out.std() < 1e-9:
        return Spread()
    own = (held_out - held_out.mean())[:, None]
    longest = months.place.shape[1]
    share = log_share(longest, longest)[None, :]
    per_account = len(own) / len(np.unique(months.followed.accounts))
    prior = _PRIOR_EVENTS * per_account * float(own.var()) * np.ones(2)
    towards, now = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    when, at_end = with_intercept(months.when), months.followed.months - 1
    for _ in range(_ROUNDS):
        offset = own * (now[0] + now[1] * share)
        hazard = months.hazards(offset, when @ fit_levels(months, offset))
        rest = -hazard
        rest[np.arange(len(own)), at_end] += months.gone
        of_slope, of_fade = own * np.ones_like(share), own * share
        weight, curved = months.weight[:, None], months.weight[:, None] * hazard * (1 - hazard)
        gradient = np.array([(weight * rest * x).sum() for x in (of_slope, of_fade)]) - prior * (now - towards)
        cross = (curved * of_slope * of_fade).sum()
        curvature = np.array([[(curved * of_slope**2).sum(), cross], [cross, (curved * of_fade**2).sum()]])
        step = np.clip(np.linalg.solve(curvature + np.diag(prior), gradient), -0.5, 0.5)
        now = now + step
        now[0] = np.clip(now[0], *_SLOPES)
        now[1] = np.clip(now[1], -_MOST_FADED * now[0], 0.0)
        if np.abs(step).max() < 1e-3:
            break
    return Spread(float(now[0]), float(now[1]))


def choose_part(months: PersonMonths, only: str | None, seed: int) -> Choice:
    """Base rate, ridge or small trees; `only` fixes the kind. Below the fewest events nothing is told of accounts."""
    nothing = Choice(Nothing(), np.zeros(len(months.followed)), {})
    accounts = months.followed.accounts
    events = len(np.unique(accounts[months.followed.gone]))
    if only == BASE_RATE or events < MIN_EVENTS or len(np.unique(accounts)) - events < MIN_EVENTS // 2:
        return nothing
    margins: dict[Candidate, np.ndarray] = {_NONE: np.zeros(len(accounts))}
    lost: dict[Candidate, np.ndarray] = {}
    for fold in range(_FOLDS):
        tested = _group(accounts) == fold
        if not tested.any() or not months.followed.gone[~tested].any():
            continue
        past, later = months.where(~tested), months.where(tested)
        for candidate, part in _candidates(past, only, seed).items():
            margin = part.margin(later.followed.matrix)
            margins.setdefault(candidate, np.zeros(len(accounts)))[tested] = margin
            lost.setdefault(candidate, np.zeros(len(accounts)))[tested] = _loss(later, margin)
    best = _best_of_each_kind(lost)
    chosen = choose({c: lost[c] for c in best if only in (None, c.name)}, accounts)
    return Choice(
        part=_candidates(months, chosen.name, seed, chosen)[chosen],
        held_out=margins[chosen],
        losses={c.name: float(lost[c].sum() / months.seen.sum()) for c in best},
    )


def _candidates(
    months: PersonMonths, only: str | None, seed: int, chosen: Candidate | None = None
) -> dict[Candidate, AccountPart]:
    found: dict[Candidate, AccountPart] = {_NONE: Nothing()}
    if only in (None, LINEAR) and months.followed.matrix.shape[1]:
        penalties = PENALTIES if chosen is None else (chosen.penalty,)
        found |= {Candidate(LINEAR, 1, penalty=p): part for p, part in linear_parts(months, penalties).items()}
    if only in (None, BOOSTED) and months.followed.matrix.shape[1]:
        rounds = ROUNDS if chosen is None else (chosen.rounds,)
        found |= {Candidate(BOOSTED, 2, rounds=r): part for r, part in boosted_parts(months, rounds, seed).items()}
    return found


def _loss(months: PersonMonths, margin: np.ndarray) -> np.ndarray:
    """Losses of rows with levels of lead months that fit them: a level that drifts says nothing of which part is
    better.
    """
    return months.losses(margin, with_intercept(months.when) @ fit_levels(months, margin))


def _best_of_each_kind(lost: dict[Candidate, np.ndarray]) -> list[Candidate]:
    best: dict[str, Candidate] = {}
    for candidate, loss in lost.items():
        if candidate.name not in best or loss.mean() < lost[best[candidate.name]].mean():
            best[candidate.name] = candidate
    return list(best.values())


def _group(accounts: np.ndarray) -> np.ndarray:
    """Folds by a fixed hash of accounts, so that the order of rows changes nothing."""
    mixed = accounts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)
    return np.asarray(mixed.astype(np.int64) % _FOLDS)
