"""Rows of a request held against what the document of the service says of them, before anything is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from leap.errors import TableError
from leap.scoring.row_forms import Form
from leap.scoring.row_refusals import Rows, of_rows
from leap.tables.given import GivenRow, RefusedRow, cell_text


def require_forms(
    accounts: Sequence[tuple[str, Rows]], forms: Mapping[str, Mapping[str, Form]], revenue: Collection[str]
) -> None:
    """TableError for tables that nobody knows, for accounts without a row of what is paid, and for cells that cannot be
    read: what `leap.scoring.inputs` says of `tables`, no more and no less.
    """
    for account, tables in accounts:
        require_known(account, tables, forms)
        if revenue and not any(tables.get(name) for name in revenue):
            raise TableError(
                f"{account}: no rows of {' or '.join(sorted(revenue))}, so there is nothing to score.",
                details=[account],
                remedy="Give at least one row of what it pays; /v1/prospects rates who does not.",
            )
    bad = list(_bad_cells(accounts, forms))
    if bad:
        raise of_rows(bad, accounts)


def require_known(account: str, tables: Collection[str], known: Collection[str]) -> None:
    """TableError for tables that nobody knows."""
    unknown = sorted(set(tables) - set(known))
    if unknown:
        raise TableError(
            f"{account}: unknown table(s) {unknown}; expected some of {sorted(known)}.", details=[account, *unknown]
        )


def _bad_cells(accounts: Sequence[tuple[str, Rows]], forms: Mapping[str, Mapping[str, Form]]) -> Iterator[RefusedRow]:
    for i, (account, tables) in enumerate(accounts):
        for name, rows in tables.items():
            of_table = forms[name].items()
            for number, cells in enumerate(rows, start=1):
                for column, form in of_table:
                    cell = cells.get(column)
                    if not form.fits(cell):
                        row = GivenRow(account, cells, i, number)
                        yield RefusedRow(row, name, column, form.broken_rule(cell), cell_text(cell), form.expected)
