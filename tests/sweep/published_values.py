"""What the authors say that they ran, by experiment: typed off their papers and code, and read from no file of conf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SGD = {"recipe.optimizer": "sgd", "recipe.lr": 0.1, "recipe.momentum": 0.9, "recipe.weight_decay": 5e-4}
AUGMENTED = {"recipe.crop_padding": 4, "recipe.horizontal_flip": True, "recipe.rotation_degrees": 0}
OPTML_SPLIT = {"data.split_rule": "optml", "data.split_seed": 1, "data.validation_fraction": 0.1}
"""45,000 of 50,000 images train: OPTML-Group/Unlearn-Saliency@a6e89fd Classification/dataset.py, seed 1."""

# arXiv 2504.15827, appendix B.1
DUALOPTIM: dict[str, Any] = {**SGD, "recipe.batch_size": 128, "recipe.epochs": 200, "recipe.schedule": "cosine"}
DUALOPTIM |= {"recipe.nesterov": False, "recipe.warmup_epochs": 0, "metric.membership.entropy_solver": "sklearn"}
OPTML = {**SGD, **AUGMENTED, "recipe.batch_size": 256, "recipe.epochs": 182, "recipe.schedule": "multistep"}
OPTML |= {"recipe.milestones": [91, 136], "recipe.gamma": 0.1, "recipe.nesterov": False, "recipe.warmup_epochs": 0}
"""OPTML-Group/Unlearn-Saliency@a6e89fd Classification/arg_parser.py:69, main_train.py:82; arXiv 2509.16391, E.2."""

TRAINING: Mapping[str, Mapping[str, Any]] = {
    "dualoptim_cifar10_10": {**DUALOPTIM, **AUGMENTED, **OPTML_SPLIT},
    "dualoptim_cifar10_50": {**DUALOPTIM, **AUGMENTED, **OPTML_SPLIT},
    "dualoptim_cifar100": {**DUALOPTIM, **AUGMENTED, **OPTML_SPLIT},
    # CityU-MLO/DualOptim@a95ef74 ImageClassification/dataset.py:82: ToTensor alone
    "dualoptim_svhn": {
        **DUALOPTIM,
        "recipe.crop_padding": 0,
        "recipe.horizontal_flip": False,
        "data.validation_fraction": 0.1,
    },
    "dualoptim_tinyimagenet_swin": {
        **AUGMENTED,
        "recipe.optimizer": "adamw",
        "recipe.lr": 1e-4,
        "recipe.weight_decay": 5e-4,
        "recipe.batch_size": 128,
        "recipe.epochs": 10,
        "recipe.schedule": "cosine",
        "recipe.warmup_epochs": 0,
        "model.pretrained": True,
        "data.image_size": 64,
        "metric.membership.entropy_solver": "sklearn",
    },
    "coun_cifar10": OPTML,
    "coun_cifar100": OPTML,
    "coun_cifar100_vgg16": OPTML | {"recipe.warmup_epochs": 75},
    "coun_cifar100_vit": OPTML,
    "coun_tinyimagenet": OPTML,
    "salun_main": OPTML | OPTML_SPLIT,
    "l1sparse_main": OPTML | OPTML_SPLIT,  # OPTML-Group/Unlearn-Sparse@80ba55d arg_parser.py:67-76
    # huggingface.co/jaeunglee/resnet18-cifar10-unlearning; ryusudol/Unlearning-Comparator@a70efe7
    # backend/app/services/train.py:29-47, backend/app/utils/data_loader.py:26-29
    "class_cards": {
        **SGD,
        **AUGMENTED,
        "recipe.nesterov": True,
        "recipe.batch_size": 128,
        "recipe.epochs": 200,
        "recipe.schedule": "cosine",
        "recipe.warmup_epochs": 0,
        "data.validation_fraction": 0,
    },
    # if-loops/selective-synaptic-dampening@cdfdc0e src/conf.py, src/pretrain_model.py:94-133, src/datasets.py:17-23
    "ssd_cifar20": {
        **SGD,
        "recipe.crop_padding": 4,
        "recipe.horizontal_flip": True,
        "recipe.rotation_degrees": 15,
        "recipe.batch_size": 64,
        "recipe.epochs": 40,
        "recipe.schedule": "multistep",
        "recipe.milestones": [15, 30, 35],
        "recipe.gamma": 0.2,
        "recipe.warmup_epochs": 1,
        "data.validation_fraction": 0,
    },
}

TEN = {"epochs": 10, "batch_size": 128, "momentum": 0.9, "weight_decay": 5e-4, "augment": True}
LABELS = {"labels": "any", "redraw": True, "order": "forget_first", "optimizer": "sgd"}
"""CityU-MLO/DualOptim@a95ef74 ImageClassification/unlearn/RL.py:109-147, as OPTML-Group/Unlearn-Saliency@a6e89fd."""
BATCHES = {"forget_batch_size": 128, "retain_batch_size": 128, "augment": True}
# Without a temperature, in every epoch: ImageClassification/unlearn/scrub.py:43-84; alpha, gamma: arg_parser.py:190-191
ONE_ADAM = {**BATCHES, "alpha": 0.5, "gamma": 1, "temperature": 1, "optimizer": "adam", "decay_epochs": []}
DUAL = {**BATCHES, "compat": "reference", "forget_optimizer": "adamw", "forget_weight_decay": 0.05}
"""AdamW with 0.05: ImageClassification/unlearn/impl.py:82-98, unlearn/sfron.py, which made the printed numbers."""
TO_SGD = {"retain_optimizer": "sgd", "retain_lr": 0.01, "retain_weight_decay": 5e-4, "momentum": 0.9}
TO_ADAMW = {"retain_optimizer": "adamw", "retain_weight_decay": 0.05, "momentum": 0}
SFRON = {**BATCHES, "steps": 1500, "forget_every": 5, "focus": 0.5, "threshold": 1, "max_norm": 7}
"""T_out and T_in of tables 7 to 10; lambda, gamma, norm: ImageClassification/unlearn/sfron.py."""

FIFTY = {"epochs": 50, "momentum": 0.9, "weight_decay": 5e-4}


def dualoptim(
    *, finetune: float, neggrad: float, alpha: float, scrub_do: float, salun_do: float, sfron_do: float
) -> dict[str, Any]:
    """Tables 7 to 10 but for what one table alone has: learning rates, and the alpha of SFRon."""
    return {
        "finetune": {**TEN, "lr": finetune, "optimizer": "sgd"},
        "neggrad": {**TEN, "lr": neggrad},
        "sfron": {**SFRON, "compat": "reference", "lr": 0.01, "strength": alpha, "momentum": 0.9, "weight_decay": 5e-4},
        "dualoptim_scrub": {**DUAL, **TO_ADAMW, "epochs": 10, "forget_lr": scrub_do, "retain_lr": 1e-4, "alpha": 0.5},
        "dualoptim_salun": {**DUAL, **TO_SGD, "epochs": 10, "forget_lr": salun_do, "density": 0.5},
        "dualoptim_sfron": {**DUAL, **SFRON, **TO_SGD, "strength": 1, "forget_lr": sfron_do},
    }


METHODS: Mapping[tuple[str, Any], Mapping[str, Mapping[str, Any]]] = {
    # arXiv 2504.15827, table 7
    ("dualoptim_cifar10_10", 0.1): {
        **dualoptim(finetune=0.01, neggrad=5e-4, alpha=31, scrub_do=1.5e-4, salun_do=1.3e-4, sfron_do=1e-4),
        "random_label": {**TEN, **LABELS, "lr": 0.01},
        "scrub": {**ONE_ADAM, "epochs": 10, "max_epochs": 10, "lr": 1e-4, "weight_decay": 5e-4},
    },
    # table 8
    ("dualoptim_cifar10_50", 0.5): {
        **dualoptim(finetune=0.01, neggrad=8e-5, alpha=82, scrub_do=2.8e-5, salun_do=5.5e-5, sfron_do=4.1e-4),
        "random_label": {**TEN, **LABELS, "lr": 0.01},
    },
    # tables 9 and 10
    ("dualoptim_cifar100", 0.1): dualoptim(
        finetune=0.045, neggrad=5.2e-4, alpha=44, scrub_do=1e-4, salun_do=1.9e-4, sfron_do=1e-4
    ),
    ("dualoptim_svhn", 0.1): dualoptim(
        finetune=0.022, neggrad=5.2e-4, alpha=12.5, scrub_do=2.2e-5, salun_do=2.5e-6, sfron_do=1.6e-4
    ),
    # table 11; focus 0.6: ImageClassification/unlearn/sfron.py
    ("dualoptim_tinyimagenet_swin", 0.1): {
        "finetune": {"lr": 1e-4, "epochs": 1, "batch_size": 128, "augment": True, "optimizer": "recipe"},
        "scrub": {**ONE_ADAM, "epochs": 1, "max_epochs": 1, "lr": 2e-5, "weight_decay": 5e-4},
        "dualoptim_scrub": {**DUAL, **TO_ADAMW, "epochs": 1, "forget_lr": 2e-5, "retain_lr": 2e-5},
        "dualoptim_salun": {**DUAL, **TO_ADAMW, "epochs": 1, "forget_lr": 9e-5, "retain_lr": 9e-5, "density": 0.5},
        "dualoptim_sfron": {
            **DUAL, **SFRON, **TO_ADAMW, "steps": 500, "forget_every": 2, "focus": 0.6, "strength": 1,
            "forget_lr": 1.9e-4, "retain_lr": 1.9e-4,
        },
    },
    # OPTML-Group/Unlearn-Saliency@a6e89fd Classification/README.md:34, OPTML-Group/Unlearn-Sparse@80ba55d README.MD:70
    ("salun_main", 0.1): {
        "salun": {"density": 0.5, "soft": False, "epochs": 10, "lr": 0.013, "batch_size": 256, "order": "forget_first"},
        "random_label": {**LABELS, "epochs": 10, "batch_size": 256},
        "finetune": {"lr": 0.01, "epochs": 10, "batch_size": 256, "optimizer": "sgd", "augment": True},
    },
    ("l1sparse_main", 0.1): {
        "finetune": {"lr": 0.01, "epochs": 10, "batch_size": 256, "optimizer": "sgd", "augment": True},
        "neggrad": {"lr": 1e-4, "epochs": 5, "batch_size": 256},
        "l1_sparse": {"lr": 0.01, "epochs": 10, "batch_size": 256, "plain_epochs": 0},
    },
    # arXiv 2509.16391, appendix E.3: what is printed as one value
    **{
        (name, fraction): {
            "finetune": {**FIFTY, "optimizer": "sgd"},
            "l1_sparse": {**FIFTY, "optimizer": "sgd"},
            "neggrad_plus": {**FIFTY, "optimizer": "sgd"},
            "salun": FIFTY,
            "weight_negation": {**FIFTY, "final_lr": 1e-4},
        }
        for name, fraction in (
            ("coun_cifar10", 0.1), ("coun_cifar10", 0.5), ("coun_cifar100", 0.1), ("coun_cifar100", 0.5),
            ("coun_cifar100_vgg16", 0.1), ("coun_cifar100_vit", 0.1), ("coun_tinyimagenet", 0.1), ("coun_cifar10", 9),
        )
    },
    # if-loops/selective-synaptic-dampening@cdfdc0e src/forget_subclass_main.py:176-177 and the same of classes
    ("ssd_cifar20", 19): {"ssd": {"alpha": 10, "dampening": 1, "batch_size": 64, "compat": "reference"}},
    ("ssd_cifar20", 69): {"ssd": {"alpha": 10, "dampening": 1, "batch_size": 64, "compat": "reference"}},
}  # fmt: skip

RANGES = {
    "finetune": {"lr": (0.01, 0.1)},
    "neggrad_plus": {"lr": (0.01, 0.1), "alpha": (0.95, 0.9999)},
    "l1_sparse": {"lr": (0.01, 0.1), "gamma": (1e-4, 0.1)},
    "salun": {"lr": (0.01, 0.1), "density": (0.1, 1)},
    "scrub": {"lr": (0.01, 0.1), "alpha": (0.1, 3), "gamma": (0.1, 3), "max_epochs": (1, 10), "temperature": (1, 1)},
    "ssd": {"alpha": (0.1, 100), "dampening": (0.1, 5)},
    "bad_teacher": {"temperature": (1, 1)},
    "weight_negation": {"lr": (0.01, 0.1)},
}
"""Of CoUn's search, whose winners are not printed: arXiv 2509.16391, appendix E.3."""
