"""What an export of rows holds that no file of an output directory does: the evaluation card, and the splits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, read_json
from supreme.core.row import StoredRow
from supreme.report.figures.series import contents
from supreme.report.page.card.card import as_yaml, evaluation_card
from supreme.report.rows.load import load
from supreme.report.statistics.aggregate import summary
from supreme.report.statistics.joint import verdicts
from supreme.report.tables.audits import audits_among
from supreme.sharing import splits
from supreme.store.maintenance.archive import CARD
from supreme.store.maintenance.inventory import data_folders


def beside(directory: Path, predictions: bool) -> Iterator[tuple[str, bytes]]:
    """Names in the export, and contents.

    Args:
        predictions: whether the export has predictions, and so needs to tell of which images.

    Raises:
        SupremeError: there is no row, or a split cannot be drawn again.
    """
    frame = load(directory)
    if not len(frame):
        raise SupremeError(f"every cell in {directory} failed, so there is no result to share")
    shown = set(frame["cell"].unique())  # without those that newer code has made again
    rows = [row for row in contents(directory) if row["cell"] in shown]
    yield CARD, _card(directory, frame, rows).encode()
    if predictions:
        drawn: set[str] = set()
        for row in rows:
            if (digest := row["provenance"]["depends"]["split"]) not in drawn:
                drawn.add(digest)
                yield f"splits/{digest}.json", _split(directory, row, digest)


def _card(directory: Path, frame: Any, rows: Sequence[Any]) -> str:
    table, audits = summary(frame), audits_among(directory, frame)
    return as_yaml(evaluation_card(frame, table, rows, audits, verdicts(frame, table)))


def _split(directory: Path, row: Mapping[str, Any] | StoredRow, digest: str) -> bytes:
    """The split of this row, drawn again from the decoded data, which is what the row says of it."""
    from supreme.pipeline.cell import COMPONENTS, DRAWS, Cell

    path = _decoded(directory, str(row["provenance"]["data_fingerprint"]))
    which = f"the split of row {row['cell']} ({row['method']}, seed {row['seed']})"
    if path is None:
        raise SupremeError(
            f"{which} cannot be drawn again, for {directory / 'store'} does not have its decoded data: export without "
            "--predictions, or from where the sweep ran"
        )
    cell = Cell(
        names={name: str(row[name]) for name in COMPONENTS},
        nodes={name: row["config"][name] for name in COMPONENTS},
        metrics={},
        seed=row["seed"],
        seeds={name: row["seeds"][name] for name in DRAWS},
        deterministic=row["config"]["deterministic"],
        threads=row["config"]["threads"],
        data_path=str(path),
    )
    split = cell.split()
    if split.digest != digest:
        raise SupremeError(
            f"{which} is drawn otherwise by the code here: run the same sweep again, or export without --predictions"
        )
    return splits.as_json(split)


def _decoded(directory: Path, fingerprint: str) -> Path | None:
    """The folder of the decoded data with this fingerprint."""
    for folder in data_folders(directory / "store"):
        try:
            if read_json(folder / "meta.json")["fingerprint"] == fingerprint:
                return folder
        except (OSError, Damaged, KeyError, TypeError):
            continue
    return None
