"""The vocoder against discriminators: who learns what from the one loss, and what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from random_networks import enliven
from torch import Tensor

from generation.audio.mel import mel_spectrogram
from generation.core.weights import load_strict
from generation.models.vocoder import Vocoder, pitch_of
from generation.training.trainer import FitSettings, fit
from generation.training.vocoder_gan import AdversarialVocoder, VocoderFiles, adversarial_loss


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> AdversarialVocoder:
    monkeypatch.setattr("generation.training.vocoder_gan.Vocoder", lambda: Vocoder(dim=16, hidden=32, num_layers=1))
    torch.manual_seed(0)
    return enliven(AdversarialVocoder(width=4))


def batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Two half seconds of a hum with breath, as the stage draws them."""
    draw = torch.Generator().manual_seed(seed)
    t = torch.arange(12_000) / 24_000
    hum = sum(torch.sin(2 * torch.pi * 140 * k * t) / k for k in range(1, 30))
    waveform = 0.1 * hum + 0.02 * torch.randn(2, 12_000, generator=draw)
    mel = mel_spectrogram(waveform)
    return waveform, mel, pitch_of(mel.numpy())


def _gradients(model: AdversarialVocoder, monkeypatch: pytest.MonkeyPatch, **weights: float) -> tuple[float, float]:
    """Largest gradient of the vocoder and of the discriminator with these weights of the vocoder's own losses."""
    chosen = dict.fromkeys(("near", "match", "fool"), 0.0) | weights
    monkeypatch.setattr("generation.training.vocoder_gan._WEIGHTS", chosen)
    model.zero_grad()
    torch.manual_seed(1)
    adversarial_loss(model, batch())[0].backward()
    largest = (
        max(float(p.grad.abs().max()) if p.grad is not None else 0.0 for p in part.parameters())
        for part in (model.vocoder, model.discriminator)
    )
    return tuple(largest)


def test_each_side_learns_from_its_own_losses_only(model: AdversarialVocoder, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody, alone = _gradients(model, monkeypatch)
    assert nobody == 0 and alone > 1e-3, "what tells the two apart moves the discriminator alone"
    for name in ("near", "match", "fool"):
        vocoder, discriminator = _gradients(model, monkeypatch, **{name: 1.0})
        assert vocoder > 1e-5 and discriminator == pytest.approx(alone, rel=1e-5), name


def test_fooling_raises_the_verdict(model: AdversarialVocoder, monkeypatch: pytest.MonkeyPatch) -> None:
    _gradients(model, monkeypatch, fool=1.0)
    before = contest_parts(model)["fool"]
    with torch.no_grad():
        for weight in model.vocoder.parameters():
            if weight.grad is not None:
                weight -= 1e-4 * weight.grad.sign()
    assert contest_parts(model)["fool"] < before


def contest_parts(model: AdversarialVocoder) -> dict[str, float]:
    torch.manual_seed(1)
    with torch.no_grad():
        return adversarial_loss(model, batch())[1]


def test_the_discriminator_learns_to_tell_them_apart(
    model: AdversarialVocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.training.vocoder_gan._WEIGHTS", dict.fromkeys(("near", "match", "fool"), 0.0))
    optimizer = torch.optim.AdamW(model.discriminator.parameters(), 5e-3)
    found = []
    for step in range(30):
        loss, parts = adversarial_loss(model, batch(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(parts["told_apart"])
    assert sum(found[-5:]) < 0.7 * sum(found[:5])


def test_the_vocoder_alone_is_written_and_read(model: AdversarialVocoder, tmp_path: Path) -> None:
    fit(
        model, adversarial_loss, lambda g: batch(), FitSettings(minutes=60, max_steps=6), tmp_path, files=VocoderFiles()
    )
    written = load_strict(Vocoder, tmp_path / "ema")
    assert {name for name, _ in written.named_parameters()} == {n for n, _ in model.vocoder.named_parameters()}
    fresh = enliven(AdversarialVocoder(width=4))
    VocoderFiles().read(fresh, tmp_path / "ema")
    for mine, theirs in zip(fresh.vocoder.parameters(), written.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
