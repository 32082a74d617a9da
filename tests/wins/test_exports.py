"""Deals of CRM exports: the win model is trained from the layouts of Salesforce and HubSpot, or declined in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from leap.errors import NotEnoughData
from leap.features import discover_features
from leap.sources import read_workspace
from leap.sources.layouts import recognise
from leap.tables import AccountTables
from leap.wins.frame import win_frame
from leap.wins.judging import foretell, judge
from tests.sources.exports import toml, write
from tests.wins.worlds import World, world

LATER = "2031-01-01"


@pytest.fixture(scope="module")
def made_up() -> World:
    return world(400, seed=6)


def salesforce(made: World, folder: Path) -> None:
    """The made-up deals as Salesforce exports them; what a stage says tells the result."""
    firms, deals = made.frames["accounts"], made.frames["deals"]
    base = {"IsDeleted": "false", "OwnerId": "u"}
    write(
        folder,
        Account=[
            {**base, "Id": f.account_id, "Industry": f.industry, "NumberOfEmployees": f.employees}
            for f in firms.itertuples()
        ],
        Opportunity=[
            {
                **base, "Id": i, "AccountId": d.account_id, "CreatedDate": d.created_on, "Amount": d.amount,
                "CloseDate": LATER if pd.isna(d.closed_on) else f"{d.closed_on:%Y-%m-%d}",
                "IsClosed": str(d.won != "").lower(), "IsWon": str(d.won == "true").lower(),
                "StageName": {"true": "Closed Won", "false": "Closed Lost", "": "Talking"}[d.won],
            }
            for i, d in enumerate(deals.itertuples())
        ],
    )  # fmt: skip


def hubspot(made: World, folder: Path) -> None:
    """The same as HubSpot's connector names them."""
    firms, deals = made.frames["accounts"], made.frames["deals"]
    stage = {"true": "closedwon", "false": "closedlost", "": "talking"}
    write(
        folder,
        company_data=[
            {"id": f.account_id, "is_deleted": "false", "property_industry": f.industry,
             "property_numberofemployees": f.employees, "property_createdate": "2020-01-01"}
            for f in firms.itertuples()
        ],
        deal_data=[
            {"deal_id": i, "is_deleted": "false", "deal_pipeline_stage_id": stage[d.won], "property_amount": d.amount,
             "property_createdate": d.created_on, "property_closedate": LATER if pd.isna(d.closed_on) else d.closed_on}
            for i, d in enumerate(deals.itertuples())
        ],
        deal_company_data=[
            {"company_id": d.account_id, "deal_id": i, "type_id": "5"} for i, d in enumerate(deals.itertuples())
        ],
    )  # fmt: skip


def workspace(folder: Path, made: World) -> AccountTables:
    """What the layout proposes, with the subscriptions beside it."""
    text = toml(recognise(folder, folder))
    text = text.replace("[company]\n", f'[company]\ndata_until = "{made.until}"\n')
    made.frames["subscriptions"].to_csv(folder / "paid.csv", index=False)
    text += '[tables.paid]\nshape = "periods"\nrole = "revenue"\nsource = "paid.csv"\namount = "mrr"\n'
    (folder / "leap.toml").write_text(text, encoding="utf-8")
    return read_workspace(folder)


@pytest.mark.parametrize("export", [salesforce, hubspot])
def test_the_win_model_is_trained_from_an_export(export, made_up: World, tmp_path: Path):
    export(made_up, tmp_path)
    tables = workspace(tmp_path, made_up)
    frame = win_frame(tables, discover_features(tables))
    assert set(frame.features.catalog.names) >= {"industry"} and "stage_name" not in frame.features.catalog.names
    own = made_up.frames["deals"]
    assert len(frame.deals) == (own["won"] != "").sum() and frame.deals.won.sum() == (own["won"] == "true").sum()
    assert frame.everyone.open_at(frame.until)[0] == (own["won"] == "").sum()
    quality = judge(foretell(frame))
    assert quality.claimed and quality.figures is not None and 0.6 < quality.figures.metrics["auc"].value < 0.85


@pytest.mark.needs_data
@pytest.mark.parametrize("layout", ["salesforce", "hubspot", "stripe"])
def test_the_few_rows_of_the_connectors_are_declined_in_words(layout: str, shared_data: Path, tmp_path: Path):
    shutil.copytree(shared_data / "connectors" / layout, tmp_path / "export")
    (tmp_path / "export" / "leap.toml").write_text(toml(recognise(tmp_path / "export", tmp_path / "export")))
    tables = read_workspace(tmp_path / "export")
    with pytest.raises(NotEnoughData, match=r"No deal of a prospect is closed|No table of deals"):
        win_frame(tables, discover_features(tables))
