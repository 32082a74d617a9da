"""A new model beside the champion: compared on rows that neither was fitted on, and refused where it is worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leap.gate import Challenger, Check, Gate, Incumbent, gate_of_accounts
from leap.gate.comparison import compare
from leap.gate.incumbent import stranger
from leap.models.selection import MIN_EVENTS
from tests.gate.worlds import EARLY, LATE, NOISE, challenger, champion, only_accounts, raw, tables_until

Judge = Callable[..., Gate]


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return raw()


@pytest.fixture(scope="module")
def late(frames: dict[str, pd.DataFrame]) -> Challenger:
    """All features, all months."""
    return challenger(tables_until(frames, LATE))


@pytest.fixture(scope="module")
def early(frames: dict[str, pd.DataFrame]) -> Challenger:
    """The same recipe when half of the months were known."""
    return challenger(tables_until(frames, EARLY))


@pytest.fixture(scope="module")
def noise(frames: dict[str, pd.DataFrame]) -> Challenger:
    """All months, and only features that say nothing."""
    return challenger(tables_until(frames, LATE), NOISE)


@pytest.fixture(scope="module")
def early_noise(frames: dict[str, pd.DataFrame]) -> Challenger:
    return challenger(tables_until(frames, EARLY), NOISE)


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    def judged(new: Challenger, incumbent: Incumbent | None = None) -> Gate:
        new.bundle.save(tmp_path / f"bundle-{len(list(tmp_path.iterdir()))}")
        return gate_of_accounts(new, incumbent, sorted(tmp_path.iterdir())[-1])

    return judged


def row(gate: Gate, name: str) -> Check:
    (found,) = [check for check in gate.checks if check.check == name]
    return found


def names(gate: Gate) -> list[str]:
    return [check.check for check in gate.failed]


def test_a_refresh_is_compared_on_rows_after_the_champions_data_and_passes(
    judged: Judge, late: Challenger, early: Challenger
) -> None:
    gate = judged(late, champion(early))
    assert gate.passed, gate.reason
    assert gate.compared_with == "7"
    for name in ("brier", "log_loss", "auc", "nrr_account_error", "portfolio_error"):
        found = row(gate, f"champion.{name}")
        assert found.ours is not None and found.theirs is not None and found.low is not None and found.high is not None
        assert found.low <= found.ours - found.theirs <= found.high
    assert "rows dated after its data (2023-01-02)" in row(gate, "champion").words


def test_the_same_later_rows_are_those_that_neither_model_was_fitted_on(late: Challenger, early: Challenger) -> None:
    found = compare(late.tables, late.frame, late.found, late.bundle, early.bundle)
    assert found.way == "direct"
    rows = late.found.rows[found.keep]
    assert (late.frame.rows.as_of[rows] >= np.datetime64(EARLY)).all()
    assert not late.found.leaving[found.keep].any()
    # The champion answers with its own predictions of just these rows.
    expected = early.bundle.health.predict(
        early.bundle.health.encoder.encode(late.frame.features)
    ).p[rows]  # fmt: skip
    np.testing.assert_allclose(found.theirs["p"], expected, atol=1e-12)
    # The new one with models that knew no outcome after the row's date, but at least what the champion knew.
    cut = np.array([np.datetime64(cutoff, "us") for cutoff in late.found.cutoffs])
    own = late.found.fold[found.keep]
    kept = cut[own] >= np.datetime64(EARLY)
    np.testing.assert_array_equal(found.ours["p"][kept], late.found.prediction.p[found.keep][kept])


def test_a_model_of_noise_does_not_replace_a_good_champion_of_the_same_data(
    judged: Judge, noise: Challenger, late: Challenger
) -> None:
    gate = judged(noise, champion(late))
    assert "was refitted in the same folds" in row(gate, "champion").words
    assert {"champion.brier", "champion.auc"} <= set(names(gate))
    found = row(gate, "champion.auc")
    assert found.ours is not None and found.theirs is not None and found.theirs > found.ours + 0.1
    assert f"{found.theirs:.4g}" in str(gate.reason)


def test_a_model_of_noise_does_not_replace_a_good_champion_of_earlier_data(
    judged: Judge, noise: Challenger, early: Challenger
) -> None:
    gate = judged(noise, champion(early))
    assert "rows dated after its data" in row(gate, "champion").words
    assert {"champion.brier", "champion.auc"} <= set(names(gate))


def test_a_good_model_replaces_a_champion_of_noise(
    judged: Judge, late: Challenger, noise: Challenger, early_noise: Challenger
) -> None:
    for old in (noise, early_noise):
        gate = judged(late, champion(old))
        assert gate.passed, gate.reason
        assert row(gate, "champion.auc").words.endswith(": better.")


def test_an_equal_refresh_on_the_same_data_passes_as_one(judged: Judge, late: Challenger) -> None:
    gate = judged(late, champion(late))
    assert gate.passed, gate.reason
    words = row(gate, "champion").words
    assert f"0 accounts churned in rows after its data (2024-07-02); {MIN_EVENTS} are needed" in words
    assert "a refresh" in words


def test_an_equal_model_is_no_reason_to_undo_a_promotion_made_meanwhile(judged: Judge, late: Challenger) -> None:
    gate = judged(late, champion(late, meanwhile=True))
    assert names(gate) == ["champion"]
    assert "promoted meanwhile" in row(gate, "champion").words


def test_a_better_model_replaces_one_promoted_meanwhile(judged: Judge, late: Challenger, noise: Challenger) -> None:
    assert judged(late, champion(noise, meanwhile=True)).passed


def test_a_model_of_a_quarter_of_the_accounts_does_not_replace_one_of_all(
    judged: Judge, late: Challenger, frames: dict[str, pd.DataFrame]
) -> None:
    few = challenger(tables_until(only_accounts(frames, 0.25), LATE))
    gate = judged(few, champion(late))
    assert "champion" in names(gate)
    found = row(gate, "champion")
    assert found.ours is not None and found.theirs is not None and found.ours < 0.5 * found.theirs
    assert judged(late, champion(few)).passed


def test_a_model_of_older_data_does_not_replace_one_of_newer(
    judged: Judge, late: Challenger, early: Challenger
) -> None:
    gate = judged(early, champion(late))
    assert "champion" in names(gate)
    assert "older data (until 2023-01-02, the champion's until 2024-07-02)" in row(gate, "champion").words


def test_another_companys_champion_is_never_compared_with(judged: Judge, noise: Challenger, late: Challenger) -> None:
    gate = judged(noise, champion(late, company="Bolt"))
    assert gate.compared_with is None
    assert [check.check for check in gate.checks if check.check.startswith("champion")] == ["champion"]
    found = row(gate, "champion")
    assert found.passed and found.theirs is None and "another company (Bolt)" in found.words
    # It is not loaded either.
    assert row(judged(late, Incumbent("7", "Bolt", None)), "champion").passed


def test_unnamed_companies_are_told_apart_by_their_features(late: Challenger, noise: Challenger) -> None:
    unnamed = champion(late, company="Company")
    assert stranger(unnamed, "Company", late.bundle.catalog) is None
    others = replace(late.bundle.catalog.features[0], name="of_another_table")
    catalog = type(late.bundle.catalog)((others,))
    assert "other tables" in str(stranger(unnamed, "Company", catalog))
    # A name that was given is enough.
    assert stranger(champion(late), "Planted", catalog) is None


def test_a_champion_that_cannot_be_loaded_is_named_and_not_compared_with(judged: Judge, late: Challenger) -> None:
    gate = judged(late, Incumbent("7", "Planted", None, "bundle.json: missing key(s) ['quality']."))
    assert gate.passed and gate.compared_with is None
    assert "cannot be loaded (bundle.json: missing key" in row(gate, "champion").words


def test_an_outcome_defined_otherwise_leaves_only_the_skill_at_training(
    judged: Judge, noise: Challenger, late: Challenger
) -> None:
    other = replace(late.bundle, trained={**late.bundle.trained, "definition_hash": "another"})
    gate = judged(noise, Incumbent("7", "Planted", other))
    assert "defined otherwise" in row(gate, "champion").words
    assert "champion.auc_at_training" in names(gate)


def test_features_that_cannot_be_built_any_more_leave_only_the_skill_at_training(
    late: Challenger, noise: Challenger
) -> None:
    lost = replace(noise.tables, tables={k: v for k, v in noise.tables.tables.items() if k != "usage"})
    found = compare(lost, noise.frame, noise.found, noise.bundle, late.bundle)
    assert (found.way, found.on_rows) == ("figures", False)


def test_the_order_of_the_rows_of_the_tables_changes_nothing(
    judged: Judge, late: Challenger, early: Challenger
) -> None:
    frames = {name: frame.sample(frac=1, random_state=1) for name, frame in raw().items()}
    shuffled = challenger(tables_until({k: v.reset_index(drop=True) for k, v in frames.items()}, LATE))

    def table(gate: Gate) -> list[Check]:
        return [check for check in gate.checks if check.check != "latency"]

    assert table(judged(shuffled, champion(early))) == table(judged(late, champion(early)))
