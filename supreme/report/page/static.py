"""A page without a script: one file that loads nothing, with the style of the report's page."""

from __future__ import annotations

import html as markup
from collections.abc import Iterable, Sequence
from pathlib import Path

_WEB = Path(__file__).parent / "web"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def document(title: str, kind: str, styles: Sequence[str], body: Iterable[str]) -> str:
    """The whole page.

    Args:
        title: as plain text; this and `kind` stand in the title of the window.
        styles: names of files in `web`, behind page.css.
        body: lines of HTML.
    """
    style = "\n".join((_WEB / name).read_text(encoding="utf-8") for name in ("page.css", *styles))
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{markup.escape(title)} · SUPREME {kind}</title>",
            '<link rel="icon" href="data:,">',
            f"<style>\n{style}\n</style>\n</head>\n<body>",
            *body,
            "</body>\n</html>\n",
        ]
    )


def notes(told: Iterable[str]) -> str:
    """A list of sentences; nothing where there are none."""
    items = "".join(f"<li>{markup.escape(note)}</li>" for note in told)
    return f'<ul class="notes">{items}</ul>' if items else ""
