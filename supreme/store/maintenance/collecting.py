"""`supreme store gc`: remove what no row refers to, and what can be made again at a known price."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from supreme.core import SupremeError
from supreme.store.alone import if_alone
from supreme.store.files import explaining, temporary_name
from supreme.store.maintenance.inventory import Inventory, Item
from supreme.store.maintenance.listing import told_claim
from supreme.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is to go, and what stays though no row refers to it."""

    going: Sequence[Item]
    young: Sequence[Item]
    """Perhaps somebody is about to use it."""
    unknown: Sequence[Item]
    """It does not say whose it is."""


def choose(inventory: Inventory, *, min_age_seconds: float, weights: bool) -> Choice:
    """What no row refers to; with `weights` also the unlearned models of the rows.

    Raises:
        SupremeError: the rows do not tell what is used.
    """
    if inventory.rows.unreadable:
        raise SupremeError(
            f"{inventory.rows.unreadable[0]} cannot be read, so what it refers to is not known; type `supreme store "
            f"verify {inventory.directory} --set-aside`, and run its cell again"
        )
    if not inventory.rows.rows:
        raise SupremeError(
            f"there is no row in {inventory.directory}, so nothing in its store would be left: finish a sweep first, "
            f"or delete the folder yourself"
        )
    unused = [item for item in inventory.items if item.use == "unused"]
    if weights:
        unused += [item for item in inventory.of_kind("unlearned") if item.use == "used"]
    going, young = list[Item](), list[Item]()
    for item in unused:
        stays = item.age_seconds < min_age_seconds and item.kind not in ("corrupt", "leftover")
        (young if stays else going).append(item)
    return Choice(going=going, young=young, unknown=[item for item in inventory.items if item.use == "unknown"])


def refuse_at_work(inventory: Inventory) -> None:
    """A sweep uses models that no row names yet."""
    if inventory.at_work:
        raise SupremeError(
            f"{told_claim(inventory.at_work[0])}: it may need what no row refers to yet; wait until it has ended"
        )


def remove(store: Store, going: Sequence[Item]) -> Iterator[Item]:
    """Remove these one by one, and give each that has gone.

    Raises:
        SupremeError: a process has begun to work with the store; the others stay.
    """
    store.prepare()
    for item in going:
        if at_work := [claim for claim in store.claims() if not claim.dead]:
            raise SupremeError(f"stopped, because somebody has begun to work here: {told_claim(at_work[0])}")
        if item.path.parent.name != "data":
            _remove(store.root, item.path)
            yield item
            continue
        name = item.key.lstrip(".")[:32]
        with if_alone(item.path.parent, name) as nobody_decodes:
            if nobody_decodes:
                _remove(store.root, item.path)
                yield item


def _remove(root: Path, path: Path) -> None:
    """At every moment it is whole or absent under its name."""
    aside = root / "tmp" / temporary_name()
    with explaining(path, 0), suppress(FileNotFoundError):  # another process removes it too
        os.rename(path, aside)
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
