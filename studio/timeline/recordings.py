"""Recordings and songs that a scene names: read for its lines and voices, within their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from generation.audio.channels import Channel, combined, opposite_phase
from generation.audio.sound_file import clock, read_sound, sound_facts, stream_mono
from generation.audio.waveform import Audio, load_audio
from generation.core.clock import SAMPLE_RATE, seconds_from_frames
from generation.core.performance import Line
from generation.recordings.quality import Finding, assess_recording, speakers_apart
from generation.recordings.recorded_speech import levelled
from generation.singing.notes import Note, out_of_range, read_midi, read_notes, transposed
from generation.singing.syllables import misfit, syllables
from generation.text.languages import is_english
from generation.text.phonemizer import phonemize
from generation.voices.blend import read_blend
from generation.voices.vocabulary import PITCH_HERTZ, read_description
from studio.acting.marks import Song
from studio.core.messages import existing_file, shortened
from studio.scene.schema import Character, Scene, ScriptLine

MOST_CONVERTED = 30.0
"""Seconds of a recording that are laid on its words."""
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


def require_convertible(line: Line, text: str, lexicon: Mapping[str, str]) -> None:
    """Refuse a recorded line that cannot be said by another voice.

    Raises:
        ValueError: it is too long, in another language, or its text cannot be said; one sentence.
    """
    if (seconds := seconds_from_frames(line.n_frames)) > MOST_CONVERTED:
        raise ValueError(
            f"its recording lasts {seconds:.0f} s, and {MOST_CONVERTED:g} s are the most that is converted;"
            " cut it with parley split."
        )
    if not is_english(line.language):
        raise ValueError("only English recordings are converted; remove convert, and it is played as it is.")
    phonemize(text, line.language, lexicon)


def notes_of_line(scene: Scene, folder: Path, line: ScriptLine, phonemes: str) -> tuple[Note, ...]:
    """Notes of a line that is sung.

    Args:
        scene: whose voices sing it.
        folder: where file names start.
        line: with a song.
        phonemes: of its text, as :func:`generation.singing.syllables.lyrics` has them.

    Raises:
        ValueError: notes that cannot be read, do not fit the words, or that a voice does not sing; one sentence.
    """
    song = line.sing
    assert song is not None
    notes = transposed(_read(song, folder, len(syllables(phonemes))), song.transpose)
    if fault := misfit(phonemes, notes):
        raise ValueError(f"{fault}.")
    for index in scene.speakers_of(line):
        middle = _middle(scene.cast[index], folder)
        if middle is not None and (fault := out_of_range(notes, middle)):
            raise ValueError(f"{fault}.")
    return notes


def _read(song: Song, folder: Path, count: int) -> tuple[Note, ...]:
    if song.notes is not None:
        try:
            return read_notes(song.notes, song.tempo)
        except ValueError as error:
            raise ValueError(f"its song {error}.") from None
    if song.midi is not None:
        path = folder / song.midi
        if reason := existing_file(path, "the MIDI file", "check its name and folder."):
            raise ValueError(reason)
        try:
            return read_midi(path)
        except ValueError as error:
            raise ValueError(f"the MIDI file {shortened(song.midi)} {error}.") from None
    from generation.singing.imposing import heard_notes  # late: it loads torch, and most scenes are spoken

    try:
        return heard_notes(scene_recording(folder, str(song.recording)), count)
    except ValueError as error:
        named = str(song.recording) in str(error)
        raise error if named else ValueError(f"the recording {shortened(song.recording)} {error}.") from None


def _middle(character: Character, folder: Path) -> float | None:
    """MIDI number of the median pitch of a character's voice in speech; None where it is not known."""
    voice = character.voice
    if voice is None:
        return None
    if voice.clip is not None:
        from generation.audio.effects import pitch_curve

        try:
            curve = pitch_curve(scene_recording(folder, voice.clip)[: 60 * SAMPLE_RATE])
        except ValueError:  # said of the voice itself
            return None
        return None if curve is None else curve[2] + _number(100.0)
    try:
        from generation.voices.bank import VoiceBank

        blend = read_blend(str(voice.preset))
        about = read_description(VoiceBank.load()[blend.leading].description)
    except ValueError:
        return None
    if about.gender is None:
        return None
    return _number(PITCH_HERTZ[about.gender][about.pitch or "middle"]) + blend.semitones


def _number(hertz: float) -> float:
    return 69 + 12 * float(np.log2(hertz / 440))
