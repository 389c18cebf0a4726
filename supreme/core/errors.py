"""What is raised where something is refused, and what stands for a value that does not exist."""

from __future__ import annotations


class SupremeError(Exception):
    """An error whose message is one clear sentence for the user: what was given, what is allowed, what to type."""


COMPARED_WITH_ITSELF = "the {} model would be compared with itself"
"""Why a model has no distance to the reference or to the original: it is this model. Reports go by these words."""


NOT_GIVEN = "not given: "
"""How the reason begins why a value is missing because somebody evaluated models without what it needs."""


class SelfComparison(Exception):  # noqa: N818  (no error: it says that a value has no meaning)
    """A metric asked to compare a model with itself; its value is undefined there."""


class Undefined(str):
    """The reason why a metric has no value here; stored beside a null, never as NaN."""
