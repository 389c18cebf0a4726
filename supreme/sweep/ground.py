"""Whether the output directory of a sweep is still the one that it began in."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from supreme.core import SupremeError


class Ground:
    """`with Ground(output_dir) as ground: ground.refuse_if_gone()`.

    It holds the store open, so that no folder which is made later in its place can be taken for it.
    """

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._store = output_dir / "store"
        self._descriptor = os.open(self._store, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Ground:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def refuse_if_gone(self) -> None:
        """Raises SupremeError where the store was deleted or moved away, whatever lies in its place now."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._descriptor), self._store.stat()):
                return
        raise SupremeError(
            f"{self._output_dir} was deleted or moved away while the sweep ran, so it stopped: the same command begins "
            "again"
        )
