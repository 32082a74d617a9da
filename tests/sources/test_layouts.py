"""Exports of Salesforce, HubSpot and Stripe: recognised, read with every row accounted for, and through the whole check."""

import json
import shutil

import pandas as pd
import pytest

from leap.errors import SourceError
from leap.sources import read_raw
from leap.sources.layouts import recognise
from tests.sources.exports import stripe, toml, write
from training.check import main as check

LAYOUTS = ("salesforce", "hubspot", "stripe")


def rows_of(folder, source):
    """(rows used, rows set aside by rule) of a source."""
    raw = read_raw(source, folder)
    assert not set(raw.frame.index) & set(raw.set_aside.index)
    return raw.frame, raw.set_aside["rule"].value_counts().to_dict()


@pytest.mark.needs_data
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_files_of_the_connectors_are_recognised_and_read_with_every_row_accounted_for(layout, shared_data):
    folder = shared_data / "connectors" / layout
    tables = recognise(folder, folder.parent)
    assert {table.source.split("#")[0] for table in tables} == {f"{layout}:{layout}"}
    files = {"account": "sf_account", "companie": "company", "opportunitie": "sf_opportunity"}
    for table in tables:
        frame, aside = rows_of(folder.parent, table.source)
        stem = files.get(table.name.removesuffix("s"), table.name.removesuffix("s"))
        stem = {"stripe": {"sf_account": "customer", "subscription": "subscription_item"}}.get(layout, {}).get(
            stem, stem
        )
        stem = "sf_account_history" if stem == "account_history" else stem
        assert len(frame) + sum(aside.values()) == len(pd.read_csv(folder / f"{stem}_data.csv", dtype=str))


@pytest.mark.needs_data
def test_a_folder_of_one_layout_is_no_other_and_a_folder_of_something_else_is_none(shared_data, tmp_path):
    for layout in LAYOUTS:
        assert recognise(shared_data / "connectors" / layout)[0].source.startswith(f"{layout}:.#")
    own = write(tmp_path / "own", account=[{"id": 1, "industry": "x"}], subscription=[{"id": 1, "customer_id": 2}])
    assert recognise(own) == []
    (own / "company.parquet").write_bytes(b"PAR1")
    assert recognise(own) == []


@pytest.mark.needs_data
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_files_of_the_connectors_pass_the_check_as_the_layout_proposes_them(layout, shared_data, tmp_path, capsys):
    shutil.copytree(shared_data / "connectors" / layout, tmp_path / "export")
    (tmp_path / "leap.toml").write_text(toml(recognise(tmp_path / "export", tmp_path)))
    document = checked(tmp_path, capsys)
    assert {p["rule"] for p in document["problems"] if p["level"] == "fail"} <= {"currency_without_rate"}
    for table in document["tables"].values():
        assert table["rows_read"] == table["rows_used"] + table["rows_quarantined"]


def checked(folder, capsys):
    """The document of `leap check`."""
    check([str(folder), "--json"])
    return json.loads(capsys.readouterr().out)


# Salesforce.

ACCOUNTS = (
    {"Id": "001A", "Name": "Acme", "Industry": "Retail", "NumberOfEmployees": 50, "Type": "Former Customer"},
    {"Id": "001B", "Name": "Beta", "Industry": "Energy", "NumberOfEmployees": 10, "Type": "Customer"},
    {"Id": "001C", "Name": "Old", "IsDeleted": "true"},
    {"Id": "001D", "Name": "Twin", "IsDeleted": "true", "MasterRecordId": "001A"},
)
OPPORTUNITIES = (
    {"Id": "1", "AccountId": "001A", "CreatedDate": "2024-01-10T09:00:00.000Z", "CloseDate": "2024-03-01",
     "IsClosed": "true", "IsWon": "true", "Amount": "1200.50"},
    {"Id": "2", "AccountId": "001B", "CreatedDate": "2024-02-10T09:00:00.000Z", "CloseDate": "2031-01-01",
     "IsClosed": "false", "IsWon": "false", "Amount": "300"},
    {"Id": "3", "AccountId": "001B", "CreatedDate": "2024-02-10T09:00:00.000Z", "CloseDate": "2024-04-01",
     "IsClosed": "true", "IsWon": "false", "Amount": "", "IsDeleted": "false"},
    {"Id": "4", "AccountId": "001B", "CreatedDate": "2024-02-10T09:00:00.000Z", "IsDeleted": "true"},
)  # fmt: skip
CHANGES = (
    {"AccountId": "001A", "CreatedDate": "2024-05-01T00:00:00Z", "Field": "NumberOfEmployees", "OldValue": 40,
     "NewValue": 50},
    {"AccountId": "001A", "CreatedDate": "2024-02-01T00:00:00Z", "Field": "Industry", "OldValue": "Media",
     "NewValue": "Retail"},
    {"AccountId": "001A", "CreatedDate": "", "Field": "Industry", "OldValue": "a", "NewValue": "b"},
)  # fmt: skip


@pytest.fixture
def salesforce(tmp_path):
    """An export with the names of Salesforce's own API."""
    defaults = {"IsDeleted": "false", "OwnerId": "u", "LastActivityDate": "2025-01-01", "Phone": "1", "Tier__c": "gold"}
    return write(
        tmp_path / "sf",
        Account=[{**defaults, **row} for row in ACCOUNTS],
        Opportunities=[{"IsDeleted": "false", **row} for row in OPPORTUNITIES],
        AccountHistory=CHANGES,
    )


def test_accounts_of_salesforce_leave_out_what_tells_how_they_ended(salesforce, tmp_path):
    accounts, history, _ = recognise(salesforce, tmp_path)
    assert history.columns == {} and history.keys["at"] == "observed_at"
    assert accounts.columns == {"industry": "Industry", "number_of_employees": "Employees"}
    assert {"type", "last_activity_date", "owner_id", "phone", "tier_c"} <= set(accounts.left_out)
    assert "how it ended" in accounts.left_out["type"] and "how it ended" in accounts.left_out["last_activity_date"]
    assert "declare it" in accounts.left_out["tier_c"]
    frame, aside = rows_of(tmp_path, accounts.source)
    assert frame["account_id"].tolist() == ["001A", "001B"] and aside == {"deleted": 1, "merged": 1}
    assert "phone" not in frame and "tier_c" in frame


def test_an_opportunity_that_is_open_has_no_closing_date_and_no_result(salesforce, tmp_path):
    frame, aside = rows_of(tmp_path, "salesforce:sf#opportunities")
    assert frame["closed_at"].tolist() == ["2024-03-01", "", "2024-04-01"]
    assert frame["won"].tolist() == ["true", "", "false"] and aside == {"deleted": 1}
    assert frame["amount"].tolist() == ["1200.50", "300", ""]


def test_an_opportunity_has_the_amount_of_its_first_version(salesforce, tmp_path):
    versions = [
        {"id": "1", "amount": "1200.50", "_fivetran_start": "2024-03-01 10:00:00"},
        {"id": "1", "amount": "900", "_fivetran_start": "2024-01-10 9:00:00"},
    ]
    write(salesforce, opportunity_history=versions)
    frame, _ = rows_of(tmp_path, "salesforce:sf#opportunities")
    assert frame["amount"].tolist() == ["900", "300", ""]


def test_changes_of_fields_become_the_fields_after_each_change(salesforce, tmp_path):
    frame, aside = rows_of(tmp_path, "salesforce:sf#account_history")
    assert aside == {"no_field_time": 1}
    shown = frame[["observed_at", "industry", "number_of_employees"]].to_numpy().tolist()
    assert shown == [["2024-02-01T00:00:00Z", "Retail", "40"], ["2024-05-01T00:00:00Z", "Retail", "50"]]


def test_salesforce_passes_the_whole_check(salesforce, tmp_path, capsys):
    tables = recognise(salesforce, tmp_path)
    (tmp_path / "leap.toml").write_text(toml(tables))
    document = checked(tmp_path, capsys)
    assert document["ok"] and {name: table["rows_used"] for name, table in document["tables"].items()} == {
        "accounts": 2, "account_history": 2, "opportunities": 3,
    }  # fmt: skip


# HubSpot.


@pytest.fixture
def hubspot(tmp_path):
    """An export with the names of Fivetran's connector."""
    deal = {"is_deleted": "false", "property_createdate": "2024-01-01 9:00:00", "property_amount": "100.10"}
    return write(
        tmp_path / "hs",
        company_data=[
            {"id": "1", "is_deleted": "false", "property_name": "Acme", "property_industry": "Retail",
             "property_lifecyclestage": "customer", "property_createdate": "2023-01-01 0:00:00"},
            {"id": "2", "is_deleted": "true", "property_createdate": "2023-01-01 0:00:00"},
        ],
        deal_data=[
            {**deal, "deal_id": "10", "deal_pipeline_stage_id": "s_won", "property_closedate": "2024-02-28 0:00:00"},
            {**deal, "deal_id": "11", "deal_pipeline_stage_id": "s_lost", "property_closedate": "2024-02-28 0:00:00"},
            {**deal, "deal_id": "12", "deal_pipeline_stage_id": "s_open", "property_closedate": "2031-02-28 0:00:00"},
            {**deal, "deal_id": "13", "deal_pipeline_stage_id": "closedwon", "property_closedate": "2024-03-03 0:00:00"},
            {**deal, "deal_id": "14", "deal_pipeline_stage_id": "s_open"},
            {**deal, "deal_id": "15", "deal_pipeline_stage_id": "s_open"},
            {**deal, "deal_id": "16", "is_deleted": "true"},
        ],
        deal_pipeline_stage_data=[
            {"stage_id": "s_won", "label": "Signed", "probability": "1.0"},
            {"stage_id": "s_lost", "label": "Closed Lost", "probability": "0.0"},
            {"stage_id": "s_open", "label": "Talking", "probability": "0.4"},
        ],
        deal_stage_data=[
            {"deal_id": "10", "value": "s_open", "date_entered": "2024-01-02 9:00:00"},
            {"deal_id": "10", "value": "s_won", "date_entered": "2024-01-20 10:00:00"},
        ],
        deal_company_data=[
            *({"company_id": "1", "deal_id": str(deal_id), "type_id": "341"} for deal_id in (10, 11, 12, 14, 16)),
            {"company_id": "3", "deal_id": "13", "type_id": "341"},
            {"company_id": "1", "deal_id": "13", "type_id": "5"},
            {"company_id": "3", "deal_id": "14", "type_id": "341"},
        ],
        ticket_data=[
            {"id": "7", "is_deleted": "false", "property_createdate": "2024-03-01 9:00:00", "property_hs_pipeline": "0",
             "property_hs_ticket_category": "billing"},
            {"id": "8", "is_deleted": "false", "property_createdate": "2024-03-02 9:00:00"},
        ],
        ticket_company_data=[{"ticket_id": "7", "company_id": "1"}],
    )  # fmt: skip


def test_deals_of_hubspot_have_a_company_a_result_and_the_moment_it_was_known(hubspot, tmp_path):
    frame, aside = rows_of(tmp_path, "hubspot:hs#deals")
    assert aside == {"several_companies": 1, "no_company": 1, "deleted": 1} and hubspot
    shown = frame[["deal_id", "account_id", "won", "closed_at"]].to_numpy().tolist()
    assert shown == [
        ["10", "1", "true", "2024-01-20 10:00:00Z"],  # the stage, not the date that was typed
        ["11", "1", "false", "2024-02-28 0:00:00Z"],
        ["12", "1", "", ""],
        ["13", "1", "true", "2024-03-03 0:00:00Z"],  # of two companies the primary one
    ]


def test_companies_and_tickets_of_hubspot(hubspot, tmp_path):
    companies = recognise(hubspot, tmp_path)[0]
    assert companies.columns == {"industry": "Industry"} and "how it ended" in companies.left_out["lifecyclestage"]
    assert rows_of(tmp_path, companies.source)[1] == {"deleted": 1}
    frame, aside = rows_of(tmp_path, "hubspot:hs#tickets")
    assert frame[["account_id", "kind"]].to_numpy().tolist() == [["1", "billing"]] and aside == {"no_company": 1}


def test_hubspot_passes_the_whole_check(hubspot, tmp_path, capsys):
    (tmp_path / "leap.toml").write_text(toml(recognise(hubspot, tmp_path)))
    document = checked(tmp_path, capsys)
    used = {name: (table["rows_used"], table["rows_read"]) for name, table in document["tables"].items()}
    assert document["ok"] and used == {"companies": (1, 2), "deals": (4, 7), "tickets": (1, 2)}
    assert {p["rule"] for p in document["problems"] if p["level"] == "quarantine"} == {
        "deleted", "several_companies", "no_company",
    }  # fmt: skip


# Stripe: see also test_stripe.py.


@pytest.fixture
def billing(tmp_path):
    """A Stripe export of three customers."""
    subscriptions = [
        {"id": "s1", "customer_id": "c1", "created": "2022-01-01 00:00:00", "current_period_start": "2024-01-01 00:00:00"},
        {"id": "s2", "customer_id": "c2", "status": "canceled", "ended_at": "2023-06-01 00:00:00",
         "canceled_at": "2023-05-20 00:00:00", "created": "2022-06-01 00:00:00"},
        {"id": "s3", "customer_id": "c3", "status": "incomplete_expired", "created": "2023-01-01 00:00:00"},
    ]  # fmt: skip
    items = [
        {"subscription_id": "s1", "price_id": "yearly"},
        {"subscription_id": "s2", "price_id": "monthly", "quantity": 3},
        {"subscription_id": "s3"},
    ]
    customers = [
        {"id": f"c{n}", "email": "ann@example.com", "name": "Ann", "address_country": country, "is_deleted": "false",
         "created": "2022-01-01 00:00:00", "livemode": "true", "delinquent": "true"}
        for n, country in ((1, "DE"), (2, "US"), (3, "FR"))
    ]  # fmt: skip
    invoice = {"currency": "usd", "livemode": "true", "status": "paid", "billing_reason": "subscription_cycle"}
    return stripe(
        tmp_path / "billing", subscriptions, items, customer=customers,
        invoice=[
            {**invoice, "id": "in1", "customer_id": "c1", "amount_paid": 200000, "created": "2022-01-01 00:00:00",
             "status_transitions_paid_at": "2022-01-03 00:00:00"},
            {**invoice, "id": "in2", "customer_id": "c2", "amount_paid": 0, "created": "2022-01-01 00:00:00",
             "status": "void"},
            {**invoice, "id": "in3", "customer_id": "c2", "amount_paid": "8997", "created": "2023-01-01 00:00:00"},
        ],
        credit_note=[
            {"id": "cn1", "invoice_id": "in3", "amount": 500, "currency": "usd", "created": "2023-02-01 00:00:00",
             "reason": "duplicate", "status": "issued"},
            {"id": "cn2", "invoice_id": "gone", "amount": 500, "currency": "usd", "created": "2023-02-01 00:00:00"},
        ],
    )  # fmt: skip


def test_customers_of_stripe_are_without_persons_and_deleted_ones_stay(billing, tmp_path):
    accounts = next(table for table in recognise(billing, tmp_path) if table.name == "accounts")
    frame, aside = rows_of(tmp_path, accounts.source)
    assert len(frame) == 3 and aside == {} and not {"email", "name"} & set(frame.columns)
    assert accounts.columns == {"address_country": "Country"}
    assert "persons" in accounts.left_out["email"] and "how it ended" in accounts.left_out["delinquent"]


def test_invoices_and_credit_notes_are_in_the_currency_and_known_when_paid(billing, tmp_path):
    frame, aside = rows_of(tmp_path, "stripe:billing#invoices")
    assert frame["amount"].tolist() == ["2000", "89.97"] and aside == {"draft": 1} and billing
    assert frame["known_at"].tolist() == ["2022-01-03 00:00:00Z", "2023-01-01 00:00:00Z"]
    frame, aside = rows_of(tmp_path, "stripe:billing#credit_notes")
    assert frame[["account_id", "amount"]].to_numpy().tolist() == [["c2", "5"]] and aside == {"no_customer": 1}


def test_stripe_passes_the_whole_check(billing, tmp_path, capsys):
    (tmp_path / "leap.toml").write_text(toml(recognise(billing, tmp_path)))
    document = checked(tmp_path, capsys)
    used = {name: (table["rows_used"], table["rows_read"]) for name, table in document["tables"].items()}
    assert document["ok"] and used == {
        "subscriptions": (4, 5), "accounts": (3, 3), "invoices": (2, 3), "credit_notes": (1, 2),
    }  # fmt: skip
    assert ("never_active", 1) in {(p["rule"], p["count"]) for p in document["problems"]}


def test_two_files_of_one_kind_are_named(billing, tmp_path):
    shutil.copy(billing / "customer.csv", billing / "stripe_customers_data.csv")
    with pytest.raises(SourceError, match=r"2 files \(customer.csv, stripe_customers_data.csv\) of 'customer'"):
        read_raw("stripe:billing#accounts", tmp_path)


def test_parquet_serves_as_well_as_csv(billing, tmp_path):
    as_csv = read_raw("stripe:billing#subscriptions", tmp_path).frame
    for path in billing.glob("*.csv"):
        frame = pd.read_csv(path)
        for column in frame.columns:
            if column in ("created", "ended_at", "canceled_at", "current_period_start", "start", "end"):
                frame[column] = pd.to_datetime(frame[column])
        frame.to_parquet(path.with_suffix(".parquet"))
        path.unlink()
    pd.testing.assert_frame_equal(read_raw("stripe:billing#subscriptions", tmp_path).frame, as_csv)
