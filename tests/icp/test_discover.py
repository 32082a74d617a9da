"""From tables to profiles: what is planted is found with its sign, what is not there is not, and figures are exact."""

import numpy as np
import pandas as pd
import pytest

from leap.features import discover_features
from leap.icp import ICPSearch
from leap.icp.discover import discover_icps
from leap.models.frames import fit_frame
from leap.revenue import Revenue
from leap.tables import AccountTables
from tests.worlds import NOTHING, Truth, planted_tables


def discovered(tables: AccountTables) -> ICPSearch:
    return discover_icps(tables, fit_frame(tables, discover_features(tables)))


@pytest.fixture(scope="module")
def tables() -> AccountTables:
    """Retailers leave three times as often, and nothing else matters."""
    return planted_tables(500, 48, truth=Truth(usage=0.0, retail=1.4, growing=0.0, hazard=0.02))


@pytest.fixture(scope="module")
def found(tables: AccountTables) -> ICPSearch:
    return discovered(tables)


def test_the_planted_attribute_is_found_with_its_sign(found: ICPSearch):
    of_retail = [p for p in found.profiles if any(c.value == "retail" for c in p.rule.conditions)]
    assert of_retail
    for profile in of_retail:
        conditions = [c for c in profile.rule.conditions if c.value == "retail"]
        assert profile.kind == ("negative" if conditions[0].op == "==" else "established")


def test_conditions_are_true_of_a_company_before_it_buys(found: ICPSearch):
    for attribute in found.attributes:
        assert all(str(c.feature.scope) == "fit" for c in attribute.rule.conditions)
        assert all(c.feature.recipe.table != "usage" for c in attribute.rule.conditions)


def test_the_size_counts_customers_and_prospects_that_match_now(found: ICPSearch, tables: AccountTables):
    industry = tables.tables["accounts"].rows.set_index("_account_id")["industry"]
    paying = Revenue(tables).mrr_at(tables.data_until) > 0
    retail = industry.reindex(tables.accounts).to_numpy() == "retail"
    alone = next(p for p in found.profiles if p.rule.features == {"industry"})
    meets = retail if alone.kind == "negative" else ~retail
    ever = Revenue(tables).has_revenue_row(tables.data_until)
    if alone.rule.conditions[0].value == "retail":
        assert alone.size["customers"] == int((paying & meets).sum())
        assert alone.size["prospects"] == int((~ever & meets).sum())
    assert alone.size["market"] == int((paying | ~ever).sum())


def test_a_statement_names_the_window_that_was_measured(found: ICPSearch, tables: AccountTables):
    """The outcome is of six months here: what was kept within them is not what is kept over a year."""
    assert tables.settings.outcome.horizon_months == 6
    for profile in found.profiles:
        assert "year" not in profile.statement, profile.statement


def test_companies_in_which_nothing_matters_have_no_profile():
    claimed = []
    for seed in range(6):
        world = planted_tables(250, 36, seed=seed, truth=NOTHING, prospects=10)
        claimed.append(bool(discovered(world).profiles))
    assert sum(claimed) <= 1, claimed


def test_a_history_that_is_too_short_says_so():
    world = planted_tables(60, 9, truth=NOTHING, prospects=5)
    result = discovered(world)
    assert not result.profiles
    assert result.none_because


def test_the_price_of_a_negative_profile_is_in_money(found: ICPSearch, tables: AccountTables):
    for profile in found.profiles:
        if profile.kind == "negative":
            assert profile.price is not None
            first = pd.Series(pd.to_datetime(Revenue(tables).first_paid()))
            assert (
                0 <= profile.price["won_last_year"] <= int((first >= tables.data_until - pd.DateOffset(years=1)).sum())
            )
            lost = profile.price["yearly_revenue_lost_per_account"]
            assert lost is None or np.isfinite(lost)
