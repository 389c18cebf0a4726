"""The workers of a sweep that `warm` has started: forked warm, too, where loky would start a Python for each.

A worker spends as many seconds on its imports as most sweeps of the tests on everything else. The process of a command
forks a nursery before it does anything else; what loky starts is a grandchild of that, whose parent dies at once, so
that the command, which is a subreaper meanwhile, becomes its parent: it is waited for, killed and told of a death as
any worker. Arguments, folder, environment, open files and blocked signals are those that loky gives.

Workers start cold where a variable is another that is read at import, and in `supreme(..., COLD_WORKERS="1")`. So do
those of sweeps on Slurm and Ray, of `tests.running`, of test_faults, and of every command that is started cold.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST_FREE = 500
"""No descriptor that loky hands on has this number or a higher one."""

AtImport = Callable[[Mapping[str, str]], Any]
End = Callable[[BaseException | None], NoReturn]


def offer(at_import: AtImport, end: End) -> None:
    """Let loky have its workers forked from this process as it is now.

    Args:
        at_import: those of the variables that a process reads only when it starts or imports.
        end: how a process ends.
    """
    from loky.backend import fork_exec as loky_start  # the template has it; processes of tests need not

    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command, cold, variables = os.getpid(), loky_start.fork_exec, at_import(os.environ)
    if not os.fork():
        ours.close()
        _serve(its, command, end)
    its.close()
    one_at_a_time = threading.Lock()

    def start(words: list[str], descriptors: Iterable[Any], env: Mapping[str, str] | None = None) -> int:
        environment = {**os.environ, **(env or {})}
        if at_import(environment) == variables:
            with one_at_a_time:
                if pid := _ask(ours, words, {0, 1, 2, *map(int, descriptors)}, environment):
                    return pid
        return cold(words, descriptors, env)

    loky_start.fork_exec = start


def _ask(nursery: socket.socket, words: list[str], descriptors: set[int], environment: dict[str, str]) -> int:
    """The id of the new child of this process; 0: there is no nursery any more."""
    numbers = sorted(descriptors)
    asked: dict[str, Any] = {"words": words, "cwd": os.getcwd(), "environment": environment, "numbers": numbers}
    asked["blocked"] = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        socket.send_fds(nursery, [json.dumps(asked).encode()], numbers)
        return int(nursery.recv(100) or 0)
    except OSError:
        return 0
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0)


def _serve(connection: socket.socket, command: int, end: End) -> NoReturn:
    """Fork for each request; a worker leaves this by its end."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != command:
        os._exit(1)
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    while True:
        message, received, _, _ = socket.recv_fds(connection, 1 << 20, 250)
        if not message:
            os._exit(0)
        told, tell = os.pipe()
        if between := os.fork():
            for descriptor in (*received, tell):
                os.close(descriptor)
            os.waitpid(between, 0)
            connection.send(os.read(told, 100))
            os.close(told)
        elif pid := os.fork():
            os.write(tell, str(pid).encode())
            os._exit(0)
        else:
            _work(json.loads(message), received, connection, command, end)


def _work(asked: dict[str, Any], received: list[int], connection: socket.socket, command: int, end: End) -> NoReturn:
    """Become what loky would have started."""
    between = os.getppid()
    while (parent := os.getppid()) != command:
        if parent not in (between, command):  # the command has died
            os._exit(1)
        time.sleep(0.001)
    signal.pthread_sigmask(signal.SIG_SETMASK, asked["blocked"])
    for number in STOPS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, FIRST_FREE) for descriptor in received]
    connection.detach()
    os.closerange(3, FIRST_FREE)
    for number, descriptor in zip(asked["numbers"], high, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    sys.orig_argv, sys.argv = asked["words"], asked["words"][2:]
    try:
        runpy.run_module(asked["words"][2], run_name="__main__", alter_sys=True)
    except BaseException as error:
        end(error)
    end(None)
