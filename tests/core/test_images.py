"""Batches, crops, flips and rotations of supreme.core.images."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from supreme.core import Augmentation, ImageData, Images, SupremeError
from supreme.core.pixels import to_input


def make_data(count: int = 12, side: int = 8, image_size: int | None = None) -> ImageData:
    """Images of noise without black pixels (so that padding can be told), labels that name the position."""
    pixels = np.random.default_rng(0).integers(1, 256, (count, 3, side, side), dtype=np.uint8)
    everything = np.arange(count)
    return ImageData(
        pixels=pixels,
        labels=everything.copy(),
        class_names=tuple(map(str, everything)),
        train=everything,
        validation=everything[:0],
        test=everything[:0],
        image_size=image_size or side,
    )


def noise(side: int = 8) -> np.ndarray:
    return np.asarray(make_data(1, side).pixels)[0]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def order(images: Images, size: int, rng: torch.Generator | None = None) -> list[int]:
    return [label for _, y in images.batches(size, rng) for label in y.tolist()]


def windows(image: np.ndarray, size: int) -> list[np.ndarray]:
    room = image.shape[-1] - size + 1
    return [image[:, top : top + size, left : left + size] for top in range(room) for left in range(room)]


def where(x: torch.Tensor, choices: list[np.ndarray]) -> int:
    """Which of the choices this image is, exactly."""
    found = [number for number, choice in enumerate(choices) if np.array_equal((x * 255).round().numpy(), choice)]
    assert len(found) == 1
    return found[0]


def test_without_a_generator_batches_come_in_order() -> None:
    images = make_data().view([5, 3, 9])
    assert order(images, 2) == [5, 3, 9]


def test_with_a_generator_batches_are_shuffled_by_it_alone() -> None:
    images = make_data(50).view(range(50))
    first, again, other = (order(images, 8, generator(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first != list(range(50))


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 20), size=st.integers(1, 7), shuffled=st.booleans())
def test_every_image_comes_once_with_its_own_label(count: int, size: int, shuffled: bool) -> None:
    data = make_data(count, side=2)
    seen = []
    for x, y in data.view(range(count)).batches(size, generator() if shuffled else None):
        np.testing.assert_allclose(x.numpy() * 255, data.pixels[y.numpy()], atol=1e-4)
        seen += y.tolist()
    assert sorted(seen) == list(range(count))


@pytest.mark.parametrize(("shuffled", "sizes"), [(True, [4, 5]), (False, [4, 4, 1])])
def test_only_a_shuffled_pass_merges_a_last_single_image(shuffled: bool, sizes: list[int]) -> None:
    batches = make_data(9).view(range(9)).batches(4, generator() if shuffled else None)
    assert [len(y) for _, y in batches] == sizes


def test_a_view_of_one_image_still_yields_it_when_shuffled() -> None:
    assert order(make_data().view([7]), 4, generator()) == [7]


def test_batches_are_float32_in_zero_to_one_and_labels_int64() -> None:
    data = make_data(3)
    x, y = next(data.view([0, 1, 2]).batches(3))
    assert x.dtype == torch.float32
    assert y.dtype == torch.int64
    torch.testing.assert_close(x, torch.from_numpy(data.pixels).float() / 255)


def test_a_batch_size_of_nothing_is_refused() -> None:
    with pytest.raises(SupremeError, match="batch size 0"):
        next(make_data().view([0]).batches(0))


def test_augmentation_without_a_generator_is_refused() -> None:
    with pytest.raises(SupremeError, match="generator"):
        next(make_data().view([0]).batches(1, augment=True))


def test_pixels_in_a_tensor_give_the_batches_of_a_mapped_file(tmp_path) -> None:
    data = make_data(20, side=10, image_size=8)
    np.save(tmp_path / "images.npy", data.pixels)
    augmentation = Augmentation(crop_padding=2, horizontal_flip=True, rotation_degrees=15)
    results = []
    for pixels in (np.load(tmp_path / "images.npy", mmap_mode="r"), torch.from_numpy(data.pixels)):
        view = Images(data=ImageData(**{**vars(data), "pixels": pixels}), indices=data.train, targets=data.labels)
        batches = view.to("cpu", augmentation).batches(6, generator(3), augment=True)
        results.append([torch.cat(parts) for parts in zip(*batches, strict=True)])
    for mapped, in_memory in zip(*results, strict=True):
        assert torch.equal(mapped, in_memory)


def test_without_a_generator_the_model_sees_the_centre() -> None:
    data = make_data(2, side=12, image_size=8)
    x, _ = next(data.view([1]).batches(1))
    assert np.array_equal((x[0] * 255).round().numpy(), data.pixels[1, :, 2:10, 2:10])


def test_shuffling_without_augment_leaves_the_pixels_alone() -> None:
    data = make_data(6)
    images = data.view(range(6)).to("cpu", Augmentation(crop_padding=4, horizontal_flip=True, rotation_degrees=90))
    for x, y in images.batches(6, generator()):
        np.testing.assert_allclose(x.numpy() * 255, data.pixels[y.numpy()], atol=1e-4)


def test_each_image_of_a_batch_is_flipped_or_not_on_its_own() -> None:
    image = noise()
    batch = torch.from_numpy(np.stack([image] * 400))
    out = to_input(batch, 8, Augmentation(horizontal_flip=True), generator())
    flipped = sum(where(x, [image, image[:, :, ::-1]]) for x in out)
    assert 150 < flipped < 250


def test_crops_stay_inside_a_decoded_margin_and_reach_all_of_it() -> None:
    image = noise(side=10)
    batch = torch.from_numpy(np.stack([image] * 300))
    out = to_input(batch, 8, Augmentation(), generator())
    assert {where(x, windows(image, 8)) for x in out} == set(range(9))


def test_padded_crops_are_windows_of_the_image_in_a_black_frame() -> None:
    image = noise()
    framed = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    batch = torch.from_numpy(np.stack([image] * 300))
    out = to_input(batch, 8, Augmentation(crop_padding=1), generator())
    assert {where(x, windows(framed, 8)) for x in out} == set(range(9))


def test_rotation_turns_each_image_by_its_own_angle_within_the_limit() -> None:
    rows, columns = np.mgrid[:33, :33] - 16
    spot = (255 * np.exp(-((rows + 10) ** 2 + columns**2) / 18)).astype(np.uint8)  # above the centre
    batch = torch.from_numpy(np.broadcast_to(spot, (200, 3, 33, 33)).copy())
    out = to_input(batch, 33, Augmentation(rotation_degrees=30), generator())[:, 0].numpy()
    mass = out.sum((1, 2))
    down, right = (out * rows).sum((1, 2)) / mass, (out * columns).sum((1, 2)) / mass
    angles = np.degrees(np.arctan2(right, -down))
    assert np.abs(angles).max() < 31
    assert angles.min() < -25
    assert angles.max() > 25
    np.testing.assert_allclose(np.hypot(down, right), 10, atol=0.5)


def test_a_subset_is_by_position_in_the_view_and_keeps_new_labels() -> None:
    relabelled = make_data().view([4, 5, 6]).with_labels([1, 2, 3])
    part = relabelled.subset([2, 0])
    assert part.indices.tolist() == [6, 4]
    assert order(part, 5) == [3, 1]
    assert part.labels.tolist() == [3, 1]


def test_labels_of_another_number_than_the_images_are_refused() -> None:
    with pytest.raises(SupremeError, match="2 labels were given for 3 images"):
        make_data().view([4, 5, 6]).with_labels([1, 2])


def test_joined_views_keep_their_order_and_their_own_labels() -> None:
    data = make_data()
    joined = data.view([3]).with_labels([0]).joined(data.view([8, 1]))
    assert joined.indices.tolist() == [3, 8, 1]
    assert joined.targets.tolist() == [0, 8, 1]


def test_views_of_different_sources_cannot_be_joined() -> None:
    with pytest.raises(SupremeError, match="same source"):
        make_data().view([0]).joined(make_data().view([1]))
