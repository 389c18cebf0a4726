"""Wrong inputs at the command line: each gets one sentence that says what to type. No process is started."""

from __future__ import annotations

import importlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from supreme.cli import VERBS
from supreme.command_line import listing
from supreme.command_line.conf_folder import CONF, described, groups, names, near_names, other_names
from supreme.command_line.options import options_first
from supreme.command_line.refusals import in_sentences
from supreme.command_line.words import readable
from supreme.core import SupremeError


def composed(line: str) -> None:
    options, words = options_first(shlex.split(line))
    words = readable(words, list(VERBS), "--multirun" in options)
    with in_sentences(words), initialize_config_dir(str(CONF), version_base="1.3"):
        compose("config", overrides=words)


def refused(line: str) -> str:
    """What is said of this command line, without the options and values that are right."""
    with pytest.raises(SupremeError) as caught:
        composed(line)
    told = str(caught.value)
    assert "\n" not in told
    assert len(told) < 700
    assert not any(word in told for word in ("mismatched", "LexerNo", "expecting", "hydra.cc", "Traceback"))
    return told


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("output_dir=/x/o=eq", """quote the value, 'output_dir="/x/o=eq"'"""),
        ("'output_dir=/x/(1)'", """quote the value, 'output_dir="/x/(1)"'"""),
        ("'output_dir=/x/a&b'", """quote the value, 'output_dir="/x/a&b"'"""),
        ("""'output_dir=/x/"a=b'""", "quote the value"),
        (""""'seed=range(10)'" """, "is quoted twice: type 'seed=range(10)'"),
        ("-m 'seed=range(3'", "lacks a closing ): type 'seed=range(3)'"),
        ("'metric=[accuracy'", "lacks a closing ]: type 'metric=[accuracy]'"),
        ("-m seed=0, 1, 2", "a list has no blanks in it: type seed=0,1,2"),
        ("-m seed=0 ,1 ,2 method=ssd", "a list has no blanks in it: type seed=0,1,2"),
        ("-m seed=0,,1", "has an empty place in its list: type seed=0,1"),
        ("-m seed=0,", "has an empty place in its list: type seed=0"),
        ("seed=0..3", "is a list to sweep over: add -m, as in supreme -m seed=0..3"),
        ("-m seed=3..0", "seed=3..0 is empty: type the smaller number first, as in seed=0..9"),
        ("-m seed=0-3", "for the seeds from 0 to 3 type -m seed=0..3"),
        ("-m seed=1:5", "for the seeds from 1 to 5 type -m seed=1..5"),
        ("method==ssd", "two equals signs: type method=ssd"),
        ("=3", "there is no name before the ="),
        ("'a b=3'", "'a b' is no name of a value"),
        ("method = ssd", "there are no blanks around the equals sign: type method=ssd"),
        ("method =ssd", "there are no blanks around the equals sign: type method=ssd"),
        ("method= ssd", "there are no blanks around the equals sign: type method=ssd"),
        ("method ssd", "method needs a value: type method=ssd; `supreme list method` shows the choices"),
        ("method", "method needs a value: type method=advneggrad"),
        ("method:ssd", "type method=ssd"),
        ("ssd", "ssd is one of the choices of method: type method=ssd"),
        ("train", "To run something type supreme method=scrub seed=0"),
        ("reprot", "unknown command reprot; did you mean `supreme report`?"),
        ("--epochs 5", "values are typed without dashes: recipe.epochs=5"),
        ("--lr=0.1", "values are typed without dashes: recipe.lr=0.1"),
        ("--method scrub", "choices are typed without dashes: method=scrub"),
        ("--batch-size 64", "recipe.batch_size=64"),
        ("--gpu 0", "devices=0"),
        ("--verbose", "there is no option --verbose"),
        ("--multi-run", "did you mean --multirun?"),
        ("-x", "there is no option -x"),
        ("--cfg", "--cfg needs job, hydra or all"),
        ("--cfg foo", "--cfg foo is not allowed: give job, hydra, all"),
        ("--config-dir nowhere method=ssd", "--config-dir nowhere does not exist: give the folder"),
        ("-m 'seed=interval(0,3)'", "type -m seed=0..9"),
        ("+foo=3", "nothing reads a value called foo; leave it out"),
        ("metric=accuracy,membership", "for all of them in each run type 'metric=[accuracy,membership]'"),
        ("--info foo", "--info foo is not allowed: give all, config"),
        ("method=srcub", "there is no method srcub; did you mean scrub"),
        ("method=SSD", "did you mean ssd"),
        ("method=ga", "did you mean neggrad"),
        ("method=ft", "did you mean finetune"),
        ("metric=mia", "did you mean membership"),
        ("recipe=adam", "did you mean adamw"),
        ("tracker=wanbd", "did you mean wandb"),
        ("scenario=classwise", "did you mean full_class"),
        ("experiment=quick", "did you mean quickstart"),
        ("method=conf/method/ssd.yaml", "a method is chosen by its name, not by a path"),
        ("'method=[scrub,ssd]'", "one method a run; to sweep over several type -m method=scrub,ssd"),
        ("'~scenario'", "every run has a scenario; choose one"),
        ("method=ssd method.alfa=5", "there is no method.alfa; did you mean method.alpha?"),
        ("method=original method.alpha=5", "there is no method.alpha: method=original has no values to set"),
        ("metod=ssd", "did you mean method?"),
        ("sed=3", "did you mean seed?"),
        ("epochs=3", "did you mean recipe.epochs?"),
        ("recipe.epoch=3", "did you mean recipe.epochs?"),
        ("data=cifar10", "type model="),
        ("seed=0,1", "to sweep over them add -m"),
    ],
)
def test_a_wrong_word_gets_a_sentence(line: str, sentence: str) -> None:
    assert sentence in refused(line)


@pytest.mark.parametrize(
    ("line", "options", "words"),
    [
        ("method=ssd -m seed=0,1", ["--multirun"], ["method=ssd", "seed=0,1"]),
        ("a=1 --cfg job b=2 --resolve", ["--cfg", "job", "--resolve"], ["a=1", "b=2"]),
        ("a=1 -c=job", ["--cfg", "job"], ["a=1"]),
        ("-i defaults-tree a=1", ["--info=defaults-tree"], ["a=1"]),
        ("--info a=1", ["--info"], ["a=1"]),
        ("x=-1 -1", [], ["x=-1", "-1"]),
        ("-h", ["--help"], []),
    ],
)
def test_options_may_stand_anywhere(line: str, options: list[str], words: list[str]) -> None:
    assert options_first(shlex.split(line)) == (options, words)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("seed=0..9", "seed=range(0,10,1)"),
        ("seed=0..90..10", "seed=range(0,91,10)"),
        ("seed=5..5", "seed=range(5,6,1)"),
        ("+a.b=-2..2", "+a.b=range(-2,3,1)"),
        ("data.root=../x", "data.root=../x"),
        ("data.root=1..x", "data.root=1..x"),
        ("method.lr=1e-3", "method.lr=1e-3"),
        ("output_dir=~/x", f'output_dir="{Path.home()}/x"'),
        ("output_dir=~", f'output_dir="{Path.home()}"'),
        ("'seed=range(3)'", None),
    ],
)
def test_a_range_needs_no_brackets(word: str, found: str | None) -> None:
    if found is None:
        with pytest.raises(SupremeError, match="quoted twice"):
            readable([word], [], sweeps=True)
    else:
        assert readable([word], [], sweeps=True) == [found]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_suggested_for_seeds_works_unquoted_in_a_shell(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    command = "printf %s\\\\n seed=0..9 seed=0..90..10 method=scrub,ssd"
    told = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["seed=0..9", "seed=0..90..10", "method=scrub,ssd"]


@pytest.mark.slow
def test_the_console_script_finds_what_python_m_finds(tmp_path: Path) -> None:
    """A method of one's own in the working folder, here and in a worker."""
    script = Path(sys.executable).with_name("supreme")
    if not script.exists():
        pytest.skip("the console script is not installed beside this Python")
    (tmp_path / "my_conf" / "method").mkdir(parents=True)
    (tmp_path / "my_conf" / "method" / "mine.yaml").write_text("_target_: my_lab.Mine\n")
    (tmp_path / "my_lab.py").write_text(
        "from dataclasses import dataclass\nfrom typing import ClassVar\n\n\n@dataclass(frozen=True, kw_only=True)\n"
        "class Mine:\n    needs: ClassVar[frozenset[str]] = frozenset()\n\n"
        "    def __call__(self, model, split, context):\n        return model\n"
    )
    command = [
        str(script),
        "method=mine",
        "-m",
        "seed=0",
        "--config-dir",
        "my_conf",
        "recipe.epochs=1",
        "model.widths=[4,8]",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["store", "lss"], "supreme store has no lss; did you mean ls? It has ls, gc, verify, explain, export, import"),
        (["store"], "the following arguments are required: VERB"),
        (["report", "--formt", "csv"], "supreme report does not know --formt; did you mean --format?"),
        (["status", "--wach"], "supreme status does not know --wach; did you mean --watch?"),
        (["list", "metods"], "there is nothing called metods to list; did you mean `supreme list method`?"),
    ],
)
def test_a_wrong_word_of_a_command_gets_a_sentence(arguments: list[str], sentence: str) -> None:
    module, _, function = VERBS[arguments[0]].partition(":")
    with pytest.raises(SupremeError) as caught:
        getattr(importlib.import_module(module), function)(arguments[1:])
    assert sentence in str(caught.value)


def test_other_names_of_the_literature_name_what_is_there() -> None:
    for group in groups():
        for other, name in other_names(group).items():
            assert name in names(group)
            assert other not in names(group), f"{other} of {name} is a choice itself"
            assert near_names(other, names(group), group)[0] == name


def test_the_list_has_every_choice_of_a_group_and_what_its_yaml_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert listing.main(["methods"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()[1:-1]] == names("method")
    assert described("method")["ssd"] in told
    assert listing.main([]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[3:]] == groups()
    with pytest.raises(
        SupremeError, match="there is nothing called metods to list; did you mean `supreme list method`"
    ):
        listing.main(["metods"])


def test_a_fault_in_a_yaml_of_ones_own_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "x.yaml").write_text("_target_: a.B\nlr:\t0.1\n\tx: 3\n")
    with (
        pytest.raises(SupremeError, match=r"x\.yaml, line [23]: .*"),
        in_sentences(["method=x"]),
        initialize_config_dir(str(CONF), version_base="1.3"),
    ):
        compose("config", overrides=["method=x", f"hydra.searchpath=[file://{tmp_path}]"])
