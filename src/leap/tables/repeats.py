"""What stands twice or would count twice: the row that was known first is kept, so that no decision looks ahead."""

from __future__ import annotations

import re
from bisect import bisect_right, insort

import numpy as np
import pandas as pd

from leap.tables import values
from leap.tables.names import AMOUNT, AT, END, INDICATOR, KEY, KNOWN, PERIOD, PRODUCT, PUBLISHED, ROW, SEGMENT, START
from leap.tables.reader import Reader

_ID = re.compile(r"(^|[_ -])(id|uuid|guid)$|[a-z]I[dD]$", re.IGNORECASE)
_FEW_AGAIN = 0.05
_FEWEST_COLUMNS = 3
_OPEN = np.iinfo(np.int64).max


def repeated_rows(reader: Reader) -> None:
    """Rows that stand twice word for word, and so were known at once."""
    if reader.spec.key == ROW:
        return
    again = _compared(reader.raw).duplicated()
    if reader.spec.shape == "events":
        remedy = "Give events an id if these are one event stored twice."
        reader.report("warn", "duplicate_row", again, None, remedy)
    else:
        reader.report("quarantine", "duplicate_row", again, None, "Identical rows count once.")


def repeated_header(reader: Reader) -> None:
    """Rows that say the names of the columns once more, as files put together with their headers have them."""
    again = np.ones(len(reader.raw), dtype=bool)
    for column in reader.raw.columns:
        if column in reader.absent:
            continue
        if not again.any() or not isinstance(reader.raw[column].dtype, pd.StringDtype):
            return
        again &= (reader.raw[column] == column).fillna(False).to_numpy(dtype=bool)
    reader.report("quarantine", "repeated_header", again, None, "The header stands among the rows; take it out.")


def rows_in_cells(reader: Reader) -> None:
    """Cells with as many separators as the lines in them would have, were they rows: a quote was not closed."""
    width = len(reader.raw.columns) - len(reader.absent)
    if width < _FEWEST_COLUMNS:
        return
    for column in reader.raw.columns:
        cells = reader.raw[column]
        if column in reader.absent or not isinstance(cells.dtype, pd.StringDtype):
            continue
        lines = cells[cells.str.contains("\n", regex=False).fillna(False).to_numpy(dtype=bool)]
        if not len(lines):
            continue
        broken = lines.str.count("\n") * (width - 1)
        whole = np.any([lines.str.count(re.escape(sign)) == broken for sign in ",;\t|"], axis=0)
        where = np.isin(np.arange(len(cells)), lines.index[whole])
        remedy = (
            "These cells seem to hold whole rows, which are then not read: "
            "see whether a quote that is not closed swallowed them."
        )
        reader.report("warn", "rows_in_a_cell", where, column, remedy)


def repeated_ids(reader: Reader) -> None:
    """Values that stand again in a column that looks like the rows' own id, be it declared or not."""
    for column in reader.raw.columns:
        if column == reader.spec.key or not _ID.search(column) or column in reader.absent:
            continue
        cells = values.as_text(reader.raw[column])
        given = cells != ""
        again = given & cells.duplicated()
        if given.mean() >= 1 - _FEW_AGAIN and 0 < again.sum() <= _FEW_AGAIN * len(cells):
            remedy = (
                "This looks like an id of rows, but these stand again: one thing stored twice, or two under one id."
            )
            reader.report("warn", "duplicate_id", again, column, remedy)


def _compared(raw: pd.DataFrame) -> pd.DataFrame:
    """Values that cannot be compared, such as lists, as text."""
    return raw.assign(**{c: raw[c].astype(str) for c in raw.columns if raw[c].dtype == object})


def repeated_keys(reader: Reader) -> None:
    """Rows that say once more what a shape may say once; with a `known_at`, what was known first stays."""
    spec, rows = reader.spec, reader.rows
    if spec.key in reader.absent:
        return
    unique = {
        "attributes": (
            [KEY] if spec.known_at is None else [KEY, KNOWN],
            spec.key,
            "One row per account; use shape history for changes."
            if spec.known_at is None
            else "One row per account and moment of being known.",
        ),
        "history": ([KEY, AT, KNOWN], spec.key, "One row per account and moment."),
        "snapshot": ([KEY, AT] if AT in rows else [KEY], spec.key, "One row per account (and date)."),
        "market": (
            [c for c in (INDICATOR, SEGMENT, PERIOD, PUBLISHED) if c in rows],
            spec.indicator,
            "One value per indicator, segment, period and date of publication.",
        ),
    }.get(spec.shape)
    if unique is None:
        return
    columns, column, remedy = unique
    places = np.flatnonzero(reader.fine)
    if spec.known_at is not None:
        places = places[np.argsort(rows[KNOWN].to_numpy()[places], kind="stable")]
    again = np.zeros(len(rows), dtype=bool)
    again[places] = rows[columns].iloc[places].duplicated().to_numpy()
    reader.report("quarantine", "duplicate_key", again, column, remedy)


def overlapping_terms(reader: Reader) -> None:
    """Two terms of one product at the same time would count twice: the one known later is set aside.

    Without products any two may be meant to add up, so they are only named.
    """
    spec, rows = reader.spec, reader.rows
    if spec.key in reader.absent or {spec.start, spec.end, spec.product} & reader.absent:
        return
    end = whole(rows[END])
    start = whole(rows[START])
    # A term of no money or of no time counts nothing twice.
    places = np.flatnonzero(reader.fine & (rows[AMOUNT] > 0).to_numpy(dtype=bool) & (end > start))
    of_one = [KEY] if spec.product is None else [KEY, PRODUCT]
    group = rows[of_one].iloc[places].groupby(of_one, sort=False).ngroup().to_numpy()
    aside = np.zeros(len(rows), dtype=bool)
    aside[places] = set_aside(group, start[places], end[places], whole(rows[KNOWN])[places])
    if spec.product is None:
        remedy = "Several terms at once are added up; name `product` if they are terms of one product."
        reader.report("warn", "overlapping_terms", aside, spec.start, remedy)
        return
    remedy = "Terms of one product may not overlap: a sum would count twice. End the first before the next starts."
    reader.report("quarantine", "overlapping_terms", aside, spec.product, remedy)


def whole(moments: pd.Series | np.ndarray) -> np.ndarray:
    """Microseconds since 1970; a missing moment is later than any."""
    at = np.asarray(moments).astype("datetime64[us]")
    return np.where(np.isnat(at), _OPEN, at.astype(np.int64))


def set_aside(group: np.ndarray, start: np.ndarray, end: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The rows that overlap one accepted before them, in order of (known, start, place); mostly there are none."""
    aside = np.zeros(len(group), dtype=bool)
    by_start = np.lexsort([start, group])
    ordered_group, ordered_start = group[by_start], start[by_start]
    same = ordered_group[1:] == ordered_group[:-1]
    # If no term of a group reaches into the next one, none reaches into any later one either.
    reaches = same & (end[by_start][:-1] > ordered_start[1:])
    if not reaches.any():
        return aside
    involved = np.isin(group, ordered_group[1:][reaches])
    places = np.flatnonzero(involved)
    places = places[np.lexsort([places, start[places], known[places], group[places]])]
    accepted: list[tuple[int, int]] = []
    last = -1
    for place, of, begins, ends in zip(
        places.tolist(), group[places].tolist(), start[places].tolist(), end[places].tolist(), strict=True
    ):
        if of != last:
            accepted, last = [], of
        i = bisect_right(accepted, (begins, _OPEN))
        before = i > 0 and accepted[i - 1][1] > begins
        after = i < len(accepted) and accepted[i][0] < ends
        if before or after:
            aside[place] = True
        else:
            insort(accepted, (begins, ends))
    return aside
