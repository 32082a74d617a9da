"""Exports of billing tools and warehouses: copies, prefixes, planned ends, statuses and words for the same things."""

from datetime import date, timedelta

import pytest

from tests.proposal.made_up import proposed, table

FIRST = date(2022, 1, 1)


def day(i: int) -> date:
    """A day for every row, over three years."""
    return FIRST + timedelta(days=i * 37 % 1090)


def test_the_day_on_which_a_warehouse_copied_a_table_is_not_when_its_rows_were_known(tmp_path):
    table(tmp_path / "accounts.csv", "account_id,industry,_loaded_at",
          lambda i: (f"a{i}", "xyz"[i % 3], f"2025-07-0{i % 2 + 1} 03:00:00"))  # fmt: skip
    table(tmp_path / "subscriptions.csv", "account_id,mrr,start_date,end_date,_loaded_at",
          lambda i: (f"a{i}", 100 + i % 7, day(i), "" if i % 3 else "2025-05-20", "2025-07-01 03:00:00"))  # fmt: skip
    found = proposed(tmp_path)
    assert [table.known_at for table in found.settings.tables.values()] == [None, None]
    assert "when the table was copied" in found.why("accounts._loaded_at")
    assert "2025-07-01" in found.why("subscriptions._loaded_at")


def test_a_time_of_loading_that_follows_the_rows_is_when_they_were_known(tmp_path):
    table(tmp_path / "subscriptions.csv", "account_id,mrr,start_date,end_date,loaded_at",
          lambda i: (f"a{i}", 100 + i % 7, day(i), "" if i % 3 else "2025-05-20", day(i) + timedelta(days=2)))  # fmt: skip
    assert proposed(tmp_path).settings.tables["subscriptions"].known_at == "loaded_at"


def billing_export(tmp_path):
    """Columns as Chargebee names them: the table before each, the account in a table of subscriptions too."""
    table(tmp_path / "Customers.csv",
          "customers.id,customers.company,customers.first_name,customers.last_name,customers.cf_industry",
          lambda i: (f"Az{i:04}", f"Firm {i}", f"Ann{i % 9}", f"Lee{i % 11}", "xyz"[i % 3]))  # fmt: skip
    table(tmp_path / "Subscriptions.csv",
          "subscriptions.id,customers.id,subscriptions.status,subscriptions.mrr,subscriptions.started_at,"
          "subscriptions.current_term_end,subscriptions.cancelled_at",
          lambda i: (f"s{i}", f"Az{i:04}", "active" if i % 3 else "cancelled", 90 + i % 7, f"{day(i)} 10:00:00",
                     "2025-07-31 00:00:00", "" if i % 3 else f"{day(i) + timedelta(days=200)} 10:00:00"))  # fmt: skip
    return proposed(tmp_path)


def test_columns_that_begin_with_the_name_of_their_table_are_read_without_it(tmp_path):
    found = billing_export(tmp_path)
    assert found.shapes() == {
        "customers": ("attributes", None, "customers.id"),
        "subscriptions": ("periods", "revenue", "customers.id"),
    }
    assert found.settings.tables["subscriptions"].amount == "subscriptions.mrr"
    assert found.settings.tables["customers"].columns["customers.cf_industry"].label == "Cf industry"


def test_a_term_ends_when_it_was_cancelled_and_not_when_the_billed_period_does(tmp_path):
    assert billing_export(tmp_path).settings.tables["subscriptions"].end == "subscriptions.cancelled_at"


def test_customers_with_a_company_and_a_person_to_reach_are_accounts(tmp_path):
    assert billing_export(tmp_path).features("customers") == ["customers.cf_industry"]


def test_ends_that_were_planned_when_a_term_began_are_not_the_end_of_the_data(tmp_path):
    def row(i: int) -> tuple[object, ...]:
        start = FIRST + timedelta(days=i * 20)
        return f"a{i % 30}", 1200 + i % 5, start, start + timedelta(days=365)

    table(tmp_path / "contracts.csv", "account_id,arr,contract_start_date,contract_end_date", row)
    found = proposed(tmp_path)
    assert str(found.settings.company.data_until) == "2025-03-27"
    assert "planned ends" in found.comment("data_until")


def test_ends_on_any_day_are_departures_up_to_the_end_of_the_data(tmp_path):
    table(tmp_path / "contracts.csv", "account_id,arr,contract_start_date,contract_end_date",
          lambda i: (f"a{i}", 1200, FIRST + timedelta(days=i * 5), FIRST + timedelta(days=400 + i * 7)))  # fmt: skip
    assert proposed(tmp_path).settings.company.data_until is None


@pytest.mark.parametrize("name", ["telecom_customer_churn.csv", "customers.csv"])
def test_a_status_that_says_who_left_is_the_outcome_of_a_flat_table(tmp_path, name):
    table(tmp_path / name, "Customer ID,Tenure in Months,Monthly Charge,Customer Status,Churn Reason",
          lambda i: (f"{1000 + i}-AB", i % 70, 20 + i * 1.5, ("Stayed", "Churned", "Joined")[i % 3],
                     ("", "price", "")[i % 3] + str(i % 2 or "")))  # fmt: skip
    found = proposed(tmp_path)
    flat = next(iter(found.settings.tables.values()))
    assert (flat.shape, flat.outcome, flat.outcome_positive) == ("snapshot", "Customer Status", "Churned")
    assert "Churn Reason" not in flat.columns


def test_an_age_beside_a_gender_is_a_persons_and_without_one_a_companys(tmp_path):
    for folder, extra in (("people", "Gender"), ("firms", "Region")):
        table(tmp_path / folder / "data.csv", f"CLIENTNUM,Customer_Age,{extra},Attrition_Flag",
              lambda i: (7000 + i * 3, 20 + i % 40, "MF"[i % 2], ("Existing Customer", "Attrited Customer")[i % 2]))  # fmt: skip
    people, firms = proposed(tmp_path / "people"), proposed(tmp_path / "firms")
    assert people.why("data.Customer_Age") == "data about a person"
    assert "Customer_Age" in firms.features("data")
    assert people.settings.tables["data"].key == "CLIENTNUM"


def test_a_warehouse_that_does_not_know_since_when_says_nothing_of_a_start(tmp_path):
    table(tmp_path / "dim_customer.csv", "customer_key,industry_name,valid_from,valid_to",
          lambda i: (i + 1, "xyz"[i % 3], "1900-01-01", "9999-12-31"))  # fmt: skip
    table(tmp_path / "fct_mrr_monthly.csv", "customer_key,month_start_date,mrr_amount,active_users",
          lambda i: (i % 60 + 1, f"2024-{i // 60 + 1:02}-01", 50 + i % 7, i % 13), 600)  # fmt: skip
    found = proposed(tmp_path)
    assert {name: shape for name, (shape, _, _) in found.shapes().items()} == {
        "dim_customer": "attributes",
        "fct_mrr_monthly_mrr": "events",
        "fct_mrr_monthly": "history",
    }
    assert "begins with month_start_date, they are known only when it is over" in found.text


def test_short_words_of_german_and_french_ledgers_are_understood(tmp_path):
    table(tmp_path / "fr" / "abonnements.csv",
          "n_abonnement;code_client;montant_mensuel_ht;devise;date_de_début;date_de_résiliation",
          lambda i: (i, f"CLI{i:04}", f"{100 + i},50", "EUR", f"{day(i):%d/%m/%Y}", "" if i % 3 else "20/05/2025"),
          separator=";")  # fmt: skip
    french = proposed(tmp_path / "fr")
    terms = french.settings.tables["abonnements"]
    assert (terms.role, terms.amount, terms.currency) == ("revenue", "montant_mensuel_ht", "devise")
    assert french.why("abonnements.n_abonnement") == "an identifier: another value on every row, counted up"
    table(tmp_path / "de" / "Rechnungen.csv", "Belegnr.;Belegdatum;Kundennr.;Nettobetrag;Whrg",
          lambda i: (2000 + i, f"{day(i):%d.%m.%Y}", 70000 + i % 20, f"{100 + i},50", "CHF"), separator=";")  # fmt: skip
    german = proposed(tmp_path / "de")
    assert german.settings.company.currency == "CHF"
    assert german.why("rechnungen.Belegnr.") == "an identifier"


def test_numbers_that_cannot_be_read_are_shown_by_one_that_cannot(tmp_path):
    table(tmp_path / "payments.csv", "account_id,payment_date,amount",
          lambda i: (f"a{i % 9}", day(i), f'"(1,{100 + i}.50)"' if i else "83.19"))  # fmt: skip
    assert "numbers such as (1,101.50)" in proposed(tmp_path).text


def test_amounts_with_commas_between_thousands_are_declared(tmp_path):
    table(tmp_path / "contracts.csv", "account_id,start_date,end_date,mrr",
          lambda i: (f"a{i}", day(i), "", f'"${1000 + i:,}.50"'))  # fmt: skip
    found = proposed(tmp_path)
    contracts = found.settings.tables["contracts"]
    assert (contracts.role, contracts.amount, contracts.thousands) == ("revenue", "mrr", ",")
    assert found.settings.company.currency == "USD"
