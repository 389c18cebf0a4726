"""`data.twins`: whether a scenario's sets may part identical images. It is no value of a data source, nor in its keys.

A cell that keeps twins together says so in its node of the data; `keep`, the default, leaves no trace there: keys of
what was computed before there was this choice stay as they were. What `together` changes is in the split's digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core import IntArray, Split, SupremeError
from supreme.core import twins as core
from supreme.core.images import ImageData
from supreme.core.pixels import Extended
from supreme.core.twins import KEEP, TOGETHER
from supreme.pipeline.process_cache import PROCESS_CACHE, node_key
from supreme.store.decoded import twins as stored

OPTION = "twins"


def checked(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node of the data as a cell keeps it: with the option where it is not the default.

    Raises:
        SupremeError: it has another value than these two.
    """
    given = node.get(OPTION, KEEP)
    if given not in (KEEP, TOGETHER):
        raise SupremeError(f"data.{OPTION}={given} is not allowed: give {KEEP} or {TOGETHER}")
    return PROCESS_CACHE.sources.get(node_key(node), lambda: source(node)) if given == KEEP else node


def source(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node of the data source alone."""
    return {name: value for name, value in node.items() if name != OPTION} if OPTION in node else node


def are_together(node: Mapping[str, Any]) -> bool:
    """Whether this node of the data keeps twins together."""
    return node.get(OPTION) == TOGETHER


def drawn(split: Split, node: Mapping[str, Any], path: str, decoded: ImageData) -> Split:
    """What a scenario has drawn, as the node of the data wants it.

    Args:
        path: folder of the decoded data.
    """
    return core.together(split, groups(split.data, path, decoded)) if are_together(node) else split


def counts(split: Split, digest: str, path: str, decoded: ImageData) -> dict[str, int]:
    """The row's `twins`; see `supreme.core.twins.twins_of`.

    Args:
        digest: of the split.
    """
    return PROCESS_CACHE.twin_counts.get(
        (path, digest), lambda: core.twins_of(split, groups(split.data, path, decoded))
    )


def groups(data: ImageData, path: str, decoded: ImageData) -> IntArray:
    """Of each image of the data, as decoded or as a scenario has poisoned them, the first one with the same pixels."""
    digests, known = PROCESS_CACHE.twin_groups.get(path, lambda: _of_decoded(Path(path), decoded))
    if isinstance(data.pixels, Extended):
        return core.group_numbers(digests + core.pixel_digests(data.pixels.added))
    return known


def _of_decoded(path: Path, decoded: ImageData) -> tuple[bytes, IntArray]:
    digests = stored.digests(path, decoded)
    return digests, core.group_numbers(digests)
