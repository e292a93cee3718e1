"""The command line: exit codes, messages, JSON, stopping, and starting quickly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from skimage.data import astronaut

from studio import cli
from studio.core.progress import Cancelled, Progress, Stage, Status
from studio.scene.voices import voice_names


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "one.png"), astronaut()[0:256, 100:356, ::-1])
    data = {
        "picture": "one.png",
        "consent": "public",
        "statement": "E. Collins, portrait by NASA",
        "cast": [{"name": "EILEEN", "voice": voice_names()[0]}],
        "script": [{"EILEEN": "This is a test."}],
    }
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump(data))
    return tmp_path / "scene.yaml"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["render", "scene.yaml"],
        ["check"],
        ["say", "Hello.", "-o", "a.wav"],
        ["render", "s.yaml", "-o", "a.mp4", "--steps", "0"],
        ["render", "s.yaml", "-o", "a.mp4", "--seed", "-1"],
        ["render", "s.yaml", "-o", "a.mp4", "--size", "big"],
        ["check", "s.yaml", "--draft"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_two(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "usage: parley" in capsys.readouterr().err


def test_check_answers_in_words_and_in_json(scene: Path, capsys) -> None:
    assert cli.main(["check", str(scene)]) == 0
    assert "is ready to render: 1 in the cast, 1 lines" in capsys.readouterr().out
    assert cli.main(["check", "--json", str(scene)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["event"] == "ok" and 0.5 < answer["seconds"] < 4


def test_read_prints_words_or_symbols_a_line_for_a_line(tmp_path: Path, capsys) -> None:
    assert cli.main(["read", "[laughs] It's $5."]) == 0
    told = capsys.readouterr()
    assert told.out == "It's five dollars.\n" and "'laughs'" in told.err
    assert cli.main(["read", "--ipa", "--language", "en-gb", "XYZ."]) == 0
    assert capsys.readouterr().out == "ˌɛkswˌaɪzˈɛd.\n"
    assert cli.main(["read", "--language", "pt", "São 2 h."]) == 0
    assert capsys.readouterr().out == "São duas horas.\n"
    assert cli.main(["read", "--language", "fr", "Where are you going with my hat?"]) == 0
    assert "this seems to be English and will be read as French" in capsys.readouterr().err
    lines = tmp_path / "lines.txt"
    lines.write_text("Dr. Lee\n\nIch weiß nicht, was du willst.\n", "utf-8")
    assert cli.main(["read", "--file", str(lines)]) == 0
    told = capsys.readouterr()
    assert told.out == "doctor Lee\n\nIch weiß nicht, was du willst.\n" and "German" in told.err
    assert cli.main(["read", "--json", "[sighs] 9 AM"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "event": "read", "message": "nine A M", "directions": ["sighs"], "language": None,
    }  # fmt: skip


def test_read_names_what_it_cannot_read_and_keeps_the_lines_in_step(tmp_path: Path, capsys) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("Hi {Bob\n2\n", "utf-8")
    assert cli.main(["read", "--file", str(lines)]) == 1
    told = capsys.readouterr()
    assert told.out == "\ntwo\n" and "{name|IPA}" in told.err
    lines.write_bytes(b"caf\xe9")
    assert cli.main(["read", "--file", str(lines)]) == 1
    assert "UTF-8" in capsys.readouterr().err
    with pytest.raises(SystemExit) as wrong:
        cli.main(["read"])
    assert wrong.value.code == 2


def test_voices_are_listed_with_a_line_each(capsys) -> None:
    assert cli.main(["voices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(voice_names()) and all(len(line.split()) > 4 for line in lines)
    assert cli.main(["voices", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [item["voice"] for item in told] == list(voice_names())
    assert {item["language"] for item in told} == {"en-us", "en-gb"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["render", "gone.yaml", "-o", "a.mp4"], "The scene file 'gone.yaml' does not exist"),
        (["render", "scene.yaml", "-o", "a.avi"], "The video 'a.avi' should end in .mp4"),
        (["say", "Hello.", "--voice", "nobody", "-o", "a.wav"], "The voice 'nobody' is not known"),
        (
            ["say", "Hola.", "--voice", "VOICE", "--language", "spanish", "-o", "a.wav"],
            "The language 'spanish' is not known; known are en,",
        ),
        (["say", "...", "--voice", "VOICE", "-o", "a.wav"], "There is nothing to say"),
        (["say", "Hello.", "--voice", "VOICE", "-o", "a.ogg"], "The sound 'a.ogg' should end in .wav"),
        (["say", "Hello.", "--voice", "VOICE", "--speed", "9", "-o", "a.wav"], "The speed should be between 0.5 and 2"),
        (["verify", "gone.mp4"], "The file 'gone.mp4' does not exist"),
        (["verify", "scene.yaml"], "scene.yaml carries no mark"),
    ],
)
def test_problems_are_one(arguments: list[str], sentence: str, scene: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(scene.parent)
    before = sorted(Path().iterdir())
    assert cli.main([voice_names()[0] if item == "VOICE" else item for item in arguments]) == 1
    (said,) = capsys.readouterr().err.splitlines()[-1:]
    assert sentence in said
    assert sorted(Path().iterdir()) == before


def test_a_bad_scene_is_refused_before_any_work(scene: Path, tmp_path: Path, capsys) -> None:
    scene.write_text(scene.read_text().replace("EILEEN: This", "ELEEN: This"))
    assert cli.main(["render", str(scene), "-o", str(tmp_path / "a.mp4")]) == 1
    assert "did you mean 'EILEEN'?" in capsys.readouterr().err
    assert not (tmp_path / "a.mp4").exists() and not (tmp_path / ".parley").exists()


def test_ctrl_c_is_130_and_leaves_nothing(scene: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    def interrupt(display: cli.ProgressDisplay, status: Status) -> None:
        if status.stage == "load models":
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.ProgressDisplay, "show", interrupt)
    before = sorted(tmp_path.iterdir())
    assert cli.main(["render", str(scene), "-o", str(tmp_path / "a.mp4")]) == 130
    assert "Stopped" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def heed_interrupts() -> None:
    """Shells start what runs in the background deaf to interrupts, and its children with it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_a_real_interrupt_of_a_real_process(scene: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-m", "studio.cli", "render", str(scene), "-o", str(tmp_path / "a.mp4"), "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, preexec_fn=heed_interrupts) as process:
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in process.stdout]
        # If it came while a string was executed (imports do), CPython ends by the signal, which a shell calls 130, too.
        assert process.wait(300) in (130, -signal.SIGINT), process.stderr.read()
    assert first["event"] == "progress" and first["stage"] == "check"
    assert rest[-1]["event"] == "stopped"
    assert sorted(tmp_path.iterdir()) == before


def test_check_loads_no_torch(scene: Path) -> None:
    code = "import sys; from studio.cli import main; main(sys.argv[1:]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "check", str(scene)], capture_output=True, text=True, check=True)
    answer, torch_is_loaded = done.stdout.splitlines()
    assert "is ready to render" in answer and torch_is_loaded == "False"


def test_progress_counts_stages_never_falls_and_stops() -> None:
    seen: list[Status] = []
    stop = False
    progress = Progress([Stage("a", 1), Stage("b", 3)], seen.append, lambda: stop)
    progress.start("a")
    progress.update(1, 2)
    progress.start("b")
    progress.update(1, 3, "line 1")
    progress.finish()
    assert [round(status.fraction, 6) for status in seen] == [0, 0.125, 0.25, 0.5, 1]
    assert seen[3].note == "line 1" and seen[3].as_dict()["percent"] == 50
    progress.plan({"b": 30})
    assert progress.status().fraction == 1
    stop = True
    with pytest.raises(Cancelled):
        progress.update(1, 3)
    with pytest.raises(ValueError, match="no stage 'c'"):
        progress.start("c")


def test_time_left_follows_the_pace_of_the_running_stage(monkeypatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("studio.core.progress.time.monotonic", lambda: clock[0])
    progress = Progress([Stage("quick", 50), Stage("slow", 10), Stage("last", 5)])
    clock[0] = 3.0
    progress.start("slow")
    assert progress.status().remaining is None
    clock[0] = 13.0
    progress.update(1, 4)
    assert progress.status().remaining == pytest.approx(30 + 20)


def test_a_silent_stage_still_beats(monkeypatch) -> None:
    monkeypatch.setattr("studio.core.progress.HEARTBEAT_SECONDS", 0.001)
    threads = threading.active_count()
    beats = threading.Semaphore(0)
    with Progress([Stage("a", 1)], lambda status: beats.release()).running():
        for _ in range(2):
            beats.acquire()
    assert threading.active_count() == threads, "and no longer than the job"


def test_mouth_head_and_blink_are_scaled_apart() -> None:
    from generation.core.motion import CHANNELS, MOUTH, N_CHANNELS, MotionTrack
    from studio.production.scene_drawing import scaled_motion
    from studio.scene.schema import Character

    track = MotionTrack(np.full((3, N_CHANNELS), 0.8, np.float32))
    values = scaled_motion(track, Character(name="A", mouth=0.5, head=0, blink=1.5)).values[1]
    by_name = dict(zip(CHANNELS, values, strict=True))
    assert all(by_name[name] == np.float32(0.4) for name in MOUTH)
    assert all(by_name[name] == 0 for name in CHANNELS if name.startswith("head"))
    assert by_name["eyeBlinkLeft"] == by_name["eyeBlinkRight"] == 1  # weights stay within their range
    assert by_name["browInnerUp"] == by_name["eyeLookUpLeft"] == np.float32(0.8)


def test_a_head_stays_within_its_room() -> None:
    from generation.core.motion import HEAD_ROTATION, MOUTH, N_CHANNELS, MotionTrack
    from studio.production.scene_drawing import HEAD_RADIUS, scaled_motion
    from studio.scene.schema import Character

    values = np.zeros((5, N_CHANNELS), np.float32)
    track = MotionTrack(values + np.linspace(0, 0.3, 5, dtype=np.float32)[:, None])
    free, tight = (scaled_motion(track, Character(name="A"), room) for room in (9.0, 0.1))
    np.testing.assert_array_equal(free.values, track.values)
    turned = np.linalg.norm([tight.channel(name) for name in HEAD_ROTATION], axis=0) * HEAD_RADIUS
    assert turned.max() < 0.1 and turned.max() > 0.03
    np.testing.assert_array_equal(tight.channel(MOUTH[0]), track.channel(MOUTH[0]))
    with np.errstate(all="raise"):
        held = scaled_motion(track, Character(name="A"), 0.0)
    assert np.abs([held.channel(name) for name in HEAD_ROTATION]).max() < 1e-6
