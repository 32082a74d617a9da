"""Names of tables and addresses as they may be shown: the nearest one, and no credentials."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_QUOTED = r'"(?:[^"]|"")+"'
_TABLE = re.compile(rf'(?:({_QUOTED}|[^".]+)\.)?({_QUOTED}|[^"]+)')


def shown(source: str) -> str:
    """A source without the user, password and settings that an address may hold.

    >>> shown("postgresql://ann:secret@db.example/crm?sslmode=require#public.subs"), shown("a.csv")
    ('postgresql://db.example/crm#public.subs', 'a.csv')
    """
    address = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):/?/?", source)
    if address is None or "://" not in source:
        return source
    rest = source[address.end() :].rpartition("@")[2]
    return f"{address[1]}://" + re.sub(r"\?[^#]*", "", rest)


def split_table(text: str) -> tuple[str | None, str] | None:
    """Schema, if given, and table; names with a dot or quotes in them are written in double quotes.

    >>> split_table("public.subs"), split_table("subs"), split_table('"my.schema"."odd name"'), split_table("")
    (('public', 'subs'), (None, 'subs'), ('my.schema', 'odd name'), None)
    """
    found = _TABLE.fullmatch(text.strip())
    return None if found is None else (_unquoted(found[1]) if found[1] else None, _unquoted(found[2]))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def find_table(wanted: str, there: Sequence[tuple[str, str]], default: Sequence[str]) -> tuple[str, str] | None:
    """The (schema, table) that is meant: exactly, else the only one whose name differs in case alone.

    Without a schema those of `default` are looked through in order.
    """
    parts = split_table(wanted)
    if parts is None:
        return None
    schema, table = parts
    candidates = [(schema, table)] if schema is not None else [(name, table) for name in default]
    for candidate in candidates:
        if candidate in there:
            return candidate
    lower = {(s.lower(), t.lower()) for s, t in candidates}
    alike = [name for name in there if (name[0].lower(), name[1].lower()) in lower]
    return alike[0] if len(alike) == 1 else None


def nearest(wanted: str, there: Sequence[tuple[str, str]]) -> str:
    """A sentence with the tables that come nearest, or with the first of all."""
    if not there:
        return "No table can be seen there."
    names = [f"{schema}.{table}" for schema, table in there]
    tables = [table for _, table in there]
    near = difflib.get_close_matches(wanted.lower(), [name.lower() for name in names], n=3, cutoff=0.6)
    near += difflib.get_close_matches(wanted.lower().split(".")[-1], [name.lower() for name in tables], n=3, cutoff=0.6)
    lower = [name.lower() for name in names]
    places = {lower.index(name) if name in lower else [t.lower() for t in tables].index(name) for name in near}
    if places:
        return f"Did you mean {' or '.join(names[place] for place in sorted(places)[:3])}?"
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return f"There are {', '.join(names[:20])}{more}."
