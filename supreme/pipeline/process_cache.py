"""What a process keeps from one task to the next: all of it, with the bounds, in one object. No torch here."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from supreme.core import registry

if TYPE_CHECKING:
    from supreme.core import IntArray, Split
    from supreme.core.images import ImageData
    from supreme.store.store import Store

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, of which those used last are kept: at most `limit`, or all."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()  # held only while looking: two threads may make the same value, and one of them is kept

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of this key; make it first where there is none. Nothing is kept when that raises."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        with self._lock:
            self._values[key] = made
            if self._limit is not None and len(self._values) > self._limit:
                self._values.popitem(last=False)
        return made

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._values.clear()


class ProcessCache:
    """One collection for each kind of thing that tasks share. It is a cache: emptying it costs time and no result."""

    def __init__(self) -> None:
        self.components: Kept[Any] = Kept()
        """Components, which are frozen, by their node and by the name that messages give them."""
        self.identities: Kept[Any] = Kept(10_000)
        """Identities of nodes, by the node; the cells of a sweep repeat few nodes."""
        self.stores: Kept[Store] = Kept()
        """Stores, by folder and versions; each checks an artefact's digest once."""
        self.decoded: Kept[ImageData] = Kept()
        """Decoded data sets, memory-mapped, by folder."""
        self.sources: Kept[Mapping[str, Any]] = Kept()
        """Nodes of data sources without `twins` or `evaluate_on`, by the node; cells that are alike share them."""
        self.twin_groups: Kept[tuple[bytes, IntArray]] = Kept()
        """Of each image of a decoded data set, by folder: the digest of its pixels, and the number of its group."""
        self.twin_counts: Kept[dict[str, int]] = Kept(1000)
        """How many twins the sets of a split have, by folder of the data and digest of the split."""
        self.splits: Kept[Split] = Kept(2)
        """Splits as drawn, by purpose, data, scenario and forget stream; poisoned data, which differ for each, are in
        them."""
        self.on_device: Kept[ImageData] = Kept()
        """Decoded data sets on a device, by folder and device."""
        self.poisoned_on_device: Kept[ImageData] = Kept(1)
        """Poisoned data on a device: the last set used."""
        self.warmed_up: Kept[None] = Kept()
        """Combinations of data, model, recipe and device that a throwaway model was trained with."""
        self.stored_code: Kept[None] = Kept()
        """Digests of component code that this process has put into a store, by the store's folder."""


PROCESS_CACHE = ProcessCache()
"""The only state that stages share beside the store."""


def built(node: Mapping[str, Any], what: str) -> Any:
    """The component that this node describes; one object for each process.

    Args:
        what: how the user knows it (`method ssd`), for the message when it is refused.
    """
    return PROCESS_CACHE.components.get((node_key(node), what), lambda: registry.build(node, what))


def node_key(node: Mapping[str, Any]) -> str:
    """The node as a key. Text, because 1, 1.0 and true are different values and equal as Python's keys."""
    return json.dumps(node)
