"""Files of weights, opened so that nothing in them can run: safetensors, or what torch reads as weights only."""

from __future__ import annotations

import argparse
import codecs
import hashlib
import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from supreme.core import SupremeError

SAVE = "torch.save(model.state_dict(), 'weights.pth')"
DEPTH = 5
"""Dictionaries inside one another that are looked into: {"checkpoint": {"model": {...}}} is two."""

_KINDS: dict[bytes, str] = {
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself; type `git lfs pull` in its folder",
    b"/annex/objects/": "is a pointer of git-annex and not the file itself; type `git annex get` in its folder",
    b"\x93NUMPY": f"is a numpy array and no state dict; give what {SAVE} writes",
    b"\x1f\x8b": "is compressed (gzip); unpack it and give the file of weights that is in it",
    b"<": "is a web page and no file of weights; the download needs another link, or a login",
}
"""What a file is that begins with these bytes."""


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """What a file of weights holds. A dictionary inside another one is told by a slash: `state_dict/conv1.weight`."""

    path: str
    """As the user gave it."""
    sha256: str
    tensors: Mapping[str, Tensor]


def open_weights(path: str) -> WeightFile:
    """All tensors of this file, on the CPU. No code that the file names is run, whatever the file is.

    Args:
        path: .safetensors, or what `torch.save` wrote; `~` is the user's home.

    Raises:
        SupremeError: it is no such file; the sentence says what it is and what to do.
    """
    place = file_at(path)
    try:
        content = place.read_bytes()  # once: what is hashed is what is loaded
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror})") from error
    if why := _no_weights(content):
        raise _refusal(path, why)
    held = _safetensors(path, content) if place.suffix == ".safetensors" else _torch_file(path, content)
    tensors = dict(_flat(held, "", ()))
    if not tensors:
        entries = ", ".join(map(str, list(held)[:5])) if isinstance(held, Mapping) else type(held).__name__
        raise _refusal(path, f"holds no state dict ({printable(entries) or 'nothing'}); give what {SAVE} writes")
    if any(tensor.is_meta for tensor in tensors.values()):
        raise _refusal(
            path, "holds tensors without values (of the meta device); save it where the model has its weights"
        )
    return WeightFile(path=path, sha256=hashlib.sha256(content).hexdigest(), tensors=tensors)


def file_at(path: str) -> Path:
    """Where this file lies; refused where there is none."""
    place = Path(path).expanduser()
    if place.is_dir():
        raise _refusal(path, "is a folder; give the file of weights that is in it")
    if not place.is_file():
        raise _refusal(path, "is no file; give the path of a weights file")
    return place


def printable(text: str) -> str:
    """The text of a foreign file as a terminal may be given it, cut where it is long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:1000])


def _refusal(path: str, why: str) -> SupremeError:
    return SupremeError(f"checkpoint={path} {why}")


def _no_weights(content: bytes) -> str:
    """What the file is instead of weights, by its first bytes; empty where they may be weights."""
    if not content:
        return "is empty (0 bytes); download or copy it again"
    begins = content[:200].removeprefix(codecs.BOM_UTF8).lstrip()
    for start, words in _KINDS.items():
        if begins.startswith(start):
            return words
    if re.fullmatch(rb"[\t\n\r -~]*", content[:200]):
        return f"is text ({begins[:40].decode('ascii').split(chr(10))[0].strip()}) and no file of weights"
    return _no_weights_archive(content) if content.startswith(b"PK") else ""


def _no_weights_archive(content: bytes) -> str:
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except Exception:  # BadZipFile, and what else a foreign file makes a parser raise
        return "is cut off or damaged; download or copy it again"
    if names and all(name.endswith(".npy") for name in names):
        return f"is an archive of numpy arrays (.npz); give what {SAVE} writes"
    if any(name.endswith("/constants.pkl") for name in names):
        return "is a TorchScript program; give torch.save(torch.jit.load(path).state_dict(), 'weights.pth')"
    if not any(name.endswith("data.pkl") for name in names):
        return f"is a zip archive that torch.save did not write; give what {SAVE} writes"
    return ""


def _safetensors(path: str, content: bytes) -> Mapping[str, Tensor]:
    from safetensors.torch import load

    if content.startswith(b"PK"):
        raise _refusal(path, "was written by torch.save and is no safetensors file; rename it to .pth")
    try:
        return load(content)
    except Exception as error:
        raise _refusal(
            path, f"is no whole safetensors file ({printable(_first_line(error))}); download it again"
        ) from error


def _torch_file(path: str, content: bytes) -> Any:
    import torch

    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content):  # a length, then JSON
        raise _refusal(path, "is a safetensors file under another name; rename it to .safetensors")
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals([argparse.Namespace]):  # plain data, as timm's
            warnings.simplefilter("ignore")  # own training script keeps it
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a foreign file makes a parser raise
        raise _refusal(path, f"{_unopened(content, error)}; give what {SAVE} writes") from error


def _unopened(content: bytes, error: Exception) -> str:
    """Why torch does not open this file: torch's own words advise to run what is in it."""
    import torch

    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content))
    except Exception:  # only of zip archives; for older files the error names one
        names = re.findall(r"GLOBAL ([\w.]+)", str(error))
    if names:
        return f"would run code when opened ({', '.join(sorted(set(names))[:3])}), so it was not"
    if content.startswith(pickle.PROTO):
        return "is a pickle that is cut off, or that would run code when opened, so it was not"
    return "is damaged, or no file that torch.save wrote"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:120].rstrip(".")


def _flat(held: Any, prefix: str, outer: tuple[int, ...]) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a dictionary and in those inside it, by where they are."""
    if not isinstance(held, Mapping) or len(outer) > DEPTH or id(held) in outer:
        return
    for name, value in held.items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value.detach()
        else:
            yield from _flat(value, f"{prefix}{name}/", (*outer, id(held)))
