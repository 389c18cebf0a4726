"""Named streams: what they are, that they never meet, and that drawing from one disturbs no other."""

import itertools

import numpy as np
import pytest
import torch

from supreme.core import seeds
from supreme.core.seeds import ROLES, stream

# Results that people have published depend on these numbers: they must never change.
PUBLISHED = {
    ("train",): 1702646352998445207,
    ("train", 0): 3477999292598879368,
    ("train", 1, 2): 8669000069651245550,
    ("forget", 0): 6651218097956433739,
    ("forget", 1, 2): 1351631643198867195,
    ("reference", 0): 7356359977311795311,
    ("reference", 1, 2): 8324750426223892196,
    ("unlearn", 0): 9161041576265525987,
    ("unlearn", 1, 2): 7686433864757434183,
    ("evaluate", 0): 1624964923177207389,
    ("evaluate", 1, 2): 4487980316242276565,
    ("untrained", 0): 949729366173019639,
    ("untrained", 1, 2): 7739605078278070885,
}


@pytest.mark.parametrize(("name", "seed"), PUBLISHED.items())
def test_a_stream_is_the_one_it_has_always_been(name: tuple, seed: int) -> None:
    assert stream(*name) == seed


def test_no_two_roles_and_no_two_numbers_share_a_stream() -> None:
    grids = [itertools.product(range(300), repeat=1), itertools.product(range(-3, 30), repeat=2), [()]]
    numbers = [one for grid in grids for one in grid]
    names = list(itertools.product(ROLES, numbers))
    assert len({stream(role, *given) for role, given in names}) == len(names)


def test_numbers_do_not_run_into_each_other() -> None:
    assert len({stream("unlearn", *given) for given in ((1, 23), (12, 3), (123,), (0, 123), (123, 0), (23, 1))}) == 6


def test_a_seed_and_its_neighbour_differ_by_no_constant() -> None:
    steps = {stream("train", seed + 1) - stream("train", seed) for seed in range(100)}
    assert len(steps) == 100


def test_a_stream_is_a_seed_that_every_generator_takes() -> None:
    for role, seed in itertools.product(ROLES, range(200)):
        assert 0 <= stream(role, seed) < 2**63


def test_numpy_integers_name_the_same_stream_as_pythons() -> None:
    assert stream("forget", np.int64(7)) == stream("forget", 7)


def test_a_number_with_a_fraction_names_no_stream() -> None:
    with pytest.raises(TypeError):
        stream("train", 1.5)  # type: ignore[arg-type]


def test_an_unknown_role_is_refused_and_the_roles_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown role 'trian': one of train, forget"):
        stream("trian", 0)


def test_generators_of_one_stream_draw_the_same_and_of_another_differ() -> None:
    def draws(role: str, seed: int) -> tuple[list, list]:
        numpy_draws = seeds.numpy_generator(role, seed).integers(2**40, size=4).tolist()
        return numpy_draws, torch.randint(2**40, (4,), generator=seeds.torch_generator(role, seed)).tolist()

    assert draws("forget", 3) == draws("forget", 3)
    for other in (draws("forget", 4), draws("reference", 3)):
        assert all(here != there for here, there in zip(draws("forget", 3), other, strict=True))


def test_a_generator_for_torch_lives_on_the_cpu_and_leaves_the_global_one_alone() -> None:
    before = torch.random.get_rng_state()
    generator = seeds.torch_generator("train", 0)
    torch.rand(3, generator=generator)
    assert generator.device.type == "cpu"
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_is_drawn_in_a_scope_depends_on_its_seed_alone() -> None:
    torch.manual_seed(1)
    with seeds.scoped(5):
        first = torch.rand(3)
    torch.manual_seed(2)
    with seeds.scoped(5):
        again = torch.rand(3)
    with seeds.scoped(6):
        other = torch.rand(3)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_drawing_in_a_scope_leaves_the_cpu_generator_as_it_was() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with seeds.scoped(5):
        torch.rand(100)
    assert torch.equal(torch.rand(3), expected)


def test_a_scope_that_fails_leaves_the_cpu_generator_as_it_was() -> None:
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError), seeds.scoped(5):
        torch.rand(100) @ torch.rand(99)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_drawing_in_a_scope_leaves_the_gpus_generator_as_it_was() -> None:
    with seeds.scoped(1):
        torch.rand(1, device="cuda")
        before = torch.cuda.get_rng_state()
        with seeds.scoped(5):
            torch.rand(100, device="cuda")
        assert torch.equal(torch.cuda.get_rng_state(), before)


def test_scopes_nest() -> None:
    with seeds.scoped(5):
        expected = torch.rand(6)
    with seeds.scoped(5):
        first = torch.rand(3)
        with seeds.scoped(6):
            torch.rand(100)
        second = torch.rand(3)
    assert torch.equal(torch.cat([first, second]), expected)
