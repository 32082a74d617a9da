"""What is said beside the figures of a flat table: of its folds, rows, copies and columns."""

from __future__ import annotations

import pandas as pd

from leap.flat.rows import FlatRows, known_at, negatives

_FEW_COPIES = 0.01
_MANY_ROWS = 100


def notes_of(rows: FlatRows, copies: int, in_time: bool, columns: list[str]) -> tuple[str, ...]:
    """Warnings first. `copies` are rows equal to another in every feature, `columns` those declared and not used."""
    return (
        *_of_folds(rows, in_time),
        *_of_copies(copies, int(rows.labelled.sum())),
        *_of_balance(rows),
        *_of_rows(rows),
        *_of_columns(rows, columns),
    )


def _of_folds(rows: FlatRows, in_time: bool) -> list[str]:
    table, months = rows.table.name, rows.settings.outcome.horizon_months
    if in_time:
        return [
            f"{table}: the outcome of a row is taken as known {months} months after its date (outcome.horizon_months); "
            "each fold trains only on outcomes known at its cutoff."
        ]
    if rows.dated:
        seen = rows.at[rows.labelled]
        why = (
            f"its dates ({pd.Timestamp(seen.min()):%Y-%m-%d} to {pd.Timestamp(seen.max()):%Y-%m-%d}) leave no fold "
            f"that can be trained and tested a horizon of {months} months apart"
        )
    else:
        why = "it has no dates (at), so nothing says that its columns were known before the outcome"
    return [
        f"Warning: {table}: {why}. Figures are out_of_sample, of other accounts at the same time, and no claim about "
        "later times: expect less in use."
    ]


def _of_copies(copies: int, n_rows: int) -> list[str]:
    if copies <= _FEW_COPIES * n_rows:
        return []
    return [
        f"Warning: {copies} of {n_rows} rows repeat another row in every feature. Copies stay in one fold and count as "
        "one account in intervals; if rows were repeated to balance the table, its rates and all probabilities are of "
        "the balanced table, not of the accounts."
    ]


def _of_balance(rows: FlatRows) -> list[str]:
    """Exactly half of many rows: hardly ever by chance."""
    n, events = int(rows.labelled.sum()), int((rows.outcome == 1).sum())
    if not rows.outcome_of.is_binary or n < _MANY_ROWS or abs(2 * events - n) > 1:
        return []
    return [
        f"Warning: {events} of {n} rows, exactly half, have {rows.outcome_of.event}, as after a table was balanced by "
        "leaving out, repeating or making up rows: then its rates and all probabilities are of the balanced table, and "
        "rows made up from others let any model look better than it is. Give the table as it was before."
    ]


def _of_rows(rows: FlatRows) -> list[str]:
    notes, spec = [], rows.table.spec
    labelled, column = rows.labelled, rows.outcome_of.column
    if rows.young.any():
        notes.append(
            f"{int(rows.young.sum())} filled outcomes are younger than {rows.settings.outcome.horizon_months} months "
            "at the end of the data: not known then, so these rows are not trained on."
        )
    early = _filled_early(rows)
    if early:
        notes.append(
            f"{early} outcomes are of rows less than {rows.settings.outcome.horizon_months} months before the latest "
            "date, and known, since they are filled in: state company.data_until if some were still open."
        )
    if (~labelled).any():
        notes.append(
            f"{int((~labelled).sum())} of {len(rows)} rows have no known {column}: never trained on, only scored."
        )
    if rows.outcome_of.is_binary and spec.outcome_positive is not None:
        words = negatives(rows)
        shown = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
        notes.append(f"What is learned is {column} = {spec.outcome_positive}; {shown} count as not.")
    if spec.key == "_row":
        notes.append(
            "Rows are numbered, each an account of its own: rows of one company may stand on both sides of a fold."
        )
    return notes


def _filled_early(rows: FlatRows) -> int:
    """Known outcomes of rows whose horizon was not over at the table's latest date."""
    if not rows.dated:
        return 0
    return int((rows.labelled & (known_at(rows.at, rows.settings) > rows.at.max())).sum())


def _of_columns(rows: FlatRows, columns: list[str]) -> list[str]:
    own = {rows.table.spec.key, rows.table.spec.at, rows.table.spec.known_at}
    notes, duration = [], rows.table.spec.duration
    if duration in columns:
        notes.append(f"{duration} is declared as a column too; a duration knows the outcome and is never a feature.")
    if rows.outcome_of.column in columns:
        notes.append(f"{rows.outcome_of.column} is declared as a column too; the outcome is never a feature.")
    shown = [column for column in columns if column not in (rows.outcome_of.column, duration)]
    if shown:
        kinds = (
            "keys or dates of the rows" if set(shown) <= own else "no values, dates, or as many values as an identifier"
        )
        notes.append(f"Declared and not used ({kinds}): {', '.join(shown)}.")
    others = [name for name in rows.settings.tables if name != rows.table.name]
    if others:
        notes.append(f"Tables beside the flat one are not used: {', '.join(others)}.")
    return notes
