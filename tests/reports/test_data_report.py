"""The data report: values first, then a page in which nothing from a table can act."""

import re

from leap.evaluation import Leak
from leap.reports.data import render_html, summarise
from leap.sources import inspect_workspace
from tests.tables.companies import one_table, workspace

EVIL = '<script>alert("x")</script>'
SPEC = {
    "shape": "attributes",
    "columns": {"country": {}, "size": {"label": "Seats"}, "email": {}, "id": {}, "late": {"available": "after"}},
}


def company():
    rows = [f"a{i},{'DE' if i % 4 else 'US'},{i},p{i}@x.org,i{i},1" for i in range(40)]
    return one_table(
        "account_id,country,size,email,id,late\n" + "\n".join([*rows, "a1,DE,1,x@y.org,i1,1"]) + "\n",
        company={"name": EVIL},
        **SPEC,
    )


def report_of(tables, leaks=(), written=None):
    return summarise(tables, tables.problems, leaks, written or {}, "ok")


def test_every_declared_column_has_a_profile_of_what_stands_in_it():
    (table,) = report_of(company()).tables
    assert (table.rows_read, table.rows_used, table.rows_quarantined) == (41, 40, 1)
    columns = {column.name: column for column in table.columns}
    country, size = columns["country"], columns["size"]
    assert (country.kind, country.filled, country.distinct) == ("category", 1.0, 2)
    assert [(one.value, one.share) for one in country.frequent] == [("DE", 0.75), ("US", 0.25)]
    assert (size.kind, size.label, size.low, size.middle, size.high) == ("number", "Seats", "0", "19.5", "39")
    assert (columns["id"].kind, columns["late"].kind) == ("text or ids", "after the outcome")


def test_values_of_persons_are_not_shown():
    tables = company()
    (table,) = report_of(tables).tables
    (email,) = [column for column in table.columns if column.name == "email"]
    assert (email.personal, email.frequent, email.low, email.filled) == (True, (), None, 1.0)
    assert "p3@x.org" not in render_html(report_of(tables))


def test_problems_stand_by_how_grave_they_are_with_count_and_remedy(tmp_path):
    folder = workspace(
        tmp_path, usage="account_id,day,actions\na1,never,1\n", accounts="account_id,land,employees\na1,x,1\n"
    )
    tables = inspect_workspace(folder)
    report = report_of(tables, [Leak("accounts", "employees", "it tells")], {"usage": tmp_path / "usage.parquet"})
    assert [group.level for group in report.groups][:2] == ["fail", "quarantine"]
    (failed,) = report.groups[0].problems
    assert (failed.where, failed.rule, failed.count) == ("accounts.country", "missing column", 1)
    assert not report.ok
    page = render_html(report)
    for said in ("accounts.country", "missing column", "never", "usage.parquet", "accounts.employees", "it tells"):
        assert said in page


def test_nothing_from_a_table_or_setting_acts_on_the_page():
    rows = "".join(f'{EVIL.replace(chr(34), "")}{i},"=1+1\u202e{EVIL.replace(chr(34), "")}",{i}\n' for i in range(5))
    tables = one_table(
        f"account_id,country,{EVIL.replace(chr(34), '')}\n{rows}",
        company={"name": EVIL},
        shape="attributes",
        columns={"country": {}},
    )
    page = render_html(report_of(tables))
    assert "<script" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!data:,)', page)
    assert "default-src 'none'" in page


def test_long_cells_and_many_columns_stay_short():
    names = [f"column {i}" for i in range(5000)]
    header, values = ",".join(names), ",".join("1" for _ in names)
    tables = one_table(
        f"account_id,country,{header}\n" + "".join(f"a{i},{'x' * 500},{values}\n" for i in range(4)), shape="attributes", columns={"country": {}}
    )  # fmt: skip
    page = render_html(report_of(tables))
    assert "x" * 61 not in page and len(page) < 60_000
    assert "and 4,960 more" in page


def test_an_address_is_shown_without_its_password():
    tables = one_table("account_id\na\n", shape="attributes")
    spec = tables.tables["t"].spec.model_copy(update={"source": "postgresql://me:secret@host/db#s.t"})
    settings = tables.settings.model_copy(update={"tables": {"t": spec}})
    table = type(tables.tables["t"])("t", spec, tables.tables["t"].rows, 1)
    changed = type(tables)(settings, {"t": table}, tables.data_until)
    assert "secret" not in render_html(report_of(changed))


def test_years_have_no_thousands():
    spec = {"shape": "attributes", "columns": {"founded": {"unit": "year"}}}
    rows = ("account_id,founded", "a,1952", "b,2010", "c,2019")
    (column,) = summarise(one_table("\n".join(rows) + "\n", **spec), [], (), {}, "ok").tables[0].columns
    assert (column.low, column.middle, column.high) == ("1952", "2010", "2019")
