"""Text of others: nothing that a terminal obeys is in what is printed, and no message is longer than people read."""

from __future__ import annotations

import tracemalloc
from unicodedata import bidirectional, category

import pytest

from supreme.core.text import MESSAGE_CHARACTERS, encodable, one_line, printable, shortened

BIDIRECTIONAL_CONTROLS = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", r"\x1b]8;;http://x\x1b\link\x1b]8;;\x1b" + "\\"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("\x1b[2J\x1b[1;1Hgone", r"\x1b[2J\x1b[1;1Hgone"),
        ("\x9b31mred\x9d0;title\x9c", r"\x9b31mred\x9d0;title\x9c"),
        ("\x1bP0;0|17/ab\x1b\\", r"\x1bP0;0|17/ab\x1b" + "\\"),
        ("fine\rEVIL", r"fine\rEVIL"),
        ("back\x08\x08\x7f", r"back\x08\x08\x7f"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066a\u2069 z\u200bw\ufeff", r"\u2066a\u2069 z\u200bw\ufeff"),
        ("half \ud800", r"half \ud800"),
        ("\U000e0041tag", r"\U000e0041tag"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[3\x1b[0m1mred", r"\x1b[31mred"),
        ("a\r\nb\tc [red]d[/red] ± é 中\n", "a\nb\tc [red]d[/red] ± é 中\n"),
    ],
)
def test_what_a_terminal_would_obey_or_not_show_is_written_as_an_escape(given_text: str, shown: str) -> None:
    assert printable(given_text) == shown
    assert printable(shown) == shown


def test_no_character_that_a_terminal_obeys_or_that_reorders_text_is_left() -> None:
    shown = set(printable("".join(map(chr, (*range(0x10000), *range(0xE0000, 0xE0100))))))
    assert {letter for letter in shown if category(letter) in ("Cc", "Cs", "Zl", "Zp")} == {"\n", "\t"}
    assert not {letter for letter in shown if bidirectional(letter) in BIDIRECTIONAL_CONTROLS}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "shift_jis", "no such encoding"])
def test_every_text_can_be_encoded_once_it_is_printable(encoding: str) -> None:
    text = printable("".join(map(chr, range(0x3000))) + "中\U0001f600")
    encodable(text, encoding).encode("ascii" if " " in encoding else encoding)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "90 +- 2 - a -> b ... + # lambda Sigma e ^2 \\u4e2d --- | sqrt"),
        ("latin-1", "90 ± 2 · a -> b ... + # lambda Sigma é ² \\u4e2d --- | sqrt"),
        ("cp1252", "90 ± 2 · a -> b … † ‡ lambda Sigma é ² \\u4e2d --- | sqrt"),
        ("utf-8", "90 ± 2 · a → b … † ‡ λ Σ é ² 中 ─━═ │ √"),
    ],
)
def test_what_an_encoding_lacks_is_replaced_by_what_one_can_read(encoding: str, shown: str) -> None:
    assert encodable("90 ± 2 · a → b … † ‡ λ Σ é ² 中 ─━═ │ √", encoding) == shown


def test_a_message_of_fifty_megabytes_is_cut_at_no_cost_and_keeps_its_beginning_and_its_end() -> None:
    message = "RuntimeError: " + "x\x1b" * 25_000_000 + " the end"
    tracemalloc.start()
    short = one_line(message)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert short.startswith("RuntimeError: x\\x1b")
    assert short.endswith("the end")
    assert "[... 49,998,022 characters left out ...]" in short
    assert len(short) < 4 * MESSAGE_CHARACTERS


def test_a_shortened_text_says_how_much_is_left_out_and_where_it_is() -> None:
    text = "a" * 500 + "b" * 10_000 + "c" * 500
    cut = shortened(text, 1000, "logs/x.log")
    assert cut.startswith("a" * 250 + "\n[... 10,000 characters left out here; all of it is in logs/x.log ...]\n")
    assert cut.endswith("c" * 500)
    assert shortened(text, 11_000, "logs/x.log") == text
