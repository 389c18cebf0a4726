"""The notebook runs from its first cell to its last, in a kernel of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("bring_your_own.ipynb")


class OwnPython(AsyncKernelManager):
    """A kernel of the Python that runs the tests, whatever kernels this machine has."""

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        return [sys.executable, "-m", "ipykernel_launcher", "-f", self.connection_file, *(extra_arguments or [])]


@pytest.mark.slow
def test_the_notebook_runs_and_ends_with_a_table_and_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "TMPDIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
    client = NotebookClient(
        notebook, timeout=300, kernel_manager_class=OwnPython, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [output["data"] for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    (table,) = [data["text/plain"] for data in shown if "Margins, declared" in data.get("text/plain", "")]
    for word in ("reference", "original", "finetune", "neggrad", "random_label", "mine", "retrain"):
        assert word in table
    assert list((tmp_path / "tmpdir").rglob("report.html"))
