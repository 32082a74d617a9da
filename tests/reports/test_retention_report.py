"""The retention report says what was measured: bars that add up, units, notes, names that stay names, and no script."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from leap.reports import retention as report
from leap.revenue import retention
from tests.reports.markup import Markup
from tests.worlds import company_of, subscription
from training.retention import main

NOTE = "Fees are assumed: not what anyone paid."
WINDOW = (pd.Timestamp("2023-06-01"), pd.Timestamp("2024-06-01"))


def summary_of(name: str = "Acme", industry: str = "x", **more: Any) -> report.RetentionSummary:
    rows = [
        subscription("A", "2022-01-01", "2023-09-01", 100),
        subscription("A", "2023-09-01", None, 150),
        subscription("B", "2022-03-01", "2024-02-01", 200),
        subscription("B", "2024-02-01", None, 120),
        subscription("C", "2023-01-01", "2023-08-01", 50),
        subscription("C", "2023-12-01", "2024-03-01", 50),
        subscription("D", "2023-10-01", None, 999.99),
    ]
    firms = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"industry": {}}}}
    records = {"firms": [{"account_id": a, "industry": industry if a == "A" else "y"} for a in "ABCD"]}
    company = {"name": name, "money_note": NOTE, "currency": "EUR"}
    tables = company_of(rows, "2024-07-01", company=company, tables=firms, records=records, **more)
    return report.summarise(retention(tables, *WINDOW, by="industry"), tables.settings.company)


def test_every_bar_begins_where_the_one_before_ended_and_the_last_is_the_end():
    for waterfall in summary_of().waterfalls:
        first, *changes, last = waterfall.bars
        level = first.amount
        for bar in changes:
            assert bar.begins == pytest.approx(level)
            level += bar.amount
            assert bar.ends == pytest.approx(level) and bar.low >= 0
            assert (bar.kind == "down") == (bar.amount < 0)
        assert last.amount == pytest.approx(level)
        assert (first.begins, last.begins) == (0.0, 0.0)


def test_the_bars_are_the_figures():
    of_start, everyone = summary_of().waterfalls
    assert [round(bar.amount, 2) for bar in of_start.bars] == [350, -50, -80, 50, 270]
    assert {bar.label: round(bar.amount, 2) for bar in everyone.bars} == {
        "Start": 350, "New": 999.99, "Back again": 50, "Expansion": 50, "Contraction": -80, "Churn": -100, "End": 1269.99,
    }  # fmt: skip


def test_the_terminal_shows_figures_bars_years_segments_and_remarks():
    text = report.render_text(summary_of())
    assert "NRR             77.14%" in text and "EUR a month" in text and NOTE in text
    lines = text.splitlines()
    (start,) = {
        line for line in lines if line.strip().startswith("Start") and "350.00" in line and line.count("█") < 44
    }
    (end,) = (line for line in lines if line.strip().startswith("End") and "1,269.99" in line)
    assert end.count("█") > 3 * start.count("█")
    assert any("2022" in line and "83.3%" not in line for line in lines)
    assert "Renewals: not told apart" in text and "Effect of rates: none" in text
    assert all(len(line) <= 130 for line in lines)


def test_a_page_has_its_units_its_note_its_definitions_and_no_script():
    summary = summary_of()
    page = report.render_html(summary)
    markup = Markup(page)
    text = " ".join(markup.text)
    assert NOTE in text and summary.definition_hash in text and "EUR a month" in text
    assert "77.14%" in text and "Definitions" in text
    assert not {"script", "iframe", "object", "img"} & {tag for tag, _ in markup.tags}
    assert not [a for _, a in markup.tags if any(key.startswith("on") for key in a)]
    links = [a["href"] for _, a in markup.tags if "href" in a]
    assert links == ["data:,"], "nothing is asked for from elsewhere"
    assert "prefers-color-scheme: dark" in page


def test_names_of_others_stay_names():
    evil = '<script>alert("x")</script>'
    page = report.render_html(summary_of(name=evil, industry=evil))
    assert evil not in page
    assert "".join(Markup(page).text).count(evil) >= 3
    assert "\x1b" not in report.render_text(summary_of(industry="\x1b[31mred"))


def test_the_chart_of_a_page_is_of_its_figures():
    markup = Markup(report.render_html(summary_of()))
    labels = [a["aria-label"] for tag, a in markup.tags if tag == "svg" and "waterfall" in str(a["class"])]
    assert len(labels) == 2
    assert "Start 350 EUR, Churn −50 EUR, Contraction −80 EUR, Expansion 50 EUR, End 270 EUR" in labels[0]
    heights = [float(a["height"]) for tag, a in markup.tags if tag == "rect" and "y" in a and "x" in a]
    assert max(heights) <= 200 and min(heights) >= 0


def test_an_empty_start_says_why_and_draws_what_there_is():
    tables = company_of([subscription("a", "2024-01-01")], "2024-07-01")
    summary = report.summarise(retention(tables, *WINDOW), tables.settings.company)
    assert [waterfall.title for waterfall in summary.waterfalls] == ["Everyone"]
    for text in (report.render_text(summary), report.render_html(summary)):
        assert "empty_cohort" in text and "no account paid at the start" in text
        assert "nan" not in text.lower().replace("finance", "")


def test_nobody_at_all_is_a_page_too():
    tables = company_of([subscription("a", "2023-01-01", None, 0)], "2024-07-01")
    summary = report.summarise(retention(tables, *WINDOW), tables.settings.company)
    assert "no account paid" in report.render_html(summary)
    assert "no account paid" in report.render_text(summary)


def test_of_many_segments_the_largest_are_shown_and_the_others_counted():
    rows = [subscription(f"a{i}", "2023-01-01", None, 10 + i) for i in range(60)]
    firms = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"size": {}}}}
    records = {"firms": [{"account_id": f"a{i}", "size": i} for i in range(60)]}
    tables = company_of(rows, "2024-07-01", tables=firms, records=records)
    summary = report.summarise(retention(tables, *WINDOW, by="size"), tables.settings.company)
    assert [row.name for row in summary.segments] == [str(i) for i in range(20, 60)]
    assert summary.segments_left_out == 20
    assert "and 20 with less" in report.render_text(summary)


# --- the command


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "company"
    folder.mkdir()
    pd.DataFrame([subscription("old", "2022-01-01", "2024-01-01"), subscription("new", "2024-01-01")]).to_csv(
        folder / "subscriptions.csv", index=False
    )
    (folder / "lineage.csv").write_text("account_id,is_now,from_date\nold,new,2024-01-01\nold,old,2024-01-01\n")
    (folder / "leap.toml").write_text(
        '[company]\ndata_until = "2024-07-01"\n[lineage]\nsource = "lineage.csv"\n[tables.subscriptions]\n'
        'shape = "periods"\nrole = "revenue"\nsource = "subscriptions.csv"\namount = "mrr"\nproduct = "product"\n'
    )
    return folder


def test_the_command_joins_accounts_by_the_lineage_file_and_writes_the_page(workspace: Path, capsys: Any):
    page = workspace / "retention.html"
    assert main([str(workspace), "--from", "2023-06-01", "--to", "2024-06-01", "--out", str(page), "--json"]) == 0
    import json

    document = json.loads(capsys.readouterr().out)
    assert (document["nrr"], document["accounts"], document["out"]) == (1.0, 1, str(page))
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("out", ["retention.pdf", "no/such/folder.html", "."])
def test_a_page_that_cannot_be_written_is_refused_in_words(workspace: Path, capsys: Any, out: str):
    assert main([str(workspace), "--from", "2023-06-01", "--to", "2024-06-01", "--out", str(workspace / out)]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said and ("expected" in said or "no such folder" in said)


def test_check_counts_the_lineage_and_keeps_what_it_refused(workspace: Path, capsys: Any):
    import json

    from training.check import main as check

    assert check([str(workspace), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["tables"]["lineage"] == {"rows_read": 2, "rows_used": 1, "rows_quarantined": 1}
    assert [p["rule"] for p in document["problems"] if p["table"] == "lineage"] == ["self_reference"]
    refused = pd.read_parquet(document["quarantine"]["lineage"])
    assert refused[["rule", "row", "account_id"]].to_dict("records") == [
        {"rule": "self_reference", "row": 2, "account_id": "old"}
    ]


def test_nothing_has_no_sign_and_years_that_are_not_over_say_so():
    tables = company_of([subscription("A", "2024-01-01")], "2024-07-01")
    measured = retention(tables, pd.Timestamp("2024-02-01"), pd.Timestamp("2024-05-01"))
    summary = report.summarise(measured, tables.settings.company)
    text, page = report.render_text(summary), report.render_html(summary)
    assert "-0.00" not in text and "+0.00" not in text
    assert "12 months are not yet over" in text and "NRR (accounts kept)" not in text
    assert "which are not yet those of any" in page
