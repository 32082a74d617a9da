"""One account, one score: by its id, by its features, by its rows, in the score file and over HTTP."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.config import Company
from leap.errors import CatalogError
from leap.exports import write_frame
from leap.scoring import Batch, Scorer, score_all
from leap.tables import assemble, tables_from_records
from serving.live import LiveModel, Served
from tests.scoring.same import differences
from tests.scoring.worlds import bundle_of
from tests.serving.conftest import ask
from tests.worlds import PLANTED_SETTINGS, TrainedWorld, parse_settings, planted_frames

OWN = ("accounts", "usage", "subscriptions")
ODD = 'Zoë "Q", \\ O\u2028ne\u00a0=1+1;\n\U0001f680 Ltd'
UNSEEN = "Ünseen, \"quoted\" & 'odd' <b>"

FILE = {
    "mrr": ("mrr",), "churn_probability": ("churn", "p"), "contraction_rate": ("contraction", "rate"),
    "expansion_rate": ("expansion", "rate"), "expansion_probability": ("expansion", "p"), "nrr": ("nrr", "point"),
    "nrr_low": ("nrr", "low"), "nrr_high": ("nrr", "high"), "nrr_direct": ("nrr", "direct"), "grr": ("grr",),
    "value_12m": ("value_12m", "point"), "value_12m_low": ("value_12m", "low"), "value_12m_high": ("value_12m", "high"),
    "value_36m": ("value_36m", "point"), "expected_gain": ("action", "expected_gain"), "contact": ("action", "contact"),
    "icp_id": ("icp", "id"), "icp_tier": ("icp", "tier"), "name": ("name",),
}  # fmt: skip
"""Columns of a score file by where the same stands in a score."""


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """The planted company, with accounts of which little or odd things are known."""
    frames = {name: frame.copy() for name, frame in planted_frames().items()}
    firms, usage = frames["accounts"].astype({"employees": object, "favourite_number": object}), frames["usage"]
    odd = odd_accounts(frames)
    firms.loc[firms["account_id"] == odd["name"], "name"] = ODD
    firms.loc[firms["account_id"] == odd["unseen"], ["industry", "region"]] = [UNSEEN, "=cmd|' /C calc'!A0"]
    firms.loc[firms["account_id"] == odd["missing"], ["industry", "employees", "favourite_number"]] = None
    firms.loc[firms["account_id"] == odd["large"], ["employees", "favourite_number"]] = [2**53 + 1, -1.5e-7]
    frames["accounts"] = firms[firms["account_id"] != odd["only terms"]]
    frames["usage"] = usage[~usage["account_id"].isin([odd["only terms"], odd["no usage"]])]
    return frames


def odd_accounts(frames: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Customers at the end of the data of which something is odd, by what it is."""
    terms = frames["subscriptions"]
    paying = sorted(terms.loc[terms["ended_on"].isna(), "account_id"].unique())
    return dict(zip(("name", "unseen", "missing", "large", "only terms", "no usage"), paying, strict=False))


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld, frames: dict[str, pd.DataFrame]) -> Scorer:
    until = f"{planted.tables.data_until:%Y-%m-%d}"
    return Scorer.build(planted.bundle, "7", assemble(parse_settings(PLANTED_SETTINGS), frames, [], until))


@pytest.fixture(scope="module")
def batch(planted: TrainedWorld, scorer: Scorer) -> Batch:
    assert scorer.tables is not None
    return score_all(planted.bundle, scorer.tables, "7")


@pytest.fixture(scope="module")
def some(scorer: Scorer, frames: dict[str, pd.DataFrame]) -> list[str]:
    """The odd accounts, and every twentieth of the others."""
    assert scorer.customers is not None
    return [*odd_accounts(frames).values(), *scorer.customers.account_ids[10::20]]


def rows_of(frames: Mapping[str, pd.DataFrame], account: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of an account as its tables have them, fit for JSON."""
    own = {name: frames[name][frames[name]["account_id"] == account] for name in OWN}
    return {name: json.loads(rows.to_json(orient="records", date_format="iso")) for name, rows in own.items()}


def test_the_values_kept_of_rows_are_the_features_of_the_customer(
    scorer: Scorer, frames: dict[str, pd.DataFrame], some: list[str]
):
    answers = scorer.answers_by_rows([(account, rows_of(frames, account)) for account in some])
    assert answers.values is not None
    for place, account in enumerate(some):
        assert list(differences(dict(answers.values(place)), scorer.values_of(account))) == [], account


@pytest.mark.parametrize("top", [0, 5])
def test_features_and_rows_of_a_customer_score_as_its_id_in_every_field(
    scorer: Scorer, frames: dict[str, pd.DataFrame], some: list[str], top: int
):
    by_id, _ = scorer.by_id(some, top)
    by_features = scorer.by_features([(account, scorer.values_of(account)) for account in some], top)
    by_rows = scorer.by_rows([(account, rows_of(frames, account)) for account in some], top=top)
    for known, described, in_rows in zip(by_id, by_features, by_rows, strict=True):
        assert list(differences(known, described)) == [], known["account_id"]
        assert list(differences(known, in_rows)) == [], known["account_id"]
    assert by_id[0]["name"] == ODD
    assert {UNSEEN} <= {reason["value"] for reason in scorer.by_id([some[1]], 0)[0][0]["reasons"]}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_file_of_the_batch_says_what_the_service_says_of_customers_and_prospects(
    scorer: Scorer, batch: Batch, some: list[str], tmp_path: Path, ending: str
):
    """CSV marks text that a spreadsheet would run; else both kinds hold the same to the bit."""
    path = tmp_path / f"scores.{ending}"
    write_frame(batch.frame(), path)
    read = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, keep_default_na=False, na_values=[""])
    rows = read.set_index("account_id")
    scores, _ = scorer.by_id(some)
    table = batch.prospects
    attributes = [f.name for f in table.bundle.fit.encoder.catalog.features if f.name != "tenure_months"]
    ids = list(table.account_ids[::6])
    given = [
        (account, {name: none(table.columns[name][i]) for name in attributes})
        for i, account in zip(range(0, len(table), 6), ids, strict=True)
    ]
    assert len(ids) > 3
    for score in [*scores, *scorer.prospects(given)]:
        assert list(against_file(rows.loc[score["account_id"]], score)) == [], score["account_id"]


def against_file(row: pd.Series, score: Mapping[str, Any]) -> Iterator[str]:
    is_prospect = score["scope"] == "fit"
    for column, path in FILE.items():
        if is_prospect and column in ("mrr", "name"):
            continue  # the file has the prospect's own name, and no MRR
        said: Any = score
        for key in path:
            said = said[key]
        yield from differences(said, none(row[column]), column)
    told = [reason["phrase"] for reason in score["reasons"]] or [None] * 5
    yield from differences(told, [none(row[f"reason_{k + 1}"]) for k in range(len(told))], "reasons")
    yield from differences(score["abstained"], none(row["abstained"]) or None, "abstained")


def none(value: Any) -> Any:
    """A cell as JSON has it."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value


def test_over_http_every_way_of_asking_gives_the_same_figures(
    scorer: Scorer, frames: dict[str, pd.DataFrame], some: list[str]
):
    """With the real application: JSON in and out loses no digit."""
    with ask(LiveModel(Served(scorer, Company(name="Planted")))) as client:

        def scores(body: Mapping[str, Any]) -> list[dict[str, Any]]:
            answer = client.post("/v1/score", json={"top": 3, **body})
            assert answer.status_code == 200, answer.text
            return list(answer.json()["scores"])

        expected = json.loads(json.dumps(scorer.by_id(some, 3)[0]))
        by_id = scores({"account_ids": some})
        described = [{"account_id": one, "features": scorer.values_of(one)} for one in some]
        in_rows = [{"account_id": one, "tables": rows_of(frames, one)} for one in some]
        assert list(differences(expected, by_id)) == []
        assert list(differences(by_id, scores({"accounts": described}))) == []
        assert list(differences(by_id, scores({"accounts": in_rows}))) == []
        assert list(differences(by_id[0], scores({"accounts": [in_rows[0]]})[0])) == []
        mixed = [rows if i % 2 else own for i, (own, rows) in enumerate(zip(described, in_rows, strict=True))]
        assert list(differences(by_id, scores({"accounts": mixed}))) == []
        alone = client.get(f"/v1/accounts/{some[0]}?top=3").json()
        assert list(differences(by_id[0], {name: alone[name] for name in by_id[0]})) == []


def test_a_bad_row_over_http_is_refused_with_its_account_table_row_and_column(scorer: Scorer, some: list[str]):
    term = {"started_on": "2023-01-05", "mrr": 100, "product": "base"}
    bad = {"account_id": "Acme", "tables": {"subscriptions": [term, {**term, "product": "b", "mrr": "plenty"}]}}
    fine = {"account_id": "x", "tables": {"subscriptions": [term]}}
    with ask(LiveModel(Served(scorer, Company(name="Planted")))) as client:
        answer = client.post("/v1/score", json={"accounts": [fine, bad]})
        silent = client.post("/v1/score", json={"accounts": [fine, {"account_id": "y", "tables": {}}]})
    assert answer.status_code == silent.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "table"
    place = {"account_id": "Acme", "table": "subscriptions", "row": 2, "column": "mrr"}
    assert error["details"][0].items() >= {**place, "rule": "bad_number", "found": "plenty"}.items()
    assert silent.json()["error"]["details"] == ["y"]


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"employees": True}, "expected a finite number, found True"),
        ({"employees": "12"}, "expected a finite number, found '12'"),
        ({"employees": 10**400}, "expected a finite number"),
        ({"industry": 12}, "expected text"),
        ({"industry": False}, "expected text"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_feature(scorer: Scorer, features: dict[str, Any], said: str):
    with pytest.raises(CatalogError, match=said) as failed:
        scorer.by_features([("x", features)])
    assert failed.value.details == tuple(features)


def test_a_whole_number_is_its_float_and_empty_text_is_missing(scorer: Scorer):
    """2**53 + 1 is no float: over every path it is the nearest one."""
    for one, other in (
        ({"employees": 12}, {"employees": 12.0}),
        ({"employees": 2**53 + 1}, {"employees": float(2**53)}),
        ({"employees": 2**70}, {"employees": float(2**70)}),
        ({"industry": ""}, {"industry": None}),
        ({"industry": None}, {}),
    ):
        found = [scorer.by_features([("x", values)], 0)[0] for values in (one, other)]
        assert list(differences(*found)) == []


def test_text_with_blanks_around_it_is_told_by_features_as_by_rows(
    scorer: Scorer, frames: dict[str, pd.DataFrame], some: list[str]
):
    """What a file says is trimmed, and blanks alone are missing: " north " is no region of its own."""
    account, rows = some[-1], rows_of(frames, some[-1])
    values, firm = scorer.values_of(account), rows["accounts"][0]
    fit = {name: values[name] for name in ("employees", "industry")}
    for told, meant in ((f" {firm['region']}\u00a0", firm["region"]), ("\t ", None)):
        by_rows = scorer.by_rows([(account, {**rows, "accounts": [{**firm, "region": told}]})], top=0)
        for number in (values["employees"], 2**70):
            described = {**values, "employees": number}
            one, other = (scorer.by_features([(account, {**described, "region": text})], 0) for text in (told, meant))
            assert list(differences(one, other)) == []
        assert list(differences(by_rows, scorer.by_features([(account, {**values, "region": told})], 0))) == []
        one, other = (scorer.prospects([("p", {**fit, "region": text})], 0) for text in (told, meant))
        assert list(differences(one, other)) == []


def test_a_customer_whose_mrr_is_made_of_events_keeps_it_when_its_features_are_given():
    """No feature holds the MRR of trailing months, so it is the workspace's, as a margin is; of others it is unknown."""
    orders = [
        (account, f"2023-{month:02}-05", 30.0 * i) for i, account in enumerate("abc", 1) for month in range(1, 13)
    ]
    settings = {
        "company": {"name": "Shop", "gross_margin": 0.5, "currency": "GBP"},
        "tables": {
            "orders": {
                "shape": "events", "role": "revenue", "source": "o.csv", "amount": "amount", "windows_days": [91],
                "columns": {"lines": {"label": "Lines"}},
            },
        },
    }  # fmt: skip
    columns = ("account_id", "occurred_at", "amount")
    records = {"orders": [dict(zip(columns, order, strict=True)) | {"currency": "GBP", "lines": 2} for order in orders]}
    tables = tables_from_records(parse_settings(settings), records, data_until="2024-01-01")
    shop = Scorer.build(bundle_of(tables, {}), "1", tables)
    by_id, _ = shop.by_id(["a", "c"], 0)
    described = [(account, shop.values_of(account)) for account in ("a", "c")]
    assert shop.mrr_feature is None and [score["mrr"] for score in by_id] == [30.0, 90.0]
    assert list(differences(by_id, shop.by_features(described, 0))) == []
    assert shop.by_features([("stranger", shop.values_of("a"))])[0]["mrr"] is None
