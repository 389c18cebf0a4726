"""The standings of a group as a table of texts: one for every format."""

from __future__ import annotations

from supreme.report.leaderboard.board import Board, Group, Standing
from supreme.report.rows.columns import unsigned
from supreme.report.rows.labels import titled
from supreme.report.statistics.ranking import competes
from supreme.report.tables.blocks import Line
from supreme.report.tables.plain import Plain

RANKED = (
    "Distance: from retraining on the worst primary endpoint, in margins; 0 is retraining, 1 lies at the margin. Rank "
    "1 is the closest; a rank says nothing of chance, a verdict does."
)
ATTACKED = (
    "Worst attack: that whose AUC is farthest from what it gets of retrained models (null; .5 where nobody ran it on "
    "them), of all attacks in all exports. Whoever exports a stronger audit lowers an entry."
)
VERIFIED = "Verified: rows whose metrics were computed again from the predictions in the export, and agree to 1e-6."


def standings_of(group: Group) -> Plain:
    """The methods of a group, the closest to retraining first, and behind them what shows the ends of the scale."""
    lines = [(line, group.standings[name]) for line in group.block.lines if (name := _name(line)) in group.standings]
    lines.sort(key=lambda one: (one[1].rank is None, one[1].rank or 0, not competes(one[0].method), _name(one[0])))
    judged = ["verdict, % removed"] if group.block.judged else []
    notes = [RANKED] if any(own.rank for _, own in lines) else []
    notes += [f"Nothing is ranked: {group.unranked}."] if group.unranked else []
    notes += [ATTACKED] if any(own.worst for _, own in lines) else []
    notes += [VERIFIED] if any(own.verified for _, own in lines) else []
    return Plain(
        title=group.block.title,
        heads=["method", "rank", *judged, "distance", "worst attack", "null", "verified", "exports"],
        lines=[_line(line, own, judged=bool(judged)) for line, own in lines],
        notes=notes,
    )


def _line(line: Line, own: Standing, *, judged: bool) -> list[str]:
    worst, exports = own.worst, ", ".join(own.exports)
    attack = ["", ""]
    if worst:
        other = f" ({worst.exports})" if worst.exports != exports else ""  # whose audit it is, where it is another's
        attack = [f"{unsigned(worst.success, '.3f')} {worst.attack}{other}", unsigned(worst.null, ".3f")]
    return [
        _name(line) + line.role,
        str(own.rank or ""),
        *([line.headline.told if line.headline else ""] if judged else []),
        "" if own.distance != own.distance else unsigned(own.distance, ".2f"),
        *attack,
        f"{own.verified}/{own.rows}",
        exports,
    ]


def _name(line: Line) -> str:
    return titled(line.method.split(" ")[0], line.variant)


def told(board: Board) -> str:
    """How much there is, in one line."""
    shown = board.merged.shown.values()
    parts = [
        (sum(bool(group.standings) for group in board.groups), "group"),
        (len(shown), "row"),
        (len(board.exports), "export"),
    ]
    groups, rows, exports = (f"{number} {what}{'' if number == 1 else 's'}" for number, what in parts)
    return f"{groups}, {rows} of {exports}, {sum(entry.verified for entry in shown)} verified"
