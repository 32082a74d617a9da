"""Churn, contraction and expansion are NRR, on every row and to the last digit; so are the reasons."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap.models.calibration import Calibration
from leap.models.composition import (
    Component,
    Labels,
    Prediction,
    ScopeModel,
    TrainingRows,
    scope_model_from_json,
    train_scope,
)
from leap.models.encoding import Encoder
from leap.models.learners import BaseRate
from tests.worlds import TrainedWorld, a_frame

KINDS = ("linear", "boosted")


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, planted: TrainedWorld) -> ScopeModel:
    """All components of one kind, fitted on the earlier half of the planted company."""
    rows = planted.health.trainable
    recent = rows.where(rows.as_of <= np.quantile(rows.as_of.astype("int64"), 0.6).astype(rows.as_of.dtype))
    return train_scope(planted.health.scope, planted.health.encoder, recent, only=request.param)


@pytest.fixture(scope="module")
def matrix(model: ScopeModel, planted: TrainedWorld) -> np.ndarray:
    """Real rows, rows with everything missing, and rows with categories never seen."""
    encoder = planted.health.encoder
    names = [feature.name for feature in encoder.catalog.features if feature.kind == "category"]
    odd = [
        encoder.encode_one({}),
        encoder.encode_one(dict.fromkeys(names, "never seen")),
        encoder.encode_one({"employees": 1e15, "industry": "retail", "usage_count_91d": None}),
        encoder.encode_one({"employees": -1e15, "region": "never seen", "usage_count_91d": 0}),
    ]
    return np.vstack([planted.health.rows.matrix, *odd])


# --- the composition


def test_nrr_is_one_minus_churn_minus_contraction_plus_expansion(model: ScopeModel, matrix: np.ndarray):
    found = model.predict(matrix)
    composed = 1 - found.p - (1 - found.p) * found.d + (1 - found.p) * found.u
    np.testing.assert_allclose(found.nrr, composed, atol=1e-9)
    np.testing.assert_allclose(found.nrr, (1 - found.p) * (1 - found.d + found.u), atol=1e-9)
    np.testing.assert_allclose(found.grr, (1 - found.p) * (1 - found.d), atol=1e-9)


def test_parts_stay_where_they_belong_by_their_links(model: ScopeModel, matrix: np.ndarray):
    found = model.predict(matrix)
    for share in (found.p, found.q, found.q_contraction, found.d):
        assert ((share >= 0) & (share <= 1)).all()
    assert (found.u >= 0).all()
    assert (found.grr <= np.minimum(1, found.nrr) + 1e-12).all()
    assert (found.direct >= 0).all()


# --- contributions


def test_contributions_to_a_margin_add_up(model: ScopeModel, matrix: np.ndarray):
    for name in ("churn", "contraction", "expansion"):
        learner = model.component(name).learner
        np.testing.assert_allclose(
            learner.base + learner.contributions(matrix).sum(axis=1), learner.margin(matrix), atol=1e-6
        )


def test_contributions_to_a_probability_add_up(model: ScopeModel, matrix: np.ndarray):
    found, attributed = model.predict(matrix), model.attribute(matrix)
    np.testing.assert_allclose(attributed.base_probability + attributed.probability.sum(axis=1), found.p, atol=1e-6)


def test_contributions_to_nrr_add_up(model: ScopeModel, matrix: np.ndarray):
    found, attributed = model.predict(matrix), model.attribute(matrix)
    np.testing.assert_allclose(attributed.base_nrr + attributed.nrr.sum(axis=1), found.nrr, atol=1e-6)
    assert np.abs(attributed.nrr).sum() > 0


def test_money_weighted_contributions_add_up_to_the_portfolio_of_any_subset(model: ScopeModel, planted: TrainedWorld):
    """A waterfall that a CFO can add up."""
    rows = planted.health.rows
    found, attributed = model.predict(rows.matrix), model.attribute(rows.matrix)
    for part in (rows.accounts % 3 == 0, rows.labels.starting > 500):
        s = rows.labels.starting[part]
        of_features = (attributed.nrr[part] * s[:, None]).sum(axis=0) / s.sum()
        portfolio = (found.nrr[part] * s).sum() / s.sum()
        assert attributed.base_nrr + of_features.sum() == pytest.approx(portfolio, abs=1e-6)


def test_a_feature_that_only_moves_churn_has_no_points_elsewhere(model: ScopeModel, matrix: np.ndarray):
    """More churn is less NRR: what raises the probability of leaving lowers NRR by it, times what is left."""
    still = replace(model.contraction, learner=BaseRate(-3.0)), replace(model.expansion, learner=BaseRate(-2.0))
    alone = replace(model, contraction=still[0], expansion=still[1])
    attributed = alone.attribute(matrix)
    rest = 1 - still[0].probability(matrix[:1])[0] * still[0].size + still[1].probability(matrix[:1])[0] * still[1].size
    np.testing.assert_allclose(attributed.nrr, -attributed.probability * rest, atol=1e-9)


def test_a_stored_model_predicts_the_same_bits(model: ScopeModel, matrix: np.ndarray):
    document = json.loads(json.dumps(model.to_json(), allow_nan=False))
    again = scope_model_from_json(document, model.encoder.catalog)
    for name in Prediction.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again.predict(matrix), name), getattr(model.predict(matrix), name))
    np.testing.assert_array_equal(again.attribute(matrix).nrr, model.attribute(matrix).nrr)


# --- what is learned from whom


def labels() -> Labels:
    ratio = np.array([0.0, 0.5, 1.0, 1.05, 1.5])
    return Labels((ratio == 0).astype(float), ratio, np.array([10.0, 20, 30, 40, 50]), min_uplift=0.1)


def test_the_uplift_that_counts_touches_the_propensity_of_expansion_only():
    found = labels()
    assert found.propensity("expansion").tolist() == [0, 0, 0, 0, 1]
    assert found.propensity("contraction").tolist() == [1, 1, 0, 0, 0]
    np.testing.assert_allclose(found.amount("expansion"), [0, 0, 0, 0.05, 0.5])


def rows() -> TrainingRows:
    dates = np.array(["2022-01-01"] * 5, dtype="datetime64[us]")
    return TrainingRows(np.arange(10.0).reshape(5, 2), labels(), np.arange(5), dates, dates + np.timedelta64(365, "D"))


def test_contraction_and_expansion_are_learned_from_retained_rows_only():
    assert len(rows().of("churn").outcome) == 5
    for name in ("contraction", "expansion"):
        part = rows().of(name)
        assert part.accounts.tolist() == [1, 2, 3, 4]
        np.testing.assert_array_equal(part.matrix, rows().matrix[1:])
    assert rows().of("contraction").outcome.tolist() == [1, 0, 0, 0]


def test_the_money_of_the_training_rows_adds_up(planted: TrainedWorld):
    """Expected contraction and expansion in money are those seen, weighted as the model was fitted (but for winsorising)."""
    health = planted.health
    found = train_scope(health.scope, health.encoder, health.trainable, only="linear")
    kept = health.trainable.where(health.trainable.labels.retained)
    predicted = found.predict(kept.matrix)
    for name, expected in (("contraction", predicted.d), ("expansion", predicted.u)):
        weight = kept.labels.starting * health.trainable.of(name).weight
        seen = kept.labels.amount(name)
        assert (weight * expected).sum() / weight.sum() == pytest.approx((weight * seen).sum() / weight.sum(), rel=0.1)


# --- the product rule on any model


def constant(p: float, size: float = 1.0) -> Component:
    learner = BaseRate(float(np.log(p / (1 - p))))
    return Component(learner, Calibration(), size, "base_rate", 1, 1, 1, p, {})


SHARE = st.floats(0.01, 0.99)


@given(SHARE, SHARE, SHARE, st.floats(0, 1), st.floats(0, 5))
def test_a_model_that_knows_nothing_predicts_its_base(p, q_contraction, q, d_size, u_size):
    encoder = Encoder.fit(a_frame({"x": [0.0, 1.0]}), np.arange(2))
    parts = {"churn": constant(p), "contraction": constant(q_contraction, d_size), "expansion": constant(q, u_size)}
    found = ScopeModel(None, encoder, **parts, direct=BaseRate(1.0))  # type: ignore[arg-type]
    matrix = np.zeros((3, 1))
    attributed = found.attribute(matrix)
    assert not attributed.nrr.any()
    np.testing.assert_allclose(found.predict(matrix).nrr, attributed.base_nrr, atol=1e-9)
    assert attributed.base_nrr == pytest.approx((1 - p) * (1 - q_contraction * d_size + q * u_size), abs=1e-9)
