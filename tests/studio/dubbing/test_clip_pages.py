"""The page Cast of a video: everybody found is shown and given to the cast, and previews have the video's frames."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import N_FRAMES
from pages import page, shown
from PIL import Image

from studio.cast.clip_people import SceneClip
from studio.core.progress import Progress, Stage
from studio.editing.cast_edits import with_person
from studio.editor.clip_view import STRIP_ROWS, look_at_people
from studio.performance.models import Models
from studio.production.preview import EVERY, Previewer
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.schema import Character, Scene, ScriptLine, Voice


@pytest.fixture
def project(projects: Projects, clip_path: Path, clip: SceneClip) -> Project:
    made = projects.create("Interview")
    relative = made.add_media(clip_path.read_bytes(), "two.mkv")
    member = Character(name="Ada", voice=Voice(preset="Alice"))
    line = ScriptLine(who="Ada", text="Yes.", start=0.2)
    scene = Scene(picture=relative, consent="drawn", cast=(member,), script=(line,))
    made.edit(scene, "Video")
    return made


def test_a_damaged_video_is_refused_when_it_is_dropped(project: Project) -> None:
    with pytest.raises(ValueError, match="two.mp4 cannot be read as a video"):
        project.add_media(b"nothing of that kind", "two.mp4")


def test_strip_and_people_are_shown(project: Project) -> None:
    view = look_at_people(project.scene, project.folder, lambda done, total: None)
    assert [person.number for person in view.people] == [1, 2]
    assert "which of 2 people" in view.problems[0].sentence
    assert Image.open(io.BytesIO(view.strip)).height == STRIP_ROWS
    faces = [np.asarray(Image.open(io.BytesIO(person.picture))).mean((0, 1)) for person in view.people]
    assert np.abs(faces[0] - faces[1]).max() > 10, "each has a face of their own"


def test_a_person_belongs_to_one_of_the_cast() -> None:
    scene = Scene(
        picture="a.mp4", cast=(Character(name="ADA", region=(0, 0, 9, 9)), Character(name="BOB", person=1)), script=()
    )
    given, index = with_person(scene, 1, 0)
    assert index == 0 and [member.person for member in given.cast] == [1, None]
    assert given.cast[0].region == "auto"
    more, index = with_person(given, 2, None)
    assert index == 2 and more.cast[2].person == 2 and more.cast[2].voice is not None


def test_people_are_claimed_on_the_page(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    test = page("cast", project, monkeypatch).run()
    assert not test.exception and "which of 2 people" in shown(test)
    boxes = [box for box in test.selectbox if box.label.startswith("Person ")]
    assert len(boxes) == 2 and "from 0.0 s" in boxes[1].label
    boxes[1].select("Ada").run()
    assert Project(project.folder).scene.cast[0].person == 2
    boxes = [box for box in test.selectbox if box.label.startswith("Person ")]
    boxes[0].select("Somebody new").run()
    assert not test.exception and [m.person for m in Project(project.folder).scene.cast] == [2, 1]
    test.slider[0].set_value(0.5).run()
    assert Project(project.folder).scene.ambience == 0.5


def test_a_preview_has_the_frames_of_the_video(
    project: Project, assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit(with_person(project.scene, 1, 0)[0], "Ada")
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    stages = [Stage(name, 1) for name in ("look at the picture", "speech and motion", "drawing")]
    made = Previewer(Models.load("cpu"), 108).make(project.scene_path, tmp_path, tmp_path, Progress(stages))
    video = cv2.VideoCapture(str(made["video"]))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    assert len(frames) * EVERY in (N_FRAMES, N_FRAMES * EVERY) and frames[0].shape == (108, 144, 3)
    cut = np.abs(np.diff(np.stack(frames).astype(int), axis=0)).mean((1, 2, 3))
    assert cut.argmax() + 1 == pytest.approx(len(frames) * 36 / N_FRAMES, abs=1), "the cut is where it was"
