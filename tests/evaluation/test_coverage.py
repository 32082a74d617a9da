"""Coverage is that of intervals made before; it holds where rates and sizes drift, and an alarm says where it does not."""

from dataclasses import replace

import numpy as np
import pytest

from leap.evaluation import judged_intervals, predict_folds, realised_values
from leap.evaluation.coverage_segments import alarms, with_segments
from leap.evaluation.portfolio_interval import portfolio_interval
from leap.features import discover_features
from leap.metrics import Figure
from leap.models.frames import health_frame
from leap.uncertainty.calibrate import held
from leap.value import ValueTerms
from tests.uncertainty.outcomes import Book, drawn
from tests.worlds import TrainedWorld, company_of, subscription

QUARTERS = 37
LATE = np.clip((np.arange(QUARTERS) - 8) / (QUARTERS - 8), 0, 1)
STILL = np.ones(QUARTERS)


def coverage_now(book: Book, seed: int) -> tuple[float, float]:
    """Share held and mean width for everyone at the end, who were not seen in calibration."""
    found, now, future, _ = drawn(book, seed)
    intervals, _ = judged_intervals(found, draws=20)
    low, high = intervals.ratio(now)
    return float(held(low[:, None], high[:, None], future).mean()), float((high - low).mean())


def unweighted(book: Book, seed: int) -> float:
    """The same for what was done before: quantiles of all sizes alike, the nominal share by all rows alike."""
    found, now, future, _ = drawn(book, seed)
    ratio, prediction = found.labels.ratio, found.prediction
    levels = np.arange(0.05, 1, 0.1)
    down, up = np.quantile(1 - ratio[(ratio > 0) & (ratio < 1)], levels), np.quantile(ratio[ratio > 1] - 1, levels)

    def interval(prediction, share):
        from leap.uncertainty import smallest

        kept = 1 - prediction.p
        points = np.concatenate([[0.0], np.sort(1 - down), [1.0], 1 + up])[None, :]
        same = kept * np.maximum(1 - prediction.q_contraction - prediction.q, 0)
        parts = [
            prediction.p[:, None],
            np.repeat((kept * prediction.q_contraction)[:, None] / 10, 10, axis=1),
            same[:, None],
            np.repeat((kept * prediction.q)[:, None] / 10, 10, axis=1),
        ]
        weights = np.hstack(parts)
        low, high = smallest(points, points, weights / weights.sum(axis=1, keepdims=True), share)
        return np.minimum(low, prediction.nrr), np.maximum(high, prediction.nrr)

    shares = np.append(np.arange(0.9, 0.99, 0.01), [0.99, 0.995, 0.999])
    share = next((s for s in shares if held(*interval(prediction, s), ratio).mean() >= 0.9), shares[-1])
    low, high = interval(now, share)
    return float(held(low[:, None], high[:, None], future).mean())


# --- later rows


@pytest.mark.parametrize(
    ("name", "book"),
    [
        ("nothing drifts", Book(150, 0.08 * STILL, 0.1 * STILL, 0.2 * STILL)),
        ("churn doubles", Book(150, 0.06 * (1 + LATE), 0.1 * STILL, 0.2 * STILL)),
        ("sizes grow", Book(300, 0.06 * STILL, 0.85 * STILL, 0.06 * (1 + 1.5 * LATE))),
        ("nobody expands", Book(150, 0.08 * STILL, 0 * STILL, 0.2 * STILL, contraction=0)),
    ],
)
def test_intervals_hold_later_rows_with_and_without_drift(name, book):
    covered = [coverage_now(book, seed)[0] for seed in range(4)]
    assert min(covered) >= 0.85, (name, covered)
    assert 0.89 <= np.mean(covered) <= 0.98, (name, covered)


def test_growing_sizes_are_held_where_quantiles_of_all_years_fail_and_with_no_wider_intervals():
    book = Book(150, 0.06 * STILL, 0.85 * STILL, 0.06 * (1 + 1.5 * LATE))
    assert unweighted(book, 0) < 0.85 <= coverage_now(book, 0)[0]


def test_intervals_of_a_fold_know_nothing_of_later_outcomes():
    """Whatever the last year brings, the intervals that judge it and their coverage of the year before stay."""
    found, _, _, _ = drawn(Book(100, 0.1 * STILL, 0.2 * STILL, 0.2 * STILL), 1)
    _, before = judged_intervals(found, draws=20)
    late = found.known_at > found.cutoffs[-1].to_datetime64()
    labels = found.labels
    turned = replace(labels, ratio=np.where(late, 1.7 - labels.ratio.clip(0, 1.7), labels.ratio))
    _, after = judged_intervals(replace(found, labels=turned), draws=20)
    assert before.basis == "made_before" and sorted(before.made) == [1, 2, 3]
    for number in before.made:
        assert before.made[number].nominal == after.made[number].nominal
        assert before.made[number].ratio_shape == after.made[number].ratio_shape
    assert before.folds[0] == after.folds[0] and before.folds[-1] != after.folds[-1]


def test_what_intervals_lacked_when_they_were_used_raises_the_next_ones_by_half():
    """Churn comes up for everyone in the last years but one: what was made before it held too little."""
    churn = np.where(np.arange(QUARTERS) < QUARTERS - 13, 0.03, 0.2)
    found, _, _, _ = drawn(Book(400, churn, 0 * STILL, 0.2 * STILL, noise=0.0, contraction=0), 0)
    intervals, coverage = judged_intervals(found, draws=20)
    lacked = 0.9 - coverage.figure.value
    assert coverage.figure.value < 0.9
    assert 0.9 < intervals.wanted <= 0.95 and intervals.wanted <= 0.9 + lacked
    assert "changed over time" in " ".join(alarms(coverage.figure, coverage.folds, []))


# --- little to go by


def with_folds(found, count: int):
    keep = found.fold < count
    arrays = ("rows", "fold", "baseline_nrr", "accounts", "leaving", "as_of", "known_at")
    parts = {name: getattr(found, name)[keep] for name in arrays}
    prediction = type(found.prediction)(
        **{name: getattr(found.prediction, name)[keep] for name in found.prediction.__dataclass_fields__}
    )
    return replace(
        found, **parts, prediction=prediction, labels=found.labels.where(keep), cutoffs=found.cutoffs[:count]
    )


def test_one_fold_is_judged_by_itself_and_says_so():
    found = with_folds(drawn(Book(80, 0.1 * STILL, 0.2 * STILL, 0.2 * STILL), 0)[0], 1)
    intervals, coverage = judged_intervals(found, draws=20)
    assert coverage.basis == "same_rows" and len(coverage.folds) == 1
    assert coverage.figure.value >= 0.9 and intervals.coverage == coverage.figure.value
    sums = portfolio_interval(found, intervals, coverage)
    assert sums["coverage"] is None and sums["interval_folds"] == 0
    assert sums["nrr_low"] < sums["nrr_high"]


def test_folds_whose_outcomes_overlap_judge_by_the_earlier_ones_and_say_so():
    found = with_folds(drawn(Book(80, 0.1 * STILL, 0.2 * STILL, 0.2 * STILL), 0)[0], 2)
    late = replace(found, known_at=found.known_at + np.timedelta64(900, "D"))
    assert judged_intervals(late, draws=20)[1].basis == "earlier_folds"


def test_one_account_and_a_company_that_nobody_leaves_have_a_coverage():
    for book in (Book(1, 0.1 * STILL, 0.1 * STILL, 0.2 * STILL), Book(50, 1e-9 * STILL, 0.1 * STILL, 0.2 * STILL)):
        _, coverage = judged_intervals(drawn(book, 0)[0], draws=20)
        assert 0 <= coverage.figure.value <= 1
        assert coverage.to_json()["value_reason"] == "not_judged"


# --- segments and the alarm


def entry(coverage: float, low: float, high: float, cutoff: str = "2024-01-01") -> dict:
    return {
        "by": "Industry", "value": "health", "coverage": coverage, "low": low, "high": high,
        "n_accounts": 200, "cutoff": cutoff,
    }  # fmt: skip


def test_the_alarm_needs_a_coverage_below_85_percent_and_beyond_chance():
    assert alarms(Figure(0.91, 0.89, 0.93, 0.9), [], []) == []
    assert alarms(Figure(0.84, 0.76, 0.92, 0.9), [], []) == []
    assert alarms(Figure(0.87, 0.86, 0.88, 0.9), [], []) == []
    assert "held 80%" in alarms(Figure(0.8, 0.77, 0.83, 0.9), [], [])[0]


def test_a_segment_must_be_further_below_the_more_are_looked_at():
    good, low = entry(0.92, 0.90, 0.94), entry(0.84, 0.792, 0.888)
    assert "Industry health (84%" in alarms(Figure(0.9, 0.88, 0.92, 0.9), [], [low])[0]
    assert alarms(Figure(0.9, 0.88, 0.92, 0.9), [], [low, *[good] * 30]) == []


def test_a_coverage_that_changed_over_the_folds_is_told():
    steady = [entry(0.91, 0.88, 0.94), entry(0.89, 0.86, 0.92)]
    fallen = [entry(0.95, 0.93, 0.97), entry(0.82, 0.79, 0.85, "2025-01-01")]
    better = [entry(0.92, 0.90, 0.94), entry(0.99, 0.98, 1.0)]
    whole = Figure(0.9, 0.88, 0.92, 0.9)
    assert alarms(whole, steady, []) == alarms(whole, better, []) == []
    assert "between 82% and 95%" in alarms(whole, fallen, [])[0]


def test_a_trained_company_has_a_coverage_by_segment_with_accounts(planted: TrainedWorld):
    values = realised_values(planted.tables, planted.health, planted.found)
    intervals, coverage = judged_intervals(planted.found, values, draws=50)
    found = with_segments(coverage, planted.found, planted.health, draws=50).to_json()
    by = {segment["by"] for segment in found["segments"]}
    assert {"starting MRR", "tenure"} <= by and len(by) >= 3
    assert all(s["low"] <= s["coverage"] <= s["high"] and s["n_accounts"] > 0 for s in found["segments"])
    thirds = [s for s in found["segments"] if s["by"] == "tenure"]
    judged = int((~np.isnan(coverage.held)).sum())
    assert sum(s["n_rows"] for s in thirds) == judged == sum(fold["n_rows"] for fold in found["folds"])
    assert found["coverage"] == intervals.coverage >= 0.85
    assert found["value_coverage"] == intervals.value_coverage >= 0.85


# --- value


def test_realised_value_is_the_discounted_months_paid_over_the_starting_mrr():
    rows = [subscription("stays", "2019-01-01"), subscription("leaves", "2019-01-01", "2022-12-01")]
    tables = company_of(rows, "2024-01-01", company={"gross_margin": 0.8, "discount_rate": 0.1})
    frame = health_frame(tables, discover_features(tables))
    found = predict_folds(frame, only="base_rate")
    values, at = realised_values(tables, frame, found), frame.snapshots.rows.iloc[found.rows]
    discount = ValueTerms(0.8, 0.1, 12).discount(12)
    stays = (at["account_id"] == "stays").to_numpy()
    left_after = 12 * (2022 - at["as_of"].dt.year) + 12 - at["as_of"].dt.month.to_numpy()
    paid = np.array([discount[: months - 1].sum() for months in left_after.to_numpy()[~stays]])
    assert len(paid) > 0 and values[~stays] == pytest.approx(paid)
    assert values[stays] == pytest.approx(discount.sum())
    unknown = company_of(rows, "2024-01-01")
    assert np.isnan(realised_values(unknown, frame, found)).all()


# --- the portfolio


def test_past_books_are_judged_in_intervals_made_before(planted: TrainedWorld):
    sums = planted.quality.portfolio
    assert sums["nrr_low"] <= sums["nrr_predicted"] <= sums["nrr_high"]
    assert sums["interval_folds"] == len(sums["books"]) == len(planted.quality.coverage.made)
    inside = [book["low"] <= book["observed"] <= book["high"] for book in sums["books"]]
    assert sums["coverage"] == np.mean(inside)
    assert all(book["low"] <= book["nrr"] <= book["high"] for book in sums["books"])
