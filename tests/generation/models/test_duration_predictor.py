"""Phoneme lengths: what predict promises, what is learnt, and the batches it is learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from corpora import synthetic_features
from random_networks import enliven

from generation.data.duration_corpus import DurationExample, recorded_durations
from generation.models.duration_predictor import _LEAD, _TAIL, LOG_MEAN, LOG_STD, PADDING, DurationPredictor
from generation.text.phonemizer import SYMBOL_INDEX
from generation.training.duration_predictor import duration_batches, duration_loss
from generation.training.trainer import FitSettings, fit

PHONEMES = " həlˈoʊ, wˈɜːld. "


@pytest.fixture(scope="module")
def model() -> DurationPredictor:
    return enliven(DurationPredictor(voice_dim=4, dim=16, num_layers=2))


def constant(frames: float) -> DurationPredictor:
    """A model that says the same length for everything."""
    model = DurationPredictor(voice_dim=4, dim=8, num_layers=1).eval()
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.constant_(model.head.bias, np.log(frames) - 1.5)
    return model


def test_lengths_are_whole_positive_and_fill_whole_frames(model: DurationPredictor) -> None:
    for phonemes in (PHONEMES, " a ", "a", " ", " tˈuː"):
        for speed in (0.5, 1.0, 1.7, 4.0):
            durations = model.predict(phonemes, None, speed)
            assert len(durations) == len(phonemes) and min(durations) >= 1 and sum(durations) % 4 == 0
            assert all(type(d) is int for d in durations)


def test_boundaries_are_rounded_and_not_lengths() -> None:
    durations = constant(3.4).predict("a" * 40, None)
    np.testing.assert_allclose(np.cumsum(durations)[:-1], 3.4 * np.arange(1, 40), atol=0.5001)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_divides_lengths(speed: float) -> None:
    plain, other = (sum(constant(8.0).predict("a" * 30, None, s)) for s in (1.0, speed))
    assert other == pytest.approx(plain / speed, abs=4)


def test_silence_at_the_ends_is_cut_to_what_a_line_needs() -> None:
    durations = constant(90.0).predict(" aba. ", None)
    assert durations[0] == _LEAD and durations[1:4] == (90, 90, 90)
    assert _TAIL <= sum(durations[4:]) < _TAIL + 4
    short = constant(5.0).predict(" aba. ", None)
    assert short[0] == 5 and sum(short[4:]) < 14


def test_the_voice_counts_unless_nobody_is_known(model: DurationPredictor) -> None:
    voice = np.array([3.0, -1.0, 2.0, 0.5], np.float32)
    assert model.predict(PHONEMES, voice) != model.predict(PHONEMES, None)
    assert model.predict(PHONEMES, np.zeros(4, np.float32)) == model.predict(PHONEMES, None)
    assert model.predict(PHONEMES, voice) == model.predict(PHONEMES, voice)


def test_every_symbol_depends_on_its_surroundings(model: DurationPredictor) -> None:
    symbols = torch.tensor([[SYMBOL_INDEX[s] for s in PHONEMES]])
    other = symbols.clone()
    other[0, 5] = SYMBOL_INDEX["z"]
    rest = torch.zeros(1, 5), torch.zeros(symbols.shape), torch.ones(1)
    with torch.no_grad():
        change = (model(symbols, *rest) - model(other, *rest)).abs()[0]
    assert (change[1:9] > 1e-5).all()


@pytest.mark.parametrize(("phonemes", "named"), [("", "nothing"), (" a☃b ", "☃")])
def test_what_cannot_be_said_is_named(model: DurationPredictor, phonemes: str, named: str) -> None:
    with pytest.raises(ValueError, match=f"No duration for .*{named}"):
        model.predict(phonemes, None)


def test_batches_hold_training_sentences_at_speed_one() -> None:
    table = np.array([[1.0] * 4, [3.0] * 4], np.float32)
    corpus = synthetic_features()
    hurried = (replace(corpus.utterances[0], speed=2.0), *corpus.utterances[1:])
    rhythms = recorded_durations(replace(corpus, utterances=hurried))
    symbols, voices, durations, languages = duration_batches(rhythms, ["af_a", "bm_b"], table, 64)(
        torch.Generator().manual_seed(0)
    )
    assert symbols.shape == durations.shape == (64, 8) and voices.shape == (64, 5)
    assert ((symbols == PADDING) == (durations == 0)).all() and languages.tolist() == [0] * 64
    assert {tuple(row.tolist()) for row in voices} == {(0.0,) * 5, (1.0,) * 5, (2.0,) * 4 + (1.0,)}
    # Neither the test sentence nor the held-out voice.
    assert {int(total) for total in durations.sum(1)} == {320, 200, 240, 280}


def test_a_batch_holds_sentences_of_like_length() -> None:
    rhythms = [DurationExample(" " * n, (1.0,) * n, {"a": 1.0}) for n in range(3, 203)]
    draw = duration_batches(rhythms, ["a"], np.zeros((1, 4), np.float32), 16)
    padding, lengths = [], set()
    for seed in range(40):
        durations = draw(torch.Generator().manual_seed(seed))[2]
        padding.append(float((durations == 0).float().mean()))
        lengths |= set(durations.sum(1).int().tolist())
    assert np.mean(padding) < 0.36 and len(lengths) > 160, "by chance alone 47 % would be padding"


def test_padding_changes_no_loss_and_length_errors_of_the_even_rhythm_show() -> None:
    durations = torch.tensor([[10.0, 20.0, 0.0], [30.0, 40.0, 50.0]]).repeat(20, 1)
    found = torch.tensor([[10.0, 20.0, 999.0], [30.0, 40.0, 50.0]]).repeat(20, 1).log()
    nothing = torch.zeros(40, 3, dtype=torch.int64), torch.zeros(40, 5)
    english = torch.zeros(40, dtype=torch.int64)
    loss, parts = duration_loss(lambda *told: found, (*nothing, durations, english))
    assert loss.item() < 1e-5 and parts["length_error"] < 1e-5
    _, parts = duration_loss(lambda *told: found, (*nothing, 2 * durations, english))
    assert parts["length_error"] == pytest.approx(0.5, abs=1e-5)


def test_what_is_told_is_mixed_with_noise_and_at_level_one_nothing() -> None:
    durations = torch.full((300, 4), 40.0)
    heard: list[tuple[torch.Tensor, torch.Tensor]] = []

    def listen(*told: torch.Tensor) -> torch.Tensor:
        _, _, noisy, sigma, languages = told
        assert not languages.any()
        heard.append((noisy, sigma))
        return durations.log()

    torch.manual_seed(0)
    duration_loss(
        listen,
        (torch.zeros(300, 4, dtype=torch.int64), torch.zeros(300, 5), durations, torch.zeros(300, dtype=torch.int64)),
    )
    noisy, sigma = heard[0]
    even = sigma == 1
    assert 0.25 < even.float().mean() < 0.42 and (noisy[even] == 0).all()
    assert 0 <= sigma[~even].min() < 0.02 and sigma[~even].max() > 0.97
    clean = (np.log(40) - LOG_MEAN) / LOG_STD
    off = (noisy - (1 - sigma[:, None]) * clean)[~even] / sigma[~even, None]
    assert abs(float(off.mean())) < 0.1 and float(off.std()) == pytest.approx(1, abs=0.1)


def test_a_seed_is_a_rhythm_and_none_the_even_one(model: DurationPredictor) -> None:
    rhythms = {seed: model.predict(20 * PHONEMES, None, seed=seed) for seed in (None, 1, 2)}
    assert len(set(rhythms.values())) == 3
    assert model.predict(20 * PHONEMES, None, seed=1) == rhythms[1]


def test_without_noise_in_what_it_says_sampling_changes_nothing() -> None:
    assert constant(8.0).predict("a" * 30, None, seed=3) == constant(8.0).predict("a" * 30, None)


def test_lengths_are_learnt(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = DurationPredictor(voice_dim=4, dim=16, num_layers=1)
    rhythms = recorded_durations(synthetic_features())
    draw = duration_batches(rhythms, ["af_a", "bm_b"], np.zeros((2, 4), np.float32), 4)
    fit(model, duration_loss, draw, FitSettings(minutes=60, learning_rate=0.02, max_steps=50, ema=0.9), tmp_path)
    durations = model.eval().predict(" həlˈoʊ ", None)
    np.testing.assert_allclose(durations[1:-1], 10, atol=2)
