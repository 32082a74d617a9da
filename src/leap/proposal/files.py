"""Which tables a folder holds: files, folders of Parquet, parts of one table, databases; and what is no table."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from leap.crm.outbox import is_run
from leap.proposal.names import plain
from leap.sources import QUARANTINE

_NOT_DATA = frozenset({QUARANTINE, "mlruns", "node_modules", "__pycache__", "venv", "leap.toml"})
_ENDINGS = (".csv", ".csv.gz", ".parquet", ".duckdb")
_OTHER_TABLES = (".tsv", ".txt", ".xlsx", ".xls", ".ods", ".json", ".jsonl", ".ndjson", ".avro", ".orc", ".feather",
                 ".sqlite", ".db", ".zip", ".7z", ".sas7bdat", ".dta", ".sav", ".xml")  # fmt: skip
_MOST_TABLES = 200
_DEEPEST = 4
_PART = r"[_\-. ]*\(?\d[\d_\-.]*\)?$"
"""What parts of one table differ in at the end: a year, a month, a number."""
_LEADING_PART = r"^\d[\d_\-. ]*"


@dataclass(frozen=True)
class Found:
    """A table by the `source` that leap.toml names it by, and the files it lies in (none inside a database)."""

    source: str
    paths: tuple[Path, ...] = ()
    parts: tuple[str, ...] = ()
    """The files that a pattern stands for, where the table lies in several."""


@dataclass
class FolderContents:
    """The tables of a folder, and its other files with why they are none."""

    tables: list[Found] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)


def contents_of(folder: Path) -> FolderContents:
    """Everything but hidden files, those that Leap writes itself, and what lies more than four folders deep."""
    found = FolderContents()
    files: list[Path] = []
    for path in _walk(folder, found, folder, 0):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found.tables.append(Found(name, tuple(sorted(path.rglob("*.parquet")))))
        elif path.name.startswith("_"):
            found.others[name] = "its name begins with _, as files of tools do"
        elif not path.name.lower().endswith(_ENDINGS):
            found.others[name] = _why_no_table(path)
        elif not path.name.endswith(_ENDINGS):
            found.others[name] = "its ending is in capitals; rename it so that it ends in small letters"
        elif path.suffix == ".duckdb":
            _databases(folder, path, found)
        else:
            files.append(path)
    found.tables += _joined(folder, _without_copies(folder, files, found))
    found.tables.sort(key=lambda table: table.source)
    for table in found.tables[_MOST_TABLES:]:
        found.others[table.source] = f"more than {_MOST_TABLES} tables; name it yourself if it is needed"
    del found.tables[_MOST_TABLES:]
    return found


def _walk(folder: Path, found: FolderContents, top: Path, depth: int) -> Iterator[Path]:
    """Files, and folders that are one table of Parquet."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _NOT_DATA:
            continue
        if path.is_dir() and is_run(path):
            found.others[path.relative_to(top).as_posix() + "/"] = "scores that leap sync wrote, not data to learn from"
        elif not path.is_dir() or _is_one_table(path):
            yield path
        elif depth < _DEEPEST:
            yield from _walk(path, found, top, depth + 1)
        else:
            found.others[path.relative_to(top).as_posix() + "/"] = "it lies too deep; move it up"


def _is_one_table(folder: Path) -> bool:
    """Whether all data files below a folder are Parquet with the same columns."""
    inside = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_"))]
    parquet = [path for path in inside if path.suffix == ".parquet"]
    if not parquet or any(path.name.lower().endswith(_ENDINGS) for path in inside if path not in parquet):
        return False
    return len({_columns_of(path) for path in parquet}) == 1


def _columns_of(path: Path) -> tuple[str, ...]:
    """The names of a file's columns, sorted; something of its own if they cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix == ".parquet":
            return tuple(sorted(pq.read_schema(path).names))
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.readline().removeprefix(b"\xef\xbb\xbf").decode("latin-1").strip()
        return tuple(sorted(part.strip('" ') for part in re.split(r"[,;\t|]", header)))
    except (OSError, EOFError, pa.ArrowException):
        return (str(path),)


def _why_no_table(path: Path) -> str:
    ending = path.suffix.lower()
    if re.match(r"(?i)(readme|licen[cs]e|notice|changelog|description|copying|about)\b", path.name):
        return "not a table"
    if ending in (".tsv", ".txt"):
        return "not read as a table: rename it to .csv if it is one (separators are recognised)"
    if ending in _OTHER_TABLES:
        return f"{ending} is not read: export it as CSV or Parquet"
    return "not a table"


def _databases(folder: Path, path: Path, found: FolderContents) -> None:
    """The tables and views of a DuckDB file; those of other schemas than main with their schema."""
    import duckdb

    name = path.relative_to(folder).as_posix()
    query = (
        "select table_schema, table_name from information_schema.tables "
        "where table_schema not in ('information_schema', 'pg_catalog') order by all"
    )
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            rows = connection.execute(query).fetchall()
    except duckdb.Error as error:
        found.others[name] = f"it cannot be read: {' '.join(str(error).split())[:200]}"
        return
    for schema, table in rows:
        inside = _quoted(table) if schema == "main" else f"{_quoted(schema)}.{_quoted(table)}"
        found.tables.append(Found(f"{name}#{inside}"))
    if not rows:
        found.others[name] = "it holds no tables"


def _quoted(name: str) -> str:
    """A name of a database as DuckDB reads it.

    >>> _quoted("accounts"), _quoted("my table")
    ('accounts', '"my table"')
    """
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def _without_copies(folder: Path, files: list[Path], found: FolderContents) -> list[Path]:
    """Files whose bytes another file has are left out, and so is a table that stands in two formats."""
    kept: list[Path] = []
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in sorted(files, key=lambda path: (len(path.name), path.name)):
        size = path.stat().st_size if path.exists() else 0
        same = next((other for other in by_size[size] if size and _digest(other) == _digest(path)), None)
        if same is not None:
            found.others[path.relative_to(folder).as_posix()] = f"a copy of {same.relative_to(folder).as_posix()}"
            continue
        by_size[size].append(path)
        kept.append(path)
    return sorted(kept)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _joined(folder: Path, files: list[Path]) -> list[Found]:
    """Files whose names differ only in a number at one end and whose columns are the same, as one table."""
    groups: dict[tuple[Path, str, str], list[Path]] = defaultdict(list)
    for path in files:
        stem, ending = _parted(path.name)
        bare = re.sub(_PART, "", stem) or stem
        groups[path.parent, re.sub(_LEADING_PART, "", bare) or bare, ending].append(path)
    tables = []
    for (parent, stem, ending), paths in groups.items():
        pattern = _pattern([_parted(path.name)[0] for path in paths], stem) + ending
        matched = sorted(path for path in parent.glob(pattern) if not path.name.startswith("."))
        alike = len(paths) > 1 and matched == sorted(paths) and len({_columns_of(path) for path in paths}) == 1
        if alike:
            source = (parent.relative_to(folder) / pattern).as_posix()
            tables.append(Found(source, tuple(paths), tuple(path.name for path in paths)))
        else:
            tables += [Found(path.relative_to(folder).as_posix(), (path,)) for path in paths]
    return tables


def _pattern(stems: list[str], stem: str) -> str:
    """What the names of the parts have in common, with a digit and anything where they differ.

    >>> _pattern(["accounts_2023", "accounts_2024"], "accounts"), _pattern(["2023-sales", "2024-sales"], "sales")
    ('accounts_[0-9]*', '[0-9]*sales')
    """
    begins = stems[0].startswith(stem)
    alike = takewhile(lambda signs: len(set(signs)) == 1 and not signs[0].isdigit(), zip(*stems, strict=False))
    common = "".join(signs[0] for signs in alike)
    return f"{_literal(common)}[0-9]*" if begins else f"[0-9]*{_literal(stem)}"


def _literal(stem: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _parted(name: str) -> tuple[str, str]:
    ending = next(ending for ending in (".csv.gz", ".csv", ".parquet") if name.endswith(ending))
    return name.removesuffix(ending), ending


def table_names(sources: Iterable[str]) -> list[str]:
    """Table names: letters, digits and underscores, without what all files share.

    >>> table_names(["raven_accounts.csv", "raven_usage.parquet"]), table_names(["2024 orders.csv"])
    (['accounts', 'usage'], ['t_2024_orders'])
    >>> table_names(["x.duckdb#subs", "x.duckdb#crm.subs", "sales_*.csv"])
    ['subs', 'crm_subs', 'sales']
    """
    stems = [_stem(source) for source in sources]
    first = stems[0].split("_")[0] + "_" if len(stems) > 1 else ""
    if first and all(stem.startswith(first) and len(stem) > len(first) for stem in stems):
        stems = [stem.removeprefix(first) for stem in stems]
    names: list[str] = []
    for stem in stems:
        name = stem if re.match("[a-z]", stem) else f"t_{stem}".rstrip("_")
        free, count = name, 2
        while free in names:
            free, count = f"{name}_{count}", count + 1
        names.append(free)
    return names


def _stem(source: str) -> str:
    if "#" in source:
        return plain(source.split("#", 1)[1])
    return plain(re.sub(r"\.(csv|csv\.gz|parquet)$", "", source).split("/")[-1].replace("[0-9]", ""))
