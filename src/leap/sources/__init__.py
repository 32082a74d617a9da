"""Sources to AccountTables: CSV, Parquet, DuckDB, PostgreSQL and exports of CRM and billing, each where it lies."""

from leap.sources.raw import RawTable
from leap.sources.reading import read_raw
from leap.sources.workspace import QUARANTINE, inspect_workspace, read_workspace, write_quarantine

__all__ = ["QUARANTINE", "RawTable", "inspect_workspace", "read_raw", "read_workspace", "write_quarantine"]
