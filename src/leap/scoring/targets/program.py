"""Which accounts to choose under limits: an integer program, solved by HiGHS (Huangfu and Hall 2018) as scipy has it.

Of many accounts the linear program is solved first. Its duals say of each what it would cost to turn its choice round
(its reduced cost), so that only the few accounts near the margin are left to the integer program; where no other
account could gain more than what is still open, the choice is proven best (Balas and Zemel 1980: a knapsack's core).
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

Method = Literal["program", "greedy"]
OPTIMAL, NOT_PROVEN, TIME_LIMIT, GREEDY = "optimal", "not_proven", "time_limit", "greedy"

_DIRECT = 500
"""Up to so many accounts the integer program has them all."""
_CORES = (200, 1_000, 5_000)
"""Sizes of the core that the integer program chooses among, one after another until the choice is proven best."""
_NEAR = 2_000
_ROUNDS = 12
_ROW_SCALE = 1_000.0
"""Rows are scaled to this limit, so that HiGHS's absolute tolerance of 1e-6 is a billionth of it."""
_SLACK = 1e-9
_NEARLY = 1e-5
"""A quota that cannot be reached is asked for but for this share: a solver fails at a limit with one solution."""
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class Pool:
    """Accounts that may be chosen, shape (n,) each, in a fixed order: money gained and spent, new MRR expected.

    `segment` is the position of an account's segment, of which only so many may be chosen.
    """

    gain: np.ndarray
    cost: np.ndarray
    new_mrr: np.ndarray
    emerging: np.ndarray
    segment: np.ndarray

    def __len__(self) -> int:
        return len(self.gain)

    def where(self, keep: np.ndarray) -> Pool:
        """The accounts at some positions, or of a mask."""
        return Pool(self.gain[keep], self.cost[keep], self.new_mrr[keep], self.emerging[keep], self.segment[keep])


@dataclass(frozen=True)
class Limits:
    """What holds of the accounts chosen: at most `budget`, `capacity` and, of each segment, `per_segment`; at least
    `quota` of new MRR and `emerging` accounts. None: no limit.
    """

    budget: float | None = None
    capacity: int | None = None
    quota: float | None = None
    per_segment: tuple[int, ...] | None = None
    emerging: int = 0

    def met_by(self, pool: Pool, chosen: np.ndarray) -> bool:
        """Whether a choice keeps them, to a billionth."""
        own = pool.where(chosen)
        return (
            (self.budget is None or own.cost.sum() <= self.budget * (1 + _SLACK))
            and (self.capacity is None or len(own) <= self.capacity)
            and (self.quota is None or own.new_mrr.sum() >= self.quota * (1 - 1e-6))
            and self._segments_hold(own)
            and int(own.emerging.sum()) >= self.emerging
        )

    def _segments_hold(self, own: Pool) -> bool:
        if self.per_segment is None:
            return True
        counts = np.bincount(own.segment, minlength=len(self.per_segment))
        return bool((counts <= np.array(self.per_segment)).all())

    def full(self, segment: int, count: int) -> bool:
        """Whether a segment with so many accounts takes no more."""
        return self.per_segment is not None and count >= self.per_segment[segment]


@dataclass(frozen=True)
class Choice:
    """The accounts chosen, how well that is known, and what of the wishes could not be kept.

    `bound` is a gain that no choice exceeds, `gap` the share of it that the choice may lack; None where none is known.
    `quota_short` is the new MRR that no choice within the limits reaches, `emerging_short` the accounts missing.
    """

    chosen: np.ndarray
    gain: float
    bound: float | None
    status: str
    seconds: float
    quota_short: float = 0.0
    emerging_short: int = 0

    @property
    def gap(self) -> float | None:
        """The share of the bound by which the choice might still be improved."""
        if self.bound is None:
            return None
        return max(0.0, self.bound - self.gain) / max(abs(self.bound), 1e-9) if self.bound > self.gain else 0.0


def choose(pool: Pool, limits: Limits, *, seconds: float = 10.0, method: Method = "program") -> Choice:
    """The choice that gains most within the limits.

    Accounts that cost more than they bring are chosen only where the quota asks for them. If the quota cannot be
    reached the choice comes as near to it as any; emerging accounts that are missing are made up for by others.
    """
    began = time.monotonic()
    useful = _useful(pool, limits)
    own = pool.where(useful)
    emerging = min(limits.emerging, _most_emerging(own, limits))
    asked = replace(limits, emerging=emerging)
    quota_short = 0.0
    if limits.quota is not None:
        most = replace(own, gain=own.new_mrr)
        reached = _solved(most, replace(asked, quota=None), seconds, method).gain if len(own) else 0.0
        quota_short = max(0.0, limits.quota - reached) if reached < limits.quota * (1 - _SLACK) else 0.0
        asked = replace(asked, quota=reached * (1 - _NEARLY) if quota_short else limits.quota)
    found = _solved(own, asked, max(seconds - (time.monotonic() - began), _LEAST_SECONDS), method)
    chosen = np.zeros(len(pool), dtype=bool)
    chosen[np.flatnonzero(useful)[found.chosen]] = True
    return replace(
        found,
        chosen=chosen,
        seconds=time.monotonic() - began,
        quota_short=quota_short,
        emerging_short=limits.emerging - emerging,
    )


def _useful(pool: Pool, limits: Limits) -> np.ndarray:
    """Accounts that could be in a best choice."""
    worth = pool.gain > 0 if limits.quota is None else (pool.gain > 0) | (pool.new_mrr > 0)
    return np.asarray(worth if limits.budget is None else worth & (pool.cost <= limits.budget * (1 + _SLACK)))


def _most_emerging(pool: Pool, limits: Limits) -> int:
    """How many emerging accounts that gain something fit into the limits: the cheapest first."""
    taken: list[int] = []
    spent, in_segment = 0.0, dict[int, int]()
    for i in np.lexsort((np.arange(len(pool)), pool.cost)):
        if not (pool.emerging[i] and pool.gain[i] > 0) or len(taken) >= limits.emerging:
            continue
        if limits.capacity is not None and len(taken) >= limits.capacity:
            break
        if limits.budget is not None and spent + pool.cost[i] > limits.budget * (1 + _SLACK):
            break
        segment = int(pool.segment[i])
        if not limits.full(segment, in_segment.get(segment, 0)):
            taken.append(int(i))
            spent += float(pool.cost[i])
            in_segment[segment] = in_segment.get(segment, 0) + 1
    return len(taken)


def _solved(pool: Pool, limits: Limits, seconds: float, method: Method) -> Choice:
    if not len(pool):
        return Choice(np.zeros(0, dtype=bool), 0.0, 0.0, OPTIMAL, 0.0)
    if method == "greedy":
        return _greedy(pool, limits, None)
    rows = _Rows.of(pool, limits)
    if not rows.count:
        chosen = pool.gain > 0
        gain = float(pool.gain[chosen].sum())
        return Choice(chosen, gain, gain, OPTIMAL, 0.0)
    if len(pool) <= _DIRECT:
        found = _integer(pool, rows, limits, seconds)
        return found or _greedy(pool, limits, _bound(pool, rows))
    return _by_core(pool, rows, limits, seconds)


@dataclass(frozen=True)
class _Rows:
    """`lower <= matrix @ x <= upper`, one row a limit."""

    matrix: sparse.csc_array
    lower: np.ndarray
    upper: np.ndarray

    @property
    def count(self) -> int:
        return len(self.lower)

    @classmethod
    def of(cls, pool: Pool, limits: Limits) -> _Rows:
        """The limits that could be broken by a choice of these accounts."""
        rows: list[sparse.csr_array] = []
        lower, upper = [], []

        def add(row: np.ndarray, low: float, high: float) -> None:
            rows.append(sparse.csr_array(row.reshape(1, -1).astype(float)))
            lower.append(low)
            upper.append(high)

        if limits.budget is not None and pool.cost.sum() > limits.budget > 0:
            add(pool.cost * (_ROW_SCALE / limits.budget), -np.inf, _ROW_SCALE)
        if limits.capacity is not None and len(pool) > limits.capacity:
            add(np.ones(len(pool)), -np.inf, limits.capacity)
        if limits.quota is not None and limits.quota > 0:
            add(pool.new_mrr * (_ROW_SCALE / limits.quota), _ROW_SCALE, np.inf)
        if limits.emerging:
            add(pool.emerging, limits.emerging, np.inf)
        if limits.per_segment is not None:
            for segment, n in enumerate(np.bincount(pool.segment)):
                if n > limits.per_segment[segment]:
                    add(pool.segment == segment, -np.inf, limits.per_segment[segment])
        matrix = sparse.vstack(rows, format="csc") if rows else sparse.csc_array((0, len(pool)))
        return cls(matrix, np.array(lower), np.array(upper))

    def less(self, fixed: np.ndarray, free: np.ndarray) -> _Rows:
        """What is left for the free accounts once others are fixed."""
        used = self.matrix @ fixed.astype(float)
        return _Rows(self.matrix[:, free], self.lower - used, self.upper - used)


def _integer(pool: Pool, rows: _Rows, limits: Limits | None, seconds: float) -> Choice | None:
    """HiGHS's best choice; None if it found none in time."""
    constraint = LinearConstraint(rows.matrix, rows.lower, rows.upper)
    result = milp(
        -pool.gain,
        constraints=constraint,
        integrality=np.ones(len(pool)),
        bounds=Bounds(0, 1),
        options={"time_limit": seconds, "mip_rel_gap": 1e-7},
    )
    if result.x is None:
        return None
    chosen = np.asarray(result.x > 0.5)
    if limits is not None and not limits.met_by(pool, chosen):
        return None
    gain = float(pool.gain[chosen].sum())
    bound = -float(result.mip_dual_bound) if result.mip_dual_bound is not None else None
    return Choice(chosen, gain, bound, OPTIMAL if result.status == 0 else TIME_LIMIT, 0.0)


@dataclass(frozen=True)
class _Relaxed:
    """Of a linear program what is lost by turning the choice of each account round (reduced costs), and its bound."""

    reduced: np.ndarray
    bound: float


def _duals(gain: np.ndarray, rows: _Rows) -> np.ndarray | None:
    """The price of each row. Rows may be broken for more than any account gains, so that there is a solution."""
    n, m = len(gain), rows.count
    penalty = 10.0 * max(float(np.abs(gain).max(initial=1.0)), 1.0)
    above, below = np.isfinite(rows.upper), np.isfinite(rows.lower)
    matrix = sparse.hstack([rows.matrix, sparse.diags_array(np.where(above, -1.0, 1.0))], format="csr")
    upper = sparse.vstack([matrix[above], -matrix[below]], format="csr")
    limits = np.concatenate([rows.upper[above], -rows.lower[below]])
    ends = np.concatenate([np.ones(n), np.full(m, np.inf)])
    bounds = np.column_stack([np.zeros(n + m), ends])
    result = linprog(
        np.concatenate([-gain, np.full(m, penalty)]), A_ub=upper, b_ub=limits, bounds=bounds, method="highs"
    )
    if result.status != 0:
        return None
    price = np.zeros(m)
    price[above] = -result.ineqlin.marginals[: above.sum()]
    price[below] = result.ineqlin.marginals[above.sum() :]
    return price


def _linear(pool: Pool, rows: _Rows) -> _Relaxed | None:
    """The linear program, solved on the accounts near the margin only: the others are fixed by the sign of their
    reduced cost, until none of these changes.

    The bound holds for any prices (weak duality), whether or not the rounds come to an end.
    """
    price = _first_prices(pool, rows)
    if price is None:
        return None
    best = _priced(pool, rows, price)
    fixed = best.reduced > 0
    free = np.zeros(len(pool), dtype=bool)
    free[np.argsort(np.abs(best.reduced), kind="stable")[:_NEAR]] = True
    for _ in range(_ROUNDS):
        at = np.flatnonzero(free)
        found = _duals(pool.gain[at], rows.less(fixed & ~free, at))
        if found is None:
            break
        now = _priced(pool, rows, found)
        best = now if now.bound < best.bound else best
        wrong = np.flatnonzero(~free & ((now.reduced > 0) != fixed))
        if not len(wrong):
            break
        free[wrong[np.argsort(-np.abs(now.reduced[wrong]), kind="stable")[:_NEAR]]] = True
    return best


def _first_prices(pool: Pool, rows: _Rows) -> np.ndarray | None:
    """Prices to begin with: of a sample with its share of the limits (good where many are chosen) or of the accounts
    that are first by any measure (good where few are), whichever bounds the gain more tightly.
    """
    n = len(pool)
    sample = np.random.default_rng(0).choice(n, min(n, 2 * _NEAR), replace=False)
    measures = [pool.gain, pool.gain / np.maximum(pool.cost, 1e-9), pool.new_mrr / np.maximum(pool.cost, 1e-9)]
    measures += [np.where(pool.emerging, measure, -np.inf) for measure in measures if pool.emerging.any()]
    first = np.unique(np.concatenate([np.argsort(-measure, kind="stable")[: _NEAR // 2] for measure in measures]))
    share = len(sample) / n
    scaled = _Rows(rows.matrix[:, sample], rows.lower * share, rows.upper * share)
    whole = _Rows(rows.matrix[:, first], rows.lower, rows.upper)
    prices = [_duals(pool.gain[sample], scaled), _duals(pool.gain[first], whole)]
    known = [price for price in prices if price is not None]
    return min(known, key=lambda price: _priced(pool, rows, price).bound, default=None)


def _priced(pool: Pool, rows: _Rows, price: np.ndarray) -> _Relaxed:
    """Reduced costs at the prices of rows, and the bound that follows from any prices (weak duality)."""
    reduced = pool.gain - rows.matrix.T @ price
    limit = np.where(np.isfinite(rows.upper), rows.upper, rows.lower)
    return _Relaxed(reduced, float(price @ limit + np.maximum(reduced, 0).sum()))


def _bound(pool: Pool, rows: _Rows) -> float | None:
    found = _linear(pool, rows)
    return None if found is None else found.bound


def _by_core(pool: Pool, rows: _Rows, limits: Limits, seconds: float) -> Choice:
    """Fix what the linear program is sure of, and choose among the rest: first few accounts, then more."""
    until = time.monotonic() + seconds
    relaxed = _linear(pool, rows)
    if relaxed is None:
        return _greedy(pool, limits, None)
    sure = np.abs(relaxed.reduced)
    order = np.argsort(sure, kind="stable")
    best: Choice | None = None
    for size in _CORES:
        left = until - time.monotonic()
        if left <= 0 and best is not None:
            break
        free = np.sort(order[:size])
        fixed = relaxed.reduced > 0
        fixed[free] = False
        found = _integer(pool.where(free), rows.less(fixed, free), None, max(left, _LEAST_SECONDS))
        if found is None:
            continue
        chosen = fixed.copy()
        chosen[free[found.chosen]] = True
        if not limits.met_by(pool, chosen):
            continue
        gain = float(pool.gain[chosen].sum())
        outside = sure[order[size]] if size < len(order) else math.inf
        if best is None or gain > best.gain or found.status == OPTIMAL:
            best = _proven(chosen, gain, relaxed.bound, found.status, float(outside))
        if best.status == OPTIMAL:
            break
    return best or _greedy(pool, limits, relaxed.bound)


def _proven(chosen: np.ndarray, gain: float, bound: float, status: str, outside: float) -> Choice:
    """The choice of a core: best of all if turning round an account outside of it costs more than what is open."""
    done = status == OPTIMAL and (outside >= bound - gain or bound - gain <= 1e-7 * abs(bound))
    if done:
        return Choice(chosen, gain, gain, OPTIMAL, 0.0)
    return Choice(chosen, gain, bound, NOT_PROVEN if status == OPTIMAL else status, 0.0)


def _greedy(pool: Pool, limits: Limits, bound: float | None) -> Choice:
    """Without a solver: the most gain for what an account takes of budget and capacity, emerging ones first."""
    takes = np.full(len(pool), 1e-12)
    if limits.budget:
        takes = takes + pool.cost / limits.budget
    if limits.capacity:
        takes = takes + 1 / limits.capacity
    goal = pool.gain if limits.quota is None else np.where(pool.gain > 0, pool.gain, pool.new_mrr * 1e-9)
    order = np.lexsort((np.arange(len(pool)), -goal / takes))
    chosen = np.zeros(len(pool), dtype=bool)
    spent, count, mrr, emerging = 0.0, 0, 0.0, 0
    in_segment = dict[int, int]()
    first = order[pool.emerging[order] & (pool.gain[order] > 0)]
    for only_emerging, among in ((True, first[np.argsort(pool.cost[first], kind="stable")]), (False, order)):
        for i in among:
            if chosen[i] or (only_emerging and emerging >= limits.emerging):
                continue
            if pool.gain[i] <= 0 and (limits.quota is None or mrr >= limits.quota):
                continue
            segment = int(pool.segment[i])
            full = limits.full(segment, in_segment.get(segment, 0))
            dear = limits.budget is not None and spent + pool.cost[i] > limits.budget * (1 + _SLACK)
            if full or dear or (limits.capacity is not None and count >= limits.capacity):
                continue
            chosen[i] = True
            spent, count, mrr = spent + float(pool.cost[i]), count + 1, mrr + float(pool.new_mrr[i])
            emerging += int(pool.emerging[i])
            in_segment[segment] = in_segment.get(segment, 0) + 1
    return Choice(chosen, float(pool.gain[chosen].sum()), bound, GREEDY, 0.0)
