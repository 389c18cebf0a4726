"""The split as a method is given it: the sets that it declares in `needs`, and of every other set the length alone.

This finds honest mistakes (a wrong loader, all images where the retained ones were meant). It is no security boundary:
code that wants to can read anything in its own process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from supreme.core import SET_NAMES, Split, SupremeError
from supreme.core.images import ImageData, Images

if TYPE_CHECKING:
    import torch
    from torch import Tensor

READABLE = ("forget", "retain", "validation")
"""The sets that a method may declare; test images are for metrics."""

Refuse = Callable[[str, str], NoReturn]
"""(what was read, as "split.test.labels"; why it may not be, and what to do instead) -> raises."""

_FACTS = frozenset({"class_names", "num_classes", "image_size", "fine_names", "mean", "std", "fingerprint"})
"""Of a source what says nothing about any one image."""


@contextmanager
def declared_reads(split: Split, method: object, name: str) -> Iterator[Split]:
    """The split for this method; inside, and when it ends, a set that was read and not declared is an error.

    Args:
        name: how the user knows the method: "method ssd".

    Raises:
        SupremeError: a set was read that the method does not declare, even where the method went on after that; or
            its `needs` is no frozenset of some of `READABLE`.
    """
    found: list[str] = []

    def refuse(read: str, why: str) -> NoReturn:
        found.append(f"{name} read {read}, {why}")
        raise SupremeError(found[0])

    needs = needs_of(method, name)
    try:
        yield watched_split(split, needs, refuse)
    except Exception as error:
        if found:  # whatever the method has made of it
            raise SupremeError(found[0]) from error
        raise
    if found:
        raise SupremeError(found[0])


def needs_of(method: object, name: str) -> frozenset[str]:
    """The sets that a method declares.

    Raises:
        SupremeError: it declares none, or a set that no method may read.
    """
    needs = getattr(method, "needs", None)
    if isinstance(needs, frozenset) and needs <= set(READABLE):
        return needs
    given = "nothing" if needs is None else repr(sorted(needs) if isinstance(needs, frozenset) else needs)
    raise SupremeError(
        f"{name} declares {given} as the sets it reads: write needs: ClassVar[frozenset[str]] = "
        f"frozenset({{...}}) in its class, with some of {', '.join(READABLE)}"
    )


def watched_split(split: Split, needs: frozenset[str], refuse: Refuse) -> Split:
    """The split with the sets in `needs`, and the lengths of the others; whatever else is read calls `refuse`."""
    sets = {name: getattr(split, name) for name in SET_NAMES}
    readable = np.zeros(len(split.data.labels), dtype=bool)
    for name in needs:
        readable[sets[name].indices] = True
    source = _Source(split.data, readable, refuse)
    given: dict[str, Images] = {
        name: _opened(images, source) if name in needs else _Closed(name, len(images), needs, refuse)
        for name, images in sets.items()
    }
    return replace(split, extra=_ForMetrics("extra", refuse), planted=_ForMetrics("planted", refuse), **given)


def _opened(images: Images, source: _Source) -> _Opened:
    """The set with arrays that cannot be written to: the model is evaluated on it afterwards."""
    sealed = {name: getattr(images, name).view() for name in ("indices", "targets")}
    for array in sealed.values():
        array.flags.writeable = False
    return _Opened(data=source, device=images.device, augmentation=images.augmentation, **sealed)


@dataclass(frozen=True, kw_only=True)
class _Opened(Images):
    """A set that may be read. Only the start of a pass over it differs from that of `Images`."""

    def numbered_batches(
        self, size: int, rng: torch.Generator | None = None, augment: bool = False
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        source: _Source = self.data  # type: ignore[assignment]
        return source._plain(self).numbered_batches(size, rng, augment)


class _Source(ImageData):
    """What all declared sets are views on: the facts about it can be read, and images only through those sets."""

    _plain: Callable[[Images], Images]

    def __init__(self, data: ImageData, readable: np.ndarray[Any, np.dtype[np.bool_]], refuse: Refuse) -> None:
        def plain(images: Images) -> Images:
            if not readable[images.indices].all():
                refuse("images of other sets than it declares", "by positions of its own: take those of its sets")
            own = {name: getattr(images, name) for name in ("indices", "targets", "device", "augmentation")}
            return Images(data=data, **own)

        kept = {name: getattr(data, name) for name in _FACTS - {"num_classes"}}
        for name, value in {**kept, "_plain": plain, "_refuse": refuse}.items():
            object.__setattr__(self, name, value)

    def __getattribute__(self, name: str) -> Any:
        if name in _FACTS or name.startswith("_"):
            return object.__getattribute__(self, name)
        refuse: Refuse = object.__getattribute__(self, "_refuse")
        return refuse(
            f"{name} of the whole source",
            "which holds the images of every set: read a set that it declares, as in split.retain.batches(...)",
        )

    def __repr__(self) -> str:
        return f"<the source of {', '.join(self.class_names)}>"

    def __deepcopy__(self, memo: object) -> _Source:
        return self  # nobody can write to it


class _Closed(Images):
    """A set that is not declared: it has a length, and holds nothing else."""

    def __init__(self, name: str, length: int, needs: frozenset[str], refuse: Refuse) -> None:
        for key, value in {"_name": name, "_length": length, "_needs": needs, "_refuse": refuse}.items():
            object.__setattr__(self, key, value)

    def __len__(self) -> int:
        return object.__getattribute__(self, "_length")

    def __repr__(self) -> str:
        return f"<{len(self)} images of {object.__getattribute__(self, '_name')}, which is not declared>"

    def __iter__(self) -> NoReturn:
        self._refused("")

    def __getitem__(self, position: object) -> NoReturn:
        self._refused("")

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return object.__getattribute__(self, name)
        return object.__getattribute__(self, "_refused")(f".{name}")

    def _refused(self, read: str) -> NoReturn:
        name, needs = (object.__getattribute__(self, key) for key in ("_name", "_needs"))
        refuse: Refuse = object.__getattribute__(self, "_refuse")
        if name in READABLE:
            more = ", ".join(repr(one) for one in READABLE if one in {name, *needs})
            why = f"and does not declare {name}: write needs = frozenset({{{more}}}), or do without"
        else:
            more = ", ".join(repr(one) for one in READABLE if one in {"validation", *needs})
            why = (
                "and no method may read test images: those to choose by are split.validation, declared as "
                f"needs = frozenset({{{more}}})"
            )
        refuse(f"split.{name}{read}", why)


class _ForMetrics(Mapping[str, Any]):
    """What the scenario left for metrics: no method may so much as count it."""

    def __init__(self, name: str, refuse: Refuse) -> None:
        self._name, self._refuse = name, refuse

    def _refused(self, *_: object) -> NoReturn:
        self._refuse(
            f"split.{self._name}",
            "which only metrics may read (split.sets and split.to read it, too): name the sets it needs one by one",
        )

    __getitem__ = __iter__ = __len__ = _refused
