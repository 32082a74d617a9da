"""Exports of CRM and billing systems in a folder: their tables come by the layout, with its own declarations."""

from __future__ import annotations

from pathlib import Path

from leap.errors import SourceError
from leap.proposal import natures
from leap.proposal.columns import FileTable, look_at
from leap.proposal.files import FolderContents
from leap.proposal.guess import Declared, Guess
from leap.proposal.reading import Reading
from leap.sources import read_raw
from leap.sources.layouts import LayoutTable, belongs, recognise

_NAMES = {"stripe": "Stripe", "salesforce": "Salesforce", "hubspot": "HubSpot"}


def exported(folder: Path, contents: FolderContents) -> list[Guess]:
    """A guess for every table of an export that lies in the folder; its files are taken out of the contents.

    A file of which the layout can make no table stays in them, to be guessed like any other.
    """
    tables = recognise(folder)
    guesses = {table.name: _guess(table, folder) for table in tables}
    found = [guess for guess in guesses.values() if guess is not None]
    if found:
        _take_out(tables[0].source.split(":")[0], contents, [name for name, guess in guesses.items() if guess is None])
    return found


def _guess(table: LayoutTable, folder: Path) -> Guess | None:
    """None where nothing can be read: then the layout is no help for this table."""
    try:
        raw = read_raw(table.source, folder)
    except SourceError:
        return None
    if not len(raw.frame) and not len(raw.set_aside):
        return None
    frame = raw.frame.set_axis([str(column) for column in raw.frame.columns], axis=1)
    file: FileTable = look_at(table.name, table.source, Reading(frame, len(frame), raw.remarks))
    guess = Guess(file, table.shape)
    guess.say("shape", table.shape, f"{_NAMES[table.source.split(':')[0]]} export, read by its layout")
    guess.say("source", table.source)
    guess.say("role", table.role)
    for key, column in table.keys.items():
        guess.say(key, column)
    guess.columns = {column: Declared(label) for column, label in table.columns.items()}
    guess.left_out = dict(table.left_out)
    natures.of_table(guess)
    if len(raw.set_aside):
        rules = ", ".join(sorted(set(raw.set_aside["rule"])))
        guess.notes.append(f"Rows that cannot be used and are quarantined: {len(raw.set_aside):,} ({rules}).")
    return guess


def _take_out(layout: str, contents: FolderContents, unread: list[str]) -> None:
    rest = []
    for found in contents.tables:
        if "/" not in found.source and belongs(layout, found.source, unread):
            contents.others[found.source] = f"read as a part of the {_NAMES[layout]} export, by its layout"
        else:
            rest.append(found)
    contents.tables = rest
