"""`supreme tune --report`."""

from __future__ import annotations

import argparse
import html as markup
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.output import err, out
from supreme.report.figures.files import rendered
from supreme.report.studies.figures import study_figures
from supreme.report.studies.read import find_study, read_study
from supreme.report.studies.trials import Study, table_of
from supreme.report.tables.output import write_file

PAGE = "study.html"

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: white }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } th, td { text-align: right; padding: .2rem .8rem; border-bottom: 1px solid #e2e2e2 }
th:first-child, td:first-child { text-align: left }
figure { margin: 2rem 0 } svg { width: 100%; max-width: 38rem; height: auto }
.box { overflow-x: auto } h2 { font-size: 1.1rem }
"""


def report(arguments: argparse.Namespace) -> int:
    """Draw a search into its folder, and say where; the exit status."""
    try:
        folder = find_study(arguments.report or "outputs")
        written = draw(folder)
    except SupremeError as error:
        err(f"supreme tune: {error}\n")
        return 1
    out(f"{written[0]}\n{written[1].parent}\n")
    return 0


def draw(folder: Path) -> list[Path]:
    """Write the page of a search, and each of its figures as PNG, PDF and SVG; their paths, the page first."""
    study = Study(read_study(folder))
    files, sections = [], []
    for name, title, spec in study_figures(study):
        made = rendered(spec)
        files += [write_file(folder / "figures" / f"{name}.{kind}", content) for kind, content in made.items()]
        sections.append(f"<figure><h2>{markup.escape(title)}</h2>{_inline(made['svg'].decode(), name)}</figure>")
    return [write_file(folder / PAGE, _page(study, sections)), *files]


def _inline(svg: str, name: str) -> str:
    """The figure as part of a page, the ids of its gradients and clips its own."""
    own = svg.partition("?>")[2] if svg.startswith("<?xml") else svg
    for prefix in ("shade_", "clip"):
        own = own.replace(f'id="{prefix}', f'id="{name}-{prefix}').replace(f"url(#{prefix}", f"url(#{name}-{prefix}")
    return own


def _page(study: Study, sections: list[str]) -> str:
    record = study.record
    title = " · ".join(str(record[group]) for group in ("data", "model", "recipe", "scenario"))
    facts = {
        "Objective": record["objective"],
        "Training seeds": ", ".join(map(str, record["seeds"])),
        "Images": f"{record['images']}, {'with' if record['uses_reference'] else 'without'} the retrained model",
        "Sampler": record["sampler"],
        "Ended": record["finished"],
    }
    told = "".join(f"<p><b>{name}</b> {markup.escape(str(value))}</p>" for name, value in facts.items())
    numbers: Any = dict.fromkeys(("trials", "failed", "sample passes"), "{:,}".format)
    table = table_of(study).to_html(
        index=False, border=0, float_format="{:.4g}".format, na_rep="n/a", formatters=numbers
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{markup.escape(title)} · SUPREME search</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Search: {markup.escape(title)}</h1>\n{told}\n<div class="box">{table}</div>\n'
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )
