"""Values that were written afterwards although nothing says so: columns that know who has left by now, and when.

A row's own outcome cannot show it, since such a column is the same in all rows of an account, those long before the
end as well. So what is compared is who has left by the end of the data, within accounts that started at about one time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from leap.config import TableSpec
from leap.evaluation.leaks.leak import Leak, marked
from leap.evaluation.leaks.lives import Lives
from leap.evaluation.leaks.signed import says_what_was_signed, signed_months
from leap.evaluation.leaks.telling import FEWEST, tells
from leap.features import Kind
from leap.features.families import kind_of
from leap.tables import AccountTables, Table, values
from leap.tables.canonical import AT, KEY, KIND, KNOWN, START

RETROSPECTIVE_AUC = 0.85
_LIFE_CORRELATION = 0.5
_LEVEL_P = 1e-6
_LEVEL_SHARE = 0.98
_COVERAGE = 0.6
_SURELY_SOME = 3.0
"""Events expected in a life below which having none may be chance: who leaves early has less time for any."""


def retrospective(tables: AccountTables) -> list[Leak]:
    """Columns that tell who has left by now, how long they stayed or when they went; and tables without them."""
    lives = Lives.of(tables)
    if lives is None:
        return []
    found: list[Leak] = []
    signed = signed_months(tables, lives)
    for name, table in tables.tables.items():
        spec = table.spec
        if not _may_know(spec) or not len(table.rows):
            continue
        missing = _those_who_left_are_missing(tables, table, lives)
        if missing:
            found.append(Leak(name, spec.key, missing))
            continue
        codes = tables.accounts.get_indexer(pd.Index(table.rows[KEY]))
        in_time = _while_a_customer(table, codes, lives)
        # What was said of an account only after its end says nothing of it, not even by being missing.
        compared = lives.where(~np.isin(lives.codes, codes) | np.isin(lives.codes, codes[in_time]))
        for column, kind, cells in _first_values(tables, table, codes, in_time, compared):
            there = cells.notna().to_numpy() if spec.shape == "events" else np.ones(len(cells), dtype=bool)
            if says_what_was_signed(cells, signed.reindex(cells.index)):
                continue
            if why := _knows(cells[there], kind, compared.where(there), np.isin(cells.index[there], codes)):
                found.append(Leak(name, column, why))
        if spec.shape == "events":
            found += [Leak(name, kind, why) for kind, why in _kinds_of_the_left(table, codes, in_time, lives)]
    return marked(tables, found)


def _may_know(spec: TableSpec) -> bool:
    """Whether features are made of the table's columns and it has accounts."""
    return spec.shape in ("attributes", "history", "periods") or (
        spec.shape == "events" and spec.role in (None, "revenue")
    )


def _while_a_customer(table: Table, codes: np.ndarray, lives: Lives) -> np.ndarray:
    """Which rows were known before their account ended, shape (n_rows,)."""
    ends = pd.Series(lives.end, index=lives.codes).reindex(codes).to_numpy().astype("datetime64[us]")
    return np.asarray(~(table.rows[KNOWN].to_numpy().astype("datetime64[us]") >= ends))


def _first_values(
    tables: AccountTables, table: Table, codes: np.ndarray, fine: np.ndarray, lives: Lives
) -> Iterator[tuple[str, Kind, pd.Series]]:
    """The first value of every declared column for each account, among rows known while it was a customer.

    What a history or a term said first cannot honestly know the end; what it said last may.
    """
    rows = table.rows
    if table.spec.shape == "events":
        yield from _first_given(table, codes, fine, lives)
        return
    if AT in rows or START in rows:
        fine = fine & (rows.groupby(KEY)[AT if AT in rows else START].rank(method="first") == 1).to_numpy()
    named = {table.spec.end, table.spec.cancelled, table.spec.renews, table.spec.amount, table.spec.kind}
    for column, spec in table.spec.columns.items():
        if spec.available == "after" or column not in rows or (table.spec.shape == "periods" and column in named):
            continue
        cells = rows.loc[fine, column].set_axis(codes[fine])
        cells = cells[~cells.index.duplicated()].reindex(lives.codes)
        moments, bad = values.moments(cells, tables.settings.company.timezone)
        if moments.notna().sum() >= FEWEST and bad.sum() <= 0.05 * moments.notna().sum():
            yield column, "number", (moments - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
            continue
        kind = kind_of(cells)
        if kind is not None:
            yield column, kind, _typed(cells, kind)


def _first_given(
    table: Table, codes: np.ndarray, fine: np.ndarray, lives: Lives
) -> Iterator[tuple[str, Kind, pd.Series]]:
    """The first value that an event gives each account in every declared column.

    An account without any is missing and not compared: who stays long has more events, and knows no end by that.
    """
    rows = table.rows
    for column, spec in table.spec.columns.items():
        if spec.available == "after" or column not in rows or column in (table.spec.kind, table.spec.quantity):
            continue
        given = np.flatnonzero(fine & ~values.is_missing(rows[column]).to_numpy(dtype=bool))
        given = given[np.lexsort((rows[AT].to_numpy()[given], codes[given]))]
        first = given[np.append(True, codes[given][1:] != codes[given][:-1])[: len(given)]]
        cells = rows[column].iloc[first].set_axis(codes[first])
        kind = kind_of(cells)
        if kind is not None:
            yield column, kind, _typed(cells, kind).reindex(lives.codes)


def _typed(cells: pd.Series, kind: Kind) -> pd.Series:
    if kind == "category":
        text = values.as_text(cells)
        return text.where(text != "")
    return values.truths(cells)[0] if kind == "boolean" else values.numbers(cells)[0]


def _knows(cells: pd.Series, kind: Kind, lives: Lives, has_row: np.ndarray) -> str:
    """What a column knows of the ends, in words; empty where it knows nothing.

    An account without a row, shape (n,), has no level: its table may have begun after its end.
    """
    told = tells(cells.to_numpy(), kind, lives.left.astype(float), lives.codes, lives.stratum)
    if told.at_least(RETROSPECTIVE_AUC):
        return f"it tells which accounts have left by now (AUC {told.auc:.2f}), and no date says when it was known"
    if kind == "number":
        if why := _knows_how_long(cells.to_numpy(dtype=float), lives):
            return why
        text = cells.astype(float).map("{:g}".format)
    else:
        text = cells.astype(object).astype(str)
    return _level_of_the_left(text.where(cells.notna(), "(empty)")[has_row], lives.where(has_row))


def _knows_how_long(number: np.ndarray, lives: Lives) -> str:
    """Whether it goes with the time from start to end of those who left, when their start is taken out of both."""
    from scipy import stats

    there = lives.left & ~np.isnan(number)
    if there.sum() < 3 * FEWEST or len(np.unique(number[there])) < 3:
        return ""
    start = stats.rankdata(lives.start[there].astype(np.int64))
    rest = [_without(stats.rankdata(part), start) for part in (number[there], lives.days[there])]
    if min(part.std() for part in rest) < 1e-9:
        return ""
    correlation = float(np.corrcoef(rest[0], rest[1])[0, 1])
    if abs(correlation) < _LIFE_CORRELATION:
        return ""
    return (
        f"of those who left it goes with how long they stayed (rank correlation {correlation:.2f} beyond their start), "
        "so it was written at or after their end"
    )


def _without(ranks: np.ndarray, by: np.ndarray) -> np.ndarray:
    centred = by - by.mean()
    spread = float(centred @ centred)
    return np.asarray(ranks - ranks.mean() - (centred * float(centred @ ranks) / spread if spread else 0.0))


def _level_of_the_left(levels: pd.Series, lives: Lives) -> str:
    """Whether one level stands for those who left alone: "inactive", 0 or nothing for some, the rest as before."""
    for level, members in pd.Series(np.arange(len(levels)), levels.to_numpy()).groupby(level=0):
        if share := _left_alone(members.to_numpy(), lives):
            return (
                f"{share} the value {str(level)[:40]!r} have left by now, so it seems to be written because they left"
            )
    return ""


def _kinds_of_the_left(table: Table, codes: np.ndarray, in_time: np.ndarray, lives: Lives) -> Iterator[tuple[str, str]]:
    """The kinds of events that stand for those who left alone, such as an off-boarding; with the reason."""
    if KIND not in table.rows:
        return
    kinds = table.rows[KIND].to_numpy(dtype=object)
    has = pd.DataFrame({"kind": kinds, "code": codes})[in_time].drop_duplicates()
    for kind, of_kind in has[has["kind"] != ""].groupby("kind")["code"]:
        if share := _left_alone(np.flatnonzero(np.isin(lives.codes, of_kind)), lives):
            yield (
                str(kind),
                f"{share} an event of this kind have left by now, so it seems to be written because they left; counts "
                "over all kinds of this table are left out with it",
            )


def _left_alone(members: np.ndarray, lives: Lives) -> str:
    """How many of some accounts have left, in words, if they are all but a few and that is no chance; else nothing.

    Chance is what those who started at about the same times do: what only the oldest have is not of those who left.
    """
    from scipy import stats

    gone = lives.left[members]
    if len(gone) < FEWEST or gone.mean() < _LEVEL_SHARE:
        return ""
    others = np.delete(np.arange(len(lives.left)), members)
    n = int(lives.stratum.max()) + 1
    left = np.bincount(lives.stratum[others], weights=lives.left[others], minlength=n)
    # One more who left: where all of a time are members nothing can be said of them.
    usual = float(((left + 1) / (np.bincount(lives.stratum[others], minlength=n) + 1))[lives.stratum[members]].mean())
    if stats.binom.sf(int(gone.sum()) - 1, len(gone), usual) >= _LEVEL_P:
        return ""
    return f"{int(gone.sum())} of {len(gone)} accounts ({usual:.0%} of others that started when they did) with"


def _those_who_left_are_missing(tables: AccountTables, table: Table, lives: Lives) -> str:
    """Whether hardly any of those who left stand in a table in which the others do: it was exported without them."""
    rows = table.rows
    codes = tables.accounts.get_indexer(pd.Index(rows[KEY]))
    inside = np.isin(lives.codes, codes)
    own = next((column for column in (AT, START) if column in rows), None)
    # A table that begins later than an account ended cannot have it.
    overlap = np.ones(len(inside), dtype=bool)
    if own is not None:
        overlap = ~(lives.end < rows[own].min().to_datetime64())
    if table.spec.shape == "events":
        overlap &= ~(lives.days * _a_day(rows, codes, lives, tables.data_until) < _SURELY_SOME)
    left, stayed = lives.left & overlap, ~lives.left
    if min(left.sum(), stayed.sum()) < FEWEST or table.spec.role is not None:
        return ""
    of_left, of_stayed = float(inside[left].mean()), float(inside[stayed].mean())
    told = tells(
        inside[overlap].astype(float), "number", lives.left[overlap].astype(float), lives.codes[overlap],
        lives.stratum[overlap],
    )  # fmt: skip
    if of_stayed - of_left < _COVERAGE or not told.low > 0.6:
        return ""
    return (
        f"{of_left:.0%} of the accounts that have left stand in this table, of those still there {of_stayed:.0%}: "
        "those who left are missing, so being in it at all tells who stays"
    )


def _a_day(rows: pd.DataFrame, codes: np.ndarray, lives: Lives, until: pd.Timestamp) -> float:
    """Events a day of the usual account that is still there."""
    stayed = lives.codes[~lives.left]
    counts = pd.Series(codes).value_counts().reindex(stayed).fillna(0).to_numpy()
    since = np.maximum(lives.start[~lives.left], rows[AT].min().to_datetime64())
    days = (until.to_datetime64() - since) / np.timedelta64(1, "D")
    return float(np.median(counts / np.maximum(days, 1.0)))
