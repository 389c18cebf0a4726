"""From a file to the values that it lists: positions, one truth or one score for each image, or names of files."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.canonical import read_bytes
from supreme.scenarios.forget_list import arrays, text
from supreme.scenarios.forget_list.chosen import Chooser, Values

ARRAYS: dict[str, Callable[[bytes, str], object]] = {
    ".npy": arrays.numpy,
    ".npz": arrays.numpy,
    ".pt": arrays.pt,
    ".pth": arrays.pt,
    ".safetensors": arrays.safetensors,
}
FOREIGN = {
    b"version https://git-lfs": "is a Git LFS pointer and not the file itself: type git lfs pull where it comes from",
    b"\x1f\x8b": "is compressed: unpack it with gunzip",
    b"BZh": "is compressed: unpack it with bunzip2",
    b"\xfd7zXZ": "is compressed: unpack it with unxz",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook: save it as CSV",
}
"""How a file begins that is no list, and what to do."""
ZIP = b"PK\x03\x04"
PICKLES = frozenset({".pkl", ".pickle", ".p", ".joblib", ".dill"})
KINDS = "csv, tsv, txt, json, npy, npz, pt and safetensors"


def values(file: str, chooser: Chooser) -> Values:
    """What this file lists, in its order.

    Raises:
        SupremeError: there is no such file, or it is no list that this can read.
    """
    path = Path(file).expanduser()
    content, suffix = _content(path), path.suffix.lower()
    _refuse_foreign(path, content, suffix)
    if suffix in ARRAYS:
        return chooser.pick(ARRAYS[suffix](content, str(path)))
    return text.values(_decoded(path, content), chooser, is_table=suffix in (".csv", ".tsv", ".tab"))


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise SupremeError(f"there is no file {path}{_near(path)}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG and path.is_dir():
            raise SupremeError(f"{path} is a folder: name the file in it that lists what to forget") from None
        why = getattr(error, "strerror", None) or error
        raise SupremeError(f"{path} cannot be read ({why}): name a file of one of the kinds {KINDS}") from None


def _near(path: Path) -> str:
    """Files with nearly this name in its folder, where there are some."""
    try:
        near = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], 3)
    except OSError:
        return f", nor a folder {path.parent} that can be read"
    return f"; did you mean {' or '.join(near)}?" if near else ": type scenario.file=... to say where it lies"


def _refuse_foreign(path: Path, content: bytes, suffix: str) -> None:
    for start, told in FOREIGN.items():
        if content.startswith(start):
            raise SupremeError(f"{path} {told}")
    start = content[:512].decode("latin-1").lstrip("\ufeff\xef\xbb\xbf \r\n\t").lower()
    if start.startswith(("<!doctype", "<html", "<head", "<?xml")):
        raise SupremeError(f"{path} is a web page and no list: download the file itself, by its raw address")
    if suffix in PICKLES:
        raise SupremeError(
            f"{path} is a pickle, which could run code when it is read: load it where you trust it, and save the list "
            "as csv, npy or json"
        )
    if content.startswith(ZIP) and suffix not in ARRAYS:
        raise SupremeError(f"{path} is a zip archive or an Excel workbook: unpack it, or save it as CSV")


def _decoded(path: Path, content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # how Excel writes "Unicode text"
    try:
        found = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SupremeError(
            f"{path} is no text in UTF-8 (byte {error.start}): save it as CSV in UTF-8, or name a file of one of the "
            f"kinds {KINDS}"
        ) from None
    if "\0" in found:
        raise SupremeError(f"{path} is no text: name a file of one of the kinds {KINDS}")
    return found
