"""Which preset of conf/tuned set values of a cell's method, by what these were chosen, and what is left of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from supreme.core import SupremeError

SOURCES = ("published", "reasoned", "found")
"""Where a preset's values come from: a paper or its code; thought alone; results of ours, by columns and on seeds."""


class Presets:
    """Reads each preset once, from every folder that Hydra's config loader knows."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._read: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def __call__(self, names: Mapping[str, Any], method: Mapping[str, Any]) -> dict[str, Any] | None:
        """What a row says of its preset; None where there is none for this combination, or with tuned=none.

        `kept` are the preset's fields whose values the method has, `overridden` those that the command line, a protocol
        or an experiment set to something else. Beside them is what the preset says under `tuned`: a source, and with
        `found` the columns whose closeness to the reference chose the values, and the training seeds; the source is
        "not stated" where it says nothing.

        Args:
            names: Hydra's choice for each group.
            method: the resolved config of the cell's method.

        Raises:
            SupremeError: the preset says something else under `tuned`.
        """
        name = str(names.get("tuned") or "none")
        if name not in self._read:
            found = self._loader.repository.load_config(f"tuned/{name}")
            content: Any = OmegaConf.to_container(found.config) if found else {}
            stated = _checked(name, content["tuned"]) if "tuned" in content else {"source": "not stated"}
            self._read[name] = stated, _flat(content.get("method") or {})
        stated, values = self._read[name]
        if not values:
            return None
        has = _flat(method)
        kept = [field for field, value in values.items() if field in has and has[field] == value]
        overridden = [field for field in values if field not in kept]
        return {"preset": name, **stated, "kept": kept, "overridden": overridden}


def _checked(name: str, told: Any) -> dict[str, Any]:
    source = told.get("source") if isinstance(told, Mapping) else None
    lists = ("columns", "seeds") if source == "found" else ()
    if (
        source not in SOURCES
        or set(told) != {"source", *lists}
        or not all(isinstance(told[key], list) for key in lists)
    ):
        raise SupremeError(
            f"tuned/{name}.yaml says tuned: {told}, which is not allowed: give {{source: published}}, "
            "{source: reasoned}, or {source: found, columns: [accuracy/forget], seeds: [100, 101]}"
        )
    return dict(told)


def _flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in node.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
