"""Blends of voices: as they are written, as they are mixed, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.voices.bank import VoiceBank
from generation.voices.blend import Blend, blend_name, read_blend


@pytest.mark.parametrize(
    ("written", "shares", "semitones"),
    [
        ("Alice", {"Alice": 1}, 0),
        ("Alice + Henry", {"Alice": 0.5, "Henry": 0.5}, 0),
        (" Alice 70% + Henry ", {"Alice": 0.7, "Henry": 0.3}, 0),
        ("Alice 20 % + Ruth + Ivy", {"Alice": 0.2, "Ruth": 0.4, "Ivy": 0.4}, 0),
        ("Alice, 2.5 lower", {"Alice": 1}, -2.5),
        ("Alice 25% + Henry 75%, 3 higher", {"Alice": 0.25, "Henry": 0.75}, 3),
    ],
)
def test_blends_are_read_and_written(written: str, shares: dict[str, float], semitones: float) -> None:
    blend = read_blend(written)
    assert dict(blend.shares) == pytest.approx(shares) and blend.semitones == semitones
    again = read_blend(blend_name(blend))
    assert dict(again.shares) == pytest.approx(shares) and again.semitones == semitones


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Alice + ", "without a voice"), ("Alice + Alice", "names Alice twice"),
        ("Alice 60% + Ivy 60%", "sum to 120 %"),
        ("Alice 60%", "sum to 60 %"), ("Alice 100% + Ivy", "nothing for a voice"), ("Alice, 12 lower", "12 semitones"),
    ],
)  # fmt: skip
def test_what_is_no_blend(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_blend(written)


def test_the_leading_voice_is_the_largest() -> None:
    assert Blend({"Alice": 0.4, "Henry": 0.6}).leading == "Henry"


def test_embeddings_lie_between_and_the_pitch_moves_by_octaves(assets: Path) -> None:
    bank = VoiceBank.load(assets)
    alice, arthur = (bank[name].embedding for name in ("Alice", "Arthur"))
    np.testing.assert_array_equal(bank.embedding("Alice"), alice)
    np.testing.assert_allclose(bank.embedding("Alice 25% + Arthur"), 0.25 * alice + 0.75 * arthur, atol=1e-6)
    np.testing.assert_allclose(bank.embedding("Alice, 6 lower"), alice - bank.octave / 2, atol=1e-6)
    with pytest.raises(ValueError, match="no voice called 'Nobody'"):
        bank.embedding("Alice + Nobody")
