"""All of `leap.toml`, read and checked."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from leap.config.company import Company, OutcomeSettings, Policy, ServingSettings
from leap.config.crm import Alerts, Crm
from leap.config.frozen import Frozen
from leap.config.scenarios import MarketMove
from leap.config.tables import Leaks, Lineage, Role, TableSpec
from leap.errors import SettingsError
from leap.known_keys import known_keys

SETTINGS_FILE = "leap.toml"


class Settings(Frozen):
    """All of `leap.toml`, and the folder it lies in."""

    company: Company = Field(default_factory=Company)
    outcome: OutcomeSettings = Field(default_factory=OutcomeSettings)
    policy: Policy = Field(default_factory=Policy)
    serving: ServingSettings = Field(default_factory=ServingSettings)
    crm: Crm = Field(default_factory=Crm)
    alerts: Alerts = Field(default_factory=Alerts)
    lineage: Lineage | None = None
    leaks: Leaks = Field(default_factory=Leaks)
    tables: dict[str, TableSpec] = Field(default_factory=dict)
    scenarios: dict[str, dict[str, MarketMove]] = Field(default_factory=dict)
    """By name (low, base, high or another) and indicator, where the market goes (`leap scenario`)."""
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _table_names_are_plain(self) -> Settings:
        for name in self.tables:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                raise ValueError(f"table names are letters, digits and _, found {name!r}")
        revenue = [name for name, table in self.tables.items() if table.role == "revenue"]
        if len(revenue) > 1:
            raise ValueError(f"at most one table has role 'revenue', found {revenue}")
        return self

    def with_role(self, role: Role) -> list[str]:
        """Names of the tables that have this role."""
        return [name for name, table in self.tables.items() if table.role == role]


def load_settings(workspace: Path) -> Settings:
    """The settings of a workspace folder; SettingsError names the key, the nearest known one and the file."""
    path = workspace / SETTINGS_FILE
    try:
        document = _document(workspace, path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: not valid TOML: lists or tables are nested too deep.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_settings(document, folder=workspace, origin=str(path))


def _document(workspace: Path, path: Path) -> dict[str, Any]:
    if not workspace.is_dir():
        raise SettingsError(f"{workspace}: no such folder.", remedy="Name the folder that holds leap.toml.")
    if not path.is_file():
        raise SettingsError(
            f"{workspace}: no {SETTINGS_FILE} there; expected a workspace folder with one.",
            remedy=f"`leap init {workspace}` writes one from the files found; `leap demo DIR` makes an example.",
        )
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


def parse_settings(document: dict[str, Any], *, folder: Path = Path(), origin: str = SETTINGS_FILE) -> Settings:
    """Settings from an already parsed document.

    >>> parse_settings({"company": {"nam": "Acme"}})
    Traceback (most recent call last):
    ...
    leap.errors.SettingsError: leap.toml: company.nam: unknown key; did you mean 'name'?
    """
    if "folder" in document:
        raise SettingsError(f"{origin}: folder: unknown key.")
    try:
        return Settings.model_validate({**document, "folder": folder})
    except ValidationError as error:
        problems = [_in_words(problem) for problem in error.errors()]
        raise SettingsError(f"{origin}: {'; '.join(problems)}", details=problems) from None


def _in_words(problem: Any) -> str:
    location = [str(part) for part in problem["loc"]]
    where = ".".join(location)
    if problem["type"] == "extra_forbidden":
        known = [name for name in known_keys(Settings, location[:-1]) if name != "folder"]
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(sorted(known))}."
        return f"{where}: unknown key; {hint}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
