"""Motion before the film on tiny real models: lanes, a line before and after a span was made again, and stills."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import soundfile
from PIL import Image
from skimage.data import astronaut

from generation.core.motion import MotionTrack
from studio.acting.marks import Keyframe
from studio.editor.motion_view import Lanes, newest_lanes, within
from studio.export.provenance import verify
from studio.jobs.job import Job
from studio.jobs.queue import submit
from studio.jobs.worker import serve
from studio.production import motion_review
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.retakes import with_retake
from studio.scene.schema import Scene


@pytest.fixture
def project(tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    project = Projects(tmp_path / "projects").create("Two")
    picture = cv2.imencode(".png", astronaut()[0:256, 100:356, ::-1])[1].tobytes()
    data = {
        "picture": project.add_media(picture, "one.png"),
        "consent": "drawn",
        "cast": [{"name": "EILEEN", "voice": "Alice"}, {"name": "VOICE", "role": "narrator", "voice": "Arthur"}],
        "script": [
            {"who": "EILEEN", "text": "One and two and three and four."},
            {"who": "VOICE", "text": "Two.", "pause": 0.4},
        ],
    }
    project.edit(Scene.model_validate(data), "All")
    return project


def done(project: Project, **what: object) -> Job:
    job = submit(project, "move", steps=1, **what)
    serve(project.folder.parent, "test", idle_seconds=0.2)
    assert job.status().state == "done", job.status().sentence
    return job


def frames_of(path: Path) -> int:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))


def test_a_span_is_made_again_and_shown_beside_what_it_was(project: Project) -> None:
    assert newest_lanes(project) is None
    done(project)
    lanes = newest_lanes(project)
    assert isinstance(lanes, Lanes) and lanes.sound is not None
    line = lanes.line(project.line_ids()[0])
    eileen, voice = lanes.data["people"]
    n_frames = round(25 * lanes.data["seconds"])
    assert [person["name"] for person in (eileen, voice)] == ["EILEEN", "VOICE"]
    assert {len(eileen[name]) for name in ("mouth", "blink", "turn")} == {n_frames}
    assert len(eileen["level"]) == 2 * n_frames and max(eileen["level"]) > 0
    kept = {path.name: path.stat().st_ino for path in project.work.glob("*.npz")}
    keys = [Keyframe(at=0.4, channel="jawOpen", value=1.0)]
    scene = with_retake(project.scene, 0, 0.28, 0.6, keys, line["end"] - line["start"], take=1)
    project.edit(scene, "Lips of line 1")
    job = done(project, line=line["id"], take=1, before=[])
    again = newest_lanes(project)
    results = job.status().results
    assert again.job.id == job.id
    key = round(25 * (line["start"] + 0.4))
    assert again.data["people"][0]["mouth"][key] == 1.0
    first, stop = (round(25 * (line["start"] + at)) for at in (0.28 - 0.12, 0.6 + 0.12))
    for name in ("mouth", "blink", "turn"):
        assert again.data["people"][0][name][:first] == eileen[name][:first]
        assert again.data["people"][0][name][stop:] == eileen[name][stop:]
    assert again.data["people"][1] == voice and again.data["people"][0]["level"] == eileen["level"]
    changed = json.loads(results["changes"].read_text())
    assert {(item["who"], item["what"]) for item in changed} == {("EILEEN", "motion")}
    assert first / 25 <= changed[0]["start"] and changed[-1]["end"] <= stop / 25
    shown = min(stop + 25, len(eileen["mouth"])) - max(first - 25, 0)
    assert frames_of(results["before"]) == frames_of(results["after"]) == shown
    assert verify(results["after"]).ok and verify(results["before"]).ok
    now = {path.name: path.stat().st_ino for path in project.work.glob("*.npz")}
    assert kept.items() <= now.items() and len(now) == len(kept) + 1
    project.undo()
    undone = done(project)
    assert newest_lanes(project).job.id == undone.id and newest_lanes(project).data["people"][0] == eileen


def test_all_faces_that_a_line_moves_are_shown() -> None:
    cast = [{"name": name} for name in "ABCD"]
    script = [{"who": "A + B", "text": "Hi."}, {"who": "A", "face": "B + C", "text": "Hi."}]
    scene = Scene.model_validate({"picture": "", "cast": cast, "script": script})
    lines = [SimpleNamespace(character=0), SimpleNamespace(character=0)]
    timeline = SimpleNamespace(
        lines=lines, of_all_speakers=lambda line: [line, SimpleNamespace(character=1)][: 2 - lines.index(line)]
    )
    assert [motion_review.moved_faces(scene, number, timeline) for number in (0, 1)] == [[0, 1], [1, 2]]
    faces = [SimpleNamespace(character=n, face=SimpleNamespace(box=(100 * n, 40, 100 * n + 50, 90))) for n in range(3)]
    drawn: list[list[float]] = []

    def frames(tracks: list) -> list[np.ndarray]:
        drawn.append([float(track.values.max()) for track in tracks])
        return [np.zeros((200, 400, 3), np.uint8)]

    prepared = SimpleNamespace(
        geometry=SimpleNamespace(assigned=faces, rooms=[np.inf] * 3), renderer=SimpleNamespace(frames=frames),
        assignment=SimpleNamespace(picture=np.zeros((200, 400, 3), np.uint8)),
    )  # fmt: skip
    motion = MotionTrack(np.full_like(MotionTrack.neutral(1).values, 0.1))
    performance = SimpleNamespace(motion=[motion.values] * 4)
    close = motion_review._Close(scene, prepared, [1, 2, 3], {})
    (frame,) = close._frames(close._scaled(performance))
    assert frame.shape == (90, 190, 3) and drawn[0][0] == 0 < min(drawn[0][1:]), "B and C move, A is still"


def test_stills_show_the_amounts(project: Project) -> None:
    def stills(mouth: float) -> np.ndarray:
        cast = (project.scene.cast[0].model_copy(update={"mouth": mouth}), *project.scene.cast[1:])
        project.edit(project.scene.model_copy(update={"cast": cast}), "EILEEN's mouth")
        return np.asarray(Image.open(done(project, who="EILEEN").status().results["stills"]).convert("L"), np.float32)

    wide, shut = stills(1.5), stills(0.0)
    width = wide.shape[1] // 3
    assert wide.shape == shut.shape
    assert np.abs(wide - shut)[:, :width].max() > 20
    assert len(list(project.work.glob("*.npz"))) == 2, "amounts need no new motion"
    assert "stills" not in done(project, who="VOICE").status().results


def test_a_line_that_is_gone_is_refused(project: Project) -> None:
    with pytest.raises(ValueError, match="no longer in the script"):
        submit(project, "move", line="nobody's")


def test_a_window_of_the_lanes(project: Project) -> None:
    job = done(project)
    data = newest_lanes(project).data
    cut = within(data, ["EILEEN"], 0.4, 0.8)
    assert [person["name"] for person in cut["people"]] == ["EILEEN"]
    assert cut["people"][0]["mouth"] == data["people"][0]["mouth"][10:30] and len(cut["people"][0]["level"]) == 40
    assert [line["who"] for line in cut["lines"]] == ["EILEEN"]
    assert within(data, ["EILEEN"], 0.4, 99)["seconds"] == pytest.approx(data["seconds"] - 0.4)
    sound, rate = soundfile.read(job.status().results["sound"])
    assert len(sound) / rate == pytest.approx(data["seconds"])
