"""Whether the output directory of a sweep is still the one that it began in."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from supreme.core import SupremeError
from supreme.store.files import explaining, temporary_name


class Ground:
    """`with Ground(output_dir) as ground: ground.refuse_if_gone()`.

    It leaves an empty file in the store: workers make folders again that they miss, but nobody makes this file again.
    """

    def __init__(self, output_dir: Path) -> None:
        self._output_dir = output_dir
        self._mark = output_dir / "store" / "tmp" / temporary_name()

    def __enter__(self) -> Ground:
        with explaining(self._mark, 0):
            self._mark.touch(exist_ok=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._mark.unlink()

    def refuse_if_gone(self) -> None:
        """Raises SupremeError where the store was deleted or moved away, whatever lies in its place now."""
        try:
            os.utime(self._mark)  # a file that is touched is no leftover
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SupremeError(
                f"{self._output_dir} was deleted or moved away while the sweep ran, so it stopped: the same command "
                "begins again"
            ) from error
        except OSError:  # whoever writes there next says why
            return
