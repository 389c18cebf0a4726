"""CUDA_VISIBLE_DEVICES and `devices=`: what CUDA makes of each form. The GPUs are invented, for none is here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from supreme.core import SupremeError
from supreme.sweep.devices import visible
from supreme.sweep.devices.asked import asked_devices
from supreme.sweep.devices.nvml import Gpu
from supreme.sweep.devices.visible import seen_by_cuda

TWO = [Gpu(uuid="GPU-aa11"), Gpu(uuid="GPU-ab22")]
BOTH = "(there are 2, numbered from 0)"
SPLIT = [Gpu(uuid="GPU-aa11"), Gpu(uuid="GPU-ab22", instances=("MIG-c1", "MIG-c2"))]


@pytest.mark.parametrize(
    ("variable", "entries"),
    [
        (None, ["0", "1"]),
        ("", []),
        (" ", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("none", []),
        ("0", ["0"]),
        ("1", ["1"]),
        ("1,0", ["1", "0"]),
        (" 1 , 0 ", ["1", "0"]),
        ("0,5", ["0"]),
        ("5,0", []),
        ("0,,1", ["0"]),
        ("0,", ["0"]),
        ("0,-1,1", ["0"]),
        ("0,x,1", ["0"]),
        ("1gpu", ["1"]),
        ("cuda:0", []),
        ("0;1", ["0"]),
        ("0,0", []),
        ("00,0", []),
        ("GPU-aa11", ["GPU-aa11"]),
        ("GPU-ab", ["GPU-ab"]),
        ("GPU-a", []),
        ("GPU-zz", []),
        ("GPU-aa,GPU-aa11", []),
        ("GPU-aa,1", ["GPU-aa"]),
        ("0,GPU-ab", ["0"]),
        ("gpu-aa11", []),
        ("99999999999999999999", []),
    ],
)
def test_entries_are_read_as_cuda_reads_them(variable: str | None, entries: list[str]) -> None:
    assert [*seen_by_cuda(variable, TWO).uuids] == [entry.removesuffix("gpu").split(";")[0] for entry in entries]


@pytest.mark.parametrize(
    ("variable", "entries"),
    [
        (None, ["0", "MIG-c1", "MIG-c2"]),
        ("1", ["MIG-c1", "MIG-c2"]),
        ("0,1", ["0", "MIG-c1", "MIG-c2"]),
        ("GPU-ab22", ["MIG-c1", "MIG-c2"]),
        ("MIG-c2", ["MIG-c2"]),
        ("MIG-c2,MIG-c1", ["MIG-c2", "MIG-c1"]),
        ("MIG-c", []),
        ("MIG-c1,MIG-c1", []),
        ("MIG-c1,0", ["MIG-c1"]),
    ],
)
def test_a_split_gpu_is_named_by_its_number_or_by_its_instances(variable: str | None, entries: list[str]) -> None:
    assert [*seen_by_cuda(variable, SPLIT).uuids] == entries


@pytest.mark.parametrize(
    ("variable", "gpus", "sentence"),
    [
        (
            "0,5",
            TWO,
            f"CUDA_VISIBLE_DEVICES=0,5: 5 is no GPU of this machine {BOTH}, so CUDA leaves out 5",
        ),
        (
            "7,0",
            TWO,
            f"CUDA_VISIBLE_DEVICES=7,0: 7 is no GPU of this machine {BOTH}, so CUDA leaves out 7, 0",
        ),
        ("0,-1,1", TWO, "CUDA_VISIBLE_DEVICES=0,-1,1: CUDA stops at -1, so 1 is left out"),
        ("0,,1", TWO, "CUDA_VISIBLE_DEVICES=0,,1: CUDA stops at an empty entry, so 1 is left out"),
        ("1,1", TWO, "CUDA_VISIBLE_DEVICES=1,1 names 1 twice, and CUDA then sees no device at all"),
        ("0", [], "CUDA_VISIBLE_DEVICES=0: 0 is no GPU of this machine (there is none), so CUDA leaves out 0"),
        ("NoDevFiles", TWO, ""),
        ("", TWO, ""),
        ("0,1", TWO, ""),
        ("0,-1", TWO, ""),
    ],
)
def test_what_cuda_passes_over_is_said(variable: str, gpus: list[Gpu], sentence: str) -> None:
    assert seen_by_cuda(variable, gpus).left_out == sentence


def test_slurms_mark_of_a_job_without_a_gpu_means_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "NoDevFiles")
    monkeypatch.setattr(visible, "nvml_gpus", lambda: TWO)
    monkeypatch.setattr("supreme.sweep.devices.asked.has_mps", lambda: False)
    assert asked_devices("auto").kind == "cpu"


@pytest.mark.parametrize(
    "words", ["cuda", "gpu", "all", "CUDA", " cuda ", [0, 1], ["cuda:0", "cuda:1"], "0,1", ["GPU-aa", 1]]
)
def test_every_word_for_both_devices_gives_both(monkeypatch: pytest.MonkeyPatch, words: str | list[int | str]) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(visible, "nvml_gpus", lambda: TWO)
    assert asked_devices(words) == ("cuda", {"0": "GPU-aa11", "1": "GPU-ab22"})


@pytest.mark.parametrize("words", ["cuda", "gpu", [0], "0,1", "cuda:0", ["GPU-aa"]])
def test_a_device_that_cannot_be_had_is_refused(monkeypatch: pytest.MonkeyPatch, words: str | list[int | str]) -> None:
    monkeypatch.setattr(visible, "nvml_gpus", list)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with pytest.raises(SupremeError, match="there is no CUDA device here; type devices=auto"):
        asked_devices(words)


def test_what_the_variable_hides_is_in_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visible, "nvml_gpus", lambda: TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,5")
    with pytest.raises(SupremeError, match=r"device 1 does not exist: there is 1.*5 is no GPU of this machine"):
        asked_devices([1])


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(
    ("variable", "entries"), [(None, ["0", "1", "2"]), ("4,5,6", ["4", "5", "6"]), ("", []), ("-1", [])]
)
def test_where_the_management_library_is_missing_cuda_itself_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str | None, entries: list[str]
) -> None:
    """As in a container that has the driver for computing alone. This driver has three devices."""
    source = tmp_path / "cuda.c"
    source.write_text("int cuInit(unsigned f) { return 0; } int cuDeviceGetCount(int *n) { *n = 3; return 0; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "libcuda.so.1", source], check=True)
    assert seen_by_cuda("0", None).uuids == {}
    assert "no CUDA driver" in seen_by_cuda("0", None).left_out
    monkeypatch.setattr(visible, "DRIVER", str(tmp_path / "libcuda.so.1"))
    assert [*seen_by_cuda(variable, None).uuids] == entries
