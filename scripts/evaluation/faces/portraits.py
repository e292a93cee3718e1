"""Six portraits on which expressions and turns are judged: two photographs, three drawings, a frame of a video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from generation.core.assets import asset
from generation.core.motion import MotionTrack
from generation.rendering.face import RenderFace
from generation.rendering.renderer import SceneRenderer
from generation.video.frames import video_frames
from generation.video.probe import probe_video
from masks.landmarks import FaceLandmarker, FaceLandmarks
from masks.person_segmentation import segment_person
from masks.picture import load_picture
from masks.regions import motion_region
from masks.rig_file import load_rig
from scripts.compose_portraits import DIVIDER, SIDE, compose
from studio.cast.geometry import ALLOWED_MOTION

_DRAWN = ("Nora", "Theo", "June")
_CLIP = "lwbsza.mpg"
_LONG_SIDE = 512


@dataclass(frozen=True)
class JudgedPortrait:
    """A picture of one face.

    Attributes:
        name: of the portrait.
        picture: uint8 (H, W, 3) RGB.
        face: what to move, and where.
    """

    name: str
    picture: np.ndarray
    face: RenderFace

    @cached_property
    def _renderer(self) -> SceneRenderer:
        return SceneRenderer(self.picture, [self.face])

    def frames(self, motion: np.ndarray) -> Iterator[np.ndarray]:
        """The portrait moved by (T, 57) motion, a frame at a time."""
        return self._renderer.frames([MotionTrack(motion.astype(np.float32))])


def portraits(shared: Path) -> list[JudgedPortrait]:
    """The portraits; that of the video only where the folder of shared material has it."""
    both = compose()
    landmarker = FaceLandmarker()
    pictures = {"astronaut": both[:, :SIDE], "hopper": both[:, SIDE + DIVIDER :]}
    clip = shared / "video" / _CLIP
    if clip.is_file():
        pictures["speaker"] = next(iter(video_frames(clip, probe_video(clip))))
    found = []
    for name, picture in pictures.items():
        picture = np.ascontiguousarray(picture)
        if max(picture.shape[:2]) < _LONG_SIDE:
            scale = _LONG_SIDE / max(picture.shape[:2])
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        (face,) = landmarker.detect(picture)
        found.append(_portrait(name, picture, face, segment_person(picture, face), drawn=False))
    return found + _drawings()


def _drawings() -> list[JudgedPortrait]:
    folder = asset("scenes/cafe")
    picture = load_picture(folder / "picture.png")
    rig = {face.name: face.landmarks() for face in load_rig(folder / "rig.yaml", (picture.shape[0], picture.shape[1]))}
    masks = {n: np.float32(cv2.imread(str(folder / f"{n.lower()}.png"), cv2.IMREAD_GRAYSCALE)) / 255 for n in _DRAWN}
    found = []
    for name in _DRAWN:
        others = [masks[other] for other in _DRAWN if other != name]
        found.append(_portrait(name.lower(), picture, rig[name], masks[name], drawn=True, others=others))
    return found


def _portrait(
    name: str,
    picture: np.ndarray,
    face: FaceLandmarks,
    mask: np.ndarray,
    drawn: bool,
    others: list[np.ndarray] | None = None,
) -> JudgedPortrait:
    region = motion_region(face, mask, others or [], ALLOWED_MOTION)
    return JudgedPortrait(name, picture, RenderFace(face, region, drawn, mask))
