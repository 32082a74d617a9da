"""A backtest judges each fold by itself, and says nothing before an event that was not known by then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap import metrics
from leap.config import parse_settings
from leap.evaluation import predict_folds
from leap.evaluation.backtest import predict_as_known
from leap.evaluation.fold_figures import drift_of_skill, fold_figures, fold_spans
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.said_before import LEADS, SaidBefore, said_before, said_by_predictions
from leap.evaluation.said_summary import summarised
from leap.features import discover_features
from leap.models.frames import ScopeFrame, health_frame
from leap.tables import AccountTables, assemble
from tests.worlds import MONTHS_FROM, PLANTED_SETTINGS, TrainedWorld, planted_frames

MONTHS = 30
UNTIL = MONTHS_FROM + pd.DateOffset(months=MONTHS) + pd.Timedelta(days=1)


def tables_of(frames: dict[str, pd.DataFrame]) -> AccountTables:
    return assemble(parse_settings(PLANTED_SETTINGS), frames, [], f"{UNTIL:%Y-%m-%d}")


def looked_back(tables: AccountTables) -> tuple[ScopeFrame, OutOfTime, SaidBefore]:
    frame = health_frame(tables, discover_features(tables))
    found = predict_as_known(tables, frame)
    return frame, found, said_before(tables, frame, found)


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    return planted_frames(220, MONTHS, prospects=0, seed=1)


@pytest.fixture(scope="module")
def world(raw: dict[str, pd.DataFrame]) -> tuple[ScopeFrame, OutOfTime, SaidBefore]:
    return looked_back(tables_of(raw))


# --- what was said before


def test_what_judged_predictions_said_is_what_their_model_says_on_that_day(
    raw: dict[str, pd.DataFrame], world: tuple[ScopeFrame, OutOfTime, SaidBefore]
) -> None:
    """Read off the predictions out of time, without scoring anything: the probability and the rank of that very row."""
    frame, _, _ = world
    tables = tables_of(raw)
    found = predict_folds(frame)
    said = said_by_predictions(tables, frame, found).rows
    assert len(said) > 20 and set(said["at_days"]) <= set(LEADS) and set(said["outcome"]) == {"churn"}
    codes = {str(account): code for code, account in enumerate(tables.accounts)}
    for row in said.itertuples():
        on_day = found.as_of == np.datetime64(row.as_of)
        own = on_day & (found.accounts == codes[row.account_id])
        assert row.probability == found.prediction.p[own][0] and row.ranked_accounts == on_day.sum()
        below = (found.prediction.p[on_day] < row.probability).sum()
        equal = (found.prediction.p[on_day] == row.probability).sum()
        assert row.rank_percentile == pytest.approx((below + (equal - 1) / 2) / (on_day.sum() - 1))
        lead = (pd.Timestamp(row.event_date) - pd.Timestamp(row.as_of)).days
        assert row.at_days <= lead <= row.at_days + 32 and pd.Timestamp(row.model_cutoff) <= pd.Timestamp(row.as_of)


def test_what_is_added_after_a_date_changes_nothing_said_before_it(
    raw: dict[str, pd.DataFrame], world: tuple[ScopeFrame, OutOfTime, SaidBefore]
) -> None:
    """New accounts that sort first, changed prices, ends and usage after the date: no rank before it moves."""
    frame, _, before = world
    after = frame.folds[-1].cutoff + pd.Timedelta(days=40)
    rng = np.random.default_rng(5)
    terms = raw["subscriptions"].copy()
    open_ones = terms.index[terms["ended_on"].isna()]
    terms.loc[rng.choice(open_ones, len(open_ones) // 2, replace=False), "ended_on"] = after + pd.Timedelta(days=9)
    new = pd.DataFrame(
        [(f"aaa-{i}", after + pd.Timedelta(days=i), None, 5000.0, None, "base") for i in range(30)],
        columns=["account_id", "started_on", "ended_on", "mrr", "cancelled_at", "product"],
    )
    terms = pd.concat([terms, new.assign(started_on=new["started_on"].astype(terms["started_on"].dtype))])
    usage = raw["usage"]
    late = usage.sample(500, random_state=3).assign(occurred_at=after, loaded_at=after, quantity=777)
    changed = {**raw, "subscriptions": terms.reset_index(drop=True), "usage": pd.concat([usage, late])}
    _, _, again = looked_back(tables_of(changed))
    keys = ["account_id", "outcome", "event_date", "at_days"]
    said = ["as_of", "model_cutoff", "model", "probability", "rank_percentile", "ranked_accounts", "already_leaving"]
    old = before.rows[(before.rows["as_of"] <= f"{after:%Y-%m-%d}") & (before.rows["event_date"] < f"{after:%Y-%m-%d}")]
    joined = old[keys + said].merge(again.rows[keys + said], on=keys, suffixes=("", "_again"))
    assert len(joined) == len(old) > 50
    for name in said:
        pd.testing.assert_series_equal(joined[name], joined[f"{name}_again"], check_names=False, check_dtype=False)
    assert len(again.rows) != len(before.rows), "the added rows are events too, only later ones"


def test_no_look_up_is_later_than_asked_and_no_model_younger_than_its_look_up(
    world: tuple[ScopeFrame, OutOfTime, SaidBefore],
) -> None:
    rows = world[2].rows
    assert set(rows["at_days"]) == set(LEADS)
    assert (rows["days_before"] >= rows["at_days"]).all() and (rows["days_before"] < rows["at_days"] + 7).all()
    assert (rows["model_cutoff"] <= rows["as_of"]).all()
    cutoffs = [f"{cutoff:%Y-%m-%d}" for cutoff in world[1].cutoffs]
    for as_of, cutoff in zip(rows["as_of"], rows["model_cutoff"], strict=True):
        assert cutoff == max(one for one in cutoffs if one <= as_of)


def test_ranks_are_of_everyone_who_paid_that_day(
    raw: dict[str, pd.DataFrame], world: tuple[ScopeFrame, OutOfTime, SaidBefore]
) -> None:
    terms, rows = raw["subscriptions"], world[2].rows
    for as_of, part in rows.groupby("as_of"):
        at = pd.Timestamp(str(as_of))
        paying = terms[(terms["started_on"] <= at) & (terms["ended_on"].isna() | (terms["ended_on"] > at))]
        assert set(part["ranked_accounts"]) == {paying["account_id"].nunique()}
        assert set(part["account_id"]) <= set(paying["account_id"])
    assert rows["rank_percentile"].between(0, 1).all()


def test_events_are_those_of_the_subscriptions(
    raw: dict[str, pd.DataFrame], world: tuple[ScopeFrame, OutOfTime, SaidBefore]
) -> None:
    last = raw["subscriptions"].groupby("account_id")["ended_on"].agg(lambda ends: ends.iloc[-1])
    churned = world[2].rows[world[2].rows["outcome"] == "churn"]
    for account, day in zip(churned["account_id"], churned["event_date"], strict=True):
        assert f"{last[account]:%Y-%m-%d}" == day
    counts = world[2].counts["churn"]
    assert counts["accounts"] == last[last < UNTIL].count()
    assert counts["accounts"] == counts["before_the_first_model"] + counts["looked_up"]
    absent = counts["absent_without_model"] + counts["absent_not_a_customer"]
    assert counts["rows"] + absent == len(LEADS) * counts["events"]


def test_accounts_that_left_stood_higher_than_chance_and_than_those_that_stayed(
    world: tuple[ScopeFrame, OutOfTime, SaidBefore],
) -> None:
    said = {row["at_days"]: row for row in summarised(world[2]) if row["outcome"] == "churn"}
    for days in (90, 60, 30):
        top = said[days]["top_20"]
        assert top["stayed"] < top["chance"] < top["low"] <= top["value"] <= top["high"]
        assert said[days]["mean_rank"]["low"] > 0.5


def test_known_leavers_are_marked_and_not_praised() -> None:
    """Everyone who leaves says so four months ahead: there is nothing to be foretold at 90, 60 and 30 days."""
    frames = planted_frames(150, MONTHS, prospects=0, seed=2)
    terms = frames["subscriptions"]
    told = (terms["ended_on"] - pd.Timedelta(days=125)).where(terms["ended_on"].notna())
    last = ~terms.duplicated("account_id", keep="last") & (told > terms["started_on"])
    terms["cancelled_at"] = told.where(last)
    _, _, said = looked_back(tables_of(frames))
    told_of = set(terms.loc[last, "account_id"])
    rows = said.rows[(said.rows["outcome"] == "churn") & said.rows["account_id"].isin(told_of)]
    near = rows[rows["at_days"] <= 90]
    assert len(near) and near["already_leaving"].all() and not rows[rows["at_days"] == 180]["already_leaving"].any()
    for row in summarised(said):
        if row["outcome"] == "churn" and row["at_days"] <= 90:
            assert row["already_leaving"] > 0 and row["accounts"] < row["already_leaving"]


# --- folds


def test_a_fold_has_the_figures_of_its_own_rows(world: tuple[ScopeFrame, OutOfTime, SaidBefore]) -> None:
    frame, found, _ = world
    folds = fold_figures(found, frame, draws=50)
    assert [fold["cutoff"] for fold in folds] == [f"{cutoff:%Y-%m-%d}" for cutoff in found.cutoffs]
    for number, fold in enumerate(folds):
        inside = found.fold == number
        rows = inside & ~found.leaving
        churned, p = found.labels.churned[rows], found.prediction.p[rows]
        said = fold["outcomes"]["churn"]
        assert said["n_rows"] == fold["n_rows"] == rows.sum()
        assert said["learner"] == found.models[number].churn.learner_name
        assert said["metrics"]["auc"]["value"] == pytest.approx(metrics.auc(churned, p, np.ones(len(p))))
        assert said["metrics"]["calibration_ratio"]["value"] == pytest.approx(churned.sum() / p.sum())
        starting, ratio = found.labels.starting[inside], found.labels.ratio[inside]
        observed = (starting * ratio).sum() / starting.sum()
        assert fold["portfolio"]["nrr_observed"] == pytest.approx(observed)
        expected = np.where(found.leaving[inside], 0, found.prediction.nrr[inside])
        assert fold["portfolio"]["nrr_predicted"] == pytest.approx((starting * expected).sum() / starting.sum())
        for figure in (*said["metrics"].values(), fold["portfolio"]["error"]):
            assert figure["low"] <= figure["value"] + 1e-12 and figure["value"] <= figure["high"] + 1e-12


def test_new_accounts_are_those_without_a_training_row(world: tuple[ScopeFrame, OutOfTime, SaidBefore]) -> None:
    frame, found, _ = world
    for number, fold in enumerate(fold_figures(found, frame, draws=5)):
        rows = (found.fold == number) & ~found.leaving
        trained = set(frame.rows.accounts[frame.folds[number].train])
        new = set(found.accounts[rows]) - trained
        assert fold["new_accounts"]["n_accounts"] == len(new) > 0


def test_a_whole_horizon_lies_between_what_trains_and_what_tests(planted: TrainedWorld) -> None:
    for span in fold_spans(planted.health):
        assert span["train_from"] <= span["train_until"] < span["cutoff"] <= span["test_from"] <= span["test_until"]
        gap = pd.Timestamp(span["test_from"]) - pd.Timestamp(span["train_until"])
        assert gap >= pd.Timedelta(days=181), "six months"


def test_skill_that_is_lost_falls_and_skill_that_stays_does_not(planted: TrainedWorld) -> None:
    """In the later folds the predictions of churn are dealt out by chance."""
    found = planted.found
    assert not drift_of_skill(found)["churn"]["verdict"].startswith("falls")
    rng = np.random.default_rng(0)
    p = found.prediction.p.copy()
    late = found.fold >= 2
    p[late] = rng.permutation(p[late])
    p[~late] = np.where(found.labels.churned[~late] > 0, p[~late] + 0.2, p[~late])
    lost: Any = OutOfTime(
        **{**found.__dict__, "prediction": type(found.prediction)(**{**found.prediction.__dict__, "p": p})}
    )
    drift = drift_of_skill(lost)["churn"]
    assert drift["verdict"] == "falls" and drift["per_year"]["high"] < 0
