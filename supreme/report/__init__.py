"""Tables and statistics, made from the rows of a sweep and from nothing else."""

from supreme.report.aggregate import summary
from supreme.report.audits import load_audits, render_audits
from supreme.report.columns import COLUMNS, Column
from supreme.report.command import write
from supreme.report.load import is_row, load
from supreme.report.tables import render

__all__ = [
    "COLUMNS",
    "Column",
    "is_row",
    "load",
    "load_audits",
    "render",
    "render_audits",
    "summary",
    "write",
]
