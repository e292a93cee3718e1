"""Recordings with other sounds in them, for training: heard through the speech mask, at the corpus' level."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from generation.training import noisy_recordings
from generation.training.noisy_recordings import NoisyRecordings


def test_each_draw_has_another_sound_and_what_is_not_speech_is_silent(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(noisy_recordings, "SECONDS", 1)
    monkeypatch.setattr(noisy_recordings, "speech_log_mel", lambda waveform: waveform)
    mix = NoisyRecordings(tmp_path, pieces=1)
    speech = np.float32(np.sin(np.arange(48_000) / 9)) * 0.1
    one, other, again = (mix(speech, np.random.default_rng(seed)) - speech for seed in (0, 1, 0))
    assert np.array_equal(one, again) and not np.allclose(one, other)
    ratios = [20 * np.log10(speech.std() / each.std()) for each in (one, other)]
    assert all(2 < ratio < 31 for ratio in ratios)
    kept = NoisyRecordings(tmp_path, pieces=9)
    assert np.array_equal(kept(speech, np.random.default_rng(0)) - speech, one), "drawn once, then kept"
