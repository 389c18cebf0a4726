"""The end of a search: its record, the presets, and what became of it on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from supreme.core.output import out
from supreme.report.studies.read import RECORD
from supreme.store.files import write_json
from supreme.sweep.tuning.freeze import freeze, preset_of
from supreme.sweep.tuning.record import record_of
from supreme.sweep.tuning.table import print_search
from supreme.sweep.tuning.tune import Searched


def finish(done: Searched) -> None:
    """Write what a search has found, and print it; raises SupremeError where every trial failed."""
    record = record_of(done)
    write_json(done.folder / RECORD, record)
    presets = done.trials.composer.presets
    written: list[Path] = []
    for method, told in record["methods"].items():
        if told["winner"] is not None:
            preset = preset_of(record, method, presets.conventions_of(told["starts_from"]))
            written.append(_folder(done) / f"{method}.yaml")
            freeze(preset, written[-1])
    print_search(record)
    out(f"Every trial is in {done.folder}; `supreme tune --report {done.folder}` draws them.\n", wrap=True)
    _tell_presets(written, record)


def _folder(done: Searched) -> Path:
    return done.options.write or done.trials.settings.output_dir / "tuned"


def _tell_presets(written: Sequence[Path], record: Mapping[str, Any]) -> None:
    """Where the presets are, and the command that uses them."""
    folder, seeds = written[0].parent, record["seeds"]
    use = f"supreme --config-dir {folder.parent} -m method={','.join(path.stem for path in written)}"
    out(f"Presets: {', '.join(map(str, written))}.\n", wrap=True)
    out(f"To report them: {use} seed={max(seeds) + 1}..{max(seeds) + 10} ...\n")
