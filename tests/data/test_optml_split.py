"""The draw of OPTML-Group/Unlearn-Saliency: which images validate does not change, and is theirs."""

from __future__ import annotations

import numpy as np
import pytest

from supreme.core import SupremeError
from supreme.data.optml_split import of_training

LABELS = np.tile(np.arange(10), 50)


def test_the_images_that_validate_are_those_of_their_rule() -> None:
    """As their `dataset.py` draws them from labels 0, 1, ..., 9, 0, 1, ... with seed 1, its default."""
    part = of_training(LABELS, 10, validation=0.1, seed=1)
    assert part.validation[LABELS[part.validation] == 0].tolist() == [20, 270, 350, 380, 400]
    assert part.validation[LABELS[part.validation] == 9].tolist() == [69, 79, 319, 379, 449]
    assert np.bincount(LABELS[part.validation]).tolist() == [5] * 10
    assert len(part.test) == 0
    assert np.array_equal(np.sort(np.concatenate([part.train, part.validation])), np.arange(500))
    assert part.train.tolist() == sorted(part.train)


def test_of_cifar_45000_images_train_and_5000_validate_and_the_two_draws_of_their_code_share_a_tenth() -> None:
    labels = np.repeat(np.arange(10), 5000)
    one, two = (of_training(labels, 10, validation=0.1, seed=seed) for seed in (1, 2))
    assert (len(one.train), len(one.validation)) == (45_000, 5_000)
    never_trained = len(np.intersect1d(two.train, one.validation)) / 45_000
    assert 0.09 < never_trained < 0.11


def test_shares_are_rounded_down_and_one_that_is_none_is_refused() -> None:
    assert len(of_training(np.zeros(19, dtype=np.int64), 1, validation=0.1, seed=1).validation) == 1
    with pytest.raises(
        SupremeError, match=r"validation_fraction=0\.1 of the 9 images of class 0 is none; give a larger"
    ):
        of_training(np.zeros(9, dtype=np.int64), 1, validation=0.1, seed=1)
