"""An auditor's check, with none of our code: every number of summary.csv and table.md again, from results.csv alone.

python tests/recompute.py outputs/reports
"""

from __future__ import annotations

import csv
import itertools
import math
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from scipy import stats

BLOCK = ("data", "model", "recipe", "scenario", "setting")
LINE = (*BLOCK, "method", "variant", "metric")
MARGINS = {
    "accuracy/forget": 0.02,
    "accuracy/retain": 0.01,
    "accuracy/test": 0.01,
    "accuracy/retain_test": 0.01,
    "membership/auc": 0.02,
}
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
LETTERS = {
    "equivalent": "(E)",
    "different": "D",
    "different but negligible": "(N)",
    "inconclusive": "?",
    "equal": "=",
    "": "",
}
SANITY = ("reference", "retrain", "original")
NAN = math.nan


def number(text):
    return float(text) if text else NAN


def read(path):
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def draws(results):
    """{line: {seed: {(forget, reference, unlearn, evaluate): (value, reference, images)}}}"""
    found = defaultdict(lambda: defaultdict(dict))
    for row in results:
        block = tuple(row[name] for name in BLOCK)
        streams = tuple(int(row[f"seed_{name}"]) for name in ("forget", "reference", "unlearn", "evaluate"))
        reference, images = number(row["reference"]), number(row["images"])
        for method in SANITY[::2]:
            own = number(row[method])
            apart = (streams[0], streams[1], 0, streams[3], repr(own))  # each value of each draw once
            against = NAN if method == "reference" else reference
            found[*block, method, "", row["metric"]][int(row["seed"])].setdefault(apart, (own, against, images))
        if row["method"] != "original":
            line = found[*block, row["method"], row["variant"], row["metric"]]
            line[int(row["seed"])][streams] = (number(row["value"]), reference, images)
    return found


def mean(values):
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else NAN


def sd(values):
    return statistics.stdev(values) if len(values) > 1 else NAN


def t_interval(values, level):
    """Ends, and the two-sided p that the mean is 0."""
    middle, error = mean(values), sd(values) / math.sqrt(len(values))
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * error
    p = (0.0 if middle else 1.0) if error == 0 else 2 * stats.t.sf(abs(middle) / error, len(values) - 1)
    return middle - half, middle + half, p


def sign_flip(values):
    sums = [
        abs(math.fsum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    return sum(total >= abs(math.fsum(values)) - 1e-12 * math.fsum(map(abs, values)) for total in sums) / len(sums)


def tost_p(values, margin):
    middle, error = mean(values), sd(values) / math.sqrt(len(values))
    if error == 0:
        return 0.0 if abs(middle) < margin else 1.0
    return stats.t.cdf((abs(middle) - margin) / error, len(values) - 1)


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


def shares(seeds):
    """Of the variance, by stage, from the mean squares of a nested design."""
    most = {streams[2:4] for found in seeds.values() for streams in found}
    unlearn, evaluate = (sorted({streams[place] for streams in most}) for place in (0, 1))
    if len(unlearn) * len(evaluate) < 2 or any(len({streams[:2] for streams in found}) > 1 for found in seeds.values()):
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


def recompute(results):
    """Every line of the summary."""
    found = draws(results)
    block_seeds = defaultdict(set)
    for line, seeds in found.items():
        block_seeds[line[: len(BLOCK)]] |= set(seeds)
    told, gaps_of = {}, {}
    for line, seeds in found.items():
        metric = line[-1]
        values = {seed: mean([value for value, _, _ in of.values()]) for seed, of in seeds.items()}
        gaps = {seed: mean([value - ref for value, ref, _ in of.values()]) for seed, of in seeds.items()}
        refs = {seed: mean([ref for _, ref, _ in of.values()]) for seed, of in seeds.items()}
        gaps_of[line] = gaps = {seed: gap for seed, gap in gaps.items() if not math.isnan(gap)}
        known = [value for value in values.values() if not math.isnan(value)]
        block = line[: len(BLOCK)]
        base = [mean([value for value, _, _ in of.values()]) for of in found[*block, "reference", "", metric].values()]
        base = [value for value in base if not math.isnan(value)]
        name = metric.split(" (")[0]
        margin = MARGINS.get(name, NAN)
        if name == "accuracy/forget" and sd(base) > margin:
            margin = sd(base)
        out = told[line] = {
            "mean": mean(known),
            "sd": sd(known),
            "seeds": len(known),
            "gap": mean(gaps.values()),
            "margin": margin,
            "sd_reference": sd(base),
            "missing_runs": max(map(len, seeds.values())) * len(block_seeds[block]) - sum(map(len, seeds.values())),
        }
        for place, stage in enumerate(("forget", "reference", "unlearn", "evaluate")):
            out[f"{stage}_draws"] = max(len({streams[place] for streams in of}) for of in seeds.values())
        images = next(iter(next(iter(seeds.values())).values()))[2]
        if metric.startswith("accuracy/") and len(known) == 1 and sum(map(len, seeds.values())) == 1 and images > 0:
            interval = stats.binomtest(round(known[0] * images), round(images)).proportion_ci(0.95, method="wilson")
            out["wilson_low"], out["wilson_high"] = interval.low, interval.high
        out |= dict(zip(("share_train", "share_unlearn", "share_evaluate"), shares(seeds), strict=True))
        out["verdict"] = ""
        if len(gaps) < 2:
            continue
        listed = list(gaps.values())
        out["gap_low"], out["gap_high"], out["p"] = t_interval(listed, 0.95)
        low, high, _ = t_interval(listed, 0.9)
        out["delta_star"] = max(abs(low), abs(high))
        out["p_sign_flip"] = sign_flip(listed)
        worst = max(gaps, key=lambda seed: abs(gaps[seed]))
        out["worst_seed"], out["worst_gap"] = worst, gaps[worst]
        out["correlation"] = correlation([values[seed] for seed in gaps], [refs[seed] for seed in gaps])
        if not math.isnan(margin):
            out["p_tost"] = tost_p(listed, margin)
            different = out["gap_low"] > 0 or out["gap_high"] < 0
            if out["p_tost"] < 0.05:
                out["verdict"] = "different but negligible" if different else "equivalent"
            else:
                out["verdict"] = "different" if different else "inconclusive"
    for key in {(*line[: len(BLOCK)], line[-1]) for line in told}:
        family = [line for line in told if (*line[: len(BLOCK)], line[-1]) == key and line[-3] not in SANITY]
        _together([line for line in family if "p" in told[line]], told, key[-1])
        field = {line: gaps_of[line] for line in family if gaps_of[line]}
        if not key[-1].startswith("cost/"):
            told |= {line: told[line] | {"best": True} for line in field if _is_best(line, field)}
    return told


def _together(family, told, metric):
    p_values = [told[line]["p"] for line in family]
    if not family:
        return
    endpoint = metric.split(" (")[0] in MARGINS
    corrected = holm(p_values) if endpoint else stats.false_discovery_control(p_values)
    for line, p in zip(family, corrected, strict=True):
        told[line]["p_adjusted"], told[line]["adjustment"] = float(p), "Holm" if endpoint else "BH"


def _is_best(line, field):
    others = [other for other in field if other != line]
    for other in others:
        both = sorted(field[line].keys() & field[other].keys())
        sign = math.copysign(1, mean(field[other].values()))
        if len(both) < 2:
            return False
        for side in (-1, 1):
            values = [sign * (field[other][seed] + side * field[line][seed]) for seed in both]
            if not t_interval(values, 0.95)[0] > 0:
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
        for name in ("verdict", "adjustment"):
            assert row[name] == own.get(name, ""), (line, name, row[name], own.get(name))
        assert row["best"] == str(own.get("best", False)), (line, "best")
        for name in set(row) - {*LINE, "verdict", "adjustment", "best", "missing", "reason"}:
            written, made = number(row[name]), float(own.get(name, NAN))
            assert math.isnan(written) == math.isnan(made), (line, name, written, made)
            if not math.isnan(made):
                largest[name] = max(largest[name], abs(written - made) / max(1.0, abs(made)))
    return dict(largest)


def printed_cells(markdown):
    """{(block, method, variant, title): cell} of every table of cells; those of audits name a forget set."""
    cells, block, titles = {}, (), []
    for text in markdown.splitlines():
        if text.startswith("## "):
            block = tuple(text[3:].split(" · "))
            block += ("",) * (len(BLOCK) - len(block))
        elif text.startswith("| ") and not block[-1].startswith("forget set"):
            parts = [part.strip() for part in re.split(r"(?<!\\)\|", text)[1:-1]]
            if parts[0] == "method":
                titles = parts[1:]
            elif not parts[0].startswith(":") and not any("failed (" in part for part in parts[1:]):
                method = parts[0].partition("<br>")[0].replace(" (noise floor)", "").rstrip(" †‡")
                variant = parts[1] if titles[0] == "variant" else ""
                for title, cell in zip(titles, parts[1:], strict=True):
                    if title not in ("variant", "verdict, % removed"):
                        cells[block, method, variant, title] = cell
    return cells


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


def check(reports):
    """The largest difference of each column; the cells of table.md are compared as text."""
    told = recompute(read(Path(reports, "results.csv")))
    largest = differences(read(Path(reports, "summary.csv")), told)
    halfway = 0
    cells = printed_cells(Path(reports, "table.md").read_text(encoding="utf-8"))
    for (block, method, variant, title), cell in cells.items():
        metric, scale, digits = PRINTED[title]
        own = told.get((*block, method, variant, metric), {"seeds": 0})
        column = [one for line, one in told.items() if line[: len(BLOCK)] == block and line[-1] == metric]
        again = as_printed(own, scale, digits, usual_decimals(column, scale, digits))
        assert NUMBER.sub("0", cell) == NUMBER.sub("0", again), (block, method, title, cell, again)
        for written, made in zip(NUMBER.findall(cell), NUMBER.findall(again), strict=True):
            # What lies halfway between two numbers may be rounded to either, on its last bit.
            last = 10.0 ** -len(written.partition(".")[2])
            assert written == made or abs(abs(float(written) - float(made)) - last) < 1e-9, (
                block,
                method,
                cell,
                again,
            )
            halfway += written != made
    assert halfway <= 1 + len(cells) // 100, halfway
    return largest, len(cells)


if __name__ == "__main__":
    differing, count = check(sys.argv[1])
    for column, difference in sorted(differing.items()):
        print(f"{column:<16} {difference:.1e}")
    print(f"{count} cells of table.md agree")
