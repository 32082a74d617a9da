"""Whose tier changed between two versions, by which of data, model and policy; and tiers as they are published."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import CatalogError, UsageError
from leap.features import Recipe, Scope
from leap.icp import Condition, ICPProfile, ICPSearch, Rule, TierPolicy
from leap.scoring.icp_diff import icp_diff
from leap.scoring.icp_diff_monday import monday
from leap.scoring.icp_tier_changes import NOT_THERE, SETTINGS, Looks, Version, shapley_sixths, tier_changes
from leap.scoring.icp_tier_words import Reasons
from leap.scoring.tier_looks import Look, catalog_of, look
from leap.scoring.tier_state import Held, PublishedTiers, published, published_without_state
from tests.reports.searches import evidence
from tests.worlds import a_feature, company_of, subscription

SIZE = a_feature("size", "number", Scope.FIT, label="Employees", unit="people")
CLOUD = a_feature("cloud", "boolean", Scope.FIT, label="Uses cloud software")
USUAL = TierPolicy()


def a_profile(name: str, *conditions: tuple[Any, str, Any]) -> ICPProfile:
    rule = Rule(tuple(Condition(*condition) for condition in conditions))  # type: ignore[arg-type]
    return ICPProfile(name, name.partition("-")[0], rule, evidence(), "said")


BIG = a_profile("established-1", (SIZE, ">=", 200.0))
CLOUDY = a_profile("established-2", (CLOUD, "==", 1.0))
NO_CLOUD = a_profile("negative-1", (CLOUD, "==", 0.0))


def a_look(as_of: str, **accounts: tuple[float, float]) -> Look:
    """Accounts with their size and whether they use cloud software; each pays 100."""
    size, cloud = (np.array([one[k] for one in accounts.values()], dtype=float) for k in (0, 1))
    names = {account: account.upper() for account in accounts}
    return Look(as_of, as_of, tuple(accounts), names, np.full(len(accounts), 100.0), {"size": size, "cloud": cloud})


def compared(then: Look, now: Look, old: Version, new: Version) -> tuple[Any, dict[str, str]]:
    """The changes of tier, and why by account."""
    looks = Looks(then, then, now, now)
    diff = icp_diff(ICPSearch(old.profiles, (), None), ICPSearch(new.profiles, (), None))
    changes, reasons = tier_changes(looks, old, new), Reasons(looks, old, new, diff)
    return changes, {one.account_id: reasons.why(one) for one in changes.changed}


# --- Shapley values


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=8, max_size=8))
def test_the_parts_are_the_means_over_all_six_orders_and_add_up(values: list[int]) -> None:
    found = shapley_sixths(np.array(values).reshape(8, 1))[:, 0]
    by_order = [0, 0, 0]
    for order in permutations(range(3)):
        turned = [False, False, False]
        for k in order:
            before = values[SETTINGS.index(tuple(turned))]  # type: ignore[arg-type]
            turned[k] = True
            by_order[k] += values[SETTINGS.index(tuple(turned))] - before  # type: ignore[arg-type]
    assert found.tolist() == by_order
    assert found.sum() == 6 * (values[-1] - values[0])


sizes = st.tuples(st.floats(100, 300), st.sampled_from([0.0, 1.0]))
some = st.dictionaries(st.sampled_from("abcdefgh"), sizes, min_size=1)
profiles = st.lists(st.sampled_from(range(3)), max_size=3, unique=True).map(
    lambda which: tuple((BIG, CLOUDY, NO_CLOUD)[i] for i in which)
)
policies = st.builds(TierPolicy, st.sampled_from([0.0, 0.1, 0.3]), st.booleans())


@settings(max_examples=60, deadline=None)
@given(some, some, profiles, profiles, policies, policies)
def test_every_account_is_counted_once_and_all_parts_add_up(
    then: Any, now: Any, old: Any, new: Any, was: Any, is_now: Any
) -> None:
    changes, why = compared(
        a_look("2024-01-01", **then), a_look("2025-01-01", **now), Version(old, was), Version(new, is_now)
    )
    assert sum(changes.by_cause.values()) == len(changes.changed)
    assert all(sum(one.parts.values()) == 1 and why[one.account_id] for one in changes.changed)
    for row in changes.by_tier.values():
        assert row["then"] + row["data"] + row["model"] + row["policy"] == row["now"]
    assert sum(count for count, _ in changes.transitions.values()) == len({**then, **now})
    assert changes.both + changes.arrived == len(now) and changes.both + changes.gone == len(then)
    moved = sum(count for (a, b), (count, _) in changes.transitions.items() if a != b and NOT_THERE not in (a, b))
    assert moved == len(changes.changed)


# --- causes


def test_what_only_the_data_changed_is_by_data() -> None:
    old = Version((BIG,), USUAL)
    changes, why = compared(
        a_look("2024-01-01", a=(150, 0), b=(250, 0)), a_look("2025-01-01", a=(240, 0), b=(250, 0)), old, old
    )
    assert [(one.account_id, one.was, one.now, one.causes) for one in changes.changed] == [("a", "C", "A", ("data",))]
    assert why == {"a": "data: Employees was 150 people, is 240 people"}


def test_what_only_the_profiles_changed_is_by_model() -> None:
    both = {"a": (150.0, 1.0), "b": (250.0, 0.0)}
    old, new = Version((BIG,), USUAL), Version((CLOUDY, NO_CLOUD), USUAL)
    changes, why = compared(a_look("2024-01-01", **both), a_look("2025-01-01", **both), old, new)
    assert {one.account_id: (one.was, one.now, one.causes) for one in changes.changed} == {
        "a": ("C", "A", ("model",)), "b": ("A", "D", ("model",)),
    }  # fmt: skip
    assert why["a"] == "model: it meets established-2 (Uses cloud software), which is new"
    assert (
        "negative-1" in why["b"] and "established" not in why["b"]
    )  # the negative profile decides, whatever else it met


def test_an_account_that_comes_near_a_profile_is_told_what_it_lacks() -> None:
    both = {"a": (145.0, 0.0), "b": (195.0, 0.0)}
    lower, cloudy = a_profile("established-1", (SIZE, ">=", 150.0)), a_profile("established-1", (CLOUD, "==", 1.0))
    looks = a_look("2024-01-01", **both), a_look("2025-01-01", **both)
    _, why = compared(*looks, Version((BIG,), USUAL), Version((lower,), USUAL))
    assert why["a"] == (
        "model: it nearly meets established-1: Employees: at least 150 people (145 people, 5 people short)"
    )
    _, why = compared(*looks, Version((BIG,), USUAL), Version((cloudy,), USUAL))
    assert why["b"].startswith("model: it nearly met established-1: Employees: at least 200 people (195")


def test_the_first_profile_ever_gives_everyone_a_tier() -> None:
    """Those to act on are told first, however little they pay."""
    both = {"a": (150.0, 0.0), "b": (250.0, 0.0)}
    looks = a_look("2024-01-01", **both), a_look("2025-01-01", **both)
    changes, why = compared(*looks, Version((), USUAL), Version((BIG,), USUAL))
    assert [(one.account_id, one.was, one.now) for one in changes.changed] == [("b", None, "A"), ("a", None, "C")]
    assert why["a"] == "model: there was no profile, and it meets none of those found now"
    _, why = compared(*looks, Version((BIG,), USUAL), Version((), USUAL))
    assert why["a"] == "model: there is no profile any more" and "which is no profile any more" in why["b"]


def test_what_only_a_setting_changed_is_by_policy() -> None:
    both = {"a": (170.0, 1.0), "b": (250.0, 0.0)}
    profiles = (BIG, NO_CLOUD)
    old, new = Version(profiles, TierPolicy(0.1)), Version(profiles, TierPolicy(0.2, excludes=True))
    changes, why = compared(a_look("2024-01-01", **both), a_look("2025-01-01", **both), old, new)
    assert {one.account_id: (one.was, one.now) for one in changes.changed} == {"a": ("C", "B"), "b": ("D", "excluded")}
    assert changes.by_cause == {"data": 0, "model": 0, "policy": 2}
    assert why["b"] == "policy: lists leave out tier D, tier_band is 20% instead of 10%"


def test_a_change_that_needs_both_is_shared() -> None:
    """Smaller than then, and the profile asks for less: neither alone makes it a C that is an A."""
    changes, why = compared(
        a_look("2024-01-01", a=(100, 0)), a_look("2025-01-01", a=(160, 0)),
        Version((BIG,), USUAL), Version((a_profile("established-1", (SIZE, ">=", 150.0)),), USUAL),
    )  # fmt: skip
    assert changes.changed[0].parts == {"data": Fraction(1, 2), "model": Fraction(1, 2), "policy": Fraction(0)}
    assert why["a"].startswith("data: Employees was 100 people, is 160 people; model: it meets established-1")
    assert "asks for less" in why["a"]


def test_an_account_keeps_its_tier_within_the_band_from_one_version_to_the_next() -> None:
    old = Version((BIG,), USUAL)
    changes, _ = compared(a_look("2024-01-01", a=(205, 0)), a_look("2025-01-01", a=(195, 0)), old, old)
    assert not changes.changed and changes.held == 1


def test_the_accounts_to_hand_over_are_named() -> None:
    old, new = Version((BIG,), USUAL), Version((BIG, NO_CLOUD), USUAL)
    then = a_look("2024-01-01", a=(150, 1), b=(250, 1), c=(250, 0))
    changes, _ = compared(then, a_look("2025-01-01", a=(250, 1), b=(100, 1), c=(250, 0)), old, new)
    said = monday(icp_diff(ICPSearch(old.profiles, (), None), ICPSearch(new.profiles, (), None)), changes, "EUR")
    assert "Hand over to the team of priority accounts, now in A: 1 account, 100 EUR a month (A)." in said
    assert "Take back from the team of priority accounts, no longer in A: 1 account, 100 EUR a month (B)." in said
    assert "Review before the next discount or renewal, now in D: 1 account, 100 EUR a month (C)." in said


# --- published tiers


def test_since_is_the_date_on_which_a_tier_was_entered() -> None:
    about: dict[str, str] = {"company": "Acme", "version": "1"}
    first = published(None, a_look("2024-01-01", a=(250, 0), b=(100, 0)), (BIG,), USUAL, **about)
    second = published(first, a_look("2024-02-01", a=(190, 0), b=(210, 0)), (BIG,), USUAL, **{**about, "version": "2"})
    assert second.accounts == {"a": Held("A", "2024-01-01", "1"), "b": Held("A", "2024-02-01", "2")}
    assert (second.kept, second.counts, second.watched_from) == (1, {"A": 2}, "2024-01-01")
    assert second.changed_since(first) == {"b": ("C", "A")}
    again = published(second, a_look("2024-02-01", a=(190, 0), b=(210, 0)), (BIG,), USUAL, **{**about, "version": "2"})
    assert again == second
    assert PublishedTiers.from_json(json.loads(json.dumps(second.to_json()))) == second


def test_tiers_are_not_published_backwards() -> None:
    about: dict[str, str] = {"company": "Acme", "version": "1"}
    first = published(None, a_look("2024-02-01", a=(250, 0)), (BIG,), USUAL, **about)
    with pytest.raises(UsageError, match="2024-02-01 are published already"):
        published(first, a_look("2024-01-01", a=(250, 0)), (BIG,), USUAL, **about)


FIRMS = {"firms": {"shape": "history", "source": "f.csv", "at": "on", "scope": "fit", "columns": {"size": {}}}}


def test_without_published_tiers_the_year_before_is_looked_at() -> None:
    """The account grew beyond 200 people in March 2024: since then it is in A, although nobody looked."""
    from leap.features import discover_features

    rows = [subscription(f"a{i}", "2023-01-01") for i in range(12)]
    sizes = [{"account_id": f"a{i}", "on": "2023-01-01", "size": 100 + 10 * i} for i in range(12)]
    tables = company_of(
        rows, "2024-06-02", tables=FIRMS,
        records={"firms": [*sizes, {"account_id": "a0", "on": "2024-02-15", "size": 400}]},
    )  # fmt: skip
    size = next(f for f in discover_features(tables).of_scope(Scope.FIT).features if f.recipe.column == "size")
    profiles = (a_profile("established-1", (size, ">=", 200.0)),)
    now = look(tables, catalog_of(profiles))
    found = published_without_state(tables, now, profiles, USUAL, company="Acme", version="1")
    assert found is not None and found.accounts["a0"] == Held("A", "2024-03-01", "1")
    assert found.accounts["a9"].tier == "B" and found.accounts["a9"].since == found.watched_from < "2024-01-01"


def test_merged_accounts_go_on_under_their_new_name() -> None:
    tables = company_of(
        [subscription("old", "2023-01-01", "2024-01-01"), subscription("new", "2024-01-01"), subscription("b", "2023-01-01")],
        "2024-06-02", lineage=[("old", "new", "2024-01-01")],
    )  # fmt: skip
    then = a_look("2023-06-01", old=(250, 0), b=(100, 0))
    assert then.known_as(tables).account_ids == ("new", "b")
    before = published(None, then, (BIG,), USUAL, company="Acme", version="1").known_as(tables)
    assert before.accounts["new"] == Held("A", "2023-06-01", "1") and "old" not in before.accounts


def test_prospects_stand_beside_customers_without_mrr() -> None:
    tables = company_of([subscription("a", "2023-01-01")], "2024-06-02", tables=FIRMS, records={"firms": [
        {"account_id": name, "on": "2023-01-01", "size": 300} for name in ("a", "p")
    ]})  # fmt: skip
    from leap.features import discover_features

    seen = look(tables, discover_features(tables).of_scope(Scope.FIT), pd.Timestamp("2024-01-01"))
    assert dict(zip(seen.account_ids, map(seen.money, range(2)), strict=True)) == {"a": 100.0, "p": None}


@pytest.mark.parametrize(("table", "column", "said"), [("firms", "gone", "'gone'"), ("gone", "size", r"\['gone'\]")])
def test_what_profiles_need_and_the_workspace_has_no_more_is_named(table: str, column: str, said: str) -> None:
    tables = company_of(
        [subscription("a", "2023-01-01")], "2024-06-02", tables=FIRMS,
        records={"firms": [{"account_id": "a", "on": "2023-01-01", "size": 300}]},
    )  # fmt: skip
    size = replace(SIZE, recipe=Recipe(table, "history", "latest", column))
    with pytest.raises(CatalogError, match=said):
        look(tables, catalog_of([a_profile("established-1", (size, ">=", 200.0))]))
