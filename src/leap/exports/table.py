"""Tables whose rows are read some at a time: frames that are there, and frames that are made as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from leap.exports.cells import Plain, column_values, is_moments, moments


class Table(Protocol):
    """Columns with names, and rows as plain values."""

    @property
    def names(self) -> Sequence[str]:
        """Of the columns."""

    def __len__(self) -> int: ...

    def columns(self, start: int, stop: int) -> list[list[Plain]]:
        """The values of some rows, by column."""

    def texts(self) -> Iterator[tuple[str, int, str]]:
        """Texts to look at before anything is written: the name of the column, the row counted from 1, the text; names
        of columns stand in row 0.
        """


@dataclass(frozen=True)
class FrameTable:
    """A frame whose rows are read as plain values, some at a time."""

    names: list[str]
    frame: pd.DataFrame

    @classmethod
    def of(cls, frame: pd.DataFrame) -> FrameTable:
        """The frame with moments as text, which takes the whole column: days are told from moments by all of it."""
        columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
        plain = [pd.Series(moments(one), dtype=object) if is_moments(one) else one for one in columns]
        made = pd.DataFrame(dict(enumerate(one.reset_index(drop=True) for one in plain)))
        return cls([str(name) for name in frame.columns], made)

    def __len__(self) -> int:
        return len(self.frame)

    def columns(self, start: int, stop: int) -> list[list[Plain]]:
        """The values of some rows, by column."""
        part = self.frame.iloc[start:stop]
        return [column_values(part.iloc[:, place].rename(name)) for place, name in enumerate(self.names)]

    def texts(self) -> Iterator[tuple[str, int, str]]:
        """As `Table` says."""
        for place, name in enumerate(self.names):
            yield name, 0, name
            column = self.frame.iloc[:, place]
            if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
                continue
            for row, value in enumerate(column.tolist(), start=1):
                if isinstance(value, str):
                    yield name, row, value


@dataclass(frozen=True)
class MadeTable:
    """A table of which some rows are made at a time, so that all of it is never in memory."""

    names: Sequence[str]
    rows: int
    make: Callable[[int, int], pd.DataFrame]
    """The frame of the rows from one position to before another."""
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Texts by column that are there before any row is made."""

    def __len__(self) -> int:
        return self.rows

    def columns(self, start: int, stop: int) -> list[list[Plain]]:
        """As `Table` says."""
        part = self.make(start, min(stop, self.rows))
        return [column_values(part.iloc[:, place]) for place in range(part.shape[1])]

    def texts(self) -> Iterator[tuple[str, int, str]]:
        """As `Table` says."""
        yield from ((name, 0, name) for name in self.names)
        for name, values in self.known.items():
            yield from ((name, row, value) for row, value in enumerate(values, start=1))


def table_of(source: pd.DataFrame | MadeTable) -> Table:
    """What is exported, as a table."""
    return source if isinstance(source, MadeTable) else FrameTable.of(source)
