"""One thing written in several ways: named, never merged."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

_LONGEST = 200
_MOST_DISTINCT = 500_000
_TOKEN = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9_-]{8,}")
"""Ids such as those of Salesforce, in which capitals and small letters are different signs."""


def folded(text: str) -> str:
    """Text without the differences of Unicode form, case, space and signs that are not seen (zero width, direction).

    >>> folded("  Zu\\u0308RICH\\u00a0AG "), folded("003A0001aB") == folded("003a0001Ab"), folded("a\\u200b1")
    ('zürich ag', False, 'a1')
    """
    same = unicodedata.normalize("NFKC", text)
    if not same.isascii():
        same = "".join(sign for sign in same if unicodedata.category(sign) != "Cf")
    same = " ".join(same.split())
    return same if _TOKEN.fullmatch(same) else same.casefold()


def loose_key(text: str) -> str:
    """A key without leading zeros and the `.0` of a float as well.

    >>> [loose_key(key) for key in ("00123", "123.0", " Acme ", "000")]
    ['123', '123', 'acme', '0']
    """
    plain = re.sub(r"^(\d+)\.0+$", r"\1", folded(text))
    return plain.lstrip("0") or plain[-1:]


def spelled_differently(column: pd.Series) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    """Rows with a less frequent spelling of a value, and the spellings of each such value, the most frequent first."""
    nothing = np.zeros(len(column), dtype=bool)
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    if len(distinct) > _MOST_DISTINCT:
        return nothing, ()
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    groups: dict[str, list[int]] = defaultdict(list)
    for code, value in enumerate(distinct):
        text = str(value)
        if len(text) <= _LONGEST and text.strip():
            groups[folded(text)].append(code)
    several = [sorted(group, key=lambda c: (-counts[c], str(distinct[c]))) for group in groups.values() if group[1:]]
    if not several:
        return nothing, ()
    rare = np.zeros(len(distinct) + 1, dtype=bool)  # the last stands for missing values, whose code is -1
    for group in several:
        rare[group[1:]] = True
    several.sort(key=lambda group: -int(counts[group[1:]].sum()))
    return rare[codes], tuple(tuple(str(distinct[c]) for c in group) for group in several)


def _seen(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFC", text) if unicodedata.category(sign) != "Cf")


def shown(spellings: Iterable[Sequence[str]], limit: int = 3) -> tuple[str, ...]:
    """Spellings beside each other; those that look alike with their signs spelt out.

    >>> shown([("US", "us"), ("\\u00fc", "u\\u0308")])
    ("'US' and 'us'", "'\\\\xfc' and 'u\\\\u0308'")
    """
    found = []
    for group in list(spellings)[:limit]:
        alike = len({_seen(text) for text in group}) < len(group)
        write = ascii if alike else repr
        found.append(" and ".join(write(text if len(text) <= 40 else text[:40] + "...") for text in group[:4]))
    return tuple(found)
