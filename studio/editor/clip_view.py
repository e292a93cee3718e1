"""View model of a video on the Cast page: a strip of its frames, and the people in it with their owners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from generation.video.frames import video_frames
from studio.cast.clip_claims import person_in_words
from studio.cast.clip_people import SceneClip, look_at_clip
from studio.core.jpeg import jpeg_bytes
from studio.core.problems import Problem
from studio.editor.picture_view import look
from studio.scene.schema import Scene

STRIP = 6
"""Frames of the strip."""
STRIP_ROWS = 200
FACE_SIDE = 160
"""Pixels of a person's picture."""


@dataclass(frozen=True)
class PersonInView:
    """Somebody found in a video.

    Attributes:
        number: from 1, as a scene names them.
        words: number, and when and where they are seen first.
        picture: JPEG of their face.
        owner: index into the cast; None = nobody's.
    """

    number: int
    words: str
    picture: bytes
    owner: int | None


@dataclass(frozen=True)
class ClipView:
    """What the page shows of a video.

    Attributes:
        strip: JPEG of frames beside each other, in which people have their numbers.
        people: in the order in which they come.
        problems: what is wrong with the video and everybody's place in it.
        warnings: what is worth a look.
    """

    strip: bytes
    people: tuple[PersonInView, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def look_at_people(scene: Scene, folder: Path, on_frame: Callable[[int, int], None]) -> ClipView:
    """The video of a scene and everybody in it; remembered until it changes.

    Args:
        scene: its picture is a video.
        folder: where its file names start.
        on_frame: told how far it is where people are looked for.
    """
    path = folder / scene.picture
    try:
        clip = look_at_clip(path, on_frame)
    except ValueError:
        return ClipView(b"", (), look(scene, folder).problems, ())
    view = look(scene, folder)
    assert view.assignment is not None  # the video was read
    owners = {person.person: person.character for person in view.assignment.assigned}
    strip, faces = _pictures(path, clip.digest)
    people = [
        PersonInView(number + 1, person_in_words(clip, number), face, owners.get(number))
        for number, face in enumerate(faces)
    ]
    return ClipView(strip, tuple(people), view.problems, view.warnings)


@lru_cache(maxsize=4)
def _pictures(path: Path, digest: str) -> tuple[bytes, tuple[bytes, ...]]:
    """The strip, and everybody's face in the middle of the time in which they are seen."""
    clip = look_at_clip(path)
    people = clip.track.people
    shown = [int((k + 0.5) * clip.track.n_frames / STRIP) for k in range(STRIP)]
    middles = {number: int(person.frames[len(person.frames) // 2]) for number, person in enumerate(people)}
    wanted = {*shown, *middles.values()}
    frames = {n: f for n, f in enumerate(video_frames(path, clip.facts, 0, max(wanted) + 1)) if n in wanted}
    strip = np.hstack([_numbered(clip, number, frames[number]) for number in shown if number in frames])
    return jpeg_bytes(strip), tuple(jpeg_bytes(_face(clip, number, frames)) for number in middles)


def _numbered(clip: SceneClip, number: int, frame: np.ndarray) -> np.ndarray:
    """A frame of the strip: each face with a box and its person's number."""
    scale = STRIP_ROWS / frame.shape[0]
    small = cv2.resize(frame, (max(1, round(frame.shape[1] * scale)), STRIP_ROWS), interpolation=cv2.INTER_AREA)
    for who, person in enumerate(clip.track.people, 1):
        points = person.at(number)
        if points is not None:
            low, high = (edge * scale for edge in (points[:468, :2].min(0), points[:468, :2].max(0)))
            x0, y0, x1, y1 = (int(value) for value in (*low, *high))
            cv2.rectangle(small, (x0, y0), (x1, y1), (255, 255, 255), 2)
            cv2.putText(small, str(who), (x0, max(14, y0 - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 4)
            cv2.putText(small, str(who), (x0, max(14, y0 - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    return small


def _face(clip: SceneClip, number: int, frames: Mapping[int, np.ndarray]) -> np.ndarray:
    """Somebody's face (FACE_SIDE, FACE_SIDE, 3)."""
    person = clip.track.people[number]
    place = len(person.frames) // 2
    points, frame = person.points[place][:468, :2], frames[int(person.frames[place])]
    middle, side = 0.5 * (points.min(0) + points.max(0)), 1.5 * float((points.max(0) - points.min(0)).max())
    scale = FACE_SIDE / side
    shift = 0.5 * FACE_SIDE - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(frame, matrix, (FACE_SIDE, FACE_SIDE), borderMode=cv2.BORDER_REPLICATE)
