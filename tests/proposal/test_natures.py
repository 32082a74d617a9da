"""What `leap init` says the company can move, and what only follows from a decision already taken."""

from pathlib import Path

from tests.proposal.test_proposal import SUBSCRIPTIONS, proposed, rows


def test_what_a_company_works_on_is_a_lever_and_what_an_account_is_is_none(tmp_path: Path):
    _, found = proposed(
        tmp_path,
        accounts=rows("customer_id,country,industry", "c{i}", "k{two}", "s{two}"),
        subscriptions=rows(
            "customer_id,start_date,end_date,mrr,seats,billing_frequency,region",
            "c{i}", "2024-01-{day}", "", "{i}", "{two}3", "b{two}", "r{two}",
        ),
        usage=rows("customer_id,used_on,feature,count", "c{two}", "2024-01-{day}", "f{two}", "{i}"),
        news=rows("customer_id,seen_on,topic", "c{two}", "2024-01-{day}", "f{two}"),
    )  # fmt: skip
    assert {name: table.actionable for name, table in found.tables.items()} == {
        "accounts": False, "subscriptions": False, "usage": True, "news": False,
    }  # fmt: skip
    said = {name: column.actionable for table in found.tables.values() for name, column in table.columns.items()}
    levers = {name for name, actionable in said.items() if actionable}
    assert levers == {"seats", "billing_frequency"}
    assert {"country", "industry", "region"} <= set(said)


def test_kinds_that_follow_from_a_decision_are_named_as_such(tmp_path: Path):
    kinds = ("question", "Cancellation request", "data export", "outage")
    tickets = "customer_id,opened_on,topic\n" + "".join(
        f"c{i},2024-01-{i % 28 + 1:02d},{kinds[i % 4]}\n" for i in range(80)
    )
    proposal, found = proposed(tmp_path, subscriptions=SUBSCRIPTIONS, support_tickets=tickets)
    table = found.tables["support_tickets"]
    assert (table.kind, table.actionable) == ("topic", True)
    assert table.consequence_kinds == ["Cancellation request", "data export"]
    assert "a decision already taken" in proposal.toml


def test_a_column_that_follows_from_a_decision_is_a_consequence(tmp_path: Path):
    _, found = proposed(
        tmp_path,
        subscriptions=SUBSCRIPTIONS,
        surveys=rows("customer_id,observed_on,exit_survey_sent,nps", "c{i}", "2024-01-{day}", "{two}", "{i}"),
    )
    columns = found.tables["surveys"].columns
    assert {name: column.consequence for name, column in columns.items()} == {"exit_survey_sent": True, "nps": False}
