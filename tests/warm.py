"""The command line, started warm: in a process of its own, forked from one that has imported what every run imports.

A cold start spends some four seconds of a core on imports before it does anything of its own. What is run, its
arguments, folder, environment, output and exit status are those of `python -m supreme`, and so is what signals do to
it. Its workers are forked too, see `warm_workers`. Tests of what is imported, and those that look into
`/proc/<pid>/environ`, start it cold.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import json
import os
import runpy
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import warm_workers

IMPORTED = (
    *(
        "torch",
        "torch._dynamo",
        "pandas",
        "scipy.stats",
        "sklearn.datasets",
        "joblib",
        "loky",
        "hydra",
        "rich.progress",
    ),
    *("supreme.cli", "supreme.sweep.hydra_sweep", "supreme.sweep.single_cell", "supreme.sweep.display.status"),
    *("supreme.report.command", "supreme.store.maintenance.command", "supreme.core.console"),
    *("supreme.command_line.words", "supreme.command_line.options", "supreme.command_line.refusals"),
)
AT_IMPORT = ("PYTHONHASHSEED", "LD_", "OMP_", "MKL_", "OPENBLAS_", "TORCH")
"""How the names of variables begin that a process reads once, when it starts or imports."""
HASHES = {"PYTHONHASHSEED": "0"}
"""Those that the sweep gives its workers, which are forked from the same template."""
PR_SET_PDEATHSIG = 1

Variables = tuple[tuple[str, str], ...]


class Started:
    """A command that runs, as `subprocess.Popen` has it."""

    def __init__(self, args: Sequence[str], connection: socket.socket, files: Sequence[IO[str]]) -> None:
        self.args, self.pid = args, int(connection.recv(100))
        self.returncode: int | None = None
        self._connection, self._files = connection, files

    def poll(self) -> int | None:
        with contextlib.suppress(TimeoutError, BlockingIOError):
            self.wait(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status.

        Raises:
            TimeoutError, or BlockingIOError where there is no time to wait: it still runs.
        """
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = int(self._connection.recv(100))
            self._connection.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it has written to its output and to its errors, when it has ended."""
        self.wait(timeout)
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read())
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    code: str = "",
    stdout: IO[str] | None = None,
    stderr: IO[str] | None = None,
) -> Started | subprocess.Popen[str]:
    """What `subprocess.Popen` gives for `python -m supreme` and these arguments, or for `python -c` with this code.

    Args:
        stdout: where its output goes; None: to a temporary file, which `communicate` reads.
        stderr: the same of its errors.
    """
    command = [sys.executable, *(["-c", code] if code else ["-m", "supreme"]), *arguments]
    if sys.platform != "linux":  # elsewhere a process that has imported torch cannot be forked
        given = (stdout or subprocess.PIPE, stderr or subprocess.PIPE)
        return subprocess.Popen(command, cwd=cwd, env=environment, stdout=given[0], stderr=given[1], text=True)
    files = [file or tempfile.TemporaryFile("w+") for file in (stdout, stderr)]  # noqa: SIM115  (read by `communicate`)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(_template(_read_at_import(environment)))
    asked = {"command": command, "cwd": str(cwd), "environment": dict(environment), "code": code}
    socket.send_fds(connection, [json.dumps(asked).encode()], [file.fileno() for file in files])
    return Started(command, connection, files)


def run(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run` gives for `python -m supreme` and these arguments, its output captured as text.

    Raises:
        subprocess.TimeoutExpired: it has been killed.
    """
    process = start(arguments, cwd, environment)
    try:
        out, err = process.communicate(timeout)
    except (TimeoutError, subprocess.TimeoutExpired):
        process.kill()
        raise subprocess.TimeoutExpired(process.args, timeout) from None
    return subprocess.CompletedProcess(process.args, process.wait(), out, err)


def offer() -> tuple[Variables, str]:
    """Have all processes of a run of tests share a template, begun when the first of them asks; see `accept`."""
    variables = _read_at_import({**os.environ, **HASHES})
    listener, address = _listening()

    def begin() -> None:
        select.select([listener], [], [])
        with listener:  # only the template has it then: should that die, nobody waits for it
            process = _begin(listener, variables)
        process.wait()  # it would end with this thread

    threading.Thread(target=begin, daemon=True).start()
    return variables, address


def accept(variables: Sequence[Sequence[str]], address: str) -> None:
    """Use the template that another process offers."""
    _offered[tuple((name, value) for name, value in variables)] = address


_offered: dict[Variables, str] = {}


@functools.cache
def _template(variables: Variables) -> str:
    """The address of the process that is forked, one for each set of variables that are read at import."""
    if variables in _offered:
        return _offered[variables]
    listener, address = _listening()
    with listener:
        _templates.append(_begin(listener, variables))
    return address


_templates: list[subprocess.Popen[bytes]] = []
"""They end with this process."""


def _read_at_import(environment: Mapping[str, str]) -> Variables:
    found = {name: value for name, value in environment.items() if name.startswith(AT_IMPORT)}
    found.pop("TORCHINDUCTOR_CACHE_DIR", None)  # torch's compiler sets it when it is imported, and reads it when used
    return tuple(sorted(found.items()))


def _listening() -> tuple[socket.socket, str]:
    address = f"\0supreme-tests-{os.getpid()}-{secrets.token_hex(4)}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen()
    return listener, address


def _begin(listener: socket.socket, variables: Variables) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, str(listener.fileno()), str(os.getpid())]
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(command, env={**others, **dict(variables)}, pass_fds=[listener.fileno()])


# In the process that is forked, and in its children.


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _next(listener: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns what is asked for, in the new process only."""
    while True:
        connection, _ = listener.accept()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        template = os.getpid()
        if os.fork():
            connection.close()
            continue
        _die_with(template)
        listener.close()
        message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 2)
        keeper = os.getpid()
        if pid := os.fork():
            for descriptor in descriptors:
                os.close(descriptor)
            connection.send(str(pid).encode())
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with contextlib.suppress(OSError):  # nobody waits for it any more
                connection.send(str(status).encode())
            os._exit(0)
        _die_with(keeper)
        connection.close()
        for number, descriptor in enumerate(descriptors, 1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return json.loads(message)


def _become(asked: dict[str, Any], path: Sequence[str]) -> None:
    """Make this process what a cold start would have made it; `path` is where every Python here looks for modules."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    if encoding := os.environ.get("PYTHONIOENCODING"):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding=encoding)  # type: ignore[union-attr]
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [asked["cwd"], *dict.fromkeys([*map(os.path.abspath, given), *path])]
    sys.orig_argv = asked["command"]
    sys.argv = ["-c", *sys.orig_argv[3:]] if asked["code"] else sys.orig_argv[2:]


def _end(error: BaseException | None) -> NoReturn:
    """As the interpreter ends, but for its taking apart, module by module, what was imported: that takes a second."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
    elif error is not None:
        traceback.print_exception(error)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def main(listener: int, parent: int) -> NoReturn:
    """Import, and fork for whoever asks."""
    _die_with(parent)
    path = sys.path[1:]
    sys.path.append(str(Path(__file__).parents[1]))
    gc.disable()
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()  # what is here is shared with the children, and not collected in them
    gc.enable()
    asked = _next(socket.socket(fileno=listener))
    _become(asked, path)
    if not os.environ.pop("COLD_WORKERS", ""):
        warm_workers.offer(_read_at_import, _end)
    try:
        if code := asked["code"]:
            sys.modules["__main__"] = types.ModuleType("__main__")
            exec(code, vars(sys.modules["__main__"]))
        else:
            runpy.run_module("supreme", run_name="__main__", alter_sys=True)
    except BaseException as error:
        _end(error)
    _end(None)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
