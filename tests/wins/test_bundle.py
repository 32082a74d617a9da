"""The win model in a bundle and in the scores of prospects; nothing of it where there is none."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leap.bundle.make import make_bundle, spread
from leap.bundle.model_bundle import ModelBundle
from leap.errors import BundleError
from leap.evaluation import judge, predict_folds
from leap.features import discover_features
from leap.icp.discover import discover_icps
from leap.models.composition import train_scope
from leap.models.frames import fit_frame, health_frame
from leap.reports import model_card
from leap.scoring import Scorer, score_all
from leap.tables import AccountTables
from leap.wins import Wins, learn
from leap.wins.frame import win_frame
from leap.wins.model import fit_win
from tests.wins.worlds import world


@pytest.fixture(scope="module")
def tables() -> AccountTables:
    return world(400, seed=4).tables()


@pytest.fixture(scope="module")
def made(tables: AccountTables) -> tuple[ModelBundle, Wins]:
    """What training makes of the made-up company, by linear models."""
    catalog = discover_features(tables)
    parts = []
    for frame in (health_frame(tables, catalog), fit_frame(tables, catalog)):
        found = predict_folds(frame, only="linear")
        model = train_scope(frame.scope, frame.encoder, frame.trainable, None, "linear")
        parts.append((frame, model, found, judge(found, draws=20)))
    wins = learn(tables, parts[1][0], parts[1][2])
    icps = discover_icps(tables, parts[1][0], 0)
    return make_bundle(tables, parts[0], parts[1], icps, leaks=[], seed=0, trials=0, wins=wins), wins


@pytest.fixture(scope="module")
def trees(tables: AccountTables, made: tuple[ModelBundle, Wins]) -> ModelBundle:
    """The same with a win model of trees."""
    bundle, _ = made
    frame = win_frame(tables, bundle.catalog)
    boosted = fit_win(frame.training(frame.until), only="boosted")
    fit = fit_frame(tables, bundle.catalog)
    changed = replace(bundle, win=boosted)
    return changed.with_golden(spread(health_frame(tables, bundle.catalog).features), spread(fit.features))


def test_a_bundle_keeps_its_win_model_its_figures_and_the_comparison(made: tuple[ModelBundle, Wins], tmp_path: Path):
    bundle, wins = made
    assert bundle.win is wins.model is not None
    bundle.save(tmp_path / "bundle")
    again = ModelBundle.load(tmp_path / "bundle")
    again.check_golden()
    assert again.win is not None
    rows = [{"industry": "retail"}, {"industry": "finance", "employees": 5.0}, {}]
    np.testing.assert_allclose(again.win.of_values(rows), bundle.win.of_values(rows), atol=1e-12)
    assert again.win.of_values(rows)[0] > again.win.of_values(rows)[1] + 0.2
    card = again.card()
    assert card["fit_outcomes"]["win"]["claimed"] is True and card["climb"]["n_accounts"] > 0
    text = model_card.render(again)
    assert "Won deals: AUC" in text and "Win-rate scoring (Climb)" in text


def test_trees_are_a_file_of_their_own_and_golden_rows_hold_them(trees: ModelBundle, tmp_path: Path):
    trees.save(tmp_path / "bundle")
    assert (tmp_path / "bundle" / "models" / "win.txt").exists()
    ModelBundle.load(tmp_path / "bundle").check_golden()
    golden = json.loads(json.dumps(dict(trees.golden)))
    golden["win"]["expected"]["p"][0] += 1e-6
    with pytest.raises(BundleError, match="win model"):
        replace(trees, golden=golden).check_golden()


def test_a_bundle_without_deals_or_of_before_has_none(made: tuple[ModelBundle, Wins], tmp_path: Path):
    bundle = replace(made[0], win=None)
    bundle.save(tmp_path / "bundle")
    path = tmp_path / "bundle" / "bundle.json"
    document = json.loads(path.read_text())
    assert document["win"] is None
    del document["win"], document["seal"]
    assert ModelBundle.parse({"bundle.json": json.dumps(document).encode()}).win is None


def test_prospects_have_a_chance_to_be_won_and_customers_none(made: tuple[ModelBundle, Wins], tables: AccountTables):
    bundle, _ = made
    batch = score_all(bundle, tables, "1")
    file = batch.frame()
    customers, prospects = file[file["status"] != "prospect"], file[file["status"] == "prospect"]
    assert len(customers) and customers["win_probability"].isna().all()
    scored = prospects[prospects["abstained"] == ""]
    assert len(scored) > 0.9 * len(prospects) > 0 and scored["win_probability"].between(0, 1).all()
    assert prospects["win_probability"].notna().sum() == len(scored)
    assert "win" not in batch.customers.to_json(0)
    scorer = Scorer.build(bundle, "1", tables)
    asked = [("p1", {"industry": "retail", "employees": 100, "region": "north"}), ("p2", {"industry": "finance"})]
    one, other = (score["win"]["p"] for score in scorer.prospects(asked))
    assert 0 < other < one < 1 and math.isclose(one, float(bundle.win.of_values([asked[0][1]])[0]))  # type: ignore[union-attr]


def test_the_file_and_a_request_say_the_same_of_a_prospect(trees: ModelBundle, tables: AccountTables):
    table = score_all(trees, tables, "1").prospects
    scorer = Scorer.build(trees, "1", tables)
    rows = [{name: table.columns[name][i] for name in ("industry", "employees", "region")} for i in range(20)]
    asked = scorer.prospects([(table.account_ids[i], row) for i, row in enumerate(rows)])
    assert table.win is not None
    scored = [i for i in range(20) if asked[i]["abstained"] is None]
    assert len(scored) > 15
    np.testing.assert_allclose([asked[i]["win"]["p"] for i in scored], table.win[scored], atol=1e-12)


def test_where_nothing_is_claimed_the_chance_is_null_with_its_reason(
    made: tuple[ModelBundle, Wins], tables: AccountTables
):
    bundle = replace(made[0], win=None)
    batch = score_all(bundle, tables, "1")
    assert batch.frame()["win_probability"].isna().all()
    assert batch.prospects.to_json(0)["win"] == {"p": None, "reason": "no_win_model"}


def test_curves_that_were_not_judged_say_why(made: tuple[ModelBundle, Wins]):
    said = made[0].quality["health"]["survival"]
    assert (said["c_index"], said["ibs"], said["reason"]) == (None, None, "nobody_followed")
