"""Drivers of a flat table: planted ones hold, in other accounts or in later rows; what means nothing does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leap.bundle.found_drivers import flat_drivers
from leap.explanation.drivers import Driver
from leap.explanation.groups import Groups
from leap.flat.frame import flat_frame
from leap.flat.judging import predict_folds
from leap.flat.model import fit_model
from leap.flat.rows import flat_rows
from tests.flat.conftest import TrainedFlat
from tests.flat.worlds import customers, panel, tables_of


def with_noise(table: pd.DataFrame, columns: int = 10, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    noise = {f"noise_{i}": rng.normal(size=len(table)).round(3).astype(str) for i in range(columns)}
    return table.assign(**noise)


def drivers_in(table: pd.DataFrame, only: str | None = None) -> dict[str, Driver]:
    frame = flat_frame(flat_rows(tables_of(table), until_given=False))
    model = fit_model(frame.outcome, frame.encoder, frame.rows, only=only)
    found = flat_drivers(frame, model, predict_folds(frame), Groups.of(frame.features))
    return {driver.features[0]: driver for driver in found}


def test_planted_drivers_come_first_and_hold_in_other_accounts():
    found = drivers_in(with_noise(customers(400)))
    assert list(found)[:2] == ["usage", "plan"]
    assert found["usage"].stable and found["usage"].direction == "lowers"
    assert found["plan"].stable and found["plan"].direction == "mixed"
    assert not any(driver.stable for name, driver in found.items() if name.startswith("noise"))


def test_a_planted_driver_holds_in_later_rows():
    found = drivers_in(with_noise(panel(120), columns=4))
    assert next(iter(found)) == "usage"
    assert found["usage"].stable
    assert all("later rows" in str(driver.why_not) for driver in found.values() if not (driver.gain or 0) > 0)
    assert not any(driver.stable for name, driver in found.items() if name.startswith("noise"))


def test_shuffled_outcomes_leave_no_stable_driver():
    table = with_noise(customers(400))
    dealt = table["churned"].sample(frac=1, random_state=3).to_numpy()
    found = drivers_in(table.assign(churned=dealt), only="linear")
    assert found and not any(driver.stable for driver in found.values())


def test_drivers_of_a_number_hold_too(number: TrainedFlat):
    usage = number.bundle.drivers[0]
    assert usage.features == ("usage",)
    assert usage.stable and usage.direction == "raises"
    assert usage.gain == pytest.approx(0.25, abs=0.2)


def test_groups_of_a_flat_table_are_kept_with_its_drivers(linear: TrainedFlat):
    groups = linear.bundle.groups
    assert sorted(name for part in groups.parts for name in part) == sorted(linear.bundle.catalog.names)
    assert all(set(driver.features) == set(groups.members(driver.id)) for driver in linear.bundle.drivers)
