"""Which people of a video the cast are: by number, by a region or mask where they are seen first, or the main ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from generation.core.clock import seconds_from_frames
from studio.cast.clip_people import SceneClip
from studio.cast.given_places import read_area
from studio.core.problems import Problem, as_clause
from studio.scene.schema import Scene, listed

if TYPE_CHECKING:
    from masks.landmarks import FaceLandmarks
    from masks.regions import CharacterMask
    from masks.tracking.people import TrackedPerson

MIN_INTER_OCULAR = 16.0
"""Fewest pixels between the eyes, as somebody is mostly seen, with which lips can still be seen to move."""
CLEARLY_MORE = 2.0
"""How much more of the cast must be seen than of people left over, in frames times size, to be meant."""
_MOST_PEOPLE = 6
_SAMPLES = 40
"""Frames of a person that are looked at."""


def claim_people(scene: Scene, folder: Path, clip: SceneClip) -> tuple[dict[int, int], list[Problem]]:
    """The person of a video that each visible member of the cast is.

    Args:
        scene: the scene.
        folder: where its file names start.
        clip: its video.

    Returns:
        Number of the person in the track, from 0, by index into the cast; and what is wrong, at places of the scene.
    """
    people = clip.track.people
    problems = _unusable_keys(scene)
    owners: dict[int, int] = {}
    waiting: list[int] = []
    for index in scene.on_screen:
        claimed = _claimed(scene, folder, clip, index)
        taken_by = next((other for other, number in owners.items() if number == claimed), None)
        if isinstance(claimed, Problem):
            problems.append(claimed)
        elif claimed is None:
            waiting.append(index)
        elif taken_by is not None:
            what = f"claims the same person of the video as {scene.cast[taken_by].name}"
            problems.append(_of_character(scene, index, what, "give each a place of its own"))
        else:
            owners[index] = claimed
    free = [number for number in range(len(people)) if number not in owners.values()]
    if len(free) < len(waiting):
        problems.append(_too_few(scene, clip, waiting, len(free)))
    elif not problems:  # else somebody is free because their owner's place has a fault
        chosen = _main_ones(people, free, len(waiting))
        if chosen is None:
            problems.append(_unclear(scene, clip, waiting, free))
        else:
            owners.update(zip(waiting, chosen, strict=True))
    for index, number in owners.items():
        if (size := _usual_size(people[number])) < MIN_INTER_OCULAR:
            least = f"at least {MIN_INTER_OCULAR:.0f} are needed"
            what = f"the face is too small ({size:.0f} pixels between the eyes, {least})"
            problems.append(_of_character(scene, index, what, "use a larger video"))
    return owners, problems


def clip_warnings(scene: Scene, clip: SceneClip, owners: Mapping[int, int]) -> list[Problem]:
    """What is worth a look about the people of a video: seen from the side, or nobody's where the scene chose none."""
    people, warnings = clip.track.people, []
    for index, number in owners.items():
        if np.mean([face.from_the_side for face in _some_faces(people[number])]) > 0.5:
            what = "is mostly seen from the side, where lips can hardly be seen to move"
            warnings.append(_of_character(scene, index, what, "use a video in which the face is seen"))
    left = [number for number in range(len(people)) if number not in owners.values()]
    placed = all(_has_place(scene, index) for index in owners)
    if left and owners and not placed:
        one = len(left) == 1
        what = f"{'1 person is' if one else f'{len(left)} people are'} nobody's and {'keeps' if one else 'keep'} their"
        names = listed([scene.cast[index].name for index in owners])
        what += f" own mouth: {_described(clip, left)}"
        repair = f"if {'it' if one else 'one of them'} is meant, give {names} a person (person: {left[0] + 1})"
        warnings.append(Problem("picture", what, repair, ("picture",)))
    return warnings


def person_in_words(clip: SceneClip, number: int) -> str:
    """``person 2 (from 3.4 s, on the left)``."""
    person = clip.track.people[number]
    middle = float(person.points[0][:, 0].mean()) / clip.facts.width
    side = "on the left" if middle < 0.4 else "on the right" if middle > 0.6 else "in the middle"
    return f"person {number + 1} (from {seconds_from_frames(int(person.frames[0])):.1f} s, {side})"


def _described(clip: SceneClip, numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - _MOST_PEOPLE} more" if len(numbers) > _MOST_PEOPLE else ""
    return listed([person_in_words(clip, number) for number in numbers[:_MOST_PEOPLE]]) + more


def _of_character(scene: Scene, index: int, what: str, repair: str) -> Problem:
    return Problem("picture", f"{scene.cast[index].name}: {what}", repair, ("cast", index))


def _has_place(scene: Scene, index: int) -> bool:
    member = scene.cast[index]
    return member.person is not None or member.mask is not None or member.region != "auto"


def _unusable_keys(scene: Scene) -> list[Problem]:
    """Places that only a still picture has."""
    repair = "say who it is by person, region or mask"
    problems = []
    if scene.rig is not None:
        problems.append(Problem("picture", "a video has no rig: its faces are found", "remove rig", ("rig",)))
    for index in scene.on_screen:
        member = scene.cast[index]
        for key in ("rig_face", "eyes_and_mouth", "regions"):
            if getattr(member, key):
                what = f"{member.name}: the key {key} is of no use in a video, in which faces are found and followed"
                problems.append(Problem("picture", what, repair, ("cast", index, key)))
    return problems


def _claimed(scene: Scene, folder: Path, clip: SceneClip, index: int) -> int | Problem | None:
    """Which person a character's place means; None where it gives none."""
    from masks.landmarks import FaceLandmarks
    from masks.regions import check_masks, face_of

    member, people = scene.cast[index], clip.track.people
    if member.person is not None:
        if member.person > len(people):
            what = f"there is no person {member.person}"
            has = f"the video has {_described(clip, range(len(people)))}" if people else "no face is found in the video"
            return Problem("picture", f"{member.name}: {what}", has, ("cast", index, "person"))
        return member.person - 1
    size = (clip.facts.height, clip.facts.width)
    try:
        area: CharacterMask | None = read_area(member.name, member, folder, size[::-1], size)
        for sentence in check_masks([] if area is None else [area], size):
            raise ValueError(sentence)
    except ValueError as error:
        return Problem("picture", as_clause(error), where=("cast", index))
    if area is None:
        return None
    faces = [FaceLandmarks(person.points[0]) for person in people]
    best = face_of(area, faces)
    if best is None:
        place = "mask" if member.mask else "region"
        return _of_character(scene, index, f"nobody of the video is inside the {place} when they are seen first",
                             "move it, or give their number (person: 1)")  # fmt: skip
    return next(number for number, face in enumerate(faces) if face is best)


def _main_ones(people: Sequence[TrackedPerson], free: Sequence[int], wanted: int) -> list[int] | None:
    """Those who are seen most and largest, as they come; None where that is unclear."""
    seen = {number: len(people[number].frames) * _usual_size(people[number]) for number in free}
    order = sorted(free, key=lambda number: -seen[number])
    taken, left = order[:wanted], order[wanted:]
    if taken and left and seen[taken[-1]] < CLEARLY_MORE * seen[left[0]]:
        return None
    return sorted(taken)


def _too_few(scene: Scene, clip: SceneClip, waiting: Sequence[int], n_free: int) -> Problem:
    count = len(clip.track.people)
    found = {0: "no face is found", 1: "only 1 person is found"}.get(count, f"only {count} people are found")
    left_out = ", ".join(scene.cast[index].name for index in waiting[n_free:])
    what = f"{found} in the video {scene.picture!r}, none is left for {left_out}"
    return Problem("picture", what, "use another video, or make them narrators (role: narrator)", ("picture",))


def _unclear(scene: Scene, clip: SceneClip, waiting: Sequence[int], free: Sequence[int]) -> Problem:
    names = listed([scene.cast[index].name for index in waiting])
    which = f"which of {len(free)} people of the video {'is' if len(waiting) == 1 else 'are'} {names}"
    what = f"it is not clear {which}: {_described(clip, free)}"
    return Problem("picture", what, f"give {names} a person (person: {free[0] + 1})", ("cast",))


def _usual_size(person: TrackedPerson) -> float:
    """Pixels between the eyes, the median."""
    return float(np.median([face.inter_ocular for face in _some_faces(person)]))


def _some_faces(person: TrackedPerson) -> list[FaceLandmarks]:
    from masks.landmarks import FaceLandmarks

    places = np.unique(np.linspace(0, len(person.frames) - 1, _SAMPLES).astype(int))
    return [FaceLandmarks(person.points[place]) for place in places]
