"""Examples for the joint model's training: crops of the corpus, what is given, dropped and heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from corpora import synthetic_features
from random_networks import tiny_transformer

from generation.data import joint_dataset
from generation.data.corpus import durations_on_grid, waveform_batches
from generation.data.joint_dataset import Batch, JointDataset
from generation.models.normalizer import LatentNormalizer
from generation.text.phoneme_sequence import PAUSE, UNKNOWN_SYMBOL
from generation.text.phonemizer import SYMBOL_INDEX
from generation.training.flow_matching_loss import joint_loss

NORMALIZER = LatentNormalizer(
    np.full(100, -6, np.float32), np.full(100, 2, np.float32), np.zeros(57, np.float32), np.ones(57, np.float32)
)


def joint_examples(labels: bool = True, n_frames: int = 60) -> JointDataset:
    corpus = synthetic_features()
    total = sum(u.n_frames for u in corpus.utterances)
    lips = np.zeros((total, 57), np.float32)
    lips[:, 24] = np.arange(total) / total  # jawOpen tells the frame
    return JointDataset(corpus, lips if labels else None, NORMALIZER, joint_dataset.corpus_voices(corpus), n_frames)


@pytest.fixture(scope="module")
def drawn() -> Batch:
    return joint_examples().batch(96, torch.Generator().manual_seed(0))


def speech_mask(batch: Batch) -> np.ndarray:
    """(B, T) where an utterance lies: its mel is above silence."""
    return (batch.audio[:, 0].mean(-1) > float(NORMALIZER.silence(1).mean()) + 0.1).numpy()


def test_batches_have_their_documented_shapes(drawn: Batch) -> None:
    shapes = {name: tuple(value.shape) for name, value in vars(drawn).items()}
    assert shapes == {
        "audio": (96, 1, 60, 400), "motion": (96, 1, 60, 57), "symbols": (96, 1, 240),
        "phoneme_position": (96, 1, 240, 2),
        "voices": (96, 1, 2), "audio_given": (96, 1, 60), "motion_given": (96, 1, 60), "heard": (96, 1, 60, 402),
        "share": (96, 1, 60), "line_numbers": (96, 1, 60), "language": (96, 1),
    }  # fmt: skip
    assert all(value.dtype == (torch.int64 if name in ("symbols", "line_numbers", "language") else torch.float32)
               for name, value in vars(drawn).items())  # fmt: skip
    loss, _ = joint_loss(tiny_transformer(n_symbols=UNKNOWN_SYMBOL, voice_dim=4), drawn)
    assert torch.isfinite(loss)


def test_the_same_generator_draws_the_same_and_another_does_not(drawn: Batch) -> None:
    again, other = (joint_examples().batch(96, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert all(torch.equal(value, getattr(again, name)) for name, value in vars(drawn).items())
    assert not torch.equal(drawn.audio, other.audio)


def test_sound_phonemes_and_lips_of_an_utterance_stay_together(drawn: Batch) -> None:
    corpus = joint_examples().features
    checked = 0
    for i in range(96):
        speech = np.flatnonzero(speech_mask(drawn)[i])
        assert (np.diff(speech) == 1).all() and len(speech)
        mel = NORMALIZER.mel(drawn.audio[i, 0].numpy())
        which = round(-3.0 - float(mel[4 * speech[0], 50]))
        u = corpus.utterances[which]
        assert u.split == "train" and not set(u.voices) & set(joint_dataset.HELD_OUT_VOICES)
        skip = round(float(mel[4 * speech[0], 0]) * 100)
        at = slice(4 * speech[0], 4 * speech[-1] + 4)
        symbols = drawn.symbols[i, 0].numpy()
        # A recording may come with wrong words, so that lips learn to follow the sound.
        if symbols[0] != UNKNOWN_SYMBOL and not drawn.audio_given[i].all():
            wanted = np.repeat([SYMBOL_INDEX[s] for s in u.phonemes], u.durations)[skip : skip + 4 * len(speech)]
            assert (symbols[at] == wanted).all()
            outside = np.ones(240, bool)
            outside[at] = False
            assert (symbols[outside] == SYMBOL_INDEX[PAUSE]).all()
            checked += 1
        jaw = drawn.motion[i, 0, speech, 24].numpy()
        total = sum(v.n_frames for v in corpus.utterances)
        np.testing.assert_allclose(jaw, (u.first + skip // 4 + np.arange(len(speech))) / total, atol=1e-5)
    assert 45 < checked < 90


def test_silence_around_speech_is_given_and_lines_are_cut_out_half_of_the_time(drawn: Batch) -> None:
    speech = speech_mask(drawn)
    assert (drawn.audio_given[:, 0].numpy()[~speech] == 1).all() and (~speech).any()
    lines = drawn.line_numbers[:, 0].numpy()
    cut = (lines == speech.astype(int)).all(1)
    assert ((lines == 1).all(1) | cut).all() and 0.3 < cut.mean() < 0.8


def test_every_condition_is_dropped_now_and_then() -> None:
    batch = joint_examples().batch(400, torch.Generator().manual_seed(1))
    speech = torch.from_numpy(speech_mask(batch))
    wanted = (batch.audio_given[:, 0] * speech).sum(-1) == 0
    shares = {
        "text": (batch.symbols == UNKNOWN_SYMBOL).all(-1).float().mean(),
        "voice": (batch.voices.sum(-1) == 0).float().mean(),
        "heard": (batch.heard == 0).all(-1).all(-1).float().mean(),
        "audio": (batch.share == 0).all(-1).float().mean(),
        "audio all given": (batch.audio_given == 1).all(-1).float().mean(),
        "motion all given": (batch.motion_given == 1).all(-1).float().mean(),
        "motion partly given": ((batch.motion_given.sum(-1) > 0) & (batch.motion_given.sum(-1) < 60)).float().mean(),
        "nothing given": (wanted & (batch.motion_given[:, 0] == 0).all(-1)).float().mean(),
    }  # fmt: skip
    for name, (least, most) in {
        "text": (0.12, 0.3), "voice": (0.06, 0.15), "heard": (0.18, 0.32), "audio": (0.06, 0.15),
        "audio all given": (0.1, 0.3), "motion all given": (0.04, 0.14), "motion partly given": (0.08, 0.25),
        "nothing given": (0.35, 0.75),
    }.items():  # fmt: skip
        assert least < float(shares[name]) < most, (name, shares)


def test_a_fourth_hears_somebody_and_from_a_side(drawn: Batch) -> None:
    heard = drawn.heard[:, 0]
    silence = float(NORMALIZER.silence(1).mean())
    kept = heard[..., 400].amax(1) == 1
    listening = kept & (heard[..., :400].mean(-1).amax(1) > silence + 0.1)
    assert 0.08 < float(listening.float().mean()) < 0.4
    for row in heard[listening]:
        sounds = row[:, :400].mean(-1) > silence + 0.1
        sides = row[:, 401]
        assert (sides[sounds].abs() >= 0.4).all() and not sides[~sounds].any() and sides[sounds].unique().numel() == 1


def test_without_labels_only_audio_can_be_learnt() -> None:
    assert not joint_examples(labels=False).batch(3, torch.Generator()).motion.any()


def test_corpus_durations_keep_their_boundaries_on_the_grid() -> None:
    units = [4, 3, 3, 5, 2, 7]
    durations = durations_on_grid(units, n_frames=16)
    assert sum(durations) == 64 and min(durations) > 0
    boundaries, wanted = np.cumsum(durations)[:-1], np.cumsum(units)[:-1] * 2.5
    lag = wanted - boundaries
    assert np.ptp(lag) <= 1 and lag.min() > 0, "rounded boundaries, all earlier by the corpus's delay"


def test_recordings_are_cropped_inside_one_utterance() -> None:
    corpus = synthetic_features()
    crops = waveform_batches(corpus, 32, n_frames=45)(torch.Generator().manual_seed(0))
    assert crops.shape == (32, 45 * 960)
    spans = {(u.first, u.first + u.n_frames) for u in corpus.split("train")}
    for crop in crops:
        first, last = round(float(crop[0]) * 32767), round(float(crop[-1]) * 32767)
        assert last - first == 44 and any(a <= first and last < b for a, b in spans)


def test_statistics_come_from_training_recordings_and_have_a_floor() -> None:
    corpus = synthetic_features()
    real = np.random.default_rng(0).normal(0.3, 0.2, (500, 57)).astype(np.float32)
    normalizer = joint_dataset.measure_normalizer(corpus, real)
    train = np.concatenate([corpus.mel_of(u) for u in corpus.split("train")])
    np.testing.assert_allclose(normalizer.mel_mean, train.mean(0), rtol=1e-3)
    assert normalizer.mel_std.min() >= 0.1 and normalizer.motion_std.min() >= 0.02
    assert normalizer.motion_mean[24] == pytest.approx(0.3, abs=0.05)


def test_half_of_the_given_recordings_are_worsened_and_their_labels_stay() -> None:
    def worse(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.full((len(waveform) // 240, 100), 5.0, np.float32)

    plain, worsened = joint_examples(n_frames=40), joint_examples(n_frames=40)
    worsened.worsened = worse
    drawn = [data.batch(64, torch.Generator().manual_seed(0), recordings=1.0) for data in (plain, worsened)]
    loud = (drawn[1].audio[:, 0].mean(-1) > 5).any(-1).float().mean()
    assert 0.3 < loud < 0.7 and not (drawn[0].audio[:, 0].mean(-1) > 5).any()
    synthesised = worsened.batch(64, torch.Generator().manual_seed(0), recordings=0.0)
    assert not (synthesised.audio[:, 0].mean(-1) > 5).any(), "what is to be said is asked as it is"
    assert drawn[1].motion.abs().sum() > 0


def test_examples_tell_the_language() -> None:
    data = joint_examples(n_frames=40)
    data.utterances = [replace(u, language="pt-br" if i % 2 else "en-gb") for i, u in enumerate(data.utterances)]
    assert set(data.batch(24, torch.Generator().manual_seed(0)).language.flatten().tolist()) == {0, 4}


def test_a_language_with_a_ninth_of_the_speech_is_drawn_a_third_as_often() -> None:
    corpus = synthetic_features()
    utterances = [u for u in corpus.split("train") if not set(u.voices) & set(joint_dataset.HELD_OUT_VOICES)]
    one, other = utterances[:2]
    large = [replace(one, n_frames=10), replace(one, n_frames=80)]
    chances = joint_dataset.language_chances([*large, replace(other, n_frames=10, language="es")])
    np.testing.assert_allclose(chances, [0.75 / 9, 0.75 * 8 / 9, 0.25])
