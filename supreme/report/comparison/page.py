"""A comparison as a page: one file without script or network, with a picture of each interval."""

from __future__ import annotations

import html as markup
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from supreme.report.comparison.parts import HEADS, Comparison, Group, Line, Table
from supreme.report.page.static import document, notes

PLACE = Path("reports", "compare.html")
"""In the output directory of A."""

_WIDTH, _HEIGHT = 150, 14
"""Pixels of a picture."""


def as_html(shown: Comparison) -> str:
    """The page as text; the same sides give the same text but for the time in it."""
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    title = f"{shown.names[1]} against {shown.names[0]}"
    *sides, agreement = map(markup.escape, shown.head)
    body = [
        '<header class="top">',
        '<p class="eyebrow">SUPREME · machine-unlearning evaluation</p>',
        f"<h1>{markup.escape(title)}</h1>",
        f'<p class="made">Made <time>{made}</time></p>',
        *(f'<p class="side">{side}</p>' for side in sides),
        f'<p class="agreement">{agreement}</p>',
        "</header>",
        "<main>",
        *(part for table in shown.tables for part in _section(table)),
        *([f"<h2>Beside the tables</h2>{notes(shown.notes)}"] if shown.notes else []),
        "</main>",
    ]
    return document(title, "comparison", ("compare.css",), body)


def _section(table: Table) -> Iterable[str]:
    yield f"<section><h2>{markup.escape(table.title)}</h2>"
    if any(group.lines for group in table.groups):
        heads = "".join(f'<th scope="col">{markup.escape(head)}</th>' for head in (*HEADS, ""))
        yield '<div class="box" tabindex="0" role="region" aria-label="Differences"><table class="compare">'
        yield f"<thead><tr>{heads}</tr></thead>"
        for group in table.groups:
            yield from _group(group)
        yield "</table></div>"
    if table.equal:
        yield f'<p class="hint">{markup.escape(table.equality)}.</p>'
    yield f"{notes(table.notes)}</section>"


def _group(group: Group) -> Iterable[str]:
    yield f'<tbody><tr class="metric"><th scope="rowgroup" colspan="7">{markup.escape(group.title)}</th></tr>'
    reach = max((abs(end) for line in group.lines for end in (line.mean, line.low, line.high) if end == end), default=0)
    if not math.isnan(group.margin) and group.lines:
        reach = max(reach, 1.25 * group.margin)
    for line in group.lines:
        name, *numbers, letter = map(markup.escape, line.cells)
        cells = "".join(f"<td>{number}</td>" for number in numbers)
        look = {"D": " different", "(E)": " equivalent", "(N)": " negligible"}.get(line.letter, "")
        badge = f'<span class="badge{look}">{letter}</span>' if letter else ""
        picture = _picture(line, group.margin, reach)
        yield f'<tr><th scope="row">{name}</th>{cells}<td>{badge}</td><td>{picture}</td></tr>'
    if group.equal:
        yield f'<tr class="equality"><td colspan="7">{markup.escape(group.equality)}</td></tr>'
    yield "</tbody>"


def _picture(line: Line, margin: float, reach: float) -> str:
    """The interval, 0 in the middle, over the margin where there is one; the numbers stand beside it as text."""
    if not reach:
        return ""

    def place(value: float) -> float:
        return round(_WIDTH / 2 + value / reach * (_WIDTH / 2 - 5), 2)

    middle, parts = _HEIGHT / 2, []
    if not math.isnan(margin):
        left, right = place(-margin), place(margin)
        parts.append(f'<rect class="shade" x="{left}" y="0" width="{round(right - left, 2)}" height="{_HEIGHT}"/>')
    parts.append(f'<path class="zero" d="M{_WIDTH / 2} 0V{_HEIGHT}"/>')
    if not math.isnan(line.low):
        parts.append(f'<path class="range" d="M{place(line.low)} {middle}H{place(line.high)}"/>')
    parts.append(f'<circle cx="{place(line.mean)}" cy="{middle}" r="3.2"/>')
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f'<svg class="interval" {size} aria-hidden="true">{"".join(parts)}</svg>'
