"""What holds of every label and every number: text stays text in LaTeX and the page, statistics keep their bounds."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from supreme.report.page.parts import unzipped, zipped
from supreme.report.statistics import benjamini_hochberg, holm, mean_interval, wilson_interval
from supreme.report.tables.latex import escaped

COMMANDS = re.compile(
    r"\\(?:[&%$#_{}]|textbackslash\{\}|textasciitilde\{\}|textasciicircum\{\}|text[a-z]+\{\})|\$[^$]*\$"
)


@given(st.text(alphabet="ab &%$#_{}\\~^<>|\"'-", max_size=40))
def test_no_character_of_a_label_means_anything_to_latex(text: str) -> None:
    left = COMMANDS.sub("", escaped(text).replace("-{}-", "--"))
    assert not set(left) & set("&%$#_{}\\~^")


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_what_stands_in_the_pages_script_is_read_back_and_cannot_end_it(value: object) -> None:
    script = zipped(value)
    assert unzipped(script) == value
    assert re.fullmatch(r"[A-Za-z0-9+/]*=*", script)


p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


@given(p_values)
def test_corrected_p_values_keep_their_order_and_lie_between_the_plain_ones_and_bonferronis(p: list[float]) -> None:
    plain = np.array(p)
    for corrected in (holm(p), benjamini_hochberg(p)):
        assert (corrected >= plain - 1e-12).all()
        assert (corrected <= np.minimum(1.0, plain * len(p)) + 1e-12).all()
        order = np.argsort(plain, kind="stable")
        assert (np.diff(corrected[order]) >= -1e-12).all()
    assert (benjamini_hochberg(p) <= holm(p) + 1e-12).all()


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_holds_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    low, high = wilson_interval(*counts)
    assert 0.0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1.0


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.floats(-1e3, 1e3), st.floats(0.1, 10.0))
def test_the_interval_of_a_mean_moves_and_stretches_with_the_values(
    values: list[float], by: float, scale: float
) -> None:
    one, other = mean_interval(values), mean_interval([scale * value + by for value in values])
    assert one is not None
    assert other is not None
    np.testing.assert_allclose([other.low, other.high], [scale * one.low + by, scale * one.high + by], atol=1e-6)
