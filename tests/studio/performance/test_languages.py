"""Scenes in several languages through tiny models: lines, words' times, subtitles, kept segments, and a whole film."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from skimage.data import astronaut
from tiny import write_tiny_assets

from generation.core.performance import Performance
from studio import cli
from studio.core.progress import Progress, Stage
from studio.export.subtitles import captions
from studio.performance.models import Models
from studio.performance.performer import ScenePerformer
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.scene.document import checked_scene
from studio.scene.schema import Scene
from studio.timeline.segments import split
from studio.timeline.timeline import Timeline
from studio.timeline.word_timing import word_times

SCRIPT = [
    {"who": "ANNA", "text": "El niño llegó a las 3.", "start": 0.4},
    {"who": "BOB", "text": "Bonjour, un bon vin.", "pause": 0.1},
    {"who": "ANNA", "text": "Good morning.", "language": "en", "pause": 0.1},
]


@pytest.fixture(scope="module")
def polyglot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_assets(tmp_path_factory.mktemp("polyglot"), languages=True)


@pytest.fixture(autouse=True)
def use_them(polyglot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: polyglot)


def two_languages(anna: str = "es", bob: str = "fr", **more: object) -> dict:
    cast = [
        {"name": "ANNA", "voice": "Alice", "language": anna, "region": [0, 0, 256, 256]},
        {"name": "BOB", "voice": "Arthur", "language": bob, "region": [256, 0, 512, 256]},
    ]
    return {"picture": "two.png", "consent": "drawn", "label": False, "cast": cast, "script": SCRIPT, **more}


def performed(scene: Scene, work: Path) -> tuple[Timeline, Performance, dict[str, str]]:
    performer = ScenePerformer(scene, work, Models.load("cpu"), steps=1)
    timeline, own = performer.timeline(), (np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    progress = Progress([Stage("speech", 1)], lambda status: None)
    with progress.running():
        progress.start("speech")
        made = performer.perform(timeline, *own, work, progress).whole()
    return timeline, made, performer.segment_keys(timeline, *own)


def test_each_line_is_said_in_its_language_and_kept_under_it(tmp_path: Path) -> None:
    timeline, made, keys = performed(checked_scene(two_languages()), tmp_path)
    assert [line.language for line in timeline.lines] == ["es", "fr-fr", "en-us"]
    spanish, french, english = timeline.lines
    assert "niɲo" in spanish.phonemes.replace("ˈ", "") and "ʁ" in french.phonemes and "ɹ" not in spanish.phonemes
    assert "mˈɔːɹ" in english.phonemes
    assert [word.text for word in word_times(spanish, timeline.texts[0])] == ["El", "niño", "llegó", "a", "las", "3."]
    shown = captions(timeline.lines, timeline.texts, ["ANNA", "BOB", "ANNA"], width=12)
    assert " ".join(c.text for c in shown if c.speaker == "BOB") == "Bonjour, un bon vin."

    # the sounds of a recording in one language or another: the network alone is told
    (first, *_) = split(timeline)
    other = replace(first, lines=tuple(replace(line, language="it") for line in first.lines))
    assert first.key != other.key
    again, changed, changed_keys = performed(checked_scene(two_languages(bob="it")), tmp_path)
    assert set(keys.values()) != set(changed_keys.values()) and again.lines[1].language == "it"
    assert not np.array_equal(made.speech[1], changed.speech[1][: len(made.speech[1])])


def test_a_film_with_a_language_for_each_character(tmp_path: Path) -> None:
    face = astronaut()[0:256, 100:356, ::-1]
    cv2.imwrite(str(tmp_path / "two.png"), np.concatenate([face, face[:, ::-1]], 1))
    scene = tmp_path / "scene.json"
    scene.write_text(json.dumps(two_languages()))
    render_scene(scene, tmp_path / "film.mp4", RenderSettings(steps=1, height=128, device="cpu"))
    told = (tmp_path / "film.srt").read_text("utf-8")
    assert "ANNA: El niño llegó" in told and "BOB: Bonjour" in told
    for name in ("ANNA", "BOB"):
        sound, _ = soundfile.read(tmp_path / f"film.{name}.wav")
        assert np.abs(sound).max() > 0.01


def test_a_line_is_said_in_a_language_from_the_command_line(tmp_path: Path, capsys) -> None:
    def said(language: str) -> np.ndarray:
        target = tmp_path / f"{language}.wav"
        line = ["say", "No.", "--voice", "Alice", "--language", language, "--steps", "1", "-o", str(target)]
        assert cli.main(line) == 0, capsys.readouterr().err
        return soundfile.read(target)[0]

    spanish = said("es")
    assert len(spanish) and not np.array_equal(spanish, said("it"))


def test_a_line_in_another_language_than_it_is_read_in_is_warned_of(tmp_path: Path, capsys) -> None:
    line = ["say", "--voice", "Alice", "--steps", "1", "-o", str(tmp_path / "a.wav"), "¿Dónde estás con mi sombrero?"]
    assert cli.main([*line, "--language", "en"]) == 0
    warning = (
        "Warning: The text seems to be Spanish and will be read as English; write it in English, or give --language es."
    )
    assert warning in capsys.readouterr().out
    assert cli.main([*line, "--language", "es"]) == 0
    assert "Warning" not in capsys.readouterr().out
