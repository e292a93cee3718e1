"""Adversarial vocoder training: multi-scale patch discriminators, hinge loss, feature matching.

Sources: conditional patch discriminators (arXiv 1611.07004) at several scales, hinge loss, feature matching as in
MelGAN (arXiv 1910.06711). Needs many thousand steps, so a GPU: docs/training/notebook.md, sixth round.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import leaky_relu, relu
from torch.nn.utils.parametrizations import weight_norm

from generation.audio.mel import mel_spectrogram, mel_to_amplitude, stft
from generation.core.clock import LOG_FLOOR
from generation.models.vocoder import TEXTURE, Vocoder
from generation.training.vocoder import spectral_distance

_WEIGHTS = {"near": 4.0, "match": 2.0, "fool": 1.0}
"""Of the distance to the recording, of the features, and of what the discriminator says."""


class SpectrumDiscriminator(nn.Module):
    """Says of patches of a log amplitude spectrum how recorded they look, at three scales."""

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (
            (3, width, (7, 3), (3, 1)),
            (width, 2 * width, (5, 3), (3, 1)),
            (2 * width, 3 * width, (5, 3), (2, 2)),
            (3 * width, 3 * width, (3, 3), (1, 1)),
        )
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, size, stride, (size[0] // 2, size[1] // 2))) for a, b, size, stride in sizes
        )
        self.verdicts = nn.ModuleList(weight_norm(nn.Conv2d(b, 1, 3, 1, 1)) for _, b, _, _ in sizes[1:])

    def forward(self, spectrum: Tensor, expected: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Verdicts (higher = recorded) and features of every layer.

        Args:
            spectrum: (B, 513, M) natural log of the amplitudes.
            expected: (B, 513, M) the same as the mel alone tells it.
        """
        height = torch.linspace(-1, 1, spectrum.shape[1], device=spectrum.device)[None, :, None].expand_as(spectrum)
        h = torch.stack((spectrum - expected, (expected + 4) / 3, height), 1)
        verdicts, features = [], []
        for index, layer in enumerate(self.layers):
            h = leaky_relu(layer(h), 0.1)
            features.append(h)
            if index:
                verdicts.append(self.verdicts[index - 1](h))
        return verdicts, features


class AdversarialVocoder(ModelMixin, ConfigMixin):
    """The vocoder and its discriminator, trained side by side by :func:`adversarial_loss`."""

    @register_to_config
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.vocoder = Vocoder()
        self.discriminator = SpectrumDiscriminator(width)


def adversarial_loss(
    model: AdversarialVocoder, batch: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, dict[str, float]]:
    """Losses of both sides in one sum, on a batch of :func:`generation.training.vocoder.vocoder_batches`.

    Returns:
        loss, and its parts by name.
    """
    waveform, mel, pitch = batch
    recorded = stft(waveform).abs().clamp(min=LOG_FLOOR).log()
    expected = mel_to_amplitude(mel_spectrogram(waveform)).log().transpose(1, 2)
    median = model.vocoder(mel, pitch)
    spread = torch.linspace(*TEXTURE, median.shape[-1], device=median.device)
    drawn = (median + spread * torch.randn_like(median)).transpose(1, 2)

    real, features = model.discriminator(recorded, expected)
    fake, _ = model.discriminator(drawn.detach(), expected)
    told_apart = sum(relu(1 - r).mean() + relu(1 + f).mean() for r, f in zip(real, fake, strict=True))

    # The same judge, but held still: one backward pass moves the vocoder and the discriminator, each for itself.
    still = {name: weight.detach() for name, weight in model.discriminator.named_parameters()}
    verdicts, seen = functional_call(model.discriminator, still, (drawn, expected))
    fool = -sum(verdict.mean() for verdict in verdicts)
    match = sum((s - f.detach()).abs().mean() for s, f in zip(seen, features, strict=True))
    near = spectral_distance(median, waveform)
    total = told_apart + _WEIGHTS["near"] * near + _WEIGHTS["match"] * match + _WEIGHTS["fool"] * fool
    parts = {"near": near, "match": match, "fool": fool, "told_apart": told_apart}
    return total, {name: float(part.detach()) for name, part in parts.items()}


class VocoderFiles:
    """The vocoder alone, for :func:`generation.training.trainer.fit`; the discriminator lives in the checkpoint."""

    def write(self, model: AdversarialVocoder, folder: Path) -> None:
        """See :class:`generation.training.trainer.Files`."""
        model.vocoder.save_pretrained(folder)

    def read(self, model: AdversarialVocoder, folder: Path) -> None:
        """See :class:`generation.training.trainer.Files`."""
        weights = load_file(folder / "diffusion_pytorch_model.safetensors")
        model.vocoder.load_state_dict(weights, strict=True)
