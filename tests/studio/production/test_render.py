"""The whole job on tiny real parts: files, cache, cancel, and what is the same when it is done again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
import torch
import yaml
from imageio_ffmpeg import get_ffmpeg_exe
from scene_fixtures import write_photograph_and_hum

from generation.audio.sound_file import stream_mono
from generation.audio.sound_mark import find_sound_mark
from generation.core.performance import Performance
from studio.core.problems import DocumentError
from studio.core.progress import Cancelled, Progress, Stage, Status
from studio.export.provenance import verify
from studio.performance.models import Models, single_threaded
from studio.performance.performer import ScenePerformer
from studio.performance.speak_line import speak_line
from studio.production.frame_cache import MAX_FRAMES
from studio.production.observer import RenderObserver
from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.scene.document import load_scene
from studio.timeline.timeline import TAIL_FRAMES

QUICK = RenderSettings(steps=1, height=96, device="cpu")


@pytest.fixture(autouse=True)
def use_tiny_assets(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)


@pytest.fixture
def scene(tmp_path: Path) -> dict:
    write_photograph_and_hum(tmp_path, 1.0)
    return {
        "picture": "one.png",
        "consent": "drawn",
        "cast": [{"name": "EILEEN", "voice": "Alice"}, {"name": "VOICE", "role": "narrator", "voice": "Arthur"}],
        "script": [
            {"who": "EILEEN", "text": "One."},
            {"who": "VOICE", "text": "Two.", "pause": 0.4},
            {"who": "EILEEN", "recording": "hm.wav", "text": "Hm.", "pause": 0.4},
        ],
    }


def write(scene: dict, folder: Path) -> Path:
    path = folder / "scene.yaml"
    path.write_text(yaml.safe_dump(scene, sort_keys=False))
    return path


def test_a_scene_becomes_a_film_with_all_that_belongs_to_it(scene: dict, tmp_path: Path) -> None:
    seen: list[Status] = []
    target = tmp_path / "out" / "film.mp4"
    render_scene(write(scene, tmp_path), target, QUICK, seen.append)
    endings = {f".{name}.{kind}" for name in ("EILEEN", "VOICE") for kind in ("wav", "csv", "json")}
    endings |= {".mp4", ".srt", ".vtt", ".otio"}
    assert {path.name.removeprefix("film") for path in target.parent.glob("film*")} == endings
    assert [path for path in target.parent.iterdir() if path.name.startswith(".") and path.name != ".parley"] == []
    report = verify(target)
    assert report.ok and report.record["settings"]["steps"] == 1
    beside = {path.name for path in target.parent.glob("film*")} - {target.name}
    assert report.signature.state == "trusted" and report.signature.files.keys() == beside
    for path in target.parent.glob("film*.[mw][pa][4v]"):
        assert verify(path).signature.state == "trusted"
        assert find_sound_mark(stream_mono(path, 60, 60)).found == (path == target), "never in stems"
    assert report.record["scene"]["cast"][0]["name"] == "EILEEN"
    video = cv2.VideoCapture(str(target))
    n_frames, rows = int(video.get(cv2.CAP_PROP_FRAME_COUNT)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    speech, rate = soundfile.read(target.with_name("film.EILEEN.wav"))
    assert rows == 96 and rate == 24_000 and len(speech) == n_frames * 960
    stages = list(dict.fromkeys(status.stage for status in seen))
    assert stages == ["check", "load models", "speech and motion", "rendering", "encoding"]
    fractions = [status.fraction for status in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1


def perform(scene: dict, folder: Path, cancelled: Callable[[], bool] = lambda: False) -> Performance:
    """The scene's speech and motion alone, its pieces kept in ``folder / "work"``."""
    speech = ScenePerformer(load_scene(write(scene, folder)), folder, Models.load("cpu"), seed=3, steps=1)
    progress = Progress([Stage("speech", 1)], cancelled=cancelled)
    n_cast = len(scene["cast"])
    return speech.perform(speech.timeline(), np.eye(n_cast), np.zeros(n_cast), folder / "work", progress).whole()


def test_a_recording_is_heard_as_it_is_and_only_its_owner_has_it(scene: dict, tmp_path: Path) -> None:
    own, other = (part.speech for part in perform(scene, tmp_path).characters)
    recorded, _ = soundfile.read(tmp_path / "hm.wav", dtype="float32")
    tail = slice(-(25 + TAIL_FRAMES) * 960, None)  # the recording is the last line
    assert np.abs(own[tail]).max() == pytest.approx(np.abs(recorded).max(), rel=0.02)
    assert not other[tail].any()


def test_an_edit_makes_only_its_own_piece_again(scene: dict, tmp_path: Path) -> None:
    before = perform(scene, tmp_path).characters[0]
    first = set((tmp_path / "work").iterdir())
    assert len(first) == 3
    scene["script"][1]["text"] = "Three little words."
    after = perform(scene, tmp_path).characters[0]
    assert len(set((tmp_path / "work").iterdir()) - first) == 1
    np.testing.assert_array_equal(before.speech[: 24 * 960], after.speech[: 24 * 960])  # line 1
    np.testing.assert_array_equal(before.speech[-37 * 960 :], after.speech[-37 * 960 :])  # line 3
    np.testing.assert_array_equal(before.motion.values[-25:], after.motion.values[-25:])


def test_cancel_keeps_finished_pieces_and_nothing_else(scene: dict, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with pytest.raises(Cancelled):
        perform(scene, tmp_path, cancelled=lambda: len(list(work.glob("*.npz"))) == 2)
    kept = {piece: piece.stat().st_ino for piece in work.iterdir()}
    assert len(kept) == 2 and all(piece.suffix == ".npz" for piece in kept)
    perform(scene, tmp_path)
    assert len(list(work.iterdir())) == 3 and all(piece.stat().st_ino == inode for piece, inode in kept.items())


def test_a_damaged_kept_piece_is_made_again(scene: dict, tmp_path: Path) -> None:
    del scene["script"][1:]
    before = perform(scene, tmp_path)
    (piece,) = (tmp_path / "work").iterdir()
    piece.write_bytes(piece.read_bytes()[:1000])
    np.testing.assert_array_equal(perform(scene, tmp_path).characters[0].speech, before.characters[0].speech)
    assert piece.stat().st_size > 1000


class Counting(RenderObserver):
    """Counts the frames that are drawn."""

    def __init__(self) -> None:
        self.n_drawn = 0

    def frame(self, frame: np.ndarray) -> None:
        self.n_drawn += 1


def filmed(scene: dict, folder: Path, target: str) -> tuple[list[bytes], list[bytes], Counting]:
    """Packets of a film's pictures, its frames decoded, and what was drawn for it."""
    watcher, path = Counting(), folder / target
    render_scene(write(scene, folder), path, QUICK, observer=watcher)
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:v"]
    hashes = []
    for how in (["-c", "copy"], []):
        said = subprocess.run([*command, *how, "-f", "framemd5", "-"], capture_output=True, check=True).stdout
        hashes.append([line.rsplit(b",")[-1] for line in said.splitlines() if not line.startswith(b"#")])
    return hashes[0], hashes[1], watcher


def test_only_frames_that_a_retake_can_change_are_drawn(scene: dict, tmp_path: Path) -> None:
    scene["script"] = [{"who": "EILEEN", "text": "One two."}, {"who": "EILEEN", "text": "Five.", "pause": 6}]
    before, first, whole = filmed(scene, tmp_path, "a.mp4")
    assert whole.n_drawn == len(before) and whole.drawn == 1
    again = filmed(scene, tmp_path, "b.mp4")
    assert again[:2] == (before, first) and again[2].n_drawn == again[2].drawn == 0
    scene["script"][1]["take"] = 1
    packets, frames, retaken = filmed(scene, tmp_path, "c.mp4")
    n_kept = next(i for i, (old, new) in enumerate(zip(first, frames, strict=True)) if old != new)
    assert n_kept > MAX_FRAMES and packets[:n_kept] == before[:n_kept]
    assert 0 < retaken.n_drawn <= len(frames) - n_kept + MAX_FRAMES
    assert retaken.drawn == retaken.n_drawn / len(frames)
    shutil.rmtree(tmp_path / ".parley")
    assert filmed(scene, tmp_path, "d.mp4")[:2] == (packets, frames)  # nothing kept: the same film
    scene["cast"][0]["head"] = 0.5
    assert filmed(scene, tmp_path, "e.mp4")[2].n_drawn == len(frames)


def frames_seen(seen: list[Status]) -> int:
    return sum(status.stage == "rendering" for status in seen)


def test_a_cancelled_film_leaves_no_file(scene: dict, tmp_path: Path) -> None:
    seen: list[Status] = []
    path = write(scene, tmp_path)
    before = set(tmp_path.iterdir())
    with pytest.raises(Cancelled):
        render_scene(path, tmp_path / "film.mp4", QUICK, seen.append, lambda: frames_seen(seen) > 20)
    assert set(tmp_path.iterdir()) == before | {tmp_path / ".parley"}


def test_a_narrator_alone_speaks_over_the_still_picture(scene: dict, tmp_path: Path) -> None:
    del scene["cast"][0], scene["script"][2], scene["script"][0]
    render_scene(write(scene, tmp_path), tmp_path / "film.mp4", QUICK)
    assert verify(tmp_path / "film.mp4").ok


def test_problems_stop_the_job_before_anything_is_written(scene: dict, tmp_path: Path) -> None:
    scene["cast"][0]["voice"] = "Alise"
    path = write(scene, tmp_path)
    before = set(tmp_path.iterdir())
    with pytest.raises(DocumentError, match="did you mean 'Alice'"):
        render_scene(path, tmp_path / "film.mp4", QUICK)
    assert set(tmp_path.iterdir()) == before


def test_say_writes_a_marked_sound_that_a_seed_repeats(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        speak_line("Hello {Siobhan|ʃɪvˈɔːn}.", "Alice", tmp_path / f"{name}.wav", seed=seed, steps=2, device="cpu")
    sounds = {name: soundfile.read(tmp_path / f"{name}.wav")[0] for name in "abc"}
    np.testing.assert_array_equal(sounds["a"], sounds["b"])
    assert not np.array_equal(sounds["a"], sounds["c"])
    assert verify(tmp_path / "a.wav").ok and verify(tmp_path / "a.wav").record["settings"]["seed"] == 1


@pytest.mark.parametrize(("usual", "inside"), [(1, 1), (2, 1), (4, 4)])
def test_two_threads_are_one_while_speech_is_sampled(usual: int, inside: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(usual)
    try:
        with single_threaded():
            assert torch.get_num_threads() == inside
        assert torch.get_num_threads() == usual
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_four_minutes_take_no_more_memory_than_one(scene: dict, assets: Path, tmp_path: Path) -> None:
    """Peak of a process that renders; tiny weights, so that what grows with the length is most of what is seen."""
    program = (
        "import sys, resource, pathlib; from generation.core import assets; from studio.production.render import *;"
        "assets.assets_root = lambda: pathlib.Path(sys.argv[1]);"
        "render_scene(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]),"
        " RenderSettings(steps=1, height=96, device='cpu'));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for minutes in (1, 4):
        lines = [{"who": scene["cast"][n % 2]["name"], "text": "One.", "start": 10 * n} for n in range(6 * minutes)]
        path = write({**scene, "script": lines}, tmp_path)
        command = [sys.executable, "-c", program, str(assets), str(path), str(tmp_path / f"{minutes}.mp4")]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]))
    assert peaks[1] < 1.1 * peaks[0], peaks
