"""Tables, statistics, figures and a page, made from the rows of a sweep and from nothing else.

>>> from supreme import report
>>> frame = report.load("outputs")                # every row and metric
>>> report.summary(frame)                         # every number of the tables
>>> print(report.render(frame, "markdown"))
>>> report.plot_tradeoff(frame, block={"scenario": "random"})
>>> report.write("outputs")                       # the files in outputs/reports
>>> report.compare("outputs", "other_outputs")    # what differs between two sweeps
"""

from supreme.core.endpoints import Endpoints
from supreme.report.comparison.command import compare
from supreme.report.figures.files import write_figures
from supreme.report.figures.notebook import (
    plot_classes,
    plot_cost,
    plot_frontier,
    plot_roc,
    plot_seeds,
    plot_tradeoff,
    plot_variance,
)
from supreme.report.figures.series import load_series
from supreme.report.page.page import write_page
from supreme.report.rows.columns import TableColumn
from supreme.report.rows.failures import of_cells
from supreme.report.rows.load import load
from supreme.report.rows.per_seed import gaps
from supreme.report.statistics.aggregate import summary
from supreme.report.statistics.average_gap import average_gap_of_means
from supreme.report.statistics.frontier import frontiers
from supreme.report.statistics.variance_shares import variance
from supreme.report.tables.audits import load_audits, render_audits
from supreme.report.tables.frontiers import render_frontiers
from supreme.report.tables.output import write
from supreme.report.tables.tables import render

__all__ = [
    "Endpoints",
    "TableColumn",
    "average_gap_of_means",
    "compare",
    "frontiers",
    "gaps",
    "load",
    "load_audits",
    "load_series",
    "of_cells",
    "plot_classes",
    "plot_cost",
    "plot_frontier",
    "plot_roc",
    "plot_seeds",
    "plot_tradeoff",
    "plot_variance",
    "render",
    "render_audits",
    "render_frontiers",
    "summary",
    "variance",
    "write",
    "write_figures",
    "write_page",
]
