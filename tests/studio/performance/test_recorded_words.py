"""Words of recordings: the speech in a recording is laid on them, once, and what is not said there is left out."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import syllables

from generation.pipeline.forced_alignment import Alignment, ForcedAligner
from studio.performance import models as module
from studio.performance.models import Models


@pytest.fixture
def models(assets, monkeypatch: pytest.MonkeyPatch) -> Models:  # noqa: ANN001
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    return Models.load("cpu")


def recording(before: int, after: int) -> np.ndarray:
    """Two seconds of speech between silences of so many frames."""
    sound = syllables(2.0)
    return np.concatenate([np.zeros(960 * before), sound, np.zeros(960 * after)]).astype(np.float32)


def aligned(monkeypatch: pytest.MonkeyPatch, distance: float) -> list[tuple[int, str]]:
    """Stands in for the aligner: equal lengths; what it was asked is noted."""
    asked = []

    def align(self: ForcedAligner, waveform: np.ndarray, phonemes: str, voice: np.ndarray) -> Alignment:
        asked.append((len(waveform) // 960, phonemes))
        n_mels, n = len(waveform) // 240, len(phonemes)
        return Alignment((n_mels - n + 1, *[1] * (n - 1)), distance)

    monkeypatch.setattr(ForcedAligner, "align", align)
    return asked


def test_the_speech_alone_is_laid_on_its_words_once(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, sound = aligned(monkeypatch, 0.5), recording(30, 45)
    monkeypatch.setattr(
        module, "find_speech", lambda s: type("Found", (), {"speaks": np.arange(len(s) // 240) // 200 == 1})
    )
    durations = models.times_of_words(sound, " abc ")
    n_frames = len(sound) // 960
    assert durations is not None and sum(durations) == 4 * n_frames and len(durations) == 5
    assert durations[0] > 4 * (50 - 4) and durations[-1] == 1 + 4 * (n_frames - 103), "the silences are its pauses"
    assert models.times_of_words(sound, " abc ") == durations and asked == [(56, " abc ")]


@pytest.mark.parametrize("case", ["other words", "nobody", "too long", "too many"])
def test_what_is_not_said_is_left_out(case: str, models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = recording(5, 5)
    if case == "other words":
        aligned(monkeypatch, 0.95)
    elif case == "nobody":
        sound = np.zeros_like(sound)
    elif case == "too long":
        sound = np.tile(sound, 16)
    phonemes = " abc " if case != "too many" else f" {'abc' * 100} "
    assert models.times_of_words(sound, phonemes) is None
