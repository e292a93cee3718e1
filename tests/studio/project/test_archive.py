"""Project archives: what goes out comes in again, the same film is made of it, and hostile archives make nothing."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image
from skimage.data import astronaut

from studio.production.render import render_scene
from studio.production.settings import RenderSettings
from studio.project import archive
from studio.project.archive import pack, unpack
from studio.project.project import Project
from studio.project.projects import Projects

Member = tuple[zipfile.ZipInfo, bytes]


@pytest.fixture
def project(projects: Projects) -> Project:
    """With a picture, an undone edit, a version, a take, and a kept segment."""
    made = projects.create("First")
    picture = io.BytesIO()
    Image.fromarray(astronaut()[0:256, 100:356]).save(picture, "PNG")
    name = made.add_media(picture.getvalue(), "one.png")
    cast = [{"name": "EILEEN", "voice": "Alice"}]
    data = {"picture": name, "consent": "drawn", "cast": cast, "script": [{"who": "EILEEN", "text": "One."}]}
    (made.folder / "scene.yaml").write_text(yaml.safe_dump(data))
    made.reload_if_changed()
    made.save_version("kept")
    made.edit(made.scene.model_copy(update={"seed": 4}), "Seed")
    (made.folder / "takes").mkdir()
    (made.folder / "takes" / "a.wav").write_bytes(b"sound")
    (made.folder / "work" / "frames").mkdir(parents=True)
    np.savez(made.folder / "work" / f"{'0a' * 16}.npz", speech=np.zeros(4, np.float32))
    for left_out in ("work/frames/x.mp4", "work/other.bin", ".hidden"):
        (made.folder / left_out).write_bytes(b"x")
    (made.folder / "jobs" / "1-render").mkdir(parents=True)
    (made.folder / "jobs" / "1-render" / "film.mp4").write_bytes(b"x")
    return made


def test_out_and_in_is_the_same_project(project: Project, projects: Projects, tmp_path: Path) -> None:
    names = pack(project.folder, tmp_path / "a.zip")
    assert pack(project.folder, tmp_path / "b.zip") == names
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert {"scene.yaml", "media/one.png", "takes/a.wav", f"work/{'0a' * 16}.npz", "versions/kept.json"} <= set(names)
    assert not any("jobs" in name or "frames" in name or "other" in name or "hidden" in name for name in names)
    back = unpack(tmp_path / "a.zip", projects, "Second")
    assert back.scene == project.scene and [v.name for v in back.versions()] == ["kept"]
    assert all((back.folder / name).read_bytes() == (project.folder / name).read_bytes() for name in names)
    back.undo()
    assert back.scene.seed != 4
    with pytest.raises(ValueError, match="There is a project 'Second' already"):
        unpack(tmp_path / "a.zip", projects, "Second")


def film_hash(video: Path) -> dict[str, str]:
    """Hashes of the decoded frames and of the samples of each file with sound."""
    frames = [get_ffmpeg_exe(), "-v", "error", "-i", str(video), "-map", "0:v", "-f", "rawvideo", "pipe:1"]
    found = {"frames": hashlib.sha256(subprocess.run(frames, capture_output=True, check=True).stdout).hexdigest()}
    for stem in video.parent.glob(f"{video.stem}.*.wav"):
        sound = [get_ffmpeg_exe(), "-v", "error", "-i", str(stem), "-f", "s32le", "pipe:1"]
        found[stem.name] = hashlib.sha256(subprocess.run(sound, capture_output=True, check=True).stdout).hexdigest()
    return found


def test_out_and_in_is_the_same_film(
    project: Project, tmp_path: Path, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)

    def film(folder: Path, target: Path, work: Path) -> dict[str, str]:
        render_scene(folder / "scene.yaml", target, RenderSettings(steps=1, height=96, device="cpu", work=work))
        return film_hash(target)

    first = film(project.folder, tmp_path / "one" / "film.mp4", project.work)
    pack(project.folder, tmp_path / "a.zip")
    back = unpack(tmp_path / "a.zip", Projects(tmp_path / "elsewhere"), "Copy")
    assert len(list(back.work.glob("*.npz"))) == 2, "the kept speech comes along"
    assert film(back.folder, tmp_path / "two" / "film.mp4", back.work) == first
    assert film(back.folder, tmp_path / "three" / "film.mp4", tmp_path / "empty") == first, "made anew as well"
    assert len(first) == 2


def test_a_scene_file_goes_into_an_archive_with_its_files(project: Project, projects: Projects, tmp_path: Path) -> None:
    assert pack(project.scene_path, tmp_path / "a.zip") == ["media/one.png", "scene.yaml"]
    assert unpack(tmp_path / "a.zip", projects, "Plain").scene == project.scene
    (project.folder / "media" / "one.png").unlink()
    with pytest.raises(ValueError, match=r"'media/one.png' that the scene names is missing"):
        pack(project.scene_path, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def listed_anew(members: list[Member]) -> list[Member]:
    """With a manifest that says what the members are."""
    files = {m.filename: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()} for m, d in members[:-1]}
    manifest = json.loads(members[-1][1]) | {"files": files}
    return [*members[:-1], (members[-1][0], json.dumps(manifest).encode())]


def another(name: str, data: bytes = b"x", mode: int = 0o100644) -> Callable[[list[Member]], list[Member]]:
    """A member more, which the manifest names too."""

    def add(members: list[Member]) -> list[Member]:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
        return listed_anew([(info, data), *members])

    return add


def flipped(members: list[Member]) -> list[Member]:
    at = next(i for i, (info, _) in enumerate(members) if info.filename == "media/one.png")
    info, data = members[at]
    return [*members[:at], (info, bytes([data[0], data[1] ^ 1]) + data[2:]), *members[at + 1 :]]


def packed_twice(members: list[Member]) -> list[Member]:
    inner = io.BytesIO()
    np.savez_compressed(inner, speech=np.zeros(10_000))
    return another(f"work/{'0b' * 16}.npz", inner.getvalue())(members)


def without_hashes(members: list[Member]) -> list[Member]:
    return [*members[:-1], (members[-1][0], re.sub(rb'"sha256": ?"\w+"', b'"sha512": ""', members[-1][1]))]


@pytest.mark.parametrize(
    ("attack", "sentence"),
    [
        (another("../outside.txt"), "no part of a project"),
        (another("/etc/outside.txt"), "no part of a project"),
        (another("media\\..\\..\\outside.txt"), "no part of a project"),
        (another("C:/outside.txt"), "no part of a project"),
        (another("jobs/1/job.json"), "no part of a project"),
        (another(".hidden"), "no part of a project"),
        (another("media/link.png", b"/etc/passwd", 0o120777), "as a link"),
        (another("MEDIA/ONE.PNG"), "two files of one name"),
        (another("media/bomb.wav", bytes(120_000_000)), "too much"),
        (packed_twice, "packed twice"),
        (flipped, "is damaged"),
        (lambda members: members[1:], "other files than its list"),
        (lambda members: members[:-1], "has no list"),
        (without_hashes, "list of files in bad.zip cannot be read"),
        (lambda members: listed_anew(members[1:]), "lacks 'media/one.png'"),
        (lambda members: listed_anew([(i, d) for i, d in members if i.filename != "scene.yaml"]), "scene.yaml"),
    ],
)
def test_hostile_archives_make_nothing(
    attack: Callable[[list[Member]], list[Member]], sentence: str, project: Project, projects: Projects, tmp_path: Path
) -> None:
    pack(project.scene_path, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as good:
        members = attack([(info, good.read(info)) for info in good.infolist()])
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for info, data in members:
            bad.writestr(info, data)
    before = {path for path in tmp_path.rglob("*") if path.name != ".lock"}
    with pytest.raises(ValueError, match=sentence):
        unpack(tmp_path / "bad.zip", projects, "Bad")
    assert {path for path in tmp_path.rglob("*") if path.name != ".lock"} == before


def test_what_is_no_archive_is_a_sentence(project: Project, projects: Projects, tmp_path: Path) -> None:
    pack(project.scene_path, tmp_path / "good.zip")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "good.zip").read_bytes()[:-40])
    (tmp_path / "text.zip").write_text("no archive")
    whole = bytearray((tmp_path / "good.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "good.zip") as good:
        member = good.getinfo("scene.yaml")
    begin = member.header_offset + 30 + len(member.filename)
    whole[begin : begin + 8] = b"\xff" * 8  # no block that deflate knows
    (tmp_path / "torn.zip").write_bytes(whole)
    for name in ("cut.zip", "text.zip", "none.zip", "torn.zip"):
        with pytest.raises(ValueError, match="no archive that can be read"):
            unpack(tmp_path / name, projects, "Bad")
    whole = bytearray((tmp_path / "good.zip").read_bytes())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        whole[whole.rindex(signature) + flags] |= 1
    (tmp_path / "locked.zip").write_bytes(whole)
    with pytest.raises(ValueError, match="encrypted"):
        unpack(tmp_path / "locked.zip", projects, "Bad")
    assert projects.names() == ["First"]


def test_what_could_not_be_unpacked_is_not_packed(project: Project, tmp_path: Path, monkeypatch) -> None:
    (project.folder / "media" / "one.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"one\.png"):
        pack(project.folder, tmp_path / "a.zip")
    with pytest.raises(ValueError, match=r"one\.png"):
        pack(project.scene_path, tmp_path / "a.zip")
    monkeypatch.setattr(archive, "check_upload", lambda *_: None)
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    with pytest.raises(ValueError, match="that is too much"):
        pack(project.folder, tmp_path / "a.zip")
    assert not list(tmp_path.glob("*.zip"))
