"""`supreme store`, with what an export to share holds beside files: reports and scenarios make it, and no store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from supreme.store.maintenance import command


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; the exit status."""
    return command.main(argv, _beside)


def _beside(directory: Path, predictions: bool) -> Iterable[tuple[str, bytes]]:
    from supreme.sharing.beside import beside  # reports take a second to import

    return beside(directory, predictions)
