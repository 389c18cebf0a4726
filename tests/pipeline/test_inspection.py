"""What a row holds for people to look at: counts of confused classes, and the forgotten images that changed most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from supreme.core import SupremeError
from supreme.metrics import arithmetic
from supreme.metrics.accuracy import Accuracy
from supreme.metrics.cost import Cost
from supreme.pipeline.cell import _samples
from supreme.pipeline.inspection import confusion, inspected, most_changed, true_probability, with_inspected
from supreme.testing import tiny_evaluation

STAGES = ("unlearned", "reference", "original")


@pytest.fixture(scope="module")
def evaluations():
    own = tiny_evaluation()
    return {stage: replace(own, subject_name=stage, subject=own.all[stage]) for stage in STAGES}


def test_the_confusion_counts_every_test_image_once_and_gives_the_accuracy_of_each_class(evaluations):
    own = evaluations["unlearned"]
    found = confusion(logits := own.subject.logits("test"), labels := own.labels("test"))
    pairs = [tuple(map(int, str(pair).split())) for pair in found.x]
    assert sum(found.y) == len(labels)
    assert min(found.y) > 0, "pairs that do not occur take no room"
    for k, accuracy in arithmetic.accuracy_by_class(logits, labels).items():
        right = sum(count for (true, predicted), count in zip(pairs, found.y, strict=True) if true == predicted == k)
        assert right / int((labels == k).sum()) == pytest.approx(accuracy)


def test_the_confusion_of_a_thousand_classes_takes_no_more_room_than_there_are_images():
    found = confusion(torch.rand(300, 1000), torch.arange(300))
    assert len(found.x) <= 300
    assert sum(found.y) == 300


def test_an_infinite_logit_of_a_masked_class_has_probability_0_and_of_equal_logits_the_first_counts():
    logits = torch.tensor([[0.0, -torch.inf], [2.0, 2.0]])
    assert true_probability(logits, torch.tensor([1, 0])).tolist() == [0.0, 0.5]
    assert confusion(logits, torch.tensor([1, 1])).x == ["1 0"]


def test_the_images_that_a_method_changed_most_come_first_and_ties_are_those_that_retraining_changes_most():
    original = np.ones(100)
    reference = np.linspace(1.0, 0.0, 100)
    ruined = np.full(100, 0.001)  # a method that tells no image from another
    chosen = most_changed(unlearned=ruined, reference=reference, original=original)
    assert chosen[:3].tolist() == [99, 98, 97]
    assert len(chosen) == 24, "both kinds are the same images"
    one = np.ones(100)
    one[5] = 0.2
    chosen = most_changed(unlearned=one, reference=reference, original=original)
    assert chosen[0] == 5
    assert set(range(76, 100)) <= set(chosen.tolist()), "what all methods have in common is there, too"
    assert len(set(chosen.tolist())) == len(chosen) <= 48


def test_every_model_of_a_row_tells_of_the_same_images_by_their_position_in_the_source(evaluations):
    found = inspected(evaluations, samples=True)
    positions = {tuple(found[stage]["samples/probability"].x) for stage in STAGES}
    assert len(positions) == 1
    own = evaluations["original"]
    assert set(positions.pop()) <= set(own.split.forget.indices.tolist())
    everything = dict(zip(own.split.forget.indices.tolist(), own.labels("forget").tolist(), strict=True))
    labels = found["unlearned"]["samples/label"]
    assert {at: everything[at] for at in labels.x} == dict(zip(labels.x, labels.y, strict=True))


def test_of_private_data_no_image_is_pointed_at_and_where_nothing_needs_answers_nothing_is_computed(evaluations):
    assert [sorted(one) for one in inspected(evaluations, samples=False).values()] == [["confusion/test"]] * 3
    before = {part: {"a/b": {"x": [1], "y": [1.0]}} for part in ("metrics", "reference", "original")}
    accuracy, cost = Accuracy(), Cost()
    assert with_inspected(before, {}, {"cost": cost}, samples=True) == before
    told = with_inspected(before, evaluations, {"cost": cost, "accuracy": accuracy}, samples=True)
    assert sorted(told["metrics"]) == ["a/b", "confusion/test", "samples/label", "samples/probability"]
    assert sorted(told["reference"]) == ["a/b", "confusion/test", "samples/probability"]


@pytest.mark.parametrize("value", ["no", 0, None, "off"])
def test_another_value_of_the_switch_than_true_and_false_is_refused(value):
    with pytest.raises(SupremeError, match=r"^report\.samples=.* is not allowed: give true or false$"):
        _samples({"samples": value})
    assert _samples({"samples": False}) is False
    assert _samples(None) is True
