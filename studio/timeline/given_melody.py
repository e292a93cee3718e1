"""Melodies that a scene gives: songs of lines that are sung, and recordings whose timing and melody a voice takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from generation.core.clock import SAMPLE_RATE, seconds_from_frames
from generation.core.performance import Line
from generation.singing.notes import Note, out_of_range, read_midi, read_notes, transposed
from generation.singing.syllables import misfit, syllables
from generation.text.languages import is_english
from generation.text.phonemizer import phonemize
from generation.voices.blend import read_blend
from generation.voices.vocabulary import PITCH_HERTZ, read_description
from studio.acting.marks import Song
from studio.core.messages import existing_file, shortened
from studio.scene.schema import Character, Scene, ScriptLine
from studio.timeline.recordings import scene_recording

MOST_CONVERTED = 30.0
"""Seconds of a recording that are laid on its words."""


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
