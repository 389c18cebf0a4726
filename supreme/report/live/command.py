"""`supreme report --serve`."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.output import out
from supreme.report.browser import show
from supreme.report.live.page import LivePage
from supreme.report.live.server import HOST, server_of
from supreme.report.page.page import html
from supreme.report.rows.endpoints import parse_endpoints
from supreme.report.rows.load import load
from supreme.report.rows.nowhere import no_results
from supreme.report.rows.selection import select


def serve(arguments: argparse.Namespace) -> int:
    """Serve the page of a directory until Ctrl-C; the exit status.

    Raises:
        SupremeError: the port is none, or cannot be used, or the directory is a file.
    """
    directory = Path(arguments.directory).expanduser()
    if directory.exists() and not directory.is_dir():
        raise no_results(directory, [])
    make = partial(_page, directory, arguments.filter, arguments.endpoints, not arguments.no_samples)
    with server_of(LivePage(directory, make), _port(arguments.serve)) as server:
        try:
            address = f"http://{HOST}:{server.server_address[1]}/"
            missing = "" if directory.is_dir() else ", which is not there yet,"
            out(f"{address} shows {directory}{missing} as it is, here alone; Ctrl-C ends it\n")
            if arguments.open and (why := show(address)):
                out(f"{why}: open that address in a browser\n")
            server.serve_forever()
        except KeyboardInterrupt:
            out("\n")
    return 0


def _port(given: str) -> int | None:
    if not given:
        return None
    port = int(given)
    if not 0 < port < 2**16:
        raise SupremeError(f"--serve {given}: a port lies between 1 and 65535, as in --serve 8000")
    return port


def _page(directory: Path, condition: str | None, endpoints: str | None, samples: bool, script: str) -> str:
    frame = load(directory)
    if condition is not None:
        frame = select(frame, condition)
    if not len(frame):
        raise SupremeError(f"every cell in {directory} has failed so far; `supreme report {directory}` says why")
    return html(
        directory,
        frame,
        endpoints=None if endpoints is None else parse_endpoints(endpoints, frame),
        samples=samples,
        first_script=script,
    )
