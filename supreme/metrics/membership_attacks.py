"""Membership attacks that choose a threshold, as the literature before likelihood ratios does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from supreme.core import Column, Evaluation, Split, SupremeError, Undefined
from supreme.core.suitability import filled_sets
from supreme.core.validation import PositiveInt, bounded
from supreme.metrics import arithmetic
from supreme.metrics.attacks import loss_attack
from supreme.metrics.comparison import few_images, unseen_set

Score = Callable[[Tensor, Tensor], Tensor]
Side = tuple[Tensor, Tensor]
"""Logits and labels of some images."""

SCORES: dict[str, Score] = {
    "confidence": arithmetic.logit_confidence,
    "entropy": lambda logits, labels: -arithmetic.entropy(logits),
    "modified_entropy": lambda logits, labels: -arithmetic.modified_entropy(logits, labels),
}
"""Of logits and labels, larger for what looks more like a member, and applied with the best threshold."""


@bounded
@dataclass(frozen=True, kw_only=True)
class MembershipAttacks:
    """Balanced accuracy of threshold attacks on correctness, confidence, entropy, modified entropy and loss.

    Each calls an image a member where its score reaches a threshold; the value is the mean of the shares of forget
    images called members and of unseen images called non-members, so that no choice of threshold alone moves it from
    0.5. The threshold is chosen on the retain set as members and test images as non-members that it is not judged on:
    half of the test images, drawn from the evaluation's stream, the other half being the unseen ones. Where classes are
    forgotten, it is chosen on `retain_test` and judged on `forget_test`, for else it would tell classes apart.

    * `confidence`, `entropy`, `modified_entropy`: the threshold with the best balanced accuracy where it is chosen, one
      for each class with `per_class` images or more of both kinds there, and one on all of them for the other classes,
      which a forgotten class always is. "Systematic Evaluation of Privacy Risks of Machine Learning Models", USENIX
      Security 2021, https://arxiv.org/abs/2003.10595. The confidence's is the loss's too, as one falls with the other.
    * `correctness`: called a member when the answer is right (same paper).
    * `loss`: called a member when the loss is at most the mean loss on the retain set (Yeom et al., CSF 2018).
    * `loss_regression`: cross-validated accuracy of a logistic regression that tells the losses of forget images from
      those of as many unseen ones, trained on them: that of the NeurIPS 2023 challenge's starting kit and of SCRUB.

    Range: [0, 1]; 0.5 where the forget set looks like unseen images.
    Ideal: the reference's value.
    Attacker: population; sees the outputs of one model, and chooses its thresholds on retained and test images.
    Cost: nothing beyond the logits, sorting, and ten logistic regressions.
    Least n: 100 forget and unseen images.
    """

    per_class: PositiveInt
    """Images of both kinds that a class needs for a threshold of its own."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "membership_attacks/*": Column(unit="fraction"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        names = ("correctness", *SCORES, "loss", "loss_regression")
        return tuple(f"membership_attacks/{name}" for name in names)

    def check_split(self, split: Split) -> None:
        wanted = {"retain_test", "forget_test"} if split.forget_classes else {"test"}
        if not wanted <= filled_sets(split) or len(split.test) < 2:
            raise SupremeError("there are no non-members to choose a threshold on and others to judge it on")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        found = _nonmembers(evaluation)
        if found is None:
            reason = Undefined("there are no non-members to choose a threshold on and others to judge it on")
            return dict.fromkeys(self.columns(evaluation), reason)
        chosen_on, judged_on = found
        retain, forget = (_answers(evaluation, name) for name in ("retain", "forget"))
        mean_loss = arithmetic.cross_entropy(*retain)
        values = (
            _balanced_accuracy(*(logits.argmax(1) == labels for logits, labels in (forget, judged_on))),
            *(self._attack(score, retain, chosen_on, forget, judged_on) for score in SCORES.values()),
            _balanced_accuracy(*(_losses(*side) <= mean_loss for side in (forget, judged_on))),
            loss_attack(evaluation),
        )
        return dict(zip(self.columns(evaluation), values, strict=True))

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        sets = [name for name in ("forget", unseen_set(evaluation)) if name in evaluation.sets]
        return few_images(evaluation, self.columns(evaluation), sets)

    def _attack(self, score: Score, retain: Side, chosen_on: Side, forget: Side, judged_on: Side) -> float:
        members, nonmembers = score(*retain), score(*chosen_on)
        common = arithmetic.best_threshold(members, nonmembers)
        called = []
        for logits, labels in (forget, judged_on):
            thresholds = torch.full((len(labels),), common, dtype=torch.float64)
            for label in labels.unique():
                own = [values[of == label] for values, of in ((members, retain[1]), (nonmembers, chosen_on[1]))]
                if min(map(len, own)) >= self.per_class:
                    thresholds[labels == label] = arithmetic.best_threshold(*own)
            called.append(score(logits, labels) >= thresholds)
        return _balanced_accuracy(*called)


def _answers(evaluation: Evaluation, name: str) -> Side:
    return evaluation.subject.logits(name), evaluation.labels(name)


def _nonmembers(evaluation: Evaluation) -> tuple[Side, Side] | None:
    """Those on which thresholds are chosen, and those on which they are judged; None where either would be empty."""
    if evaluation.forgets_class:
        sets = ("retain_test", "forget_test")
        return (
            (_answers(evaluation, sets[0]), _answers(evaluation, sets[1])) if set(sets) <= {*evaluation.sets} else None
        )
    if "test" not in evaluation.sets or len(evaluation.labels("test")) < 2:
        return None
    logits, labels = _answers(evaluation, "test")
    first, second = torch.from_numpy(evaluation.rng.permutation(len(labels))).tensor_split(2)
    return (logits[first], labels[first]), (logits[second], labels[second])


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    return -torch.nn.functional.logsigmoid(arithmetic.logit_confidence(logits, labels))


def _balanced_accuracy(members_called: Tensor, nonmembers_called: Tensor) -> float:
    """Mean of the shares of members called members and of non-members called non-members."""
    return float(members_called.double().mean() + 1 - nonmembers_called.double().mean()) / 2
