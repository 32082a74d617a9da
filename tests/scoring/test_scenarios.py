"""Scenarios of the market: vintages of forecasts, sums that add up, oracle by changed figures, and honest refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.errors import SettingsError, UsageError
from leap.explanation.drivers import Driver
from leap.scoring.market_figures import market_of
from leap.scoring.scenario_answer import Asking
from leap.snapshots import day_of
from leap.tables import AccountTables
from tests.scoring.worlds import bundle_of
from tests.worlds import Row, company_of, subscription

UNTIL = "2024-01-01"
MONTHS = [f"{year}-{month:02}-01" for year in range(2020, 2024) for month in range(1, 13)]
SHOPS, BANKS = "shops", "banks"


def figure(period: str, value: float, published: str | None = None, **more: Any) -> Row:
    """One published figure of shops, by default published on the twentieth of its month."""
    published = published or period[:8] + "20"
    return {"indicator": "demand", "period": period, "published_at": published, "value": value, "trade": SHOPS, **more}


def figures(more: tuple[Row, ...] = ()) -> list[Row]:
    """Demand of shops goes 100, 110, 120, 90 by year and back and forth within it; of banks it stays at 50."""
    levels = {"2020": 100.0, "2021": 110.0, "2022": 120.0, "2023": 90.0}
    own = [figure(month, levels[month[:4]] + int(month[5:7]) % 3) for month in MONTHS]
    return [*own, *(figure(month, 50.0, trade=BANKS) for month in MONTHS), *more]


def company(
    rows: list[Row] | None = None, *, by_trade: bool = True, scenarios: Any = None, prospects: Any = ()
) -> AccountTables:
    """Ten shops and ten banks that pay 10.01, 20.02, …; one more whose trade nobody knows."""
    accounts = [(f"a{i:02}", SHOPS if i < 10 else BANKS) for i in range(20)]
    tables = company_of(
        [subscription(a, "2020-01-01", mrr=10.01 * (i + 1)) for i, (a, _) in enumerate(accounts)]
        + [subscription("nobody", "2020-01-01", mrr=7.77)],
        UNTIL,
        company={"name": "Made up", "currency": "USD"},
        tables={
            "firms": {"shape": "attributes", "source": "f.csv", "scope": "fit", "columns": {"trade": {"label": "Trade"}}},
            "market": {
                "shape": "market", "source": "m.csv", "scope": "fit", "party": "third",
                **({"segment": "trade"} if by_trade else {}), "columns": {"value": {"label": "Figure"}},
            },
        },
        records={
            "firms": [{"account_id": a, "trade": trade} for a, trade in [*accounts, *dict(prospects).items()]],
            "market": rows or figures(),
        },
    )  # fmt: skip
    if scenarios is None:
        return tables
    settings = parse_settings({**tables.settings.model_dump(exclude_defaults=True), "scenarios": scenarios})
    return replace(tables, settings=settings)


def driver(stable: bool = True, features: tuple[str, ...] = ("market_demand",)) -> Driver:
    return Driver(
        "demand", features, "Demand", 0.2, "raises", stable, "health", False, "demand", 1, 0.1, 0.3, 1, 1, 1.0, 1.0,
        0.01, 3.0, 0.01, None,
    )  # fmt: skip


def bundle(tables: AccountTables, weight: float = -0.05, drivers: tuple[Driver, ...] = (driver(),)) -> ModelBundle:
    """Churn is less likely, the higher demand is."""
    made = bundle_of(tables, {"market_demand": weight}, drivers=drivers)
    return replace(made, trained={**made.trained, "as_of_range": ["2021-01-01", "2023-12-01"]})


def answer(tables: AccountTables, as_of: str | None = None, by: str | None = None, **more: Any) -> dict[str, Any]:
    return Asking(bundle(tables, **more), "7", tables, as_of).answer(by)


def series_of(document: dict[str, Any], segment: str = SHOPS) -> dict[str, Any]:
    return next(one for one in document["market"] if one["segment"] == segment)


def move_of(document: dict[str, Any], name: str, segment: str = SHOPS) -> dict[str, Any]:
    return next(one for one in document["scenarios"][name] if one["segment"] == segment)


def test_the_sums_of_segments_and_of_profiles_are_the_whole_book_exactly():
    found = answer(company())
    assert {one["segment"] for one in found["by"]["segments"]} >= {SHOPS, BANKS}
    for parts in (found["by"]["segments"], found["profiles"]):
        for name in ("mrr", "at_risk"):
            assert sum(round(100 * one[name]) for one in parts) == round(100 * found["all"][name])
        for scenario in ("low", "base", "high"):
            ends = sum(round(100 * one["ending_mrr"][scenario]) for one in parts)
            assert ends == round(100 * found["all"]["ending_mrr"][scenario])
        assert sum(one["accounts"] for one in parts) == 21


def test_without_a_forecast_the_base_is_the_score_of_today():
    tables = company()
    asking = Asking(bundle(tables), "7", tables)
    found = asking.answer()
    table = asking.customers.table
    assert found["all"]["nrr"]["base"] == pytest.approx(
        (table.mrr * table.prediction.nrr).sum() / table.mrr.sum(), 1e-4
    )


def test_a_scenario_says_what_the_model_says_where_that_figure_was_published():
    """Oracle: the same company with another last figure."""
    tables = company(scenarios={"crash": {"demand": {"segments": {SHOPS: {"value": 70.0}}}}})
    published = company(figures((figure("2023-12-01", 70.0, "2023-12-29"),)))
    supposed = answer(tables)
    asking = Asking(bundle(tables), "7", published)
    there = {one["segment"]: one["nrr"]["base"] for one in asking.answer()["by"]["segments"]}
    found = {one["segment"]: one["nrr"]["crash"] for one in supposed["by"]["segments"]}
    assert found == pytest.approx(there)
    assert move_of(supposed, "crash")["to"] == 70.0 and move_of(supposed, "crash", BANKS)["to"] == 50.0


def test_low_is_where_the_model_expects_less():
    found = answer(company())
    assert found["low_is"][0]["end"] == "lower" and found["all"]["at_risk"] > 0
    nrr = found["all"]["nrr"]
    assert nrr["low"] < nrr["base"] < nrr["high"]
    turned = answer(company(), weight=0.05)
    assert turned["low_is"][0]["end"] == "higher" and turned["all"]["at_risk"] > 0
    banks = next(one for one in found["by"]["segments"] if one["segment"] == BANKS)
    assert banks["at_risk"] == 0  # their figure never moved


def test_the_ends_are_quantiles_of_changes_between_figures_as_published():
    """Ten in a hundred of the yearly changes, counted here by plain loops over what had been published by each day."""
    found = series_of(answer(company()))["history"]
    rows = [row for row in figures() if row["trade"] == SHOPS]

    def level(day: str) -> float | None:
        known = [row for row in rows if row["published_at"] < day]
        return max(known, key=lambda row: row["period"])["value"] if known else None

    days = [*MONTHS[1:], UNTIL]
    pairs = [(level(a), level(b)) for a in days for b in days if a[5:] == b[5:] and int(b[:4]) == int(a[:4]) + 1]
    changes = [b / a - 1 for a, b in pairs if a and b]
    assert found["n"] == len(changes)
    assert (found["low"], found["high"]) == pytest.approx(tuple(np.quantile(changes, [0.1, 0.9])))


def test_a_forecast_counts_from_the_day_it_was_published_and_the_last_one_wins():
    early = figure("2024-01-01", 130.0, "2023-03-10")
    later = figure("2024-01-01", 60.0, "2023-11-10")
    tables = company(figures((early, later)))
    before, between, after = (answer(tables, day) for day in ("2023-03-10", "2023-03-11", "2023-12-01"))
    assert move_of(before, "base")["to"] == series_of(before)["latest"]
    assert move_of(between, "base")["to"] == 130.0
    assert move_of(after, "base")["to"] == 60.0
    assert [one["published"] for one in series_of(after)["forecasts"]] == ["2023-11-10"]


def test_a_forecast_is_no_published_figure_of_the_features():
    tables = company(figures((figure("2024-06-01", 999.0, "2023-03-10"),)))
    found = series_of(answer(tables))
    assert found["latest"] < 100 and found["period"] == "2023-12-01"
    assert float(np.nanmax(Asking(bundle(tables), "7", tables).customers.table.columns["market_demand"])) < 100


def test_published_ends_of_a_forecast_take_the_place_of_the_history():
    more = (
        figure("2024-12-01", 100.0, "2023-11-10"),
        figure("2024-12-01", 80.0, "2023-11-10", indicator="demand_low"),
        figure("2024-12-01", 105.0, "2023-11-10", indicator="demand_high"),
    )
    found = answer(company(figures(more)))
    assert [move_of(found, name)["to"] for name in ("low", "base", "high")] == [80.0, 100.0, 105.0]
    assert {one["indicator"] for one in found["market"]} == {"demand"}


def test_nothing_of_later_changes_what_a_scenario_says():
    later = (figure("2023-06-01", 5.0, "2023-07-20"), figure("2024-07-01", 5.0, "2023-07-20"))
    assert answer(company(figures(later)), "2023-07-20") == answer(company(), "2023-07-20")


def test_a_model_that_reacts_to_no_market_feature_says_so():
    found = answer(company(), weight=0.0, drivers=())
    assert not found["reacts"] and found["all"]["at_risk"] == 0
    assert found["statement"].startswith("The model reacts to no market feature: scenarios change nothing")


def test_an_effect_that_is_no_driver_or_does_not_hold_is_not_claimed():
    assert answer(company())["claimed"]
    small = answer(company(), drivers=())
    assert not small["claimed"] and small["all"]["at_risk_low"] is None
    assert small["statement"].startswith("Nothing is claimed of the market")
    shaky = answer(company(), drivers=(driver(stable=False),))
    assert not shaky["claimed"] and "do not act on it yet" in shaky["statement"]
    assert shaky["all"]["at_risk_low"] == 0 < shaky["all"]["at_risk_high"]


def test_the_range_is_that_of_the_refits():
    found = answer(company())["all"]
    assert found["at_risk_low"] == pytest.approx(found["at_risk"] / 2, abs=0.01)
    assert found["at_risk_high"] == pytest.approx(found["at_risk"] * 1.5, abs=0.01)


def test_values_that_training_never_saw_are_flagged():
    quiet = answer(company(scenarios={"crash": {"demand": 0.01}}))
    assert "crash" not in {one["scenario"] for one in quiet["outside_training"] if one["feature"] == "market_demand"}
    found = answer(company(scenarios={"crash": {"demand": -0.9}}))
    beyond = [one for one in found["outside_training"] if one["scenario"] == "crash"]
    assert beyond[0]["accounts"] == 20 and any("Beyond what training saw" in limit for limit in found["limits"])


def test_prospects_like_no_customer_are_counted_and_in_no_mean(monkeypatch: pytest.MonkeyPatch):
    tables = company(prospects={"p0": SHOPS, "p1": BANKS, "odd": SHOPS})
    asking = Asking(bundle(tables), "7", tables)
    table = asking.prospects.table
    odd = np.array([account == "odd" for account in table.account_ids])
    monkeypatch.setattr(type(table), "silent", odd)
    (only,) = asking.answer()["profiles"]
    assert (only["prospects"]["accounts"], only["prospects"]["without_score"]) == (2, 1)
    assert only["prospects"]["nrr"]["base"] == pytest.approx(table.prediction.nrr[~odd].mean())


def test_figures_that_are_the_same_for_all_cannot_be_told_from_time():
    rows = [{k: v for k, v in row.items() if k != "trade"} for row in figures() if row["trade"] == SHOPS]
    found = answer(company(rows, by_trade=False), by="trade")
    assert any("cannot tell the market from anything else that changed with time" in limit for limit in found["limits"])
    assert {one["segment"] for one in found["by"]["segments"]} >= {SHOPS, BANKS}
    assert not found["claimed"] and "cannot tell them from time" in found["statement"]
    assert not any("cannot tell" in limit for limit in answer(company())["limits"])


def test_an_account_of_no_known_segment_is_moved_by_nothing_and_told():
    found = answer(company())
    assert any("1 customers have no known segment" in limit for limit in found["limits"])


def test_before_the_first_figure_nothing_moves_and_it_says_so():
    found = answer(company(), "2020-01-15")
    assert not found["reacts"] and found["market"] == [] and found["all"]["at_risk"] == 0
    assert found["statement"] == "No figure of the market was published before 2020-01-15: there is nothing to move."
    assert sum(one["accounts"] for one in found["by"]["segments"]) == found["all"]["accounts"] == 21


@pytest.mark.parametrize(
    ("scenarios", "said"),
    [
        ({"low": {"demnad": -0.1}}, "did you mean 'demand'"),
        ({"x": {"demand": {"segments": {"shop": -0.1}}}}, "did you mean 'shops'"),
        ({"x": {"demand": {"change": -0.1, "value": 3}}}, "found both"),
        ({"x": {"demand": {}}}, "found neither"),
        ({"x": {"demand": -1.5}}, "greater than -1"),
        ({"x": {"demand": {"chnge": 1}}}, "did you mean 'change'"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(scenarios: Any, said: str):
    with pytest.raises(SettingsError, match=said):
        answer(company(scenarios=scenarios))


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UsageError, match="did you mean 'trade'"):
        answer(company(), by="trad")
    tables = company_of([subscription("a", "2020-01-01")], UNTIL)
    assert market_of(tables, day_of(UNTIL)) == []
    with pytest.raises(UsageError, match="no table of shape market"):
        _ = Asking(bundle(company()), "7", tables).figures
