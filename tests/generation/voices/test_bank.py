"""Voices: the bank of presets, a voice from a clip, and what ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from corpora import synthetic_features
from random_networks import enliven, tiny_transformer

from generation.audio.clip_quality import best_excerpt
from generation.audio.mel import mel_spectrogram
from generation.audio.pitch import pulses
from generation.audio.waveform import Audio
from generation.core import assets
from generation.core.weights import load_strict
from generation.data.corpus import SpeechCorpus, Utterance
from generation.data.joint_dataset import HELD_OUT_VOICES
from generation.models.duration_predictor import DurationPredictor
from generation.models.speaker_encoder import SpeakerEncoder
from generation.models.transformer import JointTransformer
from generation.text.ipa import UNKNOWN_SYMBOL
from generation.training.export import octave_step, save_voices, voice_pitches
from generation.training.speaker_encoder import add_rows, encoder_batches, encoder_loss
from generation.voices.bank import VoiceBank, _encoder, _without_noise, speaker_embedding_from_clip


@pytest.fixture
def bank(tmp_path: Path) -> VoiceBank:
    table = np.arange(2, dtype=np.float32)[:, None].repeat(64, 1)
    save_voices(["bf_emma", "af_bella"], table, np.array([100.0, 200.0]), tmp_path)
    return VoiceBank.load(tmp_path)


@pytest.fixture(scope="module")
def encoder() -> SpeakerEncoder:
    return enliven(SpeakerEncoder(voice_dim=4, dim=16, num_layers=2))


def test_presets_have_names_vectors_a_pronunciation_and_a_line(bank: VoiceBank) -> None:
    assert bank.names == ("Edith", "Maya")
    assert bank["Edith"].language == "en-gb" and bank["Maya"].language == "en-us"
    assert bank["Maya"].description.startswith("American woman") and bank["Maya"].trained_on == "af_bella"
    assert bank.embedding("Edith").tolist() == [0.0] * 64 and bank.embedding("Maya").tolist() == [1.0] * 64


def test_an_unknown_preset_is_named_with_those_there_are(bank: VoiceBank) -> None:
    for name in ("maya", "af_bella"):
        with pytest.raises(ValueError, match=f"no voice called '{name}'; the presets are Edith, Maya"):
            bank.embedding(name)


def test_a_corpus_voice_without_a_preset_is_not_in_the_bank(tmp_path: Path) -> None:
    table = np.arange(2, dtype=np.float32)[:, None].repeat(64, 1)
    save_voices(["af_nobody", "af_bella"], table, np.array([100.0, 200.0]), tmp_path)
    bank = VoiceBank.load(tmp_path)
    assert bank.names == ("Maya",) and bank.embedding("Maya").tolist() == [1.0] * 64


def test_an_octave_is_the_way_in_which_voices_differ_with_their_pitch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    octaves = rng.normal(size=40)
    table = rng.normal(size=(40, 64)) * 0.1
    table[:, 3] += 2 * octaves
    table[:, 7] -= octaves
    pitches = 150 * 2**octaves
    pitches[::9] = np.nan
    step = octave_step(table, pitches)
    assert step.shape == (64,) and step.dtype == np.float32
    assert step[3] == pytest.approx(2, rel=0.15) and step[7] == pytest.approx(-1, rel=0.15)
    assert np.abs(np.delete(step, [3, 7])).max() < 0.15
    save_voices([f"xx_{i}" for i in range(39)] + ["bf_emma"], table.astype(np.float32), pitches, tmp_path)
    bank = VoiceBank.load(tmp_path)
    assert bank.names == ("Edith",) and np.allclose(bank.octave, step, atol=1e-5)


def test_a_voices_pitch_is_that_of_its_own_recordings() -> None:
    samples = [pulses(torch.full((1, 200), hertz))[0].numpy() * 0.02 for hertz in (110.0, 110.0, 220.0, 330.0)]
    voices = [{"low": 1.0}, {"low": 1.0}, {"high": 1.0}, {"low": 0.5, "high": 0.5}]
    mels = np.concatenate([mel_spectrogram(torch.from_numpy(s)).numpy() for s in samples]).astype(np.float16)
    utterances = tuple(
        Utterance(str(i), 50 * i, 50, "", " a ", (50, 100, 50), voice, "train", 1.0) for i, voice in enumerate(voices)
    )
    corpus = SpeechCorpus(np.zeros(4 * 50 * 960, np.int16), mels, utterances)
    low, high, nobody = voice_pitches(corpus, ["low", "high", "nobody"])
    assert low == pytest.approx(110, rel=0.02) and high == pytest.approx(220, rel=0.02) and np.isnan(nobody)


def test_new_voices_get_rows_where_the_encoder_hears_them_and_the_old_ones_stay(tmp_path: Path) -> None:
    model = tiny_transformer(voice_dim=4)
    known = list(model.config.voice_names)
    model.save_pretrained(tmp_path / "ema")
    voices = [{known[0]: 1.0}, {"new": 1.0}, {"new": 0.7, known[0]: 0.3}, {HELD_OUT_VOICES[0]: 1.0}]
    utterances = tuple(
        Utterance(str(i), 20 * i, 20, "", " a ", (20, 40, 20), voice, "train", 1.0) for i, voice in enumerate(voices)
    )
    mels = np.concatenate([mel(i, 80)[0].numpy() for i in range(4)]).astype(np.float16)
    corpus = SpeechCorpus(np.zeros(4 * 20 * 960, np.int16), mels, utterances)
    ears = enliven(SpeakerEncoder(voice_dim=4, dim=16, num_layers=2)).eval()
    assert add_rows(tmp_path / "ema", corpus, ears) == [*known, "new"]
    grown = load_strict(JointTransformer, tmp_path / "ema")
    assert list(grown.config.voice_names) == [*known, "new"]
    assert torch.equal(grown.voice_table[:-1], model.voice_table)
    with torch.no_grad():
        heard = torch.stack([ears(torch.from_numpy(corpus.mel_of(u))[None])[0] for u in utterances[1:3]]).mean(0)
    torch.testing.assert_close(grown.voice_table[-1].detach(), heard)
    before = (tmp_path / "ema" / "config.json").stat().st_mtime_ns
    assert add_rows(tmp_path / "ema", corpus, ears) == [*known, "new"]
    assert (tmp_path / "ema" / "config.json").stat().st_mtime_ns == before


def mel(seed: int, frames: int = 200) -> torch.Tensor:
    return -6 + 2 * torch.randn(1, frames, 100, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_loudness_does_not_change_a_voice_and_timbre_does(encoder: SpeakerEncoder) -> None:
    quiet, loud, other = encoder(mel(0)), encoder(mel(0) + 2.0), encoder(mel(0) + torch.linspace(-2, 2, 100))
    torch.testing.assert_close(quiet, loud, rtol=0, atol=1e-4)
    assert float((quiet - other).norm()) > 0.05


@torch.no_grad()
def test_a_voice_is_the_same_said_twice(encoder: SpeakerEncoder) -> None:
    once, twice, other = encoder(mel(0)), encoder(torch.cat((mel(0), mel(0)), 1)), encoder(mel(1) * 0.5)
    assert float((once - twice).norm()) < 0.1 * float((once - other).norm())


def test_crops_for_the_encoder_carry_the_voice_they_should_give() -> None:
    corpus = synthetic_features()
    table = np.array([[1.0] * 4, [3.0] * 4], np.float32)
    mels, wanted = encoder_batches(corpus, ["af_a", "bm_b"], table, 32, n_frames=45)(torch.Generator().manual_seed(0))
    assert mels.shape == (32, 180, 100)
    for crop, embedding in zip(mels, wanted):
        u = corpus.utterances[round(-3 - float(crop[0, 50]))]
        assert u.split == "train" and embedding.tolist() == [2.0 if "bm_b" in u.voices else 1.0] * 4
        assert float(crop[-1, 0] - crop[0, 0]) == pytest.approx(1.79, abs=0.01)


def test_the_encoders_loss_wants_place_and_direction(encoder: SpeakerEncoder) -> None:
    with torch.no_grad():
        found = encoder(mel(0))
        right, parts = encoder_loss(encoder, (mel(0), found))
        wrong, _ = encoder_loss(encoder, (mel(0), -found))
    assert abs(float(right)) < 1e-5 and parts["cosine"] == pytest.approx(1) and float(wrong) > 2


def test_a_clip_becomes_a_vector_whatever_its_rate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    enliven(SpeakerEncoder(dim=16, num_layers=1)).save_pretrained(tmp_path / "voice_encoder")
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: tmp_path)
    _encoder.cache_clear()
    try:
        t = np.arange(48_000) / 16_000
        sound = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 40)) * (0.4 + 0.3 * np.sin(9 * t)) * 0.2
        clip = Audio(sound.astype(np.float32), 16_000)
        embedding = speaker_embedding_from_clip(clip)
        assert embedding.shape == (64,) and embedding.dtype == np.float32
        resampled = speaker_embedding_from_clip(clip.resampled(44_100))
        assert np.linalg.norm(embedding - resampled) < 0.1 * np.linalg.norm(embedding)
        with pytest.raises(ValueError, match="clip of 0.20 s is too short"):
            speaker_embedding_from_clip(Audio(np.ones(4800, np.float32), 24_000))
    finally:
        _encoder.cache_clear()


needs_weights = pytest.mark.skipif(
    not (assets.assets_root() / "voices.safetensors").is_file(), reason="no weights lie in assets/ yet"
)


@needs_weights
def test_every_shipped_voice_is_described_and_different() -> None:
    bank = VoiceBank.load()
    assert len(bank.names) >= 12 and {bank.embedding(name).shape for name in bank.names} == {(64,)}
    assert {preset.language for preset in bank.presets.values()} == {"en-us", "en-gb"}
    assert len({preset.description for preset in bank.presets.values()}) == len(bank.names)
    table = np.stack([bank.embedding(name) for name in bank.names])
    distance = np.linalg.norm(table[:, None] - table, axis=-1) + 1e9 * np.eye(len(table))
    assert np.isfinite(table).all() and distance.min() > 0.1


@needs_weights
def test_the_shipped_models_fit_each_other() -> None:
    transformer = load_strict(JointTransformer, assets.asset("model/transformer"))
    bank, encoder = VoiceBank.load(), load_strict(SpeakerEncoder, assets.asset("voice_encoder"))
    durations = DurationPredictor.from_pretrained()
    assert transformer.config.n_symbols == UNKNOWN_SYMBOL
    trained_on = [preset.trained_on for preset in bank.presets.values()]
    assert set(trained_on) <= set(transformer.config.voice_names)
    assert transformer.config.voice_dim == durations.config.voice_dim == encoder.config.voice_dim == 64
    row = list(transformer.config.voice_names).index(trained_on[0])
    shipped = bank.embedding(bank.names[0])
    np.testing.assert_allclose(transformer.voice_table[row].detach(), shipped, rtol=0.01, atol=0.01)


@needs_weights
def test_shipped_durations_are_those_of_speech() -> None:
    bank, model = VoiceBank.load(), DurationPredictor.from_pretrained()
    phonemes = " ðə kwˈɪk bɹˈaʊn fˈɑːks dʒˈʌmps ˌoʊvɚ ðə lˈeɪzi dˈɔɡ. "
    for name in bank.names[:4]:
        durations = model.predict(phonemes, bank.embedding(name))
        assert 1.6 < sum(durations) / 100 < 4.5
        assert durations[phonemes.index("ˈ")] <= 12 and max(durations[1:-3]) < 40  # the last sound may ring on


def test_a_long_clip_gives_its_best_fifteen_seconds() -> None:
    t = np.arange(40 * 8000) / 8000
    talk = np.sin(2 * np.pi * 200 * t) * ((t > 18) & (t < 34) | (t % 4 < 1)) * 0.3
    found = best_excerpt(Audio(talk.astype(np.float32), 8000))
    assert found.seconds == pytest.approx(15) and np.abs(found.waveform[::8]).mean() > 0.15
    short = Audio(talk[: 8 * 8000].astype(np.float32), 8000)
    assert best_excerpt(short) is short


def test_noise_under_a_clip_hardly_moves_its_voice() -> None:
    log_mel = (mel(0) - torch.linspace(0, 3, 100)).numpy()[0]
    log_mel[::5] = np.log(1e-5)  # pauses
    noisy = 0.5 * np.log(np.exp(2 * log_mel) + np.exp(2 * -7.0))
    away = [np.abs(np.exp(m) - np.exp(log_mel)).mean() for m in (_without_noise(noisy), noisy)]
    assert away[0] < 0.4 * away[1]
    np.testing.assert_allclose(np.exp(_without_noise(log_mel)), np.exp(log_mel), atol=1e-4)
