"""Arrow tables to frames: money, large ids and moments keep their value, whatever type held them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa


_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31 in days since 1970: "not known" and "never" in every table."""


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Types as they are, except where a frame's type could not keep the value; `table` is used up.

    Whole numbers stay whole beside nulls, since ids may be larger than a float can tell apart. Decimals become their
    exact text, as do times of day, durations, lists and records. Moments are cut to microseconds.
    """
    import pyarrow as pa

    columns = [_plain(column) for column in table.columns]
    names = list(table.column_names)
    # Positions as names: a file may have a name twice, and `assemble` is to say so.
    plain = pa.Table.from_arrays(columns, names=[str(place) for place in range(len(columns))])
    del table, columns
    nulls = any(_whole_or_truth(column.type) and column.null_count for column in plain.columns)
    frame: pd.DataFrame = plain.to_pandas(
        ignore_metadata=True,
        date_as_object=False,
        types_mapper=_nullable_types().get if nulls else None,
        split_blocks=True,
        self_destruct=True,
    )
    del plain
    frame.columns = pd.Index(names, dtype=object)
    return frame


def _whole_or_truth(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _nullable_types() -> Mapping[Any, Any]:
    import pyarrow as pa

    return {
        pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column in a type that a frame can hold without loss."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(kind, pa.UuidType):
        chunks = [pa.array([None if value is None else str(value) for value in c.to_pylist()]) for c in column.chunks]
        return pa.chunked_array(chunks, pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        storage = [chunk.storage for chunk in column.chunks]
        return _plain(pa.chunked_array(storage, type=kind.storage_type))
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain(pc.cast(column, kind.value_type) if pa.types.is_dictionary(kind) else pc.run_end_decode(column))
    if pa.types.is_date(kind):
        days = _in_calendar(pc.cast(column, pa.date32(), safe=False), pa.int32(), 1)
        return pc.cast(pc.cast(days, pa.date32()), pa.timestamp("us"))
    if pa.types.is_timestamp(kind):
        ticks = _in_calendar(column, pa.int64(), _TICKS[kind.unit] * 86_400)
        return pc.cast(pc.cast(ticks, kind), pa.timestamp("us", tz=kind.tz), safe=False)
    if pa.types.is_float16(kind):
        return pc.cast(column, pa.float32())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _words(column)
    if pa.types.is_null(kind):
        return pc.cast(column, pa.string())
    if pa.types.is_nested(kind):
        return as_json(column)
    if _kept(kind):
        return column
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return as_json(column)


def _in_calendar(column: pa.ChunkedArray, whole: pa.DataType, a_day: int) -> pa.ChunkedArray:
    """Ticks since 1970, where `infinity` and what else no calendar holds becomes its first or last day."""
    import pyarrow.compute as pc

    ticks = pc.cast(column, whole)
    ends = pc.min_max(ticks).as_py()
    first, last = _FIRST_DAY * a_day, _LAST_DAY * a_day
    if ends["min"] is None or (ends["min"] >= first and ends["max"] <= last):
        return ticks
    ticks = pc.if_else(pc.less(ticks, first), first, ticks)
    return pc.cast(pc.if_else(pc.greater(ticks, last), last, ticks), whole)


def _kept(kind: pa.DataType) -> bool:
    import pyarrow as pa

    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(text or _whole_or_truth(kind) or pa.types.is_floating(kind))


def _words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes as the text they are, or as hexadecimal digits if any of them is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        variable = pc.cast(column, pa.large_binary())
        return pc.cast(variable, pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found = [None if value is None else value.hex() for value in column.to_pylist()]
        return pa.chunked_array([pa.array(found, pa.string())])


def as_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists, records and what else has no plain text, one chunk at a time."""
    import json

    import pyarrow as pa

    chunks = [
        pa.array(
            [
                None if value is None else json.dumps(value, default=str, ensure_ascii=False)
                for value in chunk.to_pylist()
            ],
            pa.string(),
        )
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, pa.string())
