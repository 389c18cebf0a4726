"""What people mistype is answered in one clear sentence, before anything runs, and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Run
from PIL import Image

REFUSALS: dict[str, tuple[str, ...]] = {
    "method=nope": ("there is no method nope, but",),
    "metric=[nope]": ("there is no metric nope, but",),
    "data=digits model=vit_b16": ("type model=resnet18, which has one, or recipe=adamw",),
    "method.lrr=1": ("there is no method.lrr; did you mean method.lr? method has epochs",),
    "method=null": ("method=null is not allowed: a method is chosen by a name, as in method=advneggrad",),
    "-m tuned=auto,nope,None": (
        "tuned=nope: method scrub has no such preset; did you mean none? there are cifar10-resnet18-dualoptim_tenth, ",
        "tuned=None: method scrub has no such preset; did you mean none?",
    ),
    "tuned=digits-small_cnn-random scenario.fraction=0.5": ("is for scenario.fraction=0.1, and here is",),
    "protocol/data=nope": ("protocol/data=nope: there is no such config. There are: supreme_paper-image_folder",),
    "sead=3": ("there is no sead; did you mean seed?",),
    "scenario.target=3": ("there is no scenario.target; scenario has fraction, count",),
    "-m method.lr=abc,-1,inf": (
        "method scrub: lr='abc' is not allowed: it must be float",
        "method scrub: lr=-1.0 is not allowed: give a number above 0, as in method.lr=0.01",
        "every number must be finite",
    ),
    "recipe.precision=fp8": ("precision='fp8' is not allowed: give fp32, tf32 or bf16, as in recipe.precision=fp32",),
    "-m scenario.fraction=0,1,-1,2,nan": (
        "fraction=0.0 is not allowed: give a number above 0 and below 1, or null",
        "fraction=1.0 is not allowed: give a number above 0 and below 1",
        "fraction=-1.0 is not allowed: give a number above 0 and below 1",
        "fraction=2.0 is not allowed: give a number above 0 and below 1",
        "fraction=nan is not allowed",
    ),
    "-m scenario.fraction=null scenario.count=0,200": (
        "count=0 is not allowed",
        "forgetting 200 of 200 training images leaves nothing to retain",
    ),
    "-m scenario=full_class scenario.target=12,[0,1,2,3,4,5,6,7,8,9]": (
        "there is no class 12: these data have 10, numbered 0 to 9",
        "every training image",
    ),
    "scenario=subclass": ("these data have no subclasses",),
    "data=orl_faces scenario=full_class scenario.target=s100": (
        "there is no class 's100'; did you mean 's10' or 's1'?",
    ),
    "method=unsir scenario=random": ("UNSIR forgets classes: type scenario=full_class (or subclass)",),
    "-m method=unsir,mask_class dry_run=true": (
        "UNSIR forgets classes: type scenario=full_class (or subclass)",
        "MaskClass forgets classes: type scenario=full_class (or subclass)",
    ),
    "metric=[accuracy,backdoor,gaussian_poison,interclass_confusion]": (
        "this scenario plants no trigger: type scenario=backdoor, or leave it out of metric",
        "this scenario plants no noise: type scenario=gaussian_poison",
        "this scenario swaps no labels: type scenario=interclass_confusion",
    ),
    "method=cf_k method.layers=99": (
        "method cf_k with data=digits scenario=random: the model has 4 layers, and 99 were",
    ),
    "method=amnesiac protocol=supreme_paper": ("has none: type recipe.original_keeps=last",),
    "method=rewind_to_delete deterministic=false": ("only when it is deterministic: type deterministic=true",),
    "-m audit=[excess_distance] audit.excess_distance.images=nope seed=0,1,2,3 seeds.forget=0": (
        "images=nope is none",
    ),
    "-m seed=0,abc,-1 seeds.unlearn=1.5": (
        "seed=abc is not allowed: give a whole number from 0",
        "seed=-1 is not allowed: give a whole number from 0",
        "seeds.unlearn=1.5 is not allowed",
    ),
    "seed=1,2": ("seed=1,2 has several values: to sweep over them add -m",),
    "data=pins model=resnet18": ("there is no folder outputs/data/pins. Download hereisburak/pins-face-recognition",),
    "data=cifar10 model=resnet18": ("type data.download=true to fetch the archive",),
    "data=image_folder recipe=sgd": ("data image_folder: no value for root",),
    "model=timm recipe=sgd": ("model timm: no value for arch",),
    "-m model=timm recipe=sgd model.arch=resnot,resnet10t model.pretrained=true model.checkpoint=/nope": (
        "model timm: no architecture resnot in timm",
        "checkpoint=/nope",
    ),
    "metric=[]": ("no metric is chosen",),
    "devices=gpu": ("devices=gpu is not possible: there is no CUDA device here; type devices=auto",),
    "devices=3": ("devices=3 is not possible: there is no CUDA device here; type devices=auto",),
    "threads=999": ("threads=999 is not allowed: there are",),
    "threads=abc": ("threads=abc is not allowed",),
    "-m timeout=-3": ("timeout=-3 is not allowed: give seconds above 0",),
    "timeout=abc": ("timeout=abc is not allowed: give seconds above 0",),
    "-m seed=range(0)": ("the sweep spans no cell",),
    "-m output_dir=a,b": ("output_dir says where a sweep runs and cannot be swept",),
    "-m metric.js_divergence.base=2,10": ("a metric's values cannot be swept",),
    "deterministic=no": ("deterministic=no is not allowed: give true or false",),
    "output_dir=null": ("output_dir=None is not allowed: give the path of a folder",),
    "recipe.lr=${nope}": ("the config cannot be resolved",),
    "reprot": ("unknown command reprot; did you mean `supreme report`?",),
    "output_dir=/proc/nowhere": ("/proc/nowhere/store cannot be written",),
    "report nowhere": ("no results in nowhere/rows",),
}
"""The words of a command, and a part of each sentence that refuses them."""


@pytest.mark.parametrize("arguments", REFUSALS, ids=str)
def test_bad_input_is_refused_in_one_sentence_for_each_mistake(arguments: str, supreme: Run, tmp_path: Path) -> None:
    done = supreme(*arguments.split())
    assert done.returncode == 1
    for sentence in REFUSALS[arguments]:
        assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("outputs/rows/*")) == []
    assert list(tmp_path.glob("outputs/store/original/*")) == []


def test_a_sweep_lists_every_bad_cell_and_runs_none(supreme: Run, tmp_path: Path) -> None:
    done = supreme("-m", "scenario.fraction=0.1,2,3", "seed=0,1,a", "method=ssd,neggrad", "method.batch_size=-1,8")
    assert done.returncode == 1
    assert "seed=a is not allowed" in done.stderr
    assert "method ssd: batch_size=-1 is not allowed" in done.stderr
    assert "fraction=2.0 is not allowed" in done.stderr
    assert "fraction=3.0 is not allowed" in done.stderr
    assert "(8 cells)" in done.stderr
    assert not (tmp_path / "outputs" / "store" / "original").exists()
    done = supreme("-m", "seed=0,1", "method=ssd,neggrad", "method.batch_size=-1,8")
    assert "method ssd: batch_size=-1 is not allowed" in done.stderr
    assert "method neggrad: batch_size=-1 is not allowed" in done.stderr
    assert "(2 cells)" in done.stderr


def _photographs(folder: Path, people: int = 3, each: int = 8) -> Path:
    for person in range(people):
        (folder / f"pins_{person}").mkdir(parents=True)
        for number in range(each):
            image = Image.new("RGB", (40, 30), (40 * person, 10 * number, 90))
            image.save(folder / f"pins_{person}" / f"{number}.jpg")
    return folder


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _one_class(folder: Path) -> None:
    for person in list(folder.iterdir())[1:]:
        shutil.rmtree(person)


def _text_file(folder: Path) -> None:
    (folder / "pins_1" / "notes.txt").write_text("who is this?")


def _broken(folder: Path) -> None:
    path = folder / "pins_1" / "3.jpg"
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [(_empty, ""), (_one_class, ""), (_text_file, "notes.txt"), (_broken, "3.jpg")],
)
def test_a_spoilt_folder_is_named(spoil: object, sentence: str, supreme: Run, tmp_path: Path) -> None:
    folder = _photographs(tmp_path / "faces")
    spoil(folder)  # type: ignore[operator]
    done = supreme("data=image_folder", f"data.root={folder}", "recipe=sgd")
    assert done.returncode == 1
    assert str(folder) in done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_folder_of_photographs_runs_to_its_table(supreme: Run, tmp_path: Path) -> None:
    folder = _photographs(tmp_path / "faces")
    done = supreme(
        *("data=image_folder", f"data.root={folder}", "recipe=sgd", "recipe.epochs=1", "model.widths=[4,8]"),
        *("scenario=full_class", "scenario.target=pins_1"),
    )
    assert done.returncode == 0, done.stderr
    assert "forget-test" in done.stdout


def test_a_full_disk_is_said_in_one_sentence_and_the_same_command_resumes(supreme: Run, tmp_path: Path) -> None:
    small = tmp_path / "outputs"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1400k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    try:
        done = supreme("recipe.epochs=1", "method=neggrad")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "full" in done.stderr.lower() or "No space left" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        assert supreme("recipe.epochs=1", "method=neggrad").returncode == 0
    finally:
        subprocess.run(["umount", str(small)], check=True)
