"""What a component's fingerprint holds: every way in which its code can change, and those that change nothing."""

from __future__ import annotations

import py_compile
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from supreme.core import SupremeError
from supreme.store.fingerprint import code as code_module
from supreme.store.fingerprint import code_of, code_of_functions, codes, content, identity, leave_out, modules, paths
from supreme.store.fingerprint import own_output as output_module

METHOD = """
from dataclasses import dataclass
{imports}

@dataclass(frozen=True, kw_only=True)
class Noise:
    def __call__(self, model, split, context):
        return {value}
"""


def method(imports: str = "", value: str = "1") -> str:
    return METHOD.format(imports=imports, value=value)


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write files (text or bytes; None removes one), and read the code anew, as another process would."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def of(files: dict[str, str | bytes | None], target: str = "lab.m.Noise") -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
        forget()
        before = set(sys.modules)
        found = code_of(target).digest
        assert not {name for name in set(sys.modules) - before if name.startswith(("lab", "loose", "other"))}
        return found

    yield of
    forget()


def forget() -> None:
    for kept in (modules.find, modules.read, modules.library, paths._place, code_module._graph, code_of, content._read):
        kept.cache_clear()
    sys.path_importer_cache.clear()


HELPER = "def scale(x):\n    return x * 2\n"
EDITED = "def scale(x):\n    return x * 3\n"
PACKAGE: dict[str, str | bytes] = {"lab/__init__.py": ""}

USES: dict[str, dict[str, str | bytes]] = {
    "its own body": {"lab/m.py": method(value="scale(1)") + HELPER},
    "a relative import": {"lab/m.py": method("from .helper import scale", "scale(1)")},
    "a relative import of a module": {"lab/m.py": method("from . import helper", "helper.scale(1)")},
    "an absolute import": {"lab/m.py": method("from lab.helper import scale", "scale(1)")},
    "an import under another name": {"lab/m.py": method("from lab.helper import scale as times", "times(1)")},
    "an import of the whole path": {"lab/m.py": method("import lab.helper", "lab.helper.scale(1)")},
    "a module under another name": {"lab/m.py": method("import lab.helper as h", "h.scale(1)")},
    "a star": {"lab/m.py": method("from lab.helper import *", "scale(1)")},
    "an import inside the function": {"lab/m.py": method(value="__import__ and [scale for _ in [1]]").replace(
        "        return", "        from lab.helper import scale\n        return")},
    "an import inside a function it calls": {
        "lab/m.py": method(value="f(1)") + "def f(x):\n    import lab.helper as h\n    return h.scale(x)\n"},
    "an import that may fail": {
        "lab/m.py": method("try:\n    from fast import scale\nexcept ImportError:\n    from lab.helper import scale",
                           "scale(1)")},
    "an import behind a condition": {
        "lab/m.py": method("import sys\nif sys.platform:\n    from .helper import scale", "scale(1)")},
    "importlib and a constant": {
        "lab/m.py": method("import importlib", "importlib.import_module('lab.helper').scale(1)")},
    "importlib and a relative name": {
        "lab/m.py": method("from importlib import import_module as load", "load('.helper', __package__).scale(1)")},
    "importlib and a name made up": {
        "lab/m.py": method("import importlib", "importlib.import_module('lab.' + 'hel' + 'per').scale(1)")},
    "__import__": {"lab/m.py": method(value="__import__('lab.helper').helper.scale(1)")},
    "sys.modules": {"lab/m.py": method("import sys\nimport lab.helper", "sys.modules['lab.helper'].scale(1)")},
    "getattr on a module": {"lab/m.py": method("from lab import helper", "getattr(helper, 'sc' + 'ale')(1)")},
    "globals by a name": {
        "lab/m.py": method("from .helper import scale", "f(1)") + "def f(x):\n    return globals()['sc' + 'ale'](x)\n"},
    "its own module among those that run": {
        "lab/m.py": method("import sys\nfrom .helper import scale", "getattr(sys.modules[__name__], 'sc' + 'ale')(1)")},
    "the name of a function in a text": {"lab/m.py": method("import pydoc", "pydoc.locate('lab.helper.scale')(1)")},
    "the name of a function behind a colon": {
        "lab/m.py": method("import pkgutil", "pkgutil.resolve_name('lab.helper:scale')(1)")},
    "a helper that is called like a module of Python": {
        "lab/m.py": method("from statistics import scale", "scale(1)"), "statistics.py": HELPER},
    "an expression of thousands of parts": {
        "lab/m.py": method("from .helper import scale", "scale(1)" + " + 1" * 2000)},
    "vars of a module": {"lab/m.py": method("from lab import helper", "vars(helper)['scale'](1)")},
    "a package that passes it on": {
        "lab/__init__.py": "from .helper import scale", "lab/m.py": method("import lab", "lab.scale(1)")},
    "a package that passes it on lazily": {
        "lab/__init__.py": "def __getattr__(name):\n    import importlib\n"
                           "    return getattr(importlib.import_module('.helper', __name__), name)\n",
        "lab/m.py": method("import lab", "lab.scale(1)")},
    "a helper of a helper": {
        "lab/m.py": method("from .far import f", "f(1)"), "lab/far.py": "from .helper import scale as s\nf = s\n"},
    "a base class": {
        "lab/m.py": method("from .far import Base").replace("class Noise:", "class Noise(Base):"),
        "lab/far.py": "from lab import helper\nclass Base:\n    factor = staticmethod(helper.scale)\n"},
    "a default value": {
        "lab/m.py": method("from .helper import scale").replace("context):", "context, use=scale):")},
    "a decorator": {
        "lab/m.py": method("from .helper import scale").replace("@dataclass", "@scale\n@dataclass")},
    "a partial": {
        "lab/m.py": method("import functools\nfrom .helper import scale\nf = functools.partial(scale)", "f(1)")},
    "a table of functions": {"lab/m.py": method("from .helper import scale\nTABLE = {'a': scale}", "TABLE['a'](1)")},
    "a table that is filled later": {
        "lab/m.py": method("from .helper import scale\nTABLE = {}", "TABLE['a'](1)") + "TABLE['a'] = scale\n"},
    "what importing its module does": {"lab/m.py": method("import torch\nfrom .helper import scale\nscale(torch)")},
    "what importing its package does": {
        "lab/__init__.py": "from .helper import scale\nscale(1)\n", "lab/m.py": method()},
    "what importing another module does": {
        "lab/m.py": method("import lab.patches"), "lab/patches.py": "from lab.helper import scale\nscale(1)\n"},
    "a function that a decorator registers": {
        "lab/m.py": method("from .far import register, REGISTRY\nfrom .helper import scale", "REGISTRY[0](1)")
        + "@register\ndef mine(x):\n    return scale(x)\n",
        "lab/far.py": "REGISTRY = []\ndef register(f):\n    REGISTRY.append(f)\n    return f\n"},
    "a name that is put into globals": {
        "lab/m.py": method(value="made_up(1)") + "from .helper import scale\nglobals()['made_up'] = scale\n"},
    "another folder on the path": {"lab/m.py": method("from other import scale", "scale(1)"), "other.py": HELPER},
    "a namespace package": {
        "lab/m.py": method("from space.deep.inner import scale", "scale(1)"), "space/deep/inner.py": HELPER},
    "the walrus and a comprehension": {
        "lab/m.py": method("from .helper import scale", "[y for x in (1, 2) if (y := scale(x))]")},
    "a global that is set elsewhere": {
        "lab/m.py": method("from .helper import scale\nNOW = None", "(setup(), NOW(1))")
        + "def setup():\n    global NOW\n    NOW = scale\n"},
    "code that is run from a file": {
        "lab/m.py": method("import runpy", "runpy.run_path('lab/helper.py')['scale'](1)")},
    "code that is read and executed": {"lab/m.py": method(value="exec(open('lab/helper.py').read())")},
    "a module made from a file": {
        "lab/m.py": method("import importlib.util\nfrom pathlib import Path",
                           "importlib.util.spec_from_file_location('h', Path(__file__).parent / 'helper.py')")},
}  # fmt: skip


@pytest.mark.parametrize("how", USES)
def test_an_edit_of_a_helper_is_noticed_through(how: str, digest: Callable[..., str]) -> None:
    files = {**PACKAGE, "lab/helper.py": HELPER, **USES[how]}
    before = digest(files)
    assert digest({}) == before
    edited = {name: text.replace("x * 2", "x * 3") for name, text in files.items() if isinstance(text, str)}
    assert edited != files
    assert digest(edited) != before


DATA_FILES: dict[str, str] = {
    "a table beside the code": method("from pathlib import Path", "Path(__file__).with_name('t.csv').read_text()"),
    "a table in a folder beside it": method("from pathlib import Path", "(Path(__file__).parent / 'd' / 't').open()"),
    "a resource of the package": method("import importlib.resources as r", "(r.files('lab') / 't.csv').read_text()"),
    "a table where the user works": method(value="open('t.csv').read()"),
}


@pytest.mark.parametrize("how", DATA_FILES)
def test_an_edit_of_a_data_file_is_noticed_through(how: str, digest: Callable[..., str]) -> None:
    files = {**PACKAGE, "lab/m.py": DATA_FILES[how], "lab/t.csv": "1", "lab/d/t": "1", "t.csv": "1"}
    before = digest(files)
    assert digest({"lab/t.csv": "2", "lab/d/t": "2", "t.csv": "2"}) != before


CODINGS: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "a coding cookie": lambda text: f"# coding: latin-1\nNAME = '\xe9'\n{text}".encode("latin-1"),
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("how", CODINGS)
def test_an_edit_is_noticed_in_a_file_with(how: str, digest: Callable[..., str]) -> None:
    before = digest({**PACKAGE, "lab/m.py": CODINGS[how](method(value="1"))})
    assert digest({"lab/m.py": CODINGS[how](method(value="2"))}) != before


SAME: dict[str, dict[str, str | bytes | None]] = {
    "comments, docstrings and layout": {
        "lab/m.py": '"""Words."""\n# more\n' + method("from .helper import scale", "scale( 1 )").replace(
            "context):\n", 'context):\n        """Words."""\n')},
    "annotations": {"lab/helper.py": "def scale(x: int) -> int:\n    y: int = x * 2\n    return x * 2\n".replace(
        "    y: int = x * 2\n", "")},
    "an import that nobody uses": {"lab/m.py": method("import math, json\nfrom .helper import scale", "scale(1)")},
    "another way to import the same": {"lab/m.py": method("import lab.helper as h", "h.scale(1)")},
    "an alias": {"lab/m.py": method("from .helper import scale as times", "times(1)")},
    "a function that nobody uses": {"lab/helper.py": HELPER + "def other():\n    return 5\n"},
    "a class that nobody uses": {"lab/m.py": method("from .helper import scale", "scale(1)") + "class Other: x = 1\n"},
    "another order": {"lab/helper.py": "def other():\n    return 5\n" + HELPER},
    "another file of the package": {"lab/far.py": "x = 1\n"},
    "an import for types only": {"lab/m.py": method(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .far import X\nfrom .helper import scale",
        "scale(1)")},
    "what runs as a script only": {"lab/helper.py": HELPER + "if __name__ == '__main__':\n    print(scale(1))\n"},
    "the helper in another file": {
        "lab/helper.py": None, "lab/far.py": HELPER, "lab/m.py": method("from .far import scale", "scale(1)")},
    "the helper in a package of its own": {
        "lab/helper.py": None, "lab/deep/__init__.py": "", "lab/deep/far.py": HELPER,
        "lab/m.py": method("from lab.deep import far", "far.scale(1)")},
    "a byte order mark": {"lab/helper.py": b"\xef\xbb\xbf" + HELPER.encode()},
    "Windows line ends": {"lab/helper.py": HELPER.replace("\n", "\r\n")},
}  # fmt: skip


@pytest.mark.parametrize("what", SAME)
def test_nothing_changes_with(what: str, digest: Callable[..., str]) -> None:
    before = digest({**PACKAGE, "lab/helper.py": HELPER, "lab/m.py": method("from .helper import scale", "scale(1)")})
    assert digest(SAME[what]) == before


METRIC = """
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from {core}column import Column

@dataclass(frozen=True)
class Loud:
    fpr: float
    needs: ClassVar[frozenset[str]] = frozenset()
{declared}
    def __call__(self, evaluation):
        return {{"loud/{column}": {value}}}
"""


def metric(declared: str = "", core: str = "supreme.core.", column: str = "a", value: str = "1.0") -> str:
    return METRIC.format(declared=declared, core=core, column=column, value=value)


def declared(columns: str) -> str:
    return f"    declared_columns: ClassVar[Mapping[str, Column]] = {columns}\n"


def test_of_what_a_metric_of_a_user_declares_of_its_columns_only_their_names_count(digest: Callable[..., str]) -> None:
    def of(columns: str) -> str:
        return digest({"lab/__init__.py": "", "lab/m.py": metric(declared(columns))}, "lab.m.Loud")

    plain = of('{"loud/a": Column(title="loud")}')
    assert of('{"loud/a": Column(title="very loud", unit="bits", format=".2f", shown=True)}') == plain
    assert of('{"loud/b": Column(title="loud")}') != plain  # its code may rely on the name
    assert of('{"loud/a": Column(title="loud"), "loud/b": Column()}') != plain
    assert of('{"loud/a": Column(title=str(print()))}') != plain  # which computes something
    assert of('{"loud/a": dict(title="loud")}') != plain
    loud = digest({"lab/m.py": metric(declared('{"loud/a": Column(title="loud")}'), value="2.0")}, "lab.m.Loud")
    assert loud != plain


def test_of_our_own_components_neither_declarations_nor_refusals_count(digest: Callable[..., str]) -> None:
    """In a package that has our name."""

    def of(text: str, **changes: str) -> str:
        files = {"supreme/__init__.py": "", "supreme/column.py": "HOLDS_NO_ARITHMETIC = True\nclass Column: ...\n"}
        return digest({**files, "supreme/m.py": metric(text, "supreme.", **changes)}, "supreme.m.Loud")

    bare = of("")
    assert of(declared('{"loud/a": Column(title="loud")}')) == bare
    assert of("    needs_history: ClassVar[bool] = True\n") == bare
    for refusal in ("check_split(self, split)", "check_model(self, model, split)", "__post_init__(self)"):
        assert of(f"    def {refusal}:\n        raise ValueError\n") == bare
    assert of("    def check(self, split):\n        raise ValueError\n") != bare
    assert of("    other: ClassVar[bool] = True\n") != bare
    assert of("", value="2.0") != bare


def test_a_component_that_moves_to_another_file_keeps_its_fingerprint(digest: Callable[..., str]) -> None:
    text = method("from lab.helper import scale", "scale(1)")
    before = digest({**PACKAGE, "lab/helper.py": HELPER, "lab/m.py": text})
    moved = {"lab/m.py": None, "lab/deep/__init__.py": "", "lab/deep/n.py": text}
    assert digest(moved, "lab.deep.n.Noise") == before


def test_two_helpers_of_one_name_that_change_places_are_noticed(digest: Callable[..., str]) -> None:
    files = {**PACKAGE, "lab/one.py": HELPER, "lab/two.py": EDITED}
    before = digest({**files, "lab/m.py": method("from lab import one, two", "one.scale(1) - two.scale(1)")})
    after = digest({"lab/m.py": method("from lab import one, two", "two.scale(1) - one.scale(1)")})
    assert after != before


@pytest.mark.parametrize("target", ["lab.Noise", "lab.Other"])
def test_a_class_that_a_package_passes_on_is_that_of_its_file(target: str, digest: Callable[..., str]) -> None:
    passed_on = "from .m import Noise\nfrom .m import Noise as Other\n"
    before = digest({"lab/__init__.py": passed_on, "lab/m.py": method(value="1")}, target)
    assert digest({"lab/m.py": method(value="2")}, target) != before


def test_a_loose_file_and_the_one_beside_it_count(digest: Callable[..., str]) -> None:
    before = digest({"loose.py": method("from beside import scale", "scale(1)"), "beside.py": HELPER}, "loose.Noise")
    assert digest({"beside.py": EDITED}, "loose.Noise") != before


def test_code_in_a_zip_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: Callable[..., str]) -> None:
    def packed(helper: str) -> str:
        with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
            archive.writestr("zipped/__init__.py", "")
            archive.writestr("zipped/m.py", method("from .helper import scale", "scale(1)"))
            archive.writestr("zipped/helper.py", helper)
        return digest({}, "zipped.m.Noise")

    monkeypatch.syspath_prepend(str(tmp_path / "z.zip"))
    assert packed(HELPER) != packed(EDITED)


def test_code_without_a_source_counts_by_its_bytes(tmp_path: Path, digest: Callable[..., str]) -> None:
    def compiled(text: str) -> str:
        (tmp_path / "text.py").write_text(text)
        by_hash = py_compile.PycInvalidationMode.UNCHECKED_HASH  # else the bytes hold the second of writing
        target = str(tmp_path / "lab" / "m.pyc")
        py_compile.compile(str(tmp_path / "text.py"), cfile=target, doraise=True, invalidation_mode=by_hash)
        return digest(PACKAGE)

    (tmp_path / "lab").mkdir()
    before = compiled(method(value="1"))
    assert compiled(method(value="1")) == before
    assert compiled(method(value="2")) != before


def test_of_a_library_the_version_counts(digest: Callable[..., str]) -> None:
    def installed(version: str) -> str:
        info = f"site-packages/bought-{version}.dist-info/METADATA"
        files = {info: f"Metadata-Version: 2.1\nName: bought\nVersion: {version}\n", "site-packages/bought.py": HELPER}
        found = digest({**PACKAGE, "lab/m.py": method("import bought", "bought.scale(1)"), **files})
        Path(info).unlink()
        return found

    sys.path.insert(0, str(Path("site-packages").absolute()))
    try:
        assert installed("1.0") == installed("1.0")
        assert installed("1.0") != installed("1.1")
    finally:
        sys.path.pop(0)


def test_the_version_of_timm_is_part_of_what_a_timm_model_is() -> None:
    libraries = code_of("supreme.models.timm.Timm").libraries
    assert [name.partition("==")[0] for name in libraries] == ["timm"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("lab.nowhere.Noise", "no module lab.nowhere"),
        ("nowhere.Noise", "no module nowhere"),
        ("__main__.Noise", "__main__"),
        ("itertools.chain", "itertools lies in no file"),
    ],
)
def test_code_that_cannot_be_read_is_refused_in_a_sentence(target: str, words: str, digest: Callable[..., str]) -> None:
    with pytest.raises(SupremeError, match=words):
        digest(PACKAGE, target)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("eval(split.text)", "what m.py runs by eval"),
        ("getenv('SCALE')", "the environment variables that m.py reads"),
        ("open(__file__.replace('m.py', 'gone')).read()", "the files that m.py reads"),
    ],
)
def test_what_cannot_be_followed_is_told(value: str, words: str, digest: Callable[..., str]) -> None:
    digest({**PACKAGE, "lab/m.py": method("from os import getenv", value)})
    assert words in " ".join(code_of("lab.m.Noise").unfollowed)


def test_imports_of_code_without_a_source_are_told(tmp_path: Path, digest: Callable[..., str]) -> None:
    (tmp_path / "text.py").write_text(method("import lab.helper"))
    (tmp_path / "lab").mkdir()
    py_compile.compile(str(tmp_path / "text.py"), cfile=str(tmp_path / "lab" / "m.pyc"), doraise=True)
    digest(PACKAGE)
    assert code_of("lab.m.Noise").warnings == [
        "a change of what m.pyc imports, of which there is no source, would go unnoticed"
    ]


def test_a_module_that_is_not_found_is_told(digest: Callable[..., str]) -> None:
    digest({**PACKAGE, "lab/m.py": method("import hidden", "hidden.scale(1)")})
    assert code_of("lab.m.Noise").warnings == ["a change of the module hidden, which is not found, would go unnoticed"]


# Values.


def test_a_value_that_names_a_file_or_a_folder_counts_by_content(digest: Callable[..., str], tmp_path: Path) -> None:
    digest({**PACKAGE, "lab/m.py": method(), "table": "1", "folder/inner/a": "1", "copy": "1"})
    node = {"_target_": "lab.m.Noise", "table": "table", "deep": [{"folder": str(tmp_path / "folder")}]}
    before = identity(node)
    assert identity({**node, "table": "copy"}) == before
    (tmp_path / "folder" / "inner" / "a").write_text("2")
    assert identity(node) != before
    assert identity({**node, "table": "no file"}) != before


def test_a_file_changed_with_its_size_and_times_kept_is_noticed(tmp_path: Path) -> None:
    import os

    path = tmp_path / "weights"
    path.write_bytes(b"one")
    before, times = identity(str(path)), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert identity(str(path)) != before


def test_numbers_that_are_equal_are_one_value_and_infinite_ones_are_refused() -> None:
    assert identity({"a": 5.0}) == identity({"a": 5})
    with pytest.raises(SupremeError, match="finite"):
        identity({"a": float("nan")})


def test_a_component_inside_another_one_counts(digest: Callable[..., str]) -> None:
    node = {"_target_": "lab.m.Noise", "first": {"_target_": "lab.far.Noise"}}
    digest({**PACKAGE, "lab/m.py": method(), "lab/far.py": method(value="1")})
    before = identity(node)
    assert set(codes(node)) == {"lab.m.Noise", "lab.far.Noise"}
    digest({"lab/far.py": method(value="2")})
    assert identity(node) != before


def test_the_code_of_a_function_holds_what_it_closes_over(digest: Callable[..., str]) -> None:
    """So the importances that methods share are known by the code that computes them."""
    from supreme.functional.importances import importances, squared_gradients

    def closing(function: Callable[..., object]) -> Callable[[], object]:
        return lambda: function(1)

    one, other = code_of_functions([closing(squared_gradients)]), code_of_functions([closing(importances)])
    assert one.digest != other.digest
    assert "supreme.functional.importances.squared_gradients" in one.definitions


@pytest.fixture
def own_output(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: set[Path] = set()
    monkeypatch.setattr(output_module, "_folders", lambda: folders)


READS = "from pathlib import Path\nRESULTS, BESIDE = 'outputs', Path(__file__)"


@pytest.mark.parametrize("name", ["outputs", "outputs/rows", "outputs/store"])
def test_what_a_sweep_writes_is_no_part_of_the_code_that_names_its_folder(
    digest: Callable[..., str], tmp_path: Path, own_output: None, name: str
) -> None:
    text = method(READS.replace("outputs", name), "(RESULTS, BESIDE)")
    assert leave_out(tmp_path / "outputs")
    assert not leave_out(tmp_path / "outputs")
    before = digest({"lab/m.py": text})
    assert digest({"outputs/README.md": "there"}) == before
    assert digest({"outputs/rows/a.json": "a row", "outputs/store/schema.json": "{}"}) == before
    (tmp_path / "other").mkdir()
    assert digest({"lab/m.py": text.replace(name, "other")}) != before


def test_what_lies_beside_a_sweep_s_results_still_counts(
    digest: Callable[..., str], tmp_path: Path, own_output: None
) -> None:
    leave_out(tmp_path / "outputs")
    text = method(READS.replace("outputs", "outputs/data"), "(RESULTS, BESIDE)")
    before = digest({"lab/m.py": text, "outputs/data/a": "1"})
    assert digest({"outputs/data/a": "2"}) != before


def test_a_folder_above_a_sweep_s_results_is_known_by_what_else_is_in_it(tmp_path: Path, own_output: None) -> None:
    for name in ("mine/a", "mine/outputs/rows/b", "mine/outputs.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    node = {"folder": str(tmp_path / "mine"), "results": str(tmp_path / "mine" / "outputs")}
    counted = identity(node)
    leave_out(tmp_path / "mine" / "outputs")
    before = identity(node)
    assert before["results"] == node["results"]
    assert before["folder"] != counted["folder"]
    (tmp_path / "mine/outputs/rows/c").write_text("another row")
    assert identity(node) == before
    (tmp_path / "mine/outputs.txt").write_text("changed")
    assert identity(node) != before
