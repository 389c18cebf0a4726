"""`python -m tests.vega` packs the script with which the page draws figures, as the installed vl-convert has it."""

import gzip

import vl_convert

from supreme.report.page.figures import VEGA

VERSION = "1.9.0.post1"
"""Of vl-convert-python, whose Vega the page carries."""


def packed() -> bytes:
    """The same bytes of the same version of vl-convert."""
    return gzip.compress(vl_convert.javascript_bundle().encode(), 9, mtime=0)


if __name__ == "__main__":
    VEGA.write_bytes(packed())
