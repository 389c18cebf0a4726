"""Both Pins benchmarks end to end, tiny: `make pins-smoke`. Minutes at most, on two cores.

Drawn faces in the shape of Pins (105 people, JPEGs of many sizes) and 400 real photographs of 40 people; ResNet-18 and
a vision transformer, from random weights and from a checkpoint file; both protocols; the report beside the published
tables. It shows that all of it runs, and nothing about unlearning.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pins_shaped
import warm

TINY_RESNET18 = ("model.width=4", "recipe.epochs=2")
TINY_VIT = ("model.arch=test_vit", "model.image_size=32", "recipe.epochs=2")
TINY_DATA = ("data.image_size=32", "data.decode_size=36")
FIXED, PAPER = "protocol=fixed", "protocol=supreme_paper"
SECONDS = 900.0
"""For one command."""


Sweep = tuple[str, int, Sequence[str]]


def sweeps(folder: Path) -> list[list[Sweep]]:
    """What each is called, how many rows it leaves, and its command line; the lists run beside each other."""
    pins = (f"data.root={folder / 'pins'}", "data.census=null", "scenario.target=1,10", "scenario.fraction=0.001")
    random, pretrained = "model.pretrained=false", f"model.checkpoint={folder / 'vit.safetensors'}"
    orl = ("data=orl_faces", "seed=260", "scenario=random", "scenario.fraction=0.1")
    resnet18 = ("experiment=pins_resnet18", *TINY_RESNET18)
    vit = ("experiment=pins_vit", *TINY_VIT)
    one = "seed=260"
    checkpoint, bare = (*vit, PAPER, *pins, *TINY_DATA, pretrained, one), (*vit, *orl, random, "recipe=adamw")
    return [
        [
            ("ResNet-18, fixed", 6, (*resnet18, FIXED, *pins, "recipe.milestones=[1]", "seed=260,261", "method=ssd")),
            ("ORL, ResNet-18", 1, (*resnet18, *orl, "method=delete")),
        ],
        [
            ("ViT, checkpoint, paper", 3, (*checkpoint, "method=bad_teacher")),
            ("ORL, ViT", 1, (*bare, "method=lfssd")),
        ],
    ]


def run(*arguments: str, folder: Path, **variables: str) -> str:
    done = warm.run(arguments, folder, {**os.environ, **variables}, SECONDS)
    if done.returncode:
        told = f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        raise RuntimeError(f"supreme {' '.join(arguments)}\nended with {done.returncode}:\n{told}")
    return done.stdout


def run_all(number: int, some: Sequence[Sweep], folder: Path) -> None:
    """One after the other, in one worker with a lock of its own: no other sweep is waited for."""
    output = folder / f"out{number}"
    rows = 0
    for name, more, arguments in some:
        locks = str(folder / f"locks{number}")
        run(*arguments, f"output_dir={output}", folder=folder, SUPREME_LOCK_DIR=locks, LOKY_MAX_CPU_COUNT="1")
        rows += more
        found = len(list((output / "rows").glob("*.json")))
        if found != rows:
            raise RuntimeError(f"{name}: {found} rows where {rows} were expected")
        sys.stdout.write(f"{name}: {more} rows\n")


def write_checkpoint(path: Path) -> None:
    """Weights of a small vision transformer in timm's own layout, as its hub has them."""
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), path)


def main() -> None:
    path = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
    os.environ |= {"PYTHONPATH": path, "COLUMNS": "100", **warm.HASHES}  # as the template has it
    if sys.platform == "linux":
        warm.accept(*warm.offer())  # both threads start commands
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pins_shaped.write(folder / "pins", classes=105, images=4, sizes=(40, 120))
        write_checkpoint(folder / "vit.safetensors")
        groups = sweeps(folder)
        with ThreadPoolExecutor(len(groups)) as threads:
            list(threads.map(run_all, range(len(groups)), groups, [folder] * len(groups)))
        for other in sorted((folder / "out1" / "rows").glob("*.json")):
            other.rename(folder / "out0" / "rows" / other.name)
        report = run("report", "out0", "--against", "published", "--format", "markdown", folder=folder)
        if "published" not in report:
            sys.exit(f"the report says nothing of the published tables:\n{report}")
        sys.stdout.write("the report stands beside the published tables\n")


if __name__ == "__main__":
    main()
