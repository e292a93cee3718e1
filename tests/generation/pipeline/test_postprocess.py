"""The pause gate: silence closes the mouth whatever the room sounds like, and words keep it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from generation.audio.effects import pitch_curve
from generation.audio.mel import mel_spectrogram
from generation.audio.voice_activity import voice_level
from generation.core.clock import FPS, MELS_PER_FRAME, SAMPLE_RATE, SAMPLES_PER_FRAME
from generation.core.motion import INDEX, N_CHANNELS
from generation.core.performance import Line, Prosody
from generation.pipeline.postprocess import assemble_speech, pause_gate, post_filter, postprocess_motion

SECONDS = 6.0
SPOKEN = ((0.8, 2.6), (3.6, 5.2))
"""Seconds in which somebody speaks, syllable by syllable."""


def voice() -> np.ndarray:
    """A voice of 120 Hz: syllables of 160 ms with 60 ms of soft friction and stops of 40 ms between them."""
    t = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    vowel = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 30))
    friction = np.random.default_rng(0).standard_normal(len(t)) * 0.05
    sound = np.zeros_like(t)
    for start, stop in SPOKEN:
        beat = (t - start) % 0.26
        inside = (t >= start) & (t < stop)
        sound += inside * np.where(beat < 0.16, np.sin(np.pi * np.minimum(beat / 0.16, 1)) ** 0.5 * vowel, 0)
        sound += inside * np.where((beat >= 0.16) & (beat < 0.22), friction, 0)
    return 0.25 * sound / np.abs(sound).max()


def noise(kind: str) -> np.ndarray:
    """Noise of RMS 1."""
    t = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    white = np.random.default_rng(1).standard_normal(len(t))
    if kind == "white":
        return white
    if kind == "hum":
        hum = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 5, 7))
        return hum / hum.std()
    spectrum = np.fft.rfft(white) / np.sqrt(np.arange(len(t) // 2 + 1) + 10)  # pink
    pink = np.fft.irfft(spectrum, len(t))
    return pink / pink.std()


def gate(sound: np.ndarray) -> np.ndarray:
    mel = mel_spectrogram(torch.from_numpy(sound.astype(np.float32))).numpy()
    return pause_gate(mel, [slice(0, len(mel) // MELS_PER_FRAME)])


def frames(first: float, last: float) -> slice:
    """Video frames wholly between two times in seconds."""
    return slice(int(np.ceil(first * FPS - 1e-6)), int(last * FPS + 1e-6))


def shares(opening: np.ndarray) -> tuple[float, float]:
    """Share of closed frames in the pauses (150 ms after speech to 100 ms before it), of open frames in the speech."""
    ends = [0.0, *[stop + 0.15 for _, stop in SPOKEN]]
    begins = [*[start - 0.1 for start, _ in SPOKEN], SECONDS]
    pauses = np.concatenate([opening[frames(a, b)] for a, b in zip(ends, begins, strict=True)])
    spoken = np.concatenate([opening[frames(a, b)] for a, b in SPOKEN])
    return float((pauses <= 0.05).mean()), float((spoken >= 0.95).mean())


ROOMS = [("white", -50), ("white", -35), ("hum", -50), ("hum", -30), ("pink", -50), ("pink", -38)]


@pytest.mark.parametrize(("kind", "decibels"), ROOMS)
def test_a_noisy_pause_is_as_silent_as_a_digital_one(kind: str, decibels: float) -> None:
    closed, spoken = shares(gate(voice() + 10 ** (decibels / 20) * noise(kind)))
    assert closed >= 0.95 and spoken >= 0.98


@pytest.mark.parametrize("gain", [0.01, 0.1, 1.0, 4.0])
def test_quiet_and_loud_recordings_are_gated_alike(gain: float) -> None:
    for room in (0.0, 10 ** (-50 / 20)):
        closed, spoken = shares(gate(gain * (voice() + room * noise("white"))))
        assert closed >= 0.95 and spoken == 1


def test_a_click_in_a_pause_does_not_open_the_mouth() -> None:
    sound = voice()
    sound[round(3.1 * SAMPLE_RATE) :][:48] += 0.5
    assert shares(gate(sound))[0] >= 0.95


def test_nothing_to_hear_keeps_the_mouth_shut() -> None:
    assert not gate(np.zeros(50 * SAMPLES_PER_FRAME)).any()


def test_a_held_tone_is_a_voice_and_not_a_floor() -> None:
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    assert gate(0.3 * np.sin(2 * np.pi * 220 * t)).min() > 0.95


def test_a_voice_counts_in_full() -> None:
    level = voice_level(mel_spectrogram(torch.from_numpy(voice().astype(np.float32))).numpy())
    assert level[frames(2.9, 3.3)].max() == 0 and np.quantile(level[frames(*SPOKEN[0])], 0.6) == 1


def test_only_made_frames_and_the_mouth_are_gated() -> None:
    mel = mel_spectrogram(torch.from_numpy((voice() + 0.003 * noise("white")).astype(np.float32))).numpy()
    n = len(mel) // MELS_PER_FRAME
    made = np.ones(n, np.float32)
    made[frames(3.0, 3.2)] = 0
    line = Line("l", 0, 0, n, " ", (len(mel),))
    track = postprocess_motion(
        np.full((n, N_CHANNELS), 0.4, np.float32), pause_gate(mel, [slice(line.start, line.stop)]), made
    )
    assert track.channel("jawOpen")[frames(2.8, 3.0)].max() <= 0.02
    assert (track.channel("jawOpen")[frames(3.0, 3.2)] == np.float32(0.4)).all()
    for name in ("eyeBlinkLeft", "browInnerUp", "mouthSmileLeft", "headRotationX"):
        assert (track.values[:, INDEX[name]] == np.float32(0.4)).all()


def test_a_soft_line_is_no_pause_of_a_loud_one() -> None:
    sound = np.concatenate([voice(), 0.004 * voice()])
    mel = mel_spectrogram(torch.from_numpy(sound.astype(np.float32))).numpy()
    n = len(mel) // MELS_PER_FRAME
    apart = pause_gate(mel, [slice(0, n // 2), slice(n // 2, n)])
    assert shares(apart[: n // 2])[1] == shares(apart[n // 2 :])[1] == 1


def test_a_head_does_not_tremble_and_still_nods() -> None:
    values = np.zeros((200, N_CHANNELS), np.float32)
    pitch = INDEX["headRotationX"]
    t = np.arange(200) / FPS
    nod = 0.05 * np.sin(2 * np.pi * 1.2 * t)
    values[:, pitch] = nod + 0.01 * np.random.default_rng(0).standard_normal(200)
    made = postprocess_motion(values, np.ones(200, np.float32), np.ones(200, np.float32)).channel("headRotationX")
    trembling = np.diff(made - nod).std() / np.diff(values[:, pitch] - nod).std()
    assert trembling < 0.35 and made.std() > 0.9 * nod.std()


def test_sharpening_deepens_harmonics_and_leaves_loudness_and_slope() -> None:
    bands = np.arange(100)
    slope = np.tile(-0.05 * bands, (8, 1)).astype(np.float32)
    ripples = 0.3 * np.sin(2 * np.pi * bands / 5)
    made = post_filter((slope + ripples).astype(np.float32))
    assert np.allclose(post_filter(slope)[:, 10:-10], slope[:, 10:-10], atol=0.01)
    assert 1.4 < (made - slope)[:, 10:-10].std() / ripples[10:-10].std() < 1.6
    loudness = [np.exp(2 * mel).mean(1) for mel in (slope + ripples, made)]
    assert made.dtype == np.float32 and np.allclose(*loudness, rtol=1e-4), "frame by frame"


def test_a_line_that_would_be_cut_off_is_softer_as_a_whole() -> None:
    class Loud:
        device = "cpu"

        def decode(self, mel: torch.Tensor) -> torch.Tensor:
            return 2 * torch.sin(torch.arange(240 * mel.shape[1]) / 7)[None]

    lines = [Line("1", 0, 0, 10, " a ", (10, 20, 10)), Line("2", 0, 12, 8, " ", (32,), np.full(7680, 0.5, np.float32))]
    speech = assemble_speech(lines, np.zeros((80, 100), np.float32), 20, Loud())
    wanted = np.sin(np.arange(9600) / 7)
    np.testing.assert_allclose(speech[960:8640], wanted[960:8640] / np.abs(wanted).max(), atol=1e-3)
    assert not speech[9600:11520].any() and (speech[11520:] == 0.5).all(), "recordings stay as they are"


def test_a_lines_tone_changes_its_sound_alone() -> None:
    """Fails when loudness or pitch is ignored, or what is too loud is cut."""
    sound = voice().astype(np.float32)
    n_frames = len(sound) // SAMPLES_PER_FRAME
    sound = sound[: n_frames * SAMPLES_PER_FRAME]
    line = Line("1", 0, 0, n_frames, " ", (4 * n_frames,), recording=sound)
    mel = mel_spectrogram(torch.from_numpy(sound)).numpy()

    def made(tone: Prosody) -> np.ndarray:
        return assemble_speech([replace(line, prosody=tone)], mel, n_frames, None)  # type: ignore[arg-type]

    assert np.array_equal(made(Prosody()), sound)
    assert made(Prosody(loudness=-6.0)) == pytest.approx(sound * 10**-0.3, abs=1e-6)
    loud = made(Prosody(loudness=12.0))
    assert np.abs(loud).max() == pytest.approx(min(1.0, np.abs(sound).max() * 10**0.6))
    higher = pitch_curve(made(Prosody(pitch=3.0)))
    plain = pitch_curve(sound)
    assert higher is not None and plain is not None and higher[2] - plain[2] == pytest.approx(3.0, abs=0.3)
