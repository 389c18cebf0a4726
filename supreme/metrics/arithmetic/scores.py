"""Summaries of numbers that are already measured."""

from __future__ import annotations

import math

from supreme.metrics.arithmetic.steps import Values, mean, ratio, require_fraction, same_length


def tug_of_war(forget_gap: float, retain_gap: float, test_gap: float) -> float:
    """(1 - |forget gap|)(1 - |retain gap|)(1 - |test gap|), gaps in accuracy to the reference. In [0, 1]; ideal 1.

    Zhao et al., NeurIPS 2024. With the gap of an attack's success in place of the forget gap: ToW-MIA.
    """
    gaps = (abs(forget_gap), abs(retain_gap), abs(test_gap))
    for gap in gaps:
        require_fraction("a gap", gap)
    return math.prod(1 - gap for gap in gaps)


def average_gap(values: Values, reference_values: Values) -> float:
    """Mean of |value - reference value| over metrics, in their unit. 0 or more; ideal 0.

    Two independent retrainings do not reach 0: print their gap beside it. Fan et al., ICLR 2024.
    """
    values, references = same_length(values, reference_values)
    return mean((values - references).abs())


def retention_deviation(accuracies: Values, reference_accuracies: Values) -> float:
    """Sum over retain, forget and test of |1 - accuracy / reference accuracy|. 0 or more; ideal 0.

    Cadet et al. 2024. Undefined, hence refused, where the reference's accuracy is 0, as in forgetting a class.
    """
    values, references = same_length(accuracies, reference_accuracies)
    return sum(abs(1 - ratio("accuracy", u, r)) for u, r in zip(values.tolist(), references.tolist(), strict=True))


def nomus(test_accuracy: float, attack_accuracy: float, weight: float = 0.5) -> float:
    """weight x test accuracy + (1 - weight)(1 - 2 |attack accuracy - 1/2|). In [0, 1]; ideal 1. Choi & Na 2023."""
    require_fraction("test accuracy", test_accuracy)
    require_fraction("weight", weight)
    return weight * test_accuracy + (1 - weight) * indiscernibility(attack_accuracy)


def indiscernibility(attack_accuracy: float) -> float:
    """1 - 2 |attack accuracy - 1/2|. In [0, 1]; ideal 1. Cadet et al. 2024."""
    require_fraction("attack accuracy", attack_accuracy)
    return 1 - 2 * abs(attack_accuracy - 0.5)


def harmonic_mean(retain_accuracy: float, forget_error: float) -> float:
    """2ab / (a + b) of retain accuracy and forget error. In [0, 1]; 0 when both are 0.

    Rewards a forget accuracy of 0, so it means something only where a class is forgotten.
    """
    require_fraction("retain accuracy", retain_accuracy)
    require_fraction("forget error", forget_error)
    total = retain_accuracy + forget_error
    return 2 * retain_accuracy * forget_error / total if total else 0.0


def adaptive_unlearning_score(
    original_test_accuracy: float, test_accuracy: float, forget_accuracy: float, class_removal: bool
) -> float:
    """(1 - drop in test accuracy) / (1 + distance of forget accuracy from its ideal). In [0, 2].

    Cotogni et al. 2023 (DUCK). The ideal forget accuracy is 0 when a class is removed, else the test accuracy.
    """
    for name, value in (
        ("original test", original_test_accuracy),
        ("test", test_accuracy),
        ("forget", forget_accuracy),
    ):
        require_fraction(f"{name} accuracy", value)
    distance = forget_accuracy if class_removal else abs(test_accuracy - forget_accuracy)
    return (1 - (original_test_accuracy - test_accuracy)) / (1 + distance)


def relearn_ratio(steps: int, reference_steps: int) -> float:
    """Steps to relearn the forget set, over the reference's (the anamnesis index). 0 or more; ideal 1.

    Chundawat et al., TIFS 2023. Below 1: a residue of memory. Runs that stopped at a cap have no number of steps.
    """
    if steps < 0 or reference_steps < 1:
        raise ValueError(f"steps must be 0 or more and the reference's 1 or more, not {steps} and {reference_steps}")
    return steps / reference_steps
