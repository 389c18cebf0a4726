"""An auditor's check, with none of our code: every number of summary.csv and table.md again, from results.csv alone.

python tests/recompute.py outputs/reports
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from scipy import stats

BLOCK = ("data", "model", "recipe", "scenario", "setting")
LINE = (*BLOCK, "method", "variant", "metric")
DECLARED = {  # where the rows declare nothing, or not the same
    "margins": {
        "accuracy/forget": 0.02,
        "membership/auc": 0.02,
        "js_divergence/forget": "relative",
        "accuracy/retain": 0.01,
        "accuracy/test": 0.01,
        "accuracy/retain_test": 0.01,
    },
    "most_left": 0.25,
}
WORDS = ("contrast", "role", "endpoint", "sensitive", "verdict", "adjustment")
ITSELF = "the reference model would be compared with itself"
PRINTED = {  # title in the table: metric, and what multiplies and rounds it
    "forget acc. %": ("accuracy/forget", 100, 2),
    "retain acc. %": ("accuracy/retain", 100, 2),
    "test acc. %": ("accuracy/test", 100, 2),
    "forget-test acc. %": ("accuracy/forget_test", 100, 2),
    "retain-test acc. %": ("accuracy/retain_test", 100, 2),
    "membership AUC": ("membership/auc", 1, 3),
    "ToW": ("scores/tug_of_war", 1, 3),
    "JS div. forget": ("js_divergence/forget", 1, 4),
    "confusion error %": ("interclass_confusion/error", 100, 2),
    "attack success %": ("backdoor/attack_success", 100, 2),
    "poison z": ("gaussian_poison/z", 1, 2),
    "seconds": ("cost/seconds", 1, 2),
}
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
SHARES = tuple(f"share_{source}" for source in ("train", "forget", "interaction", "unlearn", "evaluate"))
LETTERS = {
    "equivalent": "(E)",
    "different": "D",
    "different but negligible": "(N)",
    "inconclusive": "?",
    "equal": "=",
    "": "",
}
SANITY = ("reference", "retrain", "original")
VERDICT, OVERALL, RANK = "verdict, % removed", "all scenarios", "mean rank"
NAN = math.nan


def number(text):
    return float(text) if text else NAN


def read(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def noise_floor(results):
    """{(block, metric): {(seed, forget, reference, evaluate): [values of retrain]}}, where it has one setting."""
    settings, found = defaultdict(set), defaultdict(lambda: defaultdict(list))
    for row in results:
        if row["method"] == "retrain":
            block = tuple(row[name] for name in BLOCK)
            settings[block].add(row["variant"])
            at = tuple(row[name] for name in ("seed", "seed_forget", "seed_reference", "seed_evaluate", "target"))
            if row["value"]:
                found[*block, row["metric"]][at].append(number(row["value"]))
    return {key: values for key, values in found.items() if len(settings[key[:-1]]) == 1}


def draws(results):
    """{line: {seed: {(forget, reference, unlearn, evaluate): (value, what it is held against, images)}}}

    A distance to the reference, which the reference itself has not, is held against retrain with the same streams.
    """
    found, floors = defaultdict(lambda: defaultdict(dict)), noise_floor(results)
    for row in results:
        block = tuple(row[name] for name in BLOCK)
        streams = tuple(int(row[f"seed_{name}"]) for name in ("forget", "reference", "unlearn", "evaluate"))
        streams = *streams, row["target"]
        reference, images = number(row["reference"]), number(row["images"])
        distance = row["reason_reference"] == ITSELF
        if distance:
            at = tuple(row[name] for name in ("seed", "seed_forget", "seed_reference", "seed_evaluate", "target"))
            reference = mean(floors.get((*block, row["metric"]), {}).get(at, []))
        for method in SANITY[::2]:
            own = number(row[method])
            apart = (streams[0], streams[1], 0, streams[3], row["target"], repr(own))  # each value of each draw once
            against = NAN if method == "reference" else reference
            found[*block, method, "", row["metric"]][int(row["seed"])].setdefault(apart, (own, against, images))
        if row["method"] != "original":
            line = found[*block, row["method"], row["variant"], row["metric"]]
            against = NAN if distance and row["method"] == "retrain" else reference
            line[int(row["seed"])][streams] = (number(row["value"]), against, images)
    return found


def with_target_means(results):
    """The rows, and those of several class targets once more under the block of their mean, each told by its target."""
    families = defaultdict(lambda: defaultdict(set))
    for row in results:
        values = [part for part in row["scenario_values"].split(", ") if part]
        target = [part[7:] for part in values if part.startswith("target=")]
        if target:
            setting = [part for part in row["setting"].split(", ") if not part.startswith("scenario.target=")]
            rest = (row["data"], row["model"], row["recipe"], row["scenario"], ", ".join(filter(None, setting)))
            other = tuple(part for part in values if not part.startswith("target="))
            families[rest, other][target[0]].add(tuple(row[name] for name in BLOCK))
    of_block = {}
    for (rest, _), targets in families.items():
        if len(targets) > 1 and all(len(blocks) == 1 for blocks in targets.values()):
            names = sorted(targets, key=lambda one: (0, float(one), "") if one.lstrip("-").isdigit() else (1, 0, one))
            scenario = f"{rest[3]}, mean of targets {', '.join(names)}"
            for target, blocks in targets.items():
                of_block[next(iter(blocks))] = (*rest[:3], scenario, rest[4]), target, len(targets)
    lines = defaultdict(lambda: defaultdict(set))  # by line of a mean and seed, its targets
    more = []
    for row in results:
        if found := of_block.get(tuple(row[name] for name in BLOCK)):
            block, target, _ = found
            more.append(row | dict(zip(BLOCK, block, strict=True)) | {"target": target})
            lines[(*block, row["method"], row["variant"], row["metric"])][row["seed"]].add(target)
    counts = {block: count for block, _, count in of_block.values()}

    def has_all(row):
        line = tuple(row[name] for name in LINE)
        return len(lines[line][row["seed"]]) == counts[line[: len(BLOCK)]]

    return [*(row | {"target": ""} for row in results), *filter(has_all, more)]


def mean(values):
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else NAN


def sd(values):
    if len(values) < 2:
        return NAN
    return statistics.stdev(values) if max(values) - min(values) > 1e-12 else 0.0


def spread(values, grid):
    """The standard error of the mean and its degrees of freedom; `values` may be lists of one per forget set."""
    count = len(values)
    if isinstance(values[0], list):
        sets = len(values[0])
        squares = (
            sets * statistics.variance([mean(row) for row in values]),
            count * statistics.variance([mean(column) for column in zip(*values, strict=True)]),
        )
        middle = mean([value for row in values for value in row])
        columns = [mean(column) for column in zip(*values, strict=True)]
        rest = [row[k] - mean(row) - columns[k] + middle for row in values for k in range(sets)]
        both = math.fsum(one * one for one in rest) / ((count - 1) * (sets - 1))
        total, floor = squares[0] + squares[1] - both, grid / (count * sets)
        error = math.sqrt(max(total, *squares) / (count * sets))
        if error < floor * (1 - 1e-9) or error == 0:
            return max(error, floor), min(count, sets) - 1
        if total < max(squares) * (1 - 1e-9):
            return error, (count if squares[0] >= squares[1] else sets) - 1
        parts = squares[0] ** 2 / (count - 1) + squares[1] ** 2 / (sets - 1) + both**2 / ((count - 1) * (sets - 1))
        return error, total**2 / parts
    variance = statistics.variance(values) if max(values) - min(values) > 1e-12 else 0.0
    return math.sqrt(max(variance, grid**2 / count) / count), count - 1


def flat(values):
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def below(middle, values, grid):
    """P(T <= middle / standard error); 1 where nothing varies, for then nothing is shown."""
    error, freedom = spread(values, grid)
    return 1.0 if error == 0 else float(stats.t.cdf(middle / error, freedom))


def t_interval(values, level, grid=0.0):
    """Ends, and the two-sided p that the mean is 0."""
    middle, (error, freedom) = mean(flat(values)), spread(values, grid)
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    return middle - half, middle + half, min(1.0, 2 * below(-abs(middle), values, grid))


def sign_flip(values):
    sums = [
        abs(math.fsum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    return sum(total >= abs(math.fsum(values)) - 1e-12 * math.fsum(map(abs, values)) for total in sums) / len(sums)


def combined(own, original, factor):
    """own + factor × original, seed by seed."""

    def one(a, b):
        return [one(x, y) for x, y in zip(a, b, strict=True)] if isinstance(a, list) else a + factor * b

    return [one(a, b) for a, b in zip(own, original, strict=True)]


def p_removed(own, original, left, grid):
    """That less than `left` of the original's gap is there, on either side."""
    sign = math.copysign(1, mean(flat(original)))
    sides = [(sign, combined(own, original, -left)), (-sign, combined(own, original, left))]
    return max(below(sign * mean(flat(values)), values, grid) for sign, values in sides)


def share_removed(own, original, grid):
    """One minus the ratio of the means, and Fieller's ends; by the seeds' means."""
    a, b = ([mean(value) if isinstance(value, list) else value for value in of] for of in (own, original))
    k = stats.t.ppf(0.975, len(a) - 1) ** 2 / len(a)
    s_aa = max(statistics.variance(a), grid**2 / len(a))
    square = mean(b) ** 2 - k * statistics.variance(b)
    cross, rest = mean(a) * mean(b) - k * statistics.covariance(a, b), mean(a) ** 2 - k * s_aa
    if square <= 0:
        return None
    root = math.sqrt(max(0.0, cross**2 - square * rest))
    return 1 - mean(a) / mean(b), 1 - (cross + root) / square, 1 - (cross - root) / square


def endpoints(results):
    """{block: (margins, most left)}: what all rows of a block declare."""
    told = defaultdict(set)
    metrics = defaultdict(set)
    for row in results:
        block = tuple(row[name] for name in BLOCK)
        told[block].add(row["declared"])
        metrics[block].add(row["metric"].split(" (")[0])
    found = {}
    for block, texts in told.items():
        declared = json.loads(*texts) if len(texts) == 1 and "" not in texts else DECLARED
        unfit = "accuracy/test" if "accuracy/forget_test" in metrics[block] else "accuracy/retain_test"
        margins = {name: margin for name, margin in declared["margins"].items() if name != unfit}
        found[block] = margins, declared["most_left"]
    return found


def step(family):
    """Of the seeds' means, where every value is a share of the images of its set; else 0. Of a mean of targets too."""
    steps = [0.0]
    for seeds in family:
        own = []
        for of in seeds.values():
            targets = defaultdict(list)
            for streams, (value, _, images) in of.items():
                if not math.isnan(value):
                    targets[streams[4]].append((value, images))
            for known in targets.values():
                count = known[0][1] * len(known)
                share = mean([value for value, _ in known]) * count
                fits = not math.isnan(count) and abs(share - round(share)) < 1e-9 * count
                own.append(1 / count / len(targets) if fits else 0.0)
        if own and min(own) == 0 and not any(streams[4] for of in seeds.values() for streams in of):
            return 0.0
        steps.append(max(own, default=0.0) if own and min(own) > 0 else 0.0)
    return max(steps)


def contrasts(seeds, crossed):
    """{seed: gap}, or {seed: gaps by forget set} where the design is crossed."""
    gaps = {}
    for seed, of in seeds.items():
        by_set = defaultdict(list)
        for streams, (value, against, _) in of.items():
            by_set[streams[0] if crossed else 0].append(value - against)
        found = [mean(by_set[number]) for number in sorted(by_set)]
        if crossed:
            gaps[seed] = found
        elif not math.isnan(found[0]):
            gaps[seed] = found[0]
    if crossed and any(math.isnan(gap) for found in gaps.values() for gap in found):
        return contrasts(seeds, False)
    return gaps


def judge(out, own, before, role, margin, left, judged):
    """What one endpoint shows: p of equivalence, verdict and share; `before` are the contrasts of the original."""
    grid, memory = out["grid"], role == "memory"
    both = [seed for seed in own if seed in before]
    shape = {isinstance(of[seed], list) for of in (own, before) for seed in of}
    if len(shape) > 1:
        own, before = (
            {seed: mean(gap) if isinstance(gap, list) else gap for seed, gap in of.items()} for of in (own, before)
        )
    listed, a, b = list(own.values()), [own[seed] for seed in both], [before[seed] for seed in both]
    sets = len(listed[0]) if isinstance(listed[0], list) else 1
    fine, p = grid * sets, NAN

    def within(values):
        return below(abs(mean(flat(values))) - margin, values, fine)

    if judged and len(listed) >= 3 and (not memory or len(a) >= 3):
        p = within(a if memory else listed) if margin is not None else 0.0
        out["p_tost"] = within(listed) if margin is not None else NAN
        if memory:
            sure = t_interval(b, 0.95, fine)[2] < 0.05 and (margin is None or abs(mean(flat(b))) > margin + 1e-12)
            p = max(p, p_removed(a, b, left, fine)) if sure else 1.0
        out["p_equivalent"] = p
    if memory and len(a) >= 3 and t_interval(b, 0.95, fine)[2] < 0.05:
        share = share_removed(a, b, fine)
        if share:
            out |= dict(zip(("share", "share_low", "share_high"), share, strict=True))
    if len(listed) < 3:
        return
    different = out["p"] < 0.05
    if all(abs(gap) <= 1e-12 for gap in flat(listed)):
        out["verdict"] = "equal"
    elif p < 0.05:
        out["verdict"] = "different but negligible" if different else "equivalent"
    else:
        out["verdict"] = "different" if different else "inconclusive"


def correlation(first, second):
    if len(first) < 3 or min(max(first) - min(first), max(second) - min(second)) == 0:
        return NAN
    return statistics.correlation(first, second)


def holm(p_values):
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [0.0] * len(order), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, p_values[place] * (len(order) - rank)))
        adjusted[place] = highest
    return adjusted


def forget_sets(results):
    """{block: pairs of the number of a forget set and its digest}"""
    found = defaultdict(set)
    for row in results:
        found[tuple(row[name] for name in BLOCK)].add((int(row["seed_forget"]), row["forget_digest"]))
    return found


def crossed_shares(seeds, sets):
    """Of training seed, forget set and both, where each seed has each set, by the textbook's sums of squares."""
    numbers, digests = ([pair[place] for pair in sets] for place in (0, 1))
    forget = sorted({streams[0] for found in seeds.values() for streams in found})
    draws = {streams[2:4] for found in seeds.values() for streams in found}
    if len(set(numbers)) < len(numbers) or len(set(digests)) < len(digests) or len(draws) > 1 or len(forget) < 2:
        return (NAN,) * 3  # designs with draws besides are checked by hand, in tests of `variance`
    rows = [{streams[0]: value for streams, (value, _, _) in found.items()} for found in seeds.values()]
    table = [[found[number] for number in forget] for found in rows if set(found) == set(forget)]
    if len(table) < 2:
        return (NAN,) * 3
    flat, columns = list(itertools.chain(*table)), list(zip(*table, strict=True))
    centre, (count, width) = mean(flat), (len(table), len(forget))
    of_seeds = width * math.fsum((mean(line) - centre) ** 2 for line in table)
    of_sets = count * math.fsum((mean(column) - centre) ** 2 for column in columns)
    rest = math.fsum((value - centre) ** 2 for value in flat) - of_seeds - of_sets
    both = rest / ((count - 1) * (width - 1))
    parts = [(of_seeds / (count - 1) - both) / width, (of_sets / (width - 1) - both) / count, both]
    kept = [max(0.0, part) for part in parts]
    return tuple(part / math.fsum(kept) if math.fsum(kept) > 0 else NAN for part in kept)


def shares(seeds, sets):
    """Of the variance, by source, from the mean squares of a nested or a crossed design."""
    if any(len({streams[1] for streams in found}) > 1 for found in seeds.values()):
        return (NAN,) * 5
    if any(len({streams[0] for streams in found}) > 1 for found in seeds.values()):
        return *crossed_shares(seeds, sets), NAN, NAN
    train, unlearn, evaluate = nested_shares(seeds)
    return train, NAN, NAN, unlearn, evaluate


def nested_shares(seeds):
    most = {streams[2:4] for found in seeds.values() for streams in found}
    unlearn, evaluate = (sorted({streams[place] for streams in most}) for place in (0, 1))
    if len(unlearn) * len(evaluate) < 2:
        return NAN, NAN, NAN
    cube = []
    for found in seeds.values():
        by_draw = {streams[2:4]: value for streams, (value, _, _) in found.items()}
        table = [[by_draw.get((j, k), NAN) for k in evaluate] for j in unlearn]
        if not any(math.isnan(value) for line in table for value in line):
            cube.append(table)
    if len(cube) < 2:
        return NAN, NAN, NAN
    sizes = (len(unlearn), len(evaluate))
    train = statistics.variance([mean([mean(line) for line in table]) for table in cube])  # of seed means
    if min(sizes) == 1:
        inner = mean([statistics.variance(list(itertools.chain(*table))) for table in cube])
        parts = [train - inner / max(sizes), inner]
        parts.insert(2 if sizes[1] == 1 else 1, NAN)
    else:
        middle = mean([statistics.variance([mean(line) for line in table]) for table in cube])
        inner = mean([statistics.variance(line) for table in cube for line in table])
        parts = [train - middle / sizes[0], middle - inner / sizes[1], inner]
    kept = [part if math.isnan(part) else max(0.0, part) for part in parts]
    total = math.fsum(part for part in kept if not math.isnan(part))
    return tuple(part / total if total > 0 else NAN for part in kept)


def is_crossed(results):
    """{block: whether each training seed has each of the same three or more forget sets}"""
    pairs, seeds = defaultdict(set), defaultdict(set)
    for row in results:
        block = tuple(row[name] for name in BLOCK)
        pairs[block].add((row["seed"], row["forget_digest"]))
        seeds[block].add(row["seed"])
    found = {}
    for block, having in pairs.items():
        sets = {digest for _, digest in having}
        full = len(having) == len(sets) * len(seeds[block])
        found[block] = full and min(len(sets), len(seeds[block])) >= 3
    return found


def recompute(results):
    """Every line of the summary."""
    results = with_target_means(results)
    found, sets, declared, crossed = draws(results), forget_sets(results), endpoints(results), is_crossed(results)
    block_seeds = defaultdict(set)
    copies = {
        (*(row[name] for name in BLOCK), row["method"], row["variant"])
        for row in results
        if "identical to the reference" in row["notes"]
    }
    for line, seeds in found.items():
        block_seeds[line[: len(BLOCK)]] |= set(seeds)
    distances = {
        (*(row[name] for name in BLOCK), row["metric"]) for row in results if row["reason_reference"] == ITSELF
    }
    families = defaultdict(list)
    for line in found:
        families[*line[: len(BLOCK)], line[-1]].append(line)
    told, gaps_of = {}, {}
    for line in found:
        told[line], gaps_of[line] = _plain(line, found, sets, block_seeds, crossed[line[: len(BLOCK)]])
    for key, family in families.items():
        _family(key, family, found, told, gaps_of, declared[key[:-1]], key in distances, copies)
    for block in declared:
        nulls = defaultdict(dict)
        for line, out in told.items():
            of_null = line[: len(BLOCK)] == block and line[-3] == "retrain" and out["endpoint"] == "True"
            if of_null and not math.isnan(out.get("p", NAN)):
                nulls[line[-2]][line] = out["p"]
        for own in nulls.values():
            for line, p in zip(own, holm(list(own.values())), strict=True):
                told[line] |= {"p_adjusted": p, "adjustment": "Holm"}
    return told


def is_named(metric, name):
    """Whether this is the metric of that name, or one config of it."""
    return metric == name or metric.startswith(f"{name} (")


def verdicts(results, told):
    """{(block, method, variant): what the primary endpoints show of it together}; `told` is what `recompute` gives."""
    results = with_target_means(results)
    found = {}
    for block, (margins, _) in endpoints(results).items():
        own = [row for row in results if tuple(row[name] for name in BLOCK) == block]
        lines = {line: out for line, out in told.items() if line[: len(BLOCK)] == block}
        metrics = _one_metric_each(margins, {line[-1] for line in lines})
        out_of_reach = len({row["declared"] for row in own}) > 1 or own[0]["declared"] == "" or None in metrics.values()
        out_of_reach |= any(_shows_nothing(block, metric, lines) for metric in metrics.values() if metric)
        barred = {
            (row["method"], row["variant"])
            for row in own
            if "identical to the reference" in row["notes"] or (row["tuned_on"] and row["tuned_images"] == "test")
        }
        for method in dict.fromkeys(line[-3:-1] for line in lines):
            its = [lines[*block, *method, metric] for metric in metrics.values() if (*block, *method, metric) in lines]
            found[*block, *method] = _together_shown(its, len(margins), out_of_reach or method in barred)
        for name in ("p_joint", "p_different"):
            family = [
                key
                for key, one in found.items()
                if key[: len(BLOCK)] == block and key[-2] not in SANITY and not math.isnan(one[name])
            ]
            for key, p in zip(family, holm([found[key][name] for key in family]), strict=True):
                found[key][f"{name}_adjusted"] = p
    for one in found.values():
        one["letter"] = _letter(one)
    return found


def _one_metric_each(names, known):
    """{endpoint: the metric of the block that is meant}; None where there is none, or there are several configs."""
    having = {name: [metric for metric in known if is_named(metric, name)] for name in names}
    return {name: name if name in of else of[0] if len(of) == 1 else None for name, of in having.items()}


def _shows_nothing(block, metric, lines):
    """Whether nothing can be as good as retrained on it: no floor to hold it against, or the original is as near."""
    own = [out for line, out in lines.items() if line[-1] == metric]
    if any(out["seeds"] for out in own) and not any(out["contrast"] for out in own):
        return True
    original = lines.get((*block, "original", "", metric))
    insensitive = original is not None and original["sensitive"] == "False" and original["seeds"] >= 3
    return insensitive and own[0]["role"] == "memory"


def _together_shown(its, count, out_of_reach):
    """Of one method, whose lines on the primary endpoints these are; `count` were declared."""
    equal = [out.get("p_equivalent", NAN) for out in its]
    p_values = [out["p"] for out in its if not math.isnan(out.get("p", NAN))]
    joint = not out_of_reach and len(its) == count > 0 and all(out["seeds"] >= 3 for out in its)
    shares_of = [out for out in its if out["role"] == "memory"]
    removed = {"removed": NAN, "removed_low": NAN, "removed_high": NAN}
    if shares_of and not any(math.isnan(out.get("share", NAN)) for out in shares_of):
        far = max(shares_of, key=lambda out: abs(out["share"] - 1))
        removed = dict(zip(removed, (far[name] for name in ("share", "share_low", "share_high")), strict=True))
    return removed | {
        "p_joint": max(equal) if joint and not any(map(math.isnan, equal)) else NAN,
        "p_different": min((min(1.0, count * p) for p in p_values), default=NAN),
        "p_joint_adjusted": NAN,
        "p_different_adjusted": NAN,
    }


def _letter(one):
    """E, N, D or ?, small where Holm takes back what it says; "" where there is neither p."""
    small = {name: one[f"{name}_adjusted"] >= 0.05 for name in ("p_joint", "p_different")}
    equal, different = (one[name] < 0.05 for name in ("p_joint", "p_different"))
    if equal:
        letter, back = ("N", any(small.values())) if different else ("E", small["p_joint"])
    elif different:
        letter, back = "D", small["p_different"]
    else:
        letter, back = ("" if math.isnan(one["p_joint"]) and math.isnan(one["p_different"]) else "?"), False
    return letter.lower() if back else letter


def scores(results, told):
    """{unit: {block: {method with its variant: largest |mean gap| in units of the margin}}}"""
    found = defaultdict(dict)
    declared = endpoints(results)
    left = min(most for _, most in declared.values())
    for block in declared:
        own = {line: out for line, out in told.items() if line[: len(BLOCK)] == block and out["endpoint"] == "True"}
        units = {}
        for metric in {line[-1] for line in own}:
            line = own[*block, "original", "", metric]
            unit = line["margin"]
            if line["role"] == "memory":
                units[metric] = (
                    min(left * abs(line["gap"]), math.inf if math.isnan(unit) else unit)
                    if line["sensitive"] == "True"
                    else NAN
                )
            else:
                units[metric] = unit
        units = {metric: unit for metric, unit in units.items() if not math.isnan(unit)}
        if not any(own[*block, "original", "", metric]["role"] == "memory" for metric in units):
            continue
        apart = [part for part in split_values(block[4]) if part.removeprefix("no ").startswith(("data.", "model."))]
        each = defaultdict(dict)
        for line, out in own.items():
            if line[-1] in units and line[-3] not in SANITY:
                each[with_variant(*line[-3:-1])][line[-1]] = abs(out["gap"]) / units[line[-1]]
        found[" · ".join([block[0], block[1], block[3], *apart])][block] = {
            method: max(of.values()) if len(of) == len(units) and not any(map(math.isnan, of.values())) else NAN
            for method, of in each.items()
        }
    return {unit: blocks for unit, blocks in found.items() if any(blocks.values())}


def with_variant(method, variant):
    return f"{method} ({variant})" if variant else method


def split_values(text):
    """At the commas between values, not at those in quotes."""
    return [part for part in re.split(r', (?=(?:[^"]*"[^"]*")*[^"]*$)', text) if part]


def leaderboard(results, told):
    """{method with its variant: (mean rank, {unit: score})}, where there are two units and two methods to rank."""
    units = scores(results, told)
    copies = {
        with_variant(row["method"], row["variant"]) for row in results if "identical to the reference" in row["notes"]
    }
    every = [of for blocks in units.values() for of in blocks.values()]
    methods = [
        method
        for method in dict.fromkeys(method for of in every for method in of)
        if method not in copies and not any(math.isnan(of.get(method, NAN)) for of in every)
    ]
    if min(len(units), len(methods)) < 2:
        return {}
    own = {unit: [mean([of[method] for of in blocks.values()]) for method in methods] for unit, blocks in units.items()}
    ranks = [stats.rankdata([round(score, 9) for score in of]) for of in own.values()]
    return {
        method: (mean([of[place] for of in ranks]), {unit: of[place] for unit, of in own.items()})
        for place, method in enumerate(methods)
    }


def _plain(line, found, sets, block_seeds, crossed):
    """What needs no other line but that of the reference; and the gaps, by seed and maybe forget set."""
    block, metric, seeds = line[: len(BLOCK)], line[-1], found[line]
    values = {seed: mean([value for value, _, _ in of.values()]) for seed, of in seeds.items()}
    known = [value for value in values.values() if not math.isnan(value)]
    refs = {seed: mean([ref for _, ref, _ in of.values()]) for seed, of in seeds.items()}
    base = [mean([value for value, _, _ in of.values()]) for of in found[*block, "reference", "", metric].values()]
    gaps = contrasts(seeds, crossed)
    means = {seed: mean(gap) if isinstance(gap, list) else gap for seed, gap in gaps.items()}
    out = {
        "mean": mean(known),
        "sd": sd(known),
        "sd_population": statistics.pstdev(known) if len(known) > 1 else NAN,
        "seeds": len(known),
        "gap": mean(means.values()),
        "sd_reference": sd([value for value in base if not math.isnan(value)]),
        "missing_runs": max(map(len, seeds.values())) * len(block_seeds[block]) - sum(map(len, seeds.values())),
        "verdict": "",
    }
    for place, stage in enumerate(("forget", "reference", "unlearn", "evaluate")):
        out[f"{stage}_draws"] = max(len({streams[place] for streams in of}) for of in seeds.values())
    images = next(iter(next(iter(seeds.values())).values()))[2]
    if metric.startswith("accuracy/") and len(known) == 1 and sum(map(len, seeds.values())) == 1 and images > 0:
        interval = stats.binomtest(round(known[0] * images), round(images)).proportion_ci(0.95, method="wilson")
        out["wilson_low"], out["wilson_high"] = interval.low, interval.high
    of_targets = ", mean of targets" in block[3]  # whose variance is told of each target
    out |= dict(zip(SHARES, (NAN,) * 5 if of_targets else shares(seeds, sets[block]), strict=True))
    if len(means) >= 2:
        out["p_sign_flip"] = sign_flip(list(means.values()))
        worst = max(means, key=lambda seed: round(abs(means[seed]), 12))
        out["worst_seed"], out["worst_gap"] = worst, means[worst]
        out["correlation"] = correlation([values[seed] for seed in means], [refs[seed] for seed in means])
    return out, gaps


def _family(key, family, found, told, gaps_of, declared, distance, copies):
    """What takes the other methods of a block, for one metric."""
    metric, (margins, left) = key[-1].split(" (")[0], declared
    cost, primary = metric.startswith("cost/"), metric in margins
    kept = metric.endswith(("retain", "test", "retain_test")) and "forget" not in metric
    role, margin = "utility" if kept else "memory", margins.get(metric)
    margin = None if margin == "relative" else margin
    grid = step([found[line] for line in family])
    floor = distance and any(gaps_of[line] for line in family)
    judged = primary or (role == "memory" and floor and not cost)
    before = gaps_of[*key[:-1], "original", "", key[-1]]
    b = list(before.values())
    fine = grid * (len(b[0]) if b and isinstance(b[0], list) else 1)
    sensitive = judged and role == "memory" and len(b) >= 3 and t_interval(b, 0.95, fine)[2] < 0.05
    sensitive = sensitive and (margin is None or abs(mean(flat(b))) > margin + 1e-12)
    for line in family:
        out, own = told[line], gaps_of[line]
        out |= {"grid": grid, "role": role, "endpoint": str(primary), "sensitive": str(bool(sensitive))}
        out |= {"margin": NAN if margin is None else margin}
        out["contrast"] = ("floor" if distance else "reference") if own else ""
        if len(own) < 2:
            continue
        listed = list(own.values())
        scale = grid * (len(listed[0]) if isinstance(listed[0], list) else 1)
        out["gap_low"], out["gap_high"], p = t_interval(listed, 0.95, scale)
        out["p"] = p if len(listed) >= 3 else NAN
        low, high, _ = t_interval(listed, 0.9, scale)
        out["delta_star"] = max(abs(low), abs(high))
        judge(out, own, before, role, margin, left, judged)
        if cost:
            out["verdict"] = ""
            for name in ("share", "share_low", "share_high"):
                out.pop(name, None)
    rivals = [line for line in family if line[-3] not in SANITY]
    _together([line for line in rivals if not math.isnan(told[line].get("p", NAN))], told, primary)
    means = {
        line: {seed: mean(gap) if isinstance(gap, list) else gap for seed, gap in gaps_of[line].items()}
        for line in rivals
        if gaps_of[line] and line[:-1] not in copies
    }
    if not cost:
        told |= {line: told[line] | {"best": True} for line in means if _is_best(line, means, grid)}


def _together(family, told, primary):
    p_values = [told[line]["p"] for line in family]
    if not family:
        return
    corrected = holm(p_values) if primary else stats.false_discovery_control(p_values)
    for line, p in zip(family, corrected, strict=True):
        told[line]["p_adjusted"], told[line]["adjustment"] = float(p), "Holm" if primary else "BH"


def _is_best(line, field, grid):
    others = [other for other in field if other != line]
    for other in others:
        both = sorted(field[line].keys() & field[other].keys())
        sign = math.copysign(1, mean(field[other].values()))
        if len(both) < 3:
            return False
        for side in (-1, 1):
            values = [sign * (field[other][seed] + side * field[line][seed]) for seed in both]
            if not (mean(values) > 0 and t_interval(values, 0.95, grid)[2] < 0.05):
                return False
    smallest = min(field, key=lambda line: abs(mean(field[line].values())))
    return bool(others) and line == smallest


def differences(summary, told):
    """The largest difference between a number of the summary and the one made again, for each column."""
    largest = defaultdict(float)
    assert {tuple(row[name] for name in LINE) for row in summary} == set(told)
    for row in summary:
        line = tuple(row[name] for name in LINE)
        own = told[line]
        for name in WORDS:
            assert row[name] == own.get(name, ""), (line, name, row[name], own.get(name))
        assert row["best"] == str(own.get("best", False)), (line, "best")
        for name in set(row) - {*LINE, *WORDS, "best", "missing", "reason"}:
            written, made = number(row[name]), float(own.get(name, NAN))
            assert math.isnan(written) == math.isnan(made), (line, name, written, made)
            if not math.isnan(made):
                largest[name] = max(largest[name], abs(written - made) / max(1.0, abs(made)))
    return dict(largest)


def printed_lines(markdown):
    """The title of each table but those of audits, its heads, and the texts of each line."""
    title, heads = "", []
    for text in markdown.splitlines():
        if text.startswith("## "):
            title, heads = text[3:], []
        elif text.startswith("| ") and not title.rpartition(" · ")[2].startswith("forget set"):
            parts = [part.strip() for part in re.split(r"(?<!\\)\|", text)[1:-1]]
            if not heads:
                heads = parts
            elif not parts[0].startswith(":"):
                yield title, heads, parts


def printed_cells(markdown):
    """{(block, method, variant, title): cell} of every table of cells."""
    cells = {}
    for title, heads, parts in printed_lines(markdown):
        if title.startswith(OVERALL) or any("failed (" in part for part in parts[1:]):
            continue
        block = tuple(title.split(" · "))
        block += ("",) * (len(BLOCK) - len(block))
        method = parts[0].partition("<br>")[0].replace(" (noise floor)", "").rstrip(" †‡")
        variant = parts[1] if heads[1] == "variant" else ""
        for head, cell in zip(heads[1:], parts[1:], strict=True):
            if head != "variant":
                cells[block, method, variant, head] = cell
    return cells


def printed_leaderboard(markdown):
    """{method with its variant: {unit or "mean rank": text}} of the table above those of the blocks."""
    found = {}
    for title, heads, parts in printed_lines(markdown):
        if title.startswith(OVERALL):
            shared = title.split(" · ")[1:]
            units = [head if head == RANK else " · ".join([*shared, head]) for head in heads[1:]]
            found[parts[0]] = dict(zip(units, parts[1:], strict=True))
    return found


def carried(spread, digits):
    """The decimals that a spread carries: those of its first digit, or of its second after a 1."""
    first = math.floor(math.log10(spread))
    return min(digits, max(0, (spread / 10**first < 2) - first))


def usual_decimals(lines, scale, digits):
    """Those of a value of a column that has no spread: as the median spread carries."""
    spreads = [own["sd"] * scale for own in lines if own["sd"] > 0]
    return carried(statistics.median(spreads), digits) if spreads else digits


def as_printed(own, scale, digits, usual):
    """A cell from the numbers made again."""
    if not own["seeds"]:
        return "n/a"
    spread = own["sd"] * scale
    decimals = carried(spread, digits) if spread > 0 else usual
    text = f"{own['mean'] * scale:.{decimals}f}"
    if not math.isnan(spread):
        text += f" ± {spread:.{decimals}f}"
    if own.get("best"):
        text = f"**{text}**"
    letter = LETTERS[own["verdict"]] if not math.isnan(own["gap"]) else ""
    if letter in ("D", "(N)") and own.get("p_adjusted", NAN) >= 0.05:
        letter = letter.lower()
    return f"{text} {letter}".rstrip()


def differs(written, again):
    """Whether a printed text is another than the one made again, which has to have the same words.

    What lies halfway between two numbers may be rounded to either, on its last bit.
    """
    assert NUMBER.sub("0", written) == NUMBER.sub("0", again), (written, again)
    for one, other in zip(NUMBER.findall(written), NUMBER.findall(again), strict=True):
        last = 10.0 ** -len(one.partition(".")[2])
        assert one == other or abs(abs(float(one) - float(other)) - last) < 1e-9, (written, again)
    return written != again


def headline(one):
    """The first column of a line: the letter, and how much is removed."""
    return f"{one['letter']} {'n/a' if math.isnan(one['removed']) else format(100 * one['removed'], '.0f')}".strip()


def texts_again(cells, results, told):
    """The texts of these cells, made again."""
    judged, again = verdicts(results, told), {}
    for block, method, variant, title in cells:
        if title == VERDICT:
            own = "" if method == "reference" else headline(judged[*block, method, variant])
            again[block, method, variant, title] = own
            continue
        metric, scale, digits = PRINTED[title]
        own = told.get((*block, method, variant, metric), {"seeds": 0})
        column = [one for line, one in told.items() if line[: len(BLOCK)] == block and line[-1] == metric]
        again[block, method, variant, title] = as_printed(own, scale, digits, usual_decimals(column, scale, digits))
    for block in {key[0] for key in cells}:
        lettered = any(one["letter"] for key, one in judged.items() if key[: len(BLOCK)] == block)
        assert lettered == any(key[0] == block and key[-1] == VERDICT for key in cells), block
    return again


def check(reports):
    """The largest difference of each column; the texts of the tables of table.md are compared as text."""
    results = read(Path(reports, "results.csv"))
    told = recompute(results)
    largest = differences(read(Path(reports, "summary.csv")), told)
    markdown = Path(reports, "table.md").read_text(encoding="utf-8")
    cells = printed_cells(markdown)
    again = texts_again(cells, results, told)
    halfway = sum(differs(" ".join(cell.split()), again[key]) for key, cell in cells.items())
    printed, ranked = printed_leaderboard(markdown), leaderboard(results, told)
    assert printed.keys() == ranked.keys(), (printed, ranked)
    for method, (rank, of_units) in ranked.items():
        texts = {RANK: f"{rank:.1f}", **{unit: f"{score:.2f}" for unit, score in of_units.items()}}
        assert printed[method].keys() == texts.keys(), (printed[method], texts)
        halfway += sum(differs(printed[method][head], text) for head, text in texts.items())
    count = len(cells) + sum(map(len, printed.values()))
    assert halfway <= 1 + count // 100, halfway
    return largest, count


if __name__ == "__main__":
    differing, count = check(sys.argv[1])
    for column, difference in sorted(differing.items()):
        print(f"{column:<16} {difference:.1e}")
    print(f"{count} cells of table.md agree")
