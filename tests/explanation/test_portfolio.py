"""The lines of a portfolio add up to it, and those of a difference to the difference, whatever the accounts are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.explanation.portfolio import GRR, NRR, PARTS, Book, both, contrast, less, nrr_of, total, waterfall
from leap.explanation.portfolio_change import MIX, Change, change

FEATURES = ("usage", "industry", "employees")
SOURCE = np.array([0, 0, 1, 2, 2])
EXACT = 1e-9


def book_of(seed: int, n: int, *, leaving: float = 0.2, base_seed: int = 7, keys: Any = None) -> Book:
    """Accounts drawn at random; columns of one feature, large and tiny MRR, contributions of both signs."""
    rng, of_base = np.random.default_rng(seed), np.random.default_rng(base_seed)
    parts = {part: rng.normal(0, 0.1, (n, len(SOURCE))) for part in PARTS}
    base = of_base.uniform(0.5, 1.2, 2)
    moved = sum(parts[part] for part in PARTS[:3]).sum(axis=1), (parts["grr_churn"] + parts["contraction"]).sum(axis=1)
    expected = base + np.stack(moved, axis=1)
    keys = rng.permutation(2 * n)[:n] if keys is None else np.asarray(keys)
    mrr = np.exp(rng.normal(4, 3, n))
    return Book(keys, mrr, rng.random(n) < leaving, expected, parts, SOURCE, FEATURES, base)


def by_hand(book: Book) -> np.ndarray:
    """NRR and GRR as the definitions have them, account by account."""
    paid = [(s, (0.0, 0.0) if gone else y) for s, gone, y in zip(book.mrr, book.leaving, book.expected, strict=True)]
    return np.array([sum(s * y[unit] for s, y in paid) for unit in (NRR, GRR)]) / sum(s for s, _ in paid)


seeds = st.integers(0, 2**32 - 1)
shares = st.sampled_from([0.0, 0.2, 1.0])


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n=st.integers(1, 30), leaving=shares, kept=st.floats(0.05, 1))
def test_base_drivers_and_leaving_are_the_portfolio_for_any_subset(seed: int, n: int, leaving: float, kept: float):
    book = book_of(seed, n, leaving=leaving)
    keep = np.random.default_rng(seed + 1).random(n) < kept
    found = waterfall(book.where(keep))
    if not keep.any():
        assert found is None
        return
    assert found is not None
    expected = by_hand(replace(book, mrr=book.mrr * keep))
    np.testing.assert_allclose(found.expected, expected, atol=EXACT)
    np.testing.assert_allclose(found.sum, expected, atol=EXACT)
    assert (found.accounts, found.leaving.accounts) == (keep.sum(), (keep & book.leaving).sum())


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(2, 30), leaving=shares)
def test_drivers_and_leaving_are_the_difference_of_any_two_subsets(seed: int, n: int, leaving: float):
    book, rng = book_of(seed, n, leaving=leaving), np.random.default_rng(seed + 1)
    one, other = (waterfall(book.where((rng.random(n) < 0.6) | (np.arange(n) == i))) for i in (0, 1))
    assert one is not None and other is not None
    points, leaves = contrast(one, other)
    np.testing.assert_allclose(both(total(points)) + leaves.points, one.expected - other.expected, atol=EXACT)


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds, n0=st.integers(1, 25), n1=st.integers(1, 25), leaving=shares, merged=st.booleans(), other=st.booleans()
)
def test_model_behaviour_and_mix_are_the_difference_of_any_two_dates(
    seed: int, n0: int, n1: int, leaving: float, merged: bool, other: bool
):
    """Whoever is in both, whoever came, went, merged or is leaving, and whether the model is another one or not."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 12, n0) if merged else rng.permutation(30)[:n0]
    earlier, later = book_of(seed, n0, leaving=leaving, keys=keys), book_of(seed + 1, n1, keys=rng.permutation(30)[:n1])
    earlier, later = (b.where((rng.random(len(b.mrr)) < 0.8) | (np.arange(len(b.mrr)) == 0)) for b in (earlier, later))
    said = None
    if other:
        of_old = book_of(seed + 2, n0, base_seed=8, keys=keys)
        said = replace(of_old, mrr=earlier.mrr, leaving=earlier.leaving, features=("usage", "old", "employees"))
    found = change(earlier, later, said)
    assert found is not None
    assert tuple(found.mix) == MIX
    difference = by_hand(later) - by_hand(earlier if said is None else said)
    np.testing.assert_allclose(found.of_model + found.of_behaviour + found.of_mix, difference, atol=EXACT)
    np.testing.assert_allclose(found.after.expected - found.said.expected, difference, atol=EXACT)
    if said is None:
        np.testing.assert_array_equal(found.of_model, 0)
    else:
        np.testing.assert_allclose(found.of_model, by_hand(earlier) - by_hand(said), atol=EXACT)


def parts_of(found: Change) -> dict[str, float]:
    amounts = {"became": found.became_leaving, "no longer": found.no_longer_leaving, **found.mix}
    lines = {name: float(one.points[NRR]) for name, one in amounts.items()}
    return lines | {name: nrr_of(parts) for name, parts in found.behaviour.items()}


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_exchanging_the_dates_turns_every_sign_around(seed: int):
    rng = np.random.default_rng(seed)
    earlier, later = (book_of(seed + i, 20, keys=rng.permutation(30)[:20]) for i in (0, 1))
    there, back = change(earlier, later), change(later, earlier)
    assert there is not None and back is not None
    one, other = parts_of(there), parts_of(back)
    other["became"], other["no longer"] = other["no longer"], other["became"]
    left = other["left"] + other["left_as_known"]
    assert one["new"] == pytest.approx(-left, abs=EXACT)
    for name in ("became", "no longer", "moved", *FEATURES):
        assert one[name] == pytest.approx(-other[name], abs=EXACT), name


def test_the_same_accounts_at_both_dates_differ_in_nothing():
    book = book_of(3, 20)
    found = change(book, book)
    assert found is not None
    assert max(map(abs, parts_of(found).values())) < 1e-12
    assert found.in_both == 20


def test_only_what_moved_has_a_line():
    """One account loses usage, one becomes a known leaver, MRR stays: no mix, and each has its own line."""
    earlier = book_of(4, 10, leaving=0.0)
    usage = earlier.contributions["churn"].copy()
    usage[0, 0] -= 0.3
    later = replace(
        earlier,
        contributions={**earlier.contributions, "churn": usage},
        expected=earlier.expected - np.array([[0.3, 0.0]] * 1 + [[0.0, 0.0]] * 9),
        leaving=np.arange(10) == 9,
    )
    found = change(earlier, later)
    assert found is not None
    weight = earlier.mrr / earlier.mrr.sum()
    assert nrr_of(found.behaviour["usage"]) == pytest.approx(-0.3 * weight[0])
    assert [nrr_of(found.behaviour[name]) for name in FEATURES[1:]] == pytest.approx([0.0, 0.0], abs=EXACT)
    assert found.became_leaving.points == pytest.approx(-earlier.expected[9] * weight[9])
    assert (found.became_leaving.accounts, found.no_longer_leaving.accounts) == (1, 0)
    assert found.of_mix == pytest.approx(np.zeros(2), abs=EXACT)


def test_who_comes_into_a_subset_is_told_from_who_is_new():
    book = book_of(5, 6, leaving=0.0, keys=[1, 2, 3, 4, 5, 6])
    later = replace(book, keys=np.array([1, 2, 3, 4, 7, 8]))
    found = change(book.where(book.keys <= 3), later.where(np.isin(later.keys, [2, 3, 4, 7])))
    assert found is not None
    counted = {name: one.accounts for name, one in found.mix.items()}
    assert counted == {"moved": 2, "new": 1, "entered": 1, "left": 0, "left_as_known": 0, "exited": 1}


def test_accounts_that_left_as_was_known_count_with_their_end():
    """They had NRR 0 before; that they are gone lifts the portfolio by their weight times the mean of both dates."""
    book = replace(book_of(6, 4, keys=[1, 2, 3, 4]), leaving=np.array([False, False, False, True]))
    later = book.where(book.keys <= 3)
    later = replace(later, keys=np.array([1, 2, 3, 99]))
    found = change(book, later)
    assert found is not None
    gone = found.mix["left_as_known"]
    assert (gone.accounts, gone.expected) == (1, 0.0)
    assert gone.points == pytest.approx(found.reference * book.mrr[3] / book.mrr.sum())


def test_accounts_that_merged_are_one_that_is_in_both():
    """Two of before are one of after with their MRR and their mean: nothing moved."""
    before = book_of(7, 3, leaving=0.0, keys=[1, 1, 2])
    share = before.mrr[:2] / before.mrr[:2].sum()

    def joined(rows: np.ndarray) -> np.ndarray:
        return np.vstack([share @ rows[:2], rows[2]])

    after = replace(
        before,
        keys=np.array([1, 2]),
        mrr=np.array([before.mrr[:2].sum(), before.mrr[2]]),
        leaving=np.zeros(2, dtype=bool),
        expected=joined(before.expected),
        contributions={part: joined(rows) for part, rows in before.contributions.items()},
    )
    found = change(before, after)
    assert found is not None and found.in_both == 2
    assert max(map(abs, parts_of(found).values())) < 1e-12


def test_a_feature_that_one_model_does_not_know_counts_as_nothing_there():
    points = less({"a": np.array([1.0, 0, 0, 0])}, {"b": np.array([0.0, 2, 0, 0])})
    assert {name: nrr_of(parts) for name, parts in points.items()} == {"a": 1.0, "b": -2.0}


def test_nobody_with_mrr_is_no_portfolio():
    book = book_of(8, 5)
    assert waterfall(book.where(np.zeros(5, dtype=bool))) is None
    assert change(book, book.where(np.zeros(5, dtype=bool))) is None


def test_portfolios_by_two_models_are_not_compared_line_by_line():
    one, other = waterfall(book_of(9, 5)), waterfall(book_of(9, 5, base_seed=8))
    assert one is not None and other is not None
    with pytest.raises(ValueError, match="one model"):
        contrast(one, other)
