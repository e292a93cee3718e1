"""Recordings of a scene: channels of lines, and what the check says of them before anything heavy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sounds import RATE, buzz

from studio.cli import main
from studio.scene.schema import ScriptLine
from studio.timeline.recordings import line_recording, recording_findings


def talk(folder: Path, name: str, *channels: np.ndarray) -> None:
    soundfile.write(folder / name, np.stack(channels, 1), RATE, subtype="FLOAT")


@pytest.fixture
def turns() -> tuple[np.ndarray, np.ndarray]:
    """Two people, one after the other."""
    one, other = buzz(3.0), buzz(3.0, 230)
    quiet = np.zeros_like(one)
    return np.concatenate([one, quiet]), np.concatenate([quiet, other])


def test_two_speakers_on_two_channels_are_offered_and_taken_apart(turns, tmp_path: Path) -> None:
    talk(tmp_path, "talk.wav", *turns)
    line = ScriptLine(who="ANNA", recording="talk.wav")
    found = recording_findings(tmp_path, line)[0]
    assert "a speaker on each of two channels" in found.what and "channel: left" in found.repair
    for channel, alone in (("left", turns[0]), ("right", turns[1]), (2, turns[1])):
        chosen = line.model_copy(update={"channel": channel})
        assert not any("channel" in each.what for each in recording_findings(tmp_path, chosen))
        heard = line_recording(tmp_path, chosen)
        assert np.corrcoef(heard, alone)[0, 1] > 0.999


def test_one_voice_on_both_channels_is_nothing_to_tell(turns, tmp_path: Path) -> None:
    talk(tmp_path, "one.wav", turns[0], 0.7 * turns[0])
    assert not any(
        "channel" in each.what for each in recording_findings(tmp_path, ScriptLine(who="A", recording="one.wav"))
    )


def test_channels_that_cancel_are_told_and_heard(turns, tmp_path: Path) -> None:
    talk(tmp_path, "wide.wav", turns[0], -turns[0])
    line = ScriptLine(who="ANNA", recording="wide.wav")
    assert "cancel each other, so that one of them is used" in recording_findings(tmp_path, line)[0].what
    assert np.abs(line_recording(tmp_path, line)).max() > 0.1


def test_a_channel_is_read_from_a_scene_and_from_a_screenplay() -> None:
    for value, wanted in (("left", "left"), ("Right", "right"), ("2", 2), (1, 1), ("mix", "mix")):
        assert ScriptLine.model_validate({"who": "A", "recording": "a.wav", "channel": value}).channel == wanted
    assert ScriptLine.model_validate("A (recording a.wav, channel 2): Hello.").channel == 2
    for bad in ("middle", 0, 9, 1.5):
        with pytest.raises(ValueError, match="left, right, mix or a number from 1 to 8"):
            ScriptLine.model_validate({"who": "A", "recording": "a.wav", "channel": bad})
    with pytest.raises(ValueError, match="names a channel and no recording"):
        ScriptLine.model_validate({"who": "A", "text": "Hello.", "channel": "left"})


def test_the_check_tells_where_the_line_stands(turns, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk(tmp_path, "talk.wav", *turns)
    cast = [{"name": "ANNA", "role": "narrator"}]
    scene = {"picture": "", "consent": "drawn", "cast": cast, "script": [{"who": "ANNA", "recording": "talk.wav"}]}
    (tmp_path / "scene.json").write_text(json.dumps(scene))
    main(["check", "--json", str(tmp_path / "scene.json")])
    told = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    warning = next(row for row in told if row["event"] == "warning" and "channels" in row["what"])
    assert (
        warning["where"] == ["script", 0, "recording"]
        and "script line 1 (ANNA): the recording 'talk.wav'" in warning["what"]
    )
    assert warning["repair"]


def test_a_long_recording_is_read_block_by_block_as_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "long.wav", buzz(7.0), RATE, subtype="FLOAT")
    line = ScriptLine(who="A", recording="long.wav")
    whole, found = line_recording(tmp_path, line), recording_findings(tmp_path, line)
    monkeypatch.setattr("studio.timeline.recordings._WHOLE_SECONDS", 2)
    monkeypatch.setattr("studio.timeline.recordings.load_audio", lambda *_, **__: pytest.fail("it was read whole"))
    np.testing.assert_allclose(line_recording(tmp_path, line), whole, atol=1e-4)
    (tmp_path / "long.wav").touch()
    assert recording_findings(tmp_path, line) == found
    monkeypatch.setattr("studio.timeline.recordings.MAX_LINE_SECONDS", 5)
    with pytest.raises(ValueError, match=r"lasts 7 s, and at most 5 s are read at once; cut it"):
        line_recording(tmp_path, line)
