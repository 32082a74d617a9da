"""The score file of some customers, made piece by piece: what `leap score` writes of them, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from leap.exports import MadeTable, csv_pieces, xlsx_pieces
from leap.reports.table_columns import about_scores
from leap.scoring import Scorer

CSV, XLSX = "csv", "xlsx"
MEDIA_TYPES: Final[Mapping[str, str]] = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PIECES: Final[Mapping[str, Callable[..., Iterator[bytes]]]] = {
    CSV: lambda table, about: csv_pieces(table),
    XLSX: xlsx_pieces,
}


def score_file(
    scorer: Scorer, account_ids: Sequence[str], form: str, told: Sequence[tuple[str, str]] = ()
) -> Iterator[bytes]:
    """Customers in this order as one of `MEDIA_TYPES`, some hundred kilobytes at a time; `told` says which they are.

    UsageError before the first piece where XLSX cannot hold their number or names.
    """
    table = scorer.customers
    if table is None:
        raise LookupError("There are no tables of customers.")
    place = {account: i for i, account in enumerate(table.account_ids)}
    rows = [place[account] for account in account_ids]

    def make(start: int, stop: int) -> Any:
        return table.frame(rows=rows[start:stop])

    names = [str(name) for name in make(0, 0).columns]
    known = {"name": [table.names[i] for i in rows], "account_id": account_ids}
    about = about_scores(scorer.bundle, scorer.version, scorer.as_of.isoformat(), told=told)
    return _PIECES[form](MadeTable(names, len(rows), make, known), about)
