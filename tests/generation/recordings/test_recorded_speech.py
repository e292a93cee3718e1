"""Speech in recordings: told from music and noise, at any gain, and alone in what the model hears."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from backgrounds import background, bells, drums, fan, kettle, mandolin, organ, room_tone, train, waves
from sounds import RATE, syllables

from generation.audio.loudness import loudness, mix
from generation.audio.mel import mel_spectrogram
from generation.audio.mel_bands import log_mel
from generation.audio.waveform import Audio
from generation.core.clock import LOG_FLOOR
from generation.models.speech_mask import SpeechMask
from generation.pipeline.postprocess import pause_gate
from generation.recordings import recorded_speech
from generation.recordings import speech_mask as running
from generation.recordings.quality import assess_recording
from generation.recordings.recorded_speech import (
    find_speech,
    levelled,
    speech_gain,
    speech_log_mel,
    without_other_sounds,
)

OTHER_SOUNDS = (bells, organ, drums, mandolin, train, fan, waves, kettle, room_tone)
FRAME = 960


def gate(sound: np.ndarray) -> np.ndarray:
    """What the pause gate makes of a recording, a value a video frame."""
    mel = speech_log_mel(sound[: len(sound) // FRAME * FRAME])
    return pause_gate(mel, [slice(0, len(mel) // 4)])


@pytest.mark.parametrize("kind", OTHER_SOUNDS)
@pytest.mark.parametrize("level", [0.1, 0.0018])
def test_music_and_noise_alone_shut_the_mouth(kind, level: float) -> None:
    sound = background(kind, 6.0, level)
    assert (gate(sound) < 0.05).mean() >= 0.95
    assert "nobody's voice" in assess_recording(Audio(sound, RATE))[0].what


@pytest.mark.parametrize("kind", OTHER_SOUNDS)
def test_music_before_speech_opens_no_mouth_and_speech_does(kind) -> None:
    sound = background(kind, 7.0, 0.03)
    sound[4 * RATE :] = 0.2 * sound[4 * RATE :] + syllables(3.0)
    opened = gate(sound) > 0.5
    assert opened[: 4 * 25 - 4].mean() <= 0.05 and opened[4 * 25 + 2 : -2].mean() >= 0.9


@pytest.mark.parametrize("decibels", [-5, -20, -37])
def test_a_gain_changes_nothing_that_the_model_hears(decibels: float) -> None:
    voice = np.pad(syllables(2.0), (RATE // 2, RATE // 2)) + background(fan, 3.0, 0.0005)
    loud, soft = (speech_log_mel(np.float32(np.round(g * voice * 32768) / 32768)) for g in (1, 10 ** (decibels / 20)))
    audible = loud > loud.max() - 5
    assert np.abs(loud - soft)[audible].max() < 0.4
    heard = [levelled(np.float32(g * voice)) for g in (1, 10 ** (decibels / 20))]
    np.testing.assert_allclose(*heard, atol=0.02 * np.abs(heard[0]).max())


@pytest.mark.parametrize(("share", "is_masked"), [(0.9995, False), (0.99, True)])
def test_the_mask_leaves_a_recording_alone_that_is_almost_all_speech(
    share: float, is_masked: bool, monkeypatch
) -> None:
    sound, find = syllables(3.0) + background(organ, 3.0, 0.02), recorded_speech._find
    monkeypatch.setattr(recorded_speech, "_find", lambda mel: replace(find(mel), share=share))
    speech = find_speech(sound)
    heard = log_mel(np.float32(speech_gain(speech)) * sound)
    taken = (heard - speech_log_mel(sound))[speech.speaks]
    assert (taken.mean() > 0.5) if is_masked else (taken.max() < 1e-4)


def test_nothing_is_lifted_but_a_voice() -> None:
    tone = background(room_tone, 4.0, 0.0018)
    np.testing.assert_array_equal(levelled(tone), tone)
    assert not without_other_sounds(tone).any() and (speech_log_mel(tone) == np.float32(np.log(LOG_FLOOR))).all()
    alone, voice = Audio(tone, RATE), Audio(syllables(4.0), RATE)
    assert loudness(mix([alone], [False])) == pytest.approx(loudness(alone), abs=0.1)
    assert loudness(mix([alone])) > loudness(alone) + 20, "a voice is lifted"
    both = mix([alone, voice], [False, True])
    np.testing.assert_allclose(both.waveform, mix([Audio(0 * tone, RATE), voice]).waveform, atol=0.01)


def test_a_voice_under_music_keeps_its_own_spectrum() -> None:
    voice, music = syllables(4.0), background(organ, 4.0, 0.03)
    clean, masked, plain = speech_log_mel(voice), speech_log_mel(voice + music), log_mel(voice + music)
    loud = clean > clean.max() - 3
    shift = np.median((masked - clean)[loud])
    assert np.abs(masked - clean - shift)[loud].mean() < 1.1
    gaps = clean.max(1) < clean.max() - 6
    assert masked[gaps].mean() < plain[gaps].mean() - 1.5, "between syllables the music goes"


def resampled(sound: np.ndarray, rate: int, to: int) -> np.ndarray:
    return Audio(sound, rate).resampled(to).waveform


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda voice: voice + background(organ, 6.0, 0.04), "music or noise"),
        (lambda voice: np.clip(6 * voice, -0.5, 0.5), "is clipped"),
        (lambda voice: resampled(np.clip(6 * resampled(voice, RATE, 2 * RATE), -0.5, 0.5), 2 * RATE, RATE), "clipped"),
        (lambda voice: np.concatenate([np.zeros(4 * RATE, np.float32), voice]), "begins with 4 s in which nobody"),
    ],
)
def test_what_is_worth_a_look_is_said_with_its_repair(make, said: str) -> None:
    voice = syllables(6.0)
    assert assess_recording(Audio(voice, RATE)) == ()
    found = assess_recording(Audio(make(voice).astype(np.float32), RATE))
    assert any(said in each.what and each.repair for each in found), found


def test_the_network_without_torch_is_the_one_that_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = SpeechMask().eval()
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    monkeypatch.setattr(running, "_weights", lambda path: weights)
    mel = np.random.default_rng(0).normal(-5, 2, (7000, 100)).astype(np.float32)  # more than is run at once
    mel[:2000] -= 4
    heard = running.speech_mask(mel)
    level = running.LOUD_LEVEL - running.level_of_loud_frames(mel)
    shifted = 0.5 * np.logaddexp(2 * (mel + level), 2 * (running.LOUD_LEVEL - 6.0))
    with torch.no_grad():
        bands, speaks = model(torch.from_numpy(shifted.astype(np.float32))[None])
    np.testing.assert_allclose(heard.bands, bands[0], atol=2e-3)
    np.testing.assert_allclose(heard.presence, speaks[0].sigmoid(), atol=2e-3)


def test_mel_bands_without_torch_are_those_of_the_model() -> None:
    sound = syllables(1.0)
    np.testing.assert_allclose(log_mel(sound), mel_spectrogram(torch.from_numpy(sound)).numpy(), atol=5e-3)


def test_too_short_or_silent_is_nobodys_speech() -> None:
    for sound in (np.zeros(0, np.float32), np.zeros(RATE, np.float32), syllables(0.05)):
        assert find_speech(sound).level is None
