"""The training, validation and test set of a class of data sets, by what its signature asks for."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from supreme.core import SupremeError
from supreme.data.torchvision_layout import LAYOUT, PACKAGE

Arguments = Mapping[str, Any]

WORDS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training", "trainval", "train-standard"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""What a data set may call its parts, in the order in which they are tried."""
SELECTORS = ("split", "image_set", "subset", "phase", "partition", "part", "mode", "stage")
"""What the argument may be called that picks a part by a word."""


def loaded(path: str) -> Callable[..., Any]:
    """The class or function of this import path.

    Raises:
        SupremeError: there is none.
    """
    module_name, _, name = path.rpartition(".")
    if not module_name:
        near = difflib.get_close_matches(path, LAYOUT, 1, cutoff=0.8)
        example = f"{PACKAGE}.{near[0]}" if near else "my_lab.MyDataset, in my_lab.py of this folder"
        raise SupremeError(f"data.dataset={path} is not allowed: give its whole import path, as in {example}")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # importing runs foreign code
        raise SupremeError(f"data.dataset={path} cannot be imported ({type(error).__name__}: {error})") from error
    if (found := getattr(module, name, None)) is None:
        near = difflib.get_close_matches(name, [one for one in dir(module) if one[0] != "_"], 1)
        hint = f"; did you mean {module_name}.{near[0]}?" if near else ""
        raise SupremeError(f"data.dataset={path} is not allowed: there is no {name} in {module_name}{hint}")
    if not callable(found):
        raise SupremeError(
            f"data.dataset={path} is not allowed: it is an object of the type {type(found).__name__}; give a class, "
            "or a function, that makes the data set"
        )
    _refuse_stream(found, path)
    return found


def accepted(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What it takes by name; what a class hands on to those above it, too."""
    kinds = [kind for kind in target.__mro__ if "__init__" in vars(kind)] if isinstance(target, type) else [target]
    found: dict[str, inspect.Parameter] = {}
    for kind in kinds:
        try:
            parameters = inspect.signature(kind).parameters
        except (TypeError, ValueError):  # made in C, without a signature
            break
        for name, parameter in parameters.items():
            found.setdefault(name, parameter)
        if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()):
            break
    return {name: one for name, one in found.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)}


def made(target: Callable[..., Any], path: str, common: Arguments, part: str) -> Any:
    """The set of this part, found by `train=` or by a word for `split=` and the like; None: it has no such part.

    Args:
        common: what every set is given.
        part: train, validation or test. For validation, words are tried with torchvision's alone, which refuse those
            that they do not know; another class might take `val` for its test set.

    Raises:
        SupremeError: the training set cannot be made, or one that is there cannot be read.
    """
    parameters = accepted(target)
    if "train" in parameters and "train" not in common:
        return None if part == "validation" else constructed(target, path, {**common, "train": part == "train"})
    selector = next((name for name in SELECTORS if _selects(parameters.get(name)) and name not in common), None)
    if selector is None:
        return constructed(target, path, common) if part == "train" else None
    if part == "validation" and not path.startswith(f"{PACKAGE}."):
        return None
    errors = []
    for word in WORDS[part]:
        try:
            return constructed(target, path, {**common, selector: word})
        except SupremeError as error:
            if not _is_unknown(error.__cause__, word):
                raise
            errors.append(error)
    if part == "train":
        raise SupremeError(f"{errors[0]}; say what it is called, as in data.train_arguments={{{selector}: ...}}")
    return None


def constructed(target: Callable[..., Any], path: str, arguments: Arguments) -> Any:
    """What the class or function gives for these arguments."""
    try:
        found = target(**arguments)
    except Exception as error:  # foreign code
        told = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        parameters = ", ".join(accepted(target))
        advice = f"; it takes {parameters} (data.arguments={{...}})" if isinstance(error, TypeError) else ""
        raise SupremeError(f"{path}({told}) cannot be made ({type(error).__name__}: {error}){advice}") from error
    _refuse_stream(type(found), path)
    if not hasattr(found, "__getitem__") or not hasattr(found, "__len__"):
        raise SupremeError(
            f"data.dataset={path} gives an object of the type {type(found).__name__}: it must be a map-style data set, "
            "with __len__ and __getitem__"
        )
    return found


def _selects(parameter: inspect.Parameter | None) -> bool:
    if parameter is None:
        return False
    default = parameter.default
    if isinstance(default, str):
        return parameter.name == "split" or default in WORDS["train"]
    return default is parameter.empty or (parameter.name == "split" and default is None)


def _is_unknown(error: BaseException | None, word: str) -> bool:
    """Whether a data set refused the word, and not what it found under it."""
    return isinstance(error, ValueError | KeyError | AssertionError | NotImplementedError) and repr(word) in str(error)


def _refuse_stream(found: Any, path: str) -> None:
    from torch.utils.data import IterableDataset

    if isinstance(found, type) and issubclass(found, IterableDataset):
        raise SupremeError(
            f"data.dataset={path} is an IterableDataset, whose images have no numbers to forget them by: "
            "give a map-style data set, with __len__ and __getitem__"
        )
