"""Account tables: the five shapes, their checks, the quarantine, and the only cut in time."""

from leap.tables.account_tables import AccountTables, Table, TableView
from leap.tables.assemble import assemble, tables_from_records
from leap.tables.problems import Problem

__all__ = ["AccountTables", "Problem", "Table", "TableView", "assemble", "tables_from_records"]
