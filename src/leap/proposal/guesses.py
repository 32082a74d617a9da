"""From tables as they look to the tables of leap.toml: who the accounts are, shapes, revenue, roles, columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from leap.proposal import company
from leap.proposal.columns import FileTable
from leap.proposal.declare import declare, say_forms
from leap.proposal.guess import THE_OTHERS, Guess, by_reason
from leap.proposal.keys import Key, account_keys, is_about_accounts
from leap.proposal.markets import market
from leap.proposal.revenue import choose, split_accounts
from leap.proposal.roles import give_roles
from leap.proposal.shapes import attributes, dated, outcome_of, snapshot
from leap.proposal.unfit import merges, people_tables, why_unfit

_SPAN = r"(^|_)(month|week|quarter|period)(_start|_begin)?(_date)?$"


@dataclass
class Guesses:
    """The tables guessed, those that cannot be used with why, and the file of merged accounts."""

    tables: list[Guess] = field(default_factory=list)
    refused: dict[str, tuple[FileTable, str]] = field(default_factory=dict)
    lineage: FileTable | None = None


def guess_tables(files: list[FileTable]) -> Guesses:
    """A guess for every table that can be used, and why the others cannot."""
    found = Guesses()
    people = people_tables(files)
    keys = account_keys(files, people)
    if people and not any(name not in people for name in keys):
        people, keys = set(), account_keys(files, set())
    for file in files:
        _sort_in(found, file, files, keys, people)
    found.tables = [part for guess in found.tables for part in _parts(guess, keys)]
    found.tables = choose(found.tables, keys)
    if not any(guess.role == "revenue" for guess in found.tables):
        _flat(found, files, keys)
    give_roles(found.tables)
    _declare_all(found)
    _drop_empty(found)
    _warn_of_unknown_accounts(found, keys)
    found.tables.sort(
        key=lambda guess: (guess.shape != "attributes" or not is_about_accounts(guess.file), guess.role != "revenue")
    )
    for name, (file, why) in found.refused.items():
        found.refused[name] = (file, "; ".join([why, *_repeated_ids(file)]))
    return found


def _sort_in(found: Guesses, file: FileTable, files: list[FileTable], keys: dict[str, Key], people: set[str]) -> None:
    guess = _guess(found, file, files, keys, people)
    if isinstance(guess, str):
        found.refused[file.name] = (file, guess)
    elif guess is not None:
        found.tables.append(guess)


def _guess(
    found: Guesses, file: FileTable, files: list[FileTable], keys: dict[str, Key], people: set[str]
) -> Guess | str | None:
    if not file.rows:
        return "it has no rows"
    if file.reading.repeated:
        return (
            f"more than one column is called {', '.join(file.reading.repeated[:5])}: rename them, then run init again"
        )
    merged = merges(file)
    if merged is not None:
        fits, remedy = merged
        if fits and found.lineage is None:
            found.lineage = file
            return None
        return f"merged or renamed accounts: {remedy}"
    figures = market(file)
    if figures is not None:
        return figures
    why = why_unfit(file, files, keys, people)
    if why is not None:
        return why
    key = keys[file.name]
    by_dates = dated(file, key)
    return by_dates if by_dates is not None else attributes(file, key)


def _parts(guess: Guess, keys: dict[str, Key]) -> list[Guess]:
    return split_accounts(guess, keys[guess.file.name]) if guess.file.name in keys else [guess]


def _flat(found: Guesses, files: list[FileTable], keys: dict[str, Key]) -> None:
    """Without revenue, a table that brings its own outcome is what can be learnt from."""
    for file in files:
        outcome = outcome_of(file)
        if outcome is None or len(file.columns) < 3 or file.columns[outcome].distinct > 20:
            continue
        flat = snapshot(file, outcome, keys.get(file.name))
        same = next((i for i, guess in enumerate(found.tables) if guess.file is file), None)
        if same is None and len(files) > 1 and file.name in keys:
            continue
        found.refused.pop(file.name, None)
        if same is None:
            found.tables.append(flat)
        else:
            found.tables[same] = flat
        return


def _declare_all(found: Guesses) -> None:
    dates = {
        column.english: guess.name
        for guess in found.tables
        if guess.shape in ("periods", "history") and THE_OTHERS not in guess.left_out
        for column in guess.file.columns.values()
    }
    currency = company.currency_of(found.tables)[0]
    for guess in found.tables:
        elsewhere = {c: name for c, name in dates.items() if name != guess.name} if guess.shape == "attributes" else {}
        declare(guess, elsewhere, currency)
        say_forms(guess)
        guess.notes += [*_repeated_ids(guess.file), *_known_late(guess)]


def _drop_empty(found: Guesses) -> None:
    """A list of accounts with nothing to learn from stays if it names them; a half of a file that says nothing goes."""
    for guess in list(found.tables):
        other = next((g for g in found.tables if g.file is guess.file and g is not guess), None)
        if guess.columns or guess.role is not None or guess.shape not in ("attributes", "history"):
            continue
        if other is not None and THE_OTHERS in other.left_out:
            found.tables.remove(guess)
            own = {str(value) for value, _ in other.keys.values()}
            other.name, other.left_out = guess.name, {c: why for c, why in guess.left_out.items() if c not in own}
        elif guess.shape == "attributes" and not _lists(guess.file):
            found.tables.remove(guess)
            left = "; ".join(f"{', '.join(names[:5])}: {why}" for why, names in by_reason(guess.left_out).items())
            found.refused[guess.file.name] = (
                guess.file, "it holds nothing to learn from beside identifiers" + (f" ({left})" if left else "")
            )  # fmt: skip


def _lists(file: FileTable) -> bool:
    """Whether it names accounts to people, so that it says who exists."""
    return file.named(r"((account|company|customer|client|organi[sz]ation|legal)_)?name") is not None


def _warn_of_unknown_accounts(found: Guesses, keys: dict[str, Key]) -> None:
    """A repeated note where hardly an account of a table is known to the others."""
    for guess in found.tables:
        key = keys.get(guess.file.name)
        if key is not None and guess.of("key") == key.column and key.share is not None and key.share < 0.9:
            guess.notes.append(f"Check: only {key.share:.0%} of the accounts here stand in the table that lists them.")


def _known_late(guess: Guess) -> list[str]:
    """Totals of a time that are dated by its first day would be known before they happened."""
    at = guess.file.columns.get(str(guess.of("at")))
    beside = guess.role is None and guess.shape in ("history", "events") and "known_at" not in guess.keys
    span = re.search(_SPAN, at.english) if at is not None and beside else None
    if at is None or span is None:
        return []
    return [
        f"Check: if a row holds the figures of the {span[2]} that begins with {at.name}, they are known only "
        "when it is over: add a column with that day and name it as known_at, or features would look ahead."
    ]


def _repeated_ids(file: FileTable) -> list[str]:
    """Identifiers that stand more than once although they are nearly unique."""
    return [
        f"{column.name} should be unique, but {column.present - column.distinct:,} of its values stand again"
        for column in file.columns.values()
        if re.search(r"_id$", column.english) and 0 < column.present - column.distinct < 0.01 * column.present
    ]
