"""Projects on disk: edits, undo, versions, several windows, uploads, what lies outside, a full disk, restoring."""

from __future__ import annotations

import errno
import io
import os
import pickle
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from studio.core import storage
from studio.core.problems import DocumentError
from studio.core.storage import StorageError, inside, safe_name
from studio.export.provenance import make_record, mark
from studio.project import history, uploads
from studio.project.history import EditConflict
from studio.project.project import Project
from studio.project.projects import Projects
from studio.scene.document import load_scene
from studio.scene.schema import Character, Scene, ScriptLine

PLAIN = Scene(
    picture="",
    cast=(Character(name="ANNA"), Character(name="BEN")),
    script=(ScriptLine(who="ANNA", text="One."), ScriptLine(who="BEN", text="Two.")),
)


@pytest.fixture
def project(projects: Projects) -> Project:
    return projects.create("A film", PLAIN)


def titled(project: Project, title: str) -> Scene:
    return project.scene.model_copy(update={"title": title})


def saying(project: Project, index: int, text: str) -> Scene:
    script = list(project.scene.script)
    script[index] = script[index].model_copy(update={"text": text})
    return project.scene.model_copy(update={"script": tuple(script)})


def png(width: int = 80, height: int = 80) -> bytes:
    packed = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(packed, "PNG")
    return packed.getvalue()


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def test_an_edit_is_on_disk_at_once_and_can_be_undone_in_another_session(project: Project, projects: Projects) -> None:
    project.edit(titled(project, "One"), "Title")
    project.edit(saying(project, 0, "Uno."), "Line 1")
    assert load_scene(project.scene_path) == project.scene
    later = projects.open("A film")
    assert (later.revision, later.undoable, later.redoable) == (3, "Line 1", None)
    later.undo()
    later.undo()
    assert later.scene == PLAIN and later.undoable is None and later.redoable == "Title"
    with pytest.raises(ValueError, match="nothing to undo"):
        later.undo()
    later.redo()
    assert later.scene.title == "One" and load_scene(later.scene_path) == later.scene
    later.edit(titled(later, "Two"), "Title again")
    assert later.redoable is None and later.revision == 7
    with pytest.raises(ValueError, match="nothing to redo"):
        later.redo()


def test_an_edit_that_changes_nothing_is_none(project: Project) -> None:
    project.edit(titled(project, ""), "Nothing")
    assert project.revision == 1 and project.undoable is None


def test_old_edits_are_forgotten_in_the_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_ENTRIES", 4)
    for number in range(6):
        project.edit(titled(project, str(number)), f"Edit {number}")
    assert len(list((project.folder / "history").glob("*.yaml"))) == 4
    for _ in range(3):
        project.undo()
    assert project.undoable is None and project.scene.title == "2"


def test_named_versions_come_back_as_an_edit(project: Project) -> None:
    project.save_version("First cut")
    project.edit(titled(project, "Later"), "Title")
    assert [version.name for version in project.versions()] == ["First cut"]
    project.restore_version("First cut")
    assert project.scene == PLAIN and project.undoable == "Version First cut"
    project.undo()
    assert project.scene.title == "Later"
    with pytest.raises(ValueError, match="no version 'Second'"):
        project.restore_version("Second")


def test_two_windows_see_each_other_and_lose_nothing(project: Project, projects: Projects) -> None:
    other = projects.open("A film")
    assert not other.reload_if_changed()
    project.edit(saying(project, 0, "Uno."), "Line 1")
    other.edit(saying(other, 1, "Due."), "Line 2")  # made on the older state
    assert [line.text for line in other.scene.script] == ["Uno.", "Due."]
    assert project.reload_if_changed() and project.scene == other.scene and project.undoable == "Line 2"
    other.undo()
    assert project.reload_if_changed() and [line.text for line in project.scene.script] == ["Uno.", "Two."]


def test_two_windows_that_change_the_same_thing_are_told(project: Project, projects: Projects) -> None:
    other = projects.open("A film")
    project.edit(saying(project, 0, "Uno."), "Line 1")
    with pytest.raises(EditConflict, match="line 1 meanwhile"):
        other.edit(saying(other, 0, "Eins."), "Line 1")
    assert other.scene == project.scene and not project.reload_if_changed()
    other.edit(saying(other, 0, "Eins."), "Line 1")
    added = project.scene.model_copy(update={"script": (*project.scene.script, ScriptLine(who="BEN", text="Three."))})
    with pytest.raises(EditConflict, match="the script meanwhile"):
        project.edit(added, "New line")
    assert project.scene.script[0].text == "Eins."


def test_many_windows_at_once_lose_no_edit(project: Project) -> None:
    windows = [Project(project.folder) for _ in range(4)]

    def write(window: Project, number: int) -> None:
        for turn in range(5):
            window.reload_if_changed()
            lexicon = {**window.scene.lexicon, f"w{number}{turn}": "ə"}
            window.edit(window.scene.model_copy(update={"lexicon": lexicon}), f"Word {number}.{turn}")

    threads = [threading.Thread(target=write, args=(window, number)) for number, window in enumerate(windows)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    project.reload_if_changed()
    assert len(project.scene.lexicon) == 20 and project.revision == 21


def test_a_scene_changed_by_hand_becomes_an_edit(project: Project) -> None:
    project.scene_path.write_text(project.scene_path.read_text() + "title: By hand\n")
    assert project.reload_if_changed() and project.scene.title == "By hand"
    assert project.undoable == "Changed outside the editor"
    project.undo()
    assert project.scene == PLAIN


def test_a_damaged_scene_file_falls_back_on_the_history(project: Project, projects: Projects) -> None:
    project.edit(titled(project, "Good"), "Title")
    project.scene_path.write_text("picture: [", encoding="utf-8")
    again = projects.open("A film")
    assert again.scene.title == "Good" and "kept as scene-unreadable.txt" in again.notice
    assert (again.folder / "scene-unreadable.txt").read_text() == "picture: ["
    (again.folder / "history" / "index.json").write_bytes(b"{")
    assert projects.open("A film").scene.title == "Good"


def test_a_crash_between_the_renames_loses_nothing(
    project: Project, projects: Projects, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = titled(project, "Saved")

    class Killed(BaseException):
        """The process ends here."""

    replace, renamed = Path.replace, []

    def stop(path: Path, target: Path) -> Path:
        if renamed and target.name == "index.json":
            raise Killed
        renamed.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(Killed):
        project.edit(scene, "Title")
    monkeypatch.undo()
    assert projects.open("A film").scene == scene


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_a_full_disk_leaves_the_state_before_whole(
    project: Project, projects: Projects, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    before, write, count = everything(project.folder), storage.write_bytes, iter(range(100))

    def full(path: Path, contents: bytes, *, durable: bool) -> None:
        if next(count) == fails_at:
            path.write_bytes(contents[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, contents, durable=durable)

    monkeypatch.setattr(storage, "write_bytes", full)
    with pytest.raises(StorageError, match="The disk is full"):
        project.edit(titled(project, "Lost"), "Title")
    monkeypatch.undo()
    assert everything(project.folder) == before and project.scene == PLAIN and project.revision == 1
    assert projects.open("A film").scene == PLAIN
    project.edit(titled(project, "Kept"), "Title")
    assert projects.open("A film").scene.title == "Kept"


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only an administrator can make a small disk")
    try:
        project = Projects(place).create("Small", PLAIN)
        (place / "ballast").write_bytes(b"x" * (os.statvfs(place).f_bavail * os.statvfs(place).f_frsize - 4096))
        before = everything(project.folder)
        with pytest.raises(StorageError, match="The disk is full"):
            for number in range(10):
                project.edit(project.scene.model_copy(update={"statement": f"{number} " * 400}), "Statement")
                before = everything(project.folder)
        assert everything(project.folder) == before
        with pytest.raises(StorageError, match="The disk is full"):
            project.add_media(png(), "a.png")
        (place / "ballast").unlink()
        project.edit(titled(project, "Room"), "Title")
        assert Projects(place).open("Small").scene.title == "Room"
    finally:
        subprocess.run(["umount", str(place)], check=True)


OUTSIDE = ["../secret.png", "/etc/passwd", "media/../../secret.png", "C:\\secret.png", "..\\secret.png", "~/x.png",
           "//host/share/x.png", "a\0b.png", "", "link/secret.png", "direct.png"]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_outside_the_project_is_reached(project: Project, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(png())
    (project.folder / "link").symlink_to(tmp_path)
    (project.folder / "direct.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ValueError, match="outside the project|holds the character"):
        project.media_path(name)
    if name:
        for change in ({"picture": name}, {"rig": name}, {"cast": (Character(name="ANNA", mask=name),)}):
            with pytest.raises(ValueError, match="outside the project|holds the character"):
                project.edit(project.scene.model_copy(update=change), "Break out")
    assert project.revision == 1


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "x" * 61, "nul", "trailing.", "é\0"])
def test_a_project_name_cannot_lead_elsewhere(projects: Projects, name: str) -> None:
    for call in (projects.create, projects.open):
        with pytest.raises(ValueError, match="name|There is no project"):
            call(name)
    assert [path for path in projects.root.iterdir()] == []


def test_a_linked_folder_is_no_project(projects: Projects, project: Project, tmp_path: Path) -> None:
    (projects.root / "Elsewhere").symlink_to(project.folder)
    with pytest.raises(ValueError, match="no project"):
        projects.open("Elsewhere")
    with pytest.raises(ValueError, match="already"):
        projects.create("a FILM")


def test_uploads_get_a_safe_name_and_are_never_replaced(project: Project) -> None:
    assert project.add_media(png(), "../../Grüße an alle!.PNG") == "media/Grüße-an-alle.png"
    assert project.add_media(png(), "Grüße an alle.png") == "media/Grüße-an-alle.png"
    assert project.add_media(png(90, 90), "Grüße an alle.png") == "media/Grüße-an-alle-2.png"
    sound = io.BytesIO()
    soundfile.write(sound, np.sin(np.arange(8000) / 5), 8000, format="WAV")
    name = project.add_media(sound.getvalue(), "con.wav")
    assert name == "media/con-file.wav" and project.media_path(name).read_bytes() == sound.getvalue()


def bomb() -> bytes:
    packed = io.BytesIO()
    Image.new("1", (9000, 9000)).save(packed, "PNG")
    return packed.getvalue()


class Evil:
    def __reduce__(self) -> tuple:
        return (os.system, ("touch broken-out",))


BROKEN = {
    "empty.png": (b"", "empty file"),
    "cut.png": (png()[:400], "broken or cut off"),
    "text.png": (b"hello", "not a picture"),
    "tiny.png": (png(8, 8), "at least 64 pixels"),
    "bomb.png": (bomb(), "million pixels"),
    "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "cannot be used"),
    "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not a picture"),
    "page.html": (b"<script>", "cannot be used"),
    "noise.wav": (b"RIFFnothing", "cannot be read as sound"),
    "model.npy": (pickle.dumps(Evil()), "cannot be used"),
    "noname": (b"x", "cannot be used"),
    "rig.yaml": (b"\xff\xfe", "UTF-8"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_uploads_are_refused_in_one_sentence(project: Project, name: str) -> None:
    data, reason = BROKEN[name]
    with pytest.raises(ValueError, match=reason) as refusal:
        project.add_media(data, name)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith((".", "?")) and "/" not in str(refusal.value)
    assert not (project.folder / "media").exists()


def test_an_upload_has_a_greatest_size(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="MB are taken"):
        project.add_media(png(), "large.png")


def test_the_sample_scene_is_a_project(projects: Projects) -> None:
    first, second = projects.create_sample(), projects.create_sample()
    assert (first.name, second.name) == ("Café", "Café 2") and projects.names() == ["Café 2", "Café"]
    assert first.media_path(first.scene.picture).is_file() and first.scene == second.scene
    assert len(set(first.line_ids())) == len(first.scene.script)


def test_a_project_copies_what_its_scene_names(projects: Projects, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'there.png' does not exist"):
        projects.create("Copy", PLAIN.model_copy(update={"picture": "there.png"}), tmp_path)
    assert projects.names() == [] and list(projects.root.iterdir()) == []
    with pytest.raises(DocumentError):
        (projects.root / "Odd").mkdir()
        (projects.root / "Odd" / "scene.yaml").write_text("picture: [")
        projects.open("Odd")


def test_line_ids_stay_with_the_line(project: Project) -> None:
    first, second = project.line_ids()
    project.edit(project.scene.model_copy(update={"script": project.scene.script[::-1]}), "Turned")
    assert project.line_ids() == [second, first]
    assert project.new_take(first) == "1" and project.line_ids() == [second, first]
    assert project.scene.script[1].take == 1
    with pytest.raises(ValueError, match="no take '0'"):
        project.keep_take(first, "0")  # nobody heard it yet
    with pytest.raises(ValueError, match="no longer in the script"):
        project.new_take("nobody")


def test_a_video_brings_its_project_back(projects: Projects, tmp_path: Path) -> None:
    source = tmp_path / "elsewhere"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "face.png").write_bytes(png())
    scene = PLAIN.model_copy(update={"picture": "deep/face.png", "consent": "me"})
    data = scene.model_dump(mode="json", exclude_defaults=True)
    video = tmp_path / "film.mp4"
    video.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
    mark(video, make_record(data, source, {}, photograph=True))
    project, missing = projects.restore(video, "Back")
    assert [item.name for item in missing] == ["media/face.png"] and project.missing() == missing
    assert project.scene.script == PLAIN.script and project.scene.consent is None
    with pytest.raises(ValueError, match="not the face.png"):
        project.supply(missing[0], png(90, 90))
    project.supply(missing[0], png())
    assert projects.open("Back").missing() == []
    assert projects.restore(video, "Once more")[1] == []  # found in the other project by its hash
    (tmp_path / "plain.mp4").write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0")
    with pytest.raises(ValueError, match="no scene"):
        projects.restore(tmp_path / "plain.mp4", "None")


def test_names_of_files() -> None:
    names = {"..\\..\\evil.PNG": "evil.png", "///": "file", ".png": "file.png", "a b.tar.GZ": "a-b-tar.gz"}
    assert {name: safe_name(name) for name in names} == names
    assert inside(Path("a"), "b/c.png") == Path("a/b/c.png")
