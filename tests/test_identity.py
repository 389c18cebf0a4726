"""What identifies a component in the keys of the store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "lab/__init__.py": "",
    "lab/methods/__init__.py": "",
    "lab/methods/mine.py": "from lab.methods import helper\nfrom lab import far\nclass Mine: ...\n",
    "lab/methods/helper.py": "from lab.methods.deep.inner import TWO\nONE = 1\n",
    "lab/methods/deep/__init__.py": "from lab.methods.deep import inner\n",
    "lab/methods/deep/inner.py": "TWO = 2\n",
    "lab/methods/other.py": "THREE = 3\n",
    "lab/far.py": "FOUR = 4\n",
}


def digest_of(folder: Path) -> str:
    """In a process of its own, since each process reads the code once."""
    script = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\nfrom supreme.identity import identity\n"
        "print(identity({'_target_': 'lab.methods.mine.Mine'})['code'], 'lab.methods.mine' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    code, imported = done.stdout.split()
    assert imported == "False"
    return code


@pytest.fixture
def lab(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "change", "moves"),
    [
        ("mine.py", "class Mine: value = 1\n", True),
        ("helper.py", "ONE = 2\n", True),
        ("deep/inner.py", "TWO = 3\n", True),
        ("mine.py", FILES["lab/methods/mine.py"] + '"""words"""  # and more of them\n', False),
        ("other.py", "THREE = 4\n", False),
        ("../far.py", "FOUR = 5\n", False),
    ],
)
def test_a_component_is_its_code_and_that_of_the_helpers_beside_it(lab, name, change, moves):
    before = digest_of(lab)
    (lab / "lab" / "methods" / name).write_text(change)
    assert (digest_of(lab) != before) == moves
