"""The leaderboard as one file without script or network; the same exports give the same bytes, whenever it is made."""

from __future__ import annotations

import html as markup
from collections.abc import Iterable, Mapping, Sequence

from supreme.report.leaderboard.board import Board, Group
from supreme.report.leaderboard.exports import Export
from supreme.report.leaderboard.ground import SHORT
from supreme.report.leaderboard.merging import Entry
from supreme.report.leaderboard.standings import standings_of, told
from supreme.report.page.static import document, notes
from supreme.report.rows.environments import environment
from supreme.report.tables.blocks import Block, Line
from supreme.report.tables.cells import Cell
from supreme.report.tables.plain import Plain

AS_EXPORTED = "Audits are shown as the exports have them: they are not computed again."

_LOOKS = {"D": " different", "(E)": " equivalent", "(N)": " negligible"}


def as_html(board: Board) -> str:
    """The page as text."""
    made = sorted({environment(entry.row["provenance"]) for entry in board.merged.entries})
    numbers = {environment: number for number, environment in enumerate(made, 1)}
    body = [
        '<header class="top">',
        '<p class="eyebrow">SUPREME · machine-unlearning evaluation</p>',
        f'<h1>Leaderboard</h1><p class="agreement">{markup.escape(told(board))}</p>',
        "</header>",
        "<main>",
        *(_plain(board.over_all.plain, "h2") if board.over_all else ()),
        *(part for group in board.groups for part in _group(group, numbers)),
        *(part for table in board.audits for part in _plain(table, "h2")),
        *([notes([AS_EXPORTED])] if board.audits else []),
        "<section><h2>Exports</h2>",
        *(part for export in board.exports for part in _export(export, board.merged.entries)),
        "</section><section><h2>Environments</h2><ol>",
        *(f"<li>{markup.escape(one)}</li>" for one in made),
        "</ol></section>",
        *([f"<section><h2>Beside the tables</h2>{notes(board.notes)}</section>"] if board.notes else []),
        "</main>",
    ]
    return document("Leaderboard", "leaderboard", ("compare.css", "leaderboard.css"), body)


def _group(group: Group, numbers: Mapping[str, int]) -> Iterable[str]:
    yield "<section>"
    if group.standings:
        yield from _plain(standings_of(group), "h2")
        yield "<dl>" + "".join(
            f"<div><dt>{markup.escape(name)}</dt><dd>{markup.escape(value)}</dd></div>" for name, value in group.ground
        )
        yield "</dl>"
    else:
        yield f"<h2>{markup.escape(group.block.title)}</h2>"
    yield from _values(group.block)
    if group.entries:
        yield f'<details class="more"><summary>{len(group.entries)} rows, and where they are from</summary>'
        yield from _table(
            ["method", "variant", "seed", "row", "export", "commit", "environment", "verified"],
            [_row(entry, numbers) for entry in group.entries],
        )
        yield "</details>"
    yield "</section>"


def _row(entry: Entry, numbers: Mapping[str, int]) -> list[str]:
    row, made = entry.row, entry.row["provenance"]
    return [
        *(row["method"], entry.label[-1], str(row["seed"]), row["cell"], entry.export.name, _commit(entry)),
        *(str(numbers[environment(made)]), "yes" if entry.verified else "no"),
    ]


def _commit(entry: Entry) -> str:
    """`1a2b3c4d5e6f`, with a + for local changes; empty of an installed package."""
    git = entry.row["provenance"].get("git")
    if not isinstance(git, Mapping) or not isinstance(git.get("commit"), str):
        return ""
    return f"{git['commit'][:SHORT]}{'+' * bool(git.get('changed'))}"


def _values(block: Block) -> Iterable[str]:
    """The table of the block as a report has it, and all its notes."""
    judged = ["verdict, % removed"] if block.judged else []
    heads = [*block.heads, *judged, *(column.title for column in block.columns)]
    lines = []
    for line in block.lines:
        headline = [markup.escape(line.headline.told if line.headline else "")] if judged else []
        failed = markup.escape(line.failed.told) if line.failed else ""
        cells = [_cell(cell) for cell in line.cells] or [failed]
        lines.append([*map(markup.escape, _names(block, line)), *headline, *cells])
    yield from _table(heads, lines, escaped=True)
    yield notes(["Below a value: its gap to the reference, with the 95 % interval.", *block.notes.short])
    if block.notes.rest or block.notes.hidden:
        more = notes([*block.notes.hidden, *block.notes.rest])
        yield f'<details class="more"><summary>More notes</summary>{more}</details>'


def _names(block: Block, line: Line) -> Sequence[str]:
    return block.names(line)


def _cell(cell: Cell) -> str:
    value = f"<b>{markup.escape(str(cell.short))}</b>" if cell.best else markup.escape(str(cell.short))
    look = _LOOKS.get(cell.letter, "")
    badge = f'<span class="badge{look}">{markup.escape(cell.letter)}</span>' if cell.letter else ""
    return value + badge + (f'<span class="gap">{markup.escape(cell.gap)}</span>' if cell.gap else "")


def _export(export: Export, entries: Sequence[Entry]) -> Iterable[str]:
    own = [entry for entry in entries if entry.export is export]
    commits = sorted({commit for entry in own if (commit := _commit(entry))})
    devices = sorted({str(entry.row["provenance"]["device"]) for entry in own})
    checked = sum(entry.verified for entry in own)
    facts = [
        f"{len(own)} rows, {checked} verified" if export.checks else f"{len(own)} rows, none verified: no predictions",
        f"content {export.digest[:SHORT]}",
        f"commits {', '.join(commits)}" if commits else "no commit is named",
        f"devices {', '.join(devices)}",
    ]
    yield f"<h3>{markup.escape(export.name)}</h3>"
    yield f'<p class="side">{markup.escape("; ".join(facts))}</p>'
    if export.card:
        card = f"<pre>{markup.escape(export.card)}</pre>"
        yield f'<details class="more"><summary>Evaluation card</summary>{card}</details>'
    else:
        yield '<p class="hint">It has no evaluation card.</p>'


def _plain(table: Plain, level: str) -> Iterable[str]:
    yield f"<{level}>{markup.escape(table.title)}</{level}>"
    yield from _table(table.heads, table.lines)
    yield notes(table.notes)


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]], *, escaped: bool = False) -> Iterable[str]:
    """Args:
    escaped: whether the cells are HTML already.
    """
    yield '<div class="box" tabindex="0" role="region" aria-label="Table"><table class="board"><thead><tr>'
    yield "".join(f'<th scope="col">{markup.escape(head)}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for first, *others in lines:
        cells = [first, *others] if escaped else [markup.escape(one) for one in (first, *others)]
        yield f'<tr><th scope="row">{cells[0]}</th>{"".join(f"<td>{cell}</td>" for cell in cells[1:])}</tr>'
    yield "</tbody></table></div>"
