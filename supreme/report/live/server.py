"""A small server of one page, for this machine alone."""

from __future__ import annotations

import http.server
import socketserver
import sys
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs

from supreme.core import SupremeError
from supreme.core.output import err

HOST = "127.0.0.1"
PORT, TRIED = 8000, 20
"""The first port where none is named, and how many are tried."""

_NAMES = ("localhost", HOST)
"""By which this machine calls itself. A page elsewhere whose name was made to lead here has another one."""

_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Page = Callable[[str], str | None]
"""Gives the page, or None where it still is the one of this version."""


def server_of(page: Page, port: int | None) -> socketserver.ThreadingTCPServer:
    """A server that is bound to this machine; `serve_forever` starts it.

    Args:
        page: called in a thread for each request, with the version that the browser shows, "" for none.
        port: None for the first free one from `PORT` on.

    Raises:
        SupremeError: the port, or all that were tried, are taken or forbidden.
    """
    handler = type("Handler", (_Handler,), {"page": staticmethod(page)})
    reason = ""
    for one in range(PORT, PORT + TRIED) if port is None else [port]:
        try:
            return _Server((HOST, one), handler)
        except OSError as error:
            reason = error.strerror or str(error)
    what = f"port {port}" if port is not None else f"every port from {PORT} to {PORT + TRIED - 1}"
    raise SupremeError(
        f"{what} cannot be used ({reason}): give another one, as in `supreme report --serve {(port or PORT) + 100}`, "
        "or none for the first free one"
    )


class _Server(socketserver.ThreadingTCPServer):
    """Not http.server's own one, which asks a name server for the name of this machine, and may share its port."""

    daemon_threads = True
    allow_reuse_address = True  # of a server that has just ended

    def handle_error(self, request: object, client_address: object) -> None:
        """One line for what goes wrong with one request, and none for a browser that has gone."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            err(f"supreme report: the page could not be made ({type(error).__name__}: {error})\n")


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET and HEAD of / and nothing else."""

    page: Page
    server_version, sys_version = "supreme", ""
    timeout = 30
    """Seconds for which a silent connection is kept."""

    def do_GET(self) -> None:
        """The page; 204, upon which a browser stays where it is, while it is the one of `?seen=<version>`."""
        name, _, port = self.headers.get("Host", "").lower().partition(":")
        path, _, query = self.path.partition("?")
        if name not in _NAMES or not (port or "0").isdecimal():
            return self._answer(HTTPStatus.FORBIDDEN, f"This server is called {' or '.join(_NAMES)}.\n")
        if path != "/":
            return self._answer(HTTPStatus.NOT_FOUND, "There is one page here: /\n")
        found = self.page(parse_qs(query).get("seen", [""])[0])
        if found is None:
            return self._answer(HTTPStatus.NO_CONTENT)
        return self._answer(HTTPStatus.OK, found, "text/html")

    do_HEAD = do_GET  # noqa: N815

    def _answer(self, status: HTTPStatus, text: str = "", kind: str = "text/plain") -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in _ALWAYS.items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal is whoever's who watches the sweep."""
