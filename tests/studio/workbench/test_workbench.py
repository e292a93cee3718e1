"""The workbench by its commands: files that sum, words and numbers, and one sentence for what cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import syllables

from generation.core import assets as resources
from studio.cli import main


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """A voice in noise."""
    voice = syllables(5.0)
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(voice))
    soundfile.write(tmp_path / "noisy.wav", voice + noise, 24_000, "FLOAT")
    return tmp_path / "noisy.wav"


def test_speech_and_rest_sum_to_the_recording(noisy: Path, tmp_path: Path) -> None:
    assert (
        main(["workbench", "clean", str(noisy), "-o", str(tmp_path / "s.wav"), "--rest", str(tmp_path / "r.wav")]) == 0
    )
    whole, speech, rest = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("noisy", "s", "r"))
    np.testing.assert_allclose(speech + rest, whole, atol=1e-6)
    assert 0.01 < rest.std() < whole.std()


def test_what_is_heard_as_json(noisy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workbench", "describe", str(noisy), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["event"] == "voice" and said["hertz"] == pytest.approx(120, rel=0.06) and said["gender"] == "man"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clean", "missing.wav", "-o", "a.wav"], "missing.wav"),
        (["clean", "noisy.wav", "-o", "a.mp3"], "should end in .wav"),
        (["clean", "noisy.wav", "-o", "a.wav", "--rest", "a.wav"], "the same file"),
        (["clean", "hiss.wav", "-o", "a.wav"], "holds nobody's voice"),
        (["describe", "hiss.wav"], "holds nobody's voice"),
        (["blend", "Alice", "Nobody", "-o", "a.wav"], "'Nobody' is not known"),
        (["blend", "Alice", "Alice", "-o", "a.wav"], "Both voices are Alice"),
        (["blend", "Alice", "Arthur", "--share", "2", "-o", "a.wav"], "between 0 and 1"),
        (["sing", "Hello there", "--voice", "Alice", "--notes", "C4", "-o", "a.wav"], "3 syllables, and there are"),
        (["sing", "Hello there", "--voice", "Alice", "--notes", "do re mi", "-o", "a.wav"], "which is no note"),
        (["sing", "Hello", "--voice", "Alice", "--midi", "none.mid", "-o", "a.wav"], "none.mid"),
        (["sing", "Hello", "--voice", "Nobody", "--notes", "C4 C4", "-o", "a.wav"], "'Nobody' is not known"),
        (["convert", "none.wav", "--text", "Hello.", "--voice", "Alice", "-o", "a.wav"], "none.wav"),
        (["convert", "noisy.wav", "--text", "...", "--voice", "Alice", "-o", "a.wav"], "nothing to say"),
        (["design", "purple", "-o", "made"], "No word of 'purple' is known"),
        (["design", "low woman", "--text", "...", "-o", "made"], "nothing to say"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    noisy: Path,
    arguments: list[str],
    said: str,
    assets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(noisy.parent)
    monkeypatch.setattr(resources, "assets_root", lambda: assets)
    hiss = 0.1 * np.random.default_rng(0).standard_normal(48_000)
    soundfile.write("hiss.wav", hiss, 24_000)
    before = sorted(Path().iterdir())
    assert main(["workbench", *arguments]) == 1
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert said in sentence and sorted(Path().iterdir()) == before


def test_designed_voices_are_spoken_and_named(
    tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resources, "assets_root", lambda: assets)
    monkeypatch.setattr("generation.adapters.metadata.assets_root", lambda: assets)
    about = json.loads((assets / "voices.json").read_text())
    for name, what in (("Alice", "American woman, high"), ("Arthur", "British man, low")):
        about[name]["description"] = what
    (assets / "voices.json").write_text(json.dumps(about))
    command = ["workbench", "design", "fast", "--text", "Good morning.", "--count", "2", "-o", str(tmp_path), "--json"]
    assert main(command) == 0
    made = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [row["voice"].split(",")[0] for row in made] == ["Alice", "Arthur"]
    assert all(soundfile.info(row["file"]).duration > 0.3 and row["speed"] > 0 for row in made)
