"""Clips to take a voice from: what is refused, what is warned about, and the record of consent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scene_fixtures import Change, both, check, put, two_faces, write

from studio.validation.scene_check import check_scene


@pytest.fixture
def scene(tmp_path: Path) -> dict:
    """A sound scene, its files in ``tmp_path``."""
    return two_faces(tmp_path)


def write_voice(path: Path, seconds: float = 6.0, noise: float = 0.0, gain: float = 1.0, pitch: float = 120) -> None:
    """A voice with syllables and pauses, in noise of some RMS, clipped at 0.9."""
    t = np.arange(round(16000 * seconds)) / 16000
    tone = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 30)) * np.abs(np.sin(2 * np.pi * 2 * t))
    sound = 0.2 * tone * (t % 2 < 1.5) + noise * np.random.default_rng(0).standard_normal(len(t))
    soundfile.write(path, np.clip(gain * sound, -0.9, 0.9), 16000, subtype="FLOAT")


def clip(consent: str | None, **how: float) -> Change:
    """Give the second character the voice of a clip."""
    return both(
        lambda _, folder: write_voice(folder / "clip.wav", **how),
        put("cast", 1, "voice", value={"clip": "clip.wav", "consent": consent}),
    )


def pad_with_silence(path: Path, keep: float) -> None:
    """Leave so many seconds of a sound, then as much silence as it had sound."""
    sound, rate = soundfile.read(path)
    sound[round(keep * rate) :] = 0
    soundfile.write(path, sound, rate, subtype="FLOAT")


CASES: dict[str, tuple[Change, list[str]]] = {
    "clip of nobody": (clip(None), ["BOB: say whose voice the clip is", "add consent"]),
    "clip without statement": (
        clip("agreed"),
        ["BOB: consent 'agreed'", "who agreed, when and how"],
    ),
    "clip too short": (clip("me", seconds=3.0), ["BOB: the voice clip 'clip.wav' lasts 3.0 s", "5 to 15 s"]),
    "clip in noise": (clip("me", noise=0.05), ["BOB: the voice clip 'clip.wav' has noise", "quiet"]),
    "clip clipped": (clip("me", gain=6.0), ["BOB: the voice clip 'clip.wav' is clipped", "lower level"]),
    "clip hardly speaks": (
        lambda data, folder: (clip("me")(data, folder), pad_with_silence(folder / "clip.wav", 2.0)),
        ["BOB: the voice clip 'clip.wav' holds only", "s of speech"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_unfit_clip_is_refused_in_one_sentence(case: str, scene: dict, tmp_path: Path, capsys) -> None:
    change, needles = CASES[case]
    change(scene, tmp_path)
    code, sentences = check(write(scene, tmp_path), capsys)
    assert code == 1 and len(sentences) == 1, sentences
    assert all(needle in sentences[0] for needle in needles), sentences[0]


def test_a_good_clip_with_consent_passes_and_a_poor_one_is_warned_about(scene: dict, tmp_path: Path) -> None:
    clip("me")(scene, tmp_path)
    assert check_scene(write(scene, tmp_path)).problems == () == check_scene(write(scene, tmp_path)).warnings
    for how, words in (({"noise": 0.004}, "which will colour it"), ({"seconds": 20.0}, "the 15 s with most speech")):
        clip("me", **how)(scene, tmp_path)
        report = check_scene(write(scene, tmp_path))
        assert report.problems == () and len(report.warnings) == 1 and words in str(report.warnings[0])
    write_voice(tmp_path / "a.wav", 5.0, pitch=110)
    write_voice(tmp_path / "b.wav", 5.0, pitch=200)
    both_sounds = np.concatenate([soundfile.read(tmp_path / f"{name}.wav")[0] for name in "ab"])
    soundfile.write(tmp_path / "clip.wav", both_sounds, 16000, subtype="FLOAT")
    assert "two people" in str(check_scene(write(scene, tmp_path)).warnings[0])
