"""What a training says on the screen: nothing that its own figures contradict, and no names of code."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from leap.evaluation import OutcomeQuality
from leap.gate import Check, Gate
from leap.metrics import Figure
from leap.reports import backtest_text, scores, training
from leap.reports import gate as gate_report
from leap.reports.backtest import BacktestSummary
from leap.reports.money import offer_lines

LEVEL: dict[str, Any] = {
    "mean_predicted": 0.091, "mean_observed": 0.156, "ratio": 0.59, "ratio_low": 0.31, "ratio_high": 1.93, "slope": 0.19,
    "slope_low": -0.43, "slope_high": 0.81, "verdict": "too extreme",
}  # fmt: skip


def outcome(learner: str, **more: Any) -> OutcomeQuality:
    figures = {
        "auc": Figure(0.70, 0.57, 0.81, 0.5),
        "brier_skill": Figure(0.02, -0.002, 0.04, 0.0),
        "mae": Figure(0.21, 0.16, 0.27, 0.22),
    }
    return OutcomeQuality(learner, 581, 1347, 321, 0.16, figures, more.pop("calibration", LEVEL), **more)


def test_a_base_rate_is_not_called_too_extreme() -> None:
    assert "too extreme" in training.quality_line("churn", outcome("linear"))
    line = training.quality_line("churn", outcome("base_rate"))
    assert "base rate (no skill shown); predicted 9.1%, observed 15.6%, within chance (321 of 1,347" in line
    assert "too extreme" not in line and "base_rate" not in line
    low = {**LEVEL, "ratio_high": 0.7, "verdict": "too low by 41 %, too extreme"}
    assert "observed 15.6%, too low by 41 % (" in training.quality_line("churn", outcome("base_rate", calibration=low))


def test_a_line_counts_what_happened_and_has_no_minus_before_nothing() -> None:
    line = training.quality_line("churn", outcome("boosted"))
    assert "Brier skill 0.02 [0.00, 0.04]" in line and "(321 of 1,347 accounts churned; boosted trees)" in line
    line = training.quality_line("nrr", outcome("composition"))
    assert "(321 of 1,347 accounts pay more or less than before)" in line and "predicted" not in line


def test_few_offers_are_not_offers_to_nobody() -> None:
    earned = {"value": 19.4, "low": 0.0, "high": 77.1}
    money = {
        "contacted": {"model": 0.0017},
        "earned": dict.fromkeys(("model", "everybody", "plain_logistic", "hindsight"), earned),
        "value_is": {"value_12m_if_kept": 581, "mrr_x_12": 0},
    }
    assert "to the accounts worth one (0.2% of all) would" in offer_lines(outcome("linear", money=money), "USD")[0]


def test_intervals_without_a_value_say_why_in_words_and_segments_take_one_line() -> None:
    segments = [
        {"by": "tenure", "value": f"part {n}", "coverage": 0.85 + n / 100, "n_accounts": 1400 + n} for n in range(9)
    ]
    coverage = SimpleNamespace(
        value=None, value_reason="no_gross_margin", figure=Figure(0.91, 0.89, 0.93, 0.9), width=1.2, segments=segments
    )
    quality: Any = SimpleNamespace(coverage=coverage, intervals=SimpleNamespace(level=0.9))
    first, second = training.interval_lines(quality)
    assert "of value: not known (no gross margin given)" in first
    assert "of 9 segments least 85% (tenure part 0, 1,400 accounts), most 93% (tenure part 8, 1,408 accounts)" in second


def test_a_refusal_names_each_failed_check_once_and_what_can_be_done() -> None:
    said = "churn: predicted 31.5%, observed 23.8% on average."
    gate = Gate((Check("claim", True, "AUC 0.76."), Check("calibration.churn.level", False, said)))
    text = gate_report.text(gate, f"Version 3 was promoted meanwhile; compared with it: {gate.reason}")
    assert text.count(said) == 1 and "calibration.churn.level" not in text
    assert (
        "Not promoted. Version 3 was promoted meanwhile; compared with it: The gate did not pass: see NO above." in text
    )
    assert "`--version V`" in text
    assert replace(gate, checks=gate.checks[:1]).reason is None


def test_a_batch_names_nobody_worth_an_offer_where_offers_would_have_lost_money() -> None:
    actions = SimpleNamespace(gain=np.array([5.0, -2.0]), contact=np.array([True, False]))
    batch: Any = SimpleNamespace(customers=SimpleActions(actions))
    company = SimpleNamespace(currency="USD")
    score = {
        "name": "Ash", "account_id": "a1", "mrr": 100.0, "abstained": None, "value_12m": {"point": None}, "reasons": [],
        "churn": {"p": 0.3}, "nrr": {"point": 0.7, "low": 0.0, "high": 1.0, "level": 0.9},
        "action": {"contact": True, "expected_gain": 5.0, "threshold_p": 0.15},
    }  # fmt: skip
    for high, loses in ((40.0, False), (-4.0, True)):
        churn = {"money": {"against": {"nobody": {"high": high}}}}
        bundle: Any = SimpleNamespace(
            settings=SimpleNamespace(company=company, policy=SimpleNamespace(save_rate=0.3, offer_share=0.05)),
            quality={"health": {"outcomes": {"churn": churn}}},
        )
        said = scores.offer_lines(batch, bundle)[0] + "".join(scores.account_lines(score, bundle, reasons=0))
        assert said.startswith("Worth an offer to stay: 1 of 2 customers")
        assert ("Do not act on it" in said) == loses and ("worth an offer: 5 USD" in said) != loses


def test_a_fold_of_the_base_rate_has_no_skill_and_what_no_model_ranked_takes_one_line() -> None:
    figure = {"value": 0.036, "low": 0.026, "high": 0.051}
    judged = {
        "learner": "base_rate",
        "n_events": 27,
        "n_accounts": 186,
        "metrics": {"auc": figure, "brier_skill": figure},
    }
    fold = {
        "cutoff": "2022-07-01",
        "outcomes": {"churn": judged, "expansion": {**judged, "learner": "blend"}},
        "portfolio": {
            "nrr_predicted": 0.9, "nrr_observed": 0.9, "nrr_observed_low": 0.8, "nrr_observed_high": 1.0, "error": figure,
        },
        "new_accounts": {"n_accounts": 1, "n_events": 0, "auc": None},
    }  # fmt: skip
    unranked = [
        {"outcome": "contraction", "at_days": days, "accounts": 0, "beyond_horizon": False} for days in (90, 30)
    ]
    found = {
        "company": "Ash", "data_until": "2026-01-01", "folds": [fold], "money_note": "", "claimed": True, "horizon_months": 12,
        "said_before_every": "month", "said_before_summary": unranked, "said_before_note": None, "said_before_counts": {},
    }  # fmt: skip
    text = backtest_text.render_text(BacktestSummary(found, (), None, (), {}, ()))
    churn, expansion = (line for line in text.splitlines() if "27 of 186" in line)
    assert "0.036" not in churn and "0.036 [0.026, 0.051]" in expansion and "linear + trees" in expansion
    assert text.count("none that a model ranked") == 1


class SimpleActions:
    """Two customers and what to do with them."""

    def __init__(self, actions: object) -> None:
        self.actions = actions

    def __len__(self) -> int:
        return 2
