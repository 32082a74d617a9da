"""A folder of exported files by what they hold, whatever prefix and suffix their names have."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from leap.errors import SourceError
from leap.sources.files import ENDINGS, read_file, read_files
from leap.sources.parquet import column_names
from leap.sources.raw import RawTable

_PREFIX = re.compile(r"(sf|salesforce|stripe|hubspot|fivetran)_")


@dataclass(frozen=True)
class Export:
    """The files of a folder by entity: `sf_account_data.csv`, `Account.parquet` and `accounts.csv` hold `account`."""

    folder: Path
    column_prefix: str = ""
    """What all names of columns may begin with, such as `property_`."""

    @cached_property
    def files(self) -> dict[str, tuple[Path, ...]]:
        """Paths by entity; more than one where files have the same."""
        found: dict[str, tuple[Path, ...]] = {}
        for path in sorted(self.folder.iterdir()):
            is_parts = path.is_dir() and any(path.glob("*.parquet"))
            if path.name[0] not in "._" and (is_parts or (path.is_file() and path.name.endswith(ENDINGS))):
                name = entity(path.name)
                found[name] = (*found.get(name, ()), path)
        return found

    def has(self, *entities: str) -> bool:
        """Whether there is a file for each of them."""
        return all(name in self.files for name in entities)

    def columns(self, name: str) -> list[str]:
        """Names of the columns of an entity, read from the head of its file."""
        path = self.files[name][0]
        if path.is_dir():
            path = min(path.glob("*.parquet"))
        return self._plain(column_names(path) if path.suffix == ".parquet" else _header(path))

    def read(self, name: str, *needed: str) -> RawTable:
        """The rows of an entity, columns by their plain names.

        SourceError if there is no file or more than one, or if one of the columns that are needed is not there.
        """
        paths = self.files.get(name, ())
        if len(paths) != 1:
            what = f"{len(paths)} files ({', '.join(path.name for path in paths)})" if paths else "no file"
            there = ", ".join(sorted(self.files)) or "nothing"
            raise SourceError(
                f"{self.folder.name}: {what} of {name!r}; found {there}.",
                remedy=f"Keep one file of it, named {name}.csv or {name}.parquet.",
            )
        path = paths[0]
        raw = read_files(path.parent, path.name) if path.is_dir() else read_file(path)
        frame = raw.frame.set_axis(pd.Index(self._plain([str(column) for column in raw.frame.columns])), axis=1)
        frame = frame.loc[:, ~frame.columns.duplicated()]
        missing = [column for column in needed if column not in frame.columns]
        if missing:
            raise SourceError(
                f"{path.name}: missing column(s) {missing}; found {', '.join(map(str, frame.columns[:30]))}.",
                remedy="Export the table with all its columns.",
            )
        return RawTable(frame, raw.set_aside, raw.remarks)

    def _plain(self, names: list[str]) -> list[str]:
        plain = [plain_name(name) for name in names]
        bare = [name.removeprefix(self.column_prefix) for name in plain]
        return [short if short not in plain else name for short, name in zip(bare, plain, strict=True)]


def _header(path: Path) -> list[str]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            first = file.readline(1 << 20).decode("utf-8-sig", errors="replace")
    except (OSError, EOFError) as error:
        raise SourceError(f"Cannot read {path.name}: {error}") from error
    return next(csv.reader([first]), [])


def plain_name(name: str) -> str:
    """A name in lower case with underscores between its words.

    >>> plain_name("NumberOfEmployees"), plain_name("property_hs_is_closed_won"), plain_name("Region__c")
    ('number_of_employees', 'property_hs_is_closed_won', 'region_c')
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    plain = re.sub(r"[^0-9a-z]+", "_", parted.lower()).rstrip("_")
    return plain if name.startswith("_") else plain.lstrip("_")


def entity(file: str) -> str:
    """What a file holds by its name, in the singular.

    >>> entity("sf_account_history_data.csv"), entity("Opportunities.parquet"), entity("stripe_subscriptions.csv.gz")
    ('account_history', 'opportunity', 'subscription')
    """
    stem = plain_name(re.sub(r"\.(csv\.gz|csv|parquet)$", "", file))
    stem = _PREFIX.sub("", stem, count=1) if _PREFIX.match(stem) else stem
    stem = re.sub(r"_(data|export)$", "", stem)
    return re.sub(r"ies$", "y", stem) if stem.endswith("ies") else stem.removesuffix("s")
