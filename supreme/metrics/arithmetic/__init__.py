"""The numbers themselves: pure functions of logits, scores, weights or other numbers, for anybody to call and to check.

Logits are N x C, labels N class indices; sums are in float64. Input may be tensors, arrays or lists. A class may be
masked by a logit of minus infinity. Logarithms are natural unless a base is given, and 0 ln 0 is 0. Scores of attacks
are larger for what looks more like a member. Accuracies and rates are fractions.

Unless a docstring says otherwise, the ideal of a metric is not its best value but the value that a retrained model
gets. Every function raises ValueError for empty input, shapes that do not match, and values for which the metric is not
defined: none returns NaN.
"""

from supreme.metrics.arithmetic.answers import (
    accuracy,
    accuracy_by_class,
    brier_score,
    cross_entropy,
    entropy,
    expected_calibration_error,
    interclass_confusion,
    log_probability,
    logit_confidence,
    modified_entropy,
    targeted_confusions,
)
from supreme.metrics.arithmetic.attacks import (
    auc_standard_error,
    best_threshold,
    cross_validated_attack,
    gaussian_unlearning_score,
    logistic_attack,
    roc_auc,
    roc_curve,
    svc_attack,
    tpr_at_fpr,
)
from supreme.metrics.arithmetic.distances import (
    activation_distance,
    activation_distance_rms,
    agreement,
    excess_distance,
    js_divergence,
    js_divergence_badt_compat,
    kl_divergence,
    linear_cka,
    relative_weight_distance,
    total_variation,
    weight_distance,
    weight_distance_by_layer,
    weight_norm,
    zrf,
)
from supreme.metrics.arithmetic.many_models import (
    attack_epsilon,
    forgetting_quality,
    forgetting_score,
    gaussian_log_ratio,
    klom,
    rmia,
)
from supreme.metrics.arithmetic.scores import (
    adaptive_unlearning_score,
    average_gap,
    harmonic_mean,
    indiscernibility,
    nomus,
    relearn_ratio,
    retention_deviation,
    tug_of_war,
)

__all__ = [
    "accuracy",
    "accuracy_by_class",
    "activation_distance",
    "activation_distance_rms",
    "adaptive_unlearning_score",
    "agreement",
    "attack_epsilon",
    "auc_standard_error",
    "average_gap",
    "best_threshold",
    "brier_score",
    "cross_entropy",
    "cross_validated_attack",
    "entropy",
    "excess_distance",
    "expected_calibration_error",
    "forgetting_quality",
    "forgetting_score",
    "gaussian_log_ratio",
    "gaussian_unlearning_score",
    "harmonic_mean",
    "indiscernibility",
    "interclass_confusion",
    "js_divergence",
    "js_divergence_badt_compat",
    "kl_divergence",
    "klom",
    "linear_cka",
    "log_probability",
    "logistic_attack",
    "logit_confidence",
    "modified_entropy",
    "nomus",
    "relative_weight_distance",
    "relearn_ratio",
    "retention_deviation",
    "rmia",
    "roc_auc",
    "roc_curve",
    "svc_attack",
    "targeted_confusions",
    "total_variation",
    "tpr_at_fpr",
    "tug_of_war",
    "weight_distance",
    "weight_distance_by_layer",
    "weight_norm",
    "zrf",
]
