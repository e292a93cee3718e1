"""Voice presets, and the speaker embedding of a reference clip (numpy only; the encoder is loaded when needed)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file

from generation.audio.clip_quality import best_excerpt
from generation.core.assets import asset
from generation.voices.blend import read_blend

if TYPE_CHECKING:
    from generation.audio.waveform import Audio


OCTAVE = "octave"
"""Name of that which is no preset in ``voices.safetensors``."""


@dataclass(frozen=True)
class Preset:
    """A preset voice: speaker embedding (64,) float32, language, description and origin.

    Attributes:
        embedding: point in the speaker embedding table.
        language: eSpeak NG's name of the pronunciation, ``en-us`` or ``en-gb``.
        description: one line for the reader, from measurements of the recordings.
        trained_on: the corpus voice whose recordings it was learned from.
    """

    embedding: np.ndarray
    language: str
    description: str
    trained_on: str


@dataclass(frozen=True)
class VoiceBank:
    """The presets by name.

    Attributes:
        presets: as :attr:`names` lists them.
        octave: (64,) float32, what the embeddings of higher voices have more, for an octave.
    """

    presets: dict[str, Preset]
    octave: np.ndarray

    @classmethod
    def load(cls, folder: Path | None = None) -> VoiceBank:
        """Reads ``voices.safetensors`` and ``voices.json``, by default those that ship."""
        embeddings = load_file((folder / "voices.safetensors") if folder else asset("voices.safetensors"))
        path = (folder / "voices.json") if folder else asset("voices.json")
        about = json.loads(path.read_text(encoding="utf-8"))
        return cls({name: Preset(embeddings[name], **about[name]) for name in sorted(about)}, embeddings[OCTAVE])

    @property
    def names(self) -> tuple[str, ...]:
        """All presets, in alphabetical order."""
        return tuple(self.presets)

    def __getitem__(self, name: str) -> Preset:
        """A preset.

        Raises:
            ValueError: no preset of that name (lists those there are).
        """
        if name not in self.presets:
            raise ValueError(f"There is no voice called {name!r}; the presets are {', '.join(self.names)}.")
        return self.presets[name]

    def embedding(self, name: str) -> np.ndarray:
        """Speaker embedding (64,) float32 of a preset, or of a blend as :func:`read_blend` reads it.

        Raises:
            ValueError: no preset of such a name, or shares that cannot be.
        """
        blend = read_blend(name)
        mixed = sum(np.float32(share) * self[voice].embedding for voice, share in blend.shares.items())
        return (mixed + np.float32(blend.semitones / 12) * self.octave).astype(np.float32)


def speaker_embedding_from_clip(audio: Audio) -> np.ndarray:
    """Speaker embedding (64,) float32 of the person who speaks in a recording, taken from its best 15 s.

    Raises:
        ValueError: less than half a second, in which no voice is heard.
    """
    return embed_mel(clip_mel(audio))


def clip_mel(audio: Audio) -> np.ndarray:
    """Log-mel (M, 100) of a recording's best 15 s without steady noise; raises as ``speaker_embedding_from_clip``."""
    import torch

    from generation.audio.mel import mel_spectrogram
    from generation.core.clock import HOP, SAMPLE_RATE

    if audio.seconds < 0.5:
        raise ValueError(f"A voice clip of {audio.seconds:.2f} s is too short; give one of a few seconds.")
    samples = best_excerpt(audio).resampled(SAMPLE_RATE).waveform
    samples = samples[: len(samples) // HOP * HOP]
    return _without_noise(mel_spectrogram(torch.from_numpy(samples)).numpy())


def embed_mel(mel: np.ndarray) -> np.ndarray:
    """Speaker embedding (64,) float32 of speech (M, 100)."""
    import torch

    with torch.no_grad():
        return _encoder()(torch.from_numpy(mel)[None])[0].numpy()


def _without_noise(mel: np.ndarray) -> np.ndarray:
    """Log-mel (M, 100) less the mean power of its quietest tenth: the encoder was trained in silence."""
    from generation.core.clock import LOG_FLOOR

    power = np.exp(2 * mel.astype(np.float64))
    total = power.mean(1)
    floor = power[total <= np.quantile(total, 0.1)].mean(0)
    return (0.5 * np.log(np.maximum(power - floor, LOG_FLOOR**2))).astype(np.float32)


@cache
def _encoder():  # noqa: ANN202 - a torch type, which this module does not import
    from generation.core.weights import load_strict
    from generation.models.speaker_encoder import SpeakerEncoder

    return load_strict(SpeakerEncoder, asset("voice_encoder"))
