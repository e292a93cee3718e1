"""The corpus as arrays: recordings on the clock, and those that are played at another rate for voices nobody has."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from generation.examples import voice_names
from generation.features import HELD_OUT_VOICES, PLAYBACK_RATES, Features, build_features, playback_rate
from generation.grid import samples_from_frames
from generation.labels import lips_of_played
from generation.manners import taught_by

PHONEMES, UNITS = "ˈɑb", [20, 40, 10, 10]
HERTZ = 300.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Features:
    """Five recordings of a tone whose phonemes fill 2 s; the fourth is held out, the fifth is a voice of the tests."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "corpus" / "audio").mkdir(parents=True)
    rows = []
    for number in range(5):
        voices = (
            {HELD_OUT_VOICES[0]: 1.0} if number == 4 else {"af_a": 0.5, "am_b": 0.5} if number == 2 else {"af_a": 1}
        )
        rows.append(
            {"id": f"u{number}", "samples": 48_000, "text": "ab", "phonemes": PHONEMES[:2], "durations": UNITS,
             "voices": voices, "split": "dev" if number == 3 else "train", "speed": 1.0}
        )  # fmt: skip
        tone = 0.2 * np.sin(2 * np.pi * HERTZ * np.arange(48_000) / 24_000)
        soundfile.write(folder / "corpus" / "audio" / f"u{number}.opus", tone, 24_000, format="OGG", subtype="OPUS")
    (folder / "corpus" / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    build_features(folder, folder)
    return Features.load(folder)


def loudest_hertz(wave: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(power.argmax() * 24_000 / len(wave))


def test_every_second_recording_that_teaches_is_played_once_more(corpus: Features) -> None:
    slow, fast = PLAYBACK_RATES
    assert [u.id for u in corpus.utterances] == ["u0", "u1", "u2", "u3", "u4", f"u0@{slow}", f"u2@{fast}"]
    assert [u.rate for u in corpus.utterances[-2:]] == [slow, fast]
    assert corpus.utterances[-1].voices == {f"af_a@{fast}": 0.5, f"am_b@{fast}": 0.5}
    assert voice_names(corpus) == ["af_a", f"af_a@{slow}", f"af_a@{fast}", "am_b", f"am_b@{fast}"]


@pytest.mark.parametrize(
    "row", [{"split": "test", "voices": {"af_a": 1}}, {"split": "train", "voices": {HELD_OUT_VOICES[1]: 1}}]
)
def test_nothing_that_is_measured_on_is_played(row: dict) -> None:
    assert all(playback_rate(number, row) is None for number in range(8))


def test_pitch_length_and_phonemes_change_together(corpus: Features) -> None:
    own = corpus.utterances[0]
    for played in corpus.utterances[-2:]:
        assert loudest_hertz(corpus.wave_of(played)[2400:40_000]) == pytest.approx(HERTZ * played.rate, rel=0.01)
        assert played.n_frames == pytest.approx(own.n_frames / played.rate, abs=1)
        assert sum(played.durations) == 4 * played.n_frames
        assert played.durations[1] == pytest.approx(own.durations[1] / played.rate, abs=1.5)
        sounding = samples_from_frames(played.n_frames) - round(48_000 / played.rate)
        assert 0 <= sounding < 960


def test_lips_of_played_recordings_move_with_their_sound(corpus: Features) -> None:
    recorded = sum(u.n_frames for u in corpus.utterances if u.rate == 1)
    labels = np.zeros((recorded, 57), np.float16)
    own = corpus.utterances[0]
    labels[own.first + 20 : own.first + 24] = 1  # half a second to 0.96 s
    every = lips_of_played(labels, corpus)
    assert (
        every.shape == (corpus.utterances[-1].first + corpus.utterances[-1].n_frames, 57) and every.dtype == np.float16
    )
    assert np.array_equal(every[:recorded], labels)
    slow = corpus.utterances[-2]
    (open_at,) = np.where(every[slow.first : slow.first + slow.n_frames, 0] > 0.5)
    assert open_at.mean() == pytest.approx(21.5 / slow.rate, abs=0.6)
    assert every[corpus.utterances[-1].first :].max() == 0


def test_manners_are_taught_by_recorded_voices(corpus: Features) -> None:
    assert {u.id for u in taught_by(corpus, "train")} == {"u0", "u1", "u4"}
