"""Show a page in the browser of whoever sits here; where nobody does, say where the page is."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

from supreme.core.output import out
from supreme.report.tables.output import write_file

PATIENCE_SECONDS = 5.0
"""For a browser to start; one that takes longer goes on by itself."""

_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"


def show_file(path: Path, text: str, directory: str | None = None) -> int:
    """Write a page, open it, and print where it is; the exit status, which is 0 without any browser, too.

    Args:
        directory: whose page it is; None: of no single one, so that `--serve` would not show it.

    Raises:
        SupremeError: it cannot be written.
    """
    out(f"{write_file(path, text)}\n")
    if why := show(path.resolve().as_uri()):
        other = (
            ""
            if directory is None
            else (
                f", or type `supreme report {shlex.quote(directory)} --serve` and, where the browser is, "
                f"`ssh -L 8000:localhost:8000 {platform.node()}` to see it at http://localhost:8000/"
            )
        )
        out(f"{why}: open that file in a browser{other}\n", wrap=True)
    return 0


def show(address: str) -> str:
    """Open an address in a browser; "" where that worked, else why it did not. It never waits for the browser to end.

    In a process of its own, without our terminal: a browser may be a text browser, or stay until it is closed.
    """
    if why := _nobody_here():
        return why
    try:
        opening = subprocess.Popen(
            [sys.executable, "-c", _OPEN, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        failed = bool(opening.wait(timeout=PATIENCE_SECONDS))
    except subprocess.TimeoutExpired:
        return ""
    except OSError:
        failed = True
    return "no browser could be started" if failed else ""


def _nobody_here() -> str:
    """Why no browser can be seen from here; "" where one can, or where the variable BROWSER names one."""
    if os.environ.get("BROWSER"):
        return ""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return "there is no browser at the other end of ssh"
    if sys.platform not in ("darwin", "win32") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display for a browser here"
    return ""
