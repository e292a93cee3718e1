"""Motion teacher: network from sound and phonemes to lips and jaw, trained on tracked speech by flow matching.

It makes the labels of speech that has no face. Sampled, not averaged: a regression would halve every movement
that the sound does not determine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from generation.audio.mel import mel_spectrogram
from generation.audio.mel_bands import mel_scale
from generation.core.clock import MELS_PER_FRAME, N_MELS
from generation.core.motion import INDEX, MOUTH, WEIGHTS
from generation.data.grid_corpus import HELD_OUT_FILES, TRAIN_FILES, Sentence, mean_symbol_seconds, read_sentences
from generation.motion.articulation import N_FEATURES, phonetic_features
from generation.training.trainer import FitSettings, fit

logger = logging.getLogger(__name__)

MOUTH_INDEX: tuple[int, ...] = tuple(INDEX[name] for name in MOUTH)
SIGMA_MIN = 0.15
STEPS = 10
WINDOW = 64


class _Block(nn.Module):
    """ConvNeXt block over time, modulated by the flow time."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(width, 3 * width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        shift, scale, gate = self.modulate(time)[:, None].chunk(3, dim=-1)
        h = self.norm(self.mix(x.transpose(1, 2)).transpose(1, 2)) * (1 + scale) + shift
        return x + (1 + gate) * self.narrow(functional.gelu(self.widen(h)))


class MotionTeacher(ModelMixin, ConfigMixin):
    """Predicts clean mouth weights from noisy ones, the log-mel and the articulatory features of the phonemes."""

    @register_to_config
    def __init__(self, width: int = 112, depth: int = 6) -> None:
        super().__init__()
        n = len(MOUTH_INDEX)
        self.sound = nn.Sequential(
            nn.Conv1d(N_MELS, 64, 5, padding=2), nn.GELU(), nn.Conv1d(64, width, MELS_PER_FRAME, MELS_PER_FRAME)
        )
        self.phonemes = nn.Sequential(
            nn.Conv1d(N_FEATURES, 48, 9, padding=4), nn.GELU(), nn.Conv1d(48, width, MELS_PER_FRAME, MELS_PER_FRAME)
        )
        self.enter = nn.Linear(n, width)
        self.time = nn.Sequential(nn.Linear(32, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.blocks = nn.ModuleList(_Block(width, (1, 2, 4, 1, 2, 4, 1)[i % 7]) for i in range(depth))
        self.leave = nn.Linear(width, n)
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("spread", torch.ones(n))

    def forward(self, noisy: Tensor, sigma: Tensor, mel: Tensor, phonetic: Tensor) -> Tensor:
        """Clean latent.

        Args:
            noisy: (B, T, 28) standardised mouth weights with noise, x = (1 - sigma) data + sigma noise.
            sigma: (B,) flow time in [0, 1].
            mel: (B, 4 T, 100) from :func:`relative_mel`.
            phonetic: (B, 4 T, N_FEATURES).

        Returns:
            (B, T, 28).
        """
        angle = sigma[:, None] * torch.exp(torch.linspace(0.0, 6.0, 16, device=sigma.device))
        time = self.time(torch.cat([angle.sin(), angle.cos()], dim=-1))
        x = self.enter(noisy) + self.sound(mel.transpose(1, 2)).transpose(1, 2)
        x = x + self.phonemes(phonetic.transpose(1, 2)).transpose(1, 2)
        for block in self.blocks:
            x = block(x, time)
        return self.leave(x)

    @torch.no_grad()
    def sample(self, mel: Tensor, phonetic: Tensor, generator: torch.Generator, steps: int = STEPS) -> Tensor:
        """One sample of the mouth weights.

        Args:
            mel: (4 T, 100) natural-log mel of the sound.
            phonetic: (4 T, N_FEATURES).
            generator: of the noise, on the CPU.
            steps: Euler steps.

        Returns:
            (T, 28) float32, 0..1, channels in the order of :data:`generation.core.motion.MOUTH`.
        """
        mel, phonetic = relative_mel(mel)[None], phonetic[None]
        x = torch.randn((1, mel.shape[1] // MELS_PER_FRAME, len(MOUTH_INDEX)), generator=generator)
        sigmas = torch.linspace(1, 0, steps + 1)
        for now, then in zip(sigmas[:-1], sigmas[1:], strict=True):
            clean = self(x, now[None], mel, phonetic)
            x = x + (then - now) * (x - clean) / now
        return (x[0] * self.spread + self.mean).clamp(0, 1)


def relative_mel(mel: Tensor) -> Tensor:
    """Log-mel (..., M, 100) relative to the loud frames of the recording (95th percentile), 0 to -3 or so."""
    loudness = torch.logsumexp(mel, dim=-1)
    level = torch.quantile(loudness, 0.95, dim=-1)[..., None, None]
    return (mel - level).clamp(min=-11.0) / 3.0 + 2.0


@dataclass(frozen=True)
class _TeacherData:
    """All sentences on one grid: motion (N, T, 28), mel (N, 4 T, 100), phonetic (N, 4 T, F)."""

    motion: Tensor
    mel: Tensor
    phonetic: Tensor


def _collect(sentences: list[Sentence]) -> _TeacherData:
    motion = np.stack([s.motion[:, WEIGHTS][:, list(MOUTH_INDEX)] for s in sentences])
    mel = mel_spectrogram(torch.from_numpy(np.stack([s.waveform for s in sentences])))
    phonetic = np.stack([phonetic_features(s.timed, 4 * len(s.motion)) for s in sentences if s.timed is not None])
    return _TeacherData(torch.from_numpy(motion), mel, torch.from_numpy(phonetic))


class Augmentation:
    """Another speaker from one: pitch, formants, spectral slope and noise floor of log-mels are changed at random.

    The envelope over frequency (Gaussian, 3 bins) carries the formants, the rest the harmonics; each is moved along
    the frequency axis by a factor of its own.
    """

    def __init__(self) -> None:
        self.hertz = mel_scale(N_MELS)
        bins = torch.arange(-9, 10, dtype=torch.float32)
        self.kernel = functional.normalize(torch.exp(-0.5 * (bins / 3) ** 2), p=1, dim=0)[None, None]

    def __call__(self, mel: Tensor, generator: torch.Generator) -> Tensor:
        """(B, M, 100) natural-log mels -> the same shape."""

        def uniform(low: float, high: float) -> Tensor:
            return torch.rand(len(mel), generator=generator) * (high - low) + low

        padded = functional.pad(mel.reshape(-1, 1, N_MELS), (9, 9), mode="replicate")
        envelope = functional.conv1d(padded, self.kernel).reshape(mel.shape)
        detail = self._warp(mel - envelope, uniform(-0.3, 0.8).exp()) * uniform(0, 1.2)[:, None, None]
        out = self._warp(envelope, uniform(-0.22, 0.22).exp()) + detail
        slope = torch.linspace(-1, 1, N_MELS) * uniform(-1.2, 1.2)[:, None]
        wave = torch.sin(torch.linspace(0, 9, N_MELS) * uniform(0.2, 1)[:, None] + uniform(0, 6.3)[:, None])
        out = out + (slope + wave * uniform(0, 0.7)[:, None])[:, None]
        floor = out.amax(dim=(1, 2)) + uniform(-12.0, -5.0)
        hiss = 0.3 * torch.randn(out.shape, generator=generator)
        return torch.logaddexp(out, floor[:, None, None] + hiss)

    def _warp(self, mel: Tensor, factor: Tensor) -> Tensor:
        bins = np.arange(N_MELS)
        place = np.stack([np.interp(self.hertz / f, self.hertz, bins) for f in factor.numpy()])
        low = torch.from_numpy(place.astype(np.int64)).clamp(max=N_MELS - 2)
        share = torch.from_numpy((place - low.numpy()).astype(np.float32))[:, None]
        index = low[:, None].expand(-1, mel.shape[1], -1)
        return mel.gather(2, index) * (1 - share) + mel.gather(2, index + 1) * share


def _batches(examples: _TeacherData, size: int) -> Callable[[torch.Generator], tuple[Tensor, Tensor, Tensor]]:
    """Random windows of 64 frames, spoken 20 % slower to 25 % faster, sound or phonemes missing now and then."""
    augmentation = Augmentation()
    n, length = examples.motion.shape[:2]

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        def uniform(low: float, high: float) -> Tensor:
            return torch.rand((size, 1), generator=generator) * (high - low) + low

        rows = torch.randint(n, (size, 1), generator=generator)
        speed = uniform(0.8, 1.25)
        start = uniform(0, 1) * (length - WINDOW * speed).clamp(min=0)
        at = (start + speed * torch.arange(WINDOW)).clamp(max=length - 1.001)
        low, share = at.long(), (at - at.floor())[..., None]
        motion = examples.motion[rows, low] * (1 - share) + examples.motion[rows, low + 1] * share
        fine = 4 * start + speed * torch.arange(4 * WINDOW)
        fine = fine.long().clamp(max=4 * length - 1)
        mel = relative_mel(augmentation(examples.mel[rows, fine], generator))
        phonetic = examples.phonetic[rows, fine]
        mel = mel * (uniform(0, 1) > 0.1)[..., None]
        return motion, mel, phonetic * (uniform(0, 1) > 0.1)[..., None]

    return draw


def _loss(model: MotionTeacher, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    motion, mel, phonetic = batch
    clean = (motion - model.mean) / model.spread
    sigma = torch.sigmoid(0.3 + torch.randn(len(clean)))
    noise = torch.randn_like(clean)
    noisy = (1 - sigma[:, None, None]) * clean + sigma[:, None, None] * noise
    predicted = model(noisy, sigma, mel, phonetic).float()
    weight = 1 / sigma.clamp(min=SIGMA_MIN).square()
    error = (predicted - clean).square().mean((1, 2)) + (predicted - clean).diff(dim=1).square().mean((1, 2))
    return (weight * error).mean() / weight.mean(), {"x0": float((predicted - clean).square().mean().detach())}


def validation_figures(model: MotionTeacher, sentences: list[Sentence]) -> dict[str, float]:
    """Jaw opening of one sample per held-out sentence against the tracked one: correlation and ratio of spreads."""
    generator = torch.Generator().manual_seed(1)
    jaw = MOUTH.index("jawOpen")
    made, real = [], []
    for sentence in sentences:
        if sentence.timed is None:
            continue
        mel = mel_spectrogram(torch.from_numpy(sentence.waveform))
        phonetic = torch.from_numpy(phonetic_features(sentence.timed, len(mel)))
        made.append(model.sample(mel, phonetic, generator)[:, jaw].numpy())
        real.append(sentence.motion[:, INDEX["jawOpen"]])
    made, real = np.concatenate(made), np.concatenate(real)
    return {"jaw_r": float(np.corrcoef(made, real)[0, 1]), "jaw_spread": float(made.std() / real.std())}


def train_teacher(shared: Path, work: Path, minutes: float) -> dict[str, float]:
    """Trains the teacher on the tracked sentences and leaves it in ``work/teacher/ema``; resumes what is there.

    Args:
        shared: folder with ``motion/`` and ``corpus/``.
        work: writable folder.
        minutes: length of the run.

    Returns:
        the last log entry.
    """
    seconds = mean_symbol_seconds(shared / "corpus" / "manifest.jsonl")
    examples = _collect(list(read_sentences(shared / "motion", TRAIN_FILES, seconds)))
    held_out = list(read_sentences(shared / "motion", HELD_OUT_FILES[:1], seconds))[:20]
    model = MotionTeacher()
    model.mean.copy_(examples.motion.mean((0, 1)))
    model.spread.copy_(examples.motion.std((0, 1)).clamp(min=0.01))
    settings = FitSettings(minutes=minutes, learning_rate=1e-3, ema=0.995, save_every=3.0)
    return fit(
        model,
        _loss,
        _batches(examples, 20),
        settings,
        work / "teacher",
        validate=lambda trained: validation_figures(trained, held_out),
    )


def load_teacher(work: Path) -> MotionTeacher:
    """The trained teacher.

    Raises:
        ValueError: it has not been trained.
    """
    if not (work / "teacher" / "ema").exists():
        raise ValueError(f"No motion teacher in {work}: train it first (scripts/train.py teacher).")
    return MotionTeacher.from_pretrained(work / "teacher" / "ema").eval()
