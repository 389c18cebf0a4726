"""Many cells: planned together, scheduled on what there is to run on, shown while they run.

Called, it is the function `supreme.api.sweep.sweep`: a package and a function of the same name have one place between
them, so that `supreme.sweep(...)` calls the package.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _CalledRoom(ModuleType):
    def __call__(self, *words: str, **values: Any) -> Any:
        """See `supreme.api.sweep.sweep`."""
        return importlib.import_module("supreme.api.sweep").sweep(*words, **values)


sys.modules[__name__].__class__ = _CalledRoom
