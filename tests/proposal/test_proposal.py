"""What `leap init` guesses: shapes, keys, roles and features, and why it leaves columns out."""

import tomllib
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import Settings, load_settings
from leap.errors import SourceError
from leap.proposal import Proposal, propose
from leap.sources import inspect_workspace


def proposed(folder: Path, **files: str) -> tuple[Proposal, Settings]:
    """The proposal for some files, and the settings it makes."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    proposal = propose(folder)
    (folder / "leap.toml").write_text(proposal.toml, encoding="utf-8")
    return proposal, load_settings(folder)


def reasons(proposal: Proposal) -> dict[str, str]:
    """Why columns and files were left out, by `table.column`."""
    return {f"{one.table}.{one.column}" if one.column else one.table: one.why for one in proposal.left_out}


def rows(header: str, *patterns: str, n: int = 40) -> str:
    """A CSV whose cells are patterns of the row number `i`."""
    cells = (
        ",".join(pattern.format(i=i, two=i % 2, day=f"{i % 28 + 1:02d}") for pattern in patterns) for i in range(n)
    )
    return "\n".join([header, *cells]) + "\n"


SUBSCRIPTIONS = rows("customerId,startDate,endDate,MRR", "c{i}", "2024-01-{day}", "", "{i}")


def test_shapes_follow_from_keys_and_dates(tmp_path):
    _, found = proposed(
        tmp_path,
        acme_accounts=rows("customer_id,sector", "c{i}", "s{two}"),
        acme_subscriptions=SUBSCRIPTIONS,
        acme_surveys=rows("customer_id,surveyed_on,nps", "c{i}", "2024-01-{day}", "{i}"),
        acme_logins=rows("customer_id,login_date,channel,count", "c{two}", "2024-01-{day}", "k{two}", "{i}"),
    )
    assert {name: (table.shape, table.key) for name, table in found.tables.items()} == {
        "accounts": ("attributes", "customer_id"),
        "subscriptions": ("periods", "customerId"),
        "surveys": ("history", "customer_id"),
        "logins": ("events", "customer_id"),
    }
    revenue = found.tables["subscriptions"]
    assert (revenue.role, revenue.amount, revenue.start, revenue.end) == ("revenue", "MRR", "startDate", "endDate")
    logins = found.tables["logins"]
    assert (logins.at, logins.kind, logins.quantity) == ("login_date", "channel", "count")
    assert {name: table.scope for name, table in found.tables.items()} == {
        "accounts": "fit",
        "subscriptions": "health",
        "surveys": "health",
        "logins": "health",
    }


@pytest.mark.parametrize(
    ("column", "cells", "why"),
    [
        ("ticket_id", "t{i}", "identifier"),
        ("notes", "a b c d e f g {i}", "free text"),
        ("description", "word{i}", "identifier"),
        ("tenant", "same", "one value only"),
        ("nothing", "", "all empty"),
        ("email", "x{i}@y.z", "person"),
        ("reached_by", "x{i}@y.z", "person"),
        ("phone", "+49 {i}", "person"),
        ("contact_name", "Jo {i}", "person"),
        ("gender", "g{two}", "person"),
        ("churn_flag", "{two}", "tells the outcome"),
        ("ChurnDate", "2024-01-{day}", "tells the outcome"),
        ("cancellation_reason", "r{two}", "tells the outcome"),
        ("status", "s{two}", "as it stands today"),
        ("is_active", "{two}", "as it stands today"),
        ("seats", "{i}", "as it stands today"),
        ("signup_date", "2024-01-{day}", "date"),
        ("_fivetran_deleted", "{two}", "technical"),
        ("_amount", "{two}", "a name that Leap itself uses"),
    ],
)
def test_a_column_of_accounts_is_left_out_with_its_reason(column, cells, why, tmp_path):
    proposal, found = proposed(
        tmp_path, accounts=rows(f"account_id,industry,{column}", "a{i}", "s{two}", cells), subscriptions=SUBSCRIPTIONS
    )
    assert why in reasons(proposal)[f"accounts.{column}"]
    assert list(found.tables["accounts"].columns) == ["industry"]
    assert f"#   {column}: {reasons(proposal)[f'accounts.{column}']}" in proposal.toml


@pytest.mark.parametrize("column", ["industry", "employees", "billing_country", "phone_support", "number_of_employees"])
def test_what_is_true_of_a_company_is_declared(column, tmp_path):
    accounts = rows(f"account_id,{column}", "a{i}", "{two}")
    _, found = proposed(tmp_path, accounts=accounts)
    assert list(found.tables["accounts"].columns) == [column]


def test_what_may_be_filled_in_later_is_no_feature_of_events(tmp_path):
    tickets = rows("account_id,opened_at,resolution_hours,closed_at,size", "a{two}", "2024-01-{day}", "{i}", "", "{i}")
    proposal, found = proposed(tmp_path, tickets=tickets)
    assert list(found.tables["tickets"].columns) == ["size"]
    assert "after the row's own time" in reasons(proposal)["tickets.resolution_hours"]


def test_a_yearly_amount_is_declared_so_and_a_multiple_left_out(tmp_path):
    proposal, found = proposed(
        tmp_path, contracts=rows("account_id,start,end,arr", "a{i}", "2024-01-{day}", "", "1{i}")
    )
    assert (found.tables["contracts"].amount, found.tables["contracts"].amount_per) == ("arr", "year")
    assert 'amount_per = "year"  # arr is called a yearly amount' in proposal.toml
    (tmp_path / "contracts.csv").write_text(
        "account_id,start,end,mrr,arr\n" + "".join(f"a{i},2024-01-01,,{i},{12 * i}\n" for i in range(20))
    )
    proposal, found = proposed(tmp_path)
    assert found.tables["contracts"].amount == "mrr"
    assert reasons(proposal)["contracts.arr"] == "12 times mrr"


def test_periods_cut_at_the_end_of_the_export_are_taken_as_open(tmp_path):
    cut = "account_id,start,end,mrr\n" + "".join(f"a{i},2024-01-01,2024-0{3 + i % 4}-01,5\n" for i in range(40))
    _, found = proposed(tmp_path, subscriptions=cut)
    assert found.company.data_until == "2024-06-01"


def test_a_file_without_accounts_says_which_file_could_lend_them(tmp_path):
    proposal, found = proposed(
        tmp_path,
        subscriptions=rows("subscription_id,account_id,start,end,mrr", "s{i}", "a{two}", "2024-01-{day}", "", "{i}"),
        usage=rows("subscription_id,day,count", "s{i}", "2024-01-{day}", "{i}"),
        churn_events=rows("account_id,churn_date", "a{i}", "2024-01-{day}"),
        empty="account_id\n",
        broken="",
    )
    assert list(found.tables) == ["subscriptions"]
    assert "add its account_id" in reasons(proposal)["usage"]
    assert "they are the outcome" in reasons(proposal)["churn_events"]
    assert "no rows" in reasons(proposal)["empty"]
    assert "cannot be read" in reasons(proposal)["broken"]


def test_a_flat_table_alone_is_a_snapshot(tmp_path):
    _, found = proposed(tmp_path, customers=rows("customerID,Size,Churn", "c{i}", "{i}", "Yes"))
    flat = found.tables["customers"]
    assert (flat.shape, flat.key, flat.outcome, flat.outcome_positive) == ("snapshot", "customerID", "Churn", "Yes")


def test_odd_names_are_quoted_and_dates_of_other_forms_named(tmp_path):
    header = 'account_id,order date,"say ""hi"" #1",a.b,\u00fcber'
    text = rows(header, "a{two}", "{day}/01/2024", "{i}", "{i}", "{i}")
    _, found = proposed(tmp_path, **{"2024 orders": text})
    assert list(found.tables["t_2024_orders"].columns) == ['say "hi" #1', "a.b", "\u00fcber"]
    assert found.tables["t_2024_orders"].dates == "DD/MM/YYYY"
    assert inspect_workspace(tmp_path).tables["t_2024_orders"].rows_read == 40


def test_tables_of_duckdb_and_folders_of_parquet_are_found(tmp_path):
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as connection:
        connection.execute("create table accounts as select 'a' || i as account_id, i % 3 as size from range(50) t(i)")
    (tmp_path / "usage").mkdir()
    pd.DataFrame({"account_id": ["a1", "a1"], "day": pd.to_datetime(["2024-01-01"] * 2)}).to_parquet(
        tmp_path / "usage" / "1.parquet"
    )
    _, found = proposed(tmp_path)
    assert {name: table.source for name, table in found.tables.items()} == {
        "accounts": "crm.duckdb#accounts",
        "usage": "usage",
    }


@pytest.mark.parametrize("make", [lambda folder: folder / "none", lambda folder: folder])
def test_a_folder_without_files_is_refused(make, tmp_path):
    with pytest.raises(SourceError):
        propose(make(tmp_path))


@settings(max_examples=25, deadline=None)
@given(
    names=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5),
    cells=st.lists(st.text(max_size=8), min_size=5, max_size=5),
)
def test_any_names_and_cells_give_a_file_that_can_be_read(names, cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")

    def line(parts: list[str]) -> bytes:
        quoted = ('"' + part.replace('"', '""') + '"' for part in parts)
        return ",".join(quoted).encode("utf-8", "surrogatepass") + b"\n"

    (folder / "accounts.csv").write_bytes(line(["account_id", *names]) + line(["a", *cells[: len(names)]]) * 2)
    (folder / "other.csv").write_bytes(line(names) + line(cells[: len(names)]))
    proposal = propose(folder)
    tomllib.loads(proposal.toml)
    (folder / "leap.toml").write_text(proposal.toml, encoding="utf-8")
    if load_settings(folder).tables:
        inspect_workspace(folder)


EXPECTED = {
    "cncf_members": {
        "accounts": "attributes",
        "listings": "periods",
        "profiles": "history",
        "subscriptions": "periods",
    },
    "ravenstack": {"accounts": "attributes", "subscriptions": "periods", "support_tickets": "events"},
    "mrr_playbook": {"subscription_periods": "periods"},
    "online_retail": {"uci_online_retail": "events"},
    "telco_churn": {"telco_customer_churn": "snapshot"},
    "saas_sme_churn": {"churn": "snapshot"},
    "market": {"indicators": "market"},
}


@pytest.mark.needs_data
@pytest.mark.parametrize("name", EXPECTED)
def test_real_folders_get_the_shapes_they_have(name, shared_data, tmp_path):
    for path in (shared_data / name).iterdir():
        (tmp_path / path.name).symlink_to(path)
    _, found = proposed(tmp_path)
    assert {table: spec.shape for table, spec in found.tables.items()} == EXPECTED[name]
    tables = inspect_workspace(tmp_path)
    assert not [problem for problem in tables.problems if problem.level == "fail"]


@pytest.mark.needs_data
@pytest.mark.parametrize("name", ["salesforce", "hubspot", "stripe"])
def test_exports_of_connectors_are_read_without_failure(name, shared_data, tmp_path):
    for path in (shared_data / "connectors" / name).iterdir():
        (tmp_path / path.name).symlink_to(path)
    _, found = proposed(tmp_path)
    assert found.tables
    assert not [problem for problem in inspect_workspace(tmp_path).problems if problem.level == "fail"]
