"""What a table says of itself beside its rows: the second sheet of an XLSX file, and how its columns are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Form(StrEnum):
    """How a spreadsheet shows the numbers of a column; the values stay what they are."""

    AS_IS = "General"
    SHARE = "0.0%"
    """A fraction as a percentage: 0.123 is shown as 12.3%."""
    MONEY = "#,##0.00"
    WHOLE = "#,##0"


@dataclass(frozen=True)
class Column:
    """What a column means, in a sentence, and how its numbers are shown."""

    meaning: str
    form: Form = Form.AS_IS


@dataclass(frozen=True)
class About:
    """What a file is: its title, facts such as company and date, what its columns and the terms in them mean."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    """By the name of the column; columns without an entry are listed without a meaning."""
    terms: Sequence[tuple[str, str]] = ()
    sheet: str = "Data"
    """Name of the sheet with the rows, at most 31 characters."""

    def form(self, column: str) -> Form:
        """How the numbers of a column are shown."""
        found = self.columns.get(column)
        return Form.AS_IS if found is None else found.form

    def lines(self, columns: Sequence[str]) -> list[tuple[str, str] | None]:
        """Rows of the sheet below the title, as (what, words); None parts the blocks."""
        lines: list[tuple[str, str] | None] = [*self.facts]
        lines += [
            ("How to read it", "An empty cell is a figure that is not defined, never a zero."),
            ("", "Shares and probabilities are fractions: 0.123 is shown as 12.3%. Dates are ISO 8601."),
            None,
            *((name, self.columns[name].meaning if name in self.columns else "") for name in columns),
        ]
        return lines if not self.terms else [*lines, None, *self.terms]
