"""Quality is judged out of time and against chance; a column that knows the end does not get in."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.errors import NotEnoughData
from leap.evaluation import (
    judge,
    predict_folds,
    require_folds,
)
from leap.evaluation.claim import claim
from leap.evaluation.outcome_quality import OutcomeQuality
from leap.features import discover_features
from leap.metrics import Figure
from leap.models.composition import Labels
from leap.models.frames import ScopeFrame, fit_frame, health_frame
from leap.tables import assemble
from tests.worlds import (
    MONTHS_FROM,
    NOTHING,
    PLANTED_SETTINGS,
    TrainedWorld,
    company_of,
    planted_frames,
    planted_tables,
    subscription,
)

# --- no claim without skill


def test_a_company_in_which_nothing_matters_claims_nothing():
    """A constant risk for everyone: nine of ten such companies must be declined."""
    claimed = []
    for seed in range(10):
        tables = planted_tables(150, 30, seed=seed, truth=NOTHING, prospects=0)
        claimed.append(judge(predict_folds(health_frame(tables, discover_features(tables)))).claimed)
    assert sum(claimed) <= 1, claimed


def shuffled(frame: ScopeFrame, seed: int) -> ScopeFrame:
    """Outcomes dealt to other accounts: each account's whole history of labels goes to another one of the same dates."""
    rng = np.random.default_rng(seed)
    labels, positions = frame.rows.labels, np.arange(len(frame.rows.accounts))
    for date in np.unique(frame.rows.as_of):
        rows = np.flatnonzero(frame.rows.as_of == date)
        order = rng.random(frame.rows.accounts.max() + 1)[frame.rows.accounts[rows]]
        positions[rows] = rows[np.argsort(order)]
    mixed = Labels(labels.churned[positions], labels.ratio[positions], labels.starting, labels.min_uplift)
    return replace(frame, rows=replace(frame.rows, labels=mixed))


def test_shuffled_outcomes_are_not_claimed(planted: TrainedWorld):
    """Real features, real outcomes, no connection: whatever is claimed now was made by the machinery."""
    claimed = [
        judge(predict_folds(shuffled(planted.health, seed), only="linear"), draws=100).claimed for seed in range(10)
    ]
    assert sum(claimed) <= 1, claimed


def test_where_everybody_churned_no_number_of_events_is_asked_for():
    """A base rate of 100 % leaves nothing to rank: more churned accounts would not help."""
    nothing = OutcomeQuality("base_rate", 0, 0, 0, float("nan"), {}, {}, {})
    churn = OutcomeQuality("base_rate", 60, 31, 31, 1.0, {}, {}, {})
    claimed, reason = claim({"churn": churn, "contraction": nothing, "expansion": nothing})
    assert not claimed
    assert reason == "All 31 accounts in the rows that test the model churned: nobody stayed to tell them apart from."


def test_the_reason_for_declining_has_the_numbers():
    tables = planted_tables(150, 30, seed=0, truth=NOTHING, prospects=0)
    quality = judge(predict_folds(health_frame(tables, discover_features(tables))))
    assert not quality.claimed
    assert quality.reason is not None and "churned accounts" in quality.reason
    assert quality.reason.count("are needed to") <= 1


def test_a_planted_driver_is_claimed(planted: TrainedWorld):
    assert planted.quality.claimed and planted.quality.reason is None
    churn = planted.quality.outcomes["churn"]
    assert churn.metrics["auc"].low > 0.6
    assert churn.metrics["brier_skill"].low > 0


def test_a_component_without_skill_predicts_its_base_rate(planted: TrainedWorld):
    """Contraction happens by chance in the planted company."""
    assert "contraction" in planted.quality.unproven
    assert planted.model.contraction.learner_name == "base_rate"
    assert np.ptp(planted.model.predict(planted.health.rows.matrix).d) == 0


def test_a_history_that_is_too_short_is_not_judged():
    tables = company_of([subscription(a, "2023-01-01") for a in "abc"], "2024-03-01")
    with pytest.raises(NotEnoughData, match="too short"):
        require_folds(health_frame(tables, discover_features(tables)))


def test_a_history_that_is_too_short_says_from_when_on_rows_count():
    tables = company_of([subscription(a, "2023-01-01") for a in "abc"], "2024-03-01")
    frame = replace(health_frame(tables, discover_features(tables)), record_begins=pd.Timestamp("2023-01-01"))
    with pytest.raises(NotEnoughData, match=r"rows before 2023-01-01 are left out: hardly any account churned in them"):
        require_folds(frame)


def test_where_neither_error_nor_order_of_nrr_is_told_the_order_is_not_advised(planted: TrainedWorld):
    outcomes = dict(planted.quality.outcomes)
    figures = {**outcomes["nrr"].metrics, "mae": Figure(0.33, 0.3, 0.4, 0.3), "spearman": Figure(0.0, -0.1, 0.1, 0.0)}
    quality = replace(planted.quality, outcomes={**outcomes, "nrr": replace(outcomes["nrr"], metrics=figures)})
    said = [warning for warning in quality.warnings if "no better than by the average" in warning]
    assert len(said) == 1 and "their order is not told from chance" in said[0] and "use the order" not in said[0]


def test_where_everyone_churns_there_is_nobody_to_learn_from():
    starts = pd.date_range("2020-01-15", "2024-11-15", freq="MS")
    rows = [
        subscription(f"a{i}", f"{at:%Y-%m-%d}", f"{at + pd.Timedelta(days=60):%Y-%m-%d}") for i, at in enumerate(starts)
    ]
    tables = company_of(rows, "2025-01-01")
    with pytest.raises(NotEnoughData, match="churned: nobody stayed"):
        require_folds(health_frame(tables, discover_features(tables)))


def test_a_history_shorter_than_the_horizon_has_no_outcome_at_all():
    tables = company_of([subscription(a, "2023-01-01") for a in "abc"], "2023-12-01")
    with pytest.raises(NotEnoughData, match="No snapshot has a complete outcome"):
        health_frame(tables, discover_features(tables))


# --- figures


def test_every_row_is_predicted_by_models_that_knew_only_its_past(planted: TrainedWorld):
    found, rows = planted.found, planted.health.rows
    for number, (cutoff, fold) in enumerate(zip(found.cutoffs, planted.health.folds, strict=True)):
        at = cutoff.to_datetime64()
        assert (rows.as_of[found.rows[found.fold == number]] >= at).all()
        assert (rows.known_at[fold.train] <= at).all()


def test_out_of_time_predictions_do_not_know_the_outcomes_of_the_test_rows(planted: TrainedWorld):
    """Every label of the last fold's test rows is turned around: not one prediction changes."""
    frame = planted.health
    last = replace(frame, folds=frame.folds[-1:])
    test = last.folds[0].test
    labels = frame.rows.labels
    ratio = np.where(test, np.where(labels.ratio > 0, 0.0, 2.0), labels.ratio)
    turned = replace(labels, ratio=ratio, churned=(ratio == 0).astype(float))
    other = replace(last, rows=replace(frame.rows, labels=turned))
    one, two = predict_folds(last, only="linear"), predict_folds(other, only="linear")
    np.testing.assert_array_equal(one.prediction.p, two.prediction.p)
    np.testing.assert_array_equal(one.prediction.nrr, two.prediction.nrr)


def test_figures_of_churn_are_those_of_sklearn(planted: TrainedWorld):
    from sklearn.metrics import brier_score_loss

    found = planted.found
    keep = ~found.leaving
    churn = planted.quality.outcomes["churn"]
    expected = brier_score_loss(found.labels.churned[keep], found.prediction.p[keep])
    assert churn.metrics["brier"].value == pytest.approx(expected)
    assert churn.n_rows == keep.sum()
    assert churn.n_accounts == len(set(found.accounts[keep]))
    assert churn.base_rate == pytest.approx(found.labels.churned[keep].mean())


def test_contraction_and_expansion_are_judged_on_retained_rows(planted: TrainedWorld):
    kept = int((planted.found.labels.retained & ~planted.found.leaving).sum())
    for name in ("contraction", "expansion"):
        assert planted.quality.outcomes[name].n_rows == kept


def test_the_portfolio_is_a_ratio_of_sums_with_known_leavers_as_lost(planted: TrainedWorld):
    found = planted.found
    s = found.labels.starting
    predicted = np.where(found.leaving, 0.0, found.prediction.nrr)
    portfolio = planted.quality.portfolio
    assert found.leaving.any()
    assert portfolio["nrr_observed"] == pytest.approx((s * found.labels.ratio).sum() / s.sum())
    assert portfolio["nrr_predicted"] == pytest.approx((s * predicted).sum() / s.sum())
    composed, direct = (abs(float(portfolio[k]) - portfolio["nrr_observed"]) for k in ("nrr_predicted", "nrr_direct"))
    assert portfolio["headline"] == ("composition" if composed <= direct else "direct")


def test_judging_is_never_winsorised(planted: TrainedWorld):
    ratio = planted.found.labels.ratio
    assert ratio.max() == planted.health.outcomes.ratio[planted.found.rows].max()


def test_every_metric_has_its_name_interval_and_baseline(planted: TrainedWorld):
    document = planted.quality.to_json()["outcomes"]
    expected = {
        "churn": {"auc", "brier", "brier_skill", "log_loss"},
        "expansion": {"auc", "brier", "brier_skill", "log_loss", "mae", "spearman"},
        "nrr": {"mae", "spearman", "portfolio_error", "coverage"},
    }
    for outcome, names in expected.items():
        assert names <= document[outcome]["metrics"].keys()
        for name in names:
            assert document[outcome]["metrics"][name].keys() >= {"value", "low", "high", "baseline"}


def test_intervals_cover_about_as_often_as_they_say_out_of_time(planted: TrainedWorld):
    assert 0.85 <= planted.quality.outcomes["nrr"].metrics["coverage"].value <= 1.0


def test_the_fit_models_see_nothing_of_customers(planted: TrainedWorld):
    names = {f.name for f in planted.fit.features.catalog.features if str(f.scope) == "health"}
    assert names == {"tenure_months"}


def test_fit_features_are_those_of_the_day_of_purchase(planted: TrainedWorld):
    """The market figure moves every month; in the fit frame it stands still for an account."""
    frame = planted.fit.features.frame.assign(account=planted.fit.rows.accounts)
    moved = frame.groupby("account")["market_growth"].nunique()
    assert moved.max() == 1 and len(frame) > len(moved)


def test_what_is_first_observed_after_the_purchase_is_flagged_and_not_known_before():
    """A profile seen two years later stands in for the day of purchase from then on, and says so.

    Used in earlier rows it would tell that the company was still there to be seen.
    """
    tables = company_of(
        [subscription("early", "2021-01-01"), subscription("late", "2021-01-01")],
        "2025-01-01",
        tables={"profiles": {"shape": "history", "source": "p.csv", "scope": "fit", "columns": {"size": {}}}},
        records={
            "profiles": [
                {"account_id": "early", "observed_at": "2020-12-01", "size": 10},
                {"account_id": "early", "observed_at": "2022-12-01", "size": 99},
                {"account_id": "late", "observed_at": "2022-12-01", "size": 20},
            ]
        },
    )
    frame = fit_frame(tables, discover_features(tables))
    size = frame.features.frame["size"].to_numpy()
    early, late = (frame.snapshots.rows["account_id"].to_numpy() == account for account in ("early", "late"))
    assert size[early].tolist() == [10, 10, 10], "at each anniversary what it was when it bought"
    np.testing.assert_array_equal(size[late], [np.nan, np.nan, 20])
    assert frame.features.observed_late[late].tolist() == [False, False, True]
    assert not frame.features.observed_late[early].any()


def test_being_observed_only_while_a_customer_is_no_skill():
    """Nothing matters, and a vendor sees companies some time after they bought: those who leave early are never seen."""
    claimed = []
    for seed in range(2):
        frames = planted_frames(250, 48, seed=seed, truth=NOTHING, prospects=0)
        rng = np.random.default_rng(seed)
        terms = frames["subscriptions"].groupby("account_id")
        begin, end = terms["started_on"].min(), terms["ended_on"].agg(lambda ends: ends.iloc[-1])
        seen = begin + pd.to_timedelta(rng.integers(1, 900, len(begin)), unit="D")
        there = seen < end.fillna(MONTHS_FROM + pd.DateOffset(months=48))
        size = rng.integers(1, 99, len(begin))
        seen_at = pd.DataFrame({"account_id": begin.index, "observed_at": seen.to_numpy(), "size": size})
        frames["profiles"] = seen_at[there.to_numpy()].reset_index(drop=True)
        profiles = {"shape": "history", "source": "p.csv", "scope": "fit", "columns": {"size": {}}}
        settings = {
            **PLANTED_SETTINGS, "outcome": {"horizon_months": 12, "as_of_every": "quarter"},
            "tables": {**PLANTED_SETTINGS["tables"], "profiles": profiles},
        }  # fmt: skip
        until = MONTHS_FROM + pd.DateOffset(months=48) + pd.Timedelta(days=1)
        tables = assemble(parse_settings(settings), frames, [], f"{until:%Y-%m-%d}")
        claimed.append(judge(predict_folds(fit_frame(tables, discover_features(tables)), only="linear")).claimed)
    assert not any(claimed), claimed


def test_a_frame_without_rows_after_the_record_begins_is_refused_in_words():
    tables = planted_tables(60, 30)
    with pytest.raises(NotEnoughData, match="fit models from 2100-01-01"):
        fit_frame(tables, discover_features(tables), pd.Timestamp("2100-01-01"))


@pytest.mark.parametrize(
    ("horizon", "advice"), [(3, "Give more history."), (6, "shorter outcome.horizon_months than 6")]
)
def test_a_shorter_horizon_is_advised_only_where_there_is_one(horizon: int, advice: str):
    tables = company_of([subscription("a", "2024-01-01"), subscription("b", "2024-02-01")], "2024-03-01",
                        outcome={"horizon_months": horizon})  # fmt: skip
    with pytest.raises(NotEnoughData) as told:
        health_frame(tables, discover_features(tables))
    assert advice in str(told.value) + str(told.value.remedy)
    assert ("shorter" in str(told.value) + str(told.value.remedy)) == (horizon > 3)
