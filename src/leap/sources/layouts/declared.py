"""What a layout declares of its tables, and building blocks to read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from leap.config import Role, Shape
from leap.sources.layouts.exported import Export
from leap.sources.raw import RawTable, Remark
from leap.tables import values

_NAIVE = r"\d{4}-\d{1,2}-\d{1,2}[T ]\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?"


@dataclass(frozen=True)
class LayoutTable:
    """A table that a layout can give from a folder, as `leap.toml` may declare it."""

    name: str
    source: str
    shape: Shape
    role: Role | None
    keys: dict[str, str]
    """Settings of the table such as `start` or `amount`, with their columns."""
    columns: dict[str, str]
    """Columns that may become features, with their labels."""
    left_out: dict[str, str]
    """Columns of the file that are not declared, and why."""


@dataclass(frozen=True)
class Declared:
    """A table of a layout: which files it needs, what is made of them, and what may become a feature.

    `left_out` are patterns of column names with the reason; `private` columns do not even enter the table.
    """

    name: str
    needs: tuple[str, ...]
    shape: Shape
    read: Callable[[Export], RawTable]
    role: Role | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    """Columns of the first file that the table is made from."""
    rather: str = ""
    """A file that has the same columns as they were at the time; where it is there, they are declared with that one."""

    def proposed(self, export: Export, source: str) -> LayoutTable:
        """The table for this folder: only columns that are there, and a reason for every other."""
        there = export.columns(self.needs[0])
        dated = export.columns(self.rather) if self.rather and export.has(self.rather) else []
        columns = {column: label for column, label in self.columns.items() if column in there and column not in dated}
        rest = [column for column in there if column not in columns and column not in self.used]
        reasons = {column: f"as it was at the time in {self.rather}" for column in self.columns if column in dated}
        left_out = {column: reasons.get(column) or self.why(column) for column in rest}
        return LayoutTable(self.name, source, self.shape, self.role, dict(self.keys), columns, left_out)

    def why(self, column: str) -> str:
        """Why a column of the file is not declared."""
        for pattern, reason in self.left_out.items():
            if re.fullmatch(pattern, column):
                return reason
        return "not used by this layout; declare it if it is known before the outcome"


CURRENT = "the state at the export, which may tell how it ended"
PERSONAL = "names, contact data or free text of persons"
SYNC = "of the export itself, not of the account"
IDENTIFIER = "an identifier"


class SetAside:
    """Rows that are none of a table, with the rule, their text and the remedy."""

    def __init__(self, remedies: Mapping[str, str]) -> None:
        self._remedies = remedies
        self._rows: list[tuple[str, str]] = []
        self._places: list[int] = []

    def add(self, rule: str, text: str, place: int = -1) -> None:
        """One row; without a place it stands after all others."""
        self._rows.append((rule, text))
        self._places.append(place)

    def frame(self, after: int | None = None) -> pd.DataFrame:
        """`rule`, `text` and `remedy`, by place; `after` is the first place that is free."""
        rules, texts = [rule for rule, _ in self._rows], [text[:500] for _, text in self._rows]
        index = self._places if after is None else range(after, after + len(self._rows))
        remedy = [self._remedies[rule] for rule in rules]
        return pd.DataFrame(
            {"rule": rules, "text": texts, "remedy": remedy}, index=pd.Index(index, dtype="int64"), dtype=object
        )


def selected(
    raw: RawTable,
    frame: pd.DataFrame,
    refused: Mapping[str, pd.Series],
    remedies: Mapping[str, str],
    remarks: tuple[Remark, ...] = (),
) -> RawTable:
    """`frame` without the rows that one of the rules refuses; they are set aside by the first, in their places."""
    aside, gone = SetAside(remedies), pd.Series(False, index=frame.index)
    for rule, where in refused.items():
        for place in frame.index[where & ~gone]:
            cells = frame.loc[place]
            told = [f"{name}={value}" for name, value in cells.items() if not pd.isna(value) and str(value) != ""]
            aside.add(rule, ", ".join(told), int(place))
        gone |= where
    return RawTable(frame[~gone], pd.concat([raw.set_aside, aside.frame()]), (*raw.remarks, *remarks))


def text(frame: pd.DataFrame, column: str) -> pd.Series:
    """A column as stripped text, empty where there is none or no such column."""
    if column not in frame.columns:
        return pd.Series("", index=frame.index, dtype="str")
    return values.as_text(frame[column])


def true(frame: pd.DataFrame, column: str) -> pd.Series:
    """Where a column says yes; no column says no."""
    return text(frame, column).str.lower().isin(values.TRUE_WORDS)


def false(frame: pd.DataFrame, column: str) -> pd.Series:
    """Where a column says no in words; an empty cell does not."""
    return text(frame, column).str.lower().isin(values.FALSE_WORDS)


def utc(frame: pd.DataFrame, column: str) -> pd.Series:
    """Moments as text that says UTC, which these exports do not; plain dates and what is no moment stay as they are."""
    told = text(frame, column)
    return told.where(~told.str.fullmatch(_NAIVE), told + "Z")


def mapped(keys: pd.Series, values_of: Mapping[str, str]) -> pd.Series:
    """The text of each key, empty where it has none."""
    return pd.Series([values_of.get(key, "") for key in keys], index=keys.index, dtype="str")


def moment(frame: pd.DataFrame, column: str) -> pd.Series:
    """Moments in UTC without an offset, missing where there is none; for order and arithmetic, not for judging."""
    return values.moments(text(frame, column), "UTC")[0]
