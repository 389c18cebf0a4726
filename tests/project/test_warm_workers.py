"""The workers of commands that tests start warm are what loky would have started, but for the time it takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import start_command_line
from processes import alive, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers start as loky starts them")

CODE = """
import json, os, signal, sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from loky import ProcessPoolExecutor

def told(**env):
    with_pool = ProcessPoolExecutor(1, env=env)
    get = lambda function, *arguments: with_pool.submit(function, *arguments).result()
    pid = get(os.getpid)
    found = {"pid": pid, "is_child": get(os.getppid) == os.getpid(), "variable": get(os.getenv, "VARIABLE")}
    found |= {"folder": get(os.getcwd), "is_forked": b"loky" not in Path(f"/proc/{pid}/cmdline").read_bytes()}
    try:
        get(os.kill, pid, signal.SIGKILL)
    except BrokenProcessPool as error:
        found["death"] = "SIGKILL" in str(error)
    return found

print(json.dumps([told(VARIABLE="one"), told(VARIABLE="two"), told(OMP_NUM_THREADS="2")]))
"""


def test_a_worker_is_forked_as_a_child_of_its_command_with_what_loky_gives_it(tmp_path: Path) -> None:
    command = start_command_line(cwd=tmp_path, code=CODE)
    out, told = command.communicate(timeout=200.0)
    assert command.returncode == 0, told
    *warm, cold = json.loads(out)
    for one, variable in zip(warm, ("one", "two"), strict=True):
        pid = one.pop("pid")
        wanted = {"is_child": True, "variable": variable, "folder": str(tmp_path), "is_forked": True, "death": True}
        assert one == wanted
        wait_for(lambda pid=pid: not alive(pid), 60.0)
    assert not cold["is_forked"], "what a process reads when it imports torch is another there"
