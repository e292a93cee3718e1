"""Mouth, head and blink amounts in rendered pixels: each scales its own movement alone, and none is all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import skimage.data

from generation.core.motion import INDEX, MotionTrack
from generation.motion.tracking import eye_opening, lip_gap
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from masks.landmarks import FaceLandmarker, FaceLandmarks
from masks.person_segmentation import segment_person
from masks.regions import motion_region
from studio.production.scene_drawing import scaled_motion
from studio.scene.schema import Character

STILL, SPEAKING, BLINKING, TURNED = 0, 1, 2, 3
CHEEKS_AND_FOREHEAD = (10, 67, 297, 109, 338, 168, 6)
"""Landmarks that neither lips nor lids move."""


def lively() -> MotionTrack:
    """Four frames: the picture, an open mouth, shut lids, a turned head; all three at once in the last."""
    values = np.zeros((5, len(INDEX)), np.float32)
    values[[SPEAKING, 4], INDEX["jawOpen"]] = 0.3
    for side in ("Left", "Right"):
        values[[BLINKING, 4], INDEX[f"eyeBlink{side}"]] = 1.0
    values[[TURNED, 4], INDEX["headRotationY"]] = 0.12
    values[[TURNED, 4], INDEX["headTranslationX"]] = 0.06
    return MotionTrack(values)


@pytest.fixture(scope="module")
def measured() -> Callable[..., np.ndarray]:
    """Renders the track with some amounts and watches it: (5 frames, mouth, head, blink) against the picture."""
    picture = np.ascontiguousarray(skimage.data.astronaut()[:330, 60:380])
    landmarker = FaceLandmarker()
    (face,) = landmarker.detect(picture)
    mask = segment_person(picture, face)
    renderer = SceneRenderer(picture, [RenderFace(face, motion_region(face, mask, [], 0.3), mask=mask)])

    def values(seen: Sequence[FaceLandmarks]) -> np.ndarray:
        points = np.stack([f.points for f in seen])
        moved = np.linalg.norm((points - points[:1])[:, CHEEKS_AND_FOREHEAD, :2], axis=-1).mean(1)
        lips, lids = (np.array([float(np.mean(of(p))) for p in points]) for of in (lip_gap, eye_opening))
        return np.stack([lips, moved, lids[0] - lids], 1)

    def measure(**amounts: float) -> np.ndarray:
        track = scaled_motion(lively(), Character(name="A", **amounts))
        seen = [landmarker.track(frame, face) for frame in renderer.frames([track])]
        assert all(f is not None for f in seen)
        return values(seen)

    return measure


def test_each_amount_at_zero_stops_its_own_movement_and_leaves_the_others(measured: Callable[..., np.ndarray]) -> None:
    full = measured()
    mouth, head, blink = full[SPEAKING, 0] - full[STILL, 0], full[TURNED, 1], full[BLINKING, 2]
    assert mouth > 0.05 and head > 2 and blink > 0.05
    still = measured(head=0)
    assert still[TURNED, 1] < 0.5  # pixels; an open mouth alone moves what the tracker sees of the forehead by 0.7
    assert still[BLINKING, 2] > 0.9 * blink and still[SPEAKING, 0] - still[STILL, 0] > 0.9 * mouth
    silent = measured(mouth=0)
    assert abs(silent[SPEAKING, 0] - silent[STILL, 0]) < 0.1 * mouth
    assert silent[BLINKING, 2] > 0.9 * blink and silent[TURNED, 1] > 0.9 * head
    staring = measured(blink=0)
    assert abs(staring[BLINKING, 2]) < 0.1 * blink
    assert staring[TURNED, 1] > 0.9 * head and staring[SPEAKING, 0] - staring[STILL, 0] > 0.9 * mouth


@pytest.mark.parametrize(
    ("amount", "frame", "column"), [("mouth", SPEAKING, 0), ("head", TURNED, 1), ("blink", BLINKING, 2)]
)
def test_more_of_an_amount_is_more_movement(
    measured: Callable[..., np.ndarray], amount: str, frame: int, column: int
) -> None:
    seen = [measured(**{amount: share}) for share in (0.0, 0.3, 0.6, 1.0)]
    movement = [float(s[frame, column] - s[STILL, column]) for s in seen]
    assert all(b > a for a, b in zip(movement, movement[1:], strict=False)), movement
