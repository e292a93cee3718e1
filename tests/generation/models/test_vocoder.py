"""Sound and spectra: the transforms on the clock, the vocoder's network, and fast Griffin-Lim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from random_networks import enliven
from torch import Tensor

from generation.audio.mel import istft, mel_filters, mel_spectrogram, mel_to_amplitude, stft
from generation.audio.pitch import envelope
from generation.core.clock import HOP, LOG_FLOOR, MEL_RATE, N_FFT, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.weights import load_strict
from generation.data.corpus import SpeechCorpus, Utterance
from generation.models.vocoder import Vocoder, pitch_of
from generation.training.vocoder import vocoder_batches, vocoder_loss


@pytest.fixture(scope="module")
def speech() -> Tensor:
    """(1, 19200) something like speech: a gliding buzz through three moving resonances, syllables, breath."""
    rng = np.random.default_rng(0)
    t = np.arange(19_200) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 1.5 * t)) / SAMPLE_RATE
    sound = np.zeros_like(t)
    for k in range(1, 60):
        pitch = k * (120 + 30 * np.sin(2 * np.pi * 1.5 * t))
        gain = sum(
            1 / (1 + ((pitch - f * (1 + 0.2 * np.sin(2 * np.pi * r * t))) / w) ** 2)
            for f, w, r in ((500, 90, 2.1), (1500, 120, 3.3), (2600, 180, 1.2))
        )
        sound += gain * np.sin(k * phase)
    sound *= (0.55 + 0.45 * np.sin(2 * np.pi * 4 * t)) / np.abs(sound).max() * 0.5
    return torch.from_numpy((sound + 0.002 * rng.normal(size=len(t))).astype(np.float32))[None]


@pytest.fixture(scope="module")
def plain() -> Vocoder:
    """An untrained network, which adds nothing to the mel's pseudo-inverse."""
    return Vocoder(dim=16, hidden=32, num_layers=1).eval()


def test_the_spectrum_turns_back_into_the_sound_to_its_very_ends(speech: Tensor) -> None:
    noise = torch.randn(2, 4800, generator=torch.Generator().manual_seed(0))
    for sound in (noise, speech, speech[:, :HOP]):
        spectrum = stft(sound)
        assert spectrum.shape == (len(sound), N_FFT // 2 + 1, sound.shape[1] // HOP)
        torch.testing.assert_close(istft(spectrum), sound, rtol=0, atol=1e-4)


def test_frame_k_is_centred_on_sample_240_k_plus_120() -> None:
    click = torch.zeros(1, 40 * HOP)
    click[0, 17 * HOP + HOP // 2] = 1
    energy = stft(click).abs().square().sum(1)[0]
    assert int(energy.argmax()) == 17
    torch.testing.assert_close(energy[16], energy[18], rtol=1e-3, atol=0)


def test_mel_frames_come_at_a_hundred_a_second(speech: Tensor) -> None:
    mel = mel_spectrogram(speech)
    assert mel.shape == (1, speech.shape[1] * MEL_RATE // SAMPLE_RATE, 100)
    torch.testing.assert_close(mel_spectrogram(speech[0]), mel[0])
    torch.testing.assert_close(mel_spectrogram(10 * speech), mel + np.log(10), rtol=0, atol=1e-4)
    assert (mel_spectrogram(torch.zeros(2400)) == np.float32(np.log(LOG_FLOOR))).all()


def test_a_tone_lights_its_own_mel_band() -> None:
    t = torch.arange(9600) / SAMPLE_RATE
    centres = (mel_filters(torch.device("cpu")) * torch.linspace(0, SAMPLE_RATE / 2, 513)[:, None]).sum(0)
    centres /= mel_filters(torch.device("cpu")).sum(0)
    for hertz in (300.0, 1000.0, 5000.0):
        band = int(mel_spectrogram(0.5 * torch.sin(2 * torch.pi * hertz * t))[20].argmax())
        assert abs(float(centres[band]) / hertz - 1) < 0.06


def test_amplitudes_have_the_mel_that_they_came_from(speech: Tensor) -> None:
    mel = mel_spectrogram(speech)
    again = (mel_to_amplitude(mel) @ mel_filters(speech.device)).clamp(min=LOG_FLOOR).log()
    assert float((again - mel).abs().median()) < 0.05


def test_an_untrained_network_is_plain_mel_inversion(plain: Vocoder, speech: Tensor) -> None:
    mel = mel_spectrogram(speech)
    pitch = pitch_of(mel.numpy())
    with torch.no_grad():
        torch.testing.assert_close(plain(mel, pitch), mel_to_amplitude(mel).log())
        lively = enliven(Vocoder(dim=16, hidden=32, num_layers=1))
        assert float((lively(mel, pitch) - plain(mel, pitch)).abs().mean()) > 0.1


def convergence(sound: Tensor, target: Tensor) -> float:
    """Spectral convergence: distance of the amplitudes over the target's norm."""
    wanted = stft(target).abs()
    return float((stft(sound).abs() - wanted).norm() / wanted.norm())


def test_a_recordings_own_mel_gives_it_back(plain: Vocoder, speech: Tensor) -> None:
    mel = mel_spectrogram(speech)
    assert convergence(plain.decode(mel), speech) < 0.35


def test_a_voice_starts_with_phases_that_fit_it(
    plain: Vocoder, speech: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    mel = mel_spectrogram(speech)
    ordered = convergence(plain.decode(mel, iterations=1), speech)
    monkeypatch.setattr("generation.models.vocoder._VOICED", 2.0)
    assert ordered < 0.7 * convergence(plain.decode(mel, iterations=1), speech)


def test_momentum_converges_faster(plain: Vocoder, speech: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the amplitudes asked for, after as many rounds from phases by chance."""
    monkeypatch.setattr("generation.models.vocoder._VOICED", 2.0)
    mel = mel_spectrogram(speech)
    amplitude = plain(mel, pitch_of(mel.numpy())).exp().transpose(1, 2).detach()
    errors = []
    for momentum in (0.0, 0.99):
        made = stft(plain.decode(mel, iterations=40, momentum=momentum)).abs()
        errors.append(float((made - amplitude).norm() / amplitude.norm()))
    assert errors[1] < 0.95 * errors[0]


def test_decoding_is_repeatable_and_each_row_by_itself(plain: Vocoder, speech: Tensor) -> None:
    mel = mel_spectrogram(speech)
    sound = plain.decode(mel, iterations=8)
    assert sound.shape == speech.shape and sound.dtype == torch.float32
    assert torch.equal(plain.decode(mel, iterations=8), sound)
    torch.manual_seed(1)
    assert torch.equal(plain.decode(mel, iterations=8), sound)


def test_silence_stays_silent(plain: Vocoder) -> None:
    assert plain.decode(mel_spectrogram(torch.zeros(1, 4800)), iterations=4).abs().max() < 1e-4


def test_the_loss_knows_better_spectra_and_reaches_every_weight(speech: Tensor) -> None:
    class Known(torch.nn.Module):
        def forward(self, mel: Tensor, pitch: Tensor) -> Tensor:
            return stft(speech).abs().clamp(min=LOG_FLOOR).transpose(1, 2).log()

    vocoder = enliven(Vocoder(dim=16, hidden=32, num_layers=1))
    mel = mel_spectrogram(speech)
    batch = (speech, mel, pitch_of(mel.numpy()))
    loss = vocoder_loss(vocoder, batch)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in vocoder.parameters())
    assert vocoder_loss(Known(), batch) < 1e-4 < vocoder_loss(Vocoder(dim=16, hidden=32, num_layers=1), batch) < loss


def test_training_crops_are_worsened_in_their_ripples_alone(speech: Tensor) -> None:
    n_frames = speech.shape[1] // SAMPLES_PER_FRAME
    wave = (speech[0].numpy() * 32767).astype(np.int16)
    utterance = Utterance("u", 0, n_frames, "", " ", (4 * n_frames,), {"v": 1.0}, "train", 1.0)
    corpus = SpeechCorpus(wave, mel_spectrogram(speech)[0].numpy().astype(np.float16), [utterance])
    draw = vocoder_batches(corpus, 6, n_frames=12)
    sound, mel, pitch = draw(torch.Generator().manual_seed(0))
    assert sound.shape == (6, 12 * SAMPLES_PER_FRAME) and mel.shape == (6, 48, 100) and pitch.shape == (6, 48, 2)
    true = mel_spectrogram(sound).numpy()
    inner = slice(8, -8)
    smooth = np.abs(envelope(mel.numpy()) - envelope(true))[..., inner]
    rippled = np.abs(mel.numpy() - true)[..., inner]
    assert 0.05 < rippled.mean() > 2 * smooth.mean()
    assert torch.equal(pitch, pitch_of(true))
    assert all(
        torch.equal(a, b) for a, b in zip(draw(torch.Generator().manual_seed(0)), (sound, mel, pitch), strict=True)
    )


def test_saved_and_loaded_it_sounds_the_same(speech: Tensor, tmp_path: Path) -> None:
    vocoder = enliven(Vocoder(dim=16, hidden=32, num_layers=1))
    vocoder.save_pretrained(tmp_path)
    mel = mel_spectrogram(speech[:, :4800])
    assert torch.equal(load_strict(Vocoder, tmp_path).decode(mel, iterations=2), vocoder.decode(mel, iterations=2))


def test_mel_filters_are_those_of_the_library() -> None:
    """Our own, since importing transformers for one matrix takes half a second of every start."""
    from transformers.audio_utils import mel_filter_bank

    theirs = mel_filter_bank(513, 100, 0.0, SAMPLE_RATE / 2, SAMPLE_RATE, norm="slaney", mel_scale="slaney")
    torch.testing.assert_close(mel_filters(torch.device("cpu")), torch.as_tensor(theirs, dtype=torch.float32))
