"""Where the texts of a figure stand once Vega has laid it out."""

import itertools
from typing import NamedTuple

import vl_convert

from supreme.report.figures.theme import themed

NARROW, WIDE, CAPITAL, OTHER = 0.27, 0.8, 0.67, 0.55
"""Widths of letters of Liberation Sans, in ems, a little below those of the widest of their kind."""


class Text(NamedTuple):
    text: str
    left: float
    top: float
    right: float
    bottom: float


def drawn_texts(spec):
    """(width, height, texts) of the figure on paper; hidden ones are left out."""
    graph = vl_convert.vegalite_to_scenegraph(themed(spec))
    return graph["width"], graph["height"], list(_texts(graph["scenegraph"], *graph["origin"]))


def overlapping(texts, slack=1.5):
    """The pairs of texts that are printed over each other by more than this, in pixels."""
    return [
        (one.text, two.text)
        for one, two in itertools.combinations(texts, 2)
        if min(one.right, two.right) - max(one.left, two.left) > slack
        and min(one.bottom, two.bottom) - max(one.top, two.top) > slack
    ]


def outside(width, height, texts, slack=1.5):
    """The texts that do not lie in the figure."""
    return [
        text
        for text in texts
        if text.left < -slack or text.top < -slack or text.right > width + slack or text.bottom > height + slack
    ]


def _texts(node, x, y):
    for item in node.get("items", ()):
        if node.get("marktype") == "group":
            for child in item.get("items", ()):
                yield from _texts(child, x + item.get("x", 0), y + item.get("y", 0))
        elif node.get("marktype") == "text" and item.get("text") not in (None, "") and item.get("opacity", 1) > 0:
            yield from _boxes(item, x + item.get("x", 0), y + item.get("y", 0))


def _boxes(item, x, y):
    lines, size = item["text"] if isinstance(item["text"], list) else [item["text"]], item["fontSize"]
    for number, line in enumerate(map(str, lines)):
        width = min(size * sum(map(_width, line)), item.get("limit", 1e9))
        across = {"left": 0, "center": -width / 2, "right": -width}[item.get("align", "left")]
        below = {"top": 0, "middle": -size / 2, "bottom": -size, "alphabetic": -0.8 * size}
        down = below.get(item.get("baseline", "alphabetic"), -size / 2) + number * item.get("lineHeight", size)
        corners = [(across, down), (across + width, down + size)]
        if item.get("angle"):
            assert item["angle"] in (-90, 270), item
            corners = [(b, -a) for a, b in corners]
        (a, b), (c, d) = corners
        yield Text(line, x + min(a, c), y + min(b, d), x + max(a, c), y + max(b, d))


def _width(letter):
    if letter in "ijlI.,:;'|!/()[] tf":
        return NARROW
    return WIDE if letter in "mwMW%" else CAPITAL if letter.isupper() else OTHER
