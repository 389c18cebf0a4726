"""What rich draws, printed as safely as everything else: see `supreme.core.output`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from supreme.core.output import WIDTH, Stream
from supreme.core.text import encodable, printable

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


class PlainConsole(Console):
    """Text is text: nothing in it is markup, an emoji's name, or obeyed by the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or (segment.text.isascii() and segment.text.isprintable()):
                yield segment
            else:
                yield Segment(self._shown(segment.text), segment.style)

    def _shown(self, text: str) -> str:
        text = printable(text)
        if not self.encoding.startswith("utf"):
            if text.endswith("…") and len(text) > 3:  # the mark of what was cut takes no more room than before
                text = text[:-3] + "..."
            text = encodable(text, self.encoding)
        return text


def console(*, stderr: bool = False, **options: Any) -> PlainConsole:
    """On standard output or standard error: as wide as the terminal; in a file or pipe as COLUMNS says, else 100."""
    stream = Stream("stderr" if stderr else "stdout", below_live=True)
    if not stream.isatty() and not os.environ.get("COLUMNS", "").isdecimal():
        options = {"width": WIDTH, **options}
    return PlainConsole(file=stream, **options)
