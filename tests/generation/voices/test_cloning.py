"""Voices from clips made alike: the tone of a voice, and trial readings that set pitch and tone right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from generation.audio.effects import change_pitch
from generation.audio.mel import mel_spectrogram
from generation.audio.pitch import median_pitch, pulses
from generation.audio.timbre import apply_timbre, mean_spectra, timbre_correction
from generation.audio.waveform import Audio
from generation.core import assets as resources
from generation.core.clock import SAMPLE_RATE
from generation.voices import cloning as module
from generation.voices.bank import speaker_embedding_from_clip
from generation.voices.cloning import ClonedVoice, clone_voice
from studio.core.progress import Progress, Stage
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.scene.schema import Scene


def talk(hertz: float, voiced: float = 0.0, voiceless: float = 0.0, seconds: float = 4.0) -> np.ndarray:
    """A voice (S,) in syllables of 200 ms, hissing for 100 ms after each; slopes of both sounds in dB an octave."""
    n = round(seconds * 100)
    hum = pulses(torch.full((1, n), hertz))[0].numpy() * 0.02
    hiss = np.random.default_rng(0).normal(0, 0.05, 240 * n)
    frequency = np.fft.rfftfreq(240 * n, 1 / SAMPLE_RATE)
    octaves = np.log2(np.maximum(frequency, 60) / 1000)
    hum, hiss = (
        np.fft.irfft(np.fft.rfft(sound) * 10 ** ((slope - 6) * octaves / 20), 240 * n)
        for sound, slope in ((hum, voiced), (hiss, voiceless + 6))
    )
    beat = np.arange(240 * n) / SAMPLE_RATE % 0.36
    return np.where(beat < 0.2, hum, np.where(beat < 0.3, hiss, 0)).astype(np.float32)


def mel_of(sound: np.ndarray) -> np.ndarray:
    return mel_spectrogram(torch.from_numpy(sound)).numpy()


def slope(spectrum: np.ndarray) -> float:
    """Of the upper two thirds of the bands, natural log over all of them."""
    return float(np.polyfit(np.linspace(0, 1, 70), spectrum[30:], 1)[0])


def test_voiced_and_voiceless_sounds_have_spectra_of_their_own() -> None:
    plain, bright_voice, bright_hiss = (mel_of(talk(120, *s)) for s in ((0, 0), (4, 0), (0, 4)))
    base = mean_spectra(plain)
    assert base.shape == (2, 100) and base.dtype == np.float32
    assert slope(mean_spectra(bright_voice)[1]) > slope(base[1]) + 0.5
    assert abs(slope(mean_spectra(bright_voice)[0]) - slope(base[0])) < 0.35
    assert slope(mean_spectra(bright_hiss)[0]) > slope(base[0]) + 0.5
    np.testing.assert_allclose(mean_spectra(plain + 2) - base, 2, atol=0.05)


def test_a_lent_tone_brings_speech_nearer_and_keeps_its_loudness() -> None:
    own, wanted = mel_of(talk(120)), mel_of(talk(150, 4, -3))
    tone = timbre_correction(own, wanted)
    assert tone.shape == (2, 100) and np.abs(tone).max() <= 1.5
    lent = apply_timbre(own, tone)
    before, after = (np.abs(timbre_correction(each, wanted)).mean(1) for each in (own, lent))
    assert (after < 0.5 * before).all()
    np.testing.assert_allclose(np.exp(2 * lent).mean(1), np.exp(2 * own).mean(1), rtol=1e-3)
    np.testing.assert_allclose(apply_timbre(own, np.zeros((2, 100), np.float32)), own, atol=1e-5)


def test_a_lent_tone_leaves_the_pitch() -> None:
    own, wanted = mel_of(talk(120)), mel_of(talk(135, 4))
    assert median_pitch(apply_timbre(own, timbre_correction(own, wanted))) == pytest.approx(120, rel=0.02)


def test_sounds_that_a_clip_hardly_has_say_nothing() -> None:
    own = mel_of(talk(120))
    hiss = mel_of(np.random.default_rng(1).normal(0, 0.05, 48_000).astype(np.float32))
    tone = timbre_correction(own, hiss)
    assert not tone[1].any() and tone[0].any() and np.isfinite(tone).all()
    assert not timbre_correction(own, np.full((100, 100), np.log(1e-5), np.float32)).any(), "silence has no timbre"
    assert median_pitch(hiss) is None and median_pitch(own) == pytest.approx(120, rel=0.02)


class Reader:
    """Reads at a pitch that follows the embedding's way along the octave, as a base does: late, or too far at once."""

    def __init__(self, follows: float) -> None:
        self.follows, self.asked = follows, []

    def __call__(self, pipeline: object, durations: object, embedding: np.ndarray) -> np.ndarray:
        self.asked.append(float(embedding[0]))
        return mel_of(talk(140 * 2 ** (self.follows * float(embedding[0])), 2))


@pytest.fixture
def octave(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.setattr(module, "embed_mel", lambda mel: np.zeros(64, np.float32))
    return np.eye(64, dtype=np.float32)[0]


@pytest.mark.parametrize("follows", [0.5, 1.0, 1.6])
def test_the_vector_moves_until_readings_have_the_clips_pitch(
    follows: float, octave: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(follows)
    monkeypatch.setattr(module, "_read", reader)
    found = clone_voice(Audio(talk(110), SAMPLE_RATE), None, None, octave)
    assert 2 <= len(reader.asked) <= 3 and not found.embedding[1:].any()
    assert 12 * abs(np.log2(140 / 110) + follows * found.embedding[0]) < 0.5, "within half a semitone"
    assert slope(found.timbre[1]) < -0.2, "the readings are brighter than the clip"


def test_the_best_reading_counts_and_no_more_are_made_than_needed(
    octave: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Reader(0.0)
    monkeypatch.setattr(module, "_read", deaf)
    found = clone_voice(Audio(talk(110), SAMPLE_RATE), None, None, octave)
    assert len(deaf.asked) == 3 and not found.embedding.any(), "moving was no use"
    assert max(map(abs, deaf.asked)) <= 0.7
    right = Reader(1.0)
    monkeypatch.setattr(module, "_read", right)
    clone_voice(Audio(talk(140), SAMPLE_RATE), None, None, octave)
    assert len(right.asked) == 1


needs_weights = pytest.mark.skipif(
    not (resources.assets_root() / "voices.safetensors").is_file(), reason="no weights lie in assets/ yet"
)


@pytest.mark.slow
@needs_weights
def test_the_shipped_models_come_nearer_to_a_clip() -> None:
    """A preset's own speech, three semitones higher and darker: nobody whom the base knows."""
    models = Models.load("cpu")
    spoken = module._read(models.pipeline, models.durations, models.voices.embedding("Owen"))
    tilted = np.tile(np.linspace(0.4, -0.6, 100, dtype=np.float32), (2, 1))
    sound = models.pipeline.vocoder.decode(torch.from_numpy(apply_timbre(spoken, tilted))[None])[0].numpy()
    clip = change_pitch(sound / np.abs(sound).max(), 1.0, 3.0)
    wanted = mel_of(clip)
    found = models.cloned(clip)
    assert models.cloned(clip.copy()) is found, "the readings of a clip are made once"
    plain = ClonedVoice(speaker_embedding_from_clip(Audio(clip, SAMPLE_RATE)), np.zeros((2, 100), np.float32))
    off, apart = [], []
    for voice in (found, plain):
        reading = apply_timbre(module._read(models.pipeline, models.durations, voice.embedding), voice.timbre)
        off.append(abs(np.log2(median_pitch(wanted) / median_pitch(reading))))
        apart.append(float(np.abs(timbre_correction(reading, wanted)).mean()))
    assert off[0] < 0.4 * off[1] and apart[0] < 0.7 * apart[1]


def test_scenes_speak_clips_with_their_tone_and_pieces_know_it(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "assets_root", lambda: assets)
    models = Models.load("cpu")
    embedding = models.voices.embedding("Arthur")
    tones, asked = [np.zeros((2, 100), np.float32), np.tile(np.linspace(1, -1, 100, dtype=np.float32), (2, 1))], []
    soundfile.write(tmp_path / "bob.wav", talk(110, seconds=6.0), SAMPLE_RATE)
    clip = {"clip": "bob.wav", "consent": "me", "statement": "My own voice."}
    scene = Scene.model_validate(
        {
            "picture": "",
            "cast": [{"name": "BOB", "voice": clip, "role": "narrator"}],
            "script": [{"who": "BOB", "text": "One, two, three."}],
        }
    )
    sounds, names = [], []
    for tone in tones:
        models._cloned.clear()
        answer = ClonedVoice(embedding, tone)
        monkeypatch.setattr(
            "studio.performance.models.clone_voice", lambda *given, made=answer: asked.append(given) or made
        )
        speech = ScenePerformer(scene, tmp_path, models, seed=0, steps=2)
        assert ScenePerformer(scene, tmp_path, models, seed=0, steps=2).timeline() == speech.timeline()
        timeline, progress = speech.timeline(), Progress([Stage("speech", 1)], lambda status: None)
        geometry = np.eye(1, dtype=np.float32), np.zeros(1, np.float32)
        with progress.running():
            progress.start("speech")
            sounds.append(speech.perform(timeline, *geometry, tmp_path / "work", progress).speech[0][:])
        names += speech.segment_keys(timeline, *geometry).values()
    assert len(asked) == 2 and asked[0][0].seconds == pytest.approx(6.0, abs=0.05), "once for each clip and model"
    assert names[0] != names[1] and len(sounds[0]) == len(sounds[1])
    assert not np.allclose(*sounds, atol=1e-2), "the tone is heard"
