"""A folder of a CRM's or billing system's export is read by its layout, with what lies beside it."""

import tomllib
from pathlib import Path

import pytest

from leap.proposal import propose
from leap.sources import inspect_workspace
from leap.sources.layouts import LAYOUTS
from tests.sources.exports import stripe


def proposed(folder: Path) -> dict:
    proposal = propose(folder)
    (folder / "leap.toml").write_text(proposal.toml)
    return tomllib.loads(proposal.toml)


def test_stripe_gives_accounts_and_mrr_and_the_usage_beside_it_is_guessed(tmp_path: Path):
    folder = stripe(
        tmp_path / "billing",
        [{"id": "s1", "customer_id": "c1"}, {"id": "s2", "customer_id": "c2"}],
        [{"subscription_id": "s1", "price_id": "monthly"}, {"subscription_id": "s2", "price_id": "yearly"}],
        customer=[{"id": "c1", "address_country": "DE"}, {"id": "c2", "address_country": "FR"}],
    )
    days = "\n".join(f"c{1 + i % 2},2024-0{1 + i % 9}-11,login,{i}" for i in range(40))
    (folder / "usage.csv").write_text("customer_id,occurred_at,event,actions\n" + days + "\n")
    tables = proposed(folder)["tables"]
    assert (
        tables["subscriptions"]["source"] == "stripe:.#subscriptions" and tables["subscriptions"]["role"] == "revenue"
    )
    assert tables["usage"]["shape"] == "events" and tables["usage"]["key"] == "customer_id"
    read = inspect_workspace(folder)
    assert not [problem for problem in read.problems if problem.level == "fail"]
    assert read.tables["subscriptions"].rows["_amount"].sum() == pytest.approx(29.99 + 2000 / 12, abs=1e-6)


def test_a_money_table_beside_an_export_is_not_a_second_revenue(tmp_path: Path):
    folder = stripe(tmp_path / "billing", [{"id": "s1", "customer_id": "c1"}], [{"subscription_id": "s1"}])
    (folder / "contracts.csv").write_text(
        "account_id,start_date,end_date,mrr\n" + "".join(f"c{i},2024-01-01,,5{i}\n" for i in range(20))
    )
    tables = proposed(folder)["tables"]
    assert [name for name, table in tables.items() if table.get("role") == "revenue"] == ["subscriptions"]
    assert "contracts" in tables


@pytest.mark.needs_data
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_exports_given_are_declared_by_their_layout(name: str, shared_data: Path, tmp_path: Path):
    for path in (shared_data / "connectors" / name).iterdir():
        (tmp_path / path.name).symlink_to(path)
    tables = proposed(tmp_path)["tables"]
    assert {table["source"] for table in tables.values()} == {f"{name}:.#{one.name}" for one in LAYOUTS[name]}
    assert not [problem for problem in inspect_workspace(tmp_path).problems if problem.level == "fail"]
