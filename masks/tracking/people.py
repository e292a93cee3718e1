"""People through a video: faces found, followed from frame to frame, and known again when they come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from masks.detector import SAME_FACE_IOU, overlap
from masks.landmarks import FaceLandmarker, FaceLandmarks, face_window
from masks.tracking.appearance import describe_person, unlikeness
from masks.tracking.cuts import CutDetector
from masks.tracking.smoothing import smooth_peaks

SEARCH_EVERY = 10
"""Frames from one search for new faces to the next; a cut brings one forward."""
LOST_EVERY, LOST_FOR = 2, 25
"""The same for so many frames after somebody's face was lost."""
SAME_PERSON = 0.4
"""Unlikeness below which a face is a person seen before."""
FAR_AWAY = 0.15
"""What a place far from the last one adds to the unlikeness."""
LONGEST_GAP = 5
"""Most frames without a face, within a shot, over which its landmarks are filled in."""
LEAST_FRAMES = 8
"""A person is seen in so many frames, or was a mistake."""
_JUMP, _GROWTH = 1.2, 1.35
"""A face moves by less, inter-ocular distances, and grows by less from frame to frame."""
_OUTSIDE = 0.45
"""Share of a face beyond the frame's border from which on it is gone."""


@dataclass(frozen=True)
class TrackedPerson:
    """One person of a video.

    Attributes:
        frames: (N,) int64 rising numbers of the frames in which the face is seen.
        points: (N, 478, 3) float32 landmarks in pixels, as :class:`masks.landmarks.FaceLandmarks` has them.
    """

    frames: np.ndarray
    points: np.ndarray

    def at(self, frame: int) -> np.ndarray | None:
        """Landmarks (478, 3) in a frame; None where the face is not seen."""
        place = int(np.searchsorted(self.frames, frame))
        return self.points[place] if place < len(self.frames) and self.frames[place] == frame else None


@dataclass(frozen=True)
class ClipTrack:
    """What was found in a video.

    Attributes:
        n_frames: its length.
        size: height and width in pixels.
        cuts: rising numbers of the frames with which a new shot begins; 0 is not among them.
        people: who is in it, in the order in which they come; within a frame from left to right.
    """

    n_frames: int
    size: tuple[int, int]
    cuts: tuple[int, ...]
    people: tuple[TrackedPerson, ...]

    def runs(self, person: TrackedPerson) -> list[slice]:
        """Slices of a person's ``frames`` that follow each other within one shot."""
        breaks = set(self.cuts)
        starts = [
            i
            for i, frame in enumerate(person.frames)
            if i == 0 or frame != person.frames[i - 1] + 1 or int(frame) in breaks
        ]
        return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(person.frames)], strict=True)]

    def smoothed(self) -> ClipTrack:
        """The same without the landmarks' jitter; nothing is smoothed across a cut or a gap."""
        people = []
        for person in self.people:
            points = np.concatenate([smooth_peaks(person.points[run]) for run in self.runs(person)])
            people.append(TrackedPerson(person.frames, np.float32(points)))
        return ClipTrack(self.n_frames, self.size, self.cuts, tuple(people))

    def scaled(self, size: tuple[int, int]) -> ClipTrack:
        """The same for frames of another height and width."""
        down, across = size[0] / self.size[0], size[1] / self.size[1]
        scale = np.array([across, down, across], np.float32)
        people = tuple(TrackedPerson(person.frames, person.points * scale) for person in self.people)
        return ClipTrack(self.n_frames, size, self.cuts, people)


class Seen(NamedTuple):
    """What one frame of a video shows.

    Attributes:
        cut: a new shot begins with it; the first frame of all begins none.
        faces: of those who are seen, by the number of the person: the same in all frames, from 0 as they come.
    """

    cut: bool
    faces: dict[int, FaceLandmarks]


@dataclass
class _Person:
    """Somebody while the video is read: what they look like, and where they were last."""

    description: np.ndarray
    frame: int
    face: FaceLandmarks
    n_described: int = 1

    def describe(self, description: np.ndarray) -> None:
        """Another look at them: the mean of all counts."""
        self.n_described += 1
        self.description = self.description + (description - self.description) / self.n_described


class PeopleTracker:
    """Follows everybody through a video.

    Args:
        landmarker: the networks; made anew by default.
    """

    def __init__(self, landmarker: FaceLandmarker | None = None) -> None:
        self._landmarker = landmarker or FaceLandmarker()

    def track(self, frames: Iterable[np.ndarray]) -> ClipTrack:
        """Everybody in uint8 (H, W, 3) RGB frames, which are taken one at a time; all landmarks lie in memory.

        Raises:
            ValueError: no frames.
        """
        size: tuple[int, ...] = ()

        def sized() -> Iterator[np.ndarray]:
            nonlocal size
            for image in frames:
                size = image.shape
                yield image

        cuts: list[int] = []
        numbers: dict[int, list[int]] = {}
        points: dict[int, list[np.ndarray]] = {}
        n_frames = 0
        for number, seen in enumerate(self.follow(sized())):
            n_frames = number + 1
            cuts += [number] if seen.cut else []
            for who, face in seen.faces.items():
                own = numbers.setdefault(who, []), points.setdefault(who, [])
                _add(*own, number, face.points, cuts[-1] if cuts else 0)
        if not n_frames:
            raise ValueError("The video has no frames.")
        tracked = tuple(
            TrackedPerson(np.array(numbers[who], np.int64), np.stack(points[who]))
            for who in sorted(numbers)
            if len(numbers[who]) >= LEAST_FRAMES
        )
        return ClipTrack(n_frames, (size[0], size[1]), tuple(cuts), tracked)

    def follow_one(
        self, frames: Iterable[np.ndarray], region: tuple[float, float, float, float] | None = None
    ) -> Iterator[FaceLandmarks | None]:
        """One person in uint8 (H, W, 3) RGB frames, frame by frame; None where they are not seen.

        It is the largest in the first frame that shows anybody.

        Args:
            frames: are taken one at a time.
            region: left, top, right and bottom in pixels of the frames, where the middle between their eyes is in that
                first frame; others are left out.
        """
        chosen: int | None = None
        for seen in self.follow(frames):
            if chosen is None:
                inside = {who: face for who, face in seen.faces.items() if region is None or is_inside(face, region)}
                chosen = max(inside, key=lambda who: inside[who].inter_ocular, default=None)
            yield None if chosen is None else seen.faces.get(chosen)

    def follow(self, frames: Iterable[np.ndarray]) -> Iterator[Seen]:
        """Everybody in uint8 (H, W, 3) RGB frames, frame by frame, in memory that does not grow with their number."""
        people: list[_Person] = []
        seen: dict[int, FaceLandmarks] = {}
        cut_detector, since, shot = CutDetector(), 0, 0
        for number, image in enumerate(frames):
            cut = cut_detector.is_cut(image)
            shot = number if cut else shot
            seen = {} if cut else self._follow(image, seen)
            since += 1
            lost = any(
                who not in seen and person.frame >= max(shot, number - LOST_FOR) for who, person in enumerate(people)
            )
            if number == shot or since >= (LOST_EVERY if lost else SEARCH_EVERY):
                since = 0
                self._search(image, number, seen, people)
            for who, face in seen.items():
                people[who].frame, people[who].face = number, face
            yield Seen(cut, dict(seen))

    def _follow(self, image: np.ndarray, before: dict[int, FaceLandmarks]) -> dict[int, FaceLandmarks]:
        """The faces of the frame before in this one, those that are still there."""
        after: dict[int, FaceLandmarks] = {}
        for who, old in before.items():
            face = self._landmarker.track(image, old)
            if face is None or _strayed(old, face) or _outside(face, image.shape) > _OUTSIDE:
                continue
            window = face_window(face)
            if all(overlap(window, face_window(other)) < SAME_FACE_IOU for other in after.values()):
                after[who] = face
        return after

    def _search(self, image: np.ndarray, number: int, seen: dict[int, FaceLandmarks], people: list[_Person]) -> None:
        """Look at the whole frame; faces that are not followed yet become somebody known or somebody new."""
        found = self._landmarker.detect_upright(image)
        if not found and not people:  # nobody yet: lying down, small, or pale
            found = self._landmarker.detect(image)
        found = sorted(found, key=lambda face: float(face.eyes[:, 0].mean()))
        known = [face_window(face) for face in seen.values()]
        new = [
            face
            for face in found
            if all(overlap(face_window(face), other) < SAME_FACE_IOU for other in known)
            and _outside(face, image.shape) <= _OUTSIDE
        ]
        for who, face in seen.items():
            people[who].describe(describe_person(image, face))
        descriptions = [describe_person(image, face) for face in new]
        absent = [who for who in range(len(people)) if who not in seen]
        again = _known_again(new, descriptions, people, absent)
        for face, description, known_as in zip(new, descriptions, again, strict=True):
            if known_as is None:
                seen[len(people)] = face
                people.append(_Person(description, number, face))
            else:
                seen[known_as] = face
                people[known_as].describe(description)


def _add(numbers: list[int], points: list[np.ndarray], number: int, new: np.ndarray, shot: int) -> None:
    """Somebody's landmarks (478, 3) in another frame; a short gap before it, in the same shot, is filled in."""
    gap = number - numbers[-1] - 1 if numbers and numbers[-1] >= shot else 0
    if 0 < gap <= LONGEST_GAP:
        before = points[-1]
        numbers += range(number - gap, number)
        points += [before + np.float32(k / (gap + 1)) * (new - before) for k in range(1, gap + 1)]
    numbers.append(number)
    points.append(new)


def is_inside(face: FaceLandmarks, region: tuple[float, float, float, float]) -> bool:
    """Whether the middle between a face's eyes lies in a region: left, top, right and bottom in the same pixels."""
    x, y = face.eyes.mean(0)
    return bool(region[0] <= x <= region[2] and region[1] <= y <= region[3])


def _known_again(
    faces: Sequence[FaceLandmarks], descriptions: Sequence[np.ndarray], people: Sequence[_Person], absent: Sequence[int]
) -> list[int | None]:
    """Which of the absent people each of several new faces is: all together, so that none is taken twice."""
    answer: list[int | None] = [None] * len(faces)
    if not faces or not absent:
        return answer
    cost = np.empty((len(faces), len(absent)))
    for i, (face, description) in enumerate(zip(faces, descriptions, strict=True)):
        for j, who in enumerate(absent):
            last = people[who].face
            distance = np.linalg.norm(face.eyes.mean(0) - last.eyes.mean(0)) / (4 * face.inter_ocular)
            cost[i, j] = unlikeness(description, people[who].description) + FAR_AWAY * min(float(distance), 1.0)
    for i, j in zip(*linear_sum_assignment(np.minimum(cost, 1.0)), strict=True):
        if cost[i, j] < SAME_PERSON:
            answer[i] = absent[j]
    return answer


def _strayed(old: FaceLandmarks, new: FaceLandmarks) -> bool:
    """Whether a face jumped or changed its size as no head does between two frames."""
    unit = old.inter_ocular
    growth = new.height / max(old.height, 1e-3)
    jump = float(np.linalg.norm(new.eyes.mean(0) - old.eyes.mean(0)))
    return jump > _JUMP * unit or not 1 / _GROWTH < growth < _GROWTH


def _outside(face: FaceLandmarks, shape: Sequence[int]) -> float:
    """Share of the face's points that lie beyond the frame."""
    x, y = face.points[:468, 0], face.points[:468, 1]
    return float(((x < 0) | (y < 0) | (x > shape[1]) | (y > shape[0])).mean())
