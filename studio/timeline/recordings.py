"""Recordings that a scene names: read for its lines and voices, within their bounds."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from generation.audio.channels import Channel, combined, opposite_phase
from generation.audio.sound_file import clock, read_sound, sound_facts, stream_mono
from generation.audio.waveform import Audio, load_audio
from generation.core.clock import SAMPLE_RATE
from generation.recordings.quality import Finding, assess_recording, speakers_apart
from generation.recordings.recorded_speech import levelled
from studio.core.messages import existing_file
from studio.scene.schema import ScriptLine

MAX_CLIP_SECONDS = 120
MAX_LINE_SECONDS = 3600
_WHOLE_SECONDS = 120
"""Longer recordings are read block by block, at 24 kHz and one channel from the beginning."""


def scene_recording(
    folder: Path, name: str, channel: Channel | None = None, most_seconds: float = MAX_CLIP_SECONDS
) -> np.ndarray:
    """A recording that a scene names, (S,) float32 at 24 kHz.

    Args:
        folder: where its file names start.
        name: of the file.
        channel: which of several channels; None = their mean, and one of them where they cancel.
        most_seconds: a longer one is refused.

    Raises:
        ValueError: no such file, not sound, empty, silent, broken, too long or without that channel; the sentence names
            the file.
    """
    path = folder / name
    if reason := existing_file(path, "the recording"):
        raise ValueError(reason)
    facts = sound_facts(path)
    if facts.seconds is not None and facts.seconds > most_seconds:
        limit, cut = f"at most {clock(most_seconds)} are read at once", "cut it into lines with parley split"
        raise ValueError(f"the recording {name!r} lasts {clock(facts.seconds)}, and {limit}; {cut}.")
    if facts.seconds is None or facts.seconds <= _WHOLE_SECONDS:
        return load_audio(path, channel=channel, most_seconds=most_seconds).waveform
    return np.concatenate(list(stream_mono(path, _WHOLE_SECONDS, most_seconds, channel)))


def line_recording(folder: Path, line: ScriptLine) -> np.ndarray:
    """The recording of a line, (S,) float32 at 24 kHz, its speech at one level.

    Errors as of :func:`scene_recording`.
    """
    return levelled(scene_recording(folder, str(line.recording), line.channel, MAX_LINE_SECONDS))


def recording_findings(folder: Path, line: ScriptLine) -> tuple[Finding, ...]:
    """What is worth a look in a line's recording; nothing for one that cannot be read."""
    path = folder / str(line.recording)
    try:
        stat = path.stat()
        return _findings(path, (stat.st_mtime_ns, stat.st_size), line.channel)
    except (OSError, ValueError):
        return ()


@lru_cache(maxsize=256)
def _findings(path: Path, version: tuple[int, int], channel: Channel | None) -> tuple[Finding, ...]:
    """Remembered by the file's time and size: the editor asks at every edit."""
    if (sound_facts(path).seconds or 0) > _WHOLE_SECONDS:
        return assess_recording(Audio(scene_recording(path.parent, path.name, channel, MAX_LINE_SECONDS), SAMPLE_RATE))
    sound = read_sound(path, MAX_LINE_SECONDS)
    found = [Finding(*fault.split("; ", 1)) for fault in sound.faults]
    if channel is None and speakers_apart(sound.samples, sound.sampling_rate):
        what = "holds a speaker on each of two channels, and both would move this mouth"
        found.append(Finding(what, "add channel: left or channel: right, and a line for the other"))
    elif channel in (None, "mix") and opposite_phase(sound.samples):
        what = "has two channels that cancel each other" + ("" if channel else ", so that one of them is used")
        found.append(Finding(what, "choose it with channel: left or channel: right"))
    audio = Audio(combined(sound.samples, channel), sound.sampling_rate)
    return (*found, *assess_recording(audio.resampled(SAMPLE_RATE)))
