"""Recordings of a script as English lines: `parley import --translate` and `parley workbench translate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import syllables

from generation.recordings import multilingual_whisper
from generation.recordings.multilingual_whisper import Translation
from studio.cli import main
from studio.formats import translating
from studio.scene.document import load_scene
from studio.workbench import recordings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of two lines, one a recording that is heard as Spanish."""
    soundfile.write(tmp_path / "hola.wav", syllables(2.0), 24_000, "FLOAT")
    soundfile.write(tmp_path / "hush.wav", np.full(24_000, 0.1), 24_000, "FLOAT")
    (tmp_path / "script.csv").write_text(
        "who,text,recording,language,start\nNora,,hola.wav,es,1.5\nTheo,I see.,,,\n", encoding="utf-8"
    )

    def translate(sound: np.ndarray, language: str | None) -> Translation:
        if np.ptp(sound) < 0.1:
            raise ValueError("holds no words; choose one in which somebody speaks")
        return Translation(language or "es", "Hola a todos.", "Hello everyone.")

    for module in (translating, recordings):
        monkeypatch.setattr(module, "translate", translate)
    monkeypatch.setattr(multilingual_whisper, "whisper_installed", lambda: True)
    return tmp_path


def test_recordings_become_lines_in_english_at_their_times(folder: Path) -> None:
    scene = str(folder / "scene.yaml")
    assert main(["import", str(folder / "script.csv"), "--translate", "-o", scene]) == 0
    first, second = load_scene(Path(scene)).script
    assert (first.who, first.text, first.recording, first.language, first.start) == (
        "Nora", "Hello everyone.", None, None, 1.5
    )  # fmt: skip
    assert second.text == "I see."


def test_what_cannot_be_translated_is_named_and_no_scene_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = str(folder / "scene.yaml")
    for recording, said in (("hush.wav", "'hush.wav' holds no words; choose one"), ("gone.wav", "gone.wav"), ("", "")):
        (folder / "script.csv").write_text(f"who,text,recording\nNora,Yes.,{recording}\n", encoding="utf-8")
        assert main(["import", str(folder / "script.csv"), "--translate", "-o", scene]) == 1
        told = capsys.readouterr().err
        assert (said or "No line of it is a recording; leave out --translate") in told and told.count("\n") == 1
    monkeypatch.setattr(multilingual_whisper, "whisper_installed", lambda: False)
    assert main(["import", str(folder / "script.csv"), "--translate", "-o", scene]) == 1
    assert "parley setup --extra translate" in capsys.readouterr().err and not Path(scene).exists()


def test_a_recording_on_the_workbench_is_said_in_english(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workbench", "translate", str(folder / "hola.wav"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["message"], said["heard"], said["language"]) == ("Hello everyone.", "Hola a todos.", "es")
    assert main(["workbench", "translate", str(folder / "hola.wav"), "-o", str(folder / "x.wav")]) == 1
    assert "give both --voice and -o" in capsys.readouterr().err
    assert main(["workbench", "translate", str(folder / "hush.wav")]) == 1
    assert "'hush.wav' holds no words" in capsys.readouterr().err
