"""The life of customers, month by month: engagement and friction wander, accounts leave, grow and return.

Each month (or at each renewal of a yearly contract) an account leaves with a risk that depends on what it is,
on how it does and on chance. A hidden few decline for some months: some of them leave, some recover.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leap.demo.firms import Firms
from leap.demo.truth import TRUTH
from leap.demo.world import FIRST_STEP, MONTHS, PRODUCTS, START_MONTH, STEPS, Bools, Floats, Ints, Random

_BASE_CHURN = -4.17
_BASE_EXPANSION = -5.52
_BASE_CONTRACTION = -4.75
_YEARLY_DECISION = 12.0
"""A yearly contract decides once for twelve months."""


@dataclass
class Life:
    """States of customers by step, shape (customers, steps), and the list of terms as they were closed."""

    yearly: Bools
    engagement: Floats
    friction: Floats
    active: Bools
    """On the first of the month, before anything of that month happens."""
    second: Bools
    renewal: Ints
    first: Ints
    """Step of the (latest) start."""
    rows: list[dict[str, Ints]] = field(default_factory=list)
    notice_days: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass
class _Book:
    """What is running now: one column a product, shape (customers, products)."""

    running: Bools
    started: Ints
    cents: Ints
    renewal: Ints

    def close(self, life: Life, who: Bools, step: int, *, left: bool) -> None:
        """End what these customers run, at this step, and keep it as rows."""
        customer, product = np.nonzero(self.running & who[:, None])
        life.rows.append(
            {
                "customer": customer,
                "product": product,
                "start": self.started[customer, product],
                "end": np.full(len(customer), step),
                "cents": self.cents[customer, product],
                "renewal": self.renewal[customer],
                "left": np.full(len(customer), int(left)),
            }
        )

    def open(self, who: Bools, step: int) -> None:
        """What these customers run goes on from this step as new rows."""
        self.started = np.where(self.running & who[:, None], step, self.started)


def live(random: Random, firms: Firms, fit: dict[str, Floats]) -> Life:
    """Month by month, all customers at once."""
    count = firms.customers
    size = firms.employees[np.arange(count), firms.start]
    life = Life(
        yearly=random.random(count) < _share_yearly(size),
        engagement=np.zeros((count, STEPS)),
        friction=np.zeros((count, STEPS)),
        active=np.zeros((count, STEPS), dtype=bool),
        second=np.zeros((count, STEPS), dtype=bool),
        renewal=np.zeros((count, STEPS), dtype=np.int64),
        first=np.full((count, STEPS), STEPS, dtype=np.int64),
    )
    _wander(random, life)
    prices, second_prices = _first_prices(random, size)
    book = _Book(
        running=np.zeros((count, len(PRODUCTS)), dtype=bool),
        started=np.zeros((count, len(PRODUCTS)), dtype=np.int64),
        cents=np.zeros((count, len(PRODUCTS)), dtype=np.int64),
        renewal=np.zeros(count, dtype=np.int64),
    )
    first = np.full(count, STEPS, dtype=np.int64)
    left = np.full(count, STEPS, dtype=np.int64)
    for step in range(STEPS):
        life.active[:, step] = book.running[:, 0]
        life.second[:, step] = book.running[:, 1]
        life.renewal[:, step] = book.renewal
        life.first[:, step] = first
        draws = random.random((6, count))
        renews = book.running[:, 0] & life.yearly & (book.renewal == step)
        gone = _leaving(life, fit, step, renews, draws[0])
        book.close(life, gone, step, left=True)
        book.running &= ~gone[:, None]
        left[gone] = step
        grown = _growing(life, fit, step, renews, draws[1]) & ~gone
        shrunk = _shrinking(life, fit, step, renews, draws[2]) & ~gone & ~grown
        changed = (renews & ~gone) | grown | shrunk
        book.close(life, changed, step, left=False)
        book.open(changed, step)
        book.renewal = np.where(renews & ~gone, step + 12, book.renewal)
        _grow(book, grown, step, draws[3], draws[4])
        _shrink(book, shrunk, draws[3])
        back = ~book.running[:, 0] & (left < step) & (step - left <= 18) & (draws[5] < 0.012)
        new = (firms.start == step) | back
        book.running[new, 0] = True
        book.running[:, 1] |= new & (second_prices > 0)
        book.cents[new] = np.column_stack([prices, second_prices])[new]
        book.started[new] = step
        book.renewal = np.where(new, np.where(life.yearly, step + 12, STEPS * 10), book.renewal)
        first = np.where(new, step, first)
    book.close(life, np.ones(count, dtype=bool), STEPS, left=False)
    life.notice_days = _notice(random, life)
    return life


def _wander(random: Random, life: Life) -> None:
    """Engagement and friction, each with mean 0 and a standard deviation near 1.

    Now and then an account falls into a decline of some months, and recovers if it is still there.
    """
    count = len(life.yearly)
    memory, calm = TRUTH.engagement_memory, TRUTH.friction_memory
    engagement, friction = random.normal(size=count), random.normal(size=count)
    months_left = np.zeros(count)
    for step in range(STEPS):
        starts = (months_left <= 0) & (random.random(count) < 0.012)
        months_left = np.where(starts, random.integers(4, 9, count), months_left - 1)
        push = np.where(months_left > 0, -0.30, 0.025)
        engagement = memory * engagement + push + np.sqrt(1 - memory**2) * 0.85 * random.normal(size=count)
        friction = calm * friction + np.sqrt(1 - calm**2) * random.normal(size=count)
        life.engagement[:, step], life.friction[:, step] = engagement, friction


def _share_yearly(size: Floats) -> Floats:
    """Larger companies sign for a year more often."""
    share: Floats = np.interp(np.log(size), np.log([10.0, 400.0]), [0.45, 0.75])
    return share


def _first_prices(random: Random, size: Floats) -> tuple[Ints, Ints]:
    """Cents a month for each product at the start; 0 where the second is not bought, as by most."""
    dollars = 220.0 * size**0.4 * np.exp(random.normal(0.0, 0.35, len(size)))
    first = np.round(dollars / 5).astype(np.int64) * 500
    second = np.round(dollars * random.uniform(0.15, 0.40, len(size)) / 5).astype(np.int64) * 500
    buys = random.random(len(size)) < np.interp(np.log(size), np.log([20.0, 400.0]), [0.05, 0.25])
    return first, np.where(buys, np.maximum(second, 500), 0)


def _monthly_churn(life: Life, fit: Floats, at: int, engagement: Floats, friction: Floats, tenure: Ints) -> Floats:
    """Monthly risk of leaving, for reasons that tables show: company and contract as at a step."""
    log_risk = (
        _BASE_CHURN
        + fit[:, at]
        + TRUTH.driver("engagement").churn * engagement
        + TRUTH.driver("friction").churn * friction
        + TRUTH.driver("first_year").churn * (tenure <= 12)
        + TRUTH.driver("yearly").churn * life.yearly
        + TRUTH.driver("second_product").churn * life.second[:, at]
    )
    risk: Floats = np.exp(log_risk)
    return risk


def _leaving(life: Life, fit: dict[str, Floats], step: int, renews: Bools, draw: Floats) -> Bools:
    tenure = step - life.first[:, step]
    risk = _monthly_churn(life, fit["churn"], step, life.engagement[:, step], life.friction[:, step], tenure)
    decides = np.where(life.yearly, renews * _YEARLY_DECISION, tenure > 0)
    leaves: Bools = life.active[:, step] & (draw < 1 - np.exp(-(risk + TRUTH.chance_churn) * decides))
    return leaves


def _growing(life: Life, fit: dict[str, Floats], step: int, renews: Bools, draw: Floats) -> Bools:
    chance = np.exp(
        _BASE_EXPANSION
        + fit["expansion"][:, step]
        + TRUTH.driver("engagement").expansion * life.engagement[:, step]
        + TRUTH.driver("friction").expansion * life.friction[:, step]
    )
    settled = life.active[:, step] & (step - life.first[:, step] >= 3)
    grows: Bools = settled & (draw < 1 - np.exp(-chance * np.where(renews, 5.0, 1.0)))
    return grows


def _shrinking(life: Life, fit: dict[str, Floats], step: int, renews: Bools, draw: Floats) -> Bools:
    chance = np.exp(_BASE_CONTRACTION + 0.4 * fit["churn"][:, step] - 0.3 * life.engagement[:, step])
    decides = np.where(life.yearly, renews * _YEARLY_DECISION, step - life.first[:, step] >= 3)
    shrinks: Bools = life.active[:, step] & (draw < 1 - np.exp(-chance * decides))
    return shrinks


def _grow(book: _Book, grown: Bools, step: int, size: Floats, way: Floats) -> None:
    """Pay 10 to 40 % more: for the platform, or for a second product."""
    share = 0.10 + 0.30 * np.sqrt(size)
    adds = grown & ~book.running[:, 1] & (way < 0.35)
    raised = grown & ~adds
    more = np.round(book.cents[:, 0] * share / 500).astype(np.int64) * 500
    book.cents[:, 0] += np.where(raised, np.maximum(more, 500), 0)
    book.cents[adds, 1] = np.maximum(more, 500)[adds]
    book.started[adds, 1] = step
    book.running[:, 1] |= adds


def _shrink(book: _Book, shrunk: Bools, size: Floats) -> None:
    """Give up the second product, else pay 10 to 35 % less for the platform."""
    drops = shrunk & book.running[:, 1]
    book.running[:, 1] &= ~drops
    less = np.round(book.cents[:, 0] * (0.65 + 0.25 * size) / 500).astype(np.int64) * 500
    book.cents[:, 0] = np.where(shrunk & ~drops, np.maximum(less, 500), book.cents[:, 0])


def _notice(random: Random, life: Life) -> Ints:
    """Days of notice if a customer leaves, more for yearly contracts; 0 for those who just stop."""
    given = random.random(len(life.yearly)) < np.where(life.yearly, 0.75, 0.6)
    days = np.where(life.yearly, random.integers(30, 90, len(life.yearly)), random.integers(1, 21, len(life.yearly)))
    return np.where(given, days, 0).astype(np.int64)


def states_of(life: Life, fit: dict[str, Floats], firms: Firms) -> pd.DataFrame:
    """Each customer's risk of leaving within 12 months, on the first of each month, as simulated."""
    memory, calm = TRUTH.engagement_memory, TRUTH.friction_memory
    frames = []
    for step in range(FIRST_STEP, FIRST_STEP + MONTHS + 1):
        total = np.zeros(firms.customers)
        for ahead in range(12):
            then = step + ahead
            engagement = memory**ahead * life.engagement[:, step]
            friction = calm**ahead * life.friction[:, step]
            # What is to come is not known: company, news and market are taken as they are now.
            risk = _monthly_churn(life, fit["churn"], step, engagement, friction, then - life.first[:, step])
            decides = np.where(life.yearly, (life.renewal[:, step] == then) * _YEARLY_DECISION, 1.0)
            total += (risk + TRUTH.chance_churn) * decides
        active = life.active[:, step]
        frames.append(
            pd.DataFrame(
                {
                    "account_id": firms.ids[: firms.customers][active],
                    "as_of": pd.Timestamp(str(START_MONTH + step)),
                    "churn_risk": 1 - np.exp(-total[active]),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
