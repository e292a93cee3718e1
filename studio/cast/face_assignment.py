"""Which face of the picture is which member of the cast: by region, mask, rig or from left to right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from studio.scene.document import existing_file, nearest
from studio.scene.schema import Character, Scene

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks
    from masks.regions import CharacterMask

MIN_INTER_OCULAR = 16.0
"""Fewest pixels between the eyes with which lips can still be seen to move."""
_DETECTED: dict[bytes, tuple[FaceLandmarks, ...]] = {}


@dataclass(frozen=True)
class AssignedFace:
    """A member of the cast in the picture.

    Attributes:
        character: index into the cast.
        face: its landmarks, pixels of the loaded picture.
        area: float32 (H, W) in [0, 1], where the scene says that this person is; None = to be found.
        drawn: whether the face comes from a rig file.
    """

    character: int
    face: FaceLandmarks
    area: np.ndarray | None
    drawn: bool


@dataclass(frozen=True)
class FaceAssignment:
    """The loaded picture, uint8 (H, W, 3), who sits where in it, in the order of the cast, and faces of nobody."""

    picture: np.ndarray
    seats: tuple[AssignedFace, ...]
    bystanders: tuple[FaceLandmarks, ...] = ()

    def resized(self, height: int | None) -> FaceAssignment:
        """The same with the picture reduced to at most ``height`` rows; never enlarged."""
        rows, columns = self.picture.shape[:2]
        if height is None or rows <= height:
            return self
        size = (max(1, round(columns * height / rows)), height)
        scale = np.array([size[0] / columns, height / rows, size[0] / columns], np.float32)
        seats = tuple(
            replace(
                seat,
                face=replace(seat.face, points=seat.face.points * scale),
                area=None if seat.area is None else cv2.resize(seat.area, size, interpolation=cv2.INTER_AREA),
            )
            for seat in self.seats
        )
        bystanders = tuple(replace(face, points=face.points * scale) for face in self.bystanders)
        return FaceAssignment(cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA), seats, bystanders)


def assignment_key(scene: Scene, folder: Path) -> tuple[str, tuple[tuple[str, int], ...]]:
    """All that :func:`assign_faces` depends on: a scene of nothing else as JSON, and when its files were changed."""
    files = [scene.picture, scene.rig, *(member.mask for member in scene.cast)]
    stamps = tuple((name, (folder / name).stat().st_mtime_ns) for name in files if name and (folder / name).is_file())
    members = tuple(
        Character(name=c.name, role=c.role, region=c.region, mask=c.mask, rig_face=c.rig_face) for c in scene.cast
    )
    return Scene(picture=scene.picture, rig=scene.rig, cast=members, script=()).model_dump_json(), stamps


def assign_faces(scene: Scene, folder: Path) -> tuple[FaceAssignment | None, dict[int | None, list[str]]]:
    """Load the picture and find everybody's face in it.

    Args:
        scene: the scene.
        folder: where its file names start.

    Returns:
        The casting (None without a usable picture), and what is wrong: sentences by index into the cast, those about
        the picture as a whole under None.
    """
    from masks.picture import load_picture, picture_size

    path = folder / scene.picture
    if reason := existing_file(path, "The picture"):
        return None, {None: [reason]}
    try:
        picture = load_picture(path)
        full = picture_size(path)
    except ValueError as error:
        return None, {None: [_relative(error, folder)]}
    masks, problems = _areas(scene, folder, full, picture.shape[:2])
    areas = {index: mask for mask in masks if (index := scene.find(mask.name)) is not None}
    try:
        named = _rig_faces(scene, folder, picture.shape[:2])
    except ValueError as error:
        problems.setdefault(None, []).append(str(error))
        return FaceAssignment(picture, ()), problems
    faces = list(named.values())
    members = [scene.cast[index] for index in scene.on_screen]
    if not named or any(member.rig_face is None and member.name not in named for member in members):
        faces += [face for face in _detect(picture) if not any(_same_face(face, marked) for marked in named.values())]
    failed = set(problems) - {None}
    seats, found = _assign(scene, faces, named, areas, failed)
    for index, sentences in found.items():
        problems.setdefault(index, []).extend(sentences)
    bystanders = tuple(face for face in faces if all(face is not seat.face for seat in seats))
    return FaceAssignment(picture, tuple(seats), bystanders), problems


def _detect(picture: np.ndarray) -> tuple[FaceLandmarks, ...]:
    """The picture's faces from left to right; those of the last pictures are remembered, for the editor asks often."""
    key = hashlib.blake2b(picture.tobytes()).digest() + str(picture.shape).encode()
    if key not in _DETECTED:
        from masks.landmarks import FaceLandmarker

        if len(_DETECTED) >= 8:
            _DETECTED.clear()
        _DETECTED[key] = tuple(FaceLandmarker().detect(picture))
    return _DETECTED[key]


def _same_face(found: FaceLandmarks, marked: FaceLandmarks) -> bool:
    """Whether the detector found a face that was marked by hand: their middles are nearer than half an eye distance."""
    apart = np.linalg.norm(found.points[:, :2].mean(0) - marked.points[:, :2].mean(0))
    return bool(apart < 0.5 * max(found.inter_ocular, marked.inter_ocular))


def _rig_faces(scene: Scene, folder: Path, size: tuple[int, int]) -> dict[str, FaceLandmarks]:
    """The rig file's faces by name, from left to right, in a picture of ``size`` (H, W); empty without a rig file.

    Raises:
        ValueError: the file is missing or not a rig.
    """
    if scene.rig is None:
        return {}
    from masks.rig_file import load_rig

    path = folder / scene.rig
    if reason := existing_file(path, "The rig file"):
        raise ValueError(reason)
    try:
        faces = {marked.name: marked.landmarks() for marked in load_rig(path, size)}
    except ValueError as error:
        raise ValueError(_relative(error, folder)) from None
    return dict(sorted(faces.items(), key=lambda item: float(item[1].points[:, 0].mean())))


def _areas(
    scene: Scene, folder: Path, full: tuple[int, int], shape: tuple[int, int]
) -> tuple[list[CharacterMask], dict[int | None, list[str]]]:
    """The regions and masks that the scene gives, on the loaded picture of ``shape`` (H, W), and what is wrong.

    Args:
        full: width and height of the picture as its file has it, which regions count in.
    """
    from masks.regions import check_masks, load_mask, outline_mask

    masks: list[CharacterMask] = []
    problems: dict[int | None, list[str]] = {}
    scale = np.array([shape[1] / full[0], shape[0] / full[1]])
    for index in scene.on_screen:
        character = scene.cast[index]
        try:
            if character.mask is not None:
                if reason := existing_file(folder / character.mask, f"{character.name}'s mask"):
                    raise ValueError(reason)
                masks.append(load_mask(character.name, folder / character.mask, shape))
            elif character.region != "auto":
                masks.append(outline_mask(character.name, np.array(character.region) * scale, shape))
        except ValueError as error:
            problems.setdefault(index, []).append(_relative(error, folder))
    if found := check_masks(masks, shape):
        problems[None] = found
        unusable = {mask.name for mask in masks if check_masks([mask], shape)}
        masks = [mask for mask in masks if mask.name not in unusable]
        problems.update({scene.find(name): [] for name in unusable})
    return masks, problems


def _relative(error: ValueError, folder: Path) -> str:
    """The error's sentence with file names as the scene writes them."""
    return str(error).replace(f"{folder}/", "").replace(f"{folder}\\", "")


def _assign(
    scene: Scene,
    faces: Sequence[FaceLandmarks],
    named: Mapping[str, FaceLandmarks],
    areas: Mapping[int, CharacterMask],
    failed: set[int],
) -> tuple[list[AssignedFace], dict[int | None, list[str]]]:
    """Give each visible character a face: those with a place first, the rest from left to right."""
    from masks.regions import face_of

    problems: dict[int | None, list[str]] = {}
    taken: dict[int, int] = {}  # index into faces -> index into the cast
    chosen: dict[int, int] = {}
    waiting: list[int] = []
    names = list(named)
    for index in scene.on_screen:
        character = scene.cast[index]
        if index in failed:
            continue
        wanted = character.rig_face or (character.name if character.name in named else None)
        if character.rig_face is not None and character.rig_face not in named:
            hint = nearest(character.rig_face, named) if named else "name a rig file with the key rig."
            problems[index] = [f"there is no rig face {character.rig_face!r}; {hint}"]
        elif wanted is not None:
            _take(names.index(wanted), index, scene, taken, chosen, problems)
        elif index in areas:
            best = face_of(areas[index], faces)
            if best is None:
                what = "mask" if character.mask else "region"
                problems[index] = [f"no face is found inside the {what}; move it, or name the face in a rig file."]
            else:
                number = next(i for i, face in enumerate(faces) if face is best)
                _take(number, index, scene, taken, chosen, problems)
        else:
            waiting.append(index)
    free = sorted((i for i in range(len(faces)) if i not in taken), key=lambda i: float(faces[i].eyes[:, 0].mean()))
    if len(free) < len(waiting):
        problems.setdefault(None, []).append(_too_few(scene, len(faces), waiting, len(free), bool(named)))
    chosen.update(zip(waiting, free, strict=False))
    seats = []
    for index in sorted(chosen):
        face = faces[chosen[index]]
        if face.inter_ocular < MIN_INTER_OCULAR:
            problems.setdefault(index, []).append(
                f"the face is too small ({face.inter_ocular:.0f} pixels between the eyes, at least"
                f" {MIN_INTER_OCULAR:.0f} are needed); use a larger picture."
            )
        seats.append(
            AssignedFace(index, face, areas[index].mask if index in areas else None, chosen[index] < len(names))
        )
    return seats, problems


def _take(
    face: int,
    index: int,
    scene: Scene,
    taken: dict[int, int],
    chosen: dict[int, int],
    problems: dict[int | None, list[str]],
) -> None:
    if face in taken:
        problems[index] = [f"claims the same face as {scene.cast[taken[face]].name}; give each a place of its own."]
    else:
        taken[face], chosen[index] = index, face


def _too_few(scene: Scene, n_faces: int, waiting: Sequence[int], n_free: int, rig: bool) -> str:
    place = f"the rig file {scene.rig!r}" if rig else f"the picture {scene.picture!r}"
    left_out = ", ".join(scene.cast[index].name for index in waiting[n_free:])
    found = {0: "No face is found", 1: "Only 1 face is found"}.get(n_faces, f"Only {n_faces} faces are found")
    remedy = "add them to the rig file" if rig else "name their faces in a rig file"
    return f"{found} in {place}, none is left for {left_out}; {remedy}, or make them narrators (role: narrator)."
