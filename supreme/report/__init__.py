"""Tables, statistics, figures and a page, made from the rows of a sweep and from nothing else."""

from supreme.report.aggregate import summary
from supreme.report.columns import COLUMNS, Column
from supreme.report.command import write
from supreme.report.figure_files import write_figures
from supreme.report.figures import plot_cost, plot_seeds, plot_tradeoff, plot_variance
from supreme.report.figures_series import plot_classes, plot_roc
from supreme.report.load import is_row, load
from supreme.report.page import write_page
from supreme.report.series import load_series
from supreme.report.tables import render

__all__ = [
    "COLUMNS",
    "Column",
    "is_row",
    "load",
    "load_series",
    "plot_classes",
    "plot_cost",
    "plot_roc",
    "plot_seeds",
    "plot_tradeoff",
    "plot_variance",
    "render",
    "summary",
    "write",
    "write_figures",
    "write_page",
]
