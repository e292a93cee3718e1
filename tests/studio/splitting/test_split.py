"""Long recordings: told at once by the check, and cut into lines by pauses, pitch or subtitles."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import soundfile
from imageio_ffmpeg import get_ffmpeg_exe
from sounds import RATE, syllables

from studio.cli import main
from studio.core.problems import DocumentError
from studio.core.storage import StorageError
from studio.scene import screenplay
from studio.splitting import split
from studio.splitting.split import split_recording
from studio.splitting.turns import LONGEST

QUIET = np.zeros(round(0.9 * RATE), np.float32)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Two people in turns: a low voice from 0.9 to 3.5 s and from 7.0 to 9.6 s, a high one from 4.4 to 6.1 s."""
    low, high = syllables(2.6, 105), syllables(1.7, 170)
    sound = np.concatenate([QUIET, low, QUIET, high, QUIET, low, QUIET])
    sound += 0.001 * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    soundfile.write(tmp_path / "talk.wav", sound, RATE)
    return tmp_path / "talk.wav"


def test_pauses_and_pitch_make_lines_that_a_scene_can_play(talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = talk.parent / "lines"
    assert main(["split", str(talk), "--cast", "THEO, NORA", "-o", str(folder)]) == 0
    assert "3 lines, 2 of THEO, 1 of NORA" in capsys.readouterr().out
    lines = screenplay.parse((folder / "script.txt").read_text())
    assert [line["who"] for line in lines] == ["THEO", "NORA", "THEO"]
    starts = [float(line["start"]) for line in lines]
    assert starts == pytest.approx([0.9, 4.4, 7.0], abs=0.25)
    whole = soundfile.read(talk)[0]
    for line, start, seconds in zip(lines, starts, (2.6, 1.7, 2.6), strict=True):
        sound = soundfile.read(folder / line["recording"])[0]
        assert len(sound) / RATE == pytest.approx(seconds, abs=0.45)
        around = whole[round((start - 0.02) * RATE) :][: len(sound) + RATE // 20]
        assert np.correlate(around, sound).max() > 0.98 * np.square(sound).sum()
    assert main(["import", str(folder / "script.txt"), "-o", str(folder / "scene.yaml")]) == 0
    assert main(["split", str(talk), "-o", str(folder)]) == 1
    assert "'lines/script.txt' is there already" in capsys.readouterr().err


def test_a_map_of_names_and_times_makes_lines_with_their_words(talk: Path) -> None:
    srt = talk.with_suffix(".srt")
    srt.write_text(
        "1\n00:00:00,800 --> 00:00:02,000\nTHEO: Good\n\n2\n00:00:02,100 --> 00:00:03,600\nmorning.\n\n"
        "3\n00:00:04,300 --> 00:00:06,200\nNORA: Hello.\n"
    )
    turns = split_recording(talk, talk.parent / "lines", map_file=srt)
    assert [(turn.who, turn.text) for turn in turns] == [("THEO", "Good morning."), ("NORA", "Hello.")]
    lines = screenplay.parse((talk.parent / "lines" / "script.txt").read_text())
    assert [line["text"] for line in lines] == ["Good morning.", "Hello."]
    assert soundfile.info(talk.parent / "lines" / lines[0]["recording"]).duration == pytest.approx(2.8, abs=0.01)


@pytest.mark.parametrize(
    ("names", "srt", "said"),
    [
        (["A", "B", "C"], None, "tells two people apart, not 3"),
        (["A"], "1\n00:00:01,000 --> 00:00:02,000\nB: Hello.\n", "'B', who is not among A"),
        ([], "1\n00:00:01,000 --> 00:00:02,000\nHello there\n", "first caption names nobody"),
        ([], "1\n01:00:01,000 --> 01:00:02,000\nB: Hello.\n", "the recording lasts"),
        ([], "Hello.", "no captions"),
        (["A:"], None, r"The name 'A:' should not contain"),
        ([], f"1\n00:00:01,000 --> 00:00:02,000\n<v {'B' * 61}>Hello.\n", "The name 'B+' should have at most 60"),
    ],
)
def test_what_cannot_be_cut_is_said_and_writes_nothing(
    names: list[str], srt: str | None, said: str, talk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = talk.with_suffix(".srt")
    path.write_text(srt or "")
    if "recording lasts" not in said:
        monkeypatch.setattr(split, "stream_mono", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(DocumentError, match=said):
        split_recording(talk, talk.parent / "lines", names, path if srt else None)
    assert not (talk.parent / "lines").exists()


def test_no_file_is_replaced_and_a_failure_leaves_no_folder(talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = talk.parent / "lines"
    monkeypatch.setattr("studio.core.storage.write_bytes", fail := Mock(side_effect=OSError(28, "full")))
    with pytest.raises(StorageError, match="disk is full"):
        split_recording(talk, folder, ["ÉVA O'HARA"])
    assert fail.called and not folder.exists()
    monkeypatch.undo()
    assert split_recording(talk, folder, ["ÉVA O'HARA"])
    assert (folder / "ÉVA-O-HARA-001.wav").is_file()
    (folder / "script.txt").unlink()
    monkeypatch.setattr(split, "stream_mono", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(DocumentError, match=r"lines/ÉVA-O-HARA-001\.wav' is there already"):
        split_recording(talk, folder, ["éva o'hara"])


def test_one_voice_is_not_taken_for_two_and_long_speech_is_cut(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.concatenate([syllables(45.0, 120), QUIET, syllables(2.0, 125)]), RATE)
    with pytest.raises(DocumentError, match="around one pitch"):
        split_recording(tmp_path / "one.wav", tmp_path / "lines", ["A", "B"])
    turns = split_recording(tmp_path / "one.wav", tmp_path / "lines")
    assert len(turns) == 3 and all(turn.stop - turn.start <= LONGEST + 0.3 for turn in turns)


def test_the_check_does_not_decode_an_hour(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "part.wav", syllables(10.0), RATE)
    bare = ["-b:a", "32k", "-write_xing", "0", "-id3v2_version", "0"]
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", "part.wav", *bare, "part.mp3"], cwd=tmp_path, check=True)
    (tmp_path / "hour.mp3").write_bytes((tmp_path / "part.mp3").read_bytes() * 355)
    scene = {"picture": "", "consent": "drawn", "cast": [{"name": "A", "role": "narrator"}],
             "script": [{"who": "A", "recording": "hour.mp3"}]}  # fmt: skip
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    monkeypatch.setattr("generation.audio.sound_file.read_sound_stream", lambda *_: pytest.fail("it was decoded"))
    assert main(["check", str(tmp_path / "scene.json")]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert "picture" in told, "a line may last an hour"
