"""People through a video: faces found, followed from frame to frame, and known again when they come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
SHORTEST_GAP = 5
"""Frames without a face, within a shot, over which its landmarks are filled in."""
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

    def save(self, path: Path) -> None:
        """Write it as an ``.npz`` file of plain arrays."""
        arrays = {f"frames{i}": person.frames for i, person in enumerate(self.people)}
        arrays |= {f"points{i}": person.points for i, person in enumerate(self.people)}
        facts = np.array([self.n_frames, *self.size, len(self.people)], np.int64)
        with path.open("wb") as file:
            np.savez(file, facts=facts, cuts=np.array(self.cuts, np.int64), **arrays)

    @classmethod
    def load(cls, path: Path) -> ClipTrack:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError, KeyError, OSError: it is not such a file.
        """
        with np.load(path, allow_pickle=False) as file:
            n_frames, height, width, n_people = (int(n) for n in file["facts"])
            people = tuple(TrackedPerson(file[f"frames{i}"], file[f"points{i}"]) for i in range(n_people))
            return cls(n_frames, (height, width), tuple(int(n) for n in file["cuts"]), people)


@dataclass
class _Person:
    """Somebody while the video is read."""

    description: np.ndarray
    n_described: int = 1
    frames: list[int] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: int, face: FaceLandmarks, joined: bool) -> None:
        """Their face in a frame; a short gap before it, in the same shot, is filled in."""
        gap = frame - self.frames[-1] - 1 if self.frames else 0
        if joined and 0 < gap <= SHORTEST_GAP:
            before = self.points[-1]
            for k in range(1, gap + 1):
                self.frames.append(frame - gap - 1 + k)
                self.points.append(before + np.float32(k / (gap + 1)) * (face.points - before))
        self.frames.append(frame)
        self.points.append(face.points)

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
        """Everybody in uint8 (H, W, 3) RGB frames, which are taken one at a time.

        Raises:
            ValueError: no frames.
        """
        people: list[_Person] = []
        seen: dict[int, FaceLandmarks] = {}
        cuts, cut_detector, since, number, size = [], CutDetector(), 0, -1, (0, 0)
        for number, image in enumerate(frames):
            size = image.shape[:2]
            fresh = number == 0
            if cut_detector.is_cut(image):
                cuts.append(number)
                fresh = True
            before = {} if fresh else seen
            seen = self._follow(image, before)
            since += 1
            shot = cuts[-1] if cuts else 0
            lost = any(
                who not in seen and person.frames[-1] >= max(shot, number - LOST_FOR)
                for who, person in enumerate(people)
            )
            if fresh or since >= (LOST_EVERY if lost else SEARCH_EVERY):
                since = 0
                self._search(image, seen, people)
            for who, face in seen.items():
                person = people[who]
                person.add(number, face, bool(person.frames) and person.frames[-1] >= shot)
        if number < 0:
            raise ValueError("The video has no frames.")
        found = [person for person in people if len(person.frames) >= LEAST_FRAMES]
        tracked = tuple(TrackedPerson(np.array(p.frames, np.int64), np.stack(p.points)) for p in found)
        return ClipTrack(number + 1, (size[0], size[1]), tuple(cuts), tracked)

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

    def _search(self, image: np.ndarray, seen: dict[int, FaceLandmarks], people: list[_Person]) -> None:
        """Look at the whole frame; faces that are not followed yet become somebody known or somebody new."""
        found = sorted(self._landmarker.detect_upright(image), key=lambda face: float(face.eyes[:, 0].mean()))
        known = [face_window(face) for face in seen.values()]
        new = [
            face
            for face in found
            if all(overlap(face_window(face), other) < SAME_FACE_IOU for other in known)
            and _outside(face, image.shape) <= _OUTSIDE
        ]
        for who, face in seen.items():
            people[who].describe(describe_person(image, face))
        absent = [who for who in range(len(people)) if who not in seen]
        for face, known_as in zip(new, _known_again(image, new, people, absent), strict=True):
            description = describe_person(image, face)
            if known_as is None:
                seen[len(people)] = face
                people.append(_Person(description))
            else:
                seen[known_as] = face
                people[known_as].describe(description)


def _known_again(
    image: np.ndarray, faces: Sequence[FaceLandmarks], people: Sequence[_Person], absent: Sequence[int]
) -> list[int | None]:
    """Which of the absent people each of several new faces is: all together, so that none is taken twice."""
    answer: list[int | None] = [None] * len(faces)
    if not faces or not absent:
        return answer
    cost = np.empty((len(faces), len(absent)))
    for i, face in enumerate(faces):
        description = describe_person(image, face)
        for j, who in enumerate(absent):
            last = FaceLandmarks(people[who].points[-1])
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
