"""Frames to files and downloads: CSV and XLSX in which no cell is a formula, and Parquet; every value comes back.

CSV is UTF-8 without a byte order mark, `,` between cells and one line feed after a row: what programs expect. XLSX is
for people: Excel shows every character of it, and keeps ids with leading zeros, which it does not in CSV.
"""

from leap.exports.about import About, Column, Form
from leap.exports.cells import as_written, inert_cell, original
from leap.exports.csv_text import csv_pieces, csv_text
from leap.exports.files import SUFFIXES, write_frame
from leap.exports.table import MadeTable
from leap.exports.xlsx import escaped, unescaped, xlsx_pieces

__all__ = [
    "SUFFIXES",
    "About",
    "Column",
    "Form",
    "MadeTable",
    "as_written",
    "csv_pieces",
    "csv_text",
    "escaped",
    "inert_cell",
    "original",
    "unescaped",
    "write_frame",
    "xlsx_pieces",
]
