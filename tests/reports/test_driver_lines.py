"""What is said of a driver: share with its range, how far it held, and why it is not to be acted on."""

from __future__ import annotations

from dataclasses import replace

from leap.explanation.drivers import Driver
from leap.reports.quality import caution, held, share_line

DRIVER = Driver(
    group="usage", features=("a", "b"), label="Usage", share=0.31, direction="raises", stable=False, scope="health",
    actionable=False, id="a", rank=2, share_low=0.2, share_high=0.4, rank_low=1, rank_high=3, sign_folds=0.75,
    sign_draws=1.0, gain=0.01, gain_z=3.0, gain_q=0.001, why_not="its direction changed between periods",
)  # fmt: skip


def test_a_line_of_a_driver_has_its_share_range_and_reason():
    assert share_line(DRIVER) == "   31% [20%, 40%]  Usage (and 1 more)"
    assert caution(DRIVER) == " (do not act yet: its direction changed between periods)"
    assert caution(replace(DRIVER, stable=True, why_not=None)) == ""


def test_how_far_a_driver_held_says_only_what_is_known():
    assert held(DRIVER) == "rank 2 (1 to 3), same direction in 100% of draws, same direction in 75% of folds"
    assert held(replace(DRIVER, rank_low=2, rank_high=2, sign_folds=None, sign_draws=None)) == "rank 2"
