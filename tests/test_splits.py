"""Time is parted once: a label that was still open at the cutoff is knowledge of the future."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.splits import inner_folds, temporal_folds


def history(months: int, horizon: int = 12, grace_days: int = 0, accounts: int = 10) -> dict[str, np.ndarray]:
    """Monthly rows of accounts from 2020 on; those without a complete outcome at the end are marked."""
    dates = pd.date_range("2020-01-01", periods=months, freq="MS")
    known = dates + pd.DateOffset(months=horizon) + pd.Timedelta(days=grace_days)
    complete = np.asarray(known < dates[-1] + pd.Timedelta(days=1))
    return {
        "accounts": np.repeat(np.arange(accounts), months),
        "as_of": np.tile(dates.to_numpy(), accounts),
        "known_at": np.tile(known.to_numpy(), accounts),
        "complete": np.tile(complete, accounts),
    }


def folds_of(rows: dict[str, np.ndarray], trainable: np.ndarray | None = None):
    trained = rows["complete"] if trainable is None else trainable
    return temporal_folds(rows["as_of"], rows["known_at"], rows["complete"], trained)


@settings(max_examples=60, deadline=None)
@given(st.integers(14, 90), st.sampled_from([3, 6, 12]), st.integers(0, 60))
def test_no_training_label_is_still_open_at_the_cutoff(months, horizon, grace):
    rows = history(months, horizon, grace, accounts=2)
    for fold in folds_of(rows):
        cutoff = fold.cutoff.to_datetime64()
        assert (rows["known_at"][fold.train] <= cutoff).all()
        assert (rows["as_of"][fold.test] >= cutoff).all()
        assert rows["complete"][fold.test].all() and rows["complete"][fold.train].all()
        gap = rows["as_of"][fold.test].min() - rows["as_of"][fold.train].max()
        assert gap >= (rows["known_at"] - rows["as_of"])[fold.train].min()


def test_the_worked_example_of_the_module():
    """Horizon 12, from 2020-01-01, end of the data 2024-01-02: the last complete row is of 2023-01-01."""
    rows = history(49)
    folds = folds_of(rows)
    assert rows["as_of"][rows["complete"]].max() == np.datetime64("2023-01-01")
    assert max(rows["as_of"][folds[-1].test]) == np.datetime64("2023-01-01")
    for fold in folds:
        last_trained = rows["as_of"][fold.train].max()
        assert pd.Timestamp(last_trained) + pd.DateOffset(months=12) == fold.cutoff


def test_every_row_is_tested_at_most_once_and_folds_come_in_order_of_time():
    rows = history(72)
    folds = folds_of(rows)
    assert len(folds) == 4
    assert (np.sum([fold.test for fold in folds], axis=0) <= 1).all()
    assert [fold.cutoff for fold in folds] == sorted(fold.cutoff for fold in folds)


def test_accounts_leaving_already_are_tested_but_never_trained_on():
    rows = history(60)
    leaving = rows["accounts"] == 3
    for fold in folds_of(rows, rows["complete"] & ~leaving):
        assert not (fold.train & leaving).any()
        assert (fold.test & leaving).any()


def test_outer_folds_hold_all_accounts_as_in_use():
    rows = history(60)
    for fold in folds_of(rows):
        assert set(rows["accounts"][fold.test]) == set(rows["accounts"][fold.train])


@pytest.mark.parametrize("months", [13, 18, 19])
def test_a_history_that_cannot_be_parted_gives_no_fold(months: int):
    """Six months to train on, a horizon apart, and at least one to test."""
    assert folds_of(history(months, 12)) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(1, 60), st.sampled_from([3, 12]), st.integers(0, 2**31))
def test_inner_folds_share_no_account_and_are_purged(months, accounts, horizon, seed):
    rows = history(months, horizon, accounts=accounts)
    codes = np.random.default_rng(seed).choice(10_000, accounts, replace=False)[rows["accounts"]]
    for train, validation in inner_folds(codes, rows["as_of"], rows["known_at"]):
        assert not set(codes[train]) & set(codes[validation])
        span = rows["as_of"].max() - rows["as_of"].min()
        if span > 3 * (rows["known_at"] - rows["as_of"]).max():
            assert rows["known_at"][train].max() <= rows["as_of"][validation].min()


def test_inner_folds_validate_every_account_once():
    rows = history(60, accounts=40)
    pairs = inner_folds(rows["accounts"], rows["as_of"], rows["known_at"])
    assert len(pairs) == 4
    assert (np.sum([validation for _, validation in pairs], axis=0) <= 1).all()
    assert set(rows["accounts"]) == set().union(*(set(rows["accounts"][validation]) for _, validation in pairs))


def test_row_order_does_not_move_an_account_to_another_fold():
    rows = history(60, accounts=40)
    order = np.random.default_rng(0).permutation(len(rows["as_of"]))
    plain = inner_folds(rows["accounts"], rows["as_of"], rows["known_at"])
    mixed = inner_folds(rows["accounts"][order], rows["as_of"][order], rows["known_at"][order])
    for (train, validation), (train_mixed, validation_mixed) in zip(plain, mixed, strict=True):
        np.testing.assert_array_equal(train[order], train_mixed)
        np.testing.assert_array_equal(validation[order], validation_mixed)


def test_no_cutoff_lies_before_enough_is_known_if_a_fold_can_lie_after_it():
    as_of = np.repeat(pd.date_range("2020-01-01", "2024-01-01", freq="MS").to_numpy().astype("datetime64[us]"), 3)
    known_at = as_of + np.timedelta64(365, "D")
    everyone = np.ones(len(as_of), dtype=bool)
    usual = temporal_folds(as_of, known_at, everyone, everyone)
    later = temporal_folds(as_of, known_at, everyone, everyone, pd.Timestamp("2022-05-17"))
    assert usual[0].cutoff < pd.Timestamp("2022-05-17") <= later[0].cutoff
    assert later[-1].test.any() and all((known_at[fold.train] <= fold.cutoff.to_datetime64()).all() for fold in later)
    never = temporal_folds(as_of, known_at, everyone, everyone, pd.Timestamp("2030-01-01"))
    assert [fold.cutoff for fold in never] == [fold.cutoff for fold in usual]
