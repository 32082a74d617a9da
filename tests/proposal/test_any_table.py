"""Whatever names and cells meet, `init` writes a file that loads, passes its rules and accounts for every column."""

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import TableSpec
from leap.sources import inspect_workspace
from tests.proposal.made_up import proposed

FILES = ("accounts", "Kunden", "subscriptions", "invoices", "order_lines", "deals", "costs", "notes", "fx_rates", "usage",
         "nps_survey", "merges", "id_map", "users", "dim_date", "mrr_by_month", "x", "churn_events", "renewals")  # fmt: skip
NAMES = ("account_id", "customer", "id", "Kunde", "start", "end_date", "date", "month", "created_at", "closed", "won", "mrr",
         "ARR", "amount", "price", "quantity", "currency", "kind", "product", "churned", "churn_date", "name", "email",
         "industry", "value", "indicator", "period", "published_at", "old_id", "new_id", "status", "note", "owner", "rate",
         "term_months", "billing_interval", "published", "known_at", "renewal_date", "cancelled_at", "seats", "user_id",
         "price_cents", "snapshot_date", "2023-01", "first_name", "last_name", "is_now", "from_date")  # fmt: skip
CELLS: dict[str, Any] = {
    "key": lambda i: f"a{i % 9}",
    "unique": lambda i: f"u-{i:03}",
    "number": lambda i: i * 1.5,
    "negative": lambda i: 3 - i,
    "comma": lambda i: f"{i},5",
    "sign": lambda i: f"$1,{100 + i}",
    "day": lambda i: f"2023-0{i % 9 + 1}-1{i % 9}",
    "month": lambda i: f"2023-0{i % 9 + 1}-01",
    "german": lambda i: f"1{i % 9}.0{i % 9 + 1}.2023",
    "either": lambda i: f"0{i % 9 + 1}/0{i % 7 + 1}/2023",
    "stamp": lambda i: 1_690_000_000 + i * 86_400,
    "yyyymm": lambda i: f"2023-0{i % 9 + 1}",
    "word": lambda i: ("new", "churn", "USD")[i % 3],
    "truth": lambda i: ("true", "false")[i % 2],
    "same": lambda _: "EUR",
    "none": lambda _: "",
    "some": lambda i: "" if i % 3 else "2023-05-05",
    "odd": lambda i: ("\u2028", "'", "=1+1", "#", "nan", "[x]")[i % 6],
}
TABLES = st.dictionaries(
    st.sampled_from(FILES),
    st.tuples(
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(sorted(CELLS)), min_size=1, max_size=8), st.booleans()
    ),
    min_size=1,
    max_size=4,
)


def named(spec: TableSpec) -> set[object]:
    """All columns that a table of leap.toml names."""
    return {value for _, value in spec if isinstance(value, str)} | set(spec.columns)


@settings(max_examples=20, deadline=None)
@given(tables=TABLES)
def test_every_column_is_accounted_for_and_no_rule_fails(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    frames = {}
    for name, (columns, typed) in tables.items():
        frames[name] = pd.DataFrame({column: [CELLS[kind](i) for i in range(24)] for column, kind in columns.items()})
        if typed:
            frames[name].to_parquet(folder / f"{name}.parquet")
        else:
            frames[name].to_csv(folder / f"{name}.csv", index=False)
    found = proposed(folder)
    left = {(one.table, one.column) for one in found.proposal.left_out}
    for name, frame in frames.items():
        refused = {one.table.split(".")[0].lower() for one in found.proposal.left_out if one.column is None}
        lineage = found.settings.lineage.source if found.settings.lineage is not None else ""
        specs = [(t, spec) for t, spec in found.settings.tables.items() if spec.source.split(".")[0] == name]
        if not specs and (name.lower() in refused or lineage.startswith(name)):
            continue
        assert specs, f"{name} is neither used nor left out"
        told = {column for t, spec in specs for column in named(spec)} | {c for t, c in left if t in dict(specs)}
        assert set(frame.columns) <= told
    if found.settings.tables:
        rules = {problem.rule for problem in inspect_workspace(folder).problems if problem.level == "fail"}
        assert rules <= {"currency_without_rate", "not_supported"}
