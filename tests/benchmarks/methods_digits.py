"""Every method on digits: how close each comes to the reference, tuned with the same small budget.

    python -m tests.benchmarks.methods_digits           # sweep the reported seeds, write results/methods_digits.md
    python -m tests.benchmarks.methods_digits --tune    # sweep GRIDS on other seeds, write methods_digits_tuning.md
    python -m tests.benchmarks.methods_digits --fashion # all methods, untuned, on Fashion-MNIST: methods_fashion.md

What --tune finds is an entry of conf/tuned/<method>.yaml, where it beats the value of the method's preset `small`, or
else of its own YAML, by more than WORTH_A_FILE. It evaluates on validation images, which take the place of the test
images for it, so that no test image has a part in choosing what it judges; `how_chosen` is what the entry says of that.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from supreme.report import render
from supreme.report.rows.load import load
from tests.conf_files import CONF, node_of, small_values

RESULTS = Path(__file__).parent / "results"
METRICS = "metric=[accuracy,membership,js_divergence,cost]"
REFUSED = ("kodge_svd", "mask_class", "unsir")
"""They forget classes and refuse random forget sets."""
DIGITS = ("python", "-m", "supreme", "-m", "seed=range(5)", METRICS)
FASHION = (
    *("python", "-m", "supreme", "-m", "data=fashion_mnist", "model=small_cnn", "model.widths=[8,16,32]"),
    *("data.train_per_class=50", "data.validation_per_class=60", "recipe.epochs=40", "recipe.batch_size=32"),
    *("seed=range(3)", "metric=[accuracy,membership,js_divergence]", "timeout=120"),
)
"""As few images and as many epochs as make the original remember what it is to forget."""
SEEDS = (100, 101, 102)
TUNING = [
    *("python", "-m", "supreme", "-m", "data.evaluate_on=validation", "tuned=none"),
    *(f"seed={','.join(map(str, SEEDS))}", METRICS),
]
IMAGES = "validation"
LOSS_ALLOWED, PRICE = 0.02, 10
"""Of accuracy on unseen images (of retained classes, where a class is forgotten), in fractions; and what each point
lost beyond it costs in points of distance to the reference."""
WORTH_A_FILE = 0.02


def around(value: float) -> list[float]:
    """Six values of one parameter, over a factor of fifty."""
    return [float(f"{value * factor:.3g}") for factor in (0.2, 0.5, 1, 2, 5, 10)]


GRIDS: dict[str, dict[str, Sequence[float]]] = {
    "advneggrad": {"lr": around(1e-3)},
    "amnesiac": {"lr": around(0.02)},
    "amun": {"lr": around(0.01)},
    "bad_teacher": {"lr": around(2e-4)},
    "boundary_expand": {"lr": around(1e-3)},
    "boundary_shrink": {"lr": around(1e-3)},
    "cf_k": {"layers": [1, 2, 3], "lr": [0.01, 0.1]},
    "cfw": {"lr": around(0.02)},
    "ct": {"lr": around(0.02)},
    "delete": {"lr": around(5e-4)},
    "duck": {"lr": around(5e-4)},
    "eu_k": {"layers": [1, 2, 3]},
    "fcs": {"contrast_lr": [3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1]},
    "finetune": {"lr": around(0.02)},
    "fisher": {"alpha": [1e-8, 3e-8, 1e-7, 3e-7, 1e-6, 3e-6]},
    "gdr_gma": {"lr": around(2e-4)},
    "influence": {"alpha": around(20)},
    "jit": {"lr": around(2e-4)},
    "kde": {"lr": around(0.02)},
    "l1_sparse": {"gamma": around(3e-3)},
    "lfssd": {"alpha": [1.1, 1.3, 1.5, 2, 2.5, 3.5]},
    "lotus": {"lr": around(1e-3)},
    "msg": {"lr": around(0.02)},
    "mu_mis": {"lr": around(5e-4)},
    "munba": {"lr": around(5e-3)},
    "neggrad": {"lr": around(0.01)},
    "neggrad_plus": {"alpha": [0.99, 0.97, 0.95, 0.93, 0.9, 0.85]},
    "negmerge": {"scale": around(1.0)},
    "noisy_sgd": {"noise": around(0.03)},
    "prmq": {"pruned": [0.5, 0.7, 0.8, 0.9, 0.95, 0.99]},
    "prune_then_unlearn": {"sparsity": [0.9, 0.95, 0.97, 0.98, 0.99, 0.995]},
    "random_label": {"lr": around(1e-3)},
    "rewind_to_delete": {"fraction": [0.25, 0.5, 0.75, 0.85, 0.9, 0.95]},
    "rni": {"std": around(0.04)},
    "salun": {"lr": around(5e-3)},
    "scar": {"lr": around(5e-4)},
    "scissorhands": {"ascent": around(0.1)},
    "scrub": {"lr": around(5e-4)},
    "scrub_rewind": {"lr": around(5e-4)},
    "sfron": {"strength": around(25.0)},
    "ssd": {"alpha": [1.5, 2, 3, 4, 5, 7]},
    "successive_random_label": {"lr": around(3e-3)},
    "uam": {"rho": around(1.0)},
    "unsir": {"impair_lr": around(0.01)},
}
"""Up to six values of the parameter that sets how hard a method forgets; none that makes it retraining. Without any:
the sanity baselines, assd (nothing to tune), chain (which chains what is typed), ntk (half a minute a cell)."""

KEPT = "## What does badly: the method, its tuning or our code"
"""What stands below this line of the results is written by hand, and stays."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tune", action="store_true", help="sweep GRIDS instead of the reported seeds")
    parser.add_argument("--only", nargs="+", choices=sorted(GRIDS), help="with --tune: methods whose lines to print")
    parser.add_argument("--fashion", action="store_true", help="sweep Fashion-MNIST")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/methods_digits"))
    arguments = parser.parse_args()
    if arguments.tune:
        tune(arguments.output_dir / "tuning", arguments.only)
    elif arguments.fashion:
        report(arguments.output_dir / "fashion", RESULTS / "methods_fashion.md", FASHION, ("ntk",), HEADS["fashion"])
    else:
        report(arguments.output_dir / "reported", RESULTS / "methods_digits.md", DIGITS, (), HEADS["digits"])


def sweep(command: Sequence[str], directory: Path) -> int:
    return subprocess.run([sys.executable, *command[1:], f"output_dir={directory}"], check=False).returncode


def report(directory: Path, path: Path, command: Sequence[str], without: Sequence[str], head: Sequence[str]) -> None:
    """Sweep both scenarios without these methods, and write the table."""
    commands = []
    for scenario, refused in (("random", REFUSED), ("full_class", ())):
        exclude = f",exclude=[{','.join([*refused, *without])}]" if refused or without else ""
        commands.append([*command, f"scenario={scenario}", f"method=glob(*{exclude})"])
        sweep(commands[-1], directory)
    notes = path.read_text(encoding="utf-8").partition(KEPT)[2] if path.exists() else "\n"
    path.write_text(table(directory, commands, head) + KEPT + notes, encoding="utf-8")
    unknown = [name for names in do_badly(read_rows(directory)).values() for name in names if f"`{name}`" not in notes]
    if unknown:
        print(f"no word in {path.name} on {', '.join(sorted(set(unknown)))}")


HEADS = {
    "digits": [
        "# Every method on digits",
        "on a 2-core CPU that did other work too: compare seconds within a table only.",
        "with the presets of conf/tuned; how those were found is in methods_digits_tuning.md. Written by",
        "`python -m tests.benchmarks.methods_digits`.",
    ],
    "fashion": [
        "# Every method on Fashion-MNIST",
        "500 of the 60,000 training images, and no tuning: the values of the methods' own YAML, which most authors",
        "chose for CIFAR-10 and ResNet-18. Written by `python -m tests.benchmarks.methods_digits --fashion`.",
    ],
}


def table(directory: Path, commands: Sequence[Sequence[str]], head: Sequence[str]) -> str:
    frame = load(directory)
    bad = do_badly(read_rows(directory))
    lines = [
        head[0],
        "",
        *(f"    {shlex.join(command)}" for command in commands),
        "",
        *head[1:],
        "",
        "Far from the reference (10 points of forget accuracy, .08 of membership AUC, or more than 2 points of test",
        "accuracy lost, of retained classes where one is forgotten) are these; the end of this page says why.",
        "",
        *(f"* `{scenario}`: {', '.join(names)}." for scenario, names in bad.items()),
        "",
        render(frame, "markdown", wide=True, notes=True),
    ]
    return "\n".join(lines) + "\n"


def do_badly(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """For each scenario the methods that end far from the reference, by their means over seeds."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["scenario"], row["method"]].append(row)
    found: dict[str, list[str]] = defaultdict(list)
    for (scenario, method), members in sorted(groups.items()):
        forget, auc = (
            abs(mean_of(members, measure) - mean_of(members, partial(measure, of="reference")))
            for measure in (forget_of, auc_of)
        )
        if forget > 0.1 or auc > 0.08 or mean_of(members, lost_of) > LOSS_ALLOWED:
            found[scenario].append(method)
    return dict(found)


def read_rows(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((directory / "rows").glob("*.json"))]


def tune(directory: Path, only: Sequence[str] | None) -> None:
    for name in only or GRIDS:
        grid = GRIDS[name]
        scenarios = "full_class" if name in REFUSED else "random,full_class"
        values = {**small_values(name), **{field: ",".join(map(str, tried)) for field, tried in grid.items()}}
        given = [f"method.{field}={value}" for field, value in values.items()]
        if sweep([*TUNING, f"method={name}", f"scenario={scenarios}", *given], directory):
            raise SystemExit(f"the grid of {name} failed")
    if only:
        print(tuning_table(directory))
    else:
        (RESULTS / "methods_digits_tuning.md").write_text(tuning_table(directory), encoding="utf-8")


def tuning_table(directory: Path) -> str:
    lines = [
        "# Tuning on digits",
        "",
        "Training seeds 100 to 102, which no table reports, and validation images in place of the test images, which",
        "no table reports either. In a cell: the value; mean forget accuracy in per cent / mean membership AUC against",
        "validation images / what accuracy on these is lost in percentage points (of retained classes, where one is",
        "forgotten). Chosen, in bold: the smallest mean distance to the reference of the same seed, |forget",
        "accuracy| + |AUC|, plus ten times what is lost beyond 2 points. The value of the preset small,",
        "or else of the YAML, is in italics. Written by `python -m tests.benchmarks.methods_digits --tune`.",
        "",
    ]
    rows = read_rows(directory)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["scenario"], row["method"]].append(row)
    for scenario, cells in itertools.groupby(sorted(groups.items()), lambda item: item[0][0]):
        members = list(cells)
        seen = summary_of(members[0][1], "reference"), summary_of(members[0][1], "original")
        lines += [f"## {scenario}", "", f"Reference {seen[0]}, original {seen[1]}. A preset found here says", ""]
        lines += [f"    chosen: {how_chosen(scenario)}", ""]
        lines += ["| method | parameter | " + " | ".join(["tried"] * 6) + " |", "| :-- " * 8 + "|"]
        lines += [line_of(method, members_rows) for (_, method), members_rows in members]
        lines.append("")
    return "\n".join(lines)


def line_of(method: str, rows: Iterable[Mapping[str, Any]]) -> str:
    tried, fields = by_value(method, rows), swept(method)
    best = chosen(tried)
    own = own_values(method, fields)
    cells = []
    for values, of_value in tried.items():
        forget, auc, lost = (mean_of(of_value, measure) for measure in (forget_of, auc_of, lost_of))
        text = f"{', '.join(f'{value:g}' for value in values)}: {100 * forget:.0f} / {auc:.2f} / {100 * lost:.1f}"
        text = f"_{text}_" if values == own else text
        cells.append(f"**{text}**" if values == best else text)
    return f"| {method} | {', '.join(fields)} | " + " | ".join([*cells, *[""] * (6 - len(cells))]) + " |"


def swept(method: str) -> list[str]:
    return [field for field, values in GRIDS[method].items() if len(values) > 1]


def own_values(method: str, fields: Sequence[str]) -> tuple[float, ...]:
    node = {**node_of(CONF / "method" / f"{method}.yaml"), **small_values(method)}
    return tuple(float(node[field]) for field in fields)


def by_value(method: str, rows: Iterable[Mapping[str, Any]]) -> dict[tuple[float, ...], list[Mapping[str, Any]]]:
    """The rows of each grid point, in the order of its values."""
    found: dict[tuple[float, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[tuple(float(row["config"]["method"][field]) for field in swept(method))].append(row)
    return dict(sorted(found.items()))


def chosen(tried: Mapping[tuple[float, ...], Sequence[Mapping[str, Any]]]) -> tuple[float, ...]:
    return min(tried, key=lambda values: badness(tried[values]))


def badness(rows: Sequence[Mapping[str, Any]]) -> float:
    """The mean distance to the reference of the same seed, and the price of what is lost; see `columns_read`."""
    distance = statistics.mean(
        sum(abs(row["metrics"][name] - row["reference"][name]) for name in columns_read(row["scenario"])[:2])
        for row in rows
    )
    return distance + PRICE * max(0.0, mean_of(rows, lost_of) - LOSS_ALLOWED)


def mean_of(rows: Sequence[Mapping[str, Any]], measure: Any) -> float:
    return statistics.mean(measure(row) for row in rows)


def forget_of(row: Mapping[str, Any], of: str = "metrics") -> float:
    return row[of]["accuracy/forget"]


def auc_of(row: Mapping[str, Any], of: str = "metrics") -> float:
    return row[of]["membership/auc"]


def columns_read(scenario: str) -> tuple[str, str, str]:
    """What `badness` reads of the method and of the reference: the two of the distance, and that of what is lost."""
    return "accuracy/forget", "membership/auc", "accuracy/test" if scenario == "random" else "accuracy/retain_test"


def how_chosen(scenario: str) -> str:
    """The `chosen` of a preset that is found here."""
    columns, seeds = ", ".join(columns_read(scenario)), ", ".join(map(str, SEEDS))
    return f"{{source: found, columns: [{columns}], images: {IMAGES}, uses_reference: true, seeds: [{seeds}]}}"


def lost_of(row: Mapping[str, Any]) -> float:
    name = columns_read(row["scenario"])[2]
    return row["reference"][name] - row["metrics"][name]


def summary_of(rows: Sequence[Mapping[str, Any]], of: str) -> str:
    forget, auc = (statistics.mean(measure(row, of) for row in rows) for measure in (forget_of, auc_of))
    return f"{100 * forget:.0f} / {auc:.2f}"


if __name__ == "__main__":
    main()
