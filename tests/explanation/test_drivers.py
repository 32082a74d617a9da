"""The driver the world was built on comes first; noise does not."""

import numpy as np
import pytest

from leap.explanation.drivers import Driver, drivers, fit_driver_order
from leap.features import FeatureFrame
from leap.models.composition import train_scope
from leap.models.encoding import Encoder
from tests.worlds import TrainedWorld


def test_the_planted_driver_comes_first(planted: TrainedWorld):
    first = planted.bundle.drivers[0]
    assert first.group == "usage"
    assert first.direction == "raises"
    assert first.stable


def test_the_other_planted_drivers_stand_before_noise(planted: TrainedWorld):
    share = {driver.group: driver.share for driver in planted.bundle.drivers}
    noise = max(share.get("favourite_number", 0.0), share.get("region", 0.0))
    assert share["employees"] > noise
    assert share["industry"] > noise


@pytest.mark.parametrize("kind", ["linear", "boosted"])
def test_the_planted_driver_comes_first_for_every_learner(kind: str, planted: TrainedWorld):
    health = planted.health
    model = train_scope(health.scope, health.encoder, health.trainable, only=kind)
    assert drivers(model, planted.found.models, health.latest())[0].group == "usage"


def test_shares_add_up_and_are_sorted(planted: TrainedWorld):
    shares = [driver.share for driver in planted.bundle.drivers]
    assert shares == sorted(shares, reverse=True)
    assert 0.9 < sum(shares) <= 1 + 1e-9


def test_features_that_say_the_same_are_one_driver(planted: TrainedWorld):
    """Usage of 28 and of 91 days would each look half as important as usage is."""
    of_usage = [driver for driver in planted.bundle.drivers if any("usage" in name for name in driver.features)]
    assert len(of_usage) == 1
    every = [name for driver in planted.bundle.drivers for name in driver.features]
    assert len(every) == len(set(every))


def test_a_direction_that_folds_do_not_share_is_not_to_be_acted_on(planted: TrainedWorld):
    """The same drivers, judged by folds in which every contribution is turned around."""
    health = planted.health
    turned = health.features.frame.copy()
    turned["usage_count_91d"] = -turned["usage_count_91d"]
    turned["usage_count_28d"] = -turned["usage_count_28d"]
    frame = FeatureFrame(turned, health.features.catalog, health.features.observed_late)
    encoder = Encoder.fit(frame, health.rows.accounts)
    opposite = train_scope(health.scope, encoder, health.trainable, only="base_rate")
    found = drivers(planted.model, [opposite] * 4, health.latest())
    assert not any(driver.stable for driver in found)


def test_only_fit_features_are_offered_to_the_icp_search(planted: TrainedWorld):
    order = fit_driver_order(planted.fit_model, planted.fit.rows.matrix)
    assert all(str(feature.scope) == "fit" for feature, _ in order)
    strengths = [strength for _, strength in order]
    assert strengths == sorted(strengths, reverse=True)


def test_a_model_that_knows_nothing_has_no_drivers(planted: TrainedWorld):
    health = planted.health
    blank = train_scope(health.scope, health.encoder, health.trainable, only="base_rate")
    assert drivers(blank, [blank], health.latest()) == []


def test_a_driver_survives_being_stored(planted: TrainedWorld):
    for driver in planted.bundle.drivers:
        assert Driver.from_json(driver.to_json()) == driver
        assert np.isfinite(driver.share)
