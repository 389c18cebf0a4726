"""Whom `scenario=group` forgets, and what it refuses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from supreme.core import Split, SupremeError
from supreme.core.seeds import numpy_generator
from supreme.scenarios.group import Group
from supreme.testing.worlds import tiny_data

DATA = tiny_data()


def drawn(seed: int = 0, **values: Any) -> Split:
    given = {"target": None, "fraction": None, "count": None, **values}
    return Group(**given)(DATA, numpy_generator("forget", seed))


def people(images: Any) -> set[str]:
    assert DATA.groups is not None
    return {DATA.group_names[number] for number in DATA.groups[images.indices]}


@pytest.mark.parametrize(("target", "names"), [("Eve", {"Eve"}), (4, {"Eve"}), (["Gus", 0], {"Ann", "Gus"})])
def test_all_training_images_of_the_people_named_are_forgotten(target: Any, names: set[str]) -> None:
    split = drawn(target=target)
    assert people(split.forget) == people(split.forget_test) == names
    assert not names & (people(split.retain) | people(split.retain_test))
    assert set(split.forget.targets.tolist()) == {0, 1, 2, 3}
    assert split.forget_classes == ()


def test_people_are_drawn_anew_for_each_seed_and_more_people_contain_fewer() -> None:
    fewer, more = people(drawn(count=2).forget), people(drawn(count=4).forget)
    assert len(fewer) == 2
    assert len(more) == 4
    assert fewer < more
    assert people(drawn(fraction=0.5).forget) == more  # of 7, rounded up
    assert len({frozenset(people(drawn(seed, count=2).forget)) for seed in range(8)}) > 3


def test_people_who_are_in_no_test_image_leave_forget_test_empty() -> None:
    assert DATA.groups is not None
    apart = replace(DATA, test=DATA.test[DATA.groups[DATA.test] != 4])
    split = Group(target="Eve", fraction=None, count=None)(apart, numpy_generator("forget", 0))
    assert len(split.forget_test) == 0
    assert np.array_equal(split.retain_test.indices, apart.test)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"target": 0, "count": 1}, "target=0 with count=1 is not allowed"),
        ({"fraction": 0.1, "count": 1}, "fraction=0.1 with count=1 is not allowed"),
        ({"target": []}, "is not allowed"),
        ({"target": "Evi"}, r"no group 'Evi'; did you mean 'Eve'\? These data have 7, numbered 0 to 6"),
        ({"target": 7}, "there is no group 7"),
        ({"target": ["Eve", 4]}, "names group 'Eve' twice"),
        ({"target": list(range(7))}, "every training image"),
        ({"count": 7}, "forgetting 7 of 7 groups"),
        ({"fraction": 0.9}, "forgetting 7 of 7 groups"),
    ],
)
def test_what_names_no_group_or_all_of_them_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(SupremeError, match=told):
        drawn(**values)


def test_a_person_who_does_not_train_is_refused() -> None:
    assert DATA.groups is not None
    without = replace(DATA, train=DATA.train[DATA.groups[DATA.train] != 4])
    with pytest.raises(SupremeError, match="nothing to forget of Eve"):
        Group(target="Eve", fraction=None, count=None)(without, numpy_generator("forget", 0))


def test_data_without_groups_say_which_data_have_some() -> None:
    with pytest.raises(SupremeError, match=r"data=image_folder data\.table=\.\.\. with a column group"):
        Group(target=None, fraction=None, count=1)(replace(DATA, groups=None), numpy_generator("forget", 0))
