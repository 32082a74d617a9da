"""The target list as a file, made piece by piece: what `leap targets --out` writes of it, cell by cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from leap.exports import MadeTable, csv_pieces, xlsx_pieces
from leap.reports import targets as report
from leap.reports.table_columns import about
from leap.reports.targets_summary import ranked
from leap.scoring.targets import Entries, TargetList


def target_file(made: TargetList, words: str, form: str, check: Callable[[], None]) -> Iterator[bytes]:
    """Every account of the list whose name or id contains these words, as `csv` or `xlsx`.

    `check` is called for each account of the first piece and may end it. UsageError before the first piece where XLSX
    cannot hold their number or names.
    """
    entries, rows = Entries(made), ranked(made, words)
    document = {**entries.to_json(0), "shown": len(rows)}
    first = True

    def make(start: int, stop: int) -> Any:
        nonlocal first
        found = []
        for rank, i in rows[start:stop]:
            if first:
                check()
            found.append(entries.entry(rank, i))
        first = False
        return report.frame({**document, "targets": found})

    names = [str(name) for name in report.frame({**document, "targets": []}).columns]
    own = made.candidates.table
    known = {
        "name": [str(own.names[i]) for _, i in rows],
        "account_id": [str(own.account_ids[i]) for _, i in rows],
    }
    table = MadeTable(names, len(rows), make, known)
    if form == "csv":
        return csv_pieces(table)
    beside = about(report.title(document), document, sheet="Targets")
    told = [("The list", " ".join(report.headlines(document)))]
    told += [("Shown", f"{len(rows):,} accounts whose name or id contains {words!r}")] if words.strip() else []
    return xlsx_pieces(table, replace(beside, facts=[*beside.facts, *told]))
