"""One folder for each class, in one folder or in `train`, `test` and perhaps `val` of their own."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from supreme.core import SupremeError
from supreme.data import entries, files
from supreme.data.entries import TOLD, Entry
from supreme.data.listed import PARTS, SPELLINGS, TEST, TRAIN, VALIDATION, Listed

Classes = dict[str, list[Entry]]
"""The photographs of each class, by the name of its folder, both in the order of their names."""


def listed(root: Path, exclude: Collection[str]) -> Listed:
    """The photographs below root, those of the training part first where the folders are those of a split.

    Where there is a `val` and no `test`, as in ImageNet, the former tests.

    Args:
        exclude: names of folders that are passed over, in root and in the folders of a split.

    Raises:
        SupremeError: something is not as it must be, or could be meant in two ways.
    """
    parts = _parts(root, entries.visible(root, exclude))
    if parts is None:
        classes = _classes(root, exclude)
        return Listed(_paths(classes), _numbers(classes, list(classes)), list(classes), None)
    notes = ()
    if TEST not in parts:
        parts = {TRAIN: parts[TRAIN], TEST: parts[VALIDATION]}
        notes = (f"{root} holds no test: the photographs of {parts[TEST].name} test, and validation images are dealt",)
    found = {part: _classes(Path(folder.path), exclude) for part, folder in parts.items()}
    names = list(found[TRAIN])
    for part, classes in found.items():
        _refuse_other_classes(Path(parts[part].path), classes, names, complete=part == TEST)
    return Listed(
        paths=[path for classes in found.values() for path in _paths(classes)],
        labels=np.concatenate([_numbers(classes, names) for classes in found.values()]),
        class_names=names,
        parts=[part for part, classes in found.items() for _ in _paths(classes)],
        notes=notes,
    )


def _paths(classes: Classes) -> list[Path]:
    return [Path(entry.path) for photographs in classes.values() for entry in photographs]


def _numbers(classes: Classes, names: Sequence[str]) -> np.ndarray:
    return np.repeat([names.index(name) for name in classes], [len(photographs) for photographs in classes.values()])


def _parts(root: Path, found: Sequence[Entry]) -> dict[str, Entry] | None:
    """By part its folder, if the folders of root are those of a split; None: they are classes."""
    folders = [entry for entry in found if entry.is_folder]
    called = [entry for entry in folders if entry.name.casefold() in SPELLINGS]
    if not called:
        return None
    inside = {entry.name: entries.visible(entry.path) for entry in called}
    divided = [entry for entry in called if any(one.is_folder for one in inside[entry.name])]
    others = [entry.name for entry in folders if entry not in called]
    if others and not divided:
        return None  # a class that is called "train", as one of vehicles may be
    if len(folders) == 1:
        return None  # said where one class is refused, or folders in it
    told = " and ".join(entry.name for entry in called)
    if others:
        raise SupremeError(
            f"{root} holds {told}, with class folders of their own, and beside them {files.first(others, TOLD)}: type "
            f"data.exclude=[{','.join(others)}] to take {told} for the split, or move what is no class folder away"
        )
    parts = _named(root, called)
    if TRAIN not in parts:
        raise SupremeError(f"{root} holds {told} and no train: add the folder train, or rename one of them")
    parts = {part: parts[part] for part in PARTS if part in parts}
    for part, entry in parts.items():
        _refuse_undivided(parts, part, inside[entry.name])
    return parts


def _named(root: Path, called: Sequence[Entry]) -> dict[str, Entry]:
    parts: dict[str, Entry] = {}
    for entry in called:
        part = SPELLINGS[entry.name.casefold()]
        if part in parts:
            raise SupremeError(
                f"{root} holds {parts[part].name} and {entry.name}, which both mean {part}: merge them, rename one, or "
                f"type data.exclude=[{entry.name}] to pass over it"
            )
        parts[part] = entry
    return parts


def _refuse_undivided(parts: Mapping[str, Entry], part: str, inside: Sequence[Entry]) -> None:
    """Raise SupremeError where the folder of a part, which holds this, holds no class folders."""
    folder = parts[part]
    if any(one.is_folder for one in inside):
        return
    if not inside:
        advice = f"fill it or type data.exclude=[{folder.name}]" if len(parts) > 2 else "fill it or take it away"
        raise SupremeError(f"{folder.path} is empty: {advice}")
    if part == TRAIN or not any(one.is_picture for one in inside):
        raise SupremeError(
            f"{folder.path} holds no class folders: move each photograph into a folder of its class, or give a table "
            "file,label of them, as in data.table=labels.csv"
        )
    rest = f"type data.exclude=[{folder.name}]" if len(parts) > 2 else f"type data.root={parts[TRAIN].path}"
    raise SupremeError(
        f"{folder.path} holds photographs and no class folders, so that their classes are not known: move each into a "
        f"folder of its class, or {rest} to do without them"
    )


def _classes(root: Path, exclude: Collection[str]) -> Classes:
    """The class folders of this folder.

    Raises:
        SupremeError: there are none, or one, or something beside photographs is in them.
    """
    found = entries.visible(root, exclude)
    folders = [entry for entry in found if entry.is_folder]
    if loose := [entry.path for entry in found if entry.is_picture]:
        raise SupremeError(f"photographs in no class folder: {files.first(loose, TOLD)}; move each into one")
    entries.refuse_the_same_folder_twice(root, folders)
    classes = {folder.name: entries.visible(folder.path) for folder in folders}
    _refuse_what_is_no_photograph(root, classes)
    if len(folders) < 2:
        only = f"one class only, {folders[0].name}" if folders else "no class folders"
        raise SupremeError(f"{root} holds {only}: a classifier needs two or more")
    entries.refuse_names_that_are_no_text(classes)
    return classes


def _refuse_what_is_no_photograph(root: Path, classes: Mapping[str, Sequence[Entry]]) -> None:
    """A class folder holds photographs, one or more, and nothing else."""
    found = [entry for photographs in classes.values() for entry in photographs]
    if inner := [entry for entry in found if entry.is_folder]:
        told = files.first([entry.path for entry in inner], TOLD)
        raise SupremeError(f"folders where photographs are expected: {told}; {_advice(inner, classes)}")
    entries.refuse_special(found)
    if stray := [entry.path for entry in found if not entry.is_picture]:
        kinds = ", ".join(sorted(files.IMAGE_SUFFIXES))
        raise SupremeError(f"no photographs ({kinds}): {files.first(stray, TOLD)}; move each out of its class folder")
    if empty := [str(root / name) for name, photographs in classes.items() if not photographs]:
        raise SupremeError(f"empty class folders: {files.first(empty, TOLD)}; fill each or take it away")


def _advice(inner: Sequence[Entry], classes: Mapping[str, object]) -> str:
    """What to do about folders in class folders, so that no test image becomes a training image."""
    above = Path(inner[0].path).parent
    if len(classes) == 1:
        return f"type data.root={files.told(above)}"
    if {entry.name.casefold() for entry in inner} <= set(SPELLINGS):
        name = inner[0].name
        return (
            f"move each to where a split is looked for, {name}/{above.name} in place of {above.name}/{name}, so that "
            "test images stay apart"
        )
    return "move what they hold one level up if it is of that class, or type data.exclude=[...] for what is no class"


def _refuse_other_classes(folder: Path, classes: Classes, names: Sequence[str], *, complete: bool) -> None:
    """Raise SupremeError where a part has a class that does not train, or lacks one where it must be complete."""
    if unknown := [name for name in classes if name not in names]:
        alike = {entries.plain(name): name for name in names}
        close = [alike.get(entries.plain(unknown[0])), *difflib.get_close_matches(unknown[0], names, 1, 0.8)]
        near = next((name for name in close if name), None)
        hint = f"did you mean {near}? Rename it" if near else f"add them to train or type data.exclude=[{unknown[0]}]"
        raise SupremeError(f"{folder} has classes that train lacks, {files.first(unknown, TOLD)}; {hint}")
    if complete and (missing := [name for name in names if name not in classes]):
        raise SupremeError(
            f"{folder} lacks classes that train has, {files.first(missing, TOLD)}: add them, or type "
            f"data.exclude=[{','.join(missing[:TOLD])}{',...' if len(missing) > TOLD else ''}]"
        )
