"""Cleaning of recordings: noise and the tail of a room grow less, by what is known of the sound without them."""

from __future__ import annotations

import numpy as np
from sounds import RATE, syllables

from generation.audio.mel_bands import hann_window, sound_frames
from generation.recordings.cleaning import clean_recording, without_reverberation
from scripts.evaluation.workbench.cleaning import in_a_room, si_sdr


def test_noise_grows_less() -> None:
    """Fails when the mask or the noise's spectrum takes nothing away."""
    voice = syllables(5.0)
    noisy = (voice + 0.02 * np.random.default_rng(0).standard_normal(len(voice))).astype(np.float32)
    assert si_sdr(clean_recording(noisy).speech, voice) > si_sdr(noisy, voice) + 1


def test_the_tail_of_a_room_grows_shorter() -> None:
    """Bursts of noise, with nothing between them: what is heard there is the room's."""
    random = np.random.default_rng(1)
    bursts = random.standard_normal(4 * RATE) * (np.arange(4 * RATE) % 9600 < 2400)
    dry, wet = (np.fft.rfft(sound_frames(each) * hann_window()) for each in (bursts, in_a_room(bursts, random)))
    place = np.arange(len(dry)) % 40  # frames of 10 ms; a burst has 10
    late = (place >= 16) & (place < 37)
    assert np.square(np.abs(dry[late])).sum() == 0
    before, after = (np.square(np.abs(each[late])).sum() for each in (wet, without_reverberation(wet)))
    assert after < 0.4 * before
    assert np.square(np.abs(without_reverberation(wet) - dry)).sum() < 0.9 * np.square(np.abs(wet - dry)).sum()
