"""Lines whose sound is given: recordings, the voices in them, and what stays of a line whose words are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from generation.core.clock import samples_from_frames
from generation.core.performance import AnyPerformance, Gap, Line, Performance
from generation.recordings.recorded_speech import find_speech, without_other_sounds
from studio.performance.scene_routing import driven_faces
from studio.performance.segment_generation import KeptMotion
from studio.scene.schema import Scene
from studio.timeline.segments import Segment, split
from studio.timeline.timeline import Timeline

MARGIN = 3
"""Video frames on either side of a new word in which the mouth goes from what stays to what is new."""


def voices_alone(performance: AnyPerformance, lines: Sequence[Line], first: int, stop: int) -> Performance:
    """A window of a performance in which recorded lines are silent wherever nobody speaks: music makes nobody blink."""
    window = performance.window(first, stop)
    parts = list(window.characters)
    for line in lines:
        if line.recording is not None and line.start < stop and line.stop > first:
            begin, end = max(line.start, first), min(line.stop, stop)
            alone = without_other_sounds(line.recording)
            speech = parts[line.character].speech.copy()
            speech[_samples(begin - first, end - first)] = alone[_samples(begin - line.start, end - line.start)]
            parts[line.character] = replace(parts[line.character], speech=speech)
    return replace(window, characters=tuple(parts))


def voiced_tracks(lines: Sequence[Line], n_cast: int) -> tuple[bool, ...]:
    """Whether there is a voice in each character's track, or nothing but sounds that were recorded."""
    voiced = []
    for index in range(n_cast):
        said = [line.recording for line in lines if line.character == index]
        voiced.append(not said or any(sound is None or find_speech(sound).level is not None for sound in said))
    return tuple(voiced)


def _samples(first: int, stop: int) -> slice:
    return slice(samples_from_frames(first), samples_from_frames(stop))


def without_new_words(scene: Scene) -> Scene:
    """The scene as it was before words of it were replaced; itself where none were."""
    if not any(line.words for line in scene.script):
        return scene
    script = tuple(line.model_copy(update={"words": ()}) if line.words else line for line in scene.script)
    return scene.model_copy(update={"script": script})


@dataclass(frozen=True)
class FormerLines:
    """A scene before its words were replaced.

    Attributes:
        segments: that each line lay in, by the line's id.
        routing: (K, K, T) of that scene.
    """

    segments: Mapping[str, Segment]
    routing: np.ndarray

    @classmethod
    def of(cls, timeline: Timeline, routing: np.ndarray) -> FormerLines:
        """Those of a timeline."""
        return cls({line.id: segment for segment in split(timeline) for line in segment.lines}, routing)

    def segments_of(self, segment: Segment) -> list[Segment]:
        """Where the lines of a segment that have new words lay."""
        found = [self.segments[line.id] for line in segment.lines if line.gaps]
        return list({was.start: was for was in found}.values())

    def joined(self, segment: Segment, as_it_was: Callable[[Segment], Performance]) -> tuple[Segment, list[KeptMotion]]:
        """A segment whose lines have, around their new words, the sound that they had, and the motion of that time.

        Args:
            segment: with lines that have gaps, or none.
            as_it_was: makes a former segment.
        """
        parts = {was.start: as_it_was(was) for was in self.segments_of(segment)}
        lines: list[Line] = []
        kept: list[KeptMotion] = []
        for line in segment.lines:
            if not line.gaps:
                lines.append(line)
                continue
            was = self.segments[line.id]
            part = parts[was.start]
            (old,) = (each for each in was.lines if each.id == line.id)
            sound = part.speech[line.character][samples_from_frames(old.start) : samples_from_frames(old.stop)]
            lines.append(replace(line, recording=_around(sound, line)))
            for face in driven_faces(self.routing, old, was.start):
                motion = part.motion[face][old.start : old.stop]
                kept += [
                    KeptMotion(face, line.start + first, motion[first - moved : stop - moved])
                    for first, stop, moved in _between(line.gaps, line.n_frames, MARGIN)
                ]
        return replace(segment, lines=tuple(lines)), kept


NOTHING_REPLACED = FormerLines({}, np.zeros((0, 0, 0), np.float32))


def _around(sound: np.ndarray, line: Line) -> np.ndarray:
    """What stays of a line's sound, in its new places; silence in the gaps."""
    made = np.zeros(samples_from_frames(line.n_frames), np.float32)
    for first, stop, moved in _between(line.gaps, line.n_frames, 0):
        old = slice(samples_from_frames(first - moved), samples_from_frames(stop - moved))
        made[samples_from_frames(first) : samples_from_frames(stop)] = sound[old]
    return made


def _between(gaps: Sequence[Gap], n_frames: int, margin: int) -> Iterator[tuple[int, int, int]]:
    """First frame, the one after the last, and by how much it moved, of each span of a line that stays."""
    first, moved = 0, 0
    for gap in (*gaps, Gap(n_frames + margin, n_frames + margin, 0)):
        if gap.first - margin > first:
            yield first, gap.first - margin, moved
        first = gap.stop + margin
        moved += gap.stop - gap.first - gap.former
