"""Training and validation images as the OPTML group's code parts CIFAR: 45,000 and 5,000.

OPTML-Group/Unlearn-Saliency, Classification/dataset.py, `cifar10_dataloaders` and `cifar100_dataloaders` (commit
9576623); many papers build on it. It draws twice: what its models train on with seed 1, the default of that function,
and what it forgets and retains with `--seed`, by default 2. So of the images it retains and forgets about a tenth never
trained the original. Here both are of one draw, that of `data.split_seed`.
"""

from __future__ import annotations

import numpy as np

from supreme.core import IntArray, SupremeError
from supreme.data.partition import Partition


def of_training(labels: IntArray, classes: int, *, validation: float, seed: int) -> Partition:
    """Draw this share of each class, rounded down, from one legacy stream of numpy, class by class; none tests.

    Raises:
        SupremeError: the share of a class is less than one image.
    """
    stream, drawn = np.random.RandomState(seed), list[IntArray]()
    for number in range(classes):
        positions = np.flatnonzero(labels == number)
        count = int(validation * len(positions))
        if count < 1:
            raise SupremeError(
                f"data.validation_fraction={validation} of the {len(positions)} images of class {number} is none; "
                "give a larger share, or data.split_rule=per_class"
            )
        drawn.append(stream.choice(positions, count, replace=False))
    validating = np.sort(np.concatenate(drawn)).astype(np.int64)
    return Partition(np.setdiff1d(np.arange(len(labels)), validating), validating, np.arange(0))
