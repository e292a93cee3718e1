"""Routing weights: every token knows whose it is, whatever the tokens, the cast's size and the masks' shapes."""

from __future__ import annotations

import numpy as np
import pytest

from masks.regions import CharacterMask, box_mask
from masks.routing import FaceTokens, PatchTokens, TokenGeometry, routing_weights

SIZE = (40, 60)


def boxes(k: int) -> np.ndarray:
    """(k, 40, 60) faces side by side, each 8 x 10 pixels."""
    faces = np.zeros((k, *SIZE), np.float32)
    for i in range(k):
        faces[i, 10:20, 2 + 10 * i : 10 + 10 * i] = 1
    return faces


def columns(*ranges: tuple[int, int]) -> list[CharacterMask]:
    return [box_mask(f"Person {i + 1}", (a, 0, b, SIZE[0]), SIZE) for i, (a, b) in enumerate(ranges)]


def full(name: str = "Ann", value: float = 1.0) -> CharacterMask:
    return CharacterMask(name, np.full(SIZE, value, np.float32))


GEOMETRIES = [FaceTokens(boxes(3), 4), PatchTokens(SIZE, (8, 12), (1, 3)), PatchTokens(SIZE, (16, 16), (2, 2))]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_every_face_belongs_to_its_own_mask(k: int) -> None:
    routing = routing_weights(columns(*((10 * i, 10 * i + 10) for i in range(k))), FaceTokens(boxes(k), 3))
    assert routing.dtype == np.float32
    np.testing.assert_allclose(routing, np.repeat(np.eye(k), 3, axis=1), atol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_one_full_mask_owns_every_token(geometry: TokenGeometry) -> None:
    np.testing.assert_allclose(routing_weights([full()], geometry), 1.0, rtol=1e-6)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_outside_all_masks_there_is_nobody(geometry: TokenGeometry) -> None:
    assert routing_weights([full(value=0.0), full("Bob", 0.0)], geometry).max() == 0
    assert routing_weights([], geometry).shape[0] == 0


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_two_owners_of_everything_share_evenly(geometry: TokenGeometry) -> None:
    np.testing.assert_allclose(routing_weights([full(), full("Bob")], geometry), 0.5, rtol=1e-6)


def test_a_token_half_in_each_of_two_masks() -> None:
    routing = routing_weights(columns((0, 6), (6, 60)), FaceTokens(boxes(1), 2))
    np.testing.assert_allclose(routing, 0.5, rtol=1e-6)
    routing = routing_weights(columns((0, 30), (30, 60)), PatchTokens(SIZE, (40, 20), (1,)))
    np.testing.assert_allclose(routing, [[1, 0.5, 0], [0, 0.5, 1]], atol=1e-6)


def test_partial_and_soft_masks_keep_their_strength() -> None:
    np.testing.assert_allclose(routing_weights([full(value=0.3)], GEOMETRIES[0]), 0.3, rtol=1e-5)
    routing = routing_weights([full(value=0.6), full("Bob", 0.9)], GEOMETRIES[1])
    np.testing.assert_allclose(routing[:, 0], [0.4, 0.6], rtol=1e-5)
    three_quarters = routing_weights(columns((0, 8)), FaceTokens(boxes(1), 1))
    np.testing.assert_allclose(three_quarters, 0.75, rtol=1e-5)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_sum_at_most_one_and_order_only_permutes(geometry: TokenGeometry) -> None:
    rng = np.random.default_rng(3)
    masks = [CharacterMask(str(i), rng.random((geometry.n_frames, *SIZE)) ** 2) for i in range(4)]
    masks.append(CharacterMask("still", rng.random(SIZE)))
    routing = routing_weights(masks, geometry)
    assert routing.min() >= 0
    assert routing.sum(0).max() <= 1 + 1e-6
    order = [3, 0, 4, 2, 1]
    reordered = routing_weights([masks[i] for i in order], geometry)
    np.testing.assert_allclose(reordered, routing[order], rtol=1e-5, atol=1e-7)


def test_moving_mask_passes_from_face_to_face() -> None:
    moving = np.zeros((3, *SIZE), np.float32)
    for t in range(3):
        moving[t, :, 10 * t : 10 * t + 10] = 1
    routing = routing_weights([CharacterMask("Ann", moving)], FaceTokens(boxes(3), 3))
    np.testing.assert_allclose(routing.reshape(3, 3), np.eye(3), atol=1e-6)


def test_moving_footprints_leave_a_still_mask() -> None:
    faces = np.stack([boxes(1), np.roll(boxes(1), 4, -1), np.roll(boxes(1), 20, -1)], 1)
    np.testing.assert_allclose(routing_weights(columns((0, 10)), FaceTokens(faces, 3)), [[1, 0.5, 0]], atol=1e-6)


def test_latent_steps_average_their_frames() -> None:
    moving = np.zeros((5, *SIZE), np.float32)
    moving[[0, 2]] = 1
    routing = routing_weights([CharacterMask("Ann", moving)], PatchTokens(SIZE, (40, 60), (1, 4)))
    np.testing.assert_allclose(routing, [[1, 0.25]], atol=1e-6)


def test_patches_cut_by_the_edge_count_their_own_pixels() -> None:
    geometry = PatchTokens(SIZE, (16, 16), (1,))
    assert geometry.grid == (1, 3, 4)
    routing = routing_weights([box_mask("Ann", (48, 32, 54, 40), SIZE)], geometry)
    np.testing.assert_allclose(routing[0, -1], 0.5, rtol=1e-6)
    assert np.count_nonzero(routing) == 1


def test_tokens_come_step_by_step_row_by_row() -> None:
    geometry = PatchTokens(SIZE, (20, 20), (1, 1))
    moving = np.zeros((2, *SIZE), np.float32)
    moving[1, 20:, 40:] = 1
    assert np.flatnonzero(routing_weights([CharacterMask("Ann", moving)], geometry)[0]).tolist() == [11]


def test_wrong_sizes_name_the_character() -> None:
    with pytest.raises(ValueError, match="Ann's mask has 30 x 20 pixels and the video 60 x 40"):
        routing_weights([CharacterMask("Ann", np.ones((20, 30)))], GEOMETRIES[0])
    with pytest.raises(ValueError, match="Ann's mask moves over 7 frames and the video has 4"):
        routing_weights([CharacterMask("Ann", np.ones((7, *SIZE)))], GEOMETRIES[0])
    with pytest.raises(ValueError, match="shape"):
        FaceTokens(np.ones((2, 3, *SIZE)), 4)
    with pytest.raises(ValueError, match="character 2 is empty"):
        FaceTokens(np.stack([np.ones(SIZE), np.zeros(SIZE)]), 4)
    with pytest.raises(ValueError, match="not negative"):
        FaceTokens(-np.ones((1, *SIZE)), 4)
    with pytest.raises(ValueError, match="at least 1"):
        PatchTokens(SIZE, (0, 8), (1,))
