"""One raw table read column by column; every broken rule is counted, and what is set aside keeps its rule."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leap.config import Settings, TableSpec
from leap.tables import values
from leap.tables.cells import EXACT_WHOLE
from leap.tables.moments import clock_changes
from leap.tables.names import END, KEY, KNOWN, RESERVED, ROW
from leap.tables.problems import Level, Problem, examples_of

Mask = pd.Series | np.ndarray

_LISTED = 30
_WORDS_IN_NUMBERS = 0.01
"""With a larger share of words a column is no number for features."""
_SCIENTIFIC = r"\d(\.\d+)?[eE]\+\d+"
_PLACEHOLDERS = frozenset({"null", "nan", "none", "undefined", "n/a", "#n/a"})


@dataclass
class Canonical:
    """Rows in canonical columns, those quarantined with their `rule` and `row`, and the problems found.

    A table that fails a rule has no rows; its quarantine holds what would have been set aside all the same.
    `columns` are the file's, in its order.
    """

    rows: pd.DataFrame
    quarantined: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    broke: tuple[int, ...] = ()
    """Of each quarantined row the position of its rule in `problems`."""


class Reader:
    """Builds canonical columns from one raw frame and keeps account of every broken rule.

    What is decided about a row depends on that row alone (and, for what stands twice, on rows known before it), so
    that a table cut to what was known at a moment is treated as the whole table is.
    """

    def __init__(self, name: str, spec: TableSpec, raw: pd.DataFrame, settings: Settings, today: pd.Timestamp):
        self.name, self.spec, self.settings, self.today = name, spec, settings, today
        self.problems: list[Problem] = []
        places = raw.index.to_numpy(dtype=np.int64)
        self.raw = self._named_once(_readable(raw.reset_index(drop=True)))
        self.rows = pd.DataFrame({ROW: places + 1}, index=self.raw.index)
        self.absent: set[str] = set()
        self._rules = [""]
        self._problem_of_rule = [-1]
        self._broken = np.zeros(len(self.raw), dtype=np.uint8)

    @property
    def fine(self) -> np.ndarray:
        """The rows that no rule has set aside."""
        return np.asarray(self._broken == 0)

    @property
    def failed(self) -> bool:
        """Whether a rule failed the whole table."""
        return any(problem.level == "fail" for problem in self.problems)

    def report(self, level: Level, rule: str, where: Mask, column: str | None, remedy: str) -> None:
        """Count the rows where a rule is broken; `quarantine` also sets them aside (the first rule broken is kept)."""
        mask = np.asarray(where, dtype=bool)
        if level == "quarantine":
            mask = mask & self.fine
        count = int(mask.sum())
        if not count:
            return
        first = np.flatnonzero(mask)[:1000]
        rows = self.rows[ROW].iloc[first].map("row {}".format)
        # An empty cell is no example: the row says where it is.
        shown = (
            self.raw[column].iloc[first].astype(object).where(lambda cells: ~_blank(cells), rows)
            if column in self.raw
            else rows
        )
        share = count / len(self.raw)
        self.problems.append(Problem(level, self.name, column, rule, count, share, examples_of(shown), remedy))
        if level == "quarantine":
            self._rules.append(rule)
            self._problem_of_rule.append(len(self.problems) - 1)
            self._broken[mask] = len(self._rules) - 1

    def _fail(self, rule: str, column: str, count: int, examples: tuple[str, ...], remedy: str) -> None:
        shown = examples_of(examples)
        self.problems.append(Problem("fail", self.name, column, rule, count, 1.0, shown, remedy))

    def _named_once(self, raw: pd.DataFrame) -> pd.DataFrame:
        """The frame with text as names; a name that stands twice fails the table (its first column is looked at)."""
        names = [str(column) for column in raw.columns]
        unnamed = [i for i, name in enumerate(names) if not name.strip()]
        for i in unnamed:
            names[i] = f"(column {i + 1})"
        if unnamed:
            shown = examples_of(names[i] for i in unnamed)
            remedy = "These columns have no name in the header, so nothing can be declared of them; they are left out."
            self.problems.append(
                Problem(
                    "warn", self.name, None, "unnamed_column", len(unnamed), len(unnamed) / len(names), shown, remedy
                )
            )
        raw.columns = pd.Index(names, dtype=object)
        repeated = raw.columns.duplicated()
        if repeated.any():
            twice = tuple(dict.fromkeys(raw.columns[repeated]))
            self._fail(
                "duplicate_column", twice[0], len(twice), twice, "Every column needs a name of its own; rename it."
            )
            raw = raw.loc[:, ~repeated]
        return raw

    def need(self, *columns: str | None) -> None:
        """The columns that the shape cannot do without.

        A missing one fails the table; the checks of the others go on, and say nothing of the values that are not there.
        """
        for column in dict.fromkeys(columns):
            if column is None or column in self.raw.columns:
                continue
            self._fail("missing_column", column, 1, (), self._where_it_may_be(column))
            self.absent.add(column)
            self.raw = self.raw.assign(**{column: pd.Series(None, index=self.raw.index, dtype=object)})

    def _where_it_may_be(self, column: str) -> str:
        known = [name for name in self.raw.columns if name not in self.absent]
        near = difflib.get_close_matches(column.lower(), [name.lower()[:100] for name in known], n=1)
        nearest = next((name for name in known if near and name.lower() == near[0]), None)
        hint = f"did you mean {nearest!r}? " if nearest else ""
        listed = ", ".join(name if len(name) <= 60 else name[:60] + "..." for name in known[:_LISTED])
        more = f" and {len(known) - _LISTED:,} more" if len(known) > _LISTED else ""
        return (
            f"Expected a column {column!r}; {hint}Found {listed or 'none'}{more}. "
            f"Name the right column under [tables.{self.name}] in leap.toml."
        )

    def key(self) -> None:
        """The account of a row; a flat table without one may have its rows numbered (`key = "_row"`).

        A note without an account is about the whole market.
        """
        spec = self.spec
        if spec.shape == "snapshot" and spec.key == ROW:
            self.rows[KEY] = self.rows[ROW].astype(str)
            return
        self.need(spec.key)
        raw = self.raw[spec.key]
        keys = values.as_text(raw)
        self.rows[KEY] = keys
        if spec.key in self.absent:
            return
        if spec.role != "notes":
            self.report("quarantine", "missing_key", keys == "", spec.key, "Give the account of every row.")
        self._doubtful_keys(raw, keys)

    def _doubtful_keys(self, raw: pd.Series, keys: pd.Series) -> None:
        column = self.spec.key
        if pd.api.types.is_float_dtype(raw.dtype) or raw.dtype == object:
            floats = [value if isinstance(value, float) else np.nan for value in raw]
            large = np.abs(np.array(floats, dtype=float)) >= EXACT_WHOLE
            remedy = "A float cannot tell such large ids apart; export the key as text or as a whole number."
            self.report("quarantine", "inexact_key", large, column, remedy)
        if not isinstance(raw.dtype, pd.StringDtype):
            return
        self._space_around(raw, keys, column)
        remedy = "A spreadsheet has shortened these ids, and may have made two accounts one; export them as text."
        self.report("warn", "scientific_key", keys.str.fullmatch(_SCIENTIFIC), column, remedy)
        short = keys.where(keys.str.len() <= 9, "")
        remedy = "Kept as an account of that name; leave the cell empty if there is none."
        self.report("warn", "placeholder_key", short.str.lower().isin(_PLACEHOLDERS), column, remedy)

    def moment(self, target: str, column: str, *, required: bool, future: bool = False, ever: bool = False) -> None:
        """Read a column of moments; unreadable or future ones are quarantined, and a required one that says "unknown".

        `ever`: any year is meant, as in the series of a market.
        """
        zone, dates = self.settings.company.timezone, self.spec.dates
        found = values.read_moments(self.raw[column], zone, dates)
        parsed, bad = found.values, found.bad
        if bad.any():
            examples = values.as_text(self.raw.loc[bad, column].head(1000))
            self.report("quarantine", "bad_date", bad, column, values.date_hint(examples, self.name, dates))
        absent = (parsed.isna() & ~bad).to_numpy()
        if required and column not in self.absent:
            self.report("quarantine", "missing_date", absent, column, "Give the date of every row.")
        elif not required:
            self._missing_words(column, absent)
        parsed = self._without_sentinels(parsed, target, column, required and not ever, not required)
        if not future:
            late = parsed >= self.today.normalize() + pd.Timedelta(days=1)
            remedy = "Moments after today cannot have happened; correct the date."
            self.report("quarantine", "future_date", late, column, remedy)
        self._clock(found, column, zone)
        self.rows[target] = parsed

    def _without_sentinels(
        self, parsed: pd.Series, target: str, column: str, required: bool, optional: bool
    ) -> pd.Series:
        never = values.is_sentinel(parsed)
        unknown = values.is_unknown(parsed)
        if required or (optional and target == END):
            # An end long before any start would be an open period or a mistake: nobody can tell which.
            meant = (
                "give the true one" if required else "leave it empty where the period is open, else give the true one"
            )
            remedy = f'This date stands for "not known"; {meant}.'
            self.report("quarantine", "sentinel_date", unknown | never if required else unknown, column, remedy)
        if not optional:
            return parsed
        if target != END:
            never |= unknown
        self.report("warn", "sentinel_date", never, column, "Read as not given; leave it empty where it is open.")
        return parsed.mask(never)

    def _clock(self, found: values.Moments, column: str, zone: str) -> None:
        """Local times in doubt: without an offset beside others that have one, or when clocks were changed."""
        if not found.timed.any():
            return
        local = found.timed & ~found.stamped
        if found.stamped.any():
            remedy = f"Times with and without an offset stand in one column; those without are read as {zone} time."
            self.report("warn", "mixed_time_zones", local, column, remedy)
        nowhere, twice = clock_changes(found, zone)
        remedy = (
            f"Clocks in {zone} were put forward over these times, so they do not exist; write times with an offset."
        )
        self.report("warn", "nonexistent_time", nowhere, column, remedy)
        remedy = f"Clocks in {zone} were put back, so these times exist twice; write times with an offset."
        self.report("warn", "ambiguous_time", twice, column, remedy)

    def number(self, target: str, column: str, *, required: bool) -> None:
        """Read a column of numbers; text and infinities are quarantined."""
        parsed, bad = values.numbers(self.raw[column], self.spec.number_form)
        if bad.any():
            examples = values.as_text(self.raw.loc[bad, column].head(1000))
            remedy = values.number_hint(examples, self.name, self.spec.number_form)
            self.report("quarantine", "bad_number", bad, column, remedy)
        absent = (parsed.isna() & ~bad).to_numpy()
        if required and column not in self.absent:
            self.report("quarantine", "missing_number", absent, column, "Give the amount of every row.")
        elif not required:
            self._missing_words(column, absent)
        self.rows[target] = parsed

    def _missing_words(self, column: str, absent: np.ndarray) -> None:
        raw = self.raw[column]
        if not absent.any() or not (isinstance(raw.dtype, pd.StringDtype) or raw.dtype == object):
            return
        word = np.zeros(len(absent), dtype=bool)
        word[absent] = (values.as_text(raw[absent]) != "").to_numpy()
        remedy = "This word is read as not given; leave the cell empty."
        self.report("warn", "missing_word", word, column, remedy)

    def text(self, target: str, column: str | None) -> None:
        """Read a column of words as they are, without surrounding space, which is said."""
        if column is None:
            return
        words = values.as_text(self.raw[column])
        self.rows[target] = words
        self._space_around(self.raw[column], words, column)

    def _space_around(self, raw: pd.Series, words: pd.Series, column: str) -> None:
        if isinstance(raw.dtype, pd.StringDtype):
            padded = (raw.str.len() != words.str.len()) & (words != "")
            remedy = "Space around a word is no part of it; these are read without."
            self.report("warn", "surrounding_space", padded.fillna(False), column, remedy)

    def known(self, own: pd.Series | None) -> None:
        """When a row could be known: its `known_at` column, else its own time, else always."""
        column = self.spec.known_at
        if column is None:
            self.rows[KNOWN] = pd.Timestamp("1700-01-01") if own is None else own
            self.rows[KNOWN] = self.rows[KNOWN].astype("datetime64[us]")
            return
        self.need(column)
        self.moment(KNOWN, column, required=True)
        if own is not None:
            early = self.rows[KNOWN] < own
            remedy = "A row cannot be known before its own time; its own time is used."
            self.report("warn", "known_before_it_happened", early, column, remedy)
            self.rows[KNOWN] = self.rows[KNOWN].where(~early, own)

    def declared(self) -> None:
        """The columns that may become features, as they are in the file."""
        self.need(*[column for column, spec in self.spec.columns.items() if spec.available == "before"])
        for column in sorted(RESERVED & set(self.spec.columns)):
            remedy = "Leap itself names a column so; give this one another name, or leave it out of leap.toml."
            self._fail("reserved_name", column, 1, (), remedy)
        there = [column for column in self.spec.columns if column in self.raw.columns and column not in RESERVED]
        kept = self.raw[there]
        for column in there:
            self._mostly_numbers(column)
            if self.spec.number_form != "." and isinstance(kept[column].dtype, pd.StringDtype):
                plain = values.rewritten_plainly(kept[column].str.strip(), self.spec.number_form)
                kept = kept.assign(**{column: plain})
        self.rows = pd.concat([self.rows.drop(columns=there, errors="ignore"), kept], axis=1)

    def _mostly_numbers(self, column: str) -> None:
        """Warn of words and infinities among the numbers of a feature; a row is not lost for them."""
        if pd.api.types.is_bool_dtype(self.raw[column].dtype) or self.spec.columns[column].available == "after":
            return
        parsed, bad = values.numbers(self.raw[column], self.spec.number_form)
        if not parsed.notna().any() or bad.sum() > 0.1 * parsed.notna().sum():
            return
        remedy = "Almost all are plain numbers; these count as missing."
        if bad.sum() > _WORDS_IN_NUMBERS * (bad.sum() + parsed.notna().sum()):
            remedy = (
                "Most are plain numbers, but with so many words the column is not taken as one of numbers; correct it."
            )
        self.report("warn", "bad_number", bad, column, remedy)
        self._missing_words(column, (parsed.isna() & ~bad).to_numpy())

    def margin(self) -> None:
        """The column of `company.gross_margin`, kept beside the rows whether or not it is a feature too."""
        column = self.settings.company.gross_margin
        if not isinstance(column, str) or column not in self.raw.columns or column in RESERVED:
            return
        parsed, bad = values.numbers(self.raw[column], self.spec.number_form)
        remedy = "A gross margin is a fraction such as 0.78; these count as not given."
        self.report("warn", "bad_margin", bad | (parsed.abs() > 1), column, remedy)
        if column not in self.spec.columns:
            self.rows[column] = parsed

    def finish(self) -> Canonical:
        """Split the rows from the quarantine; together they are the rows read."""
        used = self.fine
        aside = np.flatnonzero(~used)
        quarantined = self.raw.iloc[aside].rename(columns={"rule": "rule_in_file", "row": "row_in_file"})
        rules = np.array(self._rules, dtype=object)[self._broken[aside]]
        quarantined.insert(0, "rule", rules, allow_duplicates=True)
        quarantined.insert(1, "row", self.rows[ROW].to_numpy()[aside], allow_duplicates=True)
        rows = self.rows
        if self.failed:
            rows = rows.iloc[:0]
        elif len(aside):
            rows = rows.loc[used].reset_index(drop=True)
        if self.spec.shape == "attributes" and self.spec.known_at is not None:
            # Of several rows of an account the last one is the latest known, whatever the order of the file.
            rows = rows.sort_values(KNOWN, kind="stable", ignore_index=True)
        columns = tuple(c for c in self.raw.columns if c not in self.absent)
        broke = tuple(np.array(self._problem_of_rule)[self._broken[aside]].tolist())
        return Canonical(rows, quarantined, self.problems, columns, broke)


def _readable(raw: pd.DataFrame) -> pd.DataFrame:
    """The frame with bytes as text; those that are no text are spelt out."""
    changed = {
        i: raw.iloc[:, i].map(lambda cell: cell.decode(errors="backslashreplace") if isinstance(cell, bytes) else cell)
        for i in range(raw.shape[1])
        if raw.iloc[:, i].dtype == object and any(isinstance(cell, bytes) for cell in raw.iloc[:, i])
    }
    for i, column in changed.items():
        raw.isetitem(i, column.array)
    return raw


def _blank(cells: pd.Series) -> pd.Series:
    return cells.isna() | (cells == "")
