"""Lines that are recordings: whose track holds a voice, and the voices alone, as faces react to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from generation.core.clock import samples_from_frames
from generation.core.performance import Line, Performance
from generation.recordings.recorded_speech import find_speech, without_other_sounds


def voices_alone(performance: Performance, lines: Sequence[Line]) -> Performance:
    """A performance in which recorded lines are silent wherever nobody speaks: music makes nobody blink or look."""
    parts = list(performance.characters)
    for line in lines:
        if line.recording is not None:
            speech = parts[line.character].speech.copy()
            speech[samples_from_frames(line.start) : samples_from_frames(line.stop)] = without_other_sounds(
                line.recording
            )
            parts[line.character] = replace(parts[line.character], speech=speech)
    return replace(performance, characters=tuple(parts))


def with_tracks_of(performance: Performance, sound: Performance, lines: Sequence[Line]) -> Performance:
    """The motion of one performance with the sound of another, and whether a voice is in each track."""
    parts = []
    for index, (part, own) in enumerate(zip(performance.characters, sound.characters, strict=True)):
        said = [line for line in lines if line.character == index]
        voiced = not said or any(
            line.recording is None or find_speech(line.recording).level is not None for line in said
        )
        parts.append(replace(part, speech=own.speech, voiced=voiced))
    return replace(performance, characters=tuple(parts))
