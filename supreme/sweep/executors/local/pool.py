"""The worker pool: the places that a sweep holds, those it may take, and what becomes of those whose device fails."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from supreme.sweep.devices import nvml
from supreme.sweep.devices.memory import FULL_SHARE, Lack, Rules, foreign, lack, size
from supreme.sweep.devices.slots import Slot
from supreme.sweep.executors.local.place import Place
from supreme.sweep.schedule.executor import Reply
from supreme.sweep.schedule.tasks import Waiting

LOOK_AGAIN_SECONDS = 1.0
"""How often to ask whether others have given back what could be used."""
SHARE_AFTER_SECONDS = 20.0
"""For how long a sweep waits for a CPU core that other sweeps hold, before it shares all of them with these."""
LOCKS_SECONDS = 10.0
"""How often to see whether the files of our locks are still there."""
CONTEXT_BYTES = 1_000_000_000
"""Of a process on a GPU beside its tensors: the CUDA context and its libraries' work spaces, rounded up."""
USABLE_SHARE = 0.9
"""Of a device's memory, where jobs are packed by what the first ones took: allocators fragment."""


class WorkerPool:
    """Every place where the sweep may work. A place that is held has its lock, and had the memory when it was taken."""

    def __init__(
        self,
        slots: Sequence[Slot],
        directory: Path,
        rules: Rules,
    ) -> None:
        self.places = [Place(slot, directory) for slot in slots]
        self._rules = rules
        self.on_retired: Callable[[str, str], None] = lambda slot, reason: None
        """Called with the name of a slot that is used no more, and why."""
        self._retired: dict[str, str] = {}
        self._looked: dict[str, tuple[float, Lack | None]] = {}
        self._growth = {slot.uuid: _Growth() for slot in slots if slot.grows}
        self._told: set[object] = set()
        self._waits_since: float | None = None
        self._shares = False
        """Whether it works on cores that other sweeps hold."""
        self._shared_with: list[str] = []
        """Who they are, until that is told."""
        self._locks_seen = time.monotonic()

    # Taking and giving back.

    def free_place(self) -> Place | None:
        """One of ours that is warm and idle, else one that can be taken now."""
        for place in self.places:
            if place.idle:
                return place
        self._shares = self._shares or self._may_share()
        return next((place for place in self.places if not place.held and self._take(place)), None)

    def give_back(self, to_come: int) -> None:
        """Let other sweeps have the idle places that this many tasks cannot fill."""
        for place in [place for place in self.places if place.idle][to_come:]:
            place.leave()

    def warm_up(self, function: Callable[[], object], count: int) -> None:
        """Take this many places, where they are free, and have their processes call this before their first task."""
        payload = pickle.dumps((function, ()))
        for place in self.places[:count]:
            if not place.held and self._take(place):
                place.process.submit(payload, Path(os.devnull), "", None)
                place.process.warm = False

    def close(self) -> None:
        """End every process, then let go of every place."""
        with ThreadPoolExecutor(len(self.places)) as threads:  # each takes a moment to die
            list(threads.map(Place.leave, self.places))

    @property
    def holds_any(self) -> bool:
        return any(place.held for place in self.places)

    @property
    def holds_all(self) -> bool:
        """Whether there is none to look for."""
        return all(place.held or self._closed(place) for place in self.places)

    def look_after_locks(self) -> None:
        """Now and then, lock again what somebody has deleted the file of, and say so."""
        if time.monotonic() - self._locks_seen >= LOCKS_SECONDS:
            self._locks_seen = time.monotonic()
            for place in self.places:
                place.lock.renew()

    def _take(self, place: Place) -> bool:
        if self._closed(place) or self._lack(place) is not None:
            return False
        return place.take() or (self._shares and place.share())

    @property
    def _can_share(self) -> bool:
        """Whether only CPU cores are to be had: a GPU has no memory for two sweeps that know nothing of each other."""
        return self._rules.wait and all(place.slot.device == "cpu" for place in self.places)

    def _may_share(self) -> bool:
        """Whether others have held every core for so long that it is better to be slow on all of them than to wait."""
        if self.holds_any or not self._can_share:
            self._waits_since = None
            return False
        self._waits_since = self._waits_since or time.monotonic()
        if time.monotonic() - self._waits_since < SHARE_AFTER_SECONDS:
            return False
        self._shared_with = [place.lock.holder() for place in self.places if not place.take()]
        self._shared_with = list(dict.fromkeys(self._shared_with))
        return bool(self._shared_with)

    def _closed(self, place: Place) -> bool:
        """Whether it is retired, or its device has as many jobs as it takes for now."""
        if place.slot.name in self._retired:
            return True
        growth = self._growth.get(place.slot.uuid) if place.slot.grows else None
        return growth is not None and sum(other.held for other in self._beside(place)) >= growth.limit

    def _beside(self, place: Place) -> list[Place]:
        """The places of the same device, this one included."""
        uuid = place.slot.uuid
        return [other for other in self.places if other is place or (uuid and other.slot.uuid == uuid)]

    def _pids(self, place: Place) -> list[int]:
        return [pid for other in self._beside(place) for pid in other.process.pids()]

    def _lack(self, place: Place) -> Lack | None:
        """What its device lacks for the sweep's first job there; jobs that follow were promised room beside it."""
        uuid = place.slot.uuid
        if not uuid or any(other.held for other in self._beside(place)):
            return None
        looked, found = self._looked.get(uuid, (0.0, None))
        if time.monotonic() - looked >= LOOK_AGAIN_SECONDS:
            try:
                found = lack(place.slot, self._rules)
            except nvml.DeviceLostError as error:
                self.retire(place, f"the driver has lost its device ({error})")
                found = Lack(text=f"{place.slot.name} is lost", holders=frozenset())
            self._looked[uuid] = (time.monotonic(), found)
        return found

    # What is waited for.

    def waited_for(self) -> list[str]:
        """Who has each place that is not ours, in words: other sweeps, or other processes with their memory."""
        words = []
        for place in self.places:
            if place.held or self._closed(place):
                continue
            missing = self._lack(place)
            words.append(missing.text if missing else place.lock.holder())
        return list(dict.fromkeys(words))

    def news(self, waits: bool = True) -> Iterator[Waiting]:
        """With whom cores are shared, and what is waited for, each told once; free memory may vary.

        Args:
            waits: whether there is a task without a place.
        """
        if self._shared_with:
            yield Waiting(holders=tuple(self._shared_with), shares=True)
            self._shared_with = []
        if self.holds_any:
            self._told.clear()
        if self.holds_any or not waits:
            return
        words = self.waited_for()
        lacks = {found.text: found.holders for _, found in self._looked.values() if found}
        whom: set[object] = {lacks.get(word, word) for word in words}
        if words and not whom <= self._told:
            self._told |= whom
            told = tuple(f"memory, as {word}" if word in lacks else word for word in words)
            yield Waiting(holders=told, ends_after=SHARE_AFTER_SECONDS if self._can_share else None)

    def hopeless(self) -> str:
        """Why nothing can run, now and later; empty while there is hope."""
        if self.holds_any:
            return ""
        if len(self._retired) == len(self.places):
            reasons = dict.fromkeys(self._retired.values())
            return f"no device slot is left: {'; '.join(reasons)}"
        if not self._rules.wait and (words := self.waited_for()):
            return f"no device is free: {'; '.join(words)}; wait_for_devices=true waits for one"
        return ""

    # Devices that fail.

    def blame(self, place: Place, reply: Reply, confirmed_only: bool) -> str:
        """Why the device, and not the task, is at fault for how an attempt there ended; empty when it is not.

        The place is retired, or given back until its device has memory again. Its process has ended.

        Args:
            confirmed_only: believe what the driver says, and not what the task's error says of the device.
        """
        slot = place.slot
        if slot.device != "cuda":
            return ""
        try:
            found = nvml.memory(slot.uuid) if slot.uuid else None
        except nvml.DeviceLostError as error:
            return self.retire(place, f"the driver has lost its device ({error})")
        if reply.lost and not confirmed_only:
            return self.retire(place, reply.error)
        if not reply.full:
            return ""
        growth = self._growth.get(slot.uuid) if slot.grows else None
        busy = sum(other.attempt is not None for other in self._beside(place))  # this one is no longer
        if growth is not None and busy:
            growth.limit = growth.most = busy
            for other in self._beside(place):
                if other.attempt is None:
                    other.leave()
            return f"too many jobs for {slot.name.split('/')[0]}: from now on at most {busy} at once"
        if found is None:
            return ""
        allowed = found.total * FULL_SHARE
        if (share := self._rules.min_free_memory) is not None:
            allowed = found.total - share * (found.total if share < 1.0 else 1.0)
        if (others := foreign(found, self._pids(place))) <= allowed:
            return ""
        self._looked.pop(slot.uuid, None)
        place.leave()
        return f"others have come to hold {size(others)} of {size(found.total)} on {slot.name}"

    def retire(self, place: Place, reason: str) -> str:
        """Use a place no more; returns why."""
        place.leave()
        name = place.slot.name
        self._retired[name] = f"{name}: {reason}"
        self.on_retired(name, reason)
        return self._retired[name]

    def lost_beside(self, place: Place) -> list[Place]:
        """The other places of a device that the driver has lost, which cannot work either."""
        try:
            if place.slot.uuid:
                nvml.memory(place.slot.uuid)
        except nvml.DeviceLostError:
            beside = self._beside(place)
            return [other for other in beside if other is not place and other.slot.name not in self._retired]
        return []

    # Devices that take more jobs.

    def learn(self, place: Place, peak_bytes: int) -> None:
        """Let a device that grows have as many jobs as fit beside what others hold, by the largest job so far."""
        growth = self._growth.get(place.slot.uuid) if place.slot.grows else None
        if growth is None or not peak_bytes:
            return
        growth.peak_bytes = max(growth.peak_bytes, peak_bytes + CONTEXT_BYTES)
        try:
            found = nvml.memory(place.slot.uuid)
        except nvml.DeviceLostError:  # its next task will tell
            return
        if found is not None:
            ours = USABLE_SHARE * (found.total - foreign(found, self._pids(place)))
            growth.limit = max(1, min(growth.most, int(ours // growth.peak_bytes)))


class _Growth:
    """How many jobs a device takes."""

    limit = 1
    most = 1_000
    peak_bytes = 0
