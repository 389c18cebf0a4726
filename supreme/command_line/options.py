"""Hydra's options, wherever they stand between the overrides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from supreme.command_line.conf_folder import groups, near_names
from supreme.core import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

FLAGS = {
    "--multirun": "",
    "-m": "--multirun",
    "--help": "",
    "-h": "--help",
    "--hydra-help": "",
    "--version": "",
    "--resolve": "",
    "--run": "",
    "-r": "--run",
    "--shell-completion": "",
    "-sc": "--shell-completion",
}
"""Options without a value, and what a short one is short for."""
VALUED = {
    "--cfg": "job, hydra or all",
    "-c": "--cfg",
    "--package": "a package, as in method",
    "-p": "--package",
    "--config-dir": "a folder",
    "-cd": "--config-dir",
    "--config-path": "a folder",
    "-cp": "--config-path",
    "--config-name": "a name",
    "-cn": "--config-name",
    "--experimental-rerun": "a file",
}
"""Options with a value, and what it is; or what a short one is short for."""
CHOICES = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
EXAMPLES = {
    "--cfg": "job",
    "--package": "method",
    "--config-dir": "my_conf",
    "--config-path": "conf",
    "--config-name": "config",
    "--experimental-rerun": "config.pickle",
}
INFO = ("--info", "-i")
"""Has a value or none."""


def options_first(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options, each with its value, and the other words, both in the order in which they were given.

    Raises:
        SupremeError: there is no such option, or its value is missing, not allowed, or no folder.
    """
    options: list[str] = []
    words: list[str] = []
    left = list(arguments)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word.lstrip("-").replace(".", "").isdecimal():
            words.append(word)
        elif name in INFO:
            if not equals and left and "=" not in left[0] and not left[0].startswith("-"):
                _checked("--info", left[0])
            options.append("--info")
            if equals or (left and left[0] in CHOICES["--info"]):
                options[-1] += f"={_checked('--info', value if equals else left.pop(0))}"
        elif name in VALUED:
            long = name if name.startswith("--") else VALUED[name]
            if not equals:
                if not left:
                    raise SupremeError(f"{name} needs {VALUED[long]}, as in {name} {EXAMPLES[long]}")
                value = left.pop(0)
            options += [long, _checked(long, value)]
        elif word in FLAGS:
            options.append(FLAGS[word] or word)
        else:
            raise SupremeError(_unknown(name, value if equals else left[0] if left else ""))
    return options, words


def _checked(option: str, value: str) -> str:
    if option in CHOICES and value not in CHOICES[option]:
        raise SupremeError(f"{option} {value} is not allowed: give {', '.join(CHOICES[option])}")
    if option != "--config-dir":
        return value
    folder = Path(value).expanduser()
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise SupremeError(f"--config-dir {value} {what}: give the folder that holds method/, data/, ... of your own")
    return str(folder)


def _unknown(name: str, value: str) -> str:
    """The sentence on an option that nobody has: most who type one mean a value of the config."""
    bare = name.lstrip("-").replace("-", "_")
    value = value if value and not value.startswith("-") else "..."
    if bare in groups():
        return f"there is no option {name}; choices are typed without dashes: {bare}={value}"
    if bare in VALUES:
        return f"there is no option {name}; values are typed without dashes: {VALUES[bare]}={value}"
    known = [option for option in (*FLAGS, *VALUED, *INFO) if option.startswith("--")]
    near = near_names(name, known)
    hint = f"did you mean {near[0]}?" if near else "values are typed without dashes, as in recipe.epochs=5."
    return f"there is no option {name}; {hint} `supreme --help` shows the options and every value"


VALUES = {
    "epochs": "recipe.epochs",
    "lr": "recipe.lr",
    "batch_size": "recipe.batch_size",
    "seed": "seed",
    "seeds": "seed",
    "devices": "devices",
    "device": "devices",
    "gpu": "devices",
    "gpus": "devices",
    "dataset": "data",
    "arch": "model.arch",
    "output": "output_dir",
    "output_dir": "output_dir",
    "out": "output_dir",
    "dry_run": "dry_run",
    "timeout": "timeout",
    "threads": "threads",
    "data_dir": "data_dir",
    "root": "data.root",
    "experiment": "experiment",
    "metrics": "metric",
}
"""Options that other programs of the field have -> the value of ours."""


def importable_from_here(options: Sequence[str]) -> None:
    """Let components be imported from the working folder and from beside --config-dir, here and in every worker.

    `python -m supreme` would find the first by itself, the command `supreme` would not.
    """
    import sys

    own = [Path(options[at + 1]).resolve().parent for at, option in enumerate(options) if option == "--config-dir"]
    for folder in (*map(str, own), os.getcwd()):
        if folder not in (str(Path(known or os.getcwd()).absolute()) for known in sys.path):
            sys.path.insert(0, folder)
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    new = [folder for folder in (os.getcwd(), *map(str, own)) if folder not in known]
    if new:
        os.environ["PYTHONPATH"] = os.pathsep.join([*new, *filter(None, known)])
