"""The store under everything that happens to a long sweep: races, kills, full disks, damage."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import KILLED_IN_CALL, wait_for

from supreme.core import SupremeError
from supreme.core.canonical import DIGEST
from supreme.store.artefact import SCHEMA, Artefact, Contents
from supreme.store.files import Process, digest, remove_orphans, temporary_name, write_json
from supreme.store.leases import Leases
from supreme.store.store import Store

KEY = digest("an artefact")
CLAIM = f"train-{KEY}.json"

WORKER = """
import os, sys, time
from pathlib import Path
from supreme.store.artefact import Contents
from supreme.store.store import Store

root, journal, seconds, keys = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]
store = Store(root)

def create():
    with open(journal, "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(seconds)
    return Contents(record={"by": os.getpid()})

print("ready", flush=True)
sys.stdin.readline()
for key in keys:
    artefact, mine = store.get_or_create("train", key, create)
    print(key, artefact.record["by"], mine, flush=True)
"""

SUICIDE = f"""{KILLED_IN_CALL}
import sys
from pathlib import Path
import numpy as np
from supreme.store.artefact import Contents
from supreme.store.store import Store

store = Store(Path(sys.argv[1]))
store.prepare()
killed_in_call(sys.argv[3], int(sys.argv[4]))
store.get_or_create("train", sys.argv[2], lambda: Contents(arrays={{"logits": np.arange(9)}}, record={{"by": "first"}}))
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def worker(store: Store, journal: Path, seconds: float, *keys: str) -> subprocess.Popen[str]:
    """A process that asks for these artefacts once it is told to."""
    arguments = [sys.executable, "-c", WORKER, str(store.root), str(journal), str(seconds), *keys]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def started(workers: list[subprocess.Popen[str]]) -> None:
    for each in workers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in workers:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()


def answers(workers: list[subprocess.Popen[str]]) -> list[list[str]]:
    texts = [each.communicate()[0] for each in workers]
    assert [each.returncode for each in workers] == [0] * len(workers)
    return [line.split() for text in texts for line in text.splitlines()]


def dead_process() -> Process:
    code = "import dataclasses, json; from supreme.store.files import Process; p = Process.current()"
    code += "; print(json.dumps(dataclasses.asdict(p)))"
    return Process(**json.loads(subprocess.check_output([sys.executable, "-c", code])))


def leave_claim(store: Store, owner: Process, key: str = KEY) -> Path:
    """The claim of a worker that did not release it."""
    store.prepare()
    path = store.root / "claims" / f"train-{key}.json"
    path.write_text(json.dumps({**dataclasses.asdict(owner), "token": "of another"}))
    return path


def numbers(by: str = "me") -> Contents:
    return Contents(arrays={"logits": np.arange(12.0).reshape(3, 4)}, record={"by": by})


def never() -> Contents:
    raise AssertionError("computed although it was there")


def left_behind(store: Store) -> list[str]:
    """Everything half-written, and every claim."""
    return [path.name for name in ("tmp", "claims") for path in (store.root / name).iterdir()]


# Names.


def test_a_digest_never_changes_between_versions() -> None:
    value = {"model": {"name": "resnet18", "width": 64}, "lr": 0.1, "seeds": [0, 1], "on": True, "none": None, "é": "ß"}
    assert digest(value) == "a05a5e1bd8ff4993e3c0a340a64cc6213a64877f09efa6c2355a7ab1f95f0f45"


def test_a_digest_depends_on_values_and_types_but_not_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": (2, 3)}) == digest(MappingProxyType({"b": [2, 3], "a": 1}))
    assert (
        len({digest(value) for value in ({"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"a": [1]}, {"a": None})}) == 6
    )


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"lr": math.nan}, "['lr'] is nan"),
        ({"layers": [1, {"rate": math.inf}]}, "['layers'][1]['rate'] is inf"),
        ({"width": np.int64(3)}, "['width']"),
        ({"names": {"a", "b"}}, "['names']"),
        ({"classes": {3: "cat"}}, "['classes'] has the key 3"),
        (Path("here"), "the value is"),
    ],
)
def test_what_json_cannot_say_is_refused_with_its_place(value: object, where: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError) as refused:
        digest(value)
    assert where in str(refused.value)
    with pytest.raises(TypeError):
        write_json(tmp_path / "value.json", value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("stage", "key"), [("../train", KEY), ("train", "../../etc"), ("train", KEY[:8]), ("", KEY)])
def test_a_name_that_could_lead_out_of_the_store_is_refused(store: Store, stage: str, key: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        store.get_or_create(stage, key, numbers)
    with pytest.raises(ValueError, match="logits/forget"):
        store.get_or_create("train", KEY, lambda: Contents(arrays={"logits/forget": np.zeros(1)}))
    assert left_behind(store) == []


# What is kept is what was given.


def test_weights_come_back_bit_for_bit(store: Store) -> None:
    import torch

    everything = torch.randn(4, 6)
    tensors = {
        "z.weight": torch.randn(3, 5, generator=torch.Generator().manual_seed(0)),
        "half": torch.randn(7).to(torch.bfloat16),
        "batches": torch.tensor(2**62 + 1, dtype=torch.int64),
        "nan": torch.tensor([math.nan, -0.0, math.inf]),
        "shared": everything,
        "part": everything[1:3],
        "transposed": everything.t(),
        "channels_last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "empty": torch.zeros(0, 3),
        "mask": torch.tensor([True, False]),
    }
    store.get_or_create("train", KEY, lambda: Contents(tensors=tensors))
    artefact = Store(store.root).load("train", KEY)
    assert artefact is not None
    loaded = artefact.tensors()
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (loaded[name].dtype, loaded[name].shape) == (tensor.dtype, tensor.shape), name
        expected = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        assert torch.equal(loaded[name].reshape(-1).view(torch.uint8), expected), name


def test_the_order_of_the_weights_does_not_matter(store: Store) -> None:
    import torch

    tensors = {"b": torch.ones(3), "a": torch.zeros(2, dtype=torch.int64), "c": torch.ones(1)}
    first, _ = store.get_or_create("train", KEY, lambda: Contents(tensors=tensors))
    other = dict(reversed(tensors.items()))
    second, _ = store.get_or_create("train", digest(1), lambda: Contents(tensors=other))
    name = "weights.safetensors"
    assert (first.path / name).read_bytes() == (second.path / name).read_bytes()


def test_changing_loaded_weights_leaves_the_artefact_as_it_was(store: Store) -> None:
    import torch

    artefact, _ = store.get_or_create("train", KEY, lambda: Contents(tensors={"weight": torch.zeros(5)}))
    artefact.tensors()["weight"].add_(1)
    again = Store(store.root).load("train", KEY)
    assert again is not None
    assert torch.equal(again.tensors()["weight"], torch.zeros(5))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.zeros((0, 10), np.float32),
        np.array(3.5),
        np.arange(5)[::-2],
        np.array([np.nan]),
    ],
)
def test_arrays_come_back_memory_mapped_and_read_only(store: Store, array: np.ndarray) -> None:
    store.get_or_create("predictions", KEY, lambda: Contents(arrays={"logits": array}))
    artefact = Store(store.root).load("predictions", KEY)
    assert artefact is not None
    loaded = artefact.array("logits")
    assert isinstance(loaded, np.memmap)
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(loaded, array)
    with pytest.raises(ValueError, match="read-only"):
        loaded[...] = 0


def test_a_record_is_the_same_from_memory_and_from_disk(store: Store) -> None:
    record = {"lr": 0.1 + 0.2, "sizes": (1, 2), "name": "é", "none": None}
    fresh, computed = store.get_or_create("train", KEY, lambda: Contents(record=record))
    loaded, computed_again = Store(store.root).get_or_create("train", KEY, never)
    assert (computed, computed_again) == (True, False)
    assert fresh == loaded
    assert loaded.record == {**record, "sizes": [1, 2]}
    assert loaded.tensors() == {}


def test_a_json_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "rows" / "cell.json"
    for value in ({"a": 1}, {"a": [2.5, None]}):
        write_json(path, value)
        assert json.loads(path.read_text()) == value
    assert list(path.parent.iterdir()) == [path]


def test_what_is_written_is_readable_for_whom_the_umask_allows(store: Store) -> None:
    umask = os.umask(0o022)
    try:
        artefact, _ = store.get_or_create("train", KEY, numbers)
    finally:
        os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in artefact.path.iterdir()} == {0o644}
    assert artefact.path.stat().st_mode & 0o777 == 0o755


# Nothing that is loaded executes code.


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (os.environ["BOMB"],)


@pytest.mark.parametrize("with_header", [True, False])
def test_a_pickle_in_place_of_an_array_is_refused_and_not_executed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_header: bool
) -> None:
    crater = tmp_path / "crater"
    monkeypatch.setenv("BOMB", str(crater))
    artefact, _ = store.get_or_create("train", KEY, numbers)
    with open(artefact.path / "logits.npy", "wb") as file:
        if with_header:
            np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
        else:
            pickle.dump(Bomb(), file)
    with pytest.raises(ValueError, match=r"allow_pickle|Python objects"):
        artefact.array("logits")
    assert not crater.exists()


def test_an_array_of_objects_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        store.get_or_create("train", KEY, lambda: Contents(arrays={"logits": np.array([{}], dtype=object)}))
    assert not store.has("train", KEY)
    assert left_behind(store) == []


# Damage is found, set aside and mended.


def truncate(artefact: Artefact) -> None:
    path = artefact.path / "logits.npy"
    path.write_bytes(path.read_bytes()[:-1])


def flip(artefact: Artefact) -> None:
    path = artefact.path / "logits.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def drop(artefact: Artefact) -> None:
    (artefact.path / "logits.npy").unlink()


def drop_manifest(artefact: Artefact) -> None:
    (artefact.path / "manifest.json").unlink()


def garbage(artefact: Artefact) -> None:
    (artefact.path / "manifest.json").write_bytes(b"\0" * 300)


def wrong_shape(artefact: Artefact) -> None:
    (artefact.path / "manifest.json").write_text("[1, 2]")


def of_another(artefact: Artefact) -> None:
    path = artefact.path / "manifest.json"
    path.write_text(path.read_text().replace(KEY, digest("another")))


def of_no_files(artefact: Artefact) -> None:
    restate(artefact.path, lambda files: files.clear())


def restate(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change which files the manifest names, and have its digest say that this is what was written."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest[DIGEST]
    change(manifest["files"])
    path.write_text(json.dumps({**manifest, DIGEST: digest(manifest)}))


@pytest.mark.parametrize("damage", [truncate, flip, drop, drop_manifest, garbage, wrong_shape, of_another, of_no_files])
def test_a_damaged_artefact_is_set_aside_and_computed_again(
    store: Store, damage: Callable[[Artefact], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(store.get_or_create("train", KEY, lambda: numbers("first"))[0])
    later = Store(store.root)
    assert later.has("train", KEY) == (damage is flip), "only a changed content escapes the look at sizes"
    with caplog.at_level(logging.WARNING):
        assert later.load("train", KEY) is None
    assert "corrupt" in caplog.text
    assert len(list((store.root / "corrupt").iterdir())) == 1
    again, computed = later.get_or_create("train", KEY, lambda: numbers("second"))
    assert (computed, again.record) == (True, {"by": "second"})
    assert Store(store.root).load("train", KEY) == again


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_anywhere_goes_unseen(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    artefact, _ = store.get_or_create("train", KEY, numbers)
    whole = {path.name: path.read_bytes() for path in artefact.path.iterdir()}
    name = data.draw(st.sampled_from(sorted(whole)))
    bit = data.draw(st.integers(0, 8 * len(whole[name]) - 1))
    broken = bytearray(whole[name])
    broken[bit // 8] ^= 1 << bit % 8
    (artefact.path / name).write_bytes(broken)
    assert Store(store.root).load("train", KEY) is None


def test_an_artefact_is_compared_with_its_digest_once_and_its_sizes_always(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.get_or_create("train", KEY, numbers)
    later, read = Store(store.root), []
    import hashlib

    original = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *arguments: read.append(1) or original(*arguments))
    found = later.load("train", KEY)
    assert found is not None
    once = len(read)
    assert once == 2, "the record and the array"
    later.load("train", KEY)
    assert len(read) == once
    truncate(found)
    assert later.load("train", KEY) is None
    flip(Store(store.root).get_or_create("train", KEY, numbers)[0])
    assert later.load("train", KEY) is None, "the next artefact of this name is compared again"


def test_a_good_artefact_that_replaced_a_corrupt_one_is_not_set_aside(store: Store) -> None:
    artefact, _ = store.get_or_create("train", KEY, numbers)
    slow = Store(store.root)
    inode = artefact.path.stat().st_ino
    flip(artefact)
    Store(store.root).get_or_create("train", KEY, lambda: numbers("second"))
    slow._set_aside(artefact.path, "train", KEY, inode, "judged before it was replaced")
    assert store.has("train", KEY)
    assert len(list((store.root / "corrupt").iterdir())) == 1


# Other versions.


def sealed(schema: int) -> dict[str, Any]:
    return {"schema": schema, "sha256": digest({"schema": schema})}


def test_a_store_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_json(tmp_path / "schema.json", sealed(SCHEMA + 1))
    with pytest.raises(SupremeError, match=r"newer version .* upgrade supreme, or give another output_dir"):
        Store(tmp_path)


def test_a_store_of_an_older_version_is_used_and_its_artefacts_stay(tmp_path: Path) -> None:
    write_json(tmp_path / "schema.json", sealed(SCHEMA - 1))
    old = tmp_path / "train" / "ab" / "old" / "manifest.json"
    write_json(old, {"schema": SCHEMA - 1})
    store = Store(tmp_path)
    assert store.get_or_create("train", KEY, numbers)[1]
    assert json.loads((tmp_path / "schema.json").read_text()) == sealed(SCHEMA)
    assert old.exists()


@pytest.mark.parametrize("damage", ["", "{", "\0" * 20, "[1]", '{"schema": "1"}', '{"schema": 3}', "[" * 100_000, None])
def test_a_lost_or_damaged_schema_file_is_written_again_and_every_artefact_stays(
    store: Store, damage: str | None
) -> None:
    store.get_or_create("train", KEY, numbers)
    place = store.root / "schema.json"
    place.unlink() if damage is None else place.write_text(damage)
    again = Store(store.root)
    assert not again.get_or_create("train", KEY, never)[1]
    again.prepare()
    assert json.loads(place.read_text()) == sealed(SCHEMA)


def test_a_damaged_schema_file_does_not_open_the_store_of_a_newer_version(store: Store) -> None:
    folder = store.get_or_create("train", KEY, numbers)[0].path
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": SCHEMA + 1}))
    (store.root / "schema.json").write_text("")
    with pytest.raises(SupremeError, match="newer version"):
        Store(store.root)


def named(folder: Path, name: str) -> None:
    """Have the manifest name another file."""
    restate(folder, lambda files: files.setdefault(name, {"bytes": 0, "sha256": ""}))


@pytest.mark.parametrize(
    "name",
    ["/dev/zero", "../../schema.json", "a/b.npy", "", ".", "..", "x", "manifest.json", ".npy", "-.npy", "a\n.npy"],
)
def test_a_manifest_that_names_what_no_artefact_holds_is_a_flaw_and_nothing_is_opened(store: Store, name: str) -> None:
    folder = store.get_or_create("train", KEY, numbers)[0].path
    named(folder, name)
    assert "which no artefact holds" in str(store.flaw("train", KEY))
    assert not store.has("train", KEY)


def to_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def to_a_file_outside(path: Path) -> None:
    outside = path.parents[4] / "outside"
    outside.write_bytes(b"x")
    path.symlink_to(outside)


@pytest.mark.parametrize("what", [to_zero, to_a_file_outside, os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("name", ["a.npy", "record.json", "manifest.json"])
def test_only_regular_files_inside_an_artefact_s_folder_are_opened(
    store: Store, name: str, what: Callable[[Path], None]
) -> None:
    folder = store.get_or_create("train", KEY, numbers)[0].path
    named(folder, "a.npy")
    (folder / name).unlink(missing_ok=True)
    what(folder / name)
    assert store.flaw("train", KEY) is not None
    assert store.load("train", KEY) is None


def test_an_array_that_the_manifest_does_not_state_is_a_flaw(store: Store) -> None:
    folder = store.get_or_create("train", KEY, numbers)[0].path
    (folder / "stray.npy").write_bytes(b"x")
    assert store.flaw("train", KEY) == "its manifest is incomplete"
    (folder / "stray.npy").rename(folder / ".nfs0001")  # what a network file system leaves for a while
    assert store.flaw("train", KEY) is None


def test_looking_into_a_store_writes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert not store.has("train", KEY)
    assert store.load("train", KEY) is None
    assert store.sweep_temporary() == 0
    assert list(tmp_path.iterdir()) == []


def test_asking_whether_an_artefact_is_there_takes_less_than_a_millisecond(store: Store) -> None:
    store.get_or_create("train", KEY, numbers)
    other, taken = digest("absent"), []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(50):
            assert store.has("train", KEY)
            assert not store.has("train", other)
        taken.append((time.perf_counter() - start) / 100)
    assert min(taken) < 1e-3


# Places that cannot be written.


@pytest.mark.parametrize(
    "write", [lambda root: Store(root).get_or_create("train", KEY, never), lambda root: Store(root).prepare()]
)
def test_an_output_directory_that_cannot_be_is_refused_in_one_sentence(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SupremeError, match=r"cannot be written .* output_dir") as refused:
        write(tmp_path / "file" / "store")
    assert "\n" not in str(refused.value)
    with pytest.raises(SupremeError, match="cannot be written"):
        write_json(tmp_path / "file" / "row.json", {})


def test_a_read_only_store_is_read_and_refuses_to_grow(small_disk: Path) -> None:
    store = Store(small_disk / "store")
    store.get_or_create("train", KEY, numbers)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    later = Store(store.root)
    assert later.get_or_create("train", KEY, never)[1] is False
    with pytest.raises(SupremeError, match="Read-only file system"):
        later.prepare()
    with pytest.raises(SupremeError, match="Read-only file system"):
        later.get_or_create("train", digest("another"), never)


@pytest.mark.parametrize("kind", ["tensors", "arrays", "record"])
def test_a_disk_that_fills_up_leaves_nothing_half_written_and_the_next_try_resumes(small_disk: Path, kind: str) -> None:
    import torch

    store = Store(small_disk / "store")
    large = {
        "tensors": Contents(tensors={"weight": torch.zeros(300_000)}),
        "arrays": Contents(arrays={"logits": np.zeros(150_000)}),
        "record": Contents(record={"log": "a" * 1_200_000}),
    }[kind]
    with pytest.raises(SupremeError, match=r"disk is full.* needs 1,200,0\d\d bytes.*resumes") as refused:
        store.get_or_create("train", KEY, lambda: large)
    assert str(store.root / "train" / KEY[:2] / KEY) in str(refused.value)
    assert left_behind(store) == []
    assert not store.has("train", KEY)
    assert store.get_or_create("train", KEY, numbers)[1]


def test_a_full_disk_is_found_before_any_work_and_leaves_no_claim(small_disk: Path) -> None:
    store = Store(small_disk / "store")
    store.prepare()
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"0" * 4096)
    with pytest.raises(SupremeError, match="disk is full"):
        store.get_or_create("train", KEY, never)
    with pytest.raises(SupremeError, match="disk is full"):
        write_json(store.root / "row.json", {"a": 1})
    assert left_behind(store) == []
    assert {path.name for path in store.root.iterdir()} == {"tmp", "claims", "schema.json"}
    filler.unlink()
    assert store.get_or_create("train", KEY, numbers)[1]


# Many workers.


def test_four_workers_that_want_the_same_compute_it_once(store: Store, journal: Path) -> None:
    workers = [worker(store, journal, 0.3, KEY) for _ in range(4)]
    started(workers)
    found = answers(workers)
    assert len(journal.read_text().split()) == 1
    assert len({by for _, by, _ in found}) == 1
    assert sorted(mine for *_, mine in found) == ["False", "False", "False", "True"]
    assert left_behind(store) == []


def test_threads_of_one_process_compute_it_once(store: Store) -> None:
    computed = []

    def create() -> Contents:
        computed.append(1)
        time.sleep(0.2)
        return numbers()

    threads = [threading.Thread(target=store.get_or_create, args=("train", KEY, create)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(computed) == 1


@pytest.mark.usefixtures("second_chance")
def test_a_waiter_takes_over_from_a_killed_worker_within_three_seconds(store: Store, journal: Path) -> None:
    holder = worker(store, journal, 60, KEY)
    started([holder])
    wait_for(lambda: journal.read_text())
    waiter = worker(store, journal, 0, KEY)
    started([waiter])
    time.sleep(1)  # long enough for the waiter to look as rarely as it ever does
    assert waiter.poll() is None
    holder.kill()  # and not collected: it stays a zombie, as under a parent that is busy
    killed = time.monotonic()
    ((_, by, mine),) = answers([waiter])
    assert time.monotonic() - killed < 60
    assert (int(by), mine) == (waiter.pid, "True")
    assert left_behind(store) == []
    holder.wait()


@pytest.mark.parametrize(("call", "count"), [("fsync", 1), ("fsync", 3), ("fsync", 4), ("rename", 1), ("fsync", 5)])
def test_a_worker_killed_while_it_writes_leaves_a_whole_artefact_or_none(store: Store, call: str, count: int) -> None:
    arguments = [sys.executable, "-c", SUICIDE, str(store.root), KEY, call, str(count)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    published = (call, count) == ("fsync", 5)  # the syncs after the rename
    assert store.has("train", KEY) == published
    assert (len(list((store.root / "tmp").iterdir())) == 0) == published
    artefact, computed = Store(store.root).get_or_create("train", KEY, lambda: numbers("second"))
    assert (artefact.record["by"], computed) == (("first", False) if published else ("second", True))
    assert store.sweep_temporary() == (0 if published else 1)
    assert list((store.root / "tmp").iterdir()) == []


def test_of_many_waiters_on_dead_claims_one_takes_over_each(store: Store, journal: Path) -> None:
    keys = [digest(number) for number in range(8)]
    owner = dead_process()
    for key in keys:
        leave_claim(store, owner, key)
    workers = [worker(store, journal, 0.05, *keys) for _ in range(6)]
    started(workers)
    found = answers(workers)
    assert len(journal.read_text().split()) == len(keys)
    assert sorted(key for key, _, mine in found if mine == "True") == sorted(keys)
    assert left_behind(store) == []


def test_a_takeover_that_died_midway_is_itself_taken_over(store: Store) -> None:
    owner = dead_process()
    leave_claim(store, owner)
    leave_claim(store, owner, f"{KEY}.takeover")
    assert store.get_or_create("train", KEY, numbers)[1]
    assert left_behind(store) == []


def test_work_that_raises_releases_the_claim_and_is_raised(store: Store) -> None:
    def fails() -> Contents:
        raise OSError("the work's own trouble")

    with pytest.raises(OSError, match="own trouble"):
        store.get_or_create("train", KEY, fails)
    assert left_behind(store) == []
    assert store.get_or_create("train", KEY, numbers)[1]


def test_what_was_done_meanwhile_by_another_is_kept(store: Store) -> None:
    def slow() -> Contents:  # as long as it takes others to think that this worker is dead
        (store.root / "claims" / CLAIM).unlink()
        Store(store.root).get_or_create("train", KEY, lambda: numbers("another"))
        return numbers("slow")

    artefact, computed = store.get_or_create("train", KEY, slow)
    assert (artefact.record["by"], computed) == ("another", False)
    assert left_behind(store) == []


# Who is dead?


def elsewhere() -> Process:
    return dataclasses.replace(Process.current(), host="elsewhere")


def patient(store: Store) -> Store:
    return Store(store.root, silence_seconds=0.6)


@pytest.mark.parametrize("mtime", [0.0, 2e9], ids=["clock at 1970", "clock in the future"])
def test_a_worker_on_another_machine_is_dead_after_a_silence_whatever_the_clocks_say(
    store: Store, mtime: float
) -> None:
    claim = leave_claim(store, elsewhere())
    os.utime(claim, (mtime, mtime))
    start = time.monotonic()
    assert patient(store).get_or_create("train", KEY, numbers)[1]
    assert 0.6 <= time.monotonic() - start < 60


def test_a_claim_that_does_not_say_whose_it_is_expires_after_a_silence(store: Store) -> None:
    leave_claim(store, elsewhere()).write_bytes(b"")
    start = time.monotonic()
    assert patient(store).get_or_create("train", KEY, numbers)[1]
    assert time.monotonic() - start >= 0.6


def test_a_worker_on_another_machine_whose_heart_beats_keeps_its_claim(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on while the waiter sleeps, and only then: no other work makes the heart miss a beat."""
    claim = leave_claim(store, elsewhere())
    now, silence, last_beat = 0.0, 2.0, 40.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now <= last_beat:
            os.utime(claim, (now, now))

    monkeypatch.setattr(
        "supreme.store.leases.time", SimpleNamespace(monotonic=lambda: now, time=time.time, sleep=sleep)
    )
    assert Store(store.root, silence_seconds=silence).get_or_create("train", KEY, numbers)[1]
    assert last_beat < now <= last_beat + 2 * silence


def test_a_living_worker_of_this_machine_keeps_its_claim_without_a_heartbeat(store: Store) -> None:
    claim = leave_claim(store, Process.current())
    done = threading.Thread(target=patient(store).get_or_create, args=("train", KEY, numbers))
    done.start()
    time.sleep(1.5)
    assert done.is_alive()
    claim.unlink()
    done.join(5)
    assert store.has("train", KEY)


def test_a_worker_says_once_for_whom_it_waits_and_nothing_of_the_dead(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sleeps: list[float] = []
    claim = leave_claim(store, Process.current())

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        os.utime(claim)  # a heartbeat is no news
        if len(sleeps) == 5:
            claim.unlink()

    monkeypatch.setattr(
        "supreme.store.leases.time", SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=sleep)
    )
    with caplog.at_level(logging.INFO, "supreme.store.leases"):
        assert store.get_or_create("train", KEY, numbers)[1]
        leave_claim(store, dead_process(), other := digest("other"))
        assert store.get_or_create("train", other, numbers)[1]
    said = [message for message in caplog.messages if message.startswith("waiting for")]
    assert said == [f"waiting for process {os.getpid()} on {Process.current().host}, which holds train-{KEY}"]


@pytest.mark.parametrize("change", [{"born": "1"}, {"boot": "an earlier start of the machine"}])
def test_another_process_with_the_number_of_a_dead_one_does_not_keep_its_claim(
    store: Store, change: dict[str, str]
) -> None:
    leave_claim(store, dataclasses.replace(Process.current(), **change))
    start = time.monotonic()
    assert store.get_or_create("train", KEY, numbers)[1]
    assert time.monotonic() - start < 60


def test_a_process_is_judged_only_where_it_can_be_seen() -> None:
    me = Process.current()
    assert me.gone() is False
    assert dead_process().gone() is True
    assert dataclasses.replace(me, host="elsewhere").gone() is None
    assert dataclasses.replace(me, namespace="1").gone() is None
    assert me.host == socket.gethostname()


def test_a_process_that_is_hidden_from_us_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = Process.current()
    monkeypatch.setattr("supreme.store.files._born", lambda pid: None)
    assert hidden.gone() is None


def test_processes_are_judged_alike_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "another system")
    me = Process.current()
    assert float(me.born) == psutil.Process().create_time()
    assert me.gone() is False
    assert dataclasses.replace(me, born="1.0").gone() is True
    child = subprocess.Popen([sys.executable, "-c", ""])
    wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert dataclasses.replace(me, pid=child.pid).gone() is True
    child.wait()
    assert dataclasses.replace(me, pid=child.pid).gone() is True


def test_the_heart_of_a_holder_beats_and_stops_with_it(store: Store) -> None:
    store.prepare()
    claims = Leases(
        folder=store.root / "claims", temporary=store.root / "tmp", heartbeat_seconds=0.02, silence_seconds=1
    )
    claim = store.root / "claims" / "x.json"
    threads = threading.active_count()
    with claims.attempt("x") as ours, claims.attempt("x") as theirs:
        assert (ours, theirs) == (True, False)
        owner = json.loads(claim.read_text())
        assert owner.pop("token")
        assert Process(**owner) == Process.current()
        beats = set()
        wait_for(lambda: beats.add(claim.stat().st_mtime_ns) or len(beats) >= 3)
    assert not claim.exists()
    assert threading.active_count() == threads


def test_a_holder_that_lost_its_claim_neither_keeps_the_next_one_alive_nor_releases_it(store: Store) -> None:
    store.prepare()
    claims = Leases(
        folder=store.root / "claims", temporary=store.root / "tmp", heartbeat_seconds=0.02, silence_seconds=1
    )
    claim = store.root / "claims" / CLAIM
    with claims.attempt(f"train-{KEY}"):
        claim.unlink()
        leave_claim(store, elsewhere())
        os.utime(claim, (1000, 1000))
        time.sleep(0.2)
        assert claim.stat().st_mtime == 1000
    assert json.loads(claim.read_text())["token"] == "of another"


def test_a_claim_that_took_the_place_of_a_dead_one_is_put_back(store: Store) -> None:
    claim = leave_claim(store, dead_process())
    claims = Leases(folder=store.root / "claims", temporary=store.root / "tmp", heartbeat_seconds=5, silence_seconds=1)
    watch = claims.waiter(f"train-{KEY}")._claim
    assert watch.expired()
    leave_claim(store, Process.current())
    fresh = claim.read_bytes()
    watch.clear(store.root / "tmp")
    assert claim.read_bytes() == fresh
    assert not watch.expired()
    assert list((store.root / "tmp").iterdir()) == []


# Leftovers.


def test_only_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    def name_of(process: Process) -> str:
        return "." + "_".join(str(part) for part in dataclasses.astuple(process)) + "_0123456789abcdef"

    dead, living = tmp_path / name_of(dead_process()), tmp_path / temporary_name()
    far, far_and_old = (tmp_path / name_of(dataclasses.replace(elsewhere(), pid=pid)) for pid in (1, 2))
    foreign = tmp_path / ".not_one_of_our_names_at_all"
    for path in (dead, living, far, far_and_old, foreign):
        path.mkdir()
        (path / "weights").write_bytes(b"half")
    os.utime(far_and_old, (1000, 1000))
    assert remove_orphans(tmp_path) == 2
    assert set(tmp_path.iterdir()) == {living, far, foreign}


def test_importing_the_store_imports_no_torch() -> None:
    code = "import supreme.store.store, sys; sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
