"""The commands of tutorials and of the page about outputs run as they stand there."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio import cli

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|yaml)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str) -> Iterator[tuple[str, str, str]]:
    """(kind, file name, text) of each runnable block of a document."""
    yield from BLOCK.findall((ROOT / "docs" / document).read_text(encoding="utf-8"))


def run(line: str, folder: Path) -> None:
    """One command line of a tutorial, in process; files are those of the current folder."""
    words = shlex.split(line, comments=True)
    if words[0] == "parley":
        if words[1] in ("say", "render"):
            words += ["--device", "cpu"]
        assert cli.main(words[1:]) == 0, line
    elif words[:2] == ["mkdir", "-p"]:
        (folder / words[2]).mkdir(parents=True, exist_ok=True)
    elif words[0] == "cp":
        sources = [path for word in words[1:-1] for path in folder.glob(word)]
        assert sources, line
        for source in sources:
            shutil.copy(source, folder / words[-1])
    else:
        assert words[:2] == ["python", "-m"], f"a tutorial has a command that no test runs: {line}"
        importlib.import_module(words[2]).main(words[3:])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the assets in it, as a checkout has them."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_first_video(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the shipped weights; the film itself is slow and replaced by the draft's size."""
    for kind, name, text in blocks("tutorials/first-video.md"):
        if kind == "yaml":
            (folder / name).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            run(line.replace("--size 720", "--size 120").replace("--draft", "--size 96"), folder)
    assert (folder / "first" / "first.mp4").stat().st_size > 10_000
    assert (folder / "first" / "first.Nora.wav").is_file()
    assert "AI" in capsys.readouterr().out


SHORT = """
picture: picture.png
rig: rig.yaml
consent: drawn
cast: [{name: Nora, mask: nora.png, voice: Alice}, {name: Theo, mask: theo.png, voice: Arthur}]
script: [{who: Nora, text: Hm.}]
"""


@pytest.mark.slow
def test_outputs(folder: Path, assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tiny models, a shorter scene in place of the tutorial's, and small pictures."""
    monkeypatch.setattr("generation.core.assets.assets_root", lambda: assets)
    (folder / "first").mkdir()
    for source in (ROOT / "assets" / "scenes" / "cafe").glob("*.*"):
        shutil.copy(source, folder / "first")
    (folder / "first" / "scene.yaml").write_text(SHORT, encoding="utf-8")
    for _, _, text in blocks("outputs.md"):
        for line in text.splitlines():
            run(line.replace("--draft", "--size 96 --steps 1"), folder)
    made = {path.name for path in (folder / "first").iterdir()}
    assert made >= {"lossless.mkv", "lossless.otio", "cut.mov", "cut.webm", "cut.00000.png", "cut.wav", "cut.srt"}
    assert made >= {"first.zip", "project.zip"} and (folder / "projects" / "First" / "scene.yaml").is_file()
