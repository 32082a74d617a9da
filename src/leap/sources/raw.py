"""A table as it lies in its source, and several parts of one put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.tables import values
from leap.tables.csv_text import Unreadable

Remark = tuple[str, str, str]
"""The rule, an example and the remedy of what was recognised and should be known."""

_EXACT = 2**53


@dataclass(frozen=True)
class RawTable:
    """A table as it lies in its files; the index of both frames is a row's place there, from 0.

    `set_aside` are rows that are none: their `rule` and `text`, and a `remedy` where `assemble` knows none.
    `remarks` are (rule, example, remedy).
    """

    frame: pd.DataFrame
    set_aside: pd.DataFrame
    remarks: tuple[Remark, ...] = ()


def whole(frame: pd.DataFrame, remarks: Sequence[Remark] = ()) -> RawTable:
    """A table of which every row could be read."""
    return RawTable(frame, pd.DataFrame({"rule": [], "text": []}, dtype=object), tuple(remarks))


def joined(parts: Sequence[tuple[str, RawTable]]) -> RawTable:
    """Named parts of one table one after the other; Unreadable unless they have the same columns, in any order."""
    first_name, first = parts[0]
    if len(parts) == 1:
        return first
    aside, remarks, begin = [], [], 0
    frames = []
    for name, part in parts:
        if set(part.frame.columns) != set(first.frame.columns):
            differ = sorted(set(map(str, part.frame.columns)) ^ set(map(str, first.frame.columns)))
            why = f"{name} and {first_name} differ in the column(s) {differ[:10]}."
            raise Unreadable("columns_differ", why, "Export all files of a table with the same columns.")
        _require_names_once(name, part.frame)
        frames.append(part.frame.set_axis(part.frame.index + begin))
        aside.append(part.set_aside.set_axis(part.set_aside.index + begin))
        remarks += [remark for remark in part.remarks if remark not in remarks]
        begin += len(part.frame) + len(part.set_aside)
    for column in first.frame.columns:
        remarks += _of_one_type(str(column), column, frames, [name for name, _ in parts])
    return RawTable(pd.concat(frames), pd.concat(aside), tuple(remarks))


def _require_names_once(name: str, frame: pd.DataFrame) -> None:
    again = frame.columns[frame.columns.duplicated()]
    if len(again):
        why = f"{name} has the column {again[0]!r} twice, so its files cannot be put together."
        raise Unreadable("duplicate_column", why, "Every column needs a name of its own; rename it.")


def _of_one_type(shown: str, column: object, frames: list[pd.DataFrame], names: list[str]) -> list[Remark]:
    """Give a column one type in all parts, in place, without changing a value; a remark if the parts differed.

    Columns without a value take any type. Whole numbers and fractions meet as floats if those can hold them, moments as
    moments, and everything else as text. Moments with and without an offset cannot be compared.
    """
    told = [(place, frame[column]) for place, frame in enumerate(frames) if frame[column].notna().any()]
    kinds = {_kind(cells): place for place, cells in told}
    if not told:
        return []
    if len(kinds) == 1:
        _same_kind(frames, column, next(iter(kinds)), [cells for _, cells in told])
        return []
    example = " and ".join(f"{kind} in {names[place]}" for kind, place in kinds.items())
    if "moments with an offset" in kinds:
        why = f"The column {shown!r} holds {example}."
        raise Unreadable("types_differ", why, "Write its type the same way in all files.")
    if set(kinds) == {"whole numbers", "fractions"} and all(_fits_float(cells) for _, cells in told):
        _change(frames, column, _as_floats)
    else:
        _change(frames, column, values.as_text)
    return [("types_differ", f"{shown}: {example}", "Read as one type all the same; write it the same way everywhere.")]


def _same_kind(frames: list[pd.DataFrame], column: object, kind: str, told: list[pd.Series]) -> None:
    """Parts of one kind: pandas would turn signed and unsigned numbers, or two zones, into something else."""
    types = {str(cells.dtype) for cells in told}
    like: Any = told[0].dtype
    if kind == "whole numbers" and len(types) > 1:
        fits = all(bool((cells.dropna() < 2**63).all()) for cells in told)
        _change(frames, column, (lambda cells: cells.astype("Int64")) if fits else values.as_text)
        like = "Int64" if fits else "str"
    elif kind == "moments with an offset" and len(types) > 1:
        _change(frames, column, lambda cells: cells.dt.tz_convert("UTC") if _kind(cells) == kind else cells)
        like = "datetime64[us, UTC]"
    for place, frame in enumerate(frames):
        if frame[column].dtype != like and not frame[column].notna().any():
            nothing = pd.Series([None] * len(frame), frame.index, dtype=_nullable(like))
            frames[place] = frame.assign(**{str(column): nothing})


def _change(frames: list[pd.DataFrame], column: object, change: Callable[[pd.Series], pd.Series]) -> None:
    for place, frame in enumerate(frames):
        frames[place] = frame.assign(**{str(column): change(frame[column])})


def _nullable(dtype: Any) -> Any:
    """The same type, or the one beside it that holds nulls."""
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    return "Int64" if pd.api.types.is_integer_dtype(dtype) else dtype


def _kind(cells: pd.Series) -> str:
    dtype = cells.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "true or false"
    if pd.api.types.is_integer_dtype(dtype):
        return "whole numbers"
    if pd.api.types.is_float_dtype(dtype):
        return "fractions"
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "moments with an offset"
    return "moments" if pd.api.types.is_datetime64_any_dtype(dtype) else "text"


def _as_floats(cells: pd.Series) -> pd.Series:
    return pd.Series(cells.astype("Float64").to_numpy(dtype=float, na_value=np.nan), cells.index)


def _fits_float(cells: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(cells.dtype) or bool((cells.dropna().abs() < _EXACT).all())
