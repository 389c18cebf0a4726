"""What Hydra, OmegaConf and the YAML parser refuse, in one sentence of ours each."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, InterpolationKeyError, OmegaConfBaseException
from yaml import YAMLError

from supreme.command_line.conf_folder import CONF, groups, names, near_names
from supreme.core import SupremeError

SEVERAL = ("metric", "audit", "tracker")
"""Groups of which several are chosen at once, in brackets."""
PLUGINS = {f"hydra/sweeper={name}": f"hydra-{name}-sweeper" for name in ("optuna", "ax", "nevergrad")} | {
    f"hydra/launcher=submitit_{where}": "hydra-submitit-launcher" for where in ("local", "slurm")
}
"""Choices that come with packages of Hydra's own, which ours does not need."""
MANY = 8
"""With more choices than this, a message names the near ones only."""


@contextmanager
def in_sentences(words: Sequence[str]) -> Iterator[None]:
    """Tell in our words what is refused, unless HYDRA_FULL_ERROR=1 asks for the traceback.

    Args:
        words: the overrides that were typed.
    """
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        yield
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors instead of printing them
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise SupremeError(_explained(error, words)) from error
    except YAMLError as error:
        raise SupremeError(_of_yaml(error)) from error
    except ValueError as error:
        if told := _of_value_error(error, words):
            raise SupremeError(told) from error
        raise
    except AssertionError as error:  # Hydra's, on what it composes
        raise SupremeError(f"{' '.join(words)} cannot be composed: {error}") from error
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def _explained(error: Exception, words: Sequence[str]) -> str:
    cause = error.__cause__ or error
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _missing(str(error.missing_cfg_file), error.options or (), words)
    if isinstance(cause, YAMLError):
        return _of_yaml(cause)
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and isinstance(cause.parent_node, DictConfig):
        return unknown_key(str(cause.full_key), cause.parent_node, words)
    text = str(error).split("Config search path:")[0].strip()
    if (isinstance(cause, InterpolationKeyError) or "interpolation" in text) and (told := _of_choices(words)):
        return told
    if found := re.match(r"Sweep parameters '(.*)' requires --multirun", text):
        return f"{found[1]} is a list to sweep over: add -m, as in supreme -m {shlex.quote(found[1])}"
    if (found := re.match(r"Could not override '(\w+)'\. No match", text)) and found[1] in groups():
        return f"{found[1]}= chooses nothing: the files of conf/{found[1]} are of methods; leave it out"
    if found := re.match(r"Ambiguous value for argument '(.*)'", text):
        key, _, value = found[1].partition("=")
        if key in SEVERAL:
            return (
                f"{found[1]} has several values: for all of them in each run type '{key}=[{value}]'; to sweep, add -m"
            )
        if key in groups():
            return f"{found[1]} has several values: to sweep over them add -m, as in supreme -m {found[1]}"
        listed, quoted = shlex.quote(f"{key}=[{value}]"), shlex.quote(f'{key}="{value}"')
        return (
            f"{found[1]} has several values: to sweep over them add -m; as one list type {listed}; as a text, {quoted}"
        )
    if isinstance(error, ConfigCompositionException) and (told := _of_choices(words)):
        return told
    return " ".join(text.split())


def unknown_key(full_key: str, parent: DictConfig, words: Sequence[str]) -> str:
    """The sentence on a value that the config does not have."""
    above, _, key = full_key.rpartition(".")
    fields = [str(name) for name in parent if str(name) not in ("_target_", "defaults")]
    if above in groups() and any(len(_swept(word)) > 1 for word in words if word.startswith(f"{above}=")):
        first = next(word for word in words if word.startswith(f"{above}="))
        return (
            f"there is no {full_key} in every choice of {first}: sweep the choices that have it by themselves, or give "
            "each its values in `grids`, as conf/experiment/pins_resnet18.yaml does"
        )
    if above and not fields:
        chosen = next((word for word in words if word.startswith(f"{above}=")), above)
        return f"there is no {full_key}: {chosen} has no values to set"
    if not above and key in groups():
        return f"{key} is chosen by a name: type {key}={names(key)[0]}"
    near = near_names(key, fields)
    elsewhere = _values_called(key) if not above and not near else []
    what = near[0] if near and not above else f"{above}.{near[0]}" if near else elsewhere[0] if elsewhere else ""
    hint = f"did you mean {what}? " if what else ""
    has = (
        f"{above or 'The config'} has {', '.join(fields)}"
        if len(fields) <= 3 * MANY
        else "`supreme --cfg job` shows all"
    )
    return f"there is no {full_key}; {hint}{has}"


def _values_called(key: str) -> list[str]:
    """The default config's values, in any group, of this name or near it."""
    found: dict[str, str] = {}
    for group in ("recipe", *groups()):  # which most who type epochs mean
        for name in names(group):
            for line in (CONF / group / f"{name}.yaml").read_text().splitlines():
                if match := re.match(r"([a-z_]\w*):", line):
                    found.setdefault(match[1], f"{group}.{match[1]}")
    return [found[name] for name in near_names(key, found)]


def _missing(config: str, options: Sequence[str], words: Sequence[str]) -> str:
    """The sentence on a choice that is not there."""
    group, _, name = config.removesuffix(".yaml").partition("/")
    if not name:
        return f"there is no config {group}: leave --config-name out"
    if group == "hydra" or (group == "protocol" and "/" in name):
        inner, _, name = name.rpartition("/")
        group = f"{group}/{inner}" if inner else group
    given = next((word for word in words if word.startswith(f"{group}=")), "")
    if group == "recipe" and not given:
        return _no_recipe(name)
    there = sorted(set(options) or set(names(group)))
    if plugin := PLUGINS.get(f"{group}={name.removesuffix('.yaml')}"):
        return f"{group}={name} is a package of its own: pip install {plugin}"
    path = Path(name.removesuffix(".yaml"))
    if path.name in there and path.name != name:
        return f"there is no {group} {name}: type {group}={path.name}"
    near = near_names(path.name, there, group)
    shown = f"`supreme list {group}` shows them all" if group in groups() else f"there is {', '.join(there)}"
    if near:
        return f"there is no {group} {name}; did you mean {' or '.join(near)}? {shown[0].upper()}{shown[1:]}"
    if len(there) <= MANY:
        return f"there is no {group} {name}; there is {', '.join(there)}"
    return f"there is no {group} {name}, but {len(there)} others: {shown}"


def _no_recipe(pair: str) -> str:
    """A pair of data and model without a recipe: which half has one with another partner, and what else to type."""
    data, _, model = pair.partition("-")
    known = [name.partition("-")[::2] for name in names("recipe") if "-" in name]
    models = [other for one, other in known if one == data]
    plain = "recipe=adamw" if "vit" in model or "swin" in model else "recipe=sgd"
    todo = f"type model={models[0]}, which has one, or {plain}" if models else f"type {plain}"
    return f"data={data} with model={model} has no recipe of its own: {todo}"


def _of_choices(words: Sequence[str]) -> str:
    """The sentence on a group that was given no choice, or several where one is needed; empty where none was."""
    for word in words:
        key, _, value = word.lstrip("~+").partition("=")
        if key in groups() and key not in (*SEVERAL, "tuned"):
            if value.startswith("["):
                listed = value.strip("[]").replace(" ", "")
                return f"{word} is not allowed: one {key} a run; to sweep over several type -m {key}={listed}"
            if not value or value in ("null", "none", "None"):
                return f"{word} is not allowed: every run has a {key}; choose one, as in {key}={names(key)[0]}"
    return ""


def _swept(word: str) -> list[str]:
    value = word.partition("=")[2]
    return ["", ""] if value.startswith(("glob(", "choice(")) else value.split(",")


def _of_yaml(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return f"a YAML file cannot be read: {problem}"
    hint = "; YAML allows no tab at the beginning of a line: use blanks" if "\\t" in str(problem) else ""
    return f"{mark.name}, line {mark.line + 1}: {problem}{hint}"


def _of_value_error(error: ValueError, words: Sequence[str]) -> str:
    if not str(error).startswith("Config group override must be a string or a list"):
        return ""
    given = next((word for word in words if word.partition("=")[0] in groups()), "")
    group = given.partition("=")[0]
    return f"{given} is not allowed: a {group} is chosen by a name, as in {group}={names(group)[0]}" if group else ""
