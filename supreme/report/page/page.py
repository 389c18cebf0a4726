"""One HTML page of a sweep: tables, figures, every cell with its config and log, and the evaluation card.

It needs no network and nothing beside it. What rows, configs and logs hold is data to it, never markup.
"""

from __future__ import annotations

import base64
import hashlib
import html as markup
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.report.figures import estimates
from supreme.report.figures.series import contents, series_of
from supreme.report.figures.stored import with_stored
from supreme.report.figures.style import PATHS, look_records, looks
from supreme.report.figures.theme import PAGE, PAPER, config
from supreme.report.page import embedded
from supreme.report.page.blocks import blocks_of
from supreme.report.page.card.card import as_yaml, evaluation_card
from supreme.report.page.counts import counts
from supreme.report.page.figures import vega
from supreme.report.page.inside import inside_of
from supreme.report.page.parts import as_scripts
from supreme.report.page.texts import texts
from supreme.report.rows.load import load
from supreme.report.statistics.aggregate import summary
from supreme.report.statistics.joint import verdicts as verdicts_of
from supreme.report.tables.audits import audit_tables, audits_among
from supreme.report.tables.leaderboard import leaderboard_of
from supreme.report.tables.output import write_file

_WEB = Path(__file__).parent / "web"
SCRIPTS = (
    *("base.js", "address.js", "state.js", "copying.js", "ranks.js", "tables.js", "block.js", "draw.js", "figures.js"),
    *("inside.js", "cells.js", "drawer.js", "audits.js", "search.js", "head.js", "card.js", "page.js"),
)
_CAUGHT = "\n})().catch((error) => { document.body.dataset.failed = String(error); throw error; });\n"
"""What the whole script ends with: a page that fails says so, see page.css."""

PLACE = Path("reports", "report.html")


def write_page(
    directory: str | Path = "outputs",
    frame: pd.DataFrame | None = None,
    table: pd.DataFrame | None = None,
    endpoints: Endpoints | None = None,
    samples: bool = True,
) -> Path:
    """Write `reports/report.html` of this output directory, of all its cells or of those of `frame`; its path.

    The arguments are those of `html`.
    """
    frame = load(directory) if frame is None else frame
    return write_file(Path(directory, PLACE), html(directory, frame, table, endpoints, samples))


def html(
    directory: str | Path,
    frame: pd.DataFrame,
    table: pd.DataFrame | None = None,
    endpoints: Endpoints | None = None,
    samples: bool = True,
    first_script: str = "",
) -> str:
    """The page of the cells of `frame`, what `load` gives of this output directory, as text.

    The same rows and logs give the same text but for the time in it.

    Args:
        directory: in which the rows, logs and audits are.
        frame: what `load` gives of it, with one row at least.
        table: `summary(frame, endpoints=endpoints)`, if it is at hand.
        endpoints: the primary ones, with their margins; None: see `summary`.
        samples: whether forgotten images may be shown; they never are where the sweep said `report.samples=false`.
        first_script: runs before the page's own ones.

    Raises:
        SupremeError: the directory has no row of one of the cells.
    """
    table = summary(frame, endpoints=endpoints) if table is None else table
    return composed(page_parts(Path(directory), frame, table, endpoints, samples), first_script)


def composed(parts: Mapping[str, Any], first_script: str = "") -> str:
    """The page of what `page_parts` gives; the script runs before the page's own ones."""
    style = (_WEB / "page.css").read_text(encoding="utf-8")
    scripts = [(_WEB / name).read_text(encoding="utf-8") for name in SCRIPTS]
    script = "(async () => {\n'use strict';\n" + "\n".join([first_script, *scripts]) + _CAUGHT
    packed, drawing = vega()
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (script, drawing))  # and no other script may run
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    fills = {
        "title": markup.escape(parts["data"]["title"]),
        "allowed": allowed,
        "style": style,
        "made": made,
        "parts": as_scripts(parts),
        "vega": packed,
        "script": script,
    }
    template = (_WEB / "page.html").read_text(encoding="utf-8").split("{{")
    return template[0] + "".join(
        fills[name] + rest for name, _, rest in (piece.partition("}}") for piece in template[1:])
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def page_parts(
    directory: Path,
    frame: pd.DataFrame,
    table: pd.DataFrame,
    endpoints: Endpoints | None = None,
    samples: bool = True,
) -> dict[str, Any]:
    """Everything that the page shows, as plain values; the table was made with these endpoints.

    `data` is what it opens with, `figures` are drawn when they come into view, `cells` has a line for each cell,
    `details-0` and so on what one sees when a cell is opened, `inside` its classes and images, and `texts` what one
    copies.
    """
    wanted = list(frame["cell"].unique())
    known = set(wanted)
    rows = {row["cell"]: row for row in contents(directory) if row["cell"] in known}
    if known - rows.keys():
        raise SupremeError(
            f"{directory / 'rows'} has no row of {len(known - rows.keys())} of the cells: it has changed meanwhile, or "
            "the frame is of another directory; load the frame again"
        )
    ordered = [rows[cell] for cell in wanted]
    series = with_stored(series_of(ordered, frame), directory, ordered)
    audits, verdicts = audits_among(directory, frame), verdicts_of(frame, table, endpoints)
    card = evaluation_card(frame, table, ordered, audits, verdicts, endpoints, samples)
    inside = inside_of(directory, series, ordered, samples)
    methods, board = estimates.methods_of(frame), leaderboard_of(frame, table, endpoints)
    blocks = blocks_of(frame, table, series, verdicts, endpoints)
    figures = {
        "methods": look_records(methods),
        "themes": {"paper": config(PAPER), "page": config(PAGE)},
        "blocks": [block.pop("drawn") for block in blocks],
    }
    data = {
        "title": directory.resolve().name,
        "counts": counts(frame, blocks),
        "looks": {method: [look.colour, PATHS[look.shape]] for method, look in looks(methods).items()},
        "leaderboard": None
        if board is None
        else {"title": board.title, "columns": board.short_heads, "lines": board.lines, "notes": list(board.notes)},
        "blocks": blocks,
        "audits": [
            {"title": one.title, "head": one.heads, "lines": one.lines, "notes": one.notes}
            for one in audit_tables(audits)
        ],
        "failures": embedded.failures(directory, wanted),
        "failed_cells": len(frame.attrs["failures"]) if "failures" in frame.attrs else None,
        "card": card,
        "yaml": as_yaml(card),
        "details_at_once": embedded.DETAILS_AT_ONCE,
        "listed": embedded.LISTED,
    }
    details = embedded.details(ordered, embedded.logs_of(directory, wanted))
    return {
        "data": data,
        "figures": figures,
        "cells": embedded.cells(frame, rows),
        **{f"details-{number}": part for number, part in enumerate(details)},
        "inside": inside,
        "texts": texts(frame, table, verdicts, endpoints, board, audits),
    }


def page_data(
    directory: Path, frame: pd.DataFrame, table: pd.DataFrame, endpoints: Endpoints | None = None
) -> dict[str, Any]:
    """What the page opens with."""
    return page_parts(directory, frame, table, endpoints)["data"]
