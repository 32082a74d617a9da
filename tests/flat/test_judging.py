"""What a flat table's model may claim: folds that share nothing, planted signal found, noise declined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import NotEnoughData
from leap.flat.frame import FlatFrame, flat_frame
from leap.flat.judging import FlatQuality, judge, predict_folds
from leap.flat.model import fit_model
from leap.flat.rows import flat_rows, known_at
from tests.flat.conftest import TrainedFlat
from tests.flat.worlds import customers, panel, tables_of


def frame_of(table: pd.DataFrame, **more: Any) -> FlatFrame:
    return flat_frame(flat_rows(tables_of(table, **more), until_given=False))


def judged(table: pd.DataFrame, **more: Any) -> FlatQuality:
    return judge(predict_folds(frame_of(table, **more)))


# --- folds


def test_folds_of_undated_rows_are_of_other_accounts_and_each_row_is_tested_once() -> None:
    frame = frame_of(customers())
    assert frame.held == "out_of_sample" and len(frame.folds) == 5
    for fold in frame.folds:
        assert not set(frame.rows.accounts[fold.train]) & set(frame.rows.accounts[fold.test])
    assert (sum(fold.test.astype(int) for fold in frame.folds) == 1).all()


def test_copies_of_a_row_stay_in_one_fold_count_once_and_are_said() -> None:
    """A table balanced by repeating those who left: no copy is tested by a model that has seen it."""
    table = customers(250).drop_duplicates("usage")
    left = table[table["churned"] == "1"]
    copies = [left.assign(account_id=left["account_id"] + f"-copy{k}") for k in range(3)]
    once, often = judged(table), judged(pd.concat([table, *copies]))
    frame = frame_of(pd.concat([table, *copies]))
    usage = frame.features.frame["usage"].to_numpy()
    for fold in frame.folds:
        assert not set(usage[fold.train]) & set(usage[fold.test])
    assert frame.rows.n_accounts == len(table) and often.figures.n_accounts == len(table) + 3 * len(left)
    (warning,) = [note for note in frame.notes if "repeat another row" in note]
    assert warning.startswith(f"Warning: {3 * len(left)} of ") and "balance" in warning
    widths = [found.figures.metrics["auc"].high - found.figures.metrics["auc"].low for found in (once, often)]
    assert widths[1] > 0.8 * widths[0]
    assert often.figures.metrics["auc"].value < once.figures.metrics["auc"].value + 0.03


def test_equal_rows_of_few_values_are_coincidence_and_not_copies() -> None:
    table = customers(250).assign(usage=lambda t: t["usage"].astype(float).round(0).astype(str))
    frame = frame_of(table, columns={"usage": {}, "plan": {}})
    assert frame.rows.n_accounts == 250 and not [note for note in frame.notes if "repeat" in note]


def test_an_account_more_moves_no_other_account_to_another_fold() -> None:
    def dealt(table: pd.DataFrame) -> dict[str, str]:
        rows = flat_rows(tables_of(table), until_given=False)
        return {rows.keys[i]: fold.name for fold in flat_frame(rows).folds for i in np.flatnonzero(fold.test)}

    every, fewer = dealt(customers(200)), dealt(customers(200)[50:])
    assert fewer.items() <= every.items()


def test_folds_in_time_train_only_on_outcomes_known_at_their_cutoff() -> None:
    frame = frame_of(panel(60))
    assert frame.held == "out_of_time"
    for fold in frame.folds:
        cutoff = np.datetime64(fold.name)
        assert (frame.rows.known_at[fold.train] <= cutoff).all() and fold.train.any()
        assert (frame.rows.as_of[fold.test] >= cutoff).all() and fold.test.any()


def test_an_outcome_is_known_a_horizon_after_its_row() -> None:
    tables = tables_of(panel(30))
    at = np.array(["2024-08-31", "2024-01-01"], dtype="datetime64[us]")
    assert known_at(at, tables.settings).astype("datetime64[D]").astype(str).tolist() == ["2025-02-28", "2024-07-01"]


def test_too_few_dates_for_a_fold_in_time_fall_back_to_accounts_and_say_so() -> None:
    frame = frame_of(panel(60, months=6))
    assert frame.held == "out_of_sample"
    (warning,) = [note for note in frame.notes if note.startswith("Warning")]
    assert "2022-01-01 to 2022-06-01" in warning and "out_of_sample" in warning


def test_a_table_without_dates_warns_that_nothing_is_claimed_about_later_times(linear: TrainedFlat) -> None:
    (warning,) = [note for note in linear.bundle.trained["notes"] if note.startswith("Warning")]
    assert "no dates" in warning and "out_of_sample" in warning and "no claim about" in warning
    assert linear.bundle.trained["notes"][0] == warning


def test_outcomes_filled_in_before_their_horizon_is_over_are_said() -> None:
    frame = frame_of(panel(60))
    (note,) = [note for note in frame.notes if "filled in" in note]
    assert note.startswith("360 outcomes")  # six dates of sixty accounts, of which the last date is one
    assert not [note for note in frame_of(customers()).notes if "filled in" in note]


# --- claims


def test_planted_signal_is_found_with_honest_figures(linear: TrainedFlat) -> None:
    quality = linear.quality
    auc, skill = quality.figures.metrics["auc"], quality.figures.metrics["brier_skill"]
    assert quality.claimed and quality.held == "out_of_sample"
    assert 0.7 < auc.low < auc.value < auc.high < 0.9 and auc.baseline == 0.5 and skill.low > 0
    assert set(quality.figures.linear_baseline) == {"auc", "brier"}
    assert 0.6 < quality.figures.calibration["slope"] < 1.6
    predicted, observed = (quality.figures.calibration[name] for name in ("mean_predicted", "mean_observed"))
    assert predicted == pytest.approx(observed, abs=0.03)
    assert {driver.features[0] for driver in linear.bundle.drivers[:2]} == {"usage", "plan"}


def test_planted_signal_of_a_number_is_found(number: TrainedFlat) -> None:
    figures = number.quality.figures.metrics
    assert number.quality.claimed and figures["r2"].low > 0.2
    assert figures["mae"].value < figures["mae"].baseline
    assert number.quality.outcomes_json()["spend"]["n_events"] is None
    assert number.bundle.drivers[0].features == ("usage",)


def test_planted_signal_is_found_out_of_time() -> None:
    quality = judged(panel(120))
    assert quality.claimed and quality.held == "out_of_time"
    assert 0.75 < quality.figures.metrics["auc"].value < 0.9
    assert all(fold["cutoff"] for fold in quality.folds)


@pytest.mark.parametrize("more", [{}, {"outcome": "spend", "outcome_kind": "number"}])
def test_pure_noise_is_declined_with_what_would_be_needed(more: dict[str, Any]) -> None:
    quality = judged(customers(250, seed=11, strength=0.0), **more)
    assert not quality.claimed
    assert quality.reason is not None and "accounts" in quality.reason and "would" in quality.reason


def test_few_events_are_declined_before_anything_is_fitted() -> None:
    table = customers(300)
    table["churned"] = ["1"] * 19 + ["0"] * 281
    with pytest.raises(NotEnoughData, match="19 of 300 accounts.*at least 20"):
        frame_of(table)
    with pytest.raises(NotEnoughData, match="no row has a known outcome"):
        frame_of(table.assign(churned=""))
    with pytest.raises(NotEnoughData, match="no column that can be a feature varies.*declared: none"):
        frame_of(customers(), columns={})
    with pytest.raises(NotEnoughData, match="no column that can be a feature varies"):
        frame_of(customers().assign(plan="pro"), columns={"plan": {}})
    table["spend"] = ["5"] * 19 + ["0"] * 281
    with pytest.raises(NotEnoughData, match="19 of 300 accounts"):
        frame_of(table, outcome="spend", outcome_kind="number")


def test_rows_repeated_every_month_narrow_no_interval() -> None:
    """Twelve equal rows an account are one account."""
    table = customers(150)
    dates = [f"2024-{month:02d}-01" for month in range(1, 13)]
    once = judged(table)
    often = judged(pd.concat([table.assign(at=date) for date in dates]), columns={c: {} for c in ("usage", "plan")})
    assert often.held == "out_of_sample" and often.figures.n_accounts == once.figures.n_accounts
    widths = [found.figures.metrics["auc"].high - found.figures.metrics["auc"].low for found in (once, often)]
    assert widths[1] > 0.7 * widths[0]


# --- what may not matter


def coefficients(table: pd.DataFrame) -> list[float]:
    frame = frame_of(table)
    model = fit_model(frame.outcome, frame.encoder, frame.rows, only="linear")
    return [*model.component.learner.to_json()["coefficient"], model.component.calibration.intercept]


def test_rows_without_an_outcome_are_never_trained_on() -> None:
    """Poisoned rows change no coefficient, no fold and no figure."""
    table = customers(250)
    poison = customers(120, seed=9).assign(
        account_id=[f"0poison{i}" for i in range(120)], usage="-1e6", seats="1e9", plan="poison", autopay="", churned=""
    )
    with_poison = pd.concat([poison, table])
    assert coefficients(with_poison) == coefficients(table)
    clean, poisoned = judged(table), judged(with_poison)
    assert clean.figures == poisoned.figures and clean.folds == poisoned.folds


def test_the_order_of_rows_changes_nothing() -> None:
    table = customers(250)
    shuffled = table.sample(frac=1, random_state=3)
    assert coefficients(shuffled) == coefficients(table)
    assert judged(shuffled).figures == judged(table).figures


def test_tuning_sees_only_the_rows_of_its_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of(customers(250))
    seen: list[set[int]] = []
    from leap.flat import model

    def spy(rows: Any, trials: int, seed: int) -> None:
        seen.append(set(rows.accounts.tolist()))

    monkeypatch.setattr(model, "tune", spy)
    predict_folds(frame, trials=3)
    assert seen == [set(frame.rows.accounts[fold.train].tolist()) for fold in frame.folds]


# --- real tables


@pytest.mark.slow
@pytest.mark.needs_data
@pytest.mark.parametrize("copies", [0, 2])
def test_telco_is_told_as_well_as_it_honestly_can_be(shared_data: Path, copies: int) -> None:
    """Five folds give an AUC of about 0.845; more than 0.88 comes of copies on both sides of a fold."""
    raw = pd.read_csv(shared_data / "telco_churn" / "Telco-Customer-Churn.csv", dtype=str)
    left = raw[raw["Churn"] == "Yes"]
    table = pd.concat([raw, *(left.assign(customerID=left["customerID"] + str(k)) for k in range(copies))])
    columns = {name: {} for name in raw.columns if name not in ("customerID", "Churn", "gender")}
    quality = judged(table, key="customerID", outcome="Churn", outcome_positive="Yes", columns=columns)
    assert 0.83 < quality.figures.metrics["auc"].value < 0.865
    assert 0.9 < quality.figures.calibration["slope"] < 1.1


# --- tables that were made to look better than they are


def test_a_table_that_is_half_and_half_is_told_from_one_that_is_not() -> None:
    table = customers(400, seed=2)
    left, stayed = table[table["churned"] == "1"], table[table["churned"] == "0"]
    balanced = pd.concat([left, stayed.head(len(left))])
    (said,) = [note for note in frame_of(balanced).notes if "exactly half" in note]
    assert "churned = true" in said
    assert not any("exactly half" in note for note in frame_of(table).notes)


def test_rows_that_are_alike_but_differ_in_what_followed_are_no_copies() -> None:
    table = customers(400, seed=2)
    table = table.assign(usage=[str(i % 110) for i in range(400)], plan="pro", autopay="true", seats="5")
    assert not any("repeat another row" in note for note in frame_of(table).notes)
    once = table.assign(usage=[str(i) for i in range(400)])
    twice = pd.concat([once, once.assign(account_id="again " + once["account_id"])])
    assert any("400 of 800 rows repeat another row" in note for note in frame_of(twice).notes)


def test_more_skill_than_what_lies_ahead_allows_is_warned_of() -> None:
    found = judged(customers(300, seed=3, strength=5.0))
    assert found.figures.metrics["auc"].value > 0.9
    assert any("is more than what lies ahead usually allows" in warning for warning in found.warnings)
    assert not any("lies ahead" in warning for warning in judged(customers(300, seed=3)).warnings)


def test_a_won_outcome_is_spoken_of_as_won() -> None:
    table = customers(200, seed=11, strength=0.0).rename(columns={"churned": "won"})
    quality = judged(table, outcome="won", columns={name: {} for name in ("usage", "seats", "plan")})
    assert not quality.claimed and "accounts with won = true" in str(quality.reason)
    assert "churn" not in str(quality.reason)


def test_outcomes_of_another_kind_are_refused_with_how_many() -> None:
    table = customers(60).assign(churned="Yes")
    with pytest.raises(NotEnoughData, match="60 of 60 rows were refused by the checks"):
        frame_of(table, outcome_kind="number")
