"""What each scenario forgets, and what it refuses."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from supreme.core import Scenario, Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.registry import build
from supreme.core.seeds import numpy_generator
from supreme.scenarios import amounts
from supreme.scenarios.full_class import FullClass
from supreme.scenarios.random import Random
from supreme.scenarios.subclass import Subclass

CONF = Path(__file__).parents[2] / "conf" / "scenario"


def make_data(per_fine_class: int = 10) -> ImageData:
    """3 classes of 2 subclasses each; of every ten images of a subclass 6 train, 1 validates, 3 test."""
    fine_labels = np.repeat(np.arange(6), per_fine_class)
    place = np.arange(len(fine_labels)) % 10
    return ImageData(
        pixels=np.zeros((len(fine_labels), 3, 4, 4), dtype=np.uint8),
        labels=fine_labels // 2,
        class_names=("Alex Lawther", "sea_urchin", "vehicles 2"),
        train=np.flatnonzero(place < 6),
        validation=np.flatnonzero(place == 6),
        test=np.flatnonzero(place > 6),
        image_size=4,
        fine_labels=fine_labels,
        fine_names=("a0", "a1", "b0", "b1", "car", "rocket"),
        groups=np.arange(len(fine_labels)) % 3,
        group_names=("Ann", "Ben", "Cleo"),
    )


def rng(seed: int = 0) -> np.random.Generator:
    return numpy_generator("forget", seed)


def random_split(data: ImageData, seed: int = 0, *, fraction: float | None = None, count: int | None = None) -> Split:
    return Random(fraction=fraction, count=count)(data, rng(seed))


@pytest.mark.parametrize(
    "scenario", [Random(fraction=0.2, count=None), FullClass(target=1), Subclass(target=["car", 0])]
)
def test_forget_and_retain_are_the_two_parts_of_the_training_images(scenario: Scenario) -> None:
    data = make_data()
    split = scenario(data, rng())
    assert np.array_equal(np.sort(np.concatenate([split.forget.indices, split.retain.indices])), data.train)
    both_tests = np.concatenate([split.forget_test.indices, split.retain_test.indices])
    assert np.array_equal(np.sort(both_tests), data.test)
    assert np.array_equal(split.test.indices, data.test)
    assert np.array_equal(split.validation.indices, data.validation)
    assert split.num_classes == 3


@pytest.mark.parametrize(
    ("fraction", "available", "expected"), [(0.1, 36, 4), (0.07, 100, 7), (0.001, 36, 1), (0.5, 36, 18)]
)
def test_a_random_fraction_is_rounded_up_in_exact_decimals(fraction: float, available: int, expected: int) -> None:
    assert amounts.number(fraction, None, available) == expected


def test_the_published_sizes_of_random_forgetting_are_reproduced() -> None:
    sizes = [
        [amounts.number(fraction, None, available) for fraction in (0.001, 0.005, 0.01, 0.05, 0.1)]
        for available in (50_000, 17_534)
    ]
    assert sizes == [[50, 250, 500, 2_500, 5_000], [18, 88, 176, 877, 1_754]]


def test_a_random_count_is_taken_as_it_is_and_no_image_twice() -> None:
    split = random_split(make_data(), count=7)
    assert len(split.forget) == len(np.unique(split.forget.indices)) == 7


def test_random_forgetting_follows_its_stream_and_nothing_else() -> None:
    data = make_data()
    first, again, other = (random_split(data, seed, count=7).digest for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_larger_random_forget_set_contains_a_smaller_one() -> None:
    data = make_data()
    small, large = (set(random_split(data, count=count).forget.indices.tolist()) for count in (3, 9))
    assert small < large


def test_every_training_image_can_be_drawn_about_equally_often() -> None:
    data = make_data()
    drawn = np.zeros(len(data.labels))
    for seed in range(600):
        drawn[random_split(data, seed, count=6).forget.indices] += 1
    assert (drawn[data.train] > 60).all()  # 100 expected, standard deviation 9
    assert (drawn[data.train] < 140).all()
    assert drawn.sum() == 3600


def test_random_forgetting_has_no_test_counterpart() -> None:
    split = random_split(make_data(), count=3)
    assert len(split.forget_test) == 0
    assert split.forget_classes == ()


@pytest.mark.parametrize(
    ("fraction", "count"), [(None, None), (0.1, 5), (0.0, None), (1.0, None), (-0.1, None), (None, 0), (None, -3)]
)
def test_random_refuses_what_is_no_size(fraction: float | None, count: int | None) -> None:
    with pytest.raises(SupremeError, match="is not allowed"):
        Random(fraction=fraction, count=count)


@pytest.mark.parametrize(("fraction", "count"), [(0.999, None), (None, 36), (None, 1000)])
def test_random_refuses_to_forget_everything(fraction: float | None, count: int | None) -> None:
    with pytest.raises(SupremeError, match="of 36 training images leaves nothing to retain"):
        random_split(make_data(), fraction=fraction, count=count)


@pytest.mark.parametrize("target", [1, "sea_urchin", [1], ["sea_urchin"]])
def test_full_class_forgets_every_image_of_the_class_by_name_or_number(target: object) -> None:
    data = make_data()
    split = FullClass(target=target)(data, rng())
    assert np.array_equal(split.forget.indices, data.train[data.labels[data.train] == 1])
    assert np.array_equal(split.forget_test.indices, data.test[data.labels[data.test] == 1])
    assert split.forget_classes == (1,)


def test_several_classes_are_forgotten_in_any_order() -> None:
    data = make_data()
    one_way, other_way = (FullClass(target=target)(data, rng()) for target in ([2, "Alex Lawther"], [0, 2]))
    assert one_way.forget_classes == other_way.forget_classes == (0, 2)
    assert one_way.digest == other_way.digest
    assert set(one_way.retain.targets.tolist()) == {1}


def test_a_class_named_like_a_number_is_found_by_its_name() -> None:
    data = dataclasses.replace(make_data(), class_names=("7", "1", "0"))
    assert FullClass(target="0")(data, rng()).forget_classes == (2,)
    assert FullClass(target=0)(data, rng()).forget_classes == (0,)


def test_subclass_forgets_the_subclass_and_names_the_class_that_contains_it() -> None:
    data = make_data()
    split = Subclass(target="rocket")(data, rng())
    assert data.fine_labels is not None
    assert set(data.fine_labels[split.forget.indices].tolist()) == {5}
    assert set(data.fine_labels[split.forget_test.indices].tolist()) == {5}
    assert set(split.forget.targets.tolist()) == {2}
    assert split.forget_classes == (2,)
    assert 4 in data.fine_labels[split.retain.indices]


def test_subclasses_of_several_classes_name_all_of_these() -> None:
    assert Subclass(target=["rocket", "car", "a1"])(make_data(), rng()).forget_classes == (0, 2)


def test_subclass_says_which_data_have_subclasses() -> None:
    data = dataclasses.replace(make_data(), fine_labels=None, fine_names=())
    with pytest.raises(SupremeError, match="no subclasses: type data=cifar20"):
        Subclass(target=0)(data, rng())


@pytest.mark.parametrize(
    ("target", "suggested"),
    [("alex_lawther", "Alex Lawther"), ("sea urchins", "sea_urchin"), ("vehicle2", "vehicles 2")],
)
def test_an_unknown_class_is_answered_with_the_nearest_names(target: str, suggested: str) -> None:
    with pytest.raises(SupremeError, match=f"did you mean '{suggested}'.*have 3, numbered 0 to 2"):
        FullClass(target=target)(make_data(), rng())


def test_an_unknown_class_like_no_other_is_answered_with_how_many_there_are() -> None:
    with pytest.raises(SupremeError, match=r"no subclass 'qqq'. These data have 6, numbered 0 to 5"):
        Subclass(target="qqq")(make_data(), rng())


@pytest.mark.parametrize("target", [3, -1])
def test_a_class_number_out_of_range_is_refused(target: int) -> None:
    with pytest.raises(SupremeError, match=f"no class {target}: these data have 3"):
        FullClass(target=target)(make_data(), rng())


def test_a_class_named_twice_is_refused() -> None:
    with pytest.raises(SupremeError, match="names class 'sea_urchin' twice"):
        FullClass(target=[1, "sea_urchin"])(make_data(), rng())


@pytest.mark.parametrize("target", [None, [], True, 1.5, {"a": 1}, [0, None]])
@pytest.mark.parametrize("scenario", [FullClass, Subclass])
def test_what_is_neither_name_nor_number_is_refused(scenario: type, target: object) -> None:
    with pytest.raises(SupremeError, match="give a class name, a class number, or a list"):
        scenario(target=target)


def test_forgetting_all_classes_is_refused() -> None:
    with pytest.raises(SupremeError, match="every training image"):
        FullClass(target=[0, 1, 2])(make_data(), rng())


def test_a_target_given_to_random_is_refused_with_the_fields_that_it_has() -> None:
    node = {"_target_": "supreme.scenarios.random.Random", "fraction": 0.1, "count": None, "target": 3}
    with pytest.raises(SupremeError, match=r"scenario random: there is no field target. Its fields: fraction, count"):
        build(node, "scenario random")


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_of_the_configuration_builds_and_splits(path: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("3\n5\n")
    more = {"file": str(tmp_path / "list.txt")} if path.stem == "indices" else {}
    scenario = build(OmegaConf.merge(OmegaConf.load(path), more), f"scenario {path.stem}")  # type: ignore[arg-type]
    assert isinstance(scenario, Scenario)
    assert len(scenario(make_data(), rng()).forget)


def test_a_list_of_targets_survives_the_registry() -> None:
    node = OmegaConf.create({"_target_": "supreme.scenarios.full_class.FullClass", "target": ["sea_urchin", 0]})
    assert build(node)(make_data(), rng()).forget_classes == (0, 1)
