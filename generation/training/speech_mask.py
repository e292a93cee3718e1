"""Training of the speech mask: mixtures of speech with music and noise by code, its loss, and the file that ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.numpy import save_file
from torch import Tensor

from generation.audio.effects import change_pitch, whisper
from generation.audio.mel import mel_spectrogram
from generation.audio.speech_mask import LOUD_LEVEL, level_of_loud_frames
from generation.audio.voice_activity import is_speech
from generation.core.clock import HOP, SAMPLE_RATE
from generation.core.weights import load_strict
from generation.data.background_sounds import equalised, music, noise, normalised, room
from generation.data.corpus import corpus_rows
from generation.models.speech_mask import SpeechMask

_SECONDS = 3.0
_PIECES, _PIECE_SECONDS = 450, 8.0
_UTTERANCES = 900
_TESTED_VOICES = {"af_aoede", "am_puck", "bf_isabella", "bm_lewis"}
_AUDIBLE = 5.5
"""Natural log of amplitude below the loud frames (48 dB): what lies lower counts as silence."""
_SURE_WEIGHT = 0.5


@dataclass(frozen=True)
class Batch:
    """Mixtures: log-mel of what is heard and of the speech in it, (B, M, 100), and where somebody speaks, (B, M)."""

    heard: Tensor
    speech: Tensor
    speaks: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """On another device."""
        return Batch(*(part.to(device) for part in (self.heard, self.speech, self.speaks)))


class Mixtures:
    """Speech, music and noise, kept in ``folder`` once drawn, and mixtures of them at random.

    Args:
        shared: folder with ``corpus/`` and ``motion/``.
        folder: where the sounds are kept.
    """

    def __init__(self, shared: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        self.music = _kept(folder / "music.npy", lambda: [music(_PIECE_SECONDS, random) for _ in range(_PIECES)])
        self.noise = _kept(folder / "noise.npy", lambda: [noise(_PIECE_SECONDS, random) for _ in range(_PIECES)])
        self.speech = _kept(folder / "speech.npy", lambda: [_changed(s, random) for s in _speech(shared, random)])
        spans = [np.flatnonzero(_speaks(sound)) for sound in self.speech]
        self.speech = [s for s, span in zip(self.speech, spans, strict=True) if len(span) > 20]

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """So many mixtures of 3 s."""
        random = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        made = [self._mixture(random) for _ in range(size)]
        heard, speech = (
            mel_spectrogram(torch.from_numpy(np.stack(part))) for part in list(zip(*made, strict=True))[:2]
        )
        return Batch(heard, speech, torch.from_numpy(np.stack([speaks for *_, speaks in made])))

    def _mixture(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n = round(_SECONDS * SAMPLE_RATE)
        speech, speaks = np.zeros(n, np.float32), np.zeros(n // HOP, np.float32)
        if random.random() < 0.75:
            speech, speaks = self._utterance(n, random)
        other = 0.1 * 10 ** (random.uniform(-75, -35) / 20) * random.standard_normal(n)
        if random.random() < 0.85:
            kinds = random.choice(4, p=(0.5, 0.32, 0.12, 0.06))
            decibels = random.choice([random.uniform(-8, 12), random.uniform(8, 35)])
            sound = 0.0
            if kinds in (0, 2):
                sound = sound + _crop(self.music[random.integers(len(self.music))], n, random)
            if kinds in (1, 2):
                sound = sound + _crop(self.noise[random.integers(len(self.noise))], n, random)
            if kinds == 3:  # a crowd, of whom nobody is understood
                crowd = [self._utterance(n, random)[0] for _ in range(random.integers(7, 14))]
                sound = normalised(sum(np.roll(each, random.integers(n)) for each in crowd))
            other = other + 10 ** (-decibels / 20) * sound
        mixture = speech + other
        if random.random() < 0.05:
            limit = np.quantile(np.abs(mixture), random.uniform(0.9, 0.999))
            mixture = mixture.clip(-limit, limit)
        loud = level_of_loud_frames(mel_spectrogram(torch.from_numpy(mixture.astype(np.float32))).numpy())
        gain = np.exp(LOUD_LEVEL - loud) * 10 ** (random.choice([0.0, random.uniform(-30, 3)]) / 20)
        return (gain * mixture).astype(np.float32), (gain * speech).astype(np.float32), speaks

    def _utterance(self, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Speech of RMS 0.1 somewhere in n samples, and where it is."""
        sound = self.speech[random.integers(len(self.speech))]
        flags = _speaks(sound)
        wide = np.pad(sound, (n, n))
        flags = np.pad(flags, (n // HOP, n // HOP))
        first = HOP * int(random.integers(n // HOP // 3, (len(wide) - n) // HOP - n // HOP // 4))
        return wide[first : first + n], flags[first // HOP : first // HOP + n // HOP].astype(np.float32)


def _speaks(sound: np.ndarray) -> np.ndarray:
    """(S / 240,) bool: 10 ms in which speech (S,) is heard."""
    frames = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)
    return is_speech(10 * np.log10(np.square(frames.astype(np.float64)).mean(1) + 1e-12), 35.0)


def _kept(path: Path, make: Callable[[], Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Sounds from a file, or made and written to it."""
    if not path.is_file():
        made = list(make())
        ends = np.cumsum([len(sound) for sound in made])
        np.save(path.with_suffix(".ends.npy"), ends)
        np.save(path, np.concatenate(made).astype(np.float16))
    ends = np.load(path.with_suffix(".ends.npy"))
    return [part.astype(np.float32) for part in np.split(np.load(path), ends[:-1])]


def _speech(shared: Path, random: np.random.Generator) -> list[np.ndarray]:
    """Utterances of the corpus, and a third as many real sentences."""
    rows = [
        sound for row, sound in corpus_rows([shared / "corpus"])
        if row["split"] == "train" and not _TESTED_VOICES & set(row["voices"])
    ]  # fmt: skip
    chosen = random.choice(len(rows), min(len(rows), 3 * _UTTERANCES // 4), replace=False)
    sounds = [soundfile.read(rows[k], dtype="float32")[0] for k in chosen]
    real = [soundfile.read(shared / "motion" / f"grid_s1_{k:02d}.opus", dtype="float32")[0] for k in range(19)]
    length = 4 * SAMPLE_RATE
    cuts = [file[k : k + length] for file in real for k in range(0, len(file) - length, length)]
    return sounds + [cuts[k] for k in random.choice(len(cuts), min(len(cuts), _UTTERANCES // 4), replace=False)]


def _changed(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Speech as other people, rooms and microphones would have it, of RMS 0.1."""
    sound = sound[: 8 * SAMPLE_RATE // HOP * HOP]
    if random.random() < 0.3:
        sound = change_pitch(sound, random.uniform(0.5, 1.8), random.uniform(-5, 8))
    elif random.random() < 0.1:
        sound = whisper(sound, int(random.integers(1 << 30)))
    if random.random() < 0.5:
        sound = room(sound, random, random.uniform(0.05, 0.5))
    sound = equalised(sound, random, random.uniform(0, 7))
    spoken = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)[_speaks(sound)]
    return (0.1 * sound / np.sqrt(np.square(spoken).mean() + 1e-12)).astype(np.float32)


def _crop(sound: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    first = int(random.integers(len(sound) - n))
    return sound[first : first + n]


def mask_loss(model: SpeechMask, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Distance of the masked log-mel from that of the speech where it can be heard, and cross-entropy of speaking."""
    mask, speaks = model(batch.heard)
    floor = batch.heard.exp().square().mean(2).quantile(0.95, 1).log()[:, None, None] / 2 - _AUDIBLE
    wanted = torch.minimum(batch.speech, batch.heard).maximum(floor)
    apart = ((batch.heard + mask).maximum(floor) - wanted).abs().mean()
    sure = torch.nn.functional.binary_cross_entropy_with_logits(speaks, batch.speaks)
    right = ((speaks > 0) == (batch.speaks > 0.5)).float().mean()
    return apart + _SURE_WEIGHT * sure, {"apart": float(apart.detach()), "right": float(right.detach())}


def publish_mask(ema: Path, file: Path) -> None:
    """Writes the weights of a checkpoint in half precision as the one file that ships."""
    model = load_strict(SpeechMask, ema)
    save_file({name: t.detach().squeeze(-1).numpy().astype(np.float16) for name, t in model.state_dict().items()}, file)
