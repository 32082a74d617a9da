"""`leap init` on folders as companies have them: which tables, keys and roles come out, and what is left out with why."""

import gzip
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from leap.sources import inspect_workspace
from tests.proposal.made_up import day, proposed, table


def passes(folder: Path) -> None:
    """No rule of the check fails on what was written."""
    failed = [str(problem) for problem in inspect_workspace(folder).problems if problem.level == "fail"]
    assert not failed, failed


def test_german_headers_with_semicolons_decimal_commas_and_german_dates(tmp_path):
    table(tmp_path / "Kunden.csv", "Kundennummer;Firma;Branche;Mitarbeiter;Ansprechpartner;Kündigungsgrund",
          lambda i: (f"K{i:04}", f"Firma {i}", f"B{i % 3}", 10 + i, f"Frau {i}", ["Preis", "Insolvenz", ""][i % 3]), separator=";")  # fmt: skip
    table(tmp_path / "Verträge.csv", "Vertragsnr;Kunde;Vertragsbeginn;Vertragsende;Monatsbetrag;Kündigung am",
          lambda i: (f"V{i}", f"K{i:04}", f"{i % 28 + 1:02}.{i % 12 + 1:02}.2022", "" if i % 4 else "31.12.2023",
                     f"1.{100 + i},50", "" if i % 4 else "30.09.2023"), separator=";")  # fmt: skip
    found = proposed(tmp_path)
    assert found.shapes() == {
        "kunden": ("attributes", None, "Kundennummer"),
        "vertrage": ("periods", "revenue", "Kunde"),
    }
    terms = found.settings.tables["vertrage"]
    assert (terms.start, terms.end, terms.cancelled) == ("Vertragsbeginn", "Vertragsende", "Kündigung am")
    assert (terms.amount, terms.amount_per, terms.dates, terms.decimal) == ("Monatsbetrag", "month", "DD.MM.YYYY", ",")
    assert "all of its values are in kunden.Kundennummer" in found.comment('key = "Kunde"')
    assert found.features("kunden") == ["Branche", "Mitarbeiter"]
    assert "outcome" in found.why("kunden.Kündigungsgrund")
    assert "person" in found.why("kunden.Ansprechpartner")


def test_french_and_spanish_headers(tmp_path):
    table(tmp_path / "clients.csv", "id_client,secteur,effectif,date_resiliation",
          lambda i: (f"c{i}", f"s{i % 3}", i, day(i) if i % 3 == 0 else ""))  # fmt: skip
    table(tmp_path / "abonnements.csv", "client,date_debut,date_fin,montant_mensuel,devise",
          lambda i: (f"c{i}", day(i), "", 100 + i, "EUR"))  # fmt: skip
    table(tmp_path / "pedidos.csv", "cliente,fecha_pedido,importe,producto",
          lambda i: (f"c{i % 20}", day(i), i, f"p{i % 2}"))  # fmt: skip
    found = proposed(tmp_path)
    assert found.shapes() == {
        "clients": ("attributes", None, "id_client"),
        "abonnements": ("periods", "revenue", "client"),
        "pedidos": ("events", None, "cliente"),
    }
    assert found.settings.company.currency == "EUR"
    assert found.settings.tables["abonnements"].amount == "montant_mensuel"
    assert "pedidos" in found.proposal.toml.split("[tables.abonnements]")[0]
    passes(tmp_path)


def test_capitals_with_spaces_and_a_yearly_amount(tmp_path):
    table(tmp_path / "ACCOUNT LIST.csv", "Account ID,Account Name,INDUSTRY SECTOR,LAST LOGIN,LIFETIME VALUE,Days Since Login",
          lambda i: (i + 1000, f"A{i}", f"s{i % 3}", day(i), i, i))  # fmt: skip
    table(tmp_path / "CONTRACTS 2024.csv", "CONTRACT NO,ACCOUNT ID,Start Date,End Date,ARR (USD)",
          lambda i: (i, i + 1000, day(i), "", 1200 * (i + 1)))  # fmt: skip
    found = proposed(tmp_path)
    assert found.shapes() == {
        "account_list": ("attributes", None, "Account ID"),
        "contracts_2024": ("periods", "revenue", "ACCOUNT ID"),
    }
    contracts = found.settings.tables["contracts_2024"]
    assert (contracts.amount, contracts.amount_per, found.settings.company.currency) == ("ARR (USD)", "year", "USD")
    assert found.features("account_list") == ["INDUSTRY SECTOR"]
    assert "as it stands today" in found.why("account_list.LIFETIME VALUE")
    assert "as it stands today" in found.why("account_list.Days Since Login")
    passes(tmp_path)


def test_crm_export_with_id_and_account_id(tmp_path):
    table(tmp_path / "Account.csv", "Id,Name,Industry,NumberOfEmployees,IsDeleted,OwnerId,SystemModstamp",
          lambda i: (f"001A{i:04}", f"N{i}", f"s{i % 4}", i, "false", f"005{i % 3}", day(i)))  # fmt: skip
    table(tmp_path / "Opportunity.csv", "Id,AccountId,Amount,CreatedDate,CloseDate,IsWon,StageName",
          lambda i: (f"006A{i:04}", f"001A{i % 50:04}", i * 10, day(i), day(i + 30), "true" if i % 2 else "false", "x"))  # fmt: skip
    table(tmp_path / "Case.csv", "Id,AccountId,CreatedDate,ClosedDate,Priority",
          lambda i: (f"500A{i:04}", f"001A{i % 30:04}", day(i), day(i + 2), ["High", "Low"][i % 2]))  # fmt: skip
    table(tmp_path / "Contact.csv", "Id,AccountId,FirstName,LastName,Email",
          lambda i: (f"003A{i:04}", f"001A{i % 30:04}", f"F{i}", f"L{i}", f"a{i}@b.c"))  # fmt: skip
    found = proposed(tmp_path)
    # The accounts come by the layout of such exports, which can make no deals of a file that does not say what closed.
    assert found.shapes() == {
        "accounts": ("attributes", None, "account_id"),
        "opportunity": ("events", "deals", "AccountId"),
        "case": ("events", None, "AccountId"),
    }
    deals = found.settings.tables["opportunity"]
    assert (deals.created, deals.closed, deals.won, deals.amount) == ("CreatedDate", "CloseDate", "IsWon", "Amount")
    assert found.settings.tables["case"].kind == "Priority"
    assert "people" in found.why("contact")
    assert found.features("accounts") == ["industry", "number_of_employees"]
    passes(tmp_path)


@pytest.mark.parametrize(("every", "trailing"), [(30, 3), (365, 12)])
def test_billing_by_invoices_only(every, trailing, tmp_path):
    start = pd.Timestamp("2020-01-01")
    table(tmp_path / "invoices.csv", "invoice_no,customer,invoice_date,due_date,net_amount,currency,paid_on",
          lambda i: (f"R{i}", f"c{i % 15}", (start + pd.Timedelta(days=i // 15 * every)).date(), "", 99, "EUR", ""))  # fmt: skip
    found = proposed(tmp_path)
    invoices = found.settings.tables["invoices"]
    assert (invoices.shape, invoices.role, invoices.key, invoices.at) == (
        "events",
        "revenue",
        "customer",
        "invoice_date",
    )
    assert (invoices.amount, invoices.currency, invoices.trailing_months) == ("net_amount", "currency", trailing)
    passes(tmp_path)


def test_orders_with_quantity_and_unit_price(tmp_path):
    table(tmp_path / "order_lines.csv", "OrderNo,OrderDate,ClientRef,SKU,Qty,UnitPrice,CountryName",
          lambda i: (i // 2, day(i), f"C-{i % 9}", f"sku{i}", -1 if i == 7 else 3, 2.5, f"land{i % 9 % 2}"))  # fmt: skip
    found = proposed(tmp_path)
    orders = found.settings.tables["order_lines"]
    assert (orders.role, orders.key, orders.quantity, orders.price) == ("revenue", "ClientRef", "Qty", "UnitPrice")
    assert (orders.amount, orders.credit_notes) == (None, True)


SUBSCRIPTIONS = "subscription_id,account_id,start_date,end_date,mrr"


def subscriptions(folder: Path, name: str = "subscriptions.csv") -> None:
    table(folder / name, SUBSCRIPTIONS, lambda i: (f"s{i}", f"acc-{i:03}", day(i), "", 10 + i))


def test_usage_in_wide_and_long_form_tickets_and_surveys(tmp_path):
    subscriptions(tmp_path)
    table(tmp_path / "usage_daily.csv", "org,day,logins,active_users,exports,api_calls,storage_gb",
          lambda i: (f"acc-{i % 6:03}", day(i // 6), i, i % 7, i % 3, i * 2, i / 10))  # fmt: skip
    table(tmp_path / "product_events.csv", "event_id,event_name,account,user_id,timestamp",
          lambda i: (f"e{i}", ["login", "export"][i % 2], f"acc-{i % 9:03}", f"u{i % 20}", f"{day(i)}T10:00:00Z"))  # fmt: skip
    table(tmp_path / "tickets.csv", "ticket_id,account_id,opened_at,closed_at,severity,csat",
          lambda i: (i, f"acc-{i % 9:03}", day(i), day(i + 1), f"p{i % 3}", i % 5))  # fmt: skip
    table(tmp_path / "nps_responses.csv", "account_id,response_date,nps_score,comment",
          lambda i: (f"acc-{i % 9:03}", day(i), i % 11, f"we like it a lot because {i}"))  # fmt: skip
    table(
        tmp_path / "csat_survey.csv", "account_id,answered_on,score", lambda i: (f"acc-{i % 2:03}", "2023-05-01", i % 5)
    )
    found = proposed(tmp_path)
    assert found.shapes() == {
        "subscriptions": ("periods", "revenue", "account_id"),
        "csat_survey": ("events", None, "account_id"),
        "nps_responses": ("history", None, "account_id"),
        "product_events": ("events", None, "account"),
        "tickets": ("events", None, "account_id"),
        "usage_daily": ("events", None, "org"),
    }
    assert {"active_users", "exports", "api_calls", "storage_gb"} <= {*found.features("usage_daily"), "logins"}
    assert found.settings.tables["product_events"].kind == "event_name"
    assert found.settings.tables["tickets"].at == "opened_at"
    assert "of its values are in subscriptions.account_id" in found.comment('key = "org"')
    assert found.settings.tables["usage_daily"].columns["storage_gb"].unit == "GB"
    assert "free text" in found.why("nps_responses.comment")
    passes(tmp_path)


def test_contracts_with_a_term_but_no_end_say_which_column_to_add(tmp_path):
    table(tmp_path / "accounts.csv", "account_id,industry", lambda i: (f"a{i}", f"s{i % 3}"))
    table(tmp_path / "contracts.csv", "contract_id,account_id,start_date,term_months,monthly_fee",
          lambda i: (f"k{i}", f"a{i}", day(i), 12, 100))  # fmt: skip
    found = proposed(tmp_path)
    assert list(found.settings.tables) == ["accounts"]
    assert "start_date + term_months months" in found.why("contracts")
    assert "say what accounts pay" in found.proposal.toml


def test_a_ledger_of_mrr_by_month_is_events_trailing_one_month(tmp_path):
    table(tmp_path / "mrr_by_month.csv", "account,month,mrr,seats",
          lambda i: (f"a{i % 5}", f"2022-{i // 5 + 1:02}-01", 100 + i, i % 9))  # fmt: skip
    found = proposed(tmp_path)
    assert found.shapes() == {
        "mrr_by_month_mrr": ("events", "revenue", "account"),
        "mrr_by_month": ("history", None, "account"),
    }
    ledger = found.settings.tables["mrr_by_month_mrr"]
    assert (ledger.at, ledger.amount, ledger.trailing_months) == ("month", "mrr", 1)
    assert found.features("mrr_by_month") == ["mrr", "seats"] or found.features("mrr_by_month") == ["seats"]
    passes(tmp_path)


def test_a_panel_with_its_own_outcome_is_a_snapshot(tmp_path):
    table(tmp_path / "panel.csv", "account_id,snapshot_month,logins,industry,mrr,churned_next_month",
          lambda i: (f"a{i % 10}", f"2022-{i // 10 + 1:02}-01", i, f"s{i % 3}", i, int(i % 7 == 0)))  # fmt: skip
    found = proposed(tmp_path)
    panel = found.settings.tables["panel"]
    assert (panel.shape, panel.key, panel.at) == ("snapshot", "account_id", "snapshot_month")
    assert panel.outcome == "churned_next_month"
    assert found.features("panel") == ["logins", "industry", "mrr"]
    assert panel.columns["industry"].scope == "fit"


def test_of_two_tables_with_money_the_clearer_one_is_revenue_and_the_other_named(tmp_path):
    subscriptions(tmp_path)
    table(
        tmp_path / "invoices.csv",
        "invoice_id,account_id,issued_on,amount",
        lambda i: (f"i{i}", f"acc-{i % 9:03}", day(i), 5),
    )
    found = proposed(tmp_path)
    assert found.settings.with_role("revenue") == ["subscriptions"]
    assert "invoices (amount) could be revenue as well" in found.text


def test_a_list_of_accounts_that_holds_all_is_read_twice(tmp_path):
    table(tmp_path / "customers.csv", "id,name,industry,signup_date,churn_date,mrr,status,health_score",
          lambda i: (f"c{i}", f"N{i}", f"s{i % 3}", day(i), day(i + 400) if i % 3 == 0 else "", 10 + i, "x", i % 9))  # fmt: skip
    found = proposed(tmp_path)
    assert found.shapes() == {
        "customers": ("attributes", None, "id"),
        "customers_terms": ("periods", "revenue", "id"),
    }
    terms = found.settings.tables["customers_terms"]
    assert (terms.start, terms.end, terms.amount) == ("signup_date", "churn_date", "mrr")
    assert found.features("customers") == ["industry"]
    passes(tmp_path)


def test_files_that_are_no_tables_odd_names_and_nested_folders(tmp_path):
    subscriptions(tmp_path, "Übersicht Abos (neu).csv")
    (tmp_path / "README.md").write_text("# hi")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "book.xlsx").write_bytes(b"PK")
    table(tmp_path / "exports" / "2024" / "support tickets.csv", "id,account_id,created_at,priority",
          lambda i: (i, f"acc-{i % 9:03}", day(i), f"p{i % 2}"))  # fmt: skip
    (tmp_path / "usage").mkdir()
    for part in range(2):
        pd.DataFrame({"account_id": [f"acc-00{part}"] * 9, "day": pd.date_range("2023-01-01", periods=9), "hits": range(9)}).to_parquet(
            tmp_path / "usage" / f"part-{part}.parquet"
        )  # fmt: skip
    found = proposed(tmp_path)
    assert {name: t.source for name, t in found.settings.tables.items()} == {
        "ubersicht_abos_neu": "Übersicht Abos (neu).csv",
        "support_tickets": "exports/2024/support tickets.csv",
        "usage": "usage",
    }
    assert found.why("README.md") == found.why("logo.png") == "not a table"
    assert "export it as CSV" in found.why("book.xlsx")
    assert ".DS_Store" not in found.proposal.toml
    passes(tmp_path)


def test_tables_of_several_databases_and_schemas(tmp_path):
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as connection:
        connection.execute(
            "create table accounts as select 'a' || i as account_id, 's' || i % 3 as sector from range(50) t(i)"
        )
        connection.execute("create schema billing")
        connection.execute(
            "create table billing.subscriptions as select 'a' || i as account_id, date '2022-01-01' + i::int as started_on, "
            "null::date as ended_on, 10.5 as mrr from range(50) t(i)"
        )
    with duckdb.connect(str(tmp_path / "product.duckdb")) as connection:
        connection.execute(
            "create view logins as select 'a' || i % 50 as account, timestamp '2022-02-01' + to_days(i::int) as at from range(90) t(i)"
        )
    found = proposed(tmp_path)
    assert {name: t.source for name, t in found.settings.tables.items()} == {
        "accounts": "crm.duckdb#accounts",
        "billing_subscriptions": "crm.duckdb#billing.subscriptions",
        "logins": "product.duckdb#logins",
    }
    assert found.settings.tables["logins"].key == "account"
    passes(tmp_path)


def test_parts_of_one_table_packed_files_and_copies(tmp_path):
    for year in (2023, 2024):
        table(
            tmp_path / f"tickets_{year}.csv",
            "account_id,opened_on,kind",
            lambda i, y=year: (f"acc-{i % 9:03}", day(i, y), f"k{i % 2}"),
        )
    subscriptions(tmp_path)
    packed = (tmp_path / "subscriptions.csv").read_bytes()
    (tmp_path / "subscriptions (1).csv").write_bytes(packed)
    table(tmp_path / "plain.csv", "account_id,seen_on,channel", lambda i: (f"acc-{i % 9:03}", day(i), f"k{i % 2}"))
    (tmp_path / "visits.csv.gz").write_bytes(gzip.compress((tmp_path / "plain.csv").read_bytes()))
    (tmp_path / "plain.csv").unlink()
    found = proposed(tmp_path)
    assert {name: t.source for name, t in found.settings.tables.items()} == {
        "subscriptions": "subscriptions.csv",
        "tickets": "tickets_[0-9]*.csv",
        "visits": "visits.csv.gz",
    }
    assert found.why("subscriptions (1).csv") == "a copy of subscriptions.csv"
    assert inspect_workspace(tmp_path).tables["tickets"].rows_read == 120
    passes(tmp_path)


def test_yearly_lists_of_the_same_accounts_use_the_latest(tmp_path):
    for year in (2023, 2024):
        table(
            tmp_path / f"accounts_{year}.csv",
            "account_id,industry",
            lambda i: (f"acc-{i:03}", f"s{i % 3}"),
            n=60 + year % 2,
        )
    subscriptions(tmp_path)
    found = proposed(tmp_path)
    assert found.settings.tables["accounts"].source == "accounts_2024.csv"
    assert "only the latest" in found.text
    passes(tmp_path)


def test_maps_calendars_lookups_and_people_are_refused_with_a_remedy(tmp_path):
    table(tmp_path / "accounts.csv", "crm_id,industry,country", lambda i: (f"crm-{i:04}", f"s{i % 3}", f"c{i % 4}"))
    table(tmp_path / "id_map.csv", "crm_id,billing_id", lambda i: (f"crm-{i:04}", f"cus_{i * 7}"))
    table(
        tmp_path / "subscriptions.csv",
        "customer_id,plan_id,start,end,mrr",
        lambda i: (f"cus_{i * 7}", f"plan{i % 4}", day(i), "", 5),
    )
    table(tmp_path / "logins.csv", "crm_id,at", lambda i: (f"crm-{i % 50:04}", day(i)))
    table(tmp_path / "plans.csv", "plan_id,plan_name,list_price", lambda i: (f"plan{i}", f"P{i}", i), n=4)
    table(tmp_path / "dim_date.csv", "date,year,month,weekday,is_holiday",
          lambda i: (day(i), 2022, i // 28 + 1, i % 7, "false"))  # fmt: skip
    table(
        tmp_path / "users.csv",
        "user_id,crm_id,email,role",
        lambda i: (f"u{i}", f"crm-{i % 50:04}", f"u{i}@x.y", f"r{i % 2}"),
    )
    found = proposed(tmp_path)
    assert found.shapes() == {
        "accounts": ("attributes", None, "crm_id"),
        "logins": ("events", None, "crm_id"),
    }
    assert "customer_id leads to id_map: add its crm_id" in found.why("subscriptions")
    assert "map of identifiers" in found.why("id_map")
    assert "lookup of plan_id" in found.why("plans") and "subscriptions" in found.why("plans")
    assert "calendar" in found.why("dim_date")
    assert "people" in found.why("users")
    passes(tmp_path)


@pytest.mark.parametrize(
    ("header", "uses"),
    [("old_id,new_id,merged_on", False), ("account_id,is_now,from_date", True), ("account_id,merged_into,date", False)],
)
def test_merged_accounts_are_lineage_or_say_what_to_rename(header, uses, tmp_path):
    subscriptions(tmp_path)
    table(tmp_path / "merges.csv", header, lambda i: (f"acc-{i:03}", f"acc-{i + 10:03}", day(i)), n=5)
    found = proposed(tmp_path)
    if uses:
        assert found.settings.lineage is not None and found.settings.lineage.source == "merges.csv"
    else:
        old, new, on = header.split(",")
        why = found.why("merges")
        assert f"{new} to is_now" in why and f"{on} to from_date" in why
        assert (f"{old} to account_id" in why) == (old != "account_id")


def test_the_account_is_found_by_shared_values_under_any_name(tmp_path):
    table(tmp_path / "firms.csv", "ref,sector", lambda i: (f"F-{i:05}", f"s{i % 3}"))
    table(tmp_path / "bookings.csv", "number,who,start,end,monthly_fee", lambda i: (i, f"F-{i:05}", day(i), "", 10))
    table(tmp_path / "calls.csv", "day,caller_code,minutes,account", lambda i: (day(i), f"F-{i % 40:05}", i, f"x{i}"))
    found = proposed(tmp_path)
    assert {name: t.key for name, t in found.settings.tables.items()} == {
        "firms": "ref",
        "bookings": "who",
        "calls": "caller_code",
    }
    assert "all of its values are in firms.ref" in found.comment('key = "caller_code"')


def test_small_whole_numbers_that_overlap_by_accident_are_no_key(tmp_path):
    table(tmp_path / "accounts.csv", "id,industry", lambda i: (i + 1, f"s{i % 3}"))
    table(tmp_path / "usage.csv", "seats,score,customer,day", lambda i: (i % 60 + 1, i % 9 + 1, i % 50 + 1, day(i)))
    table(tmp_path / "weather.csv", "station,reading_day,rain", lambda i: (i % 9 + 1, day(i % 20), i % 30 + 1))
    found = proposed(tmp_path)
    assert found.settings.tables["usage"].key == "customer"
    assert "no column names the account" in found.why("weather")


def test_market_tables_and_rates(tmp_path):
    subscriptions(tmp_path)
    table(
        tmp_path / "macro.csv",
        "date,gdp_growth,inflation,unemployment",
        lambda i: (day(i * 28), i / 10, i / 9, i / 8),
        n=30,
    )
    table(tmp_path / "fx_rates.csv", "date,currency,rate", lambda i: (day(i), ["EUR", "GBP"][i % 2], 1.1 + i / 100))
    table(tmp_path / "indicators.csv", "indicator,period,released_on,value",
          lambda i: (f"x{i % 2}", day(i // 2 * 28), day(i // 2 * 28 + 28), i))  # fmt: skip
    found = proposed(tmp_path)
    rates, market = found.settings.tables["fx_rates"], found.settings.tables["indicators"]
    assert (rates.shape, rates.role, rates.indicator, rates.period, rates.value) == (
        "market",
        "rates",
        "currency",
        "date",
        "rate",
    )
    assert (market.shape, market.published) == ("market", "released_on")
    assert "indicator, period, published_at and value" in found.why("macro")
    passes(tmp_path)


def test_costs_notes_and_movements(tmp_path):
    subscriptions(tmp_path)
    table(
        tmp_path / "service_costs.csv",
        "account_id,date,cost_type,amount",
        lambda i: (f"acc-{i % 9:03}", day(i), f"k{i % 2}", i),
    )
    table(
        tmp_path / "csm_notes.csv",
        "account_id,date,author,note",
        lambda i: (f"acc-{i % 9:03}", day(i), f"Jo{i % 2}", f"n {i}"),
    )
    table(tmp_path / "mrr_movements.csv", "account_id,date,movement_type,mrr_change",
          lambda i: (f"acc-{i % 9:03}", day(i), ["new", "churn", "expansion"][i % 3], i - 30))  # fmt: skip
    found = proposed(tmp_path)
    assert {name: t.role for name, t in found.settings.tables.items()} == {
        "subscriptions": "revenue",
        "csm_notes": "notes",
        "service_costs": "costs",
    }
    notes = found.settings.tables["csm_notes"]
    assert (notes.note, notes.owner) == ("note", "author")
    assert "change of MRR" in found.why("mrr_movements")


@pytest.mark.parametrize(
    ("cells", "form", "said"),
    [
        (["13/04/2022", "05/06/2022"], "DD/MM/YYYY", "13/04/2022"),
        (["04/13/2022 10:00", "05/06/2022 09:30"], "MM/DD/YYYY", "04/13/2022"),
        (["20220413", "20220506"], "YYYYMMDD", "20220413"),
        (["1649808000", "1651795200"], "seconds", "1649808000"),
        (["04/05/2022", "05/06/2022"], "iso", "4 May 2022 (DD/MM/YYYY) or 5 April 2022 (MM/DD/YYYY)"),
        (["2022-04", "2022-05"], "YYYY-MM", "2022-04"),
        (["2022-W14", "2022-W15"], "iso", "cannot be read"),
        (["4 Apr 2022", "15 Apr 2022"], "iso", "cannot be read"),
    ],
)
def test_dates_of_one_other_form_are_declared_and_others_said(cells, form, said, tmp_path):
    table(tmp_path / "tickets.csv", "account_id,opened_at,kind", lambda i: (f"a{i}", cells[i % 2], f"k{i % 2}"))
    found = proposed(tmp_path)
    assert (found.settings.tables["tickets"].shape, found.settings.tables["tickets"].dates) == ("events", form)
    assert said in found.text


def test_a_date_column_tells_the_form_of_another(tmp_path):
    table(
        tmp_path / "subs.csv",
        "account_id;start;end;mrr",
        lambda i: (f"a{i}", "01/02/2022", f"{i % 20 + 8:02}/02/2023", 5),
        separator=";",
    )
    found = proposed(tmp_path)
    assert found.settings.tables["subs"].dates == "DD/MM/YYYY"


@pytest.mark.parametrize(
    ("interval", "fee", "per", "said"),
    [
        (["annual"], "fee", "year", "every billing_interval is annual"),
        (["quarterly"], "fee", "quarter", "every billing_interval is quarterly"),
        (["monthly", "annual"], "fee", "month", "differs by row"),
        (["monthly"], "acv", "year", "called a yearly amount"),
    ],
)
def test_what_an_amount_covers(interval, fee, per, said, tmp_path):
    table(tmp_path / "subscriptions.csv", f"account_id,start,end,billing_interval,{fee}",
          lambda i: (f"a{i}", day(i), "", interval[i % len(interval)], 100 + i))  # fmt: skip
    found = proposed(tmp_path)
    assert (found.settings.tables["subscriptions"].amount, found.settings.tables["subscriptions"].amount_per) == (
        fee,
        per,
    )
    assert said in found.text


def test_a_product_is_named_only_where_its_terms_do_not_overlap(tmp_path):
    def term(i: int) -> tuple[object, ...]:
        return (f"a{i % 20}", f"p{i // 20 % 3}", day(i), "", 5)

    table(tmp_path / "subscriptions.csv", "account_id,product,start,end,mrr", term)
    assert proposed(tmp_path).settings.tables["subscriptions"].product == "product"
    table(tmp_path / "subscriptions.csv", "account_id,product,start,end,mrr", term, n=120)
    found = proposed(tmp_path)
    assert found.settings.tables["subscriptions"].product is None
    assert "overlap another of the same account" in found.text


def test_numbers_with_signs_of_money_are_declared(tmp_path):
    table(
        tmp_path / "subscriptions.csv",
        "account_id,start,end,mrr,seats",
        lambda i: (f"a{i}", day(i), "", f'"${i + 1},500.00"', i),
    )
    found = proposed(tmp_path)
    terms = found.settings.tables["subscriptions"]
    assert (terms.amount, terms.thousands) == ("mrr", ",")
    passes(tmp_path)


def test_revenue_comes_after_accounts_and_before_the_rest(tmp_path):
    table(tmp_path / "z_accounts.csv", "account_id,industry", lambda i: (f"acc-{i:03}", f"s{i % 3}"))
    table(tmp_path / "a_logins.csv", "account_id,at", lambda i: (f"acc-{i % 9:03}", day(i)))
    subscriptions(tmp_path)
    assert list(proposed(tmp_path).settings.tables) == ["z_accounts", "subscriptions", "a_logins"]


def test_every_column_is_a_key_declared_or_left_out_with_a_reason(tmp_path):
    header = "account_id,start,end,mrr,plan,note,is_active,empty,phone,churn_reason"
    table(tmp_path / "subscriptions.csv", header,
          lambda i: (f"a{i}", day(i), "", 5 + i, f"p{i % 2}", f"n{i}", "true", "", f"+49{i}", "r"))  # fmt: skip
    found = proposed(tmp_path)
    spec = found.settings.tables["subscriptions"]
    named = {spec.key, spec.start, spec.end, spec.amount, *spec.columns}
    left = {one.column: one.why for one in found.proposal.left_out}
    assert named | set(left) == set(header.split(","))
    assert all(left.values())


def test_money_in_a_table_of_usage_leaves_the_usage_as_events(tmp_path):
    table(
        tmp_path / "metering.csv",
        "tenant_id,date,api_calls,charge_usd",
        lambda i: (f"t{i % 10}", day(i // 10), i * i % 7, i + 1),
    )
    found = proposed(tmp_path)
    assert found.shapes() == {
        "metering_revenue": ("events", "revenue", "tenant_id"),
        "metering": ("events", None, "tenant_id"),
    }
    assert found.features("metering") == ["api_calls"]
    assert found.settings.company.currency == "USD"
    passes(tmp_path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("account_id,started_on,ended_on,price_cents", "price_cents / 100"),
        ("account_id,started_on,ended_on,price_per_seat,seats", "price_per_seat is of one unit, and there are seats"),
        ("account_id,month,arr,seats", "arr by month says what accounts pay, but a year's worth"),
    ],
)
def test_money_that_no_key_can_express_says_which_column_to_add(header, said, tmp_path):
    def row(i: int) -> tuple[object, ...]:
        return (f"a{i}", day(i), "", 10 + i, i) if "seats" in header else (f"a{i}", day(i), "", 10 + i)

    def month(i: int) -> tuple[object, ...]:
        return (f"a{i % 5}", f"2022-{i // 5 + 1:02}-01", 1200 + i, i)

    table(tmp_path / "subscriptions.csv", header, month if "month" in header else row)
    assert said in proposed(tmp_path).text


def test_accounts_may_be_told_apart_by_name_where_nothing_else_does(tmp_path):
    table(
        tmp_path / "contracts.csv",
        "contract_no,customer_name,start_date,end_date,annual_fee",
        lambda i: (i, f"Co {i % 30}", day(i), "", 1200),
    )
    found = proposed(tmp_path)
    assert found.settings.tables["contracts"].key == "customer_name"
    assert "check: accounts are told apart by what they are called" in found.comment('key = "customer_name"')


def test_months_in_names_of_columns_and_results_of_renewals_are_left_out(tmp_path):
    subscriptions(tmp_path)
    table(tmp_path / "accounts.csv", "account_id,industry,2023-01,Feb 2023,renewal_outcome",
          lambda i: (f"acc-{i:03}", f"s{i % 3}", i, i + 1, f"o{i % 2}"))  # fmt: skip
    found = proposed(tmp_path)
    assert found.features("accounts") == ["industry"]
    assert "give one row an account and date" in found.why("accounts.2023-01")
    assert "give one row an account and date" in found.why("accounts.Feb 2023")


def test_files_that_cannot_be_used_say_why_and_stop_nothing(tmp_path):
    subscriptions(tmp_path)
    (tmp_path / "twice.csv").write_text("account_id,account_id,size\n1,2,3\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("account_id,size\n")
    (tmp_path / "bad.parquet").write_bytes(b"x")
    (tmp_path / "bad.duckdb").write_bytes(b"x")
    found = proposed(tmp_path)
    assert list(found.settings.tables) == ["subscriptions"]
    assert "more than one column is called account_id" in found.why("twice")
    assert "empty" in found.why("empty") and "no rows" in found.why("header")
    assert "cannot be read" in found.why("bad") and "cannot be read" in found.why("bad.duckdb")
    passes(tmp_path)


def test_ends_on_the_last_day_are_pointed_out(tmp_path):
    table(tmp_path / "contracts.csv", "account_id,start,end,mrr",
          lambda i: (f"a{i % 10}", f"202{i // 10}-01-01", f"202{i // 10}-12-31", 10 + i), n=40)  # fmt: skip
    assert "end may be the last day" in proposed(tmp_path).text


def test_ends_far_in_the_future_and_renewals_are_keys_of_terms(tmp_path):
    table(tmp_path / "agreements.csv", "account_id,effective_from,expires_on,next_renewal_date,notice_given_on,acv",
          lambda i: (f"a{i}", day(i), "2031-01-01", "2025-01-01", "" if i % 5 else day(i + 90), 1200 + i))  # fmt: skip
    terms = proposed(tmp_path).settings.tables["agreements"]
    assert (terms.start, terms.end) == ("effective_from", "expires_on")
    assert (terms.renews, terms.cancelled, terms.amount_per) == ("next_renewal_date", "notice_given_on", "year")


def test_an_end_is_preferred_to_the_end_of_the_current_period(tmp_path):
    table(tmp_path / "subs.csv", "account,start,current_period_end,ended,mrr",
          lambda i: (f"a{i}", day(i), day(i + 30), day(i + 300) if i % 5 == 0 else "", 10 + i))  # fmt: skip
    assert proposed(tmp_path).settings.tables["subs"].end == "ended"


def test_totals_dated_by_the_first_of_their_month_are_pointed_out(tmp_path):
    subscriptions(tmp_path)
    table(
        tmp_path / "usage_monthly.csv",
        "account_id,month,sessions",
        lambda i: (f"acc-{i % 9:03}", f"2023-{i // 9 + 1:02}-01", i),
    )
    assert "known only when it is over" in proposed(tmp_path).text
