"""Assigns the faces of the picture to the cast: by region, mask, rig or from left to right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from studio.cast.clip_claims import claim_people
from studio.cast.clip_people import SceneClip, look_at_clip
from studio.cast.face_choice import choose_faces
from studio.cast.given_places import given_areas, marked_faces, read_area
from studio.cast.places import Box, file_box, place_in_words
from studio.cast.taken_faces import taken_faces
from studio.core.messages import existing_file, is_file, nearest
from studio.core.problems import DocumentError, Problem, as_clause
from studio.scene.schema import PLACELESS, Character, Scene, listed, masks_of

if TYPE_CHECKING:
    from masks.detector import PictureWindow
    from masks.landmarks import FaceLandmarks, Sighting
    from masks.regions import CharacterMask

MIN_INTER_OCULAR = 16.0
"""Fewest pixels between the eyes with which lips can still be seen to move."""
_MOST_PLACES = 6
_SEEN: dict[bytes, tuple[int, Sighting]] = {}


@dataclass(frozen=True)
class TimedArea:
    """Area of a person for a time: float32 (H, W) in [0, 1], from ``start`` to ``end`` in seconds of the scene."""

    start: float
    end: float
    area: np.ndarray


@dataclass(frozen=True)
class AssignedFace:
    """A member of the cast in the picture.

    Attributes:
        character: index into the cast.
        face: its landmarks, pixels of the loaded picture.
        area: float32 (H, W) in [0, 1], where the scene says that this person is; None = to be found.
        drawn: whether the face comes from a rig file.
        timed: where the scene says that this person is for a time, in order.
        person: number in the track of a video, from 0; None in a picture.
    """

    character: int
    face: FaceLandmarks
    area: np.ndarray | None
    drawn: bool
    timed: tuple[TimedArea, ...] = ()
    person: int | None = None


@dataclass(frozen=True)
class FaceAssignment:
    """Who is where in a picture.

    Attributes:
        picture: as it was loaded, uint8 (H, W, 3); the first frame of a video.
        assigned: the cast's faces, in the order of the cast.
        bystanders: faces of nobody.
        full: width and height of the picture as its file has it, which regions count in; None = as loaded.
        clip: the video in place of the picture; faces are then as they are seen first.
    """

    picture: np.ndarray
    assigned: tuple[AssignedFace, ...]
    bystanders: tuple[FaceLandmarks, ...] = ()
    full: tuple[int, int] | None = None
    clip: SceneClip | None = None

    def place_of(self, edges: Sequence[float]) -> tuple[str, Box]:
        """Where a box (left, top, right, bottom) of the loaded picture is, in words and in pixels of the file."""
        rows, columns = self.picture.shape[:2]
        full = self.full or (columns, rows)
        box = file_box(edges, (rows, columns), full)
        return place_in_words(box, full), box

    def resized(self, height: int | None) -> FaceAssignment:
        """The same with the picture reduced to at most ``height`` rows; never enlarged."""
        rows, columns = self.picture.shape[:2]
        if height is None or rows <= height:
            return self
        size = (max(1, round(columns * height / rows)), height)
        scale = np.array([size[0] / columns, height / rows, size[0] / columns], np.float32)
        assigned = tuple(
            replace(
                person,
                face=replace(person.face, points=person.face.points * scale),
                area=None if person.area is None else _smaller(person.area, size),
                timed=tuple(replace(timed, area=_smaller(timed.area, size)) for timed in person.timed),
            )
            for person in self.assigned
        )
        bystanders = tuple(replace(face, points=face.points * scale) for face in self.bystanders)
        clip = None if self.clip is None else self.clip.reduced(height)
        picture = cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA) if clip is None else clip.first
        return FaceAssignment(picture, assigned, bystanders, self.full, clip)


def _smaller(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask (H, W) in [0, 1] reduced to ``size`` (columns, rows); means of many ones may round to more than 1."""
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA).clip(0, 1)


def assignment_key(scene: Scene, folder: Path) -> tuple[str, tuple[tuple[str, int], ...]]:
    """All that :func:`assign_faces` depends on: a scene of nothing else as JSON, and when its files were changed."""
    files = [scene.picture, scene.rig, *(mask for member in scene.cast for mask in masks_of(member))]
    stamps = tuple((name, (folder / name).stat().st_mtime_ns) for name in files if name and is_file(folder / name))
    members = tuple(Character.model_validate(c.model_dump(include={"name", "role", *PLACELESS})) for c in scene.cast)
    return Scene(picture=scene.picture, rig=scene.rig, cast=members, script=()).model_dump_json(), stamps


def assign_faces(scene: Scene, folder: Path) -> tuple[FaceAssignment | None, list[Problem]]:
    """Load the picture and find everybody's face in it.

    Args:
        scene: the scene.
        folder: where its file names start.

    Returns:
        The assignment (None without a usable picture), and what is wrong, at places of the scene.
    """
    from masks.picture import load_picture, picture_size

    path = folder / scene.picture
    if reason := existing_file(path, "the picture"):
        return None, [_of_picture(reason)]
    if scene.is_video:
        return _assign_people(scene, folder)
    try:
        picture = load_picture(path)
        full = picture_size(path)
    except ValueError as error:
        return None, [_of_picture(as_clause(error))]
    areas, problems = given_areas(scene, folder, full, picture.shape[:2])
    try:
        named = marked_faces(scene, folder, full, picture.shape[:2])
    except DocumentError as error:
        return FaceAssignment(picture, (), full=full), [*problems, *error.problems]
    faces = list(named.values())
    unread: tuple[PictureWindow, ...] = ()
    members = [scene.cast[index] for index in scene.on_screen]
    unmarked = [member for member in members if member.rig_face is None and member.name not in named]
    if not named or unmarked:
        sighting = _search(picture, len(unmarked))
        faces += [face for face in sighting.faces if not any(_same_face(face, marked) for marked in named.values())]
        unread = sighting.unread
    failed = {int(problem.where[1]) for problem in problems if problem.where[0] == "cast"}
    seen = FaceAssignment(picture, (), tuple(faces), full)
    assigned, found = _assign(scene, seen, named, areas, failed, unread)
    assigned, unusable = _with_timed_areas(assigned, scene, folder, full, picture.shape[:2])
    problems += unusable
    problems += taken_faces(
        {person.character: person.face for person in assigned},
        {person.character: person.area for person in assigned},
        {person.character: scene.cast[person.character].name for person in assigned},
    )
    bystanders = tuple(face for face in faces if all(face is not person.face for person in assigned))
    return FaceAssignment(picture, tuple(assigned), bystanders, full), [*problems, *found]


def _assign_people(scene: Scene, folder: Path) -> tuple[FaceAssignment | None, list[Problem]]:
    """The same for a video in place of the picture: its people are the faces, each as they are seen first."""
    from masks.landmarks import FaceLandmarks

    try:
        clip = look_at_clip(folder / scene.picture)
    except ValueError as error:
        return None, [_of_picture(f"the video {str(error).rstrip('.')}")]
    owners, problems = claim_people(scene, folder, clip)
    faces = [FaceLandmarks(person.points[0]) for person in clip.track.people]
    assigned = tuple(
        AssignedFace(index, faces[number], None, drawn=False, person=number) for index, number in sorted(owners.items())
    )
    bystanders = tuple(face for number, face in enumerate(faces) if number not in owners.values())
    return FaceAssignment(clip.first, assigned, bystanders, clip.first.shape[1::-1], clip), problems


def _of_picture(what: str, repair: str = "") -> Problem:
    return Problem("picture", what, repair, ("picture",))


def _of_character(scene: Scene, index: int, what: str, repair: str = "") -> Problem:
    return Problem("picture", f"{scene.cast[index].name}: {what}", repair, ("cast", index))


def _search(picture: np.ndarray, wanted: int) -> Sighting:
    """The picture's faces from left to right; those of the last pictures are remembered, for the editor asks often."""
    key = hashlib.blake2b(picture.tobytes()).digest() + str(picture.shape).encode()
    sought, sighting = _SEEN.get(key, (-1, None))
    if sighting is None or len(sighting.faces) < wanted and sought < wanted:
        from masks.landmarks import FaceLandmarker

        if len(_SEEN) >= 8:
            _SEEN.clear()
        sighting = FaceLandmarker().search(picture, max(1, wanted))
        _SEEN[key] = wanted, sighting
    return sighting


def _same_face(found: FaceLandmarks, marked: FaceLandmarks) -> bool:
    """Whether the detector found a face that was marked by hand: their middles are nearer than half an eye distance."""
    apart = np.linalg.norm(found.points[:, :2].mean(0) - marked.points[:, :2].mean(0))
    return bool(apart < 0.5 * max(found.inter_ocular, marked.inter_ocular))


def _with_timed_areas(
    assigned: Sequence[AssignedFace], scene: Scene, folder: Path, full: tuple[int, int], shape: tuple[int, int]
) -> tuple[list[AssignedFace], list[Problem]]:
    """The assigned faces with their places for a time, and what is wrong with those; see :func:`given_areas`."""
    from masks.regions import check_masks

    placed, problems = [], []
    for person in assigned:
        character, timed = scene.cast[person.character], []
        for number, given in enumerate(character.regions):
            where = ("cast", person.character, "regions", number)
            try:
                mask = read_area(character.name, given, folder, full, shape)
                assert mask is not None  # the schema wants one of the two
                for sentence in check_masks([mask], shape):
                    raise ValueError(sentence)
                timed.append(TimedArea(given.start, given.end, mask.mask))
            except ValueError as error:
                problems.append(Problem("picture", as_clause(error), where=where))
        placed.append(replace(person, timed=tuple(timed)))
    return placed, problems


def _assign(
    scene: Scene,
    seen: FaceAssignment,
    named: Mapping[str, FaceLandmarks],
    areas: Mapping[int, CharacterMask],
    failed: set[int],
    unread: Sequence[PictureWindow],
) -> tuple[list[AssignedFace], list[Problem]]:
    """Give each visible character one of the faces seen: those with a place first, the rest from left to right."""
    faces = seen.bystanders
    problems: list[Problem] = []
    owners: dict[int, int] = {}  # index into faces -> index into the cast
    waiting: list[int] = []
    for index in scene.on_screen:
        if index in failed:
            continue
        face = _claimed(scene, index, faces, named, areas.get(index))
        if isinstance(face, Problem):
            problems.append(face)
        elif face is None:
            waiting.append(index)
        elif face in owners:
            what = f"claims the same face as {scene.cast[owners[face]].name}"
            problems.append(_of_character(scene, index, what, "give each a place of its own"))
        else:
            owners[face] = index
    free = sorted((i for i in range(len(faces)) if i not in owners), key=lambda i: float(faces[i].eyes[:, 0].mean()))
    if len(free) < len(waiting):
        problems.append(_too_few(scene, seen, waiting, len(free), bool(named), unread))
        owners.update(zip(free, waiting, strict=False))
    else:
        large = [i for i in free if faces[i].inter_ocular >= MIN_INTER_OCULAR]
        usable = large if len(large) >= len(waiting) else free
        choice = choose_faces(seen.picture, [faces[i] for i in usable], len(waiting), unread)
        if choice.unclear and not failed and not problems:  # else a face is free because its owner's place has a fault
            problems.append(_unclear(scene, seen, waiting, [faces[i] for i in usable], unread))
        owners.update(zip((usable[i] for i in choice.taken), waiting, strict=False))
    assigned = []
    for number, index in sorted(owners.items(), key=lambda item: item[1]):
        chosen = faces[number]
        if chosen.inter_ocular < MIN_INTER_OCULAR:
            size = f"{chosen.inter_ocular:.0f} pixels between the eyes, at least {MIN_INTER_OCULAR:.0f} are needed"
            problems.append(_of_character(scene, index, f"the face is too small ({size})", "use a larger picture"))
        assigned.append(AssignedFace(index, chosen, areas[index].mask if index in areas else None, number < len(named)))
    return assigned, problems


def _claimed(
    scene: Scene,
    index: int,
    faces: Sequence[FaceLandmarks],
    named: Mapping[str, FaceLandmarks],
    area: CharacterMask | None,
) -> int | Problem | None:
    """Which of the faces a character's place means; None where it gives none."""
    from masks.regions import face_of

    character = scene.cast[index]
    if character.rig_face is not None and character.rig_face not in named:
        repair = nearest(character.rig_face, named) if named else "name a rig file with the key rig"
        return _of_character(scene, index, f"there is no rig face {character.rig_face!r}", repair)
    if (wanted := character.rig_face or character.name) in named:
        return list(named).index(wanted)
    if area is None:
        return None
    best = face_of(area, faces)
    if best is None:
        what = f"no face is found inside the {'mask' if character.mask else 'region'}"
        return _of_character(scene, index, what, "move it, or name the face in a rig file")
    return next(i for i, face in enumerate(faces) if face is best)


def _too_few(
    scene: Scene,
    seen: FaceAssignment,
    waiting: Sequence[int],
    n_free: int,
    rig: bool,
    unread: Sequence[PictureWindow],
) -> Problem:
    place = f"the rig file {scene.rig!r}" if rig else f"the picture {scene.picture!r}"
    left_out = ", ".join(scene.cast[index].name for index in waiting[n_free:])
    n_faces = len(seen.bystanders)
    found = {0: "no face is found", 1: "only 1 face is found"}.get(n_faces, f"only {n_faces} faces are found")
    remedy = "add them to the rig file" if rig else "mark their eyes and mouth (eyes_and_mouth)"
    what = f"{found} in {place}, none is left for {left_out}"
    if unread:
        what += f"; a head seen from the side or covered is {listed(_places(seen, unread))}"
    return _of_picture(what, f"{remedy}, or make them narrators (role: narrator)")


def _unclear(
    scene: Scene,
    seen: FaceAssignment,
    waiting: Sequence[int],
    faces: Sequence[FaceLandmarks],
    unread: Sequence[PictureWindow],
) -> Problem:
    """It cannot be told which faces are meant."""
    names = listed([scene.cast[index].name for index in waiting])
    places = [seen.place_of(face.box)[0] for face in faces[:_MOST_PLACES]] + _places(seen, unread)
    more = f" and {len(faces) - _MOST_PLACES} more" if len(faces) > _MOST_PLACES else ""
    which = f"which of {len(faces) + len(unread)} faces {'is' if len(waiting) == 1 else 'are'} {names}"
    repair = f"give {names} a region or a mask{' each' if len(waiting) > 1 else ''}"
    return Problem("picture", f"it is not clear {which}: {listed(places)}{more}", repair, ("cast",))


def _places(seen: FaceAssignment, windows: Sequence[PictureWindow]) -> list[str]:
    reach = [(w.x - w.side / 2, w.y - w.side / 2, w.x + w.side / 2, w.y + w.side / 2) for w in windows[:_MOST_PLACES]]
    return [seen.place_of(edges)[0] for edges in reach]
