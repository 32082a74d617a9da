"""One scoring path: the file, the service and the prospect form cannot disagree, and every reason adds up."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.bundle.make import spread
from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.errors import BundleError, CatalogError, LeapError, TableError, UnknownAccount, UsageError
from leap.features import build_features
from leap.models.hazard import fit_hazard
from leap.models.hazard.company import customers
from leap.scoring import Batch, Scorer, portfolio, score_all
from leap.scoring.won import Won
from leap.snapshots import customer_snapshots
from leap.tables import assemble
from serving.schemas import AccountAnswer
from tests.worlds import PLANTED_SETTINGS, TrainedWorld, planted_frames

SCORE_FILE = [
    "account_id", "name", "as_of", "mrr", "churn_probability", "contraction_rate", "expansion_rate",
    "expansion_probability", "nrr", "nrr_low", "nrr_high", "nrr_direct", "grr", "win_probability", "status", "value_12m",
    "value_12m_low", "value_12m_high", "value_36m", "icp_id", "icp_tier",
    "reason_1", "reason_2", "reason_3", "reason_4", "reason_5", "abstained",
    "expected_gain", "contact", "model_version", "definition_hash",
]  # fmt: skip

SOME = slice(None, None, 7)


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture(scope="module")
def batch(planted: TrainedWorld) -> Batch:
    return score_all(planted.bundle, planted.tables, "7")


@pytest.fixture(scope="module")
def file(batch: Batch) -> pd.DataFrame:
    return batch.frame()


@pytest.fixture(scope="module")
def given(planted: TrainedWorld) -> dict[str, dict[str, Any]]:
    """Plain feature values of every customer, as a caller would send them."""
    snapshots = customer_snapshots(planted.tables, [planted.tables.data_until])
    frame = build_features(planted.tables, snapshots, planted.bundle.catalog).frame
    plain = [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in frame.to_dict("records")
    ]
    return dict(zip(snapshots.rows["account_id"], plain, strict=True))


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    return planted_frames()


def rows_of(raw: dict[str, pd.DataFrame], account: str) -> dict[str, list[dict[str, Any]]]:
    """The raw rows of one account, as JSON would bring them."""
    result = {}
    for name in ("accounts", "usage", "subscriptions"):
        own = raw[name][raw[name]["account_id"] == account]
        result[name] = json.loads(own.drop(columns="account_id").to_json(orient="records", date_format="iso"))
    return result


def staying(file: pd.DataFrame) -> list[str]:
    return list(file.loc[(file["status"] == "customer"), "account_id"])[SOME]


def numbers_of(score: dict[str, Any]) -> dict[str, float]:
    """Every number of a score but those that only batch and id know (the interval's level is the bundle's)."""
    return {
        "p": score["churn"]["p"], "d": score["contraction"]["rate"], "u": score["expansion"]["rate"],
        "q": score["expansion"]["p"], "nrr": score["nrr"]["point"], "low": score["nrr"]["low"], "high": score["nrr"]["high"],
        "direct": score["nrr"]["direct"], "grr": score["grr"], "value": score["value_12m"]["point"],
        "value_36m": score["value_36m"]["point"], "cac": score["cac"], "payback": score["payback_months"],
        **{f"survival {s['months']}": s["survival"] for s in score["survival"]},
        "value_low": score["value_12m"]["low"], "value_high": score["value_12m"]["high"], "mrr": score["mrr"],
        "base": score["base"]["nrr"], "residual": score["residual"],
        **{f"reason {r['feature']}": r["nrr_points"] for r in score["reasons"]},
    }  # fmt: skip


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = numbers_of(one), numbers_of(other)
    assert first.keys() == second.keys()
    for name in first:
        assert second[name] == pytest.approx(first[name], abs=1e-9), f"{one['account_id']} {name}"
    assert one["icp"] == other["icp"]
    assert [r["phrase"] for r in one["reasons"]] == [r["phrase"] for r in other["reasons"]]


# --- one path


def test_the_file_has_exactly_the_columns_that_callers_rely_on(file: pd.DataFrame):
    assert list(file.columns) == SCORE_FILE


def test_the_file_says_what_the_service_says(file: pd.DataFrame, scorer: Scorer):
    rows = file.set_index("account_id")
    for account in staying(file):
        (score,), missing = scorer.by_id([account])
        row = rows.loc[account]
        assert not missing
        pairs = {
            "mrr": score["mrr"], "churn_probability": score["churn"]["p"], "contraction_rate": score["contraction"]["rate"],
            "expansion_rate": score["expansion"]["rate"], "expansion_probability": score["expansion"]["p"],
            "nrr": score["nrr"]["point"], "nrr_low": score["nrr"]["low"], "nrr_high": score["nrr"]["high"],
            "nrr_direct": score["nrr"]["direct"], "grr": score["grr"], "value_12m": score["value_12m"]["point"],
            "value_12m_low": score["value_12m"]["low"], "value_12m_high": score["value_12m"]["high"],
            "value_36m": score["value_36m"]["point"],
        }  # fmt: skip
        for name, value in pairs.items():
            assert row[name] == pytest.approx(value, abs=1e-9), f"{account} {name}"
        assert row["reason_1"] == score["reasons"][0]["phrase"]


def test_feature_values_score_as_the_account_does(file: pd.DataFrame, scorer: Scorer, given: dict[str, dict[str, Any]]):
    accounts = staying(file)
    by_features = scorer.by_features([(account, given[account]) for account in accounts], top=0)
    for score, account in zip(by_features, accounts, strict=True):
        assert_same(scorer.by_id([account], top=0)[0][0], score)


def test_raw_rows_score_as_the_account_does(file: pd.DataFrame, scorer: Scorer, raw: dict[str, pd.DataFrame]):
    """Market figures are the workspace's own."""
    accounts = staying(file)[:8]
    by_rows = scorer.by_rows([(account, rows_of(raw, account)) for account in accounts], top=0)
    for score, account in zip(by_rows, accounts, strict=True):
        assert_same(scorer.by_id([account], top=0)[0][0], score)


def test_raw_rows_of_an_earlier_date_score_as_the_file_of_that_date(
    planted: TrainedWorld, raw: dict[str, pd.DataFrame], scorer: Scorer
):
    """What the rows say of later times is not used."""
    earlier = "2023-06-01"
    expected = score_all(planted.bundle, planted.tables, "7", earlier)
    frame = expected.frame()
    accounts = staying(frame)[:6]
    found = scorer.by_rows([(account, rows_of(raw, account)) for account in accounts], as_of=earlier)
    for score, account in zip(found, accounts, strict=True):
        position = list(expected.customers.account_ids).index(account)
        assert_same(expected.customers.to_json(position), score)


def test_an_earlier_file_is_that_of_tables_that_end_there(planted: TrainedWorld):
    """`--as-of` on full tables and tables cut at that date: the same scores to the bit."""
    moment = pd.Timestamp("2023-03-01")
    full = score_all(planted.bundle, planted.tables, "7", "2023-03-01").customers.frame()
    cut = score_all(planted.bundle, planted.tables.known_before(moment), "7").customers.frame()
    pd.testing.assert_frame_equal(
        full.set_index("account_id").loc[cut["account_id"]].reset_index(), cut, check_exact=True
    )
    assert set(full["account_id"]) - set(cut["account_id"]) <= started_on(planted, moment)


def started_on(planted: TrainedWorld, moment: pd.Timestamp) -> set[str]:
    """Who begins on the very day is a customer, although nothing was known of it before."""
    rows = planted.tables.tables["subscriptions"].rows
    return set(rows.loc[rows["_start"] == moment, "_account_id"])


def test_prospects_score_by_attributes_as_in_the_file(batch: Batch, scorer: Scorer):
    table = batch.prospects
    fit = [feature for feature in table.bundle.fit.encoder.catalog.features if feature.scope == "fit"]
    for i in range(0, len(table), 5):
        attributes = {f.name: table.columns[f.name][i] for f in fit}
        plain = {name: None if pd.isna(value) else value for name, value in attributes.items()}
        score = scorer.prospects([(table.account_ids[i], plain)], top=0)[0]
        expected = table.to_json(i, 0)
        assert score["nrr"]["point"] == pytest.approx(expected["nrr"]["point"], abs=1e-9)
        assert score["value_12m"]["point"] == pytest.approx(expected["value_12m"]["point"], abs=1e-9)
        assert score["icp"] == expected["icp"]


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"industry": "never seen"},
        {"industry": None, "employees": None},
        {"employees": 1e12, "region": "never seen"},
    ],
)
def test_missing_and_unseen_values_have_a_finite_score_whose_reasons_add_up(scorer: Scorer, features: dict[str, Any]):
    score = scorer.by_features([("x", features)], top=0)[0]
    assert math.isfinite(score["nrr"]["point"])
    total = score["base"]["nrr"] + sum(reason["nrr_points"] for reason in score["reasons"])
    assert total == pytest.approx(score["nrr"]["point"], abs=1e-6)
    assert score["mrr"] is None
    assert score["value_12m"]["point"] is None and score["value_12m"]["reason"]
    assert all(reason["money"] is None for reason in score["reasons"])


# --- curves and what an account returns


def test_the_curve_of_an_account_says_what_its_churn_probability_says(file: pd.DataFrame, scorer: Scorer):
    """The horizon of this company is six months."""
    for account in staying(file):
        (score,), _ = scorer.by_id([account])
        left = {one["months"]: one["survival"] for one in score["survival"]}
        assert list(left) == [1, 3, 6, 12, 24, 36]
        assert left[6] == pytest.approx(1 - score["churn"]["p"], abs=1e-12)
        assert 1 > left[1] > left[3] > left[6] > left[12] > left[24] > left[36] > 0


def test_beyond_the_months_that_accounts_were_followed_the_curve_says_so(
    planted: TrainedWorld, scorer: Scorer, file: pd.DataFrame
):
    (score,), _ = scorer.by_id(staying(file)[:1])
    followed = planted.bundle.health.hazard.observed
    assert 24 < followed < 36
    assert {one["months"]: one["observed"] for one in score["survival"]} == {
        m: m <= followed for m in (1, 3, 6, 12, 24, 36)
    }


def test_value_follows_the_curve_as_the_definitions_say(scorer: Scorer):
    table = scorer.customers
    assert table is not None
    for i in range(0, len(table), 11):
        growth, curve = table.prediction.u[i] - table.prediction.d[i], table.survival[i]
        for months, found in ((12, table.value[0][i]), (36, table.value_36m[i])):
            paths = [table.mrr[i] * curve[m - 1] * max(1 + growth * min(m, 12) / 6, 0) for m in range(1, months + 1)]
            expected = sum(mrr * 0.8 * 1.1 ** (-m / 12) for m, mrr in enumerate(paths, start=1))
            assert found == pytest.approx(expected)


def test_serving_is_subtracted_for_as_long_as_value_is_counted(scorer: Scorer):
    table = scorer.customers
    assert table is not None
    served = replace(table, cost=np.full(len(table), 120.0))
    year = sum(10 * 1.1 ** (-m / 12) for m in range(1, 13))
    three = sum(10 * 1.1 ** (-m / 12) for m in range(1, 37))
    np.testing.assert_allclose(table.value[0] - served.value[0], year)
    np.testing.assert_allclose(table.value_36m - served.value_36m, three)


def test_what_winning_an_account_cost_is_compared_with_what_it_paid_at_first(scorer: Scorer):
    table = scorer.customers
    assert table is not None
    n = len(table)
    won = Won(np.full(n, 1040.0), np.full(n, "account", dtype=object), np.full(n, 100.0))
    i = int(np.argmax(~table.leaving))
    score = replace(table, won=won).to_json(i)
    assert (score["cac"], score["cac_basis"], score["payback_months"]) == (1040.0, "account", pytest.approx(13.0))
    assert score["payback_months_survival"] >= 13 and score["reason"] is None
    assert score["ltv_to_cac"] == pytest.approx(score["value_36m"]["point"] / 1040)


def test_without_costs_every_null_says_why(scorer: Scorer, file: pd.DataFrame):
    (score,), _ = scorer.by_id(staying(file)[:1])
    for name in ("cac", "payback_months", "payback_months_survival", "ltv_to_cac"):
        assert score[name] is None and score["reason"][name] == "no_acquisition_costs"


def test_trees_of_a_hazard_are_stored_beside_the_others_and_tried_before_use(planted: TrainedWorld, tmp_path: Path):
    everyone = customers(planted.tables, planted.health)
    trees = fit_hazard(everyone.followed(planted.tables.data_until), everyone.timing, only="boosted")
    bundle = replace(planted.bundle, health=replace(planted.bundle.health, hazard=trees))
    bundle = bundle.with_golden(spread(planted.health.features), spread(planted.fit.features))
    bundle.save(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "models" / "health_hazard.txt").is_file()
    again = ModelBundle.load(tmp_path / "bundle")
    again.check_golden()
    assert "survival" in again.golden["health"]["expected"]
    other = replace(again, health=planted.bundle.health)
    with pytest.raises(BundleError, match="survival differs"):
        other.check_golden()


# --- arithmetic


def test_nrr_of_every_row_is_its_parts(file: pd.DataFrame):
    scored = file[file["abstained"] == ""]
    kept = 1 - scored["churn_probability"]
    composed = 1 - scored["churn_probability"] - kept * scored["contraction_rate"] + kept * scored["expansion_rate"]
    np.testing.assert_allclose(scored["nrr"], composed, atol=1e-9)
    np.testing.assert_allclose(scored["grr"], kept * (1 - scored["contraction_rate"]), atol=1e-9)


def test_every_interval_holds_its_point(file: pd.DataFrame):
    scored = file[file["abstained"] == ""]
    assert (scored["nrr_low"] <= scored["nrr"]).all() and (scored["nrr"] <= scored["nrr_high"]).all()
    assert (scored["nrr_low"] >= 0).all()
    valued = scored[scored["value_12m"].notna()]
    assert len(valued) > 100
    assert (valued["value_12m_low"] <= valued["value_12m"]).all() and (
        valued["value_12m"] <= valued["value_12m_high"]
    ).all()


@pytest.mark.parametrize("top", [0, 1, 3, 100])
def test_base_reasons_and_residual_are_the_score_for_any_number_of_reasons(
    file: pd.DataFrame, scorer: Scorer, top: int
):
    for account in staying(file):
        score = scorer.by_id([account], top)[0][0]
        listed = sum(reason["nrr_points"] for reason in score["reasons"])
        assert score["base"]["nrr"] + listed + score["residual"] == pytest.approx(score["nrr"]["point"], abs=1e-6)
        if top == 0:
            assert score["residual"] == pytest.approx(0, abs=1e-6)
        else:
            assert len(score["reasons"]) <= top


def test_probability_points_add_up_too(file: pd.DataFrame, scorer: Scorer, planted: TrainedWorld):
    base = planted.bundle.health.churn.calibration.probability(np.array([planted.bundle.health.churn.learner.base]))[0]
    for account in staying(file):
        score = scorer.by_id([account], 0)[0][0]
        total = base + sum(reason["probability_points"] for reason in score["reasons"])
        assert total == pytest.approx(score["churn"]["p"], abs=1e-6)


def test_money_of_a_reason_is_its_points_times_mrr_and_reasons_come_largest_first(file: pd.DataFrame, scorer: Scorer):
    for account in staying(file):
        score = scorer.by_id([account], 0)[0][0]
        points = [reason["nrr_points"] for reason in score["reasons"]]
        assert [abs(p) for p in points] == sorted((abs(p) for p in points), reverse=True)
        for reason in score["reasons"]:
            assert reason["money"] == pytest.approx(reason["nrr_points"] * score["mrr"])
            assert reason["direction"] == ("lowers" if reason["nrr_points"] < 0 else "raises")


def test_a_score_is_plain_json(file: pd.DataFrame, scorer: Scorer):
    for account in file["account_id"][:50]:
        for score in scorer.by_id([account])[0]:
            json.dumps(score, allow_nan=False)
    json.dumps(scorer.listing(), allow_nan=False)
    json.dumps(scorer.icp_document(), allow_nan=False)


# --- who gets none


def test_the_document_of_the_service_describes_every_field_of_a_score(
    file: pd.DataFrame, scorer: Scorer, planted: TrainedWorld
):
    """Answers are written without a pass over their types, which allow more: a field left out would go unnoticed."""
    (customer,), _ = scorer.by_id(staying(file)[:1])
    fit = [f.name for f in planted.bundle.fit.encoder.catalog.features if f.scope == "fit"]
    (prospect,) = scorer.prospects([("p", {**dict.fromkeys(fit), "industry": "retail"})], 0)
    promised = AccountAnswer.model_json_schema()
    for score in (customer, prospect):
        assert undescribed(score, promised, promised["$defs"]) == set()


def undescribed(value: Any, schema: dict[str, Any], types: dict[str, Any], path: str = "") -> set[str]:
    """Paths of what a document holds and its schema does not name."""
    for part in schema.get("anyOf", [schema]):
        schema = part if part.get("type") != "null" else schema
    schema = types[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    if isinstance(value, list):
        return set().union(*(undescribed(one, schema["items"], types, f"{path}[]") for one in value))
    if not isinstance(value, dict) or "properties" not in schema:
        return set()
    named = schema["properties"]
    inner = (undescribed(value[key], named[key], types, f"{path}.{key}") for key in value if key in named)
    return {f"{path}.{key}" for key in value if key not in named}.union(*inner)


def test_an_account_that_is_leaving_abstains_with_its_reason(planted: TrainedWorld):
    """Announced before the first of the month, ends after it."""
    rows = planted.tables.tables["subscriptions"].rows
    known = rows[rows["_cancelled"].notna()]
    row = known.iloc[0]
    moment = row["_end"].normalize() - pd.Timedelta(days=5)
    table = score_all(planted.bundle, planted.tables, "7", f"{moment:%Y-%m-%d}").customers
    position = list(table.account_ids).index(row["_account_id"])
    score = table.to_json(position)
    assert score["abstained"] == "already_leaving"
    assert score["churn"]["p"] is None and score["nrr"]["point"] is None and score["reasons"] == []
    line = table.frame().iloc[position]
    assert line["abstained"] == "already_leaving"
    assert line["mrr"] > 0 and math.isnan(line["nrr"]) and line["reason_1"] == ""


def test_an_account_that_is_leaving_counts_as_lost_in_the_portfolio(planted: TrainedWorld):
    rows = planted.tables.tables["subscriptions"].rows
    end = rows.loc[rows["_cancelled"].notna(), "_end"].iloc[0]
    table = score_all(planted.bundle, planted.tables, "7", f"{end - pd.Timedelta(days=5):%Y-%m-%d}").customers
    assert table.leaving.any()
    found = portfolio(table)
    stays = ~table.leaving
    expected = (table.mrr[stays] * table.prediction.nrr[stays]).sum() / table.mrr.sum()
    assert found["nrr"] == pytest.approx(expected)


def test_one_row_for_every_customer_and_prospect_and_none_for_former_ones(file: pd.DataFrame, planted: TrainedWorld):
    revenue = planted.tables.tables["subscriptions"].rows
    paying = set(revenue.loc[revenue["_end"].isna(), "_account_id"])
    prospects = set(planted.tables.accounts) - set(revenue["_account_id"])
    assert set(file.loc[file["mrr"].notna(), "account_id"]) == paying
    assert set(file.loc[file["mrr"].isna(), "account_id"]) == prospects
    assert file["account_id"].is_unique
    assert set(file["status"]) <= {"customer", "leaving", "prospect"}


def test_unknown_ids_are_named_and_the_others_scored(file: pd.DataFrame, scorer: Scorer):
    known = staying(file)[:2]
    scores, missing = scorer.by_id([known[0], "nobody", known[1]])
    assert [score["account_id"] for score in scores] == known
    assert missing == ["nobody"]
    with pytest.raises(UnknownAccount, match="nobody"):
        scorer.explain("nobody")


def test_who_is_no_customer_is_said_to_be_none_and_why(file: pd.DataFrame, scorer: Scorer):
    prospect = file.loc[file["status"] == "prospect", "account_id"].iloc[0]
    with pytest.raises(UnknownAccount, match=rf"{prospect}: .*it was no customer yet") as failed:
        scorer.explain(prospect)
    assert "case sensitive" not in str(failed.value)
    with pytest.raises(UnknownAccount, match="no table has it.*case sensitive"):
        scorer.explain("nobody")


def test_why_an_id_is_not_found_is_said_in_words_of_its_own(file: pd.DataFrame, scorer: Scorer, planted: TrainedWorld):
    """Of an unknown id, a prospect and a former customer; nobody else is named."""
    terms = planted.tables.tables["subscriptions"].rows
    gone = (
        terms.groupby("_account_id")["_end"].apply(lambda ends: ends.max() if ends.notna().all() else pd.NaT).dropna()
    )
    prospect = file.loc[file["status"] == "prospect", "account_id"].iloc[0]
    assert scorer.why_not_found("nobody") == "no table has it"
    assert "it was no customer yet; POST /v1/prospects rates" in scorer.why_not_found(prospect)
    assert f"its last paid term ended on {gone.iloc[0]:%Y-%m-%d}" in scorer.why_not_found(gone.index[0])
    assert "tables" in replace_tables(scorer).why_not_found("nobody")


def replace_tables(scorer: Scorer) -> Scorer:
    """The same model without a workspace."""
    return Scorer.build(scorer.bundle, "7", None)


# --- bad requests


def test_a_health_attribute_of_a_prospect_is_refused(scorer: Scorer):
    with pytest.raises(CatalogError, match="usage_count_91d"):
        scorer.prospects([("p", {"industry": "retail", "usage_count_91d": 3})])


def test_how_long_someone_has_been_a_customer_is_no_attribute_of_a_prospect(scorer: Scorer):
    with pytest.raises(CatalogError, match="tenure_months"):
        scorer.prospects([("p", {"tenure_months": 12})])


@pytest.mark.parametrize("name", ["industri", "mrr"])
def test_an_unknown_feature_is_refused_by_name(scorer: Scorer, name: str):
    with pytest.raises(CatalogError, match=name):
        scorer.by_features([("x", {name: 1})])


@pytest.mark.parametrize(
    "tables",
    [
        {"nowhere": [{"a": 1}]},
        {"subscriptions": [{"started_on": "yesterday", "mrr": 10}]},
        {"usage": [{"quantity": "many"}]},
    ],
)
def test_raw_rows_that_break_a_rule_are_an_error_to_act_on(scorer: Scorer, tables: dict[str, list[dict[str, Any]]]):
    with pytest.raises(LeapError):
        scorer.by_rows([("x", tables)])


def test_raw_rows_in_another_currency_use_the_rates_of_the_workspace(
    planted: TrainedWorld, raw: dict[str, pd.DataFrame]
):
    """Rates, like all market figures, are the workspace's own: a caller does not send them."""
    tables = {name: dict(table) for name, table in PLANTED_SETTINGS["tables"].items()}
    tables["subscriptions"]["currency"] = "currency"
    tables["rates"] = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    settings = parse_settings({**PLANTED_SETTINGS, "tables": tables})
    frames = {
        **raw,
        "subscriptions": raw["subscriptions"].assign(currency="EUR"),
        "rates": pd.DataFrame([{"indicator": "EUR", "period": "2020-01-01", "value": 2.0}]),
    }
    workspace = assemble(settings, frames, [], f"{planted.tables.data_until:%Y-%m-%d}")
    scorer = Scorer.build(replace(planted.bundle, settings=settings), "7", workspace)
    account = next(iter(customer_snapshots(workspace, [workspace.data_until]).rows["account_id"]))
    expected = scorer.by_id([account])[0][0]
    assert_same(expected, scorer.by_rows([(account, rows_of(frames, account))])[0])


def test_raw_rows_without_revenue_have_nothing_to_score_and_all_such_accounts_are_named(
    scorer: Scorer, raw: dict[str, pd.DataFrame]
):
    """An error of the request, not of its address: no account of these is looked for."""
    known = scorer.customers.account_ids[0]
    nothing = {"accounts": [{"industry": "retail"}]}
    past = {"subscriptions": [{"started_on": "2021-01-01", "ended_on": "2021-03-01", "mrr": 1, "product": "base"}]}
    with pytest.raises(TableError, match=r"2 of 3 accounts hold no MRR.*y: .*ended on 2021-03-01") as failed:
        scorer.by_rows([("x", nothing), (known, rows_of(raw, known)), ("y", past)])
    assert failed.value.details == ("x", "y")


def test_a_date_after_the_end_of_the_data_is_refused(planted: TrainedWorld):
    with pytest.raises(UsageError, match="after the end of the data"):
        score_all(planted.bundle, planted.tables, "7", "2030-01-01")


def test_no_score_is_explained_of_a_date_after_the_end_of_the_data(planted: TrainedWorld):
    with pytest.raises(UsageError, match="after the end of the data"):
        Scorer.build(planted.bundle, "7", planted.tables, pd.Timestamp("2030-01-01"))


def test_tables_that_the_model_needs_and_are_not_there_are_named(planted: TrainedWorld):
    tables = {name: table for name, table in planted.tables.tables.items() if name != "usage"}
    with pytest.raises(CatalogError, match="usage"):
        Scorer.build(planted.bundle, "7", replace(planted.tables, tables=tables))
