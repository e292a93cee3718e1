"""Training of the speech mask: mixtures of speech with music and noise by code, its loss, and the file that ships."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.numpy import save_file
from torch import Tensor

from generation.audio.effects import change_pitch, whisper
from generation.audio.mel_bands import log_mel
from generation.audio.voice_activity import is_speech
from generation.core.clock import HOP, LOG_FLOOR, MEL_RATE, N_MELS, SAMPLE_RATE
from generation.core.weights import load_strict
from generation.data.background_sounds import equalised, music, noise, room
from generation.data.corpus import corpus_rows
from generation.models.speech_mask import SpeechMask
from generation.recordings.speech_mask import LOUD_LEVEL, level_of_loud_frames

_FRAMES = 3 * MEL_RATE
_NOTHING = float(np.log(LOG_FLOOR))
_PIECES, _PIECE_SECONDS = 450, 8.0
_UTTERANCES = 900
_TESTED_VOICES = {"af_aoede", "am_puck", "bf_isabella", "bm_lewis"}
_AUDIBLE = 5.5
"""Natural log of amplitude below the loud frames (48 dB): what lies lower counts as silence."""
_SURE_WEIGHT = 0.5
_OVER_NOISE_DB, _SOFTEST_DB, _LOUDEST_DB = 6.0, 35.0, 22.0
"""Speech is so much above a recording's noise, and its threshold between these two below the loud frames."""


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
    """Speech, music and noise as log-mel, kept in ``folder`` once drawn, and mixtures of them at random.

    Spectra are added with phases at random, band by band: what two sounds come to in a mel band, without a Fourier
    transform for each mixture.

    Args:
        shared: folder with ``corpus/`` and ``motion/``.
        folder: where they are kept.
    """

    def __init__(self, shared: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        self.music = _kept(folder / "music.npy", lambda: (music(_PIECE_SECONDS, random) for _ in range(_PIECES)))
        self.noise = _kept(folder / "noise.npy", lambda: (noise(_PIECE_SECONDS, random) for _ in range(_PIECES)))
        self.speech = _kept(folder / "speech.npy", lambda: (_changed(s, random) for s in _speech(shared, random)))

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """So many mixtures of 3 s."""
        random = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        made = [self._mixture(random) for _ in range(size)]
        heard, speech, speaks = (torch.from_numpy(np.stack(part)) for part in zip(*made, strict=True))
        return Batch(heard, speech, speaks)

    def _mixture(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log-mel of a mixture and of its speech, (M, 100), and (M,) 1 where somebody speaks."""
        speech, speaks = np.full((_FRAMES, N_MELS), _NOTHING, np.float32), np.zeros(_FRAMES, np.float32)
        if random.random() < 0.75:
            speech, speaks = self._utterance(random)
        hiss = random.uniform(-11.5, -6.5) + 0.3 * random.standard_normal((_FRAMES, N_MELS))
        heard = _sum(speech, hiss + random.uniform(-0.02, 0.02) * np.arange(N_MELS), random)
        if random.random() < 0.85:
            kind = random.choice(4, p=(0.5, 0.32, 0.12, 0.06))
            gain = -np.log(10) / 20 * random.choice([random.uniform(-8, 12), random.uniform(8, 35)])
            if kind in (0, 2):
                heard = _sum(heard, gain + _crop(self.music[random.integers(len(self.music))], random), random)
            if kind in (1, 2):
                heard = _sum(heard, gain + _crop(self.noise[random.integers(len(self.noise))], random), random)
            if kind == 3:  # a crowd, of whom nobody is understood
                for _ in range(crowd := int(random.integers(7, 14))):
                    heard = _sum(heard, gain - 0.5 * np.log(crowd) + self._utterance(random)[0], random)
        gain = LOUD_LEVEL - level_of_loud_frames(heard)
        gain += np.log(10) / 20 * random.choice([0.0, random.uniform(-30, 3)])
        return (heard + gain).astype(np.float32), (speech + gain).astype(np.float32), speaks

    def _utterance(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Log-mel of speech somewhere in 3 s, and where it is."""
        mel = self.speech[random.integers(len(self.speech))]
        wide = np.pad(mel, ((_FRAMES, _FRAMES), (0, 0)), constant_values=_NOTHING)
        first = int(random.integers(_FRAMES // 3, len(wide) - _FRAMES - _FRAMES // 4))
        speaks = np.pad(_speaks(mel), _FRAMES)[first : first + _FRAMES]
        return wide[first : first + _FRAMES], speaks.astype(np.float32)


def _sum(one: np.ndarray, other: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Log-mel (M, 100) of two sounds together."""
    a, b = np.exp(one), np.exp(other)
    phase = 0.6 * np.cos(2 * np.pi * random.random(a.shape, np.float32))
    return np.log(np.sqrt(np.maximum(a * a + b * b + 2 * phase * a * b, 0)) + LOG_FLOOR)


def _speaks(mel: np.ndarray) -> np.ndarray:
    """(M,) bool: 10 ms of speech (M, 100) in which it is heard, over whatever noise its recording has."""
    level = 10 * np.log10(np.exp(2 * mel.astype(np.float64)).mean(1))
    loud, quiet = np.quantile(level, (0.95, 0.1))
    return level > np.clip(quiet + _OVER_NOISE_DB, loud - _SOFTEST_DB, loud - _LOUDEST_DB)


def _kept(path: Path, make: Callable[[], Iterator[np.ndarray]]) -> list[np.ndarray]:
    """Log-mel of sounds from a file, or made and written to it."""
    if not path.is_file():
        made = [log_mel(sound) for sound in make()]
        np.save(path.with_suffix(".ends.npy"), np.cumsum([len(mel) for mel in made]))
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
    level = np.square(sound[: len(sound) // HOP * HOP].reshape(-1, HOP)).mean(1)
    loud = level[is_speech(10 * np.log10(level + 1e-12))].mean()
    return (0.1 * sound / np.sqrt(loud + 1e-12)).astype(np.float32)


def _crop(mel: np.ndarray, random: np.random.Generator) -> np.ndarray:
    first = int(random.integers(len(mel) - _FRAMES))
    return mel[first : first + _FRAMES]


def mask_loss(model: SpeechMask, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    """Distance of the masked log-mel from that of the speech where it can be heard, and cross-entropy of speaking."""
    with torch.autocast(batch.heard.device.type, enabled=False):  # half precision is slow on most CPUs
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
    save_file({name: t.detach().numpy().astype(np.float16) for name, t in model.state_dict().items()}, file)
