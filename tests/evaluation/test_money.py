"""What lists and offers would have been worth, out of time: by hand, beside EMPB, and by accounts instead of rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap import metrics
from leap.evaluation import OutOfTime, Stakes, judge
from leap.evaluation.money import lift_report, money_report
from leap.features import Scope
from leap.models.composition import Labels, Prediction
from leap.offers import Offer
from tests.worlds import TrainedWorld, planted_tables

OFFER = Offer(save_rate=0.3, evidence=20, offer_share=0.05, contact_cost=15.0)


def a_found(p: Any, churned: Any, starting: Any, accounts: Any, dates: Any, plain: Any = None) -> OutOfTime:
    """Predictions of churn and what followed; of everything else, nothing is expected and nothing happens."""
    p, churned, starting = (np.asarray(column, dtype=float) for column in (p, churned, starting))
    zero = np.zeros(len(p))
    prediction = Prediction(p, zero, zero, zero, zero, 1 - p)
    linear = np.full(len(p), 0.5) if plain is None else np.asarray(plain, dtype=float)
    return OutOfTime(
        rows=np.arange(len(p)), fold=np.zeros(len(p), dtype=int), prediction=prediction, baseline=prediction,
        baseline_nrr=zero, linear={"churn": linear}, labels=Labels(churned, 1 - churned, starting),
        accounts=np.asarray(accounts), leaving=zero.astype(bool),
        as_of=pd.to_datetime(list(dates)).to_numpy(), known_at=pd.to_datetime(list(dates)).to_numpy(), cutoffs=(pd.Timestamp("2024-01-01"),), models=(),
    )  # fmt: skip


def reports(found: OutOfTime, offer: Offer = OFFER, value: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lift and money of all rows; accounts are worth twelve months of their MRR."""
    keep, n = np.ones(len(found.rows), dtype=bool), len(found.rows)
    resamples = metrics.account_bootstrap(found.accounts, 100) if n else np.zeros((0, 0))
    worth = 12 * found.labels.starting if value is None else np.asarray(value, dtype=float)
    stakes = Stakes(offer, worth, np.zeros(n, dtype=bool))
    return (
        lift_report(found, keep, Scope.HEALTH, offer.capacity, resamples),
        money_report(found, keep, stakes, resamples),
    )


FOUR = a_found(
    [0.5, 0.3, 0.2, 0.01], [1, 0, 1, 0], [100, 50, 10, 100], [1, 2, 3, 4], ["2024-01-01"] * 4, [0.01, 0.01, 0.9, 0.9]
)


def test_what_offers_would_have_earned_by_hand():
    """Worth 1,200, 600, 120 and 1,200. At a risk of 0.5 the first earns 171 - 30 - 15 > 0, at 0.3 the second 51.3 - 21 - 15 >
    0; the third (6.84 - 4.8 - 15) and the fourth are not worth it. The first left and brings 342 - 15, the second stayed and
    costs 30 + 15.
    """
    _, money = reports(FOUR)
    assert money["contacted"]["model"] == 0.5
    assert money["earned"]["model"]["value"] == pytest.approx((327 - 45) / 4)
    everybody = 327 - 45 + (34.2 - 15) - (60 + 15)
    assert money["earned"]["everybody"]["value"] == pytest.approx(everybody / 4)
    assert money["earned"]["hindsight"]["value"] == pytest.approx((327 + 19.2) / 4)
    assert money["earned"]["plain_logistic"]["value"] == pytest.approx((19.2 - 75) / 4)
    assert money["against"]["nobody"]["value"] == pytest.approx(282 / 4)
    assert money["against"]["everybody"]["value"] == pytest.approx((282 - everybody) / 4)
    assert money["value_is"] == {"value_12m_if_kept": 0, "mrr_x_12": 4}


def test_the_capacity_goes_to_the_largest_expected_gain_of_each_date():
    _, money = reports(FOUR, replace(OFFER, capacity=1))
    assert money["earned"]["model"]["value"] == pytest.approx(327 / 4)
    twice = a_found(
        np.tile(FOUR.prediction.p, 2), np.tile(FOUR.labels.churned, 2), np.tile(FOUR.labels.starting, 2),
        np.tile(FOUR.accounts, 2), ["2024-01-01"] * 4 + ["2024-02-01"] * 4,
    )  # fmt: skip
    _, both = reports(twice, replace(OFFER, capacity=1))
    assert both["contacted"]["model"] == 0.25 and both["earned"]["model"]["value"] == pytest.approx(327 / 4)


def test_empb_is_the_figure_of_the_same_name():
    _, money = reports(FOUR)
    worth = 12 * FOUR.labels.starting
    expected = metrics.empb_score(FOUR.labels.churned, FOUR.prediction.p, worth, alpha=6, beta=14, contact_cost=15)
    assert money["empb"]["value"] == pytest.approx(expected) == pytest.approx(327 / 4)
    assert money["empb"]["contacted"] == 0.25
    assert money["empb"]["baseline"] == pytest.approx(money["earned"]["everybody"]["value"])
    assert money["empb"]["best"] == pytest.approx(money["earned"]["hindsight"]["value"])


def test_lists_say_what_the_top_held_of_accounts_and_of_money():
    lift, _ = reports(FOUR, replace(OFFER, capacity=1))
    top = lift["at"]["capacity"]
    assert top["accounts"]["gain"]["value"] == 0.5 and top["accounts"]["lift"]["value"] == 2.0
    assert top["mrr"]["gain"]["value"] == pytest.approx(100 / 110)
    assert top["accounts"]["gain"]["baseline"] == 0.25 and top["accounts"]["gain"]["best"] == 0.5
    assert lift["at"]["20%"]["mrr_by_expected_loss"]["gain"]["value"] == pytest.approx(0.8 * 100 / 110)
    assert list(lift["at"]) == ["5%", "10%", "20%", "capacity"] and lift["ranked_together"] == "date"


def test_dates_are_ranked_apart():
    found = a_found([0.2, 0.1, 0.9, 0.8], [1, 0, 0, 1], [1] * 4, [1, 2, 1, 2], ["2024-01-01"] * 2 + ["2024-02-01"] * 2)
    lift, _ = reports(found, replace(OFFER, capacity=1))
    assert lift["n_lists"] == 2 and lift["at"]["capacity"]["accounts"]["gain"]["value"] == 0.5


def a_world(seed: int = 0, n: int = 90) -> OutOfTime:
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 5, 2 * n).round(2)
    dates = ["2024-01-01"] * n + ["2024-02-01"] * n
    churned = (rng.random(2 * n) < p).astype(float)
    return a_found(p, churned, rng.integers(1, 30, 2 * n), np.tile(np.arange(n), 2), dates, rng.beta(1, 5, 2 * n))


def picked(found: OutOfTime, pick: np.ndarray) -> OutOfTime:
    dates = pd.to_datetime(found.as_of[pick])
    p, labels = found.prediction.p[pick], found.labels.where(pick)
    return a_found(p, labels.churned, labels.starting, found.accounts[pick], dates, found.linear["churn"][pick])


@pytest.mark.parametrize("capacity", [None, 10])
def test_rows_repeated_or_in_another_order_change_no_figure_and_no_interval(capacity: int | None):
    world, offer = a_world(), replace(OFFER, capacity=capacity)
    plain = reports(world, offer)
    again = reports(picked(world, np.repeat(np.arange(180), 12)), offer)
    mixed = reports(picked(world, np.random.default_rng(1).permutation(180)), offer)
    for other in (again, mixed):
        assert figures(other[0]) == pytest.approx(figures(plain[0]), rel=1e-9)
        assert figures({**other[1], "value_is": 0}) == pytest.approx(figures({**plain[1], "value_is": 0}), rel=1e-9)


def figures(document: Any) -> list[float]:
    """All numbers of a document, in order."""
    if isinstance(document, dict):
        return [number for value in document.values() for number in figures(value)]
    return [document] if isinstance(document, float) else []


def test_intervals_lie_around_their_values():
    lift, money = reports(a_world())
    for one in (
        lift["at"]["10%"]["accounts"]["gain"],
        lift["at"]["20%"]["mrr"]["lift"],
        *money["earned"].values(),
        money["empb"],
    ):
        assert one["low"] <= one["value"] <= one["high"] and one["low"] < one["high"]


def test_what_is_not_defined_is_none_with_a_reason():
    nobody = replace(FOUR, labels=Labels(np.zeros(4), np.ones(4), np.full(4, 100.0)))
    lift, money = reports(nobody)
    assert (lift["at"], lift["reason"]) == (None, "no_events")
    assert money["reason"] is None and money["empb"]["value"] == 0.0 and money["earned"]["model"]["value"] < 0
    everybody = replace(FOUR, labels=Labels(np.ones(4), np.zeros(4), np.ones(4)))
    assert reports(everybody)[0]["reason"] == "all_events"
    lift, money = reports(a_found([], [], [], [], []))
    assert (lift["at"], lift["reason"], money["earned"], money["reason"]) == (None, "no_rows", None, "no_rows")


def test_worthless_accounts_earn_nothing_and_break_nothing():
    _, money = reports(FOUR, value=np.zeros(4))
    assert money["earned"]["model"]["value"] == money["empb"]["value"] == money["contacted"]["model"] == 0.0


# --- as trained


def test_training_says_what_its_ranking_is_worth(planted: TrainedWorld):
    churn = planted.quality.to_json()["outcomes"]["churn"]
    gain = churn["lift"]["at"]["10%"]["accounts"]["gain"]
    assert gain["low"] > gain["baseline"] == pytest.approx(0.1) and gain["value"] < gain["best"]
    assert churn["money"]["against"]["everybody"]["low"] > 0
    assert churn["money"]["value_is"] == {"value_12m_if_kept": churn["n_rows"], "mrr_x_12": 0}
    assert "lift" not in planted.quality.to_json()["outcomes"]["expansion"]


def test_fit_models_have_lists_and_no_offers(planted: TrainedWorld):
    churn = planted.bundle.quality["fit"]["outcomes"]["churn"]
    assert churn["lift"]["ranked_together"] == "fold" and "capacity" not in churn["lift"]["at"]
    assert churn["money"] == {
        "contacted": None,
        "earned": None,
        "against": None,
        "empb": None,
        "reason": "offers_are_for_customers",
    }


def test_judged_without_stakes_money_has_its_reason(planted: TrainedWorld):
    churn = judge(planted.found, draws=20).outcomes["churn"]
    assert churn.money is not None and churn.money["reason"] == "no_offer_given"


def test_without_a_margin_an_account_is_worth_twelve_months_of_its_mrr(planted: TrainedWorld):
    tables = planted_tables(settings={"company": {"name": "Planted"}})
    stakes = Stakes.of(tables, planted.health, planted.found)
    np.testing.assert_allclose(stakes.value, 12 * planted.found.labels.starting)
    assert not stakes.by_margin.any()
    with_margin = Stakes.of(planted.tables, planted.health, planted.found)
    assert with_margin.by_margin.all() and (with_margin.value < 12 * planted.found.labels.starting).all()
