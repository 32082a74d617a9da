"""Whole scopes trained on made-up rows whose truth is known, and on rows that are as poor as rows can be."""

from __future__ import annotations

import numpy as np
import pytest

from leap.features import Scope
from leap.models.composition import Prediction, train_scope
from tests.made_rows import World, made, rows_of

# --- figures beside the truth


@pytest.mark.parametrize(
    ("world", "n", "only"),
    [
        (World(), 150, "linear"),
        (World(expansion_size=0.8, contraction_size=1.0), 300, None),
        (World(spread=1.3, large_grow_less=0.5), 300, "linear"),
    ],
)
def test_the_portfolio_out_of_time_is_near_the_truth_and_accounts_are_told_apart(
    world: World, n: int, only: str | None
):
    """The expected NRR of every account is known; `portfolio` is the ratio of sums a year later."""
    gaps, better = [], []
    for seed in range(2 if only is None else 3):
        one = made(n, seed, world)
        told = train_scope(Scope.HEALTH, None, one.train, only=only).predict(one.test.matrix)  # type: ignore[arg-type]
        gaps.append(one.portfolio(told.nrr) - one.portfolio(one.nrr))
        average = np.full(len(told.nrr), np.average(one.train.labels.ratio, weights=one.train.labels.starting))
        better.append(np.abs(told.nrr - one.nrr).mean() / np.abs(average - one.nrr).mean())
    assert np.mean(np.abs(gaps)) < (0.05 if n < 300 else 0.035), gaps
    assert np.mean(better) < 0.65, better


def test_growth_that_rises_is_followed_by_recent_rows():
    """Growth was rarer in the past: the mean of all rows is behind the truth by more than the models are."""
    one = made(600, 0, World(rises=0.4, churn=0.0))
    told = train_scope(Scope.HEALTH, None, one.train, only="linear").predict(one.test.matrix)  # type: ignore[arg-type]
    labels, truth = one.train.labels, one.portfolio(one.nrr)
    behind = truth - float(np.average(labels.ratio, weights=labels.starting))
    assert behind > 0.03
    assert abs(one.portfolio(told.nrr) - truth) < 0.85 * behind


# --- poor data


def many(n: int = 120) -> np.ndarray:
    """Ratios of accounts: some lost, some shrunk, some grown."""
    return np.select([np.arange(n) % 5 == 0, np.arange(n) % 5 == 1, np.arange(n) % 5 == 2], [0.0, 0.8, 1.3], 1.0)


POOR = {
    "no contraction at all": np.where(many() == 0.8, 1.0, many()),
    "no expansion at all": np.minimum(many(), 1.0),
    "nothing moves": np.ones(120),
    "nobody leaves": np.where(many() == 0, 1.0, many()),
    "one retained account": np.append(np.zeros(119), 1.2),
    "one retained account that stays as it is": np.append(np.zeros(119), 1.0),
    "one account": np.array([1.1]),
    "two accounts": np.array([0.0, 1.1]),
    "all sizes equal": many(),
    "everyone shrinks to almost nothing": np.full(120, 1e-9),
    "one account grows a hundredfold": np.append(many(119), 100.0),
    "everyone grows": np.full(120, 1.2),
    "sizes from tiny to large": 1 + np.logspace(-8, 2, 120),
}


@pytest.mark.parametrize("only", [None, "linear", "boosted", "base_rate"])
@pytest.mark.parametrize("ratio", POOR.values(), ids=POOR.keys())
def test_poor_data_give_finite_numbers_and_a_sensible_portfolio(ratio: np.ndarray, only: str | None):
    rows = rows_of(ratio)
    model = train_scope(Scope.HEALTH, None, rows, only=only)  # type: ignore[arg-type]
    found, attributed = model.predict(rows.matrix), model.attribute(rows.matrix)
    for name in Prediction.__dataclass_fields__:
        assert np.isfinite(getattr(found, name)).all(), name
    np.testing.assert_allclose(attributed.base_nrr + attributed.nrr.sum(axis=1), found.nrr, atol=1e-9)
    # A rate of few rows is drawn towards a half: what one account alone did is not certain to be repeated.
    near = 0.1 if len(ratio) > 2 else 0.3
    for told in (found.nrr, found.direct):
        assert np.minimum(ratio, 3.0).mean() - near <= told.mean() <= ratio.mean() + near


def test_one_account_that_grows_a_hundredfold_is_not_everyones_growth():
    """Of 120 accounts it alone would raise the portfolio by 0.83; it counts as growing by 0.6, twice the next."""
    rows = rows_of(POOR["one account grows a hundredfold"])
    found = train_scope(Scope.HEALTH, None, rows).predict(rows.matrix)  # type: ignore[arg-type]
    without = many(119).mean()
    for told in (found.nrr, found.direct):
        assert np.mean(told) == pytest.approx(without, abs=0.02)
