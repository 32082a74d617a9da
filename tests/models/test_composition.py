"""Churn, contraction and expansion are NRR, on every row and to the last digit; so are the reasons."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.features import Scope
from leap.models.calibration import Calibration
from leap.models.composition import (
    Component,
    Labels,
    Prediction,
    ScopeModel,
    Sizing,
    TrainingRows,
    scope_model_from_json,
    text_learners,
    train_scope,
)
from leap.models.direct import DirectNRR
from leap.models.encoding import Encoder
from leap.models.learners import BaseRate, Boosted, Learner, Linear, boosted_of, fit_boosted
from leap.models.links import Link
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
            learner.base + learner.contributions(matrix).sum(axis=1), learner.margin(matrix), atol=1e-9
        )


def test_contributions_to_a_probability_add_up(model: ScopeModel, matrix: np.ndarray):
    found, attributed = model.predict(matrix), model.attribute(matrix)
    np.testing.assert_allclose(attributed.base_probability + attributed.probability.sum(axis=1), found.p, atol=1e-9)


def test_contributions_to_nrr_add_up(model: ScopeModel, matrix: np.ndarray):
    found, attributed = model.predict(matrix), model.attribute(matrix)
    np.testing.assert_allclose(attributed.base_nrr + attributed.nrr.sum(axis=1), found.nrr, atol=1e-9)
    assert np.abs(attributed.nrr).sum() > 0


def test_money_weighted_contributions_add_up_to_the_portfolio_of_any_subset(model: ScopeModel, planted: TrainedWorld):
    """A waterfall that a CFO can add up."""
    rows = planted.health.rows
    found, attributed = model.predict(rows.matrix), model.attribute(rows.matrix)
    for part in (rows.accounts % 3 == 0, rows.labels.starting > 500):
        s = rows.labels.starting[part]
        of_features = (attributed.nrr[part] * s[:, None]).sum(axis=0) / s.sum()
        portfolio = (found.nrr[part] * s).sum() / s.sum()
        assert attributed.base_nrr + of_features.sum() == pytest.approx(portfolio, abs=1e-9)


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
    """Expected contraction and expansion in money are those seen, recent rows weighing more (but for winsorising)."""
    health = planted.health
    found = train_scope(health.scope, health.encoder, health.trainable, only="linear")
    kept = health.trainable.where(health.trainable.labels.retained)
    predicted = found.predict(kept.matrix)
    for name, expected in (("contraction", predicted.d), ("expansion", predicted.u)):
        weight = kept.money()
        seen = kept.labels.amount(name)
        assert (weight * expected).sum() / weight.sum() == pytest.approx((weight * seen).sum() / weight.sum(), rel=0.1)


# --- the product rule on any model


def constant(p: float, size: float = 1.0) -> Component:
    learner = BaseRate(float(np.log(p / (1 - p))))
    return Component(learner, Calibration(), size, "base_rate", 1, 1, 1, p, {})


SHARE = st.floats(0.01, 0.99)
TOLD_DIRECTLY = DirectNRR(1.0, BaseRate(0.0), None, "base_rate", {})


def scope_of(parts: dict[str, Component], direct: DirectNRR = TOLD_DIRECTLY) -> ScopeModel:
    encoder = Encoder.fit(a_frame({"x": [0.0, 1.0]}), np.arange(2))
    return ScopeModel(Scope.HEALTH, encoder, **parts, direct=direct)


@given(SHARE, SHARE, SHARE, st.floats(0, 1), st.floats(0, 5))
def test_a_model_that_knows_nothing_predicts_its_base(p, q_contraction, q, d_size, u_size):
    found = scope_of(
        {"churn": constant(p), "contraction": constant(q_contraction, d_size), "expansion": constant(q, u_size)}
    )
    matrix = np.zeros((3, 1))
    attributed = found.attribute(matrix)
    assert not attributed.nrr.any()
    np.testing.assert_allclose(found.predict(matrix).nrr, attributed.base_nrr, atol=1e-9)
    assert attributed.base_nrr == pytest.approx((1 - p) * (1 - q_contraction * d_size + q * u_size), abs=1e-9)


WIDTH = 5


@pytest.fixture(scope="module")
def trees() -> list[Boosted]:
    """Small trees over columns with gaps, of different strength."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(400, WIDTH))
    outcome = matrix[:, 0] * (matrix[:, 1] > 0) + 0.1 * rng.normal(size=400)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    found = []
    for strength in (1e-7, 0.3, 2.0):
        booster = fit_boosted(matrix, strength * outcome, np.ones(400), "ratio", {"num_leaves": 7}, 10, 1.0)
        found.append(boosted_of(booster, matrix, 10))
    return found


def random_learner(rng: np.random.Generator, trees: list[Boosted]) -> Learner:
    """A base rate, a line of any strength, or trees."""
    kind = rng.integers(0, 3)
    if kind == 0:
        return BaseRate(float(rng.normal()))
    if kind == 1:
        return trees[int(rng.integers(0, len(trees)))]
    zero, one = np.zeros(WIDTH), np.ones(WIDTH)
    strength = rng.choice([1e-8, 1e-6, 0.1, 1.0, 3.0])
    own, gap = strength * rng.normal(size=(2, WIDTH))
    return Linear(float(rng.normal()), zero, zero, one, zero, own, zero, gap)


def random_component(rng: np.random.Generator, trees: list[Boosted], name: str) -> Component:
    calibration = Calibration(float(rng.uniform(0.05, 2)), float(rng.normal()))
    size = {"churn": 1.0, "contraction": float(rng.uniform(0.01, 0.99)), "expansion": float(rng.exponential(0.5))}[name]
    link: Link = "share" if name == "contraction" else "factor"
    sizing = (
        Sizing(link, random_learner(rng, trees), float(rng.uniform(0.1, 1)))
        if name != "churn" and rng.random() < 0.8
        else None
    )
    return Component(random_learner(rng, trees), calibration, size, "any", 1, 1, 1, 0.5, {}, sizing)


def random_scope(seed: int, trees: list[Boosted]) -> tuple[ScopeModel, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(40, WIDTH)) * rng.choice([0.0, 1.0, 50.0], size=(40, WIDTH))
    matrix[rng.random(matrix.shape) < 0.15] = np.nan
    stays = random_learner(rng, trees) if rng.random() < 0.5 else None
    direct = DirectNRR(float(rng.uniform(0.5, 1.5)), random_learner(rng, trees), stays, "any", {})
    names = ("churn", "contraction", "expansion")
    return scope_of({name: random_component(rng, trees, name) for name in names}, direct), matrix


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_reasons_add_up_on_every_row_of_any_model(trees, seed):
    """In probability and in NRR, to 1e-9 of what they add up to; and every part stays where it belongs."""
    found, matrix = random_scope(seed, trees)
    predicted, attributed = found.predict(matrix), found.attribute(matrix)
    p = attributed.base_probability + attributed.probability.sum(axis=1)
    np.testing.assert_allclose(p, predicted.p, atol=1e-9)
    nrr = attributed.base_nrr + attributed.nrr.sum(axis=1)
    np.testing.assert_allclose(nrr, predicted.nrr, atol=1e-9, rtol=1e-9)
    np.testing.assert_allclose(predicted.nrr, (1 - predicted.p) * (1 - predicted.d + predicted.u), atol=1e-9, rtol=1e-9)
    assert ((predicted.d >= 0) & (predicted.d <= 1)).all()
    assert (predicted.u >= 0).all() and (predicted.direct >= 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_stored_model_predicts_the_same_bits(trees, seed):
    found, matrix = random_scope(seed, trees)
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    again = scope_model_from_json(document, found.encoder.catalog)
    for name in Prediction.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again.predict(matrix), name), getattr(found.predict(matrix), name))
    np.testing.assert_array_equal(again.attribute(matrix).nrr, found.attribute(matrix).nrr)


def test_the_points_of_a_size_are_those_worked_by_hand():
    """One column doubles the usual size 0.2 of a change that half of them make: u = 0.5 * 0.4, of which 0.1 is its."""
    zero, one = np.zeros(1), np.ones(1)
    doubles = Linear(0.0, zero, zero, one, zero, np.log([2.0]), zero, zero)
    grows = replace(constant(0.5, 0.2), sizing=Sizing("factor", doubles))
    found = scope_of({"churn": constant(0.1), "contraction": constant(0.5, 0.1), "expansion": grows})
    matrix = np.array([[1.0]])
    assert found.predict(matrix).u[0] == pytest.approx(0.2)
    attributed = found.attribute(matrix)
    assert attributed.base_nrr == pytest.approx(0.9 * (1 - 0.05 + 0.1))
    assert attributed.nrr[0, 0] == pytest.approx(0.9 * 0.1)
    assert not attributed.probability.any()


def test_every_learner_with_trees_has_a_file_of_its_own(trees):
    """Also the sizes and both parts of the direct model: the structure check reads each."""
    sized = {
        name: replace(constant(0.5, 0.2), learner=trees[1], sizing=Sizing("share", trees[2]))
        for name in ("churn", "contraction", "expansion")
    }
    document = scope_of(sized, DirectNRR(1.0, trees[1], trees[2], "hurdle", {})).to_json()
    files = text_learners(document)
    assert sorted(files) == [
        "churn", "churn_size", "contraction", "contraction_size", "direct", "direct_stays", "expansion",
        "expansion_size",
    ]  # fmt: skip
    for learner in files.values():
        learner.pop("text")
    assert "tree_sizes" not in json.dumps(document)
