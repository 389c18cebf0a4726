"""A device slot, the sweep's hold on it, and what the sweep runs there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from supreme.sweep.devices.slots import SHARED, Slot
from supreme.sweep.executors.local.lock import SlotLock
from supreme.sweep.executors.local.process import SlotProcess
from supreme.sweep.schedule.executor import Attempt


class Place:
    """A slot, a sweep's hold on it, and what the sweep runs there."""

    def __init__(self, slot: Slot, directory: Path) -> None:
        self.slot = slot
        self.lock = SlotLock(slot, directory)
        self.process = SlotProcess(slot)
        self.held = False
        self.attempt: Attempt | None = None
        self.affinity: tuple[str, ...] = ()
        """What its process has at hand: that of the task that ran last."""

    @property
    def idle(self) -> bool:
        return self.held and self.attempt is None

    def take(self) -> bool:
        """Hold the slot if no other sweep does."""
        self.held = self.lock.acquire()
        return self.held

    def share(self) -> bool:
        """Work in the slot although another sweep holds it; both are slower, and our times say so."""
        self.slot = replace(self.slot, shared=True, environment={**self.slot.environment, SHARED: "1"})
        self.process = SlotProcess(self.slot)
        self.held = True
        return True

    def leave(self) -> None:
        """End what runs, then let other sweeps have the slot."""
        self.process.kill()
        if self.held:
            self.lock.release()
        self.held, self.attempt, self.affinity = False, None, ()
