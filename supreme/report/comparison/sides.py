"""The two sides of a comparison: two output directories, or the rows of two commits in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from supreme.core import SupremeError
from supreme.report.rows.failures import Failure
from supreme.report.rows.load import read_results
from supreme.report.rows.reading import Row

SHORT = 10
"""Characters of a commit that are shown."""

_LEAST = 4
"""Characters of a commit that have to be given."""

_LISTED = 8
"""Commits that a message lists, the last ones."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one side of a comparison is made of."""

    name: str
    """Of its folder, as far up as tells it from the other one, and of its commit where that was chosen."""
    directory: Path
    rows: Sequence[Row]
    """In order of arrival; one at least."""
    failed: Sequence[Failure] = ()
    left_out: Sequence[str] = ()
    """What is to be said of files that could not be read."""

    @property
    def commits(self) -> list[str]:
        """Those that its rows were made at, each once and shortened; a + stands for local changes."""
        return list(dict.fromkeys(shortened(row.commit) for row in self.rows if row.commit))


def two_folders(first: str | Path, second: str | Path) -> tuple[Side, Side]:
    """The rows of two output directories.

    Raises:
        SupremeError: both are the same one, or one has no row.
    """
    if Path(first).expanduser().resolve() == Path(second).expanduser().resolve():
        side = _read(first)
        commits = f" --commits {' '.join(side.commits[-2:])}" if len(side.commits) > 1 else ""
        raise SupremeError(
            f"{first} and {second} are the same folder: name two, as in `supreme report outputs other_outputs`"
            + (f", or two commits that made rows of it, as in `supreme report {first}{commits}`" if commits else "")
        )
    sides = _read(first), _read(second)
    names = _names(*(side.directory.resolve() for side in sides))
    return replace(sides[0], name=names[0]), replace(sides[1], name=names[1])


def two_commits(directory: str | Path, first: str, second: str) -> tuple[Side, Side]:
    """The rows of one output directory that were made at two commits.

    Args:
        first: the first characters of a commit, with a + at the end where its local changes are meant.
        second: those of another one.

    Raises:
        SupremeError: no row, or those of several commits, have such a commit, or both are the same.
    """
    side = _read(directory)
    found = _commit(first, side), _commit(second, side)
    if found[0] == found[1]:
        raise SupremeError(f"--commits {first} {second} are the same commit; {_there_is(side)}")
    one, other = (
        replace(
            side,
            name=f"{side.directory.resolve().name} at {shortened(commit)}",
            rows=[row for row in side.rows if row.commit == commit],
            failed=(),  # which do not say at which commit
        )
        for commit in found
    )
    return one, other


def shortened(commit: str) -> str:
    """`1a2b3c4d5e`, or `1a2b3c4d5e+` with local changes."""
    return commit[:SHORT] + "+" * (commit.endswith("+") and len(commit) > SHORT)


def _read(directory: str | Path) -> Side:
    path = Path(directory).expanduser()
    rows, failed, left_out = read_results(path)
    if not rows:
        raise SupremeError(
            f"every cell in {directory} failed, so there is nothing to compare; `supreme report {directory}` says why"
        )
    return Side(name=str(directory), directory=path, rows=rows, failed=failed, left_out=left_out)


def _names(first: Path, second: Path) -> tuple[str, str]:
    """The last parts of two paths, as few as tell them apart."""
    lengths = range(1, max(len(first.parts), len(second.parts)) + 1)
    pairs = (("/".join(first.parts[-count:]), "/".join(second.parts[-count:])) for count in lengths)
    return next(((one, other) for one, other in pairs if one != other), (str(first), str(second)))


def _commit(given: str, side: Side) -> str:
    """The one commit of the rows that begins like this; the clean one where it has rows with local changes, too."""
    wanted = given.removesuffix("+").lower()
    known = dict.fromkeys(row.commit for row in side.rows if row.commit)
    if not known:
        raise SupremeError(
            f"no row of {side.directory} names a commit, for none was made from a checkout of git: compare two "
            "folders, as in `supreme report outputs other_outputs`"
        )
    if len(wanted) < _LEAST:
        raise SupremeError(
            f"--commits {given}: give {_LEAST} characters of a commit at least; {_there_is(side)}; without --commits, "
            "`supreme report A B` compares two folders"
        )
    found = [one for one in known if one.startswith(wanted) and one.endswith("+") >= given.endswith("+")]
    if len({one.removesuffix("+") for one in found}) > 1:
        raise SupremeError(f"--commits {given} is the beginning of {' and '.join(found)}: give more characters")
    if not found:
        raise SupremeError(f"no row of {side.directory} was made at the commit {given}; {_there_is(side)}")
    return min(found, key=len)


def _there_is(side: Side) -> str:
    """The commits of its rows, the last ones first."""
    last = {row.commit: row.written for row in side.rows if row.commit}
    counts = Counter(row.commit for row in side.rows)
    told = [
        f"{shortened(commit)} ({counts[commit]} row{'' if counts[commit] == 1 else 's'} until {_day(written)})"
        for commit, written in sorted(last.items(), key=lambda one: -one[1])
    ]
    more = f" and {len(told) - _LISTED} more" if len(told) > _LISTED else ""
    plus = ", where + stands for local changes" if any(commit.endswith("+") for commit in last) else ""
    return f"there is {', '.join(told[:_LISTED])}{more}{plus}"


def _day(written: float) -> str:
    return datetime.fromtimestamp(written, UTC).strftime("%Y-%m-%d")
