"""Parquet files, read in batches and never believed about their size.

All columns are read, since rows that stand twice are told by whole rows; a file too wide for the memory is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from leap.errors import SourceError
from leap.sources.arrow import as_json, to_frame
from leap.sources.memory import Budget, in_words

if TYPE_CHECKING:
    import pyarrow as pa

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_BATCH_ROWS = 1 << 16
_FEW_ROWS = 1 << 12
"""At a time, where columns may swell and cannot be measured before they are written out."""
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 8, "BYTE_ARRAY": 4}
"""Bytes that a value takes at least once it is decoded; text takes its length besides."""


def read_parquet(path: Path, budget: Budget | None = None) -> pd.DataFrame:
    """The rows of one file; SourceError if it is none, is damaged, cut off or too large for the memory."""
    import pyarrow as pa

    budget = budget or Budget(path.name)
    _require_ends(path)
    try:
        return to_frame(_read(path, budget))  # in one expression, so that nothing else holds the columns
    except (OSError, ValueError, OverflowError, MemoryError, NotImplementedError, pa.ArrowException) as error:
        why = " ".join(str(error).split())[:300]
        raise SourceError(
            f"{path.name}: damaged, or of a kind that cannot be read: {why}", remedy="Export the file again."
        ) from None


def column_names(path: Path) -> list[str]:
    """The names in the footer; SourceError if there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    _require_ends(path)
    try:
        return [str(name) for name in pq.read_schema(path).names]
    except (OSError, ValueError, pa.ArrowException) as error:
        why = " ".join(str(error).split())[:300]
        raise SourceError(f"{path.name}: damaged: {why}", remedy="Export the file again.") from None


def _require_ends(path: Path) -> None:
    """A Parquet file begins and ends with its four letters; what is cut off or text does not."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(4)
        file.seek(max(size - 4, 0))
        last = file.read(4)
    if last == _ENCRYPTED:
        raise SourceError(f"{path.name} is an encrypted Parquet file.", remedy="Export it without encryption.")
    if first == last == _MAGIC and size >= 12:
        return
    if first == _MAGIC:
        raise SourceError(
            f"{path.name} begins as Parquet but its end is missing ({in_words(size)} are there).",
            remedy="It was cut off while being written or copied; export or copy it again.",
        )
    raise SourceError(f"{path.name} is not a Parquet file, whatever its name says.", remedy="Export it as Parquet.")


def _read(path: Path, budget: Budget) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        about = file.metadata
        _require_sane(path, about, budget)
        texts, others = _in_dictionaries(about)
    swelling = [name for name in texts if _may_swell(path, name, budget)]
    with pq.ParquetFile(
        path, read_dictionary=swelling, page_checksum_verification=True, coerce_int96_timestamp_unit="us"
    ) as file:
        batches, rows = [], 0
        for batch in file.iter_batches(batch_size=_FEW_ROWS if others else _BATCH_ROWS):
            rows += batch.num_rows
            batches.append(_measured(batch, budget, rows))
        schema = batches[0].schema if batches else file.schema_arrow
    if rows != about.num_rows:
        raise SourceError(
            f"{path.name}: its footer speaks of {about.num_rows:,} rows, and {rows:,} are there.",
            remedy="Export the file again.",
        )
    return pa.Table.from_batches(batches, schema)


def _require_sane(path: Path, about: Any, budget: Budget) -> None:
    """The footer agrees with itself and the file, and what it announces fits into memory."""
    size, remedy = path.stat().st_size, "It is damaged or made to mislead; export it again."
    groups = [about.row_group(place) for place in range(about.num_row_groups)]
    rows = sum(group.num_rows for group in groups)
    if rows != about.num_rows or any(group.num_rows < 0 for group in groups):
        raise SourceError(f"{path.name}: its footer speaks of {about.num_rows:,} and of {rows:,} rows.", remedy=remedy)
    packed = needed = 0
    for group in groups:
        for place in range(group.num_columns):
            chunk = group.column(place)
            if chunk.total_compressed_size < 0 or chunk.num_values < 0 or chunk.total_uncompressed_size < 0:
                raise SourceError(f"{path.name}: its footer holds sizes below zero.", remedy=remedy)
            if chunk.file_path:
                raise SourceError(f"{path.name}: its values lie in other files ({chunk.file_path!r}).", remedy=remedy)
            packed += chunk.total_compressed_size
            least = chunk.num_values * _WIDTHS.get(chunk.physical_type, 1)
            needed += max(least, chunk.total_uncompressed_size) if chunk.physical_type == "BYTE_ARRAY" else least
    if packed > size:
        raise SourceError(
            f"{path.name}: its footer speaks of {in_words(packed)} in a file of {in_words(size)}.", remedy=remedy
        )
    budget.require(needed, f"{about.num_rows:,} rows of {about.num_columns:,} columns, unpacked")


def _in_dictionaries(about: Any) -> tuple[list[str], bool]:
    """Columns of text or bytes stored as a dictionary, by their path; and whether there are others, inside lists or so.

    One long text may stand behind millions of small numbers; read as a dictionary, its size shows before it is
    multiplied.
    """
    plain, others = [], False
    names = [about.schema.column(place).path for place in range(about.num_columns)]
    for place, name in enumerate(names):
        column = about.schema.column(place)
        chunks = (about.row_group(group).column(place) for group in range(about.num_row_groups))
        if column.physical_type != "BYTE_ARRAY" or not any(chunk.has_dictionary_page for chunk in chunks):
            continue
        flat = column.max_repetition_level == 0 and name == column.name and names.count(name) == 1
        if flat and str(column.logical_type.type) in ("STRING", "NONE"):
            plain.append(name)
        else:
            others = True
    return plain, others


def _large(texts: pa.Array) -> pa.Array:
    """Texts whose lengths together may be more than 32 bits can count."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(texts.type):
        return pc.cast(texts, pa.large_string())
    return pc.cast(texts, pa.large_binary()) if pa.types.is_binary(texts.type) else texts


def _may_swell(path: Path, column: str, budget: Budget) -> bool:
    """Whether a column would not fit if each of its values were the longest text of its dictionary.

    Only such a column is read as a dictionary, which takes about twice the time.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    most, room = 0, budget.most - budget.taken
    with pq.ParquetFile(path, read_dictionary=[column]) as file:
        about = file.metadata
        place = [about.schema.column(number).path for number in range(about.num_columns)].index(column)
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            packed = group.column(place).total_uncompressed_size
            if group.num_rows * packed <= room // (10 * about.num_row_groups):
                most += group.num_rows * packed
                continue
            head = next(file.iter_batches(batch_size=1, row_groups=[number], columns=[column], use_threads=False), None)
            if head is not None and head.num_rows:
                longest = pc.max(pc.binary_length(head.column(0).dictionary)).as_py() or 0
                most += group.num_rows * longest + packed
    return most > room


def _measured(batch: pa.RecordBatch, budget: Budget, rows: int) -> pa.RecordBatch:
    """The batch with dictionaries and what is nested written out, dictionaries once it is known that they fit."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.binary_length(column.dictionary)
            size = (pc.sum(pc.take(lengths, column.indices)).as_py() or 0) + 4 * len(column)
            budget.take(size, f"{rows:,} rows read so far, and more to come")
            column = pc.take(_large(column.dictionary), column.indices)
        else:
            if pa.types.is_nested(column.type):
                column = as_json(pa.chunked_array([column])).combine_chunks()
            budget.take(column.nbytes, f"{rows:,} rows read so far, and more to come")
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(
        [pa.field(name, column.type) for name, column in zip(batch.schema.names, columns, strict=True)]
    ))  # fmt: skip
