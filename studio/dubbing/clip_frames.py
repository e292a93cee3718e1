"""The frames of a scene's video with the mouths of its performance, in any order of segments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from generation.core.motion import CHANNELS, MOUTH, WEIGHTS, MotionTrack
from generation.core.performance import StoredPerformance
from generation.core.result_key import made_by, result_key
from generation.rendering.controls import CLOSING_REACH
from studio.cast.clip_people import SceneClip
from studio.cast.face_assignment import FaceAssignment
from studio.scene.schema import Scene
from studio.timeline.timeline import Timeline

if TYPE_CHECKING:
    from generation.dubbing.clip import NewMouth

SHORT_GAP = 25
"""Frames between two lines of a person over which the new mouth stays, closed as the performance has it."""
_SKIPPED = 25
"""Frames that are drawn for nothing rather than decoding the video anew from its beginning."""
_MOUTH = np.array([name in MOUTH for name in CHANNELS])


def mouth_spans(scene: Scene, timeline: Timeline) -> dict[int, list[tuple[int, int]]]:
    """First frame and stop of the times in which each face of the cast shows its new mouth, by index into the cast.

    With ``silent: close`` that is all the time; else while a line comes out of it, and in short gaps between two.
    """
    if scene.silent == "close":
        return {index: [(0, timeline.n_frames)] for index in scene.on_screen}
    spans: dict[int, list[tuple[int, int]]] = {}
    for written, line in zip(scene.script, timeline.lines, strict=True):
        for voiced in timeline.of_all_speakers(line):
            for face in scene.faces_of(written, voiced.character):
                spans.setdefault(face, []).append((line.start, line.stop))
    return {face: _joined(sorted(own)) for face, own in spans.items() if face in scene.on_screen}


def replaced_speech(scene: Scene, timeline: Timeline) -> list[tuple[int, int]]:
    """First frame and stop of the times in which the video's own speech is not to be heard.

    That is while somebody has a line, and with ``silent: close``, where no mouth of the cast says it, all the time.
    """
    if scene.silent == "close":
        return [(0, timeline.n_frames)]
    return sorted((line.start, line.stop) for line in timeline.lines)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    made = [spans[0]]
    for _, (first, stop) in pairwise(spans):
        if first - made[-1][1] <= SHORT_GAP:
            made[-1] = (made[-1][0], max(stop, made[-1][1]))
        else:
            made.append((first, stop))
    return made


class ClipFrames:
    """Draws the frames of a scene's video.

    Args:
        scene: a checked scene.
        assignment: its people, in the size in which the film is made.
        timeline: of the scene, as long as the video.
        performance: of the same.
    """

    def __init__(
        self, scene: Scene, assignment: FaceAssignment, timeline: Timeline, performance: StoredPerformance
    ) -> None:
        assert assignment.clip is not None  # the scene's picture is a video
        self.clip: SceneClip = assignment.clip
        self._scene, self._timeline, self._performance = scene, timeline, performance
        self._people = {p.character: p.person for p in assignment.assigned if p.person is not None}

    @cached_property
    def _mouths(self) -> dict[int, NewMouth]:
        """Everybody's new mouth, by their number in the video."""
        from generation.dubbing.clip import NewMouth, speaking_share

        mouths = {}
        for index, spans in mouth_spans(self._scene, self._timeline).items():
            if (person := self._people.get(index)) is not None:
                values = np.zeros((self._performance.n_frames, len(CHANNELS)), np.float32)
                values[:, _MOUTH] = self._performance.motion[index][:][:, _MOUTH]
                values[:, WEIGHTS] = np.clip(values[:, WEIGHTS] * self._scene.cast[index].mouth, 0, 1)
                mouths[person] = NewMouth(MotionTrack(values), speaking_share(spans, len(values)))
        return mouths

    @property
    def appearance(self) -> str:
        """Hash of all that frames depend on besides the mouths: video, people, size, and the code that draws them."""
        track = self.clip.track
        people = [(person, track.people[person].frames, track.people[person].points) for person in sorted(self._mouths)]
        arrays = [array for _, frames, points in people for array in (frames, points)]
        facts = self.clip.facts
        drawn = self._scene.consent == "drawn"
        return result_key(made_by(__name__), self.clip.digest, facts, drawn, [who for who, *_ in people], *arrays)

    def states(self) -> Iterator[np.ndarray]:
        """Everything that tells a frame from the others, (C,) uint32 a frame: its number, and the mouths around it."""
        n_frames, reach = self._performance.n_frames, CLOSING_REACH
        rows = [np.zeros((n_frames, 1), np.float32)]
        for _, mouth in sorted(self._mouths.items()):
            shown = mouth.share[:, None]
            rows += [shown, mouth.motion.values[:, _MOUTH] * (shown > 0)]
        table = np.hstack(rows)
        for number in range(n_frames):
            around = table[max(0, number - reach) : number + reach + 1]
            digest = hashlib.blake2b(np.ascontiguousarray(around).data, digest_size=16).digest()
            yield np.append(np.frombuffer(digest, np.uint32), np.uint32(number))

    def draw(self, numbers: Sequence[int]) -> Iterator[np.ndarray]:
        """The frames of these numbers, which rise; uint8 (H, W, 3) RGB.

        Raises:
            ValueError: the video's frames cannot be read.
        """
        from generation.dubbing.clip import ClipDubber

        clip = self.clip
        people = sorted(self._mouths)
        drawn = people if self._scene.consent == "drawn" else ()
        dubber = ClipDubber(clip.path, clip.facts, clip.track, people, drawn)
        starts = [i for i, number in enumerate(numbers) if i == 0 or number - numbers[i - 1] > _SKIPPED]
        for first, stop in zip(starts, [*starts[1:], len(numbers)], strict=True):
            wanted = set(numbers[first:stop])
            run = dubber.frames(self._mouths, numbers[first], numbers[stop - 1] + 1)
            yield from (frame for number, frame in enumerate(run, numbers[first]) if number in wanted)
