"""The two pictures of the README, from a real sweep: the terminal and the report page, drawn by headless Chromium.

    python -m tests.pictures outputs/quickstart

runs `experiment=quickstart` in that directory, which takes some minutes the first time, and writes the pictures to
supreme/report/pictures. The moment of the sweep that the terminal shows is kept in the directory, as moment.json.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from PIL import Image
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from supreme import report
from supreme.report.page.page import html
from supreme.sweep.display.display import Display
from supreme.sweep.display.snapshot import Snapshot, read_all

PICTURES = Path(__file__).parents[1] / "supreme" / "report" / "pictures"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
COMMAND = "python -m supreme experiment=quickstart"
COLUMNS = 114
PAGE_HEIGHT = 940
"""Pixels down to the end of the page's first table and its notes."""
WITHOUT = ("cost/", "scores/")
"""Columns for which the page's picture has no room."""
SHOWN = ("accuracy/forget", "accuracy/test", "membership/auc")
"""Columns that the terminal's picture has."""
MOST_BYTES = 300_000
"""Of one picture, which everybody who clones the project downloads."""

BAR = 150
"""Pixels that a window may need for itself: what is drawn behind them is missing."""

TITLE_BAR = 36
"""Pixels that rich leaves for one, which is not drawn."""

THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
)
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>.{unique_id}-matrix {{ font: {char_height}px "DejaVu Sans Mono", monospace; }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="100%" height="100%"/></clipPath>{lines}</defs>
<rect width="{width}" height="{height}" fill="#161b22"/>
<g transform="translate(6, 10)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def main(directory: Path) -> None:
    if CHROMIUM is None:
        sys.exit("the pictures need Chromium: apt-get install chromium")
    moment = run(directory)
    frame = report.load(directory)
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(html(directory, frame[~frame["metric"].str.startswith(WITHOUT)]), encoding="utf-8")
        screenshot(source, PICTURES / "page.png", width=1240, height=PAGE_HEIGHT, scale=1.5)
        svg, width, height = terminal(frame, moment)
        source.write_text(f'<body style="margin: 0">{svg}</body>', encoding="utf-8")
        screenshot(source, PICTURES / "terminal.png", width=width, height=height, scale=1.0)


def run(directory: Path) -> Snapshot:
    """Run the sweep, or find it; a moment in which about 70 % of its tasks are done."""
    kept = directory / "moment.json"
    sweep = subprocess.Popen([sys.executable, *COMMAND.split()[1:], f"output_dir={directory}"])
    seen: list[Snapshot] = []
    while sweep.poll() is None:
        time.sleep(1)
        seen += [snapshot for snapshot in read_all(directory).values() if not snapshot.ended]
    if sweep.returncode:
        sys.exit(sweep.returncode)
    if seen := [one for one in seen if one.running and one.total.done]:
        best = min(seen, key=lambda one: abs(one.total.done / one.total.total - 0.7))
        kept.write_text(json.dumps(best.to_json()))
    if not kept.exists():
        sys.exit(f"the sweep in {directory} was over before it could be looked at: give an empty directory")
    return Snapshot.from_json(json.loads(kept.read_text()))


def terminal(frame: pd.DataFrame, moment: Snapshot) -> tuple[str, int, int]:
    """The sweep at this moment, then some columns of its table, as SVG that is so wide and so high."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {COMMAND}", style="bold cyan"))
    console.print(Display(moment, failures=0))
    console.print(Text("\n... and three columns of the table at its end:\n", style="dim"))
    console.print(report.render(frame[frame["metric"].isin(SHOWN)], "terminal", width=COLUMNS)[0])
    svg = console.export_svg(theme=THEME, code_format=SVG, title="")
    size = re.search(r'width="(\d+)\D*?" height="([\d.]+)"', svg)
    assert size is not None
    return svg, int(size.group(1)), round(float(size.group(2))) - TITLE_BAR


def screenshot(page: Path, picture: Path, *, width: int, height: int, scale: float) -> None:
    """Write what a window of so many pixels shows of this page, with `scale` pixels of the file for each of them."""
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--window-size={width},{height + BAR}",
    ]
    options += [f"--force-device-scale-factor={scale}", "--virtual-time-budget=5000", f"--screenshot={picture}"]
    subprocess.run([str(CHROMIUM), *options, page.resolve().as_uri()], check=True, capture_output=True)
    with Image.open(picture) as drawn:
        whole = drawn.crop((0, 0, round(width * scale), round(height * scale)))
        reduced = whole.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    reduced.save(picture, optimize=True)
    size = picture.stat().st_size
    print(f"{picture}: {reduced.width} x {reduced.height}, {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        sys.exit(f"that is more than {MOST_BYTES / 1000:.0f} kB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
