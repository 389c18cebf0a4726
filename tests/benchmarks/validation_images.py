"""Data whose validation images test: what is tuned on them has seen no test image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from supreme.core import ImageData


@dataclass(frozen=True, kw_only=True)
class ValidationImages:
    """The same images and the same training set; the validation images also test, and no other image does.

    They stay validation images, too: some methods stop or choose by them.
    """

    of: Any
    """The source, a component of the group data, which has validation images."""

    def signature(self) -> str:
        return f"validation images of {self.of.signature()}"

    def __call__(self) -> ImageData:
        data = self.of()
        fingerprint = hashlib.sha256(f"validation images of {data.fingerprint}".encode()).hexdigest()
        return replace(data, test=data.validation, fingerprint=fingerprint)
