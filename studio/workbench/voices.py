"""Voices on the workbench: blends of two, and candidates for a description, spoken and corrected by what is heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from generation.audio.mel_bands import log_mel
from generation.audio.pitch import median_pitch
from generation.core.clock import MEL_RATE
from generation.core.performance import Line
from generation.text.ipa import VOWELS
from generation.text.languages import ENGLISH
from generation.voices.bank import VoiceBank
from generation.voices.blend import MOST_SEMITONES, Blend, blend_name, read_blend
from generation.voices.design import SYLLABLES, Candidate, candidates
from generation.voices.vocabulary import PITCH_HERTZ, read_description
from studio.core.output import require_place
from studio.core.problems import DocumentError, Problem
from studio.core.progress import Progress, Stage
from studio.export.provenance import make_record
from studio.export.writers import write_sound
from studio.performance.models import Models
from studio.performance.speak_line import line_problems, line_scene, spoken
from studio.scene.styles import known_styles
from studio.scene.voices import voice_fault

_NEAR = 0.7
"""Semitones within which a pitch is as wanted."""
_ROUNDS = 3
_SPEEDS = 0.5, 2.0


def blend_of(one: str, other: str, share: float) -> str:
    """Two voices as a scene names their blend; ``share`` is of the other, 0 to 1.

    Raises:
        DocumentError: unknown voices, one voice twice, or a share beyond that.
    """
    problems = [Problem("voices", *fault) for name in (one, other) if (fault := voice_fault(name)) is not None]
    if not 0 <= share <= 1:
        problems.append(Problem("voices", "the share should be between 0 and 1", f"it is {share:g}"))
    if not problems and one == other:
        problems.append(Problem("voices", f"both voices are {one}", "name another"))
    if problems:
        raise DocumentError(problems)
    if share in (0, 1):
        return other if share else one
    return blend_name(Blend({one: round(1 - share, 4), other: round(share, 4)}))


@dataclass(frozen=True)
class DesignedVoice:
    """A candidate as it was made.

    Attributes:
        voice: as a scene names it.
        speed: of its lines.
        styles: of its character.
        hertz: median pitch that is heard; None of a whisper.
        syllables: a second, pauses left out.
        file: that says the text.
    """

    voice: str
    speed: float
    styles: dict[str, float]
    hertz: float | None
    syllables: float
    file: str

    @property
    def sentence(self) -> str:
        """For a reader, with what a scene has to say."""
        styles = f", styles: {self.styles}" if self.styles else ""
        pitch = "no pitch" if self.hertz is None else f"{self.hertz:.0f} Hz"
        return f"{self.file}: voice: {self.voice}{styles}; lines at speed {self.speed:g} ({pitch})."

    def as_data(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def design_voices(description: str, text: str, count: int, folder: Path) -> Iterator[DesignedVoice]:
    """Candidates for a description, each spoken into a marked file of a folder, as soon as it is made.

    Raises:
        DocumentError: a text that cannot be said, a folder that cannot be written.
        ValueError: a description without a word that is known.
    """
    wanted = read_description(description)
    bank = VoiceBank.load()
    if problems := line_problems(text, bank.names[0], ENGLISH, 1.0, {}):
        raise DocumentError(problems)
    paths = [folder / f"{number}.wav" for number in range(1, count + 1)]
    require_place(paths[0], [path.name for path in paths[1:]], needed_bytes=1_000_000 * count)
    about = {name: preset.description for name, preset in bank.presets.items()}
    found = candidates(wanted, about, known_styles(Path()), count)
    models = Models.load()
    for path, candidate in zip(paths, found, strict=False):
        yield _made(candidate, wanted.pitch or "middle", wanted.pace or "middle", text, models, path)


def _made(candidate: Candidate, pitch: str, pace: str, text: str, models: Models, path: Path) -> DesignedVoice:
    """A candidate brought to its pitch and pace by what it sounds like."""
    target = PITCH_HERTZ[candidate.gender][pitch]
    speed, tried = 1.0, candidate
    for number in range(_ROUNDS):
        progress = Progress([Stage("speech", 1)])
        progress.start("speech")
        line, sound = spoken(line_scene(text, tried.voice, ENGLISH, speed, tried.styles, 0), models, None, progress)
        rate = _rate(line)
        heard = median_pitch(log_mel(np.asarray(sound.waveform[:])))
        away = 0.0 if heard is None else 12 * float(np.log2(target / heard))
        faster = float(np.clip(speed * SYLLABLES[pace] / rate, *_SPEEDS))
        if number == _ROUNDS - 1 or (abs(away) < _NEAR and abs(faster / speed - 1) < 0.06):
            break
        blend = read_blend(tried.voice)
        semitones = float(np.clip(round(blend.semitones + away, 1), -MOST_SEMITONES, MOST_SEMITONES))
        tried = replace(tried, voice=blend_name(replace(blend, semitones=semitones)))
        speed = round(faster, 2)
    said = {"text": text, "voice": tried.voice, "styles": dict(tried.styles)}
    write_sound(sound, path, make_record(said, Path(), {"seed": 0, "steps": None}, photograph=False))
    return DesignedVoice(tried.voice, speed, dict(tried.styles), heard, round(rate, 2), str(path))


def _rate(line: Line) -> float:
    """Syllables a second of a line, by its vowels and the time of its sounds."""
    timed = zip(line.phonemes, line.durations, strict=True)
    said = [(symbol, mels) for symbol, mels in timed if symbol not in " .,!?;:ˈˌ"]
    nuclei = sum(b in VOWELS and a not in VOWELS for (a, _), (b, _) in pairwise([("", 0), *said]))
    return MEL_RATE * nuclei / max(sum(mels for _, mels in said), 1)
