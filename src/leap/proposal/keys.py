"""Which column of every table names the account: by what the columns are called and by which values they share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from leap.proposal.columns import Column, FileTable
from leap.proposal.names import singular

_ACCOUNT = (
    r"(account|customer|client|compan(?:y|ies)|organi[sz]ation|org|tenant|member|workspace|firm|subscriber|merchant|"
    r"partner|dealer|school|clinic|hospital|shop|store|site|team|business|buyer|debtor|debitor|payer|payor|"
    r"licensee|sponsor|agency|practice|reseller|distributor|retailer|group|branch)s?"
)
_ABOUT_ACCOUNTS = (
    r"(^|_)(accounts?|customers?|clients?|compan(y|ies)|organi[sz]ations?|orgs?|tenants?|members?|workspaces?|firms?|"
    r"subscribers?|merchants?|dealers?|schools?|clinics?|businesses|debtors?|prospects?)(_master\w*|_list|"
    r"_export|_data)?$"
)
_IDENTIFIER = r"(id|ids|uuid|guid|key|number|no|code|ref|reference|identifier|sid|pk|nr|slug|handle|domain)"
_OTHER_THING = (
    r"(^|_)(product|plan|sku|item|subscription|contract|invoice|order|ticket|case|user|contact|person|employee|"
    r"email|country|"
    r"region|event|session|feature|price|campaign|deal|opportunity|line|row|payment|transaction|charge|parent|"
    r"owner|stock|"
    r"manager|agent|rep|record|currency|coupon|survey|response|type|category|status|usage|listing|seat|license|"
    r"device)s?(_|$)"
)
_BY_HAND = {"account_id": 3.4, "customer_id": 3.3, "client_id": 3.2, "company_id": 3.1}
_MOST_CANDIDATES = 12
_MOST_VALUES = 300_000
_LINKED = 0.5
_SURELY_LINKED = 0.8
_SMALL_NUMBER = 1_000_000
_ENOUGH = 3
_MANY_ROWS = 20
_NAMED_AND_LINKED = 5.0
"""Above this a column is called as an account's and holds accounts: others need not be read, which may be long."""
_ENOUGH_WEIGHT = 0.8
"""A name of companies is the least that tells accounts apart."""


@dataclass(frozen=True)
class Key:
    """The account's column in one table, why it is taken, and which share of its values the other tables know."""

    column: str
    why: str
    share: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A column that might name the account, with the weight of its name: 3 says so, 0 says nothing."""

    file: FileTable
    column: Column
    weight: float

    @property
    def shown(self) -> str:
        """Table and column."""
        return f"{self.file.name}.{self.column.name}"

    def values(self) -> pd.Series:
        """Its different values."""
        return self.file.distinct(self.column.name)


def is_about_accounts(file: FileTable) -> bool:
    """Whether the table's name says that it lists accounts."""
    return bool(re.search(_ABOUT_ACCOUNTS, file.subject))


def weight_of(file: FileTable, column: Column) -> float:
    """What the name of a column says of its being the account's: 3 surely, 2 likely, below 0 something else."""
    name = column.english
    if name in _BY_HAND:
        return _BY_HAND[name]
    if re.fullmatch(rf"{_ACCOUNT}_{_IDENTIFIER}", name):
        return 3.0
    if name in ("id", "uuid", "guid", "number", "code") and is_about_accounts(file):
        return 3.5 if name == "id" else 2.6
    if re.fullmatch(rf"(.+_)?{_ACCOUNT}_{_IDENTIFIER}", name) and not re.search(_OTHER_THING, name):
        return 2.2
    if re.fullmatch(_ACCOUNT, name):
        return 2.1
    if re.fullmatch(r"user_id", name):
        return 1.0
    if re.fullmatch(rf"{_ACCOUNT}_name", name):
        return 0.8
    if re.search(_OTHER_THING, name):
        return -2.0
    return 0.5 if re.search(rf"(^|_){_IDENTIFIER}$", name) else 0.0


def candidates_of(file: FileTable) -> list[Candidate]:
    """Columns whose values could be keys, those called so first."""
    found = []
    for column in file.columns.values():
        weight = weight_of(file, column)
        number = column.looks == "number" and (not column.whole or column.number_form)
        worded = column.mean_words > 4 or column.mean_length > 64 or column.has_at_signs
        odd = column.looks in ("empty", "boolean") or (column.looks == "date" and weight < 2)
        # A column of two or three values is a category, unless its name says more or there is not more to see.
        few = column.distinct < _ENOUGH and (weight < 2 or column.present > _MANY_ROWS)
        category = (weight < 2 and column.looks == "constant") or (weight < 3 and few)
        if not (number or worded or odd or category):
            found.append(Candidate(file, column, weight))
    found.sort(key=lambda candidate: (-candidate.weight, -candidate.column.distinct))
    return found[:_MOST_CANDIDATES]


def account_keys(files: list[FileTable], people: set[str]) -> dict[str, Key]:
    """The key of every table that has one, by table; tables about `people` do not say who the accounts are."""
    candidates = {file.name: candidates_of(file) for file in files}
    reference = _reference(candidates, people)
    if reference is None:
        return {}
    found = {}
    for file in files:
        key = _key_of(candidates[file.name], reference, files)
        if key is not None:
            found[file.name] = key
    return found


def _reference(candidates: dict[str, list[Candidate]], people: set[str]) -> Candidate | None:
    """The column that says which accounts there are: named so, unique, and known in most other tables."""
    best, most = None, 0.0
    for name, of_file in candidates.items():
        for candidate in of_file:
            if candidate.weight < 0 or name in people:
                continue
            score = candidate.weight
            if candidate.file.is_unique(candidate.column.name):
                links = sum(
                    any(other.weight >= 0 and linked(other, candidate) is not None for other in others)
                    for table, others in candidates.items()
                    if table != name
                )
                score += min(links, 4) + (1.5 if is_about_accounts(candidate.file) else 0.1)
                if not links and candidate.weight < 2:
                    score = min(score, 0.9)
            if score > most:
                best, most = candidate, score
    return best if most >= _ENOUGH_WEIGHT else None


def linked(one: Candidate, reference: Candidate) -> float | None:
    """The share of the values of one column that stand in another, if it is more than an accident."""
    mine, theirs = one.values(), reference.values()
    if mine.empty or theirs.empty:
        return None
    share = float(mine.head(_MOST_VALUES).isin(theirs).mean())
    same_name = _agree(one, reference)
    if share < (_LINKED if same_name or one.weight >= 2 else _SURELY_LINKED):
        return None
    if not same_name and _small_numbers(one.column) and _small_numbers(reference.column):
        back = float(theirs.head(_MOST_VALUES).isin(mine).mean())
        # Counts and quantities run over the same small numbers as short ids do.
        by_name = one.weight >= 2 or (one.weight > 0 and reference.weight >= 0.5)
        return share if by_name and back >= 0.05 else None
    if not same_name and one.weight < 2 and len(mine) < _ENOUGH:
        return None
    return share


def _agree(one: Candidate, reference: Candidate) -> bool:
    """Whether two columns are called the same, or one is the other's table and `id`."""
    a, b = one.column.english, reference.column.english
    return a == b or a in (f"{singular(reference.file.subject)}_{b}", singular(reference.file.subject))


def _small_numbers(column: Column) -> bool:
    return column.whole and column.high < _SMALL_NUMBER


def _key_of(mine: list[Candidate], reference: Candidate, files: list[FileTable]) -> Key | None:
    """The best candidate of one table: by the share of its values that are accounts, and by its name."""
    scored: list[tuple[float, Candidate, float | None]] = []
    for candidate in mine:
        if candidate.weight < 0 and any(score > _NAMED_AND_LINKED for score, _, _ in scored):
            break
        if candidate.file is reference.file:
            share: float | None = 1.0 if candidate.column is reference.column else None
        else:
            share = linked(candidate, reference)
        score = candidate.weight + (4 * share if share is not None else 0)
        if candidate.weight >= 2 or share is not None:
            scored.append((score, candidate, share))
    if not scored:
        return None
    _, best, share = max(scored, key=lambda item: item[0])
    return Key(best.column.name, _why(best, reference, share, len(files)), share)


def _why(best: Candidate, reference: Candidate, share: float | None, n_files: int) -> str:
    if best.file is reference.file:
        what = (
            "another value on every row" if best.file.is_unique(best.column.name) else f"{len(best.values()):,} values"
        )
        by_name = "by its name; " if best.weight >= 2 else ""
        if best.column.english.endswith("_name"):
            by_name = "check: accounts are told apart by what they are called, as no column identifies them; "
        return f"{by_name}{what}" + ("; other tables name it" if n_files > 1 else "")
    if share is not None:
        return f"{_percent(share)} of its values are in {reference.shown}"
    found = float(best.values().head(_MOST_VALUES).isin(reference.values()).mean())
    return f"by its name; check: {_percent(found)} of its values are in {reference.shown}"


def _percent(share: float) -> str:
    """A share as people write it; never 100 % for less than all.

    >>> _percent(1.0), _percent(0.9999), _percent(0.0), _percent(0.001)
    ('all', '99.9 %', 'none', '0.1 %')
    """
    if share in (0.0, 1.0):
        return "all" if share else "none"
    return f"{min(max(100 * share, 0.1), 99.9):.3g} %"


def leads_to(file: FileTable, files: list[FileTable], keys: dict[str, Key]) -> tuple[str, FileTable, str] | None:
    """A column of a table without accounts, another table that has it once a row, and that table's column for it."""
    lost = file.name in keys
    for column, other, there in _pairs(file, files, keys):
        if lost and keys[other.name].share is None:
            continue
        one, two = Candidate(file, column, 0.6), Candidate(other, there, 0.6)
        if (column.english == there.english or _agree(one, two) or _lent(one, two)) and linked(one, two) is not None:
            return column.name, other, there.name
    return None


def _pairs(file: FileTable, files: list[FileTable], keys: dict[str, Key]) -> Iterator[tuple[Column, FileTable, Column]]:
    mine = [c.column for c in candidates_of(file)]
    for column in mine:
        for other in files:
            if other is file or other.name not in keys:
                continue
            for there in candidates_of(other):
                if there.column.name != keys[other.name].column and other.is_unique(there.column.name):
                    yield column, other, there.column


def _lent(one: Candidate, two: Candidate) -> bool:
    """Whether two columns are called differently but hold the same identifiers."""
    return (
        not _small_numbers(one.column) and len(one.values()) >= _ENOUGH and bool(one.values().isin(two.values()).all())
    )
