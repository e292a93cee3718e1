"""Rows of the motion stream: one voice a row and frame, whatever the routing weights ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.core.performance import CastMember
from generation.pipeline.face_routing import FaceRouting, route
from generation.pipeline.listening import Listeners

T = 8
CAST = [
    CastMember(name, np.full(4, i, np.float32), side) for i, (name, side) in enumerate((("A", -1), ("B", 0), ("C", 1)))
]
SPEAKING = np.ones((3, T), bool)


def table(*faces: dict[int, float]) -> np.ndarray:
    """(3, K, T) weights from each face's voices."""
    weights = np.zeros((3, len(faces), T), np.float32)
    for face, voices in enumerate(faces):
        for voice, share in voices.items():
            weights[voice, face] = share
    return weights


def test_identity_needs_no_gathering() -> None:
    rows = route(table({0: 1}, {1: 0.97}, {2: 1}), SPEAKING)
    assert rows.plain and not rows.silence and rows.n_faces == 3
    np.testing.assert_allclose(rows.shares[:, 0], [1, 0.97, 1])


def test_rotated_voices_keep_one_row_a_face_and_each_voice_sees_the_face_that_it_drives() -> None:
    rows = route(table({2: 1}, {0: 1}, {1: 1}), SPEAKING)
    assert not rows.plain and rows.drivers[:, 0].tolist() == [2, 0, 1] and not rows.unseen
    assert rows.partners[:3, 0].tolist() == [1, 2, 0]


def test_a_change_half_way_stays_one_row() -> None:
    weights = table({0: 1}, {1: 1}, {2: 1})
    weights[:, :2, 4:] = weights[:, 1::-1, 4:]
    rows = route(weights, SPEAKING)
    assert len(rows.faces) == 3 and rows.drivers[0].tolist() == [0] * 4 + [1] * 4
    assert rows.conditions(np.arange(3)[:, None]).shape == (3, T, 1)


def test_shares_of_two_voices_are_two_rows_mixed_by_weight() -> None:
    rows = route(table({0: 0.25, 1: 0.75}, {1: 1}, {2: 1}), SPEAKING)
    assert rows.faces.tolist() == [0, 0, 1, 2] and rows.weights[:, 0].tolist() == [0.25, 0.75, 1, 1]
    values = torch.arange(4.0)[None, :, None, None].repeat(1, 1, T, 2)
    assert rows.to_faces(values)[0, :, 0, 0].tolist() == [0.75, 2, 3]
    assert rows.mixed_by_face(np.array([[1.0] * T, [0.0] * T, [0.5] * T]))[:, 0].tolist() == [0.25, 0, 0.5]


def test_unison_narrator_and_a_face_without_a_voice() -> None:
    rows = route(table({0: 1}, {0: 1}, {}), SPEAKING)
    assert rows.unseen == (1, 2), "voices that drive nobody keep an unseen face while they speak"
    assert rows.drivers[:, 0].tolist() == [0, 0, 3, 1, 2] and rows.silence
    assert rows.driven_faces(0, 0, T) == [0, 1] and rows.owners(CAST)[3].name == "B"
    assert not rows.mixed_by_face(np.ones((3, T)))[2].any()
    quiet = route(table({0: 1}, {0: 1}, {}), np.zeros((3, T), bool))
    assert quiet.unseen == ()


def test_a_soft_border_of_a_mask_is_no_voice() -> None:
    assert route(table({0: 0.96, 1: 0.04}, {1: 1}, {2: 1}), SPEAKING).plain


@pytest.mark.parametrize("weights", [table({0: 0.6, 1: 0.6}), -table({0: 0.1})])
def test_impossible_weights_are_refused(weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match="sum to at most 1"):
        route(weights, SPEAKING)


def heard(rows: FaceRouting, loud: list[float]) -> torch.Tensor:
    listeners = Listeners.of(rows, [member.side for member in CAST], torch.device("cpu"))
    audio = torch.tensor(loud)[None, :, None, None].repeat(1, 1, T, 400)
    return listeners.loudest(audio, torch.ones(1, 3, T, dtype=torch.int64))[0, :, 0]


def test_a_face_hears_the_loudest_voice_that_is_not_its_own_from_where_it_comes() -> None:
    plain = heard(route(table({0: 1}, {1: 1}, {2: 1}), SPEAKING), [3.0, 2.0, 1.0])
    assert plain[:, 0].tolist() == [2, 3, 3] and plain[:, -1].tolist() == [1, -1, -1]
    rotated = heard(route(table({1: 1}, {2: 1}, {0: 1}), SPEAKING), [3.0, 2.0, 1.0])
    assert rotated[:, 0].tolist() == [3, 3, 2], "face 2 speaks with voice 0 and hears voice 1"
    assert rotated[:, -1].tolist() == [1, 1, -1], "voice 0 comes from face 2, voice 1 from face 0"


def test_who_has_every_voice_hears_nothing() -> None:
    rows = route(table({0: 0.4, 1: 0.3, 2: 0.3}, {1: 1}, {2: 1}), SPEAKING)
    assert not heard(rows, [3.0, 2.0, 1.0])[0].any()
