"""The shipped styles: what each does, how its training data are processed, which figures it is meant to move.

Sound: pitch, brightness or excitation of the recordings are changed and nothing else (:mod:`generation.audio.effects`).
Motion: channels of the training motion are scaled or held. Pace, gaze and blinks are delivery, which no layer decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from generation.adapters.metadata import Part
from generation.audio.effects import change_pitch, spectral_tilt, whisper
from generation.core.clock import FPS
from generation.core.delivery import AVERAGE, Delivery
from generation.core.motion import BLENDSHAPES, INDEX, MOUTH, ROTATION, TRANSLATION, WEIGHTS
from generation.data.corpus import SpeechCorpus, Utterance

_LIPS = [INDEX[name] for name in MOUTH if not name.startswith("mouthSmile")]
_BROWS = [INDEX[name] for name in BLENDSHAPES if name.startswith(("brow", "eyeWide"))]
_HEAD = slice(ROTATION.start, TRANSLATION.stop)


@dataclass(frozen=True)
class Style:
    """A shipped style: processing of its training data, delivery, and figures that it is to move.

    Attributes:
        does: a line for the reader.
        target_figures: figures of :mod:`generation.metrics.style` that it is meant to move, each up (+1) or down (-1).
        whisper: breath in place of voice.
        pitch_range: factor on how far pitch moves from the voice's middle.
        pitch_shift: semitones.
        brightness: dB an octave.
        level: dB.
        mouth: factor on lips and jaw.
        head: factor on the head's turns and shifts.
        brows: factor on brows.
        held: channels with what is added to them all the time.
        delivery: pace, gaze and blinks.
    """

    does: str
    target_figures: Mapping[str, int]
    whisper: bool = False
    pitch_range: float = 1.0
    pitch_shift: float = 0.0
    brightness: float = 0.0
    level: float = 0.0
    mouth: float = 1.0
    head: float = 1.0
    brows: float = 1.0
    held: Mapping[str, float] = field(default_factory=dict)
    delivery: Delivery = AVERAGE

    @property
    def part(self) -> Part:
        """The streams that have anything to learn."""
        spoken = (self.whisper, self.pitch_range, self.pitch_shift, self.brightness, self.level)
        moved = (self.mouth, self.head, self.brows, self.held)
        speech, motion = spoken != (False, 1.0, 0.0, 0.0, 0.0), moved != (1.0, 1.0, 1.0, {})
        return "joint" if speech and motion else "audio" if speech else "motion"

    @property
    def trained_on(self) -> str:
        """Training data of the style, in words for the adapter's metadata."""
        changes = {
            "breath for voice": self.whisper or "",
            "pitch range": f"x {self.pitch_range:g}" if self.pitch_range != 1 else "",
            "pitch": f"{self.pitch_shift:+g} semitones" if self.pitch_shift else "",
            "brightness": f"{self.brightness:+g} dB/octave" if self.brightness else "",
            "level": f"{self.level:+g} dB" if self.level else "",
            "lips": f"x {self.mouth:g}" if self.mouth != 1 else "",
            "head": f"x {self.head:g}" if self.head != 1 else "",
            "brows": f"x {self.brows:g}" if self.brows != 1 else "",
            **{channel: f"{amount:+g}" for channel, amount in self.held.items()},
        }
        said = ", ".join(key if value is True else f"{key} {value}" for key, value in changes.items() if value)
        return f"The synthetic speech corpus and its motion, processed: {said}."


STYLES: dict[str, Style] = {
    "whisper": Style(
        "Breath in place of voice, with a smaller mouth and a quiet head.",
        {"voiced_share": -1, "jaw": -1, "head_speed": -1},
        whisper=True, mouth=0.8, head=0.6, brows=0.8,
        delivery=Delivery(tempo=0.95),
    ),
    "excited": Style(
        "Fast, high and lively; a bright voice, a moving head, brows up and a smile.",
        {"pitch_range": +1, "pitch": +1, "brightness": +1, "rate": +1, "head_speed": +1},
        pitch_range=2.0, pitch_shift=2.5, brightness=1.5, level=3, mouth=1.2, head=1.7, brows=1.6,
        held={"browInnerUp": 0.12, "mouthSmileLeft": 0.12, "mouthSmileRight": 0.12},
        delivery=Delivery(tempo=1.12, pauses=0.75, blinks=1.2),
    ),
    "weary": Style(
        "Slow, low and dull, with long pauses; the head sinks and the lids hang.",
        {"pitch_range": -1, "pitch": -1, "brightness": -1, "rate": -1, "head_down": +1, "lids": +1},
        pitch_range=0.35, pitch_shift=-2, brightness=-1.5, level=-3, mouth=0.8, head=0.6, brows=0.4,
        held={"headRotationX": 0.07, "browInnerUp": 0.1},
        delivery=Delivery(tempo=0.85, pauses=1.6, gaze_aversion=0.25, blinks=1.3, lids=0.22),
    ),
    "storyteller": Style(
        "Unhurried, with a wide melody, long pauses and clear gestures of head and brows.",
        {"pitch_range": +1, "rate": -1, "head_speed": +1, "jaw": +1},
        pitch_range=1.45, mouth=1.15, head=1.4, brows=1.6,
        delivery=Delivery(tempo=0.92, pauses=1.5),
    ),
    "newsreader": Style(
        "Even and clear: a narrower melody, a steady head and eyes that stay on the viewer.",
        {"pitch_range": -1, "brightness": +1, "rate": +1, "head_speed": -1},
        pitch_range=0.7, brightness=0.8, mouth=1.05, head=0.45, brows=0.5,
        delivery=Delivery(tempo=1.06, pauses=0.85, blinks=0.8),
    ),
    "shy": Style(
        "Soft and narrow; the head is bowed and turned, the eyes avoid the other's.",
        {"pitch_range": -1, "brightness": -1, "head_down": +1, "gaze_aversion": +1, "jaw": -1},
        pitch_range=0.75, brightness=-1.2, level=-4, mouth=0.75, head=0.7, brows=0.8,
        held={"headRotationX": 0.06, "headRotationY": 0.05, "browInnerUp": 0.14},
        delivery=Delivery(tempo=0.96, pauses=1.25, gaze_aversion=0.6, blinks=1.4),
    ),
    "grand": Style(
        "Grand gestures of the head; voice and face stay as they are.",
        {"head_speed": +1, "head_range": +1},
        head=2.2,
    ),
    "deadpan": Style(
        "No melody and no expression: a flat voice, a still head and rare blinks.",
        {"pitch_range": -1, "head_speed": -1, "brows": -1, "blinks": -1},
        pitch_range=0.3, head=0.2, brows=0.1,
        delivery=Delivery(blinks=0.6),
    ),
}  # fmt: skip


def processed_waveform(waveform: np.ndarray, style: Style, seed: int) -> np.ndarray:
    """A recording (S,) at 24 kHz as the style speaks it, of the same length; brightness comes with the spectrum."""
    made = waveform
    if style.whisper:
        made = whisper(made, seed)
    elif (style.pitch_range, style.pitch_shift) != (1.0, 0.0):
        made = change_pitch(made, style.pitch_range, style.pitch_shift)
    return made * np.float32(10 ** (style.level / 20))


def processed_motion(values: np.ndarray, style: Style) -> np.ndarray:
    """Motion frames (T, 57) as the style moves."""
    made = values.copy()
    made[:, _LIPS] *= style.mouth
    made[:, _HEAD] *= style.head
    made[:, _BROWS] *= style.brows
    for channel, amount in style.held.items():
        made[:, INDEX[channel]] += amount
    made[:, WEIGHTS] = made[:, WEIGHTS].clip(0, 1)
    return made


class ProcessedCorpus(SpeechCorpus):
    """Recordings of a corpus processed for a style, each when it is first asked for.

    Args:
        features: the corpus.
        utterances: which of it.
        style: how.
    """

    _style: Style
    _made: dict[str, np.ndarray]

    def __init__(self, features: SpeechCorpus, utterances: list[Utterance], style: Style) -> None:
        super().__init__(features.wave, features.mel, tuple(utterances))
        object.__setattr__(self, "_style", style)  # the base is frozen
        object.__setattr__(self, "_made", {})

    def mel_of(self, utterance: Utterance) -> np.ndarray:
        """(4 T, 100) float32 log-mel of one utterance, processed."""
        made = self._made
        if utterance.id not in made:
            made[utterance.id] = self._processed(utterance).astype(np.float16)
        return made[utterance.id].astype(np.float32)

    def _processed(self, utterance: Utterance) -> np.ndarray:
        import torch

        from generation.audio.mel import mel_spectrogram
        from generation.core.clock import LOG_FLOOR

        style = self._style
        if style.part == "motion":
            return super().mel_of(utterance)
        waveform = processed_waveform(self.wave_of(utterance), style, seed=utterance.first)
        mel = mel_spectrogram(torch.from_numpy(waveform)).numpy()
        return np.maximum(mel + spectral_tilt(style.brightness), np.log(LOG_FLOOR)).astype(np.float32)


SECONDS = 3600
"""Speech of the corpus that teaches a style: four minutes on an idle machine see each second of it three or four
times."""


def training_utterances(features: SpeechCorpus, split: str, seconds: float = SECONDS) -> list[Utterance]:
    """Recordings of single voices of a split that last so long together, each voice in turn."""
    by_voice: dict[str, list[Utterance]] = {}
    for utterance in features.split(split):
        if len(utterance.voices) == 1:
            by_voice.setdefault(next(iter(utterance.voices)), []).append(utterance)
    chosen: list[Utterance] = []
    total = 0.0
    for turn in range(max(map(len, by_voice.values()), default=0)):
        for own in by_voice.values():
            if turn < len(own) and total < seconds:
                chosen.append(own[turn])
                total += own[turn].n_frames / FPS
    return sorted(chosen, key=lambda u: u.first)
