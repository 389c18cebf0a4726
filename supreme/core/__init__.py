"""The nouns of the project and the protocols that its components follow.

Importing this package imports no torch, so composing, planning and drawing a split stay fast.
"""

from supreme.core.column import Column
from supreme.core.components import Audit, Data, Method, Metric, Model, Run, Scenario, Tracker
from supreme.core.context import Context, Epoch, Fit, History, Once
from supreme.core.errors import SelfComparison, SupremeError, Undefined
from supreme.core.evaluation import Cost, Ensemble, Evaluation, Predictions, Series
from supreme.core.images import ImageData, Images
from supreme.core.pixels import Augmentation, IntArray
from supreme.core.split import SET_NAMES, Split

__all__ = [
    "SET_NAMES",
    "Audit",
    "Augmentation",
    "Column",
    "Context",
    "Cost",
    "Data",
    "Ensemble",
    "Epoch",
    "Evaluation",
    "Fit",
    "History",
    "ImageData",
    "Images",
    "IntArray",
    "Method",
    "Metric",
    "Model",
    "Once",
    "Predictions",
    "Run",
    "Scenario",
    "SelfComparison",
    "Series",
    "Split",
    "SupremeError",
    "Tracker",
    "Undefined",
]
