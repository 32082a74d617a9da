"""What selection is worth at the sizes that companies have: never worse than the base rate, near the better learner.

The probabilities of simulated companies are known, so that a loss is measured against the truth and not by few outcomes.
"""

import numpy as np
import pytest

from leap.metrics import auc, calibration_slope
from leap.models.calibration import log_odds
from leap.models.selection import train
from tests.models.simulated import LogHazard, Simulated, line, nothing, simulate, steps, weak

pytestmark = pytest.mark.slow


def lost(company: Simulated) -> tuple[float, np.ndarray]:
    """How much more than the base rate the choice loses (mean squared distance to the truth), and what it says."""
    said = train(company.past).predict(company.matrix)
    rate = train(company.past, only="base_rate").predict(company.matrix)
    return float(((said - company.truth) ** 2).mean() - ((rate - company.truth) ** 2).mean()), said


@pytest.mark.parametrize("accounts", [150, 300])
@pytest.mark.parametrize("truth", [line, steps, weak, nothing])
def test_small_companies_lose_nothing_against_the_base_rate(truth: LogHazard, accounts: int):
    companies = [simulate(truth, accounts, seed) for seed in range(20)]
    found = [lost(company) for company in companies]
    losses = np.array([loss for loss, _ in found])
    # Where there is nothing the claim is refused; what is said until then costs little.
    assert losses.mean() <= (0.0012 if truth is nothing else 0.0), losses
    assert (losses > 0.002).sum() <= (3 if truth is nothing else 1), losses
    if truth is line:
        said = np.concatenate([p for _, p in found])
        true = np.concatenate([company.truth for company in companies])
        # Shown beside a failure: the slope on the truth itself, which few events do not blur.
        slope = np.polyfit(log_odds(said), log_odds(true), 1)[0]
        outcomes = np.concatenate([company.outcome for company in companies])
        assert 0.7 < calibration_slope(outcomes, said, np.ones(len(said))) < 1.5, slope


@pytest.mark.parametrize("truth", [line, steps])
def test_of_a_thousand_accounts_the_choice_is_as_good_as_the_better_of_line_and_trees(truth: LogHazard):
    behind = []
    for seed in range(6):
        company = simulate(truth, 1000, seed)
        one = np.ones(len(company.outcome))
        chosen, straight, trees = (
            auc((company.truth > np.quantile(company.truth, 0.8)).astype(float), found.predict(company.matrix), one)
            for found in (train(company.past), train(company.past, only="linear"), train(company.past, only="boosted"))
        )
        behind.append(max(straight, trees) - chosen)
    assert np.mean(behind) < 0.02 and max(behind) < 0.04, behind


def test_clones_of_a_driver_cost_nothing():
    with_clones = [lost(simulate(line, 300, seed, clones=6))[0] for seed in range(6)]
    assert np.mean(with_clones) < -0.005, with_clones
