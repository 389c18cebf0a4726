"""`supreme.list_methods`: every method, and what it asks for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from supreme.api.hydra_here import hydra_here, method_of
from supreme.api.requirements import requirements
from supreme.core import registry

if TYPE_CHECKING:
    import pandas as pd


def list_methods(config_dir: str | Path | None = None) -> pd.DataFrame:
    """One line for each method: what it is, and what it asks for with the values of its YAML.

    A method whose YAML lacks a value, as `given` lacks its path, has no line.

        >>> import supreme
        >>> methods = supreme.list_methods()
        >>> methods.query("not history and not fresh").index  # of these, supreme.unlearn asks for nothing else

    Columns:
        description: the first line of its documentation.
        validation: it reads validation images, at least where the forget set is no whole class: `validation=(x, y)`.
        whole_classes: it forgets classes and nothing else.
        history: it reads the history of the training, so it runs in a sweep alone.
        features: it reads what the last layer reads, so a network must have a body and a head.
        fresh: it starts from a new network: `fresh=...`.
        recipe: it trains, or augments, by the recipe.

    Args:
        config_dir: a folder with YAML files of your own.
    """
    import pandas as pd

    lines: dict[str, dict[str, Any]] = {}
    with hydra_here([Path(config_dir)] if config_dir is not None else []) as hydra:
        for name in hydra.config_loader.get_group_options("method"):
            config = method_of(hydra, name)
            if OmegaConf.missing_keys(config):  # it needs a value of yours, as a path
                continue
            node: Any = OmegaConf.to_container(config, resolve=True)
            method = registry.build(node, f"method {name}")
            description = (type(method).__doc__ or "").strip().partition("\n")[0]
            lines[name] = {"description": description, **asdict(requirements(method))}
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("method").sort_index()
