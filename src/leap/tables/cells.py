"""Cells as text, finite numbers and truths; whatever is decided about a cell depends on that cell alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

EXACT_WHOLE = 2**53
"""From here on a float no longer tells neighbouring whole numbers apart."""

MISSING_WORDS = frozenset({"null", "nan", "nat", "na", "n/a", "#n/a", "none", "-", "\\n"})
"""In a column of numbers, dates or truths these say that there is nothing; in a column of words they are words."""

TRUE_WORDS = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "0", "0.0"})
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE_NUMBER = re.compile(NUMBER, re.ASCII)
_FEW = 2_000
_SPACES = "\u00a0\u202f "
_THOUSANDS = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"
_MONEY = r"(?:[$€£¥]|[A-Z]{3}\s)"
_PARTED_NUMBER = rf"^[+-]?{_MONEY}?\s?[+-]?(\d+|\d{{1,3}}(,\d{{3}})+)(\.\d*)?\s?(?:[$€£¥]|\s[A-Z]{{3}})?$"
_COMMA_NUMBER = rf"^[+-]?(\d+|\d{{1,3}}([.{_SPACES}]\d{{3}})+)(,\d+)?$"


def as_text(column: pd.Series) -> pd.Series:
    """The values as stripped text; empty means missing. Whole numbers lose the `.0` of floats, each by itself.

    >>> as_text(pd.Series([1.0, 2.5, None])).tolist(), as_text(pd.Series([7, 7.0, " a "], dtype=object)).tolist()
    (['1', '2.5', ''], ['7', '7', 'a'])
    """
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.map({True: "true", False: "false"}).fillna("").astype(str)
    if pd.api.types.is_float_dtype(column.dtype):
        return _float_text(column)
    if column.dtype == object:
        column = column.map(_without_zero_fraction)
    elif len(column) <= _FEW and isinstance(column.dtype, pd.StringDtype) and all(map(is_bare, column.array)):
        return column
    text = column if isinstance(column.dtype, pd.StringDtype) else column.astype("string")
    if text.hasnans:
        text = text.fillna("")
    return text.str.strip().astype(str)


def is_bare(cell: object) -> bool:
    """Whether a cell is text without anything like space around it, or empty."""
    return isinstance(cell, str) and (cell == "" or (_is_sign(cell[0]) and _is_sign(cell[-1])))


def _is_sign(character: str) -> bool:
    return "!" <= character <= "~" or character.isalnum()


def _float_text(column: pd.Series) -> pd.Series:
    number = column.to_numpy(dtype=float, na_value=np.nan)
    whole = np.isfinite(number) & (number == np.floor(number)) & (np.abs(number) < EXACT_WHOLE)
    text = pd.Series(np.where(whole, number, 0), column.index).astype("int64").astype(str)
    if whole.all():
        return text
    return text.where(whole, column.astype("string").fillna("").astype(str))


def _without_zero_fraction(value: object) -> object:
    whole = isinstance(value, float) and value.is_integer() and abs(value) < EXACT_WHOLE
    return int(value) if whole else value  # type: ignore[call-overload]


def is_missing(column: pd.Series) -> pd.Series:
    """Where a value is absent: null, or empty text."""
    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        return column.isna() | (as_text(column) == "")
    return column.isna()


def is_missing_word(text: pd.Series) -> pd.Series:
    """Where text says in a word that there is nothing, such as NULL; empty text is no word."""
    # No word is longer than four letters: long cells need not be written in lower case to be told apart.
    short = text.where(text.str.len() <= 4, "")
    return pd.Series(short.str.lower().isin(MISSING_WORDS).to_numpy(dtype=bool), index=text.index)


def numbers(column: pd.Series, form: str = ".") -> tuple[pd.Series, pd.Series]:
    """Finite float64 values, and where something stood that is no finite number.

    With a decimal comma (`form` ",") a point or a space may part thousands, in threes; with `form` "1,000" a comma
    does, and a sign of a currency may stand before or after.

    >>> values, bad = numbers(pd.Series(["1.5", "", "NULL", "about 3", "inf", "$1"]))
    >>> values.tolist(), bad.tolist()
    ([1.5, nan, nan, nan, nan, nan], [False, False, False, True, True, True])
    >>> numbers(pd.Series(["1.200,50", "1 200", "1.5"]), ",")[0].tolist()
    [1200.5, 1200.0, nan]
    >>> numbers(pd.Series(["$1,200.50", "-3", "1,20", "USD 7"]), "1,000")[0].tolist()
    [1200.5, -3.0, nan, 7.0]
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        finite = np.isfinite(values)
        bad = ~finite & ~np.isnan(values)
        return pd.Series(np.where(finite, values, np.nan), column.index), pd.Series(bad, column.index)
    if form == "." and len(column) <= _FEW and isinstance(column.dtype, pd.StringDtype):
        few = _few_numbers(column.array)
        if few is not None:
            return pd.Series(few, column.index), pd.Series(False, column.index)
    text = as_text(column)
    plain = text
    if form in _FORMS:
        plain = rewritten_plainly(text, form).where(text.str.fullmatch(_FORMS[form][0]), "")
    values = _parsed(plain)
    absent = (text == "").to_numpy(dtype=bool) | is_missing_word(text).to_numpy()
    return pd.Series(values, column.index), pd.Series(np.isnan(values) & ~absent, column.index)


def _few_numbers(cells: Iterable[object]) -> np.ndarray | None:
    """Cells that are all plain numbers or empty, without the cost of whole columns; None where any is not."""
    found = []
    for cell in cells:
        if not isinstance(cell, str) or not cell:
            found.append(np.nan)
        elif _WHOLE_NUMBER.fullmatch(cell):
            found.append(float(cell))
        else:
            return None
    values = np.array(found, dtype=float)
    return None if np.isinf(values).any() else values


_FORMS = {",": (_COMMA_NUMBER, f"[.{_SPACES}]"), "1,000": (_PARTED_NUMBER, r"[^0-9.+-]")}
"""What numbers of a form look like, and the signs in them that say nothing."""


def rewritten_plainly(text: pd.Series, form: str) -> pd.Series:
    """Numbers of a form as plain ones; everything else as it is.

    >>> rewritten_plainly(pd.Series(["1.200,5", "7", "a,b"]), ",").tolist()
    ['1200.5', '7', 'a,b']
    """
    number, idle = _FORMS[form]
    plain = text.str.replace(idle, "", regex=True).str.replace(",", ".", regex=False)
    return plain.where(text.str.fullmatch(number), text)


def _parsed(text: pd.Series) -> np.ndarray:
    """Numbers as they are written in plain form, anything else and what is no finite number as NaN."""
    cells = pa.array(text, from_pandas=True)
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if not pa.types.is_large_string(cells.type) and not pa.types.is_string(cells.type):
        return np.full(len(text), np.nan)  # a column of nulls alone
    fits = pc.match_substring_regex(cells, NUMBER)
    found = pc.cast(pc.if_else(fits, cells, None), pa.float64())
    values = found.to_numpy(zero_copy_only=False).astype(float)
    return np.where(np.isfinite(values), values, np.nan)


def number_hint(examples: Iterable[str], table: str, form: str) -> str:
    """What values that are no numbers seem to be, and the remedy.

    >>> number_hint(["1.200,00"], "orders", ".")
    'These have a decimal comma: set decimal = "," on [tables.orders], or write 1234.50, without decimal commas.'
    """
    found = [text for text in examples if text]
    comma = sum("," in text and bool(re.fullmatch(_COMMA_NUMBER, text)) for text in found)
    # 1,200 may be twelve hundred or one and a fifth: only what cannot be thousands tells.
    if form == "." and comma > len(found) / 2 and any(not re.fullmatch(_THOUSANDS, text) for text in found):
        remedy = f'set decimal = "," on [tables.{table}], or write 1234.50, without decimal commas.'
        return f"These have a decimal comma: {remedy}"
    if form == "." and any("." in text for text in found) and all(re.fullmatch(_PARTED_NUMBER, text) for text in found):
        return f'These have commas between thousands, or a sign of money: set thousands = "," on [tables.{table}].'
    if form == ",":
        return f'Expected numbers such as 1.234,50, since decimal = "," on [tables.{table}]; correct these or that.'
    if form == "1,000":
        return f'Expected numbers such as 1,234.50, since thousands = "," on [tables.{table}]; correct these or that.'
    return "Write plain numbers such as 1234.50, without currency signs, thousands separators or decimal commas."


def truths(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """1.0, 0.0 or missing, and where something stood that is neither true nor false.

    >>> truths(pd.Series(["TRUE", "no", "", "maybe"]))[0].tolist()
    [1.0, 0.0, nan, nan]
    """
    text = as_text(column).str.lower()
    values = pd.Series(np.nan, index=column.index)
    values[text.isin(TRUE_WORDS)] = 1.0
    values[text.isin(FALSE_WORDS)] = 0.0
    return values, values.isna() & (text != "") & ~is_missing_word(text)
