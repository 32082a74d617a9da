"""A size is a model where that wins, and one size for all where it does not; the money of the rows adds up in both."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.models import links
from leap.models.composition import TrainingRows, train_scope
from leap.models.labels import most_that_counts
from leap.models.learners import Linear
from leap.models.sizes import MIN_MOVED, Sizing, fit_sizes
from tests.made_rows import Made, World, made, rows_of, step


def fitted(rows: TrainingRows, name: str, only: str | None = None) -> tuple[float, Sizing | None]:
    """Sizes of retained rows whose propensity is the same for all."""
    kept = rows.where(rows.labels.retained)
    happened = kept.labels.propensity(name)
    size, sizing, _ = fit_sizes(kept, name, np.full(len(happened), happened.mean()), only)
    return size, sizing


def kind_of(sizing: Sizing | None) -> str:
    return "constant" if sizing is None else sizing.learner.kind


# --- honest choice


@pytest.mark.parametrize("name", ["expansion", "contraction"])
def test_sizes_that_nothing_moves_are_one_size_or_nearly_so(name: str):
    """One in five may be told apart by chance, and then by next to nothing: what a chance gains is shrunk away."""
    found, spread = [], []
    for seed in range(10):
        one = made(300, seed)
        size, sizing = fitted(one.train, name)
        found.append(kind_of(sizing))
        spread.append(0.0 if sizing is None else np.std(sizing.sizes(size, one.test.matrix)) / size)
    assert found.count("constant") >= 6, found
    assert np.mean(spread) < 0.03, spread


@pytest.mark.parametrize(
    ("name", "world", "kind"),
    [
        ("expansion", World(expansion_size=0.8), "linear"),
        ("contraction", World(contraction_size=1.2), "linear"),
        ("expansion", World(expansion_size=0.9, shape=step), "boosted"),
    ],
)
def test_sizes_that_a_feature_moves_are_told(name: str, world: World, kind: str):
    n = 1000 if kind == "boosted" else 400
    known: list[Made] = [made(n, seed, world) for seed in range(2)]
    found = [fitted(one.train, name) for one in known]
    assert [kind_of(sizing) for _, sizing in found] == [kind, kind]
    for one, (size, sizing) in zip(known, found, strict=True):
        assert sizing is not None
        truth, told = getattr(one, f"{name}_size"), sizing.sizes(size, one.test.matrix)
        assert np.abs(told - truth).mean() < 0.6 * np.abs(truth.mean() - truth).mean()


def test_few_accounts_that_moved_have_one_size():
    one = made(50, 0, World(expansion_size=1.5))
    kept = one.train.where(one.train.labels.retained)
    assert len(np.unique(kept.accounts[kept.labels.propensity("expansion") > 0])) < MIN_MOVED
    assert fitted(one.train, "expansion")[1] is None


def test_a_component_that_is_fixed_to_its_base_rate_has_one_size():
    assert fitted(made(400, 0, World(expansion_size=0.8)).train, "expansion", only="base_rate")[1] is None


# --- money


@pytest.mark.parametrize("name", ["expansion", "contraction"])
@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_the_money_of_the_rows_adds_up_with_the_usual_size(name: str, effect: float):
    one = made(400, 1, World(expansion_size=effect, contraction_size=effect, spread=0.3))
    kept = one.train.where(one.train.labels.retained)
    propensity = np.full(len(kept.accounts), kept.labels.propensity(name).mean())
    size, sizing, _ = fit_sizes(kept, name, propensity)
    assert (sizing is None) == (effect == 0)
    told = np.full(len(kept.accounts), size) if sizing is None else sizing.sizes(size, kept.matrix)
    amount = kept.labels.amount(name)
    # The largest of an account may be winsorised: here it moves less than a hundredth.
    assert kept.money() @ (propensity * told) == pytest.approx(kept.money() @ amount, rel=0.01)


def test_growth_below_the_least_uplift_is_no_event_and_yet_counts_in_money():
    """`min_uplift` touches the propensity only: u has all growth."""
    ratio = np.where(np.arange(200) % 2 == 0, 1.03, np.where(np.arange(200) % 4 == 1, 1.4, 1.0))
    rows = rows_of(ratio)
    with_uplift = TrainingRows(
        rows.matrix,
        type(rows.labels)(rows.labels.churned, rows.labels.ratio, rows.labels.starting, min_uplift=0.1),
        rows.accounts, rows.as_of, rows.known_at,
    )  # fmt: skip
    for each in (rows, with_uplift):
        model = train_scope(None, None, each)  # type: ignore[arg-type]
        found = model.predict(each.matrix)
        assert found.u.mean() == pytest.approx((ratio - 1).mean(), rel=0.02)
    assert found.q.mean() == pytest.approx(0.25, abs=0.02)


def test_one_account_that_is_far_out_counts_as_twice_the_next():
    sizes = np.append(np.linspace(0.1, 0.5, 59), 100.0)
    for repeated in (1, 12):
        times = np.repeat(np.arange(60), repeated)
        assert most_that_counts(sizes[times], times) == pytest.approx(1.0)


# --- links


@pytest.mark.parametrize("link", ["share", "factor"])
def test_a_link_and_its_inverse_are_the_same_road(link: links.Link):
    amount = np.array([1e-6, 0.03, 0.5, 0.97])
    np.testing.assert_allclose(links.value(link, links.margin_of(link, amount)), amount, rtol=1e-9)


def random_sizing(link: links.Link, seed: int, strength: float, width: int = 4) -> Sizing:
    rng = np.random.default_rng(seed)
    zero, one = np.zeros(width), np.ones(width)
    own = strength * rng.normal(size=width)
    return Sizing(
        link, Linear(float(rng.normal()), zero, zero, one, zero, own, zero, strength * rng.normal(size=width))
    )


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["share", "factor"]),
    st.floats(0.001, 0.999),
    st.sampled_from([0.0, 1e-9, 1e-7, 1e-5, 0.1, 1.0, 3.0]),
    st.integers(0, 10_000),
)
def test_contributions_to_a_size_add_up_on_every_row(link: links.Link, usual: float, strength: float, seed: int):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(30, 4)) * rng.choice([0.0, 1.0, 100.0], size=(30, 4))
    matrix[rng.random((30, 4)) < 0.2] = np.nan
    sizing = random_sizing(link, seed, strength)
    told = sizing.sizes(usual, matrix)
    added = usual + sizing.attribute(usual, matrix).sum(axis=1)
    np.testing.assert_allclose(added, told, atol=1e-9, rtol=1e-9)
    assert (told >= 0).all() and (link == "factor" or (told <= 1).all())


def test_a_stored_sizing_tells_the_same_bits():
    for name, world in (
        ("expansion", World(expansion_size=0.9, shape=step)),
        ("contraction", World(contraction_size=1.2)),
    ):
        one = made(400, 0, world)
        size, sizing = fitted(one.train, name)
        assert sizing is not None
        again = Sizing.from_json(json.loads(json.dumps(sizing.to_json())))
        np.testing.assert_array_equal(again.sizes(size, one.test.matrix), sizing.sizes(size, one.test.matrix))


def test_an_unknown_link_is_refused():
    with pytest.raises(ValueError, match="identity"):
        Sizing.from_json({"link": "identity", "slope": 1.0, "learner": {"kind": "base_rate", "base": 0.0}})
