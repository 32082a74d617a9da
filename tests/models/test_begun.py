"""Rows whose outcome has only begun to show: known at the cutoff, never retained, read by when accounts usually leave."""

import numpy as np
import pandas as pd
import pytest

from leap.features import discover_features
from leap.models.begun import Begun, _gone_after
from leap.models.composition import train_scope
from leap.models.frames import ScopeFrame, health_frame
from leap.outcomes import observe
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables
from tests.worlds import company_of, subscription

ACCOUNTS = 120
DECLARED = {"columns": {"mrr": {"label": "Price"}}}


def month(number: int) -> str:
    return f"{pd.Timestamp('2020-01-01') + pd.DateOffset(months=number):%Y-%m-%d}"


def company(ends: dict[int, int], until: int = 36, horizon: int = 12) -> AccountTables:
    """120 accounts since 2020; `ends` are account number -> month in which it leaves."""
    rows = [
        subscription(
            f"a{i:03}", "2020-01-01", month(ends[i]) if i in ends and ends[i] < until else None, mrr=100 + i % 7
        )
        for i in range(ACCOUNTS)
    ]
    rows.append(subscription("z", "2020-01-01", month(until)))
    return company_of(rows, f"{month(until)[:8]}02", revenue=DECLARED, outcome={"horizon_months": horizon})


def frame_of(tables: AccountTables) -> ScopeFrame:
    return health_frame(tables, discover_features(tables))


def evenly(first: int = 1, last: int = 36) -> dict[int, int]:
    """Every third account leaves, one after the other over the months."""
    return {i: first + (i * 7) % (last - first) for i in range(0, ACCOUNTS, 3)}


def test_open_rows_are_less_than_a_horizon_old_and_none_has_an_outcome():
    frame = frame_of(company(evenly()))
    now = frame.open_now
    assert now is not None
    assert now.as_of.min() > np.datetime64("2022-01-01") and now.as_of.max() < np.datetime64("2022-12-31")
    assert (now.as_of > frame.rows.as_of.max()).all()
    assert ((now.share > 0) & (now.share < 1)).all()


def test_who_is_gone_by_the_end_is_gone_and_the_others_have_not_been_counted_as_retained():
    ends = {i: 33 for i in range(0, 40)} | evenly(1, 20)
    frame = frame_of(company(ends))
    now = frame.open_now
    late = now.as_of == np.datetime64("2022-08-01")
    left = {i for i, end in ends.items() if end == 33}
    assert now.gone[late].sum() == len(left) + 1, "and the one whose term ends with the data"
    assert now.gone.mean() < 1 and set(np.unique(now.gone)) == {0.0, 1.0}


def test_what_happens_after_a_cutoff_changes_nothing_of_what_was_open_at_it():
    before = evenly(1, 26)
    after = {i: 27 + i % 8 for i in range(1, ACCOUNTS, 3)}
    quiet, turbulent = frame_of(company(before, until=36)), frame_of(company(before | after, until=36))
    fold = next(k for k, f in enumerate(quiet.folds) if f.cutoff <= pd.Timestamp(month(24)))
    cutoff = quiet.folds[fold].cutoff
    other = [f.cutoff for f in turbulent.folds].index(cutoff)
    one, two = quiet.open_at_folds[fold], turbulent.open_at_folds[other]
    np.testing.assert_array_equal(one.gone, two.gone)
    np.testing.assert_allclose(one.share, two.share)
    np.testing.assert_array_equal(one.as_of, two.as_of)


def test_the_share_that_has_gone_is_counted_from_rows_whose_outcome_is_known_and_drawn_to_even_leaving():
    """Of 60 rows that churned 30 went in the first month and 30 in the last: with 20 that left evenly beside them."""
    tables = company(evenly())
    frame = frame_of(tables)
    n = len(frame.rows.accounts)
    after = np.zeros(n, dtype=np.int64)
    after[:30], after[30:60], after[60:90] = 1, 12, 6
    shown = Begun(tables, frame.snapshots, frame.rows.matrix, frame.rows.known_at, np.zeros(n, dtype=bool), after)
    share = shown._share_gone(np.arange(n) < 60)
    assert share[0] == 0 and share[12] == 1
    assert share[6] == pytest.approx((30 + 20 * 6 / 12) / 80)


def test_when_an_account_had_gone_is_the_month_after_it_paid_last():
    """Leaving on 1 July, the row of 1 March still pays three months later and no longer after four; a gap is no end."""
    rows = [subscription(f"a{i}", "2020-01-01", None) for i in range(30)]
    rows += [subscription("left", "2020-01-01", "2021-07-01"), subscription("gap", "2020-01-01", "2021-04-10")]
    rows += [subscription("gap", "2021-05-20", "2021-12-15")]
    tables = company_of(rows, "2023-01-02", revenue=DECLARED)
    snapshots = customer_snapshots(tables, [pd.Timestamp("2021-03-01")])
    outcomes = observe(tables, snapshots)
    found = dict(zip(snapshots.rows["account_id"], _gone_after(tables, snapshots, outcomes), strict=True))
    assert (found["left"], found["gap"], found["a0"]) == (4, 10, 0)


def test_a_rate_that_has_doubled_lately_raises_what_is_expected():
    steady = {i: 1 + (i * 5) % 34 for i in range(0, ACCOUNTS, 2)}
    rising = steady | {i: 28 + i % 8 for i in range(1, ACCOUNTS, 4)}
    expected = []
    for ends in (steady, rising):
        frame = frame_of(company(ends))
        model = train_scope(frame.scope, frame.encoder, frame.trainable, only="base_rate")
        expected.append(float(model.predict(frame.rows.matrix[:1]).p[0]))
    assert expected[1] > expected[0] * 1.3, expected


def test_a_fold_waits_until_enough_accounts_have_churned_to_fit_a_model():
    """Five churn in the first two years, then two a month: a cutoff before the twentieth would only have a base rate."""
    ends = {i: 5 * (i + 1) for i in range(5)} | {i: 25 + (i - 5) // 2 for i in range(5, 75)}
    frame = frame_of(company(ends, until=60))
    for fold in frame.folds:
        rows = frame.rows.where(fold.train)
        assert len(np.unique(rows.accounts[rows.labels.churned == 1])) >= 20
    assert frame.folds
