"""Lines that are recordings: whose track holds a voice, and the voices alone, as faces react to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from generation.core.clock import samples_from_frames
from generation.core.performance import AnyPerformance, Line, Performance
from generation.recordings.recorded_speech import find_speech, without_other_sounds


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
