"""View model of the Cast page: detected faces, their owners, regions and problems."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageOps

from generation.video.frames import video_frames
from generation.video.probe import probe_video
from studio.cast.face_assignment import FaceAssignment, assign_faces, assignment_key
from studio.cast.given_places import read_area
from studio.core.jpeg import jpeg_bytes
from studio.core.problems import Problem
from studio.core.storage import inside
from studio.scene.document import load_scene
from studio.scene.schema import VIDEOS, Scene

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks

WANTED = (
    ("right_eye_outer", "the outer corner of the eye on the left side of the picture"),
    ("right_eye_inner", "the inner corner of the same eye"),
    ("left_eye_inner", "the inner corner of the other eye"),
    ("left_eye_outer", "the outer corner of that eye"),
    ("nose_tip", "the tip of the nose"),
    ("mouth_right", "the corner of the mouth on the left side of the picture"),
    ("mouth_left", "the other corner of the mouth"),
    ("upper_lip", "the middle of the upper lip's upper edge"),
    ("lower_lip", "the middle of the lower lip's lower edge"),
    ("chin", "the lowest point of the chin"),
)
"""Points that are marked by hand, each as the reader would call it."""
FIRST = (
    ("right_eye", "the middle of the eye on the left side of the picture"),
    ("left_eye", "the middle of the other eye"),
    ("mouth", "the middle of the mouth"),
)
"""The three that are asked for first; those of :data:`WANTED` are placed from them and can be dragged."""
THUMBNAIL = (400, 225)
"""Width and height of a project's picture on the start page, in pixels."""
SHOWN_SIDE = 1600
"""Longest side of the picture that the browser is sent, in pixels."""
CORNER = 0.0015
"""How far a drawn outline may lie from the mask's, as a share of the picture's width."""


@dataclass(frozen=True)
class View:
    """View model of the picture on the Cast page.

    Attributes:
        assignment: who sits where; None without a usable picture.
        faces: all faces, from left to right.
        owners: index into the cast for each face, None for those of nobody.
        areas: float32 (H, W) in [0, 1] by index into the cast: which pixels are whose.
        problems: what is wrong with the picture and everybody's place in it.
        warnings: what is worth a look about the faces.
    """

    assignment: FaceAssignment | None
    faces: tuple[FaceLandmarks, ...] = ()
    owners: tuple[int | None, ...] = ()
    areas: Mapping[int, np.ndarray] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the loaded picture in pixels, which all points count in."""
        return self.assignment.picture.shape[:2] if self.assignment else (0, 0)


def look(scene: Scene, folder: Path) -> View:
    """Find everybody in the picture; remembered until the picture or somebody's place changes."""
    return _look(assignment_key(scene, folder), folder)


@lru_cache(maxsize=32)
def thumbnail(scene_path: Path, changed: float) -> bytes | None:
    """A small picture of a project as a JPEG; None while it has none that can be read.

    Args:
        scene_path: its scene file.
        changed: when that was changed last, so that it is made anew then.
    """
    try:
        path = inside(scene_path.parent, load_scene(scene_path).picture)
        with Image.open(path) as picture:
            small = picture.convert("RGB")
        return jpeg_bytes(ImageOps.fit(ImageOps.exif_transpose(small), THUMBNAIL))
    except (ValueError, OSError):
        return None


@lru_cache(maxsize=4)
def _look(key: tuple[str, tuple[object, ...]], folder: Path) -> View:
    from masks.person_segmentation import segment_person
    from studio.cast.picture_warnings import picture_warnings

    scene = Scene.model_validate_json(key[0])
    if not scene.picture:
        return View(None)
    assignment, problems = assign_faces(scene, folder)
    if assignment is None:
        return View(None, problems=tuple(problems))
    if assignment.clip is not None:  # whose faces are shown beside its frames, see clip_view
        return View(assignment, problems=tuple(problems), warnings=tuple(picture_warnings(scene, assignment)))
    by_face = {id(person.face): person.character for person in assignment.assigned}
    faces = [*(person.face for person in assignment.assigned), *assignment.bystanders]
    faces.sort(key=lambda face: float(face.eyes[:, 0].mean()))
    areas = {}
    for person in assignment.assigned:
        others = [face for face in faces if face is not person.face]
        area = person.area if person.area is not None else segment_person(assignment.picture, person.face, None, others)
        areas[person.character] = area
    missing = set(scene.on_screen) - set(areas) if problems else set()
    areas.update(_given_areas(scene, folder, assignment, missing))
    owners = tuple(by_face.get(id(face)) for face in faces)
    warnings = tuple(picture_warnings(scene, assignment))
    return View(assignment, tuple(faces), owners, areas, tuple(problems), warnings)


def _given_areas(scene: Scene, folder: Path, assignment: FaceAssignment, missing: set[int]) -> dict[int, np.ndarray]:
    """Masks and regions in which no face was found: they are shown and can be corrected all the same."""
    areas = {}
    rows, columns = assignment.picture.shape[:2]
    for index in missing:
        member = scene.cast[index]
        with suppress(ValueError):  # the assignment has said what is wrong with it
            area = read_area(member.name, member, folder, assignment.full or (columns, rows), (rows, columns))
            if area is not None:
                areas[index] = area.mask
    return areas


def shown_picture(path: Path) -> bytes:
    """The picture, or a video's first frame, as a JPEG that any browser shows: upright, sRGB, at most 1600 pixels wide.

    Raises:
        ValueError: it cannot be read.
    """
    return _shown(path, path.stat().st_mtime_ns) if path.is_file() else b""


@lru_cache(maxsize=4)
def _shown(path: Path, stamp: int) -> bytes:
    from masks.picture import load_picture

    video = path.suffix.lower() in VIDEOS
    picture = Image.fromarray(next(video_frames(path, probe_video(path), 0, 1)) if video else load_picture(path))
    picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    return jpeg_bytes(picture)


def outlines(area: np.ndarray) -> list[list[list[float]]]:
    """Closed outlines of an (H, W) mask as (x, y) points in pixels, holes as outlines of their own."""
    solid = np.pad((area >= 0.5).astype(np.uint8), 1)
    found, _ = cv2.findContours(solid, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    smooth = [cv2.approxPolyDP(c, CORNER * area.shape[1], True)[:, 0, :] - 0.5 for c in found if len(c) > 8]
    return [np.round(outline, 1).tolist() for outline in smooth if len(outline) > 2]


def box_of(area: np.ndarray) -> tuple[int, int, int, int]:
    """Smallest box (left, top, right, bottom) in pixels around an (H, W) mask; zeros around an empty one."""
    rows, columns = (np.flatnonzero((area >= 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def face_outline(face: FaceLandmarks) -> list[list[float]]:
    """Outline of a head, to be shown and clicked at, as (x, y) points in pixels."""
    from masks.regions import head_outline

    return np.round(head_outline(face, 0.25), 1).tolist()


def marked_points(scene: Scene, folder: Path, size: tuple[int, int], chosen: int) -> dict[str, list[float]]:
    """A character's marked points in pixels of a picture of ``size`` (height, width); empty without any."""
    member = scene.cast[chosen]
    if member.eyes_and_mouth is not None:
        return _shown_points(_three_points(scene, folder, size, chosen), size)
    if scene.rig is None or not (folder / scene.rig).is_file():
        return {}
    found = _rig_points(folder / scene.rig, (folder / scene.rig).stat().st_mtime_ns, size)
    return _shown_points(found.get(member.rig_face or member.name, {}), size)


def _shown_points(points: Mapping[str, tuple[float, float]], size: tuple[int, int]) -> dict[str, list[float]]:
    """Points with those that follow from eyes and mouth, inside a picture of ``size`` (height, width)."""
    from masks.rig_file import completed

    inside = {key: np.clip(place, 0, size[::-1]) for key, place in completed(points).items()}
    return {key: [round(float(x), 1), round(float(y), 1)] for key, (x, y) in inside.items()}


def _three_points(scene: Scene, folder: Path, size: tuple[int, int], chosen: int) -> dict[str, tuple[float, float]]:
    """A character's eyes and mouth in the scene, in pixels of a picture of ``size`` (height, width)."""
    from masks.picture import picture_size
    from masks.rig_file import EYES_AND_MOUTH, fit_points

    marked = scene.cast[chosen].eyes_and_mouth or ()
    try:
        across, down = np.array(size[::-1]) / picture_size(folder / scene.picture)
        points = {key: (x * across, y * down) for key, (x, y) in zip(EYES_AND_MOUTH, marked, strict=True)}
        fit_points(points)
    except ValueError:
        return {}  # the assignment has said what is wrong
    return points


@lru_cache(maxsize=4)
def _rig_points(path: Path, changed: int, size: tuple[int, int]) -> Mapping[str, Mapping[str, tuple[float, float]]]:
    """Everybody's points in a rig file; remembered, for reading one takes 50 ms."""
    from masks.rig_file import load_rig

    try:
        return {face.name: face.points for face in load_rig(path, size)}
    except ValueError:
        return {}


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a colour ``#rrggbb`` (relative luminance as in WCAG 2)."""
    linear = [((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in bytes.fromhex(colour[1:])]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#15181a" if luminance > 0.26 else "#ffffff"
