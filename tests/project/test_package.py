"""The wheel is complete: conf/, the plugin and the console script, from any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel of a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("supreme", "conf"):
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=folder / "source", check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_every_config_and_the_plugin(site: Path) -> None:
    shipped = {path.relative_to(site / "supreme" / "conf") for path in (site / "supreme" / "conf").rglob("*.yaml")}
    assert shipped == {path.relative_to(ROOT / "conf") for path in (ROOT / "conf").rglob("*.yaml")}
    assert (site / "hydra_plugins" / "supreme_launcher" / "__init__.py").is_file()
    web = Path("supreme", "report", "page", "web")
    assert {path.name for path in (site / web).iterdir()} == {path.name for path in (ROOT / web).iterdir()}
    assert not (site / "supreme" / "_hydra").exists()
    assert not list(site.rglob("*.png"))
    (entry_points,) = site.glob("supreme_sweeper-*.dist-info/entry_points.txt")
    assert "supreme = supreme.cli:main" in entry_points.read_text()


@pytest.mark.slow
def test_the_wheel_runs_a_sweep_from_another_folder(site: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", "import supreme.cli as cli; print(cli.__file__); cli.main()"]
    arguments = ["-m", "method=neggrad", "recipe.epochs=1", "model.widths=[4,8]"]
    path = os.pathsep.join([str(site)])
    done = subprocess.run(
        [*command, *arguments], cwd=tmp_path, env=environment(PYTHONPATH=path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(site))
    assert "neggrad" in done.stdout
