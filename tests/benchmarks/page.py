"""How large the report page is, and how long Chromium takes to show it, by the number of cells.

    python -m tests.benchmarks.page OUTPUTS 100 1000 10000

copies the rows of a real sweep, OUTPUTS, until there are so many cells: 4 methods x 5 seeds x 5 scenarios,
10 x 10 x 10, and 50 x 20 x 10, each with values, keys and a log of its own. Times are from the start of the
navigation, the best of three: `tables` when the leaderboard and the first tables are there and can be used,
`interactive` when the list of cells and the search are there too.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from supreme.core.row import sealed_row
from supreme.report.page.page import PLACE, html
from supreme.report.rows.load import load
from supreme.report.tables.output import write_file

SHAPES = {100: (4, 5, 5), 1000: (10, 10, 10), 10_000: (50, 20, 10)}
"""Methods, training seeds and scenarios."""
LOG = "epoch {epoch}: loss {loss:.4f}, accuracy {accuracy:.4f}\n"
MARKS = """
const done = arguments[arguments.length - 1];
const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
const tell = () => done({
  tables: at('tables'), interactive: at('cells'), paint: at('first-contentful-paint'),
  heap: performance.memory.usedJSHeapSize / 1e6,
});
const wait = () => at('cells') ? setTimeout(tell, 100) : setTimeout(wait, 20);
wait();
"""


def main(source: Path, counts: list[int]) -> None:
    templates = templates_of(source)
    print(
        "| cells | page MB | made in s | paint s | tables s | interactive s | heap MB |\n|--:|--:|--:|--:|--:|--:|--:|"
    )
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder, f"cells{count}")
            write_copies(directory, templates, SHAPES[count])
            began = time.perf_counter()
            path = write_file(directory / PLACE, html(directory, load(directory)))
            seconds = time.perf_counter() - began
            found = min((opened(path) for _ in range(3)), key=lambda one: one["interactive"])
            times = " | ".join(f"{found[name] / 1000:.2f}" for name in ("paint", "tables", "interactive"))
            print(f"| {count:,} | {path.stat().st_size / 1e6:.2f} | {seconds:.0f} | {times} | {found['heap']:.0f} |")


def templates_of(source: Path) -> list[dict[str, Any]]:
    """A row of each method of one scenario."""
    rows = [json.loads(path.read_text()) for path in sorted((source / "rows").glob("*.json"))]
    return list({row["method"]: row for row in rows if row["scenario"] == rows[0]["scenario"]}.values())


def write_copies(directory: Path, templates: list[dict[str, Any]], shape: tuple[int, int, int]) -> None:
    """Rows and logs as a sweep leaves them."""
    for place in ("rows", "logs"):
        (directory / place).mkdir(parents=True)
    for number, row in enumerate(copies(templates, shape)):
        (directory / "rows" / f"{row['cell']}.json").write_text(json.dumps(sealed_row(row)))
        draw = random.Random(number)
        header = f"2026-01-01 10:00:00 {row['method']} digits: attempt 1 on cpu:0 (cpu), key {row['cell']}\n"
        lines = [LOG.format(epoch=at, loss=draw.random(), accuracy=draw.random()) for at in range(30)]
        (directory / "logs" / f"{row['cell'][:16]}.log").write_text(header + "".join(lines))


def copies(templates: list[dict[str, Any]], shape: tuple[int, int, int]) -> Iterator[dict[str, Any]]:
    """A row for each method, seed and scenario; of one seed and scenario all have the same reference and original."""
    methods, seeds, scenarios = shape
    for scenario in range(scenarios):
        for seed in range(seeds):
            shared = moved(templates[0], random.Random(f"{scenario} {seed}"))
            for method in range(methods):
                draw = random.Random(f"{scenario} {seed} {method}")
                own = moved(templates[method % len(templates)], draw)
                keys = shared["provenance"]["keys"] | {"unlearned": f"{draw.getrandbits(256):064x}"}
                labels = {"method": f"method_{method:02}", "scenario": f"scenario_{scenario}", "seed": seed}
                yield (
                    own
                    | labels
                    | {
                        "cell": f"{draw.getrandbits(64):016x}",
                        "seeds": {"forget": seed, "reference": seed, "unlearn": 0, "evaluate": 0},
                        "forget_digest": f"{random.Random(f'{scenario} {seed}').getrandbits(256):064x}",
                        "changed": {},
                        "tuned": None,
                        **{part: shared[part] for part in ("reference", "original", "columns")},
                        "reasons": own["reasons"]
                        | {part: shared["reasons"][part] for part in ("reference", "original")},
                        "provenance": own["provenance"]
                        | {"keys": keys, "overrides": [f"{k}={v}" for k, v in labels.items()]},
                    }
                )


def moved(row: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The row with values of its own, with all their digits."""

    def changed(values: dict[str, Any]) -> dict[str, Any]:
        return {name: value if value is None else value * (1 - 0.1 * draw.random()) for name, value in values.items()}

    return row | {part: changed(row[part]) for part in ("metrics", "reference", "original")}


def opened(path: Path) -> dict[str, float]:
    """The page's own marks, in milliseconds, in a new browser."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1366,768"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.get(path.as_uri())
        return driver.execute_async_script(MARKS)
    finally:
        driver.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(count) for count in sys.argv[2:]])
