"""What counts as no customer like this: levels nobody has, numbers far out, and not what is merely missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.explanation.groups import Groups
from leap.explanation.novelty import NO_CUSTOMERS_LIKE_THIS, TOO_LITTLE_KNOWN, Novelty
from leap.features import FeatureCatalog, FeatureFrame, Recipe, Scope, Signal
from tests.worlds import a_feature, a_frame

TYPICAL = {"industry": "retail", "employees": 120.0, "country": "DE", "seats": 10.0}


def customers(n: int = 400, seed: int = 0, **more: Any) -> FeatureFrame:
    rng = np.random.default_rng(seed)
    columns = {
        "industry": rng.choice(["retail", "finance", "health"], n).tolist(),
        "employees": np.round(np.exp(rng.normal(5, 0.8, n))),
        "country": rng.choice(["DE", "FR", "PL", "SE"], n, p=[0.6, 0.3, 0.09, 0.01]).tolist(),
        "seats": rng.poisson(10, n),
    }
    return a_frame({**columns, **more}, Scope.FIT)


def learnt(frame: FeatureFrame) -> Novelty:
    return Novelty.of(frame, Groups.of(frame))


def judged(novelty: Novelty, *rows: dict[str, Any]) -> list[str | None]:
    names = {name for row in rows for name in row}
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        number = novelty.catalog.by_name[name].kind != "category"
        columns[name] = np.array(
            [np.nan if v is None and number else v for v in values], dtype=float if number else object
        )
    found = novelty.judge(columns, len(rows))
    return [found.reason(i) for i in range(len(rows))]


def test_what_no_customer_has_is_refused_with_the_values_in_words() -> None:
    novelty = learnt(customers())
    strange = {**TYPICAL, "industry": "space mining", "employees": 2_000_000.0}
    assert judged(novelty, TYPICAL, strange) == [None, NO_CUSTOMERS_LIKE_THIS]
    columns = {name: np.array([value], dtype=object) for name, value in strange.items()}
    because = novelty.judge(columns, 1).because(0)
    assert because is not None and because.startswith("No or hardly any customers like this: ")
    assert "Industry: space mining, which no customer has" in because
    assert "Employees: 2,000,000; customers had" in because and "Country" not in because


def test_about_one_in_a_hundred_new_customers_of_the_same_kind_is_refused() -> None:
    novelty = learnt(customers(600))
    fresh = customers(4_000, seed=1).frame
    refused = novelty.judge({name: fresh[name].to_numpy() for name in fresh}, len(fresh)).refused.mean()
    assert 0.004 <= novelty.refused <= 0.015
    assert 0.003 <= refused <= 0.025


def test_companies_of_another_kind_are_refused() -> None:
    novelty = learnt(customers(600))
    other = customers(200, seed=2, industry=["mining"] * 200, country=["BR"] * 200).frame
    assert novelty.judge({name: other[name].to_numpy() for name in other}, len(other)).novel.mean() > 0.99


def test_what_is_missing_is_no_novelty_unless_nothing_is_known() -> None:
    novelty = learnt(customers())
    assert judged(novelty, {"industry": "retail"}, {"employees": 90.0, "industry": None}, {"industry": None}) == [
        None, None, TOO_LITTLE_KNOWN,
    ]  # fmt: skip
    assert judged(novelty, {"industry": "space mining"}) == [NO_CUSTOMERS_LIKE_THIS]
    found = novelty.judge({}, 1)
    assert found.because(0) == "Too little known: give Industry, Employees, Country or 1 more."


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from(sorted(TYPICAL))), st.booleans())
def test_taking_values_away_never_makes_a_company_more_distant(kept: set[str], strange: bool) -> None:
    novelty = learnt(customers(120))
    row: dict[str, Any] = {**TYPICAL, "seats": 70.0} if strange else dict(TYPICAL)
    whole, part = ({name: np.array([value], dtype=object) for name, value in values.items()} for values in (
        row, {name: row[name] for name in kept}))  # fmt: skip
    assert novelty.judge(part, 1).distance[0] <= novelty.judge(whole, 1).distance[0] + 1e-9


def test_a_column_in_which_every_customer_differs_makes_nobody_new() -> None:
    novelty = learnt(customers(city=[f"city {i}" for i in range(400)]))
    assert judged(novelty, {**TYPICAL, "city": "another city"}) == [None]


def test_markets_buying_signals_and_changes_say_nothing_of_who_a_company_is() -> None:
    frame = customers(100)
    odd = {
        "index": a_feature("index", scope=Scope.FIT, recipe=Recipe("market", "market", "latest", "index")),
        "news": a_feature("news", scope=Scope.FIT, signal=Signal.BUYING, recipe=Recipe("news", "events", "count")),
        "growth": a_feature("growth", scope=Scope.FIT, recipe=Recipe("firms", "history", "growth", "employees")),
        "deals": a_feature("deals", scope=Scope.FIT, recipe=Recipe("deals", "events", "count")),
        "later": a_feature("later", scope=Scope.HEALTH),
    }
    catalog = FeatureCatalog((*frame.catalog.features, *odd.values()))
    wide = FeatureFrame(frame.frame.assign(**dict.fromkeys(odd, 1.0)), catalog, frame.observed_late)
    novelty = Novelty.of(wide, Groups.of(frame.where(np.ones(100, dtype=bool))), leave_out=["deals"])
    assert set(novelty.seen) == set(TYPICAL)


def test_it_comes_back_from_json_and_keeps_no_customer_of_its_own() -> None:
    frame = customers(country=["SE", "NO", *["DE"] * 398])
    novelty = learnt(frame)
    document = novelty.to_json()
    assert Novelty.from_json(document, frame.catalog) == novelty
    assert document["features"]["country"]["levels"] == [["DE", 398]]
    assert len(document["features"]["employees"]["quantiles"]) == 15


def test_few_customers_refuse_nobody() -> None:
    assert judged(learnt(customers(10)), {"industry": "space mining"}, {}) == [None, None]


@pytest.mark.parametrize("order", [0, 1])
def test_neither_the_other_rows_nor_their_order_matter(order: int) -> None:
    novelty = learnt(customers())
    rows = [TYPICAL, {**TYPICAL, "country": "BR"}, {**TYPICAL, "employees": 9e9}]
    alone = [judged(novelty, row)[0] for row in rows]
    turned = rows if order == 0 else rows[::-1]
    assert judged(novelty, *turned) == (alone if order == 0 else alone[::-1])
    assert replace(novelty, limit=1e9).judge({}, 0).distance.shape == (0,)
