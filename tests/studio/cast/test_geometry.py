"""What of a picture may change: never an object before a mouth."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from generation.core.motion import INDEX, MotionTrack
from masks.landmarks import FaceLandmarker
from masks.regions import fill
from masks.topology import LIPS_OUTER
from scripts.drawing import props
from scripts.drawing.canvas import rgb
from studio.cast.face_assignment import AssignedFace, FaceAssignment
from studio.cast.geometry import build_geometry
from studio.production.scene_drawing import make_renderer
from studio.scene.schema import Scene


@pytest.mark.parametrize("kind", ["fingers", "microphone"])
def test_an_object_before_the_mouth_stays_and_nothing_is_painted_on_it(kind: str) -> None:
    photograph = np.ascontiguousarray(skimage.data.astronaut()[:280, 60:390])
    (face,) = FaceLandmarker().detect(photograph)
    canvas = props.on_photograph(photograph)
    if kind == "fingers":
        props.draw_fingers(canvas, props.frame_of(face), rgb("#e2b49c"))
    else:
        props.draw_microphone(canvas, props.frame_of(face))
    picture, covered = props.finished(canvas), canvas.take_figure() > 0.9
    member = {"name": "Ada", "voice": "x"}
    scene = Scene.model_validate({"picture": "", "cast": [member], "script": [{"who": "Ada", "text": "Hello."}]})
    assignment = FaceAssignment(picture, (AssignedFace(0, face, None, False),))
    geometry = build_geometry(scene, assignment)
    values = np.zeros((2, len(INDEX)), np.float32)
    values[:, INDEX["jawOpen"]] = 0.5
    values[1, INDEX["headTranslationX"]] = 0.1
    on_mouth = covered & (fill(face.points[list(LIPS_OUTER), :2], picture.shape) > 0.5)
    assert on_mouth.sum() > 200
    for frame in make_renderer(assignment, geometry).frames([MotionTrack(values)]):
        changed = np.abs(frame.astype(int) - picture).max(-1) > 0
        assert (changed & on_mouth).sum() < 0.02 * on_mouth.sum()
    assert changed.any()  # the rest of the head moves
    assert geometry.rooms[0] > 0.1
