"""Where a store is: `--store`, MLFLOW_TRACKING_URI, or `mlruns`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from leap.bundle.files import sha256
from leap.errors import RegistryError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Place:
    """The URI for MLflow, the folder of our own files, and the database if it is one file of ours."""

    uri: str
    folder: Path
    database: Path | None

    @classmethod
    def find(cls, uri_or_path: str | Path | None, workspace: Path | None) -> Place:
        """`--store`, else MLFLOW_TRACKING_URI, else `mlruns` (see `default_folder`)."""
        if uri_or_path is not None:
            text = str(uri_or_path)
            return cls._of_uri(text, workspace) if _SCHEME.match(text) else cls._of_folder(Path(text))
        tracking = os.environ.get("MLFLOW_TRACKING_URI")
        return cls._of_uri(tracking, workspace) if tracking else cls._of_folder(default_folder(workspace))

    @classmethod
    def _of_folder(cls, folder: Path) -> Place:
        folder = folder.expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise RegistryError(f"{folder}: expected a folder for the model store, found a file.")
        return cls._of_database(folder / "mlflow.db")

    @classmethod
    def _of_database(cls, database: Path) -> Place:
        return cls(sqlite_uri(database), database.parent, database)

    @classmethod
    def _of_uri(cls, uri: str, workspace: Path | None) -> Place:
        if uri.startswith(_SQLITE):
            return cls._of_database(Path(unquote(uri.removeprefix(_SQLITE).partition("?")[0])).resolve())
        if uri.startswith("file:") or not (_SCHEME.match(uri) or uri == "databricks"):
            raise RegistryError(
                f"MLflow no longer keeps runs in plain folders, and {uri!r} is one.",
                remedy="Use --store FOLDER or sqlite:///FOLDER/mlflow.db; mlflow migrate-filestore moves old runs.",
            )
        # Two registries must not take each other's version 7 for their own.
        return cls(uri, default_folder(workspace) / f"remote-{sha256(uri.encode())[:12]}", None)


def sqlite_uri(database: Path) -> str:
    """The database's address as SQLAlchemy reads it.

    >>> sqlite_uri(Path("/data/100%/mlflow.db"))
    'sqlite:////data/100%25/mlflow.db'
    """
    return _SQLITE + quote(str(database))


def inside(folder: Path, relative: str) -> Path | None:
    """The path under a resolved folder, or None if it leads out of it."""
    try:
        path = (folder / relative).resolve()
    except (OSError, ValueError, RuntimeError):  # links in a circle, or a name that is none
        return None
    return path if path.is_relative_to(folder) and path != folder else None


def without_password(uri: str) -> str:
    """An address that may be shown.

    >>> without_password("https://ann:secret@registry.example/")
    'https://registry.example/'
    """
    return re.sub(r"//[^/@]*@", "//", uri)


def default_folder(workspace: Path | None) -> Path:
    """`mlruns` of the checkout that this code runs from, else of the workspace, else of this folder."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "training").is_dir():
        return checkout / "mlruns"
    return Path(workspace or Path()).resolve() / "mlruns"
