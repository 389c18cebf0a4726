"""Both Pins benchmarks end to end, tiny: `make pins-smoke`. Minutes at most, on two cores.

Drawn faces in the shape of Pins (105 people, JPEGs of many sizes) and 400 real photographs of 40 people; ResNet-18 and
a vision transformer, from random weights and from a checkpoint file; both protocols; the report beside the published
tables. It shows that all of it runs, and nothing about unlearning.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests import pins_shaped

TINY_RESNET18 = ("model.width=4", "recipe.epochs=2")
TINY_VIT = ("model.arch=test_vit", "model.image_size=32", "recipe.epochs=2")
TINY_DATA = ("data.image_size=32", "data.decode_size=36")
FIXED, PAPER = "protocol=fixed", "protocol=supreme_paper"


def sweeps(folder: Path) -> dict[str, tuple[int, Sequence[str]]]:
    """What each is called, how many rows it leaves, and its command line."""
    pins = (f"data.root={folder / 'pins'}", "data.census=null", "scenario.target=1,10", "scenario.fraction=0.001")
    random, pretrained = "model.pretrained=false", f"model.checkpoint={folder / 'vit.safetensors'}"
    orl = ("data=orl_faces", "seed=260", "scenario=random", "scenario.fraction=0.1")
    resnet18 = ("experiment=pins_resnet18", *TINY_RESNET18)
    vit = ("experiment=pins_vit", *TINY_VIT)
    one = "seed=260"
    return {
        "ResNet-18, fixed": (6, (*resnet18, FIXED, *pins, "recipe.milestones=[1]", "seed=260,261", "method=ssd")),
        "ViT, checkpoint, paper": (3, (*vit, PAPER, *pins, *TINY_DATA, pretrained, one, "method=bad_teacher")),
        "ORL, ResNet-18": (1, (*resnet18, *orl, "method=delete")),
        "ORL, ViT": (1, (*vit, *orl, random, "recipe=adamw", "method=lfssd")),
    }


def run(*arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "supreme", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def write_checkpoint(path: Path) -> None:
    """Weights of a small vision transformer in timm's own layout, as its hub has them."""
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("test_vit", pretrained=False).state_dict(), path)


def main() -> None:
    path = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
    os.environ |= {"PYTHONPATH": path, "COLUMNS": "100"}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["SUPREME_LOCK_DIR"] = str(folder / "locks")  # no sweep of somebody else is waited for
        pins_shaped.write(folder / "pins", classes=105, images=4, sizes=(40, 120))
        write_checkpoint(folder / "vit.safetensors")
        rows = 0
        for name, (more, arguments) in sweeps(folder).items():
            run(*arguments, "output_dir=out", folder=folder)
            rows += more
            found = len(list((folder / "out" / "rows").glob("*.json")))
            if found != rows:
                sys.exit(f"{name}: {found} rows where {rows} were expected")
            sys.stdout.write(f"{name}: {more} rows\n")
        report = run("report", "out", "--against", "published", "--format", "markdown", folder=folder)
        if "published" not in report:
            sys.exit(f"the report says nothing of the published tables:\n{report}")
        sys.stdout.write("the report stands beside the published tables\n")


if __name__ == "__main__":
    main()
