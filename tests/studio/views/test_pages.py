"""The editor without a browser: what clicks and edits make of a scene, and the pages."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from pages import page, shown

from generation.core.assets import asset
from studio import launch
from studio.editing import cast_edits, script_edits
from studio.editing.actions import read_line_action, read_picture_action
from studio.editor import checklist, picture_view, playback, results
from studio.jobs.job import JobStatus
from studio.jobs.queue import submit
from studio.project.project import Project
from studio.project.projects import Projects
from studio.project.takes import Take, record_takes
from studio.scene.schema import Scene
from studio.scene.voices import voice_names

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def cafe(projects: Projects) -> Project:
    return projects.create_sample("Café")


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The sample, for tests in which nothing is done to it."""
    return Projects(tmp_path_factory.mktemp("refusing")).create_sample("Café")


@pytest.fixture
def unclaimed(projects: Projects) -> Project:
    """A project with the sample's picture and nobody in the cast."""
    project = projects.create("New")
    relative = project.add_media(asset("scenes/cafe/picture.png").read_bytes(), "my picture.png")
    project.edit(project.scene.model_copy(update={"picture": relative}), "Picture")
    return project


def edited(scene: Scene, message: dict) -> tuple[Scene, str]:
    return script_edits.apply_line_action(scene, read_line_action(message))


def do(project: Project, chosen: int | None, **act: object) -> int | None:
    scene, what, now = cast_edits.apply_picture_action(project, project.scene, read_picture_action(act), chosen)
    if what:
        project.edit(scene, what)
    return now


def test_faces_are_proposed_and_claimed_one_by_one(unclaimed: Project) -> None:
    view = picture_view.look(unclaimed.scene, unclaimed.folder)
    assert view.owners == (None, None, None)
    assert all(len(picture_view.face_outline(face)) > 20 for face in view.faces)
    assert do(unclaimed, None, kind="claim", face=2) == 0
    assert do(unclaimed, 0, kind="claim", face=0) == 1, "the chosen one has a face, so a new character gets this one"
    view = picture_view.look(unclaimed.scene, unclaimed.folder)
    assert view.owners == (1, None, 0)
    assert do(unclaimed, 1, kind="claim", face=2) == 0, "a claimed face chooses its owner"
    voices = [member.voice.preset for member in unclaimed.scene.cast]
    assert len(set(voices)) == 2


def test_the_brush_changes_the_painted_pixels_alone_and_undo_brings_them_back(cafe: Project) -> None:
    before = picture_view.look(cafe.scene, cafe.folder).areas[0]
    do(cafe, 0, kind="stroke", points=[[60.0, 60.0], [90.0, 60.0]], radius=20, erase=False)
    after = picture_view.look(cafe.scene, cafe.folder).areas[0]
    rows, columns = np.nonzero(np.abs(after - before) > 0.02)
    assert rows.min() >= 38 and rows.max() <= 82 and columns.min() >= 38 and columns.max() <= 112
    assert after[60, 75] == 1 and before[60, 75] < 0.5
    do(cafe, 0, kind="stroke", points=[[60.0, 60.0], [90.0, 60.0]], radius=22, erase=True)
    assert picture_view.look(cafe.scene, cafe.folder).areas[0][60, 75] == 0
    cafe.undo()
    cafe.undo()
    assert np.array_equal(picture_view.look(cafe.scene, cafe.folder).areas[0], before)


@pytest.mark.parametrize(
    ("box", "sentence"),
    [
        ([0, 0, 1280, 720], "covers the whole picture"),
        ([10, 10, 18, 18], "make it at least 16 pixels"),
        ([1300, 10, 1500, 200], "lies outside the picture"),
        ([20, 50, 1200, 700], "draw them apart"),
        ([700, 200, 500, 700], "right > left"),
    ],
)
def test_bad_boxes_are_refused_on_the_spot(refusing: Project, box: list[float], sentence: str) -> None:
    revision = refusing.revision
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        do(refusing, 1, kind="box", box=box)
    assert "\n" not in str(refused.value) and refusing.revision == revision


def test_points_by_hand_make_a_face_where_none_is_found(projects: Projects, tmp_path: Path) -> None:
    import cv2

    drawing = np.full((240, 320, 3), 235, np.uint8)
    cv2.circle(drawing, (160, 120), 75, (90, 120, 200), 2)
    project = projects.create("Drawing")
    relative = project.add_media(cv2.imencode(".png", drawing)[1].tobytes(), "drawing.png")
    scene, _ = cast_edits.with_character(project.scene.model_copy(update={"picture": relative, "consent": "drawn"}))
    project.edit(scene, "Picture")
    assert picture_view.look(project.scene, project.folder).faces == ()
    places = [(120, 100), (145, 100), (175, 100), (200, 100), (160, 125), (135, 155), (185, 155), (160, 149),
              (160, 162), (160, 192)]  # fmt: skip
    points = {name: list(place) for (name, _), place in zip(picture_view.WANTED, places, strict=True)}
    do(project, 0, kind="points", points=points)
    view = picture_view.look(project.scene, project.folder)
    assert view.owners == (0,) and not view.problems
    assert np.allclose(view.faces[0].points[1, :2], (160, 125), atol=1)
    do(project, 0, kind="points", points={"right_eye": [130, 100], "left_eye": [190, 100], "mouth": [160, 200]})
    view = picture_view.look(project.scene, project.folder)
    assert np.allclose(view.faces[0].eyes, [(130, 100), (190, 100)], atol=1), "three clicks are a face"
    assert view.owners == (0,) and not view.problems, "though the chin lies below the picture"
    shown = picture_view.marked_points(project.scene, project.folder, view.size, 0)
    assert set(shown) == {name for name, _ in picture_view.WANTED}
    assert max(y for _, y in shown.values()) == 240
    do(project, 0, kind="points", points=shown)
    assert picture_view.look(project.scene, project.folder).owners == (0,)
    swapped = {**points, "mouth_left": points["mouth_right"], "mouth_right": points["mouth_left"]}
    with pytest.raises(ValueError, match="exchanged"):
        do(project, 0, kind="points", points=swapped)
    renamed = cast_edits.renamed(project, project.scene, 0, "Mia")
    project.edit(renamed, "Renamed")
    assert picture_view.look(project.scene, project.folder).owners == (0,), "the rig's face goes with the name"


@pytest.mark.parametrize(
    "act",
    [
        {"kind": "stroke", "points": [[float("nan"), 1]], "radius": 5},
        {"kind": "stroke", "points": [[1, 2]], "radius": 1e9},
        {"kind": "stroke", "points": "abc", "radius": 5},
        {"kind": "stroke", "points": [[1, 2]] * 30_000, "radius": 5},
        {"kind": "box", "box": ["a", 1, 2, 3]},
        {"kind": "points", "points": {"chin": [1, 2]}},
        {"kind": "points", "points": {"../chin": [1, 2]}},
        {"kind": "claim", "face": 99},
        {"kind": "claim", "face": "0"},
        {"kind": "rename"},
    ],
)
def test_what_a_browser_sends_is_not_trusted(refusing: Project, act: dict) -> None:
    with pytest.raises(ValueError):
        cast_edits.apply_picture_action(refusing, refusing.scene, read_picture_action(act), 0)


def test_edits_of_lines(cafe: Project) -> None:
    scene, what = edited(cafe.scene, {"kind": "text", "index": 1, "text": "Short."})
    assert (scene.script[1].text, what) == ("Short.", "Words of line 2")
    scene, _ = edited(scene, {"kind": "overlap", "index": 2, "value": 0.5})
    assert (scene.script[2].pause, scene.script[2].overlap) == (None, 0.5)
    scene, what = edited(scene, {"kind": "language", "index": 0, "value": "en-gb"})
    assert (scene.script[0].language, what) == ("en-gb", "Language of line 1")
    scene, _ = edited(scene, {"kind": "language", "index": 0, "value": None})
    assert scene.script[0].language is None
    scene, _ = edited(scene, {"kind": "move", "index": 0, "by": 1})
    assert [line.who for line in scene.script[:2]] == ["Nora", "Theo"]
    scene, _ = edited(scene, {"kind": "add", "index": 0})
    assert scene.script[1].who != scene.script[0].who
    scene, _ = edited(scene, {"kind": "remove", "index": 1, "text": "typed before the click"})
    assert len(scene.script) == 5
    same, what = edited(scene, {"kind": "hear", "index": 0})
    assert same == scene and what == ""


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        ({"kind": "text", "index": 99, "text": "x"}, "no longer in the script"),
        ({"kind": "speed", "index": 0, "value": 9}, "between 0.5 and 2"),
        ({"kind": "pause", "index": 0, "value": float("nan")}, "between 0 and 60"),
    ],
)
def test_bad_edits_of_lines_are_one_sentence(refusing: Project, act: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        edited(refusing.scene, act)


def test_a_pasted_screenplay_adds_its_names_or_asks(cafe: Project) -> None:
    text = "Theo: Hello.\nVISITOR (pause 0.5): Good morning."
    with pytest.raises(ValueError, match="VISITOR"):
        script_edits.pasted(cafe.scene, text, add_cast=False)
    scene, told = script_edits.pasted(cafe.scene, text, add_cast=True)
    assert told == "2 lines read from NAME: text."
    assert [member.name for member in scene.cast][-1] == "VISITOR" and scene.cast[-1].role == "narrator"
    assert scene.script[1].pause == 0.5


def test_the_list_before_a_job_names_every_part(cafe: Project) -> None:
    _, items = checklist.examine(cafe)
    assert [item.mark for item in items][:4] == ["good"] * 4
    scene = cafe.scene.model_copy(update={"consent": None})
    script = (scene.script[0].model_copy(update={"who": "Nobody"}), *scene.script[1:])
    cafe.edit(scene.model_copy(update={"script": script}), "Broken")
    _, items = checklist.examine(cafe)
    bad = [item.sentence for item in items if item.mark == "bad"]
    assert len(bad) == 2 and any("Nobody" in s for s in bad) and any("who is in the picture" in s for s in bad)
    assert not any("scene.yaml" in s for s in bad)


def test_what_a_job_left_is_found_and_packed(cafe: Project) -> None:
    """A finished job, as the worker leaves it, with a real little video."""
    from generation.audio.waveform import Audio
    from studio.export.encoder import encode

    job = submit(cafe, "render")
    out = job.folder / "out"
    out.mkdir()
    frames = (np.full((64, 64, 3), 10 * i, np.uint8) for i in range(25))
    encode(frames, Audio(np.zeros(24_000, np.float32), 24_000), out / "Café.mp4")
    (out / "Café.srt").write_text("1\n", encoding="utf-8")
    (out / "Café.vtt").write_text(
        "WEBVTT\n\n00:00:00.200 --> 00:00:00.900\n<v Theo>Fish &amp; chips</v>\n", encoding="utf-8"
    )
    found = {"video": out / "Café.mp4", "srt": out / "Café.srt", "vtt": out / "Café.vtt"}
    (cafe.folder.parent / ".worker/queue" / job.id).unlink()
    job.write_status("token", JobStatus("done", share=1.0, results=found))
    made = results.newest_video(cafe)
    assert made is not None and made.size == (64, 64) and made.seconds == pytest.approx(1, abs=0.05)
    assert [(line.who, line.text, line.start) for line in made.lines] == [("Theo", "Fish & chips", 0.2)]
    assert not made.outdated
    cafe.edit(cafe.scene.model_copy(update={"seed": 5}), "Seed")
    assert results.newest_video(cafe).outdated
    import zipfile

    assert set(zipfile.ZipFile(results.zipped_files(made)).namelist()) == {"Café.mp4", "Café.srt", "Café.vtt"}


def test_what_can_be_heard_follows_the_script(cafe: Project) -> None:
    ids = cafe.line_ids()
    job = submit(cafe, "hear", lines=ids[:1])
    assert playback.lines_in_queue(cafe) == {ids[0]}
    (job.folder / "out").mkdir()
    (job.folder / "out/sound.wav").write_bytes(b"RIFF")
    words = [{"line": ids[0], "who": "Theo", "text": "I", "start": 0.1, "end": 0.2}]
    (job.folder / "out/words.json").write_text(json.dumps(words))
    (cafe.folder.parent / ".worker/queue" / job.id).unlink()
    out = {"sound": job.folder / "out/sound.wav", "words": job.folder / "out/words.json"}
    job.write_status("token", JobStatus("done", share=1.0, results=out))
    assert playback.lines_in_queue(cafe) == set()
    assert (
        playback.newest_playback(cafe, None).words == words
        and playback.newest_playback(cafe, None).clips[0][1] == "Line 1"
    )
    scene, what = edited(cafe.scene, {"kind": "text", "index": 0, "text": "Something else."})
    cafe.edit(scene, what)
    assert playback.newest_playback(cafe, None) is None, "what is no longer written is no longer played"


def test_two_takes_are_heard_one_after_the_other(cafe: Project) -> None:
    line_id = cafe.line_ids()[0]
    for number in range(3):
        sound = cafe.folder / "takes" / f"{number}.wav"
        sound.parent.mkdir(exist_ok=True)
        sound.write_bytes(b"RIFF")
        record_takes(cafe.folder, {line_id: Take(str(number), number, "", "Words", "piece", sound)})
    assert playback.takes_to_compare(cafe, line_id) == ["0", "2"], "the one that is kept, and the newest other"
    cafe.keep_take(line_id, "2")
    assert playback.takes_to_compare(cafe, line_id) == ["1", "2"]
    played = playback.newest_playback(cafe, (line_id, ["1", "2"], 7))
    assert [(path.name, label) for path, label in played.clips] == [
        ("1.wav", "Take 2: Words"),
        ("2.wav", "Take 3: Words"),
    ]
    assert played.stamp != playback.newest_playback(cafe, (line_id, ["1", "2"], 8)).stamp, (
        "asked for again, it plays again"
    )
    (cafe.folder / "takes" / "1.wav").unlink()
    assert playback.takes_to_compare(cafe, line_id) == ["0", "2"]
    assert [label for _, label in playback.newest_playback(cafe, (line_id, ["1", "2"], 9)).clips] == ["Take 3: Words"]
    heard = script_edits.script_rows(cafe, {})[0]["takes"]
    assert [take["heard"] for take in heard] == [True, False, True]


# The pages, run by Streamlit's own test runner.


def test_the_start_page_has_few_controls(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(launch.ROOT_VARIABLE, str(tmp_path / "none yet"))
    test = page("start", None, monkeypatch).run()
    assert not test.exception
    assert "Open the sample scene" in [button.label for button in test.button]
    assert not test.selectbox, "without projects there is no list of them"


@pytest.mark.parametrize("name", ["cast", "script", "video", "export"])
def test_pages_draw_the_sample_and_an_empty_project(name: str, cafe: Project, projects, monkeypatch) -> None:
    test = page(name, cafe, monkeypatch).run()
    assert not test.exception, test.exception
    assert "Café" in shown(test)
    test = page(name, projects.create("Empty"), monkeypatch).run()
    assert not test.exception, test.exception
    assert "parley-empty" in shown(test), "an empty page says what belongs there"


def test_undo_takes_back_on_the_page(cafe: Project, monkeypatch) -> None:
    scene, what = edited(cafe.scene, {"kind": "text", "index": 0, "text": "Changed."})
    cafe.edit(scene, what)
    test = page("script", cafe, monkeypatch).run()
    undo = next(button for button in test.button if button.label == "Undo")
    assert "Words of line 1" in undo.help
    undo.click().run()
    assert Project(cafe.folder).scene.script[0].text != "Changed."


def test_renaming_and_voice_on_the_page(cafe: Project, monkeypatch) -> None:
    test = page("cast", cafe, monkeypatch).run()
    next(field for field in test.text_input if field.label == "Name").set_value("Ada").run()
    assert Project(cafe.folder).scene.cast[0].name == "Ada"
    assert "Ada" in {line.who for line in Project(cafe.folder).scene.script}
    voice = next(box for box in test.selectbox if box.label == "Voice")
    other = next(option for option in voice_names() if option != cafe.scene.cast[0].voice.preset)
    voice.set_value(other).run()
    assert Project(cafe.folder).scene.cast[0].voice.preset == other
    taken = cafe.scene.cast[1].name
    test = next(field for field in test.text_input if field.label == "Name").set_value(taken).run()
    assert f"{taken} is in the cast already" in shown(test), "a refusal is said once"
    assert next(field for field in test.text_input if field.label == "Name").value == "Ada"


def test_numbers_are_as_good_as_the_mouse(cafe: Project, monkeypatch) -> None:
    test = page("cast", cafe, monkeypatch).run()
    for label, value in (("Left", 0), ("Top", 0), ("Right", 1280), ("Bottom", 720)):
        next(field for field in test.number_input if field.label == label).set_value(value)
    next(button for button in test.button if button.label == "Use this box").click().run()
    assert "covers the whole picture" in shown(test)
    for label, value in (("Left", 60), ("Top", 80), ("Right", 410), ("Bottom", 600)):
        next(field for field in test.number_input if field.label == label).set_value(value)
    next(button for button in test.button if button.label == "Use this box").click().run()
    assert Project(cafe.folder).scene.cast[0].region == ((60, 80), (410, 80), (410, 600), (60, 600))


def test_consent_is_asked_at_the_start(unclaimed: Project, monkeypatch) -> None:
    test = page("cast", unclaimed, monkeypatch).run()
    test.radio[0].set_value("agreed").run()
    assert Project(unclaimed.folder).scene.consent is None, "needs its statement"
    next(f for f in test.text_input if f.label.startswith("Who is it")).set_value("Ada, agreed on 3 May").run()
    assert Project(unclaimed.folder).scene.consent == "agreed"


def test_every_control_has_its_sentence() -> None:
    """Buttons, sliders, selections: each is explained by one sentence."""
    kinds = "button|slider|selectbox|toggle|radio|segmented_control|checkbox|popover|download_button"
    calls = re.compile(rf"st\.(?:{kinds})\(")
    known = {"To the start page", "To the page Video", "Create", "Bring its scene back", "Keep this version",
             "Use these points"}  # fmt: skip
    for path in sorted((ROOT / "studio/views").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for match in calls.finditer(text):
            call = text[match.start() : match.start() + 420]
            assert "help=" in call or any(name in call[:60] for name in known), f"{path.name}: {call[:80]}"


def test_a_wrong_project_in_the_address_opens_nothing(cafe: Project, tmp_path: Path, monkeypatch) -> None:
    secret = tmp_path / "secret"
    shutil.copytree(cafe.folder, secret)
    for name in ("../../secret", "/etc", "..", "Caf\u00e9/../../../secret", "nobody", "a\0b", "~root"):
        test = page("cast", cafe, monkeypatch)
        test.query_params["project"] = name
        test.run()
        assert not test.exception, name
        assert "No project is open" in shown(test), name


def test_fifty_lines_stay_quick(cafe: Project) -> None:
    import time

    script = tuple(cafe.scene.script[i % 5].model_copy(update={"text": f"Line {i}."}) for i in range(50))
    cafe.edit(cafe.scene.model_copy(update={"script": script}), "Long")
    script_edits.script_rows(cafe, {})
    began = time.process_time()
    assert len(script_edits.script_rows(cafe, {})) == 50
    assert time.process_time() - began < 0.15
