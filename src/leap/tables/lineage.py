"""Merged and renamed accounts: which account every account is known as at a moment.

A row of the lineage says that from a date on an account is known as another one. A merger is two rows with one target
(or one row from the account that goes to the one that stays), a rename one row to a new id. The parts of an account
that was split are one account all the same where each part has a row that names the former account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from leap.config import Settings, TableSpec
from leap.errors import SettingsError
from leap.tables.account_tables import LINEAGE, Table
from leap.tables.canonical import AT, KEY, KIND, ROW
from leap.tables.problems import Problem, examples_of

_RULES = {
    "missing_target": "Name the account that it is known as.",
    "self_reference": "An account that stays what it is needs no row.",
    "duplicate_row": "Identical rows count once.",
    "conflicting_target": (
        "From one date on an account can be known as one other only; a split is told by its parts, each with a row "
        "that names the former account."
    ),
    "circular_lineage": "These rows lead back to the account they start from; the rows before them stay.",
}


def sources_of(settings: Settings) -> dict[str, TableSpec]:
    """Every table of the settings and, where there is one, the lineage, read as events whose kind is the new account.

    SettingsError if a table has the lineage's name.
    """
    if settings.lineage is None:
        return dict(settings.tables)
    if LINEAGE in settings.tables:
        raise SettingsError(
            f"tables.{LINEAGE}: this name is taken by the section [{LINEAGE}].", remedy="Give the table another name."
        )
    spec = TableSpec(shape="events", source=settings.lineage.source, at="from_date", kind="is_now")
    return {**settings.tables, LINEAGE: spec}


def without_contradictions(table: Table, raw: pd.DataFrame) -> tuple[Table, list[Problem], pd.DataFrame]:
    """The lineage in which every account leads to one other: what contradicts is refused, with its rule and its row."""
    rows = table.rows.sort_values([AT, KEY, KIND, ROW], kind="stable") if len(table.rows) else table.rows
    if not len(rows):
        return table, [], pd.DataFrame()
    rule = pd.Series("", index=rows.index)
    for name, broken in (
        ("missing_target", rows[KIND] == ""),
        ("self_reference", rows[KEY] == rows[KIND]),
        ("duplicate_row", rows.duplicated([KEY, AT, KIND])),
    ):
        rule[broken & (rule == "")] = name
    fine = rows[rule == ""]
    rule[fine.index[fine.duplicated([KEY, AT], keep=False)]] = "conflicting_target"
    fine = rows[rule == ""]
    rule[fine.index[_closes_a_circle(fine[KEY], fine[KIND])]] = "circular_lineage"
    refused = rows[rule != ""]
    quarantined = raw.loc[refused[ROW] - 1].reset_index(drop=True)
    quarantined.insert(0, "rule", rule[refused.index].to_numpy(), allow_duplicates=True)
    quarantined.insert(1, "row", refused[ROW].to_numpy(), allow_duplicates=True)
    problems = [
        Problem(
            "quarantine", LINEAGE, None, name, len(of_rule), len(of_rule) / table.rows_read,
            examples_of(of_rule[KEY] + " is now " + of_rule[KIND]), _RULES[name],
        )
        for name in _RULES
        if len(of_rule := rows[rule == name])
    ]  # fmt: skip
    kept = Table(
        table.name, table.spec, rows[rule == ""].reset_index(drop=True), table.rows_read,
        table.rows_quarantined + len(refused), table.left_out,
    )  # fmt: skip
    return kept, problems, quarantined


def _closes_a_circle(accounts: Iterable[str], targets: Iterable[str]) -> np.ndarray:
    """Which rows, in order of time, would lead from their target back to their account."""
    known_as: dict[str, str] = {}
    closes = []
    for account, target in zip(accounts, targets, strict=True):
        end = target
        while end != account and end in known_as:
            end = known_as[end]
        closes.append(end == account)
        if end != account:
            known_as[account] = target
    return np.array(closes, dtype=bool)


def unknown_accounts(lineage: Table, tables: Mapping[str, Table]) -> list[Problem]:
    """A warning of rows about accounts that stand in no table: they change nothing, and may be mistyped."""
    known = set(lineage.rows.get(KIND, ()))
    for table in tables.values():
        known |= set(table.rows[KEY]) if KEY in table.rows else set()
    unknown = lineage.rows[~lineage.rows[KEY].isin(known)]
    if not len(unknown):
        return []
    remedy = "These accounts stand in no table, so the rows change nothing; are they spelled as in the tables?"
    share = len(unknown) / lineage.rows_read
    shown = examples_of(unknown[KEY])
    return [Problem("warn", LINEAGE, lineage.spec.key, "unknown_account", len(unknown), share, shown, remedy)]
